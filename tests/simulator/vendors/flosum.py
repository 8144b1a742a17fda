# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flosum Backup & Archive: a NestJS service; tokens come from Global Settings by refresh token or code."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Iterator
from typing import Any, ClassVar

from flask import Response, request

from ..auth import TokenError
from ..story import Job
from .base import AuthRejected, ErrorAnswer, Refusal, Route, Vendor, iso, map_times, reply, unix
from .flosum_orders import CONNECTION, ERRORS, FlosumOrders, settings_of

TYPES = {
    "full": ("Composite Backup", "Import Backup"),
    "full & sync": ("Composite & Sync Backup",),
    "template": ("Templated Backup",),
    "archive": ("Templated Archive", "Import Archive"),
}
STATUSES = ("In Progress", "Exception", "Completed", "Aborted")
SORTS = ("jobId", "name", "startedDate")
FILTERS = ("search", "isIncludeMetadata", "startedDate", "endDate", "sortBy", "order")
QUERY = ("page", "limit", "types", "statuses", *FILTERS)
TOKEN_FIELDS = {"grant_type", "redirect_uri", "client_id", "client_secret", "code", "refresh_token"}
JOBS = "/api/v1/connections/<connection>/jobs/<job_id>"
LINE = b"2026-01-01T00:00:00.000Z INFO records copied, batch done\n"


class Flosum(FlosumOrders, Vendor):
    """`total`/`items` lists, an error `message` that is a list on 400 and a string elsewhere."""

    system = "flosum"
    token_paths = ("/api/v1/oauth/token",)
    ways = ("refresh_token", "authorization_code", "access_token")
    switches: ClassVar[dict[str, tuple[Any, ...]]] = {
        "abort_finished": ("400", "404", "409", "ok"),
        "single_scalar": ("refuse", "accept"),
        "log_content_type": ("application/octet-stream", "application/json", "text/plain"),
        "settings": (None,),
        "backup": (None,),
    }
    hidden = frozenset({"steps", "log"})

    def __init__(self, sim: Any) -> None:
        super().__init__(sim)
        self.settings = settings_of(self.dialect["settings"] or {})
        self.credentials = {
            "client_id": f"fci_{secrets.token_urlsafe(12)}",
            "client_secret": secrets.token_urlsafe(24),
            "redirect_uri": "https://controller.example.com/oauth/callback",
            "refresh_token": self.tokens.issue_refresh(),
            "code": secrets.token_urlsafe(12),
            "access_token": self.tokens.issue(),
            "connection_id": CONNECTION["id"],
        }

    def api_routes(self) -> list[Route]:
        base = "/api/v1/connections"
        return [
            Route("GET", base, self.connections),
            Route("GET", f"{base}/<connection>", self.connection),
            Route("GET", f"{base}/<connection>/backups", self.backups),
            Route("POST", f"{base}/<connection>/backups/backup", self.start),
            Route("GET", f"{base}/<connection>/settings", self.read_settings),
            Route("PUT", f"{base}/<connection>/settings", self.write_settings),
            Route("GET", f"{JOBS}/logs/progress", self.progress),
            Route("GET", f"{JOBS}/logs/details", self.details),
            Route("PATCH", f"{JOBS}/abort/backup", self.abort),
        ]

    def token_routes(self) -> list[Route]:
        return [Route("POST", self.token_paths[0], self.token)]

    def login(self) -> dict[str, Any]:
        if self.accept[0] == "access_token":
            names = ["access_token", "connection_id"]
        else:
            names = ["client_id", "client_secret", "redirect_uri", "refresh_token", "connection_id"]
        return {name: self.credentials[name] for name in names}

    def token_request(self) -> dict[str, str]:
        names = ("client_id", "client_secret", "redirect_uri", "refresh_token")
        return {"grant_type": "refresh_token", **{name: self.credentials[name] for name in names}}

    def list_path(self) -> str:
        return f"/api/v1/connections/{CONNECTION['id']}/backups"

    def list_query(self) -> dict[str, Any]:
        return {"page": 1, "limit": 2000, "types": list(TYPES), "statuses": list(STATUSES)}

    def error(self, status: int, message: str) -> dict[str, Any]:
        if status == 401:
            return {"message": "Unauthorized", "statusCode": 401}
        if status == 405:  # Nest knows no 405
            return {"message": f"Cannot {request.method} {request.path}", "error": "Not Found", "statusCode": 404}
        text: Any = [message] if status == 400 else message
        return {"message": text, "error": ERRORS.get(status), "statusCode": status}

    def refuse(self, status: int, reason: str) -> Refusal:
        return Refusal(404 if status == 405 else status, self.error(status, reason), reason)

    def render(self, state: dict[str, Any]) -> dict[str, Any]:
        defaults = {"id": int(state["jobId"]) + 5000, "name": f"Backup {state['jobId']}", "duration": "00:00:00"}
        defaults |= {"size": 0, "records": 0, "operationType": "Composite Backup"}
        shown = {key: value for key, value in state.items() if key not in self.hidden}
        rendered: dict[str, Any] = map_times(defaults | shown, lambda at: iso(at, 3))
        return rendered

    def _validate(self, wrong: list[str]) -> None:
        if wrong:
            raise Refusal(400, self.error(400, "") | {"message": wrong}, "; ".join(wrong))

    def _number(self, **path: str) -> None:
        self._validate([f"{name} must be a positive number" for name, text in path.items() if not _positive(text)])

    def _enter(self, connection: str, **path: str) -> None:
        self.bearer()
        self._number(connectionId=connection, **path)
        if int(connection) != CONNECTION["id"]:
            raise self.refuse(404, "Connection not found")

    def connections(self) -> Response:
        self.bearer()
        self._validate(self._wrong_page(("page", "limit", "search")))
        here = request.args["page"] == "1" and request.args.get("search", "").lower() in CONNECTION["name"].lower()
        return reply({"total": 1, "items": [CONNECTION] if here else []})

    def connection(self, connection: str) -> Response:
        self._enter(connection)
        self.query(())
        return reply({**CONNECTION, "userFullName": "Integration User", "salesforceOrgId": "00D000000000001EAA"})

    def backups(self, connection: str) -> Response:
        self._enter(connection)
        self._validate(self._wrong_page(QUERY) + self._wrong())
        args = request.args
        kinds = {operation for name in args.getlist("types") for operation in TYPES[name]}
        statuses = set(args.getlist("statuses"))
        search = args.get("search", "").lower()
        low, high = unix(args.get("startedDate")), unix(args.get("endDate"))

        def keep(state: dict[str, Any]) -> bool:
            if state.get("operationType", "Composite Backup") not in kinds:
                return False
            # a status that the documents do not know must still be seen by those who ask for everything
            if state["jobStatus"] not in statuses and not (state["jobStatus"] not in STATUSES and len(statuses) == 4):
                return False
            if search and search not in str(state.get("name", "")).lower():
                return False
            started = unix(state.get("startedDate")) or 0.0
            return (low is None or started >= low) and (high is None or started <= high)

        by = args.get("sortBy")
        key = (tuple(sorted(kinds)), tuple(sorted(statuses)), search, low, high, by, args.get("order"))
        order = (lambda state: state.get(by) or "") if by else None
        jobs = self.book.select(key, keep, order, descending=args.get("order") == "DESC")
        size = min(int(args["limit"]), self.page_cap or 2000)
        start = (int(args["page"]) - 1) * size
        return reply(f'{{"total":{len(jobs)},"items":{self.book.serve_all(jobs[start : start + size])}}}')

    @staticmethod
    def _wrong_page(known: tuple[str, ...]) -> list[str]:
        args = request.args
        wrong = [f"property {name} should not exist" for name in args if name not in known]
        for name in known:
            if name not in ("types", "statuses") and len(args.getlist(name)) > 1:
                wrong.append(f"{name} must not be an array")
        if not _positive(args.get("page", "")):
            wrong.append("page must not be less than 1")
        if not _positive(args.get("limit", "")) or int(args["limit"]) > 2000:
            wrong.append("limit must be a number from 1 to 2000")
        if len(args.get("search", "")) > 80:
            wrong.append("search must be shorter than or equal to 80 characters")
        return wrong

    def _wrong(self) -> list[str]:
        args, wrong = request.args, []
        for name, known in (("types", TYPES), ("statuses", STATUSES)):
            given = args.getlist(name)
            if not given or (len(given) == 1 and self.dialect["single_scalar"] == "refuse"):
                wrong.append(f"{name} must be an array")
            if any(value not in known for value in given):
                wrong.append(f"each value in {name} must be one of the following values: {', '.join(known)}")
        if args.get("isIncludeMetadata", "true") not in ("true", "false"):
            wrong.append("isIncludeMetadata must be a boolean value")
        for name in ("startedDate", "endDate"):
            if name in args and unix(args[name]) is None:
                wrong.append(f"{name} must be a valid ISO 8601 date string")
        if args.get("sortBy", "jobId") not in SORTS:
            wrong.append(f"sortBy must be one of the following values: {', '.join(SORTS)}")
        if args.get("order", "ASC") not in ("ASC", "DESC"):
            wrong.append("order must be one of the following values: ASC, DESC")
        return wrong

    def _job(self, connection: str, job_id: str) -> tuple[Job, dict[str, Any]]:
        self._enter(connection, id=job_id)
        self.query(())
        job = self.book.find("jobId", job_id)
        state = self.book.state(job) if job else None
        if job is None or state is None:
            raise ErrorAnswer(404, self.error(404, "Job not found"))
        return job, state

    def progress(self, connection: str, job_id: str) -> Response:
        _backup, state = self._job(connection, job_id)
        return reply(map_times(state.get("steps") or [], lambda at: iso(at, 3)))

    def details(self, connection: str, job_id: str) -> Response:
        _backup, state = self._job(connection, job_id)
        log = state.get("log", "")
        content: Iterator[bytes] = self._log(log if isinstance(log, dict) else {"text": log})
        zipped = isinstance(log, dict) and log.get("gzip") and "gzip" in request.headers.get("Accept-Encoding", "")
        headers = {"Content-Encoding": "gzip"} if zipped else None
        kind = self.dialect["log_content_type"]
        return Response(_zip(content) if zipped else content, 200, headers, content_type=kind)

    def _log(self, log: dict[str, Any]) -> Iterator[bytes]:
        yield str(log.get("text", "")).encode()
        left = int(log.get("bytes", 0))
        # Large enough that writing it is what takes the time.
        block = LINE * (1024 * 1024 // len(LINE)) if left > 65536 else LINE * (left // len(LINE) + 1)
        while left > 0:
            yield block[:left]
            left -= len(block)
        for text in log.get("lines") or []:
            yield f"{text}\n".encode()
            self.sim.stopping.wait(float(log.get("every", 0)))
        if log.get("stays_open"):
            self.sim.stopping.wait(float(log["stays_open"]))

    def abort(self, connection: str, job_id: str) -> Response:
        self._enter(connection, id=job_id)
        self.no_body()
        job, state = self._job(connection, job_id)
        if state["jobStatus"] != "In Progress" and self.dialect["abort_finished"] != "ok":
            status = int(self.dialect["abort_finished"])
            raise ErrorAnswer(status, self.error(status, "Job is not running"))
        self.book.order(job, "on_abort", {"set": {"jobStatus": "Aborted"}})
        return reply({"message": "Job was aborted successfully."})

    def token(self) -> Response:
        def wrong(reason: str) -> Refusal:
            return Refusal(400, self.error(400, reason), reason)

        form = self.form(wrong)
        unknown = set(form) - TOKEN_FIELDS
        if unknown:
            raise wrong(f"property {min(unknown)} should not exist")
        grant = form.get("grant_type")
        if grant not in ("authorization_code", "refresh_token"):
            raise wrong("grant_type must be one of the following values: authorization_code, refresh_token")
        needed = "code" if grant == "authorization_code" else "refresh_token"
        for name in ("redirect_uri", "client_id", "client_secret", needed):
            if not form.get(name):
                raise wrong(f"{name} must be a string")
        for name in ("redirect_uri", "client_id", "client_secret"):
            if form[name] != self.credentials[name]:
                raise wrong(f"{name} is not the one of the connected app")
        if grant not in self.accept:
            raise wrong(f"the connected app does not allow the flow {grant}")
        if grant == "authorization_code":
            if form["code"] != self.credentials.pop("code", None):
                raise wrong("code is not valid")
            access, renewal = self.tokens.issue(), self.tokens.issue_refresh()
            return self._pair(access, renewal)
        try:
            access, new = self.tokens.renew(form["refresh_token"])
        except TokenError as error:
            kind = AuthRejected if error.ours else Refusal
            raise kind(400, self.error(400, "refresh_token is not valid"), str(error)) from error
        return self._pair(access, new)

    def _pair(self, access: str, renewal: str | None) -> Response:
        pair = {"access_token": access, "token_type": "Bearer", "refresh_token": renewal}
        return reply({**pair, "expires_in": int(self.tokens.lifetime)})


def _zip(content: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=31)
    for piece in content:
        yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def _positive(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 10**15
