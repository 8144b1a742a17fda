# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands around the event source says what its options are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import jsonschema
import pytest
import yaml

from ansible_collections.changeops.backup.plugins.module_utils._edge.options import CONNECTION, SELECTION
from ansible_collections.changeops.backup.plugins.module_utils._edge.watch import OPTIONS
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from pages import EVENT_SOURCES, ROOT, source_documentation, told_by_source

EDA = ROOT / "extensions" / "eda"
TYPE = EVENT_SOURCES / "credential_types" / "backup_jobs"
SPEC = {**CONNECTION, **SELECTION, **OPTIONS}


def schema() -> dict[str, t.Any]:
    """The schema of its arguments."""
    found: dict[str, t.Any] = json.loads((EVENT_SOURCES / "schemas" / "backup_jobs.json").read_text())
    return found


def sources(rulebook: t.Any) -> list[dict[str, t.Any]]:
    """The arguments of our source in a rulebook."""
    return [source["changeops.backup.backup_jobs"] for ruleset in rulebook for source in ruleset["sources"]]


def test_what_is_written_of_the_options_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "event_schema.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_every_option_is_documented_with_its_default_and_choices() -> None:
    options = source_documentation()
    assert options.keys() == SPEC.keys() - {"max_results"}
    for name, option in OPTIONS.items():
        assert options[name].get("default") == option.get("default")
        assert options[name].get("choices") == option.get("choices")
        assert options[name]["type"] == option["type"]


def test_the_schema_is_one_and_takes_the_examples() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    for args in sources(told_by_source("EXAMPLES")):
        jsonschema.validate(args, schema())


@pytest.mark.parametrize("args", [{}, {"system": "tape"}, {"system": "rclone", "events": ["job_gone"]}])
def test_the_schema_refuses_what_cannot_be(args: dict[str, t.Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(args, schema())


def test_the_credential_type_is_made_of_texts_that_are_options() -> None:
    given = yaml.safe_load((TYPE / "input.yml").read_text())
    fields = {field["id"]: field for field in given["fields"]}
    assert fields.keys() <= CONNECTION.keys()
    assert {field["type"] for field in fields.values()} == {"string"}
    assert fields["system"]["choices"] == sorted(SYSTEMS)
    secret = {name for name, field in fields.items() if field.get("secret")}
    assert secret == {name for name in fields if CONNECTION[name].get("no_log")} | {"client_private_key"}
    injected = yaml.safe_load((TYPE / "injectors.yml").read_text())
    assert injected["extra_vars"].keys() == {f"backup_{name}" for name in fields}
    assert all(re.findall(r"\b(\w+) \| default", text)[0] in fields for text in injected["extra_vars"].values())


@pytest.mark.parametrize("path", sorted((EDA / "rulebooks").glob("*.yml")), ids=lambda path: path.stem)
def test_a_rulebook_takes_what_the_credential_type_gives(path: Path) -> None:
    (args,) = sources(yaml.safe_load(path.read_text()))
    assert args.keys() <= SPEC.keys()
    given = yaml.safe_load((TYPE / "input.yml").read_text())
    assert {field["id"] for field in given["fields"]} <= args.keys()


def test_the_extension_is_named() -> None:
    named = yaml.safe_load((ROOT / "meta" / "extensions.yml").read_text())
    assert named == {"extensions": [{"args": {"ext_dir": "eda/plugins/event_source"}}]}
