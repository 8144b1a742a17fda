# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every documented way to log in, one story each, as the vendors' documents tell it."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import time
import typing as t
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import AuthLost
from ansible_collections.changeops.backup.plugins.module_utils._edge.connection import connect
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from harness import PACKAGE, STORIES, bad, good, run, start, tale, warnings
from inside import Inside
from simulator import Simulator
from systems import SIMULATED
from systems import avepoint_iaas_paas as iaas
from systems import avepoint_salesforce as salesforce

AVEPOINT = {"avepoint_salesforce": salesforce.SCOPE, "avepoint_iaas_paas": iaas.SCOPE}
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def form(entry: t.Any) -> dict[str, str]:
    assert entry.headers["Content-Type"] == "application/x-www-form-urlencoded"
    return {name: value for name, (value,) in parse_qs(entry.body, strict_parsing=True).items()}


def as_json(entry: t.Any) -> dict[str, t.Any]:
    assert entry.headers["Content-Type"] == "application/json"
    body: dict[str, t.Any] = json.loads(entry.body)
    return body


def without(sim: Simulator, *names: str, **more: t.Any) -> dict[str, t.Any]:
    return {**{name: value for name, value in sim.options.items() if name not in names}, **more}


@pytest.fixture
def keys(tmp_path: Path) -> t.Callable[[Simulator], dict[str, str]]:
    """Give a writer of the registered client's certificate and key."""

    def write(sim: Simulator) -> dict[str, str]:
        options = {}
        for name, text in zip(("client_certificate", "client_private_key"), sim.keypair()):
            (tmp_path / name).write_text(text)
            options[name] = str(tmp_path / name)
        return options

    return write


# -- Flosum --------------------------------------------------------------------------------------------------------


def test_flosum_refresh_sends_a_form_with_redirect_uri_to_the_global_settings_host() -> None:
    with Simulator(tale("flosum", token_host="separate")) as sim, Inside(sim.options) as flosum:
        assert flosum.look().jobs
    (login,) = sim.logins
    assert login.origin == "token"
    assert login.path == "/api/v1/oauth/token"
    assert form(login) == {
        "grant_type": "refresh_token",
        **{name: sim.credentials[name] for name in ("client_id", "client_secret", "redirect_uri", "refresh_token")},
    }
    assert "Authorization" not in login.headers
    assert sim.refused == []


def test_flosum_a_rotated_refresh_token_is_in_its_file_before_the_first_api_call(tmp_path: Path) -> None:
    file = tmp_path / "refresh-token"
    seen: list[tuple[str, str, int]] = []
    with Simulator(tale("flosum")) as sim:
        old = sim.credentials["refresh_token"]
        file.write_text(old)
        file.chmod(0o644)
        strike = sim.strike

        def watch(entry: t.Any) -> dict[str, t.Any]:
            seen.append((entry.kind, file.read_text().strip(), stat.S_IMODE(file.stat().st_mode)))
            return strike(entry)

        sim.strike = watch  # type: ignore[method-assign]
        args = without(sim, "refresh_token", refresh_token_file=str(file))
        first = good("backup_job_info", args)
        # The old token is spent: this run is good only with the one in the file.
        second = good("backup_job_info", args)
        renewals = [form(login)["refresh_token"] for login in sim.logins]
    assert [kind for kind, _token, _mode in seen] == ["login", "read", "login", "read"]
    assert seen[0][1] == old
    kept = seen[1][1]
    assert kept not in ("", old)
    assert seen[1][2] == 0o600
    assert renewals == [old, kept]
    assert file.read_text().strip() not in ("", old, kept)
    assert list(tmp_path.iterdir()) == [file], "a draft was left behind"
    for result in (first, second):
        assert warnings(result) == []
        for token in (old, kept, file.read_text().strip()):
            assert token not in str(result)


def test_flosum_a_rotated_refresh_token_survives_a_task_that_fails_right_after(tmp_path: Path) -> None:
    file = tmp_path / "refresh-token"
    faults = [{"path": "/backups", "do": {"status": 404}}]
    with Simulator(tale("flosum", faults=faults)) as sim:
        old = sim.credentials["refresh_token"]
        bad("backup_job_info", without(sim, refresh_token_file=str(file)))
    assert file.read_text().strip() not in ("", old)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_flosum_a_rotated_refresh_token_without_a_file_warns_and_is_not_printed() -> None:
    with Simulator(tale("flosum")) as sim:
        result = good("backup_job_info", sim.options)
        new = [name for name in sim.vendor.tokens._renewals if name != sim.credentials["refresh_token"]]
    (warning,) = warnings(result)
    assert "refresh_token_file" in warning
    assert "replaced" in warning
    assert len(new) == 1
    assert new[0] not in str(result)


@pytest.mark.parametrize("rotate", [False, "null"])
def test_flosum_a_server_that_does_not_rotate_is_no_reason_to_warn(rotate: t.Any, tmp_path: Path) -> None:
    file = tmp_path / "refresh-token"
    with Simulator(tale("flosum", auth={"rotate_refresh_token": rotate})) as sim:
        with Inside(sim.options) as plain, Inside({**sim.options, "refresh_token_file": str(file)}) as with_file:
            assert plain.look().jobs.keys() == with_file.look().jobs.keys()
        assert plain.warned == with_file.warned == []
    assert not file.exists() or file.read_text().strip() == sim.credentials["refresh_token"]


def test_flosum_a_ready_token_needs_no_login() -> None:
    with Simulator(tale("flosum", auth={"accept": ["access_token"]})) as sim, Inside(sim.options) as flosum:
        assert flosum.look().jobs
    assert sim.logins == []
    assert sim.refused == []


# -- AvePoint ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("system", AVEPOINT)
def test_avepoint_client_secret_asks_for_the_scope_of_its_product(system: str) -> None:
    with Simulator(tale(system, token_host="separate")) as sim, Inside(sim.options) as avepoint:
        assert avepoint.look().jobs
    (login,) = sim.logins
    assert login.path == "/connect/token"
    assert form(login) == {
        "grant_type": "client_credentials",
        "scope": AVEPOINT[system],
        "client_id": sim.credentials["client_id"],
        "client_secret": sim.credentials["client_secret"],
    }
    assert sim.refused == []


@pytest.mark.parametrize("system", AVEPOINT)
def test_avepoint_certificate_signs_an_assertion_for_the_token_url(
    system: str, keys: t.Callable[[Simulator], dict[str, str]]
) -> None:
    with Simulator(tale(system, auth={"accept": ["client_assertion"], "token_lifetime": 600})) as sim:
        options = {**sim.options, **keys(sim)}
        with Inside(options, sim) as avepoint:
            assert avepoint.look().jobs
            avepoint.clock.advance(700)
            assert avepoint.look().jobs
    assert sim.refused == []
    fields = [form(login) for login in sim.logins]
    assert len(fields) == 2
    seen = set()
    for sent in fields:
        assert sent.keys() == {"grant_type", "scope", "client_id", "client_assertion_type", "client_assertion"}
        assert sent["client_assertion_type"] == JWT_BEARER
        header = jwt.get_unverified_header(sent["client_assertion"])
        claims = jwt.decode(sent["client_assertion"], options={"verify_signature": False})
        assert header["alg"] == "RS256"
        # Which of the two the server reads is not documented.
        assert {"kid", "x5t"} <= header.keys()
        assert claims["iss"] == claims["sub"] == sim.credentials["client_id"]
        assert claims["aud"] == sim.token_url
        assert claims["nbf"] <= claims["iat"] < claims["exp"] <= claims["iat"] + 3600
        seen.add(claims["jti"])
    assert len(seen) == 2, "an assertion may be used once"


@pytest.mark.parametrize("system", AVEPOINT)
def test_avepoint_scope_can_be_overridden(system: str) -> None:
    with Simulator(tale(system, scope="Other.Scope.All")) as sim:
        refused = bad("backup_job_info", sim.options)
        with Inside({**sim.options, "scope": "Other.Scope.All"}) as avepoint:
            assert avepoint.look().jobs
    assert "invalid_scope" in refused["msg"]
    assert "scope" in refused["msg"].split("Check", 1)[1]
    assert [form(login)["scope"] for login in sim.logins] == [AVEPOINT[system], "Other.Scope.All"]


@pytest.mark.parametrize("system", AVEPOINT)
@pytest.mark.parametrize(
    ("region", "host", "identity"),
    [
        *(
            (region, f"graph-{region}.avepointonlineservices.com", "identity.avepointonlineservices.com")
            for region in ("us", "ca", "ne", "we", "uk", "fr", "de", "ch", "au", "sg", "jp", "kr", "uae", "za", "qa")
        ),
        ("gov", "graph-gov.avepointonlineservices.com", "identity-gov.avepointonlineservices.com"),
        ("aos2", "graph-aos2.avepointonlineservices.com", "identity-aos2.avepointonlineservices.com"),
        ("fedramp", "graphusgovapi.online15.net", "identity.online15.net"),
    ],
)
def test_avepoint_every_environment_has_its_hosts(system: str, region: str, host: str, identity: str) -> None:
    options = {"region": region, "client_id": "c", "client_secret": "s"}
    connection, _login = connect(SYSTEMS[system], options, {}, pytest.fail, lambda secret: None)
    assert connection.url == f"https://{host}"
    assert connection.token_url == f"https://{identity}/connect/token"


@pytest.mark.parametrize("region", ["us", "de", "jp", "au"])
def test_flosum_every_region_has_its_two_hosts(region: str) -> None:
    options = {"region": region, "access_token": "t", "connection_id": 7}
    connection, _login = connect(SYSTEMS["flosum"], options, {}, pytest.fail, lambda secret: None)
    assert connection.url == f"https://backup-{region}.flosum.app"
    assert connection.token_url == f"https://global-{region}.flosum.app/api/v1/oauth/token"


# -- NetApp --------------------------------------------------------------------------------------------------------


def test_netapp_service_account_sends_json_with_the_audience() -> None:
    with Simulator(tale("netapp_bluexp", token_host="separate")) as sim, Inside(sim.options) as netapp:
        assert netapp.look().jobs
    (login,) = sim.logins
    assert as_json(login) == {
        "grant_type": "client_credentials",
        "audience": "https://api.cloud.netapp.com",
        "client_id": sim.credentials["client_id"],
        "client_secret": sim.credentials["client_secret"],
    }
    assert sim.refused == []


def test_netapp_user_token_is_renewed_with_the_client_id_of_all_customers() -> None:
    with Simulator(tale("netapp_bluexp", auth={"accept": ["refresh_token"]})) as sim, Inside(sim.options) as netapp:
        assert netapp.look().jobs
    (login,) = sim.logins
    assert as_json(login) == {
        "grant_type": "refresh_token",
        "client_id": "Mu0V1ywgYteI6w1MbD15fKfVIUrNXGWC",
        "refresh_token": sim.credentials["refresh_token"],
    }
    assert netapp.warned == []
    assert sim.refused == []


def test_netapp_private_key_signs_an_assertion_for_the_token_host(
    keys: t.Callable[[Simulator], dict[str, str]],
) -> None:
    story = tale("netapp_bluexp", token_host="separate", auth={"accept": ["client_assertion"]})
    with Simulator(story) as sim, Inside({**sim.options, **keys(sim)}) as netapp:
        assert netapp.look().jobs
    (login,) = sim.logins
    sent = as_json(login)
    claims = jwt.decode(sent["client_assertion"], options={"verify_signature": False})
    assert sent.keys() == {"grant_type", "audience", "client_id", "client_assertion_type", "client_assertion"}
    assert sent["audience"] == "https://api.cloud.netapp.com"
    assert sent["client_assertion_type"] == JWT_BEARER
    assert jwt.get_unverified_header(sent["client_assertion"])["alg"] == "RS256"
    assert claims["aud"] == sim.token_origin + "/"
    assert sim.refused == []


def test_netapp_the_addresses_are_those_of_the_one_service_and_both_can_be_overridden() -> None:
    base = {"access_token": "t", "account_id": "account-1", "agent_id": "a"}

    def addresses(**options: str) -> tuple[str, str]:
        connection, _login = connect(
            SYSTEMS["netapp_bluexp"], {**base, **options}, {}, pytest.fail, lambda secret: None
        )
        return connection.url, connection.token_url

    login = "https://netapp-cloud-account.auth0.com/oauth/token"
    assert addresses() == ("https://api.bluexp.netapp.com", login)
    # What NetApp's own clients do.
    assert addresses(url="https://cm.example") == ("https://cm.example", "https://cm.example/auth/oauth/token")
    assert addresses(url="https://cm.example", token_url=login) == ("https://cm.example", login)


# -- VSPC ----------------------------------------------------------------------------------------------------------


def test_vspc_password_sends_a_form_and_names_its_version() -> None:
    with Simulator(tale("veeam_vspc")) as sim, Inside(sim.options) as vspc:
        assert vspc.look().jobs
        assert Inside({**sim.options, "api_version": "3.6"}).look().jobs
    assert [form(login) for login in sim.logins] == [
        {
            "grant_type": "password",
            "username": sim.credentials["username"],
            "password": sim.credentials["password"],
        }
    ] * 2
    versions = [entry.headers["X-Client-Version"] for entry in sim.journal]
    # A login takes no risk; reads ask with the newest that the server takes.
    assert versions == ["3.5.1", *["3.6.1"] * 3, *["3.6"] * 4]
    assert sim.refused == []


def test_vspc_refresh_gives_a_new_pair_which_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "refresh-token"
    with Simulator(tale("veeam_vspc", auth={"accept": ["refresh_token"]})) as sim:
        old = sim.credentials["refresh_token"]
        with Inside(without(sim, refresh_token_file=str(file))) as vspc:
            assert vspc.look().jobs
        with Inside(without(sim, "refresh_token", refresh_token_file=str(file))) as next_task:
            assert next_task.look().jobs
        with Inside(without(sim, refresh_token=file.read_text().strip())) as no_file:
            assert no_file.look().jobs
    sent = [form(login) for login in sim.logins]
    assert sent[0] == {"grant_type": "refresh_token", "refresh_token": old}
    assert len({fields["refresh_token"] for fields in sent}) == 3
    assert vspc.warned == next_task.warned == []
    assert "refresh_token_file" in no_file.warned[0]
    assert sim.refused == []


def test_vspc_api_key_is_a_bearer_token_without_a_login() -> None:
    with Simulator(tale("veeam_vspc", auth={"accept": ["api_key"]})) as sim, Inside(sim.options) as vspc:
        assert vspc.look().jobs
    assert sim.logins == []
    assert sim.journal[0].headers["Authorization"] == f"Bearer {sim.credentials['api_key']}"
    assert sim.refused == []


def test_vspc_read_only_api_key_reads_and_says_what_an_abort_lacks() -> None:
    with Simulator(STORIES / "veeam_vspc" / "will_not_end.yml") as sim:
        args = without(sim, "username", "password", access_token=sim.credentials["read_only_api_key"])
        job = good("backup_job_info", {**args, "states": ["running"]})["jobs"][0]
        result = bad("backup_job_abort", {**args, "job_ids": [job["id"]]})
    assert "HTTP 403" in result["msg"]
    assert "read-only" in result["msg"]
    assert "permission" in result["msg"]
    assert sim.refused == []


def test_vspc_token_errors_are_shaped_as_oauth_and_named_as_such() -> None:
    with Simulator(tale("veeam_vspc")) as sim:
        result = bad("backup_job_wait", {**sim.options, "password": "wrong-password-77"})
    assert result["verdict"] == "auth_lost"
    assert "invalid_grant" in result["msg"]
    assert "wrong user name or password" in result["msg"]
    assert "username, password" in result["msg"]
    assert "wrong-password-77" not in str(result)


# -- lifetimes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("life", [30, 3600, 86400])
@pytest.mark.parametrize("system", SIMULATED)
def test_a_token_is_renewed_before_it_ends(system: str, life: int, tmp_path: Path) -> None:
    with Simulator(tale(system, auth={"token_lifetime": life})) as sim, Inside(sim.options, sim) as inside:
        # Days pass, and a list with a window would move on.
        window = {"started_after": "30d"} if SYSTEMS[system].WINDOW else {}
        inside.look(**window)
        inside.clock.advance(life * 0.7)
        inside.look(**window)
        assert len(sim.logins) == 1, "renewed much too early"
        # Still good, but not for long.
        inside.clock.advance(life * 0.3 - min(50.0, life * 0.1))
        inside.look(**window)
    assert len(sim.logins) == 2
    assert [entry for entry in sim.journal if entry.auth_rejected] == [], "a dead token was sent"
    assert sim.refused == []


@pytest.mark.parametrize("system", SIMULATED)
def test_a_server_that_promises_a_longer_life_than_it_gives_costs_one_renewal(system: str) -> None:
    faults = [{"kind": "read", "nth": [2], "do": {"expire_token": True}}]
    story = tale(system, auth={"token_lifetime": 10**12}, faults=faults)
    with Simulator(story) as sim, Inside(sim.options) as inside:
        inside.look()
        assert inside.look().jobs
    assert len(sim.logins) == 2
    assert len([entry for entry in sim.journal if entry.auth_rejected]) == 1


@pytest.mark.parametrize("system", SIMULATED)
def test_a_second_401_is_auth_lost(system: str) -> None:
    faults = [{"kind": "read", "do": {"expire_token": True}}]
    with Simulator(tale(system, faults=faults)) as sim:
        result = bad("backup_job_wait", sim.options)
    assert result["verdict"] == "auth_lost"
    assert "HTTP 401 again, with a token just renewed" in result["msg"]
    assert len(sim.logins) == 2
    assert len(sim.reads) == 2


@pytest.mark.parametrize("system", SIMULATED)
def test_a_ready_token_beside_credentials_is_used_until_it_is_refused(system: str) -> None:
    with Simulator(tale(system)) as sim:
        ready = sim.vendor.tokens.issue()
        with Inside({**sim.options, "access_token": ready}) as inside:
            assert inside.look().jobs
            assert sim.logins == []
            assert sim.reads[0].headers["Authorization"] == f"Bearer {ready}"
            sim.vendor.tokens.expire_all()
            assert inside.look().jobs
    assert len(sim.logins) == 1
    assert sim.refused == []


@pytest.mark.parametrize("system", SIMULATED)
def test_a_ready_token_alone_cannot_be_renewed(system: str) -> None:
    with Simulator(tale(system)) as sim:
        credentials = ("client_id", "client_secret", "redirect_uri", "refresh_token", "username", "password")
        args = without(sim, *credentials, access_token=sim.vendor.tokens.issue())
        with Inside(args) as inside:
            assert inside.look().jobs
            sim.vendor.tokens.expire_all()
            with pytest.raises(AuthLost, match="HTTP 401"):
                inside.look()
    assert sim.logins == []


@pytest.mark.parametrize("system", SIMULATED)
def test_no_token_is_ever_printed(system: str) -> None:
    with Simulator(tale(system)) as sim:
        result = run("backup_job_info", {**sim.options, "details": ["raw"]})
        tokens = sim.issued
    assert not result.get("failed")
    assert tokens
    for secret in (*tokens, *(sim.options.get(name) or "-none-" for name in ("client_secret", "password"))):
        assert secret not in str(result)


# -- killed in the middle ------------------------------------------------------------------------------------------

# The module, killed where a line of its own would have run.
KILLED = """
import os, runpy, signal
def die(*args, **more):
    os.kill(os.getpid(), signal.SIGKILL)
os.{at} = die
runpy.run_module("{package}.backup_job_info", run_name="__main__")
"""


@pytest.mark.parametrize("at", ["fsync", "replace"])
def test_flosum_a_rotated_refresh_token_survives_a_kill_while_it_is_written(at: str, tmp_path: Path) -> None:
    file = tmp_path / "refresh-token"
    with Simulator(tale("flosum")) as sim:
        file.write_text(sim.credentials["refresh_token"])
        args = without(sim, refresh_token_file=str(file))
        killed = subprocess.run(
            [sys.executable, "-c", KILLED.format(at=at, package=PACKAGE)],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": args}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL
        assert file.read_text() == sim.credentials["refresh_token"], "half a file under the final name"
        assert sim.reads == []
        good("backup_job_info", args)
    assert list(tmp_path.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_flosum_a_run_that_is_stopped_during_a_login_keeps_the_token_first(number: int, tmp_path: Path) -> None:
    """The old token is spent when the request arrives: who leaves before the answer has none."""
    file = tmp_path / "refresh-token"
    with Simulator(tale("flosum", faults=[{"kind": "login", "nth": [1], "do": {"delay": 1.5}}])) as sim:
        file.write_text(sim.credentials["refresh_token"])
        args = without(sim, refresh_token_file=str(file))
        process = start("backup_job_info", args)
        give_up_at = time.monotonic() + 20
        while not sim.logins and time.monotonic() < give_up_at:
            time.sleep(0.02)
        process.send_signal(number)
        process.communicate(timeout=20)
        assert process.returncode != 0
        assert number == signal.SIGINT or process.returncode == -number
        assert file.read_text().strip() != sim.credentials["refresh_token"]
        assert sim.reads == []
        good("backup_job_info", args)
    assert list(tmp_path.iterdir()) == [file]
