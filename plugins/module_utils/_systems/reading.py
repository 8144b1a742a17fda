# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Reading what vendors send: tolerant, and never a guess."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta


def as_object(value: t.Any) -> dict[str, t.Any]:
    """The object, or an empty one where something else stands."""
    return value if isinstance(value, dict) else {}


def as_array(value: t.Any) -> list[t.Any]:
    """The array; an object stands for an array of one, as documents show both; anything else for none."""
    if isinstance(value, dict):
        return [value]
    return value if isinstance(value, list) else []


def first_of(raw: t.Mapping[str, t.Any], *names: str) -> t.Any:
    """The first of these fields that is there and not null: documents contradict themselves about names."""
    for name in names:
        value = raw.get(name)
        if value is not None:
            return value
    return None


def as_text(value: t.Any) -> str | None:
    """A text, or None for nothing, an empty text or something that is no text."""
    return value.strip() or None if isinstance(value, str) else None


def as_id(value: t.Any) -> str | None:
    """An id as text: documents print ids as numbers and as texts."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else as_text(value)


def as_count(value: t.Any) -> int | None:
    """A count, or None."""
    # Not isinstance: true and false are no counts.
    return int(value) if type(value) in (int, float) and 0 <= value < 1 << 63 else None


def as_seconds(value: t.Any) -> float | None:
    """A duration in seconds, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e9:
        return None
    return float(value)


def elapsed(started: datetime | None, finished: datetime | None) -> float | None:
    """The seconds between two moments, or None."""
    return (finished - started).total_seconds() if started and finished and finished >= started else None


def later(moment: datetime | None, wait: float | None) -> datetime | None:
    """The moment that many seconds later; None where either is not known or the wait is zero."""
    try:
        return moment + timedelta(seconds=wait) if moment and wait else None
    except OverflowError:
        return None
