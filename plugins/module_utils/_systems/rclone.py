# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""rclone's remote control (``rclone rcd``).

Source: a real rclone 1.75 and 1.60, and the help text of its own calls. All calls are POST; an unknown job is HTTP 500;
an aborted job is told only by its error text; finished jobs leave the list after ``--rc-job-expire-duration``.

Every call to the remote control is itself a job in its list. Ours carry a group of their own, by which they are
known; the ids of one session are left behind in a last call, so that the next session need not ask for each.
"""

from __future__ import annotations

import contextlib
import typing as t
import uuid

from .._core.errors import BackupError, Refused, Unanswered
from .._core.job import Counts, Job, Meaning, Part
from .._core.times import from_iso
from .._http.call import Call
from .._http.logins import basic_auth
from .._http.response import Response, summary
from .connection import Login
from .contract import BackupSystem
from .listing import Listing
from .reading import as_array, as_count, as_id, as_object, as_seconds, as_text, later
from .selection import Selection
from .vocabulary import Capabilities

_SEEN = "job/status of a real rclone 1.75"
_OURS = "changeops.backup"
_LEDGER = "changeops_backup_calls"
_MARK = "changeops_backup_session"
_ABORTED = "context canceled"
_JOB_GONE = "job not found"


class Rclone(BackupSystem):
    """Jobs of one running remote control server."""

    NAME = "rclone"
    TITLE = "rclone remote control"
    # rclone has no word for a state: these are made of the fields finished, success and error.
    STATES: t.ClassVar[t.Mapping[str, Meaning]] = {
        "running": Meaning("running", None, f"{_SEEN}: finished false"),
        "success": Meaning("finished", "success", f"{_SEEN}: finished true, success true"),
        "error": Meaning("finished", "failed", f"{_SEEN}: finished true, success false"),
        _ABORTED: Meaning("finished", "canceled", f"{_SEEN}: finished true, success false, error '{_ABORTED}'"),
    }
    CAPABILITIES = Capabilities(one_by_id=True, abort=True, steps=True, percent=True, names=True)
    API_ROOT = "/job"
    LOGINS = (
        Login(
            ("username", "password"),
            lambda connection: basic_auth(connection["username"], connection["password"], connection.on_secret),
        ),
    )
    REQUIRED = ("url",)
    ID_FORMAT = (r"[0-9]+", "a number")
    HAS_TYPES = False

    def __init__(self, *args: t.Any) -> None:
        super().__init__(*args)
        # Calls that are no jobs: ours, and looks by others.
        self._our_calls: set[int] = set()
        self._ended: dict[int, Job] = {}
        self._server: str | None = None
        # The id that the server gave the last call, and the call by which an old server is known again.
        self._last_call: int | None = None
        self._marked: int | None = None
        self._session = uuid.uuid4().hex
        self._listed = False
        self._answers = False

    def list_jobs(self, selection: Selection) -> Listing:
        """Read the ids, newest first, and the status of each that is not known to be over or to be our own call."""
        listing = Listing()
        self._listed = True
        earlier = frozenset(self._our_calls)
        answer = self._rc("job/list")
        if not self._is_same_server(as_text(answer.get("executeId"))):
            # It counts from 1 again: what we know is about other jobs.
            self._our_calls -= earlier
            self._ended.clear()
        numbers = answer.get("jobids")
        if not isinstance(numbers, list):
            raise Unanswered("job/list was answered without jobids")
        known = {entry for entry in numbers if isinstance(entry, int) and not isinstance(entry, bool)}
        if len(known) < len(numbers):
            listing.incomplete("job/list holds what is no id, or an id twice")
        for job_number in sorted(known, reverse=True):
            if job_number in self._our_calls:
                continue
            job = self._ended.get(job_number) or self._job(job_number, listing)
            if job is not None:
                listing.add([job])
        return listing

    def _is_same_server(self, server: str | None) -> bool:
        """Say whether ids mean what they meant at the last look.

        A server before ``executeId`` (1.60) does not say who it is: it is known by the echo of a call of ours, which
        it keeps like that of any other. Without that, every look would have to ask for all calls of those before it.
        """
        if server is not None:
            known, self._server = self._server, server
            return server == known
        if self._marked is not None:
            status = self._rc("job/status", {"jobid": self._marked}, answered=_not_found)
            if as_object(status.get("output")).get(_MARK) == self._session:
                return True
        self._rc("rc/noop", {_MARK: self._session})
        self._marked = self._last_call
        return False

    def find_jobs(self, selection: Selection) -> Listing:
        """Read the status of each id."""
        listing = Listing()
        found = [self._job(int(job_id), listing) for job_id in selection.job_ids]
        listing.add(job for job in found if job is not None)
        return listing

    def stop_job(self, job: Job) -> str:
        """Ask rclone to stop the job; it answers at once, with nothing."""
        answer = self.http.write(self._call("write", "job/stop", {"jobid": int(job.id)}, answered=_not_found))
        if _not_found(answer):
            raise Refused("rclone does not know the job any more", answer.status)
        return f"HTTP {answer.status}"

    def close(self) -> None:
        """Leave the ids of our calls behind, as the echo of a call that does nothing."""
        super().close()
        if self._listed and self._answers:
            # Only a convenience for the next session: without it, that one asks for each id.
            with contextlib.suppress(BackupError), self.http.within(patience=0.0):
                self._rc("rc/noop", {_LEDGER: sorted(self._our_calls)})

    def _job(self, job_number: int, listing: Listing) -> Job | None:
        status = self._rc("job/status", {"jobid": job_number}, answered=_not_found)
        if "id" not in status and _JOB_GONE in (as_text(status.get("error")) or ""):
            return None
        if status.get("group") == _OURS:
            known = as_object(status.get("output")).get(_LEDGER)
            self._our_calls.update(entry for entry in as_array(known) if isinstance(entry, int))
            self._our_calls.add(job_number)
            return None
        job = self.to_job(status)
        if job is None or job.id != str(job_number):
            listing.incomplete(f"the status of job {job_number} cannot be read")
            return None
        if _is_poll(status):
            self._our_calls.add(job_number)
            return None
        if job.active:
            return self._with_progress(job, as_text(status.get("group")))
        self._ended[job_number] = job
        return job

    def _with_progress(self, job: Job, group: str | None) -> Job:
        stats = self._rc("core/stats", {"group": group or f"job/{job.id}"})
        done, total = as_count(stats.get("bytes")), as_count(stats.get("totalBytes"))
        return job._replace(
            percent=min(100.0, round(100.0 * done / total, 1)) if done is not None and total else None,
            eta=later(self.http.clock.now(), as_seconds(stats.get("eta"))),
            counts=Counts(
                successful=as_count(stats.get("transfers")),
                failed=as_count(stats.get("errors")),
                total=as_count(stats.get("totalTransfers")),
            ),
            parts=tuple(
                Part(as_text(as_object(transfer).get("name")), "running", None)
                for transfer in as_array(stats.get("transferring"))
            ),
        )

    def to_job(self, raw: dict[str, t.Any]) -> Job | None:
        """Read one status. A running job has an end in year 1 and ``success: false``: only ``finished`` counts."""
        job_id = as_id(raw.get("id"))
        if job_id is None:
            return None
        error = as_text(raw.get("error"))
        word = _word(raw, error)
        meaning = self.meaning(word)
        over = meaning.state == "finished"
        return Job(
            system=self.NAME,
            id=job_id,
            name=as_text(raw.get("group")),
            type=None,
            state=meaning.state,
            result=meaning.result,
            vendor_state=word,
            started=from_iso(raw.get("startTime")),
            finished=from_iso(raw.get("endTime")) if over else None,
            duration=as_seconds(raw.get("duration")) if over else None,
            message=error,
            raw=raw if self.keep_raw else None,
            # Ids begin at 1 again when the server is restarted. The status of an old one does not say which server it
            # is, and its start alone tells one job 7 from the next.
            run=f"{as_text(raw.get('executeId')) or ''} {as_text(raw.get('startTime')) or ''}",
        )

    def _call(
        self,
        kind: t.Literal["read", "write"],
        path: str,
        parameters: dict[str, t.Any],
        answered: t.Callable[[Response], bool] = lambda response: False,
    ) -> Call:
        return self.call(kind, "POST", f"/{path}", json={**parameters, "_group": _OURS}, answered=answered)

    def _rc(
        self,
        path: str,
        parameters: dict[str, t.Any] | None = None,
        answered: t.Callable[[Response], bool] = lambda response: False,
    ) -> dict[str, t.Any]:
        """Make a read; rclone reads by POST as well."""

        def parse(response: Response) -> dict[str, t.Any]:
            call_id = response.headers.get("X-Rclone-Jobid", "")
            self._last_call = int(call_id) if call_id.isdigit() else None
            if self._last_call is not None:
                self._our_calls.add(self._last_call)
            body = response.json()
            if not isinstance(body, dict):
                raise Unanswered(f"{response.headline}, but holds no object: {summary(response)}")
            return body

        self._answers = False
        result: dict[str, t.Any] = self.http.read(self._call("read", path, parameters or {}, answered), parse)
        self._answers = True
        return result


def _not_found(response: Response) -> bool:
    body = as_object(response.json_or_none()) if response.status in (404, 500) else {}
    return _JOB_GONE in (as_text(body.get("error")) or "")


def _is_poll(status: dict[str, t.Any]) -> bool:
    """Tell a look that somebody else took at the jobs: it is in the list as well, with what it was answered."""
    output = as_object(status.get("output"))
    return status.get("finished") is True and ("jobids" in output or {"finished", "startTime"} <= output.keys())


def _word(status: dict[str, t.Any], error: str | None) -> str | None:
    """Make one word of the fields that tell how a job is; None: they say something else."""
    if status.get("finished") is False:
        return "running"
    if status.get("finished") is not True or not isinstance(status.get("success"), bool):
        return None
    if status["success"]:
        return "success"
    return _ABORTED if error is not None and error.endswith(_ABORTED) else "error"
