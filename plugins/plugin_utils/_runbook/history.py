# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What earlier runs of the same change have done, read from its events. No I/O, no Ansible."""

from __future__ import annotations

import typing as t
from datetime import datetime

from ansible_collections.changeops.backup.plugins.module_utils._core.times import from_iso

from .drain import STOP_TAKES

Event = t.Mapping[str, t.Any]


def asked_before(events: t.Iterable[Event], host: str, run_id: str, now: datetime) -> dict[str, str]:
    """Give the jobs that a killed run has asked to stop, or was about to: id, and when.

    Not every system has a word for "stopping": such a job still looks as if nobody had asked.
    """
    asked: dict[str, dict[str, str]] = {}
    for event in events:
        run = str(event["run"].get("id"))
        if event["host"] != host or run == run_id:
            continue
        if event["stage"] == "stop":
            asked[run] = {str(job.get("id")): event["at"] for job in event["result"].get("jobs") or []}
        elif event["stage"] == "drain":
            # It has come to its end, and its result says how.
            asked.pop(run, None)
    recent = {job_id: at for jobs in asked.values() for job_id, at in jobs.items()}
    return {job_id: at for job_id, at in recent.items() if _age(at, now) < STOP_TAKES}


def _age(at: str, now: datetime) -> float:
    moment = from_iso(at)
    return float("inf") if moment is None else (now - moment).total_seconds()
