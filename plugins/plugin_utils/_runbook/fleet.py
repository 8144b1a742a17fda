# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""One verdict for a host out of its stages, and one for a fleet out of its hosts. No I/O, no Ansible."""

from __future__ import annotations

import typing as t
from datetime import datetime

from ansible_collections.changeops.backup.plugins.module_utils._core.times import to_iso_z

from .gate import Due, judge_gate
from .verdicts import VERDICTS, Place, Result, sentence, worst
from .window import Window

Stages = t.Mapping[str, Result]
# The stages that a verdict follows from.
COUNTED = ("gate", "hold", "drain", "fresh", "verify", "recheck", "release", "after")


class Standing(t.NamedTuple):
    """How a host stands: its verdict, and the results that it follows from."""

    place: Place
    verdict: str
    parts: tuple[Result, ...]


def standing(place: Place, stages: Stages, wanted: t.Iterable[str] = ()) -> Standing:
    """Judge a host by its stages. ``wanted``: those that have to be there.

    What a drain has seen is newer than what a gate saw of running jobs; what the gate says of the window, of due jobs
    and of what it could not see, no drain lifts.
    """
    missing = [stage for stage in wanted if stage not in stages]
    counted = {name: one for name, one in stages.items() if name in COUNTED}
    gate = counted.get("gate")
    if "drain" in counted and gate is not None and gate.get("drainable"):
        # Of a gate that can be drained, what it could not see is a schedule, and no drain shows one.
        counted["gate"] = {"verdict": "safe", "reasons": [], "unseen": gate.get("unseen") or [], "drainable": True}
    parts = tuple(counted.values())
    if missing:
        why = f"there is no result of {', '.join(missing)} (with serial, slices and the strategy free: scope host)"
        lost = _nothing_known(place, why)
        parts = (*parts, lost)
    return Standing(place, worst(str(one.get("verdict")) for one in parts), parts)


def unreached(place: Place, stages: Stages) -> Standing:
    """A host that Ansible has given up: whatever it said before, nothing is known of it now."""
    lost = _nothing_known(place, "the host is unreachable, or one of its stages failed")
    return Standing(place, "cannot_tell", (*stages.values(), lost))


def _nothing_known(place: Place, why: str) -> Result:
    reason = {"host": place.host, "system": place.system, "object": "the host", "why": why}
    return {"verdict": "cannot_tell", "reasons": [reason], "unseen": [{**_but_object(reason), "what": "the host"}]}


def _but_object(reason: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: value for name, value in reason.items() if name != "object"}


def recheck(verify: Result, place: Place, window: Window, due: Due, now: datetime) -> Result:
    """Hold what the last stage saw against the window as it is now: waiting has taken time, and a job may be due."""
    return judge_gate(verify, place, window, due, now)


def judge_fleet(hosts: t.Sequence[Standing], now: datetime, **more: t.Any) -> Result:
    """Give the verdict over all hosts: the worst counts."""
    verdict = worst(one.verdict for one in hosts)
    ordered = sorted(hosts, key=lambda one: -VERDICTS.index(worst([one.verdict])))
    reasons = [_clean(reason) for one in ordered for reason in _each_once(one)]
    alone = hosts[0].place if len(hosts) == 1 else None
    said = [f"{'' if alone else reason['host'] + ': '}{reason['object']}: {reason['why']}" for reason in reasons]
    return {
        "verdict": verdict,
        "code": VERDICTS.index(verdict),
        "msg": sentence(alone or Place(f"{len(hosts)} hosts"), verdict, said or ["nothing stands in the way"]),
        "reasons": reasons,
        "jobs": [],
        "at": to_iso_z(now),
        "hosts": [
            {"host": one.place.host, "system": one.place.system, "verdict": worst([one.verdict])} for one in hosts
        ],
        "unseen": [dict(gap) for one in hosts for part in one.parts for gap in part.get("unseen") or []],
        "overridden": _overridden(hosts),
        **more,
    }


def _each_once(one: Standing) -> t.Iterator[t.Mapping[str, t.Any]]:
    """Give the reasons of a host. That an object shows no result while it runs is no reason beside its running."""
    told: dict[tuple[t.Any, ...], None] = {}
    named: set[t.Any] = set()
    for part in one.parts:
        running = {found["object"] for found in part.get("objects") or [] if found.get("verdict") == "unknown"}
        for reason in part.get("reasons") or []:
            mark = tuple(_clean(reason).values())
            if mark not in told and not (reason["object"] in running and reason["object"] in named):
                told[mark] = None
                yield reason
        named |= {reason["object"] for reason in part.get("reasons") or []}


def _clean(reason: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: reason.get(name) for name in ("host", "system", "object", "why")}


def _overridden(hosts: t.Iterable[Standing]) -> dict[str, t.Any] | None:
    lifted = [(one.place.host, part["overridden"]) for one in hosts for part in one.parts if part.get("overridden")]
    return {**lifted[0][1], "hosts": [host for host, _why in lifted]} if lifted else None


def may_drain(hosts: t.Sequence[Standing]) -> bool:
    """Whether waiting can still lead to a change: nothing stands in the way anywhere but jobs that run."""
    return all(part.get("drainable") for one in hosts for part in one.parts) and all(one.parts for one in hosts)
