# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and environment: what is missing or wrong is named before anything is sent."""

from __future__ import annotations

import shutil
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path

import certifi
import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import Misconfigured
from ansible_collections.changeops.backup.plugins.module_utils._edge.addresses import variable
from ansible_collections.changeops.backup.plugins.module_utils._edge.connection import connect
from ansible_collections.changeops.backup.plugins.module_utils._edge.options import CONNECTION
from ansible_collections.changeops.backup.plugins.module_utils._edge.selection import select
from ansible_collections.changeops.backup.plugins.module_utils._http.logins import Grant, RefreshGrant
from ansible_collections.changeops.backup.plugins.module_utils._systems.connection import Connection
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from ansible_collections.changeops.backup.plugins.module_utils._systems.selection import Selection
from systems import KNOWN
from systems.known import URL, UUID

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
EVERY = sorted(KNOWN)
# A good value for every option, as a user writes it and as the environment holds it.
VALUES = {name: f"some-{name}" for name in CONNECTION} | {"url": URL, "connection_id": "7", "region": "us"}
LOGINS = [(name, login.options) for name in EVERY for login in SYSTEMS[name].LOGINS]
SIMPLEST = {system: known.simplest for system, known in KNOWN.items()}


class Made(t.NamedTuple):
    """What came of the options."""

    connection: Connection
    credential: t.Any
    warnings: list[str]
    secrets: list[str]


def make(system: str, params: t.Mapping[str, t.Any], environ: t.Mapping[str, str] | None = None) -> Made:
    warnings: list[str] = []
    secrets: list[str] = []
    connection, credential = connect(
        SYSTEMS[system], {"system": system, **params}, environ or {}, warnings.append, secrets.append
    )
    return Made(connection, credential, warnings, secrets)


def simplest(system: str, **changes: t.Any) -> Made:
    return make(system, {**SIMPLEST[system], **changes})


def without_address(system: str) -> dict[str, t.Any]:
    return {name: value for name, value in SIMPLEST[system].items() if name not in ("url", "region")}


def refusal(system: str, params: t.Mapping[str, t.Any], environ: t.Mapping[str, str] | None = None) -> str:
    with pytest.raises(Misconfigured) as caught:
        make(system, params, environ)
    return str(caught.value)


# -- what is missing ----------------------------------------------------------------------------------------------


def test_table_when_a_system_is_added_then_it_is_in_these_tests() -> None:
    assert set(SIMPLEST) == set(EVERY)
    assert {name for name in EVERY if "access_token" in SIMPLEST[name]} == {
        name for name, options in LOGINS if options == ("access_token",)
    }


@pytest.mark.parametrize("system", EVERY)
def test_options_when_just_enough_then_accepted_without_a_word(system: str) -> None:
    made = simplest(system)
    assert made.warnings == []
    assert set(made.connection.options) == set(CONNECTION)


@pytest.mark.parametrize(
    ("system", "login", "left_out"),
    [
        pytest.param(name, options, left_out, id=f"{name}-{'+'.join(options)}-no-{left_out}")
        for name, options in LOGINS
        for left_out in dict.fromkeys((*options, *SYSTEMS[name].REQUIRED))
    ],
)
@pytest.mark.parametrize("source", ["options", "environment"])
def test_option_when_missing_then_named_with_its_system_and_its_variable(
    source: str, system: str, login: tuple[str, ...], left_out: str
) -> None:
    names = {*login, *SYSTEMS[system].REQUIRED, *({"url"} - {left_out})} - {left_out}
    given = {name: VALUES[name] for name in names}
    if source == "environment":
        text = refusal(system, {}, {f"BACKUP_{system}_{name}".upper(): value for name, value in given.items()})
    else:
        text = refusal(system, {**given, left_out: None})
    assert left_out in text
    assert system in text
    assert f"BACKUP_{system}_{left_out}".upper() in text
    assert not any(VALUES[name] in text for name in names)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"client_id": "app"}, "client_secret"),
        ({"client_secret": "s"}, "client_id"),
        ({"client_id": "app", "client_private_key": "/k"}, "client_certificate"),
        ({"client_certificate": "/c"}, "client_id, client_private_key"),
    ],
)
def test_login_when_begun_then_what_it_lacks_is_asked_for(given: dict[str, str], named: str) -> None:
    text = refusal("avepoint_iaas_paas", {"region": "us", **given})
    assert text.startswith(f"{named} is required for avepoint_iaas_paas: ")


@pytest.mark.parametrize("system", EVERY)
def test_login_when_none_is_begun_then_every_way_is_shown(system: str) -> None:
    names = {name for login in SYSTEMS[system].LOGINS for name in login.options}
    given = {name: value for name, value in SIMPLEST[system].items() if name not in names}
    text = refusal(system, given)
    assert text.startswith(f"{system} needs a login: ")
    for login in SYSTEMS[system].LOGINS:
        assert " + ".join(login.options) in text


@pytest.mark.parametrize("empty", [None, ""])
def test_option_when_empty_then_as_if_it_were_not_there(empty: str | None) -> None:
    assert "access_token" in refusal("veeam_vspc", {"url": URL, "access_token": empty})
    made = make("veeam_vspc", {"url": URL, "access_token": empty}, {"BACKUP_VEEAM_VSPC_ACCESS_TOKEN": "ready"})
    assert made.connection["access_token"] == "ready"


def test_login_when_several_are_complete_then_the_one_that_can_be_renewed() -> None:
    assert isinstance(simplest("veeam_vspc", username="u", password="p").credential, Grant)
    assert isinstance(simplest("netapp_bluexp", refresh_token="r").credential, RefreshGrant)


def test_refresh_token_file_when_given_by_itself_then_it_is_enough(tmp_path: Path) -> None:
    (tmp_path / "refresh").write_text("r1\n")
    made = make("veeam_vspc", {"url": URL, "refresh_token_file": str(tmp_path / "refresh")})
    assert made.credential.body() == {"grant_type": "refresh_token", "refresh_token": "r1"}
    assert made.secrets == ["r1"]
    assert made.warnings == []


# -- the environment ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("system", EVERY)
def test_environment_when_it_holds_everything_then_it_is_enough(system: str) -> None:
    environ = {f"BACKUP_{system}_{name}".upper(): str(value) for name, value in SIMPLEST[system].items()}
    made = make(system, {name: None for name in CONNECTION if name != "system"}, environ)
    for name, value in SIMPLEST[system].items():
        assert made.connection[name] == value
    assert made.warnings == []


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("connection_id", "7", 7),
        ("connection_id", " 7 ", 7),
        ("validate_certs", "false", False),
        ("validate_certs", "no", False),
        ("validate_certs", "0", False),
        ("validate_certs", "True", True),
        ("request_timeout", "2.5", 2.5),
        ("unreachable_timeout", "60", 60.0),
        ("unreachable_timeout", "0", 0.0),
        ("ca_path", "$HOME/ca.pem", "/ca.pem"),
        ("token_url", "https://login.example/t", "https://login.example/t"),
    ],
)
def test_environment_when_read_then_of_the_options_own_type(
    option: str, text: str, value: t.Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copy(certifi.where(), tmp_path / "ca.pem")
    params = {name: given for name, given in SIMPLEST["flosum"].items() if name != option}
    read = make("flosum", params, {f"BACKUP_FLOSUM_{option.upper()}": text}).connection[option]
    expected = str(tmp_path) + value if option == "ca_path" else value
    assert (read, type(read)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("option", "text", "kind"),
    [
        ("connection_id", "seven", "int"),
        ("connection_id", "7.5", "int"),
        ("validate_certs", "maybe", "bool"),
        ("request_timeout", "soon", "float"),
        ("unreachable_timeout", "5m", "float"),
    ],
)
def test_environment_when_of_the_wrong_type_then_the_variable_is_named(option: str, text: str, kind: str) -> None:
    params = {name: given for name, given in SIMPLEST["flosum"].items() if name != option}
    name = f"BACKUP_FLOSUM_{option.upper()}"
    said = refusal("flosum", params, {name: text})
    assert said == f"{option} of flosum ({name} in the environment) is not a valid {kind}"


@pytest.mark.parametrize("system", EVERY)
def test_environment_when_an_option_is_given_then_the_option_wins(system: str) -> None:
    environ = {f"BACKUP_{system}_{name}".upper(): "from-the-environment" for name in SIMPLEST[system]}
    made = make(system, SIMPLEST[system], environ)
    for name, value in SIMPLEST[system].items():
        assert made.connection[name] == value


def test_environment_when_false_is_given_then_it_is_not_taken_for_missing() -> None:
    made = make(
        "veeam_vspc", {**SIMPLEST["veeam_vspc"], "validate_certs": False}, {"BACKUP_VEEAM_VSPC_VALIDATE_CERTS": "true"}
    )
    assert made.connection["validate_certs"] is False


def test_environment_when_it_is_another_systems_then_not_looked_at() -> None:
    assert "veeam_vspc needs a login" in refusal("veeam_vspc", {"url": URL}, {"BACKUP_FLOSUM_ACCESS_TOKEN": "ready"})


def test_environment_when_it_holds_what_the_system_does_not_use_then_silently_ignored() -> None:
    made = make("rclone", SIMPLEST["rclone"], {"BACKUP_RCLONE_CONNECTION_ID": "no number", "BACKUP_RCLONE_SCOPE": "x"})
    assert made.connection["connection_id"] is None
    assert made.connection["scope"] is None
    assert made.warnings == []


@pytest.mark.parametrize("source", ["options", "environment"])
def test_secrets_when_used_then_told_wherever_they_come_from(source: str) -> None:
    given = {"client_id": "app", "client_secret": "hunter2", "access_token": "ready"}
    environ = {f"BACKUP_AVEPOINT_IAAS_PAAS_{name.upper()}": value for name, value in given.items()}
    options = {"region": "us"}
    made = (
        make("avepoint_iaas_paas", {**options, **given})
        if source == "options"
        else make("avepoint_iaas_paas", options, environ)
    )
    assert sorted(made.secrets) == ["hunter2", "ready"]


# -- contradictions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"url": URL}, {"region": "us"}),
        ({"client_secret": "s"}, {"client_certificate": "/c", "client_private_key": "/k"}),
    ],
)
def test_contradiction_when_both_from_one_place_then_refused_by_name(
    one: dict[str, str], other: dict[str, str]
) -> None:
    system = "avepoint_salesforce"
    given = {
        **without_address(system),
        "client_id": "app",
        **({"region": "us"} if "url" not in one else {}),
        **one,
        **other,
    }
    for text in (
        refusal(system, given),
        refusal(system, {}, {f"BACKUP_{system}_{name}".upper(): value for name, value in given.items()}),
    ):
        for name in (*one, next(iter(other))):
            assert name in text
            assert f"BACKUP_{system}_{name}".upper() in text
        assert "contradict each other" in text


@pytest.mark.parametrize(
    ("given", "in_environment"),
    [
        ({"url": URL, "access_token": "ready"}, {"region": "us"}),
        ({"region": "de", "access_token": "ready"}, {"url": URL}),
        ({"region": "de", "client_id": "app", "client_secret": "s"}, {"client_certificate": "/c"}),
    ],
)
def test_contradiction_when_one_is_given_then_the_environments_rival_is_left_out(
    given: dict[str, str], in_environment: dict[str, str]
) -> None:
    environ = {f"BACKUP_AVEPOINT_SALESFORCE_{name.upper()}": value for name, value in in_environment.items()}
    made = make("avepoint_salesforce", given, environ)
    for name in in_environment:
        assert made.connection[name] is None
    assert made.connection.url == given.get("url", "https://graph-de.avepointonlineservices.com")


@pytest.mark.parametrize("system", [name for name in EVERY if SYSTEMS[name].REGIONS])
def test_region_when_unknown_then_the_known_ones_are_listed(system: str) -> None:
    text = refusal(system, {**without_address(system), "region": "mars"})
    assert f"region 'mars' does not exist for {system} (BACKUP_{system.upper()}_REGION in the environment)" in text
    assert text.endswith(f"one of {', '.join(SYSTEMS[system].REGIONS)}")


@pytest.mark.parametrize("system", [name for name in EVERY if not SYSTEMS[name].REGIONS])
def test_region_when_the_system_has_none_then_url_is_asked_for(system: str) -> None:
    text = refusal(system, {**without_address(system), "region": "us"})
    assert text.startswith(f"region 'us' does not exist for {system} (BACKUP_{system.upper()}_REGION ")
    assert text.endswith("as this system has no regions: it is not used: give url instead")
    # Beside a url that is good, url is not what is wrong.
    text = refusal(system, {**without_address(system), "url": URL, "region": "us"})
    assert text.endswith("as this system has no regions: leave it out")


def test_warning_when_an_option_means_nothing_to_the_system_then_named() -> None:
    for system, name, value in (
        ("rclone", "client_id", "app"),
        ("rclone", "collect", True),
        ("rclone", "refresh_token_file", "/nowhere"),
        ("veeam_vspc", "connection_id", 7),
        ("flosum", "api_version", "3.6"),
        ("flosum", "username", "u"),
        ("avepoint_salesforce", "agent_id", "a"),
        ("avepoint_iaas_paas", "organization_id", "o"),
        ("avepoint_iaas_paas", "refresh_token_file", "/nowhere"),
        ("netapp_bluexp", "scope", "s"),
    ):
        assert simplest(system, **{name: value}).warnings == [f"{name} means nothing to {system} and is not used"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("request_timeout", 0.0),
        ("request_timeout", -1.0),
        ("request_timeout", float("nan")),
        ("request_timeout", float("inf")),
        ("unreachable_timeout", -1.0),
        ("unreachable_timeout", 1e9),
    ],
)
def test_seconds_when_absurd_then_refused(name: str, value: float) -> None:
    with pytest.raises(Misconfigured, match=f"^{name} has to be "):
        simplest("rclone", **{name: value})


def test_defaults_when_nothing_is_said_then_safe() -> None:
    made = simplest("rclone", unreachable_timeout=0.0)
    assert made.connection["validate_certs"] is True
    assert made.connection["request_timeout"] == 30.0
    assert made.connection["unreachable_timeout"] == 0.0
    assert simplest("rclone").connection["unreachable_timeout"] == 300.0


def test_ca_path_when_it_does_not_exist_then_refused_unless_nothing_is_validated() -> None:
    with pytest.raises(Misconfigured, match=r"^ca_path /nowhere/ca\.pem does not exist \(.*BACKUP_RCLONE_CA_PATH\)$"):
        simplest("rclone", ca_path="/nowhere/ca.pem")
    simplest("rclone", ca_path="/nowhere/ca.pem", validate_certs=False)


def test_ca_path_when_it_holds_no_certificate_then_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate\n")
    with pytest.raises(Misconfigured, match=r"ca\.pem is not a readable PEM file or folder of certificates \("):
        simplest("rclone", ca_path=str(tmp_path / "ca.pem"))
    # A folder holds certificates under their hashes: what is in it, TLS finds out.
    simplest("rclone", ca_path=str(tmp_path))


@pytest.mark.parametrize("agent", ["agent\nx-evil: 1", "agent one", "Agent\u00e9"])
def test_agent_when_no_header_can_carry_it_then_refused(agent: str) -> None:
    with pytest.raises(Misconfigured, match=r"^agent_id holds a (blank|line break)"):
        simplest("netapp_bluexp", agent_id=agent)


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "[::1", "b\u00fccher..example"])
def test_url_when_no_name_server_can_be_asked_for_the_host_then_refused(host: str) -> None:
    with pytest.raises(Misconfigured, match="is not a valid address"):
        simplest("rclone", url=f"https://{host}:5572")


def test_rclone_when_given_what_it_cannot_use_then_warned() -> None:
    made = simplest("rclone", access_token="t", token_url="https://login.example/t")
    assert made.warnings == [
        "access_token means nothing to rclone and is not used",
        "token_url means nothing to rclone and is not used",
    ]


# -- addresses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "system", [name for name in EVERY if SYSTEMS[name].REGIONS and SYSTEMS[name].DEFAULT_ADDRESS is None]
)
def test_address_when_neither_region_nor_url_then_both_are_named(system: str) -> None:
    text = refusal(system, without_address(system))
    upper = system.upper()
    for word in ("region or url", system, f"BACKUP_{upper}_REGION", f"BACKUP_{upper}_URL"):
        assert word in text


@pytest.mark.parametrize(
    ("system", "region", "url", "token_url"),
    [(system, *address) for system in EVERY for address in KNOWN[system].addresses],
)
def test_address_when_from_a_region_then_as_the_vendor_documents_it(
    system: str, region: str | None, url: str, token_url: str
) -> None:
    connection = simplest(system, region=region).connection
    assert (connection.url, connection.token_url) == (url, token_url)


@pytest.mark.parametrize("system", EVERY)
@pytest.mark.parametrize(
    "before", ["https://backup.example:1280", "https://proxy.example/team/backup", "https://[::1]:8"]
)
@pytest.mark.parametrize("after", ["", "/", "{path}", "{path}/", " "])
def test_url_when_pasted_with_the_apis_path_then_cut(system: str, before: str, after: str) -> None:
    for path in KNOWN[system].pasted:
        params = {**without_address(system), "url": before + after.format(path=path)}
        connection = make(system, params).connection
        assert connection.url == before
        assert connection.token_url == before + SYSTEMS[system].TOKEN_PATH


@pytest.mark.parametrize("system", EVERY)
@pytest.mark.parametrize(
    "after", ["{root}s", "{root}/anything", "{root}/anything/below", "/x{root}y", "{root}-2", "/rclone"]
)
def test_url_when_a_reverse_proxys_prefix_holds_the_apis_path_then_kept(system: str, after: str) -> None:
    prefix = f"https://proxy.example{after.format(root=SYSTEMS[system].API_ROOT)}"
    for pasted in ("", *KNOWN[system].pasted):
        assert make(system, {**without_address(system), "url": prefix + pasted}).connection.url == prefix


@pytest.mark.parametrize("system", EVERY)
@pytest.mark.parametrize("before", ["https://proxy.example", "https://proxy.example/backup"])
def test_url_when_a_root_of_one_segment_may_be_a_prefix_then_kept(system: str, before: str) -> None:
    """Of rclone's own calls, and of a proxy that puts it below /job, the path begins alike."""
    root = SYSTEMS[system].API_ROOT
    kept = f"{before}{root}" if root.count("/") == 1 else before
    assert make(system, {**without_address(system), "url": before + root}).connection.url == kept


@pytest.mark.parametrize("system", EVERY)
def test_url_when_its_host_is_called_like_the_apis_path_then_kept(system: str) -> None:
    root = SYSTEMS[system].API_ROOT
    url = f"https:/{root}"
    assert make(system, {**without_address(system), "url": url}).connection.url == url
    for path in KNOWN[system].pasted:
        pasted = f"{url}x{path}"
        assert make(system, {**without_address(system), "url": pasted}).connection.url == f"{url}x"
    other = f"https://backup.example{root}s"
    assert make(system, {**without_address(system), "url": other}).connection.url == other


@pytest.mark.parametrize(
    ("url", "token_url", "good"),
    [
        ("https://backup.example", "http://login.example/t", False),
        ("http://127.0.0.1:8080", "http://login.example/t", False),
        ("https://backup.example", "http://localhost.example/t", False),
        ("http://backup.example", "http://login.example/t", True),
        ("https://backup.example", "http://127.0.0.1:8080/t", True),
        ("http://backup.example", "https://login.example/t", True),
    ],
)
def test_token_url_when_plain_http_then_only_where_the_system_is_too(url: str, token_url: str, good: bool) -> None:
    params = {**without_address("flosum"), "url": url, "token_url": token_url}
    if good:
        assert make("flosum", params).connection.token_url == token_url
    else:
        text = refusal("flosum", params)
        assert text.startswith("token_url of flosum (BACKUP_FLOSUM_TOKEN_URL in the environment) is plain http while")


def test_token_url_when_given_then_used_as_it_is() -> None:
    connection = simplest("flosum", token_url="https://login.example/api/v1/oauth/token/").connection
    assert connection.url == "https://backup-us.flosum.app"
    assert connection.token_url == "https://login.example/api/v1/oauth/token"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://operator:hunter2@backup.example", "holds a user or password"),
        ("https://operator@backup.example", "holds a user or password"),
        ("https://:@backup.example", "holds a user or password"),
        ("https://backup.example?key=hunter2", "has to end before any"),
        ("https://backup.example/#hunter2", "has to end before any"),
        ("backup.example", "has to be an address such as"),
        ("backup.example:1280", "has to be an address such as"),
        ("//backup.example", "has to be an address such as"),
        ("ftp://backup.example", "has to be an address such as"),
        ("file:///etc/passwd", "has to be an address such as"),
        ("https://", "has to be an address such as"),
        ("https://:1280", "has to be an address such as"),
        ("https://backup example", "has to be an address such as"),
        ("https://backup.example:0", "has to be an address such as"),
        ("https://backup.example:99999", "is not a valid address"),
        ("https://backup.example:https", "is not a valid address"),
        ("https://[::1", "is not a valid address"),
        (" ", "has to be an address such as"),
    ],
)
@pytest.mark.parametrize("option", ["url", "token_url"])
def test_url_when_it_is_no_plain_address_then_refused_without_printing_it(option: str, url: str, why: str) -> None:
    params = {**SIMPLEST["veeam_vspc"], option: url}
    text = refusal("veeam_vspc", params)
    assert text.startswith(f"{option} of veeam_vspc (BACKUP_VEEAM_VSPC_{option.upper()} in the environment) {why}")
    assert "hunter2" not in text


@pytest.mark.parametrize("host", ["backup.example", "10.0.0.1", "127.0.0.1.example", "localhost.example", "[fe80::1]"])
@pytest.mark.parametrize("option", ["url", "token_url"])
def test_url_when_plain_http_crosses_the_network_then_warned(option: str, host: str) -> None:
    # Only where the system itself is reached so, its logins may be.
    addresses = {"url": "http://vspc.example:1280", option: f"http://{host}:1280"}
    warning = simplest("veeam_vspc", **addresses).warnings[-1]
    assert f"{option} of veeam_vspc" in warning
    assert "unencrypted" in warning


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_url_when_plain_http_stays_on_this_machine_then_silent(host: str) -> None:
    assert simplest("veeam_vspc", url=f"http://{host}:1280").warnings == []


def test_variable_when_named_then_as_the_contract_says() -> None:
    assert variable(SYSTEMS["veeam_vspc"], "access_token") == "BACKUP_VEEAM_VSPC_ACCESS_TOKEN"


# -- the selection ------------------------------------------------------------------------------------------------


def chosen(system: str, **params: t.Any) -> Selection:
    return select(SYSTEMS[system], params, NOON)


@pytest.mark.parametrize("system", EVERY)
def test_ids_when_they_cannot_be_the_systems_then_refused(system: str) -> None:
    good = KNOWN[system].ids
    assert chosen(system, job_ids=list(good)).job_ids == good
    for job_id in KNOWN[system].not_ids:
        with pytest.raises(Misconfigured, match=f"cannot be the id of a job of {system}: it has to be"):
            chosen(system, job_ids=[*good, job_id])


def test_ids_when_a_uuid_is_spelled_twice_then_one_job() -> None:
    assert chosen("veeam_vspc", job_ids=[UUID.upper(), UUID]).job_ids == (UUID.upper(),)
    # An opaque id may mean two jobs.
    assert chosen("avepoint_iaas_paas", job_ids=["FB1", "fb1"]).job_ids == ("FB1", "fb1")


@pytest.mark.parametrize(
    ("system", "word", "why"),
    [
        ("rclone", "sync/copy", "have no types"),
        ("flosum", "full", "is a word of flosum's own filter and not the type of a job"),
        ("flosum", "Full & Sync", "is a word of flosum's own filter and not the type of a job"),
    ],
)
def test_types_when_no_job_can_wear_them_then_refused(system: str, word: str, why: str) -> None:
    with pytest.raises(Misconfigured, match=why):
        chosen(system, types=[word])


def test_ids_when_given_twice_or_with_blanks_then_each_once_in_their_order() -> None:
    assert chosen("flosum", job_ids=["3", " 1 ", "3\n", "2", 1]).job_ids == ("3", "1", "2")


def test_ids_when_the_list_is_empty_then_nothing_and_not_everything() -> None:
    assert chosen("flosum", job_ids=[]).nothing is True
    assert chosen("flosum", job_ids=None).nothing is False
    assert chosen("flosum").nothing is False
    assert chosen("flosum", job_ids=["1"]).nothing is False


@pytest.mark.parametrize("system", EVERY)
def test_names_when_the_systems_jobs_have_none_then_refused(system: str) -> None:
    if SYSTEMS[system].CAPABILITIES.names:
        assert chosen(system, names=["nightly*"]).names == ("nightly*",)
    else:
        with pytest.raises(Misconfigured, match=f"jobs of {system} have no names: select with"):
            chosen(system, names=["nightly*"])
        assert chosen(system, names=[]).names == ()


def test_names_when_every_system_was_asked_then_both_kinds_were_met() -> None:
    assert {system.CAPABILITIES.names for system in SYSTEMS.values()} == {True, False}


def test_window_when_given_as_ages_or_moments_then_moments() -> None:
    selection = chosen("flosum", started_after="24h", started_before="2026-03-01T12:30:00+01:00")
    assert selection.started_after == NOON - timedelta(hours=24)
    assert selection.started_before == NOON - timedelta(minutes=30)
    assert chosen("flosum", started_after="", started_before=None) == chosen("flosum")


@pytest.mark.parametrize(
    ("after", "before"),
    [("1h", "2h"), ("1h", "1h"), ("2026-03-01T12:00:00Z", "2026-03-01T12:30:00+01:00"), ("0s", "1w")],
)
def test_window_when_it_ends_before_it_begins_then_refused(after: str, before: str) -> None:
    with pytest.raises(Misconfigured, match=r"^started_after has to be earlier than started_before$"):
        chosen("flosum", started_after=after, started_before=before)


@pytest.mark.parametrize("name", ["started_after", "started_before"])
@pytest.mark.parametrize("text", ["yesterday", "2026-03-01T12:00:00", "7 days", "-7d", "9" * 20 + "w"])
def test_window_when_it_cannot_be_read_then_told_what_to_write(name: str, text: str) -> None:
    with pytest.raises(Misconfigured, match=rf"^{name} has to be an ISO 8601 time with its offset .* age such as 90m"):
        chosen("flosum", **{name: text})


@pytest.mark.parametrize("limit", [0, -1])
def test_max_results_when_below_one_then_refused(limit: int) -> None:
    with pytest.raises(Misconfigured, match="max_results has to be 1 or more"):
        chosen("flosum", max_results=limit)


def test_selection_when_all_is_given_then_all_is_kept() -> None:
    selection = chosen(
        "flosum",
        types=["Backup"],
        states=["running"],
        results=["failed"],
        max_results=1,
        names=["a", "b*"],
    )
    assert selection == Selection(
        names=("a", "b*"), types=("Backup",), states=("running",), results=("failed",), max_results=1
    )
