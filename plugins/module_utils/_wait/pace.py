# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The pace: how long until the next look."""

from __future__ import annotations

import typing as t

from .._core.job import Job
from .known import Followed, Known
from .policy import Policy

# The gap between looks, as a share: of the job's age; with an estimate, of the time left and at most of the age; past
# the estimated end, of the delay.
_GAP_OF_AGE = 0.05
_GAP_OF_REST = 0.5
_GAP_OF_AGE_ESTIMATED = 1 / 2
_GAP_OF_DELAY = 0.25
# Below this a percent says little about the end.
_TELLING_PERCENT = 5.0


def gap(known: Known, jitter: t.Callable[[], float]) -> float:
    """Seconds until the next look: what the most pressing job asks for, less some jitter, never past an event."""
    policy, now = known.policy, known.now()
    waiting = [entry for entry in known.followed.values() if known.is_open(entry)]
    pressing = _that_decide(known, waiting) if _last_one_decides(policy) else waiting
    wanted = min((_wanted(known, entry) for entry in pressing), default=0.0)
    pause = min(max(wanted, policy.interval), policy.max_interval)
    pause *= 1.0 - 0.2 * jitter()
    events = [entry.since + policy.appear_timeout for entry in waiting if entry.job is None]
    if known.quiet_since is not None:
        events.append(known.quiet_since + policy.quiet_period)
    if policy.stall_timeout is not None:
        events.append(known.moved_at + policy.stall_timeout)
    return max(0.0, min([pause, *(event - now for event in events if event > now)]))


def _last_one_decides(policy: Policy) -> bool:
    """Whether nothing can be said before the last job has ended; else the first one may be the end of the wait."""
    return policy.state == "idle" or (policy.state == "finished" and policy.require == "all")


def _that_decide(known: Known, waiting: list[Followed]) -> list[Followed]:
    """The one that is expected to end last: before that, nothing can be said. Where no end is expected, all of them."""
    ends = [(left, entry) for entry in waiting if (left := _left(known, entry.job)) is not None and left >= 0]
    return [max(ends, key=lambda end: end[0])[1]] if ends else waiting


def _wanted(known: Known, entry: Followed) -> float:
    """Without an estimate a small share of the age bounds the lag. With one there is time until the end is near."""
    age = known.age(entry)
    left = _left(known, entry.job)
    if left is None:
        return age * _GAP_OF_AGE
    if left >= 0:
        return min(left * _GAP_OF_REST, age * _GAP_OF_AGE_ESTIMATED)
    # Overdue: by how much tells how wrong the estimate is.
    return min(abs(left) * _GAP_OF_DELAY, age * _GAP_OF_AGE)


def _left(known: Known, job: Job | None) -> float | None:
    """Seconds to the expected end, below zero when it is overdue; from the system's word or from the percent.

    What other runs took is no promise.
    """
    if job is None:
        return None
    if job.eta is not None and not job.eta_is_average:
        return (job.eta - known.clock.now()).total_seconds()
    if job.started is not None and job.percent is not None and job.percent >= _TELLING_PERCENT:
        spent = (known.clock.now() - job.started).total_seconds()
        return max(0.0, spent * (100.0 - job.percent) / job.percent)
    return None
