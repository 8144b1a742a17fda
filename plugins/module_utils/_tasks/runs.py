# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Which of the jobs of a system are runs of what is to be started, and which one of them is the one that was asked for.

No clock tells a new run from an old one where anything else does: a definition is compared with what it showed before,
a list with what it held before.
"""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

from .._core.job import Job
from .._core.times import WHOLE_SECONDS
from .._systems.contract import BackupSystem
from .._systems.orders import Wanted
from .._wait.policy import Look, Seen

# A run that nothing but its start connects with a request begins so soon after it.
_SOON = timedelta(seconds=60)
_NOT_YET = datetime.max.replace(tzinfo=timezone.utc)


class Runs:
    """The runs of one thing."""

    def __init__(self, system: BackupSystem, wanted: Wanted) -> None:
        self.wanted = wanted
        self._system = system
        # What there was before the request: a definition, or all jobs.
        self.before: dict[str, Job] = {}
        self.asked_at: datetime | None = None
        # The id of the run, once it is known, and the run as it was seen last.
        self.run_id: str | None = None
        self.run: Job | None = None

    @property
    def definition(self) -> Job | None:
        """What is to be started, where it shows its latest run itself."""
        return self.wanted.definition if self._system.CAPABILITIES.definitions else None

    def note(self, jobs: t.Mapping[str, Job]) -> None:
        """Take in what there is before anything is asked for."""
        self.before = dict(jobs)

    @property
    def known(self) -> list[Job]:
        """The runs that there were before, the newest first; those of which the system does not say it are none."""
        if self.definition is not None:
            return [self.definition]
        return [job for job in self.before.values() if self._is_of(job)]

    def follow(self, job: Job) -> None:
        """Take this run for the one that is meant."""
        self.run_id, self.run = job.id, job

    def through(self, look: Look) -> Look:
        """Let a wait see nothing but the run that is meant."""

        def seen(ids: tuple[str, ...] | None, patience: float) -> Seen:
            listing = look(ids, patience)
            meant = self._meant(listing.jobs)
            listing.jobs = {} if meant is None else {meant.id: meant}
            if meant is not None:
                self.follow(meant)
            return listing

        return seen

    def _meant(self, jobs: t.Mapping[str, Job]) -> Job | None:
        definition = self.definition
        if definition is not None:
            job = jobs.get(definition.id)
            return job if job is not None and (self.run is not None or _is_new_run(job, definition)) else None
        if self.run_id is not None:
            job = jobs.get(self.run_id)
            # A server that began to count anew has another job of that id.
            return None if job is None or self._is_of(job) is False else job
        new = sorted(
            (job for job in jobs.values() if job.id not in self.before),
            key=lambda job: (job.started or _NOT_YET, job.id),
        )
        ours = [job for job in new if self._is_of(job)]
        # Where the system does not say of what a job is a run, only one can be it that begins with the request.
        perhaps = [job for job in new if self._is_of(job) is None and self._begins_with_request(job)]
        if ours:
            return ours[0]
        return perhaps[0] if len(perhaps) == 1 else None

    def _is_of(self, job: Job) -> bool | None:
        return self._system.is_run_of(job, self.wanted)

    def _begins_with_request(self, job: Job) -> bool:
        if job.started is None or self.asked_at is None:
            return False
        asked_at = self.asked_at + timedelta(seconds=self._system.http.server_ahead)
        return asked_at - WHOLE_SECONDS <= job.started <= asked_at + _SOON


def _is_new_run(job: Job, before: Job) -> bool:
    """Whether a definition that was at rest shows another run. What it says while its schedule is changed is none."""
    if job.started is not None and before.started is not None:
        return job.started > before.started
    if job.state == "unknown":
        return False
    return job.active or (job.started is not None and before.started is None)
