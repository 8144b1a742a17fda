# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""``backup_job_start``: its options, and its body. The documentation in the module says the same in words."""

from __future__ import annotations

import typing as t

from .._core.job import RESULTS
from .._tasks.start import start_job
from .options import Spec
from .perform import Verb

_OPTIONS: Spec = {
    "job_id": {"type": "str"},
    "name": {"type": "str"},
    "start": {"type": "dict"},
    "unless_newer_than": {"type": "str"},
    "join_running": {"type": "bool", "default": True},
    "reason": {"type": "str"},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "float", "default": 3600.0},
    "wait_until": {"type": "str"},
    "accept_results": {"type": "list", "elements": "str", "choices": list(RESULTS), "default": ["success"]},
    "interval": {"type": "float", "default": 5.0},
    "progress_interval": {"type": "float", "default": 60.0},
}


def _selected(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {} if params["job_id"] is None else {"job_ids": [params["job_id"]]}


START = Verb("changeops.backup.backup_job_start", _OPTIONS, start_job, writes=True, selection={}, selects=_selected)
