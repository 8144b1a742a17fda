# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam Backup & Replication, REST on port 9419: sessions, each one run, with `x-api-version` on each call.

A job of a story with a `status` is a definition, which the API itself calls a job. Status `auto` follows its sessions.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from flask import Response, request

from ..auth import TokenError
from ..story import Job
from .base import AuthRejected, Body, ErrorAnswer, Refusal, Route, Vendor, iso, map_times, reply, unix

API = "/api/v1"
SESSIONS = f"{API}/sessions"
VERSIONS = ("1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2")
STATES = (
    "Stopped", "Starting", "Stopping", "Working", "Pausing", "Resuming", "WaitingTape", "Idle", "Postprocessing",
    "WaitingRepository", "WaitingSlot", "ActionRequired",
)  # fmt: skip
RESULTS = ("None", "Success", "Warning", "Failed")
STATUSES = ("Running", "Inactive", "Disabled", "Enabled", "Stopping", "Stopped", "Starting")
COLUMNS = ("Name", "SessionType", "CreationTime", "EndTime", "State", "Result", "InitiatedBy")
TIMES = ("createdAfterFilter", "createdBeforeFilter", "endedAfterFilter", "endedBeforeFilter")
QUERY = ("skip", "limit", "orderColumn", "orderAsc", "nameFilter", *TIMES)
FILTERS = ("typeFilter", "stateFilter", "resultFilter", "jobIdFilter")
STATES_COLUMNS = (
    "Name", "Type", "Status", "LastRun", "LastResult", "NextRun", "Description", "RepositoryId", "ObjectsCount",
    "RepositoryName", "AfterJobName",
)  # fmt: skip
STATES_FILTERS = (
    "idFilter", "nameFilter", "typeFilter", "lastResultFilter", "statusFilter", "workloadFilter", "lastRunAfterFilter",
    "lastRunBeforeFilter", "isHighPriorityJobFilter", "repositoryIdFilter", "objectsCountFilter", "afterJobIdFilter",
    "afterJobNameFilter",
)  # fmt: skip
CODES = {400: "UnexpectedContent", 401: "InvalidToken", 403: "AccessDenied", 404: "NotFound", 405: "MethodNotAllowed"}
CODES |= {501: "NotImplemented", 503: "ServiceUnavailable"}
TOKEN_FIELDS = {"grant_type", "username", "password", "refresh_token", "code", "use_short_term_refresh", "vbr_token"}
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
RUNNING: dict[str, Any] = {"result": "None", "message": "", "isCanceled": False}
DEFAULTS: dict[str, Any] = {
    "sessionType": "BackupJob",
    "creationTime": "2026-01-01T00:00:00Z",
    "progressPercent": 0,
    "usn": 0,
    "platformName": "VMware",
    "platformId": "00000000-0000-0000-0000-000000000000",
}
DEFINITION: dict[str, Any] = {
    "type": "VSphereBackup",
    "description": "",
    "lastResult": "None",
    "workload": "Vm",
    "objectsCount": 1,
    "highPriority": False,
    "progressPercent": 0,
}
STOP = [
    {"set": {"state": "Stopping"}},
    {"after": 1.0, "set": {"state": "Stopped", "endTime": "@now", "result": {
        "result": "Failed", "message": "Operation was canceled by user", "isCanceled": True}}},
]  # fmt: skip


class VeeamVbr(Vendor):
    """`data` and `pagination`, one error object, refresh tokens that are good once."""

    system = "veeam_vbr"
    token_paths = ("/api/oauth2/token",)
    ways = ("password", "refresh_token", "access_token")
    hidden = frozenset({"log"})

    def __init__(self, sim: Any) -> None:
        super().__init__(sim)
        self.credentials = {
            "username": "backup\\operator",
            "password": secrets.token_urlsafe(18),
            "refresh_token": self.tokens.issue_refresh(),
            "access_token": self.tokens.issue(),
        }

    def api_routes(self) -> list[Route]:
        return [
            Route("GET", SESSIONS, self.sessions),
            Route("GET", f"{SESSIONS}/<uid>", self.session),
            Route("GET", f"{SESSIONS}/<uid>/logs", self.logs),
            Route("POST", f"{SESSIONS}/<uid>/stop", self.stop),
            Route("GET", f"{API}/jobs/states", self.states),
            Route("POST", f"{API}/jobs/<uid>/stop", self.stop_job),
        ]

    def token_routes(self) -> list[Route]:
        return [Route("POST", self.token_paths[0], self.token)]

    def login(self) -> dict[str, Any]:
        names = ["username", "password"] if self.accept[0] == "password" else [self.accept[0]]
        return {name: self.credentials[name] for name in names}

    def token_request(self) -> dict[str, str]:
        return {"grant_type": "password", **{name: self.credentials[name] for name in ("username", "password")}}

    def list_path(self) -> str:
        return SESSIONS

    def more_lists(self) -> tuple[str, ...]:
        return (f"{API}/jobs/states",)

    def list_query(self) -> dict[str, Any]:
        return {"limit": 500}

    def client_headers(self) -> dict[str, str]:
        return {"x-api-version": "1.3-rev2"}

    def error(self, status: int, message: str) -> Body:
        return {"errorCode": CODES.get(status, "UnknownError"), "message": message, "resourceId": ""}

    def render(self, state: dict[str, Any]) -> dict[str, Any]:
        shown = {key: value for key, value in state.items() if key not in self.hidden}
        if "status" in state:
            definition = DEFINITION | {"name": f"Job {state['id']}"} | shown | self._followed(state)
            told: dict[str, Any] = map_times(definition, lambda at: iso(at, 6, "+00:00"))
            return told
        session = DEFAULTS | {"jobId": _job_of(state), "name": f"Job {state['id']}"} | shown
        session["result"] = RUNNING | (state.get("result") or {})
        rendered: dict[str, Any] = map_times(session, lambda at: iso(at, 6, "+00:00"))
        return rendered

    def _followed(self, state: dict[str, Any]) -> dict[str, Any]:
        """Tell of a definition that follows its sessions how it is, and which session is its last one."""
        if state["status"] != "auto":
            return {}
        mine = [job for job in self.book.jobs if job.spec.get("jobId") == state["id"]]
        there = [session for job in mine if (session := self.book.state(job)) is not None]
        last = max(there, key=lambda session: session["creationTime"], default=None)
        runs = last is not None and last["state"] != "Stopped"
        return {"status": "Running" if runs else "Inactive", **({"sessionId": last["id"]} if last else {})}

    def _enter(self, uid: str | None = None) -> None:
        version = request.headers.get("x-api-version")
        if version not in VERSIONS:
            raise self.refuse(400, f"the header x-api-version is required and a known version, not {version!r}")
        self.bearer()
        if uid is not None and not UUID.fullmatch(uid):
            raise self.refuse(400, f"The value '{uid}' is not valid.")

    def sessions(self) -> Response:
        self._enter()
        query = self.query((*QUERY, *FILTERS), lists=("typeFilter", "resultFilter"))
        limit = min(self.whole(query, "limit", 200, 1), self.page_cap or 10**9)
        skip = self.whole(query, "skip", 0, 0)
        # The oldest version does not know the newest state.
        states = STATES[:-1] if request.headers["x-api-version"].startswith("1.2") else STATES
        for name, known in (("orderColumn", COLUMNS), ("stateFilter", states), ("orderAsc", ("true", "false"))):
            if query.get(name, known[0]) not in known:
                raise self.refuse(400, f"{name} must be one of {', '.join(known)}")
        for name in TIMES:
            if name in query and unix(query[name]) is None:
                raise self.refuse(400, f"{name} must be a date and time")
        kinds, results = request.args.getlist("typeFilter"), request.args.getlist("resultFilter")
        if set(results) - set(RESULTS):
            raise self.refuse(400, f"resultFilter must be one of {', '.join(RESULTS)}")
        name = query.get("nameFilter", "").strip("*").lower()
        after, before, ended_after, ended_before = (unix(query.get(one)) for one in TIMES)

        def keep(state: dict[str, Any]) -> bool:
            if "status" in state:
                return False
            session = self.render(state)
            created, ended = unix(session["creationTime"]) or 0.0, unix(session.get("endTime"))
            return (
                name in str(session["name"]).lower()
                and (not kinds or session["sessionType"] in kinds)
                and (not results or session["result"]["result"] in results)
                and query.get("stateFilter") in (None, session["state"])
                and query.get("jobIdFilter") in (None, session["jobId"])
                and (after is None or created >= after)
                and (before is None or created <= before)
                and (ended_after is None or (ended is not None and ended >= ended_after))
                and (ended_before is None or (ended is not None and ended <= ended_before))
            )

        by = query.get("orderColumn", "CreationTime")
        field = by[0].lower() + by[1:]

        def order(state: dict[str, Any]) -> Any:
            value = self.render(state).get(field)
            return (unix(value) or 0.0) if by.endswith("Time") else str(value)

        key = tuple(sorted((one, value) for one, value in request.args.items(True) if one not in ("skip", "limit")))
        found = self.book.select(key, keep, order, descending=query.get("orderAsc") == "false")
        page = found[skip : skip + limit]
        return _page(self.book.serve_all(page), len(found), len(page), skip, limit)

    def states(self) -> Response:
        """List the definitions, and how each of them is."""
        self._enter()
        query = self.query(("skip", "limit", "orderColumn", "orderAsc", *STATES_FILTERS), lists=("statusFilter",))
        limit = min(self.whole(query, "limit", 200, 1), self.page_cap or 10**9)
        skip = self.whole(query, "skip", 0, 0)
        if "idFilter" in query and not UUID.fullmatch(query["idFilter"]):
            raise self.refuse(400, "idFilter must be a UUID")
        if query.get("orderColumn", "Name") not in STATES_COLUMNS:
            raise self.refuse(400, f"orderColumn must be one of {', '.join(STATES_COLUMNS)}")
        if set(request.args.getlist("statusFilter")) - set(STATUSES):
            raise self.refuse(400, f"statusFilter must be one of {', '.join(STATUSES)}")
        left = set(query) - {"skip", "limit", "orderColumn", "orderAsc", "idFilter"}
        if left:
            raise self.refuse(400, f"the simulator does not play {min(left)} of jobs/states")

        def keep(state: dict[str, Any]) -> bool:
            return "status" in state and query.get("idFilter", state["id"]).lower() == str(state["id"]).lower()

        found = self.book.select(("states", query.get("idFilter")), keep)
        page = found[skip : skip + limit]
        # Written anew each time: they follow their sessions.
        self.book.serve_all(page)
        rows = [self.render(self.book.state(job) or {}) for job in page]
        return _page(json.dumps(rows), len(found), len(page), skip, limit)

    def _session(self, uid: str) -> tuple[Job, dict[str, Any]]:
        self._enter(uid)
        self.query(())
        job = self.book.find("id", uid)
        state = self.book.state(job) if job else None
        if job is None or state is None or "status" in state:
            raise ErrorAnswer(404, self.error(404, f"Session with ID {uid} was not found."))
        return job, state

    def session(self, uid: str) -> Response:
        return reply(self.book.serve(self._session(uid)[0]))

    def logs(self, uid: str) -> Response:
        titles = self._session(uid)[1].get("log") or []
        records = [{"id": n, "status": "Succeeded", "title": title} for n, title in enumerate(titles, start=1)]
        return reply({"totalRecords": len(records), "records": records[::-1]})

    def stop(self, uid: str) -> Response:
        self._enter(uid)
        self.no_body()
        job, state = self._session(uid)
        if state["state"] == "Stopped":
            raise ErrorAnswer(400, self.error(400, "The session is not running."))
        self.book.order(job, "on_abort", STOP)
        return reply({})

    def stop_job(self, uid: str) -> Response:
        self._enter(uid)
        self.query(())
        if request.get_data():
            spec = request.get_json(silent=True)
            if not isinstance(spec, dict) or not isinstance(spec.get("gracefulStop"), bool):
                raise self.refuse(400, "gracefulStop is required, and true or false")
            if set(spec) - {"gracefulStop", "cancelChainedJobs"}:
                raise self.refuse(400, "the body holds what JobStopSpec does not")
        here = self.book.select(("of", uid), lambda state: "status" not in state and _job_of(state) == uid.lower())
        if not here:
            raise ErrorAnswer(404, self.error(404, f"Job with ID {uid} was not found."))
        runs = [job for job in here if (self.book.state(job) or {}).get("state") != "Stopped"]
        if not runs:
            raise ErrorAnswer(400, self.error(400, "The job is not running."))
        self.book.order(runs[0], "on_abort", STOP)
        return reply(self.render(self.book.state(runs[0]) or {}), 201)

    def token(self) -> Response:
        def wrong(status: int, reason: str, kind: type[Refusal] = Refusal) -> Refusal:
            return kind(status, self.error(status, reason), reason)

        form = self.form(lambda reason: wrong(400, reason))
        if request.headers.get("x-api-version") not in VERSIONS:
            raise wrong(400, "the header x-api-version is required, with a known version")
        if set(form) - TOKEN_FIELDS:
            raise wrong(400, f"unknown field {min(set(form) - TOKEN_FIELDS)}")
        grant = form.get("grant_type", "").lower()
        if grant not in ("password", "refresh_token"):
            raise wrong(400, f"grant_type {grant!r} is not supported")
        if grant not in self.accept and not (grant == "refresh_token" and "password" in self.accept):
            raise wrong(401, f"the grant {grant} is not accepted")
        if grant == "refresh_token":
            try:
                access, renewal = self.tokens.renew(form.get("refresh_token", ""))
            except TokenError as error:
                raise wrong(401, str(error), AuthRejected if error.ours else Refusal) from error
        elif any(form.get(name) != self.credentials[name] for name in ("username", "password")):
            raise wrong(401, "wrong user name or password")
        else:
            access, renewal = self.tokens.issue(), self.tokens.issue_refresh()
        now = self.sim.clock.wall(self.sim.clock.now())
        life = int(self.tokens.lifetime)
        end = min(now + life, 32503680000.0)
        body = {"access_token": access, "token_type": "bearer", "refresh_token": renewal, "expires_in": life}
        return reply({**body, ".issued": iso(now, 0, "+00:00"), ".expires": iso(end, 0, "+00:00")})


def _page(rows: str, total: int, count: int, skip: int, limit: int) -> Response:
    paging = json.dumps({"total": total, "count": count, "skip": skip, "limit": limit})
    return reply(f'{{"data":{rows},"pagination":{paging}}}')


def _job_of(state: dict[str, Any]) -> str:
    """Return the job of a session; where the story names none, one that belongs to it alone."""
    uid = str(state["id"]).lower()
    return str(state.get("jobId") or f"{int(uid[0], 16) ^ 8:x}{uid[1:]}").lower()
