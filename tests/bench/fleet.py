# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many hosts cost: one look each, and a wait each, through both doors and beside what Ansible has.

Processor seconds are those of Ansible and all its children; the system that is looked at runs elsewhere.
"""

from __future__ import annotations

import tempfile
import typing as t
from pathlib import Path

import yaml
from spending import Spent, spend

from simulator import Simulator

UID = "bc04d2e5-dd4c-4f85-af0e-424106000001"
LOOK = {"changeops.backup.backup_job_info": {"job_ids": [UID]}}
WAIT = {"changeops.backup.backup_job_wait": {"job_ids": [UID]}}
FACT = {"ansible.builtin.set_fact": {"looked": True}}
URI = {
    "ansible.builtin.uri": {
        "url": "{{ connection.url }}/api/v3/infrastructure/backupServers/jobs/" + UID,
        "headers": {"Authorization": "Bearer {{ connection.access_token }}", "x-client-version": "3.5.1"},
    }
}


def play(hosts: int, connection: dict[str, t.Any], task: dict[str, t.Any], worker: bool = True) -> Spent:
    """Run a playbook of one task on so many hosts, ten at a time."""
    host = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    inventory = {"all": {"hosts": {f"backup-{number:02d}": host for number in range(hosts)}}}
    inventory["all"]["vars"] = {"connection": connection}
    defaults = {"group/changeops.backup.all": connection}
    book = [{"hosts": "all", "gather_facts": False, "module_defaults": defaults, "tasks": [task]}]
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("hosts.yml", "play.yml")]
        for path, content in zip(paths, (inventory, book)):
            path.write_text(yaml.safe_dump(content))
        command = ["ansible-playbook", "-f", "10", "-i", *map(str, paths)]
        return spend(command, CHANGEOPS_BACKUP_IN_WORKER=str(worker))


def looks(hosts: int = 40) -> None:
    """One look each: the cost of all, and of one above what ``set_fact`` costs."""
    print(f"\n{f'{hosts} hosts, one look each':34}{'wall s':>9}{'CPU s':>9}{'of uri':>9}{'above set_fact, of uri':>25}")
    story = {"system": "veeam_vspc", "auth": {"accept": ["api_key"]}}
    job = {"instanceUid": UID, "name": "Nightly", "status": "Running", "lastRun": "@-60"}
    with Simulator({**story, "jobs": [job]}) as sim:
        ways: dict[str, tuple[dict[str, t.Any], bool]] = {
            "set_fact": (FACT, True),
            "backup_job_info in the worker": (LOOK, True),
            "backup_job_info as a module": (LOOK, False),
            "ansible.builtin.uri": (URI, True),
        }
        spent = {name: play(hosts, sim.options, *how) for name, how in ways.items()}
    uri, base = spent["ansible.builtin.uri"].cpu, spent["set_fact"].cpu
    for name, used in spent.items():
        above = (used.cpu - base) / (uri - base)
        print(f"{name:34}{used.wall:>9.1f}{used.cpu:>9.2f}{used.cpu / uri:>9.3f}{above:>25.3f}")


def waits(hosts: int = 20, seconds: float = 60.0) -> None:
    """A wait of a minute on each."""
    print(f"\n{f'{hosts} hosts, a wait of {seconds:.0f} s each':34}{'wall s':>9}{'CPU s':>9}{'above set_fact':>25}")
    story = {"system": "veeam_vspc", "auth": {"accept": ["api_key"]}}
    ways: dict[str, tuple[dict[str, t.Any], bool]] = {
        "set_fact": (FACT, True),
        "backup_job_wait in the worker": (WAIT, True),
        "backup_job_wait as a module": (WAIT, False),
    }
    base = 0.0
    for name, how in ways.items():
        ends = {"at": seconds, "set": {"status": "Success", "lastEndTime": "@now"}}
        job = {"instanceUid": UID, "name": "Nightly", "status": "Running", "lastRun": "@-60", "timeline": [ends]}
        with Simulator({**story, "jobs": [job]}) as sim:
            used = play(hosts, sim.options, *how)
        base = base or used.cpu
        print(f"{name:34}{used.wall:>9.1f}{used.cpu:>9.2f}{used.cpu - base:>25.2f}")


if __name__ == "__main__":
    looks()
    waits()
