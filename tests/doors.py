# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two doors side by side: a module process, and the same task in this process as Ansible's worker does it."""

from __future__ import annotations

import json
import os
import re
import typing as t
from unittest import mock

from ansible_collections.changeops.backup.plugins.module_utils._edge.abort import ABORT
from ansible_collections.changeops.backup.plugins.module_utils._edge.info import INFO
from ansible_collections.changeops.backup.plugins.module_utils._edge.wait import WAIT
from ansible_collections.changeops.backup.plugins.module_utils._edge.worker import run_in_worker
from harness import run, warnings
from simulator import Simulator

VERBS = {"backup_job_info": INFO, "backup_job_wait": WAIT, "backup_job_abort": ABORT}
# What no two runs have in common; and Ansible lists a set as it comes.
_VARIES = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|after \d+ s|127\.0\.0\.1:\d+|Valid booleans include.*?(?=\")"
    r"|\(basic\.py\)|\(changeops\.backup\.\w+\)"
)
_MEASURED = {"elapsed", "throttled_seconds", "exception"}


def through_worker(
    module: str, args: dict[str, t.Any], check_mode: bool = False, environ: dict[str, str] | None = None
) -> dict[str, t.Any]:
    """Run a task in this process, in the environment that a module process of the tests has."""
    seen = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ["PYTHONPATH"], **(environ or {})}
    with mock.patch.dict(os.environ, seen, clear=True):
        return run_in_worker(VERBS[module], json.loads(json.dumps(args)), check_mode, os.environ, lambda text: None)


def comparable(result: dict[str, t.Any]) -> dict[str, t.Any]:
    """Leave out what varies from run to run, and spell warnings alike."""
    told = {name: value for name, value in result.items() if name not in _MEASURED}
    if "warnings" in told:
        told["warnings"] = warnings(told)
    alike: dict[str, t.Any] = json.loads(_VARIES.sub("?", json.dumps(told)))
    return alike


def same(story: dict[str, t.Any], module: str, given: dict[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
    """Run a task that only looks through both doors, before the same system; what comes of it has to be the same.

    ``given`` are options beside those of the connection; None takes one away.
    """
    with Simulator({"auth": {"rotate_refresh_token": False}, **story}) as sim:
        args = {name: value for name, value in {**sim.options, **given}.items() if value is not None}
        told, here = run(module, args, **options), through_worker(module, args, **options)
    alike(told, here)
    return told


def alike(told: dict[str, t.Any], here: dict[str, t.Any]) -> None:
    """Compare what came of one task through the module and in the worker."""
    wanted, found = comparable(told), comparable(here)
    if "invocation" not in wanted:
        # From core 2.21 on a module repeats its arguments only where the action asks it to.
        del found["invocation"]
    assert found == wanted, json.dumps([wanted, found], indent=1)
