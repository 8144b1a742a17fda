# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the filters run, and give what their documentation shows."""

from __future__ import annotations

import functools
import json
import subprocess
import tempfile
import typing as t
from pathlib import Path

import pytest
import yaml

from pages import COLLECTION, ROOT, documented

pytestmark = pytest.mark.xdist_group("filters")
FILTERS = sorted(path.stem for path in (ROOT / "plugins" / "filter").glob("*.yml"))
TYPES: dict[str, type] = {"str": str, "dict": dict, "list": list}
MOMENT = "2026-03-01T21:00:00Z"
JOB = {
    "id": "1817",
    "name": "Weekly files",
    "state": "running",
    "result": None,
    "active": True,
    "kind": "backup",
    "started": MOMENT,
    "continuous": False,
}
LOOK = {"jobs": [JOB], "complete": True, "missing": [], "capabilities": {}, "queried_at": MOMENT}
WAITED = {**LOOK, "verdict": "reached", "unfinished": [JOB], "transitions": [], "elapsed": 12.0, "msg": "Quiet."}
LEDGER = {
    "schema": "changeops.backup/held/1",
    "change": "CHG0012345",
    "system": "veeam_vspc",
    "at": "https://vspc.example:1280",
    "entries": [{"id": "1", "name": "Nightly", "state": "held", "at": MOMENT}],
}
# What the examples take from the playbook around them.
AROUND: dict[str, t.Any] = {
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    "backup_connection": {"system": "avepoint_salesforce"},
    "backup_gate_result": {"verdict": "busy"},
    "backup_verify_result": {"verdict": "safe"},
    "answer": "nightly-*",
    "look": LOOK,
    "made": {"results": [{"verdict": "reached", "started": True, "run": JOB, "msg": "Started."}]},
    "settings": {"project": "Changes", "inventory": "Systems", "change_template": "Patch"},
    "ticket": "CHG0012345",
    "turned_off": {"held": [{"id": "1", "name": "Nightly"}], "msg": "Held 1 schedule."},
    "turned_on": {"released": [{"id": "1", "name": "Nightly"}], "msg": "Gave back 1 schedule."},
    "waited": WAITED,
    "wanted": [{"name": "Nightly"}],
    "window": {"start": None, "end": MOMENT, "latest_start": MOMENT, "duration": 0.0},
    "window_end": "2026-03-01T23:30:00+01:00",
    "window_start": "2026-03-01T22:00:00+01:00",
}


def example(name: str) -> dict[str, t.Any]:
    """Give the only task of a filter's example."""
    (task,) = yaml.safe_load(documented()["filter"][f"{COLLECTION}{name}"]["examples"])
    return dict(task)


@functools.cache
def given() -> dict[str, t.Any]:
    """Run all examples in one play; give the fact that each of them sets."""
    facts = {name: next(iter(example(name)["ansible.builtin.set_fact"])) for name in FILTERS}
    with tempfile.TemporaryDirectory() as folder:
        tasks: list[dict[str, t.Any]] = []
        for name, fact in facts.items():
            # Some set the same fact.
            kept = {"given": f"{{{{ given | default({{}}) | combine({{'{name}': {fact}}}) }}}}"}
            tasks += [example(name), {"name": "Keep it", "ansible.builtin.set_fact": kept}]
        given = {"content": "{{ given | to_json }}", "dest": f"{folder}/given.json", "mode": "0600"}
        tasks.append({"name": "Write them", "ansible.builtin.copy": given})
        around = {**AROUND, "evidence": folder}
        play = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": around, "tasks": tasks}]
        held = Path(folder, around["ticket"], "held", "example.json")
        held.parent.mkdir(parents=True)
        held.write_text(json.dumps(LEDGER), encoding="utf-8")
        Path(folder, "patch.yml").touch()
        book = Path(folder, "play.yml")
        book.write_text(yaml.safe_dump(play), encoding="utf-8")
        command = ["ansible-playbook", "-i", "localhost,", str(book)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(Path(folder, "given.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", FILTERS)
def test_the_example_gives_what_is_documented(name: str) -> None:
    document = documented()["filter"][f"{COLLECTION}{name}"]["return"]["_value"]
    assert f"{COLLECTION}{name}" in str(example(name)), "the example does not use it"
    sample, value = document["sample"], given()[name]
    for one in (sample, value):
        assert isinstance(one, TYPES[document["type"]])
    if isinstance(value, dict):
        assert set(sample) == set(value)
    if isinstance(value, list):
        assert value, "the example gives nothing to compare"
        assert type(sample[0]) is type(value[0])
        assert not isinstance(value[0], dict) or set(sample[0]) == set(value[0])
