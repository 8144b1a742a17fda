# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listener: a kept-alive HTTP/1.1 server on loopback, with faults in front of a vendor and a journal beside it."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import IO, Any
from urllib.parse import parse_qs

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from .faults import PROXY_PAGE, Fault
from .journal import Entry, Journal
from .story import Clock, Story, StoryError, load_story
from .vendors import VENDORS
from .vendors.base import build_app

ADMIN = "/_simulator/"


class HangUp(ConnectionError):
    """Drop the connection here; `hard` sends a TCP reset."""

    def __init__(self, *, hard: bool) -> None:
        super().__init__("the story drops this connection")
        self.hard = hard


class _Handler(WSGIRequestHandler):
    """Werkzeug's handler closes each connection and waits 10 ms before it; this one keeps them alive."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay silent: the journal tells."""

    def setup(self) -> None:
        super().setup()
        self.server.live.add(self.connection)  # type: ignore[attr-defined]

    def finish(self) -> None:
        self.server.live.discard(self.connection)  # type: ignore[attr-defined]
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def handle(self) -> None:
        try:
            super().handle()
        except ValueError:  # a reset closed the files under it
            if not self.wfile.closed:
                raise

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        chunked = False

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal chunked
            code, _space, phrase = status.partition(" ")
            self.send_response(int(code), phrase)
            for name, value in headers:
                self.send_header(name, value)
            bare = code in ("204", "304") or self.command == "HEAD"
            chunked = not bare and not any(name.lower() == "content-length" for name, _value in headers)
            if chunked:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            return None

        try:
            chunks = self.server.app(environ, start_response)
            try:
                for chunk in chunks:
                    if chunk and self.command != "HEAD":
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
                        self.wfile.flush()
                if chunked:
                    self.wfile.write(b"0\r\n\r\n")
                self.wfile.flush()
            finally:
                if hasattr(chunks, "close"):
                    chunks.close()
        except HangUp as fault:
            self.close_connection = True
            if fault.hard:
                with contextlib.suppress(OSError):
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.rfile.close()
                    self.wfile.close()
                    self.connection.close()
        except OSError:
            self.close_connection = True


class _Listener:
    """One port: reads the whole request, applies the story's faults, hands it to the vendor's Flask application."""

    def __init__(self, sim: Simulator, origin: str) -> None:
        self.sim = sim
        self.origin = origin
        self.app: Any = None
        self.server: BaseWSGIServer = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Handler)
        self.server.live = set()  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.005,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.server.live):  # type: ignore[attr-defined]
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(*_length(environ))
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ.pop("wsgi.input_terminated", None)
        # As it was sent: unquoted, an id with a slash would look like two segments.
        path = environ["REQUEST_URI"].partition("?")[0]
        if path.startswith(ADMIN):
            return self._admin(path.removeprefix(ADMIN), environ, start_response)
        self.sim.clock.begin()
        entry = Entry(
            time=self.sim.clock.now(),
            method=environ["REQUEST_METHOD"],
            path=path,
            query=environ["QUERY_STRING"],
            headers=_headers(environ),
            body=body.decode("utf-8", "replace"),
            kind=self.sim.vendor.kind(environ["REQUEST_METHOD"], path),
            origin=self.origin,
        )
        environ["simulator.entry"] = entry
        self.sim.journal_book.arrived(entry)
        do = self.sim.strike(entry)

        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            entry.status = int(status.split()[0])
            return start_response(status, headers, exc_info)

        try:
            answer = self._answer(do, environ, started)
        finally:
            self.sim.journal_book.answered(entry)
        return _cut(answer, int(do["cut"])) if "cut" in do else answer

    def _answer(self, do: dict[str, Any], environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if "delay" in do:
            self.sim.stopping.wait(float(do["delay"]))
        if do.get("expire_token"):
            self.sim.vendor.tokens.expire_all()
        if do.get("reset") is True:
            raise HangUp(hard=True)
        canned = self._canned(do)
        if canned is not None:
            status, headers, text = canned
            return _send(start_response, status, {**headers, **(do.get("headers") or {})}, text)
        if do.get("reset") == "after":
            with self.sim.book.lock:
                for _turn in self.app(environ, lambda *_: None):
                    pass
            raise HangUp(hard=True)
        with self.sim.book.lock:
            answer: Iterable[bytes] = self.app(environ, start_response)
        return answer

    def _canned(self, do: dict[str, Any]) -> tuple[int, dict[str, str], str] | None:
        if "redirect" in do:
            return int(do.get("status", 302)), {"Location": str(do["redirect"])}, ""
        if do.get("html"):
            return int(do.get("status", 502)), {"Content-Type": "text/html"}, PROXY_PAGE
        if do.get("not_json"):
            return int(do.get("status", 200)), {"Content-Type": "application/json"}, '{"jobs": [{"id": 1, '
        if "throttle" in do:
            body, headers = self.sim.vendor.throttled(int(do["throttle"]))
            return 429, {"Content-Type": "application/json", **headers}, json.dumps(body)
        if "status" not in do:
            return None
        status = int(do["status"])
        kind = str(do.get("content_type", "application/json"))
        if "body" in do:
            body = do["body"]
            return status, {"Content-Type": kind}, body if isinstance(body, str) else json.dumps(body)
        status, error = self.sim.vendor.server_error(status)
        return status, {"Content-Type": kind}, json.dumps(error)

    def _admin(self, what: str, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve `GET journal`, `GET refused` and `POST advance?seconds=` for a test in another process."""
        call = (environ["REQUEST_METHOD"], what)
        if call == ("POST", "advance"):
            self.sim.advance(float(parse_qs(environ["QUERY_STRING"])["seconds"][0]))
            return _send(start_response, 200, {}, "{}")
        if call in (("GET", "journal"), ("GET", "refused")):
            entries = self.sim.journal if what == "journal" else self.sim.refused
            text = "[" + ",".join(entry.to_json() for entry in entries) + "]"
            return _send(start_response, 200, {"Content-Type": "application/json"}, text)
        return _send(start_response, 404, {}, "")


def _length(environ: dict[str, Any]) -> tuple[int, ...]:
    return () if environ.get("wsgi.input_terminated") else (int(environ.get("CONTENT_LENGTH") or 0),)


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    found = {key[5:].replace("_", "-").title(): value for key, value in environ.items() if key.startswith("HTTP_")}
    return found | ({"Content-Type": environ["CONTENT_TYPE"]} if environ.get("CONTENT_TYPE") else {})


def _send(start_response: Any, status: int, headers: dict[str, str], text: str) -> list[bytes]:
    body = text.encode()
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
    start_response(f"{status} {phrase}", [*headers.items(), ("Content-Length", str(len(body)))])
    return [body]


def _cut(answer: Iterable[bytes], limit: int) -> Iterator[bytes]:
    for chunk in answer:
        yield chunk[:limit]
        limit -= len(chunk)
        if limit <= 0:
            break
    raise HangUp(hard=False)


class Simulator:
    """A vendor's job API on loopback, playing one story, in a thread of this process."""

    def __init__(self, story: Any, *, journal: IO[str] | None = None) -> None:
        self.story: Story = load_story(story)
        if self.story.system not in VENDORS:
            raise StoryError(f"no simulator for system {self.story.system!r}; there are {', '.join(VENDORS)}")
        self._rules = [Fault(rule, self.story.seed + n) for n, rule in enumerate(self.story.faults)]
        self._strike_lock = threading.Lock()
        self.journal_book = Journal(journal)
        self.stopping = threading.Event()
        self.clock = Clock(self.story.speed, self.story.waits)
        self._api = _Listener(self, "api")
        self._token = _Listener(self, "token") if self.story.separate_token_host else self._api
        self.url = self._api.url
        self.token_origin = self._token.url
        self.vendor = VENDORS[self.story.system](self)
        self.book = self.vendor.book
        self.token_url = self.token_origin + self.vendor.token_paths[0]
        shared = self._token is self._api
        self._api.app = build_app(
            self.vendor, self.vendor.api_routes() + (self.vendor.token_routes() if shared else [])
        )
        if not shared:
            self._token.app = build_app(self.vendor, self.vendor.token_routes())

    def __enter__(self) -> Simulator:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Simulator:
        """Begin to answer."""
        self.book.warm()
        for listener in dict.fromkeys((self._api, self._token)):
            listener.start()
        return self

    def stop(self) -> None:
        """Stop to answer, and close every connection."""
        self.stopping.set()
        for listener in dict.fromkeys((self._api, self._token)):
            listener.stop()

    def advance(self, seconds: float) -> None:
        """Jump ahead in story time."""
        self.clock.advance(seconds)

    def strike(self, entry: Entry) -> dict[str, Any]:
        """Return what the story's faults do to this request; the first rule that strikes wins."""
        with self._strike_lock:
            struck = [rule for rule in self._rules if rule.strikes(entry.method, entry.path, entry.kind, entry.time)]
        entry.fault = struck[0].do if struck else None
        return entry.fault or {}

    @property
    def options(self) -> dict[str, Any]:
        """The connection options that make a correct client work."""
        login = self.vendor.login()
        return {"system": self.story.system, "url": self.url, "token_url": self.token_url, **login}

    @property
    def credentials(self) -> dict[str, Any]:
        """Every credential this system knows, for tests of other ways to log in."""
        return dict(self.vendor.credentials)

    @property
    def issued(self) -> list[str]:
        """Every token that it would or did accept: access tokens, API keys, refresh tokens."""
        return self.vendor.tokens.values()

    def keypair(self) -> tuple[str, str]:
        """Return the registered client's certificate and private key, as PEM text."""
        return self.vendor.client_key.pem()

    @property
    def journal(self) -> list[Entry]:
        """All requests, in order of arrival."""
        return list(self.journal_book.entries)

    @property
    def refused(self) -> list[Entry]:
        """The requests that no correct client would send."""
        return [entry for entry in self.journal if entry.refused]

    @property
    def logins(self) -> list[Entry]:
        """The requests to the token endpoint."""
        return [entry for entry in self.journal if entry.kind == "login"]

    @property
    def reads(self) -> list[Entry]:
        """The requests that read."""
        return [entry for entry in self.journal if entry.kind == "read"]

    @property
    def writes(self) -> list[Entry]:
        """The requests that change something."""
        return [entry for entry in self.journal if entry.kind == "write"]

    def bug(self, entry: Entry) -> None:
        """Say loudly that the simulator itself failed."""
        entry.refused = f"bug in the simulator: {sys.exc_info()[1]!r}"
        traceback.print_exc()
