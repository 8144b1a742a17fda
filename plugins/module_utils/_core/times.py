# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Times: what vendors write, what users write, and the clock that everything here is measured with.

A vendor's time is never guessed: what cannot be read is None.
"""

from __future__ import annotations

import functools
import re
import sys
import time
import typing as t
from datetime import datetime, timedelta, timezone

_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?\s*(Z|z|[+-]\d{2}:?[0-5]\d|[+-]\d{2})?$"
)
_AGE = re.compile(r"(\d+)\s*([smhdw])$")
_TIMESPAN = re.compile(r"(-)?(?:(\d{1,8})\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d+))?$")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TICKS_AT_EPOCH = 621_355_968_000_000_000
# Before that, Python took neither a Z nor any number of digits but three and six.
_READS_ISO = sys.version_info >= (3, 11)
_TWO_DIGITS = tuple(f"{number:02d}" for number in range(60))
_MILLIS = tuple(f".{number:03d}Z" for number in range(1000))


def _iso_moment(text: str, default_zone: timezone | None) -> datetime | None:
    match = _ISO.match(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    offset = default_zone
    if zone in ("Z", "z"):
        offset = timezone.utc
    elif zone:
        digits = zone[1:].replace(":", "").ljust(4, "0")
        shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        if shift >= timedelta(hours=24):
            return None
        offset = timezone(-shift if zone[0] == "-" else shift)
    if offset is None:
        return None
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micro, offset
        )
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def _since_epoch(count: int, per_second: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(seconds=count / per_second)
    except (OverflowError, ValueError):
        return None


def _real(moment: datetime | None) -> datetime | None:
    # Year 1 (and what an offset makes of it) and zero are how several systems spell "never".
    return moment if moment is not None and moment > _EPOCH else None


def from_iso(value: t.Any) -> datetime | None:
    """Read a vendor's ISO 8601 time: any number of fraction digits, any offset; without one it is UTC."""
    if not isinstance(value, str):
        return None
    # What nearly every answer holds, at a tenth of the cost. Python alone would also read "12:00.5Z" or "12:00:00.Z".
    end = -1 if value[-1:] == "Z" else -6 if value[-6:] == "+00:00" else 0
    if end and value[4:17:3] == "--T::" and value[17:19].isdecimal():
        fraction = value[19:end]
        if not fraction or (fraction[0] == "." and fraction[1:].isdecimal()):
            plain = value if _READS_ISO else f"{value[:19]}{fraction and f'{fraction:0<7.7}'}+00:00"
            try:
                return _real(datetime.fromisoformat(plain))
            except ValueError:
                pass
    return _real(_iso_moment(value, timezone.utc))


def _whole(value: t.Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"\d{1,20}", value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else None


def from_millis(value: t.Any) -> datetime | None:
    """Read Unix milliseconds."""
    number = _whole(value)
    return _real(_since_epoch(number, 1000)) if number is not None else None


def from_ticks(value: t.Any) -> datetime | None:
    """Read .NET ticks: 100 ns since year 1, UTC."""
    number = _whole(value)
    return _real(_since_epoch(number - _TICKS_AT_EPOCH, 10_000_000)) if number is not None else None


def seconds_from_ticks(value: t.Any) -> float | None:
    """Read a duration in .NET ticks."""
    number = _whole(value)
    return number / 10_000_000 if number is not None and 0 <= number < 1 << 63 else None


def seconds_from_timespan(value: t.Any) -> float | None:
    """Read a .NET TimeSpan, ``[d.]hh:mm:ss[.fffffff]``."""
    return _timespan(value) if isinstance(value, str) else None


@functools.lru_cache(maxsize=4096)
def _timespan(text: str) -> float | None:
    # The same few durations, again and again in a long list.
    match = _TIMESPAN.match(text.strip())
    if match is None or match.group(1):
        return None
    _minus, days, hours, minutes, seconds, fraction = match.groups()
    whole = int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + float(f"0.{fraction or 0}")


def to_iso_z(moment: datetime) -> str:
    """Write a moment as ISO 8601 UTC with whole seconds, or with milliseconds where it has them."""
    if moment.tzinfo is not timezone.utc:
        moment = moment.astimezone(timezone.utc)
    # Half the time of isoformat, which asks the zone for its offset.
    two = _TWO_DIGITS
    day = _day(moment.year, moment.month, moment.day)
    end = _MILLIS[moment.microsecond // 1000] if moment.microsecond else "Z"
    return f"{day}T{two[moment.hour]}:{two[moment.minute]}:{two[moment.second]}{end}"


@functools.lru_cache(maxsize=4096)
def _day(year: int, month: int, day: int) -> str:
    return f"{year:04d}-{month:02d}-{day:02d}"


def iso(moment: datetime | None) -> str | None:
    """Write a moment as ISO 8601 UTC, or None."""
    return None if moment is None else to_iso_z(moment)


def user_moment(text: str) -> datetime:
    """Read a user's absolute time; the offset is required. Raises ValueError."""
    moment = _iso_moment(text, None)
    if moment is None:
        raise ValueError("an ISO 8601 time with its offset, such as 2026-03-01T22:00:00+01:00")
    return moment


def user_moment_or_age(text: str, now: datetime) -> datetime:
    """Read a user's absolute time, or an age such as ``90m``, ``24h``, ``7d``. Raises ValueError."""
    match = _AGE.match(text.strip())
    try:
        if match is not None:
            return now - timedelta(seconds=int(match.group(1)) * _UNIT_SECONDS[match.group(2)])
        return user_moment(text)
    except (ValueError, OverflowError) as exc:
        raise ValueError(
            "an ISO 8601 time with its offset (2026-03-01T22:00:00+01:00) or an age such as 90m, 24h or 7d"
        ) from exc


# A system may tell its times in whole seconds.
WHOLE_SECONDS = timedelta(seconds=1)


class Clock:
    """The one clock: monotonic for measuring, wall time only to talk to people and systems."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait this long."""
        time.sleep(max(0.0, seconds))

    def now(self) -> datetime:
        """Wall time, UTC."""
        return datetime.now(timezone.utc)
