# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``backup_job_start`` through the door that fits: see ``plugin_utils/_action.py``."""

from __future__ import annotations

from ansible_collections.changeops.backup.plugins.module_utils._edge.start import START
from ansible_collections.changeops.backup.plugins.plugin_utils._action import BackupAction


class ActionModule(BackupAction):
    """The module is complete by itself: what waits elsewhere waits in one piece, so that nothing is started twice."""

    VERB = START
