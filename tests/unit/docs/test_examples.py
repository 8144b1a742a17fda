# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example, wherever it stands, is one that Ansible takes, and names only what exists."""

from __future__ import annotations

import json
import os
import re
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

from pages import (
    COLLECTION,
    GROUP,
    PAGES,
    ROOT,
    SOURCE,
    blocks,
    documented,
    examples,
    page_name,
    source_documentation,
    uses_in,
)

pytestmark = pytest.mark.xdist_group("examples")
_ROLE_VARIABLE = re.compile(r"\bbackup_(?:gate|drain|verify|report|change_window)_[a-z_]+\b")
_OURS = re.compile(r"\bchangeops\.backup\.(?!docsite\b)([a-z_]+)\b")
Options = dict[str, dict[str, t.Any]]


def options_of(word: str) -> Options:
    """Give the options of a module, or those that all modules of the group have."""
    modules = documented()["module"]
    if word == SOURCE:
        return source_documentation()
    if word != GROUP:
        assert word in modules, f"there is no module {word}"
        found: Options = modules[word]["doc"]["options"]
        return found
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    members = [modules[f"{COLLECTION}{name}"]["doc"]["options"] for name in runtime["action_groups"]["all"]]
    return {name: option for name, option in members[0].items() if all(name in other for other in members)}


def role_variables() -> set[str]:
    """Give the options of all roles, and the facts that they leave."""
    roles = documented()["role"]
    given = {name for role in roles.values() for entry in role["entry_points"].values() for name in entry["options"]}
    results = {f"{role.removeprefix(COLLECTION)}_result" for role in roles}
    return given | results | {"backup_report_files"}


def test_the_pages_hold_blocks_that_these_tests_find() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        marks = text.count("code-block:: yaml") if page.suffix == ".rst" else text.count("```yaml")
        assert len(blocks(page, "yaml")) == marks, page_name(page)


def test_every_plugin_has_an_example() -> None:
    for kind in ("module", "filter"):
        for name, plugin in documented()[kind].items():
            assert (plugin["examples"] or "").strip(), f"{kind} {name} has no example"


def test_every_example_uses_modules_and_options_that_exist() -> None:
    for place, text in examples():
        for word, given in uses_in(yaml.safe_load(text)):
            options = options_of(word)
            # Without options it has those of `module_defaults`, and YAML reads nothing as null.
            given = {} if given is None else given
            assert isinstance(given, dict), f"{place}: {word}: {given!r} are no options, give `name: value` lines"
            names = {alias: name for name in options for alias in (name, *options[name].get("aliases", ()))}
            for option, value in given.items():
                assert option in names, f"{place}: {word} has no option {option}"
                allowed = options[names[option]].get("choices")
                for one in value if isinstance(value, list) else [value]:
                    assert not allowed or "{{" in str(one) or one in allowed, f"{place}: {option} cannot be {one}"


def test_every_variable_of_a_role_that_is_named_exists() -> None:
    known = role_variables()
    for place, text in [(page_name(page), page.read_text(encoding="utf-8")) for page in PAGES] + examples():
        # A name that ends with an underscore stands for several.
        named = {word for word in _ROLE_VARIABLE.findall(text) if not word.endswith("_")}
        assert named <= known, f"{place}: {', '.join(sorted(named - known))}"


def test_everything_of_this_collection_that_is_named_exists() -> None:
    known = {name.removeprefix(COLLECTION) for kind in ("module", "filter", "role") for name in documented()[kind]}
    folders = ("playbooks", "extensions/eda/rulebooks")
    known |= {path.stem for folder in folders for path in (ROOT / folder).glob("*.yml")} | {
        SOURCE.removeprefix(COLLECTION)
    }
    known |= set(yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"])
    for page in PAGES:
        named = set(_OURS.findall(page.read_text(encoding="utf-8")))
        assert named <= known, f"{page_name(page)}: {', '.join(sorted(named - known))}"


def play_of(content: t.Any) -> list[t.Any] | None:
    """Give an example as plays; None where it is none: variables, an inventory, a credential type, a rulebook."""
    if not isinstance(content, list) or any("sources" in item for item in content):
        return None
    if any("hosts" in item for item in content):
        return content
    return [{"name": "Tasks of the page", "hosts": "localhost", "tasks": content}]


def test_every_playbook_passes_the_syntax_check(tmp_path: Path) -> None:
    # What an example takes from elsewhere.
    (tmp_path / "roles" / "patch" / "tasks").mkdir(parents=True)
    mocked = tmp_path / "mocked" / "ansible_collections" / "servicenow" / "itsm" / "plugins" / "modules"
    mocked.mkdir(parents=True)
    for module in ("change_request", "attachment_upload"):
        (mocked / f"{module}.py").touch()
    playbooks = []
    for number, (place, text) in enumerate(examples()):
        plays = play_of(yaml.safe_load(text))
        if plays is not None:
            playbooks.append(tmp_path / f"{number}-{re.sub('[^a-zA-Z]+', '-', place)}.yml")
            playbooks[-1].write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    assert len(playbooks) > len(PAGES)
    # One process for all of them.
    done = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", "--syntax-check", *map(str, playbooks)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": f"{os.environ['ANSIBLE_COLLECTIONS_PATH']}:{tmp_path}/mocked"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("playbook: ") == len(playbooks)


def connections_in(node: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Give the connection of every host of an inventory."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "backup_connection":
                yield value
            else:
                yield from connections_in(value)


def test_every_inventory_is_read_by_ansible_and_has_connection_options_that_exist(tmp_path: Path) -> None:
    command = ["ansible-inventory", "--list"]
    wanted = []
    for number, (place, text) in enumerate(examples()):
        content = yaml.safe_load(text)
        found = list(connections_in(content))
        if play_of(content) is None and found:
            for connection in found:
                assert set(connection) <= set(options_of(GROUP)), place
            wanted.append(place)
            path = tmp_path / f"{number}.yml"
            path.write_text(text, encoding="utf-8")
            command += ["-i", str(path)]
    assert len(wanted) > 3
    # One process for all of them, in which none may be left unread.
    environ = {**os.environ, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environ)
    assert done.returncode == 0, done.stderr
    assert "rclone" in json.loads(done.stdout)["backup_systems"]["hosts"]
