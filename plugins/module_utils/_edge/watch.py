# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The event source ``backup_jobs``: its options, and its body. The documentation in its file says the same in words."""

from __future__ import annotations

import functools
import typing as t

from .._core.times import Clock
from .._tasks.changes import EVENTS
from .._tasks.watch import Outlet, watch_jobs
from .options import NOT_LONG, Spec
from .perform import Verb
from .worker import run_in_worker

OPTIONS: Spec = {
    "interval": {"type": "float", "default": 30.0},
    "events": {"type": "list", "elements": "str", "choices": list(EVENTS)},
    "state_file": {"type": "path"},
    "since": {"type": "str", "default": "1h"},
    "stall_timeout": {"type": "float"},
    "rpo": {"type": "list", "elements": "dict"},
}


def watch(args: dict[str, t.Any], environ: t.Mapping[str, str], outlet: Outlet, clock: Clock) -> str:
    """Watch until the clock or the outlet raises; gives why it could not, where it ends by itself."""
    verb = Verb(
        "changeops.backup.backup_jobs", OPTIONS, functools.partial(watch_jobs, outlet=outlet), defaults=NOT_LONG
    )
    # A variable of a rulebook that nobody set comes as nothing.
    given = {name: value for name, value in args.items() if value is not None}
    answer = run_in_worker(verb, given, False, environ, outlet.log, clock)
    return str(answer["msg"])
