# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a vendor's text may hold that no result of Ansible can."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.job import Job
from ansible_collections.changeops.backup.plugins.module_utils._edge.printing import pieces, take_jobs

NAMES = {
    "half": ("a\ud800b", "a?b"),
    "the other half": ("a\udfffb", "a?b"),
    "halves the wrong way round": ("\udc00\ud800", "??"),
    "a whole one": ("a\U0001f600b", "a\U0001f600b"),
    "a backslash before": ("\\ud800 \\\ud800 \\\\U0001f600", "\\ud800 \\? \\\\U0001f600"),
    "nothing odd": ("caf\u00e9", "caf\u00e9"),
}


def job(name: str, raw: t.Any = None) -> Job:
    return Job("flosum", "1", name, "Backup", "running", None, "In Progress", None, None, None, None, None, raw=raw)


@pytest.mark.parametrize(("name", "told"), NAMES.values(), ids=NAMES)
def test_jobs_when_a_name_holds_half_a_character_then_it_is_replaced(name: str, told: str) -> None:
    (one,) = json.loads("".join(pieces([job(name)], [])))
    assert one["name"] == told


@pytest.mark.parametrize(("name", "told"), NAMES.values(), ids=NAMES)
def test_answer_when_it_holds_half_a_character_then_it_is_replaced(name: str, told: str) -> None:
    answer = {"jobs": [job(name, raw={name: [name, 1, None]})], "unfinished": [{"name": name}], "count": 1}
    assert take_jobs(answer, []) is None
    assert answer["unfinished"] == [{"name": told}]
    (one,) = t.cast("t.Any", answer["jobs"])
    assert (one["name"], one["raw"]) == (told, {told: [told, 1, None]})
