# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The gate: does anything stand in the way of a change that begins now? No I/O, no Ansible."""

from __future__ import annotations

import fnmatch
import typing as t
from datetime import datetime

from ansible_collections.changeops.backup.plugins.module_utils._core.times import from_iso, iso

from .verdicts import JobDict, Place, Reason, Result, conclude, label, not_shown, with_gaps
from .window import Window

Due = t.Literal["block", "warn", "ignore"]
DUE: tuple[Due, ...] = t.get_args(Due)
# Whoever chooses jobs means some that there are.
CHOOSING = ("job_ids", "names", "types", "kinds")


class Blocker(t.NamedTuple):
    """A job in the way, and what is known of its end."""

    reason: Reason
    job: JobDict
    fits: bool | None

    def at(self, place: Place) -> dict[str, t.Any]:
        """Give the blocker as it is returned."""
        # Two jobs may share a name.
        known = {name: self.job.get(name) for name in ("id", "started", "percent", "eta")}
        return {**self.reason.at(place), **known, "fits": self.fits}


def judge_gate(
    look: t.Mapping[str, t.Any],
    place: Place,
    window: Window,
    due: Due,
    now: datetime,
    selection: t.Mapping[str, t.Any] | None = None,
) -> Result:
    """Judge one look at a system. Whatever was not seen whole is ``cannot_tell``."""
    jobs: list[JobDict] = list(look.get("jobs") or [])
    active = [job for job in jobs if job.get("active") and not job.get("continuous")]
    blockers = [_in_the_way(job, window) for job in active]
    coming = [] if due == "ignore" else _due(jobs, window, now)
    hidden = unanswered(look) or _not_seen(look, jobs, selection or {})
    closed = window.closed(now)
    reasons = [*closed, *hidden, *(one.reason for one in blockers)]
    if due == "block":
        reasons += [one.reason for one in coming]
        blockers += coming
    left_out = [job for job in jobs if job.get("continuous") and job.get("active")]
    gaps = not_shown(place, look)
    return conclude(
        place,
        reasons,
        with_gaps(_nothing_active(jobs, left_out), gaps),
        jobs,
        now,
        blockers=[one.at(place) for one in blockers],
        warnings=[one.reason.at(place) for one in coming] if due == "warn" else [],
        unseen=[*_unseen(place, hidden), *gaps, *_no_schedule(place, look, jobs, window, due)],
        left_out=[{"id": job.get("id"), "name": job.get("name"), "why": "runs for ever"} for job in left_out],
        window=window.to_dict(),
        # Only what runs can be waited for.
        drainable=all(reason.verdict == "busy" for reason in reasons) and not (due == "block" and coming),
        complete=not hidden,
    )


def unanswered(look: t.Mapping[str, t.Any]) -> list[Reason]:
    """Say why a task has no answer, or one that does not show everything. Empty: it is whole."""
    if "jobs" not in look or look.get("failed") or look.get("unreachable"):
        return [Reason("cannot_tell", "the system", _first_line(look.get("msg")) or "it was not looked at")]
    if look.get("complete") is not True:
        return [Reason("cannot_tell", "the list of jobs", "it is not complete: a job that runs may not be shown")]
    return []


def _first_line(text: t.Any) -> str:
    """Of what Ansible says of its own errors, the first line has the fact, and the others the file."""
    return str(text or "").strip().partition("\n")[0]


def _not_seen(look: t.Mapping[str, t.Any], jobs: t.Sequence[JobDict], selection: t.Mapping[str, t.Any]) -> list[Reason]:
    """What was asked for and is not there, and jobs whose state nobody knows."""
    found = [Reason("cannot_tell", str(job_id), "the system does not list it") for job_id in look.get("missing") or []]
    chosen = [name for name in CHOOSING if selection.get(name)]
    if chosen and not jobs and not found:
        found.append(Reason("cannot_tell", ", ".join(chosen), "no job matches: what was meant was not seen"))
    definitions = (look.get("capabilities") or {}).get("definitions")
    for pattern in (selection.get("names") or []) if definitions else []:
        # A definition is there whether it runs or not: a name that none has is a mistake.
        if not any(_is_named(job, str(pattern).strip()) for job in jobs):
            found.append(Reason("cannot_tell", str(pattern), "no job has this name"))
    for job in jobs:
        if job.get("state") == "unknown":
            why = f"its state is not known ({job.get('vendor_state')!r} is no documented word)"
            found.append(Reason("cannot_tell", label(job), why))
    return found


def _is_named(job: JobDict, pattern: str) -> bool:
    name = str(job.get("name") or "").strip()
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def _in_the_way(job: JobDict, window: Window) -> Blocker:
    """Say of an active job since when it runs, how far it is, and whether it ends in time."""
    eta, latest = from_iso(job.get("eta")), window.latest_start
    fits = None if eta is None or latest is None else eta <= latest
    said = [str(job.get("state"))]
    if job.get("started"):
        said.append(f"since {job['started']}")
    if job.get("percent") is not None:
        said.append(f"{job['percent']:g} %")
    said.append(f"expected end {iso(eta)}" if eta else "its end is not known")
    if fits is not None:
        said.append(f"which is {'before' if fits else 'after'} the latest start of the change, {iso(latest)}")
    return Blocker(Reason("busy", label(job), ", ".join(said)), job, fits)


def _due(jobs: t.Iterable[JobDict], window: Window, now: datetime) -> list[Blocker]:
    """Find the jobs that begin before a change that begins now would be over."""
    over = window.over_at(now)
    found = []
    for job in jobs:
        begins = from_iso(job.get("next_run"))
        if over is not None and begins is not None and begins < over and not job.get("continuous"):
            why = f"its next run begins at {iso(begins)}, before the change would be over at {iso(over)}"
            found.append(Blocker(Reason("busy", label(job), why), job, False))
    return found


def _unseen(place: Place, hidden: t.Iterable[Reason]) -> list[dict[str, t.Any]]:
    return [{"host": place.host, "system": place.system, "what": one.object, "why": one.why} for one in hidden]


def _no_schedule(
    place: Place, look: t.Mapping[str, t.Any], jobs: t.Sequence[JobDict], window: Window, due: Due
) -> list[dict[str, t.Any]]:
    """Say so where no next run can be seen, and one was to block."""
    if due != "block" or "jobs" not in look or not (window.end or window.duration):
        return []
    if any(job.get("next_run") for job in jobs):
        return []
    why = "this system does not tell when a job starts next"
    if (look.get("capabilities") or {}).get("definitions") or any(job.get("state") == "idle" for job in jobs):
        why = "no job shows a next run: none is scheduled, or the version of the API that was asked does not tell"
    return [{"host": place.host, "system": place.system, "what": "next runs", "why": why}]


def _nothing_active(jobs: t.Sequence[JobDict], left_out: t.Sequence[JobDict]) -> str:
    said = f"nothing is active (looked at {len(jobs)} job{'' if len(jobs) == 1 else 's'})"
    return f"{said}; left out, as they run for ever: {len(left_out)}" if left_out else said
