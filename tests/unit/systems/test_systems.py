# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every system of the registry is known to the tests: what tests/systems lacks is red here, and only here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import systems
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from simulator.vendors import VENDORS
from systems import KNOWN, WANTING
from systems.shortcomings import shortcomings, shortcomings_played


@pytest.mark.parametrize("system", sorted({*SYSTEMS, *VENDORS}))
def test_every_system_has_one_place_in_the_tests(system: str) -> None:
    assert system in SYSTEMS, f"tests/simulator/vendors/{system}.py simulates no system of the registry"
    assert system not in WANTING, (
        f"{WANTING[system]}. Write tests/systems/{system}.py, as known.py beside it says and its neighbours are: "
        f"until it can be read, no test looks at what {system} does, not even that of damaged answers"
    )
    known = KNOWN[system]
    wrong = [*shortcomings(SYSTEMS[system], known), *shortcomings_played(SYSTEMS[system], known)]
    assert not wrong, f"tests/systems/{system}.py: {'; '.join(wrong)}"


def test_no_file_describes_a_system_that_is_not_there() -> None:
    files = {path.stem for path in Path(systems.__file__).parent.glob("*.py")} - {"__init__", "known", "shortcomings"}
    assert files <= set(SYSTEMS), f"not in the registry: {', '.join(sorted(files - set(SYSTEMS)))}"


def test_a_file_that_is_missing_or_broken_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("good", "KNOWN = 7"), ("broken", "KNOWN = 1 / 0"), ("empty", "")):
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(systems, "__path__", [str(tmp_path)])
    found: Mapping[str, object]
    found, wanting = systems.gather(["good", "broken", "empty", "missing"])
    assert found == {"good": 7}
    assert wanting == {
        "broken": "ZeroDivisionError: division by zero",
        "empty": "AttributeError: module 'systems.empty' has no attribute 'KNOWN'",
        "missing": "ModuleNotFoundError: No module named 'systems.missing'",
    }
