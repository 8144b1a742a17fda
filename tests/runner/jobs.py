# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as AWX runs them: ansible-runner, a private data directory, and the environment of credentials."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import jinja2
import yaml

from harness import ROOT

TYPES = {
    str(one["description"]).rpartition("system: ")[2].rstrip(")"): one
    for one in yaml.safe_load((ROOT / "extensions" / "awx" / "credential_types.yml").read_text())
}
# A newest runner, and the one with which lines were lost that a worker had said past Display.
OLD_RUNNER = os.environ.get("OLD_RUNNER")


def injected(system: str, filled_in: t.Mapping[str, t.Any], folder: Path) -> dict[str, str]:
    """Give the environment of a credential as AWX injects it: a field that was left out is an empty text."""
    made = TYPES[system]
    fields = {field["id"]: str(filled_in.get(field["id"], "")) for field in made["inputs"]["fields"]}
    files = {}
    sandbox = jinja2.Environment(undefined=jinja2.StrictUndefined)
    for name, template in made["injectors"]["file"].items():
        path = folder / name
        path.write_text(sandbox.from_string(template).render(fields))
        files[name.partition(".")[2]] = str(path)
    known = {**fields, "tower": {"filename": files}}
    return {name: sandbox.from_string(text).render(known) for name, text in made["injectors"]["env"].items()}


class Job:
    """One run of ansible-runner, in a folder that later runs may share."""

    def __init__(
        self,
        folder: Path,
        playbook: str | list[dict[str, t.Any]],
        hosts: t.Mapping[str, t.Any],
        variables: t.Mapping[str, t.Any],
        environ: t.Mapping[str, str],
        ident: str = "1",
        runner: str | None = None,
    ) -> None:
        for name in ("inventory", "env", "project"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        shared = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        inventory = {"all": {"vars": shared, "children": {"backup_systems": {"hosts": dict(hosts)}}}}
        (folder / "inventory" / "hosts.json").write_text(json.dumps(inventory))
        (folder / "env" / "extravars").write_text(json.dumps(dict(variables)))
        collections = {"ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
        (folder / "env" / "envvars").write_text(json.dumps({**collections, **environ}))
        if isinstance(playbook, list):
            (folder / "project" / "play.yml").write_text(json.dumps(playbook))
            playbook = "play.yml"
        self.artifacts = folder / "artifacts" / ident
        # A shell that runs the tests in the background must not hand on what it ignores.
        bin_folder = Path(runner) if runner else Path(sys.executable).parent
        self.process = subprocess.Popen(
            [str(bin_folder / "ansible-runner"), "run", str(folder), "-p", playbook, "--ident", ident],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"},
            start_new_session=True,
        )

    def wait(self, timeout: float = 100) -> tuple[int, str]:
        """Wait for its end; give the status and what it said."""
        output, _nothing = self.process.communicate(timeout=timeout)
        return self.process.returncode, output

    def events(self) -> list[dict[str, t.Any]]:
        """Give the events that are there, in order."""
        paths = (self.artifacts / "job_events").glob("*.json")
        found = [json.loads(path.read_text()) for path in paths if "partial" not in path.name]
        return sorted(found, key=lambda event: event["counter"])
