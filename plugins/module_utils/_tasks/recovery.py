# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The recovery point, watched: is the last good backup of an object still young enough? No I/O."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta

from .._core.errors import Misconfigured
from .._core.job import Job
from .._core.times import from_iso, iso
from .._systems.selection import is_like

_KEYS = ("name", "type", "job_id")
_AGE = re.compile(r"([1-9]\d*)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# A server's clock may be ahead of ours. A run that began later than that did not begin.
_AHEAD = timedelta(minutes=5)
# Where the user names the object, the vendor need not say that it is a backup; what is said to be another kind is none.
_MAY_BE_MEANT = ("backup", None)


class Wanted(t.NamedTuple):
    """An object that has to have a good backup younger than this. ``key``: the option that names it."""

    key: str
    word: str
    max_age: timedelta

    def __str__(self) -> str:
        return f"{self.key} {self.word}"

    def is_of(self, job: Job) -> bool:
        """Whether a job may be a backup of it."""
        if job.kind not in _MAY_BE_MEANT or job.continuous:
            return False
        if self.key == "name":
            return job.name is not None and is_like(job.name.strip(), (self.word,))
        return str(job.id if self.key == "job_id" else job.type).casefold() == self.word.casefold()


def read_wanted(given: t.Any) -> list[Wanted]:
    """Read the option ``rpo``."""
    wanted = []
    for one in given or []:
        keys = [key for key in _KEYS if str(one.get(key) or "").strip()]
        age = _AGE.fullmatch(str(one.get("max_age") or "").strip())
        if len(keys) != 1 or age is None or one.keys() - {*_KEYS, "max_age"}:
            raise Misconfigured(
                f"each of rpo needs one of {', '.join(_KEYS)}, and a max_age such as 24h, and nothing else, not {one!r}"
            )
        try:
            longest = timedelta(seconds=int(age[1]) * _SECONDS[age[2]])
        except OverflowError as exc:
            raise Misconfigured(f"max_age of rpo is too long: {one['max_age']!r}") from exc
        wanted.append(Wanted(keys[0], str(one[keys[0]]).strip(), longest))
    if len({str(one) for one in wanted}) < len(wanted):
        raise Misconfigured("rpo names an object twice")
    return wanted


class Recovery:
    """The last good backup of each object, as far as any look has shown one."""

    def __init__(self, wanted: t.Sequence[Wanted]) -> None:
        self._wanted = wanted
        self._last: dict[str, str] = {}
        self._met: dict[str, bool] = {}

    def keep(self) -> dict[str, t.Any]:
        """Everything, as JSON can hold it."""
        return {"last": dict(self._last), "met": dict(self._met)}

    def restore(self, kept: t.Mapping[str, t.Any]) -> None:
        """Go on where an earlier run stopped."""
        self._last, self._met = dict(kept["last"]), dict(kept["met"])

    def judge(
        self, jobs: t.Collection[Job], complete: bool, now: datetime, ahead: float
    ) -> t.Iterator[tuple[str, str, str]]:
        """Give, for each object of which that changed: the object, the event, and why."""
        spelled = {given: self._spelled_out(given, jobs) for given in self._wanted}
        for given, names in spelled.items():
            if given not in names and self._met.pop(str(given), True) is False:
                yield str(given), "rpo_met", f"there is {', '.join(map(str, names))} now, each told by itself"
        for wanted in [one for names in spelled.values() for one in names]:
            key = str(wanted)
            runs = [job for job in jobs if wanted.is_of(job)]
            latest = now + timedelta(seconds=ahead) + _AHEAD
            starts = [job.started for job in runs if job.result == "success" and job.started and job.started <= latest]
            kept = from_iso(self._last.get(key))
            last = max([*starts, *([kept] if kept else [])], default=None)
            if last is not None:
                self._last[key] = str(iso(last))
            met, why = _judge(wanted, last, runs, complete, now + timedelta(seconds=ahead))
            if met is not None and met is not self._met.get(key):
                self._met[key] = met
                yield key, "rpo_met" if met else "rpo_breached", why

    def _spelled_out(self, wanted: Wanted, jobs: t.Collection[Job]) -> list[Wanted]:
        """Each name that a pattern means is an object of its own: a good backup of one is none of the other."""
        if wanted.key != "name" or not set("*?[") & set(wanted.word):
            return [wanted]
        names = {job.name.strip() for job in jobs if job.name is not None and wanted.is_of(job)}
        names |= {key[len("name ") :] for key in self._last if key.startswith("name ")}
        return [wanted._replace(word=name) for name in sorted(names) if is_like(name, (wanted.word,))] or [wanted]


def _judge(
    wanted: Wanted, last: datetime | None, runs: t.Sequence[Job], complete: bool, now: datetime
) -> tuple[bool | None, str]:
    """Whether the object has a good backup that is young enough; None: nobody can tell."""
    allowed = f"{wanted.max_age.total_seconds():.0f} s are allowed"
    if last is not None and now - last <= wanted.max_age:
        return True, f"the last good backup began {iso(last)}, and {allowed}"
    undated = any(job.result == "success" and job.started is None for job in runs)
    if not complete or undated or any(job.state == "unknown" for job in runs):
        return None, ""
    if last is not None:
        return False, f"the last good backup began {iso(last)}, and {allowed}"
    if runs and all(job.active for job in runs):
        # A definition that runs does not show how it ended before.
        return None, ""
    return False, "no good backup of it is shown"
