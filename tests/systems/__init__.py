# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests have to know of each system: one file for each, named as the system is.

``KNOWN`` has all of them, ``PLAYED`` those that the simulator plays. A system of the registry whose file is missing or
broken is in ``WANTING`` with the reason, and makes one test red (tests/unit/systems): not the collection of all.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS

from .known import Known, Played


def gather(names: Iterable[str]) -> tuple[dict[str, Known], dict[str, str]]:
    """Give what the files of these systems say, and of those that say nothing why."""
    known, wanting = {}, {}
    for name in names:
        try:
            known[name] = importlib.import_module(f"{__name__}.{name}").KNOWN
        except Exception as exc:
            wanting[name] = f"{type(exc).__name__}: {exc}"
    return known, wanting


KNOWN, WANTING = gather(sorted(SYSTEMS))
PLAYED: dict[str, Played] = {name: known.played for name, known in KNOWN.items() if known.played is not None}
# Names, for parametrization.
SIMULATED = list(PLAYED)
ABORTING = [name for name in SIMULATED if SYSTEMS[name].CAPABILITIES.abort]
READING = [name for name in SIMULATED if not SYSTEMS[name].CAPABILITIES.abort]

__all__ = ["ABORTING", "KNOWN", "PLAYED", "READING", "SIMULATED", "WANTING", "gather"]
