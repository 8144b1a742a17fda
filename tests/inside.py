# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup system inside this process, for what needs no module process: the same options, and a clock that jumps."""

from __future__ import annotations

import contextlib
import typing as t
from datetime import datetime, timedelta

from ansible_collections.changeops.backup.plugins.module_utils._core.times import Clock
from ansible_collections.changeops.backup.plugins.module_utils._edge.connection import connect
from ansible_collections.changeops.backup.plugins.module_utils._edge.perform import Verb
from ansible_collections.changeops.backup.plugins.module_utils._edge.selection import select
from ansible_collections.changeops.backup.plugins.module_utils._http.transport import Transport
from ansible_collections.changeops.backup.plugins.module_utils._systems.listing import Listing
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from ansible_collections.changeops.backup.plugins.module_utils._tasks.task import Task
from simulator import Simulator


class Jumping(Clock):
    """Nobody sleeps: time jumps ahead, and takes the simulator along."""

    def __init__(self, sim: Simulator | None = None) -> None:
        self.jumped = 0.0
        self.slept: list[float] = []
        self._sim = sim

    def monotonic(self) -> float:
        """Real seconds, and those jumped over."""
        return super().monotonic() + self.jumped

    def now(self) -> datetime:
        """Wall time, UTC."""
        return super().now() + timedelta(seconds=self.jumped)

    def sleep(self, seconds: float) -> None:
        """Jump."""
        self.slept.append(seconds)
        self.advance(max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        """Jump, without anybody having slept."""
        self.jumped += seconds
        if self._sim is not None:
            self._sim.advance(seconds)


class Inside:
    """What ``run_module`` builds, without its process: checked options, a login, a transport and a system."""

    def __init__(
        self,
        options: t.Mapping[str, t.Any],
        sim: Simulator | None = None,
        writes: bool = False,
        patience: float = 20.0,
        clock: Jumping | None = None,
    ) -> None:
        chosen = SYSTEMS[options["system"]]
        self.clock = clock or Jumping(sim)
        self.warned: list[str] = []
        self.secrets: list[str] = []
        self.connection, self.credential = connect(chosen, options, {}, self.warned.append, self.secrets.append)
        collect = bool(self.connection["collect"])
        self.http = Transport(
            self.connection.url,
            self.credential,
            self.clock,
            10.0,
            patience,
            allow_writes=writes,
            allow_collect=collect,
        )
        self.system = chosen(self.connection, self.http)

    def look(self, **selection: t.Any) -> Listing:
        """Look at the jobs that these options of a module select."""
        return self.system.look(select(type(self.system), selection, self.clock.now()))

    def task(self, verb: Verb, check_mode: bool = False, **given: t.Any) -> Task:
        """Give what ``perform`` gives to the body of a verb; its options have the defaults of what is not given."""
        params = {name: option.get("default") for name, option in {**verb.selection, **verb.options}.items()}
        params.update(given)
        selection = select(type(self.system), verb.selects(params), self.clock.now())
        return Task(params, self.system, selection, self.clock, check_mode, self.warned.append)

    def __enter__(self) -> Inside:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()


@contextlib.contextmanager
def play(story: dict[str, t.Any], **how: t.Any) -> t.Iterator[tuple[Simulator, Inside]]:
    """Play a story, and look at it from inside this process."""
    with Simulator(story) as sim, Inside(sim.options, sim, **how) as inside:
        yield sim, inside
