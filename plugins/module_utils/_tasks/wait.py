# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Waiting for jobs: the body of ``backup_job_wait``, between the options and the loop."""

from __future__ import annotations

import gc
import typing as t
from datetime import timedelta

from .._core.errors import BackupError, Misconfigured, MissingLibrary
from .._core.job import RESULTS
from .._core.times import iso, user_moment
from .._systems.listing import Listing
from .._wait.loop import Report, Wait
from .._wait.policy import Look, Policy, Seen
from .continuation import keep, restore, with_its_moments
from .task import Answer, Task, cost

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
# Where a line can be said at once, the wait stops so often to see whether there is one.
_MOMENT = 1.0
# Changes so close together share a line.
_LINE_TOGETHER = 5.0


def wait_for_jobs(task: Task) -> Answer:
    """Wait as the options say; in check mode look once and say what would be waited for."""
    turn = None if task.check_mode else task.turn
    if turn is not None:
        task = with_its_moments(task)
    wait = Wait(policy_of(task), task.clock)
    unmatched: dict[str, str] = {}
    look = looks(task, wait, unmatched)
    if task.check_mode:
        return _check(task, wait, look)
    if turn is not None:
        restore(task, wait, unmatched)
        report = wait.run(look, turn.seconds)
        if report is None:
            left = max(0.0, wait.deadline - wait.now())
            kept = keep(task, wait, unmatched)
            return {"changed": False, "waiting": wait.progress(), "seconds_left": left, "kept": kept}
    else:
        report = watch(task, wait, look)
    for warning in unmatched.values():
        task.warn(warning)
    if report.old_news:
        task.warn(f"{report.old_news.strip()} Give started_after, if a run of tonight was meant")
    _warn_of_an_empty_choice(task, report)
    forgiven = report.verdict == "timed_out" and not task.params["fail_on_timeout"]
    return _answer(task, report, failed=report.verdict != "reached" and not forgiven)


def looks(task: Task, wait: Wait, unmatched: dict[str, str]) -> Look:
    """Give the wait its eyes: a look at the system that ends in time, each warning told once.

    ``unmatched`` holds in the end what of the selection no job ever wore.
    """
    warned: set[str] = set()
    http = task.system.http
    policy = wait.policy
    # Definitions are chosen by what they are; which of their runs is meant, the loop decides.
    selection = task.selection._replace(started_after=None) if policy.definitions else task.selection

    if policy.ids is None and policy.state == "idle":
        selection = selection._replace(about="active")
    elif policy.ids is None and selection.started_after is None and not policy.settled:
        selection = selection._replace(about="new")

    def look(ids: tuple[str, ...] | None, patience: float) -> Seen:
        # However many pages a list has, a look ends one request after the deadline. Until then a slow list may take
        # its time: each of its pages is an answer.
        left = max(0.0, wait.deadline - wait.now())
        asked = selection
        if ids is not None:
            asked = selection._replace(job_ids=ids, nothing=not ids, max_results=None)
        try:
            with http.within(patience, task.clock.monotonic() + left + http.request_timeout):
                listing: Listing = task.system.look(asked)
        except BackupError:
            # Nothing else collects what an answer that was no good leaves behind, and a wait can be long.
            gc.collect()
            raise
        finally:
            wait.hear(http.answered_at)
            wait.server_ahead = http.server_ahead
        wait.forget(listing.excluded)
        wait.unseen = listing.unseen
        for word in listing.unmatched.keys() ^ unmatched.keys():
            # What matched once is no mistake, also if it does not match any more.
            unmatched.pop(word, None)
        if wait.polls == 0:
            unmatched.update(listing.unmatched)
        for warning in listing.warnings:
            if warning not in warned:
                task.warn(warning)
                warned.add(warning)
        return listing

    return look


def watch(task: Task, wait: Wait, look: Look, enough: t.Callable[[], bool] | None = None) -> Report:
    """Wait to the end, and say how it stands at each change, and at least every progress_interval.

    Where it is ``enough`` before that, give how it stands then.
    """
    interval = task.params["progress_interval"]
    said_at, said = float("-inf"), 0
    while True:
        report = wait.run(look, float("inf") if task.say is None and enough is None else _MOMENT)
        if report is not None:
            return report
        if enough is not None and enough():
            return wait.report("reached")
        silent, changed = wait.now() - said_at, len(wait.transitions) > said
        if task.say is not None and silent >= (min(_LINE_TOGETHER, interval) if changed else interval):
            task.say(wait.progress())
            said_at, said = wait.now(), len(wait.transitions)


def _warn_of_an_empty_choice(task: Task, report: Report) -> None:
    by_pattern = task.selection.names or task.selection.types
    if report.verdict == "reached" and task.params["state"] == "idle" and by_pattern and not report.jobs:
        task.warn(
            "No job matched names and types. That nothing selected is active says nothing about the other jobs of "
            f"{task.system.TITLE}"
        )


def _check(task: Task, wait: Wait, look: Look) -> Answer:
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
    # Whoever has to find out why needs the address.
    where = f" at {task.system.connection.url}" if report.verdict in ("unreachable", "auth_lost") else ""
    unseen = f" Not seen: {', '.join(one['what'] for one in report.unseen)}." if report.unseen else ""
    return {
        "changed": False,
        "failed": failed,
        "verdict": report.verdict,
        "timed_out": report.verdict == "timed_out",
        "jobs": report.jobs,
        "unfinished": [job.to_dict() for job in report.unfinished],
        "summary": report.summary,
        "elapsed": report.elapsed,
        "deadline": report.deadline,
        "polls": report.polls,
        **spent,
        "throttled_seconds": round(spent["throttled_seconds"] + report.throttled_seconds, 3),
        "transitions": report.transitions,
        "left_out": report.left_out,
        "unseen": report.unseen,
        "complete": report.complete,
        "msg": f"{task.system.TITLE}{where}: {report.message}{window}{unseen}",
    }


def policy_of(task: Task) -> Policy:
    """Check the options of the wait, and give what they ask for."""
    params = task.params
    _refuse(task)
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
        every_run=task.selection.started_after is not None,
        named=tuple(name for name in task.selection.names if not set("*?[") & set(name)),
        count_continuous=params["continuous"] == "count" or bool(task.selection.job_ids),
        run_after=task.selection.started_after if definitions else None,
        settled=task.selection.max_results is not None,
    )


def _refuse(task: Task) -> None:
    """Refuse what is out of range, or contradicts itself."""
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
