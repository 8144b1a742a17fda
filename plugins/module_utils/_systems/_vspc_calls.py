# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""How one speaks with a Veeam Service Provider Console: the version that is asked for, and calls that it queues."""

from __future__ import annotations

import typing as t

from .._core.errors import BackupError, Refused, Unanswered
from .._http.call import Call, Intent, segment
from .._http.response import Response, summary
from ._veeam import body_of, errors_in
from .connection import Connection
from .contract import ACCEPTED, BackupSystem
from .reading import as_array, as_object, as_text

API_ROOT = "/api/v3"
# An asynchronous answer is fetched after this long; results are kept for five minutes.
_ASYNC_PAUSE = 0.5
_ASYNC_LOOKS = 120
# What was ordered and is queued shows at the jobs; so long for a refusal.
_ORDER_LOOKS = 10
# The newest version whose documents name what we read: it is the first that tells the next run. And the oldest that the
# documents of the current product call supported; newer servers accept it.
_NEWEST_VERSION = "3.6.1"
_OLDEST_VERSION = "3.5.1"
# What a server that does not know a version may answer with. In words that are not its own that can be an ingress as
# well: so often it is asked again with the newest version.
_MAY_REFUSE_IT = frozenset({400, 406, 412, 415})
_DOUBTS = 3


class _Canceled(Unanswered):
    """What was queued will not be done."""


class _Doubtful(Refused):
    """What may be the refusal of a version, and may be an ingress."""


class VspcCalls(BackupSystem):
    """Any call may be queued: then its answer is fetched."""

    API_ROOT = API_ROOT
    PASTED = rf"{API_ROOT}(/infrastructure(/(backupServers|backupAgents|vb365Servers/organizations)(/jobs)?)?)?"

    ERROR_FIELDS = ("errors",)

    def __init__(self, *args: t.Any) -> None:
        super().__init__(*args)
        self._asks_newest = not self.connection["api_version"]
        self._took_newest = False
        self._doubts = 0

    @classmethod
    def headers(cls, connection: Connection, kind: Intent) -> dict[str, str]:
        """Name the version: without it, newer enum values could appear."""
        return {"x-client-version": connection["api_version"] or _OLDEST_VERSION}

    def call(self, kind: Intent, method: str, path: str, **more: t.Any) -> Call:
        """Ask with the newest version that the server takes."""
        call = super().call(kind, method, path, **more)
        if self._asks_newest:
            call = call._replace(headers={**(call.headers or {}), "x-client-version": _NEWEST_VERSION})
        return call

    def get(
        self,
        path: str,
        query: t.Sequence[tuple[str, str]] = (),
        parse: t.Callable[[Response], t.Any] = Response.json,
        answered: t.Callable[[Response], bool] = lambda response: False,
    ) -> t.Any:
        """Read; the first read finds out which version the server takes. How it refuses one, no document says."""
        if not self._asks_newest or self._took_newest:
            return super().get(path, query, parse, answered)

        def is_doubtful(response: Response) -> bool:
            return response.status in _MAY_REFUSE_IT and not self.is_own_error(response)

        def told(response: Response) -> t.Any:
            if is_doubtful(response):
                raise _Doubtful(response.headline, response.status)
            return parse(response)

        try:
            answer = super().get(path, query, told, lambda response: answered(response) or is_doubtful(response))
        except Refused as exc:
            self._asks_newest = False
            self._doubts += 1 if isinstance(exc, _Doubtful) else _DOUBTS
        else:
            self._took_newest = True
            return answer
        try:
            return super().get(path, query, parse, answered)
        finally:
            self._asks_newest = self._doubts < _DOUBTS

    def order(
        self, kind: t.Literal["write", "collect"], method: str, path: str, refused: str, body: t.Any = None
    ) -> str:
        """Order something once; give what was said. The console answers when it is queued, not when it is done."""
        answer = self.http.write(self.call(kind, method, self.API_ROOT + path, json=body))
        queued = answer.status == 202
        canceled: list[str] = []
        if queued:
            try:
                with self.http.within(_ORDER_LOOKS * _ASYNC_PAUSE):
                    answer = self._queued_result(answer, _ORDER_LOOKS)
            except _Canceled as exc:
                canceled = [str(exc)]
            except BackupError:
                # What became of it, the jobs will show.
                return "queued"
        said = canceled or errors_in(body_of(answer))
        if said:
            raise Refused(f"{refused}: {'; '.join(said)}", answer.status)
        return "queued, then carried out" if queued else ACCEPTED

    def settled(self, response: Response, job_id: str = "") -> dict[str, t.Any]:
        """Give the object in the answer. Any call may be queued (202): then its result is fetched."""
        queued = response.status == 202
        if queued:
            response = self._queued_result(response, _ASYNC_LOOKS)
        body = as_object(response.json())
        # The console's error names what is missing: of a queued call that may also be its result.
        if response.status == 404 and any(
            not queued or job_id.casefold() in said.casefold() for said in errors_in(body)
        ):
            return {}
        # A 404 without the console's own error comes from something before it, and data that are null say nothing.
        if response.status == 404 or body.get("data") is None:
            raise Unanswered(f"{response.headline}, but holds no data: {summary(response)}")
        return body

    def _queued_result(self, response: Response, looks: int) -> Response:
        action = response.headers.get("Location", "").rstrip("/").rpartition("/")[2]
        if not action:
            raise Unanswered("the call was queued (HTTP 202) without saying where its result will be")
        path = f"{self.API_ROOT}/asyncActions/{segment(action)}"
        for _look in range(looks):
            known = self.get(path, parse=lambda answer: answer, answered=lambda answer: answer.status == 404)
            if known.status == 404:
                raise Unanswered("the queued call is not known any more")
            status = as_text(as_object(body_of(known).get("data")).get("status")) or "nothing"
            if status.casefold() != "running":
                break
            self.http.clock.sleep(_ASYNC_PAUSE)
        if status.casefold() == "canceled":
            raise _Canceled("the queued call was canceled")
        if status.casefold() not in ("succeed", "failed"):
            if status.casefold() == "running":
                raise Unanswered(f"the queued call was still running after {looks * _ASYNC_PAUSE:.0f} s")
            raise Unanswered(f"the queued call ended as {status}")
        failed = status.casefold() == "failed"

        def answers(answer: Response) -> bool:
            return bool(errors_in(body_of(answer))) and (failed or answer.status != 404)

        def taken(answer: Response) -> Response:
            if answer.status == 404 and not answers(answer):
                raise Unanswered("the result of the queued call is not there any more")
            return answer

        result: Response = self.get(
            f"{path}/result", parse=taken, answered=lambda answer: answer.status == 404 or answers(answer)
        )
        return result

    def may_pass(self, response: Response) -> bool:
        """Say whether an error is one of those that Veeam's document calls "send again", whatever its status is."""
        kinds = [as_text(as_object(error).get("type")) or "" for error in as_array(body_of(response).get("errors"))]
        return any(kind.casefold() in ("transport", "retryablelogical") for kind in kinds)

    def asks_to_wait(self, response: Response) -> list[t.Any]:
        """Where the document says for how long: ``{"errors": [{"code": 429, "retryAfter": 25}]}``, and no header."""
        return [as_object(error).get("retryAfter") for error in as_array(body_of(response).get("errors"))]
