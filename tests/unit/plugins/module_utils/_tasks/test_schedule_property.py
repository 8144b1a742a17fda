# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random sequences of hold, release, crash and foreign edits: never more is given back than was held, and never less.

A ghost knows of each schedule who turned it off. Two changes overlap, a crash comes at any step, the steps within the
writing of the ledger among them, and somebody else turns schedules off and on in between.
"""

from __future__ import annotations

import contextlib
import os
import random
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import BackupError, Refused, Unanswered
from ansible_collections.changeops.backup.plugins.module_utils._http.transport import Statistics
from ansible_collections.changeops.backup.plugins.module_utils._systems.orders import Switch, Switches
from ansible_collections.changeops.backup.plugins.module_utils._systems.selection import Selection
from ansible_collections.changeops.backup.plugins.module_utils._tasks import ledger, schedule
from ansible_collections.changeops.backup.plugins.module_utils._tasks.task import Task

SEQUENCES = int(os.environ.get("SEQUENCES") or 1000)
PARTS = 4
IDS = ("a", "b", "c")
CHANGES = ("A", "B")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)


class Crash(BaseException):
    """The process is killed."""


class World:
    """A system of three schedules, and the ghost. It is what the body of the module sees of a system."""

    NAME, TITLE, REQUIRED = "fake", "A system", ("url",)
    CAPABILITIES = SimpleNamespace(schedule=True)
    connection = SimpleNamespace(url="https://backup.example")

    def __init__(self, seed: int, together: bool) -> None:
        self.random = random.Random(seed)
        self.all_in_one = together
        # Who turned a schedule off; None: it is on.
        self.off_by: dict[str, str | None] = {one: self.random.choice((None, None, "before")) for one in IDS}
        self.who = ""
        self.steps_left = -1
        self.fault: type[BackupError] | None = None
        self.http = SimpleNamespace(statistics=Statistics(), within=lambda patience: contextlib.nullcontext())

    def step(self) -> None:
        """Be killed here, if this is the moment."""
        if self.steps_left == 0:
            raise Crash
        self.steps_left -= 1

    def id_key(self, job_id: str) -> str:
        return job_id

    def check_switches(self, selection: Selection) -> None:
        return

    def switches(self, selection: Selection) -> Switches:
        self.step()
        meant = [one for one in IDS if one in (selection.job_ids or IDS)]
        return Switches({one: Switch(one, None, self.off_by[one] is None) for one in meant})

    def together(self, switches: t.Sequence[Switch]) -> list[list[Switch]]:
        return [list(switches)] * bool(switches) if self.all_in_one else [[one] for one in switches]

    def turn(self, switches: t.Sequence[Switch], on: bool) -> None:
        self.step()
        fault, self.fault = self.fault, None
        if fault is Refused:
            raise Refused("no", 403)
        for one in switches:
            if on or self.off_by[one.id] is None:
                self.off_by[one.id] = None if on else self.who
        self.step()
        if fault is Unanswered:
            raise Unanswered("lost")


class Still:
    """A clock on which time passes with each look at it, so that no two moments are the same."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def monotonic(self) -> float:
        return self._seconds

    def sleep(self, seconds: float) -> None:
        self._seconds += seconds

    def now(self) -> datetime:
        self._seconds += 0.001
        return NOON + timedelta(seconds=self._seconds)


class Play:
    """One sequence."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.world = World(seed, together=seed % 3 == 0)
        self.random = self.world.random
        self.clock = Still()
        self.folder = folder
        self.told: list[str] = []
        # What a change has turned off since it last gave everything back, or may have, as it crashed. Somebody may have
        # turned it on and off again in between: that nobody sees.
        self.perhaps: dict[str, set[str]] = {change: set() for change in CHANGES}

    def run(self) -> None:
        for _step in range(self.random.randint(4, 10)):
            dice = self.random.random()
            if dice < 0.35:
                self.edit()
            else:
                verb = "held" if dice < 0.7 else "released"
                crash = self.random.randint(0, 12) if self.random.random() < 0.4 else -1
                fault = self.random.choice((Refused, Unanswered, None, None, None))
                self.act(verb, self.random.choice(CHANGES), crash, fault)
        for change in (*CHANGES, *CHANGES):
            self.act("released", change)
        left = {one: by for one, by in self.world.off_by.items() if by in CHANGES}
        assert not left, f"never given back: {left}; {self.story()}"

    def edit(self) -> None:
        one = self.random.choice(IDS)
        self.world.off_by[one] = None if self.world.off_by[one] else "somebody"
        self.told.append(f"somebody turns {one} {'off' if self.world.off_by[one] else 'on'}")

    def act(self, state: str, change: str, crash: int = -1, fault: type[BackupError] | None = None) -> None:
        chosen = tuple(self.random.sample(IDS, self.random.randint(1, 3))) if self.random.random() < 0.4 else ()
        if state == "released":
            chosen = ()
        world, before = self.world, dict(self.world.off_by)
        world.who, world.steps_left, world.fault = change, crash, fault
        meant = {one for one in chosen or IDS if before[one] is None}
        params = {"state": state, "change_id": change, "dest": str(self.folder), "ledger": None, "reason": None}
        task = Task(
            params, t.cast(t.Any, world), Selection(job_ids=chosen), t.cast(t.Any, self.clock), False, self.told.append
        )
        answer: dict[str, t.Any] | None = None
        try:
            answer = schedule.set_schedules(task)
        except Crash:
            pass
        finally:
            world.steps_left, world.fault = -1, None
        after = world.off_by
        self.told.append(f"{state} {change} {chosen or 'all'} {'CRASH' if answer is None else ''} {after}")
        if state == "held":
            self.perhaps[change] |= meant
        self.judge(state, change, before, answer)

    def judge(self, state: str, change: str, before: dict[str, str | None], answer: dict[str, t.Any] | None) -> None:
        after = self.world.off_by
        for one in IDS:
            turned_on = before[one] is not None and after[one] is None
            assert not (turned_on and state == "held"), self.story()
            ours = one in self.perhaps[change] and before[one] not in ("before", *CHANGES)
            assert not turned_on or ours or before[one] == change, (
                f"MORE: {one} was turned off by {before[one]}; {self.story()}"
            )
        if answer is None or answer["failed"]:
            return
        if state == "released":
            less = [one for one in IDS if before[one] == change and after[one] is not None]
            assert not less, f"LESS: {less}; {self.story()}"
            # What it may have turned off is told apart now.
            self.perhaps[change] = set()
            assert answer["changed"] is any(before[one] != after[one] for one in IDS), self.story()

    def story(self) -> str:
        return " | ".join(self.told)


@pytest.fixture
def killable(monkeypatch: pytest.MonkeyPatch) -> list[World]:
    """Let a crash come within the writing of a ledger as well; and spare the disk."""
    current: list[World] = []
    monkeypatch.setattr(ledger.os, "fsync", lambda handle: current[-1].step())
    return current


@pytest.mark.parametrize("part", range(PARTS))
def test_never_more_is_given_back_than_was_held_and_never_less(
    part: int, tmp_path: Path, killable: list[World]
) -> None:
    for number in range(part, SEQUENCES, PARTS):
        play = Play(number, tmp_path / str(number))
        killable[:] = [play.world]
        play.run()
