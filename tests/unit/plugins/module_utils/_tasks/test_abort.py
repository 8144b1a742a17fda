# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom an abort leaves alone, and what it says when it cannot see what came of it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import (
    BackupError,
    Misconfigured,
    Refused,
    Unanswered,
)
from ansible_collections.changeops.backup.plugins.module_utils._core.job import Job
from ansible_collections.changeops.backup.plugins.module_utils._edge.abort import ABORT
from ansible_collections.changeops.backup.plugins.module_utils._systems.listing import Listing
from ansible_collections.changeops.backup.plugins.module_utils._systems.selection import Selection
from ansible_collections.changeops.backup.plugins.module_utils._tasks.abort import abort_jobs
from inside import Inside
from simulator import Simulator

UID = "bc04d2e5-dd4c-4f85-af0e-42410600000a"
ABORTED = {"after": 0, "set": {"status": "Failed", "lastEndTime": "@now"}}
VSPC = {"instanceUid": UID, "name": "[prod] Nightly", "status": "Running", "lastRun": "@-60", "on_abort": ABORTED}
FLOSUM = {"id": 1, "jobId": 7, "name": "Nightly", "jobStatus": "In Progress", "startedDate": "@-60"}
STOPS = {"on_abort": {"after": 0, "set": {"jobStatus": "Aborted"}}}


def abort(story: dict[str, t.Any], **given: t.Any) -> tuple[dict[str, t.Any], list[t.Any]]:
    with Simulator(story) as sim, Inside(sim.options, sim, writes=True) as inside:
        given = {"wait_timeout": 60.0, "interval": 1.0, **given}
        return abort_jobs(inside.task(ABORT, **given)), list(sim.writes)


def only(entries: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    (entry,) = entries
    return entry


@pytest.mark.parametrize("excluded", [UID.upper(), f" {UID} ", "[prod] Nightly", "*Nightly"])
def test_exclude_when_the_id_is_in_capitals_or_the_name_holds_brackets_then_left_alone(excluded: str) -> None:
    result, writes = abort({"system": "veeam_vspc", "jobs": [VSPC]}, job_ids=[UID], exclude=[excluded])
    assert writes == []
    assert result["aborted"] == []


def test_names_when_the_name_holds_brackets_then_it_is_that_name() -> None:
    result, writes = abort({"system": "veeam_vspc", "jobs": [VSPC]}, names=["[prod] Nightly"])
    assert len(writes) == 1
    assert only(result["aborted"])["id"] == UID


@pytest.mark.parametrize("chosen", [{"started_after": "1d"}, {"started_after": "1d", "started_before": "1m"}])
def test_started_when_the_start_is_not_known_then_left_alone(chosen: dict[str, str]) -> None:
    story = {"system": "flosum", "jobs": [{**FLOSUM, **STOPS, "startedDate": None}]}
    result, writes = abort(story, **chosen)
    assert writes == []
    assert result["aborted"] == []


def test_names_when_the_name_is_not_known_then_left_alone() -> None:
    _result, writes = abort({"system": "flosum", "jobs": [{**FLOSUM, **STOPS, "name": None}]}, names=["*"])
    assert writes == []


@pytest.mark.parametrize("empty", ["names", "types"])
def test_selection_when_a_list_is_empty_then_refused(empty: str) -> None:
    with pytest.raises(Misconfigured, match=f"^{empty} is an empty list, which would leave every job selected"):
        abort({"system": "flosum", "jobs": [{**FLOSUM, **STOPS}]}, started_after="1d", **{empty: []})


def test_selection_when_the_list_is_not_complete_then_nothing_is_stopped() -> None:
    """Perhaps max_jobs would have stopped it: what was not shown is not counted."""
    body = {"total": 9, "items": [{**FLOSUM, "startedDate": "2026-03-01T00:00:00Z"}]}
    faults = [{"path": "/backups$", "do": {"status": 200, "body": body}}]
    with pytest.raises(BackupError, match="not complete, so it is not known what the selection holds: nothing was"):
        abort({"system": "flosum", "jobs": [], "faults": faults}, names=["Nightly"])


def test_not_waited_for_when_the_request_was_not_answered_then_a_problem() -> None:
    faults = [{"kind": "write", "do": {"reset": True}}]
    story = {"system": "flosum", "jobs": [{**FLOSUM, **STOPS}], "faults": faults}
    result, _writes = abort(story, job_ids=["7"], wait=False)
    assert result["failed"]
    assert "perhaps not asked to stop" in result["msg"]
    assert "no answer to the request, which may have arrived" in only(result["not_confirmed"])["message"]


def test_watched_when_the_job_is_no_longer_listed_then_not_confirmed_after_two_looks() -> None:
    """Nothing says whether it was stopped or came to its end."""
    story = {"system": "flosum", "jobs": [{**FLOSUM, "disappears": 0.5, "on_abort": "ignored"}]}
    with Simulator(story) as sim, Inside(sim.options, sim, writes=True) as inside:
        result = abort_jobs(inside.task(ABORT, job_ids=["7"], wait_timeout=600.0))
        assert sum(inside.clock.slept) < 10
    assert result["failed"]
    assert "no longer listed, so how it ended is not known" in only(result["not_confirmed"])["message"]


def test_watched_when_the_login_is_lost_then_what_was_done_is_told() -> None:
    faults = [{"path": "/backups$", "nth": [2, 3, 4, 5, 6, 7, 8], "do": {"status": 403, "body": {"message": "no"}}}]
    story = {"system": "flosum", "jobs": [{**FLOSUM, **STOPS}], "faults": faults}
    result, writes = abort(story, job_ids=["7"])
    assert len(writes) == 1
    assert (result["failed"], result["changed"]) == (True, True)
    assert "could not be watched: " in only(result["not_confirmed"])["message"]


@pytest.mark.parametrize("look", ["status", "result"])
def test_queued_when_what_became_of_it_cannot_be_read_then_the_job_is_watched(look: str) -> None:
    path = r"/result$" if look == "result" else r"/asyncActions/[^/]+$"
    gone = {"errors": [{"message": "no such action", "type": "logical", "code": 404}]}
    faults = [{"path": path, "do": {"status": 404, "body": gone}}]
    story = {"system": "veeam_vspc", "jobs": [VSPC], "async": {"paths": "/stop"}, "faults": faults}
    result, writes = abort(story, job_ids=[UID])
    assert len(writes) == 1
    assert only(result["aborted"])["message"] == "queued"


def test_queued_when_it_stays_queued_then_the_next_job_does_not_wait_for_it() -> None:
    jobs = [{**VSPC, "instanceUid": UID[:-1] + str(n)} for n in range(3)]
    faults = [{"path": r"/asyncActions/[^/]+$", "do": {"status": 200, "body": {"data": {"status": "running"}}}}]
    story = {"system": "veeam_vspc", "jobs": jobs, "async": {"paths": "/stop"}, "faults": faults}
    with Simulator(story) as sim, Inside(sim.options, sim, writes=True) as inside:
        result = abort_jobs(inside.task(ABORT, job_ids=[job["instanceUid"] for job in jobs]))
        first, *_others, last = sim.writes
        assert last.time - first.time < 15
    assert len(result["aborted"]) == 3


def slow_stop_before(*changes: dict[str, t.Any]) -> tuple[dict[str, t.Any], int]:
    """Stop two jobs, the first slowly; meanwhile the second changes. Give the number of writes as well."""
    first, second = ({**VSPC, "instanceUid": UID[:-1] + str(n)} for n in range(2))
    story = {"system": "veeam_vspc", "jobs": [first, {**second, "timeline": list(changes)}]}
    with Simulator(story) as sim, Inside(sim.options, sim, writes=True) as vspc:
        stop = vspc.system.stop_job

        def slowly(job: t.Any) -> str:
            vspc.clock.advance(10.0)
            return stop(job)

        vspc.system.stop_job = slowly  # type: ignore[method-assign]
        ids = [job["instanceUid"] for job in (first, second)]
        result = abort_jobs(vspc.task(ABORT, job_ids=ids, wait_timeout=300.0))
        return result, len(sim.writes)


@pytest.mark.parametrize(
    ("change", "outcome", "said"),
    [
        ({"status": "Running", "lastRun": "@now"}, "not_confirmed", "another run had begun when its turn came"),
        ({"status": "Success", "lastEndTime": "@now"}, "already_finished", "had ended when its turn came"),
        ({"bottleneck": "Proxy"}, "aborted", ""),
        # Old news says nothing against what was read: it is asked to stop. That it does not run, the server has to say.
        (
            {"status": "Success", "lastRun": "@-90000", "lastEndTime": "@-89000"},
            "not_confirmed",
            "HTTP 400: The job is not running.; the system now shows an earlier run",
        ),
    ],
)
def test_stop_when_the_one_before_took_long_then_read_again(change: dict[str, t.Any], outcome: str, said: str) -> None:
    """What was decided on an old sight could stop a run that nobody meant."""
    result, writes = slow_stop_before({"at": 3.0, "set": change})
    assert writes == (2 if outcome == "aborted" or "HTTP" in said else 1)
    assert result[outcome][-1]["id"] == UID[:-1] + "1"
    assert said in result[outcome][-1]["message"]


def test_stop_when_the_list_took_long_then_read_again() -> None:
    ended = {"at": 3.0, "set": {"status": "Success", "lastEndTime": "@now"}}
    story = {"system": "veeam_vspc", "jobs": [{**VSPC, "timeline": [ended]}]}
    with Simulator(story) as sim, Inside(sim.options, sim, writes=True) as vspc:
        find = vspc.system.find_jobs

        def slowly(selection: t.Any) -> t.Any:
            listing = find(selection)
            vspc.clock.advance(40.0)
            return listing

        vspc.system.find_jobs = slowly  # type: ignore[method-assign]
        result = abort_jobs(vspc.task(ABORT, job_ids=[UID], wait_timeout=60.0))
        assert sim.writes == []
    assert only(result["already_finished"])["message"] == "had ended when its turn came; nothing was sent"
    assert result["changed"] is False


def test_stop_when_it_stops_already_at_its_turn_then_watched_only() -> None:
    stopping = {"at": 3.0, "set": {"status": "Stopping"}}
    ends = {"at": 60.0, "set": {"status": "Failed", "lastEndTime": "@now"}}
    result, writes = slow_stop_before(stopping, ends)
    assert writes == 1
    assert [entry["id"] for entry in result["aborted"]] == [UID[:-1] + "0", UID[:-1] + "1"]
    assert "was stopping already; nothing was sent" in result["aborted"][1]["message"]


class Script:
    """What the looks after the first one show, in this order; the last one again and again."""

    def __init__(self, vspc: Inside, *shown: t.Any) -> None:
        self.looks = 0
        self._vspc = vspc
        self._real = vspc.system.look
        self._shown = list(shown)

    def __call__(self, selection: Selection) -> Listing:
        """Look."""
        self.looks += 1
        if self.looks == 1:
            return self._real(selection)
        shown = self._shown.pop(0) if len(self._shown) > 1 else self._shown[0]
        if isinstance(shown, Exception):
            raise shown
        return Listing.of(() if shown is None else [shown])


def shown(state: str, result: str | None = None, run: str = "1") -> Job:
    return Job("veeam_vspc", UID, "Nightly", None, t.cast("t.Any", state), t.cast("t.Any", result), state, run=run)


def followed_through(
    *after: t.Any, refusal: Exception | None = None, ids: tuple[str, ...] = (UID,), definitions: bool = True
) -> tuple[dict[str, t.Any], Script]:
    """Stop jobs of which later looks show this."""
    jobs = [{**VSPC, "instanceUid": job_id, "on_abort": "ignored"} for job_id in ids]
    with Simulator({"system": "veeam_vspc", "jobs": jobs}) as sim, Inside(sim.options, sim, writes=True) as vspc:
        script = Script(vspc, *after)

        def stop(job: Job) -> str:
            vspc.clock.advance(20.0)
            if refusal is not None:
                raise refusal
            return "asked"

        vspc.system.look, vspc.system.stop_job = script, stop  # type: ignore[method-assign]
        capabilities = vspc.system.CAPABILITIES._replace(definitions=definitions)
        vspc.system.CAPABILITIES = capabilities  # type: ignore[misc]
        return abort_jobs(vspc.task(ABORT, job_ids=list(ids), wait_timeout=600.0, interval=1.0)), script


@pytest.mark.parametrize(
    ("after", "confirmed"),
    [
        ((shown("finished", "failed"),), True),
        ((None, shown("finished", "failed")), True),
        # Never two looks in a row without it.
        ((None, shown("stopping"), None, shown("finished", "failed")), True),
        ((None, None, shown("finished", "failed")), False),
        ((shown("stopping"), None, None), False),
    ],
)
def test_watched_when_single_looks_do_not_show_it_then_it_is_not_gone(after: t.Any, confirmed: bool) -> None:
    result, _script = followed_through(*after)
    assert bool(result["aborted"]) == confirmed
    assert bool(result["not_confirmed"]) != confirmed


def test_refused_when_the_job_goes_on_then_three_looks_and_no_more() -> None:
    result, script = followed_through(shown("running"), refusal=Refused("HTTP 400: no", 400))
    assert script.looks == 1 + 3
    assert only(result["not_confirmed"])["message"].startswith("HTTP 400: no")


def test_refused_when_it_had_just_ended_then_not_running() -> None:
    running, ended = shown("running"), shown("finished", "success")
    result, script = followed_through(running, ended, refusal=Refused("HTTP 400: not running", 400))
    assert script.looks == 1 + 2
    assert only(result["already_finished"])["after"]["result"] == "success"


def test_stop_when_the_second_cannot_be_read_again_then_it_is_left_alone_and_that_is_told() -> None:
    other = UID[:-1] + "b"
    result, _script = followed_through(Unanswered("HTTP 503"), shown("finished", "failed"), ids=(UID, other))
    late = result["not_confirmed"][-1]
    assert late["id"] == other
    assert late["requested_at"] is None
    assert "could not be read again before the request, so nothing was sent: HTTP 503" in late["message"]
    assert result["failed"]


def test_watched_when_another_job_wears_the_id_then_how_it_ended_is_not_known() -> None:
    """A server that was restarted counts from 1 again."""
    result, script = followed_through(shown("finished", "success", run="2"), definitions=False)
    assert script.looks == 1 + 2
    assert "another run has begun, so how it ended is not known" in only(result["not_confirmed"])["message"]


def test_a_selection_never_stops_what_runs_for_ever_and_an_id_does() -> None:
    logs = {**VSPC, "name": "SQL logs", "type": "SqlLogBackup"}
    story = {"system": "veeam_vspc", "jobs": [logs]}
    result, writes = abort(story, names=["*"], max_jobs=5)
    assert (writes, result["aborted"], result["failed"]) == ([], [], False)
    assert "no job is selected that is running" in result["msg"]
    result, writes = abort(story, job_ids=[UID])
    assert len(writes) == 1
    assert only(result["aborted"])["id"] == UID
