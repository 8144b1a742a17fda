# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the wait promises whatever a system answers: 10,000 sequences of answers and faults, drawn at random."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import AuthLost, Refused, Unanswered
from ansible_collections.changeops.backup.plugins.module_utils._core.job import Job
from ansible_collections.changeops.backup.plugins.module_utils._core.times import Clock
from ansible_collections.changeops.backup.plugins.module_utils._wait.loop import Policy, Report, Verdict, Wait
from waits import Sight, Story, job, policy, run_in_slices

REQUEST_TIMEOUT = 30.0
GROUPS, EXAMPLES = 5, 2000
Choice = t.TypeVar("Choice")


class Tape:
    """Choices read from drawn bytes: one draw for a whole story is quick, and hypothesis can still shrink it."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0

    def choose(self, *options: Choice) -> Choice:
        """Take one of these; the first one when the tape is over."""
        if self._place >= len(self._content):
            return options[0]
        self._place += 1
        return options[self._content[self._place - 1] % len(options)]


def drawn_policy(tape: Tape, clock: Clock) -> Policy:
    """Draw every option."""
    state = tape.choose("finished", "successful", "idle")
    definitions = tape.choose(False, False, True)
    now = clock.now()
    return policy(
        state=state,
        require="all" if state == "idle" else tape.choose("all", "all", "any"),
        accept_results=tape.choose(("success",), ("success", "warning"), ("failed",)),
        timeout=tape.choose(60.0, 0.0, 17.0, 400.0),
        until=tape.choose(None, None, now + timedelta(seconds=45), now - timedelta(seconds=1)),
        interval=tape.choose(5.0, 1.0, 20.0),
        max_interval=tape.choose(20.0, 60.0),
        quiet_period=tape.choose(0.0, 13.0) if state == "idle" else 0.0,
        appear_timeout=tape.choose(20.0, 0.0, 120.0),
        stall_timeout=tape.choose(None, None, 30.0),
        on_missing=tape.choose("fail", "fail", "finished", "ignore"),
        unreachable_timeout=tape.choose(40.0, 0.0, 300.0),
        ids=tape.choose(("a", "b"), ("a",), None, None, ()),
        definitions=definitions,
        run_after=tape.choose(None, now) if definitions else None,
    )


def drawn_job(tape: Tape, job_id: str, clock: Clock) -> Job | None:
    """Draw what one look shows of one job; None: it is not listed."""
    state, result = tape.choose(
        ("finished", "success"),
        ("running", None),
        ("running", None),
        ("", None),
        ("finished", "failed"),
        ("unknown", None),
        ("queued", None),
        ("idle", None),
        ("finished", "warning"),
        ("stopping", None),
        ("paused", None),
        ("finished", None),
    )
    if not state:
        return None
    started = tape.choose(None, clock.now(), clock.now() - timedelta(hours=2), clock.now() + timedelta(hours=2))
    percent = tape.choose(None, 0.0, 50.0)
    return job(job_id, state, result, started=started, percent=percent, run=tape.choose("1", "1", "1", "2"))


def drawn_sights(tape: Tape, clock: Clock) -> list[Sight]:
    """Draw some answers and faults; the last one is what is answered from then on."""
    sights = []
    for _number in range(tape.choose(6, 3, 9)):
        lasts = tape.choose(0.0, 0.0, 0.5, 7.0, REQUEST_TIMEOUT)
        broken: Exception | None = tape.choose(
            None,
            None,
            None,
            None,
            None,
            None,
            Unanswered("HTTP 502"),
            Unanswered("HTTP 429", 0.0),
            Unanswered("HTTP 429", 25.0),
            Unanswered("HTTP 503", 9000.0),
            tape.choose(Unanswered("reset"), AuthLost("HTTP 401"), Refused("HTTP 400", 400)),
        )
        shown = (drawn_job(tape, job_id, clock) for job_id in "abc") if broken is None else ()
        jobs = {one.id: one for one in shown if one is not None}
        sights.append(Sight(jobs, tape.choose(True, True, True, False), broken, lasts))
    return sights


class Checked(Story):
    """A story that also checks, at every look, what has to hold in the middle of a wait."""

    most = 2000

    def __init__(self, clock: Clock, sights: list[Sight], tape: Tape, chosen: Policy) -> None:
        rest = list(sights)
        super().__init__(clock, lambda _now: rest.pop(0) if len(rest) > 1 else rest[0])
        self.tape = tape
        self.chosen = chosen

    def __call__(self, ids: tuple[str, ...] | None, patience: float) -> Sight:
        """Trouble is sat out for as long as the loop allows, and then the last request takes its time."""
        assert 0.0 <= patience <= 10.0
        assert (ids is None) == (self.chosen.ids is None)
        if self.tape.choose(False, True):
            self.clock.sleep(patience)
        return super().__call__(ids, patience)


def ended_well(story: Story, chosen: Policy, job_id: str) -> bool:
    """Say whether some look showed this job to have ended with an accepted result."""
    shown = (sight.jobs.get(job_id) for sight in story.shown if sight.fault is None)
    return any(
        one is not None
        and one.state == "finished"
        and one.result in chosen.accept_results
        and (chosen.run_after is None or one.started is None or one.started >= chosen.run_after)
        for one in shown
    )


def meant_by_a_selection(story: Story, chosen: Policy) -> set[str]:
    """Say what a wait by selection is about: what is active at first and what begins meanwhile; else the newest run.

    With a moment since when, every run since then. These jobs have neither names nor types, so that one is the newest.
    """
    meant: set[str] = set()
    history: set[str] | None = None
    for sight in story.shown:
        shown = {one.id: one for one in sight.jobs.values() if one.state != "idle"}
        active = {job_id for job_id, one in shown.items() if one.active}
        if sight.fault is not None:
            continue
        if chosen.run_after is not None:
            since = chosen.run_after - timedelta(seconds=1)
            meant |= {
                job_id for job_id, one in shown.items() if (one.active if one.started is None else one.started >= since)
            }
        elif history is None:
            long_ago = datetime.min.replace(tzinfo=timezone.utc)
            newest = sorted(shown, key=lambda job_id: shown[job_id].started or long_ago, reverse=True)[:1]
            meant = active or set(newest)
            history = shown.keys() - meant
        else:
            meant |= active | (shown.keys() - history)
    return meant


def check(report: Report, chosen: Policy, story: Story, limit: float) -> None:
    """Check the promises."""
    last = story.shown[-1]
    faults = [sight.fault for sight in story.shown if sight.fault is not None]
    assert report.verdict in t.get_args(Verdict)
    assert report.message
    assert report.elapsed <= limit + REQUEST_TIMEOUT + 0.01
    assert report.polls == len(story.shown) - len(faults)
    assert report.throttled_seconds <= limit + 0.01
    assert report.summary["finished"] + report.summary["unfinished"] >= len(report.jobs) or chosen.state == "idle"
    json.dumps([report.summary, report.transitions, [one.to_dict() for one in report.jobs]])
    # A verdict has its reason.
    assert (report.verdict == "auth_lost") == isinstance(last.fault, AuthLost)
    if report.verdict in ("reached", "failed", "missing", "stalled"):
        assert last.fault is None
    if report.verdict == "unreachable":
        assert faults
    if report.verdict == "timed_out":
        assert report.elapsed >= limit - 0.01
    if report.verdict == "stalled":
        assert chosen.stall_timeout is not None
    if report.verdict == "failed":
        assert any(one.result not in chosen.accept_results for one in report.jobs)
    # Success is what was seen, and nothing else.
    if report.verdict == "reached" and chosen.state == "idle":
        assert last.complete
        assert not [one for one in last.jobs.values() if one.active]
    if report.verdict == "reached" and chosen.state != "idle":
        accepted = [one for one in report.jobs if one.state == "finished" and one.result in chosen.accept_results]
        if chosen.require == "any":
            assert accepted
        elif chosen.on_missing == "fail":
            awaited = meant_by_a_selection(story, chosen) if chosen.ids is None else set(chosen.ids)
            assert {one.id for one in accepted} == awaited
            assert all(ended_well(story, chosen, job_id) for job_id in awaited)
            assert chosen.ids is not None or (awaited and last.complete)


@pytest.mark.parametrize("group", range(GROUPS))
def test_promises(clock: Clock, group: int) -> None:
    """The group is written into the story, so that each draws its own; half of the waits are cut into slices."""
    new_clock = type(clock)
    verdicts: set[str] = set()

    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.binary(min_size=96, max_size=96))
    def holds(content: bytes) -> None:
        clock = new_clock()
        tape = Tape(bytes(byte ^ (group * 53) for byte in content))
        chosen = drawn_policy(tape, clock)
        slices = tape.choose(None, (7.0,), (30.0, 1.0, 60.0), None)
        sights = drawn_sights(tape, clock)
        story = Checked(clock, sights, tape, chosen)
        limit = chosen.timeout
        if chosen.until is not None:
            limit = max(0.0, min(limit, (chosen.until - clock.now()).total_seconds()))
        if slices is None:
            wait = Wait(chosen, clock, lambda: tape.choose(0.0, 0.5, 0.99))
            report = wait.run(story)
            assert report is not None
            assert wait.progress()
        else:
            report = run_in_slices(clock, story, slices, said=[], **chosen._asdict())
        check(report, chosen, story, limit)
        verdicts.add(report.verdict)

    holds()
    assert verdicts == set(t.get_args(Verdict)), "the stories do not lead everywhere"
