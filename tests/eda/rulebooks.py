# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebooks as they are, by a real ansible-rulebook before a real rclone. Run by `make test-eda`: Java is slow."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from harness import Rclone

LONG = 120.0


@pytest.fixture(name="rclone")
def _rclone(tmp_path: Path) -> t.Iterator[Rclone]:
    server = Rclone(tmp_path)
    yield server
    server.stop()


class Rulebook:
    """One that runs until it is stopped. Its playbook notes each event that it was started for."""

    def __init__(self, name: str, rclone: Rclone, folder: Path, note: str) -> None:
        self.notes = folder / "notes"
        self.notes.mkdir(exist_ok=True)
        playbook = folder / "noted.yml"
        task = {"ansible.builtin.copy": {"content": note, "dest": f"{self.notes}/{{{{ now().timestamp() }}}}"}}
        playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
        inventory = folder / "inventory.yml"
        python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}", "ansible_connection": "local"}
        inventory.write_text(json.dumps({"all": {"hosts": {"localhost": python}}}))
        variables = folder / "vars.yml"
        given = {f"backup_{option}": value for option, value in rclone.options.items()}
        given |= {"change_playbook": str(playbook), "incident_playbook": str(playbook), "backup_interval": 1}
        given["backup_state_file"] = str(folder / "state.json")
        variables.write_text(json.dumps(given))
        self.log = folder / "rulebook.log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                ["ansible-rulebook", "-r", f"changeops.backup.{name}", "-i", str(inventory), "--vars", str(variables)],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )

    def noted(self) -> list[str]:
        """What the playbook noted so far."""
        return [note.read_text() for note in sorted(self.notes.iterdir())]

    def until(self, count: int) -> list[str]:
        """Wait for so many notes."""
        end = time.monotonic() + LONG
        while len(self.noted()) < count:
            assert time.monotonic() < end, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.2)
        return self.noted()

    def stop(self) -> None:
        """End it as a service manager does."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=LONG)


def test_a_change_goes_on_when_backups_are_idle(rclone: Rclone, tmp_path: Path) -> None:
    rclone.call("core/bwlimit", rate="64k")
    rclone.copy(4_000_000, "nightly")
    rulebook = Rulebook("continue_when_idle", rclone, tmp_path, "{{ backup_event_id }}")
    try:
        state, end = tmp_path / "state.json", time.monotonic() + LONG
        while not state.exists() or '"quiet": false' not in state.read_text():
            assert time.monotonic() < end, rulebook.log.read_text()
            time.sleep(0.2)
        assert rulebook.noted() == []
        rclone.call("core/bwlimit", rate="off")
        assert len(rulebook.until(1)[0]) == 32
    finally:
        rulebook.stop()
    assert rclone.password not in rulebook.log.read_text()


def test_an_incident_is_opened_once_for_a_failed_backup_over_a_restart(rclone: Rclone, tmp_path: Path) -> None:
    rclone.copy(1000, "nightly", source="/nowhere/at/all")
    note = "{{ incident_correlation_id }} {{ incident_short_description }} {{ incident_event.job.name }}"
    for _again in range(2):
        rulebook = Rulebook("incident_on_failure", rclone, tmp_path, note)
        try:
            told = rulebook.until(1)
            # The source looks every second: what is to be told again has been by now.
            time.sleep(5)
        finally:
            rulebook.stop()
    assert len(rulebook.noted()) == 1
    assert "it ended: failed" in told[0]
    assert told[0].endswith(" nightly")
