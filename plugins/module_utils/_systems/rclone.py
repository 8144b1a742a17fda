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
from datetime import timedelta

from .._core.errors import AuthLost, BackupError, Refused, Unanswered
from .._core.job import Counts, Job, Part
from .._core.times import from_iso
from .._http.call import Call
from .._http.logins import basic_auth
from .._http.response import Response, summary
from ._rclone import JOB_GONE, STATES, is_check, is_gone, is_query, judge, word_of
from .connection import Login
from .contract import BackupSystem
from .listing import Listing
from .reading import as_array, as_count, as_id, as_object, as_seconds, as_text, later
from .selection import Selection
from .vocabulary import Capabilities

T = t.TypeVar("T")

_OURS = "changeops.backup"
_LEDGER = "changeops_backup_calls"
_MARK = "changeops_backup_session"
_DETAIL_PAUSE = 60.0
# A group whose statistics are older than the job by more than this had another job before.
_SAME_AGE = 3.0
# What begins in one group so close together is a batch and its parts, as far as anybody can see.
_TOGETHER = timedelta(milliseconds=50)


class Rclone(BackupSystem):
    """Jobs of one running remote control server."""

    NAME = "rclone"
    TITLE = "rclone remote control"
    STATES = STATES
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
        # Calls that are no jobs: ours, and questions of others.
        self._our_calls: set[int] = set()
        self._ended: dict[int, Job] = {}
        # What we had stopped, what a look had no need to read, and all that the server listed.
        self._stopped: set[int] = set()
        self._history: set[int] = set()
        self._ids: set[int] = set()
        # Running job -> its group, as the last look saw it.
        self._groups: dict[int, str | None] = {}
        self._no_details_until = float("-inf")
        self._server: str | None = None
        # The id that the server gave the last call, and the call by which an old server is known again.
        self._last_call: int | None = None
        self._marked: int | None = None
        self._session = uuid.uuid4().hex
        self._listed = False
        self._answers = False

    def list_jobs(self, selection: Selection) -> Listing:
        """Read the status of each id that is not known to be over, or to be a call that only asked; newest first.

        Where only what runs matters, or what is over matters only if nothing runs, the history is left unread.
        """
        listing = Listing()
        self._listed = True
        running = self._read_ids(listing)
        if running is not None and selection.about != "all":
            self._read(listing, running - self._history)
            if selection.about == "active" or any(job.active for job in listing.jobs.values()):
                # What ended before the first look is history; what has ended since is read, once.
                self._history = self._history or self._ids - running - self._ended.keys()
        self._read(listing, self._ids - self._history)
        self._groups = {int(job.id): job.name for job in listing.jobs.values() if job.active}
        jobs = [self._with_progress(job) if job.active else job for job in listing.jobs.values()]
        listing.jobs = {job.id: job for job in jobs}
        return listing

    def _read(self, listing: Listing, numbers: t.Iterable[int]) -> None:
        for job_number in sorted(numbers, reverse=True):
            if job_number not in self._our_calls and str(job_number) not in listing.jobs:
                job = self._ended.get(job_number) or self._job(job_number, listing)
                listing.add([job] if job is not None else [])

    def _read_ids(self, listing: Listing) -> set[int] | None:
        """Ask for all ids; gives those of what runs, None from a server that does not say which these are."""
        earlier = frozenset(self._our_calls)
        answer = self._rc("job/list")
        if not self._is_same_server(as_text(answer.get("executeId"))):
            # It counts from 1 again: what we know is about other jobs.
            self._our_calls -= earlier
            self._ended.clear()
            self._stopped.clear()
            self._history.clear()
        numbers = answer.get("jobids")
        if not isinstance(numbers, list):
            raise Unanswered("job/list was answered without jobids")
        self._ids = _whole_numbers(numbers)
        if len(self._ids) < len(numbers):
            listing.incomplete("job/list holds what is no id, or an id twice")
        running, finished = answer.get("runningIds"), answer.get("finishedIds")
        if not isinstance(running, list) or not isinstance(finished, list):
            return None
        # What it does not call finished may run.
        return self._ids - (_whole_numbers(finished) - _whole_numbers(running))

    def _is_same_server(self, server: str | None) -> bool:
        """Say whether ids mean what they meant at the last look.

        A server before ``executeId`` (1.60) does not say who it is: it is known by the echo of a call of ours, which
        it keeps like that of any other. Without that, every look would have to ask for all calls of those before it.
        """
        if server is not None:
            known, self._server = self._server, server
            return server == known
        if self._marked is not None:
            status = self._rc("job/status", {"jobid": self._marked}, answered=is_gone)
            if as_object(status.get("output")).get(_MARK) == self._session:
                return True
        self._rc("rc/noop", {_MARK: self._session})
        self._marked = self._last_call
        return False

    def find_jobs(self, selection: Selection) -> Listing:
        """Read the status of each id."""
        listing = Listing()
        found = [self._job(int(job_id), listing) for job_id in selection.job_ids]
        jobs = [job for job in found if job is not None]
        if any(job.active and job.name not in (None, _own_group(job)) for job in jobs):
            self._detail(self._find_groups)
        listing.add(self._with_progress(job) if job.active else job for job in jobs)
        return listing

    def _detail(self, ask: t.Callable[[], T]) -> T | None:
        """Ask for a detail: how a job is, its status has said. One that fails, or hangs, is left alone for a while."""
        if self.http.clock.monotonic() < self._no_details_until:
            return None
        try:
            with self.http.within(patience=0.0):
                return ask()
        except AuthLost:
            raise
        except BackupError:
            self._no_details_until = self.http.clock.monotonic() + _DETAIL_PAUSE
            return None

    def _find_groups(self) -> None:
        """See what else runs, and in which group: statistics are those of a group."""
        running = self._read_ids(Listing()) or set()
        self._groups = {number: group for number, group in self._groups.items() if number in running}
        for number in running - self._our_calls - self._groups.keys():
            job = self._job(number, Listing())
            if job is not None and job.active:
                self._groups[number] = job.name

    def stop_job(self, job: Job) -> str:
        """Ask rclone to stop the job; it answers at once, with nothing."""
        answer = self.http.write(self._call("write", "job/stop", {"jobid": int(job.id)}, answered=is_gone))
        if is_gone(answer):
            raise Refused("rclone does not know the job any more", answer.status)
        self._stopped.add(int(job.id))
        return f"HTTP {answer.status}"

    def whole(self, jobs: t.Sequence[Job]) -> list[Job]:
        """Leave out the parts of a batch: they are jobs in the list as well, of its group, and end with it."""
        heads: list[Job] = []
        for job in sorted(jobs, key=lambda one: int(one.id)):
            began = [head.started for head in heads if head.name == job.name and head.started]
            if not (job.started and any(abs(job.started - start) <= _TOGETHER for start in began)):
                heads.append(job)
        return [job for job in jobs if job in heads]

    def keep(self) -> dict[str, t.Any]:
        """What was no job, and what was over before the wait began."""
        known = {"server": self._server, "calls": sorted(self._our_calls), "history": sorted(self._history)}
        return {**super().keep(), **known}

    def restore(self, kept: dict[str, t.Any]) -> None:
        """Take that over."""
        super().restore(kept)
        self._server = kept["server"]
        self._our_calls, self._history = set(kept["calls"]), set(kept["history"])

    def close(self) -> None:
        """Leave the ids of our calls behind, as the echo of a call that does nothing: those that its list still has."""
        super().close()
        if self._listed and self._answers:
            newest = max(self._ids, default=0)
            still = sorted(number for number in self._our_calls if number in self._ids or number > newest)
            # Only a convenience for the next session: without it, that one asks for each id.
            with contextlib.suppress(BackupError), self.http.within(patience=0.0):
                self._rc("rc/noop", {_LEDGER: still})

    def _job(self, job_number: int, listing: Listing) -> Job | None:
        status = self._rc("job/status", {"jobid": job_number}, answered=is_gone)
        if "id" not in status and JOB_GONE in (as_text(status.get("error")) or ""):
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
        if is_query(status):
            self._our_calls.add(job_number)
            return None
        if not job.active:
            self._ended[job_number] = job
        return job

    def _with_progress(self, job: Job) -> Job:
        """Add what the statistics of its group say, where the group had no other job."""
        shared = sum(group == job.name for group in self._groups.values()) > 1
        group = job.name or _own_group(job)
        stats = None if shared else self._detail(lambda: self._rc("core/stats", {"group": group}))
        if stats is None:
            return job
        age, counted = self._age(job), as_seconds(stats.get("elapsedTime"))
        if age is not None and counted is not None and counted > age + _SAME_AGE:
            # They count from an earlier job of the group on.
            return job
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

    def _age(self, job: Job) -> float | None:
        if job.started is None:
            return None
        return (self.http.clock.now() - job.started).total_seconds() + self.http.server_ahead

    def to_job(self, raw: dict[str, t.Any]) -> Job | None:
        """Read one status. A running job has an end in year 1 and ``success: false``: only ``finished`` counts."""
        job_id = as_id(raw.get("id"))
        if job_id is None:
            return None
        number = int(job_id) if job_id.isdecimal() else -1
        word = word_of(raw, number in self._stopped)
        errors = judge(raw.get("output"))[1]
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
            message=as_text(raw.get("error")) or "; ".join(errors[:5]) or None,
            kind="other" if is_check(raw.get("output")) else None,
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


def _own_group(job: Job) -> str:
    """The group that rclone gives a job for which none was named."""
    return f"job/{job.id}"


def _whole_numbers(values: t.Iterable[t.Any]) -> set[int]:
    return {value for value in values if isinstance(value, int) and not isinstance(value, bool)}
