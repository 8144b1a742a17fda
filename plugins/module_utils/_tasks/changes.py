# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What changed at a system from one look to the next, as events. Looks go in, events come out; no I/O.

All that is remembered can be kept as JSON: then nothing is told a second time after a restart, and nothing is left out.
"""

from __future__ import annotations

import hashlib
import typing as t
from datetime import datetime, timedelta

from .._core.job import Job, Result
from .._core.times import from_iso, iso
from .recovery import Recovery, Wanted

_ENDS: t.Mapping[Result, str] = {
    "success": "job_finished",
    "warning": "job_warning",
    "failed": "job_failed",
    "canceled": "job_canceled",
    "skipped": "job_skipped",
}
EVENTS = (
    *("job_started", *_ENDS.values(), "job_stalled"),
    *("busy", "idle", "rpo_breached", "rpo_met", "source_degraded", "source_recovered"),
)
# A job that so many complete lists in a row do not show is gone.
_LOOKS_WITHOUT = 2
# An end is remembered for so long after its job was last listed: a list can lose a job and find it again.
_REMEMBER = timedelta(days=7)


class Event(t.NamedTuple):
    """One change. ``id`` is the same wherever the same change is told again."""

    event: str
    id: str
    at: str
    reason: str
    job: dict[str, t.Any] | None = None


class Running(t.NamedTuple):
    """A run that is active: what has to be known of it to see that it ends, stands still, or gives way to another."""

    label: str
    run: str
    record: str
    started: str | None
    face: str
    moved: str
    continuous: bool = False
    stalled: bool = False
    looks_without: int = 0

    def as_job(self, job_id: str) -> Job:
        """As much of a job as it takes to compare two sights of it."""
        start = from_iso(self.started)
        return Job("", job_id, None, None, "running", None, None, start, run=self.run, record=self.record)


class Changes:
    """All that is remembered of one system."""

    def __init__(
        self,
        source: str,
        since: datetime,
        present: t.Callable[[Job], dict[str, t.Any]],
        stall_timeout: float | None = None,
        wanted: t.Sequence[Wanted] = (),
    ) -> None:
        self._source = source
        self._present = present
        self._stall_timeout = stall_timeout
        # What ended before that was over before anybody listened.
        self._since = since
        self._looked = False
        self._active: dict[str, Running] = {}
        # Job -> which run ended, and how; and when it was no longer listed.
        self._ended: dict[str, tuple[str, str]] = {}
        self._unlisted: dict[str, str] = {}
        self._quiet: bool | None = None
        self._trouble = ""
        self._recovery = Recovery(wanted)

    def keep(self) -> dict[str, t.Any]:
        """Everything, as JSON can hold it."""
        return {
            "since": iso(self._since),
            "looked": self._looked,
            "active": {job_id: one._asdict() for job_id, one in self._active.items()},
            "ended": {job_id: [*mark] for job_id, mark in self._ended.items()},
            "unlisted": dict(self._unlisted),
            "quiet": self._quiet,
            "trouble": self._trouble,
            "recovery": self._recovery.keep(),
        }

    def restore(self, kept: t.Mapping[str, t.Any]) -> None:
        """Go on where an earlier run stopped. Raises KeyError, TypeError or ValueError for what was not kept here."""
        since = from_iso(kept["since"])
        if since is None:
            raise ValueError("since")
        self._since, self._looked = since, bool(kept["looked"])
        self._active = {job_id: Running(**one) for job_id, one in kept["active"].items()}
        self._ended = {job_id: (str(run), str(result)) for job_id, (run, result) in kept["ended"].items()}
        self._unlisted = dict(kept["unlisted"])
        self._quiet, self._trouble = kept["quiet"], str(kept["trouble"])
        self._recovery.restore(kept["recovery"])

    # -- what a look shows ---------------------------------------------------------------------------------------

    def absorb(
        self, jobs: t.Mapping[str, Job], complete: bool, now: datetime, ahead: float = 0.0, unseen: str = ""
    ) -> list[Event]:
        """Take in what a look shows; ``ahead``: seconds that the system's clock is ahead of ours.

        ``unseen``: what the login may not read. That it is idle nobody can tell, so then nothing is called so.
        """
        told = [event for job in jobs.values() for event in self._take(job, now, ahead)]
        if complete:
            self._miss(jobs, now)
        if complete and not unseen:
            told += self._recover(now)
        else:
            told += self.fail(f"not seen: {unseen}" if complete else "the list of jobs is not complete", now)
        told += self._system(complete and not unseen, now)
        for wanted, event, reason in self._recovery.judge(jobs.values(), complete, now, ahead):
            told.append(self._event(event, now, f"{wanted}: {reason}", wanted))
        self._looked = True
        return told

    def fail(self, why: str, now: datetime) -> list[Event]:
        """There was no answer, or none that says enough; told once, until there is a good one."""
        told = [] if self._trouble else [self._event("source_degraded", now, why)]
        self._trouble = why
        return told

    def _recover(self, now: datetime) -> list[Event]:
        before, self._trouble = self._trouble, ""
        return [self._event("source_recovered", now, f"before that: {before}")] if before else []

    def _take(self, job: Job, now: datetime, ahead: float) -> list[Event]:
        known = self._active.get(job.id)
        before = None if known is None else known.as_job(job.id)
        self._unlisted.pop(job.id, None)
        if job.is_run_before(before):
            # The system collects: now and then it shows what it heard before, which is not how things stand.
            return []
        another = job.is_run_after(before)
        if job.active:
            return self._run(job, None if another else known, now)
        if job.result is None:
            # A definition at rest: how its run ended, nothing tells.
            self._active.pop(job.id, None)
            return []
        return self._end(job, known, another, now, ahead)

    def _run(self, job: Job, known: Running | None, now: datetime) -> list[Event]:
        at, face = str(iso(now)), _face(job)
        if known is None:
            why = "it runs" + ", and the run before was not seen to end" * (job.id in self._active)
            self._active[job.id] = Running(_label(job), job.run, job.record, iso(job.started), face, at, job.continuous)
            return [self._about("job_started", job, now, why)]
        moved = known.face != face
        known = known._replace(
            run=job.run or known.run,
            record=job.record or known.record,
            started=iso(job.started) or known.started,
            face=face,
            moved=at if moved else known.moved,
            stalled=known.stalled and not moved,
            looks_without=0,
        )
        told = []
        still = (now - (from_iso(known.moved) or now)).total_seconds()
        if self._stall_timeout is not None and still >= self._stall_timeout and not known.stalled:
            known = known._replace(stalled=True)
            told.append(self._about("job_stalled", job, now, f"nothing has moved for {still:.0f} s", known.moved))
        self._active[job.id] = known
        return told

    def _end(self, job: Job, known: Running | None, another: bool, now: datetime, ahead: float) -> list[Event]:
        run, result = job.run or iso(job.started) or "", str(job.result)
        mark, before = (run, result), self._ended.get(job.id)
        self._active.pop(job.id, None)
        self._ended[job.id] = mark
        end = self._about(_ENDS[t.cast("Result", job.result)], job, now, f"it ended: {result}")
        if known is not None and not another:
            return [end]
        if mark == before:
            return []
        if before is not None and before[0] == run:
            return [end._replace(reason=f"it is told differently now: {result}, and was {before[1]}")]
        seen = known is not None or before is not None
        if not seen and not self._is_news(job.finished or job.started, ahead, unknown=self._looked):
            return []
        begun = seen or self._is_news(job.started, ahead, unknown=True)
        return [self._about("job_started", job, now, "it began and ended between two looks"), end][not begun :]

    def _is_news(self, moment: datetime | None, ahead: float, unknown: bool) -> bool:
        """Whether that was since somebody listens. ``unknown``: what a moment that is not told counts as."""
        return unknown if moment is None else moment - timedelta(seconds=ahead) >= self._since

    def _miss(self, jobs: t.Mapping[str, Job], now: datetime) -> None:
        """Note what a complete list does not hold, and forget what has not been in one for long."""
        for job_id in self._active.keys() - jobs.keys():
            known = self._active[job_id]._replace(looks_without=self._active[job_id].looks_without + 1)
            self._active[job_id] = known
            if known.looks_without >= _LOOKS_WITHOUT:
                del self._active[job_id]
        for job_id in self._ended.keys() - jobs.keys():
            gone = from_iso(self._unlisted.setdefault(job_id, str(iso(now)))) or now
            if now - gone > _REMEMBER:
                del self._ended[job_id], self._unlisted[job_id]

    def _system(self, complete: bool, now: datetime) -> list[Event]:
        """Whether anything runs. That nothing does, only a complete list shows."""
        active = [one.label for one in self._active.values() if not one.continuous]
        quiet = False if active else True if complete else self._quiet
        if quiet is self._quiet:
            return []
        self._quiet = quiet
        if not quiet:
            more = f" and {len(active) - 5} more" if len(active) > 5 else ""
            return [self._event("busy", now, f"active: {', '.join(active[:5])}{more}")]
        return [self._event("idle", now, "nothing is active, and the list of jobs is complete")]

    # -- an event ------------------------------------------------------------------------------------------------

    def _about(self, event: str, job: Job, now: datetime, why: str, *more: str) -> Event:
        # While a run begins, a definition still shows the one before it: then the moment tells the one from the other.
        run = str(iso(now)) if job.started is None else job.run or str(iso(job.started))
        key = (job.id, run, str(job.result), *more) if event != "job_started" else (job.id, run)
        return self._event(event, now, f"{_label(job)}: {why}", *key)._replace(job=self._present(job))

    def _event(self, event: str, now: datetime, why: str, *key: str) -> Event:
        at = str(iso(now))
        spelled = "\n".join((self._source, event, *(key or (at,)), *((at,) if event.startswith("rpo") else ())))
        return Event(event, hashlib.sha256(spelled.encode("utf-8", "replace")).hexdigest()[:32], at, why)


def _label(job: Job) -> str:
    return f"{job.name} ({job.id})" if job.name and job.name != job.id else job.id


def _face(job: Job) -> str:
    """What changes when a job moves. Short, because it is kept."""
    return hashlib.sha256(repr(job.face).encode("utf-8", "replace")).hexdigest()[:16]
