# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: five simulated backup systems, a real rclone, and the playbook `change_window.yml` over all six.

`make demo` sets up what this needs and runs it. Everything is on loopback and in one temporary folder, and nothing of
it is left behind, however the demo ends.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import requests
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
STORIES = sorted((HERE / "stories").glob("*.yml"))
# Not in the inventory, but in the environment, where AWX puts the credentials as well.
SECRETS = frozenset({"access_token", "client_secret", "password"})
MARKER = "CHANGEOPS_BACKUP_DEMO"
PATIENCE = 15.0
GRACE = 3.0


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


class Interrupted(BaseException):
    """A signal asks the demo to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Processes:
    """What was started. Each has a process group of its own, so that Ctrl-C reaches this program alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_hex(8)
        self._started: list[subprocess.Popen[str]] = []
        self._starting = False
        self._asked: int | None = None

    def on_signal(self, number: int, _frame: t.Any) -> None:
        """End, but never between the start of a process and the note that it was started, and only once."""
        first, self._asked = self._asked is None, number
        if first and not self._starting:
            raise Interrupted(number)

    def start(self, command: t.Sequence[t.Any], env: t.Mapping[str, str], **streams: t.Any) -> subprocess.Popen[str]:
        """Start a process that will be stopped with all its descendants."""
        self._starting = True
        try:
            process = subprocess.Popen(
                [str(word) for word in command],
                env={**env, MARKER: self.token},
                text=True,
                start_new_session=True,
                **streams,
            )
            self._started.append(process)
        finally:
            self._starting = False
        if self._asked is not None:
            raise Interrupted(self._asked)
        return process

    def stop(self) -> None:
        """Ask everything to end, and after a grace period make it."""
        running = [process for process in reversed(self._started) if process.poll() is None]
        for process in running:
            _signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and (any(process.poll() is None for process in running) or self._marked()):
            time.sleep(0.05)
        for process in running:
            if process.poll() is None:
                _signal_group(process.pid, signal.SIGKILL)
            process.wait()
        # Ansible's workers leave the group of ansible-playbook, and so outlive it if they are busy.
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and (left := self._marked()):
            for pid in left:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def _marked(self) -> list[int]:
        """Find our descendants by their environment; where there is no /proc, the groups have to do."""
        wanted = f"{MARKER}={self.token}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if wanted in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
        return found


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def tool(name: str) -> str:
    """Find a program beside this Python, else on the path."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise DemoError(f"{name} is missing: run `make demo`, which sets up everything")
    return found


def start_simulators(processes: Processes, env: dict[str, str]) -> list[dict[str, t.Any]]:
    """Start the five vendors; give the connection options of each."""
    log = processes.folder / "simulators.log"
    with log.open("w", encoding="utf-8") as sink:
        simulators = processes.start(
            [sys.executable, "-m", "simulator", "--until-eof", *STORIES],
            {**env, "PYTHONPATH": str(ROOT / "tests")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
        )
    assert simulators.stdout is not None
    ready = [simulators.stdout.readline() for _story in STORIES]
    if not all(ready):
        raise DemoError(f"the simulators did not start:\n{log.read_text(encoding='utf-8')}")
    return [json.loads(line)["options"] for line in ready]


def start_rclone(processes: Processes, env: dict[str, str]) -> dict[str, t.Any]:
    """Start a real rclone with one backup that is done and one that takes a while; give the connection options."""
    password = secrets.token_urlsafe(16)
    log = processes.folder / "rclone.log"
    with log.open("w", encoding="utf-8") as sink:
        processes.start(
            [
                *(tool("rclone"), "rcd", "--rc-addr", "127.0.0.1:0", "--bwlimit-file", "1M"),
                *("--rc-job-expire-duration", "1h", "--cache-dir", processes.folder / "rclone-cache"),
            ],
            {
                **{name: value for name, value in env.items() if not name.startswith("RCLONE_")},
                "RCLONE_CONFIG": str(processes.folder / "rclone.conf"),
                "RCLONE_RC_USER": "demo",
                "RCLONE_RC_PASS": password,
            },
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )
    deadline = time.monotonic() + PATIENCE
    while not (address := re.search(r"http://127\.0\.0\.1:\d+", log.read_text(encoding="utf-8"))):
        if time.monotonic() > deadline:
            raise DemoError(f"rclone did not start:\n{log.read_text(encoding='utf-8')}")
        time.sleep(0.05)
    url = address.group()
    with requests.Session() as session:
        session.trust_env = False
        session.auth = ("demo", password)
        start_backups(session, url, processes.folder)
    return {"system": "rclone", "url": url, "username": "demo", "password": password}


def start_backups(session: requests.Session, url: str, folder: Path) -> None:
    """Copy real files: a small folder at once, a large one at 1 MiB a second."""

    def call(path: str, **parameters: t.Any) -> dict[str, t.Any]:
        answer = session.post(f"{url}/{path}", json=parameters, timeout=PATIENCE)
        answer.raise_for_status()
        found: dict[str, t.Any] = answer.json()
        return found

    def backup(name: str, sizes: t.Sequence[int]) -> int:
        source = folder / "data" / name
        source.mkdir(parents=True)
        for number, size in enumerate(sizes, 1):
            (source / f"{number:03d}.dat").write_bytes(os.urandom(size))
        target = folder / "backups" / name
        job: int = call("sync/sync", srcFs=str(source), dstFs=str(target), _async=True, _group=name)["jobid"]
        return job

    files = backup("nightly-files", [20_000] * 20)
    deadline = time.monotonic() + PATIENCE
    while not (status := call("job/status", jobid=files))["finished"] and time.monotonic() < deadline:
        time.sleep(0.05)
    if not status["success"]:
        raise DemoError(f"rclone could not copy files: {status}")
    backup("nightly-databases", [18 * 2**20])


def write_inventory(folder: Path, systems: t.Iterable[dict[str, t.Any]]) -> tuple[Path, dict[str, str]]:
    """Write one host per system; give the inventory, and the secrets as variables for the environment."""
    hosts: dict[str, t.Any] = {}
    variables: dict[str, str] = {}
    for options in systems:
        name = options["system"]
        if "refresh_token" in options:
            # The server may replace this one at each login: the new one is kept where the old one was.
            file = folder / f"{name}.refresh_token"
            file.touch(mode=0o600)
            file.write_text(options.pop("refresh_token"), encoding="utf-8")
            options["refresh_token_file"] = str(file)
        for option in SECRETS & options.keys():
            variables[f"BACKUP_{name}_{option}".upper()] = str(options[option])
        shown = {option: value for option, value in options.items() if option not in SECRETS}
        hosts[name.replace("_", "-")] = {"backup_connection": {**shown, "unreachable_timeout": 20}}
    path = folder / "inventory.yml"
    local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    groups = {"backup_systems": {"hosts": hosts}}
    path.write_text(yaml.safe_dump({"all": {"vars": local, "children": groups}}, sort_keys=False), encoding="utf-8")
    return path, variables


def run_playbook(processes: Processes, env: dict[str, str], inventory: Path, report: Path) -> int:
    """Run the playbook on our own terminal, or line by line into our pipe."""
    collections = os.environ.get("ANSIBLE_COLLECTIONS_PATH") or str(ROOT / ".cache" / "collections")
    if not any(Path(path, "ansible_collections/changeops/backup").is_dir() for path in collections.split(os.pathsep)):
        raise DemoError("the collection is not installed: run `make demo`, which sets up everything")
    settings = {
        "ANSIBLE_CONFIG": str(HERE / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": collections,
        "ANSIBLE_HOME": str(processes.folder / "ansible"),
        "ANSIBLE_LOCAL_TEMP": str(processes.folder / "ansible" / "local"),
        "ANSIBLE_REMOTE_TEMP": str(processes.folder / "ansible" / "remote"),
        # Without, what Ansible prints stays in its buffer until the end, if it goes into a pipe.
        "PYTHONUNBUFFERED": "1",
    }
    playbook = processes.start(
        [
            *(tool("ansible-playbook"), "-i", inventory, HERE / "change_window.yml"),
            *("-e", json.dumps({"report_file": str(report)})),
        ],
        {**env, **settings},
        stdin=subprocess.DEVNULL,
        stderr=sys.stdout.fileno(),
    )
    return playbook.wait()


def show(path: Path) -> Path:
    """Give the path as a reader would write it."""
    with contextlib.suppress(ValueError):
        return path.relative_to(Path.cwd())
    return path


def demo(processes: Processes, report: Path) -> int:
    """Run all of it; give the exit status of the playbook."""
    foreign = ("ANSIBLE_", "BACKUP_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    # What is killed cannot clean up: all its temporary files are in our folder.
    env |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "TMPDIR": str(processes.folder)}
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    begun = time.monotonic()
    print("Starting six backup systems: five simulated vendors and a real rclone ...", flush=True)
    systems = [*start_simulators(processes, env), start_rclone(processes, env)]
    inventory, variables = write_inventory(processes.folder, systems)
    status = run_playbook(processes, {**env, **variables}, inventory, report)
    print(f"The demo took {time.monotonic() - begun:.0f} s.")
    if report.exists():
        print(f"Report: {show(report)}", flush=True)
    return status


def main() -> int:
    """Run the demo, and clean up."""
    parser = argparse.ArgumentParser(description="Six backup systems and a playbook that clears them for a change.")
    parser.add_argument("--report", type=Path, default=HERE / "out" / "report.html", help="where to write the report")
    report = parser.parse_args().report.absolute()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    folder = Path(tempfile.mkdtemp(prefix="changeops-demo-"))
    processes = Processes(folder)
    for number in numbers:
        signal.signal(number, processes.on_signal)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
        return demo(processes, report)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except Interrupted as interrupted:
        print(f"\n{interrupted}: stopping everything.", file=sys.stderr, flush=True)
        return 128 + interrupted.number
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        processes.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
