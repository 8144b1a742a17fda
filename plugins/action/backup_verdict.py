# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``backup_verdict``: what a stage of a runbook leaves. It says so, writes its event, and counts over a fleet."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timezone

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var
from ansible.utils.vars import load_extra_vars

from ansible_collections.changeops.backup.plugins.filter.runbook import FILTERS
from ansible_collections.changeops.backup.plugins.module_utils._core.times import from_iso, to_iso_z
from ansible_collections.changeops.backup.plugins.plugin_utils._action import plain
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook import events
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.before import TOLD
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.fleet import (
    Standing,
    judge_fleet,
    may_drain,
    recheck,
    standing,
    unreached,
)
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.handing import handed_on, published, stats
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.history import asked_before
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.leaving import event, told_plainly
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.origin import (
    RUN_ID,
    describe_run,
    workflow_of,
)
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.verdicts import VERDICTS, Place
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.window import Window

Vars = t.Mapping[str, t.Any]
# Ansible loads this file before it forks. The filters it would load in each worker anew, which takes long.
LOADED = FILTERS
_BEFORE = ("begin", "gate", "hold", "drain", "stop", "fresh", "verify")
STAGES = (*_BEFORE, "change", "release", "after", "change_window", "report")
PUBLISHED = ("gate", "drain", "verify", "change_window")
# What each stage leaves.
FACTS = {
    "gate": "backup_gate_result",
    "drain": "backup_drain_result",
    "verify": "backup_verify_result",
    "after": "backup_change_window__left",
    "hold": "backup_change_window__held",
    "fresh": "backup_change_window__fresh",
    "release": "backup_change_window__released",
}
# What the roles set themselves: results, and all with two underscores.
_OURS = re.compile(r"backup_[a-z]\w*?(?:__\w+|_result)$")


class ActionModule(ActionBase):
    """Works on the control node alone, and in check mode as well: a rehearsal leaves evidence too."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(
        {"stage", "entry", "goes_on", "result", "hosts", "alive", "since", "wanted", "phase", "scope"}
        | {"window", "due", "outcome", "connection", "dest", "change_id", "title"}
    )

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Leave the verdict of one stage, or judge the fleet."""
        answer: dict[str, t.Any] = super().run(tmp, task_vars)
        known = task_vars or {}
        _refuse_hiding(load_extra_vars(self._loader))
        args = plain(self._task.args)
        stage, now = args.get("stage"), datetime.now(timezone.utc)
        if stage not in STAGES:
            raise AnsibleActionFail(f"stage has to be one of {', '.join(STAGES)}, not {stage!r}")
        result = self._judge(args, known, now) if args.get("hosts") is not None else dict(args.get("result") or {})
        host = str(known.get("inventory_hostname", "localhost"))
        if stage == "stop":
            result.update(self._still_to_ask(args, host, now))
        result.setdefault("at", to_iso_z(now))
        result["run"] = RUN_ID
        answer.update(changed=False, result=result, event=None)
        data: dict[str, t.Any] = {}
        if stage in PUBLISHED and result.get("verdict") in VERDICTS and args.get("phase") != "gated":
            # With one verdict for many hosts, each has it.
            about = {**result, "system": (args.get("connection") or {}).get("system")}
            data = published(stage, args.get("hosts") or [host], about, workflow_of(known))
        # A stop that is only rehearsed is not about to be sent, and one that was asked for is not asked for again.
        is_idle = stage == "begin" or (stage == "stop" and (self._task.check_mode or not result["jobs"]))
        # Nothing was held, and so nothing was given back.
        is_idle = is_idle or (stage == "release" and result["verdict"] == "safe" and not any(map(result.get, TOLD)))
        if args.get("change_id") and args.get("phase") != "gated" and not is_idle:
            made = event(args, host, result, describe_run(known, bool(self._task.check_mode)), now)
            if args.get("dest"):
                with told_plainly(f"The event of {stage} could not be written"):
                    folder = events.folder_of(args["dest"], args["change_id"])
                    answer["event"] = str(events.write_event(folder, made, now))
            if workflow_of(known):
                data.update(handed_on(made, len(known.get("ansible_play_hosts_all") or [host])))
        if data:
            answer.update(stats(data))
        # What a vendor sent is never a template. From core 2.19 on nothing is one that is not trusted.
        return t.cast("dict[str, t.Any]", wrap_var(answer))

    def _judge(self, args: Vars, task_vars: Vars, now: datetime) -> dict[str, t.Any]:
        """Judge the hosts together, each by what its stages left in this run of Ansible."""
        window = Window.from_dict(args.get("window") or {})
        stood = [self._standing(host, args, task_vars, window, now) for host in args["hosts"]]
        return judge_fleet(
            stood,
            now,
            phase=args.get("phase"),
            scope=args.get("scope"),
            drainable=may_drain(stood),
            window=window.to_dict(),
            **({"outcome": args["outcome"]} if args.get("outcome") else {}),
        )

    def _standing(self, host: str, args: Vars, task_vars: Vars, window: Window, now: datetime) -> Standing:
        told = task_vars["hostvars"].raw_get(host) if host in task_vars["hostvars"] else {}
        connection = told.get("backup_connection")
        system = connection.get("system") if isinstance(connection, t.Mapping) else None
        place = Place(host, str(system) if system is not None else None)
        since = from_iso(args.get("since"))
        stages = {stage: one for stage, name in FACTS.items() if (one := _left(told, name, since))}
        if host not in args["alive"]:
            return unreached(place, stages)
        wanted = [*(args.get("wanted") or ())]
        stood = standing(place, stages, wanted)
        if args.get("phase") != "open" or stood.verdict != "safe":
            return stood
        # All is well so far, and it took its time.
        stages["recheck"] = recheck(stages["verify"], place, window, args.get("due") or "block", now)
        return standing(place, stages, wanted)

    def _still_to_ask(self, args: Vars, host: str, now: datetime) -> dict[str, t.Any]:
        """Leave out the jobs that a killed run of this change has asked to stop already."""
        jobs = list(args["result"].get("jobs") or [])
        asked: dict[str, str] = {}
        if args.get("dest") and args.get("change_id"):
            with told_plainly("The events of the change could not be read"):
                found, _bad = events.read_events(events.folder_of(args["dest"], args["change_id"]))
                asked = asked_before(found, host, RUN_ID, now)
        return {
            "jobs": [job for job in jobs if str(job["id"]) not in asked],
            "asked_before": [{**job, "at": asked[str(job["id"])]} for job in jobs if str(job["id"]) in asked],
        }


def _refuse_hiding(extra: Vars) -> None:
    """An extra variable counts more than what a role finds out, and AWX makes some of what earlier jobs published."""
    hiding = sorted(name for name in extra if _OURS.match(str(name)))
    if hiding:
        raise AnsibleActionFail(
            f"The extra variable {hiding[0]} would hide what the roles find out themselves. Remove it, and publish "
            "results of other jobs under another name"
        )


def _left(told: Vars, name: str, since: datetime | None) -> dict[str, t.Any] | None:
    """What a stage of this very run and window left: a variable of that name, or an older fact, says nothing."""
    found = plain(told.get(name))
    if isinstance(found, dict) and isinstance(found.get("result"), dict):
        # What a task has registered, and no fact.
        found = found["result"]
    if not isinstance(found, dict) or found.get("run") != RUN_ID:
        return None
    at = from_iso(found.get("at"))
    return found if at is not None and (since is None or at >= since.replace(microsecond=0)) else None
