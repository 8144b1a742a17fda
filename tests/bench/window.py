# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole change window costs: the role over fifty systems, beside the same written by hand with ``uri``."""

from __future__ import annotations

import tempfile
import typing as t
from pathlib import Path

import yaml
from spending import Spent, spend

from simulator import Simulator

HERE = Path(__file__).parent
UID = "bc04d2e5-dd4c-4f85-af0e-4241060000{:02d}"


def story(seconds: float) -> dict[str, t.Any]:
    """A console with one job that runs for so long, and nine that ended well."""
    ended = {"status": "Success", "lastRun": "@-3600", "lastEndTime": "@-3000", "lastDuration": 600}
    jobs = [{"instanceUid": UID.format(n), "name": f"Nightly {n}", **ended} for n in range(10)]
    runs = {"status": "Running", "lastRun": "@-300"}
    jobs[0] |= {**runs, "timeline": [{"at": seconds, "set": {"status": "Success", "lastEndTime": "@now"}}]}
    return {"system": "veeam_vspc", "auth": {"accept": ["api_key"]}, "jobs": jobs}


def run(hosts: int, seconds: float, play: t.Any) -> Spent:
    """Run a playbook over so many hosts, ten at a time."""
    with Simulator(story(seconds)) as sim, tempfile.TemporaryDirectory() as folder:
        host = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        inventory = {"all": {"hosts": {f"backup-{number:02d}": host for number in range(hosts)}}}
        inventory["all"]["vars"] = {"backup_connection": dict(sim.options), "evidence": folder}
        paths = [Path(folder, name) for name in ("hosts.yml", "play.yml")]
        for path, content in zip(paths, (inventory, play)):
            path.write_text(yaml.safe_dump(content))
        Path(folder, "change.yml").write_text("- {name: Patch, ansible.builtin.debug: {msg: patched}}\n")
        return spend(["ansible-playbook", "-f", "10", "-i", *map(str, paths)])


def windows(hosts: int = 50, seconds: float = 20.0) -> None:
    """A whole window, in which one job of each system runs for twenty seconds."""
    print(f"\n{f'{hosts} systems, a whole change window':44}{'wall s':>9}{'CPU s':>9}")
    given = {
        "id": "CHG-1",
        "report_dest": "{{ evidence }}",
        "tasks": ["change.yml"],
        "change_duration": "10m",
        "due": "ignore",
        "quiet_period": 2,
    }
    ours = {
        "hosts": "all",
        "gather_facts": False,
        "vars": {f"backup_change_window_{name}": value for name, value in given.items()},
        "roles": ["changeops.backup.backup_change_window"],
    }
    by_hand = yaml.safe_load((HERE / "window_by_hand.yml").read_text())
    for name, play in (("the role backup_change_window", [ours]), ("by hand with uri, without evidence", by_hand)):
        spent = run(hosts, seconds, play)
        print(f"{name:44}{spent.wall:>9.1f}{spent.cpu:>9.2f}")


if __name__ == "__main__":
    windows()
