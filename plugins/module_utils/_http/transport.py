# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The transport: who may send what where, and how often.

* a call is declared as a read, a write, a login or a request to collect; writes leave only where writing was allowed,
  and are sent once;
* the bearer token goes to its own origin and nowhere else, also when a server redirects or links elsewhere;
* reads are tried again while the trouble may pass, bounded by ``patience``; "no answer" is never an answer, and an
  error that is not in the system's own words is none: an ingress, a firewall or a proxy said it, and may be right again
  in a minute.
"""

from __future__ import annotations

import contextlib
import random
import typing as t
from urllib.parse import urljoin

from .._core.errors import Fenced, Unanswered
from .._core.times import Clock
from .call import Call
from .exchange import MAX_BODY, Exchanges
from .library import origin
from .meaning import elsewhere, no_refusal, not_accepted, refusal_of
from .response import BEFORE_IT, Response
from .stream import Stream

MAX_REDIRECTS = 5
_CLOCKS_AGREE = 2.0
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0


class Credential(t.Protocol):
    """What the transport asks of a login: the header's value, and a new one when it is refused."""

    def authorization(self, http: Transport) -> str:
        """Give the value of the Authorization header, logging in if that is needed."""

    def renew(self) -> bool:
        """Forget a refused token. False: there is no way to get another."""

    def keep(self) -> dict[str, t.Any]:
        """Give what the next slice of a wait needs so as not to log in again."""

    def restore(self, kept: dict[str, t.Any]) -> None:
        """Take over what the slice before kept."""


class Statistics:
    """What a task cost the system."""

    def __init__(self) -> None:
        self.requests = 0
        self.logins = 0
        self.throttled_seconds = 0.0


class Transport:
    """One session with one system.

    ``patience``: seconds for which reads and logins are tried again before Unanswered is raised.
    """

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        clock: Clock,
        request_timeout: float,
        patience: float,
        verify: bool | str = True,
        allow_writes: bool = False,
        allow_collect: bool = False,
        max_body: int = MAX_BODY,
        mask: t.Callable[[str], str] = lambda text: text,
    ) -> None:
        self.base_url = base_url
        self.credential = credential
        self.clock = clock
        self.request_timeout = request_timeout
        self.allow_writes = allow_writes
        self.allow_collect = allow_collect
        self.mask = mask
        self.statistics = Statistics()
        # When the system last gave a good answer, on the monotonic clock; and by how much its clock is ahead of ours.
        self.answered_at: float | None = None
        self.server_ahead = 0.0
        self._patience = patience
        self._until = float("inf")
        self._exchanges = Exchanges(clock, request_timeout, verify, max_body, mask)
        self._retrying = False

    def close(self) -> None:
        """Close the connections."""
        self._exchanges.close()

    @property
    def patience(self) -> float:
        """Seconds for which a read that begins now is tried again."""
        return self._patience

    @contextlib.contextmanager
    def within(self, patience: float, until: float = float("inf")) -> t.Iterator[None]:
        """Be less patient for what is asked inside, and let no exchange begin or last beyond ``until``."""
        before = self._patience, self._until
        self._patience, self._until = min(before[0], max(0.0, patience)), min(before[1], until)
        try:
            yield
        finally:
            self._patience, self._until = before

    # -- what can be asked for -----------------------------------------------------------------------------------

    def read(self, call: Call, parse: t.Callable[[Response], t.Any] = Response.json) -> t.Any:
        """Send a read until it is answered; give what ``parse`` makes of the answer.

        ``parse`` may raise Unanswered for an answer that cannot be one, which is then asked for again.
        Raises Unanswered, AuthLost, Refused, Fenced.
        """
        self._fence(call)
        # A read inside the reading of another one, such as for what became of a queued call, is no answer to that.
        inner = self._retrying
        answer = self._until_answered(lambda: parse(self._authorized(call)))
        if not inner:
            self.answered_at = self.clock.monotonic()
        return answer

    def stream(self, call: Call, into: Stream) -> None:
        """Send a read until its body has gone into the stream; one that breaks is asked for again from its beginning.

        Raises what ``read`` raises; the stream then holds what the last body brought.
        """
        self._fence(call)

        def once() -> None:
            into.begun = False
            response = self._authorized(call._replace(into=into))
            if not into.begun:
                raise Unanswered(f"{response.headline} and a web page. {BEFORE_IT}")

        self._until_answered(once)

    def write(self, call: Call) -> Response:
        """Send a write once. Unanswered means: it may or may not have happened, read to find out.

        A request to collect goes this way as well: it changes no job, but is not a thing to repeat either.
        """
        if not (self.allow_collect if call.kind == "collect" else self.allow_writes):
            raise Fenced(f"a {call.kind} ({call}) was stopped: only reads are allowed here")
        self._fence(call)
        response = self._authorized(call)
        if response.status < 300 and response.body.strip():
            # The page of a proxy is no word of the system: whether it has heard of this, nobody knows.
            response.json()
        return response

    def login(
        self,
        make: t.Callable[[], Call],
        parse: t.Callable[[Response], t.Any],
        during: t.Callable[[], t.ContextManager[None]] = contextlib.nullcontext,
    ) -> t.Any:
        """Send a login, which carries no token, to the address that the options named.

        Each try is made anew: an assertion may be used once, and a refresh token may have been replaced. ``during``
        holds from before it is sent until ``parse`` is done.
        """

        def once() -> t.Any:
            self.statistics.logins += 1
            call = make()
            with during():
                response = self._exchange(call, None)
                lost = no_refusal(call, response, self.clock.now().timestamp())
                if lost is not None:
                    raise lost
                return parse(response)

        # A read that needs a login first tries both again: their patience is one.
        return once() if self._retrying else self._until_answered(once)

    # -- once ----------------------------------------------------------------------------------------------------

    def _fence(self, call: Call) -> None:
        try:
            own, target = origin(self.base_url), origin(call.url)
        except ValueError:
            raise Fenced("an address that cannot be read was to be called; nothing was sent there") from None
        if target != own:
            raise Fenced(elsewhere(own, target))

    def _authorized(self, call: Call) -> Response:
        response = self._follow(call, self.credential.authorization(self))
        if response.status == 401:
            if not self.credential.renew():
                raise not_accepted(response, "")
            response = self._follow(call, self.credential.authorization(self))
            if response.status == 401:
                raise not_accepted(response, " again, with a token just renewed")
        if not (200 <= response.status < 300 or call.answered(response)):
            raise refusal_of(call, response, self.clock.now().timestamp())
        self._note_its_clock(response)
        return response

    def _note_its_clock(self, response: Response) -> None:
        date = response.date()
        if date is not None:
            ahead = date - self.clock.now().timestamp()
            # It tells whole seconds, and the answer took a moment.
            self.server_ahead = ahead if abs(ahead) > _CLOCKS_AGREE else 0.0

    def _follow(self, call: Call, authorization: str) -> Response:
        for _hop in range(MAX_REDIRECTS + 1):
            response = self._exchange(call, authorization)
            target = response.headers.get("Location")
            if response.status not in (301, 302, 303, 307, 308) or call.kind != "read" or not target:
                return response
            try:
                call = call._replace(url=urljoin(call.url, target), query=None)
            except ValueError:
                raise Fenced("the server pointed to an address that cannot be read; nothing was sent there") from None
            self._fence(call)
        raise Unanswered(f"{call} was redirected more than {MAX_REDIRECTS} times")

    def _exchange(self, call: Call, authorization: str | None) -> Response:
        self.statistics.requests += 1
        return self._exchanges.exchange(call, authorization, self._until)

    # -- again ---------------------------------------------------------------------------------------------------

    def _until_answered(self, once: t.Callable[[], t.Any]) -> t.Any:
        before, self._retrying = self._retrying, True
        try:
            return self._patiently(once)
        finally:
            self._retrying = before

    def _patiently(self, once: t.Callable[[], t.Any]) -> t.Any:
        began = self.clock.monotonic()
        pause = _FIRST_PAUSE
        while True:
            try:
                return once()
            except Unanswered as exc:
                left = min(began + self._patience, self._until) - self.clock.monotonic()
                # Never less than our own pause: "Retry-After: 0", or a date that our clock has passed, is no licence.
                rest = max(exc.retry_after or 0.0, pause * random.uniform(0.5, 1.0))
                if rest > left:
                    exc.tried = self.clock.monotonic() - began
                    exc.patience = self._patience
                    raise
                if exc.retry_after is not None:
                    self.statistics.throttled_seconds += rest
                self.clock.sleep(rest)
                pause = min(pause * 2, _LONGEST_PAUSE)
