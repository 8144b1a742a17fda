# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Starting a job: the body of ``backup_job_start``. A good backup younger than this exists, or one is made.

Read, decide, write once, and then wait as ``backup_job_wait`` does, by the same loop.
"""

from __future__ import annotations

import contextlib
import typing as t
from datetime import datetime, timedelta

from .._core.errors import AuthLost, BackupError, Misconfigured, Refused, Unanswered
from .._core.job import Job
from .._core.times import iso, user_moment_or_age
from .._systems.fields import checked
from .._systems.listing import Listing
from .._systems.orders import Wanted
from .._systems.selection import Selection
from .._wait.loop import Report, Wait
from .._wait.policy import Policy
from .runs import Runs
from .task import Answer, Task, cost
from .wait import looks, policy_of, watch

# How long a run may take to show where nobody waits for its end, or where nobody knows whether it was asked for.
_APPEARS = 120.0
# What was read longer ago than this many seconds is read again before a start is sent.
_FRESH = 5.0
# A run that began later than this is none: its server's clock may be ahead of ours, and then it says so.
_AHEAD = timedelta(minutes=5)
_COUNTS = ("backup", None)
# What is in one of these states comes to an end of its own.
_GOES_ON = ("queued", "running")
_LONGEST_GAP = 60.0


class Outcome(t.NamedTuple):
    """What came of it."""

    verdict: str | None
    msg: str
    run: Job | None = None
    started: bool = False
    joined: bool = False
    changed: bool = False
    requested_at: datetime | None = None


def start_job(task: Task) -> Answer:
    """Make sure that there is a good backup younger than asked for; join the run that makes it, or start one."""
    system = task.system
    if not system.CAPABILITIES.start:
        raise Misconfigured(f"the API of {system.NAME} has no call to start a job. {system.INSTEAD_OF_START}")
    wanted = Wanted(fields=_fields(task))
    newer_than = _newer_than(task)
    policy = _policy(task)
    # What a job is a run of, some systems say in fields that only they have.
    system.keep_raw = True
    runs = _look(task, wanted)
    if newer_than is not None:
        good = _good_one(task, runs, newer_than)
        if good is not None:
            said = f"{good} began at {iso(good.started)}, which is recent enough: nothing was started"
            return _answer(task, Outcome("reached", said, good))
    running = [job for job in runs.known if job.active]
    if running:
        return _answer(task, _join(task, runs, running, policy))
    if task.check_mode:
        return _answer(task, Outcome(None, f"would start {_named(runs)}", changed=True))
    return _answer(task, _start(task, runs, policy))


# -- what is asked for ---------------------------------------------------------------------------------------------


def _fields(task: Task) -> dict[str, t.Any]:
    """Check what is to be started. A definition is found by a look."""
    params, system = task.params, task.system
    if not system.STARTS:
        if params["start"] is not None:
            raise Misconfigured(f"{system.NAME} starts a definition: give job_id or name, and not start")
        if (params["job_id"] is None) == (params["name"] is None):
            raise Misconfigured("give job_id or name of what is to be started, and only one of them")
        return {}
    if params["job_id"] is not None or params["name"] is not None:
        raise Misconfigured(f"what {system.NAME} starts is described in start; job_id and name mean nothing here")
    if params["start"] is None:
        raise Misconfigured(f"start is required for {system.NAME}: it holds {', '.join(system.STARTS)}")
    fields = checked(system.STARTS, params["start"], "start")
    system.check_start(fields)
    return fields


def _newer_than(task: Task) -> datetime | None:
    value = task.params["unless_newer_than"]
    if value is None:
        return None
    try:
        moment = user_moment_or_age(value, task.clock.now())
    except ValueError as exc:
        raise Misconfigured(f"unless_newer_than has to be {exc}, not {value!r}") from exc
    if moment > task.clock.now():
        raise Misconfigured(f"unless_newer_than ({value}) is yet to come")
    return moment


def _policy(task: Task) -> Policy:
    """How the run is waited for: the options of a wait that are not options here have their defaults."""
    params = {
        **task.params,
        "state": "finished",
        "require": "all",
        "max_interval": max(_LONGEST_GAP, task.params["interval"]),
        "quiet_period": 0.0,
        "appear_timeout": _APPEARS,
        "stall_timeout": None,
        "on_missing": "fail",
        "continuous": "count",
    }
    policy = policy_of(task._replace(params=params, selection=Selection(max_results=1)))
    if policy.until is not None and policy.until <= task.clock.now():
        raise Misconfigured(f"wait_until ({iso(policy.until)}) has passed: nobody would wait for the run")
    return policy


# -- what there is ---------------------------------------------------------------------------------------------------


def _look(task: Task, wanted: Wanted) -> Runs:
    """Read what there is. What is not seen whole says neither that there is a backup nor that there is none."""
    read_at = task.clock.monotonic()
    asked = Selection(job_ids=task.selection.job_ids)
    if task.system.STARTS:
        listing = _listed(task, task.system.look(asked), asked)
    else:
        definition = _definition(task, _listed(task, task.system.definitions(asked), asked))
        if task.clock.monotonic() - read_at > _FRESH:
            asked = Selection(job_ids=(definition.id,))
            definition = _definition(task, _listed(task, task.system.definitions(asked), asked))
        wanted = wanted._replace(definition=definition)
        listing = _listed(task, task.system.runs_of(definition), Selection())
    runs = Runs(task.system, wanted)
    runs.note(listing.jobs)
    return runs


def _listed(task: Task, listing: Listing, selection: Selection) -> Listing:
    for warning in listing.warnings:
        task.warn(warning)
    all_there = bool(selection.job_ids) and listing.jobs.keys() >= set(selection.job_ids)
    if not (listing.complete or all_there):
        raise BackupError(
            "cannot tell what there is, as the list of jobs is not complete: nothing was started, and nothing is said "
            "of a backup"
        )
    return listing


def _definition(task: Task, listing: Listing) -> Job:
    if listing.missing:
        raise BackupError(f"missing: there is no job {', '.join(listing.missing)}, so nothing was started")
    name = task.params["name"]
    found = [job for job in listing.jobs.values() if name is None or job.name == name.strip()]
    if len(found) != 1:
        there = ", ".join(job.id for job in found) or "none"
        raise BackupError(
            f"one job has to have the name {name!r}, and this many have: {len(found)} ({there}). Give job_id"
        )
    if found[0].continuous:
        raise BackupError(f"{found[0]} runs for ever in the background: there is no run of it to wait for")
    return found[0]


def _good_one(task: Task, runs: Runs, newer_than: datetime) -> Job | None:
    """The newest good run that began since then, by the system's own clock."""
    ahead = timedelta(seconds=task.system.http.server_ahead)
    latest = task.clock.now() + ahead + _AHEAD
    good = [
        job
        for job in runs.known
        if job.result in task.params["accept_results"]
        and job.kind in _COUNTS
        and job.started is not None
        and newer_than + ahead <= job.started <= latest
    ]
    return max(good, key=lambda job: job.started or latest, default=None)


# -- a run that there is, and one that is started --------------------------------------------------------------------


def _join(task: Task, runs: Runs, running: list[Job], policy: Policy) -> Outcome:
    """Wait for the run in progress, where that counts as ours."""
    told = ", ".join(map(str, running))
    if any(job.state == "unknown" for job in running):
        raise BackupError(f"cannot tell whether it runs already: {told}. Nothing was started")
    if not task.params["join_running"]:
        raise BackupError(f"busy: it runs already ({told}), and join_running is false. Nothing was started")
    if any(job.state not in _GOES_ON for job in running):
        raise BackupError(f"busy: what runs is {told}, and does not count as a backup. Nothing was started")
    runs.follow(running[0])
    if task.check_mode:
        return Outcome(None, f"would join {running[0]}", running[0], joined=True)
    if not task.params["wait"]:
        return Outcome(None, f"joined {running[0]}, which was running", running[0], joined=True)
    report = _wait(task, runs, policy)
    return Outcome(report.verdict, f"joined a run in progress: {report.message}", runs.run, joined=True)


def _start(task: Task, runs: Runs, policy: Policy) -> Outcome:
    """Ask for a run, once, and find out what came of it."""
    asked_at = runs.asked_at = task.clock.now()
    # What the system brought in before is not news of what comes.
    task.system.collected_at = None
    lost = ""
    try:
        runs.run_id = task.system.start_run(runs.wanted)
    except Unanswered as exc:
        # It may have arrived. Sending it again could start a second run: we read and see.
        lost = f"no answer to the request, which may have arrived: {exc}"
    except BackupError as exc:
        return _refused(task, runs, policy, exc)
    if lost or not task.params["wait"]:
        policy = policy._replace(appear_timeout=min(_APPEARS, policy.timeout))
    else:
        policy = policy._replace(appear_timeout=policy.timeout)
    if not task.params["wait"]:
        policy = policy._replace(timeout=policy.appear_timeout, until=None)
    report = _wait(task, runs, policy)
    told = Outcome(report.verdict, report.message, runs.run, True, changed=True, requested_at=asked_at)
    if runs.run is None:
        shown = "and no run of it that began since is shown" if report.verdict in ("missing", "timed_out") else ""
        said = "; ".join(part for part in (lost or "the start was accepted", shown or report.message) if part)
        verdict = "missing" if shown else report.verdict
        return told._replace(verdict=verdict, started=not lost, msg=f"{said}. It was not asked for again")
    if not task.params["wait"]:
        return told._replace(verdict=None, msg=f"started {runs.run}")
    return told._replace(msg=f"{lost or 'started'}: {report.message}")


def _refused(task: Task, runs: Runs, policy: Policy, exc: BackupError) -> Outcome:
    """Nothing was started. Where one began between the look and the request, that is the one to join."""
    if isinstance(exc, Refused) and task.params["join_running"]:
        # What cannot be seen now does not hide why the start was refused.
        with contextlib.suppress(BackupError):
            seen = _look(task, runs.wanted._replace(definition=None))
            begun = [job for job in seen.known if job.state in _GOES_ON]
            if begun:
                return _join(task, seen, begun, policy)
    verdict = "auth_lost" if isinstance(exc, AuthLost) else "failed"
    return Outcome(verdict, f"not started: {exc}", requested_at=runs.asked_at)


def _wait(task: Task, runs: Runs, policy: Policy) -> Report:
    """Wait for the run; without ``wait`` only until it is shown, with its start."""
    wait = Wait(policy, task.clock)
    # A run that was asked for is no old news, however short it was.
    wait.saw_active = True
    followed = runs.definition.id if runs.definition else runs.run_id
    ids = [] if followed is None else [followed]
    look = runs.through(looks(task._replace(selection=Selection(job_ids=tuple(ids))), wait, {}))
    if runs.run is not None:
        wait.absorb(Listing.of([runs.run]))
    if task.params["wait"]:
        return watch(task, wait, look)
    return watch(task, wait, look, lambda: runs.run is not None and runs.run.started is not None)


# -- the answer ------------------------------------------------------------------------------------------------------


def _named(runs: Runs) -> str:
    definition = runs.wanted.definition
    if definition is not None:
        return f"{definition.id} ({definition.name})" if definition.name else definition.id
    return "what start describes"


def _answer(task: Task, outcome: Outcome) -> Answer:
    run = None if outcome.run is None else outcome.run._replace(raw=None).to_dict()
    where = f" at {task.system.connection.url}" if outcome.verdict in ("unreachable", "auth_lost") else ""
    return {
        "changed": outcome.changed,
        "failed": outcome.verdict not in ("reached", None),
        "started": outcome.started,
        "joined": outcome.joined,
        "run": run,
        "verdict": outcome.verdict,
        "requested_at": iso(outcome.requested_at),
        "reason": task.params["reason"],
        "diff": {"before": {"started": False}, "after": {"started": outcome.changed}},
        "msg": f"{task.system.TITLE}{where}: {outcome.msg.rstrip('.')}.",
        **cost(task),
    }
