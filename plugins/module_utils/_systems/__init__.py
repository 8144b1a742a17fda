# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The registry of systems.

Static imports and one tuple: Ansible ships to the target only what it sees imported, so a folder cannot be searched.
"""

from __future__ import annotations

from ansible_collections.changeops.backup.plugins.module_utils._system import BackupSystem
from ansible_collections.changeops.backup.plugins.module_utils._systems.avepoint_iaas_paas import AvePointIaasPaas
from ansible_collections.changeops.backup.plugins.module_utils._systems.avepoint_salesforce import AvePointSalesforce
from ansible_collections.changeops.backup.plugins.module_utils._systems.flosum import Flosum
from ansible_collections.changeops.backup.plugins.module_utils._systems.netapp_bluexp import NetAppBlueXP
from ansible_collections.changeops.backup.plugins.module_utils._systems.rclone import Rclone
from ansible_collections.changeops.backup.plugins.module_utils._systems.veeam_vspc import VeeamVspc

SYSTEMS: dict[str, type[BackupSystem]] = {
    system.NAME: system for system in (AvePointIaasPaas, AvePointSalesforce, Flosum, NetAppBlueXP, Rclone, VeeamVspc)
}
