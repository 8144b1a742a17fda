# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What an operator reads: a line while the wait goes on, and one sentence or two when it is over."""

from __future__ import annotations

import typing as t

from .._core.job import Job
from .._core.times import iso
from .known import Followed, Known
from .policy import Verdict

_MOST_NAMED = 20


def progress(known: Known) -> str:
    """Say in one line how things stand."""
    entries = list(known.followed.values())
    open_ = [entry for entry in entries if known.is_unfinished(entry) and not entry.gone]
    active = [entry for entry in open_ if entry.job is not None and entry.job.active]
    jobs = [entry.job for entry in active if entry.job is not None]
    said = [f"{len(entries) - len(open_)} of {len(entries)} done", f"{len(active)} running"]
    percents = [job.percent for job in jobs if job.percent is not None]
    if percents:
        said[-1] += f" ({sum(percents) / len(percents):.0f} %)"
    absent = sum(entry.job is None or entry.looks_without > 0 for entry in open_)
    if absent:
        said.append(f"{absent} not seen")
    if active:
        said.append(f"oldest {hms(max(known.age(entry) for entry in active))}")
    ends = [job.eta for job in jobs if job.eta is not None]
    left = (max(ends) - known.clock.now()).total_seconds() if ends else 0.0
    if left >= 1.0:
        said.append(f"about {hms(left)} left")
    if known.quiet_since is not None:
        said.append(f"quiet for {hms(known.now() - known.quiet_since)} of {hms(known.policy.quiet_period)}")
    if known.trouble:
        said.append(f"no answer for {hms(known.silent_for())} ({known.trouble})")
    if not known.complete and known.polls:
        said.append("list not complete")
    return ", ".join([*said, f"deadline in {hms(known.deadline - known.now())}"])


def message(known: Known, verdict: Verdict, why: str) -> str:
    """Say how a wait ended. ``why``: what put an end to it, where that was an error."""
    if why or verdict not in _MESSAGES:
        return _cannot_tell(known, why)
    return _MESSAGES[verdict](known)


def _reached(known: Known) -> str:
    entries = list(known.followed.values())
    gone = f" Not listed: {names(lost)}." if (lost := _lost(known)) else ""
    if known.policy.state == "idle":
        return f"Nothing selected is active (looked at {_jobs(len(entries))}).{gone}{_left_out(known)}"
    good = sum(entry.ended for entry in entries) - len(_bad(known))
    return f"{good} of {len(entries)} jobs have ended as accepted.{gone}{_not_since(known)}{old_news(known)}"


def _failed(known: Known) -> str:
    accepted = ", ".join(known.policy.accept_results)
    bad = names(_bad(known), messages=True)
    return f"Ended with a result that accept_results ({accepted}) does not hold: {bad}.{old_news(known)}"


def _timed_out(known: Known) -> str:
    unfinished = _unfinished(known)
    rest = names(unfinished) or "nothing that is shown"
    if not unfinished and known.complete:
        rest = "nothing is active, but not yet for quiet_period"
    whole = "" if known.complete else " The list of jobs was not complete."
    silent = f" The system has not answered since: {known.trouble}." if known.trouble else ""
    return f"Time ran out after {known.now():.0f} s, at {_limit(known)}. Not finished: {rest}.{whole}{silent}"


def _stalled(known: Known) -> str:
    limit = known.policy.stall_timeout
    return f"Nothing has moved for stall_timeout ({limit:g} s): {names(_unfinished(known))}."


def _missing(known: Known) -> str:
    policy = known.policy
    within = f"seen within appear_timeout ({policy.appear_timeout:g} s)"
    lost = names(_lost(known))
    if not lost:
        return f"No job that the selection means was {within}."
    return f"Missing (on_missing: {policy.on_missing}; not {within}, or no longer listed): {lost}."


def _cannot_tell(known: Known, why: str = "") -> str:
    if not why:
        silence = f"unreachable_timeout ({known.policy.unreachable_timeout:g} s)"
        why = f"no good answer within {silence} or {_limit(known)}: {known.trouble}"
    return f"Cannot tell how the jobs are, {why}. Last known: {names(_unfinished(known)) or 'nothing'}."


_MESSAGES: t.Mapping[Verdict, t.Callable[[Known], str]] = {
    "reached": _reached,
    "failed": _failed,
    "timed_out": _timed_out,
    "stalled": _stalled,
    "missing": _missing,
}


def _limit(known: Known) -> str:
    """Name the option that set the deadline."""
    policy = known.policy
    if policy.until is not None and known.deadline < known.limit:
        return f"wait_until ({iso(policy.until)})"
    return f"wait_timeout ({policy.timeout:g} s)"


def _bad(known: Known) -> list[Followed]:
    accepted = known.policy.accept_results
    return [
        entry for entry in known.followed.values() if entry.ended and entry.job and entry.job.result not in accepted
    ]


def _lost(known: Known) -> list[Followed]:
    return [entry for entry in known.followed.values() if entry.gone or entry.job is None]


def _unfinished(known: Known) -> list[Followed]:
    return [entry for entry in known.followed.values() if known.is_unfinished(entry)]


def old_news(known: Known) -> str:
    """Say that nothing was running, and how long ago each of these ended: it may not be what was waited for."""
    ended = [entry.job for entry in known.followed.values() if entry.ended and entry.job is not None]
    if known.saw_active or known.policy.state == "idle" or not ended:
        return ""
    told = _first([f"{job.name or job.id} {_ago(known, job)}" for job in ended])
    return f" Nothing was running while this waited; these had ended before: {told}."


def _ago(known: Known, job: Job) -> str:
    word, moment = ("ended", job.finished) if job.finished is not None else ("began", job.started)
    if moment is None:
        return "ended, it is not known when"
    seconds = (known.clock.now() - moment).total_seconds() + known.server_ahead
    return f"{word} {_span(seconds)} ago"


def _span(seconds: float) -> str:
    """A time in words: the two largest units that say something."""
    minutes = max(0, int(seconds)) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    units = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if count]
    return " ".join(units[:2]) or f"{max(0, int(seconds))} s"


def _not_since(known: Known) -> str:
    """Name what the selection means and nobody waited for: a job that begins late is easily overlooked."""
    return f" No run since started_after: {_first(known.not_since)}." if known.not_since else ""


def _left_out(known: Known) -> str:
    count = len(known.left_out)
    return f" Left out, as they run for ever: {_jobs(count)} (see left_out)." if count else ""


def _jobs(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"


def hms(seconds: float) -> str:
    """Hours, minutes and seconds."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def names(entries: t.Sequence[Followed], messages: bool = False) -> str:
    """Name jobs, with what they say where asked; of many the first."""
    return _first(
        [
            f"{entry}: {entry.job.message}" if messages and entry.job and entry.job.message else str(entry)
            for entry in entries
        ]
    )


def _first(told: t.Sequence[str]) -> str:
    """Of many the first, and how many more there are."""
    more = len(told) - _MOST_NAMED
    return ", ".join(told[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
