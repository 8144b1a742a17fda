# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AvePoint Cloud Backup for IaaS + PaaS: the Graph API's pages of jobs, of today and of October 2024."""

from __future__ import annotations

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import Refused, Unanswered

from .known import CLIENT, Error, Known, Login, Played

JOBS = "/backup/vm/jobs"
SCOPE = "platformbackup.readwrite.all"
IDENTITY = "https://identity"
APP = {"client_id": "app", "client_secret": "s&c"}

KNOWN = Known(
    words={
        0: ("queued", None),
        1: ("running", None),
        2: ("finished", "success"),
        4: ("finished", "skipped"),
        8: ("finished", "warning"),
        16: ("finished", "failed"),
        32: ("queued", None),
        64: ("finished", "canceled"),
    },
    spellings={"successful": 2, "skipped": 4, "exception": 8, "failed": 16, "stopped": 64},
    purposes=(
        ({"jobId": "J", "jobType": 1}, "backup", False),
        ({"jobId": "J", "jobType": "20009"}, "backup", False),
        ({"jobId": "J", "jobType": 2}, "restore", False),
        ({"jobId": "J", "jobType": 4}, "export", False),
        ({"jobId": "J", "jobType": "ExportCleanUp"}, "other", False),
        ({"jobId": "J", "jobType": 40001}, None, False),
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
    pasted=("/backup/vm", "/backup/vm/jobs"),
    login=CLIENT,
    logins=(
        Login(APP, "/connect/token", "form", {"grant_type": "client_credentials", **APP, "scope": SCOPE}),
        Login({**APP, "scope": "a.b c.d"}, "/connect/token", "form",
              {"grant_type": "client_credentials", **APP, "scope": "a.b c.d"}),
    ),
    ids=("IB20240822160048505", "a b"),
    not_ids=("", " ", "a\nb"),
    id_is="not empty",
    answers={
        "list": {
            "totalCount": 4,
            "jobs": [
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
                {
                    "jobId": "IB1",
                    "jobType": 20009,
                    "status": 1,
                    "startTime": "2024-10-27T08:17:06Z",
                    "finishTime": None,
                },
                {
                    "jobId": "IB20240822160048505",
                    "state": 2,
                    "startTime": 638599392481859693,
                    "finishTime": 638599398999332487,
                    "duration": 6517472794,
                },
                {"jobId": "IB2", "state": 16, "startTime": 638599392481859693, "finishTime": 0, "duration": 0},
            ],
            "nextLink": "abc%2Bdef%3D",
        }
    },
    calls=((r"/jobs$", "list"),),
    rows=("jobs",),
    no_more={"totalCount": 4, "jobs": [], "nextLink": ""},
    one="IB1",
    successes=2,
    played=Played(
        needed=("client_secret", "url"),
        wrap=lambda rows, total, before: {"totalCount": total, "jobs": rows},
        template={"jobId": "IB{n:d}", "status": 2, "startTime": "@-{n}"},
        busy=1,
        done=2,
        strange=(128, 3),
        is_error=lambda body, status: (
            body["statusCode"] == status and set(body) == {"requestId", "date", "statusCode"}
        ),
        errors=(
            Error(400, {"requestId": "r-77", "date": "2024-10-10", "statusCode": 400}, Refused, ("HTTP 400", "r-77")),
            Error(500, {"requestId": "r-78", "date": "2024-10-10", "statusCode": 500}, Unanswered,
                  ("HTTP 500", "r-78")),
        ),
        login_errors=((401, {"error": "invalid_scope", "error_description": "no such scope"}, "no such scope"),),
        wrong_requests=(
            ("GET", f"{JOBS}?jobType=3", "not a documented value"),
            ("GET", f"{JOBS}?serviceType=521", "not a documented value"),
            ("GET", f"{JOBS}?startTime=638527680000000000", "not ISO 8601"),
            ("GET", f"{JOBS}?status=1", "unknown query"),
            ("GET", f"{JOBS}?skiptoken=%2525", "skiptoken is not"),
        ),
        wrong_logins=(
            ({"scope": "PlatformBackup.ReadWrite.All"}, "invalid_scope"),
            ({"client_secret": "guess"}, "invalid_client"),
            ({"client_secret": None}, "invalid_client"),
            ({"grant_type": "password"}, "unsupported_grant_type"),
        ),
        names_key=True,
    ),
    in_demo=True,
)  # fmt: skip
