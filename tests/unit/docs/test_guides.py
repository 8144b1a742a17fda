# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides are complete, and what they tell a user to type exists."""

from __future__ import annotations

import ast
import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.changeops.backup.plugins.module_utils._edge import connection as _connection
from ansible_collections.changeops.backup.plugins.module_utils._edge.addresses import variable
from ansible_collections.changeops.backup.plugins.module_utils._http.call import Call
from ansible_collections.changeops.backup.plugins.module_utils._http.response import Response
from ansible_collections.changeops.backup.plugins.module_utils._systems.contract import BackupSystem
from ansible_collections.changeops.backup.plugins.module_utils._systems.reading import as_text
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from ansible_collections.changeops.backup.plugins.module_utils._systems.selection import Selection
from pages import COLLECTION, GROUP, GUIDES, PAGES, ROOT, RST, blocks, uses_in
from systems.known import Known
from systems.shortcomings import shortcomings

HEADINGS = (
    "Credentials, step by step",
    "Permissions",
    "Options",
    "Ways to log in",
    "Playbook",
    "What its words mean",
    "What the API cannot do",
    "What is not known",
    "If it fails",
)
_VARIABLE = re.compile(r"\bBACKUP_[A-Z0-9_]+")
_MESSAGES_PART = re.compile(r"^(?:If it fails|Messages that every system can give)$", re.MULTILINE)
_MESSAGE = re.compile(r"^   \* - ``(.+)``$", re.MULTILINE)


def guide(system: str) -> Path:
    return RST / f"guide_{system}.rst"


def variables_of(system: type[BackupSystem]) -> set[str]:
    usable = _connection.usable(system) | _connection._GENERAL - {"system"}
    return {variable(system, option) for option in usable}


KNOWN_VARIABLES = set().union(*map(variables_of, SYSTEMS.values()))


def test_every_guide_belongs_to_a_system_or_to_all_and_is_listed() -> None:
    listed = [
        name
        for section in yaml.safe_load((RST.parent / "extra-docs.yml").read_text())["sections"]
        for name in section["toctree"]
    ]
    wrong = ", ".join(sorted({*listed} ^ {page.stem for page in GUIDES})) or len(listed) != len(GUIDES)
    assert not wrong, f"docs/docsite/extra-docs.yml lists each guide once: {wrong}"
    of_systems = {f"guide_{name}" for name in SYSTEMS}
    assert of_systems <= set(listed), "a system without a guide"
    for page in GUIDES:
        label = f".. _ansible_collections.changeops.backup.docsite.{page.stem}:\n"
        assert label in page.read_text(encoding="utf-8"), page.name


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_the_guide_of_a_system_has_every_part(system: str) -> None:
    assert guide(system).is_file(), f"{system} has no guide: copy the nearest one to {guide(system).relative_to(ROOT)}"
    text = guide(system).read_text(encoding="utf-8")
    for heading in HEADINGS:
        assert f"\n{heading}\n{'-' * len(heading)}\n" in text, f"{system}: no part {heading!r}"
    assert f"system: {system}" in text
    assert f"docs/states.md#{system}>" in text
    used = {word for block in blocks(guide(system), "yaml") for word, _options_ in uses_in(yaml.safe_load(block))}
    wanted = {GROUP, f"{COLLECTION}backup_job_info", f"{COLLECTION}backup_job_wait"}
    if SYSTEMS[system].CAPABILITIES.abort:
        wanted.add(f"{COLLECTION}backup_job_abort")
    assert used == wanted


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_the_guide_of_a_system_lists_every_option_and_login(system: str) -> None:
    text = guide(system).read_text(encoding="utf-8")
    chosen = SYSTEMS[system]
    needed = _connection.usable(chosen) | ({"region", "url"} if chosen.REGIONS else {"url"})
    for option in sorted(needed):
        assert f"``{variable(chosen, option)}``" in text, f"{system}: {option} is not told"
        assert f"#module:{option}`" in text, f"{system}: {option} is not linked"
    ways = text.partition("\nWays to log in\n")[2].partition("\nPlaybook\n")[0]
    for login in chosen.LOGINS:
        for option in login.options:
            assert f"``{option}``" in ways or option == "refresh_token", f"{system}: no word on a login by {option}"
    for region in chosen.REGIONS:
        assert f":ansval:`{region}`" in text, f"{system}: region {region} is not told"


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_the_guide_of_a_system_names_only_its_own_variables(system: str) -> None:
    named = set(_VARIABLE.findall(guide(system).read_text(encoding="utf-8")))
    assert named
    assert named <= variables_of(SYSTEMS[system])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_variable_is_one_that_is_looked_up(page: Path) -> None:
    assert set(_VARIABLE.findall(page.read_text(encoding="utf-8"))) <= KNOWN_VARIABLES


def test_every_message_that_a_guide_explains_is_one_of_ours() -> None:
    said: list[str] = []
    for path in sorted((ROOT / "plugins" / "module_utils").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.append(node.value)
    for page in GUIDES:
        explained = _MESSAGES_PART.split(page.read_text(encoding="utf-8"))[1:]
        for message in _MESSAGE.findall("".join(explained)):
            pieces = [piece.strip(" :.,") for piece in message.split("…")]
            for piece in filter(None, pieces):
                assert any(piece in text for text in said), f"{page.name}: nothing says {piece!r} ({message})"


class Server:
    """The transport's place: a list on pages of two, and each of its jobs alone."""

    def __init__(self, jobs: list[dict[str, t.Any]]) -> None:
        self._jobs = jobs

    def read(self, call: Call, parse: t.Callable[[Response], t.Any]) -> t.Any:
        name = call.url.rpartition("/")[2]
        if name == "jobs":
            offset = int(dict(call.query or ())["offset"])
            answer = 200, {"jobs": self._jobs[offset : offset + 2], "total": len(self._jobs)}
        else:
            found = [job for job in self._jobs if str(job["id"]) == name]
            answer = (200, found[0]) if found else (404, {"error": "no such job"})
        response = Response(answer[0], {}, json.dumps(answer[1]).encode())
        assert answer[0] == 200 or call.answered(response)
        return parse(response)


def run_block(source: str, name: str) -> dict[str, t.Any]:
    """Run a block of the guide as the file of that name; give what it holds."""
    space: dict[str, t.Any] = {"t": t, "as_text": as_text, "__name__": name, "__package__": name.rpartition(".")[0]}
    exec(compile(source, "guide_add_a_system.rst", "exec"), space)
    return space


def test_the_example_of_a_new_system_is_a_whole_system() -> None:
    source, _pair, place = blocks(guide("add_a_system"), "python")
    example = run_block(source, f"{BackupSystem.__module__.rpartition('.')[0]}.example")["Example"]
    known = run_block(place, f"{Known.__module__.rpartition('.')[0]}.example")["KNOWN"]
    assert issubclass(example, BackupSystem)
    assert not example.__abstractmethods__
    assert {word: meaning[:2] for word, meaning in example.STATES.items()} == known.words
    assert list(shortcomings(example, known)) == []
    environ = {"BACKUP_EXAMPLE_URL": "https://backup.example", "BACKUP_EXAMPLE_ACCESS_TOKEN": "a-long-token"}
    connection, _credential = _connection.connect(example, {}, environ, print, print)
    system = example(connection, Server(known.answers["list"]["jobs"]))
    listing = system.list_jobs(Selection())
    assert (sorted(listing.jobs), listing.complete, listing.warnings) == (["1", "2", "3", "4"], True, [])
    assert {job_id: (job.state, job.result) for job_id, job in listing.jobs.items()} == {
        str(raw[known.id_field]): known.words[raw["status"]] for raw in known.answers["list"]["jobs"]
    }
    assert list(system.find_jobs(Selection(job_ids=("2", "9", "1"))).jobs) == ["2", "1"]
    for raw, kind, continuous in known.purposes:
        assert (system.to_job(raw).kind, system.to_job(raw).continuous) == (kind, continuous)
    job = system.to_job({"id": 7, "status": "DONE", "ended": "2026-03-01T22:00:00+01:00"})
    assert (job.id, job.state, job.result, job.active) == ("7", "finished", "success", False)
    assert job.to_dict()["finished"] == "2026-03-01T21:00:00Z"


def test_the_example_of_two_fields_makes_one_word_of_them() -> None:
    _source, pair, _place = blocks(guide("add_a_system"), "python")
    word = run_block(pair, "example")["_word"]
    told = [
        ({"state": "running", "result": "none"}, "running"),
        ({"state": "Stopped", "result": "Failed"}, "Stopped Failed"),
        ({"state": "stopped", "result": "failed", "canceled": True}, "stopped canceled"),
        ({"state": "stopped", "result": None}, "stopped"),
        ({"result": "success"}, None),
    ]
    assert [word(raw) for raw, _word in told] == [wanted for _raw, wanted in told]
