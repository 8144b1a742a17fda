# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the jobs of a Veeam Service Provider Console look like: of backup servers, of agents and of Microsoft 365.

A job of a story with a `family` is one of the other two; its fields are those of BackupAgentJob or of Vb365Job.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from flask import Response, request

from .base import ErrorAnswer, Vendor, reply

INFRASTRUCTURE = "/api/v3/infrastructure"
ACTIVE = ("queued", "starting", "running", "stopping", "waitingtape", "waitingrepository")
SERVER_UID = "d6b2c9fd-3ba4-4a6f-8a31-6099ce8af6da"
DEFAULTS: dict[str, Any] = {
    "backupServerUid": SERVER_UID,
    "organizationUid": "c647bff1-7faf-4672-9e31-e37c3a0c2fd0",
    "type": "BackupVm",
    "lastRun": None,
    "lastEndTime": None,
    "lastDuration": None,
    "processingRate": 0,
    "avgDuration": 0,
    "transferredData": 0,
    "bottleneck": "None",
    "isEnabled": True,
    "scheduleType": "Daily",
    "failureMessage": None,
    "targetType": "Local",
    "destination": "Main repository",
    "lastSessionTasks": [],
}
STOP: list[dict[str, Any]] = [
    {"set": {"status": "Stopping"}},
    {"after": 1.0, "set": {"status": "Failed", "lastEndTime": "@now", "failureMessage": "Job was stopped by a user"}},
]
START: list[dict[str, Any]] = [
    {"set": {"status": "Starting"}},
    {"after": 1.0, "set": {"status": "Running", "lastRun": "@now", "lastEndTime": None, "failureMessage": None}},
    {"after": 5.0, "set": {"status": "Success", "lastEndTime": "@now", "lastDuration": 4}},
]


class Family(NamedTuple):
    """Where its list is, what a job of it looks like, which word tells how it is, and what a stop does to it."""

    path: str
    # The path of one job, with the uid of what it runs on.
    one: str
    holder: str
    word: str
    defaults: dict[str, Any]
    enums: tuple[str, ...]
    stop: list[dict[str, Any]]
    start: list[dict[str, Any]]


STOP_365: list[dict[str, Any]] = [
    {"set": {"lastStatus": "Stopping"}},
    {"after": 1.0, "set": {"lastStatus": "Stopped"}},
]
START_365: list[dict[str, Any]] = [
    {"set": {"lastStatus": "Starting"}},
    {"after": 1.0, "set": {"lastStatus": "Running", "lastRun": "@now"}},
    {"after": 5.0, "set": {"lastStatus": "Success"}},
]
FAMILIES = {
    "agents": Family(
        f"{INFRASTRUCTURE}/backupAgents/jobs",
        f"{INFRASTRUCTURE}/backupAgents/<holder>/jobs/<uid>",
        "backupAgentUid",
        "status",
        {
            "originalUid": "bffded0b-7c79-494c-a151-bb200f3fc4f5",
            "backupAgentUid": "861d3b42-f46f-b0c7-4f6f-4e8c507e7b5c",
            "organizationUid": "c647bff1-7faf-4672-9e31-e37c3a0c2fd0",
            "description": "",
            "configUid": "e0e29206-2860-49de-974b-781d6c2fedb2",
            "systemType": "Windows",
            "backupPolicyUid": None,
            "operationMode": "Workstation",
            "destination": "Main repository",
            "restorePoints": 7,
            "lastRun": None,
            "lastEndTime": None,
            "lastDuration": None,
            "nextRun": None,
            "avgDuration": None,
            "backupMode": "EntireComputer",
            "targetType": "BackupRepository",
            "isEnabled": True,
            "scheduleType": "Daily",
            "failureMessage": None,
        },
        ("status", "systemType", "operationMode", "backupMode", "targetType", "scheduleType"),
        [
            {"set": {"status": "Stopping"}},
            {"after": 1.0, "set": {"status": "Failed", "lastEndTime": "@now", "failureMessage": "Canceled by user"}},
        ],
        START,
    ),
    "microsoft_365": Family(
        f"{INFRASTRUCTURE}/vb365Servers/organizations/jobs",
        f"{INFRASTRUCTURE}/vb365Servers/<holder>/organizations/jobs/<uid>",
        "vb365ServerUid",
        "lastStatus",
        {
            "jobType": "BackupJob",
            "repositoryUid": "d19737f6-b75b-4444-a119-59ff8b551c15",
            "repositoryName": "Default Backup Repository",
            "vb365OrganizationUid": "78425f4f-8fa4-4d40-a628-9d4860f42655",
            "vspcOrganizationUid": "26c242e5-bf80-4ccf-a38d-eea677b97bd3",
            "vspcOrganizationName": "My Company",
            "vb365ServerUid": "75340270-4644-4855-986d-80e8c5d9775c",
            "vb365ServerName": "VB4",
            "managementAgentUid": "ed88dc97-c289-4925-8a44-69c279dbb485",
            "lastRun": None,
            "nextRun": None,
            "isEnabled": True,
            "isCopyJobAvailable": False,
            "lastStatus": None,
            "lastStatusDetails": "",
        },
        ("jobType", "lastStatus"),
        STOP_365,
        START_365,
    ),
}


class OtherFamilies(Vendor):
    """The lists of these jobs, and what can be ordered of one."""

    def enter(self, *, writes: bool = False, body: bool = False) -> None:
        """Demand the version, a token that is good enough, and no body where there is none."""
        raise NotImplementedError

    def uid(self, text: str) -> str:
        """Refuse what is no UID."""
        raise NotImplementedError

    def others(self) -> Iterator[tuple[str, str, Callable[..., Response]]]:
        """Give method, path and handler of each operation."""
        for name, family in FAMILIES.items():
            yield "GET", family.path, self._list(name)
            for verb in ("start", "stop", *(("enable", "disable") if name == "microsoft_365" else ())):
                yield "POST", f"{family.one}/{verb}", self._order(name, family, verb)
        agents = FAMILIES["agents"]
        yield "PATCH", agents.one.replace("/backupAgents/", "/backupAgents/windows/"), self._change(agents)

    def _list(self, name: str) -> Callable[..., Response]:
        def handler() -> Response:
            self.enter()
            query = self.query(("limit", "offset"))
            limit = min(self.whole(query, "limit", 100, 1, 500), self.page_cap or 500)
            offset = 0 if self.dialect["ignore_offset"] else self.whole(query, "offset", 0, 0)
            jobs = self.book.select(name, lambda state: state.get("family") == name)
            page = jobs[offset : offset + limit]
            paging = json.dumps({"pagingInfo": {"total": len(jobs), "count": len(page), "offset": offset}})
            return reply(f'{{"meta":{paging},"data":{self.book.serve_all(page)}}}')

        return handler

    def _one(self, name: str, family: Family, holder: str, uid: str) -> tuple[Any, dict[str, Any]]:
        job = self.book.find("instanceUid", self.uid(uid))
        shown = None if job is None or job.spec.get("family") != name else self.render(self.book.state(job) or {})
        if job is None or shown is None or shown[family.holder] != self.uid(holder):
            raise ErrorAnswer(404, self.error(404, f"Job with UID {uid} is not found."))
        return job, shown

    def _order(self, name: str, family: Family, verb: str) -> Callable[..., Response]:
        def handler(holder: str, uid: str) -> Response:
            self.enter(writes=True)
            self.query(())
            job, shown = self._one(name, family, holder, uid)
            runs = str(shown[family.word]).lower() in ACTIVE
            if verb in ("enable", "disable"):
                self.book.set(job, {"isEnabled": verb == "enable"})
            elif runs != (verb == "stop"):
                raise ErrorAnswer(400, self.error(400, f"The job is {'' if runs else 'not '}running."))
            else:
                self.book.order(job, "on_abort" if runs else "on_start", family.stop if runs else family.start)
            return reply({"data": {}, "meta": None, "errors": None})

        return handler

    def _change(self, family: Family) -> Callable[..., Response]:
        def handler(holder: str, uid: str) -> Response:
            self.enter(writes=True, body=True)
            self.query(())
            job, shown = self._one("agents", family, holder, uid)
            if shown["systemType"] != "Windows":
                raise ErrorAnswer(404, self.error(404, f"Job with UID {uid} is not found."))
            self.book.set(job, {"isEnabled": self.wanted_on()})
            return reply({"data": {}, "meta": None, "errors": None})

        return handler

    def wanted_on(self) -> bool:
        """Read a JSON Patch of the one field that can be changed."""
        patch: Any = request.get_json(silent=True)
        fields = {"op": "replace", "path": "/isEnabled"}
        for one in patch if isinstance(patch, list) and patch else [None]:
            if not isinstance(one, dict) or {**one, **fields} != one or set(one) != {*fields, "value"}:
                raise self.refuse(400, f"the body must be a JSON Patch of what can be changed, not {patch!r}")
            if not isinstance(one["value"], bool):
                raise self.refuse(400, f"isEnabled in the body is true or false, not {one['value']!r}")
        return bool(patch[-1]["value"])
