#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: backup_job_wait
short_description: Wait for backup jobs to end
version_added: 1.0.0
description:
  - Waits until backup jobs have ended, or until nothing is active, and says how it came out.
  - It never writes to the system, and it always ends - with exactly one RV(verdict).
  - While it waits, a line of progress is printed at least every O(progress_interval).
author:
  - changeops.backup contributors (@changeops)
attributes:
  check_mode:
    support: full
    details:
      - Looks once, says what it would wait for, and fails only if waiting could not help.
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  state:
    description:
      - V(finished) waits until every selected job has ended, whatever its result; then O(accept_results) judges.
      - V(successful) does the same, but fails at once on the first result that is not accepted.
      - V(idle) waits until nothing that is selected is active. Results do not matter.
    type: str
    choices: [finished, successful, idle]
    default: finished
  require:
    description:
      - Whether V(all) selected jobs have to get there, or V(any) one of them.
      - With O(state=finished) and V(any) the first job that ends is judged; with O(state=successful) the wait goes on
        until one is accepted.
    type: str
    choices: [all, any]
    default: all
  accept_results:
    description: Which results count as good.
    type: list
    elements: str
    choices: [success, warning, failed, canceled, skipped]
    default: [success]
  wait_timeout:
    description:
      - Seconds to wait. V(0) looks once.
      - A task's C(timeout), C(async) and the time limit of an AWX job have to be longer than this.
    type: float
    default: 3600.0
  wait_until:
    description:
      - Absolute time to wait until, ISO 8601 with an offset. The earlier of this and O(wait_timeout) ends the wait.
    type: str
  interval:
    description: Seconds between the first looks. The gap grows with the age of the jobs.
    type: float
    default: 5.0
  max_interval:
    description: The longest gap between two looks, in seconds.
    type: float
    default: 60.0
  progress_interval:
    description: A line on the console, and in AWX, at least every so many seconds; at most 240.
    type: float
    default: 60.0
  quiet_period:
    description:
      - With O(state=idle), seconds that everything has to stay quiet before it counts; at most O(wait_timeout).
    type: float
    default: 0.0
  appear_timeout:
    description: Seconds to wait for a job that is not there yet.
    type: float
    default: 120.0
  stall_timeout:
    description: Give up when nothing has moved for so many seconds. Off if left out.
    type: float
  on_missing:
    description:
      - What it means that a job that was there is missing from two looks in a row.
      - V(fail) ends the wait, V(finished) takes it for ended, V(ignore) leaves it out.
      - A job that was never seen is missing for V(fail) and V(finished) alike.
    type: str
    choices: [fail, finished, ignore]
    default: fail
  continuous:
    description:
      - With O(state=idle), whether a job counts that runs for ever in the background, as the vendor documents, such
        as SQL, Oracle and PostgreSQL log backups and CDP replication of V(veeam_vspc).
      - V(ignore) leaves it out, unless O(job_ids) asks for it, and returns it in RV(left_out).
    type: str
    choices: [ignore, count]
    default: ignore
  fail_on_timeout:
    description: Whether the task fails when time runs out. If not, look at RV(timed_out).
    type: bool
    default: true
extends_documentation_fragment:
  - changeops.backup._connection
  - changeops.backup._selection
  - changeops.backup._attributes
notes:
  - Where a job is a definition that runs again and again, such as one of V(veeam_vspc), O(started_after) tells the
    awaited run from the one before it. Without it the wait is for the run in progress at the first look, else for the
    latest result.
seealso:
  - module: changeops.backup.backup_job_info
  - module: changeops.backup.backup_job_abort
"""

EXAMPLES = r"""
- name: Wait for tonight's backup, until the change window opens
  changeops.backup.backup_job_wait:
    system: veeam_vspc
    url: https://vspc.example:1280
    access_token: "{{ vspc_api_key }}"
    names: ["Nightly*"]
    started_after: "2026-03-01T19:00:00+01:00"
    wait_until: "2026-03-01T22:00:00+01:00"

- name: Wait until nothing has been running for two minutes
  changeops.backup.backup_job_wait:
    system: flosum
    region: us
    connection_id: 42
    state: idle
    quiet_period: 120
"""

RETURN = r"""
verdict:
  description:
    - How the wait ended - V(reached), V(failed), V(timed_out), V(stalled), V(missing), V(unreachable) or
      V(auth_lost).
    - Null in check mode, when the first look does not decide it.
  type: str
  returned: when the system was asked
  sample: reached
timed_out:
  description: Whether time ran out.
  type: bool
  returned: when the system was asked
  sample: false
jobs:
  description: The jobs as last seen, in the order of O(job_ids), else newest first.
  type: list
  elements: dict
  returned: when the system was asked
  contains:
    system:
      description: The system.
      type: str
      returned: always
      sample: veeam_vspc
    id:
      description: Id of the job.
      type: str
      returned: always
      sample: bc04d2e5-dd4c-4f85-af0e-424106000001
    name:
      description: Name of the job; null where the system has none.
      type: str
      returned: always
      sample: Nightly SQL
    type:
      description: Type of the job, in the system's words.
      type: str
      returned: always
      sample: BackupVm
    state:
      description: One of V(queued), V(running), V(stopping), V(paused), V(idle), V(finished), V(unknown).
      type: str
      returned: always
      sample: finished
    result:
      description: One of V(success), V(warning), V(failed), V(canceled), V(skipped); null while not finished.
      type: str
      returned: always
      sample: success
    active:
      description: Whether the job may still touch data. A job in an unknown state may.
      type: bool
      returned: always
      sample: false
    vendor_state:
      description: The state in the system's own words.
      type: str
      returned: always
      sample: Success
    started:
      description: Start, ISO 8601 UTC, or null.
      type: str
      returned: always
      sample: "2026-03-01T20:00:00Z"
    finished:
      description: End, ISO 8601 UTC, or null.
      type: str
      returned: always
      sample: "2026-03-01T20:41:07Z"
    duration:
      description: Seconds, or null.
      type: float
      returned: always
      sample: 2467.0
    percent:
      description: Percent done, or null.
      type: float
      returned: always
      sample: 62.5
    eta:
      description: Expected end, ISO 8601 UTC, or null.
      type: str
      returned: always
      sample: "2026-03-01T20:45:00Z"
    kind:
      description:
        - What the run is for, by the vendor's documented types - V(backup), V(copy), V(archive), V(restore), V(export)
          or V(other); null where the vendor does not say.
      type: str
      returned: always
      sample: backup
    continuous:
      description: Whether the job runs for ever in the background, as the vendor documents.
      type: bool
      returned: always
      sample: false
    next_run:
      description: Next scheduled start of a definition that is enabled, ISO 8601 UTC, or null.
      type: str
      returned: always
      sample: "2026-03-02T20:00:00Z"
    counts:
      description:
        - Objects in the job, as far as the system counts them - C(successful), C(failed), C(skipped), C(total).
      type: dict
      returned: always
      sample: {successful: 41, failed: 0, skipped: 1, total: 42}
    message:
      description: The system's message about the job, or null.
      type: str
      returned: always
      sample: 41 of 42 objects were saved
    parts:
      description:
        - Volumes, objects or steps of the job, each with C(name), C(state), C(result), C(message), C(counts).
      type: list
      elements: dict
      returned: always
      sample:
        - name: Account
          state: finished
          result: success
          message: null
          counts: {successful: 12400, failed: 0, skipped: 0, total: 12400}
    log_path:
      description: Null. M(changeops.backup.backup_job_info) can fetch the log.
      type: str
      returned: always
      sample: null
    raw:
      description: Null. M(changeops.backup.backup_job_info) can return what the system sent.
      type: dict
      returned: always
      sample: null
unfinished:
  description: Those of RV(jobs) that were not seen to end, with all their fields. The sample shows some.
  type: list
  elements: dict
  returned: when the system was asked
  sample:
    - {id: "1817", name: Weekly files, state: running, result: null, active: true}
summary:
  description: Numbers of jobs - C(total), C(finished), C(unfinished), C(missing), C(by_state), C(by_result).
  type: dict
  returned: when the system was asked
  sample:
    total: 7
    finished: 6
    unfinished: 1
    missing: 0
    by_state: {finished: 6, running: 1}
    by_result: {success: 6}
elapsed:
  description: Seconds waited.
  type: float
  returned: when the system was asked
  sample: 1741.3
deadline:
  description: When the wait would have ended, ISO 8601 UTC.
  type: str
  returned: when the system was asked
  sample: "2026-03-01T21:00:00Z"
polls:
  description: Number of looks that were answered.
  type: int
  returned: when the system was asked
  sample: 58
requests:
  description: Number of HTTP requests.
  type: int
  returned: when the system was asked
  sample: 61
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
transitions:
  description: What changed while waiting, each with C(time), C(job), C(from), C(to).
  type: list
  elements: dict
  returned: when the system was asked
  sample:
    - time: "2026-03-01T20:41:12Z"
      job: bc04d2e5-dd4c-4f85-af0e-424106000001
      from: running
      to: success
complete:
  description: Whether the last look was answered, and is certain to have shown all selected jobs.
  type: bool
  returned: when the system was asked
  sample: true
left_out:
  description:
    - With O(state=idle), the jobs that did not count, each with C(id), C(name), C(type) and C(reason).
  type: list
  elements: dict
  returned: when the system was asked
  sample:
    - id: bc04d2e5-dd4c-4f85-af0e-424106000002
      name: SQL logs
      type: SqlLogBackup
      reason: runs for ever in the background
msg:
  description: How it came out, in one sentence.
  type: str
  returned: always
  sample: "Veeam Service Provider Console: 7 of 7 jobs have ended as accepted."
"""

import gc

# A short life with many small objects and no cycles. Looking for garbage would take as long as a long list does, and a
# sixth of the time of the imports.
gc.disable()

from ansible_collections.changeops.backup.plugins.module_utils._core.python import require_python

require_python()

from ansible_collections.changeops.backup.plugins.module_utils._edge.module import run_module
from ansible_collections.changeops.backup.plugins.module_utils._edge.wait import WAIT


def main() -> None:
    """Run the module."""
    run_module(WAIT)


if __name__ == "__main__":
    main()
