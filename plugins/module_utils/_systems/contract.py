# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The contract between a backup system and everything else.

A system is one class in ``_systems/``: tables first (``Vocabulary``), then ``to_job`` and a few calls; what it can be
told to do is in ``Orders``.
Nothing outside that file knows its name.
"""

from __future__ import annotations

import functools
import json
import typing as t
from abc import ABC, abstractmethod
from datetime import datetime, timezone

from .._core.errors import BackupError, Unanswered
from .._core.job import Job, Part
from .._http.aside import Worker
from .._http.call import Call, Dialect, Intent
from .._http.response import Response, start_of, summary
from .._http.transport import Transport
from .connection import Connection
from .estimates import with_ends
from .listing import Listing, Page
from .orders import Orders
from .paging import PageLoop
from .reading import as_object
from .selection import Selection, unmatched

# Reads one job as the API gives it. None: it has no id.
Read = t.Callable[[dict[str, t.Any]], t.Optional[Job]]
# A job whose start is not known may have begun last, and one at rest has not begun.
_LATEST = datetime.max.replace(tzinfo=timezone.utc)
_NOT_YET = datetime.min.replace(tzinfo=timezone.utc)
# What is said of a stop that the system took without a word of its own.
ACCEPTED = "the stop was accepted"
# What fields hold that say nothing.
NOTHING: tuple[t.Any, ...] = (None, "", [], {})
# What the system knows anyway only every hour, it is not made to ask for more often than this.
_COLLECT_EVERY = 300.0


class BackupSystem(Orders, Dialect, ABC):
    """One backup system. Subclasses fill in the tables and the few calls."""

    def __init__(self, connection: Connection, http: Transport) -> None:
        self.connection = connection
        self.http = http
        self.keep_raw = False
        self._aside = Worker()
        # When the system was last asked to collect, on the monotonic clock.
        self.collected_at: float | None = None

    # -- what a system must or may say ---------------------------------------------------------------------------

    @abstractmethod
    def list_jobs(self, selection: Selection) -> Listing:
        """All jobs of the selection's time window, complete; finer filters are applied by the caller."""

    @abstractmethod
    def to_job(self, raw: dict[str, t.Any]) -> Job | None:
        """Read one job as the API gives it. None: it has no id."""

    def find_jobs(self, selection: Selection) -> Listing:
        """Find the jobs with the selection's ids; those not there are left out. Default: in the list."""
        return self.list_jobs(selection)

    def whole(self, jobs: t.Sequence[Job]) -> list[Job]:
        """Leave out those that are parts of another one of these and end with it. Default: there are none."""
        return list(jobs)

    def steps(self, job: Job) -> tuple[Part, ...]:
        """Read the job's steps where they take a call of their own. Default: what the job already holds."""
        return job.parts

    def log_call(self, job: Job) -> Call:
        """The read whose answer is the job's log. Only where the capability ``log`` is true."""
        raise NotImplementedError

    def collect(self, jobs: t.Iterable[Job]) -> None:
        """Have the system bring in how these jobs are, where it may not know it yet. Default: it always does."""
        return

    def keep(self) -> dict[str, t.Any]:
        """What the next slice of a wait has to know of the looks before it, as JSON can hold it."""
        return {"collected_at": self.collected_at}

    def restore(self, kept: dict[str, t.Any]) -> None:
        """Take over what the slice before kept."""
        self.collected_at = kept["collected_at"]

    def close(self) -> None:
        """Leave nothing behind, here and on the system. Default: there it is nothing."""
        self._aside.close()

    @classmethod
    def headers(cls, connection: Connection, kind: Intent) -> dict[str, str]:
        """Headers of every call of this kind: read, write, collect or login."""
        return {}

    def beside(self, body: dict[str, t.Any], response: Response) -> str:
        """Say what stands beside the rows of a good answer and tells of errors: then rows may be missing."""
        value = body.get("errors")
        if isinstance(value, dict):
            value = {name: word for name, word in value.items() if word not in NOTHING}
        return f"the server sent errors beside it: {start_of(json.dumps(value), response.mask)[:200]}" if value else ""

    def is_own_error(self, response: Response) -> bool:
        """Whether an error may be the API's own. Web frameworks write some by themselves, with a ``title``."""
        body = as_object(response.json_or_none())
        strange = bool(self.ERROR_FIELDS and body) and not body.keys() & {*self.ERROR_FIELDS, "title"}
        return super().is_own_error(response) and not strange

    # -- a look --------------------------------------------------------------------------------------------------

    def look(self, selection: Selection) -> Listing:
        """Give the selected jobs, each once: in the order of the ids asked for, else newest first."""
        if selection.nothing:
            return Listing()
        wanted = selection._replace(types=tuple(str(self.type_word(word)).casefold() for word in selection.types))
        listing = self._seen(selection, wanted)
        listing.missing = [job_id for job_id in selection.job_ids if job_id not in listing.jobs]
        asked = (listing.jobs[job_id] for job_id in selection.job_ids if job_id in listing.jobs)
        listing.excluded = [job.id for job in asked if selection.excludes(job)]
        listing.unmatched = unmatched(selection, wanted, listing.jobs.values())
        # Only now is the system's clock known.
        jobs = list(wanted.on_clock(self.http.server_ahead).among(listing.jobs.values()))
        jobs = with_ends(jobs, listing.jobs.values(), self.http.clock.now())
        if selection.job_ids:
            order = {job_id: place for place, job_id in enumerate(selection.job_ids)}
            jobs.sort(key=lambda job: order[job.id])
        else:
            jobs.sort(key=lambda job: job.started or (_NOT_YET if job.state == "idle" else _LATEST), reverse=True)
        listing.cut = selection.max_results is not None and len(jobs) > selection.max_results
        listing.jobs = {job.id: job for job in jobs[: selection.max_results]}
        strange = sorted({str(job.vendor_state) for job in listing.jobs.values() if job.state == "unknown"})
        if strange:
            listing.warnings.append(
                f"{self.TITLE} reports states that its documents do not name, or that say nothing: "
                f"{', '.join(strange)}. Such jobs count as active"
            )
        return listing

    def _seen(self, selection: Selection, wanted: Selection) -> Listing:
        listing = self._found(selection)
        now = self.http.clock.monotonic()
        if self.http.allow_collect and (self.collected_at is None or now - self.collected_at >= _COLLECT_EVERY):
            self.collected_at = now
            trouble = ""
            # By what a job is. How it is and since when may be the very thing that is not known yet.
            meant = wanted._replace(states=(), results=(), started_after=None, started_before=None)
            try:
                self.collect(meant.among(listing.jobs.values()))
            except BackupError as exc:
                trouble = f"{self.TITLE} could not be made to collect, so what it shows may be old: {exc}"
            listing = self._found(selection)
            listing.warnings += [trouble] if trouble else []
        return listing

    def _found(self, selection: Selection) -> Listing:
        if not selection.job_ids:
            return self.list_jobs(selection)
        listing = self.find_jobs(selection)
        if self.ID_FOLDS:
            asked = {self.id_key(job_id): job_id for job_id in selection.job_ids}
            worn = ((asked.get(self.id_key(job.id), job.id), job) for job in listing.jobs.values())
            listing.jobs = {job_id: job._replace(id=job_id) for job_id, job in worn}
        return listing

    # -- helpers for subclasses ----------------------------------------------------------------------------------

    def call(self, kind: Intent, method: str, path: str, **more: t.Any) -> Call:
        """One request to ``path`` below the API's address; ``more`` are fields of ``Call``."""
        headers = {**self.headers(self.connection, kind), **more.pop("headers", {})}
        return Call(kind, method, self.connection.url + path, headers=headers, dialect=self, **more)

    def get(
        self,
        path: str,
        query: t.Sequence[tuple[str, str]] = (),
        parse: t.Callable[[Response], t.Any] = Response.json,
        answered: t.Callable[[Response], bool] = lambda response: False,
    ) -> t.Any:
        """Read ``path`` below the API's address."""
        return self.http.read(self.call("read", "GET", path, query=query, answered=answered), parse)

    def rows(
        self, path: str, query: t.Sequence[tuple[str, str]], key: str, envelope: t.Sequence[str] = ()
    ) -> tuple[list[t.Any], dict[str, t.Any], str]:
        """Read a list: the rows below ``key``, the object they stand in, and what was said of errors beside them.

        An answer without rows is no answer.
        """

        def parse(response: Response) -> tuple[list[t.Any], dict[str, t.Any], str]:
            body = as_object(response.json())
            trouble = self.beside(body, response)
            for name in envelope:
                body = as_object(body.get(name))
                trouble = trouble or self.beside(body, response)
            items = body.get(key)
            if items is None and 0 in (body.get("total"), body.get("totalCount")):
                items = []
            if not isinstance(items, list):
                raise Unanswered(f"{response.headline}, but holds no {key}: {summary(response)}")
            return items, body, trouble

        result: tuple[list[t.Any], dict[str, t.Any], str] = self.get(path, query, parse)
        return result

    def take(self, listing: Listing, items: t.Iterable[t.Any], read: Read | None = None) -> int:
        """Add raw jobs to a listing; give how many were new. What cannot be read makes the listing incomplete."""
        read = read or self.to_job
        jobs = []
        for item in items:
            job = read(as_object(item))
            if job is None:
                listing.incomplete("an entry of the list has no job id")
            else:
                jobs.append(job._replace(raw=item) if self.keep_raw else job)
        return listing.add(jobs)

    def paged(
        self,
        first: t.Any,
        fetch: t.Callable[[t.Any], Page],
        enough: t.Callable[[Listing], bool] | None = None,
        read: Read | None = None,
    ) -> Listing:
        """Fetch page after page until there is nothing more, and say so where that cannot be known.

        ``read`` reads a row where a system has lists of several kinds; else it is ``to_job``.
        """
        return PageLoop(fetch, functools.partial(self.take, read=read), self._aside, enough).read(first)
