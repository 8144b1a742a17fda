# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a wait looks and how late it notices the end, over thousands of drawn durations."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.job import Job
from ansible_collections.changeops.backup.plugins.module_utils._systems.estimates import expected, usual_durations
from pace import Outcome, draw, wait_once, worst

HOUR = 3600.0
INTERVAL = 5.0


@pytest.mark.parametrize("max_interval", [60.0, 600.0])
def test_without_an_estimate_the_lag_is_at_most_a_twentieth_of_the_age(max_interval: float) -> None:
    for outcome in draw(1500, 1, 10.0, 8 * HOUR, error=None, max_interval=max_interval):
        # The age at the look before the end, from which the gap follows, is at most the duration.
        assert outcome.lag <= max(INTERVAL, min(0.05 * outcome.duration, max_interval)) + 0.01, outcome


def test_a_four_hour_job_with_a_good_estimate_costs_sixty_looks_and_ten_seconds() -> None:
    found = draw(1000, 2, 4 * HOUR, 4 * HOUR, error=0.0, max_interval=600.0)
    found += [wait_once(4 * HOUR, 4 * HOUR + off, 600.0, lambda: 0.5) for off in range(-20, 21)]
    assert worst(outcome.looks for outcome in found) <= 60
    assert worst(outcome.lag for outcome in found) <= 10.0


@pytest.mark.parametrize("error", [0.0, 0.1, 0.5, 0.9])
def test_no_estimate_however_wrong_makes_a_gap_longer_than_max_interval(error: float) -> None:
    for outcome in draw(300, 3, 10.0, 8 * HOUR, error=error, max_interval=60.0):
        assert outcome.lag <= 60.01


def test_an_estimate_saves_looks() -> None:
    def looks(error: float | None) -> float:
        found: list[Outcome] = draw(200, 4, HOUR, 4 * HOUR, error=error, max_interval=600.0)
        return sum(outcome.looks for outcome in found)

    assert looks(0.01) < 0.6 * looks(None)


NOW = datetime(2026, 3, 1, 22, 0, tzinfo=timezone.utc)


def run_of(name: str | None, result: t.Any, duration: float | None, **more: t.Any) -> Job:
    state: t.Any = "finished" if result else "running"
    return Job("flosum", str(id(object())), name, "Templated Backup", state, result, None, duration=duration, **more)


def test_earlier_runs_of_the_same_name_tell_when_this_one_will_end() -> None:
    history = [run_of("Nightly", "success", seconds) for seconds in (500.0, 600.0, 4000.0)]
    noise = [run_of("Nightly", "failed", 3.0), run_of("Weekly", "success", 9000.0), run_of(None, "success", 1.0)]
    usual = usual_durations(history + noise)
    running = run_of("Nightly", None, None, started=NOW)
    assert expected(running, usual).eta == NOW + timedelta(seconds=600)
    assert expected(run_of("Monthly", None, None, started=NOW), usual).eta is None
    assert expected(run_of(None, None, None, started=NOW), usual).eta is None
    assert expected(run_of("Nightly", None, None), usual).eta is None
    told = running._replace(eta=NOW)
    assert expected(told, usual).eta == NOW
