# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping jobs, by real module processes: each outcome is told apart, and nothing is asked for twice."""

from __future__ import annotations

import signal
import time
import typing as t

import pytest

from harness import bad, good, run, start
from simulator import Simulator

UID = "bc04d2e5-dd4c-4f85-af0e-4241060000{:02d}"
QUICK = {"interval": 0.5, "wait_timeout": 3}
OUTCOMES = ("aborted", "already_finished", "unsupported", "not_confirmed")
ENDS = {"set": {"jobStatus": "Aborted"}}


def flosum(number: int, **more: t.Any) -> dict[str, t.Any]:
    job = {"id": number, "jobId": number, "name": f"Job {number}", "jobStatus": "In Progress", "startedDate": "@-60"}
    return {**job, "on_abort": ENDS, **more}


def vspc(number: int, status: str = "Running", **more: t.Any) -> dict[str, t.Any]:
    job = {"instanceUid": UID.format(number), "name": f"Job {number}", "status": status, "lastRun": "@-60"}
    return {**job, "on_abort": {"set": {"status": "Failed", "lastEndTime": "@now"}}, **more}


def told(result: dict[str, t.Any]) -> dict[str, list[str]]:
    """Give the ids of each outcome that some job had."""
    return {name: [entry["id"] for entry in result[name]] for name in OUTCOMES if result[name]}


def test_when_the_answer_is_lost_the_job_is_read_and_not_asked_again() -> None:
    faults = [{"kind": "write", "do": {"reset": "after"}}]
    with Simulator({"system": "flosum", "jobs": [flosum(1)], "faults": faults}) as sim:
        result = good("backup_job_abort", {**sim.options, "job_ids": ["1"], **QUICK})
    assert told(result) == {"aborted": ["1"]}
    assert result["changed"] is True
    assert "no answer to the request, which may have arrived" in result["aborted"][0]["message"]
    assert len(sim.writes) == 1


@pytest.mark.parametrize("wait", [True, False])
def test_when_the_request_itself_is_lost_it_is_not_sent_again_and_the_task_fails(wait: bool) -> None:
    faults = [{"kind": "write", "do": {"reset": True}}]
    with Simulator({"system": "flosum", "jobs": [flosum(1)], "faults": faults}) as sim:
        result = bad("backup_job_abort", {**sim.options, "job_ids": ["1"], **QUICK, "wait": wait})
    assert told(result) == {"not_confirmed": ["1"]}
    assert result["not_confirmed"][0]["after"]["state"] == "running"
    assert ("not seen to stop within wait_timeout (3 s)" if wait else "perhaps not asked to stop") in result["msg"]
    assert len(sim.writes) == 1


def test_an_abort_that_is_acknowledged_and_not_honoured_fails_within_wait_timeout() -> None:
    with Simulator({"system": "flosum", "jobs": [flosum(1, on_abort="ignored")]}) as sim:
        began = time.monotonic()
        result = bad("backup_job_abort", {**sim.options, "job_ids": ["1"], **QUICK})
        lasted = time.monotonic() - began
    assert told(result) == {"not_confirmed": ["1"]}
    assert result["changed"] is True
    assert result["not_confirmed"][0]["requested_at"] is not None
    assert result["not_confirmed"][0]["confirmed_at"] is None
    assert "not seen to stop within wait_timeout (3 s): 1 (Job 1) running" in result["msg"]
    assert 3 <= lasted < 10
    assert len(sim.writes) == 1


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("ended", ["Completed", "Exception"])
def test_a_job_that_ends_between_the_look_and_the_request_was_not_aborted(ended: str, wait: bool) -> None:
    """The server says no: whatever came of the job, it was not us."""
    job = flosum(1, after_looks=[{"looks": 1, "set": {"jobStatus": ended}}])
    with Simulator({"system": "flosum", "abort_finished": "409", "jobs": [job]}) as sim:
        result = good("backup_job_abort", {**sim.options, "job_ids": ["1"], **QUICK, "wait": wait})
    assert told(result) == {"already_finished": ["1"]}
    assert result["already_finished"][0]["after"]["vendor_state"] == ended
    assert result["changed"] is False
    assert [entry.status for entry in sim.writes] == [409]


def test_the_trouble_of_one_job_does_not_stop_the_others() -> None:
    """One is unknown, one has ended, one is of a kind that the call does not cover, one does not obey."""
    jobs = [flosum(1), flosum(2, jobStatus="Completed"), flosum(3), flosum(4, on_abort="ignored"), flosum(5)]
    refusal = {"statusCode": 404, "message": "Backup job not found", "error": "Not Found"}
    faults = [{"path": "/jobs/3/abort", "do": {"status": 404, "body": refusal}}]
    with Simulator({"system": "flosum", "jobs": jobs, "faults": faults}) as sim:
        asked = ["5", "99", "4", "3", "2", "1"]
        result = bad("backup_job_abort", {**sim.options, "job_ids": asked, **QUICK})
    assert told(result) == {"aborted": ["5", "1"], "already_finished": ["2"], "not_confirmed": ["4", "3"]}
    assert result["missing"] == ["99"]
    for said in (
        "not stopped: 3 (Job 3) running (PATCH /api/v1/connections/",
        "HTTP 404: Backup job not found",
        "not seen to stop within wait_timeout (3 s): 4 (Job 4) running",
        "no such job, or no longer listed: 99",
        "stopped 2 jobs, 1 not running any more, 1 asked to stop and not yet seen to end",
    ):
        assert said in result["msg"]
    assert [entry.path.split("/")[-3] for entry in sim.writes] == ["5", "4", "3", "1"]


def test_a_read_only_key_stops_nothing_and_says_what_it_lacks() -> None:
    with Simulator({"system": "veeam_vspc", "jobs": [vspc(1)]}) as sim:
        args = {"system": "veeam_vspc", "url": sim.url, "access_token": sim.credentials["read_only_api_key"]}
        result = bad("backup_job_abort", {**args, "job_ids": [UID.format(1)], **QUICK})
    assert told(result) == {"not_confirmed": [UID.format(1)]}
    assert result["changed"] is False
    assert "The login is good but lacks a permission" in result["msg"]
    assert len(sim.writes) == 1


@pytest.mark.parametrize("status", ["Idle", "None", "Success", "Warning", "Failed"])
def test_a_definition_between_two_runs_is_asked_nothing(status: str) -> None:
    with Simulator({"system": "veeam_vspc", "jobs": [vspc(1, status, lastEndTime="@-10")]}) as sim:
        args = {**sim.options, "job_ids": [UID.format(1)], **QUICK}
        result = good("backup_job_abort", args)
        strict = bad("backup_job_abort", {**args, "fail_if_not_running": True})
    assert told(result) == told(strict) == {"already_finished": [UID.format(1)]}
    assert result["changed"] is False
    assert "not running: " in strict["msg"]
    assert sim.writes == []


def test_a_job_that_is_stopping_already_is_watched_and_not_asked() -> None:
    # Its time begins with the first request, however long a module takes to start.
    job = vspc(1, "Stopping", timeline=[{"at": 4.0, "set": {"status": "Failed", "lastEndTime": "@now"}}])
    with Simulator({"system": "veeam_vspc", "jobs": [job], "clock": {"waits": True}}) as sim:
        result = good("backup_job_abort", {**sim.options, "job_ids": [UID.format(1)], **QUICK, "wait_timeout": 20})
    assert told(result) == {"aborted": [UID.format(1)]}
    assert result["changed"] is False
    assert sim.writes == []


def test_a_definition_that_begins_anew_is_not_asked_again_and_not_called_stopped() -> None:
    again = {"set": {"status": "Running", "lastRun": "@now"}}
    with Simulator({"system": "veeam_vspc", "jobs": [vspc(1, on_abort=again)]}) as sim:
        result = bad("backup_job_abort", {**sim.options, "job_ids": [UID.format(1)], **QUICK, "wait_timeout": 60})
    assert told(result) == {"not_confirmed": [UID.format(1)]}
    assert "another run has begun, so how it ended is not known" in result["msg"]
    assert len(sim.writes) == 1


def test_a_selection_stops_no_more_than_max_jobs_and_never_what_is_excluded() -> None:
    jobs = [vspc(number, name=name) for number, name in enumerate(("Weekly A", "Weekly B", "Weekly payroll", "Daily"))]
    with Simulator({"system": "veeam_vspc", "jobs": jobs}) as sim:
        args = {**sim.options, "names": ["Weekly*"], "exclude": ["*payroll*"], **QUICK}
        for limit, said in ((None, "max_jobs allows to stop 1"), (1, "max_jobs allows to stop 1")):
            refused = bad("backup_job_abort", {**args, "max_jobs": limit})
            assert f"2 active jobs are selected, and {said}: nothing was stopped" in refused["msg"]
        assert sim.writes == []
        result = good("backup_job_abort", {**args, "max_jobs": 2, "reason": "CHG0031337: the window opens"})
    assert sorted(entry["name"] for entry in result["aborted"]) == ["Weekly A", "Weekly B"]
    assert result["reason"] == "CHG0031337: the window opens"
    assert len(sim.writes) == 2


@pytest.mark.parametrize(
    ("jobs", "given"),
    [
        ([vspc(1)], {}),
        ([vspc(1, "Success", lastEndTime="@-10")], {}),
        ([vspc(1, "Idle")], {}),
        # It has to go on until the second module looks as well.
        ([vspc(1, "Stopping", timeline=[{"at": 10.0, "set": {"status": "Failed", "lastEndTime": "@now"}}])], {}),
        ([vspc(1), vspc(2, "Success", lastEndTime="@-10")], {"fail_if_not_running": True}),
        ([vspc(1), vspc(2)], {"job_ids": None, "names": ["Job *"]}),
        ([vspc(1), vspc(2)], {"job_ids": None, "names": ["Job *"], "exclude": ["Job 2"]}),
        ([vspc(2)], {}),
    ],
    ids=["running", "ended", "idle", "stopping", "one not running", "too many", "one excluded", "unknown"],
)
def test_check_mode_predicts_what_then_happens_and_sends_nothing(
    jobs: list[dict[str, t.Any]], given: dict[str, t.Any]
) -> None:
    with Simulator({"system": "veeam_vspc", "jobs": jobs, "clock": {"waits": True}}) as sim:
        ids = [job["instanceUid"] for job in jobs] if jobs[0] != vspc(2) else [UID.format(1)]
        args = {**sim.options, "job_ids": ids, **QUICK, "wait_timeout": 20, **given}
        foreseen = run("backup_job_abort", args, check_mode=True)
        assert sim.writes == []
        result = run("backup_job_abort", args)
    assert {name: foreseen.get(name) for name in ("changed", "failed")} == {
        name: result.get(name) for name in ("changed", "failed")
    }
    if "diff" in result:
        assert told(foreseen) == told(result)
        assert foreseen["diff"]["before"] == result["diff"]["before"]
        assert foreseen["diff"]["after"].keys() == result["diff"]["after"].keys()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("moment", ["while the request is answered", "while it is watched"])
def test_a_run_killed_in_the_middle_leaves_a_second_one_nothing_to_repair(moment: str, number: int) -> None:
    slow = [{"kind": "write", "nth": [1], "do": {"delay": 30}}] if moment.startswith("while the request") else []
    effect = [{"set": {"status": "Stopping"}}, {"after": 2.0, "set": {"status": "Failed", "lastEndTime": "@now"}}]
    with Simulator({"system": "veeam_vspc", "jobs": [vspc(1, on_abort=effect)], "faults": slow}) as sim:
        args = {**sim.options, "job_ids": [UID.format(1)], "interval": 0.5, "wait_timeout": 30}
        process = start("backup_job_abort", args)
        give_up_at = time.monotonic() + 20
        while not sim.writes and time.monotonic() < give_up_at:
            time.sleep(0.02)
        process.send_signal(number)
        out, _err = process.communicate(timeout=10)
        assert process.returncode != 0
        assert out == ""
        result = good("backup_job_abort", args)
    assert told(result) in ({"aborted": [UID.format(1)]}, {"already_finished": [UID.format(1)]})
    # A first request that was still on its way had not stopped anything: asking again was a new decision.
    assert len(sim.writes) <= (2 if slow else 1)


def test_too_many_requests_is_a_refusal_and_not_perhaps_taken() -> None:
    with Simulator(
        {"system": "veeam_vspc", "jobs": [vspc(1)], "faults": [{"kind": "write", "do": {"throttle": 25}}]}
    ) as sim:
        result = bad("backup_job_abort", {**sim.options, "job_ids": [UID.format(1)], **QUICK, "wait_timeout": 60})
    assert told(result) == {"not_confirmed": [UID.format(1)]}
    assert result["changed"] is False
    assert "It takes no more requests now, and did nothing. Try again in 25 s" in result["msg"]
    assert len(sim.writes) == 1


@pytest.mark.parametrize("wait", [True, False])
def test_the_page_of_a_proxy_is_no_word_of_the_system(wait: bool) -> None:
    faults = [{"kind": "write", "do": {"status": 200, "html": True}}]
    with Simulator({"system": "flosum", "jobs": [flosum(1)], "faults": faults}) as sim:
        result = bad("backup_job_abort", {**sim.options, "job_ids": ["1"], **QUICK, "wait": wait})
    assert told(result) == {"not_confirmed": ["1"]}
    assert "may have arrived" in result["not_confirmed"][0]["message"]
    assert len(sim.writes) == 1


def test_a_queued_stop_that_is_canceled_was_not_taken() -> None:
    faults = [{"path": r"/asyncActions/[^/]+$", "do": {"status": 200, "body": {"data": {"status": "canceled"}}}}]
    story = {"system": "veeam_vspc", "jobs": [vspc(1, on_abort="ignored")], "async": {"paths": "/stop"}}
    story["faults"] = faults
    with Simulator(story) as sim:
        result = bad("backup_job_abort", {**sim.options, "job_ids": [UID.format(1)], **QUICK, "wait": False})
    assert told(result) == {"not_confirmed": [UID.format(1)]}
    assert result["changed"] is False
    assert "the stop was refused: the queued call was canceled" in result["msg"]


def test_a_refused_job_that_shows_its_end_a_little_later_had_ended() -> None:
    job = flosum(1, timeline=[{"at": 1.5, "set": {"jobStatus": "Completed"}}])
    refusal = {"statusCode": 400, "message": ["Job is not running"], "error": "Bad Request"}
    faults = [{"kind": "write", "do": {"status": 400, "body": refusal}}]
    with Simulator({"system": "flosum", "jobs": [job], "clock": {"waits": True}, "faults": faults}) as sim:
        result = good("backup_job_abort", {**sim.options, "job_ids": ["1"], "interval": 1, "wait_timeout": 60})
    assert told(result) == {"already_finished": ["1"]}


def test_old_news_of_a_definition_does_not_confirm_a_stop() -> None:
    """The console collects: what it heard before the run began is not its end."""
    stale = {"set": {"status": "Success", "lastRun": "@-7200", "lastEndTime": "@-3600"}}
    with Simulator({"system": "veeam_vspc", "jobs": [vspc(1, on_abort=stale)]}) as sim:
        result = bad("backup_job_abort", {**sim.options, "job_ids": [UID.format(1)], **QUICK})
    assert told(result) == {"not_confirmed": [UID.format(1)]}
    assert len(sim.writes) == 1


def test_what_cannot_be_stopped_is_named_when_it_is_skipped() -> None:
    job = {"id": "j1", "status": "IN_PROGRESS", "type": "backup-working-environment", "time": "@-60"}
    with Simulator({"system": "netapp_bluexp", "jobs": [job]}) as sim:
        args = {**sim.options, "job_ids": ["j1"]}
        assert "1 cannot be stopped: j1 running" in good("backup_job_abort", {**args, "on_unsupported": "skip"})["msg"]
        assert "no call to stop a job: j1 running" in bad("backup_job_abort", args)["msg"]


def test_what_is_excluded_is_left_alone_in_either_letter_case() -> None:
    with Simulator({"system": "veeam_vspc", "jobs": [vspc(1, name="Payroll")]}) as sim:
        args = {**sim.options, "names": ["P*"], **QUICK}
        for excluded in ("payroll", "PAY*", UID.format(1).upper()):
            assert told(good("backup_job_abort", {**args, "exclude": [excluded]})) == {}
    assert sim.writes == []
