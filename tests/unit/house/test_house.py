# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of docs/architecture.md that a machine can read."""

from __future__ import annotations

import ast
import gc
import importlib
import json
import re
import subprocess
import typing as t
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml

from ansible_collections.changeops.backup.plugins.module_utils._job import Counts, Job, Part
from ansible_collections.changeops.backup.plugins.module_utils._options import CONNECTION, INFO, SELECTION
from ansible_collections.changeops.backup.plugins.module_utils._systems import SYSTEMS

NOON = datetime(2026, 3, 1, 12, 0, 0, 250000, tzinfo=timezone.utc)
ROOT = Path(__file__).parents[3]
UTILS = ROOT / "plugins" / "module_utils"
MODULES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
PREFIX = "ansible_collections.changeops.backup.plugins.module_utils."
# Room -> the rooms it may import.
ARROWS: dict[str, set[str]] = {
    "_time": set(),
    "_errors": set(),
    "_slice": {"_errors"},
    "_job": {"_time"},
    "_stream": {"_errors"},
    "_http": {"_errors", "_stream", "_time"},
    "_auth": {"_errors", "_http", "_time"},
    "_system": {"_auth", "_errors", "_http", "_job", "_stream"},
    "_wait": {"_errors", "_job", "_time"},
    "_options": {"_job", "_systems"},
    "_connection": {"_errors", "_http", "_options", "_system", "_time"},
    "_one_by_one": {"_errors", "_job", "_module"},
    "_logs": {"_errors", "_job", "_module", "_one_by_one", "_stream"},
    "_module": {"_connection", "_errors", "_http", "_job", "_options", "_system", "_systems", "_time"},
}


def imports(path: Path) -> set[str]:
    """Give the modules that a file imports."""
    tree = ast.parse(path.read_text())
    return {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }


@pytest.mark.parametrize("room", sorted(ARROWS))
def test_arrows_point_one_way(room: str) -> None:
    rooms = {name[len(PREFIX) :].split(".")[0] for name in imports(UTILS / f"{room}.py") if name.startswith(PREFIX)}
    assert rooms <= ARROWS[room]


def test_the_wait_knows_no_http_and_no_ansible() -> None:
    assert not {
        name for name in imports(UTILS / "_wait.py") if name.split(".")[0] in ("requests", "urllib3", "ansible")
    }


def test_systems_import_without_requests() -> None:
    for path in (UTILS / "_systems").glob("*.py"):
        assert not {name for name in imports(path) if name.split(".")[0] in ("requests", "urllib3", "jwt")}, path.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_is_documentation_and_one_call(path: Path) -> None:
    tree = ast.parse(path.read_text())
    documentation = sum(
        (node.end_lineno or 0) - node.lineno + 1
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "").isupper()
    )
    assert len(path.read_text().splitlines()) - documentation <= 50


def test_no_system_is_named_outside_its_own_file() -> None:
    names = "|".join(SYSTEMS)
    for path in (ROOT / "plugins").rglob("*.py"):
        if path.parent.name in ("_systems", "modules", "doc_fragments"):
            continue
        code = re.sub(r'"""(?:.|\n)*?"""|#.*', "", path.read_text())
        assert not re.search(rf"['\"]({names})['\"]|system\s*==", code), path


def test_every_module_is_in_the_action_group() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert sorted(runtime["action_groups"]["all"]) == [path.stem for path in MODULES]


def returned(path: Path) -> dict[str, t.Any]:
    name = f"ansible_collections.changeops.backup.plugins.modules.{path.stem}"
    documented: dict[str, t.Any] = yaml.safe_load(importlib.import_module(name).RETURN)
    # A module does without it in its own process, not in ours.
    gc.enable()
    return documented


def test_a_job_is_documented_the_same_everywhere_and_as_it_is() -> None:
    fields = [list(returned(path)["jobs"]["contains"]) for path in MODULES if "jobs" in returned(path)]
    empty = Job("flosum", "1", None, None, "running", None, None).to_dict()
    assert len(fields) == 2
    for documented in fields:
        assert documented == list(empty)


def test_job_survives_being_kept_between_slices() -> None:
    job = Job("flosum", "1", "n", None, "running", None, "In Progress", percent=3.5, message="m", run="r")
    assert Job.from_dict(json.loads(json.dumps(job.to_dict())), "r") == job


@pytest.mark.parametrize(
    "job",
    [
        Job("flosum", "1", None, None, "running", None, None),
        Job(
            "rclone",
            '2"\\é\n\u2028',
            "n",
            "t",
            "finished",
            "warning",
            "w",
            NOON,
            NOON,
            1.5,
            99.5,
            NOON,
            Counts(1, 2, 3, 4),
            "m",
        ),
        Job(
            "netapp_bluexp",
            "3",
            None,
            None,
            "idle",
            None,
            "None",
            parts=(Part("p", "finished", "failed"),),
            raw={"a": 1},
        ),
    ],
    ids=["empty", "full", "parts"],
)
def test_a_job_is_the_same_in_json_and_as_a_dict(job: Job) -> None:
    assert json.loads(job.to_json()) == job.to_dict()


def test_every_option_of_every_system_exists() -> None:
    for name, system in SYSTEMS.items():
        used = {option for login in system.LOGINS for option in login.options} | {*system.REQUIRED, *system.OPTIONAL}
        assert used <= set(CONNECTION), name
    assert not set(CONNECTION) & set(SELECTION) & set(INFO)


def test_what_git_holds_names_no_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    forbidden = re.compile(r"/root/|/work/|pypi\.org|registry\.npmjs|galaxy\.ansible\.com")
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file() and path != Path(__file__) and not name.startswith("LICENSES"):
            found = forbidden.search(path.read_text(encoding="utf-8", errors="replace"))
            assert not found, f"{name}: {found and found.group()}"
