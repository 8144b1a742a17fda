# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change windows, played: simulated systems, an inventory, a playbook as a user would write it, and what is left."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import yaml

from simulator import Simulator

Story = dict[str, t.Any]


def moment(minutes: float) -> str:
    """A moment so many minutes from now, with an offset that is not UTC's."""
    zone = timezone(timedelta(hours=2))
    return (datetime.now(zone) + timedelta(minutes=minutes)).isoformat()


@dataclass
class System:
    """One inventory host: the story that its system plays, and the variables of the host."""

    story: Story
    variables: dict[str, t.Any] = field(default_factory=dict)


@dataclass
class Played:
    """What a run left behind."""

    folder: Path
    status: int
    output: str
    writes: dict[str, list[str]]
    refused: dict[str, list[t.Any]]

    def changed(self, host: str) -> bool:
        """Say whether the change ran on a host."""
        return (self.folder / f"changed-{host}").exists()

    def evidence(self, change: str) -> Path:
        return self.folder / "evidence" / change

    def report(self, change: str) -> dict[str, t.Any]:
        told: dict[str, t.Any] = json.loads((self.evidence(change) / "report.json").read_text())
        return told

    def events(self, change: str) -> list[dict[str, t.Any]]:
        return [json.loads(path.read_text()) for path in sorted((self.evidence(change) / "events").glob("*.json"))]

    def stages(self, change: str) -> list[str]:
        return [event["stage"] for event in self.events(change)]


class Window:
    """Systems that play their stories, and a folder to run playbooks in, as often as wanted."""

    def __init__(self, folder: Path, systems: t.Mapping[str, System]) -> None:
        self.folder = folder
        self.systems = systems
        self.sims: dict[str, Simulator] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Window:
        hosts = {}
        for host, system in self.systems.items():
            story = self.folder / f"{host}.yml"
            story.write_text(yaml.safe_dump(system.story))
            sim = self.sims[host] = self._stack.enter_context(Simulator(str(story)))
            options = dict(sim.options)
            if "refresh_token" in options:
                kept = self.folder / f"{host}.token"
                kept.write_text(options.pop("refresh_token"))
                options["refresh_token_file"] = str(kept)
            hosts[host] = {"backup_connection": {**options, "unreachable_timeout": 3}, **system.variables}
        shared = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "evidence": str(self.folder / "evidence"),
            "mark": str(self.folder / "changed"),
            "change_file": str(self.folder / "change.yml"),
        }
        inventory = {"all": {"vars": shared, "children": {"backup_systems": {"hosts": hosts}}}}
        (self.folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
        change = [
            {"name": "Patch", "ansible.builtin.file": {"path": "{{ mark }}-{{ inventory_hostname }}", "state": "touch"}}
        ]
        (self.folder / "change.yml").write_text(yaml.safe_dump(change))
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def start(self, plays: t.Sequence[t.Any] | str, *flags: str, **environ: str) -> subprocess.Popen[str]:
        """Start ansible-playbook on plays, or on a playbook by its name."""
        target = plays
        if not isinstance(plays, str):
            target = str(self.folder / "site.yml")
            Path(target).write_text(yaml.safe_dump(list(plays)))
        return subprocess.Popen(
            ["ansible-playbook", "-i", str(self.folder / "inventory.yml"), str(target), *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORKS": "10", **environ},
            start_new_session=True,
        )

    def run(self, plays: t.Sequence[t.Any] | str, *flags: str, **environ: str) -> Played:
        """Run ansible-playbook, and say what it left."""
        process = self.start(plays, *flags, **environ)
        output, _nothing = process.communicate(timeout=350)
        return self.left(process.returncode, output)

    def left(self, status: int, output: str) -> Played:
        """Say what is left; no run may show a bug."""
        assert not re.search("Traceback|A bug in this collection|DEPRECATION", output), output
        writes = {host: [entry.path for entry in sim.writes] for host, sim in self.sims.items()}
        return Played(self.folder, status, output, writes, {host: sim.refused for host, sim in self.sims.items()})


def change_window(hosts: str = "backup_systems", **variables: t.Any) -> dict[str, t.Any]:
    """A play with a whole change window."""
    given = {f"backup_change_window_{name}": value for name, value in variables.items()}
    shared = {
        "backup_change_window_report_dest": "{{ evidence }}",
        "backup_change_window_tasks": ["{{ change_file }}"],
        "backup_change_window_quiet_period": 1,
    }
    role = {"role": "changeops.backup.backup_change_window"}
    return {"hosts": hosts, "gather_facts": False, "vars": {**shared, **given}, "roles": [role]}


# -- stories -------------------------------------------------------------------------------------------------------


def flosum(*jobs: Story, **more: t.Any) -> Story:
    """A Flosum connection with these jobs; without a name of its own, a job is one that ended well an hour ago."""
    common = {"jobStatus": "Completed", "startedDate": "@-3600", "duration": "00:30:00", "records": 5}
    return {"system": "flosum", "jobs": [{"jobId": 100 + n, **common, **job} for n, job in enumerate(jobs)], **more}


def vspc(*jobs: Story, **more: t.Any) -> Story:
    """A console with these jobs."""
    common = {"status": "Success", "lastRun": "@-3600", "lastEndTime": "@-3000", "lastDuration": 600}
    uid = "bc04d2e5-dd4c-4f85-af0e-42410600{:04d}"
    return {
        "system": "veeam_vspc",
        "jobs": [{"instanceUid": uid.format(n), **common, **job} for n, job in enumerate(jobs)],
        **more,
    }


GOOD: Story = {"name": "Nightly objects"}
RUNNING: Story = {"name": "Nightly objects", "jobStatus": "In Progress", "startedDate": "@-240", "duration": "00:04:00"}
