# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/states.md is what the registry of systems says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def check(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the script on a checkout."""
    command = [sys.executable, str(root / "scripts" / "states.py"), "--check"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_page_of_states_is_up_to_date() -> None:
    done = check(ROOT)
    assert done.returncode == 0, done.stderr


def test_a_page_that_differs_is_found_and_the_command_is_named(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "scripts" / "states.py", tmp_path / "scripts")
    text = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    (tmp_path / "docs" / "states.md").write_text(text.replace("`failed`", "`success`", 1), encoding="utf-8")
    done = check(tmp_path)
    assert done.returncode == 1
    assert "make states" in done.stderr
