# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What is waited for and how, and what the loop asks for."""

from __future__ import annotations

import typing as t
from datetime import datetime

from .._core.job import Job

Verdict = t.Literal["reached", "failed", "timed_out", "stalled", "missing", "unreachable", "auth_lost"]


class Seen(t.Protocol):
    """What one look shows."""

    jobs: dict[str, Job]
    complete: bool


# Asks for these ids (None: for the whole selection), sitting out trouble for so many seconds.
Look = t.Callable[[t.Optional[tuple[str, ...]], float], Seen]


class Policy(t.NamedTuple):
    """What is waited for and how. Times in seconds."""

    state: t.Literal["finished", "successful", "idle"]
    require: t.Literal["all", "any"]
    accept_results: tuple[str, ...]
    timeout: float
    until: datetime | None
    interval: float
    max_interval: float
    quiet_period: float
    appear_timeout: float
    stall_timeout: float | None
    on_missing: t.Literal["fail", "finished", "ignore"]
    unreachable_timeout: float
    # The ids asked for; None: a selection, whose jobs are those that a look shows.
    ids: tuple[str, ...] | None
    # A job is a definition that runs again and again; a run that began earlier than this is not the awaited one.
    definitions: bool = False
    run_after: datetime | None = None
    # A selection is about every run since then, which it has chosen by itself.
    every_run: bool = False
    # Names that a selection spells out: a definition of that name is awaited, also if no run of it has begun yet.
    named: tuple[str, ...] = ()
    # What runs for ever counts for a drain as well.
    count_continuous: bool = False
    # The jobs that the selection shows first are all that is waited for: with a limit, others would push them out.
    settled: bool = False
