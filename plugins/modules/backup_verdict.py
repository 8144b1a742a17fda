#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: backup_verdict
short_description: Leave the verdict of a stage of a change window
version_added: 1.0.0
description:
  - The runbook roles of this collection end each stage with it. A playbook needs it only for a stage of its own.
  - It marks the result with the run of Ansible, publishes a summary of less than a kilobyte as
    C(ansible.builtin.set_stats) does, and writes the event of the stage where O(dest) and O(change_id) are given.
  - In a workflow of AWX it publishes the event as well, packed, and as much of it as fits, so that a later job can
    render the evidence without a shared folder.
  - With O(hosts) it judges these hosts together, by the facts C(backup_STAGE_result) that their stages left in this
    very run of Ansible. What a fact, a variable or a cache holds from elsewhere does not count.
  - It works on the control node and never asks a system. It never fails because of a verdict.
author:
  - changeops.backup contributors (@changeops)
attributes:
  action_group:
    support: none
    membership: []
  check_mode:
    support: full
    details:
      - Evidence is written in check mode as well, and says that it is of a rehearsal.
  diff_mode:
    support: N/A
  idempotent:
    support: N/A
options:
  stage:
    description:
      - What the result is of. V(begin) only tells the time. V(stop) is written before jobs are stopped. V(after) is the
        look after the change. V(hold) and V(release) are of schedules, and V(fresh) is of a backup before the change.
    type: str
    required: true
    choices: [begin, gate, hold, drain, stop, fresh, verify, change, release, after, change_window, report]
  entry:
    description: The role that the stage is a part of. Left out, the stage itself. A run is over with the event of this.
    type: str
  goes_on:
    description: Whether more comes in this run where the verdict is V(safe).
    type: bool
  result:
    description: The result, as the filters of the roles give it.
    type: dict
  hosts:
    description: Hosts to judge together, instead of O(result).
    type: list
    elements: str
  alive:
    description: Those of O(hosts) that Ansible has not given up. Of the others nothing is known.
    type: list
    elements: str
  since:
    description: Results that are older than this are of another window, and do not count. ISO 8601.
    type: str
  wanted:
    description: Stages that each of O(hosts) has to have a result of.
    type: list
    elements: str
  phase:
    description: When the hosts are judged. With V(open) the last look is held against O(window) once more.
    type: str
    choices: [gated, open, close]
  scope:
    description: Whether the verdict is for all hosts, or for one.
    type: str
    choices: [fleet, host]
  window:
    description: The window, as P(changeops.backup.change_window#filter) gives it.
    type: dict
  due:
    description: What a job does to the verdict that begins before the change would be over.
    type: str
    choices: [block, warn, ignore]
  outcome:
    description: What became of the change, to be published with the verdict of the look after it.
    type: str
  connection:
    description: The connection of the system. Its name and address go into the event, and nothing else of it.
    type: dict
  dest:
    description: Folder of the evidence, on the control node.
    type: path
  change_id:
    description: The change. One plain path segment.
    type: str
  title:
    description: What the change is about.
    type: str
extends_documentation_fragment:
  - changeops.backup._attributes
seealso:
  - module: changeops.backup.backup_evidence
"""

EXAMPLES = r"""
- name: Leave the verdict of a gate
  changeops.backup.backup_verdict:
    stage: gate
    result: "{{ look | changeops.backup.gate_verdict(inventory_hostname, backup_connection) }}"
    connection: "{{ backup_connection }}"
    dest: /var/lib/changes
    change_id: CHG0012345
"""

RETURN = r"""
result:
  description:
    - The result, with C(run) added. C(verdict) is one of V(safe), V(busy), V(breach), V(cannot_tell), V(closed), and
      C(code) its number from 0 to 4. C(msg) says it in one sentence. Each of C(reasons) has C(host), C(system),
      C(object) and C(why).
  type: dict
  returned: always
  sample:
    verdict: safe
    code: 0
    msg: "Safe: vspc (veeam_vspc): nothing is active (looked at 12 jobs)."
    reasons: []
    jobs: []
    jobs_not_kept: 0
    blockers: []
    warnings: []
    left_out: []
    unseen: []
    complete: true
    drainable: true
    window:
      start: null
      end: "2026-03-01T22:30:00Z"
      latest_start: "2026-03-01T21:45:00Z"
      duration: 2700.0
      start_local: null
      end_local: "2026-03-01T23:30:00+01:00"
    at: "2026-03-01T21:00:00Z"
    run: 20260301T210000Z-6ccabdfc
event:
  description: File of the event, or null.
  type: str
  returned: always
  sample: /var/lib/changes/CHG0012345/events/20260301T210000.833893Z-vspc-gate.json
"""
