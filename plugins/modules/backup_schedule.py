#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: backup_schedule
short_description: Hold schedules during a change, and give them back
version_added: 1.0.0
description:
  - With O(state=held), turns schedules off, so that none begins a run during a change. With O(state=released), turns on
    again what this change turned off and is still off.
  - What was on is written into a ledger before anything is turned off. So it is known after a crash as well, and a
    second run of the task finishes what the first has begun.
  - What somebody else turned off stays off. What somebody else turned on meanwhile is told and not touched.
  - A request is never sent a second time. If its answer is lost, the switch is read.
author:
  - changeops.backup contributors (@changeops)
attributes:
  check_mode:
    support: full
    details:
      - Sends nothing, writes no ledger, and predicts the same RV(ignore:changed).
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - V(held) turns the schedules of the selection off.
      - V(released) gives back what O(change_id) holds; of that, what the selection means. Without a ledger nothing is
        held, and nothing is sent.
    type: str
    choices: [held, released]
    required: true
  change_id:
    description: The change that holds them. One plain name, which can be that of a folder.
    type: str
    required: true
  dest:
    description:
      - Folder of the evidence. The ledger lies in it, as C(<change id>/held/<system>-<mark>.json), of mode 0600.
      - This or O(ledger) is required. Keep it where the next run finds it.
    type: path
  ledger:
    description: File of the ledger, instead of that in O(dest). It is of one change and one system.
    type: path
  job_ids:
    description:
      - Ids of the definitions. An empty list selects none.
      - Where the API has one switch for a whole connection, as that of V(flosum), a selection is refused.
    type: list
    elements: str
    aliases: [job_id]
  names:
    description: Names of the definitions; shell wildcards are understood, letter case counts.
    type: list
    elements: str
  types:
    description: Types of the definitions, in the words of the system.
    type: list
    elements: str
  kinds:
    description: Only definitions that are for this.
    type: list
    elements: str
    choices: [backup, copy, archive, restore, export, other]
  exclude:
    description: Ids, or names with shell wildcards, that are never held. Letter case does not count here.
    type: list
    elements: str
  reason:
    description: Why; it is kept in the result.
    type: str
extends_documentation_fragment:
  - changeops.backup._connection
  - changeops.backup._attributes
  - changeops.backup._capabilities.schedule
notes:
  - Without a selection every schedule is held. What runs for ever in the background is held only if O(job_ids) asks for
    it.
  - A schedule that is held is on again only when it is released. Put the release into C(always), and run the playbook
    C(changeops.backup.release_held) after a run that was killed.
  - Two changes can overlap. The second one finds off what the first one holds, and does not hold it; when the first one
    gives it back, it is on. The second one tells that when it releases.
seealso:
  - module: changeops.backup.backup_job_start
  - module: changeops.backup.backup_job_wait
"""

EXAMPLES = r"""
- name: A change during which no backup begins
  block:
    - name: Hold the schedules
      changeops.backup.backup_schedule:
        system: veeam_vspc
        url: https://vspc.example:1280
        access_token: "{{ vspc_api_key }}"
        state: held
        change_id: CHG0031337
        dest: /var/lib/changes
        exclude: ["*payroll*"]

    - name: Make the change
      ansible.builtin.include_tasks: change.yml
  always:
    - name: Give the schedules back
      changeops.backup.backup_schedule:
        system: veeam_vspc
        url: https://vspc.example:1280
        access_token: "{{ vspc_api_key }}"
        state: released
        change_id: CHG0031337
        dest: /var/lib/changes
"""

RETURN = r"""
held:
  description:
    - Schedules that were turned off (in check mode, that would be). Each with C(id), C(name), C(next_run) as it was
      before, and C(why).
  type: list
  elements: dict
  returned: when the options were good
  sample:
    - id: 00000000-0000-0000-0000-000000000001
      name: Nightly
      next_run: "2026-03-01T22:00:00Z"
      why: null
released:
  description: Schedules that were turned on again (in check mode, that would be). Each with the same fields.
  type: list
  elements: dict
  returned: when the options were good
  sample:
    - id: 00000000-0000-0000-0000-000000000001
      name: Nightly
      next_run: "2026-03-01T22:00:00Z"
      why: null
already:
  description: Schedules that were off, or were given back before, with the reason in C(why).
  type: list
  elements: dict
  returned: when the options were good
  sample:
    - id: 00000000-0000-0000-0000-000000000001
      name: Nightly
      next_run: "2026-03-01T22:00:00Z"
      why: was off when this change began
left_alone:
  description: Schedules that were not touched, with the reason in C(why).
  type: list
  elements: dict
  returned: when the options were good
  sample:
    - id: 00000000-0000-0000-0000-000000000001
      name: Nightly
      next_run: "2026-03-01T22:00:00Z"
      why: "is on: somebody else has turned it on meanwhile"
missed:
  description: Schedules of which a run was due while they were held. Its time is in C(next_run).
  type: list
  elements: dict
  returned: when the options were good
  sample:
    - id: 00000000-0000-0000-0000-000000000001
      name: Nightly
      next_run: "2026-03-01T22:00:00Z"
      why: was due while it was held
change_id:
  description: The O(change_id).
  type: str
  returned: when the options were good
  sample: CHG0012345
ledger:
  description: File of the ledger.
  type: str
  returned: when the options were good
  sample: /var/lib/changes/CHG0012345/held/veeam_vspc-1f0c2b3a.json
reason:
  description: The O(reason).
  type: str
  returned: when the options were good
  sample: CHG0012345
msg:
  description: What happened, in one sentence.
  type: str
  returned: always
  sample: "Veeam Service Provider Console: held 1 schedule (Nightly)."
requests:
  description: Number of HTTP requests.
  type: int
  returned: when the options were good
  sample: 4
logins:
  description: Number of logins.
  type: int
  returned: when the options were good
  sample: 1
throttled_seconds:
  description: Seconds spent waiting because the system asked for it.
  type: float
  returned: when the options were good
  sample: 0.0
"""

import gc

# A short life with many small objects and no cycles. Looking for garbage would take as long as a long list does, and a
# sixth of the time of the imports.
gc.disable()

from ansible_collections.changeops.backup.plugins.module_utils._core.python import require_python

require_python()

from ansible_collections.changeops.backup.plugins.module_utils._edge.module import run_module
from ansible_collections.changeops.backup.plugins.module_utils._edge.schedule import SCHEDULE


def main() -> None:
    """Run the module."""
    run_module(SCHEDULE)


if __name__ == "__main__":
    main()
