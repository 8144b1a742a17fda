# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not extend it from elsewhere.
"""Which systems can do what not all of them can."""

from __future__ import annotations

from ansible_collections.changeops.backup.plugins.plugin_utils._prose import systems_that


class ModuleDocFragment:
    """Notes that are computed from the tables of the systems, one for each capability that a module is about."""

    # Annotated because the sanity test that reads fragments understands only plain text behind a plain assignment.
    ABORT: str = f"""
---
options: {{}}
notes:
  - Jobs of {systems_that(lambda system: system.CAPABILITIES.abort)} can be stopped; the APIs of the other systems have
    no such call.
"""
    LOG: str = f"""
---
options: {{}}
notes:
  - There are logs of jobs of {systems_that(lambda system: system.CAPABILITIES.log)}; the APIs of the other systems have
    no such call.
"""
    START: str = f"""
---
options: {{}}
notes:
  - Backups of {systems_that(lambda system: system.CAPABILITIES.start)} can be started; the APIs of the other systems
    have no such call.
"""
    SCHEDULE: str = f"""
---
options: {{}}
notes:
  - Schedules of {systems_that(lambda system: system.CAPABILITIES.schedule)} can be turned off and on; the APIs of the
    other systems have no such call.
"""
