# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The words of Veeam's REST API for jobs, and how its answers tell of errors."""

from __future__ import annotations

import typing as t

from .._core.job import UNDOCUMENTED, Kind, Meaning, Part
from .._http.response import Response
from .reading import as_array, as_object, as_text

JOB = "VSPC OpenAPI 3.5.1 to 3.7, BackupServerJob.status"
_365 = "VSPC OpenAPI 3.5.1 to 3.6.2, Vb365Job.lastStatus"
_TASK = "VSPC OpenAPI 3.5.1 to 3.7, BackupServerJobSessionTask.status"
_TASKS: t.Mapping[str, Meaning] = {
    "pending": Meaning("queued", None, _TASK),
    "running": Meaning("running", None, _TASK),
    "success": Meaning("finished", "success", _TASK),
    "warning": Meaning("finished", "warning", _TASK),
    "failed": Meaning("finished", "failed", _TASK),
    "unknown": Meaning("unknown", None, _TASK),
}
# Spelled in lower camel case by version 3.0 and in upper camel case since: compared without regard to case.
STATES: t.Mapping[str, Meaning] = {
    "none": Meaning("idle", None, JOB),
    "idle": Meaning("idle", None, JOB),
    "success": Meaning("finished", "success", JOB),
    "warning": Meaning("finished", "warning", JOB),
    "failed": Meaning("finished", "failed", JOB),
    "running": Meaning("running", None, JOB),
    "starting": Meaning("running", None, JOB),
    "stopping": Meaning("stopping", None, JOB),
    "waitingtape": Meaning("running", None, JOB),
    "waitingrepository": Meaning("running", None, JOB),
    # A change of the schedule; it says nothing about the run, so we cannot tell.
    "enabling": Meaning("unknown", None, JOB),
    "disabling": Meaning("unknown", None, JOB),
    # Also what a newer server sends for a word that the asked-for version does not know.
    "unknown": Meaning("unknown", None, JOB),
    # Of jobs of Microsoft 365, beside those above. Veeam's example shows jobs as stopped that never ran: it is rest.
    "queued": Meaning("queued", None, _365),
    "stopped": Meaning("idle", None, _365),
    "notconfigured": Meaning("idle", None, _365),
    # These say nothing about the run.
    "disconnected": Meaning("unknown", None, _365),
    "deleting": Meaning("unknown", None, _365),
}
# VSPC OpenAPI 3.5.1 to 3.6.1, BackupServerJob.type; the two spellings of an immediate copy are of older versions.
KINDS: t.Mapping[str, Kind] = {
    **dict.fromkeys((
        "backupvm", "replicationvm", "cdpreplicationvm", "sqllogbackup", "oraclelogbackup", "postgresqllogbackup",
        "agentpolicy", "agentbackupjob", "backupfile", "objectstoragebackup", "ahvstoragesnapshotjob",
        "awsbackupjob", "azurebackupjob", "googlebackupjob",
    ), "backup"),
    **dict.fromkeys((
        "copyvm", "copyfile", "filetotape", "backuptotape", "backupcopy", "simplebackupcopy", "backupfilecopy",
        "objectstoragebackupcopy", "immediatelybackupcopy", "immediatebackupcopy",
    ), "copy"),
    # What their lists hold: the jobs of agents have no type, and those of Microsoft 365 these (Vb365Job.jobType).
    "backupagentjob": "backup",
    "backupjob": "backup",
    "copyjob": "copy",
    "surebackup": "other",
    "sobrmaintenance": "other",
}  # fmt: skip
# Veeam documents that these work permanently. A backup copy that is scheduled continuously is not among them: each
# of its runs ends.
CONTINUOUS = frozenset({"cdpreplicationvm", "sqllogbackup", "oraclelogbackup", "postgresqllogbackup"})


def body_of(response: Response) -> dict[str, t.Any]:
    return as_object(response.json_or_none())


def errors_in(body: dict[str, t.Any]) -> list[str]:
    return [as_text(as_object(error).get("message")) or "no message" for error in as_array(body.get("errors"))]


def part_of(task: dict[str, t.Any]) -> Part:
    meaning = _TASKS.get((as_text(task.get("status")) or "").casefold(), UNDOCUMENTED)
    messages = task.get("failureMessages")
    texts = [as_text(message) for message in messages] if isinstance(messages, list) else [as_text(messages)]
    return Part(
        as_text(task.get("objectName")),
        meaning.state,
        meaning.result,
        "; ".join(said for said in texts if said) or None,
    )
