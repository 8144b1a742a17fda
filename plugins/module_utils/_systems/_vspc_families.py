# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The families of jobs of a Veeam Service Provider Console: of backup servers, of agents, of Microsoft 365.

Each has a list of its own, in which a job is told of in nearly the same words. Sources: Veeam's OpenAPI descriptions
3.5.1 to 3.6.2, BackupAgentJob and Vb365Job.
"""

from __future__ import annotations

import typing as t

from .._core.errors import BackupError, NotPermitted, Refused, Unanswered
from .._core.job import Job
from .._http.call import segment
from ._veeam import errors_in
from ._vspc_calls import VspcCalls
from .listing import Listing, Page
from .reading import as_count, as_object, as_text

Raw = dict[str, t.Any]
OF_SERVERS = "backup_servers"
SERVERS = "/infrastructure/backupServers"
_AGENTS = "/infrastructure/backupAgents"
_365 = "/infrastructure/vb365Servers"
_PAGE = 500


class Family(t.NamedTuple):
    """One list of jobs: where it is, whose jobs it holds, and how it tells of them."""

    path: str
    # What people call its jobs.
    what: str
    # A job of it, told of as one of a backup server.
    read: t.Callable[[Raw], Raw] = dict
    # Where a call for one of its jobs goes, if it has to name what the job runs on, and the field that tells this.
    one: str = ""
    holder: str = ""


def _of_an_agent(raw: Raw) -> Raw:
    return {**raw, "type": "BackupAgentJob", "schedule": {"startDateTimeUtc": raw.get("nextRun")}}


def _of_365(raw: Raw) -> Raw:
    """There is no end, and the word may be null: of a job that never ran that is rest."""
    never = "lastStatus" in raw and raw["lastStatus"] is None and raw.get("lastRun") is None
    return {
        **raw,
        "type": raw.get("jobType"),
        "status": "None" if never else raw.get("lastStatus"),
        "lastEndTime": None,
        "failureMessage": raw.get("lastStatusDetails"),
        "schedule": {"startDateTimeUtc": raw.get("nextRun")},
    }


FAMILIES: t.Mapping[str, Family] = {
    OF_SERVERS: Family(f"{SERVERS}/jobs", "jobs of backup servers"),
    "agents": Family(
        f"{_AGENTS}/jobs",
        "jobs of backup agents",
        _of_an_agent,
        f"{_AGENTS}/{{holder}}/jobs/{{job}}",
        "backupAgentUid",
    ),
    "microsoft_365": Family(
        f"{_365}/organizations/jobs",
        "jobs of Microsoft 365",
        _of_365,
        f"{_365}/{{holder}}/organizations/jobs/{{job}}",
        "vb365ServerUid",
    ),
}


def _place(family: Family, raw: Raw, job_id: str) -> str | None:
    """Where a call for one job goes. None: the console does not say on what it runs."""
    holder = as_text(raw.get(family.holder))
    return None if holder is None else family.one.format(holder=segment(holder), job=segment(job_id))


class VspcFamilies(VspcCalls):
    """Reads the lists. A job wears the uid that its own list gives it."""

    def __init__(self, *args: t.Any) -> None:
        super().__init__(*args)
        chosen = self.connection["job_families"] or FAMILIES
        self.families = {name: family for name, family in FAMILIES.items() if name in chosen}
        # Those whose list was not whole at the last look.
        self.cut: set[str] = set()
        # Job of another family -> where it is stopped; None: the console does not say where.
        self.places: dict[str, str | None] = {}

    def read_lists(self, families: t.Mapping[str, Family]) -> tuple[Listing, list[BackupError]]:
        """Read the lists of these families.

        A list that the login may not read, or that the console does not have, is left out and told of; where it was
        asked for it is a refusal.
        """
        listing, refused = Listing(), list[BackupError]()
        self.cut.clear()
        for name, family in families.items():
            try:
                found = self._list(name, family)
            except (NotPermitted, Refused) as exc:
                if self.connection["job_families"] or (isinstance(exc, Refused) and exc.status != 404):
                    raise
                refused.append(exc)
                listing.leave_out(family.what, str(exc))
                continue
            for job_id in found.jobs.keys() & listing.jobs.keys():
                found.add([self._renamed(name, found.jobs.pop(job_id))])
            listing.merge(found)
            if not found.complete:
                self.cut.add(name)
        return listing, refused

    def _renamed(self, family: str, job: Job) -> Job:
        """Let a job whose uid another family has as well wear the name of its own before it."""
        job_id = f"{family}:{job.id}"
        self.places[self.id_key(job_id)] = self.places.pop(self.id_key(job.id), None)
        return job._replace(id=job_id)

    def _list(self, name: str, family: Family) -> Listing:
        """Page through the definitions of one family.

        The console could filter by name. But what it makes of blanks and letter case nobody says, and of a job that it
        left out nothing would be known.
        """
        errors: list[str] = []

        def fetch(offset: int) -> Page:
            query = [("limit", str(_PAGE)), ("offset", str(offset))]
            body = self.get(self.API_ROOT + family.path, query, self.settled)
            items = body.get("data")
            if not isinstance(items, list):
                raise Unanswered(f"GET {self.API_ROOT}{family.path} was answered, but holds no list of jobs")
            errors.extend(errors_in(body))
            paging = as_object(as_object(body.get("meta")).get("pagingInfo"))
            return Page(items, offset + len(items), as_count(paging.get("total")))

        def read(raw: dict[str, t.Any]) -> Job | None:
            job = self.to_job(family.read(raw))
            if job is not None and name != OF_SERVERS:
                self.places[self.id_key(job.id)] = _place(family, raw, job.id)
            return job

        listing = self.paged(0, fetch, read=read)
        if errors:
            listing.incomplete(f"the console sent errors beside it: {'; '.join(dict.fromkeys(errors))}")
        return listing
