# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Veeam Service Provider Console, REST v3.

Sources: the Get Job page of helpcenter.veeam.com, and Veeam's OpenAPI descriptions 3.5.1 to 3.7. What the API calls a
job is a definition; it shows its latest run, and ``status`` is both that run's state and its result. The console
collects from the backup servers, every hour or at some events: what it says can be old.
"""

from __future__ import annotations

import typing as t
from datetime import datetime

from .._core.errors import AuthLost, BackupError, Refused, Unanswered
from .._core.job import UNDOCUMENTED, Job, Meaning
from .._core.times import from_iso
from .._http.call import Call, Intent, segment
from .._http.response import Response, summary
from ._veeam import CONTINUOUS, JOB, KINDS, STATES, body_of, errors_in, part_of
from .connection import READY_TOKEN, Connection, Login
from .contract import BackupSystem
from .listing import Listing, Page
from .reading import as_array, as_count, as_id, as_object, as_seconds, as_text, elapsed, later
from .selection import Selection
from .vocabulary import Capabilities

_PAGE = 500
_SERVERS = "/infrastructure/backupServers"
_JOBS = f"{_SERVERS}/jobs"
_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# An asynchronous answer is fetched after this long; results are kept for five minutes.
_ASYNC_PAUSE = 0.5
_ASYNC_LOOKS = 120
# What was ordered and is queued shows at the jobs; so long for a refusal.
_ORDER_LOOKS = 10
# Of so many servers a warning tells why they could not be made to collect.
_NAMED = 5
# The newest version whose documents name what we read: it is the first that tells the next run. And the oldest that the
# documents of the current product call supported; newer servers accept it.
_NEWEST_VERSION = "3.6.1"
_OLDEST_VERSION = "3.5.1"


class _Canceled(Unanswered):
    """What was queued will not be done."""


class VeeamVspc(BackupSystem):
    """Jobs of all backup servers that the console knows and the login may see."""

    NAME = "veeam_vspc"
    TITLE = "Veeam Service Provider Console"
    STATES = STATES
    KINDS = KINDS
    CONTINUOUS = CONTINUOUS
    CAPABILITIES = Capabilities(one_by_id=True, abort=True, steps=True, names=True, definitions=True)
    API_ROOT = "/api/v3"
    TOKEN_PATH = "/api/v3/token"
    LOGINS = (
        Login(
            ("username", "password"),
            lambda connection: connection.grant(("username", "password"), {"grant_type": "password"}),
        ),
        Login(("refresh_token",), lambda connection: connection.refresh_grant((), {})),
        READY_TOKEN,
    )
    REQUIRED = ("url",)
    OPTIONAL = ("api_version", "collect")
    ID_FORMAT = (_UUID, "a UUID (the job's instanceUid)")
    ID_FOLDS = True

    def __init__(self, *args: t.Any) -> None:
        super().__init__(*args)
        self._asks_newest = not self.connection["api_version"]
        self._took_newest = False
        # Where to ask for a job's news: kept only if somebody will.
        self._server_of: dict[str, str] = {}

    @classmethod
    def headers(cls, connection: Connection, kind: Intent) -> dict[str, str]:
        """Name the version: without it, newer enum values could appear."""
        return {"x-client-version": connection["api_version"] or _OLDEST_VERSION}

    def call(self, kind: Intent, method: str, path: str, **more: t.Any) -> Call:
        """Ask with the newest version that the server takes."""
        call = super().call(kind, method, path, **more)
        if self._asks_newest:
            call = call._replace(headers={**(call.headers or {}), "x-client-version": _NEWEST_VERSION})
        return call

    def get(self, *args: t.Any, **more: t.Any) -> t.Any:
        """Read; the first read finds out which version the server takes. How it refuses one, no document says."""
        if self._asks_newest and not self._took_newest:
            try:
                answer = super().get(*args, **more)
            except Refused:
                self._asks_newest = False
            else:
                self._took_newest = True
                return answer
        return super().get(*args, **more)

    def list_jobs(self, selection: Selection) -> Listing:
        """Page through the definitions of all servers.

        The console could filter by name. But what it makes of blanks and letter case nobody says, and of a job that it
        left out nothing would be known.
        """
        errors: list[str] = []

        def fetch(offset: int) -> Page:
            query = [("limit", str(_PAGE)), ("offset", str(offset))]
            body = self.get(self.API_ROOT + _JOBS, query, self._settled)
            items = body.get("data")
            if not isinstance(items, list):
                raise Unanswered(f"GET {self.API_ROOT}{_JOBS} was answered, but holds no list of jobs")
            errors.extend(errors_in(body))
            paging = as_object(as_object(body.get("meta")).get("pagingInfo"))
            return Page(items, offset + len(items), as_count(paging.get("total")))

        listing = self.paged(0, fetch)
        if errors:
            listing.incomplete(f"the console sent errors beside it: {'; '.join(dict.fromkeys(errors))}")
        return listing

    def find_jobs(self, selection: Selection) -> Listing:
        """Read one job by its uid, several from the list; what an incomplete list does not hold, one by one."""
        if len(selection.job_ids) == 1:
            return self._one(selection.job_ids[0])
        listing = self.list_jobs(selection)
        if not listing.complete:
            known = {self.id_key(job_id) for job_id in listing.jobs}
            listing = Listing.of(listing.jobs.values())
            for job_id in selection.job_ids:
                if self.id_key(job_id) not in known:
                    listing.merge(self._one(job_id))
        return listing

    def _one(self, job_id: str) -> Listing:
        listing = Listing()
        path = f"{self.API_ROOT}{_JOBS}/{segment(job_id)}"

        def settled(response: Response) -> dict[str, t.Any]:
            return self._settled(response, job_id)

        body = self.get(path, parse=settled, answered=lambda response: response.status == 404)
        if "data" in body:
            self.take(listing, [body["data"]])
        return listing

    def stop_job(self, job: Job) -> str:
        """Ask the console to stop the run."""
        return self._order("write", f"{_JOBS}/{segment(job.id)}/stop", "the stop was refused")

    def collect(self, jobs: t.Iterable[Job]) -> None:
        """Ask the servers of these jobs to report now. When what they report is there, is not documented."""
        keys = [self.id_key(job.id) for job in jobs]
        troubles: list[str] = []
        for server in dict.fromkeys(self._server_of[key] for key in keys if key in self._server_of):
            try:
                self._order("collect", f"{_SERVERS}/{segment(server)}/collect", "the collection was refused")
            except AuthLost:
                # As it is for one server, it is for the others.
                raise
            except BackupError as exc:
                troubles.append(str(exc))
        if troubles:
            more = [f"and {len(troubles) - _NAMED} servers more"] if len(troubles) > _NAMED else []
            raise BackupError("; ".join([*troubles[:_NAMED], *more]))

    def _order(self, kind: t.Literal["write", "collect"], path: str, refused: str) -> str:
        """Order something once; give what was said. The console answers when it is queued, not when it is done."""
        answer = self.http.write(self.call(kind, "POST", self.API_ROOT + path))
        queued = answer.status == 202
        if queued:
            try:
                with self.http.within(_ORDER_LOOKS * _ASYNC_PAUSE):
                    answer = self._queued_result(answer, _ORDER_LOOKS)
            except _Canceled as exc:
                raise Refused(f"{refused}: {exc}", 202) from exc
            except BackupError:
                # What became of it, the jobs will show.
                return "queued"
        said = errors_in(body_of(answer))
        if said:
            raise Refused(f"{refused}: {'; '.join(said)}", answer.status)
        return "queued, then carried out" if queued else f"HTTP {answer.status}"

    def _settled(self, response: Response, job_id: str = "") -> dict[str, t.Any]:
        """Give the object in the answer. Any call may be queued (202): then its result is fetched."""
        queued = response.status == 202
        if queued:
            response = self._queued_result(response, _ASYNC_LOOKS)
        body = as_object(response.json())
        # The console's error names what is missing: of a queued call that may also be its result.
        if response.status == 404 and any(
            not queued or job_id.casefold() in said.casefold() for said in errors_in(body)
        ):
            return {}
        # A 404 without the console's own error comes from something before it, and data that are null say nothing.
        if response.status == 404 or body.get("data") is None:
            raise Unanswered(f"{response.headline}, but holds no data: {summary(response)}")
        return body

    def _queued_result(self, response: Response, looks: int) -> Response:
        action = response.headers.get("Location", "").rstrip("/").rpartition("/")[2]
        if not action:
            raise Unanswered("the call was queued (HTTP 202) without saying where its result will be")
        path = f"{self.API_ROOT}/asyncActions/{segment(action)}"
        for _look in range(looks):
            known = self.get(path, parse=lambda answer: answer, answered=lambda answer: answer.status == 404)
            if known.status == 404:
                raise Unanswered("the queued call is not known any more")
            status = as_text(as_object(body_of(known).get("data")).get("status")) or "nothing"
            if status.casefold() != "running":
                break
            self.http.clock.sleep(_ASYNC_PAUSE)
        if status.casefold() == "canceled":
            raise _Canceled("the queued call was canceled")
        if status.casefold() not in ("succeed", "failed"):
            if status.casefold() == "running":
                raise Unanswered(f"the queued call was still running after {looks * _ASYNC_PAUSE:.0f} s")
            raise Unanswered(f"the queued call ended as {status}")
        failed = status.casefold() == "failed"

        def answers(answer: Response) -> bool:
            return bool(errors_in(body_of(answer))) and (failed or answer.status != 404)

        def taken(answer: Response) -> Response:
            if answer.status == 404 and not answers(answer):
                raise Unanswered("the result of the queued call is not there any more")
            return answer

        result: Response = self.get(
            f"{path}/result", parse=taken, answered=lambda answer: answer.status == 404 or answers(answer)
        )
        return result

    def may_pass(self, response: Response) -> bool:
        """Say whether an error is one of those that Veeam's document calls "send again", whatever its status is."""
        kinds = [as_text(as_object(error).get("type")) or "" for error in as_array(body_of(response).get("errors"))]
        return any(kind.casefold() in ("transport", "retryablelogical") for kind in kinds)

    def asks_to_wait(self, response: Response) -> list[t.Any]:
        """Where the document says for how long: ``{"errors": [{"code": 429, "retryAfter": 25}]}``, and no header."""
        return [as_object(error).get("retryAfter") for error in as_array(body_of(response).get("errors"))]

    def to_job(self, raw: dict[str, t.Any]) -> Job | None:
        """Read one definition with its latest run."""
        job_id = as_id(raw.get("instanceUid"))
        if job_id is None:
            return None
        word = as_text(raw.get("status"))
        server = as_text(raw.get("backupServerUid"))
        if server is not None and self.http.allow_collect:
            self._server_of[self.id_key(job_id)] = server
        # No word at all is not the word "None", which would mean a job at rest.
        meaning = UNDOCUMENTED if word is None else self.meaning(word)
        started, ended = from_iso(raw.get("lastRun")), from_iso(raw.get("lastEndTime"))
        message = as_text(raw.get("failureMessage"))
        stale = started is not None and ended is not None and ended >= started
        if meaning.state == "finished" and started and ended and ended < started:
            # The result is the previous run's while the next one has begun: nothing says how that one goes.
            meaning = Meaning("unknown", None, JOB)
            message = "the console shows the result of an earlier run than the one that began last"
        # Nothing documents that a job which runs, and no longer only starts, can show them as well.
        begins = stale and word is not None and word.casefold() == "starting"
        if meaning.state != "finished":
            # Veeam's own example shows a starting job with the start, end and duration of the run before.
            started, ended = (None if stale and meaning.state != "idle" else started), None
        average = as_seconds(raw.get("avgDuration"))
        return Job(
            system=self.NAME,
            id=job_id,
            name=as_text(raw.get("name")),
            **self.purpose(as_text(raw.get("type"))),
            state=meaning.state,
            result=meaning.result,
            vendor_state=word,
            started=started,
            finished=ended,
            duration=(elapsed(started, ended) or as_seconds(raw.get("lastDuration"))) if ended else None,
            eta=later(started, average) if meaning.state == "running" else None,
            eta_is_average=True,
            next_run=from_iso(as_object(raw.get("schedule")).get("startDateTimeUtc"))
            if raw.get("isEnabled") is True
            else None,
            message=message,
            parts=tuple(part_of(as_object(task)) for task in as_array(raw.get("lastSessionTasks"))),
            run=as_text(raw.get("lastRun")) or "",
            record=f"{raw.get('lastRun')} {raw.get('lastEndTime')}" if ended or begins else "",
        )


def _next_run(raw: dict[str, t.Any]) -> datetime | None:
    """When a definition runs next: only of one that is enabled, and told since version 3.6.1."""
    return from_iso(as_object(raw.get("schedule")).get("startDateTimeUtc")) if raw.get("isEnabled") is True else None
