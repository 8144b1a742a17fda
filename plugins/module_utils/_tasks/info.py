# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Looking at jobs: the body of ``backup_job_info``."""

from __future__ import annotations

import functools
import typing as t

from .._core.errors import BackupError
from .._core.job import RESULTS, STATES, Job, tally
from .._core.times import iso
from .._systems.listing import Listing
from .one_by_one import OneByOne
from .task import Answer, Task, cost


def look_at_jobs(task: Task) -> Answer:
    """Give the selected jobs, counted, and whether they are all."""
    details = task.params["details"] or ()
    if "log" in details or any(task.params[name] is not None for name in ("log_dest", "log_max_bytes")):
        # Few ask for logs, and every start of a module pays for what it reads.
        from .logs import check_options, fetch_logs

        check_options(task)
    task.system.keep_raw = "raw" in details
    queried_at = iso(task.clock.now())
    listing = task.system.look(task.selection)
    for warning in (*listing.warnings, *listing.unmatched.values()):
        task.warn(warning)
    # What an incomplete list does not show is not missing: it was not seen.
    missing, unseen = (listing.missing, []) if listing.complete else ([], listing.missing)
    if unseen:
        task.warn(f"not seen, and the list of jobs was not complete: {', '.join(unseen)}")
    jobs: list[Job] = list(listing.jobs.values())
    if "steps" in details:
        jobs = _with_steps(task, jobs)
    asked: dict[str, t.Any] = {}
    if "log" in details:
        logs = fetch_logs(task, jobs)
        jobs = [job._replace(log_path=log.path) for job, log in zip(jobs, logs)]
        asked["logs"] = [log._asdict() for log in logs]
    if not jobs and not listing.unmatched:
        task.warn(f"No job was found. {task.system.TITLE} was asked, and answered")
    return {
        "changed": False,
        "jobs": jobs,
        "count": len(jobs),
        "active_count": sum(job.active for job in jobs),
        "by_state": tally((job.state for job in jobs), STATES),
        "by_result": tally((job.result for job in jobs), RESULTS),
        "missing": missing,
        "unseen": listing.unseen,
        "complete": listing.complete and not listing.cut,
        "capabilities": task.system.CAPABILITIES._asdict(),
        "queried_at": queried_at,
        "msg": _sentence(task, jobs, listing, missing),
        **asked,
        **cost(task),
    }


def _sentence(task: Task, jobs: t.Sequence[Job], listing: Listing, missing: t.Sequence[str]) -> str:
    """Say what was seen."""
    active = sum(job.active for job in jobs)
    worst = tally((job.result for job in jobs), RESULTS)
    ends = [f"{count} {word}" for word, count in worst.items() if count]
    said = [f"{len(jobs)} job{'' if len(jobs) == 1 else 's'}", f"{active} active", *ends]
    if missing:
        said.append(f"not there: {', '.join(missing)}")
    if not listing.complete:
        said.append("the list is not complete")
    elif listing.cut:
        said.append(f"cut at max_results ({task.selection.max_results})")
    said += [f"not seen: {one['what']}" for one in listing.unseen]
    return f"{task.system.TITLE}: {', '.join(said)}."


def _with_steps(task: Task, jobs: t.Iterable[Job]) -> list[Job]:
    calls = OneByOne(task)
    told = []
    for job in jobs:
        parts = calls.attempt(job, functools.partial(task.system.steps, job))
        told.append(job if isinstance(parts, BackupError) else job._replace(parts=parts))
    calls.tell("The steps of these jobs are not known")
    return told
