# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of the documentation, the examples in them, and what Ansible itself reads of our documentation."""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
import textwrap
import typing as t
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
RST = ROOT / "docs" / "docsite" / "rst"
GUIDES = sorted(RST.glob("guide_*.rst"))
README = ROOT / "README.md"
PAGES = [*GUIDES, README, *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "roles").glob("*/README.md"))]
COLLECTION = "changeops.backup."
SOURCE = "changeops.backup.backup_jobs"
EVENT_SOURCES = ROOT / "extensions" / "eda" / "plugins" / "event_source"
GROUP = "group/changeops.backup.all"
_RST_BLOCK = re.compile(r"^( *)\.\. code-block:: (\w+)\n((?:(?:\1 +.*)?\n)+)", re.MULTILINE)
_MD_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    """Give the code blocks of one language."""
    text = page.read_text(encoding="utf-8")
    found = (
        [(kind, textwrap.dedent(body)) for _indent, kind, body in _RST_BLOCK.findall(text)]
        if page.suffix == ".rst"
        else _MD_BLOCK.findall(text)
    )
    return [body for kind, body in found if kind == language]


@functools.cache
def documented() -> dict[str, dict[str, t.Any]]:
    """Give what ``ansible-doc`` knows: type of plugin -> name -> its documentation."""
    command = ["ansible-doc", "--metadata-dump", "--no-fail-on-errors", COLLECTION.rstrip(".")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    told: dict[str, dict[str, t.Any]] = json.loads(done.stdout)["all"]
    return told


def told_by_source(name: str) -> t.Any:
    """Give what the event source says of itself, read and not run: ansible-doc knows no such plugins."""
    for node in ast.parse((EVENT_SOURCES / "backup_jobs.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return yaml.safe_load(ast.literal_eval(node.value))
    raise ValueError(name)


def source_documentation() -> dict[str, dict[str, t.Any]]:
    """Give the options of the event source."""
    options: dict[str, dict[str, t.Any]] = told_by_source("DOCUMENTATION")["options"]
    return options


def examples() -> list[tuple[str, str]]:
    """Give every example in YAML, with the place where it stands."""
    found = [
        (f"{page_name(page)} {number}", text) for page in PAGES for number, text in enumerate(blocks(page, "yaml"), 1)
    ]
    for kind in ("module", "filter"):
        found += [(f"EXAMPLES of {name}", plugin["examples"]) for name, plugin in documented()[kind].items()]
    found += [(page_name(path), path.read_text(encoding="utf-8")) for path in sorted((ROOT / "examples").glob("*.yml"))]
    return found


def uses_in(node: t.Any) -> t.Iterator[tuple[str, t.Any]]:
    """Give every use of something of this collection in a playbook, with what is given to it."""
    if isinstance(node, list):
        for item in node:
            yield from uses_in(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == GROUP or str(key).startswith(COLLECTION):
                yield key, value
            else:
                yield from uses_in(value)
