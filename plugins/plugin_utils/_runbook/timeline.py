# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The geometry of the timeline: which jobs get a lane, which time is shown, and where everything lies in percent of it.

Nothing here asks what time it is. "Now" is the time of the last look that the model holds, so rendering again gives the
same picture.
"""

from __future__ import annotations

import math
import typing as t

from .texts import STAGES, job_name, seconds_of, utc

MOST_LANES = 60
MOST_TICKS = 8

Model = dict[str, t.Any]
Job = dict[str, t.Any]
Role = t.Literal["active", "aborted", "blocker", "past"]
ROLES: tuple[Role, ...] = t.get_args(Role)

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_STEPS = (
    *(_MINUTE * count for count in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * count for count in (1, 2, 3, 6, 12)),
    *(_DAY * count for count in (1, 2, 7, 14, 28, 91, 182, 365)),
)
_SHORTEST = 30 * _MINUTE
# How far a job outside of window and stages may stretch the time shown.
_REACH = 3 * _HOUR
_REACH_IF_EMPTY = 48 * _HOUR
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Bar(t.NamedTuple):
    """A part of a lane. It came from before the time shown, or goes on after it, where it says so."""

    x: float
    width: float
    from_before: bool = False
    goes_on: bool = False


class Mark(t.NamedTuple):
    """A moment with a name."""

    kind: t.Literal["now", "latest_start", "abort"]
    x: float
    seconds: float


class Tick(t.NamedTuple):
    """A line of the axis; ``day`` where another day begins to count."""

    x: float
    label: str
    day: str | None


class Lane(t.NamedTuple):
    """A job. ``due`` is where its next run begins, ``fits`` what the blocker of this job says."""

    host: str
    title: str
    job: Job
    role: Role
    blocks: bool
    fits: bool | None
    ran: Bar | None
    expected: Bar | None
    due: float | None
    aborts: tuple[Mark, ...]


class Timeline(t.NamedTuple):
    """Everything that is drawn. ``outside`` jobs lie outside of the time shown, ``hidden`` ones are over the cap."""

    start: float
    end: float
    now: float | None
    window: Bar | None
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    lanes: tuple[Lane, ...]
    hidden: int
    outside: int


class _Known(t.NamedTuple):
    """A job and what the rest of the model says of it."""

    host: str
    title: str
    job: Job
    role: Role
    blocker: Model | None
    aborts: tuple[float, ...]
    began: float | None
    ended: float | None

    def latest(self) -> float:
        """Give its latest moment, to put the newest first."""
        return max(self.began or 0.0, self.ended or 0.0)


def timeline(model: Model) -> Timeline:
    """Lay out the jobs of a report."""
    change = model["change"]
    window = seconds_of(change["start"]), seconds_of(change["end"])
    latest_start = seconds_of(change["latest_start"])
    stages = [seconds_of(stage["at"]) for stage in _stages(model)]
    requested = [seconds_of(action["requested_at"]) for action in model["actions"] if action["action"] == "abort"]
    looks = _only(stages) or _only(seconds_of(run["ended"] or run["began"]) for run in model["runs"])
    now = max(looks) if looks else None
    jobs = sorted(_jobs(model, now), key=_rank)
    core = _only([*window, latest_start, now, *stages, *requested])
    start, end = _time_shown(core, jobs)
    place = _Place(start, end)
    lanes = [lane for lane in (_lane(known, place, now) for known in jobs) if lane is not None]
    marks = [
        Mark("latest_start", place.x(latest_start), latest_start) if latest_start is not None else None,
        Mark("now", place.x(now), now) if now is not None else None,
        *(Mark("abort", place.x(one), one) for one in _homeless(requested, jobs)),
    ]
    return Timeline(
        start,
        end,
        now,
        place.stretch(*window) if None not in window else None,
        _ticks(start, end),
        tuple(mark for mark in marks if mark is not None),
        tuple(lanes[:MOST_LANES]),
        len(lanes[MOST_LANES:]),
        len(jobs) - len(lanes),
    )


def _only(moments: t.Iterable[float | None]) -> list[float]:
    return [one for one in moments if one is not None]


def _stages(model: Model) -> t.Iterator[Model]:
    for system in model["systems"]:
        yield from (system[name] for name in STAGES if system[name])


def _homeless(requested: t.Iterable[float | None], jobs: t.Iterable[_Known]) -> list[float]:
    """Give the aborts whose job is in no list any more: they are drawn all the same."""
    drawn = {one for known in jobs for one in known.aborts}
    return sorted({one for one in requested if one is not None and one not in drawn})


# -- what is known of each job --------------------------------------------------------------------------------------


def _jobs(model: Model, now: float | None) -> list[_Known]:
    blockers = _by_object(model["blockers"])
    stops = (action for action in model["actions"] if action["action"] == "abort")
    actions = _by_object(action for action in stops if action["requested_at"])
    known = []
    for system in model["systems"]:
        host = system["host"]
        owners = _owners(system["jobs"], {name for of, name in (*blockers, *actions) if of == host})
        theirs: dict[int, list[str]] = {}
        for name, index in owners.items():
            theirs.setdefault(index, []).append(name)
        for index, job in enumerate(system["jobs"]):
            names = theirs.get(index, [])
            blocking = [one for name in names for one in blockers.get((host, name), [])]
            acted = [one for name in names for one in actions.get((host, name), [])]
            role: Role = "active" if job["active"] else "aborted" if acted else "blocker" if blocking else "past"
            aborts = tuple(sorted(_only(seconds_of(one["requested_at"]) for one in acted)))
            title = str(system["title"] or system["system"] or "")
            blocker = blocking[0] if blocking else None
            known.append(_Known(host, title, job, role, blocker, aborts, *_run_of(job, now)))
    return known


def _by_object(rows: t.Iterable[Model]) -> dict[tuple[str, str], list[Model]]:
    found: dict[tuple[str, str], list[Model]] = {}
    for row in rows:
        found.setdefault((row["host"], str(row["object"])), []).append(row)
    return found


def _owners(jobs: list[Job], names: set[str]) -> dict[str, int]:
    """Find for each object the job that is meant: by its id, else of those with the name the active or newest one."""
    best: dict[str, tuple[tuple[bool, bool, str], int]] = {}
    for index, job in enumerate(jobs):
        for name, by_id in ((str(job["id"]), True), (job["name"], False)):
            if name in names:
                weight = (by_id, bool(job["active"]), job["started"] or "")
                if name not in best or weight > best[name][0]:
                    best[name] = (weight, index)
    return {name: index for name, (_weight, index) in best.items()}


def _run_of(job: Job, now: float | None) -> tuple[float | None, float | None]:
    """Give begin and end of a job's run, as far as they are known; of an active one the end is now."""
    began, ended = seconds_of(job["started"]), seconds_of(job["finished"])
    lasted = job["duration"]
    if job["active"]:
        return began, now if ended is None else ended
    if lasted is not None and began is None and ended is not None:
        began = ended - lasted
    if lasted is not None and ended is None and began is not None:
        ended = began + lasted
    return (ended if began is None else began), (began if ended is None else ended)


def _rank(known: _Known) -> tuple[int, bool, float, str, str, str]:
    job = known.job
    order = ROLES.index(known.role), known.blocker is None, -known.latest()
    return (*order, known.host, job_name(job), str(job["id"]))


# -- which time is shown --------------------------------------------------------------------------------------------


def _time_shown(core: list[float], jobs: list[_Known]) -> tuple[float, float]:
    """Choose the time shown: window and stages, stretched to the jobs that matter, but never by much."""
    if not core:
        ends = [known.latest() for known in jobs if known.latest()]
        core = [sorted(ends)[len(ends) // 2]] if ends else [0.0]
    first, last = min(core), max(core)
    start, end = first, last
    reach = max((last - first) / 2, _REACH)
    for known in jobs:
        past = known.role == "past"
        if known.began is not None and (not past or (known.ended or 0.0) > first - reach):
            start = min(start, max(known.began, first - reach))
        for moment in (seconds_of(known.job["eta"]), known.ended):
            if moment is not None and not past:
                end = max(end, min(moment, last + reach))
    if not any(_is_shown(known, start, end) for known in jobs):
        newest = max((known.began for known in jobs if known.began is not None and known.began <= end), default=start)
        start = min(start, max(newest, first - _REACH_IF_EMPTY))
    missing = max(0.0, _SHORTEST - (end - start)) / 2
    edge = (end - start) * 0.02 + missing
    # Whole minutes keep the numbers short.
    return math.floor((start - edge) / _MINUTE) * _MINUTE, math.ceil((end + edge) / _MINUTE) * _MINUTE


def _is_shown(known: _Known, start: float, end: float) -> bool:
    """Whether a job has anything to draw in this time. What matters is drawn in any case."""
    if known.role != "past":
        return True
    return known.began is not None and known.began <= end and (known.ended or known.began) >= start


class _Place:
    """From seconds to percent of the time shown."""

    def __init__(self, start: float, end: float) -> None:
        self.start = start
        self.end = end

    def x(self, moment: float) -> float:
        """Place a moment; what lies outside is put on the edge."""
        inside = min(max(moment, self.start), self.end)
        return round((inside - self.start) / (self.end - self.start) * 100, 2)

    def stretch(self, begin: float | None, end: float | None) -> Bar | None:
        """Place a part; None where nothing of it is in the time shown."""
        if begin is None or end is None or end < self.start or begin > self.end:
            return None
        left, right = self.x(begin), self.x(max(begin, end))
        return Bar(left, round(right - left, 2), begin < self.start, end > self.end)

    def has(self, moment: float) -> bool:
        """Whether a moment is in the time shown."""
        return self.start <= moment <= self.end


def _lane(known: _Known, place: _Place, now: float | None) -> Lane | None:
    if not _is_shown(known, place.start, place.end):
        return None
    job, due = known.job, seconds_of(known.job["next_run"])
    eta = seconds_of(job["eta"]) if job["active"] else None
    since = max(_only([now, known.began]), default=None)
    return Lane(
        known.host,
        known.title,
        job,
        known.role,
        known.blocker is not None,
        known.blocker["fits"] if known.blocker else None,
        place.stretch(known.began, known.ended),
        place.stretch(since, eta) if eta is not None and since is not None and eta > since else None,
        place.x(due) if due is not None and place.has(due) else None,
        tuple(Mark("abort", place.x(one), one) for one in known.aborts),
    )


# -- the axis -------------------------------------------------------------------------------------------------------


def _ticks(start: float, end: float) -> tuple[Tick, ...]:
    step = next((step for step in _STEPS if (end - start) / step <= MOST_TICKS), _STEPS[-1])
    while (end - start) / step > MOST_TICKS:
        step *= 2
    place, ticks, said = _Place(start, end), [], ""
    moment = math.ceil(start / step) * step
    while moment <= end:
        read = utc(moment)
        date = f"{read.day} {_MONTHS[read.month - 1]}"
        if step < _DAY:
            label, day = f"{read:%H:%M}", f"{_DAYS[read.weekday()]} {date}"
        else:
            label, day = date, str(read.year)
        ticks.append(Tick(place.x(moment), label, day if day != said else None))
        said, moment = day, moment + step
    return tuple(ticks)
