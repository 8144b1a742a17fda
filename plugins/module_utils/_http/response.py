# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""An answer: its body as JSON, and what an error in it says in a few words."""

from __future__ import annotations

import contextlib
import email.utils
import itertools
import json
import re
import typing as t
from urllib.parse import urlsplit

from .._core.errors import Unanswered

# Of an error, however long it is: far more than is shown, so that a secret cut here is not among that.
_READ_OF_ERROR = 64 * 1024
_MOST_SAID = 20
BEFORE_IT = "If this goes on, something else answers there, such as a proxy or a login page: check url"
# Where bodies have their texts: Nest and NetApp, OAuth, RFC 9457, .NET, SOAP and its gateways.
_TEXTS = (
    "message", "error", "error_description", "title", "detail", "description", "Message", "ErrorMessage", "fault",
    "faultstring", "errors", "code",
)  # fmt: skip
# Fields that hold what the errors are about: each has its own list of texts.
_BY_FIELD = frozenset({"errors"})
_CHALLENGE = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Response:
    """An answer, whatever its status: a whole, bounded body. ``mask`` hides the secrets in a text of it.

    ``headline`` begins every message about it: what was asked, and what came back. ``proxy``: the variable that names
    the proxy which it came through.
    """

    def __init__(
        self,
        status: int,
        headers: t.Mapping[str, str],
        body: bytes,
        mask: t.Callable[[str], str] = lambda text: text,
        asked: str = "the call",
        proxy: str = "",
    ) -> None:
        self.headline = f"{asked} was answered with HTTP {status}"
        self.status = status
        self.headers = headers
        self.body = body
        self.mask = mask
        self.proxy = proxy

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
            raise Unanswered(f"{self.headline} ({kind}), but not with JSON. {BEFORE_IT}") from exc

    def json_or_none(self) -> t.Any:
        """Read the body as JSON where it is JSON."""
        try:
            return self.json()
        except Unanswered:
            return None

    def date(self) -> float | None:
        """The server's own clock, as a Unix time; None where it does not say."""
        # Where what stands before it adds one of its own, they come as one text; the application's is the last.
        return _date((self.headers.get("Date") or "").rpartition("GMT, ")[2])

    def retry_after(self, now: float, also: t.Sequence[t.Any] = ()) -> float | None:
        """Seconds the server asked us to wait: the header (seconds or a date), or what else says so.

        A date counts from the server's own, whatever our clock shows.
        """
        sent = self.date()
        wishes = (_seconds(value, now if sent is None else sent) for value in (self.headers.get("Retry-After"), *also))
        return next((seconds for seconds in wishes if seconds is not None), None)


def _seconds(value: t.Any, now: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    except ValueError:
        moment = _date(value)
        if moment is None:
            return None
        seconds = moment - now
    return max(0.0, seconds) if seconds < 1e9 else None


def start_of(text: str, mask: t.Callable[[str], str]) -> str:
    """Give the beginning of a text that can be long, its secrets hidden: a word that is cut could be half of one."""
    return mask(text if len(text) <= _READ_OF_ERROR else " ".join(text[:_READ_OF_ERROR].rsplit(None, 1)[:1]))


def foreign(response: Response) -> Unanswered:
    """Say that an error is not the system's, and who may have said it."""
    kind = response.headers.get("Content-Type", "no content type")
    such_as = f"the proxy that {response.proxy} names" if response.proxy else "a proxy, an ingress or a firewall"
    return Unanswered(
        f"{response.headline} ({kind}), and not in the system's own words: {summary(response)}. Something before the "
        f"system answered, such as {such_as}. If this goes on, check url"
    )


def summary(response: Response) -> str:
    """Say in a few words what an error body holds, in any of the documented shapes, with its request id.

    Secrets are masked before anything is cut or tidied up: of half a secret nobody would know that it is one.
    """
    body = response.json_or_none()
    if not isinstance(body, (dict, list, str)):
        text = start_of(response.body[: 4 * _READ_OF_ERROR].decode("utf-8", "replace").strip(), response.mask)[:200]
        if text.startswith("<"):
            return _of_soap(response) or "a page that is not JSON"
        return text or _of_headers(response) or "an empty body"
    said = itertools.islice(filter(None, _messages(body, response.mask)), _MOST_SAID)
    ids = body if isinstance(body, dict) else {}
    request_id = next((ids[key] for key in ("requestId", "traceId") if isinstance(ids.get(key), str)), None)
    text = "; ".join(dict.fromkeys(said))[:400] or _of_headers(response) or "no message"
    return f"{text} (request {request_id})" if request_id else text


def _messages(body: t.Any, mask: t.Callable[[str], str]) -> t.Iterator[str]:
    """Every human text in an error body: strings, lists of strings, lists of error objects."""
    if isinstance(body, str):
        yield " ".join(start_of(body, mask).split())
    elif isinstance(body, list):
        for item in body:
            yield from _messages(item, mask)
    elif isinstance(body, dict):
        for key in _TEXTS:
            value = body.get(key)
            if value in (None, "") or (key == "code" and not isinstance(value, str)):
                continue
            if key in _BY_FIELD and isinstance(value, dict) and not any(name in value for name in _TEXTS):
                for field, texts in value.items():
                    yield from (f"{start_of(field, mask)}: {text}" for text in _messages(texts, mask))
            else:
                yield from _messages(value, mask)


def _of_soap(response: Response) -> str:
    """Give the reason of a SOAP fault, of either version."""
    text = response.body[:_READ_OF_ERROR].decode("utf-8", "replace")
    found = re.search(r"<(?:\w+:)?(faultstring|Text)\b[^>]*>([^<]+)</(?:\w+:)?\1>", text)
    return " ".join(start_of(found[2], response.mask).split())[:400] if found and "Envelope" in text else ""


def _of_headers(response: Response) -> str:
    """Give what the headers say where the body says nothing: the reason of a refusal, or where else to go."""
    if response.status in (401, 403):
        challenge = start_of(response.headers.get("WWW-Authenticate", ""), response.mask)
        told = dict(_CHALLENGE.findall(challenge))
        said = [told[name] for name in ("error", "error_description") if told.get(name)]
        return "; ".join(said)[:400] or (f"asks for {challenge[:200]}" if challenge else "")
    if 300 <= response.status < 400 and response.headers.get("Location"):
        with contextlib.suppress(ValueError):
            parts = urlsplit(response.headers["Location"])
            if parts.hostname:
                port = f":{parts.port}" if parts.port else ""
                return response.mask(f"a redirect to {parts.scheme or 'the same scheme'}://{parts.hostname}{port}")[
                    :200
                ]
    return ""


def _date(value: t.Any) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(str(value)).timestamp() if value else None
    except (ValueError, TypeError, OverflowError):
        return None
