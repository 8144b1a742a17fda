# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stories for the tests of the wait loop: what each look shows is a function of fake time, or a list of answers."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Sequence

from ansible_collections.changeops.backup.plugins.module_utils._core.job import Job
from ansible_collections.changeops.backup.plugins.module_utils._core.times import Clock
from ansible_collections.changeops.backup.plugins.module_utils._wait.loop import Policy, Report, Wait


class Sight(t.NamedTuple):
    """One answer. ``fault`` is raised instead; ``lasts`` is how long the look takes."""

    jobs: dict[str, Job]
    complete: bool = True
    fault: Exception | None = None
    lasts: float = 0.0


class Asked(t.NamedTuple):
    """One look as the system saw it."""

    at: float
    ids: tuple[str, ...] | None
    patience: float


class Story:
    """The system: give it to ``Wait.run`` as the look. ``asked`` and ``shown`` tell what went on."""

    most = 100_000

    def __init__(self, clock: Clock, script: Callable[[float], Sight]) -> None:
        self.clock = clock
        self.script = script
        self.asked: list[Asked] = []
        self.shown: list[Sight] = []

    def __call__(self, ids: tuple[str, ...] | None, patience: float) -> Sight:
        """Answer a look."""
        assert len(self.asked) < self.most, "this wait never ends"
        self.asked.append(Asked(self.clock.monotonic(), ids, patience))
        sight = self.script(self.clock.monotonic())
        self.clock.sleep(sight.lasts)
        if ids is not None:
            sight = sight._replace(jobs={job_id: job for job_id, job in sight.jobs.items() if job_id in ids})
        self.shown.append(sight)
        if sight.fault is not None:
            raise sight.fault
        return sight

    @property
    def times(self) -> list[float]:
        """When the looks began."""
        return [asked.at for asked in self.asked]


def job(job_id: str, state: str, result: str | None = None, **more: t.Any) -> Job:
    """Make a job."""
    return Job("sim", job_id, None, None, t.cast("t.Any", state), t.cast("t.Any", result), state, **more)


def sight(*jobs: Job, complete: bool = True, lasts: float = 0.0) -> Sight:
    """Make an answer that shows these jobs."""
    return Sight({one.id: one for one in jobs}, complete, lasts=lasts)


def fault(error: Exception, lasts: float = 0.0) -> Sight:
    """Make a look that fails."""
    return Sight({}, fault=error, lasts=lasts)


def in_turn(*sights: Sight) -> Callable[[float], Sight]:
    """Answer one look after the other; the last answer again and again."""
    rest = list(sights)
    return lambda _now: rest.pop(0) if len(rest) > 1 else rest[0]


Life = Callable[[float], t.Optional[Job]]


def life(
    job_id: str, ends: float, result: str | None = "success", begins: float = float("-inf"), **more: t.Any
) -> Life:
    """Make a job that is there from ``begins`` on, and running until ``ends``."""

    def at(now: float) -> Job | None:
        if now < begins:
            return None
        return job(job_id, "running", **more) if now < ends else job(job_id, "finished", result, **more)

    return at


def together(*lives: Life, trouble: Callable[[float], Sight | None] = lambda now: None) -> Callable[[float], Sight]:
    """Show all these jobs as they are at the moment; ``trouble`` may answer instead."""
    return lambda now: trouble(now) or sight(*(one for one in (each(now) for each in lives) if one is not None))


_DEFAULTS = Policy(
    state="finished",
    require="all",
    accept_results=("success",),
    timeout=3600.0,
    until=None,
    interval=5.0,
    max_interval=60.0,
    quiet_period=0.0,
    appear_timeout=120.0,
    stall_timeout=None,
    on_missing="fail",
    unreachable_timeout=300.0,
    ids=("a",),
)


def policy(**changes: t.Any) -> Policy:
    """Make a policy: the defaults of the documentation, for the job ``a``."""
    return _DEFAULTS._replace(**changes)


def run(
    clock: Clock,
    story: Callable[..., Sight],
    jitter: Callable[[], float] = lambda: 0.0,
    **changes: t.Any,
) -> Report:
    """Wait in one piece."""
    report = Wait(policy(**changes), clock, jitter).run(story)
    assert report is not None
    return report


def run_in_slices(
    clock: Clock,
    story: Callable[..., Sight],
    slices: Sequence[float],
    between: float = 0.0,
    jitter: Callable[[], float] = lambda: 0.0,
    said: list[str] | None = None,
    **changes: t.Any,
) -> Report:
    """Wait in slices of these lengths, the last one repeated; what is kept goes through JSON, as between processes."""
    kept: str | None = None
    for number in range(100_000):
        wait = Wait(policy(**changes), clock, jitter)
        if kept is not None:
            wait.restore(json.loads(kept))
        report = wait.run(story, slices[min(number, len(slices) - 1)])
        if report is not None:
            return report
        kept = json.dumps(wait.keep())
        if said is not None:
            said.append(wait.progress())
        clock.sleep(between)
    raise AssertionError("this wait never ends")
