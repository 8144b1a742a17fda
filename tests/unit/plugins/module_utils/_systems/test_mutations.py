# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real answers, damaged in 3,000 ways for each system: never a traceback, never an end that the answer does not tell.

The answers, and what the vendors' words mean, are in tests/systems: written down once more, apart from the code.
"""

from __future__ import annotations

import contextlib
import json
import random
import typing as t
from urllib.parse import urlsplit

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import BackupError, Refused
from ansible_collections.changeops.backup.plugins.module_utils._core.times import Clock
from ansible_collections.changeops.backup.plugins.module_utils._edge.options import CONNECTION
from ansible_collections.changeops.backup.plugins.module_utils._http.call import Call
from ansible_collections.changeops.backup.plugins.module_utils._http.response import Response
from ansible_collections.changeops.backup.plugins.module_utils._systems.connection import Connection
from ansible_collections.changeops.backup.plugins.module_utils._systems.listing import Listing
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from ansible_collections.changeops.backup.plugins.module_utils._systems.selection import Selection
from systems import KNOWN
from systems.known import Known

MUTATIONS = 3000

# Written into the JSON text in place of a value.
ODD = [
    "null", "true", "false", "0", "-1", "2", "2.0", "1e308", "1e400", "-0.0", "NaN", "Infinity", "-Infinity",
    "9" * 400, "9" * 5000, '""', '" "', '"None"', '"unknown"', '"Success"', '"Completed"', '"\\ud800"', '"\\u0000"',
    '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59-14:00"', '"2024-13-45T99:99:99Z"', '"99999999.99:99:99"', "[]",
    "{}", "[[]]", '{"a": 1}', '[{"status": "Success"}]', "638599392481859693", '"x' + "y" * 5000 + '"',
    "[" * 100 + "]" * 100, "[" * 900 + "]" * 900, "[" * 940 + "]" * 940, "[" * 100_000 + "]" * 100_000,
]  # fmt: skip
MARK = "@the mark@"


class Line:
    """The transport's place: hands out answers, and notes what it handed out."""

    def __init__(self, known: Known, damaged: str, body: bytes, queued: bool) -> None:
        self.clock = Clock()
        self.allow_collect = False
        self.server_ahead = 0.0
        self.clock.sleep = lambda seconds: None  # type: ignore[method-assign]
        self.given: list[tuple[str, bytes]] = []
        self._known = known
        self._damaged = damaged
        self._body = body
        self._queued = queued

    def within(self, patience: float) -> t.ContextManager[None]:
        """Nobody is impatient with it."""
        return contextlib.nullcontext()

    def read(self, call: Call, parse: t.Callable[[Response], t.Any] = Response.json) -> t.Any:
        """Answer a call."""
        assert len(self.given) < 200, "this listing never ends"
        name = self._known.answer_to(urlsplit(call.url).path, call.json or {})
        if name == "list" and any(earlier == name for earlier, _body in self.given) and self._known.no_more:
            body = json.dumps(self._known.no_more).encode()
        elif name == self._damaged:
            body = self._body
        elif name in self._known.answers:
            body = json.dumps(self._known.answers[name]).encode()
        else:
            body = b'{"error": "job not found", "status": 404}'
            self.given.append((f"no {name}", body))
            response = Response(404, {}, body)
            if not call.answered(response):
                raise Refused("not found", 404)
            return parse(response)
        if self._queued and name in ("list", "one"):
            self._queued = False
            return parse(Response(202, {"Location": self._known.queue}, b""))
        self.given.append((name, body))
        return parse(Response(200, {"Content-Type": "application/json"}, body))


def build(name: str, line: Line) -> t.Any:
    options = {**dict.fromkeys(CONNECTION), **KNOWN[name].required}
    connection = Connection("https://backup.example", "", options, lambda text: None, lambda text: None)
    return SYSTEMS[name](connection, line)


def somewhere(value: t.Any, chance: random.Random) -> tuple[t.Any, ...]:
    """Choose a place in an answer, deep ones more often."""
    path: tuple[t.Any, ...] = ()
    while isinstance(value, (dict, list)) and value and (not path or chance.random() < 0.8):
        step = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
        path, value = (*path, step), value[step]
    return path


def damage(value: t.Any, chance: random.Random) -> bytes:
    """Do one to three things to an answer."""
    value = json.loads(json.dumps(value))
    odd: list[str] = []
    for _turn in range(chance.choice((1, 1, 2, 3))):
        path = somewhere(value, chance)
        if not path:
            break
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        how = chance.choice(("missing", "odd", "odd", "odd", "text", "extra", "twice", "swap"))
        if how == "missing":
            del holder[path[-1]]
        elif how == "odd":
            holder[path[-1]] = f"{MARK}{len(odd)}"
            odd.append(chance.choice(ODD))
        elif how == "text":
            holder[path[-1]] = str(holder[path[-1]])
        elif how == "extra" and isinstance(holder, dict):
            holder[chance.choice(("status", "state", "jobs", "id", "more"))] = chance.choice(
                (2, "Success", None, [], {})
            )
        elif how == "twice" and isinstance(holder, list):
            holder.append(json.loads(json.dumps(holder[path[-1]])))
        elif how == "swap":
            taken: t.Any = value
            for step in somewhere(value, chance):
                taken = taken[step]
            holder[path[-1]] = json.loads(json.dumps(taken))
    text = json.dumps(value)
    for number, piece in enumerate(odd):
        text = text.replace(f'"{MARK}{number}"', piece)
    body = text.encode()
    how = chance.choice((*[""] * 30, "cut", "utf-16", "latin-1", "flip", "bom", "html"))
    if how == "cut":
        return body[: chance.randrange(len(body) + 1)]
    if how == "utf-16":
        return text.encode("utf-16")
    if how == "latin-1":
        return text.replace("i", "é").encode("latin-1", "replace")
    if how == "flip":
        spot = chance.randrange(len(body) or 1)
        return body[:spot] + bytes([chance.randrange(256)]) + body[spot + 1 :]
    return {"bom": b"\xef\xbb\xbf" + body, "html": b"<html>502</html>"}.get(how, body)


# -- what the answer says, read a second time ----------------------------------------------------------------------


def rows(known: Known, given: list[tuple[str, bytes]]) -> list[t.Any]:
    """Give the jobs in all answers, as they stand there."""
    found: list[t.Any] = []
    for name, body in given:
        try:
            read = json.loads(body)
        except (ValueError, RecursionError):
            continue
        if name.startswith(known.with_jobs) and isinstance(read, dict):
            found += known.jobs_in(read, name)
    return found


def identity(known: Known, raw: t.Any) -> str | None:
    value = raw.get(known.id_field) if isinstance(raw, dict) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return (value.strip() or None) if isinstance(value, str) else None


def judge(known: Known, listing: Listing, given: list[tuple[str, bytes]], asked: str | None) -> None:
    found = [raw for raw in rows(known, given) if isinstance(raw, dict) or asked is None]
    for job in listing.jobs.values():
        json.dumps(job.to_dict(), allow_nan=False)
        assert str(job)
        # An answer to a question for one job may leave its id out.
        mine = [raw for raw in found if isinstance(raw, dict) and identity(known, raw) in (job.id, None)]
        assert mine, "a job that no answer holds"
        assert job.active or any(known.word(raw) in known.over for raw in mine), job
        assert job.state == "finished" or job.result is None
        assert job.result != "success" or any(known.word(raw) in known.success for raw in mine), job
    if asked is None and any(identity(known, raw) is None for raw in found):
        assert not listing.complete, "a job without an id was lost without a word"


@pytest.mark.parametrize("system", KNOWN)
def test_a_damaged_answer_is_never_a_traceback_and_never_a_wrong_end(system: str) -> None:
    known, told, refused = KNOWN[system], 0, 0
    for number in range(MUTATIONS):
        chance = random.Random(f"{system} {number}")
        answers = known.answers
        damaged = chance.choice(["list", *answers] if "list" in answers else list(answers))
        body = damage(answers[damaged], chance)
        line = Line(known, damaged, body, queued=damaged == "action")
        built = build(system, line)
        # Where no answer is about one job alone, that job is asked for now and then.
        also = known.one is not None and "one" not in answers and chance.random() < 0.2
        asked = known.one if damaged == "one" or also else None
        try:
            listing = built.look(Selection(job_ids=(asked,) if asked else ()))
            if damaged == "progress":
                parts = built.steps(next(iter(listing.jobs.values())))
                json.dumps([part.to_dict() for part in parts], allow_nan=False)
        except BackupError:
            refused += 1
            continue
        except Exception as exc:
            raise AssertionError(f"mutation {number}: {type(exc).__name__} {exc} from {body[:2000]!r}") from exc
        try:
            judge(known, listing, line.given, asked)
        except Exception as exc:
            raise AssertionError(f"mutation {number}: {exc} from {body[:2000]!r}") from exc
        told += 1
    # Else this test would look at nothing.
    assert told > MUTATIONS / 3
    assert refused > 30


@pytest.mark.parametrize("system", KNOWN)
def test_an_undamaged_answer_is_read_in_full(system: str) -> None:
    known = KNOWN[system]
    line = Line(known, "", b"", queued=known.queue is not None)
    listing = build(system, line).look(Selection())
    judge(known, listing, line.given, None)
    assert listing.complete
    assert len(listing.jobs) == 4
    assert sum(job.result == "success" for job in listing.jobs.values()) == known.successes


@pytest.mark.parametrize("value", [None, "", " ", True, [], {}, float("nan"), 1.5])
@pytest.mark.parametrize("system", KNOWN)
def test_a_job_with_a_broken_id_makes_the_list_incomplete(system: str, value: t.Any) -> None:
    known = KNOWN[system]
    name = next(name for name in known.answers if name.startswith(known.with_jobs))
    answer = known.answers[name]
    target = next(iter(known.jobs_in(answer, name)))
    broken = {**target, known.id_field: value}
    body = json.dumps(answer).replace(json.dumps(target), json.dumps(broken), 1).encode()
    listing = build(system, Line(known, name, body, queued=False)).look(Selection())
    assert not listing.complete
    assert any("may not be complete" in warning for warning in listing.warnings)
    assert len(listing.jobs) == 3
