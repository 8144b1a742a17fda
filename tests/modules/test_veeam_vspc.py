# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The families of jobs of a Veeam Service Provider Console: three lists, of which some may not be read."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import BackupError, NotPermitted, Refused
from ansible_collections.changeops.backup.plugins.module_utils._edge.schedule import SCHEDULE
from ansible_collections.changeops.backup.plugins.module_utils._edge.start import START
from ansible_collections.changeops.backup.plugins.module_utils._edge.wait import WAIT
from ansible_collections.changeops.backup.plugins.module_utils._tasks.schedule import set_schedules
from ansible_collections.changeops.backup.plugins.module_utils._tasks.start import start_job
from ansible_collections.changeops.backup.plugins.module_utils._tasks.wait import wait_for_jobs
from harness import bad, good, warnings
from inside import Inside, play

Story = dict[str, t.Any]
UID = "bc04d2e5-dd4c-4f85-af0e-4241060007{:02d}"
SERVER = {"instanceUid": UID.format(1), "name": "VMs", "status": "Success", "lastRun": "@-900", "lastEndTime": "@-600"}
AGENT = {"instanceUid": UID.format(2), "family": "agents", "name": "Laptop", "status": "Success", "lastRun": "@-900",
         "lastEndTime": "@-600", "nextRun": "@+3600"}  # fmt: skip
MAIL = {"instanceUid": UID.format(3), "family": "microsoft_365", "name": "Mail", "lastStatus": "Success",
        "lastRun": "@-900", "nextRun": "@+3600"}  # fmt: skip
ALL = (SERVER, AGENT, MAIL)
PATHS = {
    "backup_servers": "/backupServers/jobs",
    "agents": "/backupAgents/jobs",
    "microsoft_365": "/organizations/jobs",
}
WHAT = {"backup_servers": "backup servers", "agents": "backup agents", "microsoft_365": "Microsoft 365"}


def told(*jobs: Story, refused: t.Mapping[str, int] | None = None, **more: t.Any) -> Story:  # never changed
    """A console with these jobs; ``refused``: family -> the status that its list is answered with."""
    faults = [{"path": f"{PATHS[name]}$", "do": {"status": status}} for name, status in (refused or {}).items()]
    return {"system": "veeam_vspc", "jobs": list(jobs), "faults": faults, **more}


def test_all_three_are_looked_at_and_each_says_what_it_is() -> None:
    with play(told(*ALL)) as (sim, vspc):
        listing = vspc.look()
    server, agent, mail = (listing.jobs[UID.format(number)] for number in (1, 2, 3))
    assert (agent.name, agent.type, agent.kind, agent.result) == ("Laptop", "BackupAgentJob", "backup", "success")
    assert (mail.name, mail.type, mail.kind, mail.result) == ("Mail", "BackupJob", "backup", "success")
    assert None not in (agent.next_run, mail.next_run, agent.finished)
    # There is no such field.
    assert (mail.finished, mail.duration) == (None, None)
    assert server.kind == "backup"
    assert listing.unseen == []
    assert sim.refused == []


def test_a_copy_is_a_copy_and_a_schedule_that_is_off_has_no_next_run() -> None:
    copy = {**MAIL, "jobType": "CopyJob", "isEnabled": False}
    with play(told({**AGENT, "isEnabled": False}, copy)) as (_sim, vspc):
        agent, mail = vspc.look(job_ids=[UID.format(2), UID.format(3)]).jobs.values()
    assert (mail.kind, agent.next_run, mail.next_run) == ("copy", None, None)


@pytest.mark.parametrize("busy", [{**AGENT, "status": "Running"}, {**MAIL, "lastStatus": "Queued"}])
def test_a_console_whose_agents_or_mailboxes_are_busy_is_not_idle(busy: Story) -> None:
    with play(told(SERVER, busy)) as (_sim, vspc):
        report = wait_for_jobs(vspc.task(WAIT, state="idle", wait_timeout=10))
    assert report["verdict"] == "timed_out"
    assert [job["id"] for job in report["unfinished"]] == [busy["instanceUid"]]


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        ({"lastStatus": None, "lastRun": None}, "idle"),
        ({"lastStatus": None}, "unknown"),
        ({"lastStatus": "Stopped", "lastRun": None}, "idle"),
        ({"lastStatus": "Stopped"}, "idle"),
        ({"lastStatus": "Disconnected"}, "unknown"),
        ({"lastStatus": "Splendid"}, "unknown"),
    ],
)
def test_a_job_of_microsoft_365_without_a_result_has_none(shown: Story, state: str) -> None:
    with play(told({**MAIL, **shown})) as (_sim, vspc):
        (job,) = vspc.look().jobs.values()
    assert (job.state, job.result) == (state, None)


# -- what may not be read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("name", PATHS)
def test_a_list_that_cannot_be_read_is_told_and_not_left_out_silently(name: str, status: int) -> None:
    with play(told(*ALL, refused={name: status})) as (sim, _vspc):
        info = good("backup_job_info", sim.options)
        idle = good("backup_job_wait", {**sim.options, "state": "idle", "wait_timeout": 5})
    assert info["count"] == 2
    assert info["complete"] is True
    for result in (info, idle):
        (gap,) = result["unseen"]
        assert WHAT[name] in gap["what"]
        assert f"HTTP {status}" in gap["why"]
        assert f"ot seen: {gap['what']}" in result["msg"]
        assert any(gap["what"] in said for said in warnings(result))


@pytest.mark.parametrize(("status", "kind"), [(403, NotPermitted), (404, Refused)])
def test_a_list_that_was_asked_for_and_cannot_be_read_is_an_error(status: int, kind: type[BackupError]) -> None:
    with play(told(*ALL, refused={"agents": status})) as (sim, vspc):
        assert len(vspc.look().jobs) == 2
        asked = Inside({**sim.options, "job_families": ["agents", "backup_servers"]}, sim)
        with pytest.raises(kind):
            asked.look()


def test_a_console_of_which_nothing_can_be_read_is_an_error() -> None:
    with play(told(*ALL, refused=dict.fromkeys(PATHS, 403))) as (_sim, vspc), pytest.raises(NotPermitted):
        vspc.look()


def test_trouble_that_may_pass_is_never_a_list_that_is_not_there() -> None:
    with play(told(*ALL, refused={"agents": 503}), patience=5) as (_sim, vspc), pytest.raises(BackupError, match="520"):
        vspc.look()


def test_a_list_that_breaks_off_makes_the_whole_incomplete() -> None:
    agents = [{**AGENT, "instanceUid": UID.format(number)} for number in range(10, 15)]
    with play(told(SERVER, *agents, page_cap=2, ignore_offset=True)) as (_sim, vspc):
        assert not vspc.look().complete


# -- which lists ------------------------------------------------------------------------------------------------------


def test_only_what_is_asked_for_is_read() -> None:
    with play(told(*ALL)) as (sim, _vspc):
        agents = good("backup_job_info", {**sim.options, "job_families": ["agents"]})
        from_outside = {"BACKUP_VEEAM_VSPC_JOB_FAMILIES": "agents,microsoft_365"}
        both = good("backup_job_info", sim.options, environ=from_outside)
    assert [job["name"] for job in agents["jobs"]] == ["Laptop"]
    assert sorted(job["name"] for job in both["jobs"]) == ["Laptop", "Mail"]
    assert not [entry for entry in sim.reads if entry.path.endswith("/backupServers/jobs")]


@pytest.mark.parametrize("families", [["tapes"], []])
def test_families_that_do_not_exist_are_refused_before_anything_is_sent(families: list[str]) -> None:
    with play(told(*ALL)) as (sim, _vspc):
        result = bad("backup_job_info", {**sim.options, "job_families": families})
        if families:
            other = {"BACKUP_VEEAM_VSPC_JOB_FAMILIES": "tapes"}
            assert "BACKUP_VEEAM_VSPC_JOB_FAMILIES" in bad("backup_job_info", sim.options, environ=other)["msg"]
    assert "job_families" in result["msg"]
    assert sim.journal == []


# -- by id, and stops -------------------------------------------------------------------------------------------------


def test_a_job_of_a_backup_server_takes_one_request_as_before() -> None:
    with play(told(*ALL, refused={"agents": 403})) as (sim, vspc):
        listing = vspc.look(job_ids=[UID.format(1)])
    assert list(listing.jobs) == [UID.format(1)]
    assert (listing.missing, listing.unseen, listing.complete) == ([], [], True)
    assert len(sim.reads) == 1


def test_jobs_of_the_others_are_found_by_their_ids_and_missing_only_if_all_was_seen() -> None:
    nowhere = "00000000-0000-4000-8000-00000000dead"
    with play(told(*ALL)) as (_sim, vspc):
        assert list(vspc.look(job_ids=[UID.format(2)]).jobs) == [UID.format(2)]
        listing = vspc.look(job_ids=[UID.format(3), nowhere])
        assert (list(listing.jobs), listing.missing, listing.complete) == ([UID.format(3)], [nowhere], True)
        alone = vspc.look(job_ids=[nowhere])
        assert (alone.missing, alone.complete) == ([nowhere], True)
    with play(told(*ALL, refused={"microsoft_365": 403})) as (_sim, vspc):
        for ids in ([nowhere], [UID.format(1), nowhere]):
            assert not vspc.look(job_ids=ids).complete


def test_two_families_that_use_one_uid_have_two_jobs() -> None:
    twin = {**AGENT, "instanceUid": UID.format(1), "status": "Running"}
    with play(told(SERVER, twin), writes=True) as (sim, vspc):
        listing = vspc.look()
        other = f"agents:{UID.format(1)}"
        assert {job.name: job.id for job in listing.jobs.values()} == {"VMs": UID.format(1), "Laptop": other}
        (found,) = vspc.look(job_ids=[other]).jobs.values()
        assert (found.id, found.name, found.active) == (other, "Laptop", True)
        vspc.system.stop_job(found)
    assert "/backupAgents/" in sim.writes[0].path
    assert sim.writes[0].path.endswith(f"/jobs/{UID.format(1)}/stop")


@pytest.mark.parametrize(
    ("busy", "place"),
    [
        ({**AGENT, "status": "Running"}, "/backupAgents/861d3b42-f46f-b0c7-4f6f-4e8c507e7b5c/jobs/"),
        ({**MAIL, "lastStatus": "Running"}, "/vb365Servers/75340270-4644-4855-986d-80e8c5d9775c/organizations/jobs/"),
    ],
)
def test_a_stop_names_what_the_job_runs_on(busy: Story, place: str) -> None:
    with play(told(SERVER, busy)) as (sim, _vspc):
        asked = {**sim.options, "job_ids": [busy["instanceUid"]], "interval": 0.5, "reason": "CHG1"}
        result = good("backup_job_abort", asked)
    assert [write.path.partition("infrastructure")[2] for write in sim.writes] == [f"{place}{busy['instanceUid']}/stop"]
    assert result["changed"] is True
    assert [entry["after"]["active"] for entry in result["aborted"]] == [False]


def test_a_job_of_an_agent_that_is_not_named_cannot_be_stopped_and_nothing_is_sent() -> None:
    with play(told({**AGENT, "status": "Running", "backupAgentUid": None})) as (sim, _vspc):
        result = bad("backup_job_abort", {**sim.options, "job_ids": [UID.format(2)], "interval": 0.5})
    assert "does not say on what it runs" in result["msg"]
    assert sim.writes == []


# -- starts and schedules ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("job", "place"), [(AGENT, "/backupAgents/"), (MAIL, "/vb365Servers/")])
def test_a_job_of_the_others_is_started_where_it_is(job: Story, place: str) -> None:
    with play(told(SERVER, job), writes=True) as (sim, vspc):
        result = start_job(vspc.task(START, job_id=job["instanceUid"]))
    assert (result["verdict"], result["run"]["result"]) == ("reached", "success")
    assert [place in write.path and write.path.endswith("/start") for write in sim.writes] == [True]


def test_schedules_of_the_others_are_held_as_far_as_the_api_can_and_given_back(tmp_path: Path) -> None:
    linux = {**AGENT, "instanceUid": UID.format(4), "name": "Web server", "systemType": "Linux"}
    with play(told(*ALL, linux), writes=True) as (sim, vspc):
        for state in ("held", "released"):
            result = set_schedules(vspc.task(SCHEDULE, state=state, change_id="CHG1", dest=str(tmp_path)))
            assert sorted(one["id"] for one in result[state]) == [UID.format(number) for number in (1, 2, 3)]
            assert result["failed"] is False
    assert any("no schedule of an agent but on Windows" in said and "Web server" in said for said in vspc.warned)
    assert [write.method for write in sim.writes].count("PATCH") == 4
    assert sim.refused == []
