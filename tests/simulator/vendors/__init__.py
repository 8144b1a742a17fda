# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vendors that can be simulated, one file each."""

from __future__ import annotations

from .avepoint_iaas_paas import AvePointIaasPaas
from .avepoint_salesforce import AvePointSalesforce
from .base import Vendor
from .flosum import Flosum
from .netapp_bluexp import NetAppBlueXP
from .veeam_vspc import VeeamVspc

VENDORS: dict[str, type[Vendor]] = {
    vendor.system: vendor for vendor in (Flosum, AvePointSalesforce, AvePointIaasPaas, NetAppBlueXP, VeeamVspc)
}
