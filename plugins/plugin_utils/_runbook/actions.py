# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What was done to the systems in the course of a change, read from its events. No I/O, no Ansible."""

from __future__ import annotations

import typing as t

from .drain import OUTCOMES
from .verdicts import label

Event = t.Mapping[str, t.Any]


def actions_of(events: t.Sequence[Event]) -> list[dict[str, t.Any]]:
    """Every job that was asked to stop or was started, and every schedule that was held or given back, in every run.

    And the jobs that a killed run meant to stop.
    """
    actions = []
    open_stops: dict[tuple[str, str], list[dict[str, t.Any]]] = {}
    for event in events:
        run = (event["host"], str(event["run"].get("id")))
        result = event["result"]
        if event["stage"] == "stop":
            open_stops[run] = [_abort(event, one, "not known") for one in result.get("jobs") or []]
        elif event["stage"] == "drain":
            open_stops.pop(run, None)
            actions += [_abort(event, one, word) for word in OUTCOMES for one in result.get(word) or []]
        elif event["stage"] == "fresh":
            actions += [_start(event, one) for one in result.get("starts") or []]
        elif event["stage"] in ("hold", "release"):
            actions += _turned(event)
    lost = [one for jobs in open_stops.values() for one in jobs]
    return sorted(actions + lost, key=lambda one: str(one["requested_at"] or ""))


def missed_of(events: t.Sequence[Event]) -> list[dict[str, t.Any]]:
    """Every run that was due while its schedule was held."""
    return [
        {"host": event["host"], "system": event.get("system"), "object": label(one), "due": one.get("next_run")}
        for event in events
        if event["stage"] == "release"
        for one in event["result"].get("missed") or []
    ]


def _action(event: Event, one: t.Mapping[str, t.Any], action: str, outcome: str, **more: t.Any) -> dict[str, t.Any]:
    return {
        "host": event["host"],
        "system": event.get("system"),
        "object": label(one),
        "id": str(one.get("id")),
        "action": action,
        "reason": event["result"].get("reason"),
        "by": event["run"].get("user"),
        "requested_at": one.get("requested_at"),
        "confirmed_at": one.get("confirmed_at"),
        "outcome": "rehearsed" if event["run"].get("check_mode") and action != "abort" else outcome,
        "message": one.get("message"),
        "run": event["run"].get("id"),
        **more,
    }


def _abort(event: Event, job: t.Mapping[str, t.Any], outcome: str) -> dict[str, t.Any]:
    requested = job.get("requested_at") or (event["at"] if outcome == "not known" else None)
    return _action(event, job, "abort", outcome, reason=event["result"].get("stop_reason"), requested_at=requested)


def _start(event: Event, start: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    word = "joined" if start.get("joined") else "started" if start.get("started") else "not started"
    if start.get("verdict") == "reached" and word == "not started":
        word = "found"
    told = {"reason": start.get("reason"), "message": start.get("msg"), "confirmed_at": start.get("finished")}
    return _action(event, start, "start", word, **told)


def _turned(event: Event) -> t.Iterator[dict[str, t.Any]]:
    result, action = event["result"], event["stage"]
    for word, outcome in (("held", "held"), ("released", "given back"), ("left_alone", "left alone")):
        for one in result.get(word) or []:
            yield _action(event, one, action, outcome, message=one.get("why"), confirmed_at=event["at"])
