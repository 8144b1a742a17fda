# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Veeam Backup & Replication can be told to do with a job, which is a definition: run, enable, disable."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from flask import Response, request

from ..story import Job
from .base import ErrorAnswer, Vendor, reply

ENDS = {"state": "Stopped", "endTime": "@now", "progressPercent": 100, "result": {"result": "Success"}}


class VeeamVbrOrders(Vendor):
    """The writes beside the stop, and the list of jobs as they are set up."""

    def _enter(self, uid: str | None = None) -> None:
        raise NotImplementedError

    def definitions(self) -> Response:
        """List the definitions; of their settings only what tests read."""
        self._enter()
        query = self.query(("skip", "limit", "orderColumn", "orderAsc", "nameFilter", "typeFilter"))
        limit = min(self.whole(query, "limit", 200, 1), self.page_cap or 10**9)
        skip = self.whole(query, "skip", 0, 0)
        found = self.book.select("definitions", lambda state: "status" in state)
        page = [self.book.state(job) or {} for job in found[skip : skip + limit]]
        rows = [
            {**{name: self.render(one)[name] for name in ("id", "name", "type")}, "isDisabled": _is_disabled(one)}
            for one in page
        ]
        paging = {"total": len(found), "count": len(page), "skip": skip, "limit": limit}
        return reply(json.dumps({"data": rows, "pagination": paging}))

    def _definition(self, uid: str) -> Job:
        self._enter(uid)
        self.query(())
        job = self.book.find("id", uid)
        if job is None or "status" not in job.spec:
            raise ErrorAnswer(404, self.error(404, f"Job with ID {uid} was not found."))
        return job

    def start(self, uid: str) -> Response:
        """Begin a session of a definition, which ends well after five seconds."""
        job = self._definition(uid)
        if request.get_data():
            raise self.refuse(400, "this simulator plays no request body here")
        state = self.render(self.book.state(job) or {})
        if state["status"] == "Running":
            raise ErrorAnswer(400, self.error(400, "The job is already running."))
        if job.spec.get("objectsCount") == 0:
            return Response("", 204)
        now = self.sim.clock.now()
        run = {"id": str(uuid.uuid4()), "jobId": state["id"], "name": state["name"], "state": "Working"}
        run |= {"creationTime": f"@{now:+}", "timeline": [{"at": now + 5.0, "set": ENDS}]}
        self.book.add(run)
        begun = self.book.find("id", str(run["id"]))
        assert begun is not None
        return reply(self.render(self.book.state(begun) or {}), 201)

    def switch(self, disabled: bool) -> Callable[..., Response]:
        """Enable or disable a definition."""

        def handler(uid: str) -> Response:
            job = self._definition(uid)
            self.no_body()
            self.book.set(job, {"isDisabled": disabled})
            return Response("", 204)

        return handler


def _is_disabled(state: dict[str, Any]) -> bool:
    return bool(state.get("isDisabled", str(state["status"]).lower() == "disabled"))
