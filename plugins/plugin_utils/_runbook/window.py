# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The window of a change, and whether the change still fits into it. No I/O, no Ansible."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta

from ansible_collections.changeops.backup.plugins.module_utils._core.times import iso, user_moment

from .verdicts import Reason

_DURATION = re.compile(
    r"(?=[0-9])(?:([0-9]{1,4})d)?\s*(?:([0-9]{1,5})h)?\s*(?:([0-9]{1,6})m(?:in)?)?\s*(?:([0-9]{1,8})s)?$"
)
# Waiting for the end of a stop takes time as well: so much of what is left is kept for it, and at most five minutes.
_FOR_STOPPING = 0.25
_LONGEST_STOPPING = timedelta(minutes=5)


class Window(t.NamedTuple):
    """From when to when a change may be made, and how long it takes."""

    start: datetime | None = None
    end: datetime | None = None
    duration: timedelta = timedelta()
    # As the user wrote them: with the offset of the place where people work.
    start_local: str | None = None
    end_local: str | None = None

    @property
    def latest_start(self) -> datetime | None:
        """When the change has to begin at the latest to be finished in the window."""
        return None if self.end is None else self.end - self.duration

    def over_at(self, now: datetime) -> datetime | None:
        """When a change that begins now would be over; without a duration, the end of the window."""
        return now + self.duration if self.duration else self.end

    def closed(self, now: datetime) -> list[Reason]:
        """Say why the change may not begin now, as far as the window is concerned."""
        if self.start is not None and now < self.start:
            return [Reason("closed", "window", f"it opens at {iso(self.start)}")]
        if self.end is not None and now >= self.end:
            return [Reason("closed", "window", f"it closed at {iso(self.end)}")]
        latest = self.latest_start
        if latest is not None and self.start is not None and latest < self.start:
            return [Reason("closed", "window", f"a change of {self._takes} is longer than the whole window")]
        if latest is not None and now > latest:
            why = f"a change of {self._takes} had to begin by {iso(latest)}"
            return [Reason("closed", "window", f"not enough of it is left: {why}")]
        return []

    @property
    def _takes(self) -> str:
        return span(self.duration.total_seconds())

    def waits_until(self, now: datetime, stops: bool) -> datetime | None:
        """When waiting has to end. ``stops``: what still runs then is to be stopped, and that takes time too."""
        latest = self.latest_start
        if latest is None or not stops:
            return latest
        return latest - min(max(latest - now, timedelta()) * _FOR_STOPPING, _LONGEST_STOPPING)

    def to_dict(self) -> dict[str, t.Any]:
        """Give the window as it is returned."""
        return {
            "start": iso(self.start),
            "end": iso(self.end),
            "duration": self.duration.total_seconds(),
            "latest_start": iso(self.latest_start),
            "start_local": self.start_local,
            "end_local": self.end_local,
        }

    @classmethod
    def from_dict(cls, told: t.Mapping[str, t.Any]) -> Window:
        """Read back what ``to_dict`` gave."""
        read = read_window(told.get("start"), told.get("end"), f"{int(told.get('duration') or 0)}s")
        return read._replace(start_local=_text(told.get("start_local")), end_local=_text(told.get("end_local")))


def read_window(start: t.Any, end: t.Any, duration: t.Any, role: str = "backup_gate") -> Window:
    """Read what a user wrote. Raises ValueError, which names the variable."""
    first, last = _moment(start, f"{role}_{_infix(role)}start"), _moment(end, f"{role}_{_infix(role)}end")
    if first and last and first >= last:
        raise ValueError(f"the window ends ({end}) before it begins ({start})")
    return Window(first, last, read_duration(duration, f"{role}_change_duration"), _text(start), _text(end))


def _infix(role: str) -> str:
    return "window_" if role == "backup_gate" else ""


def read_duration(value: t.Any, name: str) -> timedelta:
    """Read a time span such as ``90m``, ``2h``, ``1h30m``. Raises ValueError."""
    text = _text(value)
    if text is None or text == "0":
        return timedelta()
    match = _DURATION.match(text)
    if match is None:
        raise ValueError(f"{name} has to be a number with its unit, such as 90m, 2h or 1h30m, not {value!r}")
    days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def span(seconds: float) -> str:
    """Write a time span with its two largest units."""
    whole = max(0, int(seconds))
    units = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    said = [f"{count} {unit}" for count, unit in units if count]
    return " ".join(said[:2]) or "0 s"


def _text(value: t.Any) -> str | None:
    # What a survey leaves out arrives as an empty text.
    return None if value is None or not str(value).strip() else str(value).strip()


def _moment(value: t.Any, name: str) -> datetime | None:
    text = _text(value.isoformat() if isinstance(value, datetime) else value)
    try:
        return user_moment(text) if text is not None else None
    except ValueError as exc:
        raise ValueError(f"{name} has to be {exc}, not {value!r}") from exc
