# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What the documentation says of systems, taken from their tables: so a new one needs no other words."""

from __future__ import annotations

import typing as t

from ansible_collections.changeops.backup.plugins.module_utils._edge.connection import usable
from ansible_collections.changeops.backup.plugins.module_utils._systems.contract import BackupSystem
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS


def values(words: t.Iterable[str]) -> str:
    """List values as Ansible's documentation marks them: ``V(a), V(b) and V(c)``."""
    *most, last = [f"V({word})" for word in words]
    return f"{', '.join(most)} and {last}" if most else last


def systems_that(say: t.Callable[[type[BackupSystem]], t.Any]) -> str:
    """List the systems of which this is true."""
    return values(name for name in sorted(SYSTEMS) if say(SYSTEMS[name]))


def systems_with(option: str) -> str:
    """List the systems that can use a connection option."""
    return systems_that(lambda system: option in usable(system))


def regions() -> str:
    """Say which regions there are for which systems."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(SYSTEMS):
        if SYSTEMS[name].REGIONS:
            alike.setdefault(tuple(SYSTEMS[name].REGIONS), []).append(name)
    return ". ".join(f"For {values(names)} one of {values(known)}" for known, names in alike.items())
