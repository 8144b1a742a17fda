# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same task gives the same result through both doors, value by value."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest

from doors import alike, comparable, same, through_worker
from harness import PACKAGE, run, tale
from simulator import Simulator
from systems import SIMULATED

UID = "bc04d2e5-dd4c-4f85-af0e-424106000001"
RUNNING = {"instanceUid": UID, "name": "Nightly", "status": "Running", "lastRun": "@-60"}
# Options beside a connection that is good.
TASKS: dict[str, tuple[str, dict[str, t.Any]]] = {
    "look": ("backup_job_info", {}),
    "look at some states": ("backup_job_info", {"states": ["running", "unknown"], "max_results": 3}),
    "look at all, raw": ("backup_job_info", {"details": "raw,steps"}),
    "look at what is not there": ("backup_job_info", {"types": ["no such type"]}),
    "look, with a log that cannot be": ("backup_job_info", {"details": ["log"]}),
    "wait until idle, once": ("backup_job_wait", {"state": "idle", "wait_timeout": 0}),
    "wait for all, once": ("backup_job_wait", {"wait_timeout": "0", "fail_on_timeout": "no"}),
    "wait, with an id that cannot be": ("backup_job_wait", {"job_id": ["\n"]}),
    "abort what is not given": ("backup_job_abort", {}),
    "abort nothing": ("backup_job_abort", {"job_ids": []}),
}


@pytest.mark.parametrize("check_mode", [False, True], ids=["", "check"])
@pytest.mark.parametrize("task", sorted(TASKS))
@pytest.mark.parametrize("system", SIMULATED)
def test_a_task_on_every_system(system: str, task: str, check_mode: bool) -> None:
    module, options = TASKS[task]
    same(tale(system), module, options, check_mode=check_mode)


@pytest.mark.parametrize(
    "given",
    [
        {"foo": "bar"},
        {"system": "tape"},
        {"job_ids": 7},
        {"job_ids": "7, 8"},
        {"job_ids": ["7"], "job_id": ["8"]},
        {"job_ids": {"a": 1}},
        {"names": "a,b"},
        {"names": [["a"]]},
        {"names": 3.5},
        {"max_results": "3"},
        {"max_results": "many"},
        {"max_results": 3.0},
        {"max_results": 3.5},
        {"validate_certs": "maybe"},
        {"validate_certs": "off"},
        {"request_timeout": "1e1"},
        {"request_timeout": True},
        {"states": "running,asleep"},
        {"details": ["raw", "raw"]},
        {"ca_path": "~/nowhere.pem"},
        {"ca_path": "$NOWHERE/ca.pem"},
        {"username": 7, "password": 8},
        {"username": True, "password": None},
        {"username": None, "system": ""},
        {"username": ["a"]},
        {"password": "", "access_token": "ready"},
        {"max_results": "x", "validate_certs": "y", "foo": 1},
        {"client_certificate": "c.pem"},
    ],
    ids=str,
)
def test_what_ansible_checks(given: dict[str, t.Any]) -> None:
    environ = {"NOWHERE": "/no/such/folder", "HOME": "/home/nobody"}
    same({"system": "veeam_vspc", "jobs": [RUNNING]}, "backup_job_info", given, environ=environ)


@pytest.mark.parametrize("name", ["nightly SECRET", "SECRET", "x"])
@pytest.mark.parametrize("secret", ["sesame-open", "x", 'quo"ted \\ é', "{{ 7 * 6 }}"])
def test_secrets_are_masked_alike(name: str, secret: str) -> None:
    """In names, messages and raw answers, however short they are."""
    job = {**RUNNING, "name": name.replace("SECRET", secret), "failureMessage": f"for {secret}"}
    story = {"system": "veeam_vspc", "jobs": [job]}
    for module, more in (("info", {"details": ["raw"]}), ("info", {}), ("wait", {"wait_timeout": 0})):
        # It is not needed, but it is there.
        told = same(story, f"backup_job_{module}", {"refresh_token": secret, **more})
        assert secret == "x" or secret not in str(told), told


@pytest.mark.parametrize(
    ("sent", "returned"),
    [
        ({"__ansible_type": "NoSuchType"}, {"raw__ansible_type": "NoSuchType"}),
        ([{"a": {"__ansible_unsafe": "x"}}], [{"a": {"raw__ansible_unsafe": "x"}}]),
        ({"_ansible_no_log": True}, {"_ansible_no_log": True}),
    ],
)
def test_keys_that_ansible_acts_on_are_renamed(sent: t.Any, returned: t.Any) -> None:
    story = {"system": "veeam_vspc", "jobs": [{**RUNNING, "custom": sent}]}
    told = same(story, "backup_job_info", {"details": ["raw"]})
    assert told["jobs"][0]["raw"]["custom"] == returned


def test_what_the_environment_holds() -> None:
    results = []
    for door in (run, through_worker):
        with Simulator({"system": "veeam_vspc", "jobs": [RUNNING]}) as sim:
            environ = {f"BACKUP_VEEAM_VSPC_{name}".upper(): str(value) for name, value in sim.options.items()}
            results.append(door("backup_job_info", {"system": "veeam_vspc"}, environ=environ))
    alike(*results)
    assert results[0]["count"] == 1


@pytest.mark.parametrize("check_mode", [False, True], ids=["", "check"])
def test_an_abort_asks_once_through_each(check_mode: bool) -> None:
    told = []
    for door in (run, through_worker):
        with Simulator({"system": "veeam_vspc", "jobs": [RUNNING]}) as sim:
            args = {**sim.options, "job_ids": [UID], "reason": "patching", "interval": 0.5, "wait_timeout": 5}
            told.append(comparable(door("backup_job_abort", args, check_mode=check_mode)))
            assert len(sim.writes) == (0 if check_mode else 1)
    for result in told:
        # How often it was looked at, the scheduler of this machine has a say in.
        del result["requests"]
        result.pop("invocation", None)
        for attempt in result["aborted"]:
            if attempt["after"]:
                del attempt["after"]["duration"]
    assert told[0] == told[1]


EMPTY = ("job_ids", "names", "types", "kinds", "exclude", "states", "results", "details", "started_after", "log_dest")
UNSET = ("max_results", "region", "token_url", "ca_path", "request_timeout", "validate_certs", "log_max_bytes")


def test_an_empty_text_is_an_option_left_out_through_each() -> None:
    """As a survey sends a field that nobody filled in; an empty list is no text, and means nothing at all."""
    given: tuple[dict[str, t.Any], ...] = ({}, dict.fromkeys((*EMPTY, *UNSET), ""), {"job_ids": []})
    everything, empty, nothing = (same(tale("flosum"), "backup_job_info", args)["count"] for args in given)
    assert everything == empty > nothing == 0


def test_an_abort_with_nothing_but_empty_texts_is_refused_through_each() -> None:
    for door in (run, through_worker):
        with Simulator(tale("flosum")) as sim:
            told = door(
                "backup_job_abort", {**sim.options, **dict.fromkeys(("job_ids", "names", "types", "kinds"), "")}
            )
        assert "an abort needs to know which jobs" in told["msg"]
        assert sim.journal == []


def test_for_how_long_nobody_answered_is_told_through_each() -> None:
    args = {
        "system": "rclone",
        "url": "http://127.0.0.1:9",
        "username": "u",
        "password": "p",
        "unreachable_timeout": 1.2,
    }
    for door in (run, through_worker):
        told = door("backup_job_info", args)["msg"]
        assert "got no answer (" in told
        assert told.endswith(" s; unreachable_timeout (1.2 s) says for how long.")


def test_a_log_is_fetched_through_each(tmp_path: Path) -> None:
    given = {"details": ["log"], "log_dest": str(tmp_path), "states": ["finished"], "max_results": 1}
    told = same(tale("flosum"), "backup_job_info", given)
    assert told["logs"][0]["complete"]


def test_one_task_leaves_nothing_for_the_next() -> None:
    """Threads, secrets and warnings of one task are gone when the next one begins in the same process."""
    before = set(threading.enumerate())
    with Simulator({"system": "veeam_vspc", "jobs": [{**RUNNING, "name": "first-secret", "status": "Odd"}]}) as sim:
        first = {**sim.options, "password": "first-secret"}
        masked = through_worker("backup_job_info", {**first, "names": ["*"]})
        clear = through_worker("backup_job_info", {**sim.options})
    assert "first-secret" not in str(masked)
    assert clear["jobs"][0]["name"] == "first-secret"
    assert len(clear["warnings"]) == 1
    left = [thread for thread in set(threading.enumerate()) - before if "_run" in thread.name]
    for thread in left:
        # It was told to end, and may be on its way.
        thread.join(5.0)
    assert not [thread for thread in left if thread.is_alive()]


@pytest.mark.parametrize("module", ["backup_job_info", "backup_job_wait", "backup_job_abort"])
def test_a_python_without_requests_is_told_what_it_lacks(module: str) -> None:
    script = (
        "import runpy, sys\n"
        "sys.modules['requests'] = sys.modules['urllib3'] = None\n"
        f"runpy.run_module('{PACKAGE}.{module}', run_name='__main__')\n"
    )
    given = {
        "system": "rclone",
        "url": "http://127.0.0.1:9",
        "username": "operator",
        "password": "sesame-open",
        "job_ids": ["7"],
    }
    ran = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": given}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout, ran.stderr
    assert "Failed to import the required Python library (requests)" in json.loads(ran.stdout)["msg"]
