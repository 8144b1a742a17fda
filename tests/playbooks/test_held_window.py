# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change windows that hold schedules and make a fresh backup: whatever becomes of them, what was held is given back."""

from __future__ import annotations

import json
import os
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from harness import kill_all_that_name
from playbooks.windows import Played, System, Window, change_window, vspc

UID = "bc04d2e5-dd4c-4f85-af0e-42410600{:04d}"
OLD = {"name": "Nightly", "lastRun": "@-90000", "lastEndTime": "@-89000"}
OFF = {"name": "Off before", "isEnabled": False}
STORY = vspc(OLD, OFF)
SHARED = {"id": "CHG-1", "due": "ignore", "reason": "CHG-1"}
WHOLE = {**SHARED, "hold": True, "fresh_backup": {"job_id": UID.format(0), "interval": 0.5}}
RELEASE = ["-e", "backup_change_window_id=CHG-1", "-e", "backup_change_window_report_dest={{ evidence }}"]


def on(played: Window, host: str = "one") -> list[bool]:
    """What is on now."""
    book = played.sims[host].vendor.book
    states = [book.state(book.find("instanceUid", UID.format(number))) or {} for number in range(2)]
    return [bool(state.get("isEnabled", True)) for state in states]


def order(played: Window, host: str = "one") -> str:
    """The writes in letters: H hold, R release, S start."""
    told = []
    for entry in played.sims[host].writes:
        body = json.loads(entry.body) if entry.method == "PATCH" else [{}]
        told.append("S" if entry.path.endswith("/start") else "R" if body[0]["value"] else "H")
    return "".join(told)


def sums(left: Played) -> str:
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=left.evidence("CHG-1"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_hold_fresh_backup_change_release(tmp_path: Path) -> None:
    """The last backup is older than a day, and the change is made all the same: there is a fresh one."""
    with Window(tmp_path, {"one": System(STORY)}) as played:
        left = played.run([change_window(**WHOLE)])
        assert (order(played), on(played)) == ("HSR", [True, False])
    assert left.status == 0, left.output
    assert left.changed("one")
    stages = [stage for stage in left.stages("CHG-1") if stage not in ("change_window", "report")]
    assert stages == ["gate", "hold", "drain", "fresh", "verify", "change", "change", "release", "after"]
    report = left.report("CHG-1")
    assert (report["verdict"], report["change"]["outcome"]) == ("safe", "done")
    told = [(one["action"], one["outcome"], one["reason"]) for one in report["actions"]]
    assert sorted(told) == [
        ("hold", "held", "CHG-1"),
        ("release", "given back", "CHG-1"),
        ("start", "started", "CHG-1"),
    ]
    assert "held/veeam_vspc-" in sums(left)
    assert left.refused == {"one": []}


def test_a_rehearsal_writes_nothing(tmp_path: Path) -> None:
    with Window(tmp_path, {"one": System(STORY)}) as played:
        left = played.run([change_window(**WHOLE)], "--check")
    assert left.writes == {"one": []}
    assert not list((tmp_path / "evidence").glob("*/held"))
    assert left.report("CHG-1")["rehearsal"] is True
    said = {event["stage"]: event["result"]["msg"] for event in left.events("CHG-1")}
    assert "would hold 1 schedule (Nightly)" in said["hold"]
    assert "would start" in said["fresh"]
    assert {one["outcome"] for one in left.report("CHG-1")["actions"]} == {"rehearsed"}


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        # The change fails.
        ({"tasks": ["broken.yml"]}, ("HSR", "safe", "failed")),
        # The fresh backup fails.
        ({"fails": True}, ("HSR", "breach", "not_run")),
        # Something runs on.
        ({"busy": True, "wait_timeout": 2}, ("HR", "breach", "not_run")),
        # One schedule cannot be held.
        ({"refused": True}, ("HHR", "cannot_tell", "not_run")),
    ],
    ids=["change fails", "backup fails", "busy", "hold refused"],
)
def test_whatever_fails_it_is_given_back(more: dict[str, t.Any], wanted: tuple[str, str, str], tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text("- {name: Break, ansible.builtin.fail: {msg: the patch broke}}\n")
    jobs: list[dict[str, t.Any]] = [dict(OLD), OFF]
    faults = []
    if more.pop("fails", False):
        jobs[0]["on_start"] = [
            {"set": {"status": "Running", "lastRun": "@now", "lastEndTime": None}},
            {"after": 1.0, "set": {"status": "Failed", "lastEndTime": "@now"}},
        ]
    if more.pop("busy", False):
        jobs.append({"name": "Busy", "status": "Running", "isEnabled": False, "lastEndTime": None})
    if more.pop("refused", False):
        jobs.append({"name": "Third"})
        body = {"errors": [{"message": "no", "type": "security", "code": 403}]}
        faults = [{"path": UID.format(2), "kind": "write", "do": {"status": 403, "body": body}}]
    with Window(tmp_path, {"one": System(vspc(*jobs, faults=faults))}) as played:
        left = played.run([change_window(**{**WHOLE, **more})])
        report = left.report("CHG-1")
        assert (order(played), report["verdict"], report["change"]["outcome"]) == wanted, left.output
        assert on(played) == [True, False]
    assert left.status != 0


def test_what_cannot_be_given_back_is_told_and_release_held_does_it(tmp_path: Path) -> None:
    body = {"errors": [{"message": "no", "type": "security", "code": 403}]}
    faults = [{"kind": "write", "nth": [2], "do": {"status": 403, "body": body}}]
    with Window(tmp_path, {"one": System(vspc({"name": "Nightly"}, OFF, faults=faults))}) as played:
        left = played.run([change_window(**SHARED, hold=True)])
        assert (left.status != 0, on(played)) == (True, [False, False])
        report = left.report("CHG-1")
        assert (report["verdict"], report["change"]["outcome"]) == ("cannot_tell", "done")
        assert "could not be given back; the playbook release_held does it" in report["msg"]
        left = played.run("changeops.backup.release_held", *RELEASE)
        assert (left.status, on(played)) == (0, [True, False]), left.output
        sums(left)
        before = len(played.sims["one"].writes)
        left = played.run("changeops.backup.release_held", *RELEASE)
        assert (left.status, len(played.sims["one"].writes)) == (0, before), left.output


@pytest.mark.parametrize("again", ["release_held", "window"])
def test_killed_in_the_change(again: str, tmp_path: Path) -> None:
    """Of two systems: each has a ledger of its own."""
    (tmp_path / "slow.yml").write_text("- {name: Patch slowly, ansible.builtin.pause: {seconds: 3}}\n")
    play = change_window(**SHARED, hold=True, tasks=["slow.yml"])
    story = vspc({"name": "Nightly"}, OFF)
    with Window(tmp_path, {"one": System(story), "two": System(story)}) as played:
        process = played.start([play])
        events = tmp_path / "evidence" / "CHG-1" / "events"
        while process.poll() is None and len(list(events.glob("*-change.json"))) < 2:
            time.sleep(0.02)
        process.kill()
        kill_all_that_name(tmp_path / "site.yml")
        process.communicate()
        assert (on(played, "one"), on(played, "two")) == ([False, False], [False, False])
        left = played.run([play]) if again == "window" else played.run("changeops.backup.release_held", *RELEASE)
        assert left.status == 0, left.output
        assert (on(played, "one"), on(played, "two")) == ([True, False], [True, False])


def test_open_holds_and_close_gives_back(tmp_path: Path) -> None:
    role = {"name": "changeops.backup.backup_change_window"}
    given = {
        "backup_change_window_id": "CHG-1",
        "backup_change_window_report_dest": "{{ evidence }}",
        "backup_change_window_hold": {"names": ["Night*"]},
        "backup_change_window_quiet_period": 1,
    }
    plays = [
        {
            "hosts": "backup_systems",
            "gather_facts": False,
            "vars": given,
            "tasks": [{"name": entry, "ansible.builtin.include_role": {**role, "tasks_from": entry}}],
        }
        for entry in ("open", "close")
    ]
    seen: list[list[bool]] = []
    with Window(tmp_path, {"one": System(vspc({"name": "Nightly"}, {"name": "Weekly"}))}) as played:
        left = played.run([plays[0]])
        seen.append(on(played))
        assert left.status == 0, left.output
        left = played.run([plays[1]])
        seen.append(on(played))
    assert left.status == 0, left.output
    assert seen == [[False, True], [True, True]]


def test_tasks_that_end_the_host_leave_it_to_the_second_play_of_the_playbook(tmp_path: Path) -> None:
    (tmp_path / "ends.yml").write_text("- {name: End, ansible.builtin.meta: end_host}\n")
    extra = {f"backup_change_window_{name}": value for name, value in {**SHARED, "hold": True}.items()}
    extra |= {"backup_change_window_tasks": [str(tmp_path / "ends.yml")], "backup_change_window_quiet_period": 1}
    extra["backup_change_window_report_dest"] = str(tmp_path / "evidence")
    with Window(tmp_path, {"one": System(vspc({"name": "Nightly"}, OFF))}) as played:
        left = played.run("changeops.backup.change_window", "-e", json.dumps(extra))
        assert (left.status, order(played), on(played)) == (0, "HR", [True, False]), left.output


def test_a_system_without_a_switch_cannot_hold_and_has_nothing_to_give_back(tmp_path: Path) -> None:
    jobs = [{"id": "0f1c2d3e-0000-4000-8000-000000000020", "status": "COMPLETED", "time": "@-5400"}]
    with Window(tmp_path, {"one": System({"system": "netapp_bluexp", "jobs": jobs})}) as played:
        left = played.run([change_window(**SHARED, hold=True)])
        assert (left.status != 0, left.changed("one"), left.writes) == (True, False, {"one": []})
        assert "has no call to turn schedules off" in left.report("CHG-1")["msg"]
        assert played.run("changeops.backup.release_held", *RELEASE).status == 0


def test_a_change_id_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    flags = ["-e", "backup_change_window_id=../x", "-e", "backup_change_window_report_dest={{ evidence }}"]
    with Window(tmp_path, {"one": System(STORY)}) as played:
        left = played.run("changeops.backup.release_held", *flags)
    assert left.status != 0
    assert not os.path.exists(tmp_path / "x")
