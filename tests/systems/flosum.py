# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flosum Backup & Archive: the "Jobs" page, and the OpenAPI files for Backup and Global Settings."""

from __future__ import annotations

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import AuthLost, Refused

from .known import SECRET, Error, Known, Login, Played, Stop

API = "/api/v1/connections/7"
LISTS = "types=full&types=template&statuses=Aborted&statuses=Completed"
APP = {"client_id": "app", "client_secret": "s&c", "redirect_uri": "https://x/cb?a=1", "refresh_token": "r+1"}

KNOWN = Known(
    words={
        "In Progress": ("running", None),
        "Exception": ("finished", "failed"),
        "Completed": ("finished", "success"),
        "Aborted": ("finished", "canceled"),
    },
    purposes=(
        ({"jobId": 1, "operationType": "Composite Backup"}, "backup", False),
        ({"jobId": 1, "operationType": "Templated Archive"}, "archive", False),
        ({"jobId": 1, "operationType": "Import Backup"}, "other", False),
        ({"jobId": 1, "operationType": "Something new"}, None, False),
        ({"jobId": 1}, None, False),
    ),
    id_field="jobId",
    state_fields=("jobStatus",),
    address={"region": "us"},
    addresses=(
        ("us", "https://backup-us.flosum.app", "https://global-us.flosum.app/api/v1/oauth/token"),
        ("au", "https://backup-au.flosum.app", "https://global-au.flosum.app/api/v1/oauth/token"),
    ),
    required={"connection_id": 7},
    pasted=("/api/v1", "/api/v1/connections", "/api/v1/connections/7/backups"),
    login={"access_token": SECRET},
    logins=(Login(APP, "/api/v1/oauth/token", "form", {"grant_type": "refresh_token", **APP}),),
    ids=("1", "0042"),
    not_ids=("", "a1", "1/2", "-1", "1 2", "\u0661"),
    id_is="a number",
    answers={
        "list": {
            "total": 4,
            "items": [
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
            ],
        },
        "progress": [{"objectName": "Account", "status": "Completed", "backupSuccessCount": 4}],
    },
    calls=((r"/backups$", "list"), (r"/logs/progress$", "progress")),
    rows=("items",),
    no_more={"total": 4, "items": []},
    successes=1,
    played=Played(
        needed=("client_secret", "connection_id", "url"),
        unknown_id="999999",
        wrap=lambda rows, total, before: {"total": total, "items": rows},
        template={
            "jobId": "{n}",
            "name": "Backup {n:06d}",
            "jobStatus": "Completed",
            "startedDate": "@-{n}",
        },
        busy="In Progress",
        done="Completed",
        strange=("Queued",),
        is_error=lambda body, status: (
            body["statusCode"] == status and isinstance(body["message"], list if status == 400 else str)
        ),
        errors=(
            Error(400, {"message": ["page must not be less than 1", "limit must be a number"], "error": "Bad Request",
                        "statusCode": 400},
                  Refused, ("HTTP 400", "page must not be less than 1; limit must be a number")),
            Error(404, {"message": "Connection not found", "error": "Not Found", "statusCode": 404},
                  Refused, ("HTTP 404", "Connection not found")),
            Error(409, {"message": "A job is running", "error": None, "statusCode": 409},
                  Refused, ("HTTP 409", "A job is running")),
            Error(401, {"message": "Unauthorized", "statusCode": 401}, AuthLost, ("HTTP 401", "Unauthorized")),
            Error(403, {"message": "Forbidden resource", "statusCode": 403},
                  AuthLost, ("HTTP 403", "Forbidden resource", "permission")),
        ),
        login_errors=(
            (400, {"message": ["refresh_token must be a string"], "error": "Bad Request", "statusCode": 400},
             "refresh_token must be a string"),
        ),
        wrong_requests=(
            ("GET", f"{API}/backups?page=1&limit=1&types=full&statuses=Aborted", "types must be an array"),
            ("GET", f"{API}/backups?page=0&limit=1&{LISTS}", "page must not"),
            ("GET", f"{API}/backups?limit=1&{LISTS}", "page must not"),
            ("GET", f"{API}/backups?page=1&limit=2001&{LISTS}", "limit must"),
            ("GET", f"{API}/backups?page=1&limit=1&{LISTS}&statuses=Done", "each value in statuses"),
            ("GET", f"{API}/backups?page=1&limit=1&{LISTS}&types[]=full", "types[] should not exist"),
            ("GET", f"{API}/backups?page=1&limit=1&{LISTS}&sortBy=id", "sortBy must be"),
            ("GET", f"{API}/backups?page=1&limit=1&{LISTS}&order=asc", "order must be"),
            ("GET", f"{API}/backups?page=1&limit=1&{LISTS}&search={'x' * 81}", "search must be"),
            ("GET", f"{API}/jobs/4101", "Not Found"),
            ("POST", f"{API}/jobs/4101/abort/backup", "not an operation"),
        ),
        wrong_logins=(
            ({"redirect_uri": None}, "redirect_uri must be a string"),
            ({"grant_type": "client_credentials"}, "grant_type must be one of"),
            ({"client_secret": "guess"}, "client_secret is not"),
            ({"refresh_token": "guess"}, "refresh_token is not valid"),
            ({"scope": "all"}, "property scope should not exist"),
        ),
        stop=Stop("PATCH", f"{API}/jobs/4101/abort/backup"),
    ),
    in_demo=True,
)  # fmt: skip
