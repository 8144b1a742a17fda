# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module says of which systems what it does can be done."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS

CASES = [
    ("backup_job_abort", "abort"),
    ("backup_job_info", "log"),
    ("backup_job_start", "start"),
    ("backup_schedule", "schedule"),
]


@pytest.mark.parametrize(("module", "able"), CASES)
def test_the_notes_name_the_systems_that_can(module: str, able: str) -> None:
    name = f"changeops.backup.{module}"
    done = subprocess.run(["ansible-doc", "--json", name], capture_output=True, text=True, check=True)
    notes = json.loads(done.stdout)[name]["doc"]["notes"]
    (told,) = [note for note in notes if re.search(r"the APIs of the\s+other systems\s+have no such call", note)]
    assert set(re.findall(r"V\((\w+)\)", told)) == {
        name for name, system in SYSTEMS.items() if getattr(system.CAPABILITIES, able)
    }
