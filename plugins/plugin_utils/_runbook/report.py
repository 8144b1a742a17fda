# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The report of a change: one model, made from its events alone. No I/O, no Ansible.

The keys are those of ``report.json``. Whatever is rendered has its numbers from here.
"""

from __future__ import annotations

import typing as t

from ansible_collections.changeops.backup.plugins.module_utils._core.times import from_iso

from .actions import actions_of, missed_of
from .events import BadEvent
from .fleet import Standing, judge_fleet, standing
from .texts import STAGES
from .verdicts import VERDICTS, Place, Result, sentence, stamp, worst

if t.TYPE_CHECKING:
    from datetime import datetime

Event = t.Mapping[str, t.Any]
Model = dict[str, t.Any]
SCHEMA = "changeops.backup/report/1"
_CHANGE = ("start", "end", "duration", "latest_start", "start_local", "end_local")


class _System:
    """What the events say of one host: its stages since the last gate, and every job that was seen."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.system: str | None = None
        self.title: str | None = None
        self.address: str | None = None
        self.stages: dict[str, Result] = {}
        self.jobs: dict[str, t.Any] = {}
        self.active: dict[str, int | None] = {"before": None, "after": None}
        self.seen: dict[str, int | None] = {"before": None, "after": None}

    @property
    def place(self) -> Place:
        return Place(self.host, self.system)

    def hear(self, event: Event) -> None:
        """Take in one event of a stage."""
        self.system = event.get("system") or self.system
        self.title = event.get("title") or self.title
        self.address = event.get("address") or self.address
        stage, result = event["stage"], event["result"]
        if stage not in STAGES:
            return
        if stage == "gate":
            # It begins anew: what an earlier attempt drained or verified is history.
            self.stages = {}
        self.stages[stage] = {**result, "run": event["run"].get("id")}
        jobs = result.get("jobs") or []
        self.jobs.update({str(job.get("id")): job for job in jobs})
        side = {"gate": "before", "after": "after"}.get(stage)
        if side and result.get("complete"):
            self.active[side] = sum(bool(job.get("active")) for job in jobs)
            self.seen[side] = len(jobs) + int(result.get("jobs_not_kept") or 0)

    def to_dict(self, verdict: str) -> dict[str, t.Any]:
        """Give the system as the report holds it."""
        shown = {stage: self._shown(stage) for stage in STAGES}
        found = worst([verdict])
        return {
            "host": self.host,
            "system": self.system,
            "title": self.title,
            "address": self.address,
            "verdict": found,
            "code": VERDICTS.index(found),
            **shown,
            "jobs": list(self.jobs.values()),
        }

    def _shown(self, stage: str) -> Result | None:
        # The jobs stand beside the stages, once.
        result = self.stages.get(stage)
        return None if result is None else {name: value for name, value in result.items() if name != "jobs"}

    def before_after(self) -> dict[str, t.Any]:
        """Give the numbers of jobs before and after the change."""
        numbers = {f"active_{side}": count for side, count in self.active.items()}
        return {"host": self.host, "system": self.system, **numbers, **{f"jobs_{s}": n for s, n in self.seen.items()}}


def build_report(
    change_id: str,
    events: t.Sequence[Event],
    bad: t.Sequence[BadEvent],
    title: str | None,
    now: datetime,
    version: str,
    expected: t.Iterable[str] = (),
) -> Model:
    """Make the model of the report from the events of a change, in the order in which they were written.

    ``expected``: hosts that have to have a result.
    """
    events = [event for event in events if event["stage"] != "report"]
    systems = _systems(events)
    current = _systems(_deciding(events))
    stood = [
        standing(one.place, current[host].stages if host in current else {}, () if host in current else ("gate",))
        for host, one in systems.items()
    ]
    judged = _over_all(events) or judge_fleet(stood, now)
    if bad or not events:
        why = "there is no event of this change" if not bad else f"{len(bad)} of its events cannot be read"
        _admit(judged, change_id, {"host": None, "system": None, "object": "the evidence", "why": why})
    _miss(judged, change_id, systems, expected)
    verdicts = {one["host"]: one["verdict"] for one in judged.get("hosts") or []}
    for host in verdicts.keys() - systems.keys():
        systems[host] = _System(host)
    runs = _runs(events)
    return {
        "schema": SCHEMA,
        "change": _change(change_id, events, title),
        "verdict": judged["verdict"],
        "code": VERDICTS.index(judged["verdict"]),
        "msg": judged["msg"],
        "overridden": judged.get("overridden"),
        "rehearsal": bool(runs) and all(run["check_mode"] for run in runs),
        "runs": runs,
        "systems": [one.to_dict(verdicts.get(one.host, "cannot_tell")) for one in systems.values()],
        "blockers": [_blocker(reason, systems) for reason in judged["reasons"]],
        "actions": actions_of(events),
        "missed": missed_of(events),
        "objects": [found for one in systems.values() for found in one.stages.get("verify", {}).get("objects") or []],
        "unseen": _unseen(judged, stood, bad),
        "before_after": [one.before_after() for one in systems.values()],
        "rendered_at": stamp(now),
        "collection_version": version,
    }


def _systems(events: t.Sequence[Event]) -> dict[str, _System]:
    """Read what the events say of each host."""
    systems: dict[str, _System] = {}
    for event in events:
        if event["stage"] != "change_window":
            systems.setdefault(event["host"], _System(event["host"])).hear(event)
    return {host: one for host, one in systems.items() if one.stages}


def _deciding(events: t.Sequence[Event]) -> t.Sequence[Event]:
    """The events that decide: those of the last run, if it is of a whole window; else of all stages since the last one.

    In a workflow each stage is a run of its own. But what a window found yesterday says nothing of a host that today's
    could not reach.
    """
    windows = [place for place, event in enumerate(events) if event.get("entry") == "change_window"]
    if not windows or events[-1].get("entry") != "change_window":
        return events[windows[-1] + 1 :] if windows else events
    run = events[-1]["run"].get("id")
    return [event for event in events if event["run"].get("id") == run]


def _over_all(events: t.Sequence[Event]) -> Result | None:
    """The last verdict over all hosts, if nothing was seen since; None where the report has to find it itself."""
    opened: Result | None = None
    last: Result | None = None
    for event in events:
        result = event["result"]
        if event["stage"] != "change_window":
            # A change and what is about to be stopped are no sight of a system.
            last = _undisturbed(last, event)
            continue
        # With scope host each host has a verdict of its own, and the worst has to be found.
        last = dict(result) if result.get("scope") == "fleet" else None
        if result.get("phase") == "open":
            opened = result
        elif last is not None and opened is not None and opened.get("run") != result.get("run"):
            # Opened by another run, whose verdict still stands.
            last = _both(opened, last)
    return last


def _undisturbed(last: Result | None, event: Event) -> Result | None:
    """The last verdict after an event that is no sight of a system: it stands, unless schedules stay held."""
    if event["stage"] == "release" and last is not None and event["result"].get("verdict") != "safe":
        return _both(last, event["result"])
    return last if event["stage"] in ("change", "stop", "release") else None


def _both(opened: Result, closed: Result) -> Result:
    verdict = worst([opened["verdict"], closed["verdict"]])
    gone = opened if verdict == opened["verdict"] else closed
    joined = {name: [*opened.get(name, []), *closed.get(name, [])] for name in ("reasons", "unseen")}
    lifted = closed.get("overridden") or opened.get("overridden")
    return {**closed, **joined, "verdict": verdict, "msg": gone["msg"], "overridden": lifted}


def _admit(judged: Result, change_id: str, reason: dict[str, t.Any]) -> None:
    """Evidence that is not there, or cannot be read, leaves a hole in the story, and no event at all is no story."""
    verdict = worst([judged["verdict"], "cannot_tell"])
    told = [f"{reason['host'] or reason['object']}: {reason['why']}"]
    if verdict == judged["verdict"] and judged["reasons"]:
        told = [judged["msg"]]
    judged.update(verdict=verdict, reasons=[*judged["reasons"], reason], msg=sentence(Place(change_id), verdict, told))


def _miss(judged: Result, change_id: str, systems: dict[str, _System], expected: t.Iterable[str]) -> None:
    """Nothing is known of a host without any result: its job, or its slice of one, was lost."""
    told = {*systems, *(one["host"] for one in judged.get("hosts") or [])}
    for host in sorted({*expected} - told):
        systems[host] = _System(host)
        lost = {"host": host, "system": None, "object": "the host", "why": "there is no result of it"}
        _admit(judged, change_id, lost)


def _change(change_id: str, events: t.Sequence[Event], title: str | None) -> dict[str, t.Any]:
    """What is known of the change itself: what was said last counts."""
    known: dict[str, t.Any] = dict.fromkeys(_CHANGE)
    for event in events:
        told = event["change"]
        title = title or told.get("title")
        if told.get("start") or told.get("end") or told.get("duration"):
            known = {name: told.get(name) for name in _CHANGE}
    outcome, msg = _outcome(events, from_iso(known["end"]))
    return {"id": change_id, "title": title, **known, "outcome": outcome, "msg": msg}


def _outcome(events: t.Sequence[Event], window_ends: datetime | None) -> tuple[str, str | None]:
    """Say what became of the change: of a host on which it began and did not end, it failed."""
    ends: dict[str, Result] = {}
    late: list[str] = []
    opened, closed = False, False
    for event in events:
        if event["run"].get("check_mode"):
            # A rehearsal makes no change, and undoes none.
            continue
        result = event["result"]
        if event["stage"] == "change":
            ends[event["host"]] = result
            over = from_iso(event["at"])
            if result.get("outcome") == "done" and window_ends and over and over > window_ends:
                late.append(f"{event['host']}: it was over at {event['at']}, after the end of the window")
        elif event["stage"] == "change_window":
            opened = opened if result.get("phase") == "close" else result["verdict"] == "safe"
            closed = opened and result.get("phase") == "close"
    failed = [f"{host}: {end.get('msg')}" for host, end in ends.items() if end.get("outcome") == "failed"]
    lost = [
        f"{host}: it began, and its end is not known" for host, end in ends.items() if end.get("outcome") == "began"
    ]
    if failed or lost:
        return "failed", "; ".join([*failed, *lost])
    if any(end.get("outcome") == "done" for end in ends.values()):
        return "done", "; ".join(late) or None
    if closed and not ends:
        return "done", "by plays of its own, between open and close: how it went there, nobody has told"
    return "not_run", None


def _runs(events: t.Sequence[Event]) -> list[dict[str, t.Any]]:
    """Tell each run of Ansible once. One without ``ended`` was killed, or still runs."""
    runs: dict[str, dict[str, t.Any]] = {}
    for event in events:
        told = event["run"]
        run = runs.setdefault(str(told.get("id")), {**told, "ended": None, "stages": []})
        if event["stage"] not in run["stages"]:
            run["stages"].append(event["stage"])
        run["ended"] = event["at"] if event.get("final") else None
    return list(runs.values())


def _blocker(reason: t.Mapping[str, t.Any], systems: t.Mapping[str, _System]) -> dict[str, t.Any]:
    """A reason, with what is known of the job that it names."""
    system = systems.get(str(reason.get("host")))
    known: t.Mapping[str, t.Any] = {}
    for stage, result in (system.stages if system else {}).items():
        for one in [*(result.get("blockers") or []), *(result.get("reasons") or [])]:
            same = all(one.get(word) == reason.get(word) for word in ("object", "why"))
            if same or (not known and one.get("object") == reason.get("object")):
                known = {**known, **one, "stage": stage}
    return {**reason, **{name: known.get(name) for name in ("stage", "started", "percent", "eta", "fits")}}


def _unseen(judged: Result, stood: t.Iterable[Standing], bad: t.Iterable[BadEvent]) -> list[dict[str, t.Any]]:
    """All that could not be read, each once."""
    told = [gap for one in stood for part in one.parts for gap in part.get("unseen") or []]
    told += judged.get("unseen") or []
    told += [{"host": None, "system": None, "what": f"event {one.name}", "why": one.why} for one in bad]
    return list({(one["host"], one["what"], one["why"]): one for one in told}.values())
