# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events are written once and read back; the report is a function of them and of nothing else."""

from __future__ import annotations

import json
import os
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.names import check_change_id
from ansible_collections.changeops.backup.plugins.module_utils._core.times import to_iso_z
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook import events, handing, origin
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.history import asked_before
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.report import build_report

NOW = datetime(2026, 3, 1, 22, 0, tzinfo=timezone.utc)
Event = dict[str, t.Any]


def event(
    stage: str, minutes: float, host: str = "one", run: str = "r1", check: bool = False, **result: t.Any
) -> Event:
    """An event so many minutes after ten."""
    entry = result.pop("entry", "change_window")
    final = result.pop("final", stage == entry)
    found = {
        "verdict": "safe",
        "code": 0,
        "msg": "m",
        "reasons": [],
        "jobs": [],
        "unseen": [],
        "drainable": True,
        **result,
    }
    return {
        "schema": events.SCHEMA, "at": to_iso_z(NOW + timedelta(minutes=minutes)), "host": host, "system": "flosum",
        "title": "Flosum", "address": "region us", "stage": stage, "entry": entry, "final": final,
        "run": {"id": run, "began": to_iso_z(NOW), "check_mode": check, "user": "u"},
        "change": {"id": "C", "title": "T", "end": to_iso_z(NOW + timedelta(hours=1))}, "result": found,
    }  # fmt: skip


def window(minutes: float, verdict: str = "safe", phase: str = "open", **more: t.Any) -> Event:
    hosts = [{"host": "one", "system": "flosum", "verdict": verdict}]
    given = {"scope": "fleet", "hosts": hosts, "phase": phase, "verdict": verdict, **more}
    return event("change_window", minutes, **given)


def report(*found: Event, bad: t.Sequence[t.Any] = ()) -> dict[str, t.Any]:
    return build_report("C", found, bad, None, NOW + timedelta(hours=2), "0.1.0")


BUSY = {"verdict": "busy", "reasons": [{"host": "one", "system": "flosum", "object": "A", "why": "runs"}]}


# -- files ---------------------------------------------------------------------------------------------------------


def test_no_event_is_written_over(tmp_path: Path) -> None:
    first = events.write_event(tmp_path, event("gate", 0), NOW)
    second = events.write_event(tmp_path, event("gate", 0, run="r2"), NOW)
    assert first != second
    assert first.name == "20260301T220000.000000Z-one-gate.json"
    assert json.loads(first.read_text())["run"]["id"] == "r1"
    assert [path.stat().st_mode & 0o777 for path in (first, second)] == [0o640, 0o640]
    assert sorted(path.name for path in (tmp_path / "events").iterdir()) == sorted([first.name, second.name])
    found, bad = events.read_events(tmp_path)
    assert ([one["run"]["id"] for one in found], bad) == (["r1", "r2"], [])


def test_a_host_is_no_path(tmp_path: Path) -> None:
    written = events.write_event(tmp_path, event("gate", 0, host="../../etc/x\n{{ 1 }}" + "y" * 300), NOW)
    assert written.parent == tmp_path / "events"
    assert len(written.name) < 130


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", '{"schema": "other"}', '{"schema": "changeops.backup/event/1"}', "[" * 100_000, "\0"],
)
def test_what_is_no_event_is_named(text: str, tmp_path: Path) -> None:
    events.write_event(tmp_path, event("gate", 0), NOW)
    (tmp_path / "events" / "x.json").write_text(text)
    found, (bad,) = events.read_events(tmp_path)
    assert (len(found), bad.name) == (1, "x.json")
    told = report(*found, bad=[bad])
    assert (told["verdict"], told["unseen"][-1]["what"]) == ("cannot_tell", "event x.json")


def test_a_link_is_no_event_and_no_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text(json.dumps(event("gate", 0)))
    (tmp_path / "C" / "events").mkdir(parents=True)
    (tmp_path / "C" / "events" / "x.json").symlink_to(outside)
    assert events.read_events(tmp_path / "C")[1][0].why == "it is no file of its own"
    (tmp_path / "linked").symlink_to(tmp_path / "C")
    with pytest.raises(ValueError, match="symbolic link"):
        events.folder_of(tmp_path, "linked")


@pytest.mark.parametrize(
    "change", ["", ".", "..", "../x", "a/b", "/a", "a\nb", "a ", "-a", "a\\b", "{{ x }}", "a" * 128]
)
def test_a_change_id_is_one_plain_name(change: str) -> None:
    with pytest.raises(ValueError, match="one plain name"):
        check_change_id(change)


@pytest.mark.parametrize("change", ["CHG0012345", "2026-03 patch day", "ü.1", "a+b#c@d=e,f:g", "a" * 127])
def test_a_change_id_as_people_write_them(change: str) -> None:
    assert check_change_id(change) == change


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: t.Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        events.write_event(tmp_path, event("gate", 0), NOW)
    assert list((tmp_path / "events").iterdir()) == []


# -- what is published, and written down of a connection -----------------------------------------------------------


def test_a_summary_is_less_than_a_kilobyte_whatever_it_says() -> None:
    long = {"verdict": "busy", "code": 1, "msg": "ü" * 9000, "at": "now"}
    reasons = [{"host": "h" * 300, "object": "\x00" * 300, "why": "😀" * 300}] * 50
    told = handing.summary({**long, "reasons": reasons})
    assert len(json.dumps(told)) < 1000
    assert (told["verdict"], told["reasons_count"]) == ("busy", 50)


def test_two_hosts_never_publish_under_one_name() -> None:
    names = {handing.variable_part(host) for host in ("v_1", "v-1", "v.1", "vspc-1.example.com", "10.0.0.7")}
    assert len(names) == 5
    assert all(f"backup_gate_{name}".isidentifier() for name in names)
    assert handing.variable_part("v_1") == "v_1"


def test_of_a_connection_only_the_address_is_written_down() -> None:
    assert origin.address_of({"url": "https://u:secret@host:1/x?token=y#z", "password": "p"}, {}) == "https://host:1/x"
    assert origin.address_of({"system": "flosum", "region": "us"}, {}) == "region us"
    assert origin.address_of({"system": "rclone"}, {"BACKUP_RCLONE_URL": "http://a@h/"}) == "http://h/"
    assert origin.address_of({}, {}) is None
    assert "secret" not in str(origin.address_of({"url": "https://u:secret@[bad"}, {}))


# -- what a killed run meant to stop -------------------------------------------------------------------------------


def test_a_job_that_a_killed_run_asked_to_stop_is_remembered_for_a_quarter_of_an_hour() -> None:
    stop = event("stop", 0, jobs=[{"id": "7"}])
    asked = asked_before([stop], "one", "r2", NOW + timedelta(minutes=14))
    assert asked == {"7": stop["at"]}
    assert not asked_before([stop], "one", "r2", NOW + timedelta(minutes=15))
    assert not asked_before([stop], "two", "r2", NOW)
    assert not asked_before([stop], "one", "r1", NOW), "our own"
    assert not asked_before([stop, event("drain", 1)], "one", "r2", NOW), "it came to its end"


# -- the report ----------------------------------------------------------------------------------------------------


def test_a_whole_window() -> None:
    gate = {**BUSY, "complete": True, "jobs": [{"id": "1", "name": "A", "active": True}]}
    told = report(
        event("gate", 0, **gate), event("drain", 1, aborted=[{"id": "1", "name": "A"}], stop_reason="late"),
        event("verify", 2), window(3, final=False),
        event("change", 4, outcome="began"), event("change", 5, outcome="done"),
        event("after", 6, complete=True, jobs=[{"id": "1", "name": "A", "active": False}]), window(7, phase="close"),
    )  # fmt: skip
    assert (told["verdict"], told["change"]["outcome"], told["blockers"]) == ("safe", "done", [])
    assert [(one["object"], one["outcome"], one["reason"]) for one in told["actions"]] == [("A", "aborted", "late")]
    assert told["before_after"][0]["active_before"] == 1
    assert told["before_after"][0]["active_after"] == 0
    assert told["runs"][0]["ended"] == to_iso_z(NOW + timedelta(minutes=7))
    assert told["systems"][0]["jobs"] == [{"id": "1", "name": "A", "active": False}], "the last that was seen of it"


def test_in_a_workflow_each_stage_is_a_run_of_its_own() -> None:
    told = report(event("gate", 0, entry="gate", **BUSY), event("drain", 5, run="r2", entry="drain"))
    assert told["verdict"] == "safe"
    told = report(event("gate", 0, entry="gate"), event("verify", 5, run="r2", entry="verify", verdict="breach"))
    assert (told["verdict"], len(told["runs"])) == ("breach", 2)


def test_what_yesterday_found_says_nothing_of_a_host_that_today_did_not_reach() -> None:
    yesterday = [event("gate", 0), event("gate", 0, host="two"), window(1)]
    killed = report(*yesterday, event("gate", 100, run="r2"))
    assert killed["verdict"] == "cannot_tell"
    assert {one["host"]: one["verdict"] for one in killed["systems"]} == {"one": "safe", "two": "cannot_tell"}


def test_with_scope_host_the_worst_counts() -> None:
    told = report(
        event("gate", 0, **BUSY), window(1, "busy", scope="host"), event("gate", 2, host="two"), window(3, scope="host")
    )
    assert told["verdict"] == "busy"


def test_closed_by_a_run_of_its_own() -> None:
    after = [event("after", 9, run="r2"), {**window(10, phase="close"), "run": {"id": "r2", "check_mode": False}}]
    after[-1]["result"]["run"] = "r2"
    opened = window(1)
    assert report(event("gate", 0), opened, *after)["change"]["outcome"] == "done"
    shut = window(1, "busy", reasons=BUSY["reasons"])
    told = report(event("gate", 0, **BUSY), shut, *after)
    assert (told["verdict"], told["change"]["outcome"]) == ("busy", "not_run")


def test_what_became_of_the_change() -> None:
    begun = [event("gate", 0), window(1, final=False), event("change", 2, outcome="began")]
    lost = report(*begun)
    assert (lost["change"]["outcome"], lost["change"]["msg"]) == ("failed", "one: it began, and its end is not known")
    assert lost["runs"][0]["ended"] is None
    failed = report(*begun, event("change", 3, outcome="failed", msg="no space"))
    assert failed["change"] == {**failed["change"], "outcome": "failed", "msg": "one: no space"}
    late = report(*begun, event("change", 61, outcome="done"))
    assert "after the end of the window" in late["change"]["msg"]
    rehearsed = report(*begun, event("change", 3, outcome="done"), event("gate", 9, run="r2", check=True))
    assert (rehearsed["change"]["outcome"], rehearsed["rehearsal"]) == ("done", False)
    assert report(event("gate", 0, check=True))["rehearsal"]


def test_a_report_of_nothing_is_cannot_tell() -> None:
    told = report()
    assert (told["verdict"], told["change"]["outcome"], told["runs"]) == ("cannot_tell", "not_run", [])
    assert "no event of this change" in told["msg"]


def test_a_stop_whose_run_was_killed_is_an_action_that_nobody_knows_the_end_of() -> None:
    told = report(event("gate", 0, **BUSY), event("stop", 1, jobs=[{"id": "7", "name": "A"}], stop_reason="late"))
    assert [(one["object"], one["outcome"], one["reason"]) for one in told["actions"]] == [("A", "not known", "late")]


def test_rendering_is_no_part_of_the_story() -> None:
    story = [event("gate", 0), window(1)]
    assert report(*story) == report(*story, event("report", 2, run="r9", entry="report"))
