# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Waiting for jobs: the body of ``backup_job_wait``, between the options and the loop in ``_wait``."""

from __future__ import annotations

import gc
import os
import typing as t
from datetime import timedelta

from ansible_collections.changeops.backup.plugins.module_utils._errors import BackupError, Misconfigured, MissingLibrary
from ansible_collections.changeops.backup.plugins.module_utils._info import cost
from ansible_collections.changeops.backup.plugins.module_utils._job import RESULTS
from ansible_collections.changeops.backup.plugins.module_utils._module import Answer, Rows, Task
from ansible_collections.changeops.backup.plugins.module_utils._slice import Slice
from ansible_collections.changeops.backup.plugins.module_utils._system import Listing
from ansible_collections.changeops.backup.plugins.module_utils._time import from_iso, iso, user_moment
from ansible_collections.changeops.backup.plugins.module_utils._wait import Look, Policy, Report, Seen, Wait

_LONGEST = 366 * 86400.0
# A moment that another machine calls now may be so far ahead here.
_CLOCKS_DIFFER_BY = timedelta(minutes=5)
# Option -> the least and the most it may be, in seconds. A gap below half a second would be a flood.
_RANGES: t.Mapping[str, tuple[float, float]] = {
    "wait_timeout": (0.0, _LONGEST),
    "interval": (0.5, 86400.0),
    "max_interval": (0.5, 86400.0),
    "progress_interval": (1.0, 240.0),
    "quiet_period": (0.0, _LONGEST),
    "appear_timeout": (0.0, _LONGEST),
    "stall_timeout": (1.0, _LONGEST),
}

# A wait that is followed goes on for so long until it sees whether there is something to tell, and to whom.
_TURN = 1.0
# Changes so close together share a line.
_LINE_TOGETHER = 5.0


def wait_for_jobs(task: Task) -> Answer:
    """Wait as the options say; in check mode look once and say what would be waited for."""
    piece = None if task.check_mode else Slice.from_environ(os.environ)
    kept = piece.load() if piece else {}
    if kept:
        # An age such as 24h means what it meant when the wait began.
        after, since = map(from_iso, kept["moments"])
        task = task._replace(selection=task.selection._replace(started_after=after, listed_from=since))
    policy = _policy(task)
    wait = Wait(policy, task.clock)
    warned: set[str] = set()
    # Definitions are chosen by what they are; which of their runs is meant, the loop decides.
    selection = task.selection._replace(started_after=None) if policy.definitions else task.selection

    def look(ids: tuple[str, ...] | None, patience: float) -> Seen:
        http = task.system.http
        http.patience = patience
        # However many pages a list has: a look ends one request after the deadline, or after unreachable_timeout.
        left = max(0.0, min(wait.deadline - wait.now(), policy.unreachable_timeout))
        http.until = task.clock.monotonic() + left + http.request_timeout
        asked = selection
        if ids is not None:
            asked = selection._replace(job_ids=ids, nothing=not ids, max_results=None)
        try:
            listing: Listing = task.system.look(asked)
        except BackupError:
            # Nothing else collects what an answer that was no good leaves behind, and a wait can be long.
            gc.collect()
            raise
        for warning in listing.warnings:
            if warning not in warned:
                task.warn(warning)
                warned.add(warning)
        return listing

    if task.check_mode:
        return _check(task, wait, look)
    if kept:
        _restore(task, wait, kept)
    if piece and piece.followed:
        report: Report | None = _followed(task, wait, look, piece)
    else:
        report = wait.run(look, piece.seconds if piece else float("inf"))
    if report is None:
        if piece:
            piece.save(_keep(task, wait))
        return {"changed": False, "waiting": wait.progress(), "seconds_left": max(0.0, wait.deadline - wait.now())}
    chosen = task.selection
    if report.verdict == "reached" and policy.state == "idle" and not report.jobs and (chosen.names or chosen.types):
        task.warn(
            "No job matched names and types. That nothing selected is active says nothing about the other jobs of "
            f"{task.system.TITLE}"
        )
    forgiven = report.verdict == "timed_out" and not task.params["fail_on_timeout"]
    return _answer(task, report, failed=report.verdict != "reached" and not forgiven)


def _followed(task: Task, wait: Wait, look: Look, piece: Slice) -> Report:
    """Wait to the end, and tell how it stands at each change, and at least as often as the slice says."""
    told_at, told = float("-inf"), 0
    while True:
        report = wait.run(look, _TURN)
        if report is not None:
            return report
        if piece.is_left():
            raise BackupError("whoever started this wait is gone")
        silent, changed = wait.now() - told_at, len(wait.transitions) > told
        if silent >= (min(_LINE_TOGETHER, piece.seconds) if changed else piece.seconds):
            piece.tell(task.mask(wait.progress()))
            told_at, told = wait.now(), len(wait.transitions)


def _keep(task: Task, wait: Wait) -> dict[str, t.Any]:
    http = task.system.http
    return {
        "wait": wait.keep(),
        "login": http.credential.keep(),
        "cost": vars(http.statistics),
        "moments": [iso(task.selection.started_after), iso(task.selection.listed_from)],
        "collected_at": task.system.collected_at,
    }


def _restore(task: Task, wait: Wait, kept: dict[str, t.Any]) -> None:
    wait.restore(kept["wait"])
    task.system.http.credential.restore(kept["login"])
    vars(task.system.http.statistics).update(kept["cost"])
    task.system.collected_at = kept["collected_at"]


def _check(task: Task, wait: Wait, look: t.Callable[..., Seen]) -> Answer:
    try:
        wait.absorb(look(wait.policy.ids, wait.policy.unreachable_timeout))
    except (Misconfigured, MissingLibrary):
        raise
    except BackupError as exc:
        return _answer(task, wait.give_up(exc), failed=True)
    verdict = wait.judge()
    report = wait.report(verdict or "timed_out")
    if verdict is not None:
        return _answer(task, report, failed=verdict != "reached")
    waiting = ", ".join(str(job) for job in report.unfinished) or "jobs that are not there yet"
    return {
        **_answer(task, report, failed=False),
        "verdict": None,
        "timed_out": False,
        "msg": f"Would wait for {waiting}.",
    }


def _answer(task: Task, report: Report, failed: bool) -> Answer:
    spent = cost(task)
    # Where the system lists a window, what is not there may only be older.
    since = task.selection.listed_from if report.verdict == "missing" else None
    window = f" Only jobs since {iso(since)} were looked for: see started_after." if since else ""
    return {
        "changed": False,
        "failed": failed,
        "verdict": report.verdict,
        "timed_out": report.verdict == "timed_out",
        "jobs": Rows(report.jobs),
        "unfinished": [job.to_dict() for job in report.unfinished],
        "summary": report.summary,
        "elapsed": report.elapsed,
        "deadline": report.deadline,
        "polls": report.polls,
        **spent,
        "throttled_seconds": round(spent["throttled_seconds"] + report.throttled_seconds, 3),
        "transitions": report.transitions,
        "msg": f"{task.system.TITLE}: {report.message}{window}",
    }


def _policy(task: Task) -> Policy:
    params = task.params
    for name, (least, most) in _RANGES.items():
        value = params[name]
        if value is not None and not least <= value <= most:
            raise Misconfigured(f"{name} has to be between {least:g} and {most:.0f} seconds, not {value:.10g}")
    for shorter, longer in (("interval", "max_interval"), ("quiet_period", "wait_timeout")):
        if params[shorter] > params[longer]:
            raise Misconfigured(
                f"{shorter} ({params[shorter]:.10g} s) cannot be longer than {longer} ({params[longer]:.10g} s)"
            )
    if params["state"] == "idle" and params["require"] == "any":
        raise Misconfigured("require: any contradicts state: idle, which is about all selected jobs")
    if params["state"] == "idle" and task.selection.max_results is not None:
        raise Misconfigured("max_results contradicts state: idle, which is about all selected jobs")
    if params["quiet_period"] and params["state"] != "idle":
        raise Misconfigured(f"quiet_period goes with state: idle only, not with state: {params['state']}")
    if not params["accept_results"]:
        raise Misconfigured(f"accept_results has to name at least one of {', '.join(RESULTS)}")
    after = task.selection.started_after
    if params["state"] == "idle" and after is not None and after > task.clock.now() + _CLOCKS_DIFFER_BY:
        raise Misconfigured(
            f"started_after ({iso(after)}) is yet to come: no job can have started since, and state: idle would be "
            "reached whatever runs"
        )
    try:
        until = user_moment(params["wait_until"]) if params["wait_until"] else None
    except ValueError as exc:
        raise Misconfigured(f"wait_until has to be {exc}, not {params['wait_until']!r}") from exc
    definitions = task.system.CAPABILITIES.definitions
    return Policy(
        state=params["state"],
        require=params["require"],
        accept_results=tuple(params["accept_results"]),
        timeout=params["wait_timeout"],
        until=until,
        interval=params["interval"],
        max_interval=params["max_interval"],
        quiet_period=params["quiet_period"],
        appear_timeout=params["appear_timeout"],
        stall_timeout=params["stall_timeout"],
        on_missing=params["on_missing"],
        unreachable_timeout=task.system.connection["unreachable_timeout"],
        ids=task.selection.job_ids if task.selection.job_ids or task.selection.nothing else None,
        definitions=definitions,
        run_after=task.selection.started_after if definitions else None,
        settled=task.selection.max_results is not None,
    )
