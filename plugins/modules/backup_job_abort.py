#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: backup_job_abort
short_description: Stop backup jobs
version_added: 1.0.0
description:
  - Reads, decides, asks the system once to stop each selected job that is active, and watches until it has ended.
  - A request to stop is never sent a second time; if its answer is lost, the job is read to see what happened.
author:
  - changeops.backup contributors (@changeops)
attributes:
  check_mode:
    support: full
    details:
      - Sends nothing and predicts the same RV(ignore:changed).
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  max_jobs:
    description:
      - The most jobs that may be stopped; if more are active, none is.
      - If left out, V(1) for a selection, and as many as there are O(job_ids).
      - Of a selection, nothing is stopped if the list of jobs is not complete.
    type: int
  reason:
    description: Why; it is kept in the result.
    type: str
  wait:
    description: Whether to watch until each job has ended. Without, an accepted request is enough.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to watch.
    type: float
    default: 900.0
  interval:
    description: Seconds between looks while watching; the first come sooner, later ones more rarely.
    type: float
    default: 5.0
  fail_if_not_running:
    description: Whether it is an error that a selected job is not running.
    type: bool
    default: false
  on_unsupported:
    description: Whether to V(fail) or V(skip) where the API has no call to stop a job.
    type: str
    choices: [fail, skip]
    default: fail
extends_documentation_fragment:
  - changeops.backup._connection
  - changeops.backup._selection
  - changeops.backup._attributes
  - changeops.backup._capabilities.abort
seealso:
  - module: changeops.backup.backup_job_info
  - module: changeops.backup.backup_job_wait
"""

EXAMPLES = r"""
- name: Stop one job
  changeops.backup.backup_job_abort:
    system: flosum
    region: us
    connection_id: 42
    job_ids: ["1817"]
    reason: "CHG0031337: the window opens at 22:00"

- name: Stop up to three weekly jobs, but never the payroll
  changeops.backup.backup_job_abort:
    system: veeam_vspc
    url: https://vspc.example:1280
    access_token: "{{ vspc_api_key }}"
    names: ["Weekly*"]
    exclude: ["*payroll*"]
    max_jobs: 3
"""

RETURN = r"""
aborted:
  description:
    - Jobs that were asked to stop and seen to end (in check mode, that would be asked). Each with C(id), C(name),
      C(before), C(after), C(requested_at), C(confirmed_at), C(message).
    - C(before) and C(after) are jobs as in RV(changeops.backup.backup_job_info#module:jobs). The samples here show some
      of their fields.
  type: list
  elements: dict
  returned: when the system was asked
  sample:
    - id: "1817"
      name: Weekly files
      before: {id: "1817", name: Weekly files, state: running, result: null, active: true}
      after: {id: "1817", name: Weekly files, state: finished, result: canceled, active: false}
      requested_at: "2026-03-01T21:00:00Z"
      confirmed_at: "2026-03-01T21:00:12Z"
      message: Job was aborted successfully.
already_finished:
  description:
    - Jobs that were not running, or ended by themselves meanwhile. Each with C(id), C(name), C(before), C(after),
      C(requested_at), C(confirmed_at), C(message).
  type: list
  elements: dict
  returned: when the system was asked
  sample:
    - id: "1817"
      name: Weekly files
      before: {id: "1817", name: Weekly files, state: finished, result: success, active: false}
      after: null
      requested_at: null
      confirmed_at: null
      message: ""
unsupported:
  description:
    - Active jobs of a system that has no call to stop a job. Each with C(id), C(name), C(before), C(after),
      C(requested_at), C(confirmed_at), C(message).
  type: list
  elements: dict
  returned: when the system was asked
  sample:
    - id: "1817"
      name: Weekly files
      before: {id: "1817", name: Weekly files, state: running, result: null, active: true}
      after: null
      requested_at: null
      confirmed_at: null
      message: ""
not_confirmed:
  description:
    - Jobs that were not seen to stop. Each with C(id), C(name), C(before), C(after), C(requested_at),
      C(confirmed_at), C(message).
  type: list
  elements: dict
  returned: when the system was asked
  sample:
    - id: "1817"
      name: Weekly files
      before: {id: "1817", name: Weekly files, state: running, result: null, active: true}
      after: {id: "1817", name: Weekly files, state: running, result: null, active: true}
      requested_at: "2026-03-01T21:00:00Z"
      confirmed_at: null
      message: Job was aborted successfully.
missing:
  description: Ids that the system does not know, or no longer lists.
  type: list
  elements: str
  returned: when the system was asked
  sample: ["9999"]
reason:
  description: The O(reason).
  type: str
  returned: when the system was asked
  sample: "CHG0031337, the window opens at 22:00"
capabilities:
  description:
    - What the system's API can do, as booleans - C(one_by_id), C(abort), C(steps), C(log), C(percent), C(names),
      C(definitions), C(start), C(schedule).
  type: dict
  returned: when the system was asked
  sample:
    one_by_id: true
    abort: true
    steps: true
    log: false
    percent: false
    names: true
    definitions: true
    start: true
    schedule: true
requests:
  description: Number of HTTP requests.
  type: int
  returned: when the system was asked
  sample: 3
logins:
  description: Number of logins.
  type: int
  returned: when the system was asked
  sample: 1
throttled_seconds:
  description: Seconds spent waiting because the system asked for it.
  type: float
  returned: when the system was asked
  sample: 0.0
msg:
  description: How it came out, in one sentence.
  type: str
  returned: always
  sample: "Flosum Backup & Archive: stopped 1 job."
"""

import gc

# A short life with many small objects and no cycles. Looking for garbage would take as long as a long list does, and a
# sixth of the time of the imports.
gc.disable()

from ansible_collections.changeops.backup.plugins.module_utils._core.python import require_python

require_python()

from ansible_collections.changeops.backup.plugins.module_utils._edge.abort import ABORT
from ansible_collections.changeops.backup.plugins.module_utils._edge.module import run_module


def main() -> None:
    """Run the module."""
    run_module(ABORT)


if __name__ == "__main__":
    main()
