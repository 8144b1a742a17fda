# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What a backup job is, the same for every system. No I/O."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta

from .times import from_iso, iso

State = t.Literal["queued", "running", "stopping", "paused", "idle", "finished", "unknown"]
Result = t.Literal["success", "warning", "failed", "canceled", "skipped"]
# What a run is for. "backup" makes a restore point of production data, replicas and snapshots included; "copy" is of
# backups; "other" is sync, report, retention, discovery, check.
Kind = t.Literal["backup", "copy", "archive", "restore", "export", "other"]
STATES: tuple[State, ...] = t.get_args(State)
RESULTS: tuple[Result, ...] = t.get_args(Result)
KINDS: tuple[Kind, ...] = t.get_args(Kind)
INACTIVE: frozenset[str] = frozenset({"idle", "finished"})


class Meaning(t.NamedTuple):
    """What one vendor word means, and which document says that the word exists."""

    state: State
    result: Result | None
    source: str


# A start that is told again can have lost its fraction, or got one.
_SAME_START = timedelta(seconds=1)
UNDOCUMENTED = Meaning("unknown", None, "not documented")


class Counts(t.NamedTuple):
    """Objects (records, volumes, files) inside a job. None where the system does not say."""

    successful: int | None = None
    failed: int | None = None
    skipped: int | None = None
    total: int | None = None


COUNTS = Counts._fields


class Part(t.NamedTuple):
    """A volume, an object or a step of a job."""

    name: str | None
    state: State
    result: Result | None
    message: str | None = None
    counts: Counts = Counts()

    def to_dict(self) -> dict[str, t.Any]:
        """Give the part as a module returns it."""
        return {**self._asdict(), "counts": self.counts._asdict()}


class Job(t.NamedTuple):
    """One run of a backup job, or a definition with its latest run (``veeam_vspc``).

    A named tuple and not a dataclass: a hundred thousand of them have to fit beside their JSON.
    ``run`` tells one run from the next where the id alone does not (a definition's start time, a restarted server), and
    ``record`` tells what a definition shows of the run that ended last, also while the next one begins. These two, and
    ``eta_is_average``, are for waits and aborts, and not returned.
    """

    system: str
    id: str
    name: str | None
    type: str | None
    state: State
    result: Result | None
    vendor_state: str | None
    started: datetime | None = None
    finished: datetime | None = None
    duration: float | None = None
    percent: float | None = None
    eta: datetime | None = None
    counts: Counts = Counts()
    message: str | None = None
    parts: tuple[Part, ...] = ()
    log_path: str | None = None
    raw: dict[str, t.Any] | None = None
    run: str = ""
    record: str = ""
    kind: Kind | None = None
    # It runs for ever in the background, as the vendor documents.
    continuous: bool = False
    next_run: datetime | None = None
    # The expected end comes from how long other runs took, which is no promise.
    eta_is_average: bool = False

    @property
    def active(self) -> bool:
        """Say whether the job may still touch data. What is unknown may."""
        return self.state not in INACTIVE

    @property
    def face(self) -> tuple[t.Any, ...]:
        """What changes when the job moves."""
        return (self.state, self.vendor_state, self.percent, self.counts, self.message, self.parts, self.run)

    def is_run_after(self, earlier: Job | None) -> bool:
        """Say whether that run of a definition has given way to this one: how it ended, nothing tells any more.

        While a run begins its start is not known: then the definition still shows the one before it.
        """
        if earlier is None or not earlier.active or earlier.started is None or self.started is None:
            return False
        return self.run != earlier.run and self.started > earlier.started + _SAME_START

    def is_run_before(self, later: Job | None) -> bool:
        """Say whether this is old news: what a definition showed before that run of it began."""
        if later is None or not later.active:
            return False
        if later.started is not None and self.started is not None:
            return self.started < later.started - _SAME_START
        return not self.active and self.record != "" and self.record == later.record

    def to_dict(self) -> dict[str, t.Any]:
        """Give the job as a module returns it: times as ISO 8601 UTC."""
        return {
            "system": self.system,
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "state": self.state,
            "result": self.result,
            "active": self.active,
            "vendor_state": self.vendor_state,
            "started": iso(self.started),
            "finished": iso(self.finished),
            "duration": self.duration,
            "percent": self.percent,
            "eta": iso(self.eta),
            "kind": self.kind,
            "continuous": self.continuous,
            "next_run": iso(self.next_run),
            "counts": dict(zip(COUNTS, self.counts)),
            "message": self.message,
            "parts": [part.to_dict() for part in self.parts],
            "log_path": self.log_path,
            "raw": self.raw,
        }

    @classmethod
    def from_dict(cls, kept: t.Mapping[str, t.Any], run: str = "", record: str = "") -> Job:
        """Read back what ``to_dict`` gave."""
        fields = {name: value for name, value in kept.items() if name != "active"}
        parts = tuple(Part(**{**part, "counts": Counts(**part["counts"])}) for part in kept["parts"])
        moments = {name: from_iso(kept[name]) for name in ("started", "finished", "eta", "next_run")}
        fields = {**fields, **moments, "counts": Counts(**kept["counts"]), "parts": parts}
        return cls(**fields, run=run, record=record)

    def __str__(self) -> str:
        label = f"{self.id} ({self.name})" if self.name and self.name != self.id else self.id
        return f"{label} {self.result or self.state}"


def tally(words: t.Iterable[str | None], every: t.Iterable[str] = ()) -> dict[str, int]:
    """Count each word that is not None; ``every`` one of these is in the result, also where there is none."""
    counted = dict.fromkeys(every, 0)
    for word in words:
        if word is not None:
            counted[word] = counted.get(word, 0) + 1
    return counted
