# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Veeam Backup & Replication, REST API on port 9419.

Sources: Veeam's OpenAPI descriptions 1.2-rev1 and 1.3-rev2. A job here is a session, which is one run. ``state`` says
whether it has ended, and only then ``result`` says how; an end time says nothing, as Veeam's own example shows one of
a session that starts. What the API calls a job is a definition: only it tells when it runs next, which its newest
session is made to say. Where none is listed it is a job of its own, at rest. Both have UUIDs of the server.
"""

from __future__ import annotations

import sys
import typing as t
from datetime import datetime, timedelta, timezone

from .._core.job import Job
from .._core.times import from_iso, iso, to_iso_z
from .._http.call import Call
from ._vbr_calls import VbrCalls
from ._vbr_words import ACTIVE, CONTINUOUS, KINDS, KINDS_SOURCE, OF_JOB, STATES
from .connection import READY_TOKEN, Login
from .contract import ACCEPTED
from .listing import Listing
from .reading import as_id, as_object, as_seconds, as_text, elapsed
from .selection import Selection
from .vocabulary import Capabilities

_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# Of these the document says that their job can be stopped, and so gracefully.
_GRACEFUL = frozenset({"backupjob", "replicajob"})
_NEVER = datetime.min.replace(tzinfo=timezone.utc)
_CLOCKS_DIFFER = timedelta(hours=1)
# Where only what is active matters, so much of the history is read all the same: in it no filter can hide a session.
_RECENT = timedelta(days=1)


class VeeamVbr(VbrCalls):
    """Sessions and jobs of one backup server."""

    NAME = "veeam_vbr"
    TITLE = "Veeam Backup & Replication"
    STATES = STATES
    KINDS = KINDS
    KINDS_SOURCE = KINDS_SOURCE
    CONTINUOUS = CONTINUOUS
    CAPABILITIES = Capabilities(one_by_id=True, abort=True, log=True, percent=True, names=True)
    TOKEN_PATH = "/api/oauth2/token"
    LOGINS = (
        Login(
            ("username", "password"),
            lambda connection: connection.grant(("username", "password"), {"grant_type": "password"}),
        ),
        Login(("refresh_token",), lambda connection: connection.refresh_grant((), {})),
        READY_TOKEN,
    )
    REQUIRED = ("url",)
    OPTIONAL = ("api_version",)
    OPTION_NOTES: t.ClassVar[t.Mapping[str, str]] = {
        "api_version": "it is sent as C(x-api-version); V(1.2-rev1) if left out, and a newer server should be asked "
        "with its own, such as V(1.3-rev2)"
    }
    ID_FORMAT = (_UUID, "a UUID (the id of a session, or of a job)")
    ID_FOLDS = True

    def __init__(self, *args: t.Any) -> None:
        super().__init__(*args)
        # When what is active was first asked for. Fixed, so that what ends while somebody waits stays in the list.
        self._since: datetime | None = None
        # Session -> the definition that it is a run of; definition -> the session that it calls its last one.
        self._owner: dict[str, str] = {}
        self._last_run: dict[str, str] = {}
        # Definitions that were said to run while no session told so: whoever waits for their end has to see it.
        self._only_said_to_run: set[str] = set()

    def keep(self) -> dict[str, t.Any]:
        """Keep since when what has ended is listed, and which definitions are."""
        return {**super().keep(), "since": iso(self._since), "said_to_run": sorted(self._only_said_to_run)}

    def restore(self, kept: dict[str, t.Any]) -> None:
        """Go on with these."""
        super().restore(kept)
        self._since = from_iso(kept["since"])
        self._only_said_to_run = set(kept["said_to_run"])

    def list_jobs(self, selection: Selection) -> Listing:
        """Read sessions, and definitions after them: what began in between is noticed."""
        self._owner.clear()
        after = selection.started_after
        if selection.about == "active":
            listing = self._recent_and_active()
        else:
            # Its clock may be behind ours. What began before that is left out when the list is there.
            listing = self._sessions(("createdAfterFilter", to_iso_z(after - _CLOCKS_DIFFER)) if after else None)
        # A wait for the end of runs has no use for definitions, and who asks for what has ended has none either.
        if selection.about != "new" and not selection.only_ended:
            self._add_definitions(listing, selection)
        return listing

    def _recent_and_active(self) -> Listing:
        """Read what began lately or ended since the first look, and what is active however old it is.

        How the server filters by state is not documented, so what has no result yet is asked for as well.
        """
        self._since = self._since or self.http.clock.now() - _CLOCKS_DIFFER
        listing = self._sessions(("createdAfterFilter", to_iso_z(self._since - _RECENT)))
        more = [("endedAfterFilter", to_iso_z(self._since)), ("resultFilter", "None")]
        for chosen in [*more, *(("stateFilter", state) for state in ACTIVE)]:
            listing.merge(self._sessions(chosen))
        return listing

    def _sessions(self, chosen: tuple[str, str] | None) -> Listing:
        """Page through sessions, newest first: what begins meanwhile shifts rows to later pages, and hides none."""
        query = [("orderColumn", "CreationTime"), ("orderAsc", "false"), *([chosen] if chosen else [])]
        return self.pages("sessions", query, self.to_job)

    def _definitions(self, *chosen: tuple[str, str]) -> Listing:
        return self.pages("jobs/states", chosen, self._definition)

    def _add_definitions(self, listing: Listing, selection: Selection) -> None:
        """Let the newest run that is selected tell when its definition runs next; without one, the definition does."""
        runs: dict[str, list[Job]] = {}
        for job in listing.jobs.values():
            runs.setdefault(self._owner.get(job.id, ""), []).append(job)
        found = self._definitions()
        for definition in found.jobs.values():
            mine = [job for job in runs.get(self.id_key(definition.id), ()) if _may_be_run(job, definition)]
            if definition.active and not any(job.active for job in mine):
                mine += self._unseen_run(listing, definition)
            chosen = list(selection.among(mine))
            if chosen:
                newest = max(chosen, key=lambda job: job.started or _NEVER)
                listing.jobs[newest.id] = newest._replace(next_run=definition.next_run)
            if definition.id in self._only_said_to_run or (not chosen and selection.about == "all"):
                listing.add([definition])
        found.jobs = {}
        listing.merge(found)

    def _unseen_run(self, listing: Listing, definition: Job) -> list[Job]:
        """Read the run of a definition that is said to run: it may have begun since the list was read."""
        named = self._last_run.get(definition.id)
        session = None if named is None or named in listing.jobs else self.session(named)
        if session is not None and (job := self.to_job(session)) is not None and job.active:
            self.take(listing, [session])
            return [listing.jobs[job.id]]
        self._only_said_to_run.add(definition.id)
        return []

    def find_jobs(self, selection: Selection) -> Listing:
        """Read sessions one by one: the list is a server's whole history. An id that is none may be a definition's."""
        listing = Listing()
        for job_id in selection.job_ids:
            session = self.session(job_id)
            if session is not None:
                self.take(listing, [session])
                continue
            found = self._definitions(("idFilter", job_id))
            found.jobs = {known: job for known, job in found.jobs.items() if self.id_key(known) == self.id_key(job_id)}
            listing.merge(found)
        return listing

    def log_call(self, job: Job) -> Call:
        """Ask for the log: JSON, the newest record first."""
        return self.call("read", "GET", self.path("sessions", job.id, "/logs"))

    def stop_job(self, job: Job) -> str:
        """Stop a run gracefully where its type allows it; else the session, and how that is done nobody says."""
        if (job.vendor_state or "").startswith(OF_JOB):
            return self.stop_gracefully(job.id, None)
        session = self.session(job.id) or {}
        owner, now = as_text(session.get("jobId")), self.to_job(session)
        # Of a session that has just ended the job may already have another one.
        if owner and now and now.active and (now.type or "").casefold() in _GRACEFUL:
            return self.stop_gracefully(owner, job.id)
        self.http.write(self.call("write", "POST", self.path("sessions", job.id, "/stop")))
        return ACCEPTED

    def to_job(self, raw: dict[str, t.Any]) -> Job | None:
        """Read one session."""
        job_id = as_id(raw.get("id"))
        if job_id is None:
            return None
        result = as_object(raw.get("result"))
        word = _word(as_text(raw.get("state")), result)
        meaning = self.meaning(word)
        started = from_iso(raw.get("creationTime"))
        finished = from_iso(raw.get("endTime")) if meaning.state == "finished" else None
        owner = as_text(raw.get("jobId"))
        if owner:
            # A hundred thousand sessions have few definitions.
            self._owner[job_id] = sys.intern(self.id_key(owner))
        return Job(
            system=self.NAME,
            id=job_id,
            name=as_text(raw.get("name")),
            **self.purpose(as_text(raw.get("sessionType"))),
            state=meaning.state,
            result=meaning.result,
            vendor_state=word,
            started=started,
            finished=finished,
            duration=elapsed(started, finished),
            percent=_percent(raw.get("progressPercent")),
            message=as_text(result.get("message")),
        )

    def _definition(self, raw: dict[str, t.Any]) -> Job | None:
        """Read one definition: whether it runs, and when it will. How its runs ended, they tell themselves."""
        job_id, status = as_id(raw.get("id")), as_text(raw.get("status"))
        if job_id is None:
            return None
        named = as_text(raw.get("sessionId"))
        if named:
            self._last_run[job_id] = named
        word = f"{OF_JOB}{status}" if status else None
        meaning = self.meaning(word)
        disabled = status is not None and status.casefold() == "disabled"
        return Job(
            system=self.NAME,
            id=job_id,
            name=as_text(raw.get("name")),
            **self.purpose(as_text(raw.get("type"))),
            state=meaning.state,
            result=meaning.result,
            vendor_state=word,
            percent=_percent(raw.get("progressPercent")) if meaning.state == "running" else None,
            next_run=None if disabled else from_iso(raw.get("nextRun")),
        )


def _may_be_run(job: Job, definition: Job) -> bool:
    """Whether a session with the id of a definition can be its run: a restore of its backups is none."""
    return job.kind is None or definition.kind is None or job.kind == definition.kind


def _percent(value: t.Any) -> float | None:
    percent = as_seconds(value)
    return percent if percent is not None and percent <= 100 else None


def _word(state: str | None, result: dict[str, t.Any]) -> str | None:
    """Give the words that tell how a session is: its state, and of one that has stopped, how it ended."""
    if state is None or state.casefold() != "stopped":
        return state
    outcome = "isCanceled" if result.get("isCanceled") is True else as_text(result.get("result"))
    return f"{state} {outcome}" if outcome else state
