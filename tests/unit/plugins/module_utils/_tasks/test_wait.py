# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that only look like an end, waited for from the inside: none of them is a "safe" that is not known."""

from __future__ import annotations

import contextlib
import json
import typing as t

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.times import Clock
from ansible_collections.changeops.backup.plugins.module_utils._edge.wait import WAIT
from ansible_collections.changeops.backup.plugins.module_utils._http.call import Call
from ansible_collections.changeops.backup.plugins.module_utils._http.response import Response
from ansible_collections.changeops.backup.plugins.module_utils._tasks.task import Turn
from ansible_collections.changeops.backup.plugins.module_utils._tasks.wait import wait_for_jobs
from inside import Inside
from simulator import Simulator

UID = "bc04d2e5-dd4c-4f85-af0e-424106000001"
RUNNING = {"instanceUid": UID, "name": "Nightly", "status": "Running", "lastRun": "@-60", "lastEndTime": None}
ERRORS = [{"message": "server A is not available", "type": "retryableLogical", "code": 1001}]
LIST = r"/(jobs|backups|job)$"


def answers(path: str, *bodies: t.Any, status: int = 200) -> list[dict[str, t.Any]]:
    """Give the faults that answer so from the second look on, and for ever with the last of them."""
    faults = [
        {"path": path, "kind": "read", "nth": [number], "do": {"status": status, "body": body}}
        for number, body in enumerate(bodies[:-1], start=2)
    ]
    return [*faults, {"path": path, "kind": "read", "from": 0.5, "do": {"status": status, "body": bodies[-1]}}]


def wait(
    story: dict[str, t.Any], how: t.Mapping[str, t.Any] | None = None, **given: t.Any
) -> tuple[dict[str, t.Any], Inside]:
    """Wait; ``how`` are fields of the task that the edge fills in."""
    with Simulator(story) as sim, Inside(sim.options, sim) as inside:
        given = {"wait_timeout": 600.0, "interval": 1.0, "progress_interval": 60.0, **given}
        return wait_for_jobs(inside.task(WAIT, **given)._replace(**(how or {}))), inside


def test_where_it_can_speak_it_does_at_each_change_and_at_least_as_often_as_asked_for() -> None:
    other = {**RUNNING, "instanceUid": UID[:-1] + "2"}
    jobs = [
        {**job, "timeline": [{"at": at, "set": {"status": "Success", "lastRun": "@-60", "lastEndTime": "@now"}}]}
        for job, at in ((RUNNING, 200.0), (other, 400.0))
    ]
    said: list[str] = []
    result, inside = wait({"system": "veeam_vspc", "jobs": jobs}, {"say": said.append}, max_interval=5.0)
    assert result["verdict"] == "reached"
    assert inside.http.statistics.logins == 1
    running = [line.partition(" done")[0] for line in said]
    assert running == ["0 of 2"] * 4 + ["1 of 2"] * 4
    left = [line.rpartition(" ")[2] for line in said]
    assert left[:3] == ["00:09:59", "00:08:59", "00:07:59"]


def test_a_turn_ends_with_what_the_next_one_needs() -> None:
    ends = {"at": 100.0, "set": {"status": "Success", "lastRun": "@-60", "lastEndTime": "@now"}}
    with Simulator({"system": "veeam_vspc", "jobs": [{**RUNNING, "timeline": [ends]}]}) as sim:
        answer: dict[str, t.Any] = {}
        turns = 0
        while turns < 10:
            turns += 1
            with Inside(sim.options, sim) as inside:
                turn = Turn(30.0, json.loads(json.dumps(answer["kept"])) if answer else None)
                answer = wait_for_jobs(inside.task(WAIT, wait_timeout=600.0)._replace(turn=turn))
            if "kept" not in answer:
                break
            assert answer["waiting"].startswith("0 of 1 done, 1 running")
        assert turns >= 4
        assert len(sim.logins) == 1
    assert answer["verdict"] == "reached"
    assert answer["logins"] == 1


def always(system: str, body: t.Any, status: int = 200, **more: t.Any) -> dict[str, t.Any]:
    do = {"status": status, "body": body, **more}
    return {"system": system, "jobs": [], "faults": [{"path": LIST, "kind": "read", "do": do}]}


@pytest.mark.parametrize("items", [[], [{**RUNNING, "status": "Success", "lastRun": None}]])
def test_errors_beside_the_list_then_nothing_is_idle(items: list[t.Any]) -> None:
    body = {"data": items, "errors": ERRORS, "meta": {"pagingInfo": {"total": len(items), "count": len(items)}}}
    result, inside = wait(always("veeam_vspc", body), state="idle")
    assert result["verdict"] == "timed_out"
    assert any("server A is not available" in warning for warning in inside.warned)


@pytest.mark.parametrize("body", [{"data": None, "errors": ERRORS}, {"data": None}, {"errors": None}])
def test_a_job_without_data_then_it_is_not_missing(body: t.Any) -> None:
    story = {"system": "veeam_vspc", "jobs": [RUNNING], "faults": answers(f"/jobs/{UID}$", body)}
    result, _inside = wait(story, job_ids=[UID], on_missing="finished")
    assert result["verdict"] in ("unreachable", "timed_out")
    assert result["jobs"][0].state == "running"


@pytest.mark.parametrize(
    ("system", "path", "jobs", "job_id"),
    [
        ("veeam_vspc", f"/jobs/{UID}$", [RUNNING], UID),
        ("netapp_bluexp", "/job/j1$", [{"id": "j1", "status": "IN_PROGRESS", "type": "x", "time": "@-60"}], "j1"),
    ],
)
def test_a_404_of_something_in_between_then_the_job_is_not_missing(
    system: str, path: str, jobs: list[t.Any], job_id: str
) -> None:
    story = {"system": system, "jobs": jobs}
    story["faults"] = [{"path": path, "kind": "read", "from": 0.5, "do": {"status": 404, "html": True}}]
    result, _inside = wait(story, job_ids=[job_id], on_missing="finished")
    assert result["verdict"] == "unreachable"
    assert result["unfinished"][0]["state"] == "running"


@pytest.mark.parametrize(
    ("action", "says", "verdict"),
    [
        ("succeed", "no such result", "unreachable"),
        ("failed", "no such result", "unreachable"),
        # Veeam's error names what is missing: of a look that failed, this 404 is its own answer.
        ("failed", f"Backup server job with UID {UID.upper()} is not found.", "reached"),
        ("succeed", f"Backup server job with UID {UID} is not found.", "unreachable"),
    ],
)
def test_an_expired_result_of_a_queued_look_then_the_job_is_not_missing(action: str, says: str, verdict: str) -> None:
    gone = {"errors": [{"message": says, "type": "logical", "code": 404}]}
    faults = [
        {"path": r"/asyncActions/[^/]+$", "do": {"status": 200, "body": {"data": {"status": action}}}},
        {"path": r"/result$", "from": 0.5, "do": {"status": 404, "body": gone}},
    ]
    story = {"system": "veeam_vspc", "jobs": [RUNNING], "async": {"paths": f"/jobs/{UID}$"}, "faults": faults}
    result, _inside = wait(story, job_ids=[UID], on_missing="finished")
    assert result["verdict"] == verdict


def test_an_empty_page_with_a_link_then_it_is_followed() -> None:
    empty, running = {"jobs": [], "nextLink": "abc%2Bd"}, {"jobs": [{"jobId": "FB1", "status": 1}], "nextLink": None}
    faults = [
        {"path": LIST, "nth": [n], "do": {"status": 200, "body": body}}
        for n, body in enumerate([empty, running], start=1)
    ]
    with (
        Simulator({"system": "avepoint_iaas_paas", "jobs": [], "faults": faults}) as sim,
        Inside(sim.options) as inside,
    ):
        listing = inside.look()
        assert "skiptoken=abc%2Bd" in sim.reads[1].query
    assert listing.complete
    assert list(listing.jobs) == ["FB1"]


def test_links_without_end_then_not_complete() -> None:
    """The same link again and again, without a job."""
    with Simulator(always("avepoint_iaas_paas", {"jobs": [], "nextLink": "abc"})) as sim, Inside(sim.options) as inside:
        listing = inside.look()
        assert len(sim.reads) <= 3
    assert not listing.complete


def test_a_total_below_the_jobs_shown_then_it_does_not_end_the_list() -> None:
    pages = [[{"jobId": f"FB{page}{n}", "status": 2} for n in range(3)] for page in range(3)]
    faults = [
        {"path": LIST, "nth": [n], "do": {"status": 200, "body": {"totalCount": 2, "jobs": page}}}
        for n, page in enumerate([*pages, []], start=1)
    ]
    with (
        Simulator({"system": "avepoint_iaas_paas", "jobs": [], "faults": faults}) as sim,
        Inside(sim.options) as inside,
    ):
        assert len(inside.look().jobs) == 9


@pytest.mark.parametrize(
    ("system", "job", "chosen"),
    [
        ("avepoint_iaas_paas", {"jobId": "FB1", "state": 1, "startTime": 638599392481859693}, {"types": ["Backup"]}),
        ("flosum", {"id": 1, "jobId": 2, "name": None, "jobStatus": "In Progress"}, {"names": ["x*"]}),
    ],
)
def test_a_running_job_without_type_or_name_then_it_is_waited_for(
    system: str, job: dict[str, t.Any], chosen: dict[str, t.Any]
) -> None:
    body = {"totalCount": 1, "total": 1, "jobs": [job], "items": [job]}
    result, _inside = wait(always(system, body), state="idle", **chosen)
    assert result["verdict"] == "timed_out"
    assert result["summary"]["total"] == 1


def test_a_drain_whose_names_match_nothing_then_warned() -> None:
    story = {"system": "veeam_vspc", "jobs": [RUNNING]}
    result, inside = wait(story, state="idle", names=["Nigthly*"])
    assert result["verdict"] == "reached"
    assert any("No job matched names and types" in warning for warning in inside.warned)
    _result, inside = wait({"system": "veeam_vspc", "jobs": []}, state="idle")
    assert inside.warned == []


def test_a_limit_then_a_newer_job_does_not_take_the_place_of_the_awaited_one() -> None:
    old = {"jobId": 1, "id": 1, "name": "x", "jobStatus": "In Progress", "startedDate": "@-60"}
    new = {"jobId": 2, "id": 2, "name": "x", "jobStatus": "Completed", "startedDate": "@2", "appears": 2}
    story = {"system": "flosum", "jobs": [old, new]}
    result, _inside = wait(story, names=["x"], max_results=1)
    assert result["verdict"] == "timed_out"
    assert [job["id"] for job in result["unfinished"]] == ["1"]


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ({"error": "2 volumes were not backed up"}, "warning"),
        ({"data": {"multi-volume-backup": {"volume": [{"id": "v", "status": "CANCELLED"}]}}}, "warning"),
        ({"data": {"multi-volume-backup": {"volume": [{"id": "v", "status": "SUCCESS", "error": "io"}]}}}, "warning"),
        ({"data": {"multi-volume-backup": {"volume": [{"id": "v", "status": None, "error": "io"}]}}}, "warning"),
        # Several of what the documents show once.
        ({"data": {"multi-volume-backup": [{}, {"volume": {"id": "v", "status": "FAILED"}}]}}, "warning"),
        ({"data": {"restore": [{"batch": {"id": "b", "status": "FAILED"}}]}}, "warning"),
        ({"data": [{"restore": {"batch": {"id": "b", "status": "FAILED"}}}]}, "warning"),
        ({"data": {"multi-volume-backup": {"volume": [{"id": "v"}]}}}, "success"),
        ({"data": {"multi-volume-backup": {"volume": [{"id": "v", "status": "SUCCESS", "error": ""}]}}}, "success"),
        # As in the vendor's own example.
        ({"data": {"restore": {"batch": {"status": "PENDING", "file": {}}}}}, "success"),
    ],
)
def test_netapp_completed_with_something_that_contradicts_it(change: dict[str, t.Any], result: str) -> None:
    body = {"job": [{"id": "j1", "status": "COMPLETED", "type": "x", **change}]}
    with Simulator(always("netapp_bluexp", body)) as sim, Inside(sim.options) as inside:
        (job,) = inside.look().jobs.values()
    assert job.result == result


@pytest.mark.parametrize("body", [[], None, "x", {"job": "x"}, {"job": 5}, {"job": None}, {"data": 1}])
def test_netapp_by_id_of_an_odd_shape_then_only_the_list_says_that_it_is_gone(body: t.Any) -> None:
    ends = {"at": 20, "set": {"status": "COMPLETED"}}
    job = {"id": "j1", "status": "RUNNING", "type": "x", "timeline": [ends]}
    faults = [{"path": "/job/j1$", "nth": [2, 3, 4], "do": {"status": 200, "body": body}}]
    result, _inside = wait({"system": "netapp_bluexp", "jobs": [job], "faults": faults}, job_ids=["j1"])
    assert result["verdict"] == "reached"


@pytest.mark.parametrize(("status", "verdict"), [(503, "unreachable"), (403, "auth_lost")])
def test_check_mode_without_an_answer_then_there_is_a_verdict_all_the_same(status: int, verdict: str) -> None:
    with Simulator(always("flosum", {}, status)) as sim, Inside(sim.options, sim) as inside:
        result = wait_for_jobs(inside.task(WAIT, check_mode=True, wait_timeout=60.0, state="idle"))
    assert (result["verdict"], result["failed"]) == (verdict, True)


def test_pages_without_end_then_the_look_ends_one_request_after_the_deadline() -> None:
    """Each page is new and comes in time; together they would take for ever."""
    jobs = [{"instanceUid": f"00000000-0000-4000-8000-{n:012d}", "status": "Success"} for n in range(20_000)]
    story = {"system": "veeam_vspc", "jobs": jobs, "page_cap": 1}
    with Simulator(story) as sim, Inside(sim.options) as inside:
        inside.http.request_timeout = 1.0
        began = inside.clock.monotonic()
        result = wait_for_jobs(inside.task(WAIT, state="idle", wait_timeout=0.5))
        took = inside.clock.monotonic() - began
    assert result["verdict"] == "unreachable"
    # Half a second and one request; all the pages take more than half a minute.
    assert took < 8.0


@pytest.mark.parametrize("server", [{}, {"executeId": "one"}])
def test_a_restarted_rclone_that_does_not_say_so_gives_the_id_to_another_job(server: dict[str, str]) -> None:
    """What 1.60 answers: nothing but the start of the job tells that it is another one."""
    ours = {"id": 7, "finished": False, "success": False, "group": "job/7", "startTime": "2026-01-01T00:00:00.5Z"}
    other = {**ours, "finished": True, "success": True, "startTime": "2026-01-01T03:00:00.5Z", "endTime": "x"}
    answered = iter([{**server, **ours}, {}, other, other])
    options = {"system": "rclone", "url": "http://127.0.0.1:9", "username": "u", "password": "p"}
    with Inside(options) as inside:
        # The server is played here: what is replaced belongs to one system only, which the type does not show.
        inside.system._remote.ask = lambda path, parameters=None, answered_=None, **_more: next(answered)  # type: ignore[attr-defined]
        result = wait_for_jobs(inside.task(WAIT, job_ids=["7"]))
    assert (result["verdict"], result["failed"]) == ("missing", True)
    assert "another run has begun" in result["msg"]


def test_a_restarted_rclone_then_what_was_known_of_its_ids_is_forgotten() -> None:
    """Ids begin at 1 again: the new job 1 is running, and the old one had ended."""
    ended = {"id": 1, "finished": True, "success": True, "group": "job/1", "startTime": "2026-01-01T00:00:00Z"}
    running = {**ended, "finished": False, "success": False}
    answered = iter(
        [
            {"jobids": [1], "executeId": "one"}, ended,
            {"jobids": [1], "executeId": "two"}, running, {},
        ]
    )  # fmt: skip
    options = {"system": "rclone", "url": "http://127.0.0.1:9", "username": "u", "password": "p"}
    with Inside(options) as inside:
        # The server is played here: what is replaced belongs to one system only, which the type does not show.
        inside.system._remote.ask = lambda path, parameters=None, answered_=None, **_more: next(answered)  # type: ignore[attr-defined]
        states = [[job.state for job in inside.look().jobs.values()] for _look in range(2)]
    assert states == [["finished"], ["running"]]


class OldRclone:
    """The transport's place, and a server as of 1.60: each call is a job, nothing tells which server it is."""

    def __init__(self, **jobs: dict[str, t.Any]) -> None:
        self.clock = Clock()
        self.allow_collect = False
        self.server_ahead = 0.0
        self.asked = 0
        self.restart(**jobs)

    def within(self, patience: float) -> t.ContextManager[None]:
        """Nobody is impatient with it."""
        return contextlib.nullcontext()

    def restart(self, calls: int = 0, **jobs: dict[str, t.Any]) -> None:
        """Begin anew with these jobs, and as many calls of others."""
        self.known: dict[int, dict[str, t.Any]] = {}
        for group, job in jobs.items():
            self.add(group, job)
        for _call in range(calls):
            self.add("other", {"finished": True, "success": True, "output": {"jobids": []}})

    def add(self, group: str, job: dict[str, t.Any]) -> int:
        number = len(self.known) + 1
        start = {"startTime": "2026-01-01T00:00:00Z"}
        self.known[number] = {"id": number, "group": group, "success": False, **start, **job}
        return number

    def read(self, call: Call, parse: t.Callable[[Response], t.Any]) -> t.Any:
        self.asked += 1
        path, sent = call.url.split("9/", 1)[1], dict(call.json)
        own = self.add(sent.pop("_group"), {"finished": True, "success": True})
        missing = {"error": "job not found"}
        told: dict[str, t.Any] = {
            "job/list": {"jobids": list(self.known)},
            "job/status": self.known.get(sent.get("jobid", 0), missing),
            "core/stats": {},
            "rc/noop": sent,
        }
        self.known[own]["output"] = told[path]
        return parse(Response(200, {"X-Rclone-Jobid": str(own)}, json.dumps(told[path]).encode()))


def old_rclone(inside: Inside, **jobs: dict[str, t.Any]) -> OldRclone:
    server = OldRclone(**jobs)
    inside.system.http = server  # type: ignore[assignment]  # it reads, which is all that is asked of it
    return server


RCLONE = {"system": "rclone", "url": "http://127.0.0.1:9", "username": "u", "password": "p"}
RUNS = {"finished": False}


def test_an_old_rclone_is_not_asked_for_more_at_each_look() -> None:
    with Inside(RCLONE) as inside:
        server = old_rclone(inside, nightly=RUNS)
        costs = []
        for _look in range(9):
            before = server.asked
            assert [job.name for job in inside.look().jobs.values()] == ["nightly"]
            costs.append(server.asked - before)
    assert costs[2:] == [costs[2]] * 7
    assert costs[2] <= 4


@pytest.mark.parametrize("calls", [0, 3, 40])
def test_an_old_rclone_that_was_restarted_then_what_was_known_of_its_ids_is_forgotten(calls: int) -> None:
    """The ids of our own calls are those of jobs now, however many others have called meanwhile."""
    with Inside(RCLONE) as inside:
        server = old_rclone(inside, done={"finished": True, "success": True})
        for _look in range(3):
            assert [job.name for job in inside.look().jobs.values()] == ["done"]
        server.restart(calls, first=RUNS, second=RUNS, third=RUNS)
        names = {job.name for job in inside.look().jobs.values()}
        assert {"first", "second", "third"} == names
        server.add("fourth", RUNS)
        assert {job.name for job in inside.look().jobs.values()} == {*names, "fourth"}


def test_a_look_that_somebody_else_took_is_asked_for_once() -> None:
    with Inside(RCLONE) as inside:
        server = old_rclone(inside, nightly=RUNS)
        inside.look()
        server.restart(200, nightly=RUNS)
        inside.look()
        before = server.asked
        inside.look()
    assert server.asked - before <= 4
