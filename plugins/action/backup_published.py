# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``backup_published``: reads what earlier jobs of a workflow published of a stage, and judges it over all hosts."""

from __future__ import annotations

import contextlib
import typing as t
from datetime import datetime, timezone

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var
from ansible.utils.vars import load_extra_vars

from ansible_collections.changeops.backup.plugins.plugin_utils._action import plain
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.handed import judge_published, read_summaries
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.handing import notice, stats
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.origin import workflow_of
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.verdicts import stamp
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.window import read_window

STAGES = ("gate", "drain", "verify", "change_window", "report")


class ActionModule(ActionBase):
    """Works on the control node alone, and asks no system."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("stage", "hosts", "notify", "window_end", "change_duration"))

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Read what was published. AWX hands it on as extra variables, and those are no templates here."""
        answer: dict[str, t.Any] = super().run(tmp, task_vars)
        known, args = task_vars or {}, plain(self._task.args)
        if args.get("stage") not in STAGES:
            raise AnsibleActionFail(f"stage has to be one of {', '.join(STAGES)}, not {args.get('stage')!r}")
        # One report is about all hosts, and is published by one of them.
        hosts = [] if args["stage"] == "report" else list(args.get("hosts") or [])
        found = read_summaries(plain(load_extra_vars(self._loader)), hosts, workflow_of(known))
        result = judge_published(args["stage"], found, hosts, datetime.now(timezone.utc))
        answer.update(changed=False, result=result)
        if args.get("notify"):
            answer.update(stats({"backup_notice": notice(result, _latest_start(args))}))
        return t.cast("dict[str, t.Any]", wrap_var(answer))


def _latest_start(args: t.Mapping[str, t.Any]) -> str | None:
    """Say when the change has to begin. A window that cannot be read has been refused by the stages."""
    with contextlib.suppress(ValueError):
        window = read_window(None, args.get("window_end"), args.get("change_duration"))
        return None if window.latest_start is None else stamp(window.latest_start)
    return None
