# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would spoil a release is named, and what a run of all versions found stands in its table."""

from __future__ import annotations

import runpy
import shutil
import sys
import typing as t
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "scripts"


@pytest.fixture(name="release")
def _release(monkeypatch: pytest.MonkeyPatch) -> dict[str, t.Any]:
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    return runpy.run_path(str(SCRIPTS / "release.py"))


@pytest.fixture(name="copy")
def _copy(tmp_path: Path) -> Path:
    """Give a collection with one module, of a version that was released, and a page of tested versions."""
    for name in ("changelogs", "docs", "plugins/modules", "roles"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "changelogs" / "changelog.yaml").write_text("releases: {1.0.0: {}}\n")
    (tmp_path / "plugins" / "modules" / "look.py").write_text("version_added: 1.0.0\n  version_added: '1.1.0'\n")
    shutil.copy(ROOT / "execution-environment.yml", tmp_path)
    return tmp_path


def test_a_good_version(release: dict[str, t.Any], copy: Path) -> None:
    assert list(release["of_version"](copy, "1.1.0")) == []


@pytest.mark.parametrize(("version", "says"), [("0.9.0", "no version of a release"), ("1.2.0", "is 1.1.0")])
def test_a_bad_version(release: dict[str, t.Any], copy: Path, version: str, says: str) -> None:
    assert says in " ".join(release["of_version"](copy, version))


@pytest.mark.parametrize(
    ("gone", "says"), [("| 2.16.19 |", "lacks core 2.16: make matrix"), ("passed", "holds a gate that failed")]
)
def test_versions_that_were_not_tested(release: dict[str, t.Any], copy: Path, gone: str, says: str) -> None:
    rows = "".join(f"| {core}.19 | 3.12 | `doors` | passed | 9 | 2026-03-01 |\n" for core in release["CORES"])
    (copy / "docs" / "tested_versions.md").write_text(rows.replace(gone, "| failed |", 1))
    assert says in " ".join(line for line in release["of_pages"](copy, "1.0.0") if "tested_versions" in line)


def test_a_tarball_of_another_version_in_the_execution_environment(release: dict[str, t.Any], copy: Path) -> None:
    assert "does not name changeops-backup-7.0.0.tar.gz" in " ".join(release["of_pages"](copy, "7.0.0"))


def test_a_gate_that_failed_stands_in_the_table_and_above_it() -> None:
    matrix = runpy.run_path(str(SCRIPTS / "matrix.py"))
    rows = [
        matrix["Row"]("2.16.19", "3.10", "doors", True, 61.2, "2026-03-01"),
        matrix["Row"]("2.21.5", "3.13", "sanity", False, 9.0, "2026-03-01"),
    ]
    page = matrix["page"](rows)
    assert "1 of 2 gates failed." in page
    assert "| 2.16.19 | 3.10 | `doors` | passed | 61 | 2026-03-01 |\n" in page
    assert page.endswith("| 2.21.5 | 3.13 | `sanity` | failed | 9 | 2026-03-01 |\n")
    again = matrix["Row"]("2.21.6", "3.13", "sanity", True, 8.0, "2026-03-02")
    page = matrix["page"]([*matrix["rows_of"](page), again])
    assert "Every gate was passed." in page
    assert page.endswith("| 61 | 2026-03-01 |\n| 2.21.6 | 3.13 | `sanity` | passed | 8 | 2026-03-02 |\n")


def test_a_core_that_is_not_known_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORES", "2.15")
    assert runpy.run_path(str(SCRIPTS / "matrix.py"))["main"]() == 2
    assert "2.15: there are 2.16, " in capsys.readouterr().err
