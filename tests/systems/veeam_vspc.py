# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam Service Provider Console: the REST API's descriptions from 3.5.1 to 3.7."""

from __future__ import annotations

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import AuthLost, Refused, Unanswered

from .known import URL, USER, UUID, Error, Known, Login, Played, Raw, Stop, Word

API = "/api/v3"
JOBS = f"{API}/infrastructure/backupServers/jobs"
AGENTS = f"{API}/infrastructure/backupAgents/jobs"
MAILS = f"{API}/infrastructure/vb365Servers/organizations/jobs"
# The stories number their jobs by the end of it, and so do the answers.
UID = "bc04d2e5-dd4c-4f85-af0e-424106000006"
ANSWERED = "bc04d2e5-dd4c-4f85-af0e-424106a32a7"
OPERATOR = {"username": "oper@tor", "password": "p w&"}
RENEWED = {"refresh_token": "r+1"}
DATA = [
    {
        "instanceUid": f"{ANSWERED}{number}",
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

# They are in lists of their own, and tell of themselves in nearly the same words.
AGENT = {
    **DATA.pop(),
    "backupAgentUid": "861d3b42-f46f-b0c7-4f6f-4e8c507e7b5c",
    "nextRun": None,
    "operationMode": "Workstation",
}
MAIL = {
    "instanceUid": DATA.pop()["instanceUid"],
    "name": "Mail",
    "jobType": "BackupJob",
    "vb365ServerUid": "75340270-4644-4855-986d-80e8c5d9775c",
    "lastRun": "2019-02-20T10:45:52.3600000+00:00",
    "nextRun": "2019-02-21T10:45:52.3600000+00:00",
    "isEnabled": True,
    "lastStatus": "Failed",
    "lastStatusDetails": "",
}


def page(*jobs: Raw) -> Raw:
    """One page that is the whole list."""
    return {"meta": {"pagingInfo": {"total": len(jobs), "count": len(jobs), "offset": 0}}, "data": list(jobs)}


def word_of(raw: Raw) -> str:
    """Read the word; a job of Microsoft 365 that never ran may have none."""
    if "lastStatus" not in raw:
        word = raw.get("status")
    elif raw["lastStatus"] is None and raw.get("lastRun") is None:
        word = "none"
    else:
        word = raw["lastStatus"]
    return word.strip().casefold() if isinstance(word, str) else ""


def fields_of(word: Word) -> Raw:
    """Spell a word as a job does that can have it."""
    only_365 = word in ("Queued", "Stopped", "NotConfigured", "Disconnected", "Deleting")
    return {"lastStatus": word} if only_365 else {"status": word}


KNOWN = Known(
    words={
        "None": ("idle", None),
        "Idle": ("idle", None),
        "Success": ("finished", "success"),
        "Warning": ("finished", "warning"),
        "Failed": ("finished", "failed"),
        "Running": ("running", None),
        "Starting": ("running", None),
        "Stopping": ("stopping", None),
        "Enabling": ("unknown", None),
        "Disabling": ("unknown", None),
        "WaitingTape": ("running", None),
        "WaitingRepository": ("running", None),
        "Unknown": ("unknown", None),
        # Of jobs of Microsoft 365.
        "Queued": ("queued", None),
        "Stopped": ("idle", None),
        "NotConfigured": ("idle", None),
        "Disconnected": ("unknown", None),
        "Deleting": ("unknown", None),
    },
    purposes=(
        ({"instanceUid": "u", "type": "BackupVm"}, "backup", False),
        ({"instanceUid": "u", "type": "backupVm"}, "backup", False),
        ({"instanceUid": "u", "type": "SqlLogBackup"}, "backup", True),
        ({"instanceUid": "u", "type": "OracleLogBackup"}, "backup", True),
        ({"instanceUid": "u", "type": "PostgreSqlLogBackup"}, "backup", True),
        ({"instanceUid": "u", "type": "CdpReplicationVM"}, "backup", True),
        # Its schedule is continuous; each of its runs ends.
        ({"instanceUid": "u", "type": "BackupCopy", "scheduleType": "Continuously"}, "copy", False),
        ({"instanceUid": "u", "type": "BackupToTape"}, "copy", False),
        ({"instanceUid": "u", "type": "SureBackup"}, "other", False),
        ({"instanceUid": "u", "type": "Unknown"}, None, False),
        ({"instanceUid": "u", "type": "CopyJob"}, "copy", False),
    ),
    id_field="instanceUid",
    state_fields=("status",),
    word_of=word_of,
    fields_of=fields_of,
    address={"url": URL},
    pasted=(API, AGENTS, MAILS, JOBS),
    login=USER,
    logins=(
        Login(OPERATOR, f"{API}/token", "form", {"grant_type": "password", **OPERATOR}),
        Login(RENEWED, f"{API}/token", "form", {"grant_type": "refresh_token", **RENEWED}),
    ),
    ids=(UUID.upper(),),
    not_ids=("", "1", UUID[:-1], UUID + "/stop", f"{{{UUID}}}"),
    id_is="a UUID (the job's instanceUid)",
    answers={
        "list": page(*DATA),
        "agents": page(AGENT),
        "mail": page(MAIL),
        "one": {"data": DATA[0]},
        "action": {"data": {"id": f"{ANSWERED}0", "actionName": "Call", "status": "succeed"}},
    },
    calls=(
        (r"/backupServers/jobs$", "list"),
        (r"/backupAgents/jobs$", "agents"),
        (r"/organizations/jobs$", "mail"),
        (r"/result$", "list"),
        (r"/asyncActions/", "action"),
    ),
    with_jobs=("list", "one", "agents", "mail"),
    rows=("data",),
    no_more={"meta": {"pagingInfo": {"total": 2, "count": 0, "offset": 2}}, "data": []},
    one=f"{ANSWERED}0",
    successes=1,
    queue=f"{API}/asyncActions/{ANSWERED}0",
    played=Played(
        needed=("password", "url"),
        unknown_id="00000000-0000-4000-8000-00000000dead",
        wrap=lambda rows, total, before: {
            "meta": {"pagingInfo": {"total": total, "count": len(rows), "offset": before}},
            "data": rows,
        },
        template={"instanceUid": "00000000-0000-4000-8000-{n:012d}", "name": "VM {n:d}", "status": "Success"},
        busy="Running",
        done="Success",
        strange=("Succeeded", "Paused"),
        is_error=lambda body, status: all({"message", "type", "code"} <= set(error) for error in body["errors"]),
        errors=(
            Error(404, {"errors": [{"message": "Job was not found.", "type": "logical", "code": 404}]}, Refused,
                  ("HTTP 404", "Job was not found.")),
            Error(415, {"errors": [{"message": "Media\r\ntype", "type": "logical", "code": 415}]}, Refused,
                  ("HTTP 415", "Media type")),
            Error(403, {"errors": [{"message": "Access is denied.", "type": "security", "code": 403}]}, AuthLost,
                  ("HTTP 403", "Access is denied.", "permission")),
            Error(520, {"errors": [{"message": "Custom 1001", "type": "unspecified", "code": 1001}]}, Unanswered,
                  ("HTTP 520", "Custom 1001")),
        ),
        login_errors=(
            (400, {"error": "unauthorized_client", "error_description": "MFA is on", "error_uri": None}, "MFA is on"),
        ),
        wrong_requests=(
            ("GET", f"{JOBS}?limit=501", "limit must"),
            ("GET", f"{JOBS}?filter=name", "filter is not JSON"),
            ("GET", f'{JOBS}?filter=[{{"property":"nam","operation":"equals","value":1}}]', "property"),
            ("GET", f'{JOBS}?filter=[{{"property":"name","operation":"is","value":1}}]', "operation"),
            ("GET", f'{JOBS}?select=["name"]', "propertyPath"),
            ("GET", f"{JOBS}/17", "not a valid UID"),
            ("GET", f"{JOBS}/{UID}/stop", "not an operation"),
            ("POST", f"{JOBS}/{UID}/abort", "Not Found"),
            ("GET", f"{AGENTS}?limit=501", "limit must"),
            ("GET", f"{MAILS}?limit=0", "limit must"),
            ("GET", "/api/v2/jobs", "Not Found"),
        ),
        wrong_logins=(
            ({"password": "guess"}, "invalid_grant"),
            ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
            ({"scope": "all"}, "invalid_request"),
        ),
        stop=Stop("POST", f"{JOBS}/{UID}/stop"),
    ),
    in_demo=True,
)  # fmt: skip
