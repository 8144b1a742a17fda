# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The drain: how long to wait, what to stop, and how it came out. No I/O, no Ansible."""

from __future__ import annotations

import fnmatch
import typing as t
from datetime import datetime

from ansible_collections.changeops.backup.plugins.module_utils._core.times import user_moment

from .gate import unanswered
from .verdicts import JobDict, Place, Reason, Result, conclude, label, not_shown, stamp, with_gaps

Policy = t.Literal["wait", "wait_then_abort", "abort"]
POLICIES: tuple[Policy, ...] = t.get_args(Policy)
Answer = t.Mapping[str, t.Any]
# What an abort returns of each job -> what an auditor reads.
OUTCOMES = ("aborted", "not_confirmed", "already_finished", "unsupported")
# A stop takes its time, and so long the end of one is waited for; and so long nobody is asked to stop twice.
STOP_TAKES = 900.0
# Less than that is no wait.
_LEAST = 5.0


class Plan(t.NamedTuple):
    """The options of a wait for quiet."""

    wait_timeout: float
    quiet_period: float
    wait_until: str | None

    def to_dict(self) -> dict[str, t.Any]:
        """Give the options, without the one that is not needed."""
        return {name: value for name, value in self._asdict().items() if value is not None}


def plan_wait(wait_timeout: float, wait_until: str | None, quiet_period: float, now: datetime, check: bool) -> Plan:
    """Plan the wait. Raises ValueError where a moment cannot be read.

    Quiet cannot be asked for longer than there is time. In check mode one look has to do: no quiet is seen there.
    """
    if min(wait_timeout, quiet_period) < 0:
        raise ValueError(f"a wait of {wait_timeout:g} s with {quiet_period:g} s of quiet: neither can be negative")
    left = wait_timeout
    until = user_moment(wait_until) if wait_until and str(wait_until).strip() else None
    if until is not None:
        left = min(left, max(0.0, (until - now).total_seconds()))
    quiet = 0.0 if check else min(quiet_period, left)
    return Plan(round(left, 3), round(quiet, 3), stamp(until) if until else None)


def plan_stop(quiet_period: float, latest: str | None, now: datetime, check: bool) -> Plan:
    """Plan the wait for the end of a stop: no longer than the change can still begin. Raises ValueError."""
    left = STOP_TAKES
    if latest:
        left = min(left, max(_LEAST, (user_moment(latest) - now).total_seconds()))
    return Plan(round(left, 3), 0.0 if check else round(min(quiet_period, left), 3), None)


def to_stop(answer: Answer, exclude: t.Iterable[str], most: int) -> list[str]:
    """Give the ids of the jobs to stop: of all that are active, or, where these are more than ``most``, of none.

    Never what is excluded, what runs for ever, what is stopping already, or what is in a state that nobody knows.
    Raises ValueError.
    """
    if most < 0:
        raise ValueError(f"a number of jobs to stop cannot be negative ({most})")
    if unanswered(answer):
        return []
    words = [str(word).strip().casefold() for word in exclude]
    ids = [str(job["id"]) for job in _active(answer) if _may_be_stopped(job, words)]
    return ids if len(ids) <= most else []


def _may_be_stopped(job: JobDict, words: t.Sequence[str]) -> bool:
    return job.get("state") not in ("unknown", "stopping") and not _is_excluded(job, words)


def _is_excluded(job: JobDict, words: t.Sequence[str]) -> bool:
    name = str(job.get("name") or "").strip().casefold()
    is_named = any(name == word or fnmatch.fnmatchcase(name, word) for word in words) if name else False
    return is_named or str(job.get("id")).casefold() in words


def _active(answer: Answer) -> list[JobDict]:
    """What counts as active, in the answer of a wait or of a look."""
    out = {str(one.get("id")) for one in answer.get("left_out") or []}
    jobs = answer.get("jobs") or []
    return [job for job in jobs if job.get("active") and not job.get("continuous") and str(job.get("id")) not in out]


def judge_drain(
    waited: Answer,
    place: Place,
    now: datetime,
    stopped: Answer | None = None,
    settled: Answer | None = None,
    exclude: t.Iterable[str] = (),
    most: int = 1,
    policy: Policy = "wait",
    reason: str = "",
    asked: t.Sequence[JobDict] = (),
    check: bool = False,
) -> Result:
    """Judge a drain. ``waited``, ``stopped``, ``settled``: what the wait, the stop and the second wait gave."""
    last = _last(waited, settled)
    reasons = _left(last, policy, [str(word).strip().casefold() for word in exclude], most)
    outcome = _done(stopped)
    if check:
        # Nothing was stopped, whatever is predicted.
        would = {str(one.get("id")) for one in outcome.get("aborted") or []}
        reasons = [_predicted(reason, last, would) for reason in reasons]
        outcome = {}
    if outcome and "aborted" not in outcome:
        # The stop may have been sent, and nobody has looked since.
        if not _done(settled):
            reasons.append(Reason("cannot_tell", "the stop", str(outcome.get("msg") or "it has no answer")))
    elif reasons:
        reasons += [Reason("busy", label(one), f"an earlier run asked it to stop, at {one.get('at')}") for one in asked]
        told = [one for word in ("not_confirmed", "unsupported") for one in outcome.get(word) or []]
        reasons += [Reason("busy", label(one), str(one.get("message") or "it was not seen to stop")) for one in told]
    answers = [answer for answer in (waited, outcome, _done(settled)) if answer]
    gaps = not_shown(place, last)
    return conclude(
        place,
        reasons,
        with_gaps(f"nothing is active, after {sum(_elapsed(answer) for answer in answers):.0f} s", gaps),
        last.get("jobs") or [],
        now,
        waited_seconds=round(sum(_elapsed(answer) for answer in answers), 1),
        **{word: list(outcome.get(word) or []) for word in OUTCOMES},
        stop_reason=reason or None,
        transitions=[one for answer in answers for one in answer.get("transitions") or []],
        left_out=list(last.get("left_out") or []),
        unseen=[*(_hidden(place, one) for one in reasons if one.verdict == "cannot_tell"), *gaps],
        complete=not unanswered(last),
    )


def _predicted(reason: Reason, last: Answer, would: t.Collection[str]) -> Reason:
    is_meant = any(label(job) == reason.object and str(job.get("id")) in would for job in last.get("jobs") or [])
    return reason._replace(why=f"{reason.why}; it would be stopped") if is_meant else reason


def _hidden(place: Place, reason: Reason) -> dict[str, t.Any]:
    return {"host": place.host, "system": place.system, "what": reason.object, "why": reason.why}


def _done(answer: Answer | None) -> Answer:
    """An answer, or nothing where its task was skipped or never reached."""
    return {} if not answer or answer.get("skipped") else answer


def _last(waited: Answer, settled: Answer | None) -> Answer:
    return _done(settled) or waited


def _elapsed(answer: Answer) -> float:
    return float(answer.get("elapsed") or 0.0)


def _left(last: Answer, policy: Policy, words: t.Sequence[str], most: int) -> list[Reason]:
    """Say what still stands in the way, by the answer that came last."""
    if last.get("verdict") == "reached" and not last.get("failed"):
        return []
    hidden = unanswered(last)
    if hidden and last.get("verdict") != "timed_out":
        return hidden
    active = _active(last)
    stoppable = sum(_may_be_stopped(job, words) for job in active)
    reasons = hidden
    for job in active:
        if job.get("state") == "unknown":
            reasons.append(Reason("cannot_tell", label(job), f"its state is not known ({job.get('vendor_state')!r})"))
            continue
        why = f"still {job.get('state')}"
        if policy != "wait" and _is_excluded(job, words):
            why += ", and never to be stopped"
        elif policy != "wait" and stoppable > most:
            why += f", and {stoppable} are more than may be stopped ({most}), so none was"
        reasons.append(Reason("busy", label(job), why))
    # Nothing active, in a look or at the end of a wait: the quiet is as long as there was time for.
    return reasons
