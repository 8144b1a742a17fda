# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not extend it from elsewhere.
"""How jobs are selected, in all modules."""

from __future__ import annotations

import re

from ansible_collections.changeops.backup.plugins.plugin_utils._prose import systems_that

_TEXT = r"""
---
options:
  job_ids:
    description:
      - Ids of the jobs.
      - An empty list selects no job at all; leave the option out to select by the others.
    type: list
    elements: str
    aliases: [job_id]
  names:
    description:
      - Names of the jobs; shell wildcards are understood, letter case counts. A name may also be written as it is.
      - Jobs of @nameless@ have no names. What the name of a job is, the guide of the system says.
    type: list
    elements: str
  types:
    description:
      - Types of the jobs, in the words of the system (or its numbers), whatever the letter case.
      - A job of which the system does not say the name or type may be meant. It is shown and waited for, and never
        stopped.
      - Jobs of @typeless@ have no types.
    type: list
    elements: str
  kinds:
    description:
      - Only jobs that are for this, in the words of this collection. V(backup) makes a restore point of production
        data, V(copy) is of backups, V(other) is sync, report, retention, discovery or check.
      - Where the system does not say what a job is for, it may be meant. It is shown and waited for, and never stopped.
    type: list
    elements: str
    choices: [backup, copy, archive, restore, export, other]
  exclude:
    description:
      - Ids of jobs, or names with shell wildcards, that are left out whatever else selects them. Letter case does not
        count here.
    type: list
    elements: str
  started_after:
    description:
      - Only jobs that started later than this. ISO 8601 with an offset, or an age such as V(90m), V(24h), V(7d).
      - Jobs of @windowed@ cannot be listed without a time window; there it is V(7d) if left out.
      - A job whose start is not known is shown and waited for, and never stopped.
    type: str
  started_before:
    description: Only jobs that started earlier than this; written as O(started_after).
    type: str
  max_results:
    description:
      - At most so many jobs, the newest first.
      - A wait is for those that are shown first.
    type: int
"""
_COMPUTED = {
    "nameless": systems_that(lambda system: not system.CAPABILITIES.names),
    "typeless": systems_that(lambda system: not system.HAS_TYPES),
    "windowed": systems_that(lambda system: system.WINDOW),
}


class ModuleDocFragment:
    """Options of section "selection". What is between two @ comes from the tables of the systems."""

    # Annotated because the sanity test that reads fragments understands only plain text behind a plain assignment.
    DOCUMENTATION: str = re.sub(r"@(\w+)@", lambda found: _COMPUTED[found[1]], _TEXT)
