# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The recovery point: is there a good backup, young enough, of every object? No I/O, no Ansible."""

from __future__ import annotations

import fnmatch
import typing as t
from datetime import datetime, timedelta

from ansible_collections.changeops.backup.plugins.module_utils._core.job import RESULTS
from ansible_collections.changeops.backup.plugins.module_utils._core.times import from_iso, iso

from .gate import unanswered
from .verdicts import JobDict, Place, Reason, Result, conclude, not_shown, with_gaps
from .window import read_duration, span

Found = t.Literal["met", "breached", "no_backup", "unknown"]
KEYS = ("name", "type", "job_id")
# A server's clock may be ahead of ours. A run that began later than that did not begin.
_AHEAD = timedelta(minutes=5)
# Where the user names the object, the vendor need not say that it is a backup; what is said to be another kind is none.
_MAY_BE_MEANT = ("backup", None)
_LATEST_ONLY = "; this system shows the latest run only: name other objects, or override it"


class Wanted(t.NamedTuple):
    """An object that has to have a good backup younger than this. ``key``: the field that it is found by."""

    key: str
    word: str
    max_age: timedelta
    kinds: tuple[str | None, ...] = _MAY_BE_MEANT
    shown: str = ""

    @property
    def label(self) -> str:
        """The object as people read it."""
        return self.shown or self.word


class Override(t.NamedTuple):
    """Who takes it upon himself to begin without a good backup, and why."""

    reason: str
    by: str


def read_objects(given: t.Any, default_age: t.Any) -> list[Wanted]:
    """Read ``backup_verify_objects``. Raises ValueError."""
    wanted = []
    for one in given or []:
        if not isinstance(one, t.Mapping):
            raise ValueError(f"each of backup_verify_objects has to be a dictionary, not {one!r}")
        keys = [key for key in KEYS if str(one.get(key) or "").strip()]
        strange = sorted(map(str, one.keys() - {*KEYS, "max_age"}))
        if len(keys) != 1 or strange:
            extra = f" ({', '.join(strange)} is not known)" if strange else ""
            raise ValueError(f"each of backup_verify_objects needs one of {', '.join(KEYS)}, not {dict(one)!r}{extra}")
        age = read_age(one.get("max_age") or default_age)
        wanted.append(Wanted(keys[0], str(one[keys[0]]).strip(), age))
    return wanted


def read_age(value: t.Any) -> timedelta:
    """Read how old a backup may be. Raises ValueError."""
    age = read_duration(value, "max_age")
    if age <= timedelta():
        raise ValueError(f"max_age has to be more than nothing, such as 24h, not {value!r}")
    return age


def read_override(given: t.Any) -> Override | None:
    """Read ``backup_verify_override``: whoever overrides says why, and who it is. Raises ValueError."""
    if given is not None and not isinstance(given, t.Mapping):
        raise ValueError(f"backup_verify_override has to be a dictionary with reason and by, not {given!r}")
    fields = {name: str(value).strip() for name, value in (given or {}).items() if value is not None}
    if strange := sorted(map(str, fields.keys() - {"reason", "by"})):
        raise ValueError(f"backup_verify_override has reason and by, and no {', '.join(strange)}")
    reason, by = fields.get("reason", ""), fields.get("by", "")
    if not reason and not by:
        # Two fields of a survey that nobody filled in.
        return None
    if not reason or not by:
        raise ValueError(f"backup_verify_override needs a reason and a name: {'by' if reason else 'reason'} is empty")
    return Override(reason, by)


def read_results(given: t.Any) -> tuple[str, ...]:
    """Read which results count as good. Raises ValueError."""
    words = tuple(given or ())
    if not words or not set(words) <= {*RESULTS}:
        raise ValueError(f"backup_verify_accept_results has to name some of {', '.join(RESULTS)}, not {given!r}")
    return words


def oldest_wanted(objects: t.Sequence[Wanted], default_age: timedelta) -> timedelta:
    """How far back a look has to reach."""
    return max([default_age, *(one.max_age for one in objects)])


def judge_verify(
    look: t.Mapping[str, t.Any],
    place: Place,
    objects: t.Sequence[Wanted],
    default_age: timedelta,
    accept: t.Sequence[str],
    now: datetime,
    override: Override | None = None,
) -> Result:
    """Judge one look at a system: the worst object counts."""
    jobs: list[JobDict] = list(look.get("jobs") or [])
    hidden = unanswered(look)
    latest_only = _LATEST_ONLY if (look.get("capabilities") or {}).get("definitions") else ""
    found = [
        {**_judge(wanted, jobs, accept, now, hidden, latest_only), "host": place.host, "system": place.system}
        for wanted in _told_apart(look, _spelled_out(objects, jobs) or _every_backup(place, jobs, default_age))
    ]
    reasons = hidden + [reason for one in found if (reason := one.pop("reason")) is not None]
    lifted = override is not None and bool(reasons) and all(one.verdict == "breach" for one in reasons)
    good = f"a good backup, young enough, of {len(found)} object{'' if len(found) == 1 else 's'}"
    if lifted and override is not None:
        good = f"overridden by {override.by} ({override.reason}): {'; '.join(f'{r.object}: {r.why}' for r in reasons)}"
    gaps = not_shown(place, look)
    return conclude(
        place,
        [] if lifted else reasons,
        with_gaps(good, gaps),
        jobs,
        now,
        objects=found,
        overridden=override._asdict() if lifted and override is not None else None,
        unseen=[
            {"host": place.host, "system": place.system, "what": one.object, "why": one.why}
            for one in reasons
            if one.verdict == "cannot_tell"
        ]
        + gaps,
        complete=not hidden,
    )


def _spelled_out(objects: t.Iterable[Wanted], jobs: t.Sequence[JobDict]) -> list[Wanted]:
    """Each name that a pattern means is an object of its own: a good backup of one is none of the other."""
    spelled: list[Wanted] = []
    for wanted in objects:
        names = {name: None for job in jobs if (name := _word(job, "name")) and fnmatch.fnmatchcase(name, wanted.word)}
        is_pattern = wanted.key == "name" and set("*?[") & set(wanted.word) and wanted.word not in names
        spelled += [wanted._replace(word=name) for name in names] if is_pattern and names else [wanted]
    return spelled


def _every_backup(place: Place, jobs: t.Sequence[JobDict], age: timedelta) -> list[Wanted]:
    """Every name of kind ``backup`` that does not run for ever; where there are no names, the system."""
    backups = [job for job in jobs if job.get("kind") == "backup" and not job.get("continuous")]
    names = {name: None for job in backups if (name := _word(job, "name"))}
    if names and all(_word(job, "name") for job in backups):
        return [Wanted("name", name, age, ("backup",)) for name in names]
    nameless = Wanted("system", place.system or place.host, age, ("backup",))
    return [*(Wanted("name", name, age, ("backup",)) for name in names), nameless]


def _told_apart(look: t.Mapping[str, t.Any], objects: t.Iterable[Wanted]) -> list[Wanted]:
    """Definitions may share a name, on two servers of one console: then each is an object of its own."""
    if not (look.get("capabilities") or {}).get("definitions"):
        return list(objects)
    apart: list[Wanted] = []
    for wanted in objects:
        ids = [_word(job, "job_id") for job in look["jobs"] if _is_of(job, wanted)]
        shared = wanted.key == "name" and len(ids) > 1
        mine = [wanted._replace(key="job_id", word=one, shown=f"{wanted.word} ({one})") for one in ids]
        apart += mine if shared else [wanted]
    return apart


def _word(job: JobDict, key: str) -> str:
    value = job.get("id" if key == "job_id" else key)
    return "" if value is None else str(value).strip()


def _is_of(job: JobDict, wanted: Wanted) -> bool:
    if job.get("kind") not in wanted.kinds or job.get("continuous"):
        return False
    if wanted.key == "system":
        return True
    if wanted.key == "name":
        return _word(job, "name") == wanted.word
    return _word(job, wanted.key).casefold() == wanted.word.casefold()


def _judge(
    wanted: Wanted,
    jobs: t.Sequence[JobDict],
    accept: t.Sequence[str],
    now: datetime,
    hidden: t.Sequence[Reason],
    latest_only: str,
) -> dict[str, t.Any]:
    """Judge one object: its last good run, and what stands in the way of calling it one."""
    runs = [job for job in jobs if _is_of(job, wanted)]
    good = [job for job in runs if job.get("result") in accept and not job.get("active")]
    starts = [start for job in good if (start := from_iso(job.get("started"))) is not None and start <= now + _AHEAD]
    last = max(starts) if starts else None
    age = None if last is None else max(0.0, (now - last).total_seconds())
    word, reason = _found(wanted, runs, age, undated=len(starts) < len(good))
    if word == "no_backup" and any(job.get("kind") is None for job in jobs):
        why = "no backup of it is shown; some jobs do not tell what they are for: name them in backup_verify_objects"
        reason = Reason("breach", wanted.label, why)
    if reason is not None and runs and not good:
        reason = reason._replace(why=f"{reason.why}{latest_only}")
    if hidden and reason is not None:
        # What was not seen may be there.
        word, reason = "unknown", hidden[0]._replace(object=wanted.label)
    return {
        "object": wanted.label,
        "last_success": iso(last),
        "age_seconds": None if age is None else round(age),
        "max_age_seconds": round(wanted.max_age.total_seconds()),
        "verdict": word,
        "why": reason.why if reason else None,
        "reason": reason,
    }


def _found(wanted: Wanted, runs: t.Sequence[JobDict], age: float | None, undated: bool) -> tuple[Found, Reason | None]:
    limit = wanted.max_age.total_seconds()
    if age is not None and age <= limit:
        return "met", None
    active = [job for job in runs if job.get("active")]
    if any(job.get("state") == "unknown" for job in active):
        return "unknown", Reason("cannot_tell", wanted.label, "a run of it is in a state that nobody knows")
    if active and len(active) == len(runs):
        return "unknown", Reason(
            "busy", wanted.label, "only a run that has not ended is shown, and not how the last one did"
        )
    if undated:
        return "unknown", Reason("cannot_tell", wanted.label, "it is not known when its good run began")
    if age is not None:
        why = f"the last good backup began {span(age)} ago, and {span(limit)} are allowed"
        return "breached", Reason("breach", wanted.label, why)
    ended = [str(job.get("result")) for job in runs if job.get("result")]
    if ended:
        return "breached", Reason("breach", wanted.label, f"no good backup is shown, the latest run is {ended[0]}")
    return "no_backup", Reason("breach", wanted.label, "no backup of it is shown")
