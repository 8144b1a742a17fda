# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Calls to rclone's remote control, and which entries of its list of jobs are nothing but such calls.

Every call is itself a job in the server's list. Ours carry a group of their own, by which they are known; the ids of
one session are left behind in a last call, so that the next session need not ask for each.
"""

from __future__ import annotations

import contextlib
import typing as t
import uuid

from .._core.errors import BackupError, Unanswered
from .._http.call import Call
from .._http.response import Response, summary
from ._rclone import is_gone
from .contract import BackupSystem
from .listing import Listing
from .reading import as_array, as_object, as_text

_OURS = "changeops.backup"
_LEDGER = "changeops_backup_calls"
_MARK = "changeops_backup_session"


class RemoteControl:
    """One session with a server."""

    def __init__(self, system: BackupSystem) -> None:
        self._system = system
        self._session = uuid.uuid4().hex
        # Calls that are no jobs: ours, and questions of others; and all that the server listed.
        self.calls: set[int] = set()
        self.ids: set[int] = set()
        # Whether ids mean something else since the last time they were listed.
        self.is_another = False
        self._server: str | None = None
        # The id that the server gave the last call, and the call by which an old server is known again.
        self._last_call: int | None = None
        self._marked: int | None = None
        self._listed = False
        self._answers = False

    def ask(
        self,
        path: str,
        parameters: dict[str, t.Any] | None = None,
        answered: t.Callable[[Response], bool] = lambda response: False,
    ) -> dict[str, t.Any]:
        """Make a read; rclone reads by POST as well."""

        def parse(response: Response) -> dict[str, t.Any]:
            call_id = response.headers.get("X-Rclone-Jobid", "")
            self._last_call = int(call_id) if call_id.isdigit() else None
            if self._last_call is not None:
                self.calls.add(self._last_call)
            body = response.json()
            if not isinstance(body, dict):
                raise Unanswered(f"{response.headline}, but holds no object: {summary(response)}")
            return body

        self._answers = False
        result: dict[str, t.Any] = self._system.http.read(self.call("read", path, parameters or {}, answered), parse)
        self._answers = True
        return result

    def call(
        self,
        kind: t.Literal["read", "write"],
        path: str,
        parameters: dict[str, t.Any],
        answered: t.Callable[[Response], bool] = lambda response: False,
    ) -> Call:
        """One call, in our group."""
        return self._system.call(kind, "POST", f"/{path}", json={**parameters, "_group": _OURS}, answered=answered)

    def read_ids(self, listing: Listing) -> set[int] | None:
        """Ask for all ids; gives those of what runs, None from a server that does not say which these are."""
        self._listed = True
        earlier = frozenset(self.calls)
        answer = self.ask("job/list")
        self.is_another = not self._is_same_server(as_text(answer.get("executeId")))
        if self.is_another:
            self.calls -= earlier
        numbers = answer.get("jobids")
        if not isinstance(numbers, list):
            raise Unanswered("job/list was answered without jobids")
        self.ids = _whole_numbers(numbers)
        # What its list has dropped nobody asks for again; of what came after it nothing is known yet.
        newest = max(self.ids, default=0)
        self.calls = {number for number in self.calls if number in self.ids or number > newest}
        if len(self.ids) < len(numbers):
            listing.incomplete("job/list holds what is no id, or an id twice")
        running, finished = answer.get("runningIds"), answer.get("finishedIds")
        if not isinstance(running, list) or not isinstance(finished, list):
            return None
        # What it does not call finished may run.
        return self.ids - (_whole_numbers(finished) - _whole_numbers(running))

    def _is_same_server(self, server: str | None) -> bool:
        """Say whether ids mean what they meant at the last look.

        A server before ``executeId`` (1.60) does not say who it is: it is known by the echo of a call of ours, which
        it keeps like that of any other. Without that, every look would have to ask for all calls of those before it.
        """
        if server is not None:
            known, self._server = self._server, server
            return server == known
        if self._marked is not None:
            status = self.ask("job/status", {"jobid": self._marked}, answered=is_gone)
            if as_object(status.get("output")).get(_MARK) == self._session:
                return True
        self.ask("rc/noop", {_MARK: self._session})
        self._marked = self._last_call
        return False

    def is_ours(self, status: dict[str, t.Any], number: int) -> bool:
        """Whether a job in the list is a call of ours; an earlier session's last one tells of its others."""
        if status.get("group") != _OURS:
            return False
        known = as_object(status.get("output")).get(_LEDGER)
        self.calls.update(entry for entry in as_array(known) if isinstance(entry, int))
        self.calls.add(number)
        return True

    def leave(self) -> None:
        """Leave the ids of our calls behind, as the echo of a call that does nothing: those that its list still has."""
        if self._listed and self._answers:
            still = sorted(self.calls)
            # Only a convenience for the next session: without it, that one asks for each id.
            with contextlib.suppress(BackupError), self._system.http.within(patience=0.0):
                self.ask("rc/noop", {_LEDGER: still})

    def keep(self) -> dict[str, t.Any]:
        """What the next slice of a wait has to know."""
        return {"server": self._server, "calls": sorted(self.calls)}

    def restore(self, kept: dict[str, t.Any]) -> None:
        """Take that over."""
        self._server, self.calls = kept["server"], set(kept["calls"])


def _whole_numbers(values: t.Iterable[t.Any]) -> set[int]:
    return {value for value in values if isinstance(value, int) and not isinstance(value, bool)}
