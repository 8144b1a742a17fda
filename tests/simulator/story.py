# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story: the jobs of one system, and each job as a function of time, of looks and of orders given to it."""

from __future__ import annotations

import bisect
import json
import re
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

RESERVED = ("appears", "disappears", "timeline", "after_looks", "on_abort", "on_start", "on_collect")
_COMMON = {"doc", "system", "clock", "auth", "page_cap", "token_host", "jobs", "generate", "faults", "seed"}
_TIME = re.compile(r"@(now)?([+-]?\d+(?:\.\d+)?)?\Z")
_PLACE = re.compile(r'"\{n([+-]\d+)?\}"|\{n([+-]\d+)?(?::([^{}"]+))?\}')


class StoryError(ValueError):
    """The story file itself is wrong."""


class When(float):
    """A Unix time; each vendor writes it in its own format."""


@dataclass(frozen=True)
class Story:
    """What a story file says, checked for shape."""

    system: str
    jobs: list[dict[str, Any]] = field(default_factory=list)
    generate: list[dict[str, Any]] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    auth: dict[str, Any] = field(default_factory=dict)
    speed: float = 1.0
    waits: bool = False
    page_cap: int | None = None
    separate_token_host: bool = False
    seed: int = 0
    doc: str = ""
    switches: dict[str, Any] = field(default_factory=dict)


def _read(path: Path) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it was built
    return yaml.load(path.read_text(encoding="utf-8"), loader)


def load_story(story: Story | Mapping[str, Any] | str | Path) -> Story:
    """Read a story from a file, or from a mapping of the same shape."""
    if isinstance(story, Story):
        return story
    raw = story if isinstance(story, Mapping) else _read(Path(story))
    if not isinstance(raw, Mapping) or not isinstance(raw.get("system"), str):
        raise StoryError("a story is a mapping with at least the key 'system'")
    generate = raw.get("generate") or []
    generate = generate if isinstance(generate, list) else [generate]
    if any(not isinstance(group, dict) or not {"count", "template"} <= set(group) for group in generate):
        raise StoryError("generate needs a count and a template")
    if raw.get("token_host") not in (None, "same", "separate"):
        raise StoryError("token_host is 'same' or 'separate'")
    return Story(
        system=raw["system"],
        jobs=list(raw.get("jobs") or []),
        generate=list(generate),
        faults=list(raw.get("faults") or []),
        auth=dict(raw.get("auth") or {}),
        speed=float((raw.get("clock") or {}).get("speed", 1.0)),
        waits=bool((raw.get("clock") or {}).get("waits", False)),
        page_cap=raw.get("page_cap"),
        separate_token_host=raw.get("token_host") == "separate",
        seed=int(raw.get("seed", 0)),
        doc=str(raw.get("doc", "")),
        switches={key: value for key, value in raw.items() if key not in _COMMON},
    )


class Clock:
    """Story time: seconds since the start, at the story's speed, plus jumps. It may wait for the first request."""

    def __init__(self, speed: float = 1.0, waits: bool = False) -> None:
        self.epoch = time.time()
        self._start = None if waits else time.monotonic()
        self._speed = speed
        self._jumped = 0.0

    def begin(self) -> None:
        """Start, if it has not yet."""
        if self._start is None:
            self._start = time.monotonic()
            self.epoch = time.time()

    def now(self) -> float:
        """Return the story time in seconds."""
        passed = 0.0 if self._start is None else time.monotonic() - self._start
        return passed * self._speed + self._jumped

    def wall(self, at: float) -> When:
        """Return the Unix time of a story time."""
        return When(self.epoch + at)

    def advance(self, seconds: float) -> None:
        """Jump ahead."""
        self._jumped += seconds


def _resolve(value: Any, clock: Clock, now: float) -> Any:
    """Replace `@+12` (since story start) and `@now-3` (since the patch took effect) by times."""
    kind = type(value)
    if kind is str:
        match = _TIME.match(value) if value[:1] == "@" else None
        if match is None:
            return value
        return clock.wall((now if match[1] else 0.0) + float(match[2] or 0))
    if kind is dict:
        return {k: _resolve(v, clock, now) if type(v) in _DEEP else v for k, v in value.items()}
    return [_resolve(item, clock, now) for item in value] if kind is list else value


_DEEP = frozenset({str, dict, list})
_encode = json.JSONEncoder(ensure_ascii=False).encode


class Job:
    """One job; `state(t)` is what the vendor knows about it at story time t."""

    __slots__ = (
        "_cache",
        "_clock",
        "_make",
        "_patches",
        "_pending",
        "_raw",
        "_spec",
        "appears",
        "disappears",
        "given",
        "looks",
        "text",
    )  # fmt: skip

    def __init__(self, make: Callable[[], dict[str, Any]], clock: Clock) -> None:
        self._make = make
        self._clock = clock
        self._spec: dict[str, Any] | None = None
        self._raw: dict[str, Any] | None = None
        self._patches: list[tuple[float, dict[str, Any]]] = []
        self._pending: list[tuple[int, dict[str, Any]]] = []
        self._cache: tuple[int, dict[str, Any]] | None = None
        self.appears = float("-inf")
        self.disappears = float("inf")
        self.looks = 0
        self.given: set[str] = set()
        self.text: tuple[int, str] | None = None

    def prepare(self) -> list[float]:
        """Read the reserved keys; return the story times at which this job changes."""
        spec = self.spec
        for entry in spec.get("timeline") or []:
            self._patches.append((float(entry["at"]), entry["set"]))
        self._patches.sort(key=lambda patch: patch[0])
        self._pending = [(int(entry["looks"]), entry["set"]) for entry in spec.get("after_looks") or []]
        self.appears = float(spec.get("appears", "-inf"))
        self.disappears = float(spec.get("disappears", "inf"))
        events = [at for at, _patch in self._patches]
        return events + [at for at in (self.appears, self.disappears) if abs(at) != float("inf")]

    @property
    def spec(self) -> dict[str, Any]:
        """The job as the story wrote it."""
        if self._spec is None:
            self._spec = self._make()
        return self._spec

    def stage(self, now: float) -> int:
        """Return how many patches are in effect, or -1 when the job is not there."""
        if not self._patches:
            return 0 if self.appears <= now < self.disappears else -1
        if not self.appears <= now < self.disappears:
            return -1
        return sum(at <= now for at, _patch in self._patches)

    def state(self, now: float) -> dict[str, Any] | None:
        """Return the fields with times resolved, or None when the job is not there."""
        stage = self.stage(now)
        if stage < 0:
            return None
        if self._cache is None or self._cache[0] != stage:
            if self._raw is None:
                plain = {key: value for key, value in self.spec.items() if key not in RESERVED}
                self._raw = _resolve(plain, self._clock, 0.0)
            state = dict(self._raw) if stage else self._raw
            for at, changes in self._patches[:stage]:
                state.update(_resolve(changes, self._clock, at))
            self._cache = (stage, state)
        return self._cache[1]

    def patch(self, at: float, changes: dict[str, Any]) -> None:
        """Let changes take effect at a story time."""
        bisect.insort(self._patches, (at, changes), key=lambda patch: patch[0])
        self._cache = self.text = None

    def pend(self, looks: int, changes: dict[str, Any]) -> None:
        """Let changes take effect once this job has been served so many more times."""
        self._pending.append((self.looks + looks, changes))

    def served(self, now: float) -> bool:
        """Count one look; return whether that changed the job."""
        self.looks += 1
        if not self._pending:
            return False
        due = [changes for looks, changes in self._pending if looks <= self.looks]
        self._pending = [item for item in self._pending if item[0] > self.looks]
        for changes in due:
            self.patch(now, changes)
        return bool(due)


def _generated(group: Mapping[str, Any]) -> Iterator[Callable[[], dict[str, Any]]]:
    text = json.dumps(group["template"])
    pieces: list[tuple[str, int, str | None]] = []
    end = 0
    for match in _PLACE.finditer(text):
        pieces.append((text[end : match.start()], int(match[1] or match[2] or 0), match[3]))
        end = match.end()
    tail = text[end:]

    def make(n: int) -> dict[str, Any]:
        parts = [f"{before}{format(n + shift, style or 'd')}" for before, shift, style in pieces]
        made: dict[str, Any] = json.loads("".join(parts) + tail)
        return made

    first = int(group.get("start", 1))
    for n in range(first, first + int(group["count"])):
        yield lambda n=n: make(n)  # type: ignore[misc]


class Book:
    """All jobs of one simulator, with cheap lists: answers are cached until something changes."""

    def __init__(self, story: Story, clock: Clock, render: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._clock = clock
        self._render = render
        self._events: list[float] = []
        self._changes = 0
        self._lists: dict[Hashable, tuple[tuple[int, int], list[Job]]] = {}
        self._index: dict[str, dict[str, Job]] = {}
        self.lock = threading.RLock()
        self.jobs = [Job(lambda spec=spec: spec, clock) for spec in story.jobs]  # type: ignore[misc]
        lazy = [not any(f'"{key}"' in json.dumps(group["template"]) for key in RESERVED) for group in story.generate]
        for job in self.jobs:
            self._events += job.prepare()
        for group, cheap in zip(story.generate, lazy, strict=True):
            made = [Job(make, clock) for make in _generated(group)]
            for job in [] if cheap else made:
                self._events += job.prepare()
            self.jobs += made
        self._events.sort()

    def state(self, job: Job) -> dict[str, Any] | None:
        """Return a job's state now."""
        return job.state(self._clock.now())

    def select(
        self,
        key: Hashable,
        keep: Callable[[dict[str, Any]], bool],
        order: Callable[[dict[str, Any]], Any] | None = None,
        *,
        descending: bool = False,
    ) -> list[Job]:
        """Return the jobs that are there and that `keep` accepts; `key` names the question for the cache."""
        now = self._clock.now()
        version = (bisect.bisect_right(self._events, now), self._changes)
        cached = self._lists.get(key)
        if cached is None or cached[0] != version:
            found = [(state, job) for job in self.jobs if (state := job.state(now)) is not None and keep(state)]
            if order is not None:
                found.sort(key=lambda pair: order(pair[0]), reverse=descending)
            if len(self._lists) > 32:
                self._lists.clear()
            cached = self._lists[key] = (version, [job for _key, job in found])
        return cached[1]

    def find(self, key: str, value: str) -> Job | None:
        """Return the job with this id, if it is there now."""
        if key not in self._index:
            self._index[key] = {str(job.spec.get(key)).lower(): job for job in self.jobs}
        job = self._index[key].get(value.lower())
        return job if job is not None and self.state(job) is not None else None

    def add(self, spec: dict[str, Any]) -> None:
        """Let a job begin that the story did not know."""
        job = Job(lambda: spec, self._clock)
        self._events = sorted([*self._events, *job.prepare()])
        self.jobs.append(job)
        self._index.clear()
        self._changes += 1

    def warm(self) -> None:
        """Write the JSON of generated jobs ahead, so that long lists are cheap from the first page on."""
        now = self._clock.now()
        for job in self.jobs if len(self.jobs) > 1000 else ():
            if job.stage(now) >= 0:
                self._text(job, now)

    def _text(self, job: Job, now: float) -> str:
        stage = job.stage(now)
        if job.text is None or job.text[0] != stage:
            job.text = (stage, _encode(self._render(job.state(now) or {})))
        return job.text[1]

    def serve(self, job: Job) -> str:
        """Return a job as the vendor's JSON text, and count the look."""
        now = self._clock.now()
        text = self._text(job, now)
        if job.served(now):
            self._changes += 1
        return text

    def serve_all(self, jobs: list[Job]) -> str:
        """Return jobs as a JSON array text, and count the looks."""
        return "[" + ",".join([self.serve(job) for job in jobs]) + "]"

    def set(self, job: Job, changes: dict[str, Any], after: float = 0.0) -> None:
        """Let a request change a job, at once or so many seconds later."""
        at = self._clock.now() + after
        job.patch(at, changes)
        bisect.insort(self._events, at)
        self._changes += 1

    def order(self, job: Job, what: str, default: Any) -> None:
        """Give a job an order (`on_abort`, `on_start`, `on_collect`): its effects come as the story says."""
        if what in job.given:
            return
        effects = job.spec.get(what, default)
        if effects == "ignored" or not effects:
            return
        job.given = {what}
        for effect in effects if isinstance(effects, list) else [effects]:
            if "after_looks" in effect:
                job.pend(int(effect["after_looks"]), effect["set"])
                continue
            self.set(job, effect["set"], float(effect.get("after", 0.0)))
