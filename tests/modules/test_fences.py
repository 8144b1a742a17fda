# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fences of docs/security.md, by real module processes: what must not leave does not, whatever a server says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from urllib.parse import unquote

import pytest

from harness import bad, good, tale
from simulator import Simulator
from systems import KNOWN, SIMULATED

UID = "bc04d2e5-dd4c-4f85-af0e-424106000001"
RUNNING = {"instanceUid": UID, "name": "Nightly", "status": "Running", "lastRun": "@-60"}
FREE_IDS = ["a/b", "../../v2/job/other", "a?b=c#d", "a%2Fb", "..%2f", "a b", "naïve", '"\\', "a;b", "\u2215", "*"]
WRITER = """
from ansible_collections.changeops.backup.plugins.module_utils._edge.module import run_module
from ansible_collections.changeops.backup.plugins.module_utils._edge.perform import Verb
from ansible_collections.changeops.backup.plugins.module_utils._edge.{verb} import {spec}

def work(task):
    (job,) = task.system.look(task.selection).jobs.values()
    return {{"said": task.system.stop_job(job)}}

run_module(Verb("x", {spec}.options, work, writes={writes}))
"""


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("system", SIMULATED)
def test_a_token_does_not_follow_a_redirect_to_another_host(system: str, status: int) -> None:
    with Simulator(tale(system)) as stranger:
        do = {"redirect": f"{stranger.url}/jobs", "status": status}
        with Simulator(tale(system, faults=[{"path": KNOWN[system].list_path, "do": do}])) as sim:
            result = bad("backup_job_info", sim.options)
        assert stranger.journal == []
    other = f"another port of the same host (127.0.0.1:{stranger.url.rpartition(':')[2]})"
    assert f"the server pointed to {other}; the token was not sent there" in result["msg"]


@pytest.mark.parametrize("system", SIMULATED)
def test_a_secret_does_not_follow_a_login_that_is_redirected(system: str) -> None:
    with Simulator(tale(system)) as stranger:
        do = {"redirect": f"{stranger.url}/token", "status": 307}
        with Simulator(tale(system, faults=[{"kind": "login", "do": do}])) as sim:
            result = bad("backup_job_info", sim.options)
        assert stranger.journal == []
    assert "HTTP 307" in result["msg"]
    assert len(sim.logins) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_request_to_stop_does_not_follow_a_redirect(status: int) -> None:
    """Not even on its own host: it would be sent a second time."""
    faults = [{"kind": "write", "do": {"redirect": f"/api/v3/infrastructure/backupServers/jobs/{UID}/stop"}}]
    faults[0]["do"]["status"] = status
    with Simulator({"system": "veeam_vspc", "jobs": [RUNNING], "faults": faults}) as sim:
        args = {**sim.options, "job_ids": [UID], "interval": 0.5, "wait_timeout": 1}
        result = bad("backup_job_abort", args)
    assert f"HTTP {status}" in result["msg"]
    assert len(sim.writes) == 1


@pytest.mark.parametrize("call", ["list", "stop"])
def test_a_token_does_not_go_where_the_location_of_a_queued_call_points(call: str) -> None:
    with Simulator({"system": "veeam_vspc", "jobs": [RUNNING]}) as stranger:
        do = {"status": 202, "body": "", "headers": {"Location": f"{stranger.url}/api/v3/asyncActions/{UID}"}}
        path = "/stop$" if call == "stop" else "/jobs$"
        with Simulator({"system": "veeam_vspc", "jobs": [RUNNING], "faults": [{"path": path, "do": do}]}) as sim:
            if call == "list":
                bad("backup_job_info", {**sim.options, "unreachable_timeout": 0})
            else:
                bad("backup_job_abort", {**sim.options, "job_ids": [UID], "interval": 0.5, "wait_timeout": 1})
        assert stranger.journal == []
    assert any(entry.path == f"/api/v3/asyncActions/{UID}" for entry in sim.reads)


@pytest.mark.parametrize("job_id", FREE_IDS)
def test_an_id_is_one_segment_of_the_path_whatever_it_contains(job_id: str) -> None:
    with Simulator(tale("netapp_bluexp", unknown_job="empty")) as sim:
        result = good("backup_job_info", {**sim.options, "job_ids": [job_id]})
        account = sim.options["account_id"]
    read, *others = sim.reads
    before, _slash, last = read.path.rpartition("/")
    # Flask takes %2F for a slash and has no such path; whether it is the job that is not there, the list tells.
    assert [other.path for other in others] == ([before] if "/" in job_id else [])
    assert before == f"/account/{account}/providers/cloudmanager_cbs/api/v1/job"
    assert unquote(last) == job_id
    assert (result["count"], read.query) == (0, "")


@pytest.mark.parametrize("account", ["../../admin", "a/b", "a?b", "a#b"])
def test_an_account_is_one_segment_of_the_path_whatever_it_contains(account: str) -> None:
    with Simulator(tale("netapp_bluexp")) as sim:
        bad("backup_job_info", {**sim.options, "account_id": account})
    (read,) = sim.reads
    assert [unquote(part) for part in read.path.split("/")][1:3] == ["account", account]
    assert read.path.endswith("/providers/cloudmanager_cbs/api/v1/job")


@pytest.mark.parametrize(
    ("spec", "writes", "check_mode", "leaves"),
    [("INFO", False, False, 0), ("WAIT", False, False, 0), ("ABORT", True, True, 0), ("ABORT", True, False, 1)],
    ids=["info", "wait", "abort in check mode", "abort"],
)
def test_a_write_is_impossible_where_only_reading_was_meant(
    spec: str, writes: bool, check_mode: bool, leaves: int
) -> None:
    """Also for code that tries: the transport refuses, not the module's good intentions."""
    with Simulator({"system": "veeam_vspc", "jobs": [RUNNING]}) as sim:
        args = {**sim.options, "job_ids": [UID], "_ansible_check_mode": check_mode}
        done = subprocess.run(
            [sys.executable, "-c", WRITER.format(spec=spec, verb=spec.lower(), writes=writes)],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": args}),
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ["PYTHONPATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    result = json.loads(done.stdout)
    assert len(sim.writes) == leaves
    if leaves:
        assert result["said"] == "the stop was accepted"
    else:
        assert f"a write (POST /api/v3/infrastructure/backupServers/jobs/{UID}/stop) was stopped" in result["msg"]
