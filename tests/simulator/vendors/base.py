# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the vendors share: routes, refusals, bearer tokens, and reading of parameters."""

from __future__ import annotations

import datetime
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from ..auth import ClientKey, Token, TokenError, Tokens
from ..story import Book, StoryError, When

if TYPE_CHECKING:
    from ..journal import Entry
    from ..server import Simulator

Body = Any


class Route(NamedTuple):
    """One operation of a vendor's API."""

    method: str
    rule: str
    handler: Callable[..., Response]


class ErrorAnswer(Exception):
    """An error answer to a request that is not malformed: no such job, a conflict."""

    def __init__(self, status: int, body: Body) -> None:
        super().__init__(str(status))
        self.status = status
        self.body = body


class Refusal(ErrorAnswer):
    """An error answer to a request that a correct client would not send."""

    def __init__(self, status: int, body: Body, reason: str) -> None:
        super().__init__(status, body)
        self.reason = reason


class AuthRejected(Refusal):
    """An error answer to a credential that was good once, or is good for less."""


def reply(body: Body, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer JSON; a string is JSON text already."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return Response(text, status, headers, content_type="application/json; charset=utf-8")


def entry() -> Entry:
    """Return the journal entry of the request at hand."""
    found: Entry = request.environ["simulator.entry"]
    return found


def iso(unix: float, digits: int = 3, suffix: str = "Z") -> str:
    """Write a Unix time as ISO 8601 in UTC, with so many fraction digits."""
    text = datetime.datetime.fromtimestamp(unix, datetime.timezone.utc).isoformat(timespec="microseconds")
    return (f"{text[:26]}0000"[: 20 + digits] if digits else text[:19]) + suffix


def unix(value: Any) -> float | None:
    """Read a time of a story or of a query: a time mark, or ISO 8601 (a bare date is its midnight, UTC)."""
    if isinstance(value, When):
        return float(value)
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d(T|$)", value):
        return None
    # Python 3.10 reads no Z, and six digits of a fraction.
    plain = re.sub(r"\.(\d+)", lambda fraction: f".{fraction[1]:0<6.6}", re.sub("Z$", "+00:00", value))
    try:
        moment = datetime.datetime.fromisoformat(plain)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)).timestamp()


def map_times(value: Any, write: Callable[[float], Any]) -> Any:
    """Write every time in a structure in the vendor's format."""
    kind = type(value)
    if kind is When:
        return write(value)
    if kind is dict:
        return {k: map_times(v, write) if type(v) in _DEEP else v for k, v in value.items()}
    return [map_times(item, write) for item in value] if kind is list else value


_DEEP = frozenset({When, dict, list})


class Vendor(ABC):
    """One vendor: a static table of routes and the answers behind them."""

    system: ClassVar[str]
    token_paths: ClassVar[tuple[str, ...]]
    ways: ClassVar[tuple[str, ...]]
    """Ways to log in; the first is the default."""
    switches: ClassVar[dict[str, tuple[Any, ...]]] = {}
    """Dialect switches of a story: the default, then the other values; a single None allows anything."""
    hidden: ClassVar[frozenset[str]] = frozenset()
    """Fields of a story's job that are not in the vendor's job."""
    token_body: ClassVar[str] = "form"
    """What the token endpoint takes: form or json."""

    def __init__(self, sim: Simulator) -> None:
        story = sim.story
        self.sim = sim
        self.page_cap = story.page_cap
        self.tokens = Tokens(sim.clock, story.auth)
        self.client_key = ClientKey(story.auth.get("certificate"))
        self.accept: list[str] = story.auth.get("accept") or list(self.ways)
        unknown = set(story.switches) - set(self.switches) or set(self.accept) - set(self.ways)
        if unknown:
            raise StoryError(f"{self.system} does not know {', '.join(sorted(map(str, unknown)))}")
        self.dialect = {name: values[0] for name, values in self.switches.items()}
        for name, value in story.switches.items():
            if self.switches[name] != (None,) and value not in self.switches[name]:
                raise StoryError(f"{name} is one of {self.switches[name]!r}, not {value!r}")
            self.dialect[name] = value
        self.credentials: dict[str, Any] = {}
        self.book = Book(story, sim.clock, self.render)

    @abstractmethod
    def api_routes(self) -> list[Route]:
        """Return the operations of the job API."""

    @abstractmethod
    def token_routes(self) -> list[Route]:
        """Return the operations of the token endpoint."""

    @abstractmethod
    def login(self) -> dict[str, Any]:
        """Return the options of the default way to log in."""

    @abstractmethod
    def render(self, state: dict[str, Any]) -> dict[str, Any]:
        """Write one job as the vendor writes it."""

    @abstractmethod
    def error(self, status: int, message: str) -> Body:
        """Return the vendor's error body."""

    # -- what a correct client does, to try this simulator with

    @abstractmethod
    def token_request(self) -> dict[str, str]:
        """Return the fields of a client's token request, by the default way to log in."""

    @abstractmethod
    def list_path(self) -> str:
        """Return the path of the job list."""

    def list_query(self) -> dict[str, Any]:
        """Return the query that lists everything, or as much as there may be on one page."""
        return {}

    def client_headers(self) -> dict[str, str]:
        """Return the headers of every call, logins included, beside that of the token."""
        return {}

    def audience(self) -> str:
        """Return whom a client assertion is for."""
        return self.sim.token_url

    # -- answers

    def unauthorized(self, reason: str) -> tuple[int, Body]:
        """Return the answer to a request without a good token."""
        return 401, self.error(401, "Unauthorized")

    def server_error(self, status: int) -> tuple[int, Body]:
        """Return the vendor's answer when it fails by itself."""
        return status, self.error(status, "Internal server error" if status >= 500 else "Error")

    def throttled(self, seconds: int) -> tuple[Body, dict[str, str]]:
        """Return the body and headers of a 429."""
        return self.error(429, "Too many requests"), {"Retry-After": str(seconds)}

    def kind(self, method: str, path: str) -> str:
        """Return what a request is: a login, a read or a write."""
        if path in self.token_paths:
            return "login"
        return "read" if method in ("GET", "HEAD") else "write"

    def bearer(self) -> Token:
        """Demand a good bearer token."""
        header = request.headers.get("Authorization")
        scheme, _space, value = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not value:
            reason = "no Authorization header" if header is None else "Authorization is not 'Bearer <token>'"
            raise Refusal(*self.unauthorized(reason), reason)
        try:
            return self.tokens.check(value)
        except TokenError as error:
            kind = AuthRejected if error.ours else Refusal
            raise kind(*self.unauthorized(str(error)), str(error)) from error

    def refuse(self, status: int, reason: str) -> Refusal:
        """Return a refusal with the vendor's error body."""
        return Refusal(status, self.error(status, reason), reason)

    def query(self, known: Iterable[str], *, lists: Iterable[str] = (), fold: bool = False) -> dict[str, str]:
        """Return the query parameters; an unknown or a repeated one is refused."""
        names = {name.lower() if fold else name: name for name in known}
        found: dict[str, str] = {}
        for name, value in request.args.items(multi=True):
            key = names.get(name.lower() if fold else name)
            if key is None:
                raise self.refuse(400, f"unknown query parameter {name!r}")
            if key in found and key not in lists:
                raise self.refuse(400, f"query parameter {name!r} is given twice")
            found[key] = value
        return found

    def whole(self, query: dict[str, str], name: str, default: int, low: int, high: int | None = None) -> int:
        """Return a whole number within bounds from the query."""
        text = query.get(name)
        if text is None:
            return default
        number = int(text) if re.fullmatch(r"\d{1,9}", text) else -1
        if number < low or (high is not None and number > high):
            raise self.refuse(400, f"{name} must be a whole number from {low} to {high or 'any'}, not {text!r}")
        return number

    def no_body(self) -> None:
        """Refuse a body where the operation has none."""
        if request.get_data():
            raise self.refuse(400, "this operation takes no request body")

    def form(self, wrong: Callable[[str], Refusal]) -> dict[str, str]:
        """Return the fields of a form body; nothing else is taken, and nothing from the query string."""
        if request.mimetype != "application/x-www-form-urlencoded":
            raise wrong(f"the token endpoint takes a form body, not {request.mimetype or 'nothing'}")
        if request.args:
            raise wrong("token parameters belong in the body, not in the query string")
        repeated = [name for name, values in request.form.lists() if len(values) > 1]
        if repeated:
            raise wrong(f"{repeated[0]} is given twice")
        return request.form.to_dict()


def build_app(vendor: Vendor, routes: list[Route]) -> Flask:
    """Return the Flask application that serves these routes and refuses everything else."""
    app = Flask(f"simulator.{vendor.system}", static_folder=None)
    methods: dict[str, dict[str, Callable[..., Response]]] = {}
    for route in routes:
        methods.setdefault(route.rule, {})[route.method] = route.handler
    for rule, handlers in methods.items():

        def view(*, handlers: dict[str, Callable[..., Response]] = handlers, **path: str) -> Response:
            handler = handlers.get(request.method)
            if handler is None:
                raise vendor.refuse(405, f"{request.method} is not an operation of this path")
            return handler(**path)

        every = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
        app.add_url_rule(rule, rule, view, methods=every, provide_automatic_options=False)

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            error = vendor.refuse(error.code or 400, f"{error.name}: {request.method} {request.path}")
        if isinstance(error, AuthRejected):
            entry().auth_rejected = error.reason
        elif isinstance(error, Refusal):
            entry().refused = error.reason
        if isinstance(error, ErrorAnswer):
            return reply(error.body, error.status)
        vendor.sim.bug(entry())
        return reply(vendor.error(500, "bug in the simulator"), 500)

    return app
