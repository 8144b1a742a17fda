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
import sys
import typing as t
from datetime import datetime, timezone
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml

from ansible_collections.changeops.backup.plugins.module_utils._core.job import Counts, Job, Part
from ansible_collections.changeops.backup.plugins.module_utils._edge.abort import ABORT
from ansible_collections.changeops.backup.plugins.module_utils._edge.info import INFO
from ansible_collections.changeops.backup.plugins.module_utils._edge.options import CONNECTION
from ansible_collections.changeops.backup.plugins.module_utils._edge.printing import job_json
from ansible_collections.changeops.backup.plugins.module_utils._edge.schedule import SCHEDULE
from ansible_collections.changeops.backup.plugins.module_utils._edge.start import START
from ansible_collections.changeops.backup.plugins.module_utils._edge.wait import WAIT
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS

NOON = datetime(2026, 3, 1, 12, 0, 0, 250000, tzinfo=timezone.utc)
ROOT = Path(__file__).parents[3]
UTILS = ROOT / "plugins" / "module_utils"
MODULES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
# Wing -> the wings it may import.
ARROWS: dict[str, set[str]] = {
    "_core": set(),
    "_http": {"_core"},
    "_systems": {"_core", "_http"},
    "_wait": {"_core"},
    "_tasks": {"_core", "_http", "_systems", "_wait"},
    "_edge": {"_core", "_http", "_systems", "_tasks"},
}


def imports(path: Path) -> set[str]:
    """Give the modules that a file imports."""
    tree = ast.parse(path.read_text())
    return {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }


def wings_of(path: Path) -> set[str]:
    """Give the wings that a file of a wing imports; inside one, and between them, imports are relative."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    assert not [node.module for node in nodes if (node.module or "").startswith("ansible_collections")], path
    return {(node.module or "").split(".")[0] for node in nodes if node.level == 2}


@pytest.mark.parametrize("wing", sorted(ARROWS))
def test_arrows_point_one_way(wing: str) -> None:
    for path in sorted((UTILS / wing).glob("*.py")):
        assert wings_of(path) <= ARROWS[wing], path


def test_there_are_no_other_wings() -> None:
    assert sorted(path.parent.name for path in UTILS.rglob("*.py")) == sorted(
        path.parent.name for wing in ARROWS for path in (UTILS / wing).glob("*.py")
    )


def test_no_circle_within_a_wing() -> None:
    for wing in ARROWS:
        rooms = {path.stem: path for path in (UTILS / wing).glob("*.py")}
        arrows = {
            name: {
                node.module or alias.name for node in runtime_imports(path) if node.level == 1 for alias in node.names
            }
            for name, path in rooms.items()
        }
        # Sorting fails where there is a circle.
        list(TopologicalSorter(arrows).static_order())


def runtime_imports(path: Path) -> list[ast.ImportFrom]:
    """Give the imports that are not only for types."""
    tree = ast.parse(path.read_text())
    for_types = {
        inner
        for node in tree.body
        if isinstance(node, ast.If)
        for inner in ast.walk(node)
        if isinstance(inner, ast.ImportFrom)
    }
    return [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node not in for_types]


def test_only_the_edge_knows_ansible_and_only_http_knows_requests() -> None:
    for path in UTILS.rglob("*.py"):
        known = {name.split(".")[0] for name in imports(path)}
        assert "ansible" not in known or path.parent.name == "_edge", path
        assert not known & {"requests", "urllib3", "jwt"} or path.parent.name == "_http", path


def test_nothing_is_too_long_to_be_read() -> None:
    for path in (ROOT / "plugins").rglob("*.py"):
        if path.parent.name in ("modules", "doc_fragments"):
            continue
        assert len(path.read_text().splitlines()) <= 350, path
        for node in ast.walk(ast.parse(path.read_text())):
            length = (getattr(node, "end_lineno", 0) or 0) - getattr(node, "lineno", 0) + 1
            assert not isinstance(node, ast.ClassDef) or length <= 200, (path, node.name, length)
            assert not isinstance(node, ast.FunctionDef) or length <= 50, (path, node.name, length)


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
    # Those that take connection options: what the roles use beside them asks no system.
    asking = [path.stem for path in MODULES if "changeops.backup._connection" in path.read_text()]
    assert sorted(runtime["action_groups"]["all"]) == asking


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
    assert json.loads(job_json(job)) == job.to_dict()


def test_every_option_of_every_system_exists() -> None:
    for name, system in SYSTEMS.items():
        used = {option for login in system.LOGINS for option in login.options} | {*system.REQUIRED, *system.OPTIONAL}
        assert used <= set(CONNECTION), name
    for verb in (INFO, WAIT, ABORT, START, SCHEDULE):
        assert not set(CONNECTION) & (set(verb.selection) | set(verb.options))
        assert not set(verb.selection) & set(verb.options)


def test_ansible_sees_each_system_that_is_read_only_when_it_is_asked_for() -> None:
    registry = ast.parse((UTILS / "_systems" / "registry.py").read_text())
    nodes = [node for node in ast.walk(registry) if isinstance(node, ast.ImportFrom) and node.level == 1]
    assert {alias.name for node in nodes if node.module is None for alias in node.names} == set(SYSTEMS)
    wing = SYSTEMS.__class__.__module__.rpartition(".")[0]
    look = f"import sys, {wing}.registry; print(*(name for name in sys.modules if name.startswith('{wing}.')))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"{wing}.registry"]


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
