# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of logs: their names, their drafts, and a disk that does not want them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import signal
import typing as t
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import (
    AuthLost,
    BackupError,
    Misconfigured,
    Refused,
    Unanswered,
)
from ansible_collections.changeops.backup.plugins.module_utils._core.job import Job
from ansible_collections.changeops.backup.plugins.module_utils._tasks import logs, one_by_one
from ansible_collections.changeops.backup.plugins.module_utils._tasks.logs import Draft, file_name
from ansible_collections.changeops.backup.plugins.module_utils._tasks.one_by_one import OneByOne

ODD = [
    "../../etc/passwd",
    "a/b",
    "..",
    ".",
    "",
    "a\0b",
    "\n",
    "~root",
    "-rf",
    "C:\\x",
    "x" * 5000,
    "\N{FLOPPY DISK}" * 256,
    "\ud800",
    "17.log",
    "17.log.partial",
    "%2e%2e",
]


def job(job_id: str) -> Job:
    return Job("flosum", job_id, None, None, "finished", "success", None)


def fill(draft: Draft, *pieces: bytes, trouble: BaseException | None = None) -> None:
    """Make a file of these pieces; with trouble, the download breaks off after them."""
    with draft:
        draft.begin()
        for piece in pieces:
            draft.write(piece)
        if trouble is not None:
            raise trouble
        draft.keep()


# -- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("job_id", ODD)
def test_file_name_when_the_id_holds_anything_then_a_file_in_the_folder(job_id: str, tmp_path: Path) -> None:
    name = file_name(job(job_id))
    assert Path(name).name == name
    assert name.startswith("flosum-")
    assert name.endswith(".log")
    assert name.isascii()
    assert "\0" not in name
    fill(Draft(str(tmp_path / name)))
    assert os.listdir(tmp_path) == [name]


def test_file_name_when_two_ids_differ_then_their_files_do() -> None:
    ids = [*ODD, "x" * 5001, "\N{FLOPPY DISK}" * 255, "17", "A", "a"]
    assert len({file_name(job(job_id)) for job_id in ids}) == len(ids)
    assert file_name(job("4711")) == "flosum-4711.log"


# -- drafts -------------------------------------------------------------------------------------------------------


def test_draft_when_the_disk_is_full_then_told_and_nothing_left(tmp_path: Path) -> None:
    path = tmp_path / "flosum-1.log"
    path.write_text("of yesterday\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        draft = Draft(str(path))
        with pytest.raises(BackupError, match=r"flosum-1\.log could not be written after 900000 bytes: ") as caught:
            fill(draft, *[bytes(300_000)] * 4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not isinstance(caught.value, Unanswered)
    assert draft.kept == (0, None)
    assert draft.partial_path is None
    assert os.listdir(tmp_path) == ["flosum-1.log"]
    assert path.read_text() == "of yesterday\n"


def test_draft_when_it_cannot_be_put_in_place_then_told_and_nothing_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: t.Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(logs.os, "replace", fails)
    draft = Draft(str(tmp_path / "flosum-1.log"))
    with pytest.raises(BackupError, match="could not be written after 3 bytes: Input/output error"):
        fill(draft, b"abc")
    assert os.listdir(tmp_path) == []


def test_draft_when_the_folder_is_gone_then_told(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(BackupError, match="could not be written after 0 bytes: No such file or directory"):
        fill(Draft(str(tmp_path / "none" / "flosum-1.log")))
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(
    ("trouble", "left"),
    [
        (Unanswered("broke off"), ["flosum-1.log.partial"]),
        (AuthLost("HTTP 401"), []),
        (KeyboardInterrupt(), []),
    ],
)
def test_draft_when_the_download_fails_then_only_what_is_of_use_is_left(
    trouble: BaseException, left: list[str], tmp_path: Path
) -> None:
    draft = Draft(str(tmp_path / "flosum-1.log"))
    with pytest.raises(type(trouble)):
        fill(draft, b"abc", trouble=trouble)
    assert os.listdir(tmp_path) == left
    assert draft.kept[0] == (3 if left else 0)


def test_draft_when_swept_away_before_it_was_locked_then_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, calls = fcntl.flock, []

    def flock(handle: int, how: int) -> None:
        if not calls:
            for path in tmp_path.iterdir():
                path.unlink()
        calls.append(how)
        lock(handle, how)

    monkeypatch.setattr(logs.fcntl, "flock", flock)
    fill(Draft(str(tmp_path / "flosum-1.log")), b"abc")
    assert len(calls) == 2
    assert (tmp_path / "flosum-1.log").read_bytes() == b"abc"


def test_sweep_when_the_folder_holds_other_things_then_they_stay(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    link = tmp_path / ".flosum-1.log.0123abcd.draft"
    link.symlink_to(precious)
    others = [".x.draft", "flosum-1.log", "flosum-1.log.0123abcd.draft", ".flosum-1.log.0123.draft"]
    for name in others:
        (tmp_path / name).write_text("")
    (tmp_path / ".flosum-2.log.0123abcd.draft").write_text("dead")
    logs._sweep(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == sorted([*others, "precious", link.name])
    assert precious.read_text() == "precious"
    logs._sweep(str(tmp_path / "none"))


def test_options_when_the_folder_cannot_be_written_then_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {"details": ["log"], "log_dest": str(tmp_path), "log_max_bytes": None}
    system = SimpleNamespace(NAME="flosum", CAPABILITIES=SimpleNamespace(log=True))
    task: t.Any = SimpleNamespace(params=params, system=system, check_mode=False)
    logs.check_options(task)
    monkeypatch.setattr(logs.os, "access", lambda path, mode: False)
    with pytest.raises(Misconfigured, match="cannot be written by the user that runs the module"):
        logs.check_options(task)


# -- one call for each job ----------------------------------------------------------------------------------------


@pytest.fixture
def task(clock: t.Any) -> t.Any:
    """Give as much of a task as the calls need."""
    http = SimpleNamespace(patience=300.0)

    @contextlib.contextmanager
    def within(patience: float) -> t.Iterator[None]:
        http.patience = min(300.0, patience)
        yield
        http.patience = 300.0

    http.within = within
    told: list[str] = []
    return SimpleNamespace(system=SimpleNamespace(http=http), clock=clock, warn=told.append, told=told)


def test_calls_when_one_used_the_patience_up_then_the_next_has_little_until_somebody_answers(task: t.Any) -> None:
    calls, seen = OneByOne(task), []

    def silent() -> None:
        seen.append(task.system.http.patience)
        task.clock.sleep(task.system.http.patience)
        raise Unanswered("got no answer")

    def good() -> str:
        seen.append(task.system.http.patience)
        return "parts"

    assert isinstance(calls.attempt(job("1"), silent), Unanswered)
    assert calls.attempt(job("2"), good) == "parts"
    assert calls.attempt(job("3"), good) == "parts"
    assert seen == [300.0, one_by_one._LEAST_PATIENCE, 300.0]
    assert task.system.http.patience == 300.0


def test_calls_when_refused_then_that_is_an_answer(task: t.Any) -> None:
    calls = OneByOne(task)

    def refused() -> None:
        raise Refused("HTTP 404", 404)

    for number in range(20):
        assert isinstance(calls.attempt(job(str(number)), refused), Refused)
    calls.tell("What failed")
    named = "; ".join(f"{number}: HTTP 404" for number in range(5))
    assert task.told == [f"What failed: {named}; and 15 more"]


def test_calls_when_the_login_is_lost_then_raised(task: t.Any) -> None:
    def lost() -> None:
        raise AuthLost("HTTP 401")

    calls = OneByOne(task)
    with pytest.raises(AuthLost):
        calls.attempt(job("1"), lost)
    calls.tell("What failed")
    assert task.told == []
