# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The wait: a loop over (look, clock, policy). It knows no system, no HTTP and no Ansible.

What holds whatever happens:

* every exit has exactly one verdict;
* sleep is clipped to the deadline, there is a last look at it, and a job seen to end beats the clock;
* "no answer" is no answer: it neither ends a job nor makes it missing;
* what is unknown is active, and an incomplete list never shows that nothing runs.
"""

from __future__ import annotations

import random
import typing as t

from .._core.errors import AuthLost, BackupError, Misconfigured, MissingLibrary, Unanswered
from .._core.job import Job, tally
from .._core.times import Clock
from . import words
from .judging import judge
from .known import Known
from .pace import gap
from .policy import Look, Policy, Verdict

# Within one look, trouble is sat out for so long; what lasts longer is counted against unreachable_timeout here.
_LOOK_PATIENCE = 10.0
_HAIR = 0.001
_SLICE_TOGETHER = 10.0
_SLICE_TOGETHER_OF_ELAPSED = 0.25


class Report(t.NamedTuple):
    """How a wait ended."""

    verdict: Verdict
    message: str
    jobs: list[Job]
    unfinished: list[Job]
    summary: dict[str, t.Any]
    elapsed: float
    deadline: str | None
    polls: int
    throttled_seconds: float
    transitions: list[dict[str, t.Any]]
    left_out: list[dict[str, t.Any]]
    unseen: list[dict[str, str]]
    # Whether the last look was answered, and showed everything.
    complete: bool
    # Nothing was seen to run: what the results are worth, their age says.
    old_news: str = ""


class Wait(Known):
    """One wait. It can be cut into slices: ``keep`` between them, ``restore`` to go on."""

    def __init__(self, policy: Policy, clock: Clock, jitter: t.Callable[[], float] = random.random) -> None:
        super().__init__(policy, clock)
        self.jitter = jitter

    def run(self, look: Look, slice_seconds: float = float("inf")) -> Report | None:
        """Look until there is a verdict, or until the slice is over or something changed: then give None."""
        slice_began = self.now()
        slice_ends = slice_began + slice_seconds
        changes = len(self.transitions)
        while True:
            pause = min(self.next_look, self.deadline) - self.now()
            if self.now() + pause > slice_ends:
                self.clock.sleep(slice_ends - self.now())
                return None
            # Rounding may leave us a hair before the moment: that would be a look for nothing.
            self.clock.sleep(max(pause, _HAIR) if pause > 0 else 0.0)
            report = self._look(look)
            if report is not None:
                return report
            if slice_seconds != float("inf") and len(self.transitions) > changes:
                # What the first look shows is told at once. A slice costs far more than a look: later changes that come
                # close together, seen from how long this takes, share a line.
                together = max(_SLICE_TOGETHER, slice_began * _SLICE_TOGETHER_OF_ELAPSED) if self.polls > 1 else 0.0
                slice_ends = min(slice_ends, max(self.now(), slice_began + together))

    def _look(self, look: Look) -> Report | None:
        """Look once, judge, and say when to look again."""
        try:
            seen = look(self._to_ask(), self._patience())
        except (Misconfigured, MissingLibrary):
            raise
        except Unanswered as exc:
            verdict, pause = self._no_answer(exc)
        except BackupError as exc:
            return self.give_up(exc)
        else:
            self.absorb(seen)
            verdict, pause = judge(self), gap(self, self.jitter)
        if verdict is None and self.now() >= self.deadline:
            # Without a single answer we cannot even say that time ran out on a job.
            verdict = "timed_out" if self.answered_at is not None else "unreachable"
        if verdict is not None:
            return self.report(verdict)
        self.next_look = self.now() + max(pause, _HAIR)
        return None

    def _to_ask(self) -> tuple[str, ...] | None:
        if self.policy.ids is None and not (self.policy.settled and self.followed):
            return None
        # A run that has ended stays ended; a definition can begin again, which matters only to a drain.
        again = self.policy.state == "idle" and self.policy.definitions
        return tuple(job_id for job_id, entry in self.followed.items() if again or not entry.ended)

    def _patience(self) -> float:
        left = min(self.deadline - self.now(), self.policy.unreachable_timeout - self.silent_for())
        return max(0.0, min(_LOOK_PATIENCE, left))

    def _no_answer(self, exc: Unanswered) -> tuple[Verdict | None, float]:
        self.trouble = str(exc)
        left = self.policy.unreachable_timeout - self.silent_for()
        if left <= 0:
            return "unreachable", 0.0
        # Never less than our own pause: "Retry-After: 0", or a date that our clock has passed, is no licence.
        pause = min(max(self.policy.interval, exc.retry_after or 0.0), left)
        if exc.retry_after is not None:
            self.throttled += min(pause, max(0.0, self.deadline - self.now()))
        return None, pause

    # -- how it ended --------------------------------------------------------------------------------------------

    def progress(self) -> str:
        """Say in one line how things stand."""
        return words.progress(self)

    def judge(self) -> Verdict | None:
        """Give the verdict, or None while there is something to wait for."""
        return judge(self)

    def give_up(self, exc: BackupError) -> Report:
        """Give the report of a wait that a look has put an end to."""
        if isinstance(exc, AuthLost):
            return self.report("auth_lost", f"authentication lost: {exc}")
        return self.report("unreachable", f"the system gave no usable answer: {exc}")

    def report(self, verdict: Verdict, why: str = "") -> Report:
        """Give the report of this moment."""
        entries = list(self.followed.values())
        jobs = [entry.job for entry in entries if entry.job is not None]
        unfinished = [entry for entry in entries if self.is_unfinished(entry)]
        return Report(
            verdict=verdict,
            message=words.message(self, verdict, why),
            jobs=jobs,
            unfinished=[entry.job for entry in unfinished if entry.job is not None],
            summary={
                "total": len(entries),
                "finished": sum(entry.ended for entry in entries),
                "unfinished": len(unfinished),
                "missing": sum(entry.job is None or entry.gone for entry in entries),
                "by_state": tally(job.state for job in jobs),
                "by_result": tally(job.result for job in jobs),
            },
            elapsed=round(self.now(), 3),
            deadline=self.deadline_moment(),
            polls=self.polls,
            throttled_seconds=round(self.throttled, 3),
            transitions=self.transitions,
            left_out=list(self.left_out.values()),
            unseen=self.unseen,
            complete=self.complete and not self.trouble and self.polls > 0,
            old_news=words.old_news(self) if verdict in ("reached", "failed") else "",
        )
