# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""From the options of a task to a checked selection. Nothing is sent here."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime

from .._core.errors import Misconfigured
from .._core.times import user_moment_or_age
from .._systems.contract import BackupSystem
from .._systems.selection import Selection, check_words

_LONGEST_ID = 256


def select(system: type[BackupSystem], params: t.Mapping[str, t.Any], now: datetime) -> Selection:
    """Check the selection of one task."""
    after, before, listed_from = _times(system, params, now)
    limit = params.get("max_results")
    if limit is not None and limit < 1:
        raise Misconfigured(f"max_results has to be 1 or more, not {limit}")
    exclude = tuple(word.strip().casefold() for word in _words(params, "exclude"))
    asked = _ids(system, params.get("job_ids") or ())
    ids = tuple(job_id for job_id in asked if job_id.casefold() not in exclude)
    return Selection(
        # An empty list of ids is not "all jobs": it is what a playbook has when it found none.
        nothing=params.get("job_ids") == [] or bool(asked and not ids),
        job_ids=ids,
        names=_names(system, params),
        types=_types(system, params),
        kinds=tuple(params.get("kinds") or ()),
        exclude=exclude,
        states=tuple(params.get("states") or ()),
        results=tuple(params.get("results") or ()),
        started_after=after,
        started_before=before,
        max_results=limit,
        listed_from=listed_from if system.WINDOW else None,
    )


def _ids(system: type[BackupSystem], given: t.Iterable[t.Any]) -> tuple[str, ...]:
    asked: dict[str, str] = {}
    for job_id in given:
        asked.setdefault(system.id_key(str(job_id).strip()), str(job_id).strip())
    for job_id in asked.values():
        _check_id(system, job_id)
    return tuple(asked.values())


def _words(params: t.Mapping[str, t.Any], option: str) -> t.Sequence[str]:
    words: t.Sequence[str] = params.get(option) or ()
    check_words(option, words)
    return words


def _names(system: type[BackupSystem], params: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    # Blanks at either end are no part of a name, on either side of a comparison.
    names = tuple(name.strip() for name in _words(params, "names"))
    if names and not system.CAPABILITIES.names:
        raise Misconfigured(f"jobs of {system.NAME} have no names: select with job_ids, types or started_after")
    return names


def _types(system: type[BackupSystem], params: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    types = tuple(word.strip() for word in _words(params, "types"))
    if types and not system.HAS_TYPES:
        raise Misconfigured(f"jobs of {system.NAME} have no types: select with job_ids, names or started_after")
    for word in types:
        if word.casefold() in system.NOT_TYPES:
            raise Misconfigured(
                f"{word!r} is a word of {system.NAME}'s own filter and not the type of a job: give the type as "
                "backup_job_info shows it"
            )
    return types


def _times(
    system: type[BackupSystem], params: t.Mapping[str, t.Any], now: datetime
) -> tuple[datetime | None, datetime | None, datetime | None]:
    """Read the two limits of a start, and from when on a system lists that demands a window."""
    after = _moment("started_after", params.get("started_after"), now)
    before = _moment("started_before", params.get("started_before"), now)
    if after and before and after >= before:
        raise Misconfigured("started_after has to be earlier than started_before")
    listed_from = after or (now - system.WINDOW if system.WINDOW else None)
    if before and listed_from and before <= listed_from:
        raise Misconfigured(
            f"started_before needs started_after here: without it, {system.NAME} lists only the last "
            f"{system.WINDOW.days if system.WINDOW else 0} days"
        )
    return after, before, listed_from


def _check_id(system: type[BackupSystem], job_id: str) -> None:
    pattern, wanted = system.ID_FORMAT
    if len(job_id) > _LONGEST_ID:
        wanted = f"of at most {_LONGEST_ID} characters"
        job_id = f"{job_id[:20]}..."
    elif not job_id.isprintable():
        wanted = "on one line, of characters that can be seen"
    elif re.fullmatch(pattern, job_id):
        # Dots alone would lead out of the path that they stand in.
        if job_id.strip("."):
            return
        wanted = "more than dots"
    raise Misconfigured(f"job_ids: {job_id!r} cannot be the id of a job of {system.NAME}: it has to be {wanted}")


def _moment(name: str, value: str | None, now: datetime) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        return user_moment_or_age(value, now)
    except ValueError as exc:
        raise Misconfigured(f"{name} has to be {exc}, not {value!r}") from exc
