# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What an event source remembers over restarts: a file that is whole at every moment, and belongs to one source."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import typing as t

from .._core.errors import Misconfigured
from .changes import Changes, Event

SCHEMA = "changeops.backup/watch/1"


class Memory:
    """The state file, or nothing where none is wanted. ``outbox``: events that may not have arrived."""

    def __init__(self, path: str | None, source: t.Any, changes: Changes) -> None:
        self._path = None if path is None else os.path.realpath(path)
        self._source = json.loads(json.dumps(source))
        self._changes = changes
        self._lock: int | None = None
        self._written: dict[str, t.Any] = {}
        self.outbox: list[Event] = []
        # How many of these, from the first on, were handed over.
        self.handed = 0
        # What is to be told of the file that was found.
        self.trouble = ""

    def __enter__(self) -> Memory:
        if self._path is not None:
            try:
                self._take_lock(self._path)
                self._read(self._path)
                # A folder that cannot be written is refused now, and not at the first event.
                self.save()
            except OSError as exc:
                raise Misconfigured(f"state_file {self._path} cannot be used: {exc.strerror or exc}") from exc
        return self

    def __exit__(self, *exc: object) -> None:
        if self._lock is not None:
            os.close(self._lock)

    def settle(self, waiting: int) -> None:
        """What was handed over and somebody has taken has arrived; ``waiting`` events nobody has taken yet."""
        arrived = max(0, self.handed - waiting)
        self.outbox = self.outbox[arrived:]
        self.handed -= arrived

    def save(self) -> None:
        """Write what is known and what may not have arrived, where that is something new. Raises OSError."""
        if self._path is None:
            return
        content = {
            "schema": SCHEMA,
            "source": self._source,
            "known": self._changes.keep(),
            "outbox": [[*event] for event in self.outbox],
        }
        if content != self._written:
            _write(self._path, content)
            self._written = content

    def undo(self, kept: int) -> None:
        """Forget what could not be written, and all but ``kept`` events: the next look finds the same changes again."""
        self._changes.restore(self._written["known"])
        del self.outbox[kept:]

    def _take(self, content: dict[str, t.Any]) -> None:
        self._changes.restore(content["known"])
        self.outbox = [Event(*fields) for fields in content["outbox"]]

    def _take_lock(self, path: str) -> None:
        self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise Misconfigured(f"state_file {path} is used by another event source: give each its own") from exc

    def _read(self, path: str) -> None:
        begin = self._changes.keep()
        try:
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
            mine = content["source"] == self._source
            if mine:
                self._take(content)
        except FileNotFoundError:
            return
        except (ValueError, TypeError, KeyError, AttributeError):
            # It is put aside for whoever wants to know.
            os.replace(path, f"{path}.unreadable")
            self._changes.restore(begin)
            self.outbox = []
            self.trouble = f"state_file {path} could not be read. It is {path}.unreadable now, and all begins anew"
            return
        if not mine:
            raise Misconfigured(f"state_file {path} belongs to another source: give each its own")
        self._written = content


def _write(path: str, content: dict[str, t.Any]) -> None:
    draft = f"{path}.new"
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(content))  # json.dump would go from value to value in Python
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise
