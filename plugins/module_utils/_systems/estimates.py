# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""When a job may end: what earlier runs tell."""

from __future__ import annotations

import typing as t
from datetime import datetime
from statistics import median

from .._core.job import Job
from .reading import later


def with_ends(jobs: list[Job], listed: t.Iterable[Job], now: datetime) -> list[Job]:
    """Give running jobs their expected end; one that has passed is none."""
    # Most of a long list has ended.
    if any(lacks_end(job) for job in jobs):
        usual = usual_durations(listed)
        jobs = [expected(job, usual) for job in jobs]
    return [job._replace(eta=None) if job.eta is not None and job.eta <= now else job for job in jobs]


def usual_durations(jobs: t.Iterable[Job]) -> dict[tuple[str, str | None], float]:
    """For each name and type, the median duration of the runs that ended well."""
    known: dict[tuple[str, str | None], list[float]] = {}
    for job in jobs:
        if job.name is not None and job.duration is not None and job.result in ("success", "warning"):
            known.setdefault((job.name, job.type), []).append(job.duration)
    return {kind: median(durations) for kind, durations in known.items()}


def lacks_end(job: Job) -> bool:
    """Whether a job runs and the system does not say until when."""
    return job.state == "running" and job.eta is None


def expected(job: Job, usual: t.Mapping[tuple[str, str | None], float]) -> Job:
    """Give a running job its expected end, where the system says none but earlier runs of that name are listed."""
    if job.name is None or not lacks_end(job):
        return job
    return job._replace(eta=later(job.started, usual.get((job.name, job.type))), eta_is_average=True)
