# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vendors that can be simulated: each file here that is named as the system of a vendor in it."""

from __future__ import annotations

import importlib
import pkgutil

from .base import Vendor


def _gather() -> dict[str, type[Vendor]]:
    vendors = {}
    for file in pkgutil.iter_modules(__path__):
        for value in vars(importlib.import_module(f"{__name__}.{file.name}")).values():
            # Not isinstance(value, type): Python 3.10 takes `list[str]` for a class, and then refuses it.
            if type(value) is type(Vendor) and issubclass(value, Vendor) and vars(value).get("system") == file.name:
                vendors[file.name] = value
    return vendors


VENDORS: dict[str, type[Vendor]] = _gather()
