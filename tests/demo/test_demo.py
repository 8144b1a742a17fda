# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo does what the README promises, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from systems import KNOWN

ROOT = Path(__file__).parents[2]
SYSTEMS = [system for system, known in KNOWN.items() if known.in_demo]
pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("demo")]


class Run:
    """One demo; its temporary folder lies in ours, so what it leaves there is seen, and who works there as well."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tmp"
        self.folder.mkdir()
        self.report = folder / "out" / "CHG0012345" / "report.html"
        self.lines: list[str] = []
        env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "demo" / "run.py"), "--out", str(self.report.parents[1])],
            env={**env, "TMPDIR": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def until(self, words: str) -> None:
        """Wait until the demo has printed these words."""
        deadline = time.monotonic() + 60
        while words not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def end(self, timeout: float) -> int:
        status = self.process.wait(timeout)
        self._reader.join(timeout)
        return status

    def left_behind(self) -> list[str]:
        """List files, and the processes that know the temporary folder by their environment or command line."""
        found = [str(path) for path in self.folder.iterdir()]
        for process in Path("/proc").glob("[0-9]*"):
            try:
                told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(self.folder) in told:
                found.append(f"process {process.name}")
        return found


@pytest.fixture
def run(tmp_path):
    started = Run(tmp_path)
    yield started
    if started.process.poll() is None:
        started.process.terminate()
        started.process.wait(15)


def test_shows_the_main_job(run):
    run.until(": Wait until nothing is active]")
    assert run.left_behind(), "the check for what is left behind sees nothing"
    run.until("WAITING [flosum]")
    assert ": Stop what is still active]" not in run.output, "progress came late"
    status = run.end(90)
    assert status == 0, run.output
    assert "changed: [flosum]" in run.output
    assert f"Report: {os.path.relpath(run.report)}" in run.output
    assert "WARNING" not in run.output
    told = json.loads(run.report.with_name("report.json").read_text(encoding="utf-8"))
    assert {one["system"]: one["verdict"] for one in told["systems"]} == dict.fromkeys(SYSTEMS, "safe")
    assert [one["object"] for one in told["actions"]] == ["Quarterly archive of cases"]
    assert told["change"]["outcome"] == "done"
    assert "nightly-databases" in run.report.read_text(encoding="utf-8")
    assert run.left_behind() == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGINT, "Starting six"),
        (signal.SIGINT, ": Wait until nothing is active]"),
        (signal.SIGTERM, ": Look at every job of the system]"),
    ],
)
def test_leaves_nothing_behind_when_interrupted(run, number, words):
    run.until(words)
    run.process.send_signal(number)
    assert run.end(10) == 128 + number, run.output
    assert run.left_behind() == []
    assert not run.report.exists()
