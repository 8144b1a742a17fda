# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The ledger of a change: which schedules of one system it has turned off. A file of its own, read and written whole.

What is in it is in it before it is done: a schedule that nobody knows to be held is never turned on again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import typing as t
from datetime import datetime
from pathlib import Path

from .._core.errors import BackupError, Misconfigured
from .._core.job import Job, Kind
from .._core.times import Clock, from_iso, iso
from .._systems.contract import BackupSystem
from .._systems.orders import Switch

SCHEMA = "changeops.backup/held/1"
FOLDER = "held"
_FILE_MODE, _FOLDER_MODE = 0o600, 0o750
# So long another run of the same change may hold its ledger.
_PATIENCE = 120.0
_PAUSE = 0.2
_MOST_BYTES = 64 << 20

# intended: to be turned off, or done and not yet seen. held: seen to be off. off: was off before, and is not ours.
# gone: was held, and is not listed any more; it may come back. ended: given back, or no longer ours.
State = t.Literal["intended", "held", "gone", "off", "ended"]
# What the change holds.
OPEN: tuple[State, ...] = ("intended", "held")
# What is turned on again where it is found off.
OURS: tuple[State, ...] = (*OPEN, "gone")


class Entry(t.NamedTuple):
    """One schedule. ``at``: when it was found on, and was to be turned off; or when it was found off."""

    id: str
    state: State
    at: str
    name: str | None = None
    type: str | None = None
    kind: Kind | None = None
    next_run: str | None = None
    why: str = ""

    @classmethod
    def of(cls, switch: Switch, state: State, now: datetime) -> Entry:
        """What a switch shows at this moment."""
        named = (switch.name, switch.type, switch.kind, iso(switch.next_run))
        # With what is finer than a second: two changes are told apart by it.
        return cls(switch.id, state, now.isoformat(), *named)

    def as_job(self) -> Job:
        """The entry as what a selection selects."""
        return Job("", self.id, self.name, self.type, "idle", None, None, kind=self.kind)

    def missed(self, now: datetime) -> bool:
        """Whether a run was due while it was held."""
        due = from_iso(self.next_run)
        return due is not None and due <= now

    def __str__(self) -> str:
        return f"{self.id} ({self.name})" if self.name and self.name != self.id else self.id


def identity(system: BackupSystem) -> str:
    """Which system it is: where it is, and what of it the connection is about."""
    options = [f"{name}={system.connection[name]}" for name in system.REQUIRED if name != "url"]
    return " ".join([system.connection.url.rstrip("/").casefold(), *options])


def path_in(dest: str, change: str, system: BackupSystem) -> Path:
    """Where the ledger of a change lies in the folder of the evidence: one for each system."""
    mark = hashlib.sha256(identity(system).encode()).hexdigest()[:8]
    return Path(dest).absolute() / change / FOLDER / f"{system.NAME}-{mark}.json"


class Ledger:
    """The ledger of one change and one system."""

    def __init__(self, path: Path, change: str, system: BackupSystem) -> None:
        self.path = path
        self.change = change
        self._head = {"schema": SCHEMA, "change": change, "system": system.NAME, "at": identity(system)}
        self.entries: dict[str, Entry] = {}

    @contextlib.contextmanager
    def alone(self, clock: Clock) -> t.Iterator[None]:
        """Keep other runs of the same change away, and see that the ledger can be written. Raises Misconfigured."""
        lock = self.path.with_name(f".{self.path.name}.lock")
        try:
            self.path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _FILE_MODE)
        except (OSError, ValueError) as exc:
            raise Misconfigured(f"the ledger {self.path} cannot be written: {exc}") from exc
        try:
            self._lock(handle, clock)
            yield
        finally:
            os.close(handle)

    def _lock(self, handle: int, clock: Clock) -> None:
        give_up_at = clock.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if clock.monotonic() >= give_up_at:
                    raise Misconfigured(
                        f"another run has used the ledger {self.path} for {_PATIENCE:.0f} s, and still does"
                    ) from None
                clock.sleep(_PAUSE)
            except OSError as exc:
                raise Misconfigured(f"the ledger {self.path} cannot be locked: {exc}") from exc
            else:
                return

    def read(self) -> bool:
        """Read it; say whether there is one. What cannot be read, or is of something else, is left as it is."""
        try:
            held = read_ledger(self.path)
        except FileNotFoundError:
            return False
        except (OSError, ValueError, RecursionError) as exc:
            raise Misconfigured(f"the ledger {self.path} cannot be read, so it is left as it is: {exc}") from exc
        for name, word in self._head.items():
            if held.get(name) != word:
                strange = f"{name} is {held.get(name)!r}, not {word!r}"
                raise Misconfigured(f"the ledger {self.path} is of something else, so it is left as it is: {strange}")
        try:
            self.entries = entries_of(held)
        except (KeyError, TypeError, ValueError) as exc:
            raise Misconfigured(f"the ledger {self.path} cannot be read, so it is left as it is: {exc!r}") from exc
        return True

    def write(self, *changed: Entry) -> None:
        """Take these entries, and write all of it: a reader sees the ledger before or after, and so does a crash."""
        self.entries.update({entry.id: entry for entry in changed})
        told = {**self._head, "entries": [entry._asdict() for entry in self.entries.values()]}
        draft = self.path.with_name(f".{self.path.name}.draft")
        try:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
            with os.fdopen(handle, "wb") as file:
                os.fchmod(handle, _FILE_MODE)
                file.write(json.dumps(told, indent=1).encode() + b"\n")
                file.flush()
                os.fsync(handle)
            draft.replace(self.path)
            _sync(self.path.parent)
        except OSError as exc:
            raise BackupError(f"the ledger {self.path} could not be written: {exc}") from exc

    def rivals(self) -> dict[str, Entry]:
        """What other changes hold of the same system, as far as their ledgers lie beside this one: the newest of each.

        The change stands in ``why``.
        """
        folder = next((one for one in list(self.path.parents)[:2] if one.name == self.change), None)
        found: dict[str, Entry] = {}
        if folder is None:
            return found
        for change in folder.parent.iterdir():
            other = change / self.path.relative_to(folder)
            with contextlib.suppress(OSError, ValueError, RecursionError, KeyError, TypeError):
                held = {} if other == self.path else read_ledger(other)
                if held and {**held, **self._head} == {**held, "change": self.change}:
                    entries = entries_of(held).values()
                    for entry in (one._replace(why=str(held["change"])) for one in entries if one.state in OPEN):
                        if entry.id not in found or found[entry.id].at < entry.at:
                            found[entry.id] = entry
        return found


def read_ledger(path: Path) -> dict[str, t.Any]:
    """Read a ledger, whichever it is. Raises OSError and ValueError."""
    if path.is_symlink():
        raise ValueError("it is a symbolic link")
    with path.open("rb") as file:
        text = file.read(_MOST_BYTES + 1)
    if len(text) > _MOST_BYTES:
        raise ValueError("it is too long to be one")
    held = json.loads(text)
    if not isinstance(held, dict) or held.get("schema") != SCHEMA:
        raise ValueError(f"it is no ledger of the schema {SCHEMA}")
    return held


def entries_of(held: t.Mapping[str, t.Any]) -> dict[str, Entry]:
    """Give what stands in a ledger. Raises KeyError, TypeError and ValueError."""
    entries = [Entry(**one) for one in held["entries"]]
    for entry in entries:
        if not isinstance(entry.id, str) or from_iso(entry.at) is None or entry.state not in t.get_args(State):
            raise ValueError("an entry says neither what is held nor since when")
    return {entry.id: entry for entry in entries}


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
