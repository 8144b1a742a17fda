# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Holding schedules during a change, and giving them back: the body of ``backup_schedule``.

Read, decide, write into the ledger, write once to the system, and see what came of it. What is given back is what this
change turned off and is still off: never more, and never less without saying so.
"""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

from .._core.errors import BackupError, Misconfigured
from .._core.names import check_change_id
from .._core.times import iso
from .._systems.orders import Switch
from .._systems.selection import Selection
from .ledger import OURS, Entry, Ledger, path_in
from .task import Answer, Task, cost
from .turning import turn_switches

_MOST_NAMED = 20


class Outcome:
    """What a task returns, as it is found out."""

    def __init__(self) -> None:
        self.lists: dict[str, list[dict[str, t.Any]]] = {
            name: [] for name in ("held", "released", "already", "left_alone", "missed")
        }
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.changed = False

    def tell(self, name: str, one: Entry | Switch, why: str | None = None, **more: t.Any) -> None:
        """Add one schedule to a list."""
        next_run = one.next_run if isinstance(one, Entry) else iso(one.next_run)
        self.lists[name].append({"id": one.id, "name": one.name, "next_run": next_run, "why": why, **more})

    def fail(self, one: Entry | Switch, why: str) -> None:
        """Leave one alone because it could not be dealt with: then the task fails."""
        self.tell("left_alone", one, why)
        self.problems.append(f"{one}: {why}")


def set_schedules(task: Task) -> Answer:
    """Hold the schedules of a selection, or give back those that this change holds."""
    held = task.params["state"] == "held"
    if held and not task.system.CAPABILITIES.schedule:
        raise Misconfigured(
            f"the API of {task.system.NAME} has no call to turn schedules off. {task.system.INSTEAD_OF_SCHEDULE}"
        )
    ledger = _ledger(task)
    task.system.check_switches(task.selection)
    outcome = Outcome()
    if not (held or ledger.path.exists()):
        outcome.notes.append(f"there is no ledger {ledger.path}: nothing is known to be held by {ledger.change}")
        return _answer(task, ledger, outcome)
    with contextlib.nullcontext() if task.check_mode else ledger.alone(task.clock):
        ledger.read()
        (_hold if held else _release)(task, ledger, outcome)
    return _answer(task, ledger, outcome)


def _ledger(task: Task) -> Ledger:
    params = task.params
    try:
        change = check_change_id(params["change_id"])
    except ValueError as exc:
        raise Misconfigured(str(exc)) from exc
    if params["ledger"] is None and params["dest"] is None:
        raise Misconfigured("give dest, the folder of the evidence, or ledger, a file: then it is known what is held")
    path = Path(params["ledger"]).absolute() if params["ledger"] else path_in(params["dest"], change, task.system)
    if "\0" in str(path) or path.is_dir():
        raise Misconfigured(f"the ledger {str(path)!r} is no file")
    return Ledger(path, change, task.system)


# -- hold ------------------------------------------------------------------------------------------------------------


def _hold(task: Task, ledger: Ledger, outcome: Outcome) -> None:
    read_at = task.clock.monotonic()
    # A write: of what the system does not say whether it is meant, it is not.
    seen = task.system.switches(task.selection._replace(take_unknown=False))
    for warning in seen.warnings:
        task.warn(warning)
    if not seen.complete:
        raise BackupError("the list is not complete, so what the selection holds is not known: nothing was turned off")
    for job_id in seen.missing:
        outcome.problems.append(f"{job_id}: there is no such job")
    rivals = ledger.rivals()
    turn = [one for one in seen.found.values() if _is_to_hold(task, one, ledger, rivals, outcome)]
    now = task.clock.now()
    off = [one for one in seen.found.values() if one.on is False and not _is_ours(ledger.entries.get(one.id))]
    if task.check_mode:
        _predict(outcome, "held", turn)
        return
    # Before anything is turned off. What stands here as intended, and is off when the change is over, is given back.
    ledger.write(*(Entry.of(one, "intended", now) for one in turn), *(Entry.of(one, "off", now) for one in off))
    turned = turn_switches(task, turn, False, read_at)
    outcome.changed = turned.sent
    for switch in turned.done:
        outcome.tell("held", switch)
    for switch in turned.late:
        outcome.tell("already", switch, "somebody else turned it off before its turn came")
    for switch, why in {**turned.refused, **turned.unconfirmed}.items():
        outcome.fail(switch, why)
    ledger.write(
        *(ledger.entries[one.id]._replace(state="held") for one in turned.done),
        *(ledger.entries[one.id]._replace(state="off") for one in turned.late),
        *(ledger.entries[one.id]._replace(state="ended", why=why) for one, why in turned.refused.items()),
    )


def _is_ours(entry: Entry | None) -> bool:
    return entry is not None and entry.state in OURS


def _is_to_hold(task: Task, switch: Switch, ledger: Ledger, rivals: t.Mapping[str, Entry], outcome: Outcome) -> bool:
    """Whether a schedule is on and meant; of the others, say what they are."""
    entry = ledger.entries.get(switch.id)
    if switch.on is None:
        outcome.fail(switch, "the system does not say whether it is on")
    elif switch.on and switch.continuous and switch.id not in map(task.system.id_key, task.selection.job_ids):
        outcome.tell("left_alone", switch, "runs for ever in the background, and no id asks for it")
    elif switch.on:
        if _is_ours(entry):
            outcome.notes.append(f"{switch} was held and had been turned on by somebody else")
        return True
    elif _is_ours(entry):
        outcome.tell("already", switch, "held by this change")
    else:
        rival = rivals.get(switch.id)
        outcome.tell("already", switch, f"off already, held by change {rival.why}" if rival else "off already")
    return False


# -- release ---------------------------------------------------------------------------------------------------------


def _release(task: Task, ledger: Ledger, outcome: Outcome) -> None:
    chosen = _chosen(task, ledger)
    for entry in chosen:
        if entry.state == "ended":
            outcome.tell("already", entry, entry.why)
    watched = [entry for entry in chosen if entry.state != "ended"]
    if not watched:
        outcome.notes.append(f"change {ledger.change} holds nothing of what is selected")
        return
    read_at = task.clock.monotonic()
    seen = task.system.switches(Selection(job_ids=tuple(entry.id for entry in watched)))
    rivals = ledger.rivals()
    now = task.clock.now()
    turn: list[Switch] = []
    ended: list[Entry] = []
    for entry in watched:
        switch = seen.found.get(entry.id)
        why = _left(entry, switch, rivals.get(entry.id))
        if switch is not None and not why:
            turn.append(switch._replace(name=switch.name or entry.name))
        elif entry.state == "off" and not (switch is not None and switch.on):
            continue
        elif switch is None and not seen.complete:
            outcome.fail(entry, "not seen, and the list is not complete")
        elif switch is not None and switch.on is None:
            outcome.fail(entry, why)
        else:
            outcome.tell("left_alone", entry, why)
            # What is not listed any more may come back, and is off then.
            ended.append(entry._replace(state="gone" if switch is None else "ended", why=why))
    for entry in watched:
        if entry.state in OURS and entry.missed(now):
            outcome.tell("missed", entry, f"was due at {entry.next_run}, while it was held")
    if task.check_mode:
        _predict(outcome, "released", turn)
        return
    _give_back(task, ledger, outcome, turn, ended, read_at)


def _give_back(
    task: Task, ledger: Ledger, outcome: Outcome, turn: list[Switch], ended: list[Entry], read_at: float
) -> None:
    turned = turn_switches(task, turn, True, read_at)
    outcome.changed = turned.sent
    at = iso(task.clock.now())
    for switch in turned.done:
        unsure = ledger.entries[switch.id].state == "intended"
        outcome.tell("released", switch, "it is not certain that this change had turned it off" if unsure else None)
        ended.append(ledger.entries[switch.id]._replace(state="ended", why=f"given back at {at}"))
    for switch in turned.late:
        why = "is on: somebody else turned it on before its turn came"
        outcome.tell("left_alone", switch, why)
        ended.append(ledger.entries[switch.id]._replace(state="ended", why=why))
    for switch, why in {**turned.refused, **turned.unconfirmed}.items():
        outcome.fail(switch, f"still held: {why}")
    ledger.write(*ended)


def _chosen(task: Task, ledger: Ledger) -> list[Entry]:
    """The entries that the selection means, by what was known of them when they were held."""
    key = task.system.id_key
    by_id = task.selection._replace(job_ids=tuple(map(key, task.selection.job_ids)))
    meant = {job.id for job in by_id.among(entry.as_job() for entry in ledger.entries.values())}
    return [] if by_id.nothing else [entry for entry in ledger.entries.values() if entry.id in meant]


def _left(entry: Entry, switch: Switch | None, rival: Entry | None) -> str:
    """Say why a schedule is not given back; empty: it is."""
    if switch is None:
        return "is not listed any more"
    if switch.on is None:
        return "the system does not say whether it is on"
    if switch.on and entry.state == "off":
        return "is on: it was off when this change began, and somebody has turned it on since"
    if switch.on:
        return "is on: somebody else, or a run of this change that was killed, has turned it on meanwhile"
    if rival is not None and rival.at > entry.at:
        return f"is held by change {rival.why}, which found it on and turned it off after this change had"
    return "" if entry.state in OURS else "was off when this change began"


def _predict(outcome: Outcome, name: str, turn: t.Iterable[Switch]) -> None:
    for switch in turn:
        outcome.tell(name, switch)
        outcome.changed = True


# -- the answer ------------------------------------------------------------------------------------------------------


def _answer(task: Task, ledger: Ledger, outcome: Outcome) -> Answer:
    held, lists = task.params["state"] == "held", outcome.lists
    would = "would " if task.check_mode else ""
    said = [f"{would}{'hold' if would else 'held'} {_some(lists['held'])}"] if held else []
    if not held:
        said = [f"{would}{'give back' if would else 'gave back'} {_some(lists['released'])}"]
    words = {"already": "already off" if held else "given back before", "left_alone": "left alone", "missed": "missed"}
    said += [f"{word}: {_some(lists[name])}" for name, word in words.items() if lists[name]]
    turned = lists["held" if held else "released"]
    return {
        "changed": outcome.changed,
        "failed": bool(outcome.problems),
        **lists,
        "change_id": ledger.change,
        "ledger": str(ledger.path),
        "reason": task.params["reason"],
        "diff": {
            "before": {one["id"]: "on" if held else "off" for one in turned},
            "after": {one["id"]: "off" if held else "on" for one in turned},
        },
        "msg": f"{task.system.TITLE}: {'; '.join([*outcome.problems[:_MOST_NAMED], *said, *outcome.notes])}.",
        **cost(task),
    }


def _some(rows: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    """How many schedules, and the first of them by name."""
    names = ", ".join(str(row["name"] or row["id"]) for row in rows[:_MOST_NAMED])
    more = f" and {len(rows) - _MOST_NAMED} more" if len(rows) > _MOST_NAMED else ""
    return f"{len(rows)} schedule{'' if len(rows) == 1 else 's'}{f' ({names}{more})' if names else ''}"
