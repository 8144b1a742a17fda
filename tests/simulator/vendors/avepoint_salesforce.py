# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AvePoint Cloud Backup for Salesforce: `GET /backup/sfbapi/jobs`, a window that must be given, an envelope."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any, ClassVar

from flask import Response

from .avepoint import ABSENT, NEXT_LINKS, UNFINISHED, AvePoint, newest, now_iso
from .base import Route, iso, map_times, reply, unix

PATH = "/backup/sfbapi/jobs"
QUERY = ("startTime", "finishTime", "type", "status", "level", "organizationId", "pageIndex", "pageSize")
STATUS = {
    1: "In progress",
    2: "Finished",
    3: "Finished with exception",
    4: "Failed",
    5: "Paused",
    6: "Stopped",
    7: "Skipped",
}
COUNTS = ("successful", "skipped", "failed", "total")


class AvePointSalesforce(AvePoint):
    """Jobs are written in a story with `status` as a number; the dialect decides how they are answered."""

    system = "avepoint_salesforce"
    product_scope = "salesforce.public.read.all"
    switches: ClassVar[dict[str, tuple[Any, ...]]] = {
        "scope": (None,),
        "status_field": ("status", "state"),
        "status_values": ("number", "name"),
        "page_base": (0, 1),
        "next_link": ("relative", *NEXT_LINKS),
        "unfinished": UNFINISHED,
        "window": ("start", "finish", "overlap"),
        "running_in_window": (True, False),
    }
    hidden = frozenset({"level"})

    def api_routes(self) -> list[Route]:
        return [Route("GET", PATH, self.jobs)]

    def list_path(self) -> str:
        return PATH

    def list_query(self) -> dict[str, Any]:
        now = time.time()
        window = {"startTime": iso(now - 7 * 86400, 0), "finishTime": iso(now + 86400, 0)}
        return super().list_query() | window

    def error(self, status: int, message: str) -> dict[str, Any]:
        code = {400: "InvalidParameter", 401: "Unauthorized", 404: "NotFound", 429: "TooManyRequests"}
        errors = [{"code": code.get(status, "Error"), "field": None, "message": message}]
        return {"statusCode": status, "message": message, "errors": errors, **self._ids()}

    def _ids(self) -> dict[str, str]:
        trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
        stamp = now_iso(self.sim.clock.wall(self.sim.clock.now()))
        return {"requestId": f"0H{secrets.token_hex(5).upper()}:00000001", "timestamp": stamp, "traceId": trace}

    def render(self, state: dict[str, Any]) -> dict[str, Any]:
        job: dict[str, Any] = {"type": 1, "jobId": state["jobId"], "startTime": None, "finishTime": None}
        job |= {f"{count}Records": 0 for count in COUNTS}
        job |= {f"{count}Metadata": 0 for count in COUNTS if count != "skipped"}
        job |= {f"{count}Objects": 0 for count in COUNTS}
        job |= {key: value for key, value in state.items() if key not in self.hidden}
        status = job.pop("status")
        if self.dialect["status_values"] == "name":
            status = STATUS.get(status, status)
        job[self.dialect["status_field"]] = status
        job = self.unfinished(job, 0, "0001-01-01T00:00:00Z")
        rendered: dict[str, Any] = map_times(job, lambda at: iso(at, 0))
        return rendered

    def jobs(self) -> Response:
        self.bearer()
        self.no_body()
        query = self.query(QUERY)
        window = []
        for name in ("startTime", "finishTime"):
            moment = unix(query.get(name))
            if moment is None:
                raise self.refuse(400, f"{name} is required, in ISO 8601; got {query.get(name)!r}")
            window.append(moment)
        low, high = window
        if low > high:
            raise self.refuse(400, "startTime is after finishTime")
        kind = self.whole(query, "type", 0, 0, 22)
        status = self.whole(query, "status", 0, 0, 7)
        level = self.whole(query, "level", 0, 0, 6)
        organization = query.get("organizationId")
        index = self.whole(query, "pageIndex", 0, 0)
        size = min(self.whole(query, "pageSize", 10, 1), self.page_cap or 10**6)

        def keep(state: dict[str, Any]) -> bool:
            wanted = kind in (0, state.get("type", 1)) and status in (0, state["status"])
            wanted = wanted and level in (0, state.get("level", 1))
            return wanted and organization in (None, state.get("organizationId")) and self.in_window(state, low, high)

        jobs = self.book.select((low, high, kind, status, level, organization), keep, newest, descending=True)
        page = max(index - int(self.dialect["page_base"]), 0)
        shown = jobs[page * size : (page + 1) * size]
        following = {"pageIndex": page + 1 + int(self.dialect["page_base"])}
        link = self.next_link((page + 1) * size < len(jobs), PATH, following, secrets.token_urlsafe(48))
        tail = "" if link is ABSENT else f',"nextLink":{json.dumps(link)}'
        data = f'{{"totalCount":{len(jobs)},"jobs":{self.book.serve_all(shown)}{tail}}}'
        return reply(f'{{"statusCode":200,"message":"","data":{data},{json.dumps(self._ids())[1:]}')
