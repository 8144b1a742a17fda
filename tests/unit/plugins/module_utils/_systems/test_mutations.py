# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real answers, damaged in 3,000 ways for each system: never a traceback, never an end that the answer does not tell.

What the vendors' words mean is written down here once more, apart from the code.
"""

from __future__ import annotations

import json
import random
import re
import typing as t
from urllib.parse import urlsplit

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import BackupError, Refused
from ansible_collections.changeops.backup.plugins.module_utils._core.times import Clock
from ansible_collections.changeops.backup.plugins.module_utils._http.call import Call
from ansible_collections.changeops.backup.plugins.module_utils._http.response import Response
from ansible_collections.changeops.backup.plugins.module_utils._systems.connection import Connection
from ansible_collections.changeops.backup.plugins.module_utils._systems.listing import Listing
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from ansible_collections.changeops.backup.plugins.module_utils._systems.selection import Selection

MUTATIONS = 3000
Raw = dict[str, t.Any]

VSPC_JOB = "bc04d2e5-dd4c-4f85-af0e-424106a32a7"
VEEAM: list[Raw] = [
    {
        "instanceUid": f"{VSPC_JOB}{number}",
        "name": f"Backup Job {number}",
        "backupServerUid": "d6b2c9fd-3ba4-4a6f-8a31-6099ce8af6da",
        "status": status,
        "type": "backupVm",
        "lastRun": "2019-02-20T10:45:52.3600000+00:00",
        "lastEndTime": "2019-02-20T11:05:01.3500000+00:00",
        "lastDuration": 1148,
        "avgDuration": 1100,
        "isEnabled": True,
        "failureMessage": None,
        "lastSessionTasks": [{"objectName": "vm1", "status": "Success", "failureMessages": ["a", "b"]}],
    }
    for number, status in enumerate(("success", "Running", "Failed", "None"))
]
FLOSUM: list[Raw] = [
    {
        "id": 9000 + number,
        "name": "Nightly",
        "jobId": 4100 + number,
        "jobStatus": status,
        "startedDate": "2026-05-20T09:00:43.285Z",
        "duration": "00:31:40",
        "size": 1024,
        "records": 30,
        "operationType": "Composite Backup",
    }
    for number, status in enumerate(("Completed", "In Progress", "Exception", "Aborted"))
]
SALESFORCE: list[Raw] = [
    {
        "type": 2,
        "jobId": f"AI2024101510531232758{number}",
        "startTime": "2024-12-02T07:52:25Z",
        "finishTime": "2024-12-02T07:53:04Z",
        ("state" if number % 2 else "status"): status,
        "successfulObjects": 2,
        "skippedObjects": 0,
        "failedObjects": 0,
        "totalObjects": 2,
    }
    for number, status in enumerate((2, 1, 4, "Finished"))
]
IAAS: list[Raw] = [
    {
        "jobId": "FB20240822160048505",
        "jobType": 1,
        "status": 2,
        "failedCount": 0,
        "successfulCount": 1,
        "skippedCount": 0,
        "totalCount": 1,
        "startTime": "2024-10-27T08:17:06Z",
        "finishTime": "2024-10-27T08:21:07Z",
        "duration": "00:04:01",
        "comments": "Daily",
    },
    {"jobId": "IB1", "jobType": 20009, "status": 1, "startTime": "2024-10-27T08:17:06Z", "finishTime": None},
    {
        "jobId": "IB20240822160048505",
        "state": 2,
        "startTime": 638599392481859693,
        "finishTime": 638599398999332487,
        "duration": 6517472794,
    },
    {"jobId": "IB2", "state": 16, "startTime": 638599392481859693, "finishTime": 0, "duration": 0},
]
NETAPP: list[Raw] = [
    {
        "id": f"0f1c2d3e-0000-4000-8000-00000000000{number}",
        "type": "backup-working-environment",
        "status": status,
        "error": "",
        "time": 1651852160000,
        "data": {
            "multi-volume-backup": {"volume": [{"id": "v1", "status": "SUCCESS"}, {"id": "v2", "status": part}]},
            "restore": {"batch": {"status": "PENDING", "file": {"path": "/a"}}},
        },
    }
    for number, (status, part) in enumerate(
        (("COMPLETED", "SUCCESS"), ("IN_PROGRESS", "SUCCESS"), ("COMPLETED", "FAILED"), ("FAILED", "FAILED"))
    )
]
RCLONE: dict[int, Raw] = {
    number: {
        "id": number,
        "group": f"job/{number}",
        "executeId": "5a6435b0",
        "startTime": "2026-11-22T20:32:59.639905366Z",
        "endTime": end,
        "duration": 3.05,
        "finished": finished,
        "success": success,
        "error": error,
        "output": {},
    }
    for number, finished, success, error, end in (
        (4, True, True, "", "2026-11-22T20:33:02.698476937Z"),
        (6, True, False, "directory not found", "2026-11-22T20:33:02.698476937Z"),
        (25, False, False, "", "0001-01-01T00:00:00Z"),
        (26, True, False, "context canceled", "2026-11-22T20:33:02Z"),
    )
}
STATS = {"bytes": 5, "totalBytes": 10, "eta": 4, "transfers": 1, "errors": 0, "transferring": [{"name": "a"}]}

# System -> answer by name. The names are those that `_name` gives to a call.
ANSWERS: dict[str, dict[str, t.Any]] = {
    "flosum": {
        "list": {"total": 4, "items": FLOSUM},
        "progress": [{"objectName": "Account", "status": "Completed", "backupSuccessCount": 4}],
    },
    "avepoint_salesforce": {
        "list": {
            "statusCode": 200,
            "message": "",
            "data": {"totalCount": 4, "jobs": SALESFORCE, "nextLink": ""},
            "requestId": "0HNEVHLNSPSEJ:00000002",
        }
    },
    "avepoint_iaas_paas": {"list": {"totalCount": 4, "jobs": IAAS, "nextLink": "abc%2Bdef%3D"}},
    "netapp_bluexp": {"list": {"job": NETAPP}, "one": {"job": NETAPP[0]}},
    "veeam_vspc": {
        "list": {"meta": {"pagingInfo": {"total": 4, "count": 4, "offset": 0}}, "data": VEEAM},
        "one": {"data": VEEAM[0]},
        "action": {"data": {"id": VSPC_JOB + "0", "actionName": "Call", "status": "succeed"}},
    },
    "rclone": {
        "job/list": {"executeId": "5a6435b0", "jobids": list(RCLONE), "runningIds": [25]},
        **{f"job/status {number}": status for number, status in RCLONE.items()},
        "core/stats": STATS,
    },
}
NO_MORE = {
    "flosum": {"total": 4, "items": []},
    "avepoint_salesforce": {"statusCode": 200, "data": {"totalCount": 4, "jobs": [], "nextLink": ""}},
    "avepoint_iaas_paas": {"totalCount": 4, "jobs": [], "nextLink": ""},
    "veeam_vspc": {"meta": {"pagingInfo": {"total": 4, "count": 0, "offset": 4}}, "data": []},
}
ONE = {"netapp_bluexp": NETAPP[0]["id"], "veeam_vspc": VSPC_JOB + "0", "rclone": "4"}
SUCCESS = {
    "flosum": {"completed"},
    "avepoint_salesforce": {"2", "finished"},
    "avepoint_iaas_paas": {"2", "successful"},
    "netapp_bluexp": {"completed"},
    "veeam_vspc": {"success"},
}
NOT_ACTIVE = {
    "flosum": {"completed", "exception", "aborted"},
    "avepoint_salesforce": {"2", "3", "4", "6", "7"}
    | {"finished", "finished with exception", "failed", "stopped", "skipped"},
    "avepoint_iaas_paas": {"2", "4", "8", "16", "64", "successful", "skipped", "exception", "failed", "stopped"},
    "netapp_bluexp": {"completed", "failed"},
    "veeam_vspc": {"success", "warning", "failed", "none", "idle"},
}
IDS = {"netapp_bluexp": "id", "rclone": "id", "veeam_vspc": "instanceUid"}

# Written into the JSON text in place of a value.
ODD = [
    "null", "true", "false", "0", "-1", "2", "2.0", "1e308", "1e400", "-0.0", "NaN", "Infinity", "-Infinity",
    "9" * 400, "9" * 5000, '""', '" "', '"None"', '"unknown"', '"Success"', '"Completed"', '"\\ud800"', '"\\u0000"',
    '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59-14:00"', '"2024-13-45T99:99:99Z"', '"99999999.99:99:99"', "[]",
    "{}", "[[]]", '{"a": 1}', '[{"status": "Success"}]', "638599392481859693", '"x' + "y" * 5000 + '"',
    "[" * 100 + "]" * 100, "[" * 900 + "]" * 900, "[" * 940 + "]" * 940, "[" * 100_000 + "]" * 100_000,
]  # fmt: skip
MARK = "@the mark@"


class Line:
    """The transport's place: hands out answers, and notes what it handed out."""

    def __init__(self, system: str, damaged: str, body: bytes, queued: bool) -> None:
        self.clock = Clock()
        self.allow_collect = False
        self.clock.sleep = lambda seconds: None  # type: ignore[method-assign]
        self.given: list[tuple[str, bytes]] = []
        self._system = system
        self._damaged = damaged
        self._body = body
        self._queued = queued

    def read(self, call: Call, parse: t.Callable[[Response], t.Any] = Response.json) -> t.Any:
        """Answer a call."""
        assert len(self.given) < 200, "this listing never ends"
        name = _name(call)
        if name == "list" and any(earlier == name for earlier, _body in self.given) and self._system in NO_MORE:
            body = json.dumps(NO_MORE[self._system]).encode()
        elif name == self._damaged:
            body = self._body
        elif name in ANSWERS[self._system]:
            body = json.dumps(ANSWERS[self._system][name]).encode()
        else:
            body = b'{"error": "job not found", "status": 404}'
            self.given.append((f"no {name}", body))
            response = Response(404, {}, body)
            if not call.answered(response):
                raise Refused("not found", 404)
            return parse(response)
        if self._queued and name in ("list", "one"):
            self._queued = False
            return parse(Response(202, {"Location": f"/api/v3/asyncActions/{VSPC_JOB}0"}, b""))
        self.given.append((name, body))
        return parse(Response(200, {"Content-Type": "application/json"}, body))


def _name(call: Call) -> str:
    path = urlsplit(call.url).path
    if call.method == "POST":
        name = path.lstrip("/")
        return f"{name} {call.json['jobid']}" if name == "job/status" else name
    if path.endswith("/result"):
        return "list"
    if "/asyncActions/" in path:
        return "action"
    if path.endswith("/logs/progress"):
        return "progress"
    return "list" if re.search(r"/(jobs|backups|job)$", path) else "one"


def build(name: str, line: Line) -> t.Any:
    options = {"connection_id": 7, "account_id": "account-1", "agent_id": "agent-1"}
    every = dict.fromkeys(("organization_id", "api_version", "scope"), None)
    connection = Connection("https://backup.example", "", {**every, **options}, lambda text: None, lambda text: None)
    return SYSTEMS[name](connection, line)


def somewhere(value: t.Any, chance: random.Random) -> tuple[t.Any, ...]:
    """Choose a place in an answer, deep ones more often."""
    path: tuple[t.Any, ...] = ()
    while isinstance(value, (dict, list)) and value and (not path or chance.random() < 0.8):
        step = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
        path, value = (*path, step), value[step]
    return path


def damage(value: t.Any, chance: random.Random) -> bytes:
    """Do one to three things to an answer."""
    value = json.loads(json.dumps(value))
    odd: list[str] = []
    for _turn in range(chance.choice((1, 1, 2, 3))):
        path = somewhere(value, chance)
        if not path:
            break
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        how = chance.choice(("missing", "odd", "odd", "odd", "text", "extra", "twice", "swap"))
        if how == "missing":
            del holder[path[-1]]
        elif how == "odd":
            holder[path[-1]] = f"{MARK}{len(odd)}"
            odd.append(chance.choice(ODD))
        elif how == "text":
            holder[path[-1]] = str(holder[path[-1]])
        elif how == "extra" and isinstance(holder, dict):
            holder[chance.choice(("status", "state", "jobs", "id", "more"))] = chance.choice(
                (2, "Success", None, [], {})
            )
        elif how == "twice" and isinstance(holder, list):
            holder.append(json.loads(json.dumps(holder[path[-1]])))
        elif how == "swap":
            taken: t.Any = value
            for step in somewhere(value, chance):
                taken = taken[step]
            holder[path[-1]] = json.loads(json.dumps(taken))
    text = json.dumps(value)
    for number, piece in enumerate(odd):
        text = text.replace(f'"{MARK}{number}"', piece)
    body = text.encode()
    how = chance.choice((*[""] * 30, "cut", "utf-16", "latin-1", "flip", "bom", "html"))
    if how == "cut":
        return body[: chance.randrange(len(body) + 1)]
    if how == "utf-16":
        return text.encode("utf-16")
    if how == "latin-1":
        return text.replace("i", "é").encode("latin-1", "replace")
    if how == "flip":
        spot = chance.randrange(len(body) or 1)
        return body[:spot] + bytes([chance.randrange(256)]) + body[spot + 1 :]
    return {"bom": b"\xef\xbb\xbf" + body, "html": b"<html>502</html>"}.get(how, body)


# -- what the answer says, read a second time ----------------------------------------------------------------------


def rows(system: str, given: list[tuple[str, bytes]]) -> list[t.Any]:
    """Give the jobs in all answers, as they stand there."""
    found: list[t.Any] = []
    for name, body in given:
        try:
            read = json.loads(body)
        except (ValueError, RecursionError):
            continue
        if system == "rclone":
            found += [read] if name.startswith("job/status") and isinstance(read, dict) else []
            continue
        if name not in ("list", "one") or not isinstance(read, dict):
            continue
        inner = read.get("data") if system == "avepoint_salesforce" else read
        key = {"flosum": "items", "netapp_bluexp": "job", "veeam_vspc": "data"}.get(system, "jobs")
        here = inner.get(key) if isinstance(inner, dict) else None
        found += here if isinstance(here, list) else [here] if isinstance(here, dict) else []
    return found


def word(system: str, raw: Raw) -> str:
    names = {"flosum": ("jobStatus",), "netapp_bluexp": ("status",), "veeam_vspc": ("status",)}
    for name in names.get(system, ("status", "state")):
        value = raw.get(name)
        if value is not None:
            if isinstance(value, float) and abs(value) < 1e9 and value.is_integer():
                value = int(value)
            return (
                str(value).strip().casefold() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
            )
    return ""


def says_success(system: str, raw: Raw) -> bool:
    if system == "rclone":
        return raw.get("finished") is True and raw.get("success") is True
    return word(system, raw) in SUCCESS[system]


def says_over(system: str, raw: Raw) -> bool:
    return raw.get("finished") is True if system == "rclone" else word(system, raw) in NOT_ACTIVE[system]


def identity(system: str, raw: t.Any) -> str | None:
    value = raw.get(IDS.get(system, "jobId")) if isinstance(raw, dict) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return (value.strip() or None) if isinstance(value, str) else None


def judge(system: str, listing: Listing, given: list[tuple[str, bytes]], asked: str | None) -> None:
    found = [raw for raw in rows(system, given) if isinstance(raw, dict) or asked is None]
    for job in listing.jobs.values():
        json.dumps(job.to_dict(), allow_nan=False)
        assert str(job)
        # An answer to a question for one job may leave its id out.
        mine = [raw for raw in found if isinstance(raw, dict) and identity(system, raw) in (job.id, None)]
        assert mine, "a job that no answer holds"
        assert job.active or any(says_over(system, raw) for raw in mine), job
        assert job.state == "finished" or job.result is None
        assert job.result != "success" or any(says_success(system, raw) for raw in mine), job
    if asked is None and any(identity(system, raw) is None for raw in found):
        assert not listing.complete, "a job without an id was lost without a word"


@pytest.mark.parametrize("system", sorted(ANSWERS))
def test_a_damaged_answer_is_never_a_traceback_and_never_a_wrong_end(system: str) -> None:
    told = refused = 0
    for number in range(MUTATIONS):
        chance = random.Random(f"{system} {number}")
        answers = ANSWERS[system]
        damaged = chance.choice(["list", *answers] if "list" in answers else list(answers))
        body = damage(answers[damaged], chance)
        line = Line(system, damaged, body, queued=damaged == "action")
        built = build(system, line)
        asked = ONE[system] if damaged == "one" or (system == "rclone" and chance.random() < 0.2) else None
        try:
            listing = built.look(Selection(job_ids=(asked,) if asked else ()))
            if damaged == "progress":
                parts = built.steps(next(iter(listing.jobs.values())))
                json.dumps([part.to_dict() for part in parts], allow_nan=False)
        except BackupError:
            refused += 1
            continue
        except Exception as exc:
            raise AssertionError(f"mutation {number}: {type(exc).__name__} {exc} from {body[:2000]!r}") from exc
        try:
            judge(system, listing, line.given, asked)
        except Exception as exc:
            raise AssertionError(f"mutation {number}: {exc} from {body[:2000]!r}") from exc
        told += 1
    # Else this test would look at nothing.
    assert told > MUTATIONS / 3
    assert refused > 30


@pytest.mark.parametrize("system", sorted(set(ANSWERS) - {"rclone"}))
def test_an_undamaged_answer_is_read_in_full(system: str) -> None:
    line = Line(system, "", b"", queued=system == "veeam_vspc")
    listing = build(system, line).look(Selection())
    judge(system, listing, line.given, None)
    assert listing.complete
    assert len(listing.jobs) == 4
    assert sum(job.result == "success" for job in listing.jobs.values()) == {"avepoint_iaas_paas": 2}.get(
        system, 2 if system == "avepoint_salesforce" else 1
    )


@pytest.mark.parametrize("value", [None, "", " ", True, [], {}, float("nan"), 1.5])
@pytest.mark.parametrize("system", sorted(ANSWERS))
def test_a_job_with_a_broken_id_makes_the_list_incomplete(system: str, value: t.Any) -> None:
    name = "job/status 4" if system == "rclone" else "list"
    answer = ANSWERS[system][name]
    target = next(iter(rows(system, [(name, json.dumps(answer).encode())])))
    broken = {**target, IDS.get(system, "jobId"): value}
    body = json.dumps(answer).replace(json.dumps(target), json.dumps(broken), 1).encode()
    listing = build(system, Line(system, name, body, queued=False)).look(Selection())
    assert not listing.complete
    assert any("may not be complete" in warning for warning in listing.warnings)
    assert len(listing.jobs) == 3
