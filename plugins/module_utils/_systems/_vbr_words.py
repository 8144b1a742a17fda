# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The words of Veeam Backup & Replication: states of sessions and of definitions, and what the types are for."""

from __future__ import annotations

import typing as t

from .._core.job import Kind, Meaning

_BOTH = "VBR OpenAPI 1.2-rev1 and 1.3-rev2"
_STATE = f"{_BOTH}, ESessionState"
_NEW_STATE = "VBR OpenAPI 1.3-rev2, ESessionState"
_RESULT = f"{_BOTH}, ESessionState and ESessionResult"
_CANCELED = f"{_BOTH}, ESessionState and SessionResultModel.isCanceled"
_JOB = f"{_BOTH}, EJobStatus"
_NEW_JOB = "VBR OpenAPI 1.3-rev2, EJobStatus"
# How the word for a definition begins: a session can be "Stopping" as well.
OF_JOB = "job "
# The states of a session that has not ended which every version takes as a filter.
ACTIVE = (
    "Starting", "Stopping", "Working", "Pausing", "Resuming", "WaitingTape", "Idle", "Postprocessing",
    "WaitingRepository", "WaitingSlot",
)  # fmt: skip
STATES: t.Mapping[str, Meaning] = {
    "starting": Meaning("running", None, _STATE),
    "working": Meaning("running", None, _STATE),
    "pausing": Meaning("running", None, _STATE),
    "resuming": Meaning("running", None, _STATE),
    "waitingtape": Meaning("running", None, _STATE),
    "waitingrepository": Meaning("running", None, _STATE),
    "waitingslot": Meaning("running", None, _STATE),
    # Of a session, not of a definition: it has not ended.
    "idle": Meaning("running", None, _STATE),
    "postprocessing": Meaning("running", None, _STATE),
    "actionrequired": Meaning("paused", None, _NEW_STATE),
    "stopping": Meaning("stopping", None, _STATE),
    "stopped success": Meaning("finished", "success", _RESULT),
    "stopped warning": Meaning("finished", "warning", _RESULT),
    "stopped failed": Meaning("finished", "failed", _RESULT),
    "stopped iscanceled": Meaning("finished", "canceled", _CANCELED),
    # How it ended is not said, so we cannot tell.
    "stopped none": Meaning("unknown", None, _RESULT),
    # Of a definition. How its last run ended, the session of that run tells.
    "job running": Meaning("running", None, _JOB),
    "job starting": Meaning("running", None, _NEW_JOB),
    "job stopping": Meaning("stopping", None, _NEW_JOB),
    "job inactive": Meaning("idle", None, _JOB),
    "job disabled": Meaning("idle", None, _JOB),
    "job enabled": Meaning("idle", None, _NEW_JOB),
    "job stopped": Meaning("idle", None, _NEW_JOB),
}
KINDS_SOURCE = f"{_BOTH}, ESessionType and EJobType"
KINDS: t.Mapping[str, Kind] = {
    **dict.fromkeys((
        # of sessions
        "backupjob", "replicajob", "sqllogbackup", "oraclelogbackup", "postgresqllogbackup", "agentbackup",
        "agentpolicy", "endpointbackup", "platformbackupjob", "platformsnapshotjob", "irisbackup",
        # of definitions
        "backup", "vspherebackup", "hypervbackup", "vspherereplica", "clouddirectorbackup", "entraidtenantbackup",
        "entraidauditlogbackup", "windowsagentbackup", "linuxagentbackup", "filebackup", "objectstoragebackup",
        "cloudbackupazure", "cloudbackupaws", "cloudbackupgoogle", "windowsagentbackupworkstationpolicy",
        "linuxagentbackupworkstationpolicy", "windowsagentbackupserverpolicy", "linuxagentbackupserverpolicy",
        "nutanixahvbackupjob", "proxmoxbackupjob", "windowsagentbackupfailovercluster",
    ), "backup"),
    **dict.fromkeys((
        "backupcopyjob", "backupcopyjobparent", "copybackup", "unstructureddatabackupcopy",
        "platformsnapshotcopyjob", "pervmcopybackup", "filebackupcopy", "legacybackupcopy", "backupcopy",
        "entraidtenantbackupcopy",
    ), "copy"),
    "archivebackup": "archive",
    "archivecopy": "archive",
    **dict.fromkeys((
        "restorevm", "instantrecovery", "firstclassdiskinstantrestore", "filelevelrestore",
        "linuxfilelevelrestore", "clouddirectorvmrestore", "clouddirectorvapprestore", "entraidrestore",
        "entraidrestorefromcopy", "nasrestore", "azureinstantrecovery", "fileinstantrecovery",
        "applicationlevelrestore", "adforestrestore", "restorerecoveryappliancevolumes", "restoreagentvolumes",
        "endpointrestore", "instantdiskrecovery", "diskrestore",
    ), "restore"),
    **dict.fromkeys((
        "infrastructure", "configurationbackup", "configurationresynchronize", "repositorymaintenance",
        "infrastructureitemdeletion", "securitycomplianceanalyzer", "malwaredetection", "surebackup",
        "surebackupcontentscan", "retention", "deletebackup", "checkpointremoval", "agentdiscovery",
        "storagediscovery", "storagemonitoring", "volumesdiscover", "testcredentials", "encryptionanalysis",
        "filebackuphealthcheck", "indexcollection", "entraidrescanrepository", "logsexport",
        "veeamupdatersettingssync", "applianceupdatesinstall", "hostcomponentsupdate", "haclusteredit",
    ), "other"),
}  # fmt: skip
# Veeam documents (of the console's types of the same name) that these work permanently.
CONTINUOUS = frozenset({"sqllogbackup", "oraclelogbackup", "postgresqllogbackup"})
