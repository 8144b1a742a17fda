#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: backup_published
short_description: Read what earlier jobs of a workflow published of a stage
version_added: 1.0.0
description:
  - Each stage of a change window publishes a summary of its verdict as C(ansible.builtin.set_stats) does, under the
    name C(backup_STAGE_HOST). AWX makes extra variables of it for the later jobs of the workflow. This reads them back.
  - A failed job does not say why it failed. What this returns does, so it stands before an approval.
  - What was published is never a template. What cannot be read, is of another workflow, or is not there counts as
    V(cannot_tell). So does a host whose slice of the job was lost.
  - It asks no system, and never fails because of a verdict.
author:
  - changeops.backup contributors (@changeops)
attributes:
  action_group:
    support: none
    membership: []
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  stage:
    description: The stage.
    type: str
    required: true
    choices: [gate, drain, verify, change_window, report]
  hosts:
    description:
      - The hosts that have to have a verdict. Left out, those of which one was published.
      - A report is about all hosts, and this does not count for it.
    type: list
    elements: str
  notify:
    description: Whether to publish C(backup_notice), from which AWX makes the text of a notification.
    type: bool
    default: false
  window_end:
    description: End of the window, for the latest start in the notification.
    type: str
  change_duration:
    description: How long the change takes, for the latest start in the notification.
    type: str
extends_documentation_fragment:
  - changeops.backup._attributes
seealso:
  - module: changeops.backup.backup_verdict
"""

EXAMPLES = r"""
- name: Read why the gate was red
  changeops.backup.backup_published:
    stage: gate
    hosts: "{{ ansible_play_hosts_all }}"
  run_once: true
  register: gate

- name: Go on only where waiting can help
  ansible.builtin.assert:
    that:
      - gate.result.verdict == 'busy'
      - gate.result.drainable
"""

RETURN = r"""
result:
  description:
    - C(verdict) over all hosts, with C(code), C(msg), C(reasons) and C(hosts) as every stage returns them. C(drainable)
      says whether nothing but jobs that run stands in the way. C(outcome) of a report is V(done), V(failed) or
      V(not_run).
  type: dict
  returned: always
  sample:
    verdict: busy
    code: 1
    msg: "Busy: vspc: Nightly: it is running."
    reasons: [{host: vspc, system: veeam_vspc, object: Nightly, why: it is running}]
    jobs: []
    at: "2026-03-01T21:00:00.000Z"
    hosts: [{host: vspc, system: veeam_vspc, verdict: busy}]
    unseen: [{host: vspc, system: veeam_vspc, what: jobs of gate, why: of this stage only its verdict was handed on}]
    overridden: null
    drainable: true
    outcome: None
"""
