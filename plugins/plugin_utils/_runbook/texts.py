# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""How the evidence writes texts of vendors, times and durations. What is not known is said to be so."""

from __future__ import annotations

import math
import re
import typing as t
import unicodedata
from datetime import datetime, timedelta, timezone

from ansible_collections.changeops.backup.plugins.module_utils._core.times import from_iso

NOT_KNOWN = "not known"
ELLIPSIS = "\u2026"

VERDICTS = {
    "safe": "Safe",
    "busy": "Busy",
    "breach": "No recent backup",
    "cannot_tell": "Cannot tell",
    "closed": "Window closed",
}
STAGES = {
    "gate": "Gate",
    "hold": "Hold",
    "drain": "Drain",
    "fresh": "Fresh backup",
    "verify": "Verify",
    "release": "Give back",
    "after": "Look again",
}
OUTCOMES = {"done": "The change was made", "failed": "The change failed", "not_run": "The change was not run"}
STATES = {
    "queued": "Queued",
    "running": "Running",
    "stopping": "Stopping",
    "paused": "Paused",
    "idle": "Idle",
    "finished": "Finished",
    "unknown": "Unknown state",
}
RESULTS = {
    "success": "Success",
    "warning": "Warning",
    "failed": "Failed",
    "canceled": "Canceled",
    "skipped": "Skipped",
}
OBJECTS = {"met": "Met", "breached": "Too old", "no_backup": "No backup", "unknown": "Not known"}
ACTIONS = {
    "aborted": "Aborted",
    "not_confirmed": "Not confirmed",
    "already_finished": "Already finished",
    "unsupported": "Not supported",
    "not known": "Not known",
    "held": "Held",
    "given back": "Given back",
    "left alone": "Left alone",
    "started": "Started",
    "joined": "Joined a run in progress",
    "found": "Found one recent enough",
    "not started": "Not started",
    "rehearsed": "Only rehearsed",
}
ANSWERS = {True: "yes", False: "no", None: NOT_KNOWN}

# Controls, what turns the direction of a text around, what is invisible but can be read by a machine, halves of
# characters, and what XML does not allow.
_STEERS = (
    "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
_UNSEEN = re.compile(f"[{_STEERS}]")
_BLANKS = re.compile("[\t\n\v\f\r\x85\u2028\u2029 ]+")
_HALVES = re.compile("[\ud800-\udfff]")


def escaped(match: re.Match[str]) -> str:
    """Spell a character as JSON does, so that it is seen and does nothing."""
    code = ord(match.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD800 + ((code - 0x10000) >> 10):04x}\\u{0xDC00 + ((code - 0x10000) & 0x3FF):04x}"


def spelled_out(text: str) -> str:
    """Spell every character that steers or hides, and change nothing else."""
    return _UNSEEN.sub(escaped, text)


def one_line(text: str) -> str:
    """Make a text a single line in which nothing steers, hides or turns around."""
    return spelled_out(_BLANKS.sub(" ", text)).strip()


def whole(value: t.Any) -> t.Any:
    """Copy a model so that every JSON parser takes it: no half characters, no number that is none."""
    if isinstance(value, str):
        return _HALVES.sub("\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {whole(str(name)): whole(one) for name, one in value.items()}
    return [whole(one) for one in value] if isinstance(value, (list, tuple)) else value


def for_eyes(value: t.Any) -> t.Any:
    """Copy a model with every text as a single harmless line."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, dict):
        return {name: for_eyes(one) for name, one in value.items()}
    return [for_eyes(one) for one in value] if isinstance(value, list) else value


def breadth(text: str) -> int:
    """Count columns: characters of East Asia and pictures take two, accents none."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )


def short(text: t.Any, most: int = 120) -> str:
    """Shorten a text for display; a pile of accents on one letter is cut as well."""
    text = str(text)
    if text.isascii():
        return text if len(text) <= most else f"{text[: most - 1].rstrip()}{ELLIPSIS}"
    kept: list[str] = []
    columns = accents = 0
    for one in text:
        accents = accents + 1 if unicodedata.combining(one) else 0
        if accents > 3:
            continue
        columns += breadth(one)
        if columns > most:
            return f"{''.join(kept[:-1]).rstrip()}{ELLIPSIS}"
        kept.append(one)
    return "".join(kept)


def seconds_of(text: t.Any) -> float | None:
    """Read a time of the model as seconds since 1970."""
    moment = from_iso(text)
    return None if moment is None else moment.timestamp()


def moment(text: t.Any) -> str:
    """Write a time in UTC."""
    read = from_iso(text)
    return NOT_KNOWN if read is None else f"{_stamp(read)} UTC"


def _stamp(read: datetime) -> str:
    # Seconds where there are any: most times of a window have none, and tables have little room.
    return f"{read:%Y-%m-%d %H:%M:%S}" if read.second else f"{read:%Y-%m-%d %H:%M}"


def clock(text: t.Any) -> str:
    """Write the time of day in UTC."""
    read = from_iso(text)
    return NOT_KNOWN if read is None else f"{read:%H:%M} UTC"


def local(text: t.Any) -> str:
    """Write a time as the user did, with the offset."""
    try:
        # Python 3.10 reads no Z.
        read = datetime.fromisoformat(re.sub("[Zz]$", "+00:00", str(text)))
    except ValueError:
        return str(said(text))
    offset = read.utcoffset()
    if offset is None:
        return str(text)
    minutes = int(offset / timedelta(minutes=1))
    sign, minutes = "-" if minutes < 0 else "+", abs(minutes)
    return f"{_stamp(read)} UTC{sign}{minutes // 60:02d}:{minutes % 60:02d}"


def span(seconds: t.Any) -> str:
    """Write a duration in its two largest units."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
        return NOT_KNOWN
    count = abs(round(seconds))
    sign = "-" if seconds <= -0.5 else ""
    if count < 60:
        return f"{sign}{count} s"
    if count < 3600:
        return f"{sign}{count // 60} min {count % 60:02d} s" if count % 60 else f"{sign}{count // 60} min"
    if count < 86400:
        return f"{sign}{count // 3600} h {count % 3600 // 60:02d} min"
    return f"{sign}{count // 86400} d {count % 86400 // 3600} h"


def percent(number: t.Any) -> str:
    """Write how much is done."""
    return NOT_KNOWN if number is None else f"{number:g} %"


def said(value: t.Any) -> t.Any:
    """Say so where there is nothing."""
    return NOT_KNOWN if value is None or value == "" else value


def job_name(job: dict[str, t.Any]) -> str:
    """Name a job: some systems have no names, and then its type and id do."""
    return str(job["name"] or " ".join(str(one) for one in (job["type"] or "job", job["id"])))


def state_words(job: dict[str, t.Any]) -> str:
    """Say how a job stands; of a word that nobody documents, the vendor's own."""
    if job["state"] == "unknown":
        return f"{STATES['unknown']} ({said(job['vendor_state'])})"
    return RESULTS.get(job["result"] or "", STATES.get(job["state"], str(job["state"])))


def utc(seconds: float) -> datetime:
    """Give the moment of a number of seconds since 1970."""
    return datetime.fromtimestamp(seconds, timezone.utc)
