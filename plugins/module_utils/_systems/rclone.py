# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""rclone's remote control (``rclone rcd``).

Source: a real rclone 1.75 and 1.60, and the help text of its own calls. All calls are POST; an unknown job is HTTP 500;
an aborted job is told only by its error text; finished jobs leave the list after ``--rc-job-expire-duration``.
"""

from __future__ import annotations

import typing as t
from datetime import timedelta

from .._core.errors import BackupError, Refused
from .._core.job import Job
from .._core.times import from_iso
from .._http.logins import basic_auth
from ._rclone import JOB_GONE, STATES, is_check, is_gone, is_query, judge, own_group, with_statistics, word_of
from ._rclone_calls import RemoteControl
from .connection import Login
from .contract import ACCEPTED, BackupSystem
from .listing import Listing
from .reading import as_id, as_seconds, as_text
from .selection import Selection
from .vocabulary import Capabilities

T = t.TypeVar("T")

_DETAIL_PAUSE = 60.0
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
    ERROR_FIELDS = ("error",)
    REQUIRED = ("url",)
    ID_FORMAT = (r"[0-9]+", "a number")
    HAS_TYPES = False

    def __init__(self, *args: t.Any) -> None:
        super().__init__(*args)
        self._remote = RemoteControl(self)
        self._ended: dict[int, Job] = {}
        # What we had stopped, and what a look had no need to read.
        self._stopped: set[int] = set()
        self._history: set[int] = set()
        # Running job -> its group, as the last look saw it.
        self._groups: dict[int, str | None] = {}
        self._no_details_until = float("-inf")

    def list_jobs(self, selection: Selection) -> Listing:
        """Read the status of each id that is not known to be over, or to be a call that only asked; newest first.

        Where only what runs matters, or what is over matters only if nothing runs, the history is left unread.
        """
        listing = Listing()
        running = self._read_ids(listing)
        if running is not None and selection.about != "all":
            self._read(listing, running - self._history)
            if selection.about == "active" or any(job.active for job in listing.jobs.values()):
                # What ended before the first look is history; what has ended since is read, once.
                self._history = self._history or self._remote.ids - running - self._ended.keys()
        self._read(listing, self._remote.ids - self._history)
        self._groups = {int(job.id): job.name for job in listing.jobs.values() if job.active}
        jobs = [self._with_progress(job) if job.active else job for job in listing.jobs.values()]
        listing.jobs = {job.id: job for job in jobs}
        return listing

    def _read(self, listing: Listing, numbers: t.Iterable[int]) -> None:
        for job_number in sorted(numbers, reverse=True):
            if job_number not in self._remote.calls and str(job_number) not in listing.jobs:
                job = self._ended.get(job_number) or self._job(job_number, listing)
                listing.add([job] if job is not None else [])

    def _read_ids(self, listing: Listing) -> set[int] | None:
        running = self._remote.read_ids(listing)
        if self._remote.is_another:
            # It counts from 1 again: what we know is about other jobs.
            self._ended.clear()
            self._stopped.clear()
            self._history.clear()
        for number in self._ended.keys() - self._remote.ids:
            del self._ended[number]
        self._history &= self._remote.ids
        return running

    def find_jobs(self, selection: Selection) -> Listing:
        """Read the status of each id."""
        listing = Listing()
        found = [self._job(int(job_id), listing, by_id=True) for job_id in selection.job_ids]
        jobs = [job for job in found if job is not None]
        if any(job.active and job.name not in (None, own_group(job)) for job in jobs):
            self._detail(self._find_groups)
        listing.add(self._with_progress(job) if job.active else job for job in jobs)
        return listing

    def _detail(self, ask: t.Callable[[], T]) -> T | None:
        """Ask for a detail: how a job is, its status has said. One that fails, or hangs, is left alone for a while.

        A login that is lost is lost for the next status as well, and told there.
        """
        if self.http.clock.monotonic() < self._no_details_until:
            return None
        try:
            with self.http.within(patience=0.0):
                return ask()
        except BackupError:
            self._no_details_until = self.http.clock.monotonic() + _DETAIL_PAUSE
            return None

    def _find_groups(self) -> None:
        """See what else runs, and in which group: statistics are those of a group."""
        running = self._read_ids(Listing()) or set()
        self._groups = {number: group for number, group in self._groups.items() if number in running}
        for number in running - self._remote.calls - self._groups.keys():
            job = self._job(number, Listing())
            if job is not None and job.active:
                self._groups[number] = job.name

    def stop_job(self, job: Job) -> str:
        """Ask rclone to stop the job; it answers at once, with nothing."""
        answer = self.http.write(self._remote.call("write", "job/stop", {"jobid": int(job.id)}, answered=is_gone))
        if is_gone(answer):
            raise Refused("rclone does not know the job any more", answer.status)
        self._stopped.add(int(job.id))
        return ACCEPTED

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
        return {**super().keep(), "remote": self._remote.keep(), "history": sorted(self._history)}

    def restore(self, kept: dict[str, t.Any]) -> None:
        """Take that over."""
        super().restore(kept)
        self._remote.restore(kept["remote"])
        self._history = set(kept["history"])

    def close(self) -> None:
        """Leave behind which entries of the list are calls of ours."""
        super().close()
        self._remote.leave()

    def _job(self, job_number: int, listing: Listing, by_id: bool = False) -> Job | None:
        status = self._remote.ask("job/status", {"jobid": job_number}, answered=is_gone)
        if "id" not in status and JOB_GONE in (as_text(status.get("error")) or ""):
            return None
        if self._remote.is_ours(status, job_number):
            return None
        job = self.to_job(status)
        if job is None or job.id != str(job_number):
            listing.incomplete(f"the status of job {job_number} cannot be read")
            return None
        if not by_id and is_query(status):
            self._remote.calls.add(job_number)
            return None
        if not job.active:
            self._ended[job_number] = job
        return job

    def _with_progress(self, job: Job) -> Job:
        """Add what the statistics of its group say, where the group had no other job."""
        shared = sum(group == job.name for group in self._groups.values()) > 1
        group = job.name or own_group(job)
        stats = None if shared else self._detail(lambda: self._remote.ask("core/stats", {"group": group}))
        if stats is None:
            return job
        return with_statistics(job, stats, self.http.clock.now(), self.http.server_ahead)

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
