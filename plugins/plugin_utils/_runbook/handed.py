# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What earlier jobs of a workflow have handed on, read back. They are extra variables: anybody may have written them.

What cannot be read, or is of another workflow, is as good as nothing, and that is ``cannot_tell``. No I/O, no Ansible.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import typing as t
import zlib
from datetime import datetime

from ansible_collections.changeops.backup.plugins.module_utils._core.times import from_iso, to_iso_z

from .events import SCHEMA, BadEvent, check_event
from .fleet import Standing, judge_fleet
from .handing import PREFIX, variable_part
from .origin import RUN_FIELDS
from .verdicts import VERDICTS, Place, Result, worst

Given = t.Mapping[str, t.Any]
Event = dict[str, t.Any]
_KEY = re.compile(r"backup_(gate|drain|verify|change_window|report)_(\w+)\Z")
_LONGEST = 600
_LARGEST_EVENT = 4 << 20
_LISTS = (
    *("jobs", "reasons", "unseen", "objects", "blockers", "hosts", "warnings", "left_out"),
    *("aborted", "already_finished", "unsupported", "not_confirmed", "transitions"),
)


class Summary(t.NamedTuple):
    """The verdict of one stage on one host, as a job has published it. ``wrong``: why it cannot be read."""

    stage: str
    host: str
    verdict: str
    told: Given
    wrong: str | None = None

    @property
    def place(self) -> Place:
        """Where it was found."""
        system = self.told.get("system")
        return Place(self.host, system if isinstance(system, str) else None)

    @property
    def result(self) -> Result:
        """The verdict as a stage returns it, with no more than what a summary has."""
        place, told = self.place, self.told
        said = [_reason(place, text) for text in told.get("reasons") or []] if self.wrong is None else []
        if self.verdict != "safe" and not said:
            why = self.wrong or told["msg"]
            said = [{"host": place.host, "system": place.system, "object": self.stage, "why": why}]
        gap = {"host": place.host, "system": place.system, "what": f"jobs of {self.stage}"}
        over = told.get("overridden") if self.wrong is None else None
        return {
            "verdict": self.verdict,
            "code": VERDICTS.index(worst([self.verdict])),
            "msg": self.wrong or str(told["msg"]),
            "reasons": said,
            "jobs": [],
            "unseen": [{**gap, "why": self.wrong or "of this stage only its verdict was handed on"}],
            "at": told.get("at"),
            "drainable": told.get("drainable") is True,
            "overridden": {**over, "hosts": [self.host]} if over else None,
        }


def read_summaries(extra: Given, hosts: t.Iterable[str], workflow: str | None) -> list[Summary]:
    """Read the summaries among the extra variables. ``hosts``: whatever is published of these has to be one."""
    known = {variable_part(host): host for host in hosts}
    found = []
    for name, value in sorted(extra.items()):
        match = _KEY.match(str(name))
        if match is None or not (match[2] in known or (isinstance(value, t.Mapping) and "verdict" in value)):
            # A variable of a role looks the same.
            continue
        told: Given = value if isinstance(value, t.Mapping) else {}
        host = told.get("host") if isinstance(told.get("host"), str) else known.get(match[2], match[2])
        if variable_part(str(host)) != match[2]:
            host = known.get(match[2], match[2])
        wrong = _wrong(value, workflow)
        verdict = "cannot_tell" if wrong else str(told["verdict"])
        found.append(Summary(match[1], str(host), verdict, told, wrong))
    return found


def _wrong(told: t.Any, workflow: str | None) -> str | None:
    """Say why something is no summary of this workflow."""
    if not isinstance(told, t.Mapping) or told.get("verdict") not in VERDICTS:
        return "what was published of it is no verdict"
    if told.get("code") != VERDICTS.index(told["verdict"]):
        return "what was published of it contradicts itself"
    texts = [told.get("msg"), *(told.get("reasons") or [])] if isinstance(told.get("reasons"), list) else [None]
    if not all(isinstance(text, str) and len(text) <= _LONGEST for text in texts) or from_iso(told.get("at")) is None:
        return "what was published of it cannot be read"
    over = told.get("overridden", {"reason": "", "by": ""})
    if not isinstance(over, t.Mapping) or not all(isinstance(over.get(name), str) for name in ("reason", "by")):
        return "what was published of its override cannot be read"
    if workflow is not None and str(told.get("workflow")) != workflow:
        return "what was published of it is of another workflow"
    return None


def _reason(place: Place, text: str) -> dict[str, t.Any]:
    """Take apart what a summary has put together: host, object, why."""
    host, thing, why = [*text.split(": ", 2), "", ""][:3]
    return {"host": host, "system": place.system if host == place.host else None, "object": thing, "why": why}


def judge_published(stage: str, found: t.Iterable[Summary], hosts: t.Sequence[str], now: datetime) -> Result:
    """Give the verdict over these hosts, or where none are named over all that were published. The worst counts.

    A host of which nothing was published counts as ``cannot_tell``: its job, or its slice, was lost.
    """
    told = {one.host: one for one in found if one.stage == stage and (not hosts or one.host in hosts)}
    lost = f"no job of this workflow has published a verdict of the stage {stage}"
    for host in hosts or ([] if told else ["workflow"]):
        told.setdefault(host, Summary(stage, host, "cannot_tell", {}, lost))
    parts = [Standing(one.place, one.verdict, (one.result,)) for one in told.values()]
    outcomes = {str(one.told.get("outcome")) for one in told.values()}
    return judge_fleet(
        parts,
        now,
        drainable=all(one.verdict == "safe" or one.result["drainable"] for one in told.values()),
        outcome=outcomes.pop() if len(outcomes) == 1 else "None",
    )


def from_jobs(
    extra: Given, hosts: t.Iterable[str], workflow: str | None, change_id: str, now: datetime
) -> tuple[list[Event], list[BadEvent]]:
    """Give the story that earlier jobs have handed on, and what of it cannot be read."""
    found, wrong = read_events(extra, workflow)
    return story(found, read_summaries(extra, hosts, workflow), change_id, now), wrong


def not_there(told: t.Iterable[Event], events: t.Iterable[Event]) -> list[BadEvent]:
    """Give what jobs have handed on that is not good, and not among the events of the folder.

    The folder is the truth: what was handed on can make a verdict worse, and never better.
    """
    known = {_mark(event) for event in events}
    lost = [one for one in told if one["result"].get("verdict", "safe") != "safe" and _mark(one) not in known]
    why = "a job has published a verdict that is not safe, and it is not among the events"
    return [BadEvent(f"{one['stage']} of {one['host']}", why) for one in lost]


def read_events(extra: Given, workflow: str | None) -> tuple[list[Event], list[BadEvent]]:
    """Read the events among the extra variables; and say which are none, and why."""
    found, wrong = [], []
    for name, value in sorted(extra.items()):
        if not str(name).startswith(PREFIX):
            continue
        try:
            found.append(_unpacked(value, workflow))
        except (ValueError, TypeError, RecursionError, binascii.Error, zlib.error) as exc:
            wrong.append(BadEvent(str(name), str(exc)))
    return found, wrong


def _unpacked(text: t.Any, workflow: str | None) -> Event:
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(base64.b64decode(str(text), validate=True), _LARGEST_EVENT)
    if not unpacking.eof:
        raise ValueError("it is cut, or larger than any event")
    event = check_event(json.loads(content))
    result = event["result"]
    for name in _LISTS:
        if not all(isinstance(one, dict) for one in result.get(name) or []):
            raise ValueError(f"its {name} are of another kind")
    if result.get("verdict", "safe") not in VERDICTS or from_iso(event["at"]) is None:
        raise ValueError("it has no verdict, or no time")
    if workflow is not None and str(event["run"].get("workflow")) != workflow:
        raise ValueError("it is of another workflow")
    return event


def story(events: t.Sequence[Event], summaries: t.Sequence[Summary], change_id: str, now: datetime) -> list[Event]:
    """Tell the story from what was handed on: events, and where there is none, what the summary says."""
    told: dict[tuple[t.Any, ...], str] = {_mark(one): str(one["result"].get("verdict")) for one in events}
    made = list(events)
    windows: dict[t.Any, Event] = {}
    for one in summaries:
        event = _event(one, change_id, now)
        known = told.get(_mark(event))
        if one.stage == "report" or (known is not None and worst([known]) == worst([known, one.verdict])):
            continue
        if one.stage == "change_window" and one.told.get("scope") == "fleet":
            first = windows.setdefault(_mark(event)[:2], event)
            first["result"].setdefault("hosts", []).append(
                {"host": one.host, "system": one.place.system, "verdict": worst([str(one.told.get("host_verdict"))])}
            )
            if first is not event:
                continue
            made += _change(one, event)
        made.append(event)
    return sorted(made, key=lambda event: (_moment(event), event["stage"] == "change_window"))


def _moment(event: Event) -> float:
    at = from_iso(event["at"])
    return at.timestamp() if at else float("inf")


def _mark(event: Event) -> tuple[t.Any, ...]:
    whole = event["stage"] == "change_window" and event["result"].get("scope") == "fleet"
    return event["run"].get("id"), event["stage"], None if whole else event["host"]


def _change(one: Summary, event: Event) -> list[Event]:
    """What became of the change is in the summary of the look after it."""
    outcome = one.told.get("outcome")
    if outcome not in ("done", "failed"):
        return []
    msg = "the job of the change failed" if outcome == "failed" else None
    return [{**event, "stage": "change", "final": False, "result": {"outcome": outcome, "msg": msg}}]


def _event(one: Summary, change_id: str, now: datetime) -> Event:
    at, run = one.told.get("at"), one.told.get("run")
    at = at if isinstance(at, str) and from_iso(at) else to_iso_z(now)
    result = one.result
    if one.stage == "change_window" and one.wrong is None:
        result.update({name: one.told.get(name) for name in ("phase", "scope")})
    return {
        "schema": SCHEMA,
        "at": at,
        "host": one.host,
        "system": one.place.system,
        "title": None,
        "address": None,
        "stage": one.stage,
        "entry": one.stage,
        "final": True,
        "run": {
            **dict.fromkeys(RUN_FIELDS),
            "id": run if isinstance(run, str) else "not known",
            "began": at,
            "check_mode": False,
        },
        "change": {"id": change_id},
        "result": result,
        "handed_on": True,
    }
