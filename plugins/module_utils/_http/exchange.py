# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""One request and its answer: in time, whole, and bounded in size; whether the answer is a good one is not asked here.

An exchange runs in a thread that can be left behind. A timeout of requests counts from byte to byte: a server that
sends its headers a byte at a time, or a name server that says nothing, would hold us for ever.
"""

from __future__ import annotations

import contextlib
import typing as t
import zlib
from urllib.parse import quote, urlencode, urlsplit

from .._core.errors import BackupError, Unanswered
from .._core.times import Clock
from . import library
from .aside import Mailbox, Worker
from .body import inflated, is_file
from .call import Call
from .library import Header, new_session, origin
from .response import Response
from .route import environment_of, proxy_to, refusal
from .stream import Stream
from .trouble import Way, trouble

MAX_BODY = 256 * 1024 * 1024
# An exchange that watches its own time gets so many seconds more, to say itself what went wrong.
_GRACE = 0.1
# So many seconds after the one who waits for a piece, the socket gives up as well.
_LATER = 5.0


class _Beginning(t.NamedTuple):
    """What is handed over before the pieces of a stream: the answer without its body."""

    response: Response


class Exchanges:
    """The connections with one system, and the requests that go through them, one at a time."""

    def __init__(
        self,
        clock: Clock,
        request_timeout: float,
        verify: bool | str,
        max_body: int,
        mask: t.Callable[[str], str],
    ) -> None:
        self.clock = clock
        self.request_timeout = request_timeout
        self.verify = verify
        self.max_body = max_body
        self.mask = mask
        self._session = new_session(verify)
        self._worker = Worker()
        self._environment: dict[tuple[str, str, int], tuple[dict[str, t.Any], str]] = {}

    def close(self) -> None:
        """Close the connections."""
        self._worker.close()
        self._session.close()

    def exchange(self, call: Call, authorization: str | None, until: float) -> Response:
        """Send a request and give its answer, whatever the status. Nothing begins or lasts beyond ``until``."""
        seconds = min(self.request_timeout, until - self.clock.monotonic())
        if seconds <= 0:
            raise Unanswered(f"no time was left for {call}")
        mailbox = self._worker.begin(lambda mailbox: self._send(call, authorization, seconds, mailbox))
        try:
            outcome = mailbox.take(seconds + _GRACE)
            if call.into is not None and isinstance(outcome, _Beginning):
                outcome = self._pour(outcome.response, mailbox, call.into, until)
        except TimeoutError:
            raise self._too_long(call, seconds) from None
        finally:
            mailbox.leave()
            if not mailbox.ended:
                # They may hang. The thread ends when it no longer does.
                self._worker.close()
                self._worker, self._session = Worker(), new_session(self.verify)
        if isinstance(outcome, BaseException):
            try:
                raise outcome
            finally:
                # Else the exception, its frames and the body in them would hold each other.
                del outcome
        answer: Response = outcome
        return answer

    def _pour(self, head: Response, mailbox: Mailbox, into: Stream, until: float) -> t.Any:
        """Take a body piece by piece. Gives how the exchange came out, or the head where the rest is not waited for."""
        into.begin()
        began = self.clock.monotonic()
        while not into.cut:
            left = min(began + into.may_take, until) - self.clock.monotonic()
            try:
                piece = mailbox.take(min(self.request_timeout, left))
            except TimeoutError:
                piece = b""
            if not isinstance(piece, bytes):
                return piece
            if piece:
                into.take(piece)
            elif left > self.request_timeout:
                into.stop(f"nothing new came for request_timeout ({self.request_timeout:g} s)")
            if not into.cut and left <= 0:
                into.stop(f"it did not come to its end within {self.clock.monotonic() - began:.0f} s")
        return head

    def _too_long(self, call: Call, seconds: float) -> Unanswered:
        of = "request_timeout" if seconds == self.request_timeout else "the time left"
        return Unanswered(f"the answer to {call} took longer than {of} ({seconds:.3g} s)")

    # -- in the other thread -------------------------------------------------------------------------------------

    def _send(self, call: Call, authorization: str | None, seconds: float, mailbox: Mailbox) -> Response:
        give_up_at = self.clock.monotonic() + seconds
        settings, proxy = self._environment_for(call.url)
        try:
            with self._asked(call, authorization, seconds, settings) as answer:
                if answer.status_code == 407:
                    raise BackupError(refusal(407, proxy, str(urlsplit(call.url).hostname)))
                head = Response(answer.status_code, answer.headers, b"", self.mask, str(call), proxy)
                if call.into is not None and is_file(answer):
                    mailbox.give(_Beginning(head))
                    for piece in filter(None, inflated(call, answer)):
                        mailbox.give(piece)
                    return head
                head.body = b"".join(self._pieces(call, answer, give_up_at, seconds))
                return head
        except (library.requests.RequestException, library.HTTPError, OSError, UnicodeError, zlib.error) as exc:
            failure = trouble(call, exc, self.mask, Way(proxy, isinstance(self.verify, str), seconds))
            raise failure from (exc if isinstance(failure, Unanswered) else None)

    @contextlib.contextmanager
    def _asked(
        self, call: Call, authorization: str | None, seconds: float, settings: dict[str, t.Any]
    ) -> t.Iterator[t.Any]:
        with self._session.request(
            call.method,
            call.url if not call.query else f"{call.url}?{urlencode(call.query, quote_via=quote)}",
            headers=call.headers,
            json=call.json,
            data=call.form,
            auth=Header(authorization),
            # Who takes a stream waits for each piece of it himself.
            timeout=seconds if call.into is None else (seconds, seconds + _LATER),
            allow_redirects=False,
            **settings,
        ) as answer:
            yield answer

    def _environment_for(self, url: str) -> tuple[dict[str, t.Any], str]:
        """Look the environment up once for each origin: requests would do so for every call.

        Gives what requests takes of it, and the variable that names the proxy, if there is one.
        """
        key = origin(url)
        if key not in self._environment:
            proxy = proxy_to(url)
            self._environment[key] = environment_of(url, self.verify), proxy.variable if proxy else ""
        return self._environment[key]

    def _pieces(self, call: Call, answer: t.Any, give_up_at: float, seconds: float) -> t.Iterator[bytes]:
        size = 0
        for piece in inflated(call, answer):
            size += len(piece)
            if size > self.max_body:
                raise BackupError(f"the answer to {call} is larger than {self.max_body} bytes; narrow the selection")
            yield piece
            if self.clock.monotonic() > give_up_at:
                raise self._too_long(call, seconds)
