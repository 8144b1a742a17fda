# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The descriptions of the connection options stay true when a new system uses one of them."""

from __future__ import annotations

import re

import pytest
import yaml

from ansible_collections.changeops.backup.plugins.doc_fragments import _connection
from ansible_collections.changeops.backup.plugins.module_utils._edge.connection import usable
from ansible_collections.changeops.backup.plugins.module_utils._edge.options import CONNECTION
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS

NOTED = set(re.findall(r"@notes\.(\w+)@", _connection._TEXT))


def test_every_option_is_described() -> None:
    described = yaml.safe_load(_connection.ModuleDocFragment.DOCUMENTATION)["options"]
    assert set(described) == set(CONNECTION)
    assert NOTED


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_a_system_says_what_is_its_own_about_an_option(system: str) -> None:
    chosen = SYSTEMS[system]
    silent = NOTED & usable(chosen) - set(chosen.OPTION_NOTES)
    assert not silent, (
        f"{system}: its OPTION_NOTES say nothing of {', '.join(sorted(silent))}, and the description of the option "
        f"(plugins/doc_fragments/_connection.py) leaves to each system what it is there"
    )
    lost = set(chosen.OPTION_NOTES) - NOTED
    assert not lost, (
        f"{system}: no @notes.{min(lost)}@ in plugins/doc_fragments/_connection.py shows what it says of it"
    )
    unused = set(chosen.OPTION_NOTES) - usable(chosen)
    assert not unused, f"{system}: OPTION_NOTES speaks of {min(unused)}, which it does not use"
    for note in chosen.OPTION_NOTES.values():
        assert f"For V({system}), {note}." in " ".join(_described())


def _described() -> list[str]:
    options = yaml.safe_load(_connection.ModuleDocFragment.DOCUMENTATION)["options"].values()
    texts = [option["description"] for option in options]
    return [one for text in texts for one in (text if isinstance(text, list) else [text])]


def test_the_words_that_are_not_computed_name_no_system() -> None:
    """They would be true of that one, and perhaps not of the next one that uses the option."""
    names = {word for system in SYSTEMS.values() for word in (system.NAME, system.TITLE.split()[0])}
    assert not re.findall(rf"\b(?:{'|'.join(sorted(names))})\b", _connection._TEXT)
