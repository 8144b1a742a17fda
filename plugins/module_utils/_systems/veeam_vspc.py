# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Veeam Service Provider Console, REST v3.

Sources: the Get Job page of helpcenter.veeam.com, and Veeam's OpenAPI descriptions 3.5.1 to 3.7. What the API calls a
job is a definition; it shows its latest run, and ``status`` is both that run's state and its result. The console
collects from the backup servers, every hour or at some events: what it says can be old.
"""

from __future__ import annotations

import contextlib
import typing as t
from datetime import datetime

from .._core.errors import AuthLost, BackupError, NotPermitted
from .._core.job import UNDOCUMENTED, Job, Meaning
from .._core.times import from_iso
from .._http.call import segment
from .._http.response import Response
from ._veeam import CONTINUOUS, JOB, KINDS, STATES, part_of
from ._vspc_families import NO_SWITCH, OF_SERVERS, SERVERS, VspcFamilies, switch_call
from .connection import READY_TOKEN, Login
from .listing import Listing
from .orders import Switch, Switches, Wanted
from .reading import as_array, as_id, as_object, as_seconds, as_text, elapsed, later
from .selection import Selection
from .vocabulary import Capabilities

_JOBS = f"{SERVERS}/jobs"
_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# Of so many servers a warning tells why they could not be made to collect.
_NAMED = 5


class VeeamVspc(VspcFamilies):
    """Jobs of all servers and agents that the console knows and the login may see."""

    NAME = "veeam_vspc"
    TITLE = "Veeam Service Provider Console"
    STATES = STATES
    KINDS = KINDS
    KINDS_SOURCE = "VSPC OpenAPI 3.5.1 to 3.6.1, BackupServerJob.type and Vb365Job.jobType"
    CONTINUOUS = CONTINUOUS
    CAPABILITIES = Capabilities(
        one_by_id=True, abort=True, steps=True, names=True, definitions=True, start=True, schedule=True
    )
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
    OPTIONAL = ("api_version", "collect", "job_families")
    OPTION_NOTES: t.ClassVar[t.Mapping[str, str]] = {
        "api_version": "it is sent as C(x-client-version); if left out, V(3.6.1) where the server takes it, else "
        "V(3.5.1)",
        "collect": "it collects from the backup servers of these jobs, whose agents report by themselves only once an "
        "hour; the login must not be read-only",
        "job_families": "V(agents) are those that the console manages itself, V(microsoft_365) stands for Veeam Backup "
        "for Microsoft 365; a list that is asked for here and cannot be read is an error, else it is in C(unseen)",
    }
    ID_FORMAT = (rf"((agents|microsoft_365):)?{_UUID}", "a UUID (the job's instanceUid)")
    ID_FOLDS = True

    def __init__(self, *args: t.Any) -> None:
        super().__init__(*args)
        # Where to ask for a job's news: kept only if somebody will.
        self._server_of: dict[str, str] = {}

    def list_jobs(self, selection: Selection) -> Listing:
        """Read the lists of all families, or of those that were asked for."""
        listing, refused = self.read_lists(self.families)
        if len(refused) == len(self.families):
            raise refused[0]
        return listing

    def find_jobs(self, selection: Selection) -> Listing:
        """Read one job of a backup server by its uid, others from the lists; what such a list lacks, one by one."""
        ids, singles = selection.job_ids, Listing()
        self.cut.clear()
        listing = self._alone(ids[0]) if len(ids) == 1 else self.list_jobs(selection)

        def absent() -> list[str]:
            known = {self.id_key(job_id) for job_id in listing.jobs}
            return [job_id for job_id in ids if self.id_key(job_id) not in known]

        if OF_SERVERS in self.cut:
            for job_id in absent():
                if ":" not in job_id:
                    singles.merge(self._one(job_id))
        listing.add(singles.jobs.values())
        if absent() and (listing.unseen or self.cut - {OF_SERVERS} or not self.cut):
            if listing.unseen:
                listing.incomplete(f"{', '.join(absent())} may be among the jobs that were not seen")
            return listing
        # Whatever a list has kept from us, of each of these it is known whether it is there.
        singles.add(listing.jobs.values())
        return singles

    def _alone(self, job_id: str) -> Listing:
        """Ask for it as a job of a backup server; only if it is none, the other lists are needed."""
        if OF_SERVERS in self.families and ":" not in job_id:
            with contextlib.suppress(*([] if self.connection["job_families"] else [NotPermitted])):
                found = self._one(job_id)
                others = {name: family for name, family in self.families.items() if name != OF_SERVERS}
                return found if found.jobs or not found.complete else self.read_lists(others)[0]
        return self.read_lists(self.families)[0]

    def _one(self, job_id: str) -> Listing:
        listing = Listing()
        path = f"{self.API_ROOT}{_JOBS}/{segment(job_id)}"

        def settled(response: Response) -> dict[str, t.Any]:
            return self.settled(response, job_id)

        body = self.get(
            path, parse=settled, answered=lambda response: response.status == 404 and self.is_own_error(response)
        )
        if "data" in body:
            self.take(listing, [body["data"]])
        return listing

    def stop_job(self, job: Job) -> str:
        """Ask the console to stop the run."""
        return self.order("write", "POST", f"{self.place_of(job.id)}/stop", "the stop was refused")

    def start_run(self, wanted: Wanted) -> str | None:
        """Ask the console to run a definition; the answer does not say which run that is."""
        job_id = wanted.definition.id if wanted.definition else ""
        self.order("write", "POST", f"{self.place_of(job_id)}/start", "the start was refused")
        return None

    def switches(self, selection: Selection) -> Switches:
        """Read of the definitions whether their schedules are on."""
        self.keep_raw = True
        listing = self.look(selection)
        jobs = list(listing.jobs.values())
        fixed = [job for job in jobs if as_object(job.raw).get("systemType") in NO_SWITCH]
        found = (_switch(job._replace(id=self.id_key(job.id))) for job in jobs if job not in fixed)
        warnings = [*listing.warnings, *listing.unmatched.values()]
        if fixed:
            names = ", ".join(map(str, fixed))
            warnings.append(f"not held, as the API turns no schedule of an agent but on Windows: {names}")
        return Switches({one.id: one for one in found}, listing.complete, warnings, listing.missing)

    def turn(self, switches: t.Sequence[Switch], on: bool) -> None:
        """Set whether the schedule of a definition is on."""
        for switch in switches:
            method, path, body = switch_call(self.place_of(switch.id), on)
            self.order("write", method, path, "the change was refused", body)

    def collect(self, jobs: t.Iterable[Job]) -> None:
        """Ask the servers of these jobs to report now. When what they report is there, is not documented."""
        keys = [self.id_key(job.id) for job in jobs]
        troubles: list[str] = []
        for server in dict.fromkeys(self._server_of[key] for key in keys if key in self._server_of):
            try:
                self.order("collect", "POST", f"{SERVERS}/{segment(server)}/collect", "the collection was refused")
            except AuthLost:
                # As it is for one server, it is for the others.
                raise
            except BackupError as exc:
                troubles.append(str(exc))
        if troubles:
            more = [f"and {len(troubles) - _NAMED} servers more"] if len(troubles) > _NAMED else []
            raise BackupError("; ".join([*troubles[:_NAMED], *more]))

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
            next_run=_next_run(raw),
            message=message,
            parts=tuple(part_of(as_object(task)) for task in as_array(raw.get("lastSessionTasks"))),
            run=as_text(raw.get("lastRun")) or "",
            record=f"{raw.get('lastRun')} {raw.get('lastEndTime')}" if ended or begins else "",
        )


def _switch(job: Job) -> Switch:
    on = as_object(job.raw).get("isEnabled")
    known = on if isinstance(on, bool) else None
    return Switch(job.id, job.name, known, job.next_run, job.continuous, job.type, job.kind)


def _next_run(raw: dict[str, t.Any]) -> datetime | None:
    """When a definition runs next: only of one that is enabled, and told since version 3.6.1."""
    return from_iso(as_object(raw.get("schedule")).get("startDateTimeUtc")) if raw.get("isEnabled") is True else None
