# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a wait looks and how late it notices the end: thousands of drawn durations on a fake clock.

``python tests/pace.py`` prints the table of docs/docsite/rst/guide_waiting.rst.
"""

from __future__ import annotations

import random
import typing as t
from datetime import datetime, timedelta, timezone

from ansible_collections.changeops.backup.plugins.module_utils._core.job import Job
from ansible_collections.changeops.backup.plugins.module_utils._core.times import Clock
from ansible_collections.changeops.backup.plugins.module_utils._wait.loop import Wait
from waits import Sight, Story, policy

BEGAN = datetime(2026, 3, 1, 22, 0, 0, tzinfo=timezone.utc)


class DrawnClock(Clock):
    """A clock that jumps when it is told to sleep."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += max(0.0, seconds)

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.seconds)


class Outcome(t.NamedTuple):
    """One wait: how long the job took, how many looks, how late the end was seen."""

    duration: float
    looks: int
    lag: float


def wait_once(duration: float, estimate: float | None, max_interval: float, jitter: t.Callable[[], float]) -> Outcome:
    """Wait for one job of this duration, of which the system expects ``estimate`` seconds (None: it says nothing)."""
    clock = DrawnClock()
    eta = None if estimate is None else BEGAN + timedelta(seconds=estimate)
    running = Job("veeam_vspc", "1", "n", None, "running", None, "Running", started=BEGAN, eta=eta)
    ended = running._replace(state="finished", result="success", vendor_state="Success", eta=None)
    story = Story(clock, lambda now: Sight({"1": ended if now >= duration else running}))
    plan = policy(ids=("1",), timeout=100_000.0, max_interval=max_interval)
    report = Wait(plan, clock, jitter).run(story)
    assert report is not None
    assert report.verdict == "reached"
    return Outcome(duration, len(story.asked), clock.seconds - duration)


def draw(count: int, seed: int, shortest: float, longest: float, **how: t.Any) -> list[Outcome]:
    """Draw durations evenly on a logarithmic scale; ``error`` is how far the estimate is off at most, as a share."""
    chance = random.Random(seed)
    error, max_interval = how["error"], how["max_interval"]
    outcomes = []
    for _turn in range(count):
        duration = shortest * (longest / shortest) ** chance.random()
        estimate = None if error is None else duration * (1 + chance.uniform(-error, error))
        outcomes.append(wait_once(duration, estimate, max_interval, chance.random))
    return outcomes


def worst(numbers: t.Iterable[float], share: float = 1.0) -> float:
    """Give the number that this share of all does not exceed."""
    ordered = sorted(numbers)
    return ordered[max(0, round(len(ordered) * share) - 1)]


def table() -> t.Iterator[str]:
    """Give the rows of the table in the guide."""
    for label, error in (
        ("none", None),
        ("exact", 0.0),
        ("within 1 %", 0.01),
        ("within 10 %", 0.1),
        ("within 50 %", 0.5),
    ):
        for max_interval in (60.0, 600.0):
            for hours, shortest, longest in (("1 to 10 min", 60, 600), ("1 h", 3600, 3600), ("4 h", 14400, 14400)):
                found = draw(500, 7, shortest, longest, error=error, max_interval=max_interval)
                looks = worst(outcome.looks for outcome in found)
                half = worst((outcome.lag for outcome in found), 0.5)
                late = worst(outcome.lag for outcome in found)
                yield f"{label:12} {max_interval:4.0f}  {hours:12} {looks:5.0f} looks  {half:6.1f} s  {late:6.1f} s"


if __name__ == "__main__":
    print("\n".join(table()))
