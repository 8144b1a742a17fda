# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's answers against the vendors' own API descriptions, where those lie beside the project."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

SHARED = Path(os.environ.get("CHANGEOPS_SHARED") or Path(__file__).resolve().parents[4] / "shared")
SPECS = SHARED / "vendors" / "specs"
pytestmark = pytest.mark.skipif(not SPECS.is_dir(), reason="the vendors' API descriptions are not beside the project")
validator = pytest.importorskip("openapi_schema_validator")
jsonschema = pytest.importorskip("jsonschema")

CONNECTION = "/api/v1/connections/{connectionId}"
LIST = f"{CONNECTION}/backups"
JOB = CONNECTION + "/jobs/{id}"
CBS = "/account/{accountId}/providers/cloudmanager_cbs/api/v1/job"


def _resolve(node: Any, root: dict[str, Any]) -> Any:
    if isinstance(node, dict):
        if "$ref" in node:
            target: Any = root
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return _resolve(target, root)
        return {key: _resolve(value, root) for key, value in node.items()}
    return [_resolve(item, root) for item in node] if isinstance(node, list) else node


def _check(spec: str, method: str, path: str, answer: requests.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    root = json.loads((SPECS / spec).read_text(encoding="utf-8"))
    response = root["paths"][path][method]["responses"][str(status)]
    schema = response["schema"] if "swagger" in root else response["content"]["application/json"]["schema"]
    schema = _resolve(schema, root)
    if "items" in (schema.get("allOf") or [{}])[-1].get("properties", {}):
        # PaginatedDto calls its items strings; the operation says what they are
        schema["allOf"][0]["properties"].pop("items")
    validator.OAS30Validator(schema).validate(answer.json())


@pytest.fixture
def flosum(play: Any) -> Any:
    return play("flosum")


def test_flosum_jobs(flosum: Any) -> None:
    assert flosum.jobs()
    _check("flosum-backup.json", "get", LIST, flosum.get(), 200)
    _check("flosum-backup.json", "get", LIST, flosum.get(startedDate="yesterday", foo="1"), 400)
    wrong = flosum.base.replace("/7/", "/8/")
    _check("flosum-backup.json", "get", LIST, flosum.call("GET", wrong, params=flosum.query), 404)


@pytest.mark.parametrize(("method", "path"), [("get", "logs/progress"), ("patch", "abort/backup")])
@pytest.mark.parametrize(("job", "status"), [("4101", 200), ("many", 400), ("1", 404)])
def test_flosum_job(flosum: Any, method: str, path: str, job: str, status: int) -> None:
    answer = flosum.call(method.upper(), f"/api/v1/connections/7/jobs/{job}/{path}")
    _check("flosum-backup.json", method, f"{JOB}/{path}", answer, status)


@pytest.mark.parametrize(("job", "status"), [("x", 400), ("1", 404)])
def test_flosum_log_errors(flosum: Any, job: str, status: int) -> None:
    answer = flosum.call("GET", f"/api/v1/connections/7/jobs/{job}/logs/details")
    _check("flosum-backup.json", "get", f"{JOB}/logs/details", answer, status)


def test_flosum_connections(flosum: Any) -> None:
    call: Callable[..., requests.Response] = flosum.call
    every = "/api/v1/connections"
    _check("flosum-backup.json", "get", every, call("GET", f"{every}?page=1&limit=50"), 200)
    _check("flosum-backup.json", "get", every, call("GET", every), 400)
    for number, status in (("7", 200), ("x", 400), ("8", 404)):
        _check("flosum-backup.json", "get", CONNECTION, call("GET", f"/api/v1/connections/{number}"), status)


@pytest.mark.parametrize("rotate", [True, False, "null"])
def test_flosum_tokens(play: Any, rotate: Any) -> None:
    client = play("flosum", auth={"rotate_refresh_token": rotate}, enter=False)
    _check("flosum-global-settings.json", "post", "/api/v1/oauth/token", client.login(), 200)
    _check("flosum-global-settings.json", "post", "/api/v1/oauth/token", client.login(grant_type="password"), 400)


def test_flosum_server_error(play: Any) -> None:
    client = play("flosum", faults=[{"kind": "login", "do": {"status": 500}}], enter=False)
    _check("flosum-global-settings.json", "post", "/api/v1/oauth/token", client.login(), 500)


@pytest.mark.parametrize("name", ["every_state", "busy_then_done", "busy_seconds"])
def test_netapp_jobs(play: Any, name: str) -> None:
    client = play("netapp_bluexp", name)
    _check("netapp-cbs.json", "get", CBS, client.get(), 200)
    for job in client.jobs():
        _check("netapp-cbs.json", "get", CBS + "/{jobId}", client.get(f"/{job['id']}"), 200)


def test_netapp_errors(play: Any) -> None:
    client = play("netapp_bluexp")
    error = json.loads((SPECS / "netapp-cbs.json").read_text(encoding="utf-8"))["definitions"]["Error"]
    strict = {**error, "required": ["error", "message"], "additionalProperties": False}
    answers = [client.get("/unknown"), client.get(status="DONE"), client.call("GET", "/account/x")]
    del client.session.headers["Authorization"]
    for answer in [*answers, client.get()]:
        assert answer.status_code >= 400
        jsonschema.validate(answer.json(), strict)


def test_every_documented_status_has_a_job(play: Any) -> None:
    root = json.loads((SPECS / "netapp-cbs.json").read_text(encoding="utf-8"))
    job = root["paths"][CBS]["get"]["responses"]["200"]["schema"]["properties"]["job"]["items"]["properties"]
    assert {found["status"] for found in play("netapp_bluexp").jobs()} == set(job["status"]["enum"])
    root = json.loads((SPECS / "flosum-backup.json").read_text(encoding="utf-8"))
    item = root["components"]["schemas"]["FindBackupsResponseDto"]["properties"]
    jobs = play("flosum").jobs()
    assert {found["jobStatus"] for found in jobs} == set(item["jobStatus"]["enum"])
    missing = set(item["operationType"]["enum"]) - {found["operationType"] for found in jobs}
    assert not missing
