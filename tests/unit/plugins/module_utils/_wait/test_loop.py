# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait loop on a fake clock: the weaknesses of other waits one by one, every option, slices, progress lines."""

from __future__ import annotations

import ast
import inspect
import json
import random
import time
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import (
    AuthLost,
    BackupError,
    Misconfigured,
    MissingLibrary,
    Refused,
    Unanswered,
)
from ansible_collections.changeops.backup.plugins.module_utils._core.job import RESULTS, Counts, Job, Part
from ansible_collections.changeops.backup.plugins.module_utils._core.times import Clock, to_iso_z
from ansible_collections.changeops.backup.plugins.module_utils._wait.loop import Report, Wait
from ansible_collections.changeops.backup.plugins.module_utils._wait.policy import Verdict
from waits import Asked, Life, Sight, Story, fault, in_turn, job, life, policy, run, run_in_slices, sight, together

FOREVER = float("inf")
NO_ANSWER = Unanswered("HTTP 502")
RUNNING = sight(job("a", "running"))
GOOD = sight(job("a", "finished", "success"))
BAD = sight(job("a", "finished", "failed"))


def moves(report: Report) -> list[tuple[str, t.Any, str]]:
    """Give the transitions without their times."""
    return [(entry["job"], entry["from"], entry["to"]) for entry in report.transitions]


@pytest.fixture
def new_clock(clock: Clock) -> type[Clock]:
    """Give the class, for tests that need several."""
    return type(clock)


# -- the sixteen weaknesses of other waits ----------------------------------------------------------------------------


@pytest.mark.parametrize("ends", [99.9, 100.0])
def test_weakness_01_a_job_that_ended_beats_the_clock(clock: Clock, ends: float) -> None:
    """The sleep is clipped to the deadline, and there is a last look at it."""
    story = Story(clock, together(life("a", ends)))
    report = run(clock, story, timeout=100.0, interval=60.0)
    assert report.verdict == "reached"
    assert story.times == [0.0, 60.0, 100.0]


def test_weakness_01_a_slow_answer_beyond_the_deadline_counts(clock: Clock) -> None:
    story = Story(clock, in_turn(RUNNING, GOOD._replace(lasts=29.0)))
    assert run(clock, story, timeout=5.0).verdict == "reached"


def test_weakness_02_unknown_is_active_and_never_success(clock: Clock) -> None:
    """The warning that names the word is tested with the systems."""
    report = run(clock, Story(clock, in_turn(sight(job("a", "unknown")))), timeout=600.0)
    assert report.verdict == "timed_out"
    assert report.elapsed == 600.0
    assert 10 < report.polls < 100  # neither given up at once nor asked without a pause


@pytest.mark.parametrize("state", ["queued", "running", "stopping", "paused", "unknown"])
@pytest.mark.parametrize("goal", ["finished", "successful", "idle"])
def test_weakness_02_every_active_state_is_waited_on(clock: Clock, state: str, goal: str) -> None:
    story = Story(clock, in_turn(sight(job("a", state)), sight(job("a", state)), GOOD))
    report = run(clock, story, state=goal)
    assert (report.verdict, report.polls) == ("reached", 3)


@pytest.mark.parametrize("goal", ["finished", "successful"])
@pytest.mark.parametrize("message", [None, "", "disk full"])
@pytest.mark.parametrize("result", [*(result for result in RESULTS if result != "success"), None])
def test_weakness_03_no_failure_looks_like_success(
    clock: Clock, goal: str, message: str | None, result: str | None
) -> None:
    """Without a message, without a result, and whatever its place among the jobs."""
    for place in range(3):
        jobs = [job(name, "finished", "success") for name in "abc"]
        jobs[place] = job("abc"[place], "finished", result, message=message)
        report = run(clock, Story(clock, in_turn(sight(*jobs))), state=goal, ids=tuple("abc"))
        assert report.verdict == "failed"
        assert f"{'abc'[place]} {result or 'finished'}" in report.message
        assert (message or "") in report.message


def test_weakness_04_and_12_the_loop_can_only_look() -> None:
    """All it is given is a look, a clock and a policy, and nothing that sends can be reached from its module.

    That the transport of a wait refuses to send writes is tested with ``_http``; that an abort is sent once and then
    observed, with ``_tasks.abort``.
    """
    rooms = Path(inspect.getfile(Wait)).parent.glob("*.py")
    nodes = [node for room in rooms for node in ast.walk(ast.parse(room.read_text()))]
    used = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and node.level != 1}
    used |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert used == {"__future__", "random", "typing", "datetime", "_core.errors", "_core.job", "_core.times"}


@pytest.mark.parametrize("goal", ["finished", "successful", "idle"])
def test_weakness_05_no_answer_is_no_answer(clock: Clock, goal: str) -> None:
    """Trouble of 299 s out of 300, twice, in a four-hour wait: not an end, and no absence."""

    def trouble(now: float) -> Sight | None:
        return fault(NO_ANSWER) if 1000 <= now < 1240 or 1300 <= now < 1540 else None

    story = Story(clock, together(life("a", 14_000.0), trouble=trouble))
    report = run(clock, story, state=goal, timeout=14_400.0)
    assert (report.verdict, moves(report)) == ("reached", [("a", None, "running"), ("a", "running", "success")])


def test_weakness_05_silence_is_told_apart(clock: Clock) -> None:
    story = Story(clock, together(life("a", FOREVER), trouble=lambda now: fault(NO_ANSWER) if now > 100 else None))
    report = run(clock, story)
    last_answer = max(asked.at for asked in story.asked if asked.at <= 100)
    assert (report.verdict, report.elapsed) == ("unreachable", last_answer + 300.0)
    for said in ("unreachable_timeout (300 s)", "HTTP 502", "a running"):
        assert said in report.message


@pytest.mark.parametrize("answers", [0, 3])
def test_weakness_06_lost_authentication_ends_the_wait_by_its_own_name(clock: Clock, answers: int) -> None:
    """The renewal before, and once after, a 401 is tested with ``_auth`` and ``_http``."""
    story = Story(clock, in_turn(*[RUNNING] * answers, fault(AuthLost("HTTP 401 again"))))
    report = run(clock, story)
    assert (report.verdict, len(story.asked)) == ("auth_lost", answers + 1)
    assert "authentication lost: HTTP 401 again" in report.message


def test_weakness_07_slow_answers_count(clock: Clock) -> None:
    report = run(clock, Story(clock, in_turn(RUNNING._replace(lasts=30.0))), timeout=60.0)
    assert report.verdict == "timed_out"
    assert 60.0 <= report.elapsed <= 90.0


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_weakness_07_the_wall_clock_does_not_matter(clock: Clock, monkeypatch: pytest.MonkeyPatch, jump: int) -> None:
    true = clock.now
    monkeypatch.setattr(clock, "now", lambda: true() + timedelta(seconds=jump if clock.monotonic() > 100 else 0))
    story = Story(clock, together(life("a", FOREVER, started=true())))
    report = run(clock, story, timeout=1000.0)
    assert (report.verdict, report.elapsed) == ("timed_out", 1000.0)
    assert max(after - before for before, after in zip(story.times, story.times[1:])) <= 60.0


@pytest.mark.parametrize(
    ("jump", "lasts"),
    [
        # A machine that slept for two hours: the window is over, and a last look is taken at once.
        (7200.0, 105.0),
        # A clock that was set right by a minute.
        (60.0, 940.0),
        (-60.0, 1060.0),
        # wait_timeout is no time of day.
        (-86_400.0, 3600.0),
    ],
)
def test_wait_until_is_a_time_of_day(clock: Clock, monkeypatch: pytest.MonkeyPatch, jump: float, lasts: float) -> None:
    true = clock.now
    monkeypatch.setattr(clock, "now", lambda: true() + timedelta(seconds=jump if clock.monotonic() > 100 else 0))
    until = true() + timedelta(seconds=1000)
    report = run(clock, Story(clock, together(life("a", FOREVER))), until=until, max_interval=5.0)
    assert (report.verdict, report.elapsed) == ("timed_out", pytest.approx(lasts, abs=0.01))
    assert report.deadline == to_iso_z(until)


@pytest.mark.parametrize(("limit", "looks"), [(0.0, 1), (1.0, 2), (30_000.0, None)])
def test_weakness_08_the_limit_is_the_one_given(clock: Clock, limit: float, looks: int | None) -> None:
    report = run(clock, Story(clock, in_turn(RUNNING)), timeout=limit)
    assert (report.verdict, report.elapsed) == ("timed_out", limit)
    assert report.polls == (looks or report.polls)
    assert f"wait_timeout ({limit:g} s)" in report.message


def test_weakness_09_no_recursion(clock: Clock) -> None:
    report = run(clock, Story(clock, in_turn(RUNNING)), interval=0.5, max_interval=0.5, timeout=10_000.0)
    assert (report.verdict, report.polls) == ("timed_out", 20_001)


ENDINGS: dict[str, tuple[tuple[Sight, ...], dict[str, t.Any], tuple[str, ...]]] = {
    "reached": ((GOOD,), {}, ("1 of 1 jobs", "accepted")),
    "failed": ((BAD,), {}, ("accept_results (success)", "a failed")),
    "timed_out": ((RUNNING,), {}, ("wait_timeout (3600 s)", "a running")),
    "stalled": ((RUNNING,), {"stall_timeout": 60.0}, ("stall_timeout (60 s)", "a running")),
    "missing": ((RUNNING, sight()), {}, ("on_missing: fail", "a running, no longer listed")),
    "unreachable": ((RUNNING, fault(NO_ANSWER)), {}, ("unreachable_timeout (300 s)", "HTTP 502", "a running")),
    "auth_lost": ((RUNNING, fault(AuthLost("401"))), {}, ("authentication lost: 401", "a running")),
}


@pytest.mark.parametrize("verdict", ENDINGS)
def test_weakness_10_every_ending_says_what_happened(clock: Clock, verdict: str) -> None:
    sights, changes, said = ENDINGS[verdict]
    report = run(clock, Story(clock, in_turn(*sights)), **changes)
    assert report.verdict == verdict
    for words in said:
        assert words in report.message
    assert report.message.endswith(".")
    assert ".." not in report.message


def test_weakness_10_every_verdict_has_its_row() -> None:
    assert set(ENDINGS) == set(t.get_args(Verdict))


def test_weakness_11_the_state_decides_and_no_other_field(clock: Clock) -> None:
    """Details that are still on their way do not hold an ended job back, and do not end a running one."""
    part = Part("volume", "running", None)
    ended = sight(job("a", "finished", "success", percent=40.0, counts=Counts(total=5), parts=(part,)))
    assert run(clock, Story(clock, in_turn(ended))).verdict == "reached"
    looks_done = job(
        "a", "running", percent=100.0, finished=clock.now(), parts=(Part("volume", "finished", "success"),)
    )
    assert run(clock, Story(clock, in_turn(sight(looks_done)))).verdict == "timed_out"


def test_weakness_13_many_jobs_one_look(clock: Clock) -> None:
    """500 jobs that end one after the other: input order, one look for all, and no word about what has ended."""
    names = tuple(f"job-{number}" for number in random.Random(4).sample(range(1000), 500))
    ends = {name: 3.0 * place for place, name in enumerate(sorted(names))}
    story = Story(clock, together(*(life(name, ends[name]) for name in names)))
    report = run(clock, story, ids=names)
    assert report.verdict == "reached"
    assert [one.id for one in report.jobs] == list(names)
    assert report.summary["by_result"] == {"success": 500}
    assert report.polls == len(story.asked) < 100
    seen_to_end: set[str] = set()
    for asked in story.asked:
        assert asked.ids == tuple(name for name in names if name not in seen_to_end)
        seen_to_end |= {name for name in names if ends[name] <= asked.at}


def test_weakness_13_the_first_failure_does_not_hide_the_rest(clock: Clock) -> None:
    story = Story(clock, together(life("a", 10.0, "failed"), life("b", 500.0), life("c", 700.0, "canceled")))
    report = run(clock, story, ids=tuple("abc"))
    assert (report.verdict, [one.result for one in report.jobs]) == ("failed", ["failed", "success", "canceled"])
    assert report.elapsed >= 700.0


def test_weakness_14_never_silent(clock: Clock) -> None:
    """Ten minutes in slices of a minute give a line each. That the lines are shown is tested with the action plugin."""
    said: list[str] = []
    run_in_slices(clock, Story(clock, together(life("a", 600.0))), [60.0], said=said)
    assert len(said) >= 9
    assert all(line.startswith("0 of 1 done, 1 running, oldest 00:") for line in said)
    assert len(set(said)) == len(said)


def test_weakness_15_a_long_wait_asks_seldom(clock: Clock) -> None:
    report = run(clock, Story(clock, together(life("a", 14_400.0))), timeout=20_000.0)
    assert report.verdict == "reached"
    assert report.polls < 310  # every 5 s it would be 2881


def test_weakness_15_gaps_grow_with_the_age_between_the_two_intervals(clock: Clock) -> None:
    story = Story(clock, together(life("a", 4000.0)))
    run(clock, story, interval=10.0, max_interval=40.0, timeout=5000.0)
    for before, after in zip(story.times, story.times[1:]):
        assert after - before == pytest.approx(min(max(10.0, 0.05 * before), 40.0))


def test_weakness_15_an_old_job_is_asked_about_seldom_from_the_start(clock: Clock) -> None:
    story = Story(clock, together(life("a", 600.0, started=clock.now() - timedelta(seconds=800))))
    run(clock, story)
    assert story.times[1] == 40.0
    clock.sleep(-clock.monotonic())
    # Of several without an expected end, the youngest decides.
    began = clock.monotonic()
    story = Story(clock, together(life("a", FOREVER, started=clock.now() - timedelta(days=1)), life("b", FOREVER)))
    run(clock, story, ids=("a", "b"), timeout=100.0)
    assert story.times[1] == began + 5.0


def test_weakness_15_jitter_only_shortens(clock: Clock) -> None:
    story = Story(clock, together(life("a", 3000.0)))
    run(clock, story, jitter=random.Random(1).random)
    shares = [
        (after - before) / min(max(5.0, 0.05 * before), 60.0) for before, after in zip(story.times, story.times[1:])
    ]
    assert 0.8 - 1e-9 <= min(shares) < 0.83
    assert 0.97 < max(shares) <= 1.0 + 1e-9


@pytest.mark.parametrize(("asked_for", "next_look"), [(47.0, 47.0), (200.0, 200.0), (5000.0, 300.0)])
def test_weakness_15_retry_after_is_obeyed(clock: Clock, asked_for: float, next_look: float) -> None:
    """Bounded by what is left of unreachable_timeout. Its forms, and short ones, are tested with ``_http``."""
    story = Story(clock, in_turn(RUNNING, fault(Unanswered("HTTP 429", asked_for)), GOOD))
    report = run(clock, story, interval=20.0, unreachable_timeout=320.0)
    assert story.times == [0.0, 20.0, 20.0 + next_look]
    assert (report.verdict, report.throttled_seconds) == ("reached", next_look)


def test_weakness_15_retry_after_is_clipped_to_the_deadline(clock: Clock) -> None:
    story = Story(clock, in_turn(RUNNING, fault(Unanswered("HTTP 429", 200.0)), GOOD))
    report = run(clock, story, timeout=100.0)
    assert (report.verdict, story.times, report.throttled_seconds) == ("reached", [0.0, 5.0, 100.0], 95.0)


@pytest.mark.parametrize("asked_for", [0.0, 0.5])
def test_weakness_15_a_short_retry_after_is_no_licence_to_flood(clock: Clock, asked_for: float) -> None:
    story = Story(clock, in_turn(RUNNING, *[fault(Unanswered("HTTP 503", asked_for))] * 3, GOOD))
    assert run(clock, story).verdict == "reached"
    assert story.times == [0.0, 5.0, 10.0, 15.0, 20.0]


def test_weakness_16_nobody_really_sleeps(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the loop is entered: a wait of two days blocks until its job has ended."""

    def forbidden(_seconds: float) -> None:
        raise AssertionError("a test of the loop slept")

    monkeypatch.setattr(time, "sleep", forbidden)
    report = run(clock, Story(clock, together(life("a", 172_800.0))), timeout=200_000.0)
    assert report.verdict == "reached"
    assert 172_800.0 <= report.elapsed <= 172_860.0


# -- state, require, accept_results -----------------------------------------------------------------------------------

TWO_GOOD = (life("a", 10.0), life("b", 100.0))
FIRST_BAD = (life("a", 10.0, "failed"), life("b", 100.0))
LAST_BAD = (life("a", 10.0), life("b", 100.0, "warning"))
BOTH_BAD = (life("a", 10.0, "failed"), life("b", 100.0, "warning"))
SOON, LATE = (10.0, 20.0), (100.0, 110.0)


@pytest.mark.parametrize(
    ("lives", "goal", "require", "accepted", "verdict", "when"),
    [
        (TWO_GOOD, "finished", "all", ("success",), "reached", LATE),
        (FIRST_BAD, "finished", "all", ("success",), "failed", LATE),
        (FIRST_BAD, "finished", "all", ("success", "failed"), "reached", LATE),
        (LAST_BAD, "finished", "all", ("success",), "failed", LATE),
        (LAST_BAD, "finished", "all", ("success", "warning"), "reached", LATE),
        (TWO_GOOD, "successful", "all", ("success",), "reached", LATE),
        (FIRST_BAD, "successful", "all", ("success",), "failed", SOON),
        (FIRST_BAD, "successful", "all", ("success", "failed"), "reached", LATE),
        (TWO_GOOD, "finished", "any", ("success",), "reached", SOON),
        (FIRST_BAD, "finished", "any", ("success",), "failed", SOON),
        (FIRST_BAD, "finished", "any", ("failed",), "reached", SOON),
        (TWO_GOOD, "successful", "any", ("success",), "reached", SOON),
        (FIRST_BAD, "successful", "any", ("success",), "reached", LATE),
        (BOTH_BAD, "successful", "any", ("success",), "failed", LATE),
        (FIRST_BAD, "idle", "all", ("success",), "reached", LATE),
        (BOTH_BAD, "idle", "all", ("success",), "reached", LATE),
    ],
)
def test_what_is_waited_for(
    clock: Clock,
    lives: tuple[Life, ...],
    goal: str,
    require: str,
    accepted: tuple[str, ...],
    verdict: str,
    when: tuple[float, float],
) -> None:
    report = run(
        clock, Story(clock, together(*lives)), ids=("a", "b"), state=goal, require=require, accept_results=accepted
    )
    assert report.verdict == verdict
    assert when[0] <= report.elapsed <= when[1]


def test_the_message_counts_only_what_was_accepted(clock: Clock) -> None:
    story = Story(clock, together(*FIRST_BAD))
    report = run(clock, story, ids=("a", "b"), state="successful", require="any")
    assert report.message.startswith("1 of 2 jobs have ended as accepted")


def test_a_report_tells_everything(clock: Clock) -> None:
    story = Story(clock, together(life("b", 20.0), life("a", FOREVER), life("c", 40.0, "failed")))
    report = run(clock, story, ids=tuple("cabx"), timeout=100.0)
    assert [one.id for one in report.jobs] == ["c", "a", "b"]
    assert [one.id for one in report.unfinished] == ["a"]
    assert report.summary == {
        "total": 4,
        "finished": 2,
        "unfinished": 2,
        "missing": 1,
        "by_state": {"finished": 2, "running": 1},
        "by_result": {"failed": 1, "success": 1},
    }
    assert report.verdict == "timed_out"
    assert "a running, x not seen" in report.message
    assert report.deadline == "2026-03-01T12:01:40Z"
    assert report.polls == len(story.asked)
    ended = [entry for entry in report.transitions if entry["from"] == "running"]
    assert [(entry["job"], entry["to"]) for entry in ended] == [("b", "success"), ("c", "failed")]
    assert ended[0]["time"] == "2026-03-01T12:00:20Z"
    json.dumps(report._replace(jobs=[], unfinished=[]))


def test_more_than_twenty_names_are_cut(clock: Clock) -> None:
    names = tuple(f"j{number}" for number in range(25))
    report = run(clock, Story(clock, together(*(life(name, FOREVER) for name in names))), ids=names, timeout=0.0)
    assert "j19 running and 5 more" in report.message


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "limit", "option"),
    [(50.0, 50.0, "wait_until"), (500.0, 100.0, "wait_timeout (100 s)"), (-60.0, 0.0, "wait_until")],
    ids=["earlier", "later", "past"],
)
def test_the_earlier_of_two_limits_ends_the_wait(clock: Clock, until: float, limit: float, option: str) -> None:
    moment = clock.now() + timedelta(seconds=until)
    story = Story(clock, in_turn(RUNNING))
    report = run(clock, story, timeout=100.0, until=moment)
    assert (report.verdict, report.elapsed) == ("timed_out", limit)
    assert option in report.message
    assert report.deadline == to_iso_z(clock.now())


@pytest.mark.parametrize(("answer", "verdict"), [(GOOD, "reached"), (BAD, "failed"), (RUNNING, "timed_out")])
def test_without_time_there_is_one_look(clock: Clock, answer: Sight, verdict: str) -> None:
    story = Story(clock, in_turn(answer))
    assert run(clock, story, timeout=0.0).verdict == verdict
    assert story.asked == [Asked(0.0, ("a",), 0.0)]


def test_without_time_and_without_answer_nothing_is_known(clock: Clock) -> None:
    story = Story(clock, in_turn(fault(NO_ANSWER)))
    report = run(clock, story, timeout=0.0)
    assert (report.verdict, len(story.asked)) == ("unreachable", 1)
    assert "wait_timeout (0 s)" in report.message


def test_time_that_runs_out_in_trouble_is_time_that_ran_out(clock: Clock) -> None:
    story = Story(clock, in_turn(RUNNING, fault(NO_ANSWER)))
    report = run(clock, story, timeout=100.0)
    assert (report.verdict, report.elapsed) == ("timed_out", 100.0)
    assert "has not answered since: HTTP 502" in report.message


def test_patience_of_a_look_never_passes_a_limit(clock: Clock) -> None:
    story = Story(clock, in_turn(RUNNING, fault(NO_ANSWER)))
    run(clock, story, timeout=100.0, unreachable_timeout=1000.0)
    assert [asked.patience for asked in story.asked] == [min(10.0, 100.0 - asked.at) for asked in story.asked]
    story = Story(clock, in_turn(fault(NO_ANSWER)))
    began = clock.monotonic()
    run(clock, story, unreachable_timeout=22.0)
    assert [(asked.at - began, asked.patience) for asked in story.asked] == [
        (0.0, 10.0),
        (5.0, 10.0),
        (10.0, 10.0),
        (15.0, 7.0),
        (20.0, 2.0),
        (22.0, 0.0),
    ]


def test_one_good_answer_makes_the_silence_begin_anew(clock: Clock) -> None:
    story = Story(clock, in_turn(*[*[fault(NO_ANSWER)] * 45, RUNNING] * 5, GOOD))
    assert run(clock, story).verdict == "reached"


@pytest.mark.parametrize("error", [Refused("HTTP 400", 400), BackupError("certificate")])
def test_a_refusal_is_no_answer_about_a_job(clock: Clock, error: BackupError) -> None:
    story = Story(clock, in_turn(RUNNING, fault(error)))
    report = run(clock, story)
    assert (report.verdict, len(story.asked)) == ("unreachable", 2)
    assert str(error) in report.message
    assert "a running" in report.message


@pytest.mark.parametrize("error", [Misconfigured("no url"), MissingLibrary("PyJWT", "Traceback")])
def test_what_the_user_has_to_mend_is_no_verdict(clock: Clock, error: BackupError) -> None:
    with pytest.raises(type(error)):
        run(clock, Story(clock, in_turn(fault(error))))


# -- quiet_period, stall_timeout --------------------------------------------------------------------------------------


def test_a_drain_waits_until_it_was_quiet_long_enough(clock: Clock) -> None:
    """A blip makes the quiet begin anew; without quiet_period the first quiet look is the end."""

    def script(now: float) -> Sight:
        running = now < 50 or 100 <= now < 130
        return sight(job("a", "finished", "success"), *([job("b", "running")] if running else []))

    report = run(clock, Story(clock, script), state="idle", ids=None, on_missing="finished")
    assert 50.0 <= report.elapsed < 70.0
    began = clock.monotonic()
    report = run(
        clock,
        Story(clock, lambda now: script(now - began)),
        state="idle",
        ids=None,
        quiet_period=90.0,
        on_missing="finished",
    )
    assert report.verdict == "reached"
    assert 130.0 + 90.0 <= report.elapsed < 240.0


def test_the_end_of_the_quiet_period_is_looked_at(clock: Clock) -> None:
    story = Story(clock, in_turn(sight()))
    report = run(clock, story, state="idle", ids=None, quiet_period=33.0, interval=10.0)
    assert (report.verdict, story.times) == ("reached", [0.0, 10.0, 20.0, 30.0, 33.0])


def test_time_runs_out_in_the_quiet_period(clock: Clock) -> None:
    report = run(clock, Story(clock, in_turn(sight())), state="idle", ids=None, quiet_period=33.0, timeout=30.0)
    assert report.verdict == "timed_out"
    assert "quiet_period" in report.message


def test_an_incomplete_list_never_shows_that_nothing_runs(clock: Clock) -> None:
    story = Story(clock, in_turn(*[sight(complete=False)] * 5, sight()))
    report = run(clock, story, state="idle", ids=None)
    assert (report.verdict, report.polls) == ("reached", 6)
    story = Story(clock, in_turn(sight(), sight(complete=False), sight()))
    report = run(clock, story, state="idle", ids=None, quiet_period=8.0)
    assert report.elapsed == 10.0 + 8.0
    report = run(clock, Story(clock, in_turn(sight(complete=False))), state="idle", ids=None)
    assert report.verdict == "timed_out"
    assert "not complete" in report.message


def test_a_drain_of_nothing_is_over_at_once(clock: Clock) -> None:
    for ids in (None, ()):
        assert run(clock, Story(clock, in_turn(sight())), state="idle", ids=ids).polls == 1


def test_nothing_moved(clock: Clock) -> None:
    """A percent, a count, a message or a part that changes is movement."""
    faces = [
        {"percent": 1.0},
        {"counts": Counts(successful=1)},
        {"message": "x"},
        {"parts": (Part("v", "running", None),)},
    ]

    def script(now: float) -> Sight:
        return sight(job("a", "running", **(faces[int(now // 100)] if now < 400 else faces[-1])))

    story = Story(clock, script)
    report = run(clock, story, stall_timeout=150.0, max_interval=10.0)
    assert report.verdict == "stalled"
    assert 450.0 <= report.elapsed <= 460.0
    assert run(clock, Story(clock, in_turn(RUNNING)), stall_timeout=None, timeout=900.0).verdict == "timed_out"


def test_the_stall_is_noticed_in_time(clock: Clock) -> None:
    report = run(clock, Story(clock, in_turn(RUNNING)), stall_timeout=33.0, interval=30.0)
    assert (report.verdict, report.elapsed) == ("stalled", 33.0)


def test_only_what_is_there_can_stall(clock: Clock) -> None:
    story = Story(clock, together(life("a", 200.0, begins=100.0)))
    assert run(clock, story, stall_timeout=60.0, max_interval=5.0).verdict == "stalled"
    assert clock.monotonic() >= 160.0


# -- appear_timeout, on_missing ---------------------------------------------------------------------------------------


def test_a_job_may_appear_later(clock: Clock) -> None:
    report = run(clock, Story(clock, together(life("a", 200.0, begins=110.0))))
    assert (report.verdict, moves(report)[0]) == ("reached", ("a", None, "running"))


@pytest.mark.parametrize("goal", ["finished", "successful", "idle"])
@pytest.mark.parametrize("on_missing", ["fail", "finished"])
def test_a_job_that_never_appears_is_missing(clock: Clock, goal: str, on_missing: str) -> None:
    """Also where missing means finished: an id that was never there may be a wrong one."""
    story = Story(clock, together(life("b", 10.0)))
    report = run(clock, story, ids=("a", "b"), state=goal, on_missing=on_missing, appear_timeout=77.0)
    assert (report.verdict, report.elapsed) == ("missing", 77.0)
    assert "appear_timeout (77 s)" in report.message
    assert "a not seen" in report.message


def test_a_job_that_never_appears_can_be_ignored(clock: Clock) -> None:
    story = Story(clock, together(life("b", 10.0)))
    report = run(clock, story, ids=("a", "b"), on_missing="ignore")
    assert (report.verdict, report.elapsed) == ("reached", 120.0)
    # But when nothing at all was there, nothing has finished.
    assert run(clock, Story(clock, in_turn(sight())), on_missing="ignore").verdict == "missing"


@pytest.mark.parametrize("require", ["all", "any"])
def test_an_empty_selection_is_given_time(clock: Clock, require: str) -> None:
    story = Story(clock, together(life("a", 200.0, begins=60.0)))
    assert run(clock, story, ids=None, require=require).verdict == "reached"
    began = clock.monotonic()
    report = run(clock, Story(clock, in_turn(sight())), ids=None, require=require)
    assert report.verdict == "missing"
    assert 120.0 <= clock.monotonic() - began <= 126.0


def test_no_jobs_at_all_have_all_finished(clock: Clock) -> None:
    story = Story(clock, in_turn(sight(job("a", "running"))))
    assert run(clock, story, ids=()).verdict == "reached"
    assert story.asked == [Asked(0.0, (), 10.0)]


def test_a_selection_takes_in_what_appears_while_it_waits(clock: Clock) -> None:
    story = Story(clock, together(life("a", 100.0), life("b", 300.0, begins=50.0)))
    report = run(clock, story, ids=None)
    assert [one.id for one in report.jobs] == ["a", "b"]
    assert report.elapsed >= 300.0
    assert {asked.ids for asked in story.asked} == {None}


@pytest.mark.parametrize("goal", ["finished", "successful", "idle"])
@pytest.mark.parametrize(
    ("on_missing", "verdict"), [("fail", "missing"), ("finished", "reached"), ("ignore", "reached")]
)
def test_two_looks_in_a_row_without_a_job(clock: Clock, goal: str, on_missing: str, verdict: str) -> None:
    story = Story(clock, in_turn(RUNNING, sight(), RUNNING, sight(), fault(NO_ANSWER), sight(), RUNNING))
    report = run(clock, story, state=goal, on_missing=on_missing)
    assert (report.verdict, len(story.asked)) == (verdict, 6)
    assert report.summary["missing"] == 1


@pytest.mark.parametrize("goal", ["finished", "idle"])
@pytest.mark.parametrize("on_missing", ["fail", "finished", "ignore"])
def test_an_incomplete_list_makes_no_job_missing(clock: Clock, goal: str, on_missing: str) -> None:
    story = Story(clock, in_turn(RUNNING, *[sight(complete=False)] * 9, GOOD))
    report = run(clock, story, state=goal, on_missing=on_missing)
    assert (report.verdict, report.polls) == ("reached", 11)


@pytest.mark.parametrize("goal", ["finished", "successful"])
def test_an_incomplete_list_never_shows_that_all_have_ended(clock: Clock, goal: str) -> None:
    """A job of the selection may be on a page that was kept from us; one asked for by its id was seen."""
    half = GOOD._replace(complete=False)
    report = run(clock, Story(clock, in_turn(half, half, GOOD)), ids=None, state=goal)
    assert (report.verdict, report.polls) == ("reached", 3)
    assert run(clock, Story(clock, in_turn(half)), state=goal).polls == 1


def test_missing_counts_as_finished_but_the_others_are_judged(clock: Clock) -> None:
    def story(result: str) -> Story:
        gone = sight(job("b", "finished", result))
        return Story(clock, in_turn(sight(job("a", "running"), job("b", "running")), gone))

    report = run(clock, story("success"), ids=("a", "b"), on_missing="finished")
    assert report.verdict == "reached"
    assert "Not listed: a running, no longer listed." in report.message
    assert run(clock, story("failed"), ids=("a", "b"), on_missing="finished").verdict == "failed"


def test_a_job_that_ended_and_then_left_the_list_has_ended(clock: Clock) -> None:
    story = Story(clock, together(lambda now: life("a", 5.0)(now) if now < 60 else None, life("b", 300.0)))
    assert run(clock, story, ids=None).verdict == "reached"


def test_a_restarted_server_gives_the_id_to_another_job(clock: Clock) -> None:
    """The other job's success is not ours."""
    story = Story(clock, in_turn(sight(job("a", "running", run="1")), sight(job("a", "finished", "success", run="2"))))
    report = run(clock, story)
    assert (report.verdict, report.polls) == ("missing", 3)


@pytest.mark.parametrize("on_missing", ["fail", "finished", "ignore"])
@pytest.mark.parametrize("before", [("running", None), ("finished", "success")])
def test_a_drain_sees_the_other_job_that_wears_the_id(
    clock: Clock, on_missing: str, before: tuple[str, str | None]
) -> None:
    story = Story(
        clock,
        in_turn(
            sight(job("a", *before, run="1"), job("b", "running")),
            *[sight(job("a", "running", run="2"), job("b", "finished", "success"))] * 5,
            sight(job("a", "finished", "success", run="2"), job("b", "finished", "success")),
        ),
    )
    report = run(clock, story, state="idle", ids=None, on_missing=on_missing)
    assert (report.verdict, report.polls) == ("reached", 7)


# -- definitions: jobs that run again and again -----------------------------------------------------------------------


def definition(clock: Clock, state: str, result: str | None = None, started: float | None = None) -> Sight:
    """Show a definition whose latest run began so many seconds after noon."""
    moment = None if started is None else clock.now() + timedelta(seconds=started - clock.monotonic())
    return sight(job("a", state, result, started=moment, run="" if started is None else str(started)))


def test_run_after_tells_the_awaited_run_from_the_one_before(clock: Clock) -> None:
    story = Story(
        clock,
        in_turn(
            definition(clock, "finished", "failed", -900.0),
            definition(clock, "running", None, -900.0),
            definition(clock, "running", None, 8.0),
            definition(clock, "finished", "success", 8.0),
        ),
    )
    report = run(clock, story, definitions=True, run_after=clock.now())
    assert (report.verdict, moves(report)) == ("reached", [("a", None, "running"), ("a", "running", "success")])


def test_a_run_that_begins_has_no_start_yet(clock: Clock) -> None:
    after = clock.now()
    story = Story(clock, in_turn(definition(clock, "running"), definition(clock, "finished", "success", 1.0)))
    report = run(clock, story, definitions=True, run_after=after)
    assert moves(report) == [("a", None, "running"), ("a", "running", "success")]


@pytest.mark.parametrize("ids", [("a",), None])
def test_an_ended_run_without_a_start_is_not_the_awaited_one(clock: Clock, ids: tuple[str, ...] | None) -> None:
    """Only what is active may have a start that is not told yet."""
    story = Story(clock, in_turn(definition(clock, "finished", "success")))
    assert run(clock, story, definitions=True, run_after=clock.now(), ids=ids).verdict == "missing"


def test_what_a_selection_means_and_has_not_run_is_named(clock: Clock) -> None:
    """Of two nightly jobs one begins late: that it was not waited for is said, however well the other ended."""
    old, new = clock.now() - timedelta(hours=25), clock.now() + timedelta(seconds=1)
    rest = (job("b", "finished", "success", started=old), job("c", "idle"))
    story = Story(
        clock,
        in_turn(
            sight(job("a", "running", started=new), *rest), sight(job("a", "finished", "success", started=new), *rest)
        ),
    )
    report = run(clock, story, definitions=True, run_after=clock.now(), ids=None)
    assert (report.verdict, [one.id for one in report.jobs]) == ("reached", ["a"])
    assert report.message == "1 of 1 jobs have ended as accepted. No run since started_after: b, c."


@pytest.mark.parametrize("ids", [("a",), None])
def test_an_old_run_is_not_there_yet(clock: Clock, ids: tuple[str, ...] | None) -> None:
    story = Story(clock, in_turn(definition(clock, "finished", "success", -900.0)))
    report = run(clock, story, definitions=True, run_after=clock.now(), ids=ids)
    assert (report.verdict, report.elapsed) == ("missing", 120.0)


def test_the_run_in_progress_at_the_first_look_is_awaited_else_the_latest_result_counts(clock: Clock) -> None:
    story = Story(
        clock, in_turn(definition(clock, "running", None, -60.0), definition(clock, "finished", "warning", -60.0))
    )
    assert run(clock, story, definitions=True).verdict == "failed"
    story = Story(clock, in_turn(definition(clock, "finished", "success", -900.0)))
    assert run(clock, story, definitions=True).polls == 1


@pytest.mark.parametrize("ran", [None, 10.0])
@pytest.mark.parametrize("goal", ["finished", "successful"])
@pytest.mark.parametrize("require", ["all", "any"])
def test_a_definition_without_a_run_has_not_ended(clock: Clock, ran: float | None, goal: str, require: str) -> None:
    """Also where it has run since, but shows no result."""
    for after in (None, clock.now()):
        story = Story(clock, in_turn(definition(clock, "idle", None, ran)))
        report = run(clock, story, definitions=True, run_after=after, state=goal, require=require)
        assert report.verdict == "missing"


@pytest.mark.parametrize(
    ("on_missing", "verdict"), [("fail", "missing"), ("finished", "reached"), ("ignore", "reached")]
)
@pytest.mark.parametrize("after", [None, -100])
def test_a_run_that_leaves_an_idle_definition_is_gone(
    clock: Clock, on_missing: str, verdict: str, after: int | None
) -> None:
    """How it ended is not to be seen; two looks make sure, and the change is told once."""
    story = Story(clock, in_turn(definition(clock, "running", None, 0.0), definition(clock, "idle", None, 0.0)))
    run_after = None if after is None else clock.now() + timedelta(seconds=after)
    report = run(clock, story, definitions=True, on_missing=on_missing, run_after=run_after)
    assert (report.verdict, report.polls) == (verdict, 3)
    assert moves(report) == [("a", None, "running")]


def test_a_selection_leaves_definitions_that_have_not_run_alone(clock: Clock) -> None:
    idle = job("b", "idle")
    story = Story(clock, in_turn(sight(job("a", "running"), idle), sight(job("a", "finished", "success"), idle)))
    report = run(clock, story, definitions=True, ids=None)
    assert (report.verdict, [one.id for one in report.jobs]) == ("reached", ["a"])


@pytest.mark.parametrize("ids", [("a",), None])
def test_a_drain_sees_a_definition_begin_again(clock: Clock, ids: tuple[str, ...] | None) -> None:
    story = Story(
        clock,
        in_turn(
            definition(clock, "finished", "success", -60.0),
            definition(clock, "running", None, 3.0),
            definition(clock, "idle", None, 3.0),
        ),
    )
    report = run(clock, story, definitions=True, state="idle", ids=ids, quiet_period=20.0)
    assert (report.verdict, report.elapsed) == ("reached", 30.0)
    assert {asked.ids for asked in story.asked} == {ids}


# -- slices -----------------------------------------------------------------------------------------------------------

STORIES: dict[str, tuple[t.Callable[[float], Sight], dict[str, t.Any]]] = {
    "many": (
        together(life("a", 90.0, percent=3.5), life("b", 400.0), life("c", 900.0, begins=70.0)),
        {"ids": tuple("abc")},
    ),
    "failed": (together(life("a", 90.0, "failed"), life("b", 400.0)), {"ids": None, "state": "successful"}),
    "trouble": (
        together(life("a", 900.0), trouble=lambda now: fault(Unanswered("429", 33.0)) if 100 < now < 350 else None),
        {},
    ),
    "unreachable": (together(life("a", 900.0), trouble=lambda now: fault(NO_ANSWER) if now > 50 else None), {}),
    "auth_lost": (together(life("a", 900.0), trouble=lambda now: fault(AuthLost("401")) if now > 50 else None), {}),
    "stalled": (together(life("b", 100.0), life("a", FOREVER)), {"ids": None, "stall_timeout": 200.0}),
    "missing": (together(lambda now: job("a", "running") if now < 200 else None), {}),
    "never": (together(), {}),
    "timed_out": (together(life("a", FOREVER)), {"timeout": 500.0}),
    "restarted": (together(lambda now: job("a", "running", run="1" if now < 200 else "2")), {}),
    "quiet": (
        together(lambda now: job("a", "running") if now < 50 or 100 < now < 130 else job("a", "idle")),
        {"ids": None, "state": "idle", "quiet_period": 90.0, "definitions": True},
    ),
    "incomplete": (
        lambda now: sight(*([job("a", "running")] if now < 60 else []), complete=now > 300),
        {"ids": None, "state": "idle", "on_missing": "finished"},
    ),
}


@pytest.mark.parametrize("length", [0.5, 7.0, 60.0, 240.0, 100_000.0])
@pytest.mark.parametrize("name", STORIES)
def test_slices_change_nothing(new_clock: type[Clock], name: str, length: float) -> None:
    script, changes = STORIES[name]
    clock = new_clock()
    whole_story = Story(clock, script)
    whole = run(clock, whole_story, jitter=random.Random(7).random, **changes)
    clock = new_clock()
    story = Story(clock, script)
    said: list[str] = []
    cut = run_in_slices(clock, story, [length], jitter=random.Random(7).random, said=said, **changes)
    assert story.asked == [
        Asked(pytest.approx(asked.at), asked.ids, pytest.approx(asked.patience)) for asked in whole_story.asked
    ]
    assert cut._replace(elapsed=0.0, transitions=[]) == whole._replace(elapsed=0.0, transitions=[])
    assert moves(cut) == moves(whole)
    assert cut.elapsed == pytest.approx(whole.elapsed, abs=0.002)
    if length < 100.0:
        assert said


@pytest.mark.parametrize("between", [0.25, 20.0])
@pytest.mark.parametrize("name", STORIES)
def test_time_between_slices_counts(new_clock: type[Clock], name: str, between: float) -> None:
    """Starting a process takes a while: the limits stay where they are, and the verdict is the same."""
    script, changes = STORIES[name]
    clock = new_clock()
    whole = run(clock, Story(clock, script), **changes)
    clock = new_clock()
    cut = run_in_slices(clock, Story(clock, script), [60.0], between=between, **changes)
    assert (cut.verdict, cut.deadline) == (whole.verdict, whole.deadline)
    assert {move[0]: move[2] for move in moves(cut)} == {move[0]: move[2] for move in moves(whole)}
    assert cut.elapsed == pytest.approx(clock.monotonic(), abs=0.002)
    if whole.verdict in ("timed_out", "stalled"):
        assert whole.elapsed <= cut.elapsed <= whole.elapsed + between + 60.0
    if between < 1.0:
        assert abs(cut.polls - whole.polls) <= 1
        assert moves(cut) == moves(whole)


def test_a_slice_ends_when_something_changed(clock: Clock) -> None:
    """So that the change is told within ten seconds; several in that time are told at once. The first look is."""
    wait = Wait(policy(max_interval=5.0), clock, lambda: 0.0)
    moving = [sight(job("a", "running", percent=float(percent))) for percent in range(8)]
    pausing = [sight(job("a", "paused")), RUNNING]
    story = Story(clock, in_turn(RUNNING, *pausing, *moving, sight(job("a", "stopping")), GOOD))
    assert wait.run(story, 60.0) is None
    assert story.times == [0.0]
    # Two changes within ten seconds: one line, after ten.
    assert wait.run(story, 60.0) is None
    assert clock.monotonic() - wait._zero == pytest.approx(10.0)
    assert story.times == [0.0, 5.0, 10.0]
    # A change late in a slice: a line at once.
    assert wait.run(story, 60.0) is None
    assert story.times[-1] == pytest.approx(55.0)
    assert clock.monotonic() - wait._zero == pytest.approx(55.0)
    report = wait.run(story, 60.0)
    assert report is not None
    assert report.verdict == "reached"


def test_in_a_long_wait_changes_are_told_together(clock: Clock) -> None:
    """Twenty jobs end within a minute after an hour: one line, and not six starts of the module."""
    wait = Wait(policy(timeout=7200.0), clock, lambda: 0.0)
    while clock.monotonic() < 3600.0:
        assert wait.run(Story(clock, in_turn(RUNNING)), 60.0) is None
    began = clock.monotonic()
    assert wait.run(Story(clock, lambda now: sight(job("a", "paused" if now % 2 < 1 else "running"))), 60.0) is None
    assert clock.monotonic() - began == pytest.approx(60.0)


DEFINITION: dict[str, t.Any] = {"definitions": True}
T0 = datetime(2026, 3, 1, 10, tzinfo=timezone.utc)


def run_of(number: int, state: str = "running", result: str | None = None) -> Job:
    started = T0 + timedelta(hours=number, microseconds=1)
    return job("a", state, result, started=started, run=started.isoformat())


def test_a_later_run_of_the_definition_is_not_the_one_waited_for(clock: Clock) -> None:
    story = Story(clock, in_turn(sight(run_of(1)), sight(run_of(2, "finished", "success"))))
    report = run(clock, story, **DEFINITION)
    assert report.verdict == "missing"
    assert "a running, another run has begun, so how it ended is not known" in report.message


@pytest.mark.parametrize("state", ["finished", "successful", "idle"])
def test_what_the_definition_showed_before_is_not_the_end(clock: Clock, state: str) -> None:
    """The console collects: it says again what it said before, and only then what is true."""
    begins = job("a", "running", record="of the run before")
    before = job("a", "finished", "success", started=T0, record="of the run before")
    late = run_of(0, "finished", "success")
    now, ends = run_of(1), run_of(1, "finished", "failed")
    story = Story(clock, in_turn(sight(begins), sight(before), sight(before), sight(now), sight(late), sight(ends)))
    report = run(clock, story, state=state, **DEFINITION)
    assert len(story.asked) == 6
    assert report.verdict == ("reached" if state == "idle" else "failed")
    assert report.jobs[0].result == "failed"


@pytest.mark.parametrize("shift", [-0.9, -0.0004, 0.0004, 0.9])
def test_a_start_that_is_told_with_another_fraction_is_no_other_run(clock: Clock, shift: float) -> None:
    began = T0 + timedelta(seconds=0.5)
    again = began + timedelta(seconds=shift)
    running = job("a", "running", started=began, run=began.isoformat())
    ended = job("a", "finished", "success", started=again, run=again.isoformat())
    assert run(clock, Story(clock, in_turn(sight(running), sight(ended))), **DEFINITION).verdict == "reached"


def test_what_the_definition_showed_before_through_a_slice(clock: Clock) -> None:
    wait = Wait(policy(**DEFINITION), clock, lambda: 0.0)
    assert wait.run(Story(clock, in_turn(sight(job("a", "running", record="before")))), 5.0) is None
    again = Wait(policy(timeout=60.0, **DEFINITION), clock, lambda: 0.0)
    again.restore(json.loads(json.dumps(wait.keep())))
    report = again.run(Story(clock, in_turn(sight(job("a", "finished", "success", record="before")))))
    assert report is not None
    assert report.verdict == "timed_out"


def test_a_definition_at_rest_is_not_called_unlisted(clock: Clock) -> None:
    story = Story(clock, in_turn(sight(run_of(1)), sight(job("a", "idle"))))
    assert "a running, is idle, and how its run ended is not told" in run(clock, story, **DEFINITION).message
    never = run(clock, Story(clock, in_turn(sight(job("a", "idle")))), **DEFINITION)
    assert "a not seen, is idle" in never.message


def test_a_later_run_counts_where_started_after_asks_for_any(clock: Clock) -> None:
    story = Story(clock, in_turn(sight(run_of(1)), sight(run_of(2, "finished", "success"))))
    assert run(clock, story, run_after=T0, **DEFINITION).verdict == "reached"


def test_the_start_that_the_console_learns_late_is_no_other_run(clock: Clock) -> None:
    starting = job("a", "running", run=T0.isoformat())  # its start is not known: what is shown is the run before
    story = Story(clock, in_turn(sight(starting), sight(run_of(1)), sight(run_of(1, "finished", "success"))))
    assert run(clock, story, **DEFINITION).verdict == "reached"


def test_the_same_run_stays_the_same_through_a_slice(clock: Clock) -> None:
    wait = Wait(policy(**DEFINITION), clock, lambda: 0.0)
    assert wait.run(Story(clock, in_turn(sight(run_of(1)))), 30.0) is None
    again = Wait(policy(**DEFINITION), clock, lambda: 0.0)
    again.restore(json.loads(json.dumps(wait.keep())))
    report = again.run(Story(clock, in_turn(sight(run_of(1, "finished", "success")))), 60.0)
    assert report is not None
    assert report.verdict == "reached"


def test_a_drain_of_ids_that_never_were_is_missing_whatever_on_missing_says(clock: Clock) -> None:
    report = run(clock, Story(clock, in_turn(sight())), state="idle", on_missing="ignore")
    assert report.verdict == "missing"
    assert report.elapsed == pytest.approx(120.0)


def test_with_a_limit_the_jobs_shown_first_are_those_waited_for(clock: Clock) -> None:
    """A newer job would push the awaited one out of the selection."""
    story = Story(clock, in_turn(sight(), RUNNING, GOOD))
    wait = Wait(policy(ids=None, settled=True), clock, lambda: 0.0)
    report = wait.run(story)
    assert report is not None
    assert report.verdict == "reached"
    assert [asked.ids for asked in story.asked] == [None, None, ("a",)]


def test_a_slice_is_never_longer_than_asked_for(clock: Clock) -> None:
    wait = Wait(policy(), clock, lambda: 0.0)
    wait.run(Story(clock, in_turn(RUNNING)), 60.0)
    for _number in range(20):
        began = clock.monotonic()
        assert wait.run(Story(clock, in_turn(RUNNING)), 37.0) is None
        assert clock.monotonic() - began == pytest.approx(37.0)


def test_the_deadline_is_the_same_to_the_microsecond(clock: Clock) -> None:
    clock.sleep(0.123457)
    until = clock.now() + timedelta(seconds=100, microseconds=876_543)
    assert until.microsecond == 0
    story = Story(clock, together(life("a", FOREVER)))
    assert run_in_slices(clock, story, [10.0], until=until).deadline == to_iso_z(until)


def test_an_age_is_not_reckoned_anew_in_each_slice(clock: Clock) -> None:
    """``started_after: 1h`` means an hour before the wait began, also in the slice an hour later."""
    began = clock.now()
    story = Story(clock, together(life("a", 3000.0, started=began - timedelta(seconds=1800))))
    kept: str | None = None
    report = None
    while report is None:
        age = {"definitions": True, "run_after": clock.now() - timedelta(seconds=3600)}
        wait = Wait(policy(**age), clock, lambda: 0.0)
        if kept:
            wait.restore(json.loads(kept))
        report = wait.run(story, 60.0)
        kept = json.dumps(wait.keep())
    assert (report.verdict, moves(report)) == ("reached", [("a", None, "running"), ("a", "running", "success")])


def test_a_reboot_between_slices(new_clock: type[Clock]) -> None:
    """The monotonic clock begins anew: the gap is not known, and taken for none."""
    clock = new_clock()
    clock.sleep(9000.0)
    wait = Wait(policy(), clock, lambda: 0.0)
    for _number in range(5):
        wait.run(Story(clock, in_turn(RUNNING)), 100.0)
    kept = json.loads(json.dumps(wait.keep()))
    clock = new_clock()
    wait = Wait(policy(), clock, lambda: 0.0)
    wait.restore(kept)
    assert wait.now() == pytest.approx(400.0)
    report = wait.run(Story(clock, in_turn(RUNNING)))
    assert report is not None
    assert (report.verdict, clock.monotonic()) == ("timed_out", pytest.approx(3200.0))


def test_every_field_of_a_job_survives_the_cut(clock: Clock) -> None:
    full = job(
        "a",
        "running",
        started=clock.now(),
        eta=clock.now() + timedelta(hours=1),
        percent=12.5,
        counts=Counts(1, 2, 3, 6),
        message="m",
        parts=(Part("v", "finished", "success", "p", Counts(total=1)),),
        raw={"x": [1]},
        run="r",
    )
    wait = Wait(policy(), clock, lambda: 0.0)
    wait.run(Story(clock, in_turn(sight(full))), 1.0)
    other = Wait(policy(), clock, lambda: 0.0)
    other.restore(json.loads(json.dumps(wait.keep())))
    assert other.followed["a"].job == full
    assert other.keep() == wait.keep()


# -- the operator's line ----------------------------------------------------------------------------------------------


def test_the_line_of_the_documentation(clock: Clock) -> None:
    wait = Wait(policy(ids=tuple("abcdefg"), timeout=3600.0), clock, lambda: 0.0)
    clock.sleep(850.0)
    now = clock.now()
    more = {"percent": 62.0, "eta": now + timedelta(minutes=6), "started": now - timedelta(seconds=850)}
    jobs = [*(job(name, "finished", "success") for name in "abc"), *(job(name, "running", **more) for name in "defg")]
    wait.absorb(sight(*jobs))
    said = "3 of 7 done, 4 running (62 %), oldest 00:14:10, about 00:06:00 left, deadline in 00:45:50"
    assert wait.progress() == said


def test_the_line_tells_what_is_wrong(clock: Clock) -> None:
    wait = Wait(policy(ids=("a", "b")), clock, lambda: 0.0)
    assert wait.progress() == "0 of 2 done, 0 running, 2 not seen, deadline in 01:00:00"
    wait.run(Story(clock, in_turn(sight(job("a", "running"), complete=False), fault(NO_ANSWER))), 1.0)
    wait.run(Story(clock, in_turn(fault(NO_ANSWER))), 60.0)
    assert wait.progress() == (
        "0 of 2 done, 1 running, 1 not seen, oldest 00:01:00, no answer for 00:01:00 (HTTP 502), "
        "list not complete, deadline in 00:59:00"
    )


def test_the_line_tells_how_long_it_has_been_quiet(clock: Clock) -> None:
    wait = Wait(policy(ids=None, state="idle", quiet_period=300.0), clock, lambda: 0.0)
    wait.run(Story(clock, in_turn(sight())), 60.0)
    assert wait.progress() == "0 of 0 done, 0 running, quiet for 00:01:00 of 00:05:00, deadline in 00:59:00"


def test_an_estimate_that_has_passed_is_not_told(clock: Clock) -> None:
    wait = Wait(policy(), clock, lambda: 0.0)
    wait.absorb(sight(job("a", "running", eta=clock.now() - timedelta(seconds=1))))
    assert "left" not in wait.progress()


# -- the lag ----------------------------------------------------------------------------------------------------------


def test_the_lag_counts_from_the_age_of_the_job_and_not_of_the_wait(clock: Clock) -> None:
    """A job that appears late, and a definition that runs again, are young however long the wait has lasted."""
    began = clock.now() + timedelta(seconds=2000)
    for known in (began, None):
        start = clock.monotonic()
        story = Story(
            clock,
            lambda now, start=start, known=known: together(life("a", 2190.0, begins=2000.0, started=known))(
                now - start
            ),
        )
        report = run(clock, story, appear_timeout=3000.0)
        assert report.elapsed <= 2190.0 + 9.5
    start = clock.monotonic()

    def script(now: float) -> Sight:
        at = now - start
        return sight(job("b", "running" if at < 3000.0 else "idle"), job("a", "running" if at >= 2900.0 else "idle"))

    story = Story(clock, script)
    run(clock, story, ids=None, state="idle", definitions=True, timeout=3200.0)
    gaps = [after - before for before, after in zip(story.times, story.times[1:]) if before - start > 2960.0]
    assert max(gaps) <= 0.05 * 300.0 + 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_the_lag_is_bounded_in_thousands_of_waits(new_clock: type[Clock], seed: int) -> None:
    """At most max(interval, 5 % of the job's age), and at most max_interval: without any estimate."""
    draw = random.Random(seed)
    for _number in range(500):
        clock = new_clock()
        interval = draw.choice([1.0, 5.0, 15.0])
        longest = draw.choice([15.0, 60.0, 300.0])
        ends = 10.0 ** draw.uniform(0.0, 4.0)
        older = draw.choice([0.0, draw.uniform(0.0, 7200.0)])
        started = draw.choice([None, clock.now() - timedelta(seconds=older)])
        story = Story(clock, together(life("a", ends, started=started)))
        report = run(clock, story, jitter=draw.random, interval=interval, max_interval=longest, timeout=1e6)
        age = ends + (older if started else 0.0)
        lag = report.elapsed - ends
        assert report.verdict == "reached"
        assert -0.001 < lag <= min(max(interval, 0.05 * age), longest) + 0.001


# -- what a wait by selection is about: not history -------------------------------------------------------------------

# Where the fake clock begins.
START = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
BY_SELECTION: dict[str, t.Any] = {"ids": None}


def named(job_id: str, name: str | None, state: str, ago: float, **more: t.Any) -> Job:
    """Make a job that began so many seconds before noon, and ended a minute later if it is over."""
    started = START - timedelta(seconds=ago)
    over = {"finished": started + timedelta(seconds=60), "result": "success"} if state == "finished" else {}
    fields = {"type": None, "vendor_state": state, "started": started, "result": None, **over, **more}
    return Job("sim", job_id, name, state=t.cast("t.Any", state), **fields)


def test_a_selection_with_something_active_is_about_that_and_not_about_history(clock: Clock) -> None:
    old_failure = named("old", "SQL", "finished", 90_000, result="failed")
    running, done = named("new", "SQL", "running", 60), named("new", "SQL", "finished", 60)
    report = run(clock, Story(clock, in_turn(sight(old_failure, running), sight(old_failure, done))), **BY_SELECTION)
    assert (report.verdict, [job.id for job in report.jobs]) == ("reached", ["new"])
    assert report.old_news == ""
    assert "Nothing was running" not in report.message


def test_what_begins_while_the_wait_lasts_belongs_to_it(clock: Clock) -> None:
    first, later = named("1", "A", "running", 60), named("2", "B", "running", 0)
    looks = [
        sight(first, named("0", "B", "finished", 9000, result="failed")),
        sight(first, later),
        sight(named("1", "A", "finished", 60), later),
        sight(named("1", "A", "finished", 60), named("2", "B", "finished", 0, result="failed")),
    ]
    report = run(clock, Story(clock, in_turn(*looks)), **BY_SELECTION)
    assert (report.verdict, [job.id for job in report.jobs]) == ("failed", ["1", "2"])


def test_a_run_that_begins_and_ends_between_two_looks_belongs_to_it_too(clock: Clock) -> None:
    first = named("1", "A", "running", 60)
    short = named("2", "B", "finished", 0, result="failed")
    looks = [sight(first), sight(first, short), sight(named("1", "A", "finished", 60), short)]
    assert run(clock, Story(clock, in_turn(*looks)), **BY_SELECTION).verdict == "failed"


def test_where_nothing_is_active_it_is_about_the_newest_run_of_each_name_and_says_how_old_it_is(clock: Clock) -> None:
    shown = sight(
        named("1", "SQL", "finished", 90_000, result="failed"),
        named("2", "SQL", "finished", 11_400),
        named("3", "Files", "finished", 200_000),
    )
    report = run(clock, Story(clock, in_turn(shown)), **BY_SELECTION)
    assert (report.verdict, [job.id for job in report.jobs], report.polls) == ("reached", ["2", "3"], 1)
    said = (
        "Nothing was running while this waited; "
        "these had ended before: SQL ended 3 h 9 min ago, Files ended 2 d 7 h ago."
    )
    assert report.message.endswith(said)
    assert report.old_news.strip() == said


def test_without_names_it_is_the_newest_of_each_type(clock: Clock) -> None:
    shown = sight(
        named("1", None, "finished", 900, type="Backup"),
        named("2", None, "finished", 9000, type="Backup", result="failed"),
        named("3", None, "finished", 60, type="Restore", finished=None),
    )
    report = run(clock, Story(clock, in_turn(shown)), **BY_SELECTION)
    assert [job.id for job in report.jobs] == ["1", "3"]
    # Where the system does not tell the end, the start is told.
    assert "1 ended 14 min ago, 3 began 1 min ago" in report.message


@pytest.mark.parametrize("verdict", ["reached", "failed"])
def test_an_old_result_is_told_for_ids_as_well(clock: Clock, verdict: str) -> None:
    result = "success" if verdict == "reached" else "failed"
    report = run(clock, Story(clock, in_turn(sight(named("a", "SQL", "finished", 3600, result=result)))))
    assert report.verdict == verdict
    assert "SQL ended 59 min ago" in report.message


def test_with_a_moment_every_run_since_then_counts(clock: Clock) -> None:
    """The selection has left out what is older; one has to appear."""
    shown = [sight(), sight(named("1", "A", "finished", 10)), sight(named("1", "A", "finished", 10))]
    story = Story(clock, in_turn(*shown))
    assert run(clock, story, run_after=START - timedelta(seconds=60), **BY_SELECTION).verdict == "reached"
    report = run(clock, Story(clock, in_turn(sight())), run_after=START, **BY_SELECTION)
    assert (report.verdict, report.elapsed) == ("missing", 120.0)
    assert "No job that the selection means was seen within appear_timeout (120 s)." in report.message


# -- what runs for ever -----------------------------------------------------------------------------------------------

LOGS = named("log", "SQL logs", "running", 90_000, type="SqlLogBackup", continuous=True)
NIGHTLY = named("night", "Nightly", "running", 60)
NIGHTLY_DONE = named("night", "Nightly", "finished", 60)


def test_a_drain_leaves_out_what_runs_for_ever_and_says_so(clock: Clock) -> None:
    looks = in_turn(sight(LOGS, NIGHTLY), sight(LOGS, NIGHTLY_DONE))
    report = run(clock, Story(clock, looks), state="idle", **BY_SELECTION)
    assert report.verdict == "reached"
    reason = {"id": "log", "name": "SQL logs", "type": "SqlLogBackup", "reason": "runs for ever in the background"}
    assert report.left_out == [reason]
    assert report.message == (
        "Nothing selected is active (looked at 1 job). Left out, as they run for ever: 1 job (see left_out)."
    )


@pytest.mark.parametrize("how", [{"ids": ("log",)}, {"ids": None}])
def test_what_runs_for_ever_counts_where_that_is_asked_for(clock: Clock, how: dict[str, t.Any]) -> None:
    report = run(clock, Story(clock, in_turn(sight(LOGS))), state="idle", count_continuous=True, timeout=60.0, **how)
    assert (report.verdict, report.left_out) == ("timed_out", [])


def test_what_was_left_out_survives_slices(clock: Clock) -> None:
    looks = in_turn(*[sight(LOGS, NIGHTLY)] * 6, sight(NIGHTLY_DONE))
    report = run_in_slices(clock, Story(clock, looks), [5.0], state="idle", **BY_SELECTION)
    assert (report.verdict, [one["id"] for one in report.left_out]) == ("reached", ["log"])


# -- an incomplete list proves nothing --------------------------------------------------------------------------------


@pytest.mark.parametrize("goal", ["finished", "successful", "idle"])
@pytest.mark.parametrize("how", [{"ids": ("a", "b")}, {"ids": None}])
def test_what_an_incomplete_list_does_not_show_is_not_missing(clock: Clock, goal: str, how: dict[str, t.Any]) -> None:
    only = sight(job("a", "finished", "success"), complete=False)
    report = run(clock, Story(clock, in_turn(only)), state=goal, timeout=600.0, **how)
    assert report.verdict == "timed_out"
    assert "The list of jobs was not complete" in report.message


# -- silence ----------------------------------------------------------------------------------------------------------


def test_silence_counts_from_the_last_answer_and_not_from_the_last_whole_look(clock: Clock) -> None:
    """A list of many pages, of which one is broken now and then."""

    def look(ids: tuple[str, ...] | None, patience: float) -> Sight:
        clock.sleep(200.0)
        wait.hear(clock.monotonic() - 5.0)
        if clock.monotonic() < 900.0:
            raise Unanswered("HTTP 503")
        return GOOD

    wait = Wait(policy(unreachable_timeout=100.0), clock, lambda: 0.0)
    report = wait.run(look)
    assert report is not None
    assert report.verdict == "reached"
    silent = run(clock, Story(clock, in_turn(fault(Unanswered("HTTP 503"), lasts=200.0))), unreachable_timeout=100.0)
    assert silent.verdict == "unreachable"


# -- pace -------------------------------------------------------------------------------------------------------------


def expected_in(seconds: float, average: bool = False) -> dict[str, t.Any]:
    return {"started": START, "eta": START + timedelta(seconds=seconds), "eta_is_average": average}


@pytest.mark.parametrize("goal", ["finished", "idle"])
def test_the_one_that_ends_last_decides_when_to_look(clock: Clock, goal: str) -> None:
    lives = [life(str(number), 1.0 + number / 10, **expected_in(1.0 + number / 10)) for number in range(200)]
    story = Story(clock, together(*lives))
    report = run(clock, story, state=goal, interval=1.0, max_interval=60.0, ids=None)
    assert report.verdict == "reached"
    # In the order of their ends it would be one a second.
    assert report.polls <= 13
    assert report.elapsed <= 21.0 + 1.0


def test_where_the_first_bad_end_is_the_end_the_first_one_decides(clock: Clock) -> None:
    lives = (life("a", 40.0, "failed", **expected_in(40.0)), life("b", 4000.0, **expected_in(4000.0)))
    report = run(clock, Story(clock, together(*lives)), state="successful", ids=("a", "b"))
    assert report.verdict == "failed"
    assert report.elapsed <= 45.0


def test_an_average_is_no_promise(clock: Clock) -> None:
    """The console's average is longer than this run: it is noticed as soon as without one."""
    report = run(clock, Story(clock, together(life("a", 60.0, **expected_in(600.0, average=True)))))
    assert report.elapsed - 60.0 <= 5.0


@pytest.mark.parametrize(("left", "told"), [(90.0, "about 00:01:30 left"), (0.4, ""), (-5.0, "")])
def test_an_end_that_is_due_is_not_told_as_zero(clock: Clock, left: float, told: str) -> None:
    wait = Wait(policy(), clock, lambda: 0.0)
    wait.absorb(sight(job("a", "running", eta=clock.now() + timedelta(seconds=left))))
    assert ("left" in wait.progress()) == bool(told)
    assert told in wait.progress()


# -- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("started", "ahead", "verdict"),
    [
        (0.0, 0.0, "reached"),
        # Told in whole seconds.
        (-0.9, 0.0, "reached"),
        (-1.5, 0.0, "missing"),
        # A server three seconds behind, and one that is a minute and a half ahead.
        (-3.5, -3.0, "reached"),
        (60.0, 90.0, "missing"),
        (90.0, 90.0, "reached"),
    ],
)
def test_since_when_is_compared_by_the_clock_of_the_system(
    clock: Clock, started: float, ahead: float, verdict: str
) -> None:
    done = job("a", "finished", "success", started=START + timedelta(seconds=started))
    wait = Wait(policy(definitions=True, run_after=START), clock, lambda: 0.0)
    wait.server_ahead = ahead
    report = wait.run(Story(clock, in_turn(sight(done))))
    assert report is not None
    assert report.verdict == verdict
