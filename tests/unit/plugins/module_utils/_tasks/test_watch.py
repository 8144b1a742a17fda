# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching for ever: a day with faults, kills and restarts, and each change is told once."""

from __future__ import annotations

import contextlib
import json
import os
import random
import typing as t
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import (
    AuthLost,
    Misconfigured,
    Unanswered,
    printable,
)
from ansible_collections.changeops.backup.plugins.module_utils._core.job import Job
from ansible_collections.changeops.backup.plugins.module_utils._systems.listing import Listing
from ansible_collections.changeops.backup.plugins.module_utils._systems.selection import Selection
from ansible_collections.changeops.backup.plugins.module_utils._tasks import memory as memory_file
from ansible_collections.changeops.backup.plugins.module_utils._tasks.task import Task
from ansible_collections.changeops.backup.plugins.module_utils._tasks.watch import watch_jobs
from waits import job as make

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.changeops.backup.plugins.module_utils._core.times import Clock

DAY = 24 * 3600.0
OPTIONS: dict[str, t.Any] = {
    "interval": 30.0,
    "events": None,
    "state_file": None,
    "since": "1h",
    "stall_timeout": None,
    "rpo": None,
}
CONNECTION = {
    "unreachable_timeout": 60.0,
    "connection_id": 42,
    "account_id": None,
    "agent_id": None,
    "organization_id": None,
}


class Killed(BaseException):
    """kill -9, as far as a test can do it to itself."""


class Taken:
    """Somebody who takes events, and may be slow; a queue of one place."""

    def __init__(self) -> None:
        self.events: list[dict[str, t.Any]] = []
        self.logged: list[str] = []
        self.in_queue = 0
        self.before_put: t.Callable[[], None] = lambda: None

    def put(self, event: dict[str, t.Any]) -> None:
        self.before_put()
        self.events.append(json.loads(json.dumps(event))["backup"])

    def waiting(self) -> int:
        return self.in_queue

    def log(self, text: str) -> None:
        self.logged.append(text)

    def words(self) -> list[str]:
        return [event["event"] for event in self.events]


class Connected:
    """Connection options."""

    url = "http://sim"

    def __getitem__(self, name: str) -> t.Any:
        return CONNECTION[name]


class System:
    """A system whose looks a test writes."""

    NAME = "sim"

    def __init__(self, look: t.Callable[[], Listing], clock: Clock) -> None:
        self.connection = type(
            "Connection", (), {"url": "http://sim", "__getitem__": lambda self, name: CONNECTION[name]}
        )()
        self.http = self
        self.server_ahead = 0.0
        self.clock = clock
        self._look = look

    @contextlib.contextmanager
    def within(self, patience: float, until: float) -> Iterator[None]:
        assert patience == 60.0
        assert until > self.clock.monotonic()
        yield

    def look(self, selection: Selection) -> Listing:
        return self._look()


def mask(text: str) -> str:
    return printable(text.replace("s3cret", "********"))


def watch(look: t.Callable[[], Listing], clock: Clock, outlet: Taken, **options: t.Any) -> None:
    """Watch until something raises."""
    system = t.cast("t.Any", System(look, clock))
    watch_jobs(Task({**OPTIONS, **options}, system, Selection(), clock, False, lambda text: None, mask), outlet)


def in_turn(*looks: Listing | Exception) -> t.Callable[[], Listing]:
    """Show these, one after the other; then nobody listens any more."""
    left = list(looks)

    def look() -> Listing:
        if not left:
            raise Killed
        one = left.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    return look


def listing(*jobs: Job, complete: bool = True) -> Listing:
    found = Listing.of(jobs)
    found.complete = complete
    return found


class World:
    """A system over a day: jobs come, run, end and expire; what it really did is the model."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self.random = random.Random(seed)
        self.clock = clock
        self.jobs: dict[str, Job] = {}
        self.really: list[tuple[str, str]] = []
        self.number = 0

    def passes(self) -> None:
        """Let something happen."""
        now = self.clock.now()
        for job in list(self.jobs.values()):
            if job.active and self.random.random() < 0.1:
                result: t.Any = self.random.choice(["success", "success", "warning", "failed", "canceled"])
                self.jobs[job.id] = job._replace(state="finished", result=result, finished=now)
                word = {"success": "finished"}.get(result, result)
                self.really.append((job.id, f"job_{word}"))
            elif job.finished is not None and now - job.finished > timedelta(hours=2):
                del self.jobs[job.id]
        if self.random.random() < 0.15:
            self.number += 1
            name = str(self.number)
            self.jobs[name] = make(name, "running", started=now)
            self.really.append((name, "job_started"))

    def look(self) -> Listing:
        """Look at it, where it answers."""
        self.passes()
        luck = self.random.random()
        if luck < 0.05:
            raise Unanswered("HTTP 503")
        shown = [job for job in self.jobs.values() if luck >= 0.1 or self.random.random() < 0.5]
        return listing(*shown, complete=luck >= 0.1)


@pytest.mark.parametrize("seed", range(6))
def test_in_a_day_of_faults_kills_and_restarts_each_change_is_told_once(
    seed: int, clock: t.Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, dice = World(seed, clock), random.Random(seed + 100)
    taken = Taken()
    sizes: list[int] = []
    state = tmp_path / "state.json"

    dead: list[bool] = []

    def dies(often: float) -> None:
        # Who was killed writes nothing any more.
        if dead or dice.random() < often:
            dead.append(True)
            raise Killed

    def replace(before: str, after: str) -> None:
        dies(0.02)
        os.rename(before, after)
        dies(0.02)

    monkeypatch.setattr(memory_file.os, "replace", replace)
    taken.before_put = lambda: dies(0.02)
    while clock.seconds < DAY:
        taken.in_queue = dice.choice([0, 0, 1])
        dead.clear()
        with contextlib.suppress(Killed):
            watch(world.look, clock, taken, state_file=str(state))
        clock.seconds += dice.choice([0, 30, 600])
        sizes.append(state.stat().st_size)
        world.passes()
    taken.before_put = lambda: None
    monkeypatch.undo()
    # What runs still has not ended; give the last looks their chance.
    with contextlib.suppress(Killed):
        watch(in_turn(*[listing(*world.jobs.values())] * 3), clock, taken, state_file=str(state))

    told = {event["id"]: (event["job"]["id"], event["event"]) for event in taken.events if event["job"]}
    assert Counter(told.values()) == Counter(world.really)
    assert len(world.really) > 300
    by_id: dict[str, set[str]] = {}
    for event in taken.events:
        by_id.setdefault(event["id"], set()).add(json.dumps(event, sort_keys=True))
    assert all(len(spelled) == 1 for spelled in by_id.values())
    order = [
        event for event in {event["id"]: event["event"] for event in taken.events}.values() if event in ("busy", "idle")
    ]
    assert all(one != other for one, other in zip(order, order[1:]))
    assert max(sizes) < 200_000


def test_what_was_taken_is_not_told_again_after_an_end_in_peace(clock: t.Any, tmp_path: Path) -> None:
    taken, state = Taken(), str(tmp_path / "s")
    for _again in range(2):
        with contextlib.suppress(Killed):
            watch(in_turn(listing(make("1", "running"))), clock, taken, state_file=state)
    assert taken.words() == ["job_started", "busy"]


def test_what_nobody_took_is_told_again_with_the_same_id(clock: t.Any, tmp_path: Path) -> None:
    taken, state = Taken(), str(tmp_path / "s")
    taken.in_queue = 1
    for _again in range(2):
        with contextlib.suppress(Killed):
            watch(in_turn(listing(make("1", "running"))), clock, taken, state_file=state)
    assert taken.words() == ["job_started", "busy", "busy"]
    assert taken.events[1] == taken.events[2]


def test_what_cannot_be_remembered_is_told_when_it_can(
    clock: t.Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = Taken()
    full = iter([False, True, True, False, False, False])
    write = memory_file._write

    def maybe(path: str, content: dict[str, t.Any]) -> None:
        if next(full):
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(memory_file, "_write", maybe)
    looks = [listing(make("1", "running"))] * 4
    with contextlib.suppress(Killed):
        watch(in_turn(*looks), clock, taken, state_file=str(tmp_path / "s"))
    assert taken.words() == ["job_started", "busy"]
    assert [text.split(":")[0] for text in taken.logged] == ["the state file cannot be written, so nothing is told"] * 2


def test_only_the_events_that_are_wanted_leave_and_all_are_known(clock: t.Any, tmp_path: Path) -> None:
    taken, state = Taken(), str(tmp_path / "s")
    running, over = listing(make("1", "running")), listing(make("1", "finished", "failed", finished=clock.now()))
    with contextlib.suppress(Killed):
        watch(in_turn(running, over, over), clock, taken, state_file=state, events=["job_failed"])
    assert taken.words() == ["job_failed"]
    with contextlib.suppress(Killed):
        watch(in_turn(over), clock, taken, state_file=state)
    assert taken.words() == ["job_failed"]


def test_after_a_refused_login_it_is_tried_rarely(clock: t.Any) -> None:
    taken = Taken()
    with contextlib.suppress(Killed):
        watch(in_turn(*[AuthLost("HTTP 401")] * 6, Unanswered("s3cret gone"), listing()), clock, taken)
    assert clock.slept == [60.0, 120.0, 240.0, 480.0, 600.0, 600.0, 30.0, 30.0]
    assert taken.words() == ["source_degraded", "source_recovered", "idle"]
    assert "HTTP 401" in taken.events[0]["reason"]


def test_what_a_vendor_sends_is_masked_printable_and_short(clock: t.Any) -> None:
    taken = Taken()
    name = "x" * 995 + "s3cret\x1b[31m" + "y" * 100_000
    with contextlib.suppress(Killed):
        watch(in_turn(listing(make("1", "running")._replace(name=name))), clock, taken)
    assert "s3c" not in json.dumps(taken.events)
    assert max(len(event["reason"]) for event in taken.events) <= 1000
    assert len(taken.events[0]["job"]["name"]) == 1000


@pytest.mark.parametrize("content", ["", "[]", "{", '{"source": 3}', '{"known": {}}', '"text"'])
def test_a_state_that_cannot_be_read_is_put_aside(clock: t.Any, tmp_path: Path, content: str) -> None:
    state, taken = tmp_path / "s", Taken()
    state.write_text(content)
    if content == '{"source": 3}':
        with pytest.raises(Misconfigured, match="another source"):
            watch(in_turn(listing()), clock, taken, state_file=str(state))
        return
    with contextlib.suppress(Killed):
        watch(in_turn(listing()), clock, taken, state_file=str(state))
    assert (taken.words(), (tmp_path / "s.unreadable").read_text()) == (["idle"], content)
    assert "begins anew" in taken.logged[0]


def test_a_state_of_mine_that_is_broken_is_put_aside(clock: t.Any, tmp_path: Path) -> None:
    state, taken = tmp_path / "s", Taken()
    with contextlib.suppress(Killed):
        watch(in_turn(listing()), clock, taken, state_file=str(state))
    content = json.loads(state.read_text())
    content["known"]["active"] = {"1": {"label": "x"}}
    state.write_text(json.dumps(content))
    with contextlib.suppress(Killed):
        watch(in_turn(listing()), clock, taken, state_file=str(state))
    assert taken.words() == ["idle", "idle"]


def test_two_sources_do_not_share_a_state(clock: t.Any, tmp_path: Path) -> None:
    state = str(tmp_path / "s")

    def second() -> Listing:
        watch(in_turn(listing()), clock, Taken(), state_file=state)
        return listing()

    with pytest.raises(Misconfigured, match="used by another event source"):
        watch(second, clock, Taken(), state_file=state)


def test_a_folder_that_is_not_there_is_refused_before_anything_is_sent(clock: t.Any, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be used: No such file"):
        watch(in_turn(), clock, Taken(), state_file=str(tmp_path / "gone" / "s"))


@pytest.mark.parametrize(
    "options",
    [
        {"interval": 0.0},
        {"interval": 1e9},
        {"events": []},
        {"since": "soon"},
        {"since": "2999-01-01T00:00:00Z"},
        {"stall_timeout": -1.0},
        {"rpo": [{"name": "a"}]},
    ],
)
def test_options_that_cannot_be_are_refused(clock: t.Any, options: dict[str, t.Any]) -> None:
    with pytest.raises(Misconfigured):
        watch(in_turn(), clock, Taken(), **options)


def test_the_state_is_for_its_owner_alone(clock: t.Any, tmp_path: Path) -> None:
    with contextlib.suppress(Killed):
        watch(in_turn(listing()), clock, Taken(), state_file=str(tmp_path / "s"))
    assert [oct((tmp_path / name).stat().st_mode & 0o777) for name in ("s", "s.lock")] == ["0o600", "0o600"]


def test_moments_are_those_of_the_looks(clock: t.Any) -> None:
    taken = Taken()
    with contextlib.suppress(Killed):
        watch(in_turn(listing(), listing(make("1", "running"))), clock, taken)
    moments = [datetime.fromisoformat(event["at"].replace("Z", "+00:00")) for event in taken.events]
    assert [(moment - moments[0]).total_seconds() for moment in moments] == [0, 30, 30]
