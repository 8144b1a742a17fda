# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Calls for one job after the other: what fails for one is a warning, and does not stop the others."""

from __future__ import annotations

import typing as t

from .._core.errors import AuthLost, BackupError, Unanswered
from .._core.job import Job
from .task import Task

T = t.TypeVar("T")
# What is left of the patience for a job when those before it have used it up.
_LEAST_PATIENCE = 10.0
# After so many jobs in a row without an answer the others are not asked for.
_SILENT_JOBS = 3
_NAMED = 5


class OneByOne:
    """Makes the calls. ``unreachable_timeout`` is for all of them: it counts from the last good answer."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._patience = task.system.http.patience
        self._answered_at = task.clock.monotonic()
        self._silent = 0
        self._failed: list[str] = []

    def attempt(self, job: Job, ask: t.Callable[[], T]) -> T | BackupError:
        """Give what came of the call for a job, also if that is an error. A login that is lost is lost for all."""
        http, clock = self._task.system.http, self._task.clock
        outcome: T | BackupError
        if self._silent >= _SILENT_JOBS:
            outcome = Unanswered(f"not asked for, as the {_SILENT_JOBS} jobs before got no answer")
        else:
            left = self._patience - (clock.monotonic() - self._answered_at)
            try:
                with http.within(max(left, _LEAST_PATIENCE)):
                    outcome = ask()
            except AuthLost:
                raise
            except BackupError as exc:
                outcome = exc
            if isinstance(outcome, Unanswered):
                self._silent += 1
            else:
                self._silent, self._answered_at = 0, clock.monotonic()
        if isinstance(outcome, BackupError):
            self._failed.append(f"{job.id}: {outcome}")
        return outcome

    def tell(self, what: str) -> None:
        """Warn of the jobs for which it failed."""
        if self._failed:
            more = len(self._failed) - _NAMED
            said = self._failed[:_NAMED] + ([f"and {more} more"] if more > 0 else [])
            self._task.warn(f"{what}: {'; '.join(said)}")
