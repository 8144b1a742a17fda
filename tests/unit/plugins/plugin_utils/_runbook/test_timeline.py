# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie on the timeline, whatever the jobs are like."""

from __future__ import annotations

import copy
import time
import typing as t

import pytest

from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.drawing import DESK, PHONE, Layout, figures
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.texts import seconds_of
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.timeline import (
    MOST_LANES,
    MOST_TICKS,
    Lane,
    Timeline,
    timeline,
)

from . import models

ALL = [models.safe, models.busy, models.hostile, models.many, models.empty]
HOUR = 3600.0


def lane(line: Timeline, name: str) -> Lane:
    return next(one for one in line.lanes if one.job["name"] == name)


def one_job(job: models.Model, **parts: t.Any) -> models.Model:
    look = models.stage("busy", 60, "look")
    return models.model(systems=[models.system("vspc-frankfurt", [job], "busy", gate=look)], **parts)


def percent(line: Timeline, minutes: float) -> float:
    seconds = seconds_of(models.at(minutes))
    assert seconds is not None
    return (seconds - line.start) / (line.end - line.start) * 100


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_only_the_model_decides_and_not_the_time_of_rendering(make: t.Callable[[], models.Model]) -> None:
    later = make()
    later["rendered_at"] = "2031-01-01T00:00:00Z"
    assert timeline(later) == timeline(make())


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_a_model_is_read_and_not_changed(make: t.Callable[[], models.Model]) -> None:
    model = make()
    before = copy.deepcopy(model)
    timeline(model)
    assert model == before


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_everything_lies_within_the_time_shown(make: t.Callable[[], models.Model]) -> None:
    line = timeline(make())
    assert line.start < line.end
    bars = [drawn for one in line.lanes for drawn in (one.ran, one.expected) if drawn] + (
        [line.window] if line.window else []
    )
    assert all(drawn.x >= 0 and drawn.width >= 0 and drawn.x + drawn.width <= 100.01 for drawn in bars)
    moments = [*line.ticks, *line.marks, *(abort for one in line.lanes for abort in one.aborts)]
    assert all(0 <= one.x <= 100 for one in moments)
    assert 1 <= len(line.ticks) <= MOST_TICKS + 1


def test_window_marks_and_parts_lie_where_their_times_are() -> None:
    line = timeline(models.busy())
    assert line.window is not None
    assert line.window.x == pytest.approx(percent(line, 0), abs=0.01)
    assert line.window.x + line.window.width == pytest.approx(percent(line, 240), abs=0.02)
    marks = {mark.kind: mark.x for mark in line.marks}
    assert marks["latest_start"] == pytest.approx(percent(line, 150), abs=0.01)
    # The last look, not the time of rendering.
    assert marks["now"] == pytest.approx(percent(line, 74), abs=0.01)
    runs = lane(line, "ERP application servers")
    assert runs.ran is not None
    assert runs.expected is not None
    assert runs.ran.x == pytest.approx(percent(line, -20), abs=0.01)
    assert runs.ran.x + runs.ran.width == pytest.approx(marks["now"], abs=0.02)
    assert runs.expected.x == marks["now"]
    assert runs.expected.x + runs.expected.width == pytest.approx(percent(line, 135), abs=0.02)
    assert (runs.blocks, runs.fits) == (True, True)
    assert lane(line, "Nightly, all sites").due == pytest.approx(percent(line, 120), abs=0.01)
    assert [abort.x for abort in lane(line, "Mail servers").aborts] == [pytest.approx(percent(line, 45), abs=0.01)]


def test_what_matters_comes_first_and_what_is_not_drawn_is_counted() -> None:
    line = timeline(models.busy())
    roles = [one.role for one in line.lanes]
    assert roles == sorted(roles, key=["active", "aborted", "blocker", "past"].index)
    assert {"active", "aborted", "blocker", "past"} == set(roles)
    many = models.many(5000)
    line = timeline(many)
    assert len(line.lanes) == MOST_LANES
    assert len(line.lanes) + line.hidden + line.outside == 5000
    assert all(one.role == "active" for one in line.lanes)


def test_thousands_of_jobs_take_no_time() -> None:
    many = models.many(20_000)
    begun = time.process_time()
    timeline(many)
    assert time.process_time() - begun < 5


def test_a_job_of_three_weeks_does_not_squeeze_the_window() -> None:
    long = models.job("Long", -3 * 7 * 1440, None, None, eta=models.at(3 * 7 * 1440))
    line = timeline(one_job(long))
    assert line.end - line.start < 12 * HOUR
    shown = lane(line, "Long")
    assert shown.ran is not None
    assert shown.ran.from_before
    assert shown.expected is not None
    assert shown.expected.goes_on


@pytest.mark.parametrize("eta", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "soon", None])
def test_an_absurd_end_moves_nothing(eta: str | None) -> None:
    assert timeline(one_job(models.job("Odd", -5, None, None, eta=eta))).end < 12 * HOUR + models.TEN.timestamp()


def test_a_window_of_three_weeks_and_no_window_at_all() -> None:
    change = {**models.model()["change"], "end": models.at(21 * 1440), "latest_start": None}
    line = timeline(one_job(models.job("Short", 10, 20), change=change))
    assert line.window is not None
    assert {tick.day for tick in line.ticks} == {"2026", None}
    without = {**models.model()["change"], "start": None, "end": None, "latest_start": None}
    line = timeline(one_job(models.job("Short", 10, 20), change=without))
    assert line.window is None
    assert lane(line, "Short").ran is not None
    assert [mark.kind for mark in line.marks] == ["now"]


def test_where_nothing_ran_in_the_window_the_last_run_is_looked_for() -> None:
    line = timeline(one_job(models.job("Yesterday", -1500, 30)))
    assert [one.job["name"] for one in line.lanes] == ["Yesterday"]
    # Last year's is not worth a chart of a year.
    line = timeline(one_job(models.job("Last year", -525600, 30)))
    assert (line.lanes, line.outside) == ((), 1)
    assert line.end - line.start < 80 * HOUR


def test_a_job_without_times_has_a_lane_only_where_it_matters() -> None:
    jobs = [
        models.job("Active", None, None, None),
        models.job("Never ran", None, None, None, state="idle", active=False),
    ]
    line = timeline(models.model(systems=[models.system("nas-sync", jobs, gate=models.stage("busy", 5, ""))]))
    assert [(one.job["name"], one.ran) for one in line.lanes] == [("Active", None)]
    assert line.outside == 1


def test_a_clock_that_is_ahead_makes_no_bar_of_negative_length() -> None:
    line = timeline(one_job(models.job("Ahead", 70, None, None)))
    lane_bar = lane(line, "Ahead").ran
    assert lane_bar is not None
    assert lane_bar.width == 0


def test_names_that_many_runs_share_mean_the_active_one_and_an_id_means_itself() -> None:
    jobs = [
        models.job("Same", -90, 20, id="old"),
        models.job("Same", 5, None, None, id="new"),
        models.job("Same", 6, 2, id="x"),
    ]
    found = [
        models.action("vspc-frankfurt", "Same", 40, "not_confirmed"),
        models.action("vspc-frankfurt", "old", 41, "already_finished"),
    ]
    systems = [models.system("vspc-frankfurt", jobs, gate=models.stage("busy", 60, ""))]
    line = timeline(models.model(systems=systems, actions=found))
    assert {one.job["id"]: len(one.aborts) for one in line.lanes} == {"new": 1, "old": 1, "x": 0}


def test_an_abort_of_a_job_that_is_in_no_list_any_more_is_drawn_all_the_same() -> None:
    model = one_job(models.job("Other", -5, None, None), actions=[models.action("vspc-frankfurt", "Gone", 30)])
    assert [mark.kind for mark in timeline(model).marks] == ["latest_start", "now", "abort"]


def test_the_axis_is_in_round_times_and_says_where_a_day_begins() -> None:
    line = timeline(models.busy())
    assert [(tick.label, tick.day) for tick in line.ticks] == [
        ("20:00", "Sun 1 Mar"),
        ("22:00", None),
        ("00:00", "Mon 2 Mar"),
        ("02:00", None),
        ("04:00", None),
    ]


@pytest.mark.parametrize("layout", [DESK, PHONE], ids=lambda layout: layout.name)
@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_every_lane_is_in_one_picture_and_inside_of_it(layout: Layout, make: t.Callable[[], models.Model]) -> None:
    line = timeline(make())
    drawn = figures(line, layout)
    assert sum(len(one.rows) for one in drawn) == len(line.lanes)
    assert len({one.id for one in drawn}) == len(drawn)
    for figure in drawn:
        assert all(label.text_x >= 0 for label in figure.labels)
        for row in figure.rows:
            assert 0 <= row.y <= figure.bottom <= figure.height
            for shape in row.shapes:
                assert shape.width >= 3
                assert layout.left - 0.1 <= shape.x
                assert shape.x + shape.width <= layout.width - layout.right + 0.1


@pytest.mark.parametrize("layout", [DESK, PHONE], ids=lambda layout: layout.name)
def test_words_of_marks_do_not_lie_on_each_other(layout: Layout) -> None:
    change = {**models.model()["change"], "latest_start": models.at(75)}
    (figure, *_others) = figures(timeline({**models.busy(), "change": change}), layout)
    places = [(label.text_x, label.text_x + len(label.text) * layout.letter, label.y) for label in figure.labels]
    assert len(places) == 3
    for first in places:
        for other in places:
            assert first == other or first[2] != other[2] or first[1] <= other[0] or other[1] <= first[0]
