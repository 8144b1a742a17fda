# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed from look to look, as events."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import Misconfigured
from ansible_collections.changeops.backup.plugins.module_utils._core.job import Job
from ansible_collections.changeops.backup.plugins.module_utils._tasks.changes import Changes, Event
from ansible_collections.changeops.backup.plugins.module_utils._tasks.recovery import read_wanted

NOW = datetime(2026, 3, 1, 22, 0, tzinfo=timezone.utc)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def job(job_id: str, state: str = "running", result: str | None = None, start: float | None = 0, **more: t.Any) -> Job:
    started = None if start is None else at(start)
    word = result or state
    return Job(
        "sim", job_id, f"job {job_id}", None, t.cast("t.Any", state), t.cast("t.Any", result), word, started, **more
    )


def ended(job_id: str, result: str = "success", start: float | None = 0, end: float | None = 5, **more: t.Any) -> Job:
    return job(job_id, "finished", result, start, finished=None if end is None else at(end), **more)


class World:
    """Looks, a minute apart, at what a test shows."""

    def __init__(self, **options: t.Any) -> None:
        self.changes = Changes("http://sim", at(-60), Job.to_dict, **options)
        self.minute = 0.0
        self.told: list[Event] = []

    def shows(self, *jobs: Job, complete: bool = True, after: float = 1.0) -> list[str]:
        """Look; give what is told."""
        told = self.changes.absorb({one.id: one for one in jobs}, complete, at(self.minute))
        self.minute += after
        self.told += told
        return [f"{one.event} {one.job['id']}" if one.job else one.event for one in told]

    def restarts(self) -> None:
        """Go on from what was kept."""
        kept = json.loads(json.dumps(self.changes.keep()))
        again = World()
        again.changes.restore(kept)
        assert again.changes.keep() == kept
        self.changes.restore(kept)


@pytest.fixture(name="world")
def _world() -> World:
    return World()


def test_a_job_runs_and_ends(world: World) -> None:
    assert world.shows() == ["idle"]
    assert world.shows(job("7")) == ["job_started 7", "busy"]
    assert world.shows(job("7")) == []
    assert world.shows(ended("7")) == ["job_finished 7", "idle"]
    assert world.shows(ended("7")) == []
    assert world.told[1].reason == "job 7 (7): it runs"
    assert world.told[1].job is not None
    assert world.told[1].job["name"] == "job 7"


@pytest.mark.parametrize(
    ("result", "event"),
    [
        ("success", "job_finished"),
        ("warning", "job_warning"),
        ("failed", "job_failed"),
        ("canceled", "job_canceled"),
        ("skipped", "job_skipped"),
    ],
)
def test_each_result_has_an_event(world: World, result: str, event: str) -> None:
    world.shows(job("7"))
    assert world.shows(ended("7", result)) == [f"{event} 7", "idle"]


def test_what_was_over_before_anybody_listened_is_not_told(world: World) -> None:
    old, new = ended("1", start=-120, end=-61), ended("2", start=-70, end=-59)
    undated = ended("3", start=None, end=None)
    long_ago = job("4", start=-300)
    assert world.shows(old, new, undated, long_ago) == ["job_finished 2", "job_started 4", "busy"]
    assert world.shows(old, new, undated, ended("4", "failed", start=-300)) == ["job_failed 4", "idle"]


def test_what_began_and_ended_between_two_looks_is_told_twice(world: World) -> None:
    world.shows()
    assert world.shows(ended("7", start=0.2, end=0.5)) == ["job_started 7", "job_finished 7"]
    assert world.shows(ended("7", start=0.2, end=0.5), ended("8", start=None, end=None)) == [
        "job_started 8",
        "job_finished 8",
    ]


@pytest.mark.parametrize("looks", [1, 3])
def test_what_a_restart_finds_is_told_once(world: World, looks: int) -> None:
    world.shows(job("1"), job("2"), ended("3", start=-2, end=-1))
    world.restarts()
    world.minute += 3 * 24 * 60
    late = ended("4", start=100, end=200)
    assert sorted(world.shows(ended("1"), job("2"), ended("3", start=-2, end=-1), late)) == [
        "job_finished 1",
        "job_finished 4",
        "job_started 4",
    ]
    for _again in range(looks):
        world.restarts()
        assert world.shows(ended("1"), job("2"), ended("3", start=-2, end=-1), late) == []


def test_every_event_has_an_id_of_its_own_and_the_same_when_told_again(world: World) -> None:
    other = World()
    for one in (world, other):
        one.shows()
        one.shows(job("1"), job("2"))
        one.shows(ended("1"), ended("2", "failed"))
    assert [one.id for one in world.told] == [one.id for one in other.told]
    assert len({one.id for one in world.told}) == len(world.told)


def test_a_definition_runs_again(world: World) -> None:
    def run(minute: float, state: str = "finished") -> Job:
        began = at(minute).isoformat()
        if state == "finished":
            return ended("d", "success", minute, minute + 1, run=began, record=f"{minute} {minute + 1}")
        return job("d", state, None, minute, run=began)

    world.shows(run(-600))
    assert world.shows(run(1)) == ["job_started d", "job_finished d"]
    assert world.shows(run(2, "running")) == ["job_started d", "busy"]
    # It shows what it heard before: that is not how things stand.
    assert world.shows(run(1)) == []
    assert world.shows(run(3, "running")) == ["job_started d"]
    assert "the run before was not seen to end" in world.told[-1].reason
    assert world.shows(run(5)) == ["job_started d", "job_finished d", "idle"]
    assert world.shows(job("d", "idle", start=None)) == []
    assert len({one.id for one in world.told}) == len(world.told)


def test_a_run_that_begins_has_no_start_yet(world: World) -> None:
    world.shows(ended("d", start=-9, end=-8, run="a", record="a b"))
    assert world.shows(job("d", start=None, run="a", record="a b")) == ["job_started d", "busy"]
    assert world.shows(ended("d", start=-9, end=-8, run="a", record="a b")) == []
    assert world.shows(job("d", start=2, run="c")) == []
    assert world.shows(ended("d", "warning", start=2, end=3, run="c", record="c d")) == ["job_warning d", "idle"]
    assert len({one.id for one in world.told}) == len(world.told)


def test_a_definition_that_is_at_rest_tells_no_end(world: World) -> None:
    world.shows(job("d"))
    assert world.shows(job("d", "idle")) == ["idle"]


def test_a_result_that_is_told_differently_later_is_told_again(world: World) -> None:
    world.shows(job("7"))
    world.shows(ended("7", "warning"))
    assert world.shows(ended("7", "failed")) == ["job_failed 7"]
    assert world.told[-1].reason == "it is told differently now: failed, and was warning"


def test_idle_is_only_what_a_complete_list_shows(world: World) -> None:
    assert world.shows(complete=False) == ["source_degraded"]
    assert world.shows(job("7", "unknown"), complete=False) == ["job_started 7", "busy"]
    assert world.shows(complete=False) == []
    assert world.shows(job("7", "unknown")) == ["source_recovered"]
    assert world.shows() == []
    assert world.shows() == ["idle"]


def test_idle_is_not_told_of_what_a_login_may_not_see(world: World) -> None:
    """A console whose agents are busy is not idle, and nobody saw whether they are."""
    assert [one.event for one in world.changes.absorb({}, True, at(0), unseen="jobs of agents (HTTP 403)")] == [
        "source_degraded"
    ]
    assert [one.event for one in world.changes.absorb({}, True, at(1))] == ["source_recovered", "idle"]


def test_silence_is_told_once_and_is_no_news_of_the_jobs(world: World) -> None:
    world.shows(job("7"))
    assert [one.event for one in world.changes.fail("HTTP 503", at(2))] == ["source_degraded"]
    assert world.changes.fail("HTTP 500", at(3)) == []
    world.restarts()
    assert world.changes.fail("HTTP 500", at(4)) == []
    assert world.shows(job("7")) == ["source_recovered"]
    assert world.told[-1].reason == "before that: HTTP 500"


def test_what_runs_for_ever_keeps_nothing_busy(world: World) -> None:
    assert world.shows(job("log", continuous=True)) == ["job_started log", "idle"]
    assert world.shows(job("log", continuous=True), job("7")) == ["job_started 7", "busy"]


def test_a_job_that_two_lists_do_not_show_is_gone(world: World) -> None:
    world.shows(job("7"))
    assert world.shows() == []
    assert world.shows(job("7")) == []
    assert world.shows() == []
    assert world.shows() == ["idle"]


def test_a_list_that_loses_an_end_and_finds_it_again_tells_nothing(world: World) -> None:
    world.shows(ended("7", start=-2, end=-1))
    for _again in range(3):
        world.shows()
    world.restarts()
    assert world.shows(ended("7", start=-2, end=-1)) == []


def test_what_nobody_lists_any_more_is_forgotten(world: World) -> None:
    world.shows(*(ended(str(number), start=-2, end=-1) for number in range(500)))
    world.shows()
    world.minute += 8 * 24 * 60
    world.shows()
    kept = world.changes.keep()
    assert (kept["ended"], kept["unlisted"], kept["active"]) == ({}, {}, {})


def test_a_job_that_stands_still_is_told_once_until_it_moves() -> None:
    world = World(stall_timeout=120)
    assert world.shows(job("7", percent=10.0)) == ["job_started 7", "busy"]
    assert world.shows(job("7", percent=10.0)) == []
    assert world.shows(job("7", percent=10.0)) == ["job_stalled 7"]
    world.restarts()
    assert world.shows(job("7", percent=10.0)) == []
    assert world.shows(job("7", percent=20.0)) == []
    assert world.shows(job("7", percent=20.0)) == []
    assert world.shows(job("7", percent=20.0)) == ["job_stalled 7"]
    assert len({one.id for one in world.told}) == len(world.told)


# -- the recovery point ----------------------------------------------------------------------------------------------


def rpo(*objects: dict[str, t.Any]) -> World:
    return World(wanted=read_wanted([*objects]))


def test_a_recovery_point_is_met_breached_and_met_again() -> None:
    world = rpo({"name": "job 7", "max_age": "1h"})
    good = ended("7", start=-30, end=-20, kind="backup")
    assert "rpo_met" in world.shows(good, after=20)
    assert world.shows(good, after=20) == []
    assert world.shows(good, after=1) == ["rpo_breached"]
    world.restarts()
    assert world.shows(good) == []
    again = ended("7", start=40, end=41, kind="backup")
    assert "rpo_met" in world.shows(again)
    # What nobody lists any more was a good backup all the same.
    assert world.shows(after=30) == []
    world.minute = 101
    assert world.shows() == ["rpo_breached"]


@pytest.mark.parametrize(
    "shown",
    [
        [ended("7", "failed", start=-3, end=-2)],
        [ended("7", start=-3, end=-2, kind="restore")],
        [ended("8", start=-3, end=-2)],
        [ended("7", start=60, end=61)],
        [ended("7", start=-90, end=-80)],
    ],
)
def test_what_is_no_good_backup_of_it_breaches(shown: list[Job]) -> None:
    assert "rpo_breached" in rpo({"name": "job 7", "max_age": "1h"}).shows(*shown)


@pytest.mark.parametrize(
    ("shown", "complete"),
    [
        ([], False),
        ([job("7")], True),
        ([job("7", "unknown"), ended("8", "failed")._replace(name="job 7")], True),
        ([ended("7", start=None, end=None)], True),
    ],
)
def test_where_nobody_can_tell_nothing_is_told_of_the_recovery_point(shown: list[Job], complete: bool) -> None:
    world = rpo({"name": "job 7*", "max_age": "1h"})
    assert not {"rpo_met", "rpo_breached"} & {*world.shows(*shown, complete=complete)}


def test_each_name_of_a_pattern_is_an_object_of_its_own() -> None:
    world = rpo({"name": "job *", "max_age": "1h"})
    assert world.shows() == ["idle", "rpo_breached"]
    assert [one for one in world.shows(ended("1", start=0), ended("2", "failed", start=0)) if "rpo" in one] == [
        "rpo_met",
        "rpo_met",
        "rpo_breached",
    ]
    assert [one.reason.split(":")[0] for one in world.told[-3:]] == ["name job *", "name job 1", "name job 2"]


@pytest.mark.parametrize("key", ["type", "job_id"])
def test_an_object_can_be_a_type_or_an_id(key: str) -> None:
    world = rpo({key: "Weekly", "max_age": "1d"})
    assert "rpo_met" in world.shows(ended("weekly", start=-9)._replace(type="WEEKLY"))


@pytest.mark.parametrize(
    "given",
    [
        {"name": "a"},
        {"max_age": "1h"},
        {"name": "a", "type": "b", "max_age": "1h"},
        {"name": "a", "max_age": "0h"},
        {"name": "a", "max_age": "soon"},
        {"name": " ", "max_age": "1h"},
        {"name": "a", "max_age": "1h", "days": 3},
        {"name": "a", "max_age": f"{10**12}w"},
    ],
)
def test_objects_that_cannot_be_are_refused(given: dict[str, t.Any]) -> None:
    with pytest.raises(Misconfigured):
        read_wanted([given])


def test_an_object_that_is_named_twice_is_refused() -> None:
    with pytest.raises(Misconfigured, match="twice"):
        read_wanted([{"name": "a", "max_age": "1h"}, {"name": "a", "max_age": "2h"}])
