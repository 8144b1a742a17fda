# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What goes from one turn of a wait to the next, where a wait has to be cut into turns. A token is in it."""

from __future__ import annotations

import typing as t

from .._core.times import from_iso, iso
from .._wait.loop import Wait

if t.TYPE_CHECKING:
    from .task import Task


class Turn(t.NamedTuple):
    """One turn: the longest time without a word, in seconds, and what the turns before it kept."""

    seconds: float
    kept: dict[str, t.Any] | None = None

    def with_its_moments(self, task: Task) -> Task:
        """Let an age such as 24h mean what it meant when the wait began."""
        if self.kept is None:
            return task
        after, since = map(from_iso, self.kept["moments"])
        return task._replace(selection=task.selection._replace(started_after=after, listed_from=since))

    def restore(self, task: Task, wait: Wait, unmatched: dict[str, str]) -> None:
        """Go on where the turn before stopped."""
        if self.kept is None:
            return
        wait.restore(self.kept["wait"])
        task.system.http.credential.restore(self.kept["login"])
        vars(task.system.http.statistics).update(self.kept["cost"])
        task.system.restore(self.kept["system"])
        unmatched.update(self.kept["unmatched"])


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
