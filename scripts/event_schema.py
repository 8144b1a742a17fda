# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what the event source shares with the modules: the options in its documentation, and the schema of all.

With --check only say whether both are up to date. `make states` runs it with all that it needs.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import textwrap
import typing as t
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "extensions" / "eda" / "plugins" / "event_source" / "backup_jobs.py"
SCHEMA = SOURCE.parent / "schemas" / "backup_jobs.json"
TYPES = {"str": "string", "path": "string", "int": "integer", "float": "number", "bool": "boolean", "dict": "object"}
MARK = "  # Those of the modules, from here on as `make states` writes them.\n"


def documentation(text: str) -> dict[str, t.Any]:
    """The options of a text that documents them."""
    options: dict[str, t.Any] = yaml.safe_load(text)["options"]
    return options


def documented(source: str) -> dict[str, t.Any]:
    """All options of the event source, read from its text and not by running it."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENTATION":
            return documentation(str(ast.literal_eval(node.value)))
    raise ValueError("no DOCUMENTATION")


def with_shared(source: str) -> str:
    """The source with the options that it shares with the modules."""
    # Before the imports, so that the script also runs without `make`.
    sys.path.insert(0, str(ROOT / ".cache" / "tree"))
    from ansible_collections.changeops.backup.plugins.doc_fragments._connection import ModuleDocFragment as Connection
    from ansible_collections.changeops.backup.plugins.doc_fragments._selection import ModuleDocFragment as Selection

    options = {**documentation(Connection.DOCUMENTATION), **documentation(Selection.DOCUMENTATION)}
    # It would hide jobs from an event source.
    del options["max_results"]
    shared = yaml.safe_dump(options, sort_keys=False, width=90)
    head, _mark, rest = source.partition(MARK)
    return head + MARK + textwrap.indent(shared, "  ") + rest[rest.index('"""') :]


def plain(described: t.Any) -> str:
    """One text without Ansible's markup."""
    text = " ".join([described] if isinstance(described, str) else described)
    return re.sub(r"\b[A-Z]\(([^()]*)\)", r"\1", text)


def field(name: str, option: dict[str, t.Any]) -> dict[str, t.Any]:
    """The schema of one argument. Values of variables come as texts, and numbers and booleans may be such."""
    kind = TYPES.get(option["type"])
    described = {"title": name.replace("_", " ").capitalize(), "description": plain(option["description"])}
    choices = {"enum": option["choices"]} if "choices" in option else {}
    if option["type"] == "list":
        return {**described, "type": "array", "items": {"type": TYPES[option["elements"]], **choices}}
    return {**described, "type": kind if kind == "string" else [kind, "string"], **choices}


def schema(options: dict[str, t.Any]) -> str:
    """The whole schema."""
    content = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://github.com/changeops/ansible-collection-backup/event_source/backup_jobs.json",
        "title": "Backup jobs",
        "description": "What happens to backup jobs, as events",
        "type": "object",
        "properties": {name: field(name, option) for name, option in options.items()},
        "required": [name for name, option in options.items() if option.get("required")],
    }
    return json.dumps(content, indent=2) + "\n"


def main() -> int:
    """Write, or with --check compare."""
    source = with_shared(SOURCE.read_text(encoding="utf-8"))
    for path, wanted in ((SOURCE, source), (SCHEMA, schema(documented(source)))):
        if "--check" not in sys.argv:
            path.write_text(wanted, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != wanted:
            print(f"{path.relative_to(ROOT)} is not what the options say: make states", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
