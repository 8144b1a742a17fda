# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transport: what is asked again, what never is, and where a token never goes."""

from __future__ import annotations

import email.utils
import gzip
import ipaddress
import json
import re
import socket
import threading
import time
import tracemalloc
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import unquote

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import (
    AuthLost,
    BackupError,
    Fenced,
    Misconfigured,
    MissingLibrary,
    Refused,
    Unanswered,
)
from ansible_collections.changeops.backup.plugins.module_utils._http import library
from ansible_collections.changeops.backup.plugins.module_utils._http.call import Call, Dialect, segment
from ansible_collections.changeops.backup.plugins.module_utils._http.library import origin
from ansible_collections.changeops.backup.plugins.module_utils._http.response import Response, summary
from ansible_collections.changeops.backup.plugins.module_utils._http.transport import Transport

TRANSIENT = (408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524)


class Token:
    """A bearer token with a number; ``left`` says how often it can be renewed."""

    def __init__(self, left: int = 0) -> None:
        self.left = left
        self.number = 1

    def authorization(self, http: Transport) -> str:
        return f"Bearer token-{self.number}"

    def renew(self) -> bool:
        self.left -= 1
        self.number += 1
        return self.left >= 0


@pytest.fixture
def transport(clock: t.Any, web: t.Any) -> t.Callable[..., Transport]:
    """Give a maker of transports to the server on loopback."""

    def make(credential: t.Any = None, **changes: t.Any) -> Transport:
        options = {"base_url": web.url, "request_timeout": 5.0, "patience": 300.0, **changes}
        return Transport(credential=credential or Token(), clock=clock, **options)

    return make


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file with a key and a certificate for 127.0.0.1 that no authority signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "backup.example")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def get(web: t.Any, path: str = "/jobs", **more: t.Any) -> Call:
    return Call("read", "GET", web.url + path, **more)


def stop(web: t.Any) -> Call:
    return Call("write", "POST", f"{web.url}/jobs/1/stop", json={"why": "change"})


def drop(handler: t.Any) -> None:
    """Hang up without a word."""
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


# -- asking again -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", TRANSIENT)
def test_read_when_trouble_may_pass_then_asked_again_until_answered(
    status: int, web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    web.reply(reply(status), reply(status), reply(status), reply(body={"jobs": [1]}))
    http = transport()
    assert http.read(get(web)) == {"jobs": [1]}
    assert len(web.seen) == http.statistics.requests == 4
    for pause, slept in zip((0.5, 1.0, 2.0), clock.slept, strict=True):
        assert pause / 2 <= slept <= pause
    assert http.statistics.throttled_seconds == 0


@pytest.mark.parametrize("status", [400, 404, 405, 409, 410, 418, 422, 501, 505])
def test_read_when_the_system_says_no_then_asked_once(
    status: int, web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    web.reply(reply(status, {"message": "no such job"}))
    hint = r"\. If every call is answered like this, check url" if status == 404 else ""
    with pytest.raises(Refused, match=rf"^GET /jobs was answered with HTTP {status}: no such job{hint}$") as caught:
        transport().read(get(web))
    assert caught.value.status == status
    assert len(web.seen) == 1
    assert clock.slept == []


def test_read_when_the_connection_drops_then_asked_again(
    web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    web.reply(reply(raw=drop), reply(body=[7]))
    assert transport().read(get(web)) == [7]
    assert len(web.seen) == 2
    assert len(clock.slept) == 1


def test_read_when_the_answer_cannot_be_one_then_asked_again(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    def parse(response: Response) -> t.Any:
        if "jobs" not in response.json():
            raise Unanswered("no jobs in it")
        return response.json()["jobs"]

    web.reply(reply(body={}), reply(body={"jobs": []}))
    assert transport().read(get(web), parse) == []
    assert len(web.seen) == 2


def test_read_when_an_odd_status_is_the_answer_then_taken(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(500, {"error": "job not found"}))
    call = get(web, answered=lambda response: response.status == 500)
    assert transport().read(call) == {"error": "job not found"}
    assert len(web.seen) == 1


class Waits(Dialect):
    """An API that says in the body for how long to stay away."""

    def asks_to_wait(self, response: Response) -> list[t.Any]:
        """Read it there."""
        body = response.json_or_none()
        return [body.get("wait")] if isinstance(body, dict) else []


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "25"}, {}, 25.0),
        ({"Retry-After": "2.5"}, {}, 2.5),
        ({"Retry-After": "date"}, {}, 40.0),
        ({}, {"wait": 25}, 25.0),
        ({"Retry-After": "soon"}, {"wait": "9"}, 9.0),
    ],
)
@pytest.mark.parametrize(("status", "off"), [(429, 0), (503, 0), (503, 9), (429, -9)])
def test_read_when_told_to_stay_away_then_exactly_that_long(
    status: int, off: int, headers: t.Any, body: t.Any, seconds: float,
    web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any,
) -> None:  # fmt: skip
    if headers.get("Retry-After") == "date":
        # By the server's clock, which is wrong here by hours.
        there = clock.now() + timedelta(hours=off)
        dates = {"Date": there, "Retry-After": there + timedelta(seconds=40)}
        headers = {name: email.utils.format_datetime(moment, usegmt=True) for name, moment in dates.items()}
    web.reply(reply(status, body, headers), reply(body=[]))
    http = transport()
    assert http.read(get(web, dialect=Waits())) == []
    assert clock.slept == [pytest.approx(seconds)]
    assert http.statistics.throttled_seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("soon", {}),
        ("", {}),
        ("1e12", {}),
        ("nan", {}),
        ("inf", {}),
        (None, {"wait": True}),
        (None, {"wait": None}),
        (None, {"wait": 10**400}),
        (None, {"wait": [25]}),
        (None, [{"wait": 25}]),
    ],
)
def test_read_when_the_wish_to_wait_is_nonsense_then_our_own_pause(
    header: str | None, body: t.Any, web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    web.reply(reply(429, body, {} if header is None else {"Retry-After": header}), reply(body=[]))
    http = transport()
    assert http.read(get(web, dialect=Waits())) == []
    assert len(clock.slept) == 1
    assert 0.25 <= clock.slept[0] <= 0.5
    assert http.statistics.throttled_seconds == 0


@pytest.mark.parametrize("header", ["0", "-5", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_read_when_told_to_come_back_at_once_then_still_not_hammered(
    header: str, web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    web.reply(reply(503, headers={"Retry-After": header}))
    with pytest.raises(Unanswered):
        transport(patience=60.0).read(get(web))
    assert len(web.seen) < 15
    assert min(clock.slept) >= 0.25


def test_read_when_nobody_answers_then_given_up_within_patience(
    web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    web.reply(reply(503, {"message": "maintenance"}))
    with pytest.raises(Unanswered, match=r"^GET /jobs was answered with HTTP 503: maintenance$"):
        transport(patience=20.0).read(get(web))
    assert len(web.seen) >= 5
    assert 0 < clock.seconds <= 20


def test_read_when_told_to_stay_away_beyond_patience_then_given_up_at_once(
    web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    web.reply(reply(429, headers={"Retry-After": "25"}))
    http = transport(patience=20.0)
    with pytest.raises(Unanswered) as caught:
        http.read(get(web))
    assert caught.value.retry_after == 25
    assert clock.slept == []
    assert http.statistics.throttled_seconds == 0


def test_read_when_no_patience_then_asked_once(web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any) -> None:
    web.reply(reply(503))
    with pytest.raises(Unanswered):
        transport(patience=0.0).read(get(web))
    assert len(web.seen) == 1
    assert clock.slept == []


def test_read_when_the_server_is_silent_then_timed_out(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(raw=lambda handler: handler.rfile.read()))
    with pytest.raises(Unanswered, match=r"GET /jobs got no answer \(timed out\) within request_timeout \(0\.05 s\)$"):
        transport(patience=0.0, request_timeout=0.05).read(get(web))


def test_read_when_the_answer_drips_then_given_up_after_request_timeout(
    web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    def drip(handler: t.Any) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        for _second in range(7):
            clock.seconds += 1.0
            handler.wfile.write(b" ")
        handler.rfile.read()  # and no more until the client hangs up

    web.reply(reply(raw=drip))
    with pytest.raises(Unanswered, match=r"longer than request_timeout \(5 s\)"):
        transport(patience=0.0).read(get(web))


# -- writes -------------------------------------------------------------------------------------------------------


def test_write_when_the_server_is_overloaded_then_sent_once(
    web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    web.reply(reply(503, headers={"Retry-After": "1"}))
    with pytest.raises(Unanswered, match=r"POST /jobs/1/stop was answered with HTTP 503"):
        transport(allow_writes=True).write(stop(web))
    assert [seen.body for seen in web.seen] == ['{"why": "change"}']
    assert clock.slept == []


def test_write_when_the_connection_drops_then_sent_once(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(raw=drop))
    with pytest.raises(Unanswered, match="POST /jobs/1/stop got no answer"):
        transport(allow_writes=True).write(stop(web))
    assert len(web.seen) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_write_when_redirected_then_not_sent_again(status: int, web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(status, headers={"Location": "/elsewhere"}))
    with pytest.raises(Refused, match=f"HTTP {status}"):
        transport(allow_writes=True).write(stop(web))
    assert [seen.path for seen in web.seen] == ["/jobs/1/stop"]


@pytest.mark.parametrize("status", [200, 202, 204])
def test_write_when_taken_then_its_answer(status: int, web: t.Any, reply: t.Any, transport: t.Any) -> None:
    # An empty body is fine, also where a proxy calls it compressed.
    web.reply(reply(status, b"", {"Content-Encoding": "gzip"}))
    answer = transport(allow_writes=True).write(stop(web))
    assert (answer.status, answer.body) == (status, b"")


def test_write_when_the_token_was_refused_then_sent_again_with_a_new_one(
    web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    web.reply(reply(401), reply(202))
    assert transport(Token(left=1), allow_writes=True).write(stop(web)).status == 202
    assert [seen.headers["Authorization"] for seen in web.seen] == ["Bearer token-1", "Bearer token-2"]


def test_write_when_only_reads_are_allowed_then_nothing_arrives(web: t.Any, transport: t.Any) -> None:
    with pytest.raises(Fenced, match=r"POST /jobs/1/stop.*only reads"):
        transport().write(stop(web))
    assert web.seen == []


# -- where the token goes -----------------------------------------------------------------------------------------


def test_read_when_redirected_on_its_own_origin_then_followed_with_the_token(
    web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    web.reply(reply(307, headers={"Location": "/v2/jobs?page=1"}), path="/jobs?limit=5")
    web.reply(reply(302, headers={"Location": f"{web.url}/v3/jobs"}), path="/v2/jobs?page=1")
    web.reply(reply(body=[3]), path="/v3/jobs")
    assert transport().read(get(web, query=[("limit", "5")])) == [3]
    assert [seen.path for seen in web.seen] == ["/jobs?limit=5", "/v2/jobs?page=1", "/v3/jobs"]
    assert {seen.headers["Authorization"] for seen in web.seen} == {"Bearer token-1"}


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{other}/jobs",
        "//127.0.0.1:{other}/jobs",
        "http://localhost:{own}/jobs",
        "https://127.0.0.1:{own}/jobs",
        "http://127.0.0.1:{own}@localhost:{other}/jobs",
        # urlsplit sees 127.0.0.1:own in this one, requests would connect to the other.
        "http://127.0.0.1:{other}\\@127.0.0.1:{own}/jobs",
        "http://[::1/jobs",
        "http://127.0.0.1:99999999/jobs",
        "http://*.example/jobs",
        "file:///etc/passwd",
    ],
)
@pytest.mark.parametrize("how", ["redirect", "link"])
def test_read_when_pointed_elsewhere_then_the_token_stays_here(
    how: str, location: str, web: t.Any, new_web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    stranger = new_web()
    target = location.format(other=stranger.port, own=web.port)
    web.reply(reply(302, headers={"Location": target}))
    with pytest.raises(Fenced):
        transport().read(get(web) if how == "redirect" else Call("read", "GET", target))
    assert stranger.seen == []
    assert len(web.seen) == (1 if how == "redirect" else 0)


def test_write_when_pointed_elsewhere_then_the_token_stays_here(web: t.Any, new_web: t.Any, transport: t.Any) -> None:
    stranger = new_web()
    with pytest.raises(Fenced, match=rf"another port of the same host \(127\.0\.0\.1:{stranger.port}\)"):
        transport(allow_writes=True).write(stop(stranger))
    assert stranger.seen == []


def test_read_when_redirected_in_a_circle_then_given_up(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(302, headers={"Location": "/jobs"}))
    with pytest.raises(Unanswered, match="redirected more than 5 times"):
        transport(patience=0.0).read(get(web))
    assert len(web.seen) == 6


@pytest.mark.parametrize("status", [300, 302, 304])
def test_read_when_redirected_nowhere_then_refused(status: int, web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(status))
    with pytest.raises(Refused, match=f"HTTP {status}"):
        transport().read(get(web))


def test_token_when_netrc_knows_the_host_then_not_replaced(
    web: t.Any, transport: t.Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login operator password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    http = transport()
    http.read(get(web))
    http.login(lambda: Call("login", "POST", f"{web.url}/token", form={"grant_type": "x"}), Response.json)
    assert [seen.headers["Authorization"] for seen in web.seen] == ["Bearer token-1", None]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://backup.example", "https://BACKUP.example:443/api"),
        ("http://backup.example/a", "http://backup.example:80/b?c#d"),
        ("https://bäckup.example", "https://xn--bckup-gra.example"),
        ("https://[::1]:9/", "https://[::1]:9"),
    ],
)
def test_origin_when_only_spelled_differently_then_the_same(one: str, other: str) -> None:
    assert origin(one) == origin(other)


# -- who we are ---------------------------------------------------------------------------------------------------


def test_read_when_the_token_is_refused_once_then_renewed_once(
    web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    web.reply(reply(401), reply(body=[1]))
    assert transport(Token(left=9)).read(get(web)) == [1]
    assert [seen.headers["Authorization"] for seen in web.seen] == ["Bearer token-1", "Bearer token-2"]
    assert clock.slept == []


def test_read_when_the_new_token_is_refused_too_then_auth_is_lost(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(401, {"message": "Unauthorized"}))
    with pytest.raises(
        AuthLost, match=r"HTTP 401 again, with a token just renewed: Unauthorized. Check the credential"
    ):
        transport(Token(left=9)).read(get(web))
    assert len(web.seen) == 2


def test_read_when_the_token_cannot_be_renewed_then_auth_is_lost(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(401, {"message": "expired"}))
    with pytest.raises(AuthLost, match=r"^GET /jobs was answered with HTTP 401: expired. Check the credentials$"):
        transport(Token(left=0)).read(get(web))
    assert len(web.seen) == 1


def test_read_when_forbidden_then_told_about_the_permission(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(403, {"message": "role ReadOnly"}))
    with pytest.raises(AuthLost, match=r"HTTP 403: role ReadOnly. The login is good but lacks a permission"):
        transport(Token(left=9)).read(get(web))
    assert len(web.seen) == 1


def test_login_when_sent_then_without_a_token_and_counted(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(503), reply(body={"access_token": "t"}))
    http = transport()
    call = Call("login", "POST", f"{web.url}/token", form={"a b": "c&d"})
    assert http.login(lambda: call, Response.json) == {"access_token": "t"}
    assert [seen.headers["Authorization"] for seen in web.seen] == [None, None]
    assert web.seen[0].body == "a+b=c%26d"
    assert (http.statistics.logins, http.statistics.requests) == (2, 2)


def test_login_when_a_later_write_needs_it_then_asked_again_and_the_write_sent_once(
    web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    """The write is what must not be repeated; that it needs a login first is no reason to give up."""

    class LogsIn(Token):
        def authorization(self, http: Transport) -> str:
            return str(http.login(lambda: Call("login", "POST", f"{web.url}/token"), Response.json))

    http = transport(LogsIn(), allow_writes=True)
    assert http.read(get(web)) == {}
    web.reply(reply(503), reply(503), reply(body="t"), path="/token")
    assert http.write(stop(web)).status == 200
    assert [seen.path for seen in web.seen] == ["/token", "/jobs", *["/token"] * 3, "/jobs/1/stop"]
    assert len(clock.slept) == 2


def test_login_when_inside_a_read_then_one_patience_for_both(
    web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    class LogsIn(Token):
        def authorization(self, http: Transport) -> str:
            return str(http.login(lambda: Call("login", "POST", f"{web.url}/token"), Response.json))

    web.reply(reply(503))
    with pytest.raises(Unanswered, match="POST /token"):
        transport(LogsIn(), patience=20.0).read(get(web))
    # Five pauses, half a second and then double, each shortened to a half at most; a sixth could end too late.
    assert 0.5 * (0.5 + 1 + 2 + 4 + 8) <= clock.seconds <= 20
    assert {seen.path for seen in web.seen} == {"/token"}


# -- bodies -------------------------------------------------------------------------------------------------------


def test_body_when_compressed_then_read(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(body=gzip.compress(b'{"jobs": 3}'), headers={"Content-Encoding": "gzip"}))
    assert transport().read(get(web)) == {"jobs": 3}
    assert web.seen[0].headers["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize("status", [200, 302, 500])
def test_body_when_a_bomb_then_never_unpacked(
    status: int, web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    bomb = gzip.compress(bytes(64 << 20), 1)
    web.reply(reply(status, bomb, {"Content-Encoding": "gzip", "Location": "/next"}))
    tracemalloc.start()
    try:
        with pytest.raises(BackupError, match="larger than 1000000 bytes; narrow the selection"):
            transport(max_body=1_000_000).read(get(web))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    assert len(web.seen) == 1


def test_body_when_larger_than_allowed_then_told_to_narrow(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(body=b"[" + b" " * 1000 + b"]"))
    assert transport(max_body=1002).read(get(web)) == []
    with pytest.raises(BackupError, match="larger than 1001 bytes"):
        transport(max_body=1001).read(get(web))


def one_header_at_a_time(handler: t.Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(100):
        time.sleep(0.1)
        handler.wfile.write(f"X-Slow-{number}: yes\r\n".encode())


def always_continue(handler: t.Any) -> None:
    for _number in range(100):
        time.sleep(0.1)
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def one_digit_of_a_chunk_at_a_time(handler: t.Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _number in range(100):
        time.sleep(0.1)
        handler.wfile.write(b"0")


@pytest.mark.parametrize("how", [one_header_at_a_time, always_continue, one_digit_of_a_chunk_at_a_time])
def test_read_when_each_byte_comes_in_time_but_never_the_whole_then_given_up(
    web: t.Any, reply: t.Any, transport: t.Any, how: t.Any
) -> None:
    """The timeout of requests begins anew with each byte."""
    web.reply(reply(raw=how), reply(body=[1]))
    http = transport(request_timeout=0.6, patience=0.0)
    began = time.monotonic()
    with pytest.raises(Unanswered, match=r"^the answer to GET /\S* took longer than request_timeout \(0.6 s\)"):
        http.read(get(web))
    assert time.monotonic() - began < 2.0
    # The connection that hangs is left behind.
    assert http.read(get(web)) == [1]


def test_read_when_the_name_server_says_nothing_then_given_up(
    web: t.Any, transport: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: time.sleep(3))
    began = time.monotonic()
    with pytest.raises(Unanswered, match="took longer than request_timeout"):
        transport(request_timeout=0.3, patience=0.0).read(get(web))
    assert time.monotonic() - began < 2.0


def test_read_when_no_time_is_left_then_nothing_is_sent(web: t.Any, transport: t.Any, clock: t.Any) -> None:
    http = transport()
    with http.within(60.0, clock.monotonic()), pytest.raises(Unanswered, match="no time was left"):
        http.read(get(web))
    assert web.seen == []
    assert clock.slept == []


def test_read_when_a_header_cannot_be_sent_then_told_without_it(web: t.Any, transport: t.Any) -> None:
    call = get(web)._replace(headers={"x-agent-id": "secret\nx-evil: 1"})
    with pytest.raises(Misconfigured, match="a character that it cannot carry") as caught:
        transport().read(call)
    assert "secret" not in str(caught.value)
    assert web.seen == []


@pytest.mark.parametrize("name", ["gzip", "GZIP", "x-gzip", " gzip "])
def test_read_when_compressed_in_several_pieces_then_all_of_it(
    web: t.Any, reply: t.Any, transport: t.Any, name: str
) -> None:
    body = gzip.compress(b"[1, 2,") + gzip.compress(b" 3]")
    web.reply(reply(body=body, headers={"Content-Encoding": name}))
    assert transport().read(get(web)) == [1, 2, 3]


def cut_gzip(handler: t.Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.end_headers()
    handler.wfile.write(gzip.compress(b"[1, 2]" + b" " * 99)[:-9])


def not_gzip(handler: t.Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.end_headers()
    handler.wfile.write(b"[1, 2]")


def cut_length(handler: t.Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"[1, 2]")


def cut_chunks(handler: t.Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n[1, 2]\r\n")
    handler.close_connection = True


@pytest.mark.parametrize("how", [cut_gzip, not_gzip, cut_length, cut_chunks])
def test_body_when_cut_then_no_answer_and_asked_again(how: t.Any, web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(raw=how))
    with pytest.raises(Unanswered):
        transport(patience=0.0).read(get(web))
    web.reply(reply(raw=how), reply(body=[1, 2, 3]))
    assert transport().read(get(web)) == [1, 2, 3]


def test_body_when_chunked_then_whole(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    def chunks(handler: t.Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n3\r\n 2]\r\n0\r\n\r\n")
        handler.close_connection = True

    web.reply(reply(raw=chunks))
    assert transport(patience=0.0).read(get(web)) == [1, 2]


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"", b"OK", b"[1,", b"\xff\xfe\x00", b"[" * 100_000])
def test_body_when_not_json_then_no_answer_and_asked_again(
    body: bytes, web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    page = reply(200, body, {"Content-Type": "text/html"})
    web.reply(page)
    with pytest.raises(Unanswered, match=r"^GET /\S+ was answered with HTTP 200 \(text/html\), but not with JSON\. If"):
        transport(patience=0.0).read(get(web))
    web.reply(page, reply(body=[1]))
    assert transport().read(get(web)) == [1]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        # Flosum (Nest): one message or several.
        ({"statusCode": 404, "message": "Job not found", "error": "Not Found"}, "Job not found; Not Found"),
        (
            {"statusCode": 400, "message": ["take is a number", "skip too"], "error": "Bad"},
            "take is a number; skip too; Bad",
        ),
        # AvePoint for Salesforce: an envelope with the number that its support asks for.
        (
            {
                "statusCode": 400,
                "message": "Bad Request",
                "errors": [{"code": "InvalidParameter", "field": "startTime", "message": "The window is too long"}],
                "requestId": "0HN:02",
                "traceId": "00-1",
            },
            "Bad Request; The window is too long; InvalidParameter (request 0HN:02)",
        ),
        (
            {"statusCode": 400, "message": "No", "errors": None, "requestId": None, "traceId": "00-1"},
            "No (request 00-1)",
        ),
        # AvePoint IaaS + PaaS: an ErrorModel has no message.
        ({"requestId": "8b1", "date": "2026-03-01", "statusCode": 400}, "no message (request 8b1)"),
        ({"traceId": "00-2", "error": "denied", "statusCode": 400}, "denied (request 00-2)"),
        # NetApp
        ({"error": "BadRequest", "message": "no such agent"}, "no such agent; BadRequest"),
        # VSPC
        (
            {"errors": [{"message": "Job was not found.", "type": "logical", "code": 404}, {"message": "And more."}]},
            "Job was not found.; And more.",
        ),
        # OAuth
        ({"error": "invalid_grant", "error_description": "The token is\n used"}, "invalid_grant; The token is used"),
        # rclone
        ({"error": "job not found", "input": {"jobid": 9}, "path": "job/status", "status": 404}, "job not found"),
        # None of them
        ({}, "no message"),
        ({"message": None, "error": {"message": "deep"}}, "deep"),
        ({"message": "same", "error": "same"}, "same"),
        ({"message": "x" * 999}, "x" * 400),
        (b'["odd"]', "odd"),
        # RFC 9457, and what .NET writes for fields that are wrong.
        ({"type": "about:blank", "title": "Too busy", "status": 409, "detail": "Come back later"},
         "Too busy; Come back later"),
        ({"title": "Wrong.", "status": 400, "errors": {"startTime": ["is not a date", "is empty"], "$": "?"}},
         "Wrong.; startTime: is not a date; startTime: is empty; $: ?"),
        ({"Message": "The request is invalid."}, "The request is invalid."),
        ({"ErrorMessage": "No tenant", "RequestId": "1"}, "No tenant"),
        ({"detail": [{"title": "one"}, "two"]}, "one; two"),
        # Apigee, and a SOAP fault as JSON.
        ({"fault": {"faultstring": "Rate limit exceeded", "detail": {"errorcode": "policies.ratelimit"}}},
         "Rate limit exceeded"),
        ({"fault": {"code": 900901, "message": "Invalid Credentials", "description": "No such token"}},
         "Invalid Credentials; No such token"),
        ({"error": {"code": 401, "title": "Unauthorized"}}, "Unauthorized"),
    ],
)  # fmt: skip
def test_error_when_any_documented_shape_then_the_vendors_own_words(
    body: t.Any, said: str, web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    web.reply(reply(409, body))
    with pytest.raises(Refused) as caught:
        transport().read(get(web))
    assert str(caught.value) == f"GET /jobs was answered with HTTP 409: {said}"


SOAP = (
    b'<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
    b"<faultcode>s:Client</faultcode><faultstring xml:lang='en'>No such\n operation</faultstring></s:Fault></s:Body>"
    b"</s:Envelope>"
)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><h1>nginx</h1>", "a page that is not JSON"),
        (b"no healthy upstream\n", "no healthy upstream"),
        (b"", "an empty body"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
        (SOAP, "No such operation"),
        (b"<env:Envelope><env:Reason><env:Text xml:lang='en'>Busy</env:Text></env:Reason></env:Envelope>", "Busy"),
    ],
)
def test_error_when_not_json_then_told_what_it_is(
    body: bytes, said: str, web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    web.reply(reply(503, body))
    with pytest.raises(Unanswered) as caught:
        transport(patience=0.0).read(get(web))
    assert str(caught.value) == f"GET /jobs was answered with HTTP 503: {said}"


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("challenge", "said"),
    [
        ('Bearer error="insufficient_scope", error_description="Needs jobs.read", scope="x"',
         "insufficient_scope; Needs jobs.read"),
        ('Bearer realm="x", error="invalid_token"', "invalid_token"),
        ('Basic realm="console"', 'asks for Basic realm="console"'),
        ("Negotiate", "asks for Negotiate"),
        ('Bearer error_description="token-1 is over"', "*** is over"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"", {}])
def test_error_when_only_its_challenge_says_why_then_told(
    body: t.Any, challenge: str, said: str, status: int, web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    web.reply(reply(status, body, {"WWW-Authenticate": challenge}))
    with pytest.raises(AuthLost) as caught:
        transport(mask=lambda text: text.replace("token-1", "***")).read(get(web))
    assert str(caught.value).startswith(f"GET /jobs was answered with HTTP {status}: {said}. ")


def test_error_when_its_fields_are_many_then_bounded_and_masked() -> None:
    errors = {f"s3cret{number}": ["s3cret " + "x" * 50] * 50 for number in range(1000)}
    said = summary(Response(400, {}, json.dumps({"errors": errors}).encode(), lambda text: text.replace("s3cret", "*")))
    assert said.startswith("*0: * xxx")
    assert len(said) <= 400
    assert "s3cret" not in said


# -- addresses ----------------------------------------------------------------------------------------------------


def test_query_when_it_holds_anything_then_percent_encoded_and_never_with_a_plus(web: t.Any, transport: t.Any) -> None:
    query = [("search", "nightly & weekly"), ("from", "2026-03-01T00:00:00+01:00"), ("path", "a/b?c#ü"), ("path", "")]
    transport().read(get(web, query=query))
    assert web.seen[0].path == (
        "/jobs?search=nightly%20%26%20weekly&from=2026-03-01T00%3A00%3A00%2B01%3A00&path=a%2Fb%3Fc%23%C3%BC&path="
    )


@pytest.mark.parametrize(
    "job_id",
    ["42", "a/b", "a?b=c", "a#b", "../token", "a%2Fb", "nightly run", "Sicherung Köln", "a&b+c", "x;y", ".a", "💾"],
)
def test_segment_when_the_id_holds_anything_then_it_arrives_as_one_segment(
    job_id: str, web: t.Any, transport: t.Any
) -> None:
    transport().read(get(web, f"/jobs/{segment(job_id)}/log"))
    empty, jobs, arrived, log = web.seen[0].path.split("/")
    assert (empty, jobs, log) == ("", "jobs", "log")
    assert "?" not in arrived
    assert unquote(arrived) == job_id


@pytest.mark.parametrize("job_id", ["", ".", "..", "..."])
def test_segment_when_it_would_change_the_path_then_refused(job_id: str) -> None:
    with pytest.raises(Misconfigured, match="cannot be the id of a job"):
        segment(job_id)


# -- no connection ------------------------------------------------------------------------------------------------


def test_connection_when_refused_then_told_without_the_query(transport: t.Any) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and nobody listens
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(Unanswered, match=r"^GET /jobs got no answer \(.*Connection refused\)$") as caught:
            transport(base_url=url, patience=0.0).read(Call("read", "GET", f"{url}/jobs", [("search", "hunter2")]))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            b"",
            "(Remote end closed connection without response). If this port speaks https, give an https address",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab", "(IncompleteRead(2 bytes read, 8 more expected))"),
        (b"HTTP/1.1 200 OK\r\nName: " + b"a" * 70_000, "(got more than 65536 bytes when reading header line)"),
    ],
)
def test_connection_when_lost_then_the_reason_can_be_read(
    answer: bytes, said: str, web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    def spoken(handler: t.Any) -> None:
        handler.wfile.write(answer)
        handler.close_connection = True

    web.reply(reply(raw=spoken))
    with pytest.raises(Unanswered, match=f"^GET /\\S+ got no answer {re.escape(said)}$"):
        transport(patience=0.0).read(get(web))


def test_tls_when_the_certificate_is_self_signed_then_ca_path_is_named_and_not_retried(
    new_web: t.Any, clock: t.Any, transport: t.Any, self_signed: Path
) -> None:
    server = new_web(self_signed)
    with pytest.raises(
        BackupError, match=rf"certificate of 127\.0\.0\.1:{server.port} was not accepted \(.*ca_path$"
    ) as caught:
        transport(base_url=server.url).read(get(server))
    assert not isinstance(caught.value, Unanswered)
    assert clock.slept == []
    assert server.seen == []


def test_tls_when_the_authority_is_given_then_accepted(new_web: t.Any, transport: t.Any, self_signed: Path) -> None:
    server = new_web(self_signed)
    assert transport(base_url=server.url, verify=str(self_signed)).read(get(server)) == {}


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_tls_when_validate_certs_is_off_then_the_environment_does_not_matter(
    name: str, new_web: t.Any, transport: t.Any, self_signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, certifi.where())
    server = new_web(self_signed)
    http = transport(base_url=server.url, verify=False)
    with pytest.warns(match="Unverified HTTPS request"):
        assert http.read(get(server)) == {}


def test_tls_when_the_server_goes_down_in_the_handshake_then_asked_again(clock: t.Any, transport: t.Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        http = transport(base_url=url, patience=3.0)

        def serve() -> None:
            connection, _address = listener.accept()
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
            connection.close()
            listener.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(Unanswered, match="GET /jobs got no answer"):
            http.read(Call("read", "GET", f"{url}/jobs"))
        thread.join(5)
    assert len(clock.slept) >= 2  # the first try and those that nobody listened to


def test_tls_when_the_port_speaks_plain_http_then_told_and_not_retried(
    web: t.Any, clock: t.Any, transport: t.Any
) -> None:
    url = web.url.replace("http:", "https:")
    with pytest.raises(BackupError, match=r"no TLS connection with 127\.0\.0\.1 .*Check url") as caught:
        transport(base_url=url).read(Call("read", "GET", f"{url}/jobs"))
    assert not isinstance(caught.value, Unanswered)
    assert clock.slept == []


def test_tls_when_ca_path_is_no_certificate_then_told_and_not_retried(
    new_web: t.Any, clock: t.Any, transport: t.Any, self_signed: Path, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("nothing in here")
    server = new_web(self_signed)
    with pytest.raises(BackupError, match="ca_path") as caught:
        transport(base_url=server.url, verify=str(tmp_path / "ca.pem")).read(get(server))
    assert not isinstance(caught.value, Unanswered)
    assert clock.slept == []


def test_transport_when_requests_is_missing_then_told(transport: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "HAS_REQUESTS", False)
    monkeypatch.setattr(library, "_TRACEBACK", "ImportError: requests")
    with pytest.raises(MissingLibrary) as caught:
        transport()
    assert (caught.value.library, caught.value.traceback) == ("requests", "ImportError: requests")


def test_session_when_several_calls_then_one_connection(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    ports: list[int] = []

    def keep_alive(handler: t.Any) -> None:
        ports.append(handler.client_address[1])
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"[]")
        handler.close_connection = False

    web.reply(reply(raw=keep_alive))
    http = transport()
    for _call in range(3):
        assert http.read(get(web)) == []
    http.close()
    assert len(ports) == 3
    assert len(set(ports)) == 1


def test_error_when_its_text_is_endless_then_only_its_beginning_is_looked_at() -> None:
    looked_at: list[int] = []

    def mask(text: str) -> str:
        looked_at.append(len(text))
        return text.replace("s3cret", "***")

    # What is cut in the middle of a secret would show half of it.
    words = "busy " + " " * (64 * 1024 - 8) + "s3cret" + " more" * 1_000_000
    for body in (words.encode(), json.dumps({"message": words}).encode(), json.dumps([words[:100_000]] * 100).encode()):
        said = summary(Response(503, {}, body, mask))
        assert "busy" in said
        assert "s3" not in said
    assert max(looked_at) <= 64 * 1024
    assert len(looked_at) <= 1 + 1 + 20
