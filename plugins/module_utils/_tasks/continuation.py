# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What goes from one turn of a wait to the next, where a wait has to be cut into turns. A token is in it."""

from __future__ import annotations

import typing as t

from .._core.times import from_iso, iso
from .._wait.loop import Wait
from .task import Task


def with_its_moments(task: Task) -> Task:
    """Let an age such as 24h mean what it meant when the wait began."""
    kept = task.turn.kept if task.turn else None
    if kept is None:
        return task
    after, since = map(from_iso, kept["moments"])
    return task._replace(selection=task.selection._replace(started_after=after, listed_from=since))


def restore(task: Task, wait: Wait, unmatched: dict[str, str]) -> None:
    """Go on where the turn before stopped."""
    kept = task.turn.kept if task.turn else None
    if kept is None:
        return
    wait.restore(kept["wait"])
    task.system.http.credential.restore(kept["login"])
    vars(task.system.http.statistics).update(kept["cost"])
    task.system.restore(kept["system"])
    unmatched.update(kept["unmatched"])


def keep(task: Task, wait: Wait, unmatched: dict[str, str]) -> dict[str, t.Any]:
    """Everything that the next turn needs, as JSON can hold it."""
    http = task.system.http
    return {
        "wait": wait.keep(),
        "login": http.credential.keep(),
        "cost": vars(http.statistics),
        "moments": [iso(task.selection.started_after), iso(task.selection.listed_from)],
        "system": task.system.keep(),
        "unmatched": unmatched,
    }
