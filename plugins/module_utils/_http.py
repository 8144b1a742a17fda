# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The transport: one ``requests.Session``, and the fences around it.

It knows bytes and statuses, a system knows meanings. What it guarantees:

* a call is declared as a read, a write, a login or a request to collect; writes leave only where writing was allowed,
  and are sent once;
* the bearer token goes to its own origin and nowhere else, also when a server redirects or links elsewhere;
* reads are tried again while the trouble may pass, bounded by ``patience``; "no answer" is never an answer;
* a body is bounded in size, also when it arrives compressed, and an exchange is bounded in time.
"""

from __future__ import annotations

import contextlib
import email.utils
import functools
import itertools
import json
import random
import re
import ssl
import traceback
import typing as t
import warnings
import zlib
from urllib.parse import quote, urlencode, urljoin, urlsplit

from ansible_collections.changeops.backup.plugins.module_utils._errors import (
    AuthLost,
    BackupError,
    Fenced,
    Misconfigured,
    MissingLibrary,
    Refused,
    Unanswered,
)
from ansible_collections.changeops.backup.plugins.module_utils._stream import Handover, Line, Stream
from ansible_collections.changeops.backup.plugins.module_utils._time import Clock

try:
    import requests
    from urllib3.exceptions import HTTPError as Urllib3Error
    from urllib3.exceptions import InsecureRequestWarning
except ImportError:
    HAS_REQUESTS = False
    REQUESTS_TRACEBACK = traceback.format_exc()
else:
    HAS_REQUESTS = True
    REQUESTS_TRACEBACK = ""

Kind = t.Literal["read", "write", "collect", "login"]

# These ask for the same request again. So does a server in trouble, which Veeam spells 520 and others otherwise, unless
# it says that it will never know how.
_AGAIN = frozenset({408, 421, 425, 429})
_NEVER = frozenset({501, 505})
MAX_BODY = 256 * 1024 * 1024
MAX_REDIRECTS = 5
_CHUNK = 256 * 1024
# As much as has come in by the time that we look, up to this: the fewer pieces, the less it costs to pass them on.
_AT_ONCE = 1024 * 1024
# Of an error, however long it is: far more than is shown, so that a secret cut here is not among that.
_READ_OF_ERROR = 64 * 1024
_MOST_SAID = 20
_BEFORE_IT = "If this goes on, something else answers there, such as a proxy or a login page"
# An exchange that watches its own time gets so many seconds more, to say itself what went wrong.
_GRACE = 0.1
# So many seconds after the one who waits for a piece, the socket gives up as well.
_LATER = 5.0
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0


@functools.lru_cache(maxsize=64)
def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port that a request to this address goes to. Raises ValueError."""
    # As requests reads it: of "http://one\@two" urlsplit takes the other host than what requests connects to.
    prepared = requests.models.PreparedRequest()
    prepared.prepare_url(url, None)
    parts = urlsplit(str(prepared.url))
    return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port or {"https": 443}.get(parts.scheme, 80)


def segment(identifier: str) -> str:
    """Quote an id into one path segment, whatever it contains."""
    if identifier.strip(".") == "":
        raise Misconfigured(f"{identifier!r} cannot be the id of a job")
    # JSON can spell half a character: quoted as it is, and not known to anybody.
    return quote(identifier, safe="", errors="surrogatepass")


class Response:
    """An answer, whatever its status: a whole, bounded body. ``mask`` hides the secrets in a text of it.

    ``headline`` begins every message about it: what was asked, and what came back.
    """

    def __init__(
        self,
        status: int,
        headers: t.Mapping[str, str],
        body: bytes,
        mask: t.Callable[[str], str] = lambda text: text,
        asked: str = "the call",
    ) -> None:
        self.headline = f"{asked} was answered with HTTP {status}"
        self.status = status
        self.headers = headers
        self.body = body
        self.mask = mask

    def json(self) -> t.Any:
        """Read the body as JSON, or raise Unanswered: a proxy's error page is no answer of the system."""
        kind = self.headers.get("Content-Type", "no content type")
        try:
            try:
                return json.loads(self.body)
            except UnicodeDecodeError:
                # Only then: servers that call their UTF-8 something else are not rare.
                charset = re.search(r"charset=\"?([\w.-]+)", kind)
                return json.loads(self.body.decode(charset[1] if charset else "utf-8"))
        except (ValueError, RecursionError, LookupError) as exc:
            raise Unanswered(f"{self.headline} ({kind}), but not with JSON. {_BEFORE_IT}") from exc

    def json_or_none(self) -> t.Any:
        """Read the body as JSON where it is JSON."""
        try:
            return self.json()
        except Unanswered:
            return None

    def retry_after(self, now: float) -> float | None:
        """Seconds the server asked us to wait: the header (seconds or a date), or ``retryAfter`` in the body."""
        for value in (self.headers.get("Retry-After"), *_body_retry_after(self.json_or_none())):
            seconds = _seconds(value, now)
            if seconds is not None:
                return seconds
        return None


def _body_retry_after(body: t.Any) -> list[t.Any]:
    # Veeam documents {"errors": [{"code": 429, "retryAfter": 25}]} and no header.
    errors = body.get("errors") if isinstance(body, dict) else None
    return [error.get("retryAfter") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _seconds(value: t.Any, now: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(str(value)).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if seconds < 1e9 else None


class Call(t.NamedTuple):
    """One request. ``url`` is absolute.

    ``answered`` says which odd statuses are the system's own answer, ``may_pass`` which errors are worth asking again.
    """

    kind: Kind
    method: str
    url: str
    query: t.Sequence[tuple[str, str]] | None = None
    headers: t.Mapping[str, str] | None = None
    json: t.Any = None
    form: t.Mapping[str, str] | None = None
    answered: t.Callable[[Response], bool] = lambda response: False
    may_pass: t.Callable[[Response], bool] = lambda response: False
    # Where the body of a good answer goes piece by piece, instead of into the Response.
    into: Stream | None = None

    def __str__(self) -> str:
        # Without the query, which can hold what should not be printed.
        return f"{self.method} {urlsplit(self.url).path or '/'}"


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


class _Header:
    """Set the header ourselves: with ``auth=None`` requests would let a .netrc entry replace it."""

    def __init__(self, value: str | None) -> None:
        self.value = value

    def __call__(self, request: t.Any) -> t.Any:
        if self.value is not None:
            request.headers["Authorization"] = self.value
        return request


class Transport:
    """One session with one system.

    ``patience``: seconds for which reads and logins are tried again before Unanswered is raised. The wait makes it
    small, so that the deadline stays in its own hands.
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
        if not HAS_REQUESTS:
            raise MissingLibrary("requests", REQUESTS_TRACEBACK)
        self.base_url = base_url
        self.credential = credential
        self.clock = clock
        self.request_timeout = request_timeout
        self.patience = patience
        self.verify = verify
        if verify is False:
            # Who turned the check off knows, and does not want to read it with each call.
            warnings.simplefilter("ignore", InsecureRequestWarning)
        self.allow_writes = allow_writes
        self.allow_collect = allow_collect
        self.max_body = max_body
        self.mask = mask
        self.statistics = Statistics()
        # No exchange begins or lasts beyond this moment.
        self.until = float("inf")
        self._session = _session()
        self._line = Line()
        self._known: dict[tuple[str, str, int], dict[str, t.Any]] = {}
        self._retrying = False

    def close(self) -> None:
        """Close the connections."""
        self._line.close()
        self._session.close()

    def read(self, call: Call, parse: t.Callable[[Response], t.Any] = Response.json) -> t.Any:
        """Send a read until it is answered; give what ``parse`` makes of the answer.

        ``parse`` may raise Unanswered for an answer that cannot be one, which is then asked for again.
        Raises Unanswered, AuthLost, Refused, Fenced.
        """
        self._fence(call)
        return self._until_answered(lambda: parse(self._authorized(call)))

    def stream(self, call: Call, into: Stream) -> None:
        """Send a read until its body has gone into the stream; one that breaks is asked for again from its beginning.

        Raises what ``read`` raises; the stream then holds what the last body brought.
        """
        self._fence(call)

        def once() -> None:
            into.begun = False
            response = self._authorized(call._replace(into=into))
            if not into.begun:
                raise Unanswered(f"{response.headline} and a web page. {_BEFORE_IT}")

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
                self._raise_transient(call, response)
                return parse(response)

        # A read that needs a login first tries both again: their patience is one.
        return once() if self._retrying else self._until_answered(once)

    def _fence(self, call: Call) -> None:
        try:
            own, target = origin(self.base_url), origin(call.url)
        except ValueError:
            raise Fenced("an address that cannot be read was to be called; nothing was sent there") from None
        if target != own:
            raise Fenced(f"the server pointed to another host ({target[1]}); the token was not sent there")

    def _until_answered(self, once: t.Callable[[], t.Any]) -> t.Any:
        self._retrying = True
        try:
            return self._patiently(once)
        finally:
            self._retrying = False

    def _patiently(self, once: t.Callable[[], t.Any]) -> t.Any:
        began = self.clock.monotonic()
        pause = _FIRST_PAUSE
        while True:
            try:
                return once()
            except Unanswered as exc:
                left = min(began + self.patience, self.until) - self.clock.monotonic()
                # Never less than our own pause: "Retry-After: 0", or a date that our clock has passed, is no licence.
                rest = max(exc.retry_after or 0.0, pause * random.uniform(0.5, 1.0))
                if rest > left:
                    raise
                if exc.retry_after is not None:
                    self.statistics.throttled_seconds += rest
                self.clock.sleep(rest)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _authorized(self, call: Call) -> Response:
        for attempt in ("first", "renewed"):
            response = self._follow(call, self.credential.authorization(self))
            if response.status != 401:
                break
            if attempt == "renewed" or not self.credential.renew():
                raise AuthLost(
                    response.headline
                    + (" again, with a token just renewed" if attempt == "renewed" else "")
                    + f": {summary(response)}. Check the credentials"
                )
        if 200 <= response.status < 300 or call.answered(response):
            return response
        self._raise_transient(call, response)
        if response.status == 403:
            raise AuthLost(
                f"{response.headline}: {summary(response)}. "
                "The login is good but lacks a permission that this call needs"
            )
        raise Refused(f"{response.headline}: {summary(response)}", response.status)

    def _raise_transient(self, call: Call, response: Response) -> None:
        trouble = response.status in _AGAIN or (response.status >= 500 and response.status not in _NEVER)
        if call.answered(response) or not (trouble or (response.status >= 400 and call.may_pass(response))):
            return
        said = f"{response.headline}: {summary(response)}"
        again = response.retry_after(self.clock.now().timestamp())
        if response.status == 429 and call.kind in ("write", "collect"):
            # That one is certain: nothing was done. It is the operator who decides whether to come back.
            wish = "" if again is None else f" in {again:.0f} s"
            raise Refused(f"{said}. It takes no more requests now, and did nothing. Try again{wish}", 429)
        raise Unanswered(said, again)

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
        seconds = min(self.request_timeout, self.until - self.clock.monotonic())
        if seconds <= 0:
            raise Unanswered(f"no time was left for {call}")
        self.statistics.requests += 1
        return self._in_time(call, authorization, seconds)

    def _in_time(self, call: Call, authorization: str | None, seconds: float) -> Response:
        """Run an exchange in a thread that can be left behind.

        A timeout of requests counts from byte to byte: a server that sends its headers a byte at a time, or a name
        server that says nothing, would hold us for ever.
        """
        handover = self._line.begin(lambda handover: self._send(call, authorization, seconds, handover))
        try:
            outcome = handover.take(seconds + _GRACE)
            if call.into is not None and isinstance(outcome, _Beginning):
                outcome = self._pour(outcome.response, handover, call.into)
        except TimeoutError:
            raise self._too_long(call, seconds) from None
        finally:
            handover.leave()
            if not handover.ended:
                # They may hang. The thread ends when it no longer does.
                self._line.close()
                self._line, self._session = Line(), _session()
        if isinstance(outcome, BaseException):
            try:
                raise outcome
            finally:
                # Else the exception, its frames and the body in them would hold each other.
                del outcome
        answer: Response = outcome
        return answer

    def _pour(self, head: Response, handover: Handover, into: Stream) -> t.Any:
        """Take a body piece by piece. Gives how the exchange came out, or the head where the rest is not waited for."""
        into.begin()
        began = self.clock.monotonic()
        while not into.cut:
            left = min(began + into.may_take, self.until) - self.clock.monotonic()
            try:
                piece = handover.take(min(self.request_timeout, left))
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

    def _send(self, call: Call, authorization: str | None, seconds: float, handover: Handover) -> Response:
        give_up_at = self.clock.monotonic() + seconds
        try:
            with self._session.request(
                call.method,
                call.url if not call.query else f"{call.url}?{urlencode(call.query, quote_via=quote)}",
                headers=call.headers,
                json=call.json,
                data=call.form,
                auth=_Header(authorization),
                # Who takes a stream waits for each piece of it himself.
                timeout=seconds if call.into is None else (seconds, seconds + _LATER),
                allow_redirects=False,
                **self._surroundings(call.url),
            ) as answer:
                if call.into is not None and _is_file(answer):
                    head = Response(answer.status_code, answer.headers, b"", self.mask, str(call))
                    handover.give(_Beginning(head))
                    for piece in filter(None, _inflated(call, answer)):
                        handover.give(piece)
                    return head
                body = b"".join(self._pieces(call, answer, give_up_at, seconds))
                return Response(answer.status_code, answer.headers, body, self.mask, str(call))
        except requests.exceptions.SSLError as exc:
            cause = _innermost(exc)
            if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
                # A server that goes down in the middle of the handshake may come back.
                raise Unanswered(f"{call} got no answer ({self._reason(exc)})") from exc
            host = urlsplit(call.url).hostname
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise BackupError(
                    f"the TLS certificate of {host} was not accepted ({self._reason(exc)}). "
                    "Give the authority's certificate as ca_path"
                ) from exc
            raise BackupError(f"no TLS connection with {host} ({self._reason(exc)}). Check url and ca_path") from exc
        except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, UnicodeError):
            # Without the reason: it would print the header.
            raise Misconfigured(f"{call} needs a header or an address with a character that it cannot carry") from None
        except (requests.exceptions.RequestException, Urllib3Error, OSError, zlib.error) as exc:
            raise Unanswered(f"{call} got no answer ({self._reason(exc)})") from exc

    def _reason(self, exc: BaseException) -> str:
        """Name the cause without the address: a query can hold what should not be printed."""
        if isinstance(exc, requests.exceptions.Timeout):
            return "timed out"
        cause = _innermost(exc)
        # What cuts comes last: of half a secret nobody would know that it is one.
        text = self.mask(cause.args[-1] if cause.args and isinstance(cause.args[-1], str) else str(cause))
        return text.split(": ", 1)[-1][:200] or type(cause).__name__

    def _surroundings(self, url: str) -> dict[str, t.Any]:
        """Give the proxies and authorities that the environment names: requests would look them up for every call."""
        key = origin(url)
        if key not in self._known:
            asking = requests.Session()
            self._known[key] = dict(asking.merge_environment_settings(url, {}, True, self.verify, None))
        return self._known[key]

    def _pieces(self, call: Call, answer: t.Any, give_up_at: float, seconds: float) -> t.Iterator[bytes]:
        size = 0
        for piece in _inflated(call, answer):
            size += len(piece)
            if size > self.max_body:
                raise BackupError(f"the answer to {call} is larger than {self.max_body} bytes; narrow the selection")
            yield piece
            if self.clock.monotonic() > give_up_at:
                raise self._too_long(call, seconds)


def _session() -> t.Any:
    session = requests.Session()
    # Else requests would read the whole body of a redirect, unbounded, before we see it.
    session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
    # What it would find there, Transport._surroundings has found before.
    session.trust_env = False
    session.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip"})
    return session


class _Beginning(t.NamedTuple):
    """What is handed over before the pieces of a stream: the answer without its body."""

    response: Response


def _is_file(answer: t.Any) -> bool:
    """Say whether an answer is what was asked for: not an error, and not the page of a proxy."""
    return 200 <= answer.status_code < 300 and "html" not in answer.headers.get("Content-Type", "").casefold()


def _inflated(call: Call, answer: t.Any) -> t.Iterator[bytes]:
    """Give a body in pieces of a bounded size. Raises Unanswered if it is cut short."""
    # We inflate ourselves: requests would unpack a whole chunk, however large it becomes, before we could count.
    zipped = answer.headers.get("Content-Encoding", "").strip().casefold() in ("gzip", "x-gzip")
    inflate = zlib.decompressobj(47) if zipped else None
    arrived = 0
    for chunk in _arriving(answer.raw):
        arrived += len(chunk)
        pending = chunk
        while pending:
            if inflate is not None and inflate.eof:
                # Several streams behind each other are one body.
                inflate = zlib.decompressobj(47)
            piece = pending if inflate is None else inflate.decompress(pending, _CHUNK)
            pending = b"" if inflate is None else inflate.unconsumed_tail or inflate.unused_data
            yield piece
    if inflate is not None and arrived and not inflate.eof:
        raise Unanswered(f"the compressed answer to {call} is cut short")
    # An old urllib3 does not look at this. It says nothing of an answer without a body, such as 304.
    length = "" if "Transfer-Encoding" in answer.headers else answer.headers.get("Content-Length", "")
    if length.isdigit() and arrived < int(length) and 200 <= answer.status_code < 300:
        raise Unanswered(f"the answer to {call} is cut short: {arrived} of {length} bytes")


def _arriving(raw: t.Any) -> t.Iterator[bytes]:
    """Give bytes as they come in; an old urllib3 waits until a whole chunk is full, however slowly that happens."""
    if not hasattr(raw, "read1"):
        yield from raw.stream(_CHUNK, decode_content=False)
        return
    while True:
        chunk = raw.read1(_AT_ONCE, decode_content=False)
        if not chunk:
            return
        yield chunk


def _innermost(exc: BaseException) -> BaseException:
    cause = exc
    for _depth in range(6):
        held = (getattr(cause, "reason", None), *cause.args)
        inner = next((thing for thing in held if isinstance(thing, BaseException)), None)
        if inner is None:
            break
        cause = inner
    return cause


def start_of(text: str, mask: t.Callable[[str], str]) -> str:
    """Give the beginning of a text that can be long, its secrets hidden: a word that is cut could be half of one."""
    return mask(text if len(text) <= _READ_OF_ERROR else " ".join(text[:_READ_OF_ERROR].rsplit(None, 1)[:1]))


def summary(response: Response) -> str:
    """Say in a few words what an error body holds, in any of the documented shapes, with its request id.

    Secrets are masked before anything is cut or tidied up: of half a secret nobody would know that it is one.
    """
    body = response.json_or_none()
    if not isinstance(body, (dict, list, str)):
        text = start_of(response.body[: 4 * _READ_OF_ERROR].decode("utf-8", "replace").strip(), response.mask)[:200]
        return "a page that is not JSON" if text.startswith("<") else text or "an empty body"
    said = itertools.islice(filter(None, _messages(body, response.mask)), _MOST_SAID)
    ids = body if isinstance(body, dict) else {}
    request_id = next((ids[key] for key in ("requestId", "traceId") if isinstance(ids.get(key), str)), None)
    text = "; ".join(dict.fromkeys(said))[:400] or "no message"
    return f"{text} (request {request_id})" if request_id else text


def _messages(body: t.Any, mask: t.Callable[[str], str]) -> t.Iterator[str]:
    """Every human text in an error body: strings, lists of strings, lists of error objects."""
    if isinstance(body, str):
        yield " ".join(start_of(body, mask).split())
    elif isinstance(body, list):
        for item in body:
            yield from _messages(item, mask)
    elif isinstance(body, dict):
        for key in ("message", "error", "error_description", "errors", "code"):
            if body.get(key) not in (None, "") and (key != "code" or isinstance(body[key], str)):
                yield from _messages(body[key], mask)
