# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetApp BlueXP backup and recovery: the OpenAPI file of `cloudmanager_cbs`, and the pages on its tokens."""

from __future__ import annotations

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import AuthLost, Refused, Unanswered

from .known import CLIENT, UUID, Error, Known, Login, Played

TOKEN = "/auth/oauth/token"
AUDIENCE = "https://api.cloud.netapp.com"
APP = {"client_id": "app", "client_secret": "s&c"}
JOBS = [
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

KNOWN = Known(
    words={
        "PENDING": ("queued", None),
        "IN_PROGRESS": ("running", None),
        "COMPLETED": ("finished", "success"),
        "FAILED": ("finished", "failed"),
    },
    purposes=(
        ({"id": "j", "type": "backup-working-environment"}, "backup", False),
        ({"id": "j", "type": "restore-something"}, None, False),
        ({"id": "j", "type": "x", "data": {"restore": {"batch": []}}}, "restore", False),
        ({"id": "j", "data": {"multi-volume-backup": {"volume": [{"id": "v"}]}}}, "backup", False),
        ({"id": "j", "data": {"multi-volume-backup": {"a": 1}, "restore": {"a": 1}}}, None, False),
    ),
    id_field="id",
    state_fields=("status",),
    address={},
    addresses=((None, "https://api.bluexp.netapp.com", "https://netapp-cloud-account.auth0.com/oauth/token"),),
    required={"account_id": "account-1", "agent_id": "agent-1"},
    pasted=("/account/a-1/providers/cloudmanager_cbs", "/account/a-1/providers/cloudmanager_cbs/api/v1/job"),
    login=CLIENT,
    logins=(
        Login(APP, TOKEN, "json", {"grant_type": "client_credentials", "audience": AUDIENCE, **APP}),
        Login({"refresh_token": "r+1"}, TOKEN, "json",
              {"grant_type": "refresh_token", "client_id": "Mu0V1ywgYteI6w1MbD15fKfVIUrNXGWC",
               "refresh_token": "r+1"}),
    ),
    ids=(UUID, "job?1"),
    not_ids=("", "\t"),
    id_is="not empty",
    answers={"list": {"job": JOBS}, "one": {"job": JOBS[0]}},
    calls=((r"/job$", "list"),),
    rows=("job",),
    one="0f1c2d3e-0000-4000-8000-000000000000",
    # A job that is completed, and a part of it failed, is none.
    successes=1,
    played=Played(
        needed=("account_id", "agent_id"),
        wrap=lambda rows, total, before: {"job": rows},
        pages=False,
        template={"id": "job-{n:d}", "status": "COMPLETED", "time": "@-{n}"},
        busy="IN_PROGRESS",
        done="COMPLETED",
        strange=("QUEUED", "SUCCESS"),
        is_error=lambda body, status: set(body) == {"error", "message"},
        errors=(
            Error(400, {"error": "cbs/BAD", "message": "The agent is not known"}, Refused,
                  ("HTTP 400", "The agent is not known", "cbs/BAD")),
            Error(401, {"error": "UNAUTHORIZED", "message": "Authentication failed or token expired"}, AuthLost,
                  ("HTTP 401", "Authentication failed or token expired")),
            Error(403, {"error": "FORBIDDEN", "message": "No role in this account"}, AuthLost,
                  ("HTTP 403", "No role in this account", "permission")),
            Error(420, {"error": "SETUP", "message": "The Console is not set up"}, Refused,
                  ("HTTP 420", "The Console is not set up")),
            Error(504, "<html><body>Gateway Timeout</body></html>", Unanswered, ("HTTP 504", "not JSON")),
        ),
        login_errors=(
            (403, {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."},
             "Unknown or invalid refresh token."),
        ),
        wrong_logins=(
            ({"audience": None}, "access_denied"),
            ({"audience": "https://api.bluexp.netapp.com"}, "access_denied"),
            ({"client_secret": "guess"}, "access_denied"),
            ({"scope": "all"}, "invalid_request"),
        ),
    ),
    in_demo=True,
)  # fmt: skip
