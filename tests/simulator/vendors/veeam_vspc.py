# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam Service Provider Console REST v3: job definitions whose fields tell of the latest session."""

from __future__ import annotations

import json
import re
import secrets
import uuid
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import urlsplit

from flask import Response, request

from ..auth import TokenError
from ..story import Job
from .base import AuthRejected, Body, ErrorAnswer, Refusal, Route, iso, map_times, reply
from .veeam_families import ACTIVE, DEFAULTS, FAMILIES, SERVER_UID, START, STOP, OtherFamilies
from .veeam_query import QueryError, parse_filter, parse_select, parse_sort, select_fields, sort_key

API = "/api/v3"
SERVERS = f"{API}/infrastructure/backupServers"
ACTIONS = f"{API}/asyncActions"
VERSIONS = ("3.4", "3.5", "3.5.1", "3.6", "3.6.1", "3.6.2", "3.7")
ENUMS = ("status", "type", "bottleneck", "scheduleType", "targetType")
TOKEN_FIELDS = {"grant_type", "username", "password", "refresh_token", "mfa_token", "mfa_code", "code", "public_key"}
TOKEN_FIELDS |= {"userUid", "readOnly"}
KINDS = {401: "security", 403: "security", 429: "transport"}


class VeeamVspc(OtherFamilies):
    """Bearer tokens or API keys, `x-client-version` on each call, any call may become an asynchronous action."""

    system = "veeam_vspc"
    token_paths = (f"{API}/token",)
    ways = ("password", "refresh_token", "api_key")
    switches: ClassVar[dict[str, tuple[Any, ...]]] = {
        "case": ("upper", "lower"),
        "async": (None,),
        "stop_idle": ("error", "ok"),
        "ignore_offset": (False, True),
        "time_offset": (None,),
    }

    def __init__(self, sim: Any) -> None:
        super().__init__(sim)
        self._actions: dict[str, tuple[float, Response]] = {}
        self.credentials = {
            "username": "operator@backup.example",
            "password": secrets.token_urlsafe(18),
            "refresh_token": self.tokens.issue_refresh(),
            "api_key": self.tokens.issue(lifetime=float("inf")),
            "read_only_api_key": self.tokens.issue(lifetime=float("inf"), read_only=True),
        }

    def api_routes(self) -> list[Route]:
        def route(method: str, rule: str, handler: Callable[..., Response]) -> Route:
            return Route(method, rule, self._may_defer(handler))

        job = f"{SERVERS}/jobs/<uid>"
        orders = [route("POST", f"{job}/{verb}", self._verb(verb)) for verb in ("start", "stop", "retry")]
        return [
            *orders,
            *(route(*operation) for operation in self.others()),
            route("GET", f"{API}/about", self.about),
            route("GET", f"{SERVERS}/jobs", self.jobs),
            route("GET", f"{SERVERS}/<server>/jobs", self.jobs),
            route("GET", job, self.job),
            route("PATCH", job, self.change),
            route("POST", f"{SERVERS}/<server>/collect", self.collect),
            Route("GET", f"{ACTIONS}/<uid>", self.action),
            Route("GET", f"{ACTIONS}/<uid>/result", self.result),
        ]

    def token_routes(self) -> list[Route]:
        return [Route("POST", self.token_paths[0], self.token)]

    def login(self) -> dict[str, Any]:
        if self.accept[0] == "api_key":
            return {"access_token": self.credentials["api_key"]}
        names = ["refresh_token"] if self.accept[0] == "refresh_token" else ["username", "password"]
        return {name: self.credentials[name] for name in names}

    def token_request(self) -> dict[str, str]:
        return {"grant_type": "password", **{name: self.credentials[name] for name in ("username", "password")}}

    def list_path(self) -> str:
        return f"{SERVERS}/jobs"

    def more_lists(self) -> tuple[str, ...]:
        return tuple(family.path for family in FAMILIES.values())

    def list_query(self) -> dict[str, Any]:
        return {"limit": 500}

    def client_headers(self) -> dict[str, str]:
        return {"x-client-version": "3.6.1"}

    def error(self, status: int, message: str) -> Body:
        return {"errors": [{"message": message, "type": KINDS.get(status, "logical"), "code": status}]}

    def server_error(self, status: int) -> tuple[int, Body]:
        if status < 500:
            return status, self.error(status, "Error")
        return 520, {"errors": [{"message": "Internal server error", "type": "transport", "code": status}]}

    def throttled(self, seconds: int) -> tuple[Body, dict[str, str]]:
        body = self.error(429, "Too many requests")
        body["errors"][0]["retryAfter"] = seconds
        return body, {}

    def render(self, state: dict[str, Any]) -> dict[str, Any]:
        family = FAMILIES.get(str(state.get("family")))
        job: dict[str, Any] = family.defaults if family else DEFAULTS | {"uniqueUid": _other(state["instanceUid"])}
        job = job | {name: value for name, value in state.items() if name != "family"}
        offset = self.dialect["time_offset"]
        if offset is None:
            job = map_times(job, lambda at: iso(at, 7, "+00:00"))
        else:
            hours, minutes = (int(part) for part in offset[1:].split(":"))
            shift = (hours * 3600 + minutes * 60) * (-1 if offset[0] == "-" else 1)
            job = map_times(job, lambda at: iso(at + shift, 2, offset))
        if self.dialect["case"] == "lower":
            job |= {name: _lower(job[name]) for name in (family.enums if family else ENUMS) if job[name]}
        if self.dialect["case"] == "lower" and not family:
            job["lastSessionTasks"] = [{**task, "status": _lower(task["status"])} for task in job["lastSessionTasks"]]
        return job

    def enter(self, *, writes: bool = False, body: bool = False) -> None:
        self._version()
        token = self.bearer()
        if writes and token.read_only:
            reason = "a read-only key may not do this"
            raise AuthRejected(403, self.error(403, reason), reason)
        if not body:
            self.no_body()

    def _version(self) -> None:
        version = request.headers.get("x-client-version")
        if version not in VERSIONS:
            raise self.refuse(400, f"the header x-client-version is required and a supported version, not {version!r}")

    def uid(self, text: str) -> str:
        try:
            return str(uuid.UUID(text)) if re.fullmatch(r"[0-9a-fA-F-]{36}", text) else self._no_uid(text)
        except ValueError:
            return self._no_uid(text)

    def _no_uid(self, text: str) -> str:
        raise self.refuse(400, f"The value '{text}' is not a valid UID.")

    def about(self) -> Response:
        self.enter()
        self.query(())
        return reply({"data": {"serverVersion": "9.0.0.0", "installationId": SERVER_UID}})

    def jobs(self, server: str | None = None) -> Response:
        self.enter()
        server = self.uid(server) if server is not None else None
        query = self.query(("filter", "sort", "select", "limit", "offset"))
        limit = min(self.whole(query, "limit", 100, 1, 500), self.page_cap or 500)
        offset = self.whole(query, "offset", 0, 0)
        try:
            keep, order = parse_filter(query.get("filter")), parse_sort(query.get("sort"))
            shown = parse_select(query.get("select"))
        except QueryError as error:
            raise self.refuse(400, str(error)) from error
        plain = "filter" not in query

        def wanted(state: dict[str, Any]) -> bool:
            here = "family" not in state and server in (None, state.get("backupServerUid", SERVER_UID))
            return here and (plain or keep(self.render(state)))

        jobs = self.book.select((server, query.get("filter")), wanted)
        for name, descending in reversed(order):
            jobs = sorted(jobs, key=lambda job: sort_key(self._view(job), name), reverse=descending)
        if self.dialect["ignore_offset"]:
            offset = 0
        page = jobs[offset : offset + limit]
        texts = self.book.serve_all(page)
        if shown is not None:
            texts = json.dumps([select_fields(job, shown) for job in json.loads(texts)])
        paging = json.dumps({"pagingInfo": {"total": len(jobs), "count": len(page), "offset": offset}})
        return reply(f'{{"meta":{paging},"data":{texts}}}')

    def _view(self, job: Job) -> dict[str, Any]:
        return self.render(self.book.state(job) or {})

    def _job(self, uid: str) -> Job:
        job = self.book.find("instanceUid", self.uid(uid))
        if job is None or "family" in job.spec:
            raise ErrorAnswer(404, self.error(404, f"Backup server job with UID {uid} is not found."))
        return job

    def job(self, uid: str) -> Response:
        self.enter()
        query = self.query(("select",))
        try:
            shown = parse_select(query.get("select"))
        except QueryError as error:
            raise self.refuse(400, str(error)) from error
        text = self.book.serve(self._job(uid))
        return reply(f'{{"data":{text if shown is None else json.dumps(select_fields(json.loads(text), shown))}}}')

    def _verb(self, verb: str) -> Callable[..., Response]:
        def handler(uid: str) -> Response:
            self.enter(writes=True)
            self.query(())
            job = self._job(uid)
            active = str((self.book.state(job) or {}).get("status")).lower() in ACTIVE
            if verb == "stop":
                if not active and self.dialect["stop_idle"] == "error":
                    raise ErrorAnswer(400, self.error(400, "The job is not running."))
                if active:
                    self.book.order(job, "on_abort", STOP)
            elif active:
                raise ErrorAnswer(400, self.error(400, "The job is already running."))
            else:
                self.book.order(job, "on_start", START)
            return reply({"data": {}, "meta": None, "errors": None})

        return handler

    def change(self, uid: str) -> Response:
        self.enter(writes=True, body=True)
        self.query(())
        self.book.set(self._job(uid), {"isEnabled": self.wanted_on()})
        return reply({"data": {}, "meta": None, "errors": None})

    def collect(self, server: str) -> Response:
        self.enter(writes=True)
        self.query(())
        server = self.uid(server)
        here = self.book.select(("server", server), self._runs_on(server))
        if not here:
            raise ErrorAnswer(404, self.error(404, f"Backup server with UID {server} is not found."))
        for job in here:
            self.book.order(job, "on_collect", None)
        return reply({"data": {}, "meta": None, "errors": None})

    def _runs_on(self, server: str) -> Callable[[dict[str, Any]], bool]:
        return lambda job: "family" not in job and job.get("backupServerUid", SERVER_UID) == server

    def _may_defer(self, handler: Callable[..., Response]) -> Callable[..., Response]:
        rule = self.dialect["async"]
        if not rule:
            return handler
        paths, after = re.compile(rule.get("paths", "")), float(rule.get("after", 0.0))

        def deferred(**path: str) -> Response:
            if not paths.search(urlsplit(request.url).path):
                return handler(**path)
            uid = self.uid(request.headers.get("X-Request-id") or str(uuid.uuid4()))
            if uid not in self._actions:
                try:
                    answer = handler(**path)
                except Refusal:
                    raise
                except ErrorAnswer as error:
                    answer = reply(error.body, error.status)
                self._actions[uid] = (self.sim.clock.now() + after, answer)
            return Response("", 202, {"Location": f"{self.sim.url}{ACTIONS}/{uid}"})

        return deferred

    def _action(self, uid: str) -> tuple[float, Response]:
        self.enter()
        self.query(())
        found = self._actions.get(self.uid(uid))
        if found is None or found[0] + 300 < self.sim.clock.now():
            raise ErrorAnswer(404, self.error(404, f"Async action {uid} is not found."))
        return found

    def action(self, uid: str) -> Response:
        ready, answer = self._action(uid)
        ended = "succeed" if answer.status_code < 400 else "failed"
        status = ended if ready <= self.sim.clock.now() else "running"
        return reply({"data": {"id": uid, "actionName": "Call", "status": status}})

    def result(self, uid: str) -> Response:
        ready, answer = self._action(uid)
        if ready > self.sim.clock.now():
            raise ErrorAnswer(404, self.error(404, "The action is still running."))
        return reply(answer.get_data(as_text=True), answer.status_code)

    def token(self) -> Response:
        def refused(error: str, reason: str, kind: type[Refusal] = Refusal) -> Refusal:
            return kind(400, {"error": error, "error_description": reason, "error_uri": None}, reason)

        form = self.form(lambda reason: refused("invalid_request", reason))
        if request.headers.get("x-client-version") not in VERSIONS:
            raise refused("invalid_request", "the header x-client-version is required, with a supported version")
        grant = form.get("grant_type", "")
        if set(form) - TOKEN_FIELDS:
            raise refused("invalid_request", f"unknown field {min(set(form) - TOKEN_FIELDS)!r}")
        if grant not in ("password", "refresh_token"):
            raise refused("unsupported_grant_type", f"grant_type is {grant!r}")
        if grant not in self.accept and not (grant == "refresh_token" and "password" in self.accept):
            raise refused("unauthorized_client", f"this user may not use the grant {grant}")
        if grant == "refresh_token":
            try:
                access, renewal = self.tokens.renew(form.get("refresh_token", ""))
            except TokenError as error:
                kind = AuthRejected if error.ours else Refusal
                raise refused("invalid_grant", str(error), kind) from error
        else:
            if (form.get("username"), form.get("password")) != (
                self.credentials["username"],
                self.credentials["password"],
            ):
                raise refused("invalid_grant", "wrong user name or password")
            read_only = form.get("readOnly", "false").lower() == "true"
            access = self.tokens.issue(read_only=read_only)
            renewal = self.tokens.issue_refresh(read_only=read_only)
        body = {"access_token": access, "token_type": "bearer", "refresh_token": renewal, "mfa_token": None}
        return reply({**body, "encrypted_code": None, "expires_in": int(self.tokens.lifetime)})


def _other(uid: str) -> str:
    """Return another UID that belongs to this one."""
    return f"{int(uid[0], 16) ^ 8:x}{uid[1:]}"


def _lower(word: str) -> str:
    return word[:1].lower() + word[1:]
