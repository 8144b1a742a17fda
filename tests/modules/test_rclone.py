# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real thing: jobs of a real rclone, seen through the modules."""

from __future__ import annotations

import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._systems._rclone_calls import OURS
from harness import Rclone, bad, finish, good, run, start

pytestmark = pytest.mark.xdist_group("rclone")
MEGABYTE = 1_000_000


@pytest.fixture(name="rclone")
def _rclone(tmp_path: Path) -> t.Iterator[Rclone]:
    server = Rclone(tmp_path)
    yield server
    server.stop()


def test_a_copy_succeeds_and_another_fails(rclone: Rclone) -> None:
    good_id = rclone.copy(1000, "nightly-files")
    bad_id = rclone.copy(1000, "nightly-missing", source="/nowhere/at/all")
    waited = bad("backup_job_wait", {**rclone.options, "job_ids": [good_id, bad_id], "interval": 0.5})
    assert waited["verdict"] == "failed"
    assert [job["result"] for job in waited["jobs"]] == ["success", "failed"]
    assert "directory not found" in waited["msg"]
    listed = good("backup_job_info", {**rclone.options, "names": ["nightly-*"]})
    assert {job["id"]: job["result"] for job in listed["jobs"]} == {good_id: "success", bad_id: "failed"}
    assert all(job["finished"] >= job["started"] for job in listed["jobs"])


def test_a_throttled_copy_is_waited_for_with_percent(rclone: Rclone) -> None:
    rclone.call("core/bwlimit", rate="64k")
    job_id = rclone.copy(4 * MEGABYTE, "nightly-slow")
    running = good("backup_job_info", {**rclone.options, "job_ids": [job_id], "details": ["steps"]})["jobs"][0]
    assert running["state"] == "running"
    assert running["finished"] is None
    assert 0 <= running["percent"] < 100
    assert [part["name"] for part in running["parts"]] == ["data.bin"]
    rclone.call("core/bwlimit", rate="2M")
    waited = good("backup_job_wait", {**rclone.options, "names": ["nightly-slow"], "interval": 0.5})
    assert [(job["id"], job["result"]) for job in waited["jobs"]] == [(job_id, "success")]


def test_a_question_of_others_is_shown_only_where_its_id_is_asked_for(rclone: Rclone) -> None:
    rclone.copy(1000, "nightly-files")
    question = rclone.call("core/version", _async=True)["jobid"]
    good("backup_job_wait", {**rclone.options, "names": ["nightly-files"], "interval": 0.5})
    assert str(question) not in {job["id"] for job in good("backup_job_info", rclone.options)["jobs"]}
    asked = good("backup_job_info", {**rclone.options, "job_ids": [question]})
    assert ([job["id"] for job in asked["jobs"]], asked["missing"]) == ([str(question)], [])


def test_a_running_job_is_aborted_once_and_confirmed(rclone: Rclone) -> None:
    job_id = rclone.copy(400 * MEGABYTE, "weekly-huge")
    other = rclone.copy(400 * MEGABYTE, "weekly-payroll")
    args = {**rclone.options, "names": ["weekly-*"], "exclude": ["*payroll"], "interval": 0.5}
    predicted = good("backup_job_abort", args, check_mode=True)
    assert predicted["changed"] is True
    assert good("backup_job_info", {**rclone.options, "job_ids": [job_id]})["active_count"] == 1
    result = good("backup_job_abort", args)
    assert [(entry["id"], entry["after"]["result"]) for entry in result["aborted"]] == [(job_id, "canceled")]
    assert good("backup_job_info", {**rclone.options, "job_ids": [other]})["active_count"] == 1
    again = good("backup_job_abort", {**rclone.options, "job_ids": [job_id]})
    assert again["changed"] is False


def test_a_selection_that_is_too_wide_stops_nothing(rclone: Rclone) -> None:
    ids = [rclone.copy(400 * MEGABYTE, f"weekly-{letter}") for letter in "ab"]
    result = bad("backup_job_abort", {**rclone.options, "names": ["weekly-*"]})
    assert "max_jobs" in result["msg"]
    assert "nothing was stopped" in result["msg"]
    assert good("backup_job_info", {**rclone.options, "job_ids": ids})["active_count"] == 2


def test_a_job_aborted_by_somebody_else_ends_the_wait(rclone: Rclone) -> None:
    job_id = rclone.copy(400 * MEGABYTE, "weekly-huge")
    process = start("backup_job_wait", {**rclone.options, "job_ids": [job_id], "interval": 0.5, "max_interval": 0.5})
    time.sleep(1.0)  # a real server has a real clock: the wait has to be under way
    rclone.call("job/stop", jobid=int(job_id))
    result = finish(process)
    assert result["failed"] is True
    assert result["verdict"] == "failed"
    assert result["jobs"][0]["result"] == "canceled"


def test_a_job_that_left_the_list_is_missing_and_not_finished(tmp_path: Path) -> None:
    server = Rclone(tmp_path, expire="1s")
    try:
        job_id = server.copy(1000, "nightly-files")
        give_up_at = time.monotonic() + 30
        while good("backup_job_info", {**server.options, "job_ids": [job_id]})["count"]:
            assert time.monotonic() < give_up_at, "the job does not expire"
        args = {**server.options, "job_ids": [job_id], "appear_timeout": 1, "interval": 0.5}
        for meaning in ("fail", "finished"):
            result = bad("backup_job_wait", {**args, "on_missing": meaning})
            assert result["verdict"] == "missing"
            assert "appear_timeout" in result["msg"]
        aborted = bad("backup_job_abort", {**server.options, "job_ids": [job_id]})
        assert aborted["missing"] == [job_id]
        assert aborted["changed"] is False
    finally:
        server.stop()


def test_our_own_calls_are_not_jobs_and_their_number_does_not_grow(rclone: Rclone) -> None:
    rclone.copy(1000, "nightly-files")
    asked = [good("backup_job_info", rclone.options) for _again in range(6)]
    names = [sorted(str(job["name"]) for job in result["jobs"]) for result in asked]
    assert all("nightly-files" in found for found in names)
    assert all("changeops.backup" not in found for found in names)
    assert names[0] == names[-1]
    assert asked[-1]["requests"] <= asked[1]["requests"] + 2


def test_a_wrong_password_is_told_plainly(rclone: Rclone) -> None:
    result = bad("backup_job_info", {**rclone.options, "password": "not-this-one-either"})
    assert "HTTP 401" in result["msg"]
    assert "not-this-one-either" not in str(result)


def test_a_restarted_server_does_not_pass_another_job_off_as_ours(rclone: Rclone) -> None:
    for _call in range(30):
        rclone.call("rc/noop")
    rclone.call("core/bwlimit", rate="64k")
    job_id = rclone.copy(4 * MEGABYTE, "weekly-huge")
    args = {**rclone.options, "job_ids": [job_id], "interval": 0.5, "max_interval": 0.5, "wait_timeout": 30}
    waiting = start("backup_job_wait", args)
    while OURS not in [rclone.call("job/status", jobid=call)["group"] for call in rclone.call("job/list")["jobids"]]:
        time.sleep(0.05)
    rclone.restart()
    while int(rclone.copy(1000, "hourly-small")) < int(job_id):
        pass
    result = finish(waiting)
    assert result["verdict"] == "missing"
    assert "another run has begun" in result["msg"] or "no longer listed" in result["msg"]


def test_an_id_that_the_server_does_not_know_is_no_job(rclone: Rclone) -> None:
    job_id = rclone.copy(1000, "nightly-files")
    result = run("backup_job_info", {**rclone.options, "job_ids": [str(int(job_id) + 1_000_000)]})
    assert result["count"] == 0
