#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: backup_evidence
short_description: Render the evidence of a change
version_added: 1.0.0
description:
  - Makes C(report.html), C(report.json), C(jobs.csv), C(summary.md) and C(SHA256SUMS) from the events of a change.
  - Where the folder has none, it takes what earlier jobs of the workflow have published, and writes that into the
    folder as its events. Where it has some, what was published can make the verdict worse, and never better.
  - The events are the truth, and are never changed. Rendering again gives the same files but for the time.
  - The role P(changeops.backup.backup_report#role) does this for you.
author:
  - changeops.backup contributors (@changeops)
attributes:
  action_group:
    support: none
    membership: []
  check_mode:
    support: full
    details:
      - Evidence is written in check mode as well.
  diff_mode:
    support: N/A
  idempotent:
    support: N/A
options:
  dest:
    description: Folder of the evidence, on the control node. The events of the change lie in C(DEST/CHANGE_ID/events).
    type: path
    required: true
  change_id:
    description: The change. One plain path segment.
    type: str
    required: true
  title:
    description: What the change is about. Left out, what the events say.
    type: str
  hosts:
    description:
      - Hosts that have to have a result. One that has none makes the verdict V(cannot_tell).
      - Left out, and where there are no events but what was published, those of the play that have a
        C(backup_connection).
    type: list
    elements: str
  stage_of_its_own:
    description: Whether to write an event of it, and to publish a summary.
    type: bool
    default: true
extends_documentation_fragment:
  - changeops.backup._attributes
seealso:
  - module: changeops.backup.backup_verdict
"""

EXAMPLES = r"""
- name: Render the evidence again
  ansible.builtin.include_role:
    name: changeops.backup.backup_report
  vars:
    backup_report_dest: /var/lib/changes
    backup_report_change_id: CHG0012345
"""

RETURN = r"""
result:
  description:
    - The verdict of the report, with C(code), C(msg), C(reasons), C(outcome), C(unseen), C(overridden), C(rehearsal).
  type: dict
  returned: always
  sample:
    verdict: safe
    code: 0
    msg: "Safe: vspc (veeam_vspc): nothing stands in the way."
    reasons: []
    jobs: []
    outcome: done
    overridden: null
    rehearsal: false
    unseen: []
    at: "2026-03-01T23:04:12Z"
    run: 20260301T230000Z-6ccabdfc
files:
  description: The files that were written.
  type: list
  elements: str
  returned: always
  sample:
    - /var/lib/changes/CHG0012345/report.html
"""
