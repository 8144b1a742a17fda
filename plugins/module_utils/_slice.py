# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""One slice of a wait: how the action plugin and the module talk to each other.

A module cannot speak before it ends. So the action plugin runs it in slices, and what the wait knows is kept in a file
between them, in Ansible's own temporary folder on the target (mode 0700), which Ansible removes at the end of the task.
The file holds a token, as the module's arguments do; neither is ever printed.
"""

from __future__ import annotations

import json
import os
import tempfile
import typing as t

VARIABLE = "CHANGEOPS_BACKUP_SLICE"


class Slice:
    """The length of a slice in seconds, and the file between slices."""

    def __init__(self, path: str, seconds: float) -> None:
        self.path = path
        self.seconds = seconds

    def to_environ(self) -> dict[str, str]:
        """Give the environment that tells the module."""
        return {VARIABLE: json.dumps({"path": self.path, "seconds": self.seconds})}

    @classmethod
    def from_environ(cls, environ: t.Mapping[str, str]) -> Slice | None:
        """Read what the action plugin said; None: the module runs by itself and to the end."""
        said = environ.get(VARIABLE)
        return cls(**json.loads(said)) if said else None

    def load(self) -> dict[str, t.Any]:
        """Read what the slice before kept; nothing in the first slice."""
        try:
            with open(self.path, encoding="utf-8") as file:
                kept: dict[str, t.Any] = json.load(file)
        except FileNotFoundError:
            return {}
        return kept

    def save(self, kept: dict[str, t.Any]) -> None:
        """Keep the state, whole or not at all, with mode 0600."""
        handle, draft = tempfile.mkstemp(dir=os.path.dirname(self.path))
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(kept, file)
        os.replace(draft, self.path)
