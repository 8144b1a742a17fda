# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a system: what never goes through a proxy, and which mistakes of this machine are told at once."""

from __future__ import annotations

import importlib.util
import socket
import ssl
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import (
    AuthLost,
    BackupError,
    Fenced,
    Misconfigured,
    Unanswered,
)
from ansible_collections.changeops.backup.plugins.module_utils._edge.connection import connect
from ansible_collections.changeops.backup.plugins.module_utils._http.call import Call
from ansible_collections.changeops.backup.plugins.module_utils._http.logins import FixedHeader, Grant
from ansible_collections.changeops.backup.plugins.module_utils._http.route import environment_of, is_loopback, proxy_to
from ansible_collections.changeops.backup.plugins.module_utils._http.transport import Transport
from ansible_collections.changeops.backup.plugins.module_utils._http.trouble import Way, trouble
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS

VSPC = {"url": "https://vspc.example:1280", "access_token": "ready"}
PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def no_environment(new_web: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no variable of this machine lead anywhere; the servers of these tests are on loopback."""
    for name in (*PROXIES, *BUNDLES, "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def transport(clock: t.Any) -> t.Callable[..., Transport]:
    """Give a maker of transports with a fixed header."""

    def make(url: str, credential: t.Any = None, **changes: t.Any) -> Transport:
        login = credential or FixedHeader("Basic b3BlcmF0b3I6cHc=")
        return Transport(url, login, clock, **{"request_timeout": 5.0, "patience": 300.0, **changes})

    return make


def read(http: Transport) -> t.Any:
    return http.read(Call("read", "GET", f"{http.base_url}/jobs"))


def made(**params: t.Any) -> list[str]:
    warnings: list[str] = []
    connect(SYSTEMS["veeam_vspc"], {**VSPC, **params}, {}, warnings.append, lambda secret: None)
    return warnings


# -- what stays on this machine -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["localhost", "LocalHost", "localhost.", "127.0.0.1", "127.9.9.9", "127.1", "0x7f.1", "2130706433", "017700000001",
     "::1", "[::1]", "0:0:0:0:0:0:0:1", "::1%lo", "::ffff:127.0.0.1", "0.0.0.0", "::"],
)  # fmt: skip
def test_loopback_when_spelled_in_any_way_then_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["localhost.example", "127.0.0.1.example", "10.0.0.1", "fe80::1", "2130706434000", "128.1", "::2", "", "x",
     "1.2.3.4.5", "evil.localhost"],
)  # fmt: skip
def test_loopback_when_it_is_another_host_then_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "127.1"])
def test_read_when_a_proxy_is_set_and_the_system_is_here_then_the_proxy_sees_nothing(
    host: str, name: str, web: t.Any, new_web: t.Any, transport: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = new_web()
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv(name, proxy.url)
    assert read(transport(f"http://{host}:{web.port}")) == {}
    assert proxy.seen == []
    assert web.seen[0].headers["Authorization"] == "Basic b3BlcmF0b3I6cHc="


def test_login_when_a_proxy_is_set_and_the_token_url_is_here_then_the_proxy_sees_nothing(
    web: t.Any, new_web: t.Any, reply: t.Any, transport: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = new_web()
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    web.reply(reply(body={"access_token": "t"}), path="/token")
    read(transport(web.url, Grant(f"http://localhost:{web.port}/token", {"password": "hunter2"})))
    assert proxy.seen == []


def test_read_when_the_system_is_elsewhere_then_by_the_proxy(
    new_web: t.Any, transport: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = new_web()
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    assert read(transport("http://backup.invalid")) == {}
    assert [seen.path for seen in proxy.seen] == ["http://backup.invalid/jobs"]


@pytest.mark.parametrize(
    ("word", "direct"),
    [
        ("fd00::5", True), ("[fd00::5]", True), ("fd00::/8", True), ("fd00:0:0::5", True), ("x, [fd00::5]", True),
        ("*", True), ("fd00::6", False), ("[fd00::6]", False), ("fd01::/16", False), ("", False), ("[fd00", False),
    ],
)  # fmt: skip
def test_no_proxy_when_it_names_an_ipv6_address_then_in_every_spelling(
    word: str, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", word)
    assert (environment_of("https://[fd00::5]:1280/", True)["proxies"] == {}) is direct
    assert (proxy_to("https://[fd00::5]:1280/") is None) is direct


def test_warning_when_plain_http_goes_by_a_proxy_then_the_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://user:hunter2@proxy.example:3128")
    assert made(url="http://vspc.example:1280") == [
        "url of veeam_vspc (BACKUP_VEEAM_VSPC_URL in the environment) is plain http: credentials and tokens cross the "
        "network unencrypted and through the proxy that http_proxy names"
    ]
    assert made(url="http://127.1:1280") == []


def test_token_url_when_plain_http_and_by_a_proxy_then_only_where_the_system_is_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    params = {"url": "http://vspc.example:1280", "token_url": "http://login.example/t"}
    assert len(made(**params)) == 2
    with pytest.raises(Misconfigured, match=r"unencrypted and through the proxy that HTTP_PROXY names. Give an https"):
        made(**{**params, "url": "https://vspc.example:1280"})
    monkeypatch.setenv("NO_PROXY", "vspc.example")
    with pytest.raises(Misconfigured, match="HTTP_PROXY names, which the system itself is not reached by"):
        made(**params)


# -- mistakes of this machine -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUNDLES)
@pytest.mark.parametrize("content", [None, "no certificate\n"])
def test_authorities_when_the_variable_names_none_then_refused_by_its_name(
    content: str | None, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "corporate.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv(name, str(path))
    with pytest.raises(Misconfigured, match=f"^{name} {path} (does not exist|is not a readable PEM file)") as caught:
        made()
    assert "mend that variable of the environment, or give ca_path" in str(caught.value)
    assert "BACKUP_" not in str(caught.value)
    # Nobody looks there.
    made(validate_certs=False)
    made(ca_path=str(tmp_path))
    made(url="http://127.0.0.1:1280")
    # But a login may.
    with pytest.raises(Misconfigured, match=name):
        made(url="http://127.0.0.1:1280", token_url="https://login.example/t")


@pytest.mark.parametrize(
    "address",
    ["http://:3128", "http://proxy.example:30x8", "http://", "ftp://proxy.example:3128", "http://proxy example:3128",
     "http://user:hunter2@:3128", "http://user:hunter2@proxy.example:port", "http://[::1:3128"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_proxy_when_its_address_is_none_then_refused_by_its_variable(
    name: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, address)
    with pytest.raises(Misconfigured, match=f"^{name} in the environment is not the address of a proxy such") as caught:
        made()
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("NO_PROXY", "vspc.example")
    made()


@pytest.mark.parametrize(
    "address", ["proxy.example:3128", "http://proxy.example", "https://u:p@proxy.example:1", "http://[::1]:3"]
)
def test_proxy_when_its_address_is_good_then_accepted(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    assert made() == []


@pytest.mark.parametrize("scheme", ["socks4", "socks5", "socks5h"])
def test_proxy_when_socks_and_its_library_is_missing_then_refused_by_its_variable(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:1080")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Misconfigured, match=r"^ALL_PROXY in the environment names a SOCKS proxy, .* PySocks"):
        made()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert made() == []


@pytest.fixture
def tunnel(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[t.Callable[[str], list[bytes]]]:
    """Give a maker of proxies that answer each CONNECT with one line, and tell what came."""
    listeners: list[socket.socket] = []

    def make(line: str) -> list[bytes]:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        seen: list[bytes] = []

        def serve() -> None:
            while True:
                try:
                    connection, _address = listener.accept()
                except OSError:
                    return
                with connection:
                    seen.append(connection.recv(65536))
                    connection.sendall(f"HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n".encode())

        threading.Thread(target=serve, daemon=True).start()
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hunter2@127.0.0.1:{listener.getsockname()[1]}")
        return seen

    yield make
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("407 Proxy Authentication Required",
         r"^the proxy that HTTPS_PROXY names wants a login, .*407.* in HTTPS_PROXY, or add vspc\.invalid to NO_PR"),
        ("403 Forbidden", r"^the proxy that HTTPS_PROXY names refused the way to vspc\.invalid \(HTTP 403\)"),
        ("405 Method Not Allowed", r"^the proxy that HTTPS_PROXY names refused the way to vspc\.invalid \(HTTP 405\)"),
    ],
)  # fmt: skip
def test_proxy_when_it_refuses_the_tunnel_then_asked_once_and_its_variable_named(
    line: str, said: str, tunnel: t.Any, clock: t.Any, transport: t.Any
) -> None:
    seen = tunnel(line)
    with pytest.raises(BackupError, match=said) as caught:
        read(transport("https://vspc.invalid"))
    assert not isinstance(caught.value, (Unanswered, AuthLost))
    assert "hunter2" not in str(caught.value)
    assert len(seen) == 1
    assert clock.slept == []


@pytest.mark.parametrize("line", ["503 Service Unavailable", "500 Oh", "429 Too Many Requests", "425 Too Early"])
def test_proxy_when_it_cannot_reach_the_system_now_then_asked_again_and_its_variable_named(
    line: str, tunnel: t.Any, transport: t.Any
) -> None:
    seen = tunnel(line)
    with pytest.raises(Unanswered, match="got no answer through the proxy that HTTPS_PROXY names"):
        read(transport("https://vspc.invalid", patience=5.0))
    assert len(seen) > 2


def test_proxy_when_nobody_is_there_then_its_variable_is_named(
    transport: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, url in (("HTTPS_PROXY", "https://vspc.invalid"), ("http_proxy", "http://vspc.invalid")):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        with pytest.raises(Unanswered, match=f"through the proxy that {name} names .*refused"):
            read(transport(url, patience=0.0))


def test_proxy_when_https_is_spoken_to_one_that_speaks_http_then_told_and_not_retried(
    new_web: t.Any, clock: t.Any, transport: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = new_web()
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http:", "https:"))
    with pytest.raises(
        BackupError, match="the proxy that HTTPS_PROXY names speaks plain http: write http://"
    ) as caught:
        read(transport("https://vspc.invalid"))
    assert not isinstance(caught.value, Unanswered)
    assert clock.slept == []


@pytest.mark.parametrize("kind", ["read", "login"])
def test_proxy_when_it_wants_a_login_for_plain_http_then_asked_once(
    kind: str, new_web: t.Any, reply: t.Any, transport: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = new_web()
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    proxy.reply(reply(407, b"<html>407</html>"))
    login = Grant("http://login.invalid/token", {"password": "p"}) if kind == "login" else None
    with pytest.raises(BackupError, match=r"^the proxy that HTTP_PROXY names wants a login") as caught:
        read(transport("http://vspc.invalid", login))
    assert not isinstance(caught.value, (Unanswered, AuthLost))
    assert len(proxy.seen) == 1


def test_proxy_when_none_is_named_and_one_wants_a_login_then_that_is_told(
    web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    web.reply(reply(407))
    with pytest.raises(BackupError, match=r"^a proxy on the way, which no variable names, wants a login"):
        read(transport(web.url))
    assert len(web.seen) == 1


def test_page_when_it_came_by_a_proxy_then_that_is_who_may_have_written_it(
    new_web: t.Any, reply: t.Any, transport: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = new_web()
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    proxy.reply(reply(403, b"<html>blocked by policy</html>"))
    with pytest.raises(Unanswered, match="such as the proxy that HTTP_PROXY names"):
        read(transport("http://vspc.invalid", patience=0.0))


# -- what TLS says ------------------------------------------------------------------------------------------------


def test_connection_when_lost_behind_a_proxy_then_its_variable_is_named() -> None:
    import requests

    call = Call("read", "GET", "https://vspc.example/jobs")
    lost = requests.exceptions.ConnectionError("reset")
    for variable, through in (("HTTPS_PROXY", " through the proxy that HTTPS_PROXY names"), ("", "")):
        found = trouble(call, lost, str, Way(variable))
        assert str(found) == f"GET /jobs got no answer{through} (reset)"
        assert isinstance(found, Unanswered)


def certificate_error(code: int, said: str) -> Exception:
    cause = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {said}")
    cause.verify_code, cause.verify_message = code, said
    import requests

    return requests.exceptions.SSLError(cause)


@pytest.mark.parametrize(
    ("code", "has_ca_path", "said"),
    [
        (62, True, "It is for another name than vspc.example: .*Another ca_path does not help$"),
        (64, False, "It is for another name than vspc.example: "),
        (10, True, "has expired: it has to be renewed there. Is the clock of this machine right"),
        (9, False, "It is not valid yet. Is the clock of this machine right"),
        (85, True, "so ca_path is right: Python 3.13 .* issued anew .* older Python"),
        (89, True, "so ca_path is right"),
        (92, True, "so ca_path is right"),
        (18, False, "Give the authority's certificate as ca_path$"),
        (20, False, "Give the authority's certificate as ca_path$"),
        (20, True, "What signed it is not in the file that is given"),
        (23, True, "This is a fault of the certificate itself"),
    ],
)
def test_certificate_when_not_accepted_then_the_advice_fits(code: int, has_ca_path: bool, said: str) -> None:
    call = Call("read", "GET", "https://vspc.example/jobs")
    found = trouble(call, certificate_error(code, "why"), str, Way("", has_ca_path, 5.0))
    assert not isinstance(found, Unanswered)
    with pytest.raises(
        BackupError, match=rf"^the TLS certificate of vspc\.example was not accepted \(why\)\. .*{said}"
    ):
        raise found


@pytest.mark.parametrize(
    "page",
    [
        (400, b"<html><h1>400</h1>The plain HTTP request was sent to HTTPS port<hr>nginx</html>"),
        (400, b"Client sent an HTTP request to an HTTPS server.\n"),
        (400, b"<p>Reason: You're speaking plain HTTP to an SSL-enabled server port.</p>"),
        (400, b"Bad Request\nThis combination of host and port requires TLS.\n"),
    ],
)
@pytest.mark.parametrize("kind", ["read", "login"])
def test_port_when_it_speaks_https_and_says_so_then_told_and_not_retried(
    kind: str, page: t.Any, web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    web.reply(reply(*page))
    with pytest.raises(BackupError, match=r"^the port of 127\.0\.0\.1 speaks https, .*Give an https address$"):
        read(transport(web.url, Grant(f"{web.url}/token", {}) if kind == "login" else None))
    assert clock.slept == []


def test_port_when_it_answers_plain_http_with_tls_then_told_and_not_retried(
    web: t.Any, reply: t.Any, clock: t.Any, transport: t.Any
) -> None:
    def alert(handler: t.Any) -> None:
        handler.wfile.write(b"\x15\x03\x01\x00\x02\x02\x46")
        handler.close_connection = True

    web.reply(reply(raw=alert))
    with pytest.raises(BackupError, match="speaks https") as caught:
        read(transport(web.url))
    assert not isinstance(caught.value, Unanswered)
    assert clock.slept == []


# -- where a server points to -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["read", "write"])
def test_redirect_when_only_the_scheme_changes_then_it_is_the_scheme_that_is_told(
    kind: str, web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    web.reply(reply(301, b"", {"Location": f"https://127.0.0.1:{web.port}/jobs"}))
    http = transport(web.url, allow_writes=True)
    if kind == "read":
        with pytest.raises(Fenced, match=r"from http to https on the same host; .* Give the https address as url$"):
            read(http)
    else:
        with pytest.raises(BackupError, match=rf"HTTP 301: a redirect to https://127\.0\.0\.1:{web.port}$"):
            http.write(Call("write", "POST", f"{web.url}/jobs/1/stop"))


def test_login_when_redirected_to_https_then_the_address_is_told(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(308, b"", {"Location": "https://127.0.0.1/token"}))
    with pytest.raises(AuthLost, match=r"HTTP 308: a redirect to https://127\.0\.0\.1\."):
        read(transport(web.url, Grant(f"{web.url}/token", {})))


@pytest.mark.parametrize("target", ["http://vspc.example/x", "http://vspc.example:80/x"])
def test_link_when_it_leads_from_https_to_http_then_the_scheme_is_told(target: str, transport: t.Any) -> None:
    with pytest.raises(Fenced, match="from https to http on the same host; the token was not sent there"):
        transport("https://vspc.example").read(Call("read", "GET", target))
