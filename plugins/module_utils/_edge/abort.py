# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""``backup_job_abort``: its options, and its body. The documentation in the module says the same in words."""

from __future__ import annotations

from .._tasks.abort import abort_jobs
from .options import NOT_LONG, Spec
from .perform import Verb

_OPTIONS: Spec = {
    "max_jobs": {"type": "int"},
    "reason": {"type": "str"},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "float", "default": 900.0},
    "interval": {"type": "float", "default": 5.0},
    "fail_if_not_running": {"type": "bool", "default": False},
    "on_unsupported": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
}

ABORT = Verb("changeops.backup.backup_job_abort", _OPTIONS, abort_jobs, writes=True, defaults=NOT_LONG)
