# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Watching a system for ever: the body of the event source, between its options and what changed.

What is remembered is written before an event leaves. An event is done with at the look after the one that told it, if
by then somebody has taken it; until then it is told again after a restart, with the same id.
"""

from __future__ import annotations

import contextlib
import typing as t
from datetime import datetime

from .._core.errors import AuthLost, BackupError, Misconfigured, MissingLibrary
from .._core.job import Job
from .._core.times import iso, user_moment_or_age
from .changes import EVENTS, Changes, Event
from .memory import Memory
from .recovery import read_wanted
from .task import Task

# What a vendor sends is bounded before a rule engine keeps it.
_LONGEST_TEXT = 1000
_MOST_PARTS = 100
# A list may have many pages; a look at it ends all the same.
_LONGEST_LOOK = 900.0
# Trying a login again and again can lock an account: each time it is left alone for twice as long, up to this.
_LONGEST_AFTER_A_REFUSED_LOGIN = 600.0
_LEAST = 0.01
# With the address, what tells one source from another.
_SCOPE = ("connection_id", "account_id", "agent_id", "organization_id")


class Outlet(t.Protocol):
    """Where events go."""

    def put(self, event: dict[str, t.Any]) -> None:
        """Hand one over; it may take as long as whoever takes it needs."""

    def waiting(self) -> int:
        """How many of those handed over nobody has taken yet."""

    def log(self, text: str) -> None:
        """Say something to whoever reads the log."""


def watch_jobs(task: Task, outlet: Outlet) -> t.NoReturn:
    """Look again and again, and tell what changed. It never ends by itself."""
    params, connection = task.params, task.system.connection
    if task.selection.max_results is not None:
        raise Misconfigured("max_results would hide jobs: leave it out")
    events, interval = _events(params), _seconds(params, "interval") or _LEAST
    since, stall_timeout = _since(params, task.clock.now()), _seconds(params, "stall_timeout")
    changes = Changes(connection.url, since, _presenter(task), stall_timeout, read_wanted(params["rpo"]))
    source = [task.system.NAME, connection.url, *(connection[name] for name in _SCOPE)]
    with Memory(params["state_file"], source, changes) as memory:
        if memory.trouble:
            outlet.log(memory.trouble)
        try:
            _go_on(task, outlet, changes, memory, events, interval)
        finally:
            # Nobody listens any more: what was taken until now has arrived, and is not told again.
            memory.settle(outlet.waiting())
            with contextlib.suppress(OSError):
                memory.save()


def _go_on(
    task: Task, outlet: Outlet, changes: Changes, memory: Memory, events: t.Container[str], interval: float
) -> t.NoReturn:
    warned: set[str] = set()
    pause = interval
    _send(task, outlet, memory)
    while True:
        memory.settle(outlet.waiting())
        told, lost = _look(task, changes, warned, outlet)
        pause = max(interval, min(2 * pause, _LONGEST_AFTER_A_REFUSED_LOGIN)) if lost else interval
        before = len(memory.outbox)
        memory.outbox += [event for event in told if event.event in events]
        try:
            memory.save()
        except OSError as exc:
            outlet.log(f"the state file cannot be written, so nothing is told: {exc}")
            memory.undo(before)
        else:
            _send(task, outlet, memory)
        task.clock.sleep(pause)


def _look(task: Task, changes: Changes, warned: set[str], outlet: Outlet) -> tuple[list[Event], bool]:
    """Look once; give what changed, and whether the login was refused."""
    patience = float(task.system.connection["unreachable_timeout"])
    http = task.system.http
    try:
        with http.within(patience, task.clock.monotonic() + _LONGEST_LOOK):
            listing = task.system.look(task.selection)
    except (Misconfigured, MissingLibrary):
        raise
    except BackupError as exc:
        return changes.fail(task.mask(str(exc)), task.clock.now()), isinstance(exc, AuthLost)
    for warning in (*listing.warnings, *listing.unmatched.values()):
        if warning not in warned and len(warned) < _MOST_PARTS:
            warned.add(warning)
            outlet.log(task.mask(warning))
    unseen = "; ".join(f"{one['what']} ({one['why']})" for one in listing.unseen)
    return changes.absorb(listing.jobs, listing.complete, task.clock.now(), http.server_ahead, unseen), False


def _send(task: Task, outlet: Outlet, memory: Memory) -> None:
    """Hand over what was not yet."""
    while memory.handed < len(memory.outbox):
        event = memory.outbox[memory.handed]
        reason = task.mask(event.reason)[:_LONGEST_TEXT]
        where = {"source": task.system.connection.url, "system": task.system.NAME}
        outlet.put({"backup": {**event._asdict(), "reason": reason, **where}})
        memory.handed += 1


def _presenter(task: Task) -> t.Callable[[Job], dict[str, t.Any]]:
    """What an event holds of a job: all that a module returns, masked, printable and not too long."""

    def tidy(value: t.Any) -> t.Any:
        if isinstance(value, str):
            return task.mask(value)[:_LONGEST_TEXT]
        if isinstance(value, dict):
            return {name: tidy(one) for name, one in value.items()}
        return [tidy(one) for one in value[:_MOST_PARTS]] if isinstance(value, list) else value

    def present(job: Job) -> dict[str, t.Any]:
        shown: dict[str, t.Any] = tidy(job.to_dict())
        return shown

    return present


# -- options ---------------------------------------------------------------------------------------------------------


def _events(params: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    if params["events"] == []:
        raise Misconfigured("events is an empty list: nothing would ever be told")
    return tuple(params["events"] or EVENTS)


def _since(params: t.Mapping[str, t.Any], now: datetime) -> datetime:
    try:
        since = user_moment_or_age(params["since"], now)
    except ValueError as exc:
        raise Misconfigured(f"since has to be {exc}, not {params['since']!r}") from exc
    if since > now:
        raise Misconfigured(f"since ({iso(since)}) is yet to come")
    return since


def _seconds(params: t.Mapping[str, t.Any], name: str) -> float | None:
    value: float | None = params[name]
    if value is not None and not _LEAST <= value <= 86400.0:
        raise Misconfigured(f"{name} has to be between {_LEAST:g} and 86400 seconds, not {value:.10g}")
    return value
