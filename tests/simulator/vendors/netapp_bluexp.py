# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetApp BlueXP backup and recovery (`cloudmanager_cbs`): two reads, a backup on demand, and Auth0 for tokens."""

from __future__ import annotations

import secrets
import uuid
from typing import Any, ClassVar

import jwt
from flask import Response, request

from ..auth import ASSERTION_TYPE, TokenError
from .base import AuthRejected, ErrorAnswer, Refusal, Route, Vendor, map_times, reply

BASE = "/account/<account>/providers/cloudmanager_cbs/api/v1/job"
VOLUME = BASE.replace("v1/job", "v3/backup/working-environment/<environment>/volume/<volume>")
USER_CLIENT = "Mu0V1ywgYteI6w1MbD15fKfVIUrNXGWC"
AUDIENCE = "https://api.cloud.netapp.com"
STATUSES = ("PENDING", "IN_PROGRESS", "FAILED", "COMPLETED")
CODES = {400: "BAD_REQUEST", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
GRANTS = {
    "client_credentials": {"client_id", "client_secret", "client_assertion", "client_assertion_type"},
    "refresh_token": {"client_id", "refresh_token"},
}
LISTS = ("job", "volume", "batch", "file")


class NetAppBlueXP(Vendor):
    """No paging, times in milliseconds, success spelled COMPLETED for a job and SUCCESS for its parts."""

    system = "netapp_bluexp"
    token_paths = ("/oauth/token", "/auth/oauth/token")
    ways = ("client_secret", "client_assertion", "refresh_token", "access_token")
    token_body = "json"
    switches: ClassVar[dict[str, tuple[Any, ...]]] = {
        "shape": ("array", "object"),
        "unknown_job": ("404", "empty", "missing"),
        "backup": (None,),
    }

    def __init__(self, sim: Any) -> None:
        super().__init__(sim)
        if "rotate_refresh_token" not in sim.story.auth:
            self.tokens.rotate = "null"  # the documented answer has no new refresh token
        self.credentials = {
            "client_id": secrets.token_hex(16),
            "client_secret": secrets.token_urlsafe(32),
            "refresh_token": self.tokens.issue_refresh(),
            "access_token": self.tokens.issue(),
            "account_id": f"account-{secrets.token_hex(4)}",
            "agent_id": f"{secrets.token_hex(16)}clients",
        }

    def api_routes(self) -> list[Route]:
        return [
            Route("GET", BASE, self.jobs),
            Route("GET", f"{BASE}/<job_id>", self.job),
            Route("POST", VOLUME, self.start),
        ]

    def token_routes(self) -> list[Route]:
        return [Route("POST", path, self.token) for path in self.token_paths]

    def login(self) -> dict[str, Any]:
        names = {"refresh_token": ["refresh_token"], "access_token": ["access_token"]}
        names |= {"client_secret": ["client_id", "client_secret"], "client_assertion": ["client_id"]}
        return {name: self.credentials[name] for name in [*names[self.accept[0]], "account_id", "agent_id"]}

    def token_request(self) -> dict[str, str]:
        client = {name: value for name, value in self.login().items() if name in ("client_id", "client_secret")}
        return {"grant_type": "client_credentials", "audience": AUDIENCE, **client}

    def list_path(self) -> str:
        return BASE.replace("<account>", str(self.credentials["account_id"]))

    def client_headers(self) -> dict[str, str]:
        return {"x-agent-id": self.credentials["agent_id"]}

    def audience(self) -> str:
        return f"{self.sim.token_origin}/"

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"error": CODES.get(status, "ERROR"), "message": message}

    def unauthorized(self, reason: str) -> tuple[int, dict[str, Any]]:
        return 401, self.error(401, "Authentication failed or token expired")

    def render(self, state: dict[str, Any]) -> dict[str, Any]:
        defaults = {"type": "backup-working-environment", "error": ""}
        defaults["working-environment-id"] = f"VsaWorkingEnvironment-{uuid.UUID(int=1).hex[-8:]}"
        job: dict[str, Any] = map_times(defaults | state, lambda at: int(at * 1000))
        if self.dialect["shape"] == "object" and "data" in job:
            job["data"] = _unlist(job["data"])
        return job

    def _enter(self, account: str, body: bool = False) -> None:
        self.bearer()
        if not body:
            self.no_body()
        agent = request.headers.get("x-agent-id")
        if not agent:
            raise self.refuse(400, "the header x-agent-id is required")
        if agent != self.credentials["agent_id"]:
            raise self.refuse(400, "x-agent-id names no known agent")
        if account != self.credentials["account_id"]:
            raise self.refuse(403, "this token has no access to the account")

    def jobs(self, account: str) -> Response:
        self._enter(account)
        query = self.query(("type", "status"))
        kind, status = query.get("type"), query.get("status")
        if status is not None and status not in STATUSES:
            raise self.refuse(400, f"status is one of {', '.join(STATUSES)}, not {status!r}")

        def keep(state: dict[str, Any]) -> bool:
            return kind in (None, state.get("type", "backup-working-environment")) and status in (None, state["status"])

        jobs = self.book.select((kind, status), keep)
        if self.dialect["shape"] == "object" and len(jobs) == 1:
            return reply(f'{{"job":{self.book.serve(jobs[0])}}}')
        return reply(f'{{"job":{self.book.serve_all(jobs)}}}')

    def job(self, account: str, job_id: str) -> Response:
        self._enter(account)
        self.query(())
        job = self.book.find("id", job_id)
        if job is not None:
            text = self.book.serve(job)
            return reply(f'{{"job":{text}}}' if self.dialect["shape"] == "object" else f'{{"job":[{text}]}}')
        if self.dialect["unknown_job"] == "404":
            raise ErrorAnswer(404, self.error(404, "Job not found"))
        return reply({"job": []} if self.dialect["unknown_job"] == "empty" else {})

    def start(self, account: str, environment: str, volume: str) -> Response:
        self._enter(account, body=True)
        self.query(())
        body = request.get_json(silent=True)
        if not isinstance(body, dict) or body.get("mode") != "AD_HOC" or set(body) - {"mode", "backup-policy"}:
            raise self.refuse(400, f"the body says the mode AD_HOC, and not {body!r}")
        now = self.sim.clock.now()
        told = {"takes": 5.0, "status": "COMPLETED", "names": True, **(self.dialect["backup"] or {})}
        job_id = str(uuid.uuid4())
        job: dict[str, Any] = {"id": job_id, "status": "IN_PROGRESS"}
        job |= {"time": f"@{now:+}", "working-environment-id": environment}
        if told["names"]:
            job["data"] = {"multi-volume-backup": {"volume": [{"id": volume, "error": ""}]}}
        self.book.add({**job, "timeline": [{"at": now + told["takes"], "set": {"status": told["status"]}}]})
        return reply({"job-id": job_id}, 202)

    def token(self) -> Response:
        body = request.get_json(silent=True) if request.mimetype == "application/json" else None
        if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
            raise _refused(400, "invalid_request", "the token endpoint takes a JSON object of strings")
        if request.args:
            raise _refused(400, "invalid_request", "token parameters belong in the body, not in the query string")
        grant = body.get("grant_type", "")
        if grant not in GRANTS:
            raise _refused(403, "unsupported_grant_type", f"grant_type is {grant!r}")
        unknown = set(body) - GRANTS[grant] - {"grant_type", "audience"}
        if unknown:
            raise _refused(400, "invalid_request", f"unknown field {min(unknown)!r} for the grant {grant}")
        if body.get("audience", AUDIENCE) != AUDIENCE:
            raise _refused(403, "access_denied", f"audience must be {AUDIENCE}, not {body['audience']!r}")
        if grant == "refresh_token":
            return self._renew(body)
        if "audience" not in body:
            raise _refused(403, "access_denied", "client_credentials without an audience")
        if "client_assertion" in body:
            self._assertion(body)
        elif (body.get("client_id"), body.get("client_secret")) != self._secret():
            raise _refused(401, "access_denied", "wrong client id or secret")
        elif "client_secret" not in self.accept:
            raise _refused(401, "access_denied", "this client may not log in with a secret")
        return self._answer(self.tokens.issue(), None)

    def _secret(self) -> tuple[str, str]:
        return self.credentials["client_id"], self.credentials["client_secret"]

    def _renew(self, body: dict[str, str]) -> Response:
        if body.get("client_id") not in (USER_CLIENT, self.credentials["client_id"]):
            raise _refused(401, "access_denied", "client_id is neither the constant for all users nor the given one")
        if "refresh_token" not in self.accept:
            raise _refused(403, "unauthorized_client", "this client may not renew tokens")
        try:
            return self._answer(*self.tokens.renew(body.get("refresh_token", "")))
        except TokenError as error:
            kind = AuthRejected if error.ours else Refusal
            answer = {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."}
            raise kind(403, answer, str(error)) from error

    def _assertion(self, body: dict[str, str]) -> None:
        if body.get("client_assertion_type") != ASSERTION_TYPE or "client_secret" in body:
            raise _refused(400, "invalid_request", "client_assertion needs its type, and no secret beside it")
        if body.get("client_id", self.credentials["client_id"]) != self.credentials["client_id"]:
            raise _refused(401, "invalid_client", "client_id is not the registered one")
        if "client_assertion" not in self.accept:
            raise _refused(401, "invalid_client", "this client may not log in with an assertion")
        audiences = [f"{self.sim.token_origin}/", *(self.sim.token_origin + path for path in self.token_paths)]
        client = self.credentials["client_id"]
        try:
            self.client_key.verify(body["client_assertion"], client_id=client, audiences=audiences, named_key=False)
        except (TokenError, jwt.PyJWTError) as error:
            raise _refused(401, "invalid_client", str(error)) from error

    def _answer(self, access: str, renewal: str | None) -> Response:
        body = {"access_token": access, "expires_in": int(self.tokens.lifetime), "token_type": "Bearer"}
        return reply(body | ({"refresh_token": renewal} if renewal else {}))


def _refused(status: int, error: str, reason: str) -> Refusal:
    return Refusal(status, {"error": error, "error_description": reason}, reason)


def _unlist(value: Any) -> Any:
    """Write the lists of one element as the oldest page's example does: as the element."""
    if isinstance(value, dict):
        return {
            key: _unlist(item[0]) if key in LISTS and isinstance(item, list) and len(item) == 1 else _unlist(item)
            for key, item in value.items()
        }
    return [_unlist(item) for item in value] if isinstance(value, list) else value
