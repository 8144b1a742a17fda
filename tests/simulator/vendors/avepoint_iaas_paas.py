# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AvePoint Cloud Backup for IaaS + PaaS: `GET /backup/vm/jobs`, without an envelope, in two dialects."""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
from typing import Any, ClassVar
from urllib.parse import quote

from flask import Response

from ..story import When
from .avepoint import ABSENT, NEXT_LINKS, UNFINISHED, AvePoint, newest, now_iso
from .base import Refusal, Route, iso, map_times, reply, unix

PATH = "/backup/vm/jobs"
QUERY = ("searchText", "startTime", "finishTime", "serviceType", "jobType", "pageNumber", "pageSize", "skiptoken")
SERVICES_SEED = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}
SERVICES = {1, 2, 4, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 20000, 21000, 23000, 24000, 25000, 26000, 27000}
TYPES_SEED = {1, 2, 4, 8, 16, 32, 33, 34, 64, 128, 256, 257, 512, 1024, 2048, 4096, 8192, 16384, 30000, 30001}
TYPES_SEED |= set(range(20000, 20016)) - {20008}
TYPES = TYPES_SEED | {20016, 20017, 20018, 20019, 20020, 20022, 20023, 20024, 20025, 30003, 40000, 40001, 60000, 60001}
TYPES |= {60010, 60011, 60100, 60101, 70010, 70011, 70012, 80000, 80010, 90000, 90001, 90002, 90110, 90120}
EPOCH_TICKS = 621355968000000000
FACTS = {"failedCount": 0, "successfulCount": 0, "skippedCount": 0, "totalCount": 0, "comments": ""}


class AvePointIaasPaas(AvePoint):
    """Jobs are written in a story in the current form; `dialect: seed` answers in that of October 2024."""

    system = "avepoint_iaas_paas"
    product_scope = "platformbackup.readwrite.all"
    switches: ClassVar[dict[str, tuple[Any, ...]]] = {
        "scope": (None,),
        "dialect": ("current", "seed"),
        "next_link": ("token", *NEXT_LINKS),
        "unfinished": UNFINISHED,
        "window": ("start", "finish", "overlap"),
        "running_in_window": (True, False),
        "skiptoken_carries": ("position", "filters"),
    }
    hidden = frozenset({"serviceType"})

    def api_routes(self) -> list[Route]:
        return [Route("GET", PATH, self.jobs)]

    def list_path(self) -> str:
        return PATH

    @property
    def _seed(self) -> bool:
        return bool(self.dialect["dialect"] == "seed")

    def error(self, status: int, message: str) -> dict[str, Any]:
        stamp = now_iso(self.sim.clock.wall(self.sim.clock.now()))
        return {"requestId": secrets.token_hex(16), "date": stamp, "statusCode": status}

    def render(self, state: dict[str, Any]) -> dict[str, Any]:
        job: dict[str, Any] = {"jobId": state["jobId"], "jobType": 1, "startTime": None, "finishTime": None, **FACTS}
        job |= {key: value for key, value in state.items() if key not in self.hidden}
        start, finish = unix(job["startTime"]), unix(job["finishTime"])
        seconds = job.get("duration")
        if seconds is None:
            seconds = finish - start if start is not None and finish is not None else 0
        if isinstance(seconds, int | float):
            job["duration"] = int(seconds * 10**7) if self._seed else _time_span(seconds)
        if self._seed:
            job.pop("jobType")
            job["state"] = job.pop("status")
        job = self.unfinished(job, 0, 0 if self._seed else "0001-01-01T00:00:00Z")
        written: dict[str, Any] = map_times(job, _ticks if self._seed else lambda at: iso(at, 0))
        return written

    def _moment(self, query: dict[str, str], name: str) -> float | None:
        text = query.get(name)
        if text is None:
            return None
        if self._seed:
            if not re.fullmatch(r"\d{18}", text):
                raise self.refuse(400, f"{name} is an integer of .NET ticks in this dialect, not {text!r}")
            return (int(text) - EPOCH_TICKS) / 10**7
        moment = unix(text)
        if moment is None:
            raise self.refuse(400, f"{name} is not ISO 8601: {text!r}")
        return moment

    def _choice(self, query: dict[str, str], name: str, known: set[int]) -> int | None:
        value = self.whole(query, name, 0, 1)
        if value and value not in known:
            raise self.refuse(400, f"{name} {value} is not a documented value")
        return value or None

    def jobs(self) -> Response:
        self.bearer()
        self.no_body()
        query = self.query(QUERY, fold=True)
        size = min(self.whole(query, "pageSize", 10, 1), self.page_cap or 10**6)
        start = self.whole(query, "pageNumber", 0, 0) * size
        if "skiptoken" in query:
            place = self._place(query["skiptoken"])
            start = place["at"]
            if self.dialect["skiptoken_carries"] == "filters":
                query = place["query"] | query
        low, high = self._moment(query, "startTime"), self._moment(query, "finishTime")
        kind = self._choice(query, "jobType", TYPES_SEED if self._seed else TYPES)
        service = self._choice(query, "serviceType", SERVICES_SEED if self._seed else SERVICES)
        text = query.get("searchText", "").lower()

        def keep(state: dict[str, Any]) -> bool:
            if kind not in (None, state.get("jobType", 1)) or service not in (None, state.get("serviceType", 1)):
                return False
            if text and text not in str(state["jobId"]).lower() and text not in str(state.get("comments", "")).lower():
                return False
            return self.in_window(state, low, high)

        jobs = self.book.select((low, high, kind, service, text), keep, newest, descending=True)
        shown = jobs[start : start + size]
        filters = {name: value for name, value in query.items() if name not in ("skiptoken", "pageNumber")}
        token = _token({"at": start + size, "query": filters})
        link = self.next_link(start + size < len(jobs), PATH, {"skiptoken": token, "pageNumber": 0}, quote(token, ""))
        tail = "" if link is ABSENT else f',"nextLink":{json.dumps(link)}'
        return reply(f'{{"totalCount":{len(jobs)},"jobs":{self.book.serve_all(shown)}{tail}}}')

    def _place(self, token: str) -> dict[str, Any]:
        try:
            place: dict[str, Any] = json.loads(base64.b64decode(token, validate=True)[3:])
        except (ValueError, binascii.Error) as error:
            reason = f"skiptoken is not one of this server's: {token[:20]}"
            raise Refusal(400, self.error(400, reason), reason) from error
        return place


def _token(place: dict[str, Any]) -> str:
    """Return a skip token that needs percent-encoding: it holds '+' and '=' signs."""
    text = json.dumps(place).encode()
    return base64.b64encode(b"\xfb\xef\xbe" + text + b" " * ((2 - len(text)) % 3)).decode()


def _time_span(seconds: float) -> str:
    """Write a .NET TimeSpan, `00:04:01` or `1.16:00:44`."""
    days, rest = divmod(int(seconds), 86400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}.{clock}" if days else clock


def _ticks(at: float) -> int:
    return EPOCH_TICKS + int(When(at) * 10**7)
