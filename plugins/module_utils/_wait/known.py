# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What is known of each job, and of the system: everything that a wait remembers from look to look.

Times inside are seconds since the wait began, on the monotonic clock.
"""

from __future__ import annotations

import typing as t
from datetime import timedelta

from .._core.job import Job
from .._core.times import Clock, from_iso, iso
from .meant import for_ever, history_of, instead, left_out, meant, not_since
from .policy import Policy, Seen

# A job that so many looks in a row do not show is gone.
_LOOKS_WITHOUT = 2


class Followed:
    """One job."""

    def __init__(self, job_id: str, now: float) -> None:
        self.id = job_id
        self.since = now
        self.job: Job | None = None
        self.looks_without = 0
        self.ended = False
        # What is shown in its place, where it is not simply gone.
        self.instead = ""

    def keep(self) -> dict[str, t.Any]:
        """Everything, as JSON can hold it."""
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


class Known:
    """All jobs that are followed, and when the system last said something."""

    _KEPT = (
        "limit",
        "polls",
        "throttled",
        "transitions",
        "complete",
        "answered_at",
        "heard_at",
        "server_ahead",
        "saw_active",
        "left_out",
        "not_since",
        "moved_at",
        "quiet_since",
        "trouble",
        "next_look",
    )

    def __init__(self, policy: Policy, clock: Clock) -> None:
        self.policy = policy
        self.clock = clock
        self.began_at = clock.now()
        self._zero = clock.monotonic()
        # wait_timeout; wait_until is a time of day, and read off that clock.
        self.limit = max(0.0, policy.timeout)
        self.followed: dict[str, Followed] = {job_id: Followed(job_id, 0.0) for job_id in policy.ids or ()}
        self.polls = 0
        self.throttled = 0.0
        self.transitions: list[dict[str, t.Any]] = []
        self.complete = False
        # When a look was whole, and when the system last answered anything that it was asked.
        self.answered_at: float | None = None
        self.heard_at = 0.0
        # How many seconds the system's clock is ahead of ours.
        self.server_ahead = 0.0
        self.saw_active = False
        # Jobs that are over, and were so before the wait began: history, and not what it is about.
        self.history: set[str] = set()
        # What runs for ever and does not count: id -> what is told of it.
        self.left_out: dict[str, dict[str, t.Any]] = {}
        # Definitions of the selection whose newest run began before started_after.
        self.not_since: list[str] = []
        self.moved_at = 0.0
        self.quiet_since: float | None = None
        self.trouble = ""
        self.next_look = 0.0

    def keep(self) -> dict[str, t.Any]:
        """Everything, as JSON can hold it: a wait can be cut into slices."""
        return {
            "kept_at": self.clock.monotonic(),
            "elapsed": self.now(),
            "began_at": self.began_at.isoformat(),
            "run_after": self.policy.run_after and self.policy.run_after.isoformat(),
            "followed": [entry.keep() for entry in self.followed.values()],
            "history": sorted(self.history),
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
        self.history = set(kept["history"])
        for name in self._KEPT:
            setattr(self, name, kept[name])

    # -- times ---------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Seconds since the wait began."""
        return self.clock.monotonic() - self._zero

    @property
    def deadline(self) -> float:
        """When the wait ends, in seconds since it began. A machine that sleeps does not move ``wait_until``."""
        until = self.policy.until
        if until is None:
            return self.limit
        return max(0.0, min(self.limit, self.now() + (until - self.clock.now()).total_seconds()))

    def hear(self, moment: float | None) -> None:
        """Note when the system last answered, on the monotonic clock: a slow list of many pages is no silence."""
        if moment is not None:
            self.heard_at = max(self.heard_at, moment - self._zero)

    def silent_for(self) -> float:
        """Seconds without a good answer."""
        return self.now() - max(self.answered_at or 0.0, self.heard_at)

    def deadline_moment(self) -> str | None:
        """The deadline as a time of day."""
        last = self.began_at + timedelta(seconds=self.limit)
        return iso(last if self.policy.until is None else min(last, max(self.policy.until, self.began_at)))

    def is_overdue(self, since: float) -> bool:
        """Whether a job should have appeared by now."""
        return self.now() - since >= self.policy.appear_timeout

    def forget(self, job_ids: t.Iterable[str]) -> None:
        """Leave out what was asked for and excluded at once: only now its name is known."""
        for job_id in job_ids:
            self.followed.pop(job_id, None)
        if self.policy.ids and not self.followed:
            self.policy = self.policy._replace(ids=())

    # -- what a look shows ---------------------------------------------------------------------------------------

    def absorb(self, seen: Seen) -> None:
        """Take in what a look shows."""
        self.polls += 1
        self.answered_at = self.now()
        self.trouble = ""
        self.complete = seen.complete
        if self.policy.ids is None:
            if self.polls == 1:
                self.history = history_of(seen.jobs)
            for job_id in self._meant(seen.jobs):
                self.followed.setdefault(job_id, Followed(job_id, self.answered_at))
        for entry in self.followed.values():
            self._take_job(entry, seen.jobs.get(entry.id))

    def _meant(self, jobs: t.Mapping[str, Job]) -> t.Iterable[str]:
        if self.policy.state != "idle":
            chosen = meant(jobs, self.policy, self.history, self.server_ahead)
            self.not_since = not_since(jobs, chosen, self.policy)
            return chosen
        out = {job_id: job for job_id, job in jobs.items() if left_out(job, self.policy)}
        self.left_out.update({job_id: for_ever(job) for job_id, job in out.items() if job.active})
        return [job_id for job_id in jobs if job_id not in out]

    def _take_job(self, entry: Followed, job: Job | None) -> None:
        # A run that has ended stays ended; a drain is about whatever runs under this id now.
        if entry.ended and (job is None or self.policy.state != "idle"):
            return
        if job is not None and self.policy.definitions and job.is_run_before(entry.job):
            # The system collects: now and then it shows what it heard before, which is not how things stand.
            entry.instead = "and the system now shows an earlier run"
            return
        entry.instead = "" if job is None else instead(entry.job, job, self.policy, self.server_ahead)
        if job is None or entry.instead:
            # Missing from a list that kept pages from us says nothing.
            entry.looks_without += self.complete
            return
        entry.looks_without = 0
        self.saw_active = self.saw_active or job.active
        before = entry.job
        if before is None or before.face != job.face:
            self.moved_at = self.now()
        if before is None or (before.state, before.result) != (job.state, job.result):
            self.transitions.append(_change(before, job, iso(self.clock.now())))
        if before is None or (job.active and not before.active):
            entry.since = self.now()
        entry.job = job
        entry.ended = job.state == "finished"

    # -- how a job stands ----------------------------------------------------------------------------------------

    def is_open(self, entry: Followed) -> bool:
        """Whether there is something to wait for: a job that may run, or one that may yet appear or come back."""
        if entry.ended or entry.gone:
            return False
        if entry.job is None:
            # Until a whole list did not show it, nothing says that it is not there.
            return not self.is_overdue(entry.since) or not entry.looks_without
        return entry.job.active or entry.looks_without > 0

    def is_lost(self, entry: Followed) -> bool:
        """Whether the wait cannot go on without this job."""
        if entry.gone:
            return self.policy.on_missing == "fail"
        # "Missing means finished" holds for a job that was there once; one never seen may be a wrong id.
        never = entry.job is None and entry.looks_without > 0
        return never and self.is_overdue(entry.since) and self.policy.on_missing != "ignore"

    def is_unfinished(self, entry: Followed) -> bool:
        """Whether a report names this job among those that did not get there."""
        if self.policy.state == "idle":
            return entry.job is None or entry.job.active
        return not entry.ended

    def age(self, entry: Followed) -> float:
        """Seconds that a job has run for; of one whose start is not known, those that we have watched it."""
        watched = self.now() - entry.since
        if entry.job is None or entry.job.started is None:
            return watched
        # The system's clock may differ from ours: never younger than what we have watched.
        return max(watched, (self.clock.now() - entry.job.started).total_seconds())


def _change(before: Job | None, job: Job, moment: str | None) -> dict[str, t.Any]:
    """A change of state as a wait returns it."""
    was = None if before is None else before.result or before.state
    return {"time": moment, "job": job.id, "from": was, "to": job.result or job.state}
