# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What a system can be told to do, as the contract has it: each order is one write, sent once."""

from __future__ import annotations

import typing as t
from datetime import datetime

from .._core.job import Job, Kind
from .selection import Selection
from .vocabulary import Vocabulary


class Wanted(t.NamedTuple):
    """What is to be started: a definition, or what the option ``start`` holds."""

    definition: Job | None = None
    fields: t.Mapping[str, t.Any] = {}


class Switch(t.NamedTuple):
    """A schedule that can be turned off and on. ``on`` is None where the system does not say."""

    id: str
    name: str | None
    on: bool | None
    next_run: datetime | None = None
    # It is about what runs for ever in the background.
    continuous: bool = False
    type: str | None = None
    kind: Kind | None = None

    def __str__(self) -> str:
        return f"{self.id} ({self.name})" if self.name and self.name != self.id else self.id


class Switches(t.NamedTuple):
    """The schedules of a selection as one look saw them, by id; an id is spelled in one way only."""

    found: dict[str, Switch]
    complete: bool = True
    warnings: t.Sequence[str] = ()
    # Ids that were asked for and are not there.
    missing: t.Sequence[str] = ()


class Orders(Vocabulary):
    """What may be asked of a system beside reading. Each belongs to a capability, and is called only where that is."""

    def stop_job(self, job: Job) -> str:
        """Ask the system to stop a job; give its words."""
        raise NotImplementedError

    @classmethod
    def check_start(cls, fields: t.Mapping[str, t.Any]) -> None:
        """Refuse what ``STARTS`` cannot say of the fields of a start: that two of them belong together."""
        return

    def start_run(self, wanted: Wanted) -> str | None:
        """Ask for a run; give its id where the answer tells one."""
        raise NotImplementedError

    def is_run_of(self, job: Job, wanted: Wanted) -> bool | None:
        """Whether a job is a run of that. None: the system does not say. A restore or an archive is none.

        Of definitions it is not asked: a run of one wears its id. ``job.raw`` is there.
        """
        raise NotImplementedError

    @classmethod
    def check_switches(cls, selection: Selection) -> None:
        """Refuse a selection where schedules cannot be chosen. Default: they can."""
        return

    def switches(self, selection: Selection) -> Switches:
        """Read the schedules of a selection that can be turned off."""
        raise NotImplementedError

    def together(self, switches: t.Sequence[Switch]) -> list[list[Switch]]:
        """Say which of these one write turns. Default: each has its own."""
        return [[switch] for switch in switches]

    def turn(self, switches: t.Sequence[Switch], on: bool) -> None:
        """Turn schedules that belong together off or on, by one write."""
        raise NotImplementedError
