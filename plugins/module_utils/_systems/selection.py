# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Which jobs a task is about."""

from __future__ import annotations

import fnmatch
import re
import typing as t
from datetime import datetime, timedelta

from .._core.errors import Misconfigured
from .._core.job import Job
from .._core.times import WHOLE_SECONDS

# Line breaks and other control characters, and what stands for bytes of the environment that are not UTF-8.
UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


_MOST_SHOWN = 10


def is_like(name: str, patterns: t.Iterable[str]) -> bool:
    """Say whether a name is one of these, or matches one of them as a shell pattern: ``[prod] nightly`` is both."""
    return any(name == pattern or fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


class Selection(t.NamedTuple):
    """Which jobs a task is about. Empty tuples and None mean "all", ``nothing`` means none at all."""

    nothing: bool = False
    job_ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    started_after: datetime | None = None
    started_before: datetime | None = None
    max_results: int | None = None
    # Ids, or patterns of names, in lower case: rather one job too many is left alone.
    exclude: tuple[str, ...] = ()
    # How far back a system lists that demands a window. Fixed for a whole task: moving on with each look, it would
    # leave behind the very job that is waited for.
    listed_from: datetime | None = None

    # Of which jobs anything has to be known: all; only what is active; or that, and the newest where nothing is active.
    about: t.Literal["all", "active", "new"] = "all"
    # Whether a job may be meant whose name, type or start the system does not say. A gate has to count it in; an abort
    # leaves it alone.
    take_unknown: bool = True

    @property
    def only_ended(self) -> bool:
        """Say whether no job is meant that may still run."""
        return bool(self.results) or (bool(self.states) and set(self.states) <= {"finished"})

    def excludes(self, job: Job) -> bool:
        """Whether a job is left out by its id or its name."""
        name = job.name
        return job.id.casefold() in self.exclude or (name is not None and is_like(name.casefold(), self.exclude))

    def on_clock(self, ahead: float) -> Selection:
        """Compare starts as the system tells them: by its own clock, and perhaps in whole seconds."""
        offset, after, before = timedelta(seconds=ahead), self.started_after, self.started_before
        return self._replace(
            started_after=None if after is None else after + offset - WHOLE_SECONDS,
            started_before=None if before is None else before + offset,
        )

    def among(self, jobs: t.Iterable[Job]) -> t.Iterator[Job]:
        """Give those of the jobs that are meant. What is not asked about costs nothing, in however long a list."""
        unknown = self.take_unknown
        if self.job_ids:
            ids = frozenset(self.job_ids)
            jobs = (job for job in jobs if job.id in ids)
        if self.states:
            jobs = (job for job in jobs if job.state in self.states)
        if self.results:
            jobs = (job for job in jobs if job.result in self.results)
        if self.types:
            jobs = (job for job in jobs if (unknown if job.type is None else job.type.casefold() in self.types))
        if self.kinds:
            jobs = (job for job in jobs if (unknown if job.kind is None else job.kind in self.kinds))
        if self.exclude:
            jobs = (job for job in jobs if not self.excludes(job))
        if self.names:
            jobs = (job for job in jobs if (unknown if job.name is None else is_like(job.name, self.names)))
        after, before = self.started_after, self.started_before
        if after is not None:
            jobs = (job for job in jobs if (unknown if job.started is None else job.started >= after))
        if before is not None:
            jobs = (job for job in jobs if (unknown if job.started is None else job.started <= before))
        return iter(jobs)


def check_words(option: str, words: t.Iterable[str]) -> None:
    """Refuse names and types that no job wears: nothing would be selected by them, and nothing spared."""
    for word in words:
        if not word.strip() or UNSENDABLE.search(word):
            raise Misconfigured(f"{option}: {word!r} has to be text on one line, and not blank")


def unmatched(asked: Selection, wanted: Selection, jobs: t.Collection[Job]) -> dict[str, str]:
    """Say of each name, type and kind that no job wears it, and what there is instead.

    ``asked`` has the words as they were given, ``wanted`` as they are compared.
    """
    said: dict[str, str] = {}
    if asked.names:
        names = {job.name for job in jobs if job.name is not None}
        for pattern in asked.names:
            if not any(is_like(name, (pattern,)) for name in names):
                nearly = [name for name in names if is_like(name.casefold(), (pattern.casefold(),))]
                there = f"in another letter case there is {_some(nearly)}" if nearly else _there(names)
                said[f"names {pattern}"] = f"no job has the name {pattern!r}: {there}"
    if asked.types:
        types = {job.type for job in jobs if job.type is not None}
        worn = {word.casefold() for word in types}
        for word, compared in zip(asked.types, wanted.types):
            if compared not in worn:
                said[f"types {word}"] = f"no job has the type {word!r}: {_there(types)}"
    if asked.kinds:
        kinds = {job.kind for job in jobs if job.kind is not None}
        for kind in asked.kinds:
            if kind not in kinds:
                said[f"kinds {kind}"] = f"no job is of the kind {kind!r}: {_there(kinds)}"
    for word in asked.exclude:
        if not any(asked._replace(exclude=(word,)).excludes(job) for job in jobs):
            said[f"exclude {word}"] = f"exclude {word!r} leaves no job out: none has that id or name"
    return said


def _there(words: t.Collection[str]) -> str:
    return f"there is {_some(words)}" if words else "there is none at all"


def _some(words: t.Collection[str]) -> str:
    shown = ", ".join(repr(word) for word in sorted(words)[:_MOST_SHOWN])
    return shown + (f" and {len(words) - _MOST_SHOWN} more" if len(words) > _MOST_SHOWN else "")
