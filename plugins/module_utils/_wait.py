# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The wait: a loop over (look, clock, policy). It knows no system, no HTTP and no Ansible.

What holds whatever happens:

* every exit has exactly one verdict;
* sleep is clipped to the deadline, there is a last look at it, and a job seen to end beats the clock;
* "no answer" is no answer: it neither ends a job nor makes it missing;
* what is unknown is active, and an incomplete list never shows that nothing runs.

Times inside are seconds since the wait began, on the monotonic clock.
"""

from __future__ import annotations

import random
import typing as t
from datetime import datetime, timedelta

from ansible_collections.changeops.backup.plugins.module_utils._errors import (
    AuthLost,
    BackupError,
    Misconfigured,
    MissingLibrary,
    Unanswered,
)
from ansible_collections.changeops.backup.plugins.module_utils._job import Job, tally
from ansible_collections.changeops.backup.plugins.module_utils._time import Clock, from_iso, iso

Verdict = t.Literal["reached", "failed", "timed_out", "stalled", "missing", "unreachable", "auth_lost"]

# The gap between looks, as a share: of the job's age; with an estimate, of the time left and at most of the age; past
# the estimated end, of the delay.
_GAP_OF_AGE = 0.05
_GAP_OF_REST = 0.5
_GAP_OF_AGE_ESTIMATED = 1 / 3
_GAP_OF_DELAY = 0.25
# Below this a percent says little about the end.
_TELLING_PERCENT = 5.0
# Within one look, trouble is sat out for so long; what lasts longer is counted against unreachable_timeout here.
_LOOK_PATIENCE = 10.0
_LOOKS_WITHOUT = 2
_HAIR = 0.001
_ANOTHER = "another run has begun, so how it ended is not known"
_SLICE_TOGETHER = 10.0
_SLICE_TOGETHER_OF_ELAPSED = 0.25


class Seen(t.Protocol):
    """What one look shows."""

    jobs: dict[str, Job]
    complete: bool


# Asks for these ids (None: for the whole selection), sitting out trouble for so many seconds.
Look = t.Callable[[t.Optional[tuple[str, ...]], float], Seen]


class Policy(t.NamedTuple):
    """What is waited for and how. Times in seconds."""

    state: t.Literal["finished", "successful", "idle"]
    require: t.Literal["all", "any"]
    accept_results: tuple[str, ...]
    timeout: float
    until: datetime | None
    interval: float
    max_interval: float
    quiet_period: float
    appear_timeout: float
    stall_timeout: float | None
    on_missing: t.Literal["fail", "finished", "ignore"]
    unreachable_timeout: float
    # The ids asked for; None: a selection, whose jobs are those that a look shows.
    ids: tuple[str, ...] | None
    # A job is a definition that runs again and again; a run that began earlier than this is not the awaited one.
    definitions: bool = False
    run_after: datetime | None = None
    # The jobs that the selection shows first are all that is waited for: with a limit, others would push them out.
    settled: bool = False


class Followed:
    """What the wait knows about one job."""

    def __init__(self, job_id: str, now: float) -> None:
        self.id = job_id
        self.since = now
        self.job: Job | None = None
        self.looks_without = 0
        self.ended = False
        # What is shown in its place, where it is not simply gone.
        self.instead = ""

    def keep(self) -> dict[str, t.Any]:
        """Give everything as JSON can hold it."""
        job = None
        if self.job is not None:
            job = {"run": self.job.run, "record": self.job.record, "kept": self.job.to_dict()}
        return {**vars(self), "job": job}

    @classmethod
    def restore(cls, kept: dict[str, t.Any]) -> Followed:
        """Read back what ``keep`` gave."""
        entry = cls(kept["id"], kept["since"])
        entry.looks_without, entry.ended, entry.instead = kept["looks_without"], kept["ended"], kept["instead"]
        entry.job = None if kept["job"] is None else Job.from_dict(**kept["job"])
        return entry

    @property
    def gone(self) -> bool:
        """Seen once, and now missing for long enough to believe it."""
        return self.job is not None and not self.ended and self.looks_without >= _LOOKS_WITHOUT

    def __str__(self) -> str:
        if self.job is None:
            return f"{self.id} not seen{self.instead and ', '}{self.instead}"
        if self.looks_without or self.instead:
            return f"{self.job}, {self.instead or 'no longer listed'}"
        return str(self.job)


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


class Wait:
    """One wait. It can be cut into slices: ``keep`` between them, ``restore`` to go on."""

    def __init__(self, policy: Policy, clock: Clock, jitter: t.Callable[[], float] = random.random) -> None:
        self.policy = policy
        self.clock = clock
        self.jitter = jitter
        self.began_at = clock.now()
        self._zero = clock.monotonic()
        self.deadline = max(0.0, policy.timeout)
        if policy.until is not None:
            self.deadline = max(0.0, min(self.deadline, (policy.until - self.began_at).total_seconds()))
        self.followed: dict[str, Followed] = {job_id: Followed(job_id, 0.0) for job_id in policy.ids or ()}
        self.polls = 0
        self.throttled = 0.0
        self.transitions: list[dict[str, t.Any]] = []
        self.complete = False
        self.answered_at: float | None = None
        self.moved_at = 0.0
        self.quiet_since: float | None = None
        self.trouble = ""
        self.next_look = 0.0

    # -- slices --------------------------------------------------------------------------------------------------

    _KEPT = (
        "deadline",
        "polls",
        "throttled",
        "transitions",
        "complete",
        "answered_at",
        "moved_at",
        "quiet_since",
        "trouble",
        "next_look",
    )

    def keep(self) -> dict[str, t.Any]:
        """Give the state as JSON can hold it."""
        return {
            "kept_at": self.clock.monotonic(),
            "elapsed": self.now(),
            "began_at": self.began_at.isoformat(),
            "run_after": self.policy.run_after and self.policy.run_after.isoformat(),
            "followed": [entry.keep() for entry in self.followed.values()],
            **{name: getattr(self, name) for name in self._KEPT},
        }

    def restore(self, kept: dict[str, t.Any]) -> None:
        """Go on where an earlier slice stopped; the time between the slices counts."""
        # After a reboot the monotonic clock begins anew: then the gap is not known, and taken for none.
        between = max(0.0, self.clock.monotonic() - kept["kept_at"])
        self._zero = self.clock.monotonic() - kept["elapsed"] - between
        self.began_at = from_iso(kept["began_at"]) or self.began_at
        # Given as an age it would move on with every slice.
        self.policy = self.policy._replace(run_after=from_iso(kept["run_after"]))
        self.followed = {entry["id"]: Followed.restore(entry) for entry in kept["followed"]}
        for name in self._KEPT:
            setattr(self, name, kept[name])

    # -- the loop ------------------------------------------------------------------------------------------------

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
            try:
                seen = look(self._to_ask(), self._patience())
            except (Misconfigured, MissingLibrary):
                raise
            except Unanswered as exc:
                verdict, gap = self._no_answer(exc)
            except BackupError as exc:
                return self.give_up(exc)
            else:
                self.absorb(seen)
                verdict, gap = self.judge(), self._gap()
            if verdict is None and self.now() >= self.deadline:
                # Without a single answer we cannot even say that time ran out on a job.
                verdict = "timed_out" if self.answered_at is not None else "unreachable"
            if verdict is not None:
                return self.report(verdict)
            self.next_look = self.now() + max(gap, _HAIR)
            if slice_seconds != float("inf") and len(self.transitions) > changes:
                # What the first look shows is told at once. A slice costs far more than a look: later changes that come
                # close together, seen from how long this takes, share a line.
                together = max(_SLICE_TOGETHER, slice_began * _SLICE_TOGETHER_OF_ELAPSED) if self.polls > 1 else 0.0
                slice_ends = min(slice_ends, max(self.now(), slice_began + together))

    def give_up(self, exc: BackupError) -> Report:
        """Give the report of a wait that a look has put an end to."""
        if isinstance(exc, AuthLost):
            return self.report("auth_lost", f"authentication lost: {exc}")
        return self.report("unreachable", f"the system gave no usable answer: {exc}")

    def now(self) -> float:
        """Seconds since the wait began."""
        return self.clock.monotonic() - self._zero

    def _to_ask(self) -> tuple[str, ...] | None:
        if self.policy.ids is None and not (self.policy.settled and self.followed):
            return None
        # A run that has ended stays ended; a definition can begin again, which matters only to a drain.
        again = self.policy.state == "idle" and self.policy.definitions
        return tuple(job_id for job_id, entry in self.followed.items() if again or not entry.ended)

    def _patience(self) -> float:
        silent = self.now() - (self.answered_at or 0.0)
        left = min(self.deadline - self.now(), self.policy.unreachable_timeout - silent)
        return max(0.0, min(_LOOK_PATIENCE, left))

    def _no_answer(self, exc: Unanswered) -> tuple[Verdict | None, float]:
        self.trouble = str(exc)
        left = self.policy.unreachable_timeout - (self.now() - (self.answered_at or 0.0))
        if left <= 0:
            return "unreachable", 0.0
        # Never less than our own pause: "Retry-After: 0", or a date that our clock has passed, is no licence.
        pause = min(max(self.policy.interval, exc.retry_after or 0.0), left)
        if exc.retry_after is not None:
            self.throttled += min(pause, max(0.0, self.deadline - self.now()))
        return None, pause

    # -- what a look shows ---------------------------------------------------------------------------------------

    def absorb(self, seen: Seen) -> None:
        """Take in what a look shows."""
        self.polls += 1
        self.answered_at = self.now()
        self.trouble = ""
        self.complete = seen.complete
        if self.policy.ids is None:
            for job_id, job in seen.jobs.items():
                # A definition that has not run is nothing to wait for, unless it was asked for by its id.
                if job_id not in self.followed and (self.policy.state == "idle" or job.state != "idle"):
                    self.followed[job_id] = Followed(job_id, self.answered_at)
        for entry in self.followed.values():
            self._take_job(entry, seen.jobs.get(entry.id))

    def _take_job(self, entry: Followed, job: Job | None) -> None:
        # A run that has ended stays ended; a drain is about whatever runs under this id now.
        if entry.ended and (job is None or self.policy.state != "idle"):
            return
        if job is not None and self.policy.definitions and job.is_run_before(entry.job):
            # The system collects: now and then it shows what it heard before, which is not how things stand.
            entry.instead = "and the system now shows an earlier run"
            return
        entry.instead = "" if job is None else self._instead(entry, job)
        if job is None or entry.instead:
            # Missing from a list that kept pages from us says nothing.
            if self.complete:
                entry.looks_without += 1
            return
        entry.looks_without = 0
        before = entry.job
        if before is None or _face(before) != _face(job):
            self.moved_at = self.now()
        if before is None or (before.state, before.result) != (job.state, job.result):
            self.transitions.append(
                {
                    "time": iso(self.clock.now()),
                    "job": job.id,
                    "from": None if before is None else before.result or before.state,
                    "to": job.result or job.state,
                }
            )
        if before is None or (job.active and not before.active):
            entry.since = self.now()
        entry.job = job
        entry.ended = job.state == "finished"

    def _instead(self, entry: Followed, job: Job) -> str:
        """Say what is shown in place of the run that is waited for; empty: it is that run."""
        if self.policy.state == "idle":
            return ""
        if job.state == "idle":
            # There is no run yet, or one has gone.
            return "is idle, and how its run ended is not told" if entry.job else "is idle"
        if self.policy.definitions:
            if self.policy.run_after is None:
                return _ANOTHER if job.is_run_after(entry.job) else ""
            # While a run begins its start is not known (see Job.started): then it is the awaited one.
            earlier = not job.active if job.started is None else job.started < self.policy.run_after
            return "shows an earlier run" if earlier else ""
        # The server began to count anew: another job wears this id now.
        return _ANOTHER if entry.job is not None and entry.job.run != job.run else ""

    # -- judging -------------------------------------------------------------------------------------------------

    def judge(self) -> Verdict | None:
        """Give the verdict, or None while there is something to wait for."""
        entries = list(self.followed.values())
        verdict = self._judge_idle(entries) if self.policy.state == "idle" else self._judge_ends(entries)
        if verdict is None and self._stalled(entries):
            return "stalled"
        return verdict

    def _judge_idle(self, entries: list[Followed]) -> Verdict | None:
        if any(self._lost(entry) for entry in entries):
            return "missing"
        if not self.complete or any(self._open(entry) for entry in entries):
            self.quiet_since = None
            return None
        if self.policy.ids and not any(entry.job for entry in entries):
            # Not one of them was ever there: that is a wrong id, and no quiet.
            return "missing"
        if self.quiet_since is None:
            self.quiet_since = self.now()
        return "reached" if self.now() - self.quiet_since >= self.policy.quiet_period else None

    def _judge_ends(self, entries: list[Followed]) -> Verdict | None:
        ended = [entry.job for entry in entries if entry.ended and entry.job is not None]
        good = sum(job.result in self.policy.accept_results for job in ended)
        bad = len(ended) - good
        lost = any(self._lost(entry) for entry in entries)
        waiting = any(self._open(entry) for entry in entries)
        if self.policy.require == "any":
            if good:
                return "reached"
            if ended and self.policy.state == "finished":
                return "failed"
            if waiting or (self.policy.ids is None and not entries and not self._overdue(0.0)):
                return None
            return "failed" if bad else "missing"
        if bad and self.policy.state == "successful":
            return "failed"
        if lost:
            return "missing"
        if waiting:
            return None
        if self.policy.ids != () and not any(entry.job for entry in entries):
            # Nothing was ever seen; a selection is given time for its first job to appear.
            return "missing" if entries or self._overdue(0.0) else None
        if not self.complete and self.policy.ids is None:
            return None
        return "failed" if bad else "reached"

    def _overdue(self, since: float) -> bool:
        return self.now() - since >= self.policy.appear_timeout

    def _lost(self, entry: Followed) -> bool:
        if entry.gone:
            return self.policy.on_missing == "fail"
        # "Missing means finished" holds for a job that was there once; one never seen may be a wrong id.
        return entry.job is None and self._overdue(entry.since) and self.policy.on_missing != "ignore"

    def _open(self, entry: Followed) -> bool:
        """Say whether there is something to wait for: a job that may run, or one that may yet appear or come back."""
        if entry.ended or entry.gone:
            return False
        if entry.job is None:
            return not self._overdue(entry.since)
        return entry.job.active or entry.looks_without > 0

    def _stalled(self, entries: list[Followed]) -> bool:
        limit = self.policy.stall_timeout
        moving = any(entry.job is not None and entry.job.active and not entry.gone for entry in entries)
        return limit is not None and moving and self.now() - self.moved_at >= limit

    # -- when to look again --------------------------------------------------------------------------------------

    def _gap(self) -> float:
        """Seconds until the next look: what the most pressing job asks for, less some jitter, never past an event."""
        now = self.now()
        waiting = [entry for entry in self.followed.values() if self._open(entry)]
        wanted = min((self._gap_of(entry, now) for entry in waiting), default=0.0)
        gap = min(max(wanted, self.policy.interval), self.policy.max_interval)
        gap *= 1.0 - 0.2 * self.jitter()
        events = [entry.since + self.policy.appear_timeout for entry in waiting if entry.job is None]
        if self.quiet_since is not None:
            events.append(self.quiet_since + self.policy.quiet_period)
        if self.policy.stall_timeout is not None:
            events.append(self.moved_at + self.policy.stall_timeout)
        return max(0.0, min([gap, *(event - now for event in events if event > now)]))

    def _gap_of(self, entry: Followed, now: float) -> float:
        """Without an estimate a small share of the age bounds the lag. With one there is time until the end is near."""
        age = self._age(entry, now)
        left = self._left(entry.job)
        if left is None:
            return age * _GAP_OF_AGE
        if left >= 0:
            return min(left * _GAP_OF_REST, age * _GAP_OF_AGE_ESTIMATED)
        # Overdue: by how much tells how wrong the estimate is.
        return min(-left * _GAP_OF_DELAY, age * _GAP_OF_AGE)

    def _left(self, job: Job | None) -> float | None:
        """Seconds to the expected end, below zero when it is overdue; from the system's word or from the percent."""
        if job is None:
            return None
        if job.eta is not None:
            return (job.eta - self.clock.now()).total_seconds()
        if job.started is not None and job.percent is not None and job.percent >= _TELLING_PERCENT:
            spent = (self.clock.now() - job.started).total_seconds()
            return max(0.0, spent * (100.0 - job.percent) / job.percent)
        return None

    def _age(self, entry: Followed, now: float) -> float:
        watched = now - entry.since
        if entry.job is None or entry.job.started is None:
            return watched
        # The system's clock may differ from ours: never younger than what we have watched.
        return max(watched, (self.clock.now() - entry.job.started).total_seconds())

    # -- what an operator sees -----------------------------------------------------------------------------------

    def progress(self) -> str:
        """Say in one line how things stand."""
        now = self.now()
        entries = list(self.followed.values())
        open_ = [entry for entry in entries if self._unfinished(entry) and not entry.gone]
        active = [entry.job for entry in open_ if entry.job is not None and entry.job.active]
        said = [f"{len(entries) - len(open_)} of {len(entries)} done", f"{len(active)} running"]
        percents = [job.percent for job in active if job.percent is not None]
        if percents:
            said[-1] += f" ({sum(percents) / len(percents):.0f} %)"
        absent = sum(entry.job is None or entry.looks_without > 0 for entry in open_)
        if absent:
            said.append(f"{absent} not seen")
        if active:
            said.append(f"oldest {_hms(max(self._age(self.followed[job.id], now) for job in active))}")
        ends = [job.eta for job in active if job.eta is not None]
        if ends and max(ends) > self.clock.now():
            said.append(f"about {_hms((max(ends) - self.clock.now()).total_seconds())} left")
        if self.quiet_since is not None:
            said.append(f"quiet for {_hms(now - self.quiet_since)} of {_hms(self.policy.quiet_period)}")
        if self.trouble:
            said.append(f"no answer for {_hms(now - (self.answered_at or 0.0))} ({self.trouble})")
        if not self.complete and self.polls:
            said.append("list not complete")
        return ", ".join([*said, f"deadline in {_hms(self.deadline - now)}"])

    # -- the report ----------------------------------------------------------------------------------------------

    def report(self, verdict: Verdict, why: str = "") -> Report:
        """Give the report of this moment."""
        entries = list(self.followed.values())
        jobs = [entry.job for entry in entries if entry.job is not None]
        unfinished = [entry for entry in entries if self._unfinished(entry)]
        return Report(
            verdict=verdict,
            message=self._message(verdict, why, entries, unfinished),
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
            deadline=iso(self.began_at + timedelta(seconds=self.deadline)),
            polls=self.polls,
            throttled_seconds=round(self.throttled, 3),
            transitions=self.transitions,
        )

    def _unfinished(self, entry: Followed) -> bool:
        if self.policy.state == "idle":
            return entry.job is None or entry.job.active
        return not entry.ended

    def _message(self, verdict: Verdict, why: str, entries: list[Followed], unfinished: list[Followed]) -> str:
        policy = self.policy
        accepted = ", ".join(policy.accept_results)
        bad = [
            entry for entry in entries if entry.ended and entry.job and entry.job.result not in policy.accept_results
        ]
        lost = [entry for entry in entries if entry.gone or entry.job is None]
        limit = f"wait_timeout ({policy.timeout:g} s)"
        if policy.until is not None and self.deadline < policy.timeout:
            limit = f"wait_until ({iso(policy.until)})"
        silent = f" The system has not answered since: {self.trouble}." if self.trouble else ""
        whole = "" if self.complete else " The list of jobs was not complete."
        if verdict == "reached":
            gone = f" Not listed: {_names(lost)}." if lost else ""
            if policy.state == "idle":
                return f"Nothing selected is active (looked at {len(entries)} jobs).{gone}"
            good = sum(entry.ended for entry in entries) - len(bad)
            return f"{good} of {len(entries)} jobs have ended as accepted.{gone}"
        if verdict == "failed":
            return f"Ended with a result that accept_results ({accepted}) does not hold: {_names(bad, messages=True)}."
        if verdict == "timed_out":
            rest = _names(unfinished) or "nothing that is shown"
            if not unfinished and self.complete:
                rest = "nothing is active, but not yet for quiet_period"
            return f"Time ran out after {self.now():.0f} s, at {limit}. Not finished: {rest}.{whole}{silent}"
        if verdict == "stalled":
            return f"Nothing has moved for stall_timeout ({policy.stall_timeout:g} s): {_names(unfinished)}."
        if verdict == "missing":
            never = f"not seen within appear_timeout ({policy.appear_timeout:g} s)"
            return (
                f"Missing (on_missing: {policy.on_missing}; {never}, or no longer listed): {_names(lost) or 'any job'}."
            )
        if verdict == "unreachable" and not why:
            silence = f"unreachable_timeout ({policy.unreachable_timeout:g} s)"
            why = f"no good answer within {silence} or {limit}: {self.trouble}"
        return f"Cannot tell how the jobs are, {why}. Last known: {_names(unfinished) or 'nothing'}."


def _face(job: Job) -> tuple[t.Any, ...]:
    """Give what changes when a job moves."""
    return (job.state, job.vendor_state, job.percent, job.counts, job.message, job.parts, job.run)


def _hms(seconds: float) -> str:
    whole = max(0, int(seconds))
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _names(entries: t.Sequence[Followed], messages: bool = False) -> str:
    shown = [
        f"{entry}: {entry.job.message}" if messages and entry.job and entry.job.message else str(entry)
        for entry in entries[:20]
    ]
    return ", ".join(shown) + (f" and {len(entries) - 20} more" if len(entries) > 20 else "")
