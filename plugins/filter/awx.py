# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks for AWX compute. Done in ``plugin_utils/_awx.py``, which knows no Ansible."""

from __future__ import annotations

import typing as t

from ansible_collections.changeops.backup.plugins.filter.runbook import as_filter
from ansible_collections.changeops.backup.plugins.plugin_utils import _awx


def awx_objects(settings: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Give the arguments of the objects in AWX."""
    return _awx.objects(settings)


def wanted_names(text: t.Any) -> list[dict[str, str]]:
    """Give the objects that an answer names, one a line."""
    return _awx.wanted(text)


class FilterModule:
    """The filters, each under the name of its function."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Give the filters."""
        return {compute.__name__: as_filter(compute) for compute in (awx_objects, wanted_names)}
