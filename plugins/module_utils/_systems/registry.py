# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The registry of systems.

Static imports and one tuple: Ansible ships to the target only what it sees imported, so a folder cannot be searched.
"""

from __future__ import annotations

from .avepoint_iaas_paas import AvePointIaasPaas
from .avepoint_salesforce import AvePointSalesforce
from .contract import BackupSystem
from .flosum import Flosum
from .netapp_bluexp import NetAppBlueXP
from .rclone import Rclone
from .veeam_vspc import VeeamVspc

SYSTEMS: dict[str, type[BackupSystem]] = {
    system.NAME: system for system in (AvePointIaasPaas, AvePointSalesforce, Flosum, NetAppBlueXP, Rclone, VeeamVspc)
}
