# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Looking at jobs: the body of ``backup_job_info``."""

from __future__ import annotations

import functools
import typing as t

from .._core.errors import BackupError
from .._core.job import Job, tally
from .._core.times import iso
from .logs import check_options, fetch_logs
from .one_by_one import OneByOne
from .task import Answer, Task, cost


def look_at_jobs(task: Task) -> Answer:
    """Give the selected jobs, counted, and whether they are all."""
    check_options(task)
    details = task.params["details"] or ()
    task.system.keep_raw = "raw" in details
    queried_at = iso(task.clock.now())
    listing = task.system.look(task.selection)
    for warning in listing.warnings:
        task.warn(warning)
    jobs: list[Job] = list(listing.jobs.values())
    if "steps" in details:
        jobs = _with_steps(task, jobs)
    asked: dict[str, t.Any] = {}
    if "log" in details:
        logs = fetch_logs(task, jobs)
        jobs = [job._replace(log_path=log.path) for job, log in zip(jobs, logs)]
        asked["logs"] = [log._asdict() for log in logs]
    return {
        "changed": False,
        "jobs": jobs,
        "count": len(jobs),
        "active_count": sum(job.active for job in jobs),
        "by_state": tally(job.state for job in jobs),
        "by_result": tally(job.result for job in jobs),
        "complete": listing.complete and not listing.cut,
        "capabilities": task.system.CAPABILITIES._asdict(),
        "queried_at": queried_at,
        **asked,
        **cost(task),
    }


def _with_steps(task: Task, jobs: t.Iterable[Job]) -> list[Job]:
    calls = OneByOne(task)
    told = []
    for job in jobs:
        parts = calls.attempt(job, functools.partial(task.system.steps, job))
        told.append(job if isinstance(parts, BackupError) else job._replace(parts=parts))
    calls.tell("The steps of these jobs are not known")
    return told
