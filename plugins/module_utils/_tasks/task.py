# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What a task is: its options, a system, a selection and a clock. No Ansible."""

from __future__ import annotations

import typing as t

from .._core.times import Clock
from .._systems.contract import BackupSystem
from .._systems.selection import Selection

# What a module returns. ``jobs`` may hold jobs as they are: the door makes them what leaves.
Answer = dict[str, t.Any]


class Turn(t.NamedTuple):
    """One turn of a wait: the longest time without a word, in seconds, and what the turns before it kept."""

    seconds: float
    kept: dict[str, t.Any] | None = None


class Task(t.NamedTuple):
    """What one run works with."""

    params: dict[str, t.Any]
    system: BackupSystem
    selection: Selection
    clock: Clock
    check_mode: bool
    warn: t.Callable[[str], None]
    # Hides the secrets in what is told before the task ends.
    mask: t.Callable[[str], str] = str
    # Says a line at once. None: nobody hears anything before the end.
    say: t.Callable[[str], None] | None = None
    # A wait can be cut into turns.
    turn: Turn | None = None


def cost(task: Task) -> dict[str, t.Any]:
    """What the task cost the system."""
    statistics = task.system.http.statistics
    return {
        "requests": statistics.requests,
        "logins": statistics.logins,
        "throttled_seconds": round(statistics.throttled_seconds, 3),
    }
