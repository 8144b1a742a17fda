# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The registry of systems.

A module reads the file of its own system only: reading all takes as long as a look. Ansible ships to the target what
it sees imported, also in a function that nobody calls; so the names stand in an import, and a folder is not searched.
"""

from __future__ import annotations

import importlib
import typing as t

if t.TYPE_CHECKING:
    from .contract import BackupSystem


def _every_system() -> None:
    """Never called: Ansible reads here what to ship, and the registry which systems there are."""
    from . import (  # noqa: F401  # Ansible reads it, nobody uses it
        avepoint_iaas_paas,
        avepoint_salesforce,
        flosum,
        netapp_bluexp,
        rclone,
        veeam_vbr,
        veeam_vspc,
    )


# What a function imports is held by its variables.
_NAMES = _every_system.__code__.co_varnames


class _Systems(t.Mapping[str, "type[BackupSystem]"]):
    """Each system by its name, which is that of its file."""

    def __getitem__(self, name: str) -> type[BackupSystem]:
        if name not in _NAMES:
            raise KeyError(name)
        held = vars(importlib.import_module(f".{name}", __package__)).values()
        system: type[BackupSystem] = next(one for one in held if getattr(one, "NAME", None) == name)
        return system

    def __iter__(self) -> t.Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


SYSTEMS = _Systems()
