# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AvePoint Cloud Backup for Salesforce: the Graph API's page of jobs, in numbers and inside an envelope."""

from __future__ import annotations

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import Refused, Unanswered

from .known import CLIENT, Error, Known, Login, Played

JOBS = "/backup/sfbapi/jobs"
DAYS = "startTime=2024-01-01&finishTime=2034-01-01"
SCOPE = "salesforce.public.read.all"
IDENTITY = "https://identity"
APP = {"client_id": "app", "client_secret": "s&c"}
FAULT = {"code": "InvalidParameter", "field": "startTime", "message": "The start time is not valid"}
BAD_REQUEST = {
    "statusCode": 400,
    "message": "Bad Request",
    "errors": [FAULT],
    "requestId": "0HNEVHLNSPSEJ:00000002",
    "timestamp": "2025-08-20T03:25:12.304891Z",
    "traceId": "00-f33571c212e19c7bad36b255e18b7df2-97d26a62bd4a5b70-00",
}

KNOWN = Known(
    words={
        1: ("running", None),
        2: ("finished", "success"),
        3: ("finished", "warning"),
        4: ("finished", "failed"),
        5: ("paused", None),
        6: ("finished", "canceled"),
        7: ("finished", "skipped"),
    },
    # A second page of the vendor's writes the names of the numbers, in a field of another name.
    spellings={"finished": 2, "finished with exception": 3, "failed": 4, "stopped": 6, "skipped": 7},
    purposes=(
        ({"jobId": "J", "type": 1}, "backup", False),
        ({"jobId": "J", "type": "On-demand backup"}, "backup", False),
        ({"jobId": "J", "type": 3}, "restore", False),
        ({"jobId": "J", "type": 11}, "export", False),
        ({"jobId": "J", "type": 9}, "other", False),
        # Nothing that could be rolled back to.
        ({"jobId": "J", "type": 20}, "other", False),
        ({"jobId": "J", "type": 99}, None, False),
    ),
    id_field="jobId",
    state_fields=("status", "state"),
    address={"region": "us"},
    addresses=(
        ("ne", "https://graph-ne.avepointonlineservices.com", f"{IDENTITY}.avepointonlineservices.com/connect/token"),
        ("gov", "https://graph-gov.avepointonlineservices.com",
         f"{IDENTITY}-gov.avepointonlineservices.com/connect/token"),
        ("fedramp", "https://graphusgovapi.online15.net", f"{IDENTITY}.online15.net/connect/token"),
    ),
    pasted=("/backup/sfbapi", "/backup/sfbapi/jobs"),
    login=CLIENT,
    logins=(
        Login(APP, "/connect/token", "form", {"grant_type": "client_credentials", **APP, "scope": SCOPE}),
    ),
    ids=("IB20240822160048505", "a/b"),
    not_ids=("", "x" * 257),
    id_is="not empty",
    answers={
        "list": {
            "statusCode": 200,
            "message": "",
            "data": {
                "totalCount": 4,
                "jobs": [
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
                ],
                "nextLink": "",
            },
            "requestId": "0HNEVHLNSPSEJ:00000002",
        }
    },
    calls=((r"/jobs$", "list"),),
    rows=("data", "jobs"),
    no_more={"statusCode": 200, "data": {"totalCount": 4, "jobs": [], "nextLink": ""}},
    successes=2,
    played=Played(
        needed=("client_secret", "url"),
        wrap=lambda rows, total, before: {"data": {"totalCount": total, "jobs": rows}},
        template={"jobId": "AI{n:d}", "status": 2, "startTime": "@-{n}"},
        busy=1,
        done=2,
        strange=(8, "Finalizing"),
        is_error=lambda body, status: (
            body["statusCode"] == status and {"message", "errors", "requestId", "timestamp", "traceId"} <= set(body)
        ),
        errors=(
            Error(400, BAD_REQUEST, Refused,
                  ("HTTP 400", "Bad Request", "The start time is not valid", "InvalidParameter",
                   "0HNEVHLNSPSEJ:00000002")),
            Error(400, {**BAD_REQUEST, "errors": FAULT}, Refused,
                  ("The start time is not valid", "0HNEVHLNSPSEJ:00000002")),
            Error(500, {"traceId": "00-f335", "error": "Store down", "statusCode": 500}, Unanswered,
                  ("HTTP 500", "Store down", "00-f335")),
        ),
        login_errors=((400, {"error": "invalid_client"}, "invalid_client"),),
        wrong_requests=(
            ("GET", JOBS, "startTime is required"),
            ("GET", f"{JOBS}?{DAYS}&startTime=2024-01-01", "given twice"),
            ("GET", f"{JOBS}?{DAYS.replace('-01', '/01')}", "required"),
            ("GET", f"{JOBS}?{DAYS}&status=8", "status must"),
            ("GET", f"{JOBS}?{DAYS}&PageSize=10", "unknown query"),
            ("GET", f"{JOBS}?{DAYS}&pageSize=0", "pageSize must"),
        ),
        wrong_logins=(
            ({"scope": "platformbackup.readwrite.all"}, "invalid_scope"),
            ({"scope": None}, "invalid_scope"),
        ),
        names_key=True,
    ),
    in_demo=True,
)  # fmt: skip
