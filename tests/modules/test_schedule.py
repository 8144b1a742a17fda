# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules are held and given back: what was on, nothing else, and not twice; what is not certain is told."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import BackupError, Misconfigured
from ansible_collections.changeops.backup.plugins.module_utils._edge.schedule import SCHEDULE
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from ansible_collections.changeops.backup.plugins.module_utils._tasks.schedule import set_schedules
from harness import finish, good, run, start
from inside import Inside
from simulator import Simulator

Answer = dict[str, t.Any]
UIDS = [f"bc04d2e5-dd4c-4f85-af0e-42410600000{number}" for number in range(4)]
REFUSAL = {"message": "no", "errors": [{"message": "no", "type": "security", "code": 400}]}


def definition(number: int, **more: t.Any) -> dict[str, t.Any]:
    job = {"instanceUid": UIDS[number], "name": f"Job {number}", "status": "Success"}
    return {**job, "lastRun": "@-7200", "lastEndTime": "@-7000", **more}


def vspc(**more: t.Any) -> dict[str, t.Any]:
    """Two definitions that are on, and one that somebody has turned off before."""
    return {"system": "veeam_vspc", "jobs": [definition(1), definition(2), definition(3, isEnabled=False)], **more}


def flosum(**more: t.Any) -> dict[str, t.Any]:
    return {"system": "flosum", "jobs": [], "auth": {"accept": ["access_token"]}, **more}


class Scene:
    """A system, and the folder of the evidence."""

    def __init__(self, sim: Simulator, folder: Path) -> None:
        self.sim = sim
        self.folder = folder
        self.written = 0

    def turn(self, state: str, change: str = "CHG1", check_mode: bool = False, **given: t.Any) -> Answer:
        """Hold or release, on a clock that jumps."""
        with Inside(self.sim.options, self.sim, writes=not check_mode) as inside:
            where = {} if "ledger" in given else {"dest": str(self.folder)}
            task = inside.task(SCHEDULE, check_mode, state=state, change_id=change, **where, **given)
            self.written = len(self.sim.writes)
            return set_schedules(task)

    @property
    def writes(self) -> int:
        """How many writes the last turn has sent."""
        return len(self.sim.writes) - self.written

    def on(self) -> list[bool]:
        """What is on now: of each definition, or backups and archives."""
        if self.sim.story.system == "flosum":
            scheduler = self.sim.vendor.settings["scheduler"]
            return [not scheduler["isBackupsDisabled"], not scheduler["isArchivesDisabled"]]
        return [bool((self._state(uid)).get("isEnabled", True)) for uid in UIDS[1:]]

    def somebody(self, number: int, on: bool) -> None:
        """Somebody else turns a definition, or a switch of a connection."""
        if self.sim.story.system == "flosum":
            name = ("isBackupsDisabled", "isArchivesDisabled")[number]
            self.sim.vendor.settings["scheduler"] |= {name: not on}
        else:
            job = self.sim.vendor.book.find("instanceUid", UIDS[number + 1])
            self.sim.vendor.book.set(job, {"isEnabled": on})

    def _state(self, uid: str) -> dict[str, t.Any]:
        job = self.sim.vendor.book.find("instanceUid", uid)
        return (self.sim.vendor.book.state(job) or {}) if job else {}

    @property
    def ledger(self) -> Path:
        """The one ledger there is."""
        (path,) = self.folder.glob("*/held/*.json")
        return path


@contextlib.contextmanager
def scene(story: dict[str, t.Any], folder: Path) -> Iterator[Scene]:
    with Simulator(story) as sim:
        yield Scene(sim, folder)
        assert not sim.refused


EACH = pytest.mark.parametrize(
    ("story", "first"), [(vspc, [True, True, False]), (flosum, [True, True])], ids=["vspc", "flosum"]
)
Story = t.Callable[..., dict[str, t.Any]]


def ids(rows: list[dict[str, t.Any]]) -> list[str]:
    return [row["id"] for row in rows]


@EACH
def test_what_was_on_is_held_and_given_back_and_each_once(story: Story, first: list[bool], tmp_path: Path) -> None:
    with scene(story(), tmp_path) as played:
        held = played.turn("held", reason="CHG1")
        assert (held["changed"], held["failed"], len(held["held"])) == (True, False, 2)
        assert played.on() == [False] * len(first)
        again = played.turn("held")
        assert (again["changed"], played.writes) == (False, 0)
        released = played.turn("released")
        assert (released["changed"], ids(released["released"])) == (True, ids(held["held"]))
        assert played.on() == first
        assert stat.S_IMODE(played.ledger.stat().st_mode) == 0o600
        twice = played.turn("released")
        assert (twice["changed"], played.writes, ids(twice["already"])) == (False, 0, ids(held["held"]))


@EACH
def test_check_mode_predicts_and_writes_nothing_anywhere(story: Story, first: list[bool], tmp_path: Path) -> None:
    with scene(story(), tmp_path) as played:
        would = played.turn("held", check_mode=True)
        assert (would["changed"], len(would["held"]), played.writes) == (True, 2, 0)
        assert not list(tmp_path.iterdir())
        played.turn("held")
        before = played.ledger.read_bytes()
        would = played.turn("released", check_mode=True)
        assert (would["changed"], len(would["released"]), played.writes) == (True, 2, 0)
        assert set(would["diff"]["after"].values()) == {"on"}
        assert played.ledger.read_bytes() == before


@EACH
def test_what_somebody_turns_on_meanwhile_is_told_and_not_touched(
    story: Story, first: list[bool], tmp_path: Path
) -> None:
    with scene(story(), tmp_path) as played:
        played.turn("held")
        played.somebody(0, True)
        answer = played.turn("released")
        assert played.on() == first
        assert (len(answer["left_alone"]), len(answer["released"]), played.writes) == (1, 1, 1)
        assert "has turned it on meanwhile" in answer["left_alone"][0]["why"]
        # And what somebody turns off after that stays off.
        played.somebody(0, False)
        assert played.turn("released")["changed"] is False
        assert played.on()[0] is False


@EACH
@pytest.mark.parametrize("state", ["held", "released"])
def test_a_lost_answer_is_read_and_not_asked_for_again(
    story: Story, first: list[bool], state: str, tmp_path: Path
) -> None:
    number = 1 if state == "held" else 3 if story is vspc else 2
    faults = [{"kind": "write", "nth": [number], "do": {"reset": "after"}}]
    with scene(story(faults=faults), tmp_path) as played:
        held = played.turn("held")
        assert (held["failed"], len(held["held"])) == (False, 2)
        released = played.turn("released")
        assert (released["failed"], len(released["released"])) == (False, 2)
        assert played.on() == first
        assert len(played.sim.writes) == (4 if story is vspc else 2)


def test_a_request_that_got_lost_fails_and_the_next_release_gives_it_back(tmp_path: Path) -> None:
    faults = [{"kind": "write", "nth": [3], "do": {"reset": True}}]
    with scene(vspc(faults=faults), tmp_path) as played:
        played.turn("held")
        released = played.turn("released")
        assert (released["failed"], len(released["released"])) == (True, 1)
        assert "still held: no answer to the request, which may have arrived" in released["msg"]
        assert played.turn("released")["failed"] is False
        assert played.on() == [True, True, False]


def test_the_refusal_of_one_keeps_no_other_from_being_given_back(tmp_path: Path) -> None:
    faults = [{"kind": "write", "nth": [3], "do": {"status": 400, "body": REFUSAL}}]
    with scene(vspc(faults=faults), tmp_path) as played:
        played.turn("held")
        released = played.turn("released")
        assert (released["failed"], ids(released["left_alone"])) == (True, [UIDS[1]])
        assert "still held: not turned on" in released["msg"]
        assert played.on() == [False, True, False]
        assert played.turn("released")["failed"] is False
        assert played.on() == [True, True, False]


def test_a_hold_that_is_refused_fails_and_what_it_held_is_given_back(tmp_path: Path) -> None:
    faults = [{"kind": "write", "nth": [2], "do": {"status": 400, "body": REFUSAL}}]
    with scene(vspc(faults=faults), tmp_path) as played:
        held = played.turn("held")
        assert (held["failed"], held["changed"], ids(held["held"])) == (True, True, [UIDS[1]])
        assert played.turn("released")["failed"] is False
        assert played.on() == [True, True, False]


def test_the_ledger_is_there_before_anything_is_turned_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the first request, the run leaves what it meant to hold; and what is on is then left alone."""

    class Killed(BaseException):
        pass

    def kill(*_: t.Any) -> None:
        raise Killed

    with scene(vspc(), tmp_path) as played:
        with monkeypatch.context() as patch:
            patch.setattr(SYSTEMS["veeam_vspc"], "turn", kill)
            with pytest.raises(Killed):
                played.turn("held")
        written = {one["id"]: one["state"] for one in json.loads(played.ledger.read_text())["entries"]}
        assert written == {UIDS[1]: "intended", UIDS[2]: "intended", UIDS[3]: "off"}
        answer = played.turn("released")
        assert (answer["changed"], answer["failed"], played.on()) == (False, False, [True, True, False])


def test_two_changes_each_give_back_their_own(tmp_path: Path) -> None:
    with scene(vspc(), tmp_path) as played:
        played.turn("held", "A", job_ids=[UIDS[1]])
        second = played.turn("held", "B")
        assert ids(second["held"]) == [UIDS[2]]
        assert second["already"][0]["why"] == "off already, held by change A"
        played.turn("released", "A")
        assert played.on() == [True, False, False]
        answer = played.turn("released", "B")
        assert "it was off when this change began, and somebody has turned it on" in answer["left_alone"][0]["why"]
        assert played.on() == [True, True, False]


def test_what_another_change_turned_off_later_is_left_to_it(tmp_path: Path) -> None:
    with scene(vspc(), tmp_path) as played:
        played.turn("held", "A")
        played.somebody(0, True)
        played.turn("held", "B")
        answer = played.turn("released", "A")
        assert "is held by change B" in answer["left_alone"][0]["why"]
        assert played.on() == [False, True, False]
        played.turn("released", "B")
        assert played.on() == [True, True, False]


def test_what_is_gone_is_told_and_given_back_when_it_is_there_again(tmp_path: Path) -> None:
    jobs = [definition(1, disappears=100.0), definition(2)]
    with scene(vspc(jobs=jobs), tmp_path) as played:
        played.turn("held")
        played.sim.advance(200.0)
        answer = played.turn("released")
        assert (answer["failed"], ids(answer["released"])) == (False, [UIDS[2]])
        assert answer["left_alone"][0]["why"] == "is not listed any more"
        entries = {one["id"]: one["state"] for one in json.loads(played.ledger.read_text())["entries"]}
        assert entries[UIDS[1]] == "gone"


def test_a_run_that_was_due_meanwhile_is_told_as_missed(tmp_path: Path) -> None:
    jobs = [
        definition(1, schedule={"startDateTimeUtc": "@+60"}),
        definition(2, schedule={"startDateTimeUtc": "@+9000"}),
    ]
    with scene(vspc(jobs=jobs), tmp_path) as played:
        played.turn("held")
        with Inside(played.sim.options, played.sim) as inside:
            inside.clock.advance(120.0)
            later = inside.clock
        with Inside(played.sim.options, played.sim, writes=True, clock=later) as inside:
            task = inside.task(SCHEDULE, state="released", change_id="CHG1", dest=str(tmp_path))
            answer = set_schedules(task)
        assert ids(answer["missed"]) == [UIDS[1]]


def test_a_selection_holds_what_it_means_and_nothing_that_runs_for_ever(tmp_path: Path) -> None:
    jobs = [definition(1, name="Nightly"), definition(2, name="Payroll"), definition(3, type="SqlLogBackup")]
    with scene(vspc(jobs=jobs), tmp_path) as played:
        held = played.turn("held", exclude=["pay*"])
        assert (ids(held["held"]), ids(held["left_alone"])) == ([UIDS[1]], [UIDS[3]])
        by_id = played.turn("held", job_ids=[UIDS[3].upper()])
        assert ids(by_id["held"]) == [UIDS[3]]
        assert ids(played.turn("released", names=["Night*"])["released"]) == [UIDS[1]]
        assert played.on() == [True, True, False]


def test_what_does_not_say_whether_it_is_on_is_left_alone_and_fails(tmp_path: Path) -> None:
    with scene(vspc(jobs=[definition(1, isEnabled=None), definition(2)]), tmp_path) as played:
        held = played.turn("held")
        assert (held["failed"], ids(held["held"]), ids(held["left_alone"])) == (True, [UIDS[2]], [UIDS[1]])


def test_an_incomplete_list_holds_nothing(tmp_path: Path) -> None:
    with scene(vspc(ignore_offset=True, page_cap=2), tmp_path) as played:
        with pytest.raises(BackupError, match="not complete, so what the selection holds is not known"):
            played.turn("held")
        assert played.writes == 0


def test_flosum_keeps_the_other_settings_as_they_are_now(tmp_path: Path) -> None:
    with scene(flosum(settings={"initialBinaryRecordsLimit": 4321}), tmp_path) as played:
        played.turn("held")
        played.sim.vendor.settings["initialBinaryRecordsLimit"] = 7000
        played.turn("released")
        assert played.sim.vendor.settings["initialBinaryRecordsLimit"] == 7000
        with pytest.raises(Misconfigured, match="one switch for all backups of a connection"):
            played.turn("held", names=["Nightly"])


# -- the ledger --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"hello": 1}', b"Dear ledger", bytes(range(256))])
@pytest.mark.parametrize("state", ["held", "released"])
def test_what_is_no_ledger_is_left_as_it_is_and_nothing_is_sent(body: bytes, state: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    path.write_bytes(body)
    with scene(vspc(), tmp_path) as played:
        with pytest.raises(Misconfigured, match=r"ledger .* left as it is"):
            played.turn(state, ledger=str(path))
        assert (path.read_bytes(), played.writes) == (body, 0)


def test_a_torn_ledger_is_refused(tmp_path: Path) -> None:
    with scene(vspc(), tmp_path) as played:
        played.turn("held")
        whole = played.ledger.read_bytes()
        played.ledger.write_bytes(whole[: len(whole) // 2])
        for state in ("held", "released"):
            with pytest.raises(Misconfigured, match="cannot be read, so it is left as it is"):
                played.turn(state)
        played.ledger.write_bytes(whole)
        assert played.turn("released")["failed"] is False


def test_a_ledger_of_another_change_or_system_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.json")
    with scene(vspc(), tmp_path) as played, scene(vspc(), tmp_path) as other:
        played.turn("held", ledger=path)
        with pytest.raises(Misconfigured, match="is of something else"):
            played.turn("released", "CHG2", ledger=path)
        with pytest.raises(Misconfigured, match="is of something else"):
            other.turn("released", ledger=path)
        assert (played.writes, other.writes) == (0, 0)
        played.turn("released", ledger=path)
        assert played.on() == [True, True, False]


def test_without_a_ledger_nothing_is_given_back_by_a_guess(tmp_path: Path) -> None:
    with scene(vspc(), tmp_path) as played:
        answer = played.turn("released")
        assert (answer["changed"], answer["failed"], len(played.sim.journal)) == (False, False, 0)
        assert "nothing is known to be held by CHG1" in answer["msg"]


@pytest.mark.parametrize(
    "where", ["/proc/changeops/ledger.json", "/proc/version/ledger.json", "{folder}", "{folder}/a\0b"]
)
def test_where_the_ledger_cannot_be_written_nothing_is_turned_off(where: str, tmp_path: Path) -> None:
    with scene(vspc(), tmp_path) as played:
        with pytest.raises(Misconfigured, match="the ledger"):
            played.turn("held", ledger=where.format(folder=tmp_path))
        assert played.writes == 0


def test_a_link_is_no_ledger(tmp_path: Path) -> None:
    precious, path = tmp_path / "precious", tmp_path / "ledger.json"
    precious.write_text("precious")
    path.symlink_to(precious)
    with scene(vspc(), tmp_path) as played, pytest.raises(Misconfigured, match="symbolic link"):
        played.turn("held", ledger=str(path))
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("change", ["../x", "..", "a/b", "", "x" * 300, "a\nb"])
def test_a_change_that_is_no_plain_name_is_refused(change: str, tmp_path: Path) -> None:
    with scene(vspc(), tmp_path) as played:
        with pytest.raises(Misconfigured, match="one plain name"):
            played.turn("held", change)
        assert not played.sim.journal
    assert not list(tmp_path.iterdir())


def test_neither_a_ledger_nor_a_folder_is_refused(tmp_path: Path) -> None:
    with scene(vspc(), tmp_path) as played, pytest.raises(Misconfigured, match="give dest"):
        played.turn("held", ledger=None)


def test_a_system_without_a_switch_says_what_to_do_instead_and_has_nothing_to_give_back(tmp_path: Path) -> None:
    args = {"system": "netapp_bluexp", "account_id": "a", "agent_id": "b", "access_token": "token-1"}
    options = {**args, "change_id": "CHG1", "dest": str(tmp_path)}
    held = run("backup_schedule", {**options, "state": "held"})
    assert held["failed"]
    assert "has no call to turn schedules off. Pause the backup of the volumes" in held["msg"]
    assert good("backup_schedule", {**options, "state": "released"})["changed"] is False
    assert {name for name, system in SYSTEMS.items() if not system.CAPABILITIES.schedule} == {
        name for name, system in SYSTEMS.items() if system.INSTEAD_OF_SCHEDULE
    }


def test_two_processes_of_one_change_hold_and_lose_nothing(tmp_path: Path) -> None:
    with scene(vspc(), tmp_path) as played:
        options = {**played.sim.options, "change_id": "CHG1", "dest": str(tmp_path), "state": "held"}
        both = [start("backup_schedule", {**options, "job_ids": [uid]}) for uid in UIDS[1:3]]
        answers = [finish(process) for process in both]
        assert [len(answer["held"]) for answer in answers] == [1, 1]
        assert played.on() == [False, False, False]
        assert len(played.turn("released")["released"]) == 2
        assert os.listdir(played.ledger.parent).count(played.ledger.name) == 1
