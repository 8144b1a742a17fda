# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What Veeam Backup & Replication can be told to do: its definitions are started, and held; their runs are stopped."""

from __future__ import annotations

import typing as t

from .._core.errors import BackupError
from .._core.job import Job
from ._vbr_calls import VbrCalls
from ._vbr_words import OF_JOB
from .contract import ACCEPTED
from .listing import Listing
from .orders import Switch, Switches, Wanted
from .reading import as_id, as_object, as_text
from .selection import Selection


class VbrOrders(VbrCalls):
    """Starts and holds are of definitions. A run is a session, and a job of its own."""

    def __init__(self, *args: t.Any) -> None:
        super().__init__(*args)
        # Nothing but definitions is looked at.
        self.of_definitions = False

    def definitions(self, selection: Selection) -> Listing:
        """Look at nothing but definitions."""
        self.of_definitions = True
        try:
            return self.look(selection)
        finally:
            self.of_definitions = False

    def runs_of(self, definition: Job) -> Listing:
        """Read the sessions of one definition."""
        return self.sessions(("jobIdFilter", definition.id))

    def is_run_of(self, job: Job, wanted: Wanted) -> bool | None:
        """Whether a session is a run of that definition: it names it, and is no restore of its backups."""
        definition = wanted.definition
        owner = as_text(as_object(job.raw).get("jobId"))
        if definition is None or owner is None or (job.vendor_state or "").startswith(OF_JOB):
            return False
        return self.id_key(owner) == self.id_key(definition.id) and may_be_run(job, definition)

    def switches(self, selection: Selection) -> Switches:
        """Read of definitions whether they are disabled: of one that runs, its state does not say so."""
        listing = self.definitions(selection)
        disabled = self.disabled()
        switches = (_switch(job._replace(id=self.id_key(job.id)), disabled) for job in listing.jobs.values())
        warnings = [*listing.warnings, *listing.unmatched.values()]
        return Switches({one.id: one for one in switches}, listing.complete, warnings, listing.missing)

    def disabled(self) -> dict[str, bool]:
        """Read of each definition whether it is disabled. What does not say so is left out."""
        found: dict[str, bool] = {}

        def read(raw: dict[str, t.Any]) -> Job | None:
            job_id, word = as_id(raw.get("id")), raw.get("isDisabled")
            if job_id is not None and isinstance(word, bool):
                found[self.id_key(job_id)] = word
            return None if job_id is None else Job(self.NAME, job_id, None, None, "idle", None, None)

        self.pages("jobs", (), read)
        return found

    def turn(self, switches: t.Sequence[Switch], on: bool) -> None:
        """Enable or disable a definition."""
        for switch in switches:
            self.http.write(self.call("write", "POST", self.path("jobs", switch.id, "/enable" if on else "/disable")))

    def start_run(self, wanted: Wanted) -> str | None:
        """Start a definition; the answer is the session. Without one there was nothing to do."""
        job_id = wanted.definition.id if wanted.definition else ""
        answer = self.http.write(self.call("write", "POST", self.path("jobs", job_id, "/start")))
        if answer.status == 204:
            raise BackupError("the server took the start, and the job has no objects to process: there is no run of it")
        return as_id(as_object(answer.json_or_none()).get("id"))

    def stop_gracefully(self, owner: str, session_id: str | None) -> str:
        """Stop the run of a definition, and perhaps say that it was another one."""
        call = self.call("write", "POST", self.path("jobs", owner, "/stop"), json={"gracefulStop": True})
        stopped = as_id(as_object(self.http.write(call).json_or_none()).get("id"))
        other = session_id and stopped and self.id_key(stopped) != self.id_key(session_id)
        return f"{ACCEPTED}, as a graceful one" + ("; the server answered with another session" if other else "")


def may_be_run(job: Job, definition: Job) -> bool:
    """Whether a session with the id of a definition can be its run: a restore of its backups is none."""
    return job.kind is None or definition.kind is None or job.kind == definition.kind


def _switch(job: Job, disabled: t.Mapping[str, bool]) -> Switch:
    """By the job itself, else by its state, which says so only where nothing runs."""
    known = disabled.get(job.id)
    on = None if job.active else job.vendor_state is not None and job.vendor_state.casefold() != f"{OF_JOB}disabled"
    return Switch(
        job.id, job.name, on if known is None else not known, job.next_run, job.continuous, job.type, job.kind
    )
