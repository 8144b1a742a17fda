# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The events of a change: one file each, written once, never changed, read back in order.

``<dest>/<change id>/events/<UTC time>-<host>-<stage>.json``. They are the truth; the report is made from them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import tempfile
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ansible_collections.changeops.backup.plugins.module_utils._core.names import check_change_id

SCHEMA = "changeops.backup/event/1"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_FILE_MODE, _FOLDER_MODE = 0o640, 0o750
_MOST_BYTES = 64 << 20
_LONGEST_HOST = 64


class BadEvent(t.NamedTuple):
    """A file among the events that is none, and why."""

    name: str
    why: str


def folder_of(dest: t.Any, change_id: t.Any) -> Path:
    """Give the folder of a change. Raises ValueError where the id is refused, or the folder is a link elsewhere."""
    folder = Path(os.path.expanduser(str(dest))).absolute() / check_change_id(change_id)
    for part in (folder, folder / "events"):
        if part.is_symlink():
            raise ValueError(f"{part} is a symbolic link: evidence is written into a folder of its own")
    return folder


def write_event(folder: Path, event: t.Mapping[str, t.Any], at: datetime) -> Path:
    """Write an event. A reader sees all of it or nothing, and no file is ever written over. Raises OSError."""
    events = folder / "events"
    events.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    host = _UNSAFE.sub("_", str(event["host"])).strip(".")[:_LONGEST_HOST] or "host"
    draft = _draft(events, json.dumps(event, ensure_ascii=True, sort_keys=True, indent=1).encode() + b"\n")
    try:
        while True:
            name = f"{at.astimezone(timezone.utc):%Y%m%dT%H%M%S.%fZ}-{host}-{event['stage']}.json"
            # A link, and no renaming: it fails where the name is taken.
            with contextlib.suppress(FileExistsError):
                os.link(draft, events / name)
                return events / name
            at += timedelta(microseconds=1 + secrets.randbelow(50))
    finally:
        draft.unlink()


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in the place of another, whole. Raises OSError."""
    draft = _draft(path.parent, content)
    try:
        draft.replace(path)
    except OSError:
        draft.unlink()
        raise


def _draft(folder: Path, content: bytes) -> Path:
    number, name = tempfile.mkstemp(prefix=".draft-", dir=folder)
    try:
        with os.fdopen(number, "wb") as file:
            os.fchmod(number, _FILE_MODE)
            file.write(content)
            file.flush()
            os.fsync(number)
    except OSError:
        os.unlink(name)
        raise
    return Path(name)


def read_events(folder: Path) -> tuple[list[dict[str, t.Any]], list[BadEvent]]:
    """Read all events, the oldest first: their names begin with the time. Say which files are none. Raises OSError."""
    found, bad = [], []
    for path in sorted((folder / "events").glob("*.json")):
        try:
            found.append(_read(path))
        except (ValueError, TypeError, RecursionError) as exc:
            bad.append(BadEvent(path.name, str(exc)))
    return found, bad


def _read(path: Path) -> dict[str, t.Any]:
    if path.is_symlink() or not path.is_file():
        raise ValueError("it is no file of its own")
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"it is larger than {_MOST_BYTES >> 20} MiB")
    return check_event(json.loads(path.read_bytes()))


def check_event(event: t.Any) -> dict[str, t.Any]:
    """Give what has the shape of an event. Raises ValueError."""
    if not isinstance(event, dict) or event.get("schema") != SCHEMA:
        raise ValueError(f"it is no event of the schema {SCHEMA}")
    wanted = {"at": str, "host": str, "stage": str, "run": dict, "result": dict, "change": dict}
    wrong = [name for name, kind in wanted.items() if not isinstance(event.get(name), kind)]
    if wrong:
        raise ValueError(f"what it should say is missing or of another kind: {', '.join(wrong)}")
    return event
