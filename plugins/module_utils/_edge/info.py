# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""``backup_job_info``: its options, and its body. The documentation in the module says the same in words."""

from __future__ import annotations

from .._core.job import RESULTS, STATES
from .._tasks.info import look_at_jobs
from .options import NOT_LONG, Spec
from .perform import Verb

_OPTIONS: Spec = {
    "states": {"type": "list", "elements": "str", "choices": list(STATES)},
    "results": {"type": "list", "elements": "str", "choices": list(RESULTS)},
    "details": {"type": "list", "elements": "str", "choices": ["steps", "log", "raw"]},
    "log_dest": {"type": "path"},
    "log_max_bytes": {"type": "int"},
}

INFO = Verb("changeops.backup.backup_job_info", _OPTIONS, look_at_jobs, defaults=NOT_LONG)
