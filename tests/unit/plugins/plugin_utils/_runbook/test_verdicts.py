# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts of one look: what stands in the way, what was not seen, and what to stop."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.times import to_iso_z
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook import (
    drain,
    fleet,
    gate,
    verdicts,
    verify,
    window,
)
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.verdicts import Place
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.window import Window

NOW = datetime(2026, 3, 1, 22, 0, tzinfo=timezone.utc)
HERE = Place("vspc1", "veeam_vspc")
OPEN = Window()
DEFINITIONS = {"capabilities": {"definitions": True}}
Job = dict[str, t.Any]


def at(**ago: float) -> str:
    """A moment so long before now."""
    return to_iso_z(NOW - timedelta(**ago))


def job(job_id: str = "1", **fields: t.Any) -> Job:
    """A backup that ended well two hours ago."""
    ended = {"name": f"Nightly {job_id}", "type": "Backup", "kind": "backup", "state": "finished", "result": "success"}
    found = {"id": job_id, "active": False, "continuous": False, "started": at(hours=2), **ended, **fields}
    found["active"] = found["state"] not in ("finished", "idle")
    return found


def running(job_id: str = "9", **fields: t.Any) -> Job:
    return job(job_id, **{"state": "running", "result": None, **fields})


def look(*jobs: Job, **more: t.Any) -> dict[str, t.Any]:
    return {"jobs": list(jobs), "complete": True, "missing": [], **more}


def judge(seen: t.Mapping[str, t.Any], times: Window = OPEN, due: t.Any = "block", **selection: t.Any) -> t.Any:
    return gate.judge_gate(seen, HERE, times, due, NOW, selection)


def hour(start: float = -10, end: float = 50, duration: float = 0) -> Window:
    """A window in minutes from now."""
    return Window(
        NOW + timedelta(minutes=start), NOW + timedelta(minutes=end), timedelta(minutes=duration), "22:00", "23:00"
    )


# -- the verdicts --------------------------------------------------------------------------------------------------


def test_the_worst_verdict_counts_and_none_is_cannot_tell() -> None:
    assert verdicts.worst(["safe", "busy", "breach"]) == "breach"
    assert verdicts.worst(["closed", "cannot_tell"]) == "closed"
    assert verdicts.worst([]) == "cannot_tell"
    assert verdicts.worst(["safe", "green"]) == "cannot_tell"


def test_a_sentence_names_five_reasons_and_counts_the_rest() -> None:
    found = judge(look(*(running(str(n)) for n in range(8))))
    assert found["msg"].startswith("Busy: vspc1 (veeam_vspc): Nightly 0: running")
    assert found["msg"].endswith("; and 3 more.")
    assert len(found["reasons"]) == len(found["blockers"]) == 8


def test_a_sentence_can_be_printed_whatever_a_vendor_calls_its_jobs() -> None:
    found = judge(look(running(name="a\x1b[31mred\x07\n" + "x" * 100_000)))
    assert found["msg"].isprintable()
    assert len(found["msg"]) < 1000
    assert found["blockers"][0]["object"].startswith("a\x1b[31mred"), "what it is called is told as it is"


def test_of_a_long_history_what_decides_is_kept_and_nothing_raw() -> None:
    history = [job(str(n), name="One", raw={"a": 1}) for n in range(3000)]
    found = judge(look(*history, running("old", name="Two")))
    kept = [one["id"] for one in found["jobs"]]
    assert len(kept) == 1000
    assert kept[:2] == ["0", "old"]
    assert found["jobs_not_kept"] == 2001
    assert all(one["raw"] is None for one in found["jobs"])


# -- the window ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "says"),
    [
        (hour(start=5), "it opens at 2026-03-01T22:05:00Z"),
        (hour(start=-60, end=0), "it closed at 2026-03-01T22:00:00Z"),
        (hour(duration=51), "a change of 51 min had to begin by 2026-03-01T21:59:00Z"),
        (hour(duration=61), "a change of 1 h 1 min is longer than the whole window"),
    ],
)
def test_a_window_is_closed(times: Window, says: str) -> None:
    found = judge(look(job()), times)
    assert found["verdict"] == "closed"
    assert says in found["msg"]
    assert not found["drainable"]


def test_a_change_may_begin_at_the_latest_start() -> None:
    assert judge(look(job()), hour(duration=50))["verdict"] == "safe"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("90m", 90), ("1h30m", 90), ("2d", 2880), ("1h", 60), ("90s", 1.5), ("", 0), (None, 0), ("0", 0)],
)
def test_a_duration_is_read(text: t.Any, minutes: float) -> None:
    assert window.read_duration(text, "x") == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["90", "-5m", "m", "1 hour", "5m5h", "1e3m", "99999999999d", "٣m"])
def test_a_duration_without_a_plain_meaning_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="x has to be a number with its unit"):
        window.read_duration(text, "x")


@pytest.mark.parametrize(
    ("start", "end"), [("2026-03-01T22:00:00", ""), ("", "tomorrow"), ("", datetime(2026, 3, 1, 22))]
)
def test_a_moment_without_an_offset_is_refused(start: t.Any, end: t.Any) -> None:
    with pytest.raises(ValueError, match=r"backup_gate_window_(start|end) has to be an ISO 8601 time with its offset"):
        window.read_window(start, end, "")


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ends .* before it begins"):
        window.read_window("2026-03-01T23:00:00+01:00", "2026-03-01T22:00:00Z", "")


def test_time_is_kept_for_a_stop() -> None:
    assert hour(end=60, duration=20).waits_until(NOW, stops=False) == NOW + timedelta(minutes=40)
    assert hour(end=60, duration=20).waits_until(NOW, stops=True) == NOW + timedelta(minutes=35)
    assert hour(end=14, duration=10).waits_until(NOW, stops=True) == NOW + timedelta(minutes=3)
    assert OPEN.waits_until(NOW, stops=True) is None


def test_a_window_survives_a_journey_as_a_dictionary() -> None:
    read = window.read_window("2026-03-01T22:00:00+01:00", "2026-03-01T23:00:00+01:00", "20m")
    assert Window.from_dict(read.to_dict()) == read
    assert read.to_dict()["start_local"] == "2026-03-01T22:00:00+01:00"


# -- the gate ------------------------------------------------------------------------------------------------------


def test_an_active_job_is_in_the_way_and_what_is_known_of_its_end_is_told() -> None:
    ends = running(percent=62.5, eta=to_iso_z(NOW + timedelta(minutes=20)))
    found = judge(look(job(), ends), hour(duration=20))
    assert (found["verdict"], found["drainable"]) == ("busy", True)
    (blocker,) = found["blockers"]
    assert (blocker["percent"], blocker["fits"], blocker["object"]) == (62.5, True, "Nightly 9")
    assert "before the latest start of the change, 2026-03-01T22:30:00Z" in blocker["why"]
    late = judge(look({**ends, "eta": to_iso_z(NOW + timedelta(minutes=31))}), hour(duration=20))
    assert late["blockers"][0]["fits"] is False
    assert judge(look(running()))["blockers"][0]["fits"] is None


def test_what_runs_for_ever_is_left_out_and_named() -> None:
    found = judge(look(job(), running("logs", continuous=True)))
    assert found["verdict"] == "safe"
    assert [one["id"] for one in found["left_out"]] == ["logs"]
    assert "left out, as they run for ever: 1" in found["msg"]


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        ({"failed": True, "msg": "no route\nto host"}, "the system: no route."),
        ({"unreachable": True, "msg": "ssh"}, "the system: ssh"),
        ({"skipped": True}, "it was not looked at"),
        ({}, "it was not looked at"),
        (look(job(), complete=False), "it is not complete"),
        (look(job(), complete="yes"), "it is not complete"),
        (look(missing=["77"]), "77: the system does not list it"),
        (look(running(state="unknown", vendor_state="Reticulating")), "'Reticulating' is no documented word"),
    ],
)
def test_what_was_not_seen_whole_is_cannot_tell(seen: t.Mapping[str, t.Any], says: str) -> None:
    found = judge(seen)
    assert found["verdict"] == "cannot_tell"
    assert says in found["msg"]
    assert found["unseen"]
    assert not found["drainable"]


def test_a_selection_that_means_nothing_is_cannot_tell() -> None:
    assert judge(look(), names=["Nigthly*"])["verdict"] == "cannot_tell"
    assert judge(look())["verdict"] == "safe"
    one_is_wrong = judge(look(job(), **DEFINITIONS), names=["Nightly*", "Nigthly*"])
    assert one_is_wrong["reasons"][0]["object"] == "Nigthly*"
    assert judge(look(job()), names=["Nightly*", "Nigthly*"])["verdict"] == "safe", "a run may have left the list"


@pytest.mark.parametrize(
    ("minutes", "times", "due", "verdict"),
    [
        (29, hour(duration=30), "block", "busy"),
        (30, hour(duration=30), "block", "safe"),
        (-5, hour(duration=30), "block", "busy"),
        (49, hour(), "block", "busy"),
        (51, hour(), "block", "safe"),
        (5, OPEN, "block", "safe"),
        (29, hour(duration=30), "warn", "safe"),
        (29, hour(duration=30), "ignore", "safe"),
    ],
)
def test_a_job_that_is_due_before_the_change_would_be_over(
    minutes: float, times: Window, due: t.Any, verdict: str
) -> None:
    found = judge(look(job(next_run=to_iso_z(NOW + timedelta(minutes=minutes)))), times, due)
    assert found["verdict"] == verdict
    assert bool(found["warnings"]) == (due == "warn")
    assert found["drainable"] == (verdict == "safe"), "no drain lifts a due job"


def test_a_system_that_tells_no_next_run_is_said_to() -> None:
    assert "does not tell when" in judge(look(job()), hour())["unseen"][0]["why"]
    assert "the version of the API" in judge(look(job(), **DEFINITIONS), hour())["unseen"][0]["why"]
    assert not judge(look(job()))["unseen"]
    assert not judge(look(job()), hour(), "ignore")["unseen"]


def test_a_system_with_a_job_at_rest_tells_next_runs() -> None:
    assert "the version of the API" in judge(look(job(state="idle", result=None)), hour())["unseen"][0]["why"]


def test_what_a_look_could_not_show_is_said_where_it_is_safe_and_stands_in_every_stage() -> None:
    gap = {"what": "jobs of agents", "why": "HTTP 403"}
    safe = (
        judge(look(job(), unseen=[gap])),
        drained(waited("reached", unseen=[gap])),
        verified(look(job(), unseen=[gap])),
    )
    for found in safe:
        assert found["verdict"] == "safe"
        assert found["unseen"] == [{**gap, "host": HERE.host, "system": HERE.system}]
        assert "not seen: jobs of agents" in found["msg"]
    assert judge(look(running(), unseen=[gap]))["verdict"] == "busy"


# -- the drain -----------------------------------------------------------------------------------------------------


def waited(verdict: str = "timed_out", *jobs: Job, **more: t.Any) -> dict[str, t.Any]:
    return {
        "verdict": verdict,
        "jobs": list(jobs),
        "complete": True,
        "elapsed": 30.0,
        "left_out": [],
        "transitions": [],
        **more,
    }


def drained(first: t.Mapping[str, t.Any], **more: t.Any) -> t.Any:
    return drain.judge_drain(first, HERE, NOW, **more)


def test_the_wait_is_as_long_as_there_is_time() -> None:
    until = to_iso_z(NOW + timedelta(seconds=40))
    assert drain.plan_wait(3600, until, 60, NOW, False) == (40.0, 40.0, until)
    assert drain.plan_wait(20, until, 60, NOW, False).wait_timeout == 20.0
    assert drain.plan_wait(20, at(minutes=1), 60, NOW, False) == (0.0, 0.0, at(minutes=1))
    assert drain.plan_wait(20, "", 60, NOW, True).quiet_period == 0.0
    assert drain.plan_stop(60, until, NOW, False).wait_timeout == 40.0
    assert drain.plan_stop(60, None, NOW, False) == (900.0, 60.0, None)
    assert drain.plan_stop(60, at(minutes=1), NOW, False).wait_timeout == 5.0


def test_only_what_may_be_stopped_is_stopped_and_none_where_it_is_too_much() -> None:
    jobs = [
        running("1"), running("2"), running("3", name=" Payroll night "), running("4", state="stopping"),
        running("5", state="unknown"), running("6", continuous=True), job("7"),
    ]  # fmt: skip
    answer = waited("timed_out", *jobs)
    assert drain.to_stop(answer, ["payroll*"], 2) == ["1", "2"]
    assert drain.to_stop(answer, ["payroll*"], 1) == []
    assert drain.to_stop(answer, ["3"], 2) == ["1", "2"]
    assert drain.to_stop({**answer, "complete": False}, ["3"], 2) == [], "more may run than is shown"
    assert drain.to_stop({"failed": True, "msg": "away"}, [], 5) == []


@pytest.mark.parametrize(
    ("first", "more", "verdict", "says"),
    [
        (waited("reached"), {}, "safe", "nothing is active, after 30 s"),
        (waited("timed_out", running()), {}, "busy", "Nightly 9: still running"),
        (waited("timed_out"), {}, "safe", "nothing is active"),
        (waited("timed_out", complete=False), {}, "cannot_tell", "not complete"),
        (waited("timed_out", running(state="unknown", vendor_state="Hm")), {}, "cannot_tell", "not known"),
        (waited("timed_out", running(), complete=False), {}, "cannot_tell", "not complete"),
        (waited("unreachable", running(), failed=True, msg="away"), {}, "cannot_tell", "away"),
        (waited("auth_lost", running(), failed=True, msg="login"), {}, "cannot_tell", "login"),
        ({}, {}, "cannot_tell", "not looked at"),
        (look(running()), {"policy": "abort"}, "busy", "still running"),
        (look(job()), {"policy": "abort"}, "safe", "nothing is active"),
        (waited("timed_out", running("1"), running("2")), {"policy": "abort"}, "busy", "2 are more than may"),
        (waited("timed_out", running()), {"policy": "abort", "exclude": ["9"]}, "busy", "never to be stopped"),
    ],
)  # fmt: skip
def test_how_a_drain_came_out(first: t.Any, more: t.Any, verdict: str, says: str) -> None:
    found = drained(first, **more)
    assert found["verdict"] == verdict
    assert says in found["msg"]


def test_after_a_stop_the_second_wait_decides() -> None:
    first, stop = waited("timed_out", running()), {"aborted": [{"id": "9", "name": "N"}], "changed": True}
    good = drained(first, stopped=stop, settled=waited("reached"), policy="wait_then_abort", reason="late")
    assert (good["verdict"], good["waited_seconds"], good["stop_reason"]) == ("safe", 60.0, "late")
    assert [one["id"] for one in good["aborted"]] == ["9"]
    late = {"aborted": [], "not_confirmed": [{"id": "9", "name": "N", "message": "still there"}]}
    bad = drained(first, stopped=late, settled=waited("timed_out", running()), policy="wait_then_abort")
    assert bad["verdict"] == "busy"
    assert "N: still there" in bad["msg"]
    lost = drained(first, stopped={"failed": True, "msg": "no answer"}, policy="wait_then_abort")
    assert lost["verdict"] == "cannot_tell"
    assert "the stop: no answer" in lost["msg"]


def test_what_an_earlier_run_asked_to_stop_is_said() -> None:
    found = drained(
        waited("timed_out", running()),
        settled=waited("timed_out", running()),
        asked=[{"id": "9", "name": "N", "at": "then"}],
    )
    assert "an earlier run asked it to stop, at then" in found["msg"]


# -- the recovery point --------------------------------------------------------------------------------------------


def verified(seen: t.Any, *objects: t.Any, age: str = "24h", **more: t.Any) -> t.Any:
    wanted = verify.read_objects(objects, age)
    accept = more.pop("accept", ("success",))
    return verify.judge_verify(seen, HERE, wanted, verify.read_age(age), accept, NOW, **more)


def test_every_name_of_a_backup_needs_a_good_one() -> None:
    found = verified(
        look(job("1"), job("2", started=at(hours=30)), job("3", kind="restore"), running("4", continuous=True))
    )
    assert {one["object"]: one["verdict"] for one in found["objects"]} == {"Nightly 1": "met", "Nightly 2": "breached"}
    assert found["verdict"] == "breach"
    assert "began 1 d 6 h ago, and 1 d are allowed" in found["msg"]
    assert found["objects"][0]["age_seconds"] == 7200


@pytest.mark.parametrize(
    ("jobs", "word", "verdict"),
    [
        ([], "no_backup", "breach"),
        ([job(kind="restore", name=None)], "no_backup", "breach"),
        ([job(kind=None, name=None)], "no_backup", "breach"),
        ([job(name=None)], "met", "safe"),
        ([job(name=None, started=None)], "unknown", "cannot_tell"),
        ([job(name=None, started=at(hours=30)), job("2", name=None, started=None)], "unknown", "cannot_tell"),
        ([job(name=None, started=at(minutes=-4))], "met", "safe"),
        ([job(name=None, started=at(minutes=-6))], "unknown", "cannot_tell"),
        ([job(name=None, result="failed")], "breached", "breach"),
        ([job(name=None, result="warning")], "breached", "breach"),
        ([running(name=None)], "unknown", "busy"),
        ([running(name=None, state="unknown")], "unknown", "cannot_tell"),
        ([running(name=None), job("2", name=None)], "met", "safe"),
        ([running(name=None), job("2", name=None, result="failed")], "breached", "breach"),
        ([job(name=None, started=at(hours=24))], "met", "safe"),
        ([job(name=None, started=at(hours=24, seconds=1))], "breached", "breach"),
    ],
)
def test_a_system_without_names_is_one_object(jobs: list[Job], word: str, verdict: str) -> None:
    found = verified(look(*jobs))
    assert [one["object"] for one in found["objects"]] == ["veeam_vspc"]
    assert (found["objects"][0]["verdict"], found["verdict"]) == (word, verdict)


def test_objects_of_the_user() -> None:
    seen = look(job("1"), job("2", started=at(days=3)), job("3", kind=None), job("4", kind="copy"))
    found = verified(
        seen,
        {"name": "Nightly [12]"},
        {"job_id": "3"},
        {"job_id": "4"},
        {"type": "backup"},
        {"name": "Gone", "max_age": "7d"},
    )
    assert {one["object"]: one["verdict"] for one in found["objects"]} == {
        "Nightly 1": "met", "Nightly 2": "breached", "3": "met", "4": "no_backup", "backup": "met", "Gone": "no_backup",
    }  # fmt: skip
    assert found["objects"][-1]["max_age_seconds"] == 7 * 86400
    assert verified(look(job(result="warning")), accept=("success", "warning"))["verdict"] == "safe"


def test_definitions_that_share_a_name_are_two_objects() -> None:
    seen = look(job("1", name="Nightly"), job("2", name="Nightly", result="failed"), **DEFINITIONS)
    assert [one["verdict"] for one in verified(seen)["objects"]] == ["met", "breached"]
    assert "shows the latest run only" in verified(seen)["msg"]
    assert verified(look(*seen["jobs"]))["verdict"] == "safe", "two runs of one job"


def test_an_incomplete_list_proves_what_it_holds_and_nothing_else() -> None:
    found = verified(look(job("1"), job("2", started=at(days=3)), complete=False))
    assert [one["verdict"] for one in found["objects"]] == ["met", "unknown"]
    assert found["verdict"] == "cannot_tell"
    assert verified({"failed": True, "msg": "away"}, {"name": "X"})["objects"][0]["verdict"] == "unknown"


def test_an_override_lifts_a_breach_and_nothing_else() -> None:
    override = verify.read_override({"reason": " on tape ", "by": "the night shift"})
    old = job(started=at(days=3))
    found = verified(look(old), override=override)
    assert (found["verdict"], found["overridden"]) == ("safe", {"reason": "on tape", "by": "the night shift"})
    assert found["objects"][0]["verdict"] == "breached"
    assert "overridden by the night shift (on tape)" in found["msg"]
    assert verified(look(old, complete=False), override=override)["verdict"] == "cannot_tell"
    assert verified(look(old, running(name="Other")), override=override)["verdict"] == "breach", "one is busy"
    assert verified(look(job()), override=override)["overridden"] is None


@pytest.mark.parametrize("given", [None, {}, {"reason": "", "by": " "}, {"reason": None, "by": None}])
def test_an_empty_override_is_none(given: t.Any) -> None:
    assert verify.read_override(given) is None


@pytest.mark.parametrize(
    "given", [{"reason": "x"}, {"by": "x"}, {"reason": "x", "by": " "}, {"why": "x"}, "yes", ["x"]]
)
def test_half_an_override_is_refused(given: t.Any) -> None:
    with pytest.raises(ValueError, match="backup_verify_override"):
        verify.read_override(given)


@pytest.mark.parametrize(
    "one", [{}, {"name": ""}, {"name": "a", "type": "b"}, {"name": "a", "age": "1h"}, {"max_age": "1h"}, "a",
            {"name": "a", "max_age": "soon"}, {"name": "a", "max_age": "0m"}]
)  # fmt: skip
def test_an_object_that_is_none_is_refused(one: t.Any) -> None:
    with pytest.raises(ValueError, match=r"max_age|backup_verify_objects"):
        verify.read_objects([one], "24h")


# -- the fleet -----------------------------------------------------------------------------------------------------


def stands(host: str, *wanted: str, **stages: t.Any) -> fleet.Standing:
    return fleet.standing(Place(host, "flosum"), stages, wanted)


SAFE = {"verdict": "safe", "reasons": [], "drainable": True}
BUSY = {"verdict": "busy", "reasons": [{"host": "h", "system": "s", "object": "o", "why": "w"}], "drainable": True}


def test_what_a_drain_saw_is_newer_than_the_gate_but_lifts_no_due_job() -> None:
    assert stands("a", gate=BUSY, drain=SAFE, verify=SAFE).verdict == "safe"
    assert stands("a", gate={**BUSY, "drainable": False}, drain=SAFE).verdict == "busy"
    assert stands("a", gate=SAFE, drain=BUSY).verdict == "busy"


def test_a_stage_without_a_result_is_cannot_tell() -> None:
    assert stands("a", "gate", "verify", gate=SAFE).verdict == "cannot_tell"
    assert stands("a").verdict == "cannot_tell"
    assert fleet.unreached(Place("a"), {"gate": SAFE}).verdict == "cannot_tell"


def test_over_a_fleet_the_worst_counts() -> None:
    found = fleet.judge_fleet([stands("a", gate=SAFE), stands("b", gate=BUSY), fleet.unreached(Place("c"), {})], NOW)
    assert found["verdict"] == "cannot_tell"
    assert found["msg"].startswith("Cannot tell: 3 hosts: c: the host: the host is unreachable")
    assert {one["host"]: one["verdict"] for one in found["hosts"]} == {"a": "safe", "b": "busy", "c": "cannot_tell"}
    assert fleet.judge_fleet([], NOW)["verdict"] == "cannot_tell"


def test_nothing_is_drained_where_no_drain_can_help() -> None:
    assert fleet.may_drain([stands("a", gate=SAFE), stands("b", gate=BUSY)])
    assert not fleet.may_drain([stands("a", gate=SAFE), stands("b", gate={**BUSY, "drainable": False})])
    assert not fleet.may_drain([stands("a", gate=BUSY), fleet.unreached(Place("c"), {"gate": SAFE})])
    assert not fleet.may_drain([stands("a")])
