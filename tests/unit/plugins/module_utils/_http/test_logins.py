# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins: what is sent, how long a token is used, and that a rotated refresh token is never lost."""

from __future__ import annotations

import base64
import builtins
import email.utils
import fcntl
import hashlib
import json
import os
import time
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import parse_qsl

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import (
    AuthLost,
    BackupError,
    Misconfigured,
    MissingLibrary,
    Unanswered,
)
from ansible_collections.changeops.backup.plugins.module_utils._edge.connection import connect
from ansible_collections.changeops.backup.plugins.module_utils._http import assertion
from ansible_collections.changeops.backup.plugins.module_utils._http.call import Call
from ansible_collections.changeops.backup.plugins.module_utils._http.logins import Grant, basic_auth, bearer
from ansible_collections.changeops.backup.plugins.module_utils._http.transport import Transport
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from systems import KNOWN
from systems.known import Login

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Told:
    """What a login tells the outside."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.secrets: list[str] = []


class Session(t.NamedTuple):
    """One task's connection with the server on loopback."""

    http: Transport
    read: t.Callable[[], t.Any]
    told: Told
    credential: t.Any


@pytest.fixture
def enter(web: t.Any, clock: t.Any) -> t.Callable[..., Session]:
    """Give a maker of connections: options in, and a transport that logs in as the system's file says."""

    def make(system: str, **params: t.Any) -> Session:
        told = Told()
        options = {"url": web.url, **params}
        connection, credential = connect(SYSTEMS[system], options, {}, told.warnings.append, told.secrets.append)
        http = Transport(connection.url, credential, clock, request_timeout=5.0, patience=0.0)
        return Session(http, lambda: http.read(Call("read", "GET", f"{web.url}/jobs")), told, credential)

    return make


@pytest.fixture
def logins(web: t.Any) -> t.Callable[[], list[t.Any]]:
    """Give what arrived at the token endpoint so far."""
    return lambda: [seen for seen in web.seen if seen.path != "/jobs"]


@pytest.fixture
def token(reply: t.Any) -> t.Callable[..., t.Any]:
    """Give a maker of good answers to a login."""
    return lambda **more: reply(body={"access_token": "fresh", "token_type": "Bearer", **more})


class Pair(t.NamedTuple):
    """A key and a certificate, as files."""

    key: Path
    certificate: Path
    public: t.Any
    sha1: bytes


@pytest.fixture(scope="module")
def new_pair(tmp_path_factory: pytest.TempPathFactory) -> t.Callable[..., Pair]:
    """Give a maker of client certificates."""

    def make(key: t.Any, days: int = 30, passphrase: bytes | None = None) -> Pair:
        folder = tmp_path_factory.mktemp("client")
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "changeops")])
        until = datetime.now(timezone.utc) + timedelta(days=days)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(until - timedelta(days=365))
            .not_valid_after(until)
            .sign(key, hashes.SHA256())
        )
        hidden = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        (folder / "client.key").write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)
        )
        (folder / "client.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        print_ = hashlib.sha1(certificate.public_bytes(serialization.Encoding.DER)).digest()
        return Pair(folder / "client.key", folder / "client.crt", key.public_key(), print_)

    return make


@pytest.fixture(scope="module")
def rsa_key() -> t.Any:
    """Give one private key; making one takes long."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def pair(new_pair: t.Callable[..., Pair], rsa_key: t.Any) -> Pair:
    """Give a good client certificate."""
    return new_pair(rsa_key)


def certified(pair: Pair, **changes: t.Any) -> dict[str, t.Any]:
    """Give the options of a login by certificate."""
    files = {"client_certificate": str(pair.certificate), "client_private_key": str(pair.key)}
    return {"client_id": "app", **files, **changes}


# -- what is sent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "login"), [(system, login) for system, known in KNOWN.items() for login in known.logins]
)
def test_login_when_needed_then_sent_as_the_vendor_documents_it(
    system: str, login: Login, web: t.Any, token: t.Any, enter: t.Any
) -> None:
    options, path, encoding, sent = login
    web.reply(token(), path=path)
    session = enter(system, **KNOWN[system].required, **options)
    assert web.seen == []  # nothing is sent before something is asked
    session.read()
    session.read()
    asked, *reads = web.seen
    assert (asked.method, asked.path) == ("POST", path)
    assert asked.headers["Authorization"] is None
    kind = {"form": "application/x-www-form-urlencoded", "json": "application/json"}[encoding]
    assert asked.headers["Content-Type"] == kind
    body = json.loads(asked.body) if encoding == "json" else dict(parse_qsl(asked.body, strict_parsing=True))
    assert body == sent
    assert [seen.headers["Authorization"] for seen in reads] == ["Bearer fresh", "Bearer fresh"]
    assert session.http.statistics.logins == 1
    assert "fresh" in session.told.secrets


@pytest.mark.parametrize(
    ("system", "options", "header"),
    [(system, {**known.required, **known.ready[0]}, known.ready[1]) for system, known in KNOWN.items() if known.ready],
)
def test_login_when_what_was_given_is_enough_then_none_is_sent(
    system: str, options: t.Any, header: str, web: t.Any, reply: t.Any, logins: t.Any, enter: t.Any
) -> None:
    session = enter(system, **options)
    session.read()
    assert web.seen[0].headers["Authorization"] == header
    web.reply(reply(401))
    with pytest.raises(AuthLost, match=r"HTTP 401: .*Check the credentials"):
        session.read()
    assert logins() == []
    assert len(web.seen) == 2  # what cannot be renewed is not sent again


def test_ready_token_when_credentials_are_given_too_then_used_until_refused(
    web: t.Any, reply: t.Any, token: t.Any, logins: t.Any, enter: t.Any
) -> None:
    web.reply(token(), path="/api/v3/token")
    session = enter("veeam_vspc", username="u", password="p", access_token="ready")
    session.read()
    assert logins() == []
    web.reply(reply(401), reply(), path="/jobs")
    session.read()
    sent = [seen.headers["Authorization"] for seen in web.seen if seen.path == "/jobs"]
    assert sent == ["Bearer ready", "Bearer ready", "Bearer fresh"]
    assert len(logins()) == 1


@pytest.mark.parametrize("text", ["line\n", " blank", "two words", "Köln", "", "tab\t", "line\r\nX-Evil: 1"])
def test_ready_token_when_no_header_can_carry_it_then_refused_without_printing_it(text: str) -> None:
    for make in (bearer, lambda text: Grant("https://x/token", {}, access_token=text)):
        with pytest.raises(Misconfigured) as caught:
            make(text)
        assert str(caught.value) == (
            "access_token holds a blank, a line break or another character that no header can carry"
        )


# -- the answer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_login_when_refused_then_auth_is_lost_and_the_options_are_named(
    status: int, web: t.Any, reply: t.Any, enter: t.Any
) -> None:
    web.reply(reply(status, {"error": "invalid_client", "error_description": "unknown app"}))
    session = enter("avepoint_iaas_paas", client_id="app", client_secret="hunter2")
    with pytest.raises(AuthLost) as caught:
        session.read()
    text = str(caught.value)
    said, check = text.split(". Check ")
    assert said == f"the login at {web.url}/connect/token was answered with HTTP {status}: invalid_client; unknown app"
    assert sorted(check.split(", ")) == ["client_id", "client_secret", "scope"]
    assert "hunter2" not in text
    assert len(web.seen) == 1


def test_login_when_redirected_then_the_secret_does_not_follow(
    web: t.Any, new_web: t.Any, reply: t.Any, enter: t.Any
) -> None:
    stranger = new_web()
    web.reply(reply(307, headers={"Location": f"{stranger.url}/token"}))
    with pytest.raises(AuthLost, match="HTTP 307"):
        enter("veeam_vspc", username="u", password="p").read()
    assert stranger.seen == []


@pytest.mark.parametrize(
    "body",
    [{}, [], {"access_token": None}, {"access_token": ""}, {"access_token": 7}, {"access_token": "a\nb"}, b"<html>"],
)
def test_login_when_the_answer_holds_no_token_then_no_answer(
    body: t.Any, web: t.Any, reply: t.Any, enter: t.Any
) -> None:
    web.reply(reply(200, body))
    with pytest.raises(Unanswered):
        enter("veeam_vspc", username="u", password="p").read()
    assert {seen.path for seen in web.seen} == {"/api/v3/token"}


@pytest.mark.parametrize(
    ("expires_in", "used_for"),
    [
        (3600, 3540),
        ("3600", 3540),
        (3600.0, 3540),
        ("2026-03-01T13:00:00Z", 3540),
        ("2026-03-01T14:00:00+01:00", 3540),
        (600, 540),
        (100, 80),
        (10, 8),
    ],
)
@pytest.mark.parametrize("off", [0, -1800, 7200])
def test_token_when_its_end_is_known_then_renewed_shortly_before(
    off: int, expires_in: t.Any, used_for: float, web: t.Any, clock: t.Any, token: t.Any, logins: t.Any, enter: t.Any
) -> None:
    """A date is one of the server's clock, which may be wrong by hours."""
    there = clock.now() + timedelta(seconds=off)
    if "-" in str(expires_in):
        expires_in = (datetime.fromisoformat(expires_in.replace("Z", "+00:00")) + timedelta(seconds=off)).isoformat()
    dated = {"Date": email.utils.format_datetime(there, usegmt=True)}
    web.reply(token(expires_in=expires_in)._replace(headers=dated), path="/api/v3/token")
    session = enter("veeam_vspc", username="u", password="p")
    session.read()
    clock.seconds = used_for - 0.5
    session.read()
    assert len(logins()) == 1
    clock.seconds = used_for
    session.read()
    assert len(logins()) == 2
    clock.seconds = used_for + 1
    session.read()
    assert session.http.statistics.logins == len(logins()) == 2


@pytest.mark.parametrize(
    "expires_in",
    [
        0,
        -1,
        None,
        "",
        "soon",
        True,
        False,
        10**9,
        10**400,
        "nan",
        "inf",
        "2020-01-01T00:00:00Z",
        "9999-01-01",
        [3600],
        {},
    ],
)
def test_token_when_its_end_is_nonsense_then_used_until_refused(
    expires_in: t.Any, web: t.Any, clock: t.Any, reply: t.Any, token: t.Any, logins: t.Any, enter: t.Any
) -> None:
    web.reply(token(expires_in=expires_in), path="/api/v3/token")
    session = enter("veeam_vspc", username="u", password="p")
    for seconds in (0, 1, 3600, 86400):
        clock.seconds = seconds
        session.read()
    assert len(logins()) == 1
    web.reply(reply(401), reply(), path="/jobs")
    session.read()
    assert len(logins()) == 2


def test_token_when_the_login_was_slow_then_its_life_counts_from_the_request(
    web: t.Any, clock: t.Any, reply: t.Any, logins: t.Any, enter: t.Any
) -> None:
    def slow(handler: t.Any) -> None:
        clock.seconds += 4.0
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b'{"access_token": "fresh", "expires_in": 100}')

    web.reply(reply(raw=slow), path="/api/v3/token")
    session = enter("veeam_vspc", username="u", password="p")
    session.read()
    clock.seconds = 79.0
    session.read()
    assert len(logins()) == 1
    clock.seconds = 80.0
    session.read()
    assert len(logins()) == 2


def test_token_when_kept_by_one_slice_then_the_next_does_not_log_in(
    web: t.Any, clock: t.Any, token: t.Any, logins: t.Any, enter: t.Any
) -> None:
    web.reply(token(expires_in=3600, refresh_token="r2"), path="/api/v3/token")
    before = enter("veeam_vspc", refresh_token="r1")
    before.read()
    after = enter("veeam_vspc", refresh_token="r1")
    after.credential.restore(json.loads(json.dumps(before.credential.keep())))
    assert {"fresh", "r2"} <= set(after.told.secrets)
    after.read()
    assert len(logins()) == 1
    clock.seconds = 3540
    after.read()
    assert dict(parse_qsl(logins()[1].body))["refresh_token"] == "r2"


@pytest.mark.parametrize("credential", [bearer("ready"), basic_auth("u", "p", print)])
def test_fixed_header_when_kept_then_the_options_hold_all_there_is(credential: t.Any) -> None:
    assert credential.keep() == {}
    before = credential.authorization(None)
    credential.restore({})
    assert credential.authorization(None) == before


# -- the refresh token --------------------------------------------------------------------------------------------


def test_refresh_when_rotated_then_in_the_file_before_the_first_call(
    web: t.Any, reply: t.Any, token: t.Any, logins: t.Any, enter: t.Any, tmp_path: Path
) -> None:
    file = tmp_path / "refresh"
    file.write_text("r1\n")
    file.chmod(0o644)
    found: list[tuple[str, int]] = []

    def look(handler: t.Any) -> None:
        found.append((file.read_text(), file.stat().st_mode & 0o777))
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"{}")

    web.reply(token(refresh_token="r2"), path="/api/v3/token")
    web.reply(reply(raw=look), path="/jobs")
    session = enter("veeam_vspc", refresh_token_file=str(file))
    session.read()
    assert found == [("r2\n", 0o600)]
    assert os.listdir(tmp_path) == ["refresh"]
    assert dict(parse_qsl(logins()[0].body))["refresh_token"] == "r1"
    assert {"r1", "r2", "fresh"} <= set(session.told.secrets)
    assert session.told.warnings == []
    session.credential.renew()
    session.read()
    assert dict(parse_qsl(logins()[1].body))["refresh_token"] == "r2"


@pytest.mark.parametrize("same", [{}, {"refresh_token": "r1"}, {"refresh_token": None}, {"refresh_token": ""}])
def test_refresh_when_not_rotated_then_the_file_is_not_touched(
    same: t.Any, web: t.Any, token: t.Any, enter: t.Any, tmp_path: Path
) -> None:
    file = tmp_path / "refresh"
    file.write_text("r1")
    before = file.stat()
    web.reply(token(**same), path="/api/v3/token")
    session = enter("veeam_vspc", refresh_token_file=str(file))
    session.read()
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert session.told.warnings == []


@pytest.mark.parametrize("status", [400, 401, 503])
def test_refresh_when_the_login_fails_then_the_old_token_is_kept(
    status: int, web: t.Any, reply: t.Any, enter: t.Any, tmp_path: Path
) -> None:
    file = tmp_path / "refresh"
    file.write_text("r1\n")
    web.reply(reply(status, {"error": "invalid_grant", "refresh_token": "r2"}))
    with pytest.raises((AuthLost, Unanswered)):
        enter("veeam_vspc", refresh_token_file=str(file)).read()
    assert file.read_text() == "r1\n"
    assert os.listdir(tmp_path) == ["refresh"]


def test_refresh_when_refused_then_refresh_token_is_named(web: t.Any, reply: t.Any, enter: t.Any) -> None:
    web.reply(reply(400, {"error": "invalid_grant"}))
    with pytest.raises(AuthLost, match=r"HTTP 400: invalid_grant. Check refresh_token\. If the server replaces a ref"):
        enter("veeam_vspc", refresh_token="r1").read()


def test_refresh_when_refused_then_how_to_keep_a_newer_token_is_told_where_nothing_keeps_it(
    web: t.Any, reply: t.Any, enter: t.Any, tmp_path: Path
) -> None:
    (tmp_path / "refresh").write_text("r1\n")
    web.reply(reply(400, {"error": "invalid_grant"}))
    with pytest.raises(AuthLost, match=r"an earlier run has used this one up, .* keep it in refresh_token_file"):
        enter("netapp_bluexp", **KNOWN["netapp_bluexp"].required, refresh_token="r1").read()
    with pytest.raises(AuthLost, match=r"HTTP 400: invalid_grant. Check refresh_token$"):
        enter("veeam_vspc", refresh_token_file=str(tmp_path / "refresh")).read()


def test_refresh_when_the_disk_is_full_then_told_and_the_old_file_is_whole(
    web: t.Any, token: t.Any, enter: t.Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "refresh"
    file.write_text("r1\n")
    web.reply(token(refresh_token="r2"), path="/api/v3/token")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BackupError, match=r"could not be written to .*refresh, and is lost: .*No space left"):
        enter("veeam_vspc", refresh_token_file=str(file)).read()
    assert file.read_text() == "r1\n"
    assert os.listdir(tmp_path) == ["refresh"]
    assert {seen.path for seen in web.seen} == {"/api/v3/token"}


def test_refresh_when_rotated_and_no_file_then_warned_and_used_on(
    web: t.Any, token: t.Any, logins: t.Any, enter: t.Any
) -> None:
    web.reply(token(refresh_token="r2"), token(refresh_token="r3"), path="/api/v3/token")
    session = enter("veeam_vspc", refresh_token="r1")
    session.read()
    assert len(session.told.warnings) == 1
    assert "set refresh_token_file" in session.told.warnings[0]
    assert "r2" in session.told.secrets
    session.credential.renew()
    session.read()
    assert [dict(parse_qsl(seen.body))["refresh_token"] for seen in logins()] == ["r1", "r2"]


@pytest.mark.parametrize(
    ("in_file", "option", "sent"),
    [("newer\n", "older", "newer"), ("  only \n", None, "only"), ("", "first", "first"), (None, "first", "first")],
)
def test_refresh_when_file_and_option_then_the_file_wins_unless_it_is_empty(
    in_file: str | None,
    option: str | None,
    sent: str,
    web: t.Any,
    token: t.Any,
    logins: t.Any,
    enter: t.Any,
    tmp_path: Path,
) -> None:
    file = tmp_path / "refresh"
    if in_file is not None:
        file.write_text(in_file)
    web.reply(token(refresh_token="rotated"), path="/api/v3/token")
    enter("veeam_vspc", refresh_token=option, refresh_token_file=str(file)).read()
    assert dict(parse_qsl(logins()[0].body))["refresh_token"] == sent
    assert file.read_text() == "rotated\n"
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [None, b"", b" \n"])
def test_refresh_when_neither_file_nor_option_holds_one_then_refused(
    content: bytes | None, web: t.Any, enter: t.Any, tmp_path: Path
) -> None:
    file = tmp_path / "refresh"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"refresh_token_file .*refresh holds no token yet"):
        enter("veeam_vspc", refresh_token_file=str(file))
    assert web.seen == []


def test_refresh_when_the_file_cannot_be_read_then_refused(web: t.Any, enter: t.Any, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for path in (tmp_path, tmp_path / "binary"):
        with pytest.raises(Misconfigured, match=f"refresh_token_file {path} cannot be read"):
            enter("veeam_vspc", refresh_token="r1", refresh_token_file=str(path))
    assert web.seen == []


def test_refresh_when_the_folder_cannot_be_written_then_the_token_is_not_spent(
    web: t.Any, enter: t.Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Misconfigured, match="a rotated token would be lost"):
        enter("veeam_vspc", refresh_token="r1", refresh_token_file=str(tmp_path / "no" / "refresh")).read()
    # Root may write everywhere; the kernel's "no" has to be played.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(Misconfigured, match="a rotated token would be lost"):
        enter("veeam_vspc", refresh_token="r1", refresh_token_file=str(tmp_path / "refresh")).read()
    assert web.seen == []


def test_refresh_when_another_task_rotated_it_meanwhile_then_the_newest_is_sent(
    web: t.Any, token: t.Any, logins: t.Any, enter: t.Any, tmp_path: Path
) -> None:
    file = tmp_path / "refresh"
    file.write_text("r1\n")
    session = enter("veeam_vspc", refresh_token_file=str(file))
    file.write_text("r2\n")
    web.reply(token(), path="/api/v3/token")
    session.read()
    assert dict(parse_qsl(logins()[0].body))["refresh_token"] == "r2"
    assert "r2" in session.told.secrets


def test_refresh_when_a_login_runs_then_other_tasks_have_to_wait(
    web: t.Any, reply: t.Any, enter: t.Any, tmp_path: Path
) -> None:
    held: list[bool] = []

    def is_held() -> bool:
        handle = os.open(tmp_path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def answer(handler: t.Any) -> None:
        held.append(is_held())
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b'{"access_token": "fresh"}')

    web.reply(reply(raw=answer), path="/api/v3/token")
    enter("veeam_vspc", refresh_token="r1", refresh_token_file=str(tmp_path / "refresh")).read()
    assert held == [True]
    assert not is_held()


def test_refresh_when_somebody_keeps_the_folder_then_told_after_request_timeout(
    web: t.Any, token: t.Any, enter: t.Any, clock: t.Any, tmp_path: Path
) -> None:
    web.reply(token(), path="/api/v3/token")
    session = enter("veeam_vspc", refresh_token="r1", refresh_token_file=str(tmp_path / "refresh"))
    handle = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(Unanswered, match=r"another process has held the folder .* for request_timeout \(5 s\)"):
            session.read()
    finally:
        os.close(handle)
    assert clock.seconds == pytest.approx(5.0, abs=0.2)
    assert web.seen == []


@pytest.mark.parametrize(("left", "sent"), [("r2\n", "r2"), ("r2", "r1"), ("", "r1")])
def test_refresh_when_killed_before_the_new_token_was_in_place_then_the_next_login_puts_it_there(
    web: t.Any, token: t.Any, logins: t.Any, enter: t.Any, tmp_path: Path, left: str, sent: str
) -> None:
    """Without its line end it was not written whole."""
    file = tmp_path / "refresh"
    file.write_text("r1\n")
    (tmp_path / ".refresh.new").write_text(left)
    web.reply(token(refresh_token="r3"), path="/api/v3/token")
    enter("veeam_vspc", refresh_token_file=str(file)).read()
    assert dict(parse_qsl(logins()[0].body))["refresh_token"] == sent
    assert file.read_text() == "r3\n"
    assert os.listdir(tmp_path) == ["refresh"]


def test_refresh_when_the_new_token_cannot_be_put_in_place_then_it_is_kept_beside(
    web: t.Any, token: t.Any, enter: t.Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(source: str, target: str) -> None:
        raise OSError(1, "Operation not permitted")

    file = tmp_path / "refresh"
    file.write_text("r1\n")
    web.reply(token(refresh_token="r2"), path="/api/v3/token")
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", broken)
        with pytest.raises(BackupError, match=r"It is in .*/\.refresh\.new; the next login puts it in place"):
            enter("veeam_vspc", refresh_token_file=str(file)).read()
    enter("veeam_vspc", refresh_token_file=str(file)).read()
    assert file.read_text() == "r2\n"


def test_refresh_when_the_answer_holds_nothing_but_the_new_token_then_it_is_kept(
    web: t.Any, reply: t.Any, enter: t.Any, tmp_path: Path
) -> None:
    file = tmp_path / "refresh"
    file.write_text("r1\n")
    web.reply(reply(body={"refresh_token": "r2"}), path="/api/v3/token")
    with pytest.raises(Unanswered, match="gave no access_token"):
        enter("veeam_vspc", refresh_token_file=str(file)).read()
    assert file.read_text() == "r2\n"


def test_refresh_when_the_file_is_a_link_then_it_stays_one(
    web: t.Any, token: t.Any, enter: t.Any, tmp_path: Path
) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "token").write_text("r1\n")
    (tmp_path / "refresh").symlink_to(tmp_path / "vault" / "token")
    web.reply(token(refresh_token="r2"), path="/api/v3/token")
    enter("veeam_vspc", refresh_token_file=str(tmp_path / "refresh")).read()
    assert (tmp_path / "refresh").is_symlink()
    assert (tmp_path / "vault" / "token").read_text() == "r2\n"


@pytest.mark.parametrize("content", ["r1\nr2\n", '{"refresh_token": "r1"}\n', "r\u00e9\n", "x" * 70_000])
def test_refresh_when_the_file_holds_more_than_a_token_then_refused_without_printing_it(
    web: t.Any, enter: t.Any, tmp_path: Path, content: str
) -> None:
    (tmp_path / "refresh").write_text(content)
    with pytest.raises(Misconfigured, match=r"refresh has to hold the token alone, on one line \("):
        enter("veeam_vspc", refresh_token_file=str(tmp_path / "refresh"))
    assert web.seen == []


def test_login_when_tried_again_then_with_a_new_assertion(
    web: t.Any, reply: t.Any, token: t.Any, logins: t.Any, enter: t.Any, pair: Pair
) -> None:
    """Each may be used once: a server that took the first and then broke down would refuse it."""
    web.reply(reply(503), token(), path="/connect/token")
    files = {"client_certificate": str(pair.certificate), "client_private_key": str(pair.key)}
    session = enter("avepoint_iaas_paas", client_id="app", **files)
    session.http._patience = 60.0
    session.read()
    first, second = (dict(parse_qsl(seen.body))["client_assertion"] for seen in logins())
    assert first != second
    assert {first, second} <= set(session.told.secrets)


# -- the certificate ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "more", "path", "audience", "encoding", "fixed"),
    [
        (
            "avepoint_salesforce",
            {},
            "/connect/token",
            "/connect/token",
            "form",
            {"grant_type": "client_credentials", "scope": "salesforce.public.read.all"},
        ),
        (
            "netapp_bluexp",
            KNOWN["netapp_bluexp"].required,
            "/auth/oauth/token",
            "/",  # the root of the token host, as in NetApp's sample
            "json",
            {"grant_type": "client_credentials", "audience": "https://api.cloud.netapp.com"},
        ),
    ],
)
def test_assertion_when_signed_then_the_public_key_proves_it(
    system: str, more: t.Any, path: str, audience: str, encoding: str, fixed: t.Any,
    web: t.Any, token: t.Any, logins: t.Any, enter: t.Any, pair: Pair,
) -> None:  # fmt: skip
    web.reply(token(), path=path)
    session = enter(system, **certified(pair), **more)
    session.read()
    session.credential.renew()
    session.read()
    numbers = set()
    for login in logins():
        body = json.loads(login.body) if encoding == "json" else dict(parse_qsl(login.body))
        assertion = body.pop("client_assertion")
        assert body == {**fixed, "client_id": "app", "client_assertion_type": JWT_BEARER}
        claims = jwt.decode(
            assertion,
            pair.public,
            algorithms=["RS256"],
            audience=web.url + audience,
            issuer="app",
            options={"require": ["aud", "exp", "iat", "iss", "jti", "nbf", "sub"]},
        )
        assert claims["sub"] == "app"
        assert claims["exp"] - claims["iat"] == 120
        assert 55 < time.time() - claims["iat"] < 65
        assert claims["nbf"] == claims["iat"]
        numbers.add(claims["jti"])
        header = jwt.get_unverified_header(assertion)
        assert header["kid"] == pair.sha1.hex().upper()
        assert base64.urlsafe_b64decode(header["x5t"] + "=") == pair.sha1
        assert "=" not in header["x5t"]
    assert len(numbers) == 2


def test_assertion_when_refused_then_the_files_are_named(web: t.Any, reply: t.Any, enter: t.Any, pair: Pair) -> None:
    web.reply(reply(400, {"error": "invalid_client"}))
    with pytest.raises(AuthLost, match=r"invalid_client. Check client_id, client_certificate, client_private_key$"):
        enter("avepoint_iaas_paas", **certified(pair)).read()


@pytest.mark.parametrize("off", [-50, 50])
@pytest.mark.parametrize("system", ["avepoint_iaas_paas", "netapp_bluexp"])
def test_assertion_when_the_servers_clock_is_off_by_seconds_then_good(
    system: str, off: int, web: t.Any, token: t.Any, logins: t.Any, enter: t.Any, pair: Pair
) -> None:
    web.reply(token())
    enter(system, **KNOWN[system].required, **certified(pair)).read()
    body = logins()[0].body
    assertion = json.loads(body)["client_assertion"] if body[0] == "{" else dict(parse_qsl(body))["client_assertion"]
    claims, there = jwt.decode(assertion, options={"verify_signature": False}), time.time() + off
    assert claims["iat"] <= there < claims["exp"]
    assert claims["nbf"] <= there


@pytest.mark.parametrize(("off", "told"), [(0, False), (-3, False), (90, True), (-90, True), (86400, True)])
def test_assertion_when_refused_and_the_clocks_differ_then_both_are_named(
    off: int, told: bool, web: t.Any, reply: t.Any, enter: t.Any, pair: Pair
) -> None:
    there = datetime.now(timezone.utc) + timedelta(seconds=off)
    web.reply(reply(401, {"error": "invalid_client"}, {"Date": email.utils.format_datetime(there, usegmt=True)}))
    with pytest.raises(AuthLost) as caught:
        enter("avepoint_iaas_paas", **certified(pair)).read()
    assert ("the clocks differ by " in str(caught.value)) is told
    if told:
        assert f"{there:%Y-%m-%dT%H:%M:%SZ} on the server" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b"default backend - 404", "text/plain"),
        (404, b"", "text/plain"),
        (403, b"<html>Attention required</html>", "text/html"),
        (400, b"<html>400</html>", "text/html"),
        (410, b"<html>gone</html>", "text/html"),
    ],
)
def test_login_when_something_before_it_answers_then_no_answer(
    status: int, body: bytes, kind: str, web: t.Any, reply: t.Any, enter: t.Any
) -> None:
    web.reply(reply(status, body, {"Content-Type": kind}))
    with pytest.raises(
        Unanswered, match=rf"HTTP {status} \({kind}\), and not in the system's own words: .* check url$"
    ):
        enter("veeam_vspc", username="u", password="p").read()


@pytest.mark.parametrize(
    ("status", "body"), [(400, b""), (403, b"wrong password"), (401, b"<html>Sign in</html>"), (401, b"")]
)
def test_login_when_it_may_be_about_the_password_then_refused_and_sent_once(
    status: int, body: bytes, web: t.Any, reply: t.Any, enter: t.Any
) -> None:
    """Twenty wrong passwords can lock an account."""
    web.reply(reply(status, body, {"Content-Type": "text/plain"}))
    with pytest.raises(AuthLost, match=f"HTTP {status}"):
        enter("veeam_vspc", username="u", password="p").read()
    assert len(web.seen) == 1


def test_certificate_when_expired_then_refused_with_its_date(
    web: t.Any, enter: t.Any, new_pair: t.Any, rsa_key: t.Any
) -> None:
    old = new_pair(rsa_key, days=-1)
    day = datetime.now(timezone.utc) - timedelta(days=1)
    with pytest.raises(Misconfigured, match=rf"client_certificate .*client\.crt expired at {day:%Y-%m-%d}: a new one"):
        enter("avepoint_iaas_paas", **certified(old))
    assert web.seen == []


def test_certificate_when_of_another_key_then_refused(enter: t.Any, new_pair: t.Any, pair: Pair) -> None:
    other = new_pair(rsa.generate_private_key(65537, 1024))
    with pytest.raises(Misconfigured, match=r"client_private_key .* does not belong to client_certificate"):
        enter("avepoint_iaas_paas", **certified(pair, client_private_key=str(other.key)))


def test_key_when_not_rsa_then_refused(enter: t.Any, new_pair: t.Any) -> None:
    curve = new_pair(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(Misconfigured, match=r"client_private_key .* is not an RSA key"):
        enter("avepoint_iaas_paas", **certified(curve))


def test_key_when_behind_a_passphrase_then_refused(enter: t.Any, new_pair: t.Any, rsa_key: t.Any) -> None:
    locked = new_pair(rsa_key, passphrase=b"hunter2")
    with pytest.raises(Misconfigured, match=r"client_private_key .* is not a readable PEM key without a passphrase"):
        enter("avepoint_iaas_paas", **certified(locked))


@pytest.mark.parametrize("option", ["client_certificate", "client_private_key"])
@pytest.mark.parametrize("content", [None, b"", b"\x30\x82\x01\x00", b"-----BEGIN NONSENSE-----\n"])
def test_certificate_files_when_not_pem_then_refused_by_name(
    content: bytes | None, option: str, enter: t.Any, pair: Pair, tmp_path: Path
) -> None:
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Misconfigured, match=rf"^{option} {file} is not a readable PEM"):
        enter("avepoint_iaas_paas", **certified(pair, **{option: str(file)}))


@pytest.mark.parametrize("library", ["jwt", "cryptography"])
def test_certificate_when_a_library_is_missing_then_its_package_is_named(
    library: str, enter: t.Any, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: t.Any, **kwargs: t.Any) -> t.Any:
        if name.split(".")[0] == library:
            raise ImportError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingLibrary) as caught:
        enter("avepoint_iaas_paas", **certified(pair))
    assert caught.value.library == "PyJWT[crypto]"
    assert f"No module named '{library}" in caught.value.traceback
    # Nobody else needs it.
    assert assertion.JWT_BEARER == JWT_BEARER
    enter("avepoint_iaas_paas", client_id="app", client_secret="s")
