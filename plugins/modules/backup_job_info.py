#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: backup_job_info
short_description: Look at backup jobs
version_added: 1.0.0
description:
  - Lists backup jobs of one system, in one vocabulary for all systems.
  - The list is complete, however many pages it takes. If that cannot be known, RV(complete) is V(false).
author:
  - changeops.backup contributors (@changeops)
attributes:
  check_mode:
    support: full
    details:
      - The module never writes to the system. In check mode no log is fetched and no file is written; RV(logs) says
        where each would go.
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  states:
    description: Only jobs in one of these states.
    type: list
    elements: str
    choices: [queued, running, stopping, paused, idle, finished, unknown]
  results:
    description: Only jobs with one of these results.
    type: list
    elements: str
    choices: [success, warning, failed, canceled, skipped]
  details:
    description:
      - What to return beside the job itself.
      - V(steps) asks for the steps of each job and returns them as C(parts). If that fails for a job, its C(parts) stay
        as they are, and a warning names it.
      - V(log) writes the log of each job to a file in O(log_dest) and describes it in RV(logs). It is refused for a
        system whose API has no log (C(log) in RV(capabilities)).
      - V(raw) returns the job as the system sent it.
      - V(steps) and V(log) take a call for each job, so narrow the selection. If three jobs in a row get no answer, the
        others are not asked for.
    type: list
    elements: str
    choices: [steps, log, raw]
  log_dest:
    description:
      - Folder for the logs, on the host that the module runs on. Required with V(log) in O(details). It has to exist.
      - Each log is a file C(SYSTEM-ID.log) of mode 0600, with the id of the job percent-encoded. It gets its name only
        when the download is over, and then replaces a log of an earlier run. Give each connection a folder of its own,
        because ids of two connections can be the same.
      - What a broken download brought is kept beside it, as C(SYSTEM-ID.log.partial).
      - A module that is killed can leave a hidden file that ends in C(.draft). The next one that writes to the folder
        removes it.
    type: path
  log_max_bytes:
    description:
      - Of a log that is longer only the first so many bytes are taken. Without this option the limit is 1 GiB
        (1073741824).
    type: int
notes:
  - The log of a job that has not ended may stay open for as long as the job runs. It is taken as it is when nothing
    new came for O(request_timeout), or when it has lasted O(unreachable_timeout) and a second for each 128 KiB. That
    is no failure, but C(complete) in RV(logs) is false. A short O(request_timeout) makes it quick.
  - For the log of a job that has ended the same limits are failures. A broken download is tried again from its
    beginning, for at most O(unreachable_timeout).
  - A log that could not be fetched does not fail the task, and does not stop the others. A warning names the job, and
    C(log_path) of the job is null. Only a refused login, or a missing permission, fails the task.
extends_documentation_fragment:
  - changeops.backup._connection
  - changeops.backup._selection
  - changeops.backup._attributes
  - changeops.backup._capabilities.log
seealso:
  - module: changeops.backup.backup_job_wait
  - module: changeops.backup.backup_job_abort
"""

EXAMPLES = r"""
- name: Show what is running now
  changeops.backup.backup_job_info:
    system: veeam_vspc
    url: https://vspc.example:1280
    access_token: "{{ vspc_api_key }}"
    states: [queued, running, stopping, paused, unknown]
  register: busy

- name: Did last night's backup succeed?
  changeops.backup.backup_job_info:
    system: flosum
    region: us
    connection_id: 42
    started_after: 24h
    results: [success]
  register: good

- name: Fetch the logs of what failed
  changeops.backup.backup_job_info:
    system: flosum
    region: us
    connection_id: 42
    started_after: 24h
    results: [failed]
    details: [steps, log]
    log_dest: /var/log/flosum
  register: failures

- name: Do not go on without them
  ansible.builtin.assert:
    that: failures.logs | rejectattr('complete') | list == []
"""

RETURN = r"""
jobs:
  description: The jobs, in the order of O(job_ids), else newest first.
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
      description: File with the job's log; null where it was not asked for or could not be fetched.
      type: str
      returned: always
      sample: /var/log/flosum/flosum-4711.log
    raw:
      description: The job as the system sent it, or null. A key that begins with C(__ansible_) has C(raw) before it.
      type: dict
      returned: always
      sample: {jobId: 4711, jobStatus: Completed}
count:
  description: Number of jobs in RV(jobs).
  type: int
  returned: when the system was asked
  sample: 12
active_count:
  description: How many of them are active.
  type: int
  returned: when the system was asked
  sample: 1
by_state:
  description: How many of them are in each state.
  type: dict
  returned: when the system was asked
  sample: {queued: 0, running: 1, stopping: 0, paused: 0, idle: 3, finished: 8, unknown: 0}
by_result:
  description: How many of them have each result.
  type: dict
  returned: when the system was asked
  sample: {success: 7, warning: 1, failed: 0, canceled: 0, skipped: 0}
missing:
  description: Ids that were asked for and are not there. What an incomplete list does not show is not among them.
  type: list
  elements: str
  returned: when the system was asked
  sample: ["9999"]
complete:
  description: Whether RV(jobs) is certain to hold all selected jobs. If not, do not take the system for idle.
  type: bool
  returned: when the system was asked
  sample: true
unseen:
  description:
    - What the login may not read, or the server does not have, and nobody asked for by name, each with C(what) and
      C(why). Nothing is known of it.
  type: list
  elements: dict
  returned: when the system was asked
  sample:
    - what: jobs of Microsoft 365
      why: "HTTP 403: Access is denied. The login is good but lacks a permission that this call needs"
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
logs:
  description: What became of the log of each job, in the order of RV(jobs).
  type: list
  elements: dict
  returned: when O(details) holds V(log)
  contains:
    id:
      description: Id of the job.
      type: str
      returned: always
      sample: "4711"
    path:
      description: File with the log, the same as C(log_path) of the job; null if it could not be fetched.
      type: str
      returned: always
      sample: /var/log/flosum/flosum-4711.log
    partial_path:
      description: File with what a broken download brought, or null.
      type: str
      returned: always
      sample: /var/log/flosum/flosum-4711.log.partial
    size:
      description: Bytes in that file.
      type: int
      returned: always
      sample: 18204
    sha256:
      description: SHA-256 of these bytes; null if there is no file.
      type: str
      returned: always
      sample: 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
    complete:
      description:
        - Whether this is the whole log. Not that of a job that had not ended, nor one that was cut at
          O(log_max_bytes).
      type: bool
      returned: always
      sample: false
    message:
      description: Why it is not the whole log; null if it is.
      type: str
      returned: always
      sample: "the job had not ended when it was listed: this is its log so far"
queried_at:
  description: When the system was asked, ISO 8601 UTC.
  type: str
  returned: when the system was asked
  sample: "2026-03-01T21:00:00Z"
msg:
  description: What was seen, in one sentence.
  type: str
  returned: always
  sample: "Veeam Service Provider Console: 12 jobs, 1 active, 3 idle, 7 success, 1 warning."
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
"""

import gc

# A short life with many small objects and no cycles. Looking for garbage would take as long as a long list does, and a
# sixth of the time of the imports.
gc.disable()

from ansible_collections.changeops.backup.plugins.module_utils._core.python import require_python

require_python()

from ansible_collections.changeops.backup.plugins.module_utils._edge.info import INFO
from ansible_collections.changeops.backup.plugins.module_utils._edge.module import run_module


def main() -> None:
    """Run the module."""
    run_module(INFO)


if __name__ == "__main__":
    main()
