# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX does with a job of ours: its environment, its lines, its artifacts, and its end."""

from __future__ import annotations

import base64
import json
import os
import signal
import time
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from harness import Rclone, kill_all_that_name
from playbooks.windows import GOOD, RUNNING, flosum, moment, vspc
from runner.jobs import OLD_RUNNER, Job, injected
from simulator import Simulator
from systems import KNOWN

CHANGE = "CHG0012345"
NOT_LONG = {"unreachable_timeout": 3, "request_timeout": 5}


def window(folder: Path, **more: t.Any) -> dict[str, t.Any]:
    """Variables of a change window that waits for nothing, and that a missing backup does not keep from the change."""
    given = {
        "id": CHANGE,
        "end": moment(60),
        "change_duration": "1m",
        "policy": "check",
        "quiet_period": 0,
        "report_dest": str(folder / "evidence"),
        "override": {"reason": "a test", "by": "a tester"},
        **more,
    }
    return {f"backup_change_window_{name}": value for name, value in given.items()}


@contextmanager
def connection(system: str, folder: Path) -> Iterator[dict[str, t.Any]]:
    """A system of this kind that shows one job, which has ended well."""
    if system == "rclone":
        server = Rclone(folder)
        try:
            yield server.options
        finally:
            server.stop()
        return
    played = KNOWN[system].played
    assert played is not None
    job = json.loads(json.dumps(played.template).replace("{n:d}", "1").replace("{n}", "100"))
    stories = {"flosum": flosum(GOOD), "veeam_vspc": vspc({"name": "Nightly"})}
    with Simulator(stories.get(system, {"system": system, "jobs": [job]})) as sim:
        yield with_token_file(sim.options, folder)


def with_token_file(options: t.Mapping[str, t.Any], folder: Path) -> dict[str, t.Any]:
    """Keep a token that rotates in a file that outlives a job."""
    if "refresh_token" not in options:
        return dict(options)
    path = folder / "token"
    path.write_text(options["refresh_token"])
    kept = {name: value for name, value in options.items() if name != "refresh_token"}
    return {**kept, "refresh_token_file": str(path)}


def report(folder: Path) -> dict[str, t.Any]:
    told: dict[str, t.Any] = json.loads((folder / "evidence" / CHANGE / "report.json").read_text())
    return told


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_a_window_logs_in_by_the_credential_of_its_system_with_every_other_field_empty(
    system: str, tmp_path: Path
) -> None:
    with connection(system, tmp_path) as options:
        files = tmp_path / "files"
        files.mkdir()
        environ = injected(system, options, files)
        assert "" in environ.values()
        # An address of the region stands beside that of the simulator in no credential.
        hosts = {"system-1": {"backup_connection": {"system": system, **NOT_LONG}}}
        job = Job(tmp_path, "changeops.backup.change_window", hosts, window(tmp_path), environ)
        status, output = job.wait()
    assert status == 0, output
    assert report(tmp_path)["verdict"] == "safe"
    secrets = [str(value) for name, value in options.items() if name in ("access_token", "password", "client_secret")]
    spelled = [base64.b64encode(f"operator:{secret}".encode()).decode() for secret in secrets]
    for path in [*job.artifacts.rglob("*"), *(tmp_path / "evidence").rglob("*")]:
        # What the runner keeps of its own: AWX masks it itself.
        if path.is_file() and path.name != "command":
            assert not [one for one in (*secrets, *spelled) if one in path.read_text(errors="replace")], path
    assert not [one for one in secrets if one in output]


def waiting(folder: Path, options: dict[str, t.Any], runner: str | None = None, **more: t.Any) -> Job:
    """A job that waits for quiet where there is none."""
    task = {**options, "state": "idle", "wait_timeout": 60, "progress_interval": 1, "interval": 1, **more}
    play = [{"hosts": "all", "gather_facts": False, "tasks": [{"changeops.backup.backup_job_wait": task}]}]
    return Job(folder, play, {"system-1": {}}, {}, {}, runner=runner)


@pytest.mark.parametrize("runner", [None, OLD_RUNNER], ids=["newest", "old"])
def test_lines_come_while_a_wait_runs_and_nothing_is_said_past_display(runner: str | None, tmp_path: Path) -> None:
    if runner is None and "old" in os.environ["PYTEST_CURRENT_TEST"]:
        pytest.skip("OLD_RUNNER names no folder with ansible-runner 2.4.0")
    with Simulator(flosum(RUNNING)) as sim:
        job = waiting(tmp_path, sim.options, runner, wait_timeout=6)
        seen: set[int] = set()
        while job.process.poll() is None:
            seen.add(sum("WAITING" in event.get("stdout", "") for event in job.events()))
            time.sleep(0.05)
        _status, output = job.wait()
    lines = [event for event in job.events() if event["event"] == "verbose" and "WAITING" in event.get("stdout", "")]
    assert len(lines) >= 4
    # They were there one after the other, and not all at the end.
    assert len(seen) >= 4, seen
    assert all("[system-1] flosum" in line["stdout"] for line in lines)
    assert "errantly" not in output
    nearly_empty = [
        event for event in job.events() if event["event"] == "verbose" and not event.get("stdout", "").strip()
    ]
    assert nearly_empty == []


def test_a_job_that_is_cancelled_leaves_no_process_and_its_rerun_goes_on(tmp_path: Path) -> None:
    ends = {"set": {"jobStatus": "Completed", "duration": "00:05:00"}}
    with Simulator(flosum(GOOD, {**RUNNING, "name": "Weekly", "after_looks": [{"looks": 5, **ends}]})) as sim:
        hosts = {"system-1": {"backup_connection": {**with_token_file(sim.options, tmp_path), **NOT_LONG}}}
        variables = window(tmp_path, policy="wait", wait_timeout=300)
        job = Job(tmp_path, "changeops.backup.change_window", hosts, variables, {})
        while "WAITING" not in "".join(event.get("stdout", "") for event in job.events()):
            assert job.process.poll() is None, job.wait()
            time.sleep(0.1)
        job.process.send_signal(signal.SIGTERM)
        job.wait(20)
        left = processes_that_name(tmp_path)
        # What AWX does next, where something is left.
        kill_all_that_name(tmp_path)
        assert left == []
        assert [entry for entry in sim.writes if "token" not in entry.path] == []
        again = Job(tmp_path, "changeops.backup.change_window", hosts, variables, {}, ident="2")
        status, output = again.wait()
    assert status == 0, output
    told = report(tmp_path)
    assert (told["verdict"], len(told["runs"])) == ("safe", 2)
    assert told["runs"][0]["ended"] is None


def processes_that_name(folder: Path) -> list[str]:
    """The processes that have this folder among their arguments or in their environment, a moment later."""
    for _attempt in range(50):
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                told = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in told and int(path.name) != os.getpid():
                found.append((path / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:200])
        if not found:
            return []
        time.sleep(0.1)
    return found
