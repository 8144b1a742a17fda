# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh backup: found, joined or started, and whatever becomes of the request, it is sent once."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import BackupError, Misconfigured
from ansible_collections.changeops.backup.plugins.module_utils._edge.start import START
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from ansible_collections.changeops.backup.plugins.module_utils._tasks.start import start_job
from harness import Rclone, bad, good
from inside import Inside
from simulator import Simulator

Answer = dict[str, t.Any]
UID = "bc04d2e5-dd4c-4f85-af0e-424106000001"
DEFINITION = {
    "instanceUid": UID,
    "name": "Nightly",
    "status": "Success",
    "lastRun": "@-90000",
    "lastEndTime": "@-86400",
}
SETTINGS = dict.fromkeys(
    (
        "isIncludeMetadata", "isIncludeBinaryObjects", "isIncludeBigObjects", "isIncludeFeedObjects",
        "isIncludeShareObjects", "isIncludeHistoryObjects", "isIncludeCustomMetadataTypeObjects", "isIncludeTagObjects",
    ),
    False,
)  # fmt: skip
FULL = {"name": "Before CHG1", "description": "", "mode": "full", "settings": SETTINGS}
VOLUME = {"working_environment_id": "VsaWorkingEnvironment-1", "volume_id": "vol-1"}
# What is started of each system, and a story in which it was last backed up long ago.
WANTED: dict[str, dict[str, t.Any]] = {
    "veeam_vspc": {"job_id": UID},
    "flosum": {"start": FULL},
    "netapp_bluexp": {"start": VOLUME},
}
STORIES: dict[str, dict[str, t.Any]] = {
    "veeam_vspc": {"jobs": [DEFINITION]},
    "flosum": {
        "jobs": [{"id": 1, "jobId": 7, "name": "Before CHG1", "jobStatus": "Completed", "startedDate": "@-90000"}]
    },
    "netapp_bluexp": {"jobs": [{"id": "old", "status": "COMPLETED", "time": "@-90000"}]},
}
EACH = pytest.mark.parametrize("system", sorted(WANTED))
FAILS = {
    "veeam_vspc": {"jobs": [{**DEFINITION, "on_start": [
        {"set": {"status": "Starting"}},
        {"after": 2.0, "set": {"status": "Running", "lastRun": "@now", "lastEndTime": None}},
        {"after": 9.0, "set": {"status": "Failed", "lastEndTime": "@now", "failureMessage": "Disk full"}},
    ]}]},
    "flosum": {"backup": {"jobStatus": "Exception"}},
    "netapp_bluexp": {"backup": {"status": "FAILED"}},
}  # fmt: skip


def story(system: str, **more: t.Any) -> dict[str, t.Any]:
    return {"system": system, **STORIES[system], **more}


def start(told: dict[str, t.Any], check_mode: bool = False, **given: t.Any) -> tuple[Answer, list[t.Any]]:
    """Run the body of the module on a clock that jumps; give its answer, and the writes that arrived."""
    with Simulator(told) as sim, Inside(sim.options, sim, writes=not check_mode) as inside:
        given = {"wait_timeout": 600.0, "interval": 1.0, **WANTED[told["system"]], **given}
        answer = start_job(inside.task(START, check_mode=check_mode, **given))
        assert not sim.refused
        return answer, list(sim.writes)


@EACH
def test_a_backup_is_started_once_and_waited_for(system: str) -> None:
    answer, writes = start(story(system), reason="CHG1")
    assert (answer["verdict"], answer["started"], answer["joined"], answer["changed"]) == ("reached", True, False, True)
    assert (answer["run"]["state"], answer["run"]["result"]) == ("finished", "success")
    assert answer["run"]["raw"] is None
    assert answer["reason"] == "CHG1"
    assert len(writes) == 1


@EACH
def test_check_mode_sends_nothing_and_predicts_the_same(system: str) -> None:
    answer, writes = start(story(system), check_mode=True)
    assert (answer["changed"], answer["failed"], answer["verdict"]) == (True, False, None)
    assert writes == []


@EACH
def test_a_lost_answer_is_looked_for_and_not_asked_for_again(system: str) -> None:
    faults = [{"kind": "write", "do": {"reset": "after"}}]
    answer, writes = start(story(system, faults=faults))
    assert (answer["verdict"], answer["started"], answer["run"]["result"]) == ("reached", True, "success")
    assert "no answer to the request, which may have arrived" in answer["msg"]
    assert len(writes) == 1


@EACH
def test_a_request_that_got_lost_is_told_as_missing_and_an_old_run_is_not_taken_for_it(system: str) -> None:
    faults = [{"kind": "write", "do": {"reset": True}}]
    answer, writes = start(story(system, faults=faults))
    assert (answer["verdict"], answer["started"], answer["failed"]) == ("missing", False, True)
    assert answer["run"] is None
    assert "It was not asked for again" in answer["msg"]
    assert len(writes) == 1


@EACH
def test_a_refusal_is_final_and_passed_on(system: str) -> None:
    said = "Not in this tenant"
    body = {"message": said, "errors": [{"message": said, "type": "logical", "code": 400}]}
    faults = [{"kind": "write", "do": {"status": 400, "body": body}}]
    answer, writes = start(story(system, faults=faults))
    assert (answer["verdict"], answer["changed"], answer["started"]) == ("failed", False, False)
    assert said in answer["msg"]
    assert len(writes) == 1


@EACH
def test_a_run_that_ends_badly_is_told_with_its_start(system: str) -> None:
    answer, _writes = start(story(system, **FAILS[system]))
    assert (answer["verdict"], answer["started"], answer["changed"], answer["failed"]) == ("failed", True, True, True)
    assert answer["run"]["result"] == "failed"


@EACH
def test_without_wait_the_run_is_told_as_it_begins(system: str) -> None:
    answer, _writes = start(story(system), wait=False)
    assert (answer["failed"], answer["verdict"], answer["started"]) == (False, None, True)
    assert answer["run"]["result"] is None
    assert answer["run"]["started"] is not None


@EACH
def test_an_expired_token_is_renewed_and_the_start_arrives_once(system: str) -> None:
    faults = [{"kind": "write", "nth": [1], "do": {"expire_token": True}}]
    answer, writes = start(story(system, faults=faults))
    assert answer["verdict"] == "reached"
    assert writes[0].status == 401
    assert sum(entry.status < 300 for entry in writes) == 1


def test_time_that_runs_out_leaves_the_run_for_another_wait() -> None:
    answer, writes = start(story("flosum", backup={"takes": 5000.0}), wait_timeout=60.0)
    assert (answer["verdict"], answer["started"], answer["run"]["state"]) == ("timed_out", True, "running")
    assert len(writes) == 1


def test_a_token_that_is_lost_meanwhile_says_what_was_started() -> None:
    # The first two reads are the look before, and the first one after the start.
    faults = [{"path": "/backups$", "from": 2.0, "do": {"status": 403, "body": {"message": "no"}}}]
    answer, _writes = start(story("flosum", faults=faults))
    assert (answer["verdict"], answer["started"], answer["changed"]) == ("auth_lost", True, True)


# -- what there is already -----------------------------------------------------------------------------------------


def flosum_run(number: int, status: str, age: int, **more: t.Any) -> dict[str, t.Any]:
    job = {"id": number, "jobId": number, "name": "Before CHG1", "jobStatus": status, "startedDate": f"@-{age}"}
    return {**job, **more}


@pytest.mark.parametrize(
    ("runs", "starts"),
    [
        ([flosum_run(1, "Completed", 3000)], False),
        ([flosum_run(1, "Completed", 4200)], True),
        ([flosum_run(1, "Exception", 600)], True),
        ([flosum_run(1, "Exception", 600), flosum_run(2, "Completed", 1200)], False),
        ([flosum_run(1, "Completed", 600, operationType="Templated Archive")], True),
        ([flosum_run(1, "Completed", 600, operationType="Something new")], True),
        ([flosum_run(1, "Completed", 600, name="Another")], True),
        ([flosum_run(1, "Completed", 600, startedDate=None)], True),
    ],
    ids=["young", "old", "failed", "good before failed", "archive", "unknown type", "another", "no start"],
)
def test_unless_newer_than_counts_good_backups_by_their_start(runs: list[dict[str, t.Any]], starts: bool) -> None:
    answer, writes = start(story("flosum", jobs=runs), unless_newer_than="1h")
    assert (answer["verdict"], answer["failed"]) == ("reached", False)
    assert (answer["started"], answer["changed"], len(writes)) == (starts, starts, int(starts))
    assert answer["run"]["result"] == "success"


def test_twice_makes_one_backup() -> None:
    with Simulator(story("netapp_bluexp")) as sim, Inside(sim.options, sim, writes=True) as inside:
        options = {**WANTED["netapp_bluexp"], "unless_newer_than": "1h", "wait_timeout": 600.0, "interval": 1.0}
        first, second = (start_job(inside.task(START, **options)) for _time in range(2))
        assert (first["changed"], second["changed"], len(sim.writes)) == (True, False, 1)
    assert first["run"]["id"] == second["run"]["id"]


@pytest.mark.parametrize(("join", "word"), [(True, "joined"), (False, "busy")])
def test_a_run_in_progress_is_joined_or_an_error(join: bool, word: str) -> None:
    run = flosum_run(1, "In Progress", 600, timeline=[{"at": 30, "set": {"jobStatus": "Completed"}}])
    told = story("flosum", jobs=[run])
    if not join:
        with pytest.raises(BackupError, match=r"busy: it runs already \(1 \(Before CHG1\) running\)"):
            start(told, join_running=False)
        return
    answer, writes = start(told)
    assert (answer["verdict"], answer["joined"], answer["started"], answer["changed"]) == (
        "reached",
        True,
        False,
        False,
    )
    assert word in answer["msg"]
    assert writes == []


def test_a_run_that_begins_between_the_look_and_the_request_is_joined() -> None:
    run = flosum_run(1, "Exception", 600, after_looks=[{"looks": 1, "set": {"jobStatus": "In Progress"}}])
    run["timeline"] = [{"at": 60, "set": {"jobStatus": "Completed"}}]
    answer, writes = start(story("flosum", jobs=[run]))
    assert (answer["verdict"], answer["joined"], answer["changed"]) == ("reached", True, False)
    assert [entry.status for entry in writes] == [409]


def test_what_is_in_an_unknown_state_is_no_backup_and_starts_nothing() -> None:
    with pytest.raises(BackupError, match="cannot tell whether it runs already"):
        start(story("flosum", jobs=[flosum_run(1, "Zarniwoop", 600)]), unless_newer_than="1h")


def test_an_incomplete_list_starts_nothing() -> None:
    body = {"total": 9, "items": []}
    faults = [{"path": "/backups$", "do": {"status": 200, "body": body}}]
    with pytest.raises(BackupError, match="cannot tell what there is, as the list of jobs is not complete"):
        start(story("flosum", faults=faults), unless_newer_than="1h")


def test_another_new_job_is_not_taken_for_ours_where_nothing_tells_them_apart() -> None:
    """NetApp hardly says of what a job is a backup: with two new ones, the answer that was lost stays lost."""
    new = {"status": "COMPLETED", "time": "@+1", "appears": 1}
    jobs = [{"id": "x", **new}, {"id": "y", **new}]
    faults = [{"kind": "write", "do": {"reset": True}}]
    answer, _writes = start(story("netapp_bluexp", jobs=jobs, faults=faults))
    assert (answer["verdict"], answer["run"]) == ("missing", None)


def test_a_definition_is_started_by_its_whole_name_and_by_no_other() -> None:
    twins = [{**DEFINITION, "instanceUid": UID[:-1] + str(number), "name": "Twin"} for number in (2, 3)]
    told = story("veeam_vspc", jobs=[DEFINITION, *twins])
    answer, _writes = start(told, job_id=None, name="Nightly")
    assert answer["run"]["id"] == UID
    for name in ("Twin", "Night*", "nightly"):
        with pytest.raises(BackupError, match="one job has to have the name"):
            start(told, job_id=None, name=name)


def test_a_definition_that_shows_its_last_run_for_a_while_is_no_fresh_backup() -> None:
    effects = [
        {"after": 20.0, "set": {"status": "Starting"}},
        {"after": 40.0, "set": {"status": "Running", "lastRun": "@now", "lastEndTime": None}},
        {"after": 60.0, "set": {"status": "Warning", "lastEndTime": "@now"}},
    ]
    answer, _writes = start(story("veeam_vspc", jobs=[{**DEFINITION, "on_start": effects}]))
    assert (answer["verdict"], answer["run"]["result"]) == ("failed", "warning")


def test_what_runs_for_ever_is_not_started() -> None:
    with pytest.raises(BackupError, match="runs for ever in the background"):
        start(story("veeam_vspc", jobs=[{**DEFINITION, "type": "SqlLogBackup"}]))


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "given", "says"),
    [
        ("veeam_vspc", {"start": FULL}, "starts a definition"),
        ("veeam_vspc", {"name": "Nightly"}, "only one of them"),
        ("veeam_vspc", {"unless_newer_than": "soon"}, "unless_newer_than has to be"),
        ("veeam_vspc", {"wait_until": "2020-01-01T00:00:00Z"}, "has passed"),
        ("flosum", {"start": None}, "start is required"),
        ("flosum", {"job_id": "7"}, "mean nothing here"),
        ("flosum", {"start": {**FULL, "extra": 1}}, "start knows no extra"),
        ("flosum", {"start": {**FULL, "name": 5}}, "start.name has to be text"),
        ("flosum", {"start": {**FULL, "mode": "differential"}}, "start.mode has to be one of full, template"),
        ("flosum", {"start": {**FULL, "mode": "template"}}, "templateId"),
        ("flosum", {"start": {**FULL, "settings": {}}}, "start.settings needs isIncludeMetadata"),
        ("flosum", {"start": {**FULL, "settings": {**SETTINGS, "isIncludeTagObjects": 2}}}, "has to be true or false"),
        ("netapp_bluexp", {"start": {**VOLUME, "mode": "SCHEDULED"}}, "start knows no mode"),
        ("netapp_bluexp", {"start": {"volume_id": "v"}}, "start needs working_environment_id"),
    ],
)
def test_what_cannot_be_started_is_refused_before_anything_is_sent(
    system: str, given: dict[str, t.Any], says: str
) -> None:
    with Simulator(story(system)) as sim, Inside(sim.options, sim, writes=True) as inside:
        with pytest.raises(Misconfigured, match=says):
            start_job(inside.task(START, **{"wait_timeout": 60.0, "interval": 1.0, **WANTED[system], **given}))
        assert not sim.journal


def test_a_system_without_a_start_says_what_to_do_instead() -> None:
    result = bad(
        "backup_job_start", {"system": "avepoint_salesforce", "region": "us", "access_token": "token-1", "name": "x"}
    )
    assert "has no call to start a job. Start the job in AvePoint's own console" in result["msg"]
    assert {name for name, system in SYSTEMS.items() if not system.CAPABILITIES.start} == {
        name for name, system in SYSTEMS.items() if system.INSTEAD_OF_START
    }


# -- a real rclone ---------------------------------------------------------------------------------------------------


def test_a_real_rclone_makes_a_backup_joins_it_and_does_not_make_it_again(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "data.bin").write_bytes(bytes(6_000_000))
    server = Rclone(tmp_path, bandwidth="2M")
    try:
        parameters = {"srcFs": str(source), "dstFs": str(tmp_path / "target")}
        args = {**server.options, "start": {"call": "sync/copy", "parameters": parameters}, "interval": 0.5}
        begun = good("backup_job_start", {**args, "wait": False})
        assert (begun["started"], begun["run"]["state"]) == (True, "running")
        joined = good("backup_job_start", args)
        assert (joined["joined"], joined["changed"], joined["run"]["result"]) == (True, False, "success")
        found = good("backup_job_start", {**args, "unless_newer_than": "1h"})
        assert (found["changed"], found["run"]["id"]) == (False, begun["run"]["id"])
        again = good("backup_job_start", args)
        assert (again["started"], again["verdict"]) == (True, "reached")
        assert again["run"]["id"] != begun["run"]["id"]
        assert (tmp_path / "target" / "data.bin").stat().st_size == 6_000_000
        lost = bad(
            "backup_job_start", {**args, "start": {"call": "sync/copy", "parameters": {**parameters, "srcFs": "/no"}}}
        )
        assert (lost["verdict"], lost["started"]) == ("failed", True)
        assert "directory not found" in lost["msg"]
    finally:
        server.stop()
