# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What unit tests share: a clock that obeys, and a web server that says what it is told to say."""

from __future__ import annotations

import json
import os
import ssl
import sys
import threading
import typing as t
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.times import Clock

ROOT = Path(__file__).parents[2]
# ansible-test puts the collection on the path of its own process, and nothing of the tests. Processes that a test
# starts find both here.
sys.path.insert(0, str(ROOT / "tests"))
if ROOT.parents[1].name == "ansible_collections":
    known = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT.parents[2]), str(ROOT / "tests"), known])
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT.parents[2])

START = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)


class FakeClock(Clock):
    """Time passes when somebody sleeps, or when a test sets ``seconds``."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        """Seconds since the test began."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.slept.append(seconds)
        self.seconds += max(0.0, seconds)

    def now(self) -> datetime:
        """Wall time, UTC."""
        return START + timedelta(seconds=self.seconds)


class Reply(t.NamedTuple):
    """One answer. ``body``: bytes as they are, anything else as JSON. ``raw`` takes the connection over instead."""

    status: int = 200
    body: t.Any = b"{}"
    headers: t.Mapping[str, str] = MappingProxyType({})
    raw: Callable[[BaseHTTPRequestHandler], None] | None = None


class Seen(t.NamedTuple):
    """One request as it arrived."""

    method: str
    path: str
    headers: t.Any
    body: str


class Web:
    """A server on loopback. ``replies`` are given one after the other; the last one again and again."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.seen: list[Seen] = []
        self.replies: dict[str, list[Reply]] = {}
        web = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                web.seen.append(Seen(self.command, self.path, self.headers, body))
                queue = web.replies.get(self.path) or web.replies["*"]
                reply = queue.pop(0) if len(queue) > 1 else queue[0]
                if reply.raw is not None:
                    return reply.raw(self)
                content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                if "Date" in reply.headers:
                    # Else the server's own would come before it.
                    self.send_response_only(reply.status)
                else:
                    self.send_response(reply.status)
                headers = {"Content-Type": "application/json", "Content-Length": str(len(content)), **reply.headers}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
                return None

            do_GET = do_POST = do_PATCH = handle_any

            def log_message(self, *args: t.Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: t.Any) -> None:
                pass  # a client that hangs up is part of the story

        self.server = Server(("127.0.0.1", 0), Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake belongs to the request's thread: a client that breaks it off must not stop the server.
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self.server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.005,), daemon=True).start()

    def reply(self, *replies: Reply, path: str = "*") -> None:
        """Say what is answered, everywhere or at one path."""
        self.replies[path] = list(replies)

    def close(self) -> None:
        """Stop serving."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock on which hours pass in no time."""
    return FakeClock()


@pytest.fixture
def new_web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Web]]:
    """Give a maker of servers on loopback."""
    monkeypatch.setenv("NO_PROXY", "*")
    webs: list[Web] = []

    def make(certificate: Path | None = None) -> Web:
        webs.append(Web(certificate))
        webs[-1].reply(Reply())
        return webs[-1]

    yield make
    for web in webs:
        web.close()


@pytest.fixture
def web(new_web: Callable[..., Web]) -> Web:
    """Give a server that answers everything with an empty object, until it is told otherwise."""
    return new_web()


@pytest.fixture
def reply() -> type[Reply]:
    """Give the class of answers."""
    return Reply
