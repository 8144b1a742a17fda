# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of jobs in files: whole, or told what they are worth, whatever happens on the way."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._systems.contract import BackupSystem
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from harness import PACKAGE, STORIES, bad, good, start, warnings
from simulator import Simulator
from simulator.vendors.flosum import LINE
from systems import SIMULATED

MODULE = "backup_job_info"
TEXT = "Account: 12400 records saved\nUmlaut: \N{LATIN SMALL LETTER U WITH DIAERESIS}\n"
OPEN = {"lines": ["one", "two"], "stays_open": 60}
# Short enough for a test, and in the order of the defaults.
HASTY = {"request_timeout": 0.7, "unreachable_timeout": 1.5}
DETAILS = "logs/details"
# The peak of a process counts what its parent held when it was forked, so a small one has to start it.
MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


def tale(*logs: t.Any, faults: t.Sequence[t.Any] = (), **more: t.Any) -> dict[str, t.Any]:
    """Give a story: a job for each log, numbered from 1; one whose log stays open is still running."""
    jobs = [
        {
            "jobId": number,
            "jobStatus": "In Progress"
            if log is OPEN or (isinstance(log, dict) and log.get("running"))
            else "Completed",
            "startedDate": "@-60",
            "log": log,
        }
        for number, log in enumerate(logs, start=1)
    ]
    return {"system": "flosum", "auth": {"accept": ["access_token"]}, "jobs": jobs, "faults": list(faults), **more}


def wanted(sim: Simulator, folder: Path, *ids: int, **more: t.Any) -> dict[str, t.Any]:
    """Give the options that fetch the logs of these jobs."""
    options = {**sim.options, "details": ["log"], "log_dest": str(folder), **more}
    return {**options, "job_ids": [str(number) for number in ids]} if ids else options


def hashed(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def in_folder(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def until(condition: t.Callable[[], t.Any]) -> None:
    """Wait for something that another process does."""
    give_up_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def drafts(folder: Path) -> list[Path]:
    return list(folder.glob(".*.draft"))


# -- what is there when it went well ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/json", "text/plain"])
def test_a_log_is_there_byte_by_byte_and_for_nobody_else(kind: str, tmp_path: Path) -> None:
    long = LINE * 20_000
    story = tale(TEXT, {"bytes": len(long)}, "", {"bytes": len(long), "gzip": True}, log_content_type=kind)
    with Simulator(story) as sim:
        result = good(MODULE, wanted(sim, tmp_path, 1, 2, 3, 4))
    contents = [TEXT.encode(), long, b"", long]
    assert in_folder(tmp_path) == [f"flosum-{number}.log" for number in (1, 2, 3, 4)]
    for number, (content, log, job) in enumerate(zip(contents, result["logs"], result["jobs"], strict=True), start=1):
        path = tmp_path / f"flosum-{number}.log"
        assert path.read_bytes() == content
        assert path.stat().st_mode & 0o7777 == 0o600
        assert job["log_path"] == str(path)
        assert log == {
            "id": str(number),
            "path": str(path),
            "partial_path": None,
            "size": len(content),
            "sha256": hashed(content),
            "complete": True,
            "message": None,
        }
    assert result["capabilities"]["log"] is True
    assert result["changed"] is False
    assert warnings(result) == []
    assert sim.refused == sim.writes == []


def test_without_log_in_details_no_log_is_asked_for() -> None:
    with Simulator(tale(TEXT)) as sim:
        result = good(MODULE, {**sim.options, "details": ["steps", "raw"]})
        assert not [entry for entry in sim.reads if DETAILS in entry.path]
    assert "logs" not in result
    assert result["jobs"][0]["log_path"] is None


def test_no_job_is_no_log_and_no_trouble(tmp_path: Path) -> None:
    with Simulator(tale(TEXT)) as sim:
        result = good(MODULE, wanted(sim, tmp_path, job_ids=[]))
    assert result["logs"] == []
    assert in_folder(tmp_path) == []


def test_logs_steps_and_raw_come_together(tmp_path: Path) -> None:
    with Simulator(str(STORIES / "flosum" / "every_state.yml")) as sim:
        result = good(MODULE, wanted(sim, tmp_path, 4099, details=["steps", "log", "raw"]))
    (job,) = result["jobs"]
    assert job["parts"][0]["name"] == "Invoice__c"
    assert job["raw"]["jobId"] == 4099
    assert Path(job["log_path"]).read_text() == "Invoice__c: 60110 records saved\n"


def test_a_longer_log_is_cut_where_log_max_bytes_says_and_one_that_fits_is_not(tmp_path: Path) -> None:
    with Simulator(tale({"bytes": 3_000_000}, {"bytes": 1000}, {"bytes": 10_000_000, "gzip": True})) as sim:
        result = good(MODULE, wanted(sim, tmp_path, log_max_bytes=1000))
    for log in result["logs"]:
        content = Path(log["path"]).read_bytes()
        assert content == (LINE * 20)[:1000]
        assert (log["size"], log["sha256"]) == (1000, hashed(content))
        assert log["complete"] is (log["id"] == "2")
        assert log["message"] == (None if log["id"] == "2" else "cut at 1000 bytes")


# -- jobs that run, and servers that do not come to an end --------------------------------------------------------


def test_the_log_of_a_running_job_ends_when_nothing_new_comes(tmp_path: Path) -> None:
    with Simulator(tale(OPEN, {**OPEN, "running": True, "gzip": True})) as sim:
        began = time.monotonic()
        result = good(MODULE, wanted(sim, tmp_path, 1, 2, request_timeout=0.7))
        took = time.monotonic() - began
        asked = [entry for entry in sim.reads if DETAILS in entry.path]
    assert 1.4 < took < 8
    assert len(asked) == 2, "that it ends is no failure"
    for log in result["logs"]:
        assert Path(log["path"]).read_text() == "one\ntwo\n"
        assert log["complete"] is False
        assert "the job had not ended when it was listed: this is its log so far" in log["message"]
        assert "nothing new came for request_timeout (0.7 s)" in log["message"]
    assert warnings(result) == []


def test_the_log_of_a_running_job_that_the_server_ends_is_not_called_whole(tmp_path: Path) -> None:
    with Simulator(tale({"text": TEXT, "running": True})) as sim:
        (log,) = good(MODULE, wanted(sim, tmp_path))["logs"]
    assert Path(log["path"]).read_text() == TEXT
    assert log["complete"] is False
    assert log["message"] == "the job had not ended when it was listed: this is its log so far"


def test_the_log_of_a_running_job_is_bounded_in_bytes(tmp_path: Path) -> None:
    with Simulator(tale(OPEN)) as sim:
        (log,) = good(MODULE, wanted(sim, tmp_path, log_max_bytes=5))["logs"]
    assert Path(log["path"]).read_text() == "one\nt"
    assert "cut at 5 bytes" in log["message"]


@pytest.mark.parametrize("running", [True, False])
def test_a_log_that_trickles_without_end_is_bounded_in_time(running: bool, tmp_path: Path) -> None:
    endless = {"lines": ["."] * 1000, "every": 0.2, "running": running}
    with Simulator(tale(endless)) as sim:
        began = time.monotonic()
        result = good(MODULE, wanted(sim, tmp_path, **HASTY))
        took = time.monotonic() - began
        asked = [entry for entry in sim.reads if DETAILS in entry.path]
    (log,) = result["logs"]
    assert 1.5 < took < 8
    assert len(asked) == 1
    assert "did not come to its end within 2 s" in log["message"]
    assert (log["path"] is not None) is running
    assert (log["partial_path"] is None) is running
    assert 4 <= log["size"] <= 40


def test_the_log_of_a_job_that_has_ended_has_to_come_to_its_end(tmp_path: Path) -> None:
    with Simulator(tale({"lines": ["one"], "stays_open": 60})) as sim:
        result = good(MODULE, wanted(sim, tmp_path, request_timeout=0.7, unreachable_timeout=2))
        asked = [entry for entry in sim.reads if DETAILS in entry.path]
    (log,) = result["logs"]
    assert len(asked) == 2
    assert log["path"] is None
    assert "nothing new came for request_timeout (0.7 s); 4 bytes of it are in" in log["message"]
    assert Path(log["partial_path"]).read_text() == "one\n"


# -- downloads that fail ------------------------------------------------------------------------------------------


def test_a_download_that_breaks_is_made_again_from_its_beginning(tmp_path: Path) -> None:
    faults = [
        {"path": DETAILS, "nth": [1, 3], "do": {"cut": 100_000}},
        {"path": DETAILS, "nth": 2, "do": {"status": 503}},
    ]
    with Simulator(tale({"bytes": 500_000}, faults=faults)) as sim:
        result = good(MODULE, wanted(sim, tmp_path))
    (log,) = result["logs"]
    assert log["complete"] is True
    assert Path(log["path"]).read_bytes() == (LINE * 10_000)[:500_000]
    assert in_folder(tmp_path) == ["flosum-1.log"]
    assert warnings(result) == []


@pytest.mark.parametrize("gzip", [True, False])
def test_a_download_that_always_breaks_says_what_it_has(gzip: bool, tmp_path: Path) -> None:
    faults = [{"path": f"jobs/2/{DETAILS}", "do": {"cut": 2000}}]
    with Simulator(tale(TEXT, {"bytes": 500_000, "gzip": gzip}, TEXT, faults=faults)) as sim:
        result = good(MODULE, wanted(sim, tmp_path, 1, 2, 3, **HASTY))
    first, broken, last = result["logs"]
    assert first["complete"] is last["complete"] is True
    partial = tmp_path / "flosum-2.log.partial"
    content = partial.read_bytes()
    assert (LINE * 10_000).startswith(content)
    assert partial.stat().st_mode & 0o7777 == 0o600
    assert broken["path"] is None
    assert broken["partial_path"] == str(partial)
    assert (broken["size"], broken["sha256"]) == (len(content), hashed(content))
    assert len(content) == 2000 or gzip
    assert f"{len(content)} bytes of it are in {partial}" in broken["message"]
    assert [job["log_path"] is None for job in result["jobs"]] == [False, True, False]
    (said,) = warnings(result)
    assert said.startswith("The logs of these jobs could not be fetched: 2: GET ")
    assert in_folder(tmp_path) == ["flosum-1.log", "flosum-2.log.partial", "flosum-3.log"]


def test_a_good_download_removes_what_a_broken_one_left(tmp_path: Path) -> None:
    (tmp_path / "flosum-1.log.partial").write_text("half")
    with Simulator(tale(TEXT)) as sim:
        good(MODULE, wanted(sim, tmp_path))
    assert in_folder(tmp_path) == ["flosum-1.log"]


@pytest.mark.parametrize(
    ("do", "said"),
    [
        ({"status": 404}, "was answered with HTTP 404"),
        ({"status": 400}, "was answered with HTTP 400"),
        ({"status": 503}, "was answered with HTTP 503"),
        ({"html": True, "status": 200}, "was answered with HTTP 200 and a web page"),
        ({"reset": True}, "got no answer"),
        ({"redirect": "http://127.0.0.2:1/log"}, "the server pointed to another host (127.0.0.2)"),
    ],
)
def test_what_fails_for_one_job_leaves_the_others_and_the_log_of_an_earlier_run(
    do: dict[str, t.Any], said: str, tmp_path: Path
) -> None:
    old = tmp_path / "flosum-2.log"
    old.write_text("of yesterday\n")
    with Simulator(tale(TEXT, TEXT, TEXT, faults=[{"path": f"jobs/2/{DETAILS}", "do": do}])) as sim:
        result = good(MODULE, wanted(sim, tmp_path, 1, 2, 3, **HASTY))
    assert result["count"] == 3
    assert [log["complete"] for log in result["logs"]] == [True, False, True]
    failed = result["logs"][1]
    assert (failed["path"], failed["partial_path"], failed["size"], failed["sha256"]) == (None, None, 0, None)
    assert said in failed["message"]
    assert failed["message"].endswith(f"{old} is from an earlier run")
    assert [job["log_path"] is None for job in result["jobs"]] == [False, True, False]
    (warning,) = warnings(result)
    assert "2: " in warning
    assert said in warning
    assert old.read_text() == "of yesterday\n"
    assert in_folder(tmp_path) == ["flosum-1.log", "flosum-2.log", "flosum-3.log"]


def test_jobs_that_get_no_answer_one_after_the_other_end_the_asking(tmp_path: Path) -> None:
    with Simulator(tale(*[TEXT] * 9, faults=[{"path": DETAILS, "do": {"reset": True}}])) as sim:
        result = good(MODULE, wanted(sim, tmp_path, **HASTY))
        asked = {entry.path for entry in sim.reads if DETAILS in entry.path}
    assert len(asked) == 3
    assert [log["path"] for log in result["logs"]] == [None] * 9
    assert "not asked for, as the 3 jobs before got no answer" in result["logs"][-1]["message"]
    (warning,) = warnings(result)
    assert warning.endswith("; and 4 more")


def test_a_token_that_ends_between_two_logs_is_renewed(tmp_path: Path) -> None:
    faults = [{"path": DETAILS, "nth": 2, "do": {"expire_token": True}}]
    with Simulator(tale(*[TEXT] * 3, faults=faults, auth={"rotate_refresh_token": False})) as sim:
        result = good(MODULE, wanted(sim, tmp_path))
        assert len(sim.logins) == 2
    assert [log["complete"] for log in result["logs"]] == [True] * 3
    assert warnings(result) == []


def test_a_login_that_is_lost_fails_the_task_and_leaves_no_draft(tmp_path: Path) -> None:
    faults = [{"path": DETAILS, "nth": 2, "do": {"status": 401}}]
    with Simulator(tale(TEXT, TEXT, faults=faults)) as sim:
        result = bad(MODULE, wanted(sim, tmp_path, 1, 2))
    assert "HTTP 401" in result["msg"]
    assert in_folder(tmp_path) == ["flosum-1.log"]


def test_a_token_does_not_follow_a_log_to_another_host(tmp_path: Path) -> None:
    with Simulator(tale(TEXT)) as stranger:
        elsewhere = f"{stranger.url}/api/v1/connections/7/jobs/1/{DETAILS}"
        with Simulator(tale(TEXT, faults=[{"path": DETAILS, "do": {"redirect": elsewhere}}])) as sim:
            result = good(MODULE, wanted(sim, tmp_path))
        assert stranger.journal == []
    assert "the token was not sent there" in result["logs"][0]["message"]
    assert in_folder(tmp_path) == []


def test_a_redirect_on_the_same_host_is_followed(tmp_path: Path) -> None:
    faults = [{"path": f"jobs/1/{DETAILS}", "do": {"redirect": f"/api/v1/connections/7/jobs/2/{DETAILS}"}}]
    with Simulator(tale("", TEXT, faults=faults)) as sim:
        (log,) = good(MODULE, wanted(sim, tmp_path, 1))["logs"]
    assert Path(log["path"]).read_text() == TEXT


@pytest.mark.parametrize("do", [{"status": 404}, {"status": 503}, {"reset": True}])
def test_steps_of_one_job_that_fail_do_not_hide_the_others(do: dict[str, t.Any]) -> None:
    story = tale("", "", "", faults=[{"path": "jobs/2/logs/progress", "do": do}])
    for job in story["jobs"]:
        job["steps"] = [{"objectName": "Account", "status": "Completed"}]
    with Simulator(story) as sim:
        options = {**sim.options, "details": ["steps"], "job_ids": ["1", "2", "3"], **HASTY}
        result = good(MODULE, options)
    assert [len(job["parts"]) for job in result["jobs"]] == [1, 0, 1]
    (warning,) = warnings(result)
    assert warning.startswith("The steps of these jobs are not known: 2: GET ")


# -- files --------------------------------------------------------------------------------------------------------


def test_a_link_under_the_name_of_a_log_is_replaced_and_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    precious = tmp_path / "precious"
    precious.write_text("precious")
    for name in ("flosum-1.log", "flosum-1.log.partial"):
        (folder / name).symlink_to(precious)
    with Simulator(tale(TEXT)) as sim:
        good(MODULE, wanted(sim, folder))
    assert precious.read_text() == "precious"
    assert not (folder / "flosum-1.log").is_symlink()
    assert (folder / "flosum-1.log").read_text() == TEXT


def test_a_name_that_is_taken_by_a_folder_fails_that_log_only(tmp_path: Path) -> None:
    (tmp_path / "flosum-1.log").mkdir()
    with Simulator(tale(TEXT, TEXT)) as sim:
        result = good(MODULE, wanted(sim, tmp_path, 1, 2))
    assert "could not be written" in result["logs"][0]["message"]
    assert result["logs"][1]["complete"] is True
    assert in_folder(tmp_path) == ["flosum-1.log", "flosum-2.log"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"details": ["log"]}, "log in details needs log_dest"),
        ({"details": ["log"], "log_dest": ""}, "log in details needs log_dest"),
        ({"details": ["steps"], "log_dest": "{folder}"}, "log_dest was given without log in details"),
        ({"log_dest": "{folder}"}, "log_dest was given without log in details"),
        ({"log_max_bytes": 5}, "log_max_bytes was given without log in details"),
        ({"details": ["log"], "log_dest": "{folder}/none"}, "{folder}/none does not exist: create the folder first"),
        ({"details": ["log"], "log_dest": "{folder}/file"}, "log_dest {folder}/file is not a folder"),
        ({"details": ["log"], "log_dest": "{folder}/link"}, "log_dest {folder}/link is not a folder"),
        ({"details": ["log"], "log_dest": "{folder}", "log_max_bytes": 0}, "log_max_bytes has to be 1 or more"),
        ({"details": ["log"], "log_dest": "{folder}", "log_max_bytes": -1}, "log_max_bytes has to be 1 or more"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_sent(
    given: dict[str, t.Any], said: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    filled = {name: value.format(folder=tmp_path) if isinstance(value, str) else value for name, value in given.items()}
    with Simulator(tale(TEXT)) as sim:
        result = bad(MODULE, {**sim.options, **filled})
        assert sim.journal == []
    assert result["msg"].startswith("Nothing was sent: ")
    assert said.format(folder=tmp_path) in result["msg"]


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_a_log_is_refused_exactly_where_the_api_has_none(system: str, tmp_path: Path) -> None:
    chosen = SYSTEMS[system]
    assert chosen.CAPABILITIES.log == (chosen.log_call is not BackupSystem.log_call)
    if chosen.CAPABILITIES.log or system not in SIMULATED:
        return
    with Simulator(str(STORIES / system / "every_state.yml")) as sim:
        result = bad(MODULE, wanted(sim, tmp_path))
        assert sim.journal == []
    assert f"the API of {system} has no log of a job: leave log out of details" in result["msg"]


@pytest.mark.parametrize("there", [True, False])
def test_check_mode_asks_for_the_jobs_and_writes_nothing(there: bool, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    if there:
        folder.mkdir()
    with Simulator(tale(TEXT, OPEN)) as sim:
        result = good(MODULE, wanted(sim, folder, 1, 2), check_mode=True)
        assert not [entry for entry in sim.reads if DETAILS in entry.path]
    assert result["count"] == 2
    assert [job["log_path"] for job in result["jobs"]] == [None, None]
    assert [log["path"] for log in result["logs"]] == [None, None]
    assert result["logs"][0]["message"] == f"Check mode: not fetched; it would be written to {folder}/flosum-1.log"
    assert warnings(result) == [f"Check mode: no log was fetched. Logs that would be written to {folder}: 2"]
    assert folder.exists() is there
    assert not there or in_folder(folder) == []


# -- killed in the middle -----------------------------------------------------------------------------------------


def busy(sim: Simulator, folder: Path, **more: t.Any) -> subprocess.Popen[str]:
    """Start a module that is in the middle of a log."""
    process = start(MODULE, wanted(sim, folder, 1, **more))
    until(lambda: [path for path in drafts(folder) if path.name.startswith(".flosum-")])
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_run_that_is_stopped_leaves_no_draft_and_the_log_of_an_earlier_run(number: int, tmp_path: Path) -> None:
    old = tmp_path / "flosum-1.log"
    old.write_text("of yesterday\n")
    with Simulator(tale(OPEN)) as sim:
        process = busy(sim, tmp_path)
        process.send_signal(number)
        process.communicate(timeout=20)
        assert process.returncode != 0
        assert number == signal.SIGINT or process.returncode == -number
        assert in_folder(tmp_path) == ["flosum-1.log"]
        assert old.read_text() == "of yesterday\n"


def test_a_run_that_is_killed_leaves_nothing_broken_and_the_next_one_clears_up(tmp_path: Path) -> None:
    old = tmp_path / "flosum-1.log"
    old.write_text("of yesterday\n")
    mine = tmp_path / ".not-ours.draft"
    mine.write_text("mine")
    with Simulator(tale(OPEN, TEXT)) as sim:
        process = busy(sim, tmp_path)
        process.kill()
        process.communicate(timeout=20)
        assert process.returncode == -signal.SIGKILL
        assert len(drafts(tmp_path)) == 2
        assert old.read_text() == "of yesterday\n"
        assert old.stat().st_nlink == 1
    with Simulator(tale(OPEN, TEXT)) as sim:
        (other,) = good(MODULE, wanted(sim, tmp_path, 2))["logs"]
        assert other["complete"] is True
        assert drafts(tmp_path) == [mine]
        (log,) = good(MODULE, wanted(sim, tmp_path, 1, request_timeout=0.7))["logs"]
    assert Path(log["path"]).read_text() == "one\ntwo\n"


def test_a_run_does_not_take_the_draft_of_another_that_is_busy(tmp_path: Path) -> None:
    with Simulator(tale(OPEN, TEXT)) as sim:
        process = busy(sim, tmp_path, request_timeout=3)
        (draft,) = drafts(tmp_path)
        good(MODULE, wanted(sim, tmp_path, 2))
        assert draft.exists()
        out, _err = process.communicate(timeout=20)
    assert json.loads(out)["logs"][0]["size"] == 8
    assert in_folder(tmp_path) == ["flosum-1.log", "flosum-2.log"]


# -- of any size --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gzip", [True, False])
def test_a_large_log_passes_through_little_memory(gzip: bool, tmp_path: Path) -> None:
    size = 150 * 1024 * 1024
    with Simulator(tale({"bytes": size, "gzip": gzip})) as sim:
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, sys.executable, "-m", f"{PACKAGE}.{MODULE}"],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": wanted(sim, tmp_path)}),
            capture_output=True,
            text=True,
            check=True,
        )
    (log,) = json.loads(done.stdout)["logs"]
    assert (log["size"], log["complete"]) == (size, True)
    assert int(done.stderr) < 100 * 1024, "kB"
    with Path(log["path"]).open("rb") as file:
        assert file.read(10 * len(LINE)) == LINE * 10
