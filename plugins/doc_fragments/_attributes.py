# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not extend it from elsewhere.
"""Attributes of the modules."""

from __future__ import annotations


class ModuleDocFragment:
    """What all modules have in common."""

    DOCUMENTATION = r"""
---
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in C(check_mode)) in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second run indicates no change.
  action_group:
    description: Use C(group/changeops.backup.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - changeops.backup.all
"""
