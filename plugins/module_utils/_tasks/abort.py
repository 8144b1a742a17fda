# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Stopping jobs: the body of ``backup_job_abort``. Read, decide, write once, observe."""

from __future__ import annotations

import typing as t

from .._core.errors import BackupError, Misconfigured, Unanswered
from .._core.job import Job
from .._core.times import iso
from .._systems.listing import Listing
from .._systems.selection import Selection
from .task import Answer, Task, cost

_LONGEST_GAP = 30.0
_GAP_GROWTH = 1.3
# Within one look while observing, trouble is sat out for so many seconds.
_LOOK_PATIENCE = 10.0
_LOOKS_AT_REFUSED = 3
# What was read longer ago than this many seconds is read again before a job is stopped.
_FRESH = 5.0
# A job that so many looks in a row do not show is gone.
_LOOKS_WITHOUT = 2


class Attempt:
    """One job, what was done to it, and what came of it."""

    def __init__(self, job: Job) -> None:
        self.before = job
        self.after: Job | None = None
        self.requested_at: str | None = None
        self.confirmed_at: str | None = None
        self.message = ""
        self.refused = False
        self.unanswered = False
        self.looks_without = 0
        # What is shown in place of the run that was to be stopped.
        self.instead = ""

    @property
    def ended_by_itself(self) -> bool:
        """Say whether the job came to its end before, or without, the request taking effect."""
        return self.after is not None and not self.after.active and (self.refused or self.after.result == "success")

    def to_dict(self) -> dict[str, t.Any]:
        """Give the attempt as the module returns it."""
        return {
            "id": self.before.id,
            "name": self.before.name,
            "before": self.before.to_dict(),
            "after": self.after.to_dict() if self.after else None,
            "requested_at": self.requested_at,
            "confirmed_at": self.confirmed_at,
            "message": self.message,
        }


def abort_jobs(task: Task) -> Answer:
    """Stop the selected jobs that are active; each has its own outcome."""
    _check(task)
    read_at = task.clock.monotonic()
    # A job of which the system does not say whether it is meant is left alone.
    listing = task.system.look(task.selection._replace(take_unknown=False))
    for warning in (*listing.warnings, *listing.unmatched.values()):
        task.warn(warning)
    supported = task.system.CAPABILITIES.abort
    if supported and not (listing.complete or task.selection.job_ids):
        raise BackupError(
            "the list of jobs is not complete, so it is not known what the selection holds: nothing was stopped. "
            "Try again, or give job_ids"
        )
    chosen = list(listing.jobs.values())
    if not task.selection.job_ids:
        for_ever = [job for job in chosen if job.continuous and job.active]
        chosen = [job for job in chosen if job not in for_ever]
        if for_ever:
            task.warn(f"left alone, as they run for ever and no id asks for them: {', '.join(map(str, for_ever))}")
    if not task.selection.job_ids:
        running = task.system.whole([job for job in chosen if job.active])
        chosen = [job for job in chosen if not job.active or job in running]
    ended = [Attempt(job) for job in chosen if not job.active]
    active = [Attempt(job) for job in chosen if job.active]
    missing = [job_id for job_id in listing.missing if job_id.casefold() not in task.selection.exclude]
    if supported:
        _cap(task, active)
        if not task.check_mode:
            _stop(task, active, read_at)
            _observe(task, active)
    return _answer(task, _sorted(task, active, ended, missing, listing.complete))


def _check(task: Task) -> None:
    chosen = task.selection
    if not (chosen.nothing or chosen.job_ids or chosen.names or chosen.types or chosen.kinds or chosen.started_after):
        raise Misconfigured("an abort needs to know which jobs: give job_ids, names, types, kinds or started_after")
    for name in ("names", "types", "kinds"):
        if task.params[name] == []:
            # Elsewhere it is as good as none: that would be all jobs.
            raise Misconfigured(f"{name} is an empty list, which would leave every job selected: leave it out")
    limit = task.params["max_jobs"]
    if limit is not None and limit < 1:
        raise Misconfigured(f"max_jobs has to be 1 or more, not {limit}")
    for name in ("wait_timeout", "interval"):
        if not 0.5 <= task.params[name] <= 86400.0:
            raise Misconfigured(f"{name} has to be between 0.5 and 86400 seconds, not {task.params[name]:.10g}")


def _cap(task: Task, active: list[Attempt]) -> None:
    limit = task.params["max_jobs"]
    if limit is None:
        limit = len(task.selection.job_ids) if task.selection.job_ids else 1
    if len(active) > limit:
        found = ", ".join(str(attempt.before) for attempt in active[:20])
        raise BackupError(
            f"{len(active)} active jobs are selected, and max_jobs allows to stop {limit}: nothing was stopped. "
            f"Narrow the selection or raise max_jobs. Selected: {found}"
        )


def _stop(task: Task, active: list[Attempt], read_at: float) -> None:
    for attempt in active:
        if task.clock.monotonic() - read_at > _FRESH:
            attempt.message = _changed(task, attempt)
            attempt.refused = bool(attempt.message)
            if attempt.refused:
                continue
        if (attempt.after or attempt.before).state == "stopping":
            attempt.message = "was stopping already; nothing was sent"
            continue
        attempt.requested_at = iso(task.clock.now())
        try:
            attempt.message = task.system.stop_job(attempt.before)
        except Unanswered as exc:
            # It may have arrived. Sending it again could stop the next run: we read and see.
            attempt.message = f"no answer to the request, which may have arrived: {exc}"
            attempt.unanswered = True
        except BackupError as exc:
            attempt.message = str(exc)
            attempt.refused = True


def _changed(task: Task, attempt: Attempt) -> str:
    """Look again at a job whose turn comes late; say why it is not to be stopped any more, if it is not."""
    try:
        with task.system.http.within(_LOOK_PATIENCE):
            job = task.system.look(Selection(job_ids=(attempt.before.id,))).jobs.get(attempt.before.id)
    except BackupError as exc:
        return f"could not be read again before the request, so nothing was sent: {exc}"
    if job is None:
        return "was no longer listed when its turn came; nothing was sent"
    if _is_old_news(task, job, attempt.before):
        # It says nothing against what was read.
        return ""
    if _is_another(task, attempt.before, job):
        return "another run had begun when its turn came; nothing was sent"
    attempt.after = job
    return "" if job.active else "had ended when its turn came; nothing was sent"


def _observe(task: Task, active: list[Attempt]) -> None:
    """Look until every job is seen to have ended, or time is up; without ``wait`` once, where an answer says little."""
    wait = task.params["wait"]
    if not wait and not any(attempt.refused or attempt.unanswered for attempt in active):
        return
    deadline = task.clock.monotonic() + (task.params["wait_timeout"] if wait else 0.0)
    gap = min(1.0, task.params["interval"])
    trouble = ""
    open_ = {attempt.before.id: attempt for attempt in active}
    looks = 0
    while open_:
        looks += 1
        left = deadline - task.clock.monotonic()
        http = task.system.http
        until = task.clock.monotonic() + max(0.0, left) + http.request_timeout
        try:
            with http.within(min(_LOOK_PATIENCE, left), until):
                seen = task.system.look(Selection(job_ids=tuple(open_)))
        except Unanswered as exc:
            trouble = f"no answer since: {exc}"
        except BackupError as exc:
            # What was asked for has been asked for: the result has to say so.
            trouble = f"could not be watched: {exc}"
            break
        else:
            trouble = ""
            _take(task, open_, seen)
        # What was refused may have just ended, which some systems show a little later; it is not waited for.
        if left <= 0 or (looks >= _LOOKS_AT_REFUSED and all(attempt.refused for attempt in open_.values())):
            break
        task.clock.sleep(min(gap, left))
        gap = min(gap * _GAP_GROWTH, max(task.params["interval"], _LONGEST_GAP))
    for attempt in open_.values():
        attempt.message = "; ".join(said for said in (attempt.message, attempt.instead, trouble) if said)


def _take(task: Task, open_: dict[str, Attempt], seen: Listing) -> None:
    for job_id, attempt in list(open_.items()):
        job = seen.jobs.get(job_id)
        if job is not None and _is_old_news(task, job, attempt.after or attempt.before):
            attempt.instead = "the system now shows an earlier run"
            continue
        attempt.instead = ""
        another = job is not None and _is_another(task, attempt.before, job)
        if job is None or another:
            attempt.looks_without += another or seen.complete
            if attempt.looks_without >= _LOOKS_WITHOUT:
                what = "another run has begun" if another else "no longer listed"
                attempt.message = f"{attempt.message}; {what}, so how it ended is not known"
                del open_[job_id]
            continue
        attempt.looks_without = 0
        attempt.after = job
        if job.state == "stopping":
            attempt.unanswered = False
        if not job.active:
            attempt.confirmed_at = iso(task.clock.now())
            del open_[job_id]


def _is_old_news(task: Task, job: Job, seen: Job) -> bool:
    return task.system.CAPABILITIES.definitions and job.is_run_before(seen)


def _is_another(task: Task, before: Job, job: Job) -> bool:
    if task.system.CAPABILITIES.definitions:
        return job.is_run_after(before)
    # The server began to count anew: another job wears this id now.
    return job.run != before.run


class Outcome(t.NamedTuple):
    """What came of each selected job."""

    stopped: list[Attempt]
    predicted: list[Attempt]
    not_confirmed: list[Attempt]
    unsupported: list[Attempt]
    already: list[Attempt]
    missing: list[str]
    complete: bool

    @property
    def sent(self) -> list[Attempt]:
        """Those for which a request left that was not refused."""
        return [one for one in self.stopped + self.not_confirmed if one.requested_at and not one.refused]

    @property
    def acted(self) -> list[Attempt]:
        """Those that are changed by this task, or would be."""
        return self.sent + [one for one in self.predicted if one.before.state != "stopping"]


def _sorted(task: Task, active: list[Attempt], ended: list[Attempt], missing: list[str], complete: bool) -> Outcome:
    supported = task.system.CAPABILITIES.abort
    by_itself = [attempt for attempt in active if attempt.ended_by_itself]
    stopped = [attempt for attempt in active if attempt.confirmed_at and attempt not in by_itself]
    rest = [attempt for attempt in active if attempt not in by_itself and attempt not in stopped]
    return Outcome(
        stopped,
        predicted=rest if supported and task.check_mode else [],
        not_confirmed=rest if supported and not task.check_mode else [],
        unsupported=[] if supported else rest,
        already=ended + by_itself,
        missing=missing,
        complete=complete,
    )


def _answer(task: Task, outcome: Outcome) -> Answer:
    problems = list(_problems(task, outcome))
    return {
        "changed": bool(outcome.acted),
        "failed": bool(problems),
        "aborted": [attempt.to_dict() for attempt in outcome.stopped + outcome.predicted],
        "already_finished": [attempt.to_dict() for attempt in outcome.already],
        "unsupported": [attempt.to_dict() for attempt in outcome.unsupported],
        "not_confirmed": [attempt.to_dict() for attempt in outcome.not_confirmed],
        "missing": outcome.missing,
        "reason": task.params["reason"],
        "capabilities": task.system.CAPABILITIES._asdict(),
        "diff": {
            "before": {str(attempt.before.id): attempt.before.state for attempt in outcome.acted},
            "after": {str(attempt.before.id): _state_after(attempt) for attempt in outcome.acted},
        },
        "msg": f"{task.system.TITLE}: {'; '.join([*problems, _counted(task, outcome)])}.",
        **cost(task),
    }


def _problems(task: Task, outcome: Outcome) -> t.Iterator[str]:
    """Say why the task fails, if it does."""
    params = task.params
    if outcome.unsupported and params["on_unsupported"] == "fail":
        yield f"the API has no call to stop a job: {_said(outcome.unsupported)}. {task.system.INSTEAD_OF_ABORT}"
    refused = [attempt for attempt in outcome.not_confirmed if attempt.refused]
    if refused:
        yield f"not stopped: {_said(refused)}"
    unseen = [attempt for attempt in outcome.not_confirmed if not attempt.refused]
    if unseen and params["wait"]:
        yield f"not seen to stop within wait_timeout ({params['wait_timeout']:g} s): {_said(unseen)}"
    unanswered = [attempt for attempt in unseen if attempt.unanswered]
    if unanswered and not params["wait"]:
        yield f"perhaps not asked to stop: {_said(unanswered)}"
    if outcome.missing:
        why = "no such job, or no longer listed"
        if not outcome.complete:
            why = "not seen, and the list of jobs was not complete"
        yield f"{why}: {', '.join(outcome.missing)}"
    if outcome.already and params["fail_if_not_running"]:
        yield f"not running: {', '.join(str(attempt.after or attempt.before) for attempt in outcome.already)}"


def _counted(task: Task, outcome: Outcome) -> str:
    """Say how many jobs were stopped, and what became of the others."""
    done = "would stop" if task.check_mode else "stopped"
    some = len(outcome.stopped + outcome.predicted)
    said = [f"{done} {some} job{'' if some == 1 else 's'}" if some else "nothing was stopped"]
    if outcome.already:
        said.append(f"{len(outcome.already)} not running any more")
    if outcome.unsupported:
        said.append(f"{len(outcome.unsupported)} cannot be stopped: {_said(outcome.unsupported)}")
    if outcome.not_confirmed:
        asked = sum(attempt in outcome.sent for attempt in outcome.not_confirmed)
        said.append(f"{asked} asked to stop and not yet seen to end")
    if not (some or outcome.already or outcome.unsupported or outcome.not_confirmed or outcome.missing):
        said.append("no job is selected that is running")
    return ", ".join(said)


def _said(attempts: list[Attempt]) -> str:
    return ", ".join(
        f"{attempt.after or attempt.before}{f' ({attempt.message})' if attempt.message else ''}" for attempt in attempts
    )


def _state_after(attempt: Attempt) -> str:
    if attempt.after is None:
        return "canceled"
    return attempt.after.result or attempt.after.state
