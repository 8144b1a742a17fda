# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever says which versions of Ansible and Python are supported says the same."""

from __future__ import annotations

import re
import runpy
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
MATRIX = runpy.run_path(str(ROOT / "scripts" / "matrix.py"))
CORES: dict[str, tuple[str, str]] = MATRIX["CORES"]
OLDEST = min(CORES, key=lambda core: int(core.partition(".")[2]))
# However it is put: "ansible-core 2.16 or later", "ansible-core 2.16.0 and later".
CLAIM = re.compile(r"ansible-core[\s`]+(\d\.\d+)(?:\.0)?\s+(?:and|or)\s+later")


def read(name: str) -> t.Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_oldest_core_is_the_bound_and_there_is_no_upper_one() -> None:
    assert read("meta/runtime.yml")["requires_ansible"] == f">={OLDEST}.0"


@pytest.mark.parametrize("place", ["README.md", "changelogs"])
def test_the_oldest_core_is_told(place: str) -> None:
    path = ROOT / place
    pages = [path] if path.is_file() else [page for page in sorted(path.rglob("*")) if page.is_file()]
    assert {claim for page in pages for claim in CLAIM.findall(page.read_text(encoding="utf-8"))} == {OLDEST}


def test_no_page_says_another() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.rst"), *(ROOT / "roles").rglob("README.md")]
    claims = {(page.name, claim) for page in pages for claim in CLAIM.findall(page.read_text(encoding="utf-8"))}
    assert {claim for _page, claim in claims} <= {OLDEST}, claims


def test_the_workflow_runs_every_core_and_has_every_python() -> None:
    job = read(".github/workflows/change.yml")["jobs"]["matrix"]
    assert job["strategy"]["matrix"]["core"] == list(CORES)
    (pythons,) = [step["with"]["python-version"].split() for step in job["steps"] if "python" in step.get("uses", "")]
    assert {*pythons} == {python for pair in CORES.values() for python in pair} | {MATRIX["MANAGED"]}


def test_the_environment_of_developers_has_the_newest_core() -> None:
    _major, _dot, minor = max(CORES, key=lambda core: int(core.partition(".")[2])).partition(".")
    for name in ("demo.txt", "gates.txt"):
        assert f"ansible-core>=2.19,<2.{int(minor) + 1}\n" in (ROOT / "requirements" / name).read_text(encoding="utf-8")


def test_modules_name_the_oldest_python_of_a_managed_host() -> None:
    assert read("tests/config.yml")["modules"]["python_requires"] == f">={MATRIX['MANAGED']}"
    assert f"Python {MATRIX['MANAGED']} or later" in (ROOT / "README.md").read_text(encoding="utf-8")
