# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""``backup_schedule``: its options, and its body. The documentation in the module says the same in words."""

from __future__ import annotations

from .._tasks.schedule import set_schedules
from .options import NOT_LONG, SELECTION, Spec
from .perform import Verb

_OPTIONS: Spec = {
    "state": {"type": "str", "choices": ["held", "released"], "required": True},
    "change_id": {"type": "str", "required": True},
    "dest": {"type": "path"},
    "ledger": {"type": "path"},
    "reason": {"type": "str"},
}
# By what a schedule is, and not by what a run of it does.
_SELECTION = {name: SELECTION[name] for name in ("job_ids", "names", "types", "kinds", "exclude")}

SCHEDULE = Verb(
    "changeops.backup.backup_schedule",
    _OPTIONS,
    set_schedules,
    writes=True,
    defaults=NOT_LONG,
    selection=_SELECTION,
)
