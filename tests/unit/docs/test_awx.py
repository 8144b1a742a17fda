# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""extensions/awx is what the registry of systems and the playbooks say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "extensions" / "awx"


def data(name: str) -> t.Any:
    return yaml.safe_load((DATA / f"{name}.yml").read_text(encoding="utf-8"))


def check(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the script on a checkout."""
    command = [sys.executable, str(root / "scripts" / "awx.py"), "--check"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_credential_types_are_up_to_date() -> None:
    done = check(ROOT)
    assert done.returncode == 0, done.stderr


def test_credential_types_that_differ_are_found_and_the_command_is_named(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "extensions" / "awx").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "awx.py", tmp_path / "scripts")
    text = (DATA / "credential_types.yml").read_text(encoding="utf-8")
    (tmp_path / "extensions" / "awx" / "credential_types.yml").write_text(
        text.replace("secret: true", "secret: false", 1)
    )
    done = check(tmp_path)
    assert done.returncode == 1
    assert "make awx" in done.stderr


def test_every_answer_of_the_survey_is_read_and_no_other_is() -> None:
    asked = {question["variable"] for question in data("survey")["spec"]}
    files = [*(ROOT / "playbooks").glob("*.yml"), ROOT / "roles" / "backup_change_window" / "tasks" / "answers.yml"]
    read = {name for path in files for name in re.findall(r"\bbackup_awx_[a-z]\w*", path.read_text(encoding="utf-8"))}
    assert asked == read


def test_every_node_is_of_a_job_template_whose_playbook_is_there_and_leads_on() -> None:
    templates = {one["name"]: one["playbook"] for one in data("job_templates")}
    nodes = {one["identifier"]: one for one in data("workflow")}
    assert all((ROOT / "playbooks" / playbook).is_file() for playbook in templates.values())
    assert {one["template"] for one in nodes.values() if "template" in one} == templates.keys() - {"whole window"}
    for name, node in nodes.items():
        after = [*node.get("success", ()), *node.get("failure", ()), *node.get("always", ())]
        assert set(after) <= nodes.keys()
        # What fails unheard would make the workflow red before it has told why, or green where nobody looked.
        assert "always" in node or {"success", "failure"} <= node.keys() or name == "verdict"
    assert [name for name, node in nodes.items() if "change" in node.get("success", ())] == ["may_begin"]
