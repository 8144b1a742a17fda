# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source as ansible-rulebook runs it: its file by path, in a process of its own, before real systems."""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from harness import Rclone

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path("extensions/eda/plugins/event_source/backup_jobs.py")
INSTALLED = ROOT / ".cache/tree/ansible_collections/changeops/backup" / SOURCE
# What ansible-rulebook does, and no more: no PYTHONPATH, a queue of one place, and every event on a line.
DRIVER = """
import asyncio, json, runpy, sys
async def go():
    queue = asyncio.Queue(maxsize=1)
    source = asyncio.create_task(runpy.run_path(sys.argv[1])["main"](queue, json.loads(sys.argv[2])))
    while True:
        taken = asyncio.create_task(queue.get())
        done, _ = await asyncio.wait({source, taken}, return_when=asyncio.FIRST_COMPLETED)
        if source in done:
            source.result()
        print(json.dumps(taken.result()["backup"]), flush=True)
asyncio.run(go())
"""

NOWHERE = {"system": "rclone", "url": "http://127.0.0.1:1", "username": "u", "password": "s3cret-word"}

pytestmark = pytest.mark.xdist_group("rclone")


class Listener:
    """A process that takes events."""

    def __init__(self, args: dict[str, t.Any]) -> None:
        self.told: list[dict[str, t.Any]] = []
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(INSTALLED), json.dumps(args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
        )

    def until(self, event: str) -> dict[str, t.Any]:
        """Take events up to this one."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(json.loads(line))
            if self.told[-1]["event"] == event:
                return self.told[-1]
        raise AssertionError(self.process.communicate()[1])

    def stop(self, how: int = signal.SIGKILL) -> None:
        """End it."""
        self.process.send_signal(how)
        self.process.communicate(timeout=30)

    def words(self) -> list[str]:
        """What was told."""
        return [event["event"] for event in self.told]


@pytest.fixture(name="rclone")
def _rclone(tmp_path: Path) -> t.Iterator[Rclone]:
    server = Rclone(tmp_path)
    yield server
    server.stop()


def test_jobs_begin_fail_and_end_and_a_kill_loses_nothing(rclone: Rclone, tmp_path: Path) -> None:
    args = {**rclone.options, "interval": 0.3, "state_file": str(tmp_path / "state"), "events": None}
    first = Listener(args)
    first.until("idle")
    rclone.call("core/bwlimit", rate="64k")
    slow = rclone.copy(4_000_000, "nightly")
    assert first.until("busy")["job"] is None
    started = next(event for event in first.told if event["event"] == "job_started")
    assert (started["job"]["id"], started["job"]["name"], started["system"]) == (slow, "nightly", "rclone")
    assert rclone.password not in json.dumps(first.told)
    first.stop()

    rclone.copy(1000, "broken", source="/nowhere/at/all")
    rclone.call("core/bwlimit", rate="off")
    second = Listener(args)
    assert second.until("job_failed")["job"]["name"] == "broken"
    if "idle" not in second.words():
        second.until("idle")
    second.stop()

    ids = {event["id"]: event["event"] for event in first.told + second.told if event["job"]}
    assert sorted(ids.values()) == ["job_failed", "job_finished", "job_started", "job_started"]
    assert rclone.password not in (tmp_path / "state").read_text()


def test_a_system_that_goes_is_told_once_and_when_it_is_back(rclone: Rclone) -> None:
    args = {**rclone.options, "interval": 0.2, "request_timeout": 1, "unreachable_timeout": 1}
    listener = Listener(args)
    listener.until("idle")
    rclone.stop()
    degraded = listener.until("source_degraded")
    assert "got no answer" in degraded["reason"]
    assert rclone.password not in json.dumps(degraded)
    listener.stop()
    assert listener.words() == ["idle", "source_degraded"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, "missing required arguments: system"),
        (
            {
                "system": "rclone",
                "url": "http://127.0.0.1:1",
                "username": "u",
                "password": "s3cret-word",
                "interval": 0,
            },
            "interval has to be",
        ),
        (
            {"system": "rclone", "url": "http://127.0.0.1:1", "username": "u", "password": "s3cret-word", "evnts": []},
            "evnts",
        ),
        (
            {
                "system": "rclone",
                "url": "http://127.0.0.1:1",
                "username": "u",
                "password": "s3cret-word",
                "max_results": 5,
            },
            "max_results",
        ),
    ],
)
def test_arguments_that_cannot_be_end_it_with_a_word_of_them(args: dict[str, t.Any], said: str) -> None:
    listener = Listener(args)
    _out, err = listener.process.communicate(timeout=30)
    assert listener.process.returncode == 1
    assert "ValueError" in err.splitlines()[-1]
    assert said in err.splitlines()[-1]
    assert "s3cret-word" not in err


def test_who_listens_no_more_is_not_waited_for(rclone: Rclone) -> None:
    """Cancelled while a slow rule keeps the queue full, and while it sleeps."""

    async def listen(take: bool) -> float:
        queue: asyncio.Queue[t.Any] = asyncio.Queue(maxsize=1)
        rpo = [{"name": f"job {number}", "max_age": "1h"} for number in range(5)]
        source = asyncio.create_task(runpy.run_path(str(INSTALLED))["main"](queue, {**rclone.options, "rpo": rpo}))
        while not queue.full():
            await asyncio.sleep(0.05)
        for _again in range(6 * take):
            await queue.get()
        began = time.monotonic()
        source.cancel()
        with pytest.raises(asyncio.CancelledError):
            await source
        return time.monotonic() - began

    assert asyncio.run(listen(take=False)) < 5
    assert asyncio.run(listen(take=True)) < 5


def test_alone_it_prints(rclone: Rclone) -> None:
    """Run as a program it says what it is, and ends with its first trouble: nobody gave it a login."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("BACKUP_")}
    done = subprocess.run(
        [sys.executable, str(INSTALLED)], capture_output=True, text=True, timeout=30, env=environ, check=False
    )
    assert done.returncode == 1
    assert "needs a login" in done.stderr
