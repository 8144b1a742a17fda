# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only Veeam Backup & Replication does: sessions are runs, and definitions tell when they run next."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import BackupError
from ansible_collections.changeops.backup.plugins.module_utils._edge.schedule import SCHEDULE
from ansible_collections.changeops.backup.plugins.module_utils._edge.start import START
from ansible_collections.changeops.backup.plugins.module_utils._edge.wait import WAIT
from ansible_collections.changeops.backup.plugins.module_utils._systems.selection import Selection
from ansible_collections.changeops.backup.plugins.module_utils._tasks.schedule import set_schedules
from ansible_collections.changeops.backup.plugins.module_utils._tasks.start import start_job
from ansible_collections.changeops.backup.plugins.module_utils._tasks.wait import wait_for_jobs
from harness import good, tale
from inside import Inside, play

Story = dict[str, t.Any]
RUN = "b1380736-18a9-4fac-adfe-20abc57006{:02d}"
JOB = "c1380736-18a9-4fac-adfe-20abc57006{:02d}"
ENDED = {"state": "Stopped", "result": {"result": "Success"}, "creationTime": "@-7200", "endTime": "@-7000"}
WORKING = {"state": "Working", "creationTime": "@-300"}


def session(number: int, **fields: t.Any) -> Story:
    """A session of the job with the same number, unless it says another one."""
    return {"id": RUN.format(number), "jobId": JOB.format(number), "name": f"Job {number}", **fields}


def definition(number: int, **fields: t.Any) -> Story:
    """A job, which follows its sessions unless it says how it is."""
    return {"id": JOB.format(number), "name": f"Job {number}", "status": "auto", "nextRun": "@+1800", **fields}


def played(*jobs: Story, **more: t.Any) -> t.Any:
    return play({"system": "veeam_vbr", "jobs": list(jobs), **more})


def wait(vbr: Inside, **given: t.Any) -> dict[str, t.Any]:
    return wait_for_jobs(vbr.task(WAIT, **given))


# -- definitions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", [{}, WORKING, ENDED], ids=["none", "working", "ended"])
def test_the_newest_run_tells_when_its_job_runs_next_and_without_one_the_job_does(of: Story) -> None:
    older = session(2, **ENDED, jobId=JOB.format(1), name="Job 1")
    older["creationTime"] = "@-90000"
    runs = [older, session(1, **of)] if of else []
    with played(*runs, definition(1)) as (_sim, vbr):
        jobs = vbr.look().jobs
    due = [job.id for job in jobs.values() if job.next_run is not None]
    assert due == ([RUN.format(1)] if of else [JOB.format(1)])
    assert len(jobs) == (len(runs) or 1)
    if not of:
        (job,) = jobs.values()
        assert (job.state, job.vendor_state, job.kind, job.active) == ("idle", "job Inactive", "backup", False)


def test_a_disabled_job_runs_at_no_time() -> None:
    with played(definition(1, status="Disabled"), definition(2, status="disabled")) as (_sim, vbr):
        assert [(job.state, job.next_run) for job in vbr.look().jobs.values()] == [("idle", None)] * 2


def test_a_restore_of_a_jobs_backups_is_no_run_of_the_job() -> None:
    restore = session(1, **WORKING, sessionType="RestoreVm")
    with played(restore, definition(1, status="Inactive")) as (_sim, vbr):
        listing = vbr.look()
        assert [job.id for job in vbr.look(kinds=["backup"]).jobs.values() if job.next_run] == [JOB.format(1)]
    assert listing.jobs[RUN.format(1)].next_run is None


def test_what_a_selection_leaves_out_does_not_tell_for_the_rest() -> None:
    with played(session(1, **ENDED), definition(1)) as (_sim, vbr):
        (job,) = vbr.look(started_after="1h").jobs.values()
    assert (job.id, job.state, job.next_run is None) == (JOB.format(1), "idle", False)


def test_a_job_that_runs_and_shows_no_session_is_active() -> None:
    jobs = (session(1, **ENDED), definition(1, status="Running", sessionId=RUN.format(1)))
    with played(*jobs) as (_sim, vbr):
        listing = vbr.look()
        assert listing.jobs[JOB.format(1)].active
        report = wait(vbr, state="idle", wait_timeout=20, interval=5)
    assert report["verdict"] == "timed_out"
    assert [job["id"] for job in report["unfinished"]] == [JOB.format(1)]


def test_a_drain_sees_such_a_job_come_to_rest() -> None:
    hidden = definition(1, status="running", timeline=[{"at": 60, "set": {"status": "inactive"}}])
    with played(hidden) as (_sim, vbr):
        report = wait(vbr, state="idle", wait_timeout=600, interval=5)
    assert (report["verdict"], [job.state for job in report["jobs"]]) == ("reached", ["idle"])


def test_a_run_that_begins_between_the_two_lists_is_read_and_counts() -> None:
    late = session(1, **WORKING)
    with played(session(2, **ENDED), late, definition(1)) as (sim, vbr):
        strike = sim.strike

        def hide(entry: t.Any) -> dict[str, t.Any]:
            if entry.path.endswith("/sessions"):
                nothing = {"data": [], "pagination": {"total": 0, "count": 0, "skip": 0, "limit": 200}}
                return {"status": 200, "body": nothing}
            return strike(entry)

        sim.strike = hide  # type: ignore[method-assign]  # this one simulator answers in its own way
        (job,) = vbr.look().jobs.values()
    assert (job.id, job.active, job.next_run is None) == (RUN.format(1), True, False)


def test_a_job_can_be_asked_for_by_its_own_id_and_a_wrong_id_is_missing() -> None:
    nowhere = "00000000-0000-4000-8000-00000000dead"
    with played(session(1, **WORKING), definition(1)) as (sim, vbr):
        listing = vbr.look(job_ids=[JOB.format(1).upper(), RUN.format(1), nowhere])
    job, run = listing.jobs.values()
    assert (job.id, job.state, job.vendor_state) == (JOB.format(1).upper(), "running", "job Running")
    assert (run.id, run.state) == (RUN.format(1), "running")
    assert listing.missing == [nowhere]
    assert listing.complete
    assert sim.refused == []


def test_a_wait_for_runs_leaves_jobs_at_rest_alone() -> None:
    ends = {"looks": 3, "set": {"state": "Stopped", "endTime": "@now", "result": {"result": "Success"}}}
    run = session(1, **WORKING, after_looks=[ends])
    with played(run, definition(1), definition(2)) as (sim, vbr):
        report = wait(vbr, names=["Job *"])
        asked = len(sim.reads)
    assert (report["verdict"], [job.id for job in report["jobs"]]) == ("reached", [RUN.format(1)])
    assert not [entry for entry in sim.reads[:asked] if entry.path.endswith("/states")]


def test_states_that_cannot_be_read_are_not_left_out_silently() -> None:
    faults = [{"path": "/jobs/states", "do": {"status": 403}}]
    with played(definition(1), faults=faults) as (_sim, vbr), pytest.raises(Exception, match="lacks a permission"):
        vbr.look()


# -- a drain reads less than everything -------------------------------------------------------------------------------


def test_a_drain_sees_what_runs_however_old_and_its_end_and_not_the_history() -> None:
    month = 30 * 86400
    stop = {"state": "Stopped", "endTime": "@now", "result": {"result": "Warning"}}
    old = session(1, state="Idle", creationTime=f"@-{month}", timeline=[{"at": 60, "set": stop}])
    odd = session(2, state="Splendid", creationTime=f"@-{month}", timeline=[{"at": 30, "set": stop}])
    history = [session(n, **{**ENDED, "creationTime": f"@-{month}", "endTime": f"@-{month}"}) for n in range(10, 60)]
    with played(old, odd, *history) as (_sim, vbr):
        report = wait(vbr, state="idle", wait_timeout=600, interval=5)
    assert report["verdict"] == "reached"
    assert {(job.id, job.result) for job in report["jobs"]} == {(RUN.format(n), "warning") for n in (1, 2)}


def test_a_drain_in_slices_goes_on_with_what_it_saw() -> None:
    with played(definition(1, status="Running")) as (_sim, vbr):
        vbr.system.list_jobs(Selection(about="active"))
        kept = json.loads(json.dumps(vbr.system.keep()))
        since = vbr.system._since
        fresh = Inside(_sim.options, _sim)
        fresh.system.restore(kept)
        assert abs((fresh.system._since - since).total_seconds()) < 0.01
        assert fresh.system.keep() == kept
        assert kept["said_to_run"] == [JOB.format(1)]


def test_the_newest_state_is_asked_of_no_server_of_an_older_version() -> None:
    with played(session(1, **WORKING)) as (sim, vbr):
        vbr.system.list_jobs(Selection(about="active"))
    assert not [entry for entry in sim.reads if "ActionRequired" in entry.query]
    assert {entry.headers["X-Api-Version"] for entry in sim.journal} == {"1.2-rev1"}
    assert sim.refused == []


def test_a_token_that_ends_in_the_middle_of_the_pages_is_renewed() -> None:
    faults = [{"path": "/sessions", "kind": "read", "nth": [2], "do": {"expire_token": True}}]
    with played(*(session(n, **ENDED) for n in range(1, 8)), page_cap=2, faults=faults) as (sim, vbr):
        listing = vbr.look()
    assert (len(listing.jobs), listing.complete, len(sim.logins)) == (7, True, 2)
    assert ["grant_type=password" in login.body for login in sim.logins] == [True, True]


# -- stops and logs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["301", "302"])
def test_a_backup_is_stopped_gracefully_and_what_cannot_be_as_a_session(number: str) -> None:
    with play(tale("veeam_vbr", "will_not_end"), writes=True) as (sim, vbr):
        (job,) = vbr.look(job_ids=[f"b1380736-18a9-4fac-adfe-20abc5700{number}"]).jobs.values()
        vbr.system.stop_job(job)
    (write,) = sim.writes
    path = "/api/v1/jobs/.*/stop" if number == "301" else "/api/v1/sessions/.*302/stop"
    assert re.fullmatch(path, write.path)
    assert write.body == ('{"gracefulStop": true}' if number == "301" else "")
    assert sim.refused == []


def test_a_job_is_stopped_by_its_own_id() -> None:
    with play(tale("veeam_vbr", "will_not_end"), writes=True) as (sim, vbr):
        (job,) = vbr.look(job_ids=["b1380736-18a9-4fac-adfe-20abc5700391"]).jobs.values()
        vbr.system.stop_job(job)
        vbr.clock.advance(5)
        (after,) = vbr.look(job_ids=[job.id]).jobs.values()
    assert [write.path for write in sim.writes] == [f"/api/v1/jobs/{job.id}/stop"]
    assert (job.state, after.state) == ("running", "idle")


def test_the_next_run_of_a_job_is_not_stopped_in_place_of_one_that_has_just_ended() -> None:
    ended = {"looks": 1, "set": {"state": "Stopped", "endTime": "@now", "result": {"result": "Success"}}}
    mine = session(1, **WORKING, after_looks=[ended])
    other = {**session(2, **WORKING), "jobId": JOB.format(1)}
    with play({"system": "veeam_vbr", "jobs": [mine, other]}, writes=True) as (sim, vbr):
        (job,) = vbr.look(job_ids=[RUN.format(1)]).jobs.values()
        with pytest.raises(Exception, match="not running"):
            vbr.system.stop_job(job)
    assert [write.path for write in sim.writes] == [f"/api/v1/sessions/{RUN.format(1)}/stop"]


def test_the_log_is_that_of_the_session(tmp_path: Path) -> None:
    wanted = "b1380736-18a9-4fac-adfe-20abc5700002"
    with play(tale("veeam_vbr")) as (sim, _vbr):
        asked = {"job_ids": [wanted], "details": ["log"], "log_dest": str(tmp_path)}
        result = good("backup_job_info", {**sim.options, **asked})
    assert "Processing fin-app-01" in (tmp_path / f"veeam_vbr-{wanted}.log").read_text()
    assert len(result["logs"]) == 1


# -- starts ------------------------------------------------------------------------------------------------------------


def start(vbr: Inside, check_mode: bool = False, **given: t.Any) -> dict[str, t.Any]:
    return start_job(vbr.task(START, check_mode, **given))


def writes(sim: t.Any) -> list[str]:
    return [write.path.removeprefix("/api/v1/jobs/") for write in sim.writes]


@pytest.mark.parametrize("chosen", [{"job_id": JOB.format(1)}, {"name": "Job 1"}])
def test_a_job_is_started_and_its_session_is_the_run(chosen: Story) -> None:
    with play({"system": "veeam_vbr", "jobs": [session(1, **ENDED), definition(1)]}, writes=True) as (sim, vbr):
        predicted = start(vbr, check_mode=True, **chosen)
        assert sim.writes == []
        told = start(vbr, **chosen)
    assert writes(sim) == [f"{JOB.format(1)}/start"]
    assert (predicted["changed"], told["changed"], told["verdict"]) == (True, True, "reached")
    assert told["run"]["id"] not in (RUN.format(1), JOB.format(1))
    assert told["run"]["result"] == "success"
    assert sim.refused == []


def test_a_good_run_that_is_young_enough_is_enough_and_a_restore_is_none() -> None:
    young = session(1, **{**ENDED, "creationTime": "@-1800"})
    restore = {**session(2, **{**ENDED, "creationTime": "@-60"}), "jobId": JOB.format(1), "sessionType": "RestoreVm"}
    with play({"system": "veeam_vbr", "jobs": [young, restore, definition(1)]}, writes=True) as (sim, vbr):
        told = start(vbr, job_id=JOB.format(1), unless_newer_than="1h")
        assert (told["changed"], told["run"]["id"]) == (False, RUN.format(1))
        assert start(vbr, job_id=JOB.format(1), unless_newer_than="10m")["changed"] is True
    assert len(sim.writes) == 1


def test_a_run_in_progress_is_joined() -> None:
    ends = {"at": 30, "set": {"state": "Stopped", "endTime": "@now", "result": {"result": "Success"}}}
    run = session(1, **WORKING, timeline=[ends])
    with play({"system": "veeam_vbr", "jobs": [run, definition(1)]}, writes=True) as (sim, vbr):
        told = start(vbr, job_id=JOB.format(1))
    assert (told["joined"], told["changed"], told["run"]["id"]) == (True, False, RUN.format(1))
    assert sim.writes == []


def test_a_lost_answer_is_looked_for_among_the_sessions() -> None:
    faults = [{"path": "/start$", "nth": [1], "do": {"reset": "after"}}]
    jobs = [session(1, **ENDED), definition(1)]
    with play({"system": "veeam_vbr", "jobs": jobs, "faults": faults}, writes=True) as (sim, vbr):
        told = start(vbr, job_id=JOB.format(1))
    assert (told["verdict"], told["run"]["result"], len(sim.writes)) == ("reached", "success", 1)
    assert told["run"]["id"] != RUN.format(1)


def test_a_job_without_objects_has_no_run_and_that_is_said() -> None:
    empty = definition(1, objectsCount=0)
    with play({"system": "veeam_vbr", "jobs": [session(1, **ENDED), empty]}, writes=True) as (sim, vbr):
        told = start(vbr, job_id=JOB.format(1))
    assert (told["failed"], told["run"], len(sim.writes)) == (True, None, 1)
    assert "no objects to process" in told["msg"]


def test_a_session_is_nothing_that_can_be_started() -> None:
    with (
        play({"system": "veeam_vbr", "jobs": [session(1, **ENDED), definition(1)]}, writes=True) as (sim, vbr),
        pytest.raises(BackupError, match="there is no job"),
    ):
        start(vbr, job_id=RUN.format(1))
    assert sim.writes == []


# -- schedules ---------------------------------------------------------------------------------------------------------


def turn(vbr: Inside, folder: Path, state: str, **given: t.Any) -> dict[str, t.Any]:
    return set_schedules(vbr.task(SCHEDULE, state=state, change_id="CHG1", dest=str(folder), **given))


def test_what_is_on_is_held_and_given_back_a_job_that_runs_too(tmp_path: Path) -> None:
    jobs = [
        session(1, **WORKING), definition(1), definition(2, isDisabled=True), definition(3, status="disabled"),
        session(4, **WORKING), definition(4, isDisabled=True),
    ]  # fmt: skip
    with play({"system": "veeam_vbr", "jobs": jobs}, writes=True) as (sim, vbr):
        held = turn(vbr, tmp_path, "held")
        again = turn(vbr, tmp_path, "held")
        released = turn(vbr, tmp_path, "released")
    assert [one["id"] for one in held["held"]] == [JOB.format(1)]
    assert sorted(one["id"] for one in held["already"]) == [JOB.format(number) for number in (2, 3, 4)]
    assert (held["failed"], again["changed"], released["failed"]) == (False, False, False)
    assert [one["id"] for one in released["released"]] == [JOB.format(1)]
    assert writes(sim) == [f"{JOB.format(1)}/disable", f"{JOB.format(1)}/enable"]
    assert [write.body for write in sim.writes] == ["", ""]
    assert sim.refused == []
