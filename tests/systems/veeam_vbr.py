# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam Backup & Replication: the REST API's descriptions 1.2-rev1 and 1.3-rev2."""

from __future__ import annotations

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import AuthLost, Refused

from .known import USER, UUID, Error, Known, Login, Played, Raw, Stop, Word

SESSIONS = "/api/v1/sessions"
STATES = "/api/v1/jobs/states"
# The stories number their sessions by the end of it, and so do the answers.
STORY = "b1380736-18a9-4fac-adfe-20abc5700002"
OWNER = "31380736-18a9-4fac-adfe-20abc5700002"
ANSWERED = "c924ee2f-1197-4b37-8de3-009c1977f34"
OPERATOR = {"username": "vbr\\operator", "password": "p w&"}
RENEWED = {"refresh_token": "r+1"}


def word_of(raw: Raw) -> str:
    """Read the state, and of a session that has stopped its result, or that it was canceled; of a job its status."""
    if "lastResult" in raw or "objectsCount" in raw:
        status = raw.get("status")
        return f"job {status.strip().casefold()}" if isinstance(status, str) and status.strip() else ""
    state, result = raw.get("state"), raw.get("result")
    if not isinstance(state, str):
        return ""
    word = state.strip().casefold()
    if word != "stopped" or not isinstance(result, dict):
        return word
    if result.get("isCanceled") is True:
        return "stopped iscanceled"
    outcome = result.get("result")
    return f"{word} {outcome.strip().casefold()}".strip() if isinstance(outcome, str) else word


def fields_of(word: Word) -> Raw:
    """Spell a word as a session does."""
    state, _blank, outcome = str(word).partition(" ")
    if state == "job":
        return {"status": outcome, "lastResult": "None", "objectsCount": 1}
    canceled = outcome == "isCanceled"
    result = {"result": "Failed" if canceled else outcome or "None", "message": "", "isCanceled": canceled}
    return {"state": state, "result": result}


KNOWN = Known(
    words={
        "Starting": ("running", None),
        "Working": ("running", None),
        "Pausing": ("running", None),
        "Resuming": ("running", None),
        "WaitingTape": ("running", None),
        "WaitingRepository": ("running", None),
        "WaitingSlot": ("running", None),
        "Idle": ("running", None),
        "Postprocessing": ("running", None),
        "ActionRequired": ("paused", None),
        "Stopping": ("stopping", None),
        "Stopped Success": ("finished", "success"),
        "Stopped Warning": ("finished", "warning"),
        "Stopped Failed": ("finished", "failed"),
        "Stopped isCanceled": ("finished", "canceled"),
        "Stopped None": ("unknown", None),
        "job Running": ("running", None),
        "job Starting": ("running", None),
        "job Stopping": ("stopping", None),
        "job Inactive": ("idle", None),
        "job Disabled": ("idle", None),
        "job Enabled": ("idle", None),
        "job Stopped": ("idle", None),
    },
    purposes=(
        ({"id": "s", "sessionType": "BackupJob"}, "backup", False),
        ({"id": "s", "sessionType": "ReplicaJob"}, "backup", False),
        ({"id": "s", "sessionType": "BackupCopyJob"}, "copy", False),
        ({"id": "s", "sessionType": "ArchiveBackup"}, "archive", False),
        ({"id": "s", "sessionType": "RestoreVm"}, "restore", False),
        ({"id": "s", "sessionType": "ConfigurationBackup"}, "other", False),
        ({"id": "s", "sessionType": "SqlLogBackup"}, "backup", True),
        ({"id": "s", "sessionType": "LogsExport"}, "other", False),
        # The example shows it, and the list of types does not hold it.
        ({"id": "s", "sessionType": "Job"}, None, False),
    ),
    id_field="id",
    state_fields=("state",),
    word_of=word_of,
    fields_of=fields_of,
    address={"url": "https://vbr.example:9419"},
    pasted=("/api/v1", "/api/v1/jobs", "/api/v1/jobs/states", SESSIONS),
    login=USER,
    logins=(
        Login(OPERATOR, "/api/oauth2/token", "form", {"grant_type": "password", **OPERATOR}),
        Login(RENEWED, "/api/oauth2/token", "form", {"grant_type": "refresh_token", **RENEWED}),
    ),
    ids=(UUID.upper(),),
    not_ids=("", "1", UUID[:-1], UUID + "/stop", f"{{{UUID}}}"),
    id_is="a UUID (the id of a session, or of a job)",
    answers={
        "list": {
            "data": [
                {
                    "sessionType": "BackupJob",
                    "id": f"{ANSWERED}{number}",
                    "name": f"Backup Job {number}",
                    "jobId": "c05dfa57-f59a-4e90-8065-b7f5d3276406",
                    "creationTime": "2023-12-04T06:13:34.983+01:00",
                    "endTime": "2023-12-04T06:15:00.617+01:00",
                    "progressPercent": 100,
                    "resourceId": None,
                    "usn": 0,
                    **fields_of(word),
                }
                for number, word in enumerate(("Stopped Success", "Working", "Stopped Failed"))
            ],
            "pagination": {"total": 3, "count": 3, "skip": 0, "limit": 200},
        },
        "states": {
            "data": [
                {
                    "type": "VSphereBackup",
                    "workload": "Vm",
                    "id": "e35ef047-8cfa-4c3e-979e-de2e5399142f",
                    "name": "Linux backup job",
                    "description": "",
                    "nextRun": "2025-07-30T19:00:00+02:00",
                    "highPriority": False,
                    "progressPercent": 100,
                    **fields_of("job Stopped"),
                },
            ],
            "pagination": {"total": 1, "count": 1},
        },
        "one": {
            "sessionType": "BackupJob",
            "id": f"{ANSWERED}0",
            "name": "Backup Job 0",
            "jobId": "c05dfa57-f59a-4e90-8065-b7f5d3276406",
            "creationTime": "2023-12-04T06:13:34.983+01:00",
            "endTime": "2023-12-04T06:15:00.617+01:00",
            "progressPercent": 100,
            "usn": 0,
            **fields_of("Stopped Success"),
        },
    },
    calls=((r"/sessions$", "list"), (r"/jobs/states$", "states")),
    with_jobs=("list", "one", "states"),
    rows=("data",),
    no_more={"data": [], "pagination": {"total": 3, "count": 0, "skip": 3, "limit": 200}},
    one=f"{ANSWERED}0",
    successes=1,
    played=Played(
        needed=("password", "url"),
        unknown_id="00000000-0000-4000-8000-00000000dead",
        wrap=lambda rows, total, before: {
            "data": rows,
            "pagination": {"total": total, "count": len(rows), "skip": before, "limit": 200},
        },
        template={
            "id": "00000000-0000-4000-8000-{n:012d}",
            "name": "Job {n:d}",
            "creationTime": "@-{n}",
            **fields_of("Stopped Success"),
        },
        busy="Working",
        done="Stopped Success",
        strange=("Succeeded", "Stopped Aborted"),
        is_error=lambda body, status: {"errorCode", "message"} <= set(body),
        errors=(
            Error(400, {"errorCode": "UnexpectedContent", "message": "Bad\r\nskip", "resourceId": ""}, Refused,
                  ("HTTP 400", "Bad skip")),
            Error(404, {"errorCode": "NotFound", "message": "Nothing is here.", "resourceId": ""}, Refused,
                  ("HTTP 404", "Nothing is here.")),
            Error(403, {"errorCode": "AccessDenied", "message": "Access is denied.", "resourceId": ""}, AuthLost,
                  ("HTTP 403", "Access is denied.", "permission")),
        ),
        login_errors=(
            (400, {"errorCode": "UnexpectedContent", "message": "No such grant", "resourceId": ""}, "No such grant"),
            (401, {"errorCode": "AccessDenied", "message": "Wrong password", "resourceId": ""}, "Wrong password"),
        ),
        wrong_requests=(
            ("GET", f"{SESSIONS}?limit=0", "limit must"),
            ("GET", f"{SESSIONS}?skip=-1", "skip must"),
            ("GET", f"{SESSIONS}?orderColumn=Id", "orderColumn must"),
            ("GET", f"{SESSIONS}?stateFilter=Running", "stateFilter must"),
            ("GET", f"{SESSIONS}?resultFilter=Good", "resultFilter must"),
            ("GET", f"{SESSIONS}?createdAfterFilter=yesterday", "createdAfterFilter must"),
            ("GET", f"{SESSIONS}/17", "is not valid"),
            ("GET", f"{SESSIONS}/{STORY}/stop", "not an operation"),
            ("POST", f"{SESSIONS}/{STORY}/abort", "Not Found"),
            ("GET", f"{STATES}?limit=0", "limit must"),
            ("GET", f"{STATES}?statusFilter=Idle", "statusFilter must"),
            ("GET", f"{STATES}?idFilter=17", "idFilter must"),
            ("GET", f"{STATES}?resultFilter=None", "unknown query"),
            ("GET", "/api/v2/sessions", "Not Found"),
        ),
        wrong_logins=(
            ({"password": "guess"}, "wrong user name"),
            ({"grant_type": "client_credentials"}, "is not supported"),
            ({"scope": "all"}, "unknown field"),
        ),
        stop=Stop("POST", f"/api/v1/jobs/{OWNER}/stop", {"gracefulStop": True}, 201),
    ),
)  # fmt: skip
