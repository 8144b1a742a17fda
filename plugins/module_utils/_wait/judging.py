# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The verdict: what is known, held against what was asked for. None: there is something to wait for."""

from __future__ import annotations

from .known import Followed, Known
from .policy import Verdict


def judge(known: Known) -> Verdict | None:
    """Give the verdict, or None while there is something to wait for."""
    entries = list(known.followed.values())
    verdict: Verdict | None
    if known.policy.state == "idle":
        verdict = _judge_idle(known, entries)
    elif known.policy.require == "any":
        verdict = _judge_any(known, entries)
    else:
        verdict = _judge_all(known, entries)
    return "stalled" if verdict is None and _is_stalled(known, entries) else verdict


def _judge_idle(known: Known, entries: list[Followed]) -> Verdict | None:
    """Nothing may be active, for quiet_period; what an incomplete list does not show may be."""
    if any(known.is_lost(entry) for entry in entries):
        return "missing"
    if not known.complete or any(known.is_open(entry) for entry in entries):
        known.quiet_since = None
        return None
    if known.policy.ids and not any(entry.job for entry in entries):
        # Not one of them was ever there: that is a wrong id, and no quiet.
        return "missing"
    if known.quiet_since is None:
        known.quiet_since = known.now()
    return "reached" if known.now() - known.quiet_since >= known.policy.quiet_period else None


def _judge_any(known: Known, entries: list[Followed]) -> Verdict | None:
    """The first that ends is judged; with state "successful" the wait goes on until one is accepted."""
    good, bad = _counted(known, entries)
    if good:
        return "reached"
    if bad and known.policy.state == "finished":
        return "failed"
    if any(known.is_open(entry) for entry in entries) or _may_still_appear(known, entries):
        return None
    return "failed" if bad else "missing"


def _judge_all(known: Known, entries: list[Followed]) -> Verdict | None:
    """All have to end; with state "successful" the first bad end is the end of the wait."""
    _good, bad = _counted(known, entries)
    if bad and known.policy.state == "successful":
        return "failed"
    if any(known.is_lost(entry) for entry in entries):
        return "missing"
    if any(known.is_open(entry) for entry in entries) or _may_still_appear(known, entries):
        return None
    if known.policy.ids != () and not any(entry.job for entry in entries):
        return "missing"
    return "failed" if bad else "reached"


def _counted(known: Known, entries: list[Followed]) -> tuple[int, int]:
    """How many ended with a result that is accepted, and how many with another."""
    results = [entry.job.result for entry in entries if entry.ended and entry.job is not None]
    good = sum(result in known.policy.accept_results for result in results)
    return good, len(results) - good


def _may_still_appear(known: Known, entries: list[Followed]) -> bool:
    """A selection that shows nothing is given time for its first job; and a list with holes may hide one."""
    if known.policy.ids is not None:
        return False
    return not known.complete or (not entries and not known.is_overdue(0.0))


def _is_stalled(known: Known, entries: list[Followed]) -> bool:
    limit = known.policy.stall_timeout
    moving = any(entry.job is not None and entry.job.active and not entry.gone for entry in entries)
    return limit is not None and moving and known.now() - known.moved_at >= limit
