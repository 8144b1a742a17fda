# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What arrived, what was answered, and what was refused and why."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import parse_qsl, urlencode

_SECRET = re.compile(r"secret|token|password|assertion|^code$|mfa_code|authorization|cookie|key", re.IGNORECASE)
_KEEP = {"token_type", "client_assertion_type"}


def _hide(name: str, value: Any) -> Any:
    return "***" if _SECRET.search(name) and name not in _KEEP and value else value


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _clean(_hide(name, item)) for name, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value


@dataclass
class Entry:
    """One request. In memory it is complete; `to_json` leaves tokens and secrets out."""

    time: float
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str
    kind: str
    origin: str = "api"
    status: int = 0
    refused: str | None = None
    auth_rejected: str | None = None
    fault: dict[str, Any] | None = None

    def to_json(self) -> str:
        """Return the entry as one line of JSON without tokens or secrets."""
        query = urlencode([(name, _hide(name, value)) for name, value in parse_qsl(self.query, keep_blank_values=True)])
        headers = {name: _hide(name, value) for name, value in self.headers.items()}
        return json.dumps(
            {
                "time": round(self.time, 3),
                "origin": self.origin,
                "method": self.method,
                "path": self.path,
                "query": query,
                "headers": headers,
                "body": self._clean_body(),
                "kind": self.kind,
                "status": self.status,
                "refused": self.refused,
                "auth_rejected": self.auth_rejected,
                "fault": self.fault,
            }
        )

    def _clean_body(self) -> str:
        if not self.body:
            return ""
        try:
            return json.dumps(_clean(json.loads(self.body)))
        except ValueError:
            pairs = parse_qsl(self.body, keep_blank_values=True)
            return urlencode([(name, _hide(name, value)) for name, value in pairs]) if pairs else "***"


@dataclass
class Journal:
    """The entries of one simulator, and optionally a file that gets a line for each."""

    sink: IO[str] | None = None
    entries: list[Entry] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arrived(self, entry: Entry) -> None:
        """Keep an entry, in order of arrival."""
        with self._lock:
            self.entries.append(entry)

    def answered(self, entry: Entry) -> None:
        """Write an entry to the file, now that its status is known."""
        if self.sink is not None:
            with self._lock:
                self.sink.write(entry.to_json() + "\n")
                self.sink.flush()
