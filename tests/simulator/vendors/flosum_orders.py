# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Flosum Backup & Archive can be told beside an abort: create a backup, turn schedules off and on."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from .base import ErrorAnswer, Vendor, reply

CONNECTION: dict[str, Any] = {
    "id": 7,
    "externalId": 107,
    "name": "Sales production",
    "userName": "integration@example.com",
    "salesforceOrgType": "PRODUCTION",
}
ERRORS = {400: "Bad Request", 404: "Not Found", 409: "Conflict", 429: "Too Many Requests", 500: "Internal Server Error"}
SETTINGS: dict[str, Any] = {
    "apiQuota": {"rest": 80, "bulk": 80},
    "info": {
        "id": CONNECTION["id"],
        "name": CONNECTION["name"],
        "userName": CONNECTION["userName"],
        "salesforceOrgId": "00D000000000001EAA",
        "salesforceOrgType": "PRODUCTION",
    },
    "scheduler": {"isBackupsDisabled": False, "isArchivesDisabled": False},
    "initialBinaryRecordsLimit": 5000,
}
INCLUDED = (
    "isIncludeMetadata", "isIncludeBinaryObjects", "isIncludeBigObjects", "isIncludeFeedObjects",
    "isIncludeShareObjects", "isIncludeHistoryObjects", "isIncludeCustomMetadataTypeObjects", "isIncludeTagObjects",
)  # fmt: skip


def settings_of(told: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a connection, with what the story says of them."""
    return {**SETTINGS, **told, "scheduler": {**SETTINGS["scheduler"], **told.get("scheduler", {})}}


class FlosumOrders(Vendor):
    """The writes beside the abort."""

    settings: dict[str, Any]

    def _enter(self, connection: str, **path: str) -> None:
        raise NotImplementedError

    def _validate(self, wrong: list[str]) -> None:
        raise NotImplementedError

    def start(self, connection: str) -> Response:
        self._enter(connection)
        self.query(())
        body = self._body(("name", "description", "settings", "mode"))
        included = body["settings"] if isinstance(body["settings"], dict) else {}
        wrong = [f"settings.{name} must be a boolean" for name in INCLUDED if not isinstance(included.get(name), bool)]
        strange = [name for name in included if name not in (*INCLUDED, "templateId")]
        wrong += [f"property settings.{name} should not exist" for name in strange]
        wrong += [f"{name} must be a string" for name in ("name", "description") if not isinstance(body[name], str)]
        if body["mode"] not in ("full", "template"):
            wrong.append("mode must be one of the following values: full, template")
        self._validate(wrong)
        now = self.sim.clock.now()
        if any((self.book.state(job) or {}).get("jobStatus") == "In Progress" for job in self.book.jobs):
            raise ErrorAnswer(409, self.error(409, "Backup job is already running."))
        told = {"appears_after": 0.0, "takes": 5.0, "jobStatus": "Completed", **(self.dialect["backup"] or {})}
        begins, number = now + told["appears_after"], 90_001 + len(self.book.jobs)
        job = {"id": number + 5000, "jobId": number, "name": body["name"], "jobStatus": "In Progress"}
        job |= {"startedDate": f"@{now:+}", "appears": begins}
        job["operationType"] = "Composite Backup" if body["mode"] == "full" else "Templated Backup"
        job["timeline"] = [{"at": begins + told["takes"], "set": {"jobStatus": told["jobStatus"]}}]
        self.book.add(job)
        return reply({"message": "Backup was created."}, 201)

    def read_settings(self, connection: str) -> Response:
        self._enter(connection)
        self.query(())
        return reply(self.settings)

    def write_settings(self, connection: str) -> Response:
        self._enter(connection)
        self.query(())
        body = self._body(("isBackupsDisabled", "isArchivesDisabled", "initialBinaryRecordsLimit"))
        limit = body.pop("initialBinaryRecordsLimit")
        wrong = [f"{name} must be a boolean value" for name in body if not isinstance(body[name], bool)]
        if type(limit) not in (int, float):
            wrong.append("initialBinaryRecordsLimit must be a number")
        self._validate(wrong)
        self.settings |= {"scheduler": body, "initialBinaryRecordsLimit": limit}
        return reply({"message": "The settings were updated."})

    def _body(self, names: tuple[str, ...]) -> dict[str, Any]:
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            raise self.refuse(400, "the body must be a JSON object")
        self._validate([f"property {name} should not exist" for name in body if name not in names])
        self._validate([f"{name} should not be empty" for name in names if name not in body])
        return dict(body)
