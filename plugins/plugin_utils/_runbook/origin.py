# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Which run of Ansible this is, who started it, and what of a connection may be written down."""

from __future__ import annotations

import getpass
import os
import re
import secrets
import socket
import typing as t
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from ansible.release import __version__

from ansible_collections.changeops.backup.plugins.module_utils._core.times import to_iso_z
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS

Vars = t.Mapping[str, t.Any]
RUN_FIELDS = (
    *("id", "began", "check_mode", "user", "controller", "awx_job", "workflow", "awx_url", "core_version"),
    "collection_version",
)
# Ansible loads the action plugins before it forks: one moment and one id for all tasks of a run.
_BEGAN = datetime.now(timezone.utc)
RUN_ID = f"{_BEGAN:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def describe_run(task_vars: Vars, check_mode: bool) -> dict[str, t.Any]:
    """Say which run this is. An AWX job tells its number and who launched it."""
    user = _first(task_vars, "awx_user_name", "tower_user_name")
    return {
        "id": RUN_ID,
        "began": to_iso_z(_BEGAN),
        "check_mode": check_mode,
        "user": user or _local_user(),
        "controller": socket.gethostname(),
        "awx_job": _first(task_vars, "awx_job_id", "tower_job_id"),
        "workflow": workflow_of(task_vars),
        "awx_url": os.environ.get("JOB_URL") or None,
        "core_version": __version__,
        "collection_version": _VERSION,
    }


def workflow_of(task_vars: Vars) -> str | None:
    """Give the number of the AWX workflow that this job is a node of."""
    return _first(task_vars, "awx_workflow_job_id", "tower_workflow_job_id")


def _first(task_vars: Vars, *names: str) -> str | None:
    found = (task_vars.get(name) for name in names)
    return next((str(one) for one in found if one not in (None, "")), None)


def _local_user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a number without a name.
        return str(os.getuid())


def collection_version() -> str:
    """Give the version of this collection, as it was built or as it lies in a checkout."""
    return _VERSION


def _read_version() -> str:
    root = Path(__file__).parents[3]
    for name, pattern in (("MANIFEST.json", r'"version": "([^"]+)"'), ("galaxy.yml", r"(?m)^version: (\S+)")):
        if (path := root / name).exists() and (found := re.search(pattern, path.read_text(encoding="utf-8"))):
            return found[1]
    return "unknown"


# Read once, and not by each worker.
_VERSION = _read_version()


def title_of(system: str | None) -> str | None:
    """Give the product's name of a system."""
    return SYSTEMS[system].TITLE if system is not None and system in SYSTEMS else None


def address_of(connection: Vars, environ: t.Mapping[str, str]) -> str | None:
    """Say where a system is: its url without what may be secret, or its region."""
    system = str(connection.get("system") or "").upper()
    for option in ("url", "region"):
        value = connection.get(option) or environ.get(f"BACKUP_{system}_{option.upper()}")
        if value:
            return _bare(str(value)) if option == "url" else f"region {value}"
    return None


def _bare(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return re.sub(r"//[^/]*@|[?#].*", "", url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
