# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""How the action plugin and the module of a wait talk to each other.

A module cannot speak before it ends. Where both run on the same machine, it runs once and writes its lines into a file
that the action plugin reads meanwhile. Elsewhere the action plugin runs it in slices, and what the wait knows is kept
in the file between them.

The file is in Ansible's own temporary folder on the target (mode 0700), which Ansible removes at the end of the task.
What is kept holds a token, as the module's arguments do; neither is ever printed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import typing as t

from ansible_collections.changeops.backup.plugins.module_utils._errors import BackupError

VARIABLE = "CHANGEOPS_BACKUP_SLICE"


class Slice:
    """The longest time without a word, in seconds, and the file.

    ``followed``: somebody reads the file, and holds a lock on it for as long: the slice is the whole wait.
    ``later``: it is not the first slice, so that there has to be something that the one before kept.
    """

    def __init__(self, path: str, seconds: float, followed: bool = False, later: bool = False) -> None:
        self.path = path
        self.seconds = seconds
        self.followed = followed
        self.later = later
        self._handle: int | None = None

    def to_environ(self) -> dict[str, str]:
        """Give the environment that tells the module."""
        said = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return {VARIABLE: json.dumps(said)}

    @classmethod
    def from_environ(cls, environ: t.Mapping[str, str]) -> Slice | None:
        """Read what the action plugin said; None: the module runs by itself and to the end."""
        said = environ.get(VARIABLE)
        return cls(**json.loads(said)) if said else None

    def load(self) -> dict[str, t.Any]:
        """Read what the slice before kept; nothing in the first slice, and where there is only one.

        Raises BackupError where it is gone: begun anew, the wait would not end when it was to end.
        """
        if self.followed:
            return {}
        try:
            with open(self.path, encoding="utf-8") as file:
                kept: dict[str, t.Any] = json.load(file)
        except FileNotFoundError:
            if self.later:
                raise BackupError(
                    f"what this wait knew was removed from {self.path} while it waited. Start it again, with "
                    "wait_until if it is to end when it was to end"
                ) from None
            return {}
        return kept

    def save(self, kept: dict[str, t.Any]) -> None:
        """Keep the state, whole or not at all, with mode 0600."""
        handle, draft = tempfile.mkstemp(dir=os.path.dirname(self.path))
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(kept, file)
        os.replace(draft, self.path)

    def tell(self, text: str) -> None:
        """Write a line for whoever follows. A disk that is full ends no wait."""
        with contextlib.suppress(OSError):
            os.write(self._opened(), f"{json.dumps(text)}\n".encode("ascii"))

    def is_left(self) -> bool:
        """Say whether nobody follows any more: a process that was killed holds no lock."""
        try:
            fcntl.flock(self._opened(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except FileNotFoundError:
            return True
        return True

    def _opened(self) -> int:
        # Once: who clears temporary folders up does not part us.
        if self._handle is None:
            self._handle = os.open(self.path, os.O_RDWR | os.O_APPEND)
        return self._handle
