# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook through both doors: what Ansible puts around a task, and what comes of it in the next one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from doors import comparable
from simulator import Simulator

HERE = Path(__file__).parent
HOSTILE = "{{ lookup('ansible.builtin.pipe', 'touch PWNED') }}"
JOBS = [
    {
        "instanceUid": f"bc04d2e5-dd4c-4f85-af0e-42410600090{number}",
        "name": name,
        "status": "Running",
        "lastRun": "@-60",
        "failureMessage": HOSTILE,
    }
    for number, name in enumerate([HOSTILE, "{% raw %} finance", "{{ 7 * 6 }}"])
]


@pytest.fixture
def silent() -> Iterator[str]:
    """Give the address of a system that takes connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


class Played(t.NamedTuple):
    """What a run left: the facts of each host, and all that was printed."""

    facts: dict[str, t.Any]
    text: str


def play(folder: Path, sim: Simulator, silent: str, worker: bool, how: str) -> Played:
    folder.mkdir()
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "ansible_remote_tmp": str(folder / "tmp"),
    }
    facts = {f"backup_{name}": value for name, value in sim.options.items()}
    facts.update(silent_url=silent, folder=str(folder), how=how)
    inventory = folder / "hosts.yml"
    hosts = dict.fromkeys(("backup-eu", "backup-us"), host)
    inventory.write_text(yaml.safe_dump({"backup": {"hosts": hosts, "vars": facts}}))
    environ = {"CHANGEOPS_BACKUP_IN_WORKER": str(worker), "ANSIBLE_NOCOLOR": "1", "COLUMNS": "200"}
    # Not in the play: Ansible prints its environment at high verbosity.
    environ["BACKUP_VEEAM_VSPC_PASSWORD"] = sim.options["password"]
    ran = subprocess.run(
        ["ansible-playbook", "-i", str(inventory), str(HERE / "doors.yml"), "-vvvv", "-e", f"how={how}"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=folder,
        env={**os.environ, **environ},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ("AnsiballZ_backup_job" in ran.stdout + ran.stderr) != worker
    left = [path for path in (folder / "tmp").glob("*") if path.is_dir()]
    assert left == [] or not worker
    facts = {name: json.loads((folder / f"{name}.json").read_text()) for name in hosts}
    return Played(facts, ran.stdout + ran.stderr)


@pytest.mark.parametrize("how", ["linear", "free"])
def test_what_a_vendor_sends_is_never_a_template(how: str, tmp_path: Path, silent: str) -> None:
    """Nor is anything else different between the two doors."""
    with Simulator({"system": "veeam_vspc", "jobs": JOBS}) as sim:
        worker, module = (play(tmp_path / name, sim, silent, name == "worker", how) for name in ("worker", "module"))
        assert sim.writes == []
        for run in (worker, module):
            for secret in (sim.options["password"], *sim.issued):
                assert secret not in run.text
    assert not list(tmp_path.rglob("PWNED"))
    for facts in (*worker.facts.values(), *module.facts.values()):
        assert facts["looked"]["jobs"][0]["name"] in (HOSTILE, "{% raw %} finance", "{{ 7 * 6 }}")
        assert "{{ 7 * 6 }}" in facts["said"]
        assert "finance" in json.dumps(facts["looped"]["results"][0]), "one item's secret hides nothing in another's"
        assert facts["hidden"]["msg"].startswith("Nothing was sent: job_ids: '7'")
    for host in worker.facts:
        if how == "free":
            # Which host has the turn is not certain there.
            worker.facts[host].pop("waited"), module.facts[host].pop("waited")
        assert alike(worker.facts[host]) == alike(module.facts[host])


def alike(value: t.Any) -> t.Any:
    """Leave out what differs from run to run."""
    if isinstance(value, list):
        return [alike(one) for one in value]
    if not isinstance(value, dict):
        return value
    # On Ansible's own word for a task that took too long, its versions do not agree. How often somebody could look in a
    # second, the scheduler of this machine has a say in.
    vary = {"silent", "warnings", "duration", "requests", "polls", "eta", "elapsed"}
    # Where core 2.19 and later keep that a module has no traceback to show.
    vary.add("failed_when_suppressed_exception")
    return {name: alike(one) for name, one in comparable(value).items() if name not in vary}
