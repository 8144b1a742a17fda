# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A refusal is a system's only in its own words; what something before it says may be gone with the next request."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import AuthLost, Refused, Unanswered
from ansible_collections.changeops.backup.plugins.module_utils._edge.connection import connect
from ansible_collections.changeops.backup.plugins.module_utils._http.response import Response
from ansible_collections.changeops.backup.plugins.module_utils._http.transport import Transport
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from systems import KNOWN

STATUSES = [400, 403, 404, 405, 410, 413, 501]
PAGES = {
    "html": (b"<html><h1>Not Found</h1></html>", "text/html"),
    "text": (b"default backend - 404", "text/plain; charset=utf-8"),
    "nothing": (b"", "text/plain"),
    "another gateway's JSON": (b'{"message":"no Route matched with those values"}', "application/json"),
    "null": (b"null", "application/json"),
    "a JSON text": (b'"Forbidden"', "application/json"),
    "an array": (b"[]", "application/json"),
    "JSON that is cut": (b'{"error": "x', "application/json"),
}
PLAYED = sorted(name for name, known in KNOWN.items() if known.played is not None)


@pytest.fixture
def system(web: t.Any, clock: t.Any) -> t.Callable[..., t.Any]:
    """Give a maker of systems that are reached at the server on loopback."""

    def make(name: str, patience: float = 300.0, **more: t.Any) -> t.Any:
        options = {key: value for key, value in KNOWN[name].simplest.items() if key not in ("region", "url")}
        connection, login = connect(SYSTEMS[name], {**options, "url": web.url}, {}, str, str)
        return SYSTEMS[name](connection, Transport(connection.url, login, clock, 5.0, patience, **more))

    return make


@pytest.mark.parametrize("page", sorted(PAGES))
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_read_when_something_before_the_system_answers_then_sat_out(
    name: str, status: int, page: str, web: t.Any, reply: t.Any, system: t.Any
) -> None:
    body, kind = PAGES[page]
    answer = reply(status, body, {"Content-Type": kind})
    web.reply(answer, answer, reply(body={"good": 1}))
    assert system(name).get("/x") == {"good": 1}
    assert len(web.seen) - len([seen for seen in web.seen if "/x" not in seen.path]) == 3


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_read_when_something_before_the_system_goes_on_then_told_in_these_words(
    name: str, web: t.Any, reply: t.Any, clock: t.Any, system: t.Any
) -> None:
    web.reply(reply(404, b"<html>nothing here</html>", {"Content-Type": "text/html"}))
    with pytest.raises(Unanswered) as caught:
        system(name, 20.0).get("/x")
    assert str(caught.value) == (
        "GET /x was answered with HTTP 404 (text/html), and not in the system's own words: a page that is not JSON. "
        "Something before the system answered, such as a proxy, an ingress or a firewall. If this goes on, check url"
    )
    assert 0 < clock.seconds <= 20
    assert caught.value.tried == clock.seconds
    assert caught.value.patience == 20.0


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_write_when_something_before_the_system_answers_then_sent_once_and_it_may_have_arrived(
    name: str, web: t.Any, reply: t.Any, system: t.Any
) -> None:
    web.reply(reply(404, b"<html>IIS</html>", {"Content-Type": "text/html"}))
    one = system(name, allow_writes=True)
    with pytest.raises(Unanswered, match="not in the system's own words"):
        one.http.write(one.call("write", "POST", "/x"))
    assert len(web.seen) == 1


@pytest.mark.parametrize(
    ("name", "error"), [(name, error) for name in PLAYED for error in t.cast("t.Any", KNOWN[name].played).errors]
)
def test_error_when_in_the_systems_own_words_then_its_meaning_stays(
    name: str, error: t.Any, web: t.Any, reply: t.Any, clock: t.Any, system: t.Any
) -> None:
    web.reply(reply(error.status, error.body if not isinstance(error.body, str) else error.body.encode()))
    with pytest.raises(error.kind):
        system(name, 0.0).get("/x")
    assert clock.slept == []


@pytest.mark.parametrize("name", sorted(SYSTEMS))
@pytest.mark.parametrize(
    "body", [{"type": "about:blank", "title": "Bad Request", "status": 400}, {"title": "Bad Request"}]
)
def test_error_when_written_by_a_web_framework_then_the_systems_own(
    body: t.Any, name: str, web: t.Any, reply: t.Any, system: t.Any
) -> None:
    web.reply(reply(400, body, {"Content-Type": "application/problem+json"}))
    with pytest.raises(Refused, match="HTTP 400: Bad Request"):
        system(name).get("/x")


@pytest.mark.parametrize("name", sorted(SYSTEMS))
@pytest.mark.parametrize("body", [{"kind": "Status", "status": "Failure", "code": 404}, {"message": "Not Found"}])
def test_error_when_it_lacks_the_documented_field_then_a_gateways(
    body: t.Any, name: str, web: t.Any, reply: t.Any, system: t.Any
) -> None:
    """Where no field is documented, no error is turned down for lack of one."""
    web.reply(reply(404, body), reply(body={"good": 1}))
    if SYSTEMS[name].ERROR_FIELDS:
        assert system(name).get("/x") == {"good": 1}
    else:
        with pytest.raises(Refused, match="HTTP 404"):
            system(name).get("/x")


def test_rclone_when_it_says_no_then_at_once(web: t.Any, reply: t.Any, system: t.Any) -> None:
    body = {"error": 'couldn\'t find method "x"', "input": {}, "path": "x", "status": 404}
    web.reply(reply(404, body))
    with pytest.raises(Refused, match=r"find method .*If every call is answered like this, check url"):
        system("rclone").get("/x")


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_page_when_it_asks_for_a_login_then_the_login_is_lost_and_nothing_is_tried_again(
    name: str, web: t.Any, reply: t.Any, system: t.Any
) -> None:
    web.reply(reply(401, b"<html>Sign in</html>", {"Content-Type": "text/html"}))
    with pytest.raises(
        AuthLost, match=r"HTTP 401: a page that is not JSON. Check the credentials. Something before the sys"
    ):
        system(name).get("/x")


@pytest.mark.parametrize("name", [name for name in sorted(SYSTEMS) if name.startswith("avepoint")])
@pytest.mark.parametrize(("code", "is_error"), [(399, False), (400, True), (401, True), (None, False)])
def test_avepoint_when_the_body_has_a_status_of_its_own_then_from_400_on_it_is_an_error(
    name: str, code: t.Any, is_error: bool, system: t.Any
) -> None:
    body = {"statusCode": code, "jobs": []}
    if is_error:
        with pytest.raises(Unanswered, match="HTTP 200, but: "):
            system(name).beside(body, Response(200, {}, b"{}"))
    else:
        assert system(name).beside(body, Response(200, {}, b"{}")) == ""


def versions(web: t.Any) -> list[str]:
    return [seen.headers["x-client-version"] for seen in web.seen]


def test_veeam_when_a_page_comes_first_then_the_newest_version_is_asked_for_again(
    web: t.Any, reply: t.Any, system: t.Any
) -> None:
    """Whether it was an ingress or refused the version, the page does not say."""
    web.reply(reply(400, b"<html>"), reply())
    console = system("veeam_vspc")
    for _read in range(3):
        console.get("/x")
    assert versions(web) == ["3.6.1", "3.5.1", "3.6.1", "3.6.1"]


def test_veeam_when_the_version_is_refused_without_a_word_then_an_older_one_before_long(
    web: t.Any, reply: t.Any, clock: t.Any, system: t.Any
) -> None:
    web.reply(*[reply(400, b""), reply()] * 3, reply())
    console = system("veeam_vspc")
    for _read in range(5):
        console.get("/x")
    assert versions(web) == ["3.6.1", "3.5.1"] * 3 + ["3.5.1"] * 2
    assert clock.slept == []


def test_veeam_when_an_error_says_send_again_then_sent_again(
    web: t.Any, reply: t.Any, clock: t.Any, system: t.Any
) -> None:
    console = system("veeam_vspc", patience=20.0)
    # It takes the newest version, so that this is not what is refused.
    console.get("/x")
    web.reply(reply(400, {"errors": [{"message": "busy", "type": "transport", "code": 400}]}), reply(body={"good": 1}))
    assert console.get("/x") == {"good": 1}
    assert len(clock.slept) == 1
    web.reply(reply(400, {"errors": [{"message": "wrong", "type": "logical", "code": 400}]}))
    with pytest.raises(Refused, match="wrong"):
        console.get("/x")
    assert len(clock.slept) == 1


@pytest.mark.parametrize(
    ("header", "second"),
    [
        ("Sat, 28 Nov 2026 22:00:07 GMT", 7.0),
        ("Sat, 28 Nov 2026 22:00:01 GMT, Sat, 28 Nov 2026 22:00:07 GMT", 7.0),
        ("Sat, 28 Nov 2026 22:00:07 GMT, soon", None),
        ("soon", None),
        ("", None),
    ],
)
def test_date_when_sent_twice_then_the_applications_own(header: str, second: float | None) -> None:
    told = Response(200, {"Date": header}, b"").date()
    assert (None if told is None else told % 60) == second
