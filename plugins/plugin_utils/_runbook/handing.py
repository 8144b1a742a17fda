# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What a job hands on to the later jobs of its workflow: a summary of each verdict, and as much as fits of each event.

AWX makes extra variables of it. No I/O, no Ansible.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import typing as t
import zlib

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import printable

from .verdicts import Result

Args = t.Mapping[str, t.Any]
Event = t.Mapping[str, t.Any]
PREFIX = "changeops_backup_event_"
# Of a summary, as JSON.
_MOST_BYTES = 1000
_MOST_REASONS = 3
_LONGEST_NAME = 80
# Of all the events of a workflow that is not sliced; and so many of each host it leaves, at most.
_MOST_HANDED_ON = 64_000
_MOST_EVENTS = 10
# What chat programs take for markup, or for a call to somebody.
_LOOKALIKES = str.maketrans(
    {"<": "\u2039", ">": "\u203a", "`": "'", "|": "\u00a6", "@": "(at)", "\uff20": "(at)", "*": "\u2217", "&": "+"}
)
# Names of hosts that would make of a summary a variable of a role.
_TAKEN = (
    *("result", "fail", "selection", "window_start", "window_end", "change_duration", "due", "policy", "wait_timeout"),
    *("wait_until", "quiet_period", "exclude", "max_aborts", "reason", "max_age", "objects", "accept_results", "id"),
    *("override", "dest", "change_id", "title", "publish_tasks", "hosts", "files", "start", "end", "tasks", "scope"),
    *("report_dest", "hold", "fresh_backup"),
)


def variable_part(host: str) -> str:
    """Make of a host's name what may stand in the name of a variable.

    Two hosts never share one, and none makes a name that is a role's own: these end in _result, or have two of _ in a
    row, or are options.
    """
    plain_name = re.sub(r"[^A-Za-z0-9]+", "_", host).strip("_")
    if plain_name == host and host not in _TAKEN and not host.endswith("_result"):
        return host
    return f"{plain_name}_{hashlib.sha256(host.encode()).hexdigest()[:8]}".lstrip("_")


def published(stage: str, hosts: t.Iterable[str], result: Result, workflow: str | None) -> dict[str, t.Any]:
    """Give the summaries of a verdict by the names under which ``set_stats`` publishes them."""
    return {f"backup_{stage}_{variable_part(host)}": summary(result, host, workflow) for host in hosts}


def stats(data: Args) -> dict[str, t.Any]:
    """Give what Ansible takes as the statistics of a task."""
    return {"ansible_stats": {"data": data, "per_host": False, "aggregate": False}}


def summary(result: Args, host: str = "", workflow: str | None = None) -> dict[str, t.Any]:
    """Give what a workflow needs of a verdict, in less than a kilobyte."""
    reasons = [f"{one.get('host')}: {one.get('object')}: {one.get('why')}" for one in result.get("reasons") or []]
    here: Args = next((one for one in result.get("hosts") or [] if one.get("host") == host), {})
    known = {name: result[name] for name in ("drainable", "phase", "scope", "outcome", "run") if result.get(name)}
    named = {"host": host, "system": here.get("system") or result.get("system"), "workflow": workflow}
    known.update({name: value for name, value in named.items() if value and len(str(value)) <= _LONGEST_NAME})
    if "verdict" in here:
        known["host_verdict"] = here["verdict"]
    over = result.get("overridden")
    length = 240
    while True:
        told = {
            "verdict": result["verdict"],
            "code": result["code"],
            "msg": str(result.get("msg"))[:length],
            "reasons": [one[:length] for one in reasons[:_MOST_REASONS]],
            "reasons_count": len(reasons),
            "at": result.get("at"),
            **known,
        }
        if over:
            told["overridden"] = {name: str(over.get(name))[:length] for name in ("reason", "by")}
        if len(json.dumps(told)) < _MOST_BYTES:
            return told
        length //= 2


def handed_on(event: Event, hosts: int) -> dict[str, str]:
    """Give an event as it is handed on, by the name of its variable; empty where too little of it would fit.

    It is packed: so it is no template, whatever a vendor wrote, and three times as much of it fits.
    """
    most = _MOST_HANDED_ON // (_MOST_EVENTS * max(1, hosts))
    jobs = list(event["result"].get("jobs") or [])
    kept = len(jobs)
    while (text := _packed(_cut(event, jobs, kept))) and len(text) > most:
        if not kept:
            return {}
        kept //= 2
    return {f"{PREFIX}{str(event['run']['id'])[-8:]}_{event['stage']}_{variable_part(event['host'])}": text}


def _packed(event: Event) -> str:
    return base64.b64encode(zlib.compress(json.dumps(event).encode(), 9)).decode()


def _cut(event: Event, jobs: list[t.Any], kept: int) -> Event:
    if kept == len(jobs):
        return event
    result, left = event["result"], len(jobs) - kept
    gap = {
        "host": event["host"],
        "system": event["system"],
        "what": f"jobs of {event['stage']}",
        "why": f"{left} of {len(jobs)} jobs did not fit into what the workflow hands on",
    }
    return {
        **event,
        "result": {
            **result,
            "jobs": jobs[:kept],
            "jobs_not_kept": int(result.get("jobs_not_kept") or 0) + left,
            "unseen": [*(result.get("unseen") or []), gap],
        },
    }


def notice(result: Args, deadline: t.Any) -> dict[str, str]:
    """Give what a notification says: short, on one line, and nothing in it is markup or calls somebody."""
    reasons = [f"{one.get('host')}: {one.get('object')}: {one.get('why')}" for one in result.get("reasons") or []]
    rest = f"; and {len(reasons) - _MOST_REASONS} more" if len(reasons) > _MOST_REASONS else ""
    return {
        "verdict": str(result["verdict"]),
        "msg": _quiet(result.get("msg"), 220),
        "blockers": _quiet("; ".join(_quiet(one, 100) for one in reasons[:_MOST_REASONS]) + rest, 340),
        "deadline": _quiet(deadline, 40),
    }


def _quiet(text: t.Any, length: int) -> str:
    shown = printable(str(text or "")).translate(_LOOKALIKES)
    return shown if len(shown) <= length else f"{shown[: length - 3]}..."
