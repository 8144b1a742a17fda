# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each kind of request that a vendor would refuse is refused, with the vendor's error body and with a reason."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest

from simulator.vendors import VENDORS
from systems import ABORTING, PLAYED, SIMULATED

UID = "bc04d2e5-dd4c-4f85-af0e-424106000006"
VBR = "/api/v3/infrastructure/backupServers"


def error_shape(system: str, body: dict[str, Any], status: int) -> bool:
    """Return whether this is how the vendor writes its errors."""
    return PLAYED[system].is_error(body, status)


@pytest.mark.parametrize("system", SIMULATED)
def test_a_correct_client_is_not_refused(play: Any, system: str) -> None:
    client = play(system)
    assert client.jobs()
    assert (client.sim.refused, len(client.sim.logins), len(client.sim.reads), client.sim.writes) == ([], 1, 1, [])
    assert [entry.status for entry in client.sim.journal] == [200, 200]


@pytest.mark.parametrize("system", SIMULATED)
@pytest.mark.parametrize(
    ("header", "status", "reason"),
    [(None, 401, "no Authorization"), ("Bearer stolen", 401, "never issued"), ("Basic eDp5", 401, "not 'Bearer")],
)
def test_token(play: Any, system: str, header: str | None, status: int, reason: str) -> None:
    client = play(system, enter=False)
    answer = client.call("GET", client.base, params=client.query, headers={"Authorization": header})
    assert answer.status_code == status
    assert error_shape(system, answer.json(), status)
    assert reason in client.sim.refused[0].refused


@pytest.mark.parametrize("system", SIMULATED)
def test_paths_methods_parameters(play: Any, system: str) -> None:
    client = play(system)
    answers = [
        client.call("GET", client.base + "/x/y/z"),
        client.call("POST", client.base, json={}),
        client.call("GET", client.base.upper(), params=client.query),
        client.get(foo="1"),
    ]
    for answer in answers:
        assert answer.status_code in (400, 404, 405)
        assert error_shape(system, answer.json(), answer.json().get("statusCode", answer.status_code))
    assert len(client.sim.refused) == 4
    assert "foo" in client.sim.refused[-1].refused


@pytest.mark.parametrize(
    ("system", "method", "path", "reason"),
    [(system, *wrong) for system in SIMULATED for wrong in PLAYED[system].wrong_requests],
)
def test_wrong_requests(play: Any, system: str, method: str, path: str, reason: str) -> None:
    client = play(system)
    answer = client.call(method, path)
    assert answer.status_code in (400, 404, 405)
    assert reason in client.sim.refused[0].refused
    assert error_shape(system, answer.json(), answer.json().get("statusCode", answer.status_code))


@pytest.mark.parametrize("system", ABORTING)
def test_orders_take_the_documented_body_and_no_other(play: Any, system: str) -> None:
    client = play(system)
    stop = PLAYED[system].stop
    assert stop is not None, "how is a job stopped?"
    assert client.call(stop.method, stop.path, json={**(stop.body or {}), "undocumented": 1}).status_code == 400
    assert "body" in client.sim.refused[0].refused
    assert client.call(stop.method, stop.path, json=stop.body).status_code == stop.status
    assert [entry.kind for entry in client.sim.journal] == ["login", "write", "write"]


@pytest.mark.parametrize(("header", "value"), [("x-client-version", None), ("x-client-version", "3.0")])
def test_veeam_version(play: Any, header: str, value: str | None) -> None:
    client = play("veeam_vspc")
    assert client.call("GET", client.base, headers={header: value}).status_code == 400
    client.session.headers.pop(header)
    assert client.login().json()["error"] == "invalid_request"
    assert all("x-client-version" in entry.refused for entry in client.sim.refused)


def test_netapp_agent_and_account(play: Any) -> None:
    client = play("netapp_bluexp")
    assert client.call("GET", client.base, headers={"x-agent-id": None}).status_code == 400
    assert client.call("GET", client.base, headers={"x-agent-id": "another"}).status_code == 400
    assert client.call("GET", client.base.replace("account-", "account-x")).status_code == 403
    assert client.get(status="SUCCESS").status_code == 400
    assert len(client.sim.refused) == 4


@pytest.mark.parametrize("system", SIMULATED)
def test_login_content_type(play: Any, system: str) -> None:
    client = play(system, enter=False)
    right = "json" if client.sim.vendor.token_body == "json" else "data"
    wrong = "data" if right == "json" else "json"
    fields = client.login_form()
    assert client.session.post(client.sim.token_url, **{wrong: fields}).status_code == 400
    assert client.session.post(client.sim.token_url, params=fields).status_code == 400
    assert client.session.get(client.sim.token_url, params=fields).status_code in (404, 405)
    assert len(client.sim.refused) == len(client.sim.logins) == 3


@pytest.mark.parametrize(
    ("system", "change", "error"),
    [(system, *wrong) for system in SIMULATED for wrong in PLAYED[system].wrong_logins],
)
def test_login_fields(play: Any, system: str, change: dict[str, Any], error: str) -> None:
    client = play(system, enter=False)
    answer = client.login(**change)
    assert answer.status_code in (400, 401, 403)
    assert error in answer.text
    assert client.sim.refused


def assertion(client: Any, changes: dict[str, Any], headers: dict[str, str]) -> str:
    """Sign a client assertion."""
    name, now = client.options["client_id"], int(time.time())
    claims = {"iss": name, "sub": name, "aud": client.sim.vendor.audience(), "jti": "1", "exp": now + 300} | changes
    return jwt.encode(claims, client.sim.keypair()[1], "RS256", headers)


@pytest.mark.parametrize("system", [system for system in SIMULATED if "client_assertion" in VENDORS[system].ways])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"aud": "https://elsewhere.example/"}, "udience"),
        ({"iss": "another"}, "iss and sub"),
        ({"exp": int(time.time()) + 7200}, "more than an hour"),
        ({"exp": int(time.time()) - 60}, "expired"),
    ],
)
def test_client_assertion(play: Any, system: str, changes: dict[str, Any], reason: str | None) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    client = play(system, enter=False, auth={"accept": ["client_assertion"]})
    certificate = x509.load_pem_x509_certificate(client.sim.keypair()[0].encode())
    headers = {"kid": certificate.fingerprint(hashes.SHA1()).hex().upper()}
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    signed = assertion(client, changes, headers)
    answer = client.login(client_assertion_type=kind, client_assertion=signed)
    if reason is not None:
        assert answer.status_code in (400, 401)
        assert reason in client.sim.refused[0].refused
        return
    assert answer.status_code == 200
    client.login(client_assertion_type=kind, client_assertion=signed)
    assert "jti" in client.sim.refused[0].refused
    if PLAYED[system].names_key:
        unnamed = assertion(client, {"jti": "2"}, {})
        client.login(client_assertion_type=kind, client_assertion=unnamed)
        assert "kid nor x5t" in client.sim.refused[1].refused


@pytest.mark.parametrize("system", SIMULATED)
def test_an_expired_token_is_not_a_malformed_request(play: Any, system: str) -> None:
    client = play(system, auth={"token_lifetime": 60})
    client.sim.advance(61)
    answer = client.get()
    assert answer.status_code == 401
    assert error_shape(system, answer.json(), 401)
    assert (client.sim.refused, client.sim.journal[-1].auth_rejected) == ([], "the token has expired")


def test_a_refresh_token_is_spent_once(play: Any) -> None:
    client = play("flosum", enter=False)
    first, second = client.login().json(), client.login()
    assert second.status_code == 400
    assert "replaced by a newer one" in client.sim.refused[0].refused
    assert client.login(refresh_token=first["refresh_token"]).status_code == 200


def test_a_read_only_key_may_not_stop(play: Any) -> None:
    client = play("veeam_vspc", enter=False)
    client.session.headers["Authorization"] = f"Bearer {client.sim.credentials['read_only_api_key']}"
    assert client.jobs()
    answer = client.call("POST", f"{VBR}/jobs/{UID}/stop")
    assert (answer.status_code, answer.json()["errors"][0]["type"]) == (403, "security")
    assert client.sim.refused == []


def test_a_token_host_of_its_own(play: Any) -> None:
    client = play("avepoint_iaas_paas", token_host="separate")
    assert client.jobs()
    assert [entry.origin for entry in client.sim.journal] == ["token", "api"]
    assert client.call("POST", "/connect/token", data=client.login_form()).status_code == 404
    assert client.session.get(client.sim.token_origin + client.base).status_code == 404
    assert len(client.sim.refused) == 2


def test_a_token_of_another_system(play: Any) -> None:
    stranger, client = play("avepoint_salesforce"), play("avepoint_iaas_paas")
    answer = client.call("GET", client.base, headers={"Authorization": stranger.session.headers["Authorization"]})
    assert answer.status_code == 401
    assert "never issued" in client.sim.refused[0].refused


def test_unknown_jobs_are_not_refusals(play: Any) -> None:
    vspc = play("veeam_vspc")
    assert vspc.get("/00000000-0000-0000-0000-000000000000").status_code == 404
    for how, status, body in (("404", 404, None), ("empty", 200, {"job": []}), ("missing", 200, {})):
        netapp = play("netapp_bluexp", unknown_job=how)
        answer = netapp.get("/unknown")
        assert answer.status_code == status
        assert body is None or answer.json() == body
        assert netapp.sim.refused == []
    assert vspc.sim.refused == []


def test_the_journal_file_holds_no_secret(play: Any) -> None:
    for system in SIMULATED:
        client = play(system)
        client.call("GET", client.base, params={**client.query, "access_token": "in-the-query"})
        lines = "\n".join(entry.to_json() for entry in client.sim.journal)
        assert [json.loads(line)["kind"] for line in lines.splitlines()] == ["login", "read"]
        secrets = [value for name, value in client.sim.credentials.items() if "secret" in name or "token" in name]
        secrets += [client.sim.credentials.get("password", "sim-at-"), "sim-at-", "sim-rt-", "in-the-query"]
        assert not [secret for secret in secrets if secret in lines]
