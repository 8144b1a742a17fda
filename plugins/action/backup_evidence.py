# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``backup_evidence``: makes the report of a change from its events, and puts it beside them."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone
from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var
from ansible.utils.vars import load_extra_vars

from ansible_collections.changeops.backup.plugins.module_utils._core.names import check_change_id
from ansible_collections.changeops.backup.plugins.plugin_utils._action import plain
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook import events, handed
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.folder import write_report
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.handing import published, stats
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.leaving import event, told_plainly
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.origin import (
    RUN_ID,
    collection_version,
    describe_run,
    workflow_of,
)
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.render import render
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.report import Model, build_report
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.verdicts import Result

Vars = t.Mapping[str, t.Any]
TEMPLATES = Path(__file__).parents[2] / "roles" / "backup_report" / "templates"


class ActionModule(ActionBase):
    """Works on the control node alone, and in check mode as well: a rehearsal leaves evidence too."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("dest", "change_id", "title", "hosts", "stage_of_its_own"))

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Render the evidence of one change."""
        answer: dict[str, t.Any] = super().run(tmp, task_vars)
        known = task_vars or {}
        args, now = {"stage": "report", **plain(self._task.args)}, datetime.now(timezone.utc)
        host = str(known.get("inventory_hostname", "localhost"))
        with told_plainly("The evidence could not be rendered"):
            folder = events.folder_of(args["dest"], args["change_id"])
            found, bad, expected = self._story(folder, args, known, now)
            change_id = check_change_id(args["change_id"])
            model = build_report(change_id, found, bad, args.get("title"), now, collection_version(), expected)
            result = _result(model)
            if args.get("stage_of_its_own", True):
                # Before the sums, which are over the events as well. It is no part of what is rendered.
                made = event(args, host, result, describe_run(known, bool(self._task.check_mode)), now)
                events.write_event(folder, made, now)
                answer.update(stats(published("report", [host], result, workflow_of(known))))
            files = write_report(folder, model, TEMPLATES)
        answer.update(changed=False, result=result, files=[str(path) for path in files])
        return t.cast("dict[str, t.Any]", wrap_var(answer))

    def _story(
        self, folder: Path, args: Vars, task_vars: Vars, now: datetime
    ) -> tuple[list[dict[str, t.Any]], list[events.BadEvent], list[str]]:
        """Give the events of the folder; where it has none, what earlier jobs of the workflow have handed on.

        And the hosts that have to have a result. AWX hands on as extra variables, and those are no templates here.
        """
        found, bad = events.read_events(folder)
        expected, here = list(args.get("hosts") or []), _systems_of_the_play(task_vars)
        told, wrong = handed.from_jobs(
            plain(load_extra_vars(self._loader)), expected or here, workflow_of(task_vars), args["change_id"], now
        )
        if any(one["stage"] != "report" for one in found):
            return found, [*bad, *wrong, *handed.not_there(told, found)], expected
        sound = [one for one in told if _can_be_told(one)]
        why = "no page can be made of it"
        broken = [events.BadEvent(f"{one['stage']} handed on", why) for one in told if one not in sound]
        told, wrong = sound, [*wrong, *broken]
        if told or wrong:
            expected = expected or here
            for one in told:
                # Now the folder has them, and the sums are over them as well.
                events.write_event(folder, one, now)
        return told or found, [*bad, *wrong], expected


def _can_be_told(event: dict[str, t.Any]) -> bool:
    """Whether a page can be made of an event. Anybody may have handed it on, and it may hold anything."""
    try:
        render(build_report("trial", [event], [], None, datetime.now(timezone.utc), ""), TEMPLATES)
    except Exception:
        return False
    return True


def _systems_of_the_play(task_vars: Vars) -> list[str]:
    told = task_vars["hostvars"]
    hosts = [str(host) for host in task_vars.get("ansible_play_hosts_all") or [] if host in told]
    return [host for host in hosts if "backup_connection" in told.raw_get(host)]


def _result(model: Model) -> Result:
    """Give what the report says, as every stage returns it."""
    return {
        **{name: model[name] for name in ("verdict", "code", "msg", "rehearsal", "overridden", "unseen")},
        "reasons": [{name: one[name] for name in ("host", "system", "object", "why")} for one in model["blockers"]],
        "outcome": model["change"]["outcome"],
        "jobs": [],
        "at": model["rendered_at"],
        "run": RUN_ID,
    }
