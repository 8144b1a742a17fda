# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Which of the jobs that a look shows a wait is about, and which run of them.

``ahead``: seconds that the system's clock is ahead of ours.
"""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

from .._core.job import Job
from .._core.times import WHOLE_SECONDS
from .policy import Policy

ANOTHER = "another run has begun, so how it ended is not known"
_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)


def meant(jobs: t.Mapping[str, Job], policy: Policy, history: t.Container[str], ahead: float) -> list[str]:
    """Give the ids of the runs that a selection is about."""
    # A definition that has not run is nothing to wait for, unless it was asked for by its id.
    shown = {job_id: job for job_id, job in jobs.items() if job.state != "idle"}
    if policy.run_after is not None:
        return [
            job_id for job_id, job in shown.items() if job.name in policy.named or not is_earlier(job, policy, ahead)
        ]
    if policy.every_run or policy.settled:
        return list(shown)
    return [job_id for job_id, job in shown.items() if job.active or job_id not in history]


def history_of(jobs: t.Mapping[str, Job]) -> set[str]:
    """Give what was over before: all but what is active; where nothing is, all but the newest run of each name."""
    shown = {job_id: job for job_id, job in jobs.items() if job.state != "idle"}
    about = {job_id for job_id, job in shown.items() if job.active} or _newest(shown.values())
    return shown.keys() - about


def _newest(jobs: t.Iterable[Job]) -> set[str]:
    """The newest run of each name; of each type, where the system has no names."""
    newest: dict[str | None, Job] = {}
    for job in jobs:
        key = job.name if job.name is not None else job.type
        known = newest.get(key)
        if known is None or (job.started or _LONG_AGO) > (known.started or _LONG_AGO):
            newest[key] = job
    return {job.id for job in newest.values()}


def left_out(job: Job, policy: Policy) -> bool:
    """Whether a drain does not count a job: what runs for ever would keep a system busy for ever."""
    return job.continuous and not policy.count_continuous


def for_ever(job: Job) -> dict[str, t.Any]:
    """What is told of a job that a drain left out."""
    return {"id": job.id, "name": job.name, "type": job.type, "reason": "runs for ever in the background"}


def not_since(jobs: t.Mapping[str, Job], about: t.Iterable[str], policy: Policy) -> list[str]:
    """Name the definitions of a selection whose newest run began before the awaited ones."""
    return [] if policy.run_after is None else sorted(jobs[job_id].name or job_id for job_id in jobs.keys() - about)


def instead(before: Job | None, job: Job, policy: Policy, ahead: float) -> str:
    """Say what is shown in place of the run that is waited for; empty: it is that run."""
    if policy.state == "idle":
        return ""
    if job.state == "idle":
        # There is no run yet, or one has gone.
        return "is idle, and how its run ended is not told" if before else "is idle"
    if policy.definitions:
        if policy.run_after is None:
            return ANOTHER if job.is_run_after(before) else ""
        return "shows an earlier run" if is_earlier(job, policy, ahead) else ""
    # The server began to count anew: another job wears this id now.
    return ANOTHER if before is not None and before.run != job.run else ""


def is_earlier(job: Job, policy: Policy, ahead: float) -> bool:
    """Whether a definition shows a run that began before the awaited one."""
    if policy.run_after is None or not policy.definitions:
        return False
    if job.started is None:
        # While a run begins its start is not known: then it is the awaited one.
        return not job.active
    return job.started < policy.run_after + timedelta(seconds=ahead) - WHOLE_SECONDS
