# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""``backup_job_wait``: its options, and its body. The documentation in the module says the same in words."""

from __future__ import annotations

from .._core.job import RESULTS
from .._tasks.wait import wait_for_jobs
from .options import Spec
from .perform import Verb

_OPTIONS: Spec = {
    "state": {"type": "str", "choices": ["finished", "successful", "idle"], "default": "finished"},
    "require": {"type": "str", "choices": ["all", "any"], "default": "all"},
    "accept_results": {"type": "list", "elements": "str", "choices": list(RESULTS), "default": ["success"]},
    "wait_timeout": {"type": "float", "default": 3600.0},
    "wait_until": {"type": "str"},
    "interval": {"type": "float", "default": 5.0},
    "max_interval": {"type": "float", "default": 60.0},
    "progress_interval": {"type": "float", "default": 60.0},
    "quiet_period": {"type": "float", "default": 0.0},
    "appear_timeout": {"type": "float", "default": 120.0},
    "stall_timeout": {"type": "float"},
    "on_missing": {"type": "str", "choices": ["fail", "finished", "ignore"], "default": "fail"},
    "continuous": {"type": "str", "choices": ["ignore", "count"], "default": "ignore"},
    "fail_on_timeout": {"type": "bool", "default": True},
}

WAIT = Verb("changeops.backup.backup_job_wait", _OPTIONS, wait_for_jobs)
