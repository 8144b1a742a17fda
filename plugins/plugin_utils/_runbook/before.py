# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What is done to a system around a change: schedules held and given back, and a fresh backup. No I/O, no Ansible."""

from __future__ import annotations

import typing as t
from datetime import datetime

from .verdicts import Place, Reason, Result, Verdict, conclude

Answer = t.Mapping[str, t.Any]
# What the module returns of each schedule.
LISTS = ("held", "released", "already", "left_alone", "missed")
# Of a release, what is worth an event.
TOLD = ("released", "left_alone", "missed")
_SELECTION = ("job_ids", "names", "types", "kinds", "exclude")
_OFF: tuple[t.Any, ...] = (None, False, "", [], "false", "False", "no")
_ON: tuple[t.Any, ...] = (True, "true", "True", "yes")
# How a start came out -> what that is to the change. What is not here, nobody can tell.
_VERDICTS: t.Mapping[t.Any, Verdict] = {"failed": "breach", "timed_out": "busy", "stalled": "busy"}


def read_hold(given: t.Any) -> list[dict[str, t.Any]]:
    """Read ``backup_change_window_hold``: none, or one selection. Raises ValueError."""
    if given in _OFF:
        return []
    if given in _ON:
        return [{}]
    if not isinstance(given, t.Mapping):
        raise ValueError(f"backup_change_window_hold has to be true, false or a selection, not {given!r}")
    if strange := sorted(map(str, given.keys() - {*_SELECTION})):
        raise ValueError(f"backup_change_window_hold selects by {', '.join(_SELECTION)}, not by {', '.join(strange)}")
    return [dict(given)]


def read_fresh(given: t.Any, wait_timeout: float, wait_until: str | None, reason: str) -> list[dict[str, t.Any]]:
    """Read ``backup_change_window_fresh_backup``: none, the options of one start, or of several. Raises ValueError."""
    if given in _OFF or given == {}:
        return []
    wanted = [given] if isinstance(given, t.Mapping) else given
    if not isinstance(wanted, list) or not all(isinstance(one, t.Mapping) and one for one in wanted):
        raise ValueError("backup_change_window_fresh_backup holds options of backup_job_start, or a list of such")
    limits = {"wait_timeout": wait_timeout, "wait_until": wait_until, "reason": reason}
    known = {name: value for name, value in limits.items() if value not in (None, "")}
    # Whoever makes a change waits for the backup before it.
    return [{**known, **one, "wait": True} for one in wanted]


def judge_hold(answer: Answer, place: Place, now: datetime) -> Result:
    """Judge whether everything is held: what is not can begin a run during the change."""
    reasons = _troubles(answer, "held", "the schedules could not be held")
    return _told(answer, place, now, reasons, drainable=not reasons)


def judge_release(answer: Answer, place: Place, now: datetime) -> Result:
    """Judge whether everything is given back."""
    why = "what this change holds could not be given back; the playbook release_held does it"
    return _told(answer, place, now, _troubles(answer, "released", why))


def _troubles(answer: Answer, wanted: str, why: str) -> list[Reason]:
    if wanted in answer and not answer.get("failed") and not answer.get("unreachable"):
        return []
    said = str(answer.get("msg") or "").strip().partition("\n")[0]
    return [Reason("cannot_tell", "the schedules", f"{why}: {said}" if said else why)]


def _told(answer: Answer, place: Place, now: datetime, reasons: list[Reason], **more: t.Any) -> Result:
    lists = {name: list(answer.get(name) or []) for name in LISTS}
    return conclude(
        place,
        reasons,
        str(answer.get("msg") or "nothing was turned"),
        [],
        now,
        **lists,
        reason=answer.get("reason"),
        ledger=answer.get("ledger"),
        unseen=[{"host": place.host, "system": place.system, "what": one.object, "why": one.why} for one in reasons],
        **more,
    )


def judge_fresh(answer: Answer, place: Place, now: datetime, wanted: t.Sequence[t.Mapping[str, t.Any]]) -> Result:
    """Judge the backups that were to be made, or found, before the change."""
    answers = [one for one in answer.get("results") or [] if isinstance(one, t.Mapping)]
    reasons, starts = [], []
    for place_in_list, options in enumerate(wanted):
        found: Answer = answers[place_in_list] if place_in_list < len(answers) else {}
        run = found.get("run") or {}
        name = _object(options, run)
        if "verdict" not in found or found.get("failed") or found.get("unreachable"):
            why = str(found.get("msg") or "it was not started").strip().partition("\n")[0]
            reasons.append(Reason(_VERDICTS.get(found.get("verdict"), "cannot_tell"), name, why))
        told = {word: found.get(word) for word in ("verdict", "started", "joined", "requested_at", "reason", "msg")}
        starts.append({"id": run.get("id"), "name": name, "finished": run.get("finished"), **told})
    return conclude(
        place,
        reasons,
        "; ".join(str(start["msg"]).rstrip(".") for start in starts),
        [one["run"] for one in answers if one.get("run")],
        now,
        starts=starts,
        unseen=[
            {"host": place.host, "system": place.system, "what": one.object, "why": one.why}
            for one in reasons
            if one.verdict == "cannot_tell"
        ],
    )


def _object(options: t.Mapping[str, t.Any], run: t.Mapping[str, t.Any]) -> str:
    """Name what a backup is of: by the run, else by what was asked for."""
    start = options.get("start")
    named = start.get("name") if isinstance(start, t.Mapping) else None
    return str(run.get("name") or options.get("name") or options.get("job_id") or named or run.get("id") or "a backup")
