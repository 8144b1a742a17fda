# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One contract for every system in the registry: real module processes against stories of the simulator."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.changeops.backup.plugins.module_utils._core.job import RESULTS, STATES
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from harness import ANY_RESULT, ROOT, STORIES, bad, good, run
from simulator import Simulator
from systems import ABORTING, KNOWN, PLAYED, READING, SIMULATED


def story(system: str, name: str) -> str:
    return str(STORIES / system / f"{name}.yml")


def again(sim: Simulator, folder: Path) -> dict[str, t.Any]:
    """Give options for several runs: a refresh token that the server replaces has to be kept in a file."""
    options = dict(sim.options)
    if "refresh_token" in options:
        kept = folder / "refresh-token"
        kept.write_text(options.pop("refresh_token"))
        options["refresh_token_file"] = str(kept)
    return options


def told(system: str, name: str) -> list[dict[str, t.Any]]:
    jobs: list[dict[str, t.Any]] = yaml.safe_load((STORIES / system / f"{name}.yml").read_text())["jobs"]
    return jobs


def test_every_system_has_stories_states_and_a_place_in_the_tests() -> None:
    for name, system in SYSTEMS.items():
        assert name == system.NAME
        assert system.STATES, f"{name} has no table of states"
        for word, meaning in system.STATES.items():
            assert word == word.casefold()
            assert meaning.state in STATES
            assert (meaning.result in RESULTS) == (meaning.state == "finished")
            assert meaning.source, f"{name}: which document names {word!r}?"
        if not system.CAPABILITIES.abort:
            assert system.INSTEAD_OF_ABORT, f"{name}: what can the operator do instead of an abort?"
    wanted = {"every_state", "busy_then_done", "busy_seconds"}
    for name in SIMULATED:
        there = {path.stem for path in (STORIES / name).glob("*.yml")}
        assert wanted <= there, f"{name} lacks stories"
        assert ("will_not_end" in there) == SYSTEMS[name].CAPABILITIES.abort


def test_every_system_has_a_file_in_the_registry() -> None:
    files = (ROOT / "plugins/module_utils/_systems").glob("*.py")
    there = {path.stem for path in files if "\n    NAME = " in path.read_text()}
    wrong = ", ".join(sorted(there ^ set(SYSTEMS)))
    assert not wrong, (
        f"{wrong}: a system is a file in plugins/module_utils/_systems, and its name in the import of registry.py there"
    )


def test_the_readme_lists_every_system() -> None:
    rows = [line.split("|")[1].strip(" `") for line in (ROOT / "README.md").read_text().splitlines() if "| `" in line]
    found = sorted(row for row in rows if row in SYSTEMS)
    assert found == sorted(SYSTEMS), f"the table of README.md has a row for each system, and not for {found} alone"


@pytest.mark.parametrize("system", SIMULATED)
def test_info_gives_every_job_once_in_the_words_of_the_contract(system: str) -> None:
    with Simulator(story(system, "every_state")) as sim:
        result = good("backup_job_info", sim.options)
    expected = [str(job[KNOWN[system].id_field]) for job in told(system, "every_state")]
    assert sorted(job["id"] for job in result["jobs"]) == sorted(expected)
    assert result["complete"] is True
    assert result["count"] == len(expected)
    assert result["changed"] is False
    assert len(sim.logins) == result["logins"] == 1
    assert sim.refused == []
    assert sim.writes == []
    seen = {job["vendor_state"] for job in result["jobs"]}
    documented = {str(word): meaning for word, meaning in KNOWN[system].words.items()}
    assert seen == set(documented), "the story does not hold every documented status"
    for job in result["jobs"]:
        state, outcome = documented[job["vendor_state"]]
        assert job["state"] == state, job
        spoiled = [part for part in job["parts"] if part["result"] == "failed"]
        assert job["result"] == ("warning" if outcome == "success" and spoiled else outcome), job
        assert job["active"] == (state not in ("idle", "finished"))
        assert job["finished"] is None or state == "finished", "only what has finished has an end"
    assert result["active_count"] == sum(job["active"] for job in result["jobs"])


@pytest.mark.parametrize("system", SIMULATED)
def test_info_pages_to_the_end_whatever_the_server_caps(system: str) -> None:
    tale = yaml.safe_load((STORIES / system / "every_state.yml").read_text())
    if PLAYED[system].pages:
        tale["page_cap"] = 2
    with Simulator(tale) as sim:
        result = good("backup_job_info", sim.options)
    assert result["count"] == len(tale["jobs"])
    assert len({job["id"] for job in result["jobs"]}) == result["count"]
    assert result["complete"] is True
    assert sim.refused == []


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("system", SIMULATED)
def test_info_finds_jobs_by_id_in_the_order_asked_for(system: str, check_mode: bool, tmp_path: Path) -> None:
    ids = [str(job[KNOWN[system].id_field]) for job in told(system, "every_state")]
    asked = [ids[2], ids[0]]
    with Simulator(story(system, "every_state")) as sim:
        options = again(sim, tmp_path)
        both = good("backup_job_info", {**options, "job_ids": asked}, check_mode=check_mode)
        one = good("backup_job_info", {**options, "job_id": ids[1], "details": ["raw"]}, check_mode=check_mode)
        unknown = {**options, "job_ids": [PLAYED[system].unknown_id]}
        none = good("backup_job_info", unknown, check_mode=check_mode)
        nothing = good("backup_job_info", {**options, "job_ids": []}, check_mode=check_mode)
    assert [job["id"] for job in both["jobs"]] == asked
    assert [job["id"] for job in one["jobs"]] == [ids[1]]
    assert str(one["jobs"][0]["raw"][KNOWN[system].id_field]) == ids[1]
    assert none["jobs"] == []
    assert none["count"] == 0
    assert nothing["jobs"] == []
    assert nothing["requests"] == 0
    assert sim.refused == []


@pytest.mark.parametrize("system", SIMULATED)
def test_info_selects_by_state_result_and_number(system: str, tmp_path: Path) -> None:
    with Simulator(story(system, "every_state")) as sim:
        options = again(sim, tmp_path)
        running = good("backup_job_info", {**options, "states": ["running"]})
        failed = good("backup_job_info", {**options, "results": ["failed", "canceled"]})
        two = good("backup_job_info", {**options, "max_results": 2})
    assert running["count"] > 0
    assert {job["state"] for job in running["jobs"]} == {"running"}
    assert failed["count"] > 0
    assert {job["result"] for job in failed["jobs"]} <= {"failed", "canceled"}
    assert two["count"] == 2
    assert two["complete"] is False, "what was cut off may be running"


@pytest.mark.parametrize("system", SIMULATED)
def test_wait_sees_a_running_job_through_to_its_end(system: str, tmp_path: Path) -> None:
    with Simulator(story(system, "busy_then_done")) as sim:
        options = again(sim, tmp_path)
        running = good("backup_job_info", {**options, "states": ["running", "queued"]})["jobs"]
        assert running
        ids = [job["id"] for job in running]
        result = good("backup_job_wait", {**options, "job_ids": ids, "interval": 0.5, "max_interval": 0.5})
    assert result["verdict"] == "reached"
    assert [job["result"] for job in result["jobs"]] == ["success"] * len(ids)
    assert result["unfinished"] == []
    assert result["timed_out"] is False
    assert result["changed"] is False
    assert result["polls"] >= 2
    assert result["logins"] == 1
    assert [change["to"] for change in result["transitions"]][-1] == "success"
    assert sim.refused == []
    assert sim.writes == []


@pytest.mark.parametrize("system", SIMULATED)
def test_wait_looks_once_when_it_may_not_wait_and_says_what_runs(system: str) -> None:
    with Simulator(story(system, "every_state")) as sim:
        result = bad("backup_job_wait", {**sim.options, "state": "idle", "wait_timeout": 0})
    assert result["verdict"] == "timed_out"
    assert result["timed_out"] is True
    assert result["polls"] == 1
    assert {job["id"] for job in result["unfinished"]} == {job["id"] for job in result["jobs"] if job["active"]}
    for job in result["unfinished"]:
        assert job["id"] in result["msg"]
    assert "wait_timeout" in result["msg"]


@pytest.mark.parametrize("system", SIMULATED)
def test_wait_in_check_mode_looks_once_and_says_what_for(system: str) -> None:
    with Simulator(story(system, "busy_then_done")) as sim:
        args = {**sim.options, "accept_results": ANY_RESULT}
        result = good("backup_job_wait", args, check_mode=True)
        reads = len(sim.reads)
    assert result["verdict"] is None
    assert "Would wait for" in result["msg"]
    assert [job["id"] for job in result["unfinished"]] != []
    assert reads == result["requests"] - result["logins"]
    assert sim.writes == []


def places(path: str) -> list[str]:
    """Give a path without its numbers and ids, which differ from story to story."""
    return ["" if re.search(r"\d", part) else part for part in path.split("/")]


@pytest.mark.parametrize("system", ABORTING)
def test_abort_stops_a_running_job_and_sees_it_end(system: str, tmp_path: Path) -> None:
    with Simulator(story(system, "will_not_end")) as sim:
        options = again(sim, tmp_path)
        job = good("backup_job_info", {**options, "states": ["running"]})["jobs"][0]
        args = {**options, "job_ids": [job["id"]], "interval": 0.5, "reason": "CHG0031337"}
        predicted = good("backup_job_abort", args, check_mode=True)
        assert sim.writes == []
        result = good("backup_job_abort", args)
        second = good("backup_job_abort", args)
        writes = [(entry.method, places(entry.path), entry.body) for entry in sim.writes]
        strict = bad("backup_job_abort", {**args, "fail_if_not_running": True})
    assert predicted["changed"] is True
    assert [entry["id"] for entry in predicted["aborted"]] == [job["id"]]
    assert result["changed"] is True
    assert result["reason"] == "CHG0031337"
    (entry,) = result["aborted"]
    assert entry["before"]["state"] == "running"
    assert entry["after"]["active"] is False
    assert entry["requested_at"] <= entry["confirmed_at"]
    assert result["diff"]["before"] == {job["id"]: "running"}
    assert result["diff"]["after"][job["id"]] in ("canceled", "failed", "warning")
    stop = PLAYED[system].stop
    assert stop is not None
    assert writes == [(stop.method, places(stop.path), "" if stop.body is None else json.dumps(stop.body))]
    assert second["changed"] is False
    assert [entry["id"] for entry in second["already_finished"]] == [job["id"]]
    assert "not running" in strict["msg"]
    assert sim.refused == []


@pytest.mark.parametrize("system", READING)
def test_abort_says_plainly_that_an_api_has_none(system: str, tmp_path: Path) -> None:
    with Simulator(story(system, "every_state")) as sim:
        options = again(sim, tmp_path)
        job = good("backup_job_info", {**options, "states": ["running", "queued"]})["jobs"][0]
        args = {**options, "job_ids": [job["id"]]}
        for check_mode in (False, True):
            refused = bad("backup_job_abort", args, check_mode=check_mode)
            skipped = good("backup_job_abort", {**args, "on_unsupported": "skip"}, check_mode=check_mode)
            assert "no call to stop a job" in refused["msg"]
            assert SYSTEMS[system].INSTEAD_OF_ABORT in refused["msg"]
            assert [entry["id"] for entry in skipped["unsupported"]] == [job["id"]]
            assert skipped["changed"] is False
    assert sim.writes == []


@pytest.mark.parametrize(
    ("system", "option"), [(system, option) for system in SIMULATED for option in PLAYED[system].needed]
)
@pytest.mark.parametrize("module", ["backup_job_info", "backup_job_wait", "backup_job_abort"])
def test_a_missing_option_is_refused_before_anything_is_sent(module: str, system: str, option: str) -> None:
    with Simulator(story(system, "every_state")) as sim:
        args = {name: value for name, value in sim.options.items() if name != option}
        result = bad(module, {**args, "job_ids": []})
        assert sim.journal == []
    for word in ("Nothing was sent", option, system, f"BACKUP_{system}_{option}".upper()):
        assert word in result["msg"]


@pytest.mark.parametrize("system", SIMULATED)
def test_options_come_from_the_environment(system: str) -> None:
    with Simulator(story(system, "every_state")) as sim:
        environ = {f"BACKUP_{system}_{name}".upper(): str(value) for name, value in sim.options.items()}
        result = good("backup_job_info", {"system": system}, environ=environ)
        for name in ("client_secret", "password", "refresh_token"):
            if sim.options.get(name):
                assert str(sim.options[name]) not in str(result)
    assert result["count"] > 0


@pytest.mark.parametrize("system", SIMULATED)
def test_a_token_that_ends_in_the_middle_is_renewed_once(system: str) -> None:
    tale = yaml.safe_load((STORIES / system / "busy_then_done.yml").read_text())
    tale["faults"] = [{"path": ".*", "kind": "read", "nth": [2], "do": {"expire_token": True}}]
    with Simulator(tale) as sim:
        args = {**sim.options, "accept_results": ANY_RESULT, "interval": 0.5, "max_interval": 0.5}
        result = good("backup_job_wait", args)
    assert result["verdict"] == "reached"
    assert result["logins"] == len(sim.logins) == 2


@pytest.mark.parametrize("system", SIMULATED)
def test_a_bad_gateway_does_not_end_a_wait(system: str) -> None:
    tale = yaml.safe_load((STORIES / system / "busy_then_done.yml").read_text())
    tale["faults"] = [
        {"path": ".*", "kind": "read", "nth": [1], "do": {"status": 502}},
        {"path": ".*", "kind": "read", "nth": [3], "do": {"reset": True}},
        {"path": ".*", "kind": "read", "nth": [5], "do": {"html": True}},
    ]
    with Simulator(tale) as sim:
        args = {**sim.options, "accept_results": ANY_RESULT, "interval": 0.5, "max_interval": 0.5}
        result = good("backup_job_wait", args)
    assert result["verdict"] == "reached"
    assert len(sim.logins) == 1


@pytest.mark.parametrize("system", SIMULATED)
def test_a_refused_login_is_told_apart_and_leaks_nothing(system: str) -> None:
    with Simulator(story(system, "every_state")) as sim:
        secret = next(name for name in ("client_secret", "password", "refresh_token") if sim.options.get(name))
        args = {**sim.options, secret: "wrong-secret-0123456789"}
        result = bad("backup_job_wait", args)
        info = run("backup_job_info", args)
    assert result["verdict"] == "auth_lost"
    assert "HTTP 40" in info["msg"]
    assert secret in info["msg"]
    assert "wrong-secret-0123456789" not in str(result) + str(info)
