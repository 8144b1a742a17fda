# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Where a wait runs on another host, or as another user: how the two ends of a slice talk to each other.

A module cannot speak before it ends, so the action plugin runs it in slices. What the wait knows comes back in the
result of a slice and goes out with the next one in a file, in Ansible's own temporary folder on the target: readable
for the user who runs the module, whoever that is, and removed with the folder. A token is in it. Connection plugins
print results at high verbosity, so it comes back sealed, with a key that went out in that file and is used once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import typing as t

from .._tasks.task import Turn

VARIABLE = "CHANGEOPS_BACKUP_SLICE"


class Outgoing:
    """What a slice is sent: the key to seal with, and what those before it kept."""

    def __init__(self, kept: dict[str, t.Any] | None) -> None:
        self._key = secrets.token_bytes(32)
        self._kept = kept

    def to_file(self) -> str:
        """The text of the file."""
        return json.dumps({"key": self._key.hex(), "kept": self._kept})

    def opened(self, sealed: str) -> dict[str, t.Any]:
        """Read what came back."""
        kept: dict[str, t.Any] = json.loads(_masked(base64.b64decode(sealed), self._key))
        return kept


def environment(path: str, seconds: float) -> dict[str, str]:
    """The environment that tells the module where its file is, and for how long it may be silent."""
    return {VARIABLE: json.dumps({"path": path, "seconds": seconds})}


class Incoming:
    """The same, seen from the module."""

    def __init__(self, said: str) -> None:
        told = json.loads(said)
        with open(told["path"], encoding="utf-8") as file:
            sent = json.load(file)
        self._key = bytes.fromhex(sent["key"])
        self.turn = Turn(told["seconds"], sent["kept"])

    def sealed(self, kept: dict[str, t.Any]) -> str:
        """Hide what comes back."""
        return base64.b64encode(_masked(json.dumps(kept).encode(), self._key)).decode()


def _masked(text: bytes, key: bytes) -> bytes:
    """Combine with the output of SHAKE-256 for a key that is used for this text alone; twice gives the text again."""
    stream = hashlib.shake_256(key).digest(len(text))
    return (int.from_bytes(text, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(text), "big")
