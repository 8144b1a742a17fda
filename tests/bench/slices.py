# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet in slices, as AWX divides it: ``make slices`` prints what a gate over a thousand systems costs.

Each slice is a job of ansible-runner with its part of the inventory, as AWX starts it here; or one that is transmitted
to a worker, as AWX does with execution nodes. All look at one simulated console, which runs in a process of its own.
Then the verdict of the fleet is made of what the slices published, once with all, and once with one slice lost.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

import yaml

from ansible_collections.changeops.backup.plugins.plugin_utils._action import _descendants

STORY = {
    "system": "veeam_vspc",
    "auth": {"accept": ["api_key"]},
    "jobs": [{"instanceUid": "bc04d2e5-dd4c-4f85-af0e-424106000001", "name": "Nightly", "status": "Success"}],
}
GATHER = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {
                "changeops.backup.backup_published": {"stage": "gate", "hosts": "{{ ansible_play_hosts_all }}"},
                "run_once": True,
                "register": "told",
            },
            {"ansible.builtin.debug": {"msg": "VERDICT {{ told.result.verdict }}"}, "run_once": True},
        ],
    }
]


class Cost(t.NamedTuple):
    """What some jobs took together: seconds, seconds of processors, and the most memory at one moment."""

    wall: float
    cpu: float
    memory_mb: float


class Watch:
    """Watches a set of processes and all that they start."""

    def __init__(self, processes: t.Sequence[subprocess.Popen[t.Any]]) -> None:
        self._pids = [process.pid for process in processes]
        self._ended = threading.Event()
        self._most = 0.0
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._began, self._before = time.monotonic(), os.times()
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ended.set()
        self._thread.join()
        after = os.times()
        used = after.children_user + after.children_system - self._before.children_user - self._before.children_system
        self.cost = Cost(time.monotonic() - self._began, used, self._most)

    def _look(self) -> None:
        while not self._ended.wait(0.5):
            pids = [one for pid in self._pids for one in (pid, *_descendants(pid))]
            self._most = max(self._most, sum(map(shared_out, pids)))


def shared_out(pid: int) -> float:
    """The memory of a process in MB, what it shares divided among those that share it."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(told.split("Pss:")[1].split()[0]) / 1024
    return 0.0


@contextlib.contextmanager
def console(folder: Path) -> Iterator[dict[str, t.Any]]:
    """Run the simulated console; give the options to reach it."""
    (folder / "story.yml").write_text(yaml.safe_dump(STORY))
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--until-eof", str(folder / "story.yml")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["options"]
    finally:
        process.stdin.close()
        process.wait(timeout=30)


def private_data(
    folder: Path, hosts: t.Sequence[str], options: t.Mapping[str, t.Any], forks: int, worker: bool, more: t.Any = None
) -> Path:
    """Make the folder of a job, as AWX does."""
    for name in ("inventory", "env", "project"):
        (folder / name).mkdir(parents=True)
    shared = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "backup_connection": dict(options),
        "changeops_backup_in_worker": worker,
    }
    inventory = {"all": {"vars": shared, "children": {"backup_systems": {"hosts": {host: {} for host in hosts}}}}}
    (folder / "inventory" / "hosts.json").write_text(json.dumps(inventory))
    environ = {"ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    (folder / "env" / "envvars").write_text(json.dumps({**environ, "ANSIBLE_FORKS": str(forks)}))
    (folder / "env" / "extravars").write_text(json.dumps(more or {}))
    (folder / "project" / "gather.yml").write_text(json.dumps(GATHER))
    return folder


def artifacts(folder: Path) -> dict[str, t.Any]:
    """Give what a job published: AWX reads it from the last event as well."""
    for path in (folder / "artifacts" / "job" / "job_events").glob("*.json"):
        event = json.loads(path.read_text())
        if event["event"] == "playbook_on_stats" and "partial" not in path.name:
            return dict(event["event_data"]["artifact_data"])
    return {}


def local(folder: Path) -> list[str]:
    """The command of a job on this machine."""
    return ["ansible-runner", "run", str(folder), "-p", "changeops.backup.fleet_status", "--ident", "job", "-q"]


def remote(folder: Path) -> list[str]:
    """The command of a job that is transmitted, and that a worker does in a folder of its own."""
    given, worker = shlex.quote(str(folder)), shlex.quote(f"{folder}-worker")
    send = f"ansible-runner transmit {given} -p changeops.backup.fleet_status --ident job"
    receive = f"ansible-runner worker --private-data-dir {worker} | ansible-runner process {given} --ident job"
    return ["sh", "-c", f"{send} | {receive} >/dev/null"]


def slices(systems: int, count: int, forks: int, worker: bool, command: t.Callable[[Path], list[str]]) -> None:
    """Run a gate over so many systems in so many slices at once, and make the verdict of the fleet."""
    hosts = [f"system-{number:04d}" for number in range(systems)]
    with tempfile.TemporaryDirectory() as name, console(Path(name)) as options:
        # AWX deals the hosts out like cards.
        parts = [hosts[number::count] for number in range(count)]
        folders = [
            private_data(Path(name, f"slice-{number}"), part, options, forks, worker)
            for number, part in enumerate(parts)
        ]
        started = [subprocess.Popen(command(one), stdout=subprocess.DEVNULL) for one in folders]
        with Watch(started) as watch:
            codes = [process.wait() for process in started]
        told = [artifacts(one) for one in folders]
        whole = {key: value for one in told for key, value in one.items()}
        lost = {key: value for one in told[1:] for key, value in one.items()}
        kilobytes = len(json.dumps(whole)) / 1024
        verdicts = [verdict(Path(name, f"all-{n}"), hosts, options, one) for n, one in enumerate((whole, lost))]
    cost = watch.cost
    print(
        f"{command.__name__:8}{'worker' if worker else 'module':>8}{systems:>9}{count:>8}{forks:>7}{cost.wall:>9.1f}"
        f"{cost.cpu:>9.1f}{cost.cpu / systems:>9.3f}{cost.memory_mb:>9.0f}{kilobytes:>9.0f}"
        f"{verdicts[0]:>13}{verdicts[1]:>13}{max(codes):>5}",
        flush=True,
    )


def verdict(folder: Path, hosts: t.Sequence[str], options: t.Mapping[str, t.Any], told: t.Mapping[str, t.Any]) -> str:
    """Give the verdict of the fleet from what slices published, by a job that is not sliced."""
    private_data(folder, hosts, options, 5, True, told)
    done = subprocess.run(
        ["ansible-runner", "run", str(folder), "-p", "gather.yml", "--ident", "job"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.partition("VERDICT ")[2].partition('"')[0] or "none"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", type=int, default=1000)
    parser.add_argument("--slow", type=int, default=100, help="systems for the door of the module, which is slow")
    parser.add_argument("--slices", type=int, nargs="+", default=[1, 2, 4, 10])
    parser.add_argument("--forks", type=int, nargs="+", default=[5, 20, 50])
    given = parser.parse_args()
    assert shutil.which("ansible-runner"), "ansible-runner is not installed"
    print(
        f"{'job':8}{'door':>8}{'systems':>9}{'slices':>8}{'forks':>7}{'wall s':>9}{'CPU s':>9}{'each':>9}"
        f"{'MB':>9}{'told kB':>9}{'fleet':>13}{'one lost':>13}{'rc':>5}"
    )
    for count in given.slices:
        for forks in given.forks:
            slices(given.systems, count, forks, True, local)
    for count in given.slices:
        slices(given.systems, count, given.forks[0], True, remote)
    for count in given.slices:
        slices(given.slow, count, given.forks[0], False, local)


if __name__ == "__main__":
    main()
