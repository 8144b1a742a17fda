#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: backup_job_start
short_description: Make sure that there is a fresh backup
version_added: 1.0.0
description:
  - A good backup younger than O(unless_newer_than) exists, or one is made; a run in progress is joined.
  - It looks, decides, asks the system once for a run, and waits for its end as M(changeops.backup.backup_job_wait)
    does.
  - A start is never sent a second time. If its answer is lost, the run is looked for in the list.
  - What cannot be seen whole, or is in a state that no document names, is no backup and starts nothing. Then the task
    fails, and says so.
author:
  - changeops.backup contributors (@changeops)
attributes:
  check_mode:
    support: full
    details:
      - Looks, sends nothing, and predicts the same RV(ignore:changed).
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - With O(unless_newer_than). Without it, each run of the task makes a backup.
options:
  job_id:
    description: Id of the definition to start. Where it is not known, O(name).
    type: str
  name:
    description: Name of the definition to start, the whole of it. One definition has to have it, and no other.
    type: str
  unless_newer_than:
    description:
      - An age such as V(90m), V(24h) or V(7d), or an ISO 8601 time with an offset. If a good run began since then,
        there is nothing to do.
      - Good is what O(accept_results) holds. A restore, a copy or an archive is no backup.
    type: str
  join_running:
    description:
      - Whether a run in progress counts as the one that is wanted. It is waited for, and nothing is started.
      - If not, a run in progress is an error.
    type: bool
    default: true
  reason:
    description: Why; it is kept in the result.
    type: str
  wait:
    description: Whether to wait for the end of the run. Without, it is enough that the system shows it.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait.
    type: float
    default: 3600.0
  wait_until:
    description: Wait no longer than until this moment. ISO 8601 with an offset; the earlier limit ends the wait.
    type: str
  accept_results:
    description: Results that count as good.
    type: list
    elements: str
    choices: [success, warning, failed, canceled, skipped]
    default: [success]
  interval:
    description: The first gap between two looks, in seconds; it grows.
    type: float
    default: 5.0
  progress_interval:
    description:
      - A line on the console, and in AWX, at least every so many seconds; at most 240.
      - On another machine, or as another user, the run is waited for in one piece. Then a line says only that it is
        waited for.
    type: float
    default: 60.0
extends_documentation_fragment:
  - changeops.backup._connection
  - changeops.backup._start
  - changeops.backup._attributes
  - changeops.backup._capabilities.start
seealso:
  - module: changeops.backup.backup_job_wait
  - module: changeops.backup.backup_schedule
"""

EXAMPLES = r"""
- name: Have a backup that is not older than two hours
  changeops.backup.backup_job_start:
    system: veeam_vspc
    url: https://vspc.example:1280
    access_token: "{{ vspc_api_key }}"
    name: Nightly finance VMs
    unless_newer_than: 2h
    reason: "CHG0031337: the window opens at 22:00"

- name: Back up a Salesforce org now
  changeops.backup.backup_job_start:
    system: flosum
    region: us
    connection_id: 42
    start:
      name: Before CHG0031337
      description: Full backup before the change
      mode: full
      settings:
        isIncludeMetadata: true
        isIncludeBinaryObjects: true
        isIncludeBigObjects: false
        isIncludeFeedObjects: false
        isIncludeShareObjects: false
        isIncludeHistoryObjects: false
        isIncludeCustomMetadataTypeObjects: true
        isIncludeTagObjects: false

- name: Back up one volume now
  changeops.backup.backup_job_start:
    system: netapp_bluexp
    account_id: account-a1b2c3d4
    agent_id: a1b2c3d4e5f6clients
    start:
      working_environment_id: VsaWorkingEnvironment-1a2b3c4d
      volume_id: 9c5d2f6e-0000-1111-2222-333344445555

- name: Copy a folder, and go on while it runs
  changeops.backup.backup_job_start:
    system: rclone
    url: http://localhost:5572
    start:
      call: sync/copy
      parameters:
        srcFs: /srv/data
        dstFs: vault:data
    wait: false
  register: copy

- name: Wait for it
  changeops.backup.backup_job_wait:
    system: rclone
    url: http://localhost:5572
    job_ids: ["{{ copy.run.id }}"]
"""

RETURN = r"""
verdict:
  description:
    - How it came out, as that of M(changeops.backup.backup_job_wait). V(reached) also where there was nothing to do,
      V(failed) also where the system refused the start, and V(missing) where no run was seen that began since.
    - Null in check mode, and without O(wait).
  type: str
  returned: when the system was asked
  sample: reached
started:
  description: Whether the system took the start, or its run was seen.
  type: bool
  returned: when the system was asked
  sample: true
joined:
  description: Whether a run that somebody else had begun is the one that was waited for.
  type: bool
  returned: when the system was asked
  sample: false
run:
  description:
    - The run, as one of the jobs that M(changeops.backup.backup_job_info) returns; null where none was seen.
    - For M(changeops.backup.backup_job_wait), its C(id) is that for O(changeops.backup.backup_job_wait#module:job_ids).
      Where a job is a definition that runs again and again, its C(started) is that for
      O(changeops.backup.backup_job_wait#module:started_after).
  type: dict
  returned: when the system was asked
  sample:
    system: flosum
    id: "1818"
    name: Nightly
    type: Composite Backup
    state: finished
    result: success
    active: false
    vendor_state: Completed
    started: "2026-03-01T21:00:04Z"
    finished: null
    duration: 42.0
    percent: null
    eta: null
    kind: backup
    continuous: false
    next_run: null
    counts: {successful: null, failed: null, skipped: null, total: 12400}
    message: null
    parts: []
    log_path: null
    raw: null
requested_at:
  description: When the start was sent, ISO 8601 UTC; null where none was.
  type: str
  returned: when the system was asked
  sample: "2026-03-01T21:00:03.512Z"
reason:
  description: The O(reason).
  type: str
  returned: when the system was asked
  sample: CHG0012345
msg:
  description: What happened, in one sentence.
  type: str
  returned: always
  sample: "Flosum Backup & Archive: started: 1 of 1 jobs have ended as accepted."
requests:
  description: Number of HTTP requests.
  type: int
  returned: when the system was asked
  sample: 7
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

from ansible_collections.changeops.backup.plugins.module_utils._edge.module import run_module
from ansible_collections.changeops.backup.plugins.module_utils._edge.start import START


def main() -> None:
    """Run the module."""
    run_module(START)


if __name__ == "__main__":
    main()
