# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the jobs of a Veeam Service Provider Console look like: of backup servers, of agents and of Microsoft 365.

A job of a story with a `family` is one of the other two; its fields are those of BackupAgentJob or of Vb365Job.
"""

from __future__ import annotations

from typing import Any, NamedTuple

INFRASTRUCTURE = "/api/v3/infrastructure"
SERVER_UID = "d6b2c9fd-3ba4-4a6f-8a31-6099ce8af6da"
DEFAULTS: dict[str, Any] = {
    "backupServerUid": SERVER_UID,
    "organizationUid": "c647bff1-7faf-4672-9e31-e37c3a0c2fd0",
    "type": "BackupVm",
    "lastRun": None,
    "lastEndTime": None,
    "lastDuration": None,
    "processingRate": 0,
    "avgDuration": 0,
    "transferredData": 0,
    "bottleneck": "None",
    "isEnabled": True,
    "scheduleType": "Daily",
    "failureMessage": None,
    "targetType": "Local",
    "destination": "Main repository",
    "lastSessionTasks": [],
}
STOP = [
    {"set": {"status": "Stopping"}},
    {"after": 1.0, "set": {"status": "Failed", "lastEndTime": "@now", "failureMessage": "Job was stopped by a user"}},
]
START = [
    {"set": {"status": "Starting"}},
    {"after": 1.0, "set": {"status": "Running", "lastRun": "@now", "lastEndTime": None, "failureMessage": None}},
    {"after": 5.0, "set": {"status": "Success", "lastEndTime": "@now", "lastDuration": 4}},
]


class Family(NamedTuple):
    """Where its list is, what a job of it looks like, which word tells how it is, and what a stop does to it."""

    path: str
    # The path of one job, with the uid of what it runs on.
    one: str
    holder: str
    word: str
    defaults: dict[str, Any]
    enums: tuple[str, ...]
    stop: list[dict[str, Any]]


FAMILIES = {
    "agents": Family(
        f"{INFRASTRUCTURE}/backupAgents/jobs",
        f"{INFRASTRUCTURE}/backupAgents/<holder>/jobs/<uid>",
        "backupAgentUid",
        "status",
        {
            "originalUid": "bffded0b-7c79-494c-a151-bb200f3fc4f5",
            "backupAgentUid": "861d3b42-f46f-b0c7-4f6f-4e8c507e7b5c",
            "organizationUid": "c647bff1-7faf-4672-9e31-e37c3a0c2fd0",
            "description": "",
            "configUid": "e0e29206-2860-49de-974b-781d6c2fedb2",
            "systemType": "Windows",
            "backupPolicyUid": None,
            "operationMode": "Workstation",
            "destination": "Main repository",
            "restorePoints": 7,
            "lastRun": None,
            "lastEndTime": None,
            "lastDuration": None,
            "nextRun": None,
            "avgDuration": None,
            "backupMode": "EntireComputer",
            "targetType": "BackupRepository",
            "isEnabled": True,
            "scheduleType": "Daily",
            "failureMessage": None,
        },
        ("status", "systemType", "operationMode", "backupMode", "targetType", "scheduleType"),
        [
            {"set": {"status": "Stopping"}},
            {"after": 1.0, "set": {"status": "Failed", "lastEndTime": "@now", "failureMessage": "Canceled by user"}},
        ],
    ),
    "microsoft_365": Family(
        f"{INFRASTRUCTURE}/vb365Servers/organizations/jobs",
        f"{INFRASTRUCTURE}/vb365Servers/<holder>/organizations/jobs/<uid>",
        "vb365ServerUid",
        "lastStatus",
        {
            "jobType": "BackupJob",
            "repositoryUid": "d19737f6-b75b-4444-a119-59ff8b551c15",
            "repositoryName": "Default Backup Repository",
            "vb365OrganizationUid": "78425f4f-8fa4-4d40-a628-9d4860f42655",
            "vspcOrganizationUid": "26c242e5-bf80-4ccf-a38d-eea677b97bd3",
            "vspcOrganizationName": "My Company",
            "vb365ServerUid": "75340270-4644-4855-986d-80e8c5d9775c",
            "vb365ServerName": "VB4",
            "managementAgentUid": "ed88dc97-c289-4925-8a44-69c279dbb485",
            "lastRun": None,
            "nextRun": None,
            "isEnabled": True,
            "isCopyJobAvailable": False,
            "lastStatus": None,
            "lastStatusDetails": "",
        },
        ("jobType", "lastStatus"),
        [{"set": {"lastStatus": "Stopping"}}, {"after": 1.0, "set": {"lastStatus": "Stopped"}}],
    ),
}
