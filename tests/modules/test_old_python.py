# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A managed host with a Python that is too old: it is told so, and not with a traceback."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import PACKAGE, ROOT

# Those that run: of some there is only the documentation, and an action plugin.
MODULES = [path for path in sorted((ROOT / "plugins" / "modules").glob("*.py")) if "def main" in path.read_text()]
# It says that it is old before anything is imported, as an old one would.
PRETEND = (
    "import runpy, sys; sys.version_info = (3, 8, 18, 'final', 0); runpy.run_module({name!r}, run_name='__main__')"
)


@pytest.mark.parametrize("module", [path.stem for path in MODULES])
def test_module_when_its_python_is_too_old_then_says_which_is_needed(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRETEND.format(name=f"{PACKAGE}.{module}")],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"system": "rclone"}}),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ["PYTHONPATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    result = json.loads(done.stdout)
    assert (done.returncode, done.stderr, result["failed"]) == (1, "", True)
    assert result["msg"].startswith("Nothing was sent: these modules need Python 3.9 or later, and this is 3.8.18")
    assert "ansible_python_interpreter" in result["msg"]


@pytest.mark.parametrize(
    "path", [*MODULES, ROOT / "plugins" / "module_utils" / "_core" / "python.py"], ids=lambda path: path.stem
)
def test_what_is_read_before_the_message_is_understood_by_python_3_6(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 6))
    # 3.6 refuses the whole file for this one line.
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
