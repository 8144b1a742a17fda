# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``backup_evidence``: makes the report of a change from its events, and puts it beside them."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.changeops.backup.plugins.plugin_utils._action import plain
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook import events, origin
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.folder import write_report
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.report import build_report


class ActionModule(ActionBase):
    """Works on the control node alone, and in check mode as well: a rehearsal leaves evidence too."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("dest", "change_id", "title", "templates"))

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Render the evidence of one change."""
        answer: dict[str, t.Any] = super().run(tmp, task_vars)
        args = plain(self._task.args)
        now = datetime.now(timezone.utc)
        try:
            folder = events.folder_of(args["dest"], args["change_id"])
            found, bad = events.read_events(folder)
            model = build_report(
                events.check_id(args["change_id"]), found, bad, args.get("title"), now, origin.collection_version()
            )
            files = write_report(folder, model, Path(args["templates"]))
        except (ValueError, OSError) as exc:
            raise AnsibleActionFail(f"The evidence could not be rendered: {exc}") from exc
        answer.update(
            changed=False,
            result={
                **{name: model[name] for name in ("verdict", "code", "msg", "rehearsal", "overridden", "unseen")},
                "reasons": [
                    {name: one[name] for name in ("host", "system", "object", "why")} for one in model["blockers"]
                ],
                "outcome": model["change"]["outcome"],
                "jobs": [],
                "at": model["rendered_at"],
                "run": origin.RUN_ID,
            },
            files=[str(path) for path in files],
        )
        return t.cast("dict[str, t.Any]", wrap_var(answer))
