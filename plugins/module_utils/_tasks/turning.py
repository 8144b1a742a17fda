# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Turning schedules off and on: each by one write, sent once, and then a look whether it is done."""

from __future__ import annotations

import typing as t

from .._core.errors import BackupError, Unanswered
from .._systems.orders import Switch
from .._systems.selection import Selection
from .task import Task

# What was read longer ago than this many seconds is read again before it is turned.
_FRESH = 5.0
# So long a switch may take to show that it was turned, and so often it is looked at.
_SHOWN_WITHIN = 15.0
_PAUSE = 1.0
_LONGEST_PAUSE = 5.0


class Turned:
    """What came of turning some switches."""

    def __init__(self) -> None:
        self.done: list[Switch] = []
        # Switch -> why it is not known to be turned. Of what was refused it is known that it is not.
        self.refused: dict[Switch, str] = {}
        self.unconfirmed: dict[Switch, str] = {}
        # What had been turned by somebody else when its turn came.
        self.late: list[Switch] = []
        self.sent = False


def turn_switches(task: Task, switches: t.Sequence[Switch], on: bool, read_at: float) -> Turned:
    """Turn each once, and look what came of it. The trouble of one does not stop the others."""
    turned = Turned()
    for batch in task.system.together(switches):
        if task.clock.monotonic() - read_at > _FRESH:
            batch = _still(task, batch, on, turned)
        if not batch:
            continue
        try:
            task.system.turn(batch, on)
        except Unanswered as exc:
            # It may have arrived: we read and see.
            turned.unconfirmed.update(dict.fromkeys(batch, f"no answer to the request, which may have arrived: {exc}"))
            turned.sent = True
        except BackupError as exc:
            turned.refused.update(dict.fromkeys(batch, f"not {'turned on' if on else 'turned off'}: {exc}"))
        else:
            turned.unconfirmed.update(dict.fromkeys(batch, "accepted, and not seen to be done"))
            turned.sent = True
    _confirm(task, turned, on)
    return turned


def _still(task: Task, batch: list[Switch], on: bool, turned: Turned) -> list[Switch]:
    """Look again at switches whose turn comes late; leave out what somebody else has turned meanwhile."""
    try:
        seen = task.system.switches(Selection(job_ids=tuple(one.id for one in batch)))
    except BackupError as exc:
        turned.refused.update(dict.fromkeys(batch, f"could not be read again, so nothing was sent: {exc}"))
        return []
    turned.late += [one for one in batch if one.id in seen.found and seen.found[one.id].on is on]
    return [one for one in batch if one.id in seen.found and seen.found[one.id].on is (not on)]


def _confirm(task: Task, turned: Turned, on: bool) -> None:
    """Look until every switch that was to be turned is seen to be, or time is up."""
    deadline, pause = task.clock.monotonic() + _SHOWN_WITHIN, _PAUSE
    while turned.unconfirmed:
        open_ = {one.id: one for one in turned.unconfirmed}
        left = deadline - task.clock.monotonic()
        try:
            with task.system.http.within(max(left, 0.0)):
                seen = task.system.switches(Selection(job_ids=tuple(open_)))
        except BackupError as exc:
            # What was asked for has been asked for: the result has to say so.
            turned.unconfirmed = {one: f"{why}; could not be seen: {exc}" for one, why in turned.unconfirmed.items()}
            return
        for switch_id, switch in open_.items():
            if switch_id in seen.found and seen.found[switch_id].on is on:
                del turned.unconfirmed[switch]
                turned.done.append(switch)
        if left <= 0:
            return
        if turned.unconfirmed:
            task.clock.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)
