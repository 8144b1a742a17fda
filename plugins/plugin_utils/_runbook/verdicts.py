# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The five verdicts, and what every stage of a runbook leaves. No I/O, no Ansible."""

from __future__ import annotations

import typing as t
from datetime import datetime

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import printable
from ansible_collections.changeops.backup.plugins.module_utils._core.times import to_iso_z

Verdict = t.Literal["safe", "busy", "breach", "cannot_tell", "closed"]
Result = dict[str, t.Any]
JobDict = t.Mapping[str, t.Any]
# Best first: the place is the code.
VERDICTS: tuple[Verdict, ...] = t.get_args(Verdict)
TITLES: t.Mapping[Verdict, str] = {
    "safe": "Safe",
    "busy": "Busy",
    "breach": "No recent backup",
    "cannot_tell": "Cannot tell",
    "closed": "Window closed",
}
# So many reasons are spelled out in a sentence.
_MOST_SAID = 5
_LONGEST_SAID = 600
# So many jobs go into an event: all that decide anything, and of the rest the newest.
_MOST_JOBS = 1000


class Place(t.NamedTuple):
    """Where something was found: the inventory host, and the system behind it."""

    host: str
    system: str | None = None


class Reason(t.NamedTuple):
    """Why a verdict is not better than it is."""

    verdict: Verdict
    object: str
    why: str

    def at(self, place: Place) -> dict[str, t.Any]:
        """Give the reason as it is returned."""
        return {"host": place.host, "system": place.system, "object": self.object, "why": self.why}


def worst(verdicts: t.Iterable[str]) -> Verdict:
    """Give the worst of these. Of none it cannot tell, and neither of a word that is no verdict."""
    codes = [VERDICTS.index(one) if one in VERDICTS else VERDICTS.index("cannot_tell") for one in verdicts]
    return VERDICTS[max(codes)] if codes else "cannot_tell"


def conclude(
    place: Place, reasons: t.Sequence[Reason], good: str, jobs: t.Sequence[JobDict], now: datetime, **more: t.Any
) -> Result:
    """Give the result of a stage. ``good``: what to say where there is no reason against it."""
    verdict = worst(reason.verdict for reason in reasons) if reasons else "safe"
    # The worst first, whoever reads only the beginning.
    told = sorted(reasons, key=lambda reason: -VERDICTS.index(reason.verdict))
    kept = relevant(jobs)
    return {
        "verdict": verdict,
        "code": VERDICTS.index(verdict),
        "msg": sentence(place, verdict, [f"{one.object}: {one.why}" for one in told] or [good]),
        "reasons": [one.at(place) for one in told],
        "jobs": kept,
        "jobs_not_kept": len(jobs) - len(kept),
        "at": to_iso_z(now),
        **more,
    }


def not_shown(place: Place, answer: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """Give what a look says that it could not show, as a stage returns it."""
    return [{**one, "host": place.host, "system": place.system} for one in answer.get("unseen") or []]


def with_gaps(good: str, unseen: t.Iterable[t.Mapping[str, t.Any]]) -> str:
    """Say beside what is good what was not seen: nothing is known of it."""
    return "; ".join([good, *(f"not seen: {one['what']}" for one in unseen)])


def sentence(place: Place, verdict: Verdict, said: t.Sequence[str]) -> str:
    """Say a verdict in one sentence that can be printed: names are the vendor's, and may be of any length."""
    rest = f"; and {len(said) - _MOST_SAID} more" if len(said) > _MOST_SAID else ""
    system = f" ({place.system})" if place.system else ""
    text = "; ".join(_short(printable(one)).rstrip(". ") for one in said[:_MOST_SAID])
    return f"{TITLES[verdict]}: {place.host}{system}: {text}{rest}."


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SAID else f"{text[: _LONGEST_SAID - 1]}…"


def relevant(jobs: t.Sequence[JobDict]) -> list[dict[str, t.Any]]:
    """Give the jobs that go into an event, without what the system sent: it may be large, and hold anything."""
    kept = list(jobs)
    if len(kept) > _MOST_JOBS:
        seen: set[tuple[t.Any, ...]] = set()
        first: list[JobDict] = []
        rest: list[JobDict] = []
        for job in kept:
            mark = (job.get("name"), job.get("type"), job.get("kind"), job.get("result"))
            decides = job.get("active") or job.get("next_run") or mark not in seen
            seen.add(mark)
            (first if decides else rest).append(job)
        kept = (first + rest)[:_MOST_JOBS]
    return [{**job, "raw": None} for job in kept]


def label(job: JobDict) -> str:
    """Name a job for people: by its name, and where the system has none, by its id."""
    return str(job.get("name") or job.get("id"))


def stamp(moment: datetime) -> str:
    """Write a moment with whole seconds."""
    return to_iso_z(moment.replace(microsecond=0))
