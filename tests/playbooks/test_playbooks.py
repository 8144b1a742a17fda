# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks a user could have written. Each is also run with --check, and then no write may arrive."""

from __future__ import annotations

import os
import re
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

from harness import STORIES
from simulator import Simulator
from systems import ABORTING, SIMULATED

HERE = Path(__file__).parent


def play(
    playbook: str, folder: Path, options: dict[str, t.Any], *flags: str, fails: bool = False
) -> subprocess.CompletedProcess[str]:
    connection = dict(options)
    if "refresh_token" in connection:
        kept = folder / "refresh-token"
        if not kept.exists():
            kept.write_text(connection["refresh_token"])
        del connection["refresh_token"]
        connection["refresh_token_file"] = str(kept)
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "backup_connection": connection,
    }
    inventory = folder / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"backup": {"hosts": {"backup-system": host}}}))
    ran = subprocess.run(
        ["ansible-playbook", "-i", str(inventory), str(HERE / playbook), *flags],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
    )
    assert (ran.returncode != 0) == fails, ran.stdout + ran.stderr
    return ran


@pytest.mark.parametrize("flags", [(), ("--check",)], ids=["real", "check"])
@pytest.mark.parametrize("system", SIMULATED)
def test_wait_for_the_backup(system: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    with Simulator(str(STORIES / system / "busy_then_done.yml")) as sim:
        ran = play("wait_for_the_backup.yml", tmp_path, sim.options, *flags)
        assert sim.writes == []
        assert sim.refused == []
        # One login for each of the two tasks, however many slices the wait had.
        assert len(sim.logins) == 2
    lines = re.findall(r"^WAITING \[backup-system\] .*", ran.stdout + ran.stderr, re.MULTILINE)
    assert bool(lines) == (not flags)
    for line in lines:
        assert re.search(rf"{system}: \d+ of \d+ done, \d+ running.*, deadline in 00:\d\d:\d\d$", line), line
    assert "Traceback" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("flags", [(), ("--check", "--diff")], ids=["real", "check"])
@pytest.mark.parametrize("system", ABORTING)
def test_abort_the_job(system: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    with Simulator(str(STORIES / system / "will_not_end.yml")) as sim:
        ran = play("abort_the_job.yml", tmp_path, sim.options, *flags)
        stopped = [entry.path for entry in sim.writes]
        assert len(stopped) == len(set(stopped))
        assert bool(stopped) != bool(flags)
        assert sim.refused == []
    assert ("running" in ran.stdout) == bool(flags), "the diff shows before and after"
