# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tests with every supported ansible-core, each in environments of its own, and write down how it went.

`make matrix` runs it, and writes docs/tested_versions.md. CORES="2.16 2.21" takes some cores only, GATES="doors sanity"
some gates, PYTHONS=newest one Python of each; then, where that page is there, only their rows are replaced.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "tested_versions.md"
PLACE = ROOT / ".cache" / "matrix"
TREE = ROOT / ".cache" / "tree"
TARGETS = ROOT / "tests" / "integration" / "targets"
TIMEOUT = 1800.0

# Each with the oldest and the newest Python that it runs on as a control node. 3.14 waits until it is at hand.
CORES = {
    "2.16": ("3.10", "3.12"),
    "2.17": ("3.10", "3.12"),
    "2.18": ("3.11", "3.13"),
    "2.19": ("3.11", "3.13"),
    "2.20": ("3.12", "3.13"),
    "2.21": ("3.12", "3.13"),
}
MANAGED = "3.9"  # the oldest Python that runs a module

# With the oldest and with the newest Python of each core, one after the other; as many cores and Pythons as there are
# processors run side by side.
BY_PYTHON = {
    "oldest": ("units", "doors", "managed", "installed"),
    "newest": ("doors", "playbooks", "runbooks", "sanity"),
}
GATES = sorted({gate for gates in BY_PYTHON.values() for gate in gates})
DOORS = ["tests/modules/test_doors.py", "tests/modules/test_old_python.py", "tests/playbooks/test_doors.py"]
PLAYBOOKS = [f"tests/playbooks/test_{about}.py" for about in ("playbooks", "progress", "secrets")]
RUNBOOKS = ["tests/playbooks/test_change_window.py"]
# The kills are about the events, which are the same with every core: the ends of the range have them.
KILLS = (min(CORES), max(CORES))

HEAD = """\
<!--
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later

Written by scripts/matrix.py. Do not edit it: make matrix
-->

# Tested versions

`make matrix` runs all of this, and writes this page. With {cpus} processor cores that takes {minutes} minutes. A gate
that is run again, after something was mended, replaces its row. {verdict}

| gate | what it runs | with which Python |
| --- | --- | --- |
| `units` | the unit tests | the oldest of each core |
| `doors` | each module in Ansible's worker process and in a process of its own | the oldest and the newest |
| `playbooks` | playbooks as a user writes them, the lines of a wait, and what is kept secret | the newest |
| `runbooks` | the roles; with {kills} also change windows that are killed and run again | the newest |
| `managed` | the modules with Python {managed} of a managed host | the oldest |
| `installed` | the tarball in an environment with ansible-core and requests only: a change window, a real rclone \
among its systems | the oldest |
| `sanity` | every sanity test of that core, without an ignore file | the newest |

| ansible-core | Python | gate | result | seconds | on |
| --- | --- | --- | --- | --- | --- |
"""
ROW = re.compile(r"^\| ([\d.]+) \| ([\d.]+) \| `(\w+)` \| (passed|failed) \| (\d+) \| ([\d-]+) \|$", re.MULTILINE)

_running: set[subprocess.Popen[bytes]] = set()
_making = threading.Lock()
_ending = threading.Event()


class Row(t.NamedTuple):
    """A line of the table."""

    core: str
    python: str
    gate: str
    good: bool
    seconds: float
    on: str


class Cell:
    """One core with one Python: its environment, and the gates in it."""

    def __init__(self, core: str, python: str) -> None:
        self.core = core
        self.python = python
        self.folder = PLACE / f"{core}-{python}"
        self.bin = self.folder / "tests" / "bin"

    def prepare(self) -> None:
        """Make the environment of the tests, where it is not there, or its list of packages has changed."""
        lists = [*(ROOT / "requirements").glob("*.txt"), *ROOT.glob("tests/*/requirements.txt")]
        made = self.folder / ".made"
        if made.exists() and made.stat().st_mtime > max(path.stat().st_mtime for path in lists):
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        new_environment(
            self.folder / "tests", self.python, f"ansible-core=={self.core}.*", "-r", "requirements/test.txt"
        )
        made.touch()

    def version(self) -> str:
        """Give the whole version of the core."""
        look = "import ansible.release; print(ansible.release.__version__)"
        return subprocess.check_output([self.bin / "python", "-c", look], text=True).strip()

    def environ(self, **more: str) -> dict[str, str]:
        """Give the environment of a gate: nothing of another core, and nothing that hides a progress line."""
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONUNBUFFERED", "VIRTUAL_ENV")}
        return {
            **kept,
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{TREE}{os.pathsep}{ROOT / 'tests'}",
            "ANSIBLE_COLLECTIONS_PATH": str(TREE),
            **more,
        }

    # Each gate gives what it runs, one after the other, and its environment.

    def units(self) -> tuple[list[list[str]], dict[str, str]]:
        # They wait for nothing, so more processes than processors would only read the tests more often.
        return [["pytest", f"-n{os.cpu_count()}", "tests/unit"]], self.environ()

    def doors(self) -> tuple[list[list[str]], dict[str, str]]:
        return [["pytest", *DOORS]], self.environ()

    def playbooks(self) -> tuple[list[list[str]], dict[str, str]]:
        return [["pytest", *PLAYBOOKS]], self.environ()

    def runbooks(self) -> tuple[list[list[str]], dict[str, str]]:
        return [["pytest", *RUNBOOKS, *([] if self.core in KILLS else ["-k", "not killed"])]], self.environ()

    def sanity(self) -> tuple[list[list[str]], dict[str, str]]:
        return [["scripts/ansible_test.sh", "sanity"]], self.environ()

    def managed(self) -> tuple[list[list[str]], dict[str, str]]:
        """Have an old Python run the modules, as on a managed host."""
        old = PLACE / f"managed-{MANAGED}"
        with _making:
            if not old.exists():
                new_environment(old, MANAGED, "-r", "requirements.txt")
        flags = ["-e", f"ansible_python_interpreter={old / 'bin' / 'python'}", "-e", "changeops_backup_in_worker=false"]
        plays = {
            "backup_job_info": "busy_then_done",
            "backup_job_wait": "busy_seconds",
            "backup_job_abort": "will_not_end",
        }
        return [self.against(story, target, *flags) for target, story in plays.items()], self.environ()

    def installed(self) -> tuple[list[list[str]], dict[str, str]]:
        """Install the tarball into an environment that holds nothing else, and play a change window."""
        empty = self.folder / "installed"
        shutil.rmtree(empty, ignore_errors=True)
        new_environment(empty, self.python, f"ansible-core=={self.core}.*", "-r", "requirements.txt")
        galaxy = str(empty / "bin" / "ansible-galaxy")
        environ = self.environ(
            PATH=f"{empty / 'bin'}{os.pathsep}{os.environ['PATH']}",
            PYTHONPATH=str(ROOT / "tests"),
            ANSIBLE_COLLECTIONS_PATH=str(empty),
        )
        build = [galaxy, "collection", "build", "--force", "--output-path", str(empty)]
        tarball = str(empty / f"changeops-backup-{version_of_collection()}.tar.gz")
        install = [galaxy, "collection", "install", "--offline", "-p", str(empty), tarball]
        return [build, install, self.against("busy_seconds", "backup_change_window")], environ

    def against(self, story: str, target: str, *flags: str) -> list[str]:
        return [str(self.bin / "python"), "tests/against.py", story, str(TARGETS / target / "test.yml"), *flags]

    def run(self, gate: str) -> Row:
        """Run a gate; all that it says goes to a file, whose end is shown where it fails."""
        began = time.monotonic()
        log = self.folder / f"{gate}.log"
        with log.open("w", encoding="utf-8") as sink:
            try:
                commands, environ = getattr(self, gate)()
                good = all(run_one(command, environ, sink) for command in commands)
            except subprocess.CalledProcessError as error:
                print(error, file=sink)
                good = False
        row = Row(self.version(), self.python, gate, good, time.monotonic() - began, today())
        print(line_of(row), flush=True)
        if not good:
            print("\n".join(log.read_text(encoding="utf-8").splitlines()[-40:]), flush=True)
        return row


def main() -> int:
    """Run what was asked for; 0 only if all of it was good."""
    cores = os.environ.get("CORES", "").split() or list(CORES)
    gates = os.environ.get("GATES", "").split() or GATES
    pythons = os.environ.get("PYTHONS", "").split() or list(BY_PYTHON)
    for asked, known in ((cores, CORES), (gates, GATES), (pythons, BY_PYTHON)):
        if not {*asked} <= {*known}:
            print(f"matrix: {' '.join(asked)}: there are {', '.join(known)}", file=sys.stderr)
            return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end_all)
    cells = [(core, age) for core in cores for age in reversed(pythons)]  # what takes longer begins first
    with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        rows = sorted(
            row for rows in side_by_side.map(lambda cell: run_cell(cell[0], cell[1], gates), cells) for row in rows
        )
    if _ending.is_set():
        return 1
    whole = (len(cores), len(gates), len(pythons)) == (len(CORES), len(GATES), len(BY_PYTHON))
    if whole or PAGE.exists():
        before = [] if whole else rows_of(PAGE.read_text(encoding="utf-8"))
        PAGE.write_text(page([*before, *rows]), encoding="utf-8")
    return 0 if all(row.good for row in rows) else 1


def run_cell(core: str, age: str, gates: t.Sequence[str]) -> list[Row]:
    """Run the gates of a core with its oldest or its newest Python."""
    cell = Cell(core, CORES[core][list(BY_PYTHON).index(age)])
    wanted = [name for name in BY_PYTHON[age] if name in gates]
    if wanted and not _ending.is_set():
        cell.prepare()
    return [cell.run(name) for name in wanted if not _ending.is_set()]


def page(rows: t.Sequence[Row]) -> str:
    """Give the page of these; of two that are about the same, of the later one."""
    newest = {(row.core.rpartition(".")[0], row.python, row.gate): row for row in rows}
    bad = sum(not row.good for row in newest.values())
    cpus = os.cpu_count() or 1
    head = HEAD.format(
        cpus=cpus,
        minutes=round(sum(row.seconds for row in newest.values()) / cpus / 60),
        verdict=f"{bad} of {len(newest)} gates failed." if bad else "Every gate was passed.",
        managed=MANAGED,
        kills=" and ".join(KILLS),
    )
    return head + "".join(f"{line_of(row)}\n" for row in sorted(newest.values()))


def rows_of(text: str) -> list[Row]:
    """Give the rows of a page."""
    return [
        Row(core, python, gate, result == "passed", float(seconds), on)
        for core, python, gate, result, seconds, on in ROW.findall(text)
    ]


def line_of(row: Row) -> str:
    """Give a row as a line of the table."""
    result = "passed" if row.good else "failed"
    return f"| {row.core} | {row.python} | `{row.gate}` | {result} | {row.seconds:.0f} | {row.on} |"


def today() -> str:
    """Give the day, in UTC."""
    return str(datetime.now(timezone.utc).date())


def run_one(command: list[str], environ: dict[str, str], sink: t.TextIO) -> bool:
    """Run a command in a session of its own, so that nothing of it stays when it, or we, are ended."""
    program = shutil.which(command[0], path=environ["PATH"]) or str(ROOT / command[0])
    process = subprocess.Popen(
        [program, *command[1:]],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=sink,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    _running.add(process)
    try:
        return process.wait(timeout=TIMEOUT) == 0
    except subprocess.TimeoutExpired:
        print(f"It did not end within {TIMEOUT:.0f} s.", file=sink)
        os.killpg(process.pid, signal.SIGINT)
        return False
    finally:
        _running.discard(process)


def end_all(*_: object) -> None:
    """End what is running as Ctrl-C would, and let nothing more begin; asked again, not that gently."""
    number = signal.SIGTERM if _ending.is_set() else signal.SIGINT  # at SIGTERM, pytest leaves what tests have started
    _ending.set()
    for process in list(_running):
        os.killpg(process.pid, number)


def new_environment(folder: Path, python: str, *packages: str) -> None:
    """Make a virtual environment, and install into it."""
    subprocess.run([find_python(python), "-m", "venv", folder], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, *packages], cwd=ROOT, check=True)


def find_python(version: str) -> str:
    """Find an interpreter that really runs: the shims of pyenv are on PATH for versions that are not chosen as well."""
    candidates = [f"python{version}"]
    if shutil.which("pyenv"):
        place = Path(subprocess.check_output(["pyenv", "root"], text=True).strip())
        candidates += map(str, (place / "versions").glob(f"{version}.*/bin/python"))
    for candidate in candidates:
        if shutil.which(candidate) is None:
            continue
        if subprocess.run([candidate, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            return candidate
    raise SystemExit(f"matrix: Python {version} is needed, and is not on PATH")


def version_of_collection() -> str:
    """Read it from galaxy.yml."""
    lines = (ROOT / "galaxy.yml").read_text(encoding="utf-8").splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith("version:"))


if __name__ == "__main__":
    sys.exit(main())
