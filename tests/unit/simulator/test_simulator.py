# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stories: time, looks, orders, dialects, faults; and the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

import simulator
from simulator import Simulator, StoryError
from systems import KNOWN, PLAYED, SIMULATED
from systems.known import Raw

STORIES = Path(simulator.__file__).parent / "stories"
ALL = sorted(STORIES.glob("*/*.yml"))
VBR = "/api/v3/infrastructure/backupServers"


def states(system: str) -> tuple[Callable[[Raw], str], str, str]:
    """Return what reads the word of a job, and the words for running and for success as it gives them."""
    return KNOWN[system].word, str(PLAYED[system].busy).casefold(), str(PLAYED[system].done).casefold()


@pytest.mark.parametrize("path", ALL, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_story_plays(play: Any, path: Path) -> None:
    client = play(path.parent.name, path.stem)
    assert client.sim.story.doc
    assert len(client.every_job()) == len(client.sim.story.jobs)


@pytest.mark.parametrize("system", SIMULATED)
def test_every_documented_status_has_a_job(play: Any, system: str) -> None:
    known = KNOWN[system]
    assert {known.word(job) for job in play(system).every_job()} == {str(word).casefold() for word in known.words}


@pytest.mark.parametrize("system", SIMULATED)
def test_a_job_ends_after_three_looks(play: Any, system: str) -> None:
    client, (word, busy, done) = play(system, "busy_then_done"), states(system)
    seen = [next((job for job in client.jobs() if word(job) == busy), None) for _turn in range(4)]
    assert [job is not None for job in seen] == [True, True, True, False]
    assert sum(word(job) == done for job in client.jobs()) == 2


@pytest.mark.parametrize("system", SIMULATED)
def test_jobs_end_by_the_clock(play: Any, system: str) -> None:
    client, (word, _busy, done) = play(system, "busy_seconds"), states(system)
    ended = []
    for seconds in (0, 12, 6):
        client.sim.advance(seconds)
        ended.append(sum(word(job) == done for job in client.jobs()))
    assert ended == [1, 2, 3]


def test_jobs_come_and_go(play: Any) -> None:
    jobs = [{"id": "a", "status": "PENDING", "appears": 5, "disappears": 9}, {"id": "b", "status": "COMPLETED"}]
    client = play("netapp_bluexp", None, jobs=jobs)
    seen = [[job["id"] for job in client.jobs()]]
    for seconds in (5, 4):
        client.sim.advance(seconds)
        seen.append([job["id"] for job in client.jobs()])
    assert seen == [["b"], ["a", "b"], ["b"]]


def test_flosum_abort(play: Any) -> None:
    client = play("flosum", "will_not_end")

    def state(number: int) -> str:
        return {job["jobId"]: job["jobStatus"] for job in client.jobs()}[number]

    for number in (7001, 7002):
        answer = client.call("PATCH", f"/api/v1/connections/7/jobs/{number}/abort/backup")
        assert answer.json() == {"message": "Job was aborted successfully."}
    assert [state(7001), state(7002), state(7002)] == ["Aborted", "In Progress", "Aborted"]
    assert client.call("PATCH", "/api/v1/connections/7/jobs/7001/abort/backup").status_code == 400
    assert client.sim.refused == []


def test_an_abort_that_is_not_honoured(play: Any) -> None:
    job = {"jobId": 1, "jobStatus": "In Progress", "startedDate": "@-9", "on_abort": "ignored"}
    client = play("flosum", None, jobs=[job])
    assert client.call("PATCH", "/api/v1/connections/7/jobs/1/abort/backup").status_code == 200
    client.sim.advance(3000)
    assert client.jobs()[0]["jobStatus"] == "In Progress"


def test_veeam_stop_start_collect(play: Any) -> None:
    uid = "bc04d2e5-dd4c-4f85-af0e-424106000301"
    client = play("veeam_vspc", "will_not_end")

    def look() -> dict:
        return client.get(f"/{uid}").json()["data"]

    assert client.call("POST", f"{client.base}/{uid}/stop").json() == {"data": {}, "meta": None, "errors": None}
    assert look()["status"] == "Stopping"
    client.sim.advance(2)
    assert (look()["status"], look()["lastEndTime"][-6:]) == ("Failed", "+00:00")
    assert client.call("POST", f"{client.base}/{uid}/stop").status_code == 400
    before = look()["lastRun"]
    assert client.call("POST", f"{client.base}/{uid}/start").status_code == 200
    assert (look()["status"], look()["lastRun"]) == ("Starting", before)
    client.sim.advance(2)
    assert look()["status"] == "Running"
    assert look()["lastRun"] > before
    server = look()["backupServerUid"]
    assert client.call("POST", f"{VBR}/{server}/collect").status_code == 200
    assert client.sim.refused == []


def test_veeam_list_language(play: Any) -> None:
    client = play("veeam_vspc")
    name = {"property": "name", "operation": "contains", "collation": "ignorecase", "value": "NIGHTLY"}
    busy = {"property": "status", "operation": "in", "value": ["Running", "Starting"]}
    either = {"operation": "or", "items": [name, busy]}
    assert len(client.jobs(filter=json.dumps([name]))) == 5
    assert {job["status"] for job in client.jobs(filter=json.dumps([name, busy]))} == {"Running", "Starting"}
    order = json.dumps([{"property": "name", "direction": "descending"}])
    shown = json.dumps([{"propertyPath": "name"}])
    names = client.jobs(filter=json.dumps(either), sort=order, select=shown)
    assert names == sorted(names, key=lambda job: job["name"], reverse=True)
    assert all(set(job) == {"name"} for job in names)
    page = client.get(limit=5, offset=10).json()
    assert page["meta"]["pagingInfo"] == {"total": 13, "count": 3, "offset": 10}
    assert play("veeam_vspc", ignore_offset=True).get(limit=5, offset=10).json()["meta"]["pagingInfo"]["offset"] == 0


def test_veeam_dialects(play: Any) -> None:
    job = play("veeam_vspc", case="lower", time_offset="-04:00").jobs()[3]
    assert (job["status"], job["type"], job["lastRun"][-6:]) == ("warning", "simpleBackupCopy", "-04:00")


def test_veeam_async(play: Any) -> None:
    client = play("veeam_vspc", **{"async": {"paths": "/jobs$", "after": 5}})
    answer = client.get()
    assert (answer.status_code, answer.text) == (202, "")
    action = answer.headers["Location"].removeprefix(client.sim.url)
    assert client.call("GET", action).json()["data"]["status"] == "running"
    assert client.call("GET", f"{action}/result").status_code == 404
    client.sim.advance(5)
    assert client.call("GET", action).json()["data"]["status"] == "succeed"
    assert len(client.call("GET", f"{action}/result").json()["data"]) == 13
    client.sim.advance(301)
    assert client.call("GET", action).status_code == 404


@pytest.mark.parametrize("base", [0, 1])
def test_salesforce_pages(play: Any, base: int) -> None:
    client = play("avepoint_salesforce", page_base=base, page_cap=3)
    pages = [client.get(pageSize=5).json()["data"]]
    pages += [client.get(pageSize=5, pageIndex=index).json()["data"] for index in (1, 2, 3)]
    assert [len(page["jobs"]) for page in pages] == ([3, 3, 1, 0] if base == 0 else [3, 3, 3, 1])
    assert (pages[0]["jobs"] == pages[1]["jobs"]) is (base == 1)
    assert {page["totalCount"] for page in pages} == {7}


@pytest.mark.parametrize(
    ("link", "start"), [("", ""), ("relative", "/jobs?"), ("absolute", "http://127"), ("token", "")]
)
def test_salesforce_next_link(play: Any, link: str, start: str) -> None:
    client = play("avepoint_salesforce", next_link=link)
    more, last = client.get(pageSize=4).json()["data"], client.get(pageSize=4, pageIndex=1).json()["data"]
    assert more["nextLink"].startswith(start)
    assert bool(more["nextLink"]) is (link != "")
    assert last["nextLink"] == ""
    if link == "absolute":
        assert client.session.get(more["nextLink"]).json()["data"]["jobs"] == last["jobs"]


def test_salesforce_dialects(play: Any) -> None:
    job = play("avepoint_salesforce", status_field="state", status_values="name", unfinished="year1").jobs()[0]
    assert (job["state"], job["finishTime"], "status" in job) == ("In progress", "0001-01-01T00:00:00Z", False)
    assert len(play("avepoint_salesforce", running_in_window=False).jobs()) == 5


def test_iaas_skiptoken(play: Any) -> None:
    client = play("avepoint_iaas_paas")
    link, seen, rounds = "", [], 0
    while rounds == 0 or link:
        rounds += 1
        answer = client.call("GET", f"{client.base}?pageSize=3" + (f"&SKIPTOKEN={link}" if link else "")).json()
        link, seen = answer["nextLink"], seen + answer["jobs"]
    assert (rounds, len({job["jobId"] for job in seen}), answer["totalCount"]) == (3, 8, 8)
    token = client.get(pageSize=3).json()["nextLink"]
    assert "%" in token
    assert client.get(skiptoken=token).status_code == 400  # encoded twice


def test_iaas_dialects(play: Any) -> None:
    job = play("avepoint_iaas_paas").get(SearchText="0000002").json()["jobs"][0]
    assert (job["status"], job["duration"], job["startTime"][-1]) == (2, "00:10:52", "Z")
    client = play("avepoint_iaas_paas", dialect="seed")
    job = client.get(searchText="0000002", startTime=638527680000000000).json()["jobs"][0]
    assert (job["state"], job["duration"], "jobType" in job) == (2, 6520000000, False)
    assert 638e15 < job["startTime"] < 10**18


def test_netapp_shapes(play: Any) -> None:
    uid = "0f1c2d3e-0000-4000-8000-000000000001"
    listed, single = (play("netapp_bluexp", shape=shape).get(f"/{uid}").json()["job"] for shape in ("array", "object"))
    assert listed[0]["data"]["multi-volume-backup"]["volume"][0] == single["data"]["multi-volume-backup"]["volume"]
    assert isinstance(single["time"], int)
    assert single["data"]["restore"]["batch"]["file"]["inode"] == 96


def test_flosum_log_is_streamed(play: Any) -> None:
    jobs = [{"jobId": 1, "jobStatus": "Completed", "log": {"bytes": 200_000}}]
    jobs.append({"jobId": 2, "jobStatus": "In Progress", "log": {"lines": ["one", "two"], "stays_open": 60}})
    client = play("flosum", None, jobs=jobs)
    big = client.get("", page=1) and client.call("GET", "/api/v1/connections/7/jobs/1/logs/details")
    assert (len(big.content), big.headers["Transfer-Encoding"]) == (200_000, "chunked")
    with client.call("GET", "/api/v1/connections/7/jobs/2/logs/details", stream=True) as answer:
        lines = answer.iter_lines(chunk_size=1)
        assert [next(lines), next(lines)] == [b"one", b"two"]


def test_faults(play: Any) -> None:
    rules: list[dict[str, Any]] = [
        {"kind": "read", "nth": 1, "do": {"status": 503, "headers": {"Retry-After": "1"}}},
        {"kind": "read", "nth": 2, "do": {"html": True}},
        {"kind": "read", "nth": 3, "do": {"not_json": True}},
        {"kind": "read", "nth": 4, "do": {"redirect": "https://elsewhere.example/"}},
        {"kind": "read", "nth": 5, "do": {"throttle": 25}},
        {"kind": "read", "nth": 6, "do": {"reset": True}},
        {"kind": "read", "nth": 7, "do": {"cut": 100}},
        {"kind": "read", "nth": 8, "do": {"expire_token": True}},
        {"kind": "write", "do": {"reset": "after"}},
    ]
    client = play("veeam_vspc", "will_not_end", faults=rules)
    down = client.get()
    assert (down.status_code, down.headers["Retry-After"], down.json()["errors"][0]["code"]) == (520, "1", 503)
    assert client.get().headers["Content-Type"] == "text/html"
    with pytest.raises(ValueError, match="Expecting"):
        client.get().json()
    assert client.get().headers["Location"] == "https://elsewhere.example/"
    slow = client.get()
    assert (slow.status_code, slow.json()["errors"][0]["retryAfter"]) == (429, 25)
    with pytest.raises(requests.ConnectionError):
        client.get()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.get()
    assert client.get().status_code == 401
    client.enter()
    uid = client.jobs()[0]["instanceUid"]
    with pytest.raises(requests.ConnectionError):
        client.call("POST", f"{client.base}/{uid}/stop")
    assert client.get(f"/{uid}").json()["data"]["status"] == "Stopping"
    assert client.sim.refused == []
    assert [bool(entry.fault) for entry in client.sim.reads] == [True] * 8 + [False] * 2


def test_faults_by_rate_are_the_same_each_time(play: Any) -> None:
    rule = {"path": "/job", "rate": 0.3, "do": {"status": 500, "body": "down", "content_type": "text/plain"}}
    runs = [
        [play("netapp_bluexp", faults=[rule], seed=3).get().status_code for _turn in range(3)] for _turn in range(2)
    ]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("system", SIMULATED)
def test_many_jobs_are_cheap(play: Any, system: str) -> None:
    client = play(system, None, generate={"count": 5000, "template": PLAYED[system].template})
    # All of them, or a page of the size that its own query asks for.
    assert str(len(client.jobs())) in ("5000", *map(str, client.query.values())), (
        f"{client.query} asks for no such page"
    )


def test_wrong_stories() -> None:
    wrong: list[dict[str, Any]] = [
        {"system": "another"},
        {"jobs": []},
        {"system": "flosum", "page_base": 1},
        {"system": "netapp_bluexp", "shape": "round"},
        {"system": "netapp_bluexp", "faults": [{"do": {"explode": True}}]},
        {"system": "netapp_bluexp", "auth": {"accept": ["password"]}},
        {"system": "netapp_bluexp", "token_host": "far"},
    ]
    for story in wrong:
        with pytest.raises(StoryError):
            Simulator(story)


def test_connections_are_kept_and_then_closed() -> None:
    with Simulator({"system": "veeam_vspc"}) as sim, requests.Session() as session:
        sockets = set()
        for _turn in range(3):
            with session.get(sim.url + "/", stream=True) as answer:
                sockets.add(answer.raw.connection.sock.getsockname())
                assert answer.content
        assert len(sockets) == 1
        url = sim.url
    with pytest.raises(requests.ConnectionError):
        session.get(url, timeout=1)


def test_command_line(tmp_path: Path) -> None:
    stories = [str(STORIES / system / "busy_seconds.yml") for system in ("flosum", "veeam_vspc")]
    journal = tmp_path / "journal"
    command = [sys.executable, "-m", "simulator", *stories, "--journal", str(journal), "--until-eof"]
    env = {**os.environ, "PYTHONPATH": str(STORIES.parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        ready = [json.loads(process.stdout.readline()) for _turn in stories]
        assert [line["system"] for line in ready] == ["flosum", "veeam_vspc"]
        assert ready[0]["options"]["url"] == ready[0]["url"]
        requests.get(ready[1]["url"] + "/api/v3/x", headers={"Authorization": "Bearer very-secret"}, timeout=5)
        assert requests.get(ready[1]["url"] + "/_simulator/refused", timeout=5).json()[0]["path"] == "/api/v3/x"
        assert requests.post(ready[1]["url"] + "/_simulator/advance?seconds=9", timeout=5).status_code == 200
        process.stdin.close()
        assert process.wait(5) == 0
    assert json.loads(journal.read_text())["refused"]
    assert "very-secret" not in journal.read_text()
    assert journal.stat().st_mode & 0o777 == 0o600
