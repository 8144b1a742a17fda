# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: simulated backup systems and a real rclone, and then what a user would run.

``ansible-playbook -i inventory.yml changeops.backup.change_window -e @window.yml``

Everything is on loopback and in one temporary folder. The systems end when their standard input does: nothing is left
behind, however the demo ends.
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
from datetime import datetime, timedelta
from pathlib import Path

import requests
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
STORIES = sorted((HERE / "stories").glob("*.yml"))
# Not in the inventory, but in the environment, where AWX puts the credentials as well.
SECRETS = frozenset({"access_token", "client_secret", "password"})
PATIENCE = 15.0
# Runs a command until its own standard input ends.
UNTIL_EOF = '"$@" </dev/null & trap "kill $! 2>/dev/null; wait" EXIT; read -r _'
Options = dict[str, t.Any]


class Stopped(BaseException):
    """A signal asks the demo to end."""


def start(stack: contextlib.ExitStack, command: t.Sequence[t.Any], **options: t.Any) -> subprocess.Popen[str]:
    """Start a system that ends when the demo does. Ctrl-C is for the demo, so it has a session of its own."""
    process = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.PIPE, text=True, start_new_session=True, **options
    )
    stack.callback(process.wait)
    assert process.stdin is not None
    stack.callback(process.stdin.close)
    return process


def start_simulators(stack: contextlib.ExitStack, folder: Path) -> list[Options]:
    """Start the simulated vendors; give the connection options of each."""
    command = [sys.executable, "-m", "simulator", "--until-eof", *STORIES]
    simulators = start(stack, command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT / "tests")})
    assert simulators.stdout is not None
    systems = [json.loads(simulators.stdout.readline())["options"] for _story in STORIES]
    for options in systems:
        if "refresh_token" in options:
            # The server may replace this one at each login: the new one is kept where the old one was.
            file = folder / f"{options['system']}.refresh_token"
            file.touch(mode=0o600)
            file.write_text(options.pop("refresh_token"), encoding="utf-8")
            options["refresh_token_file"] = str(file)
    return systems


def start_rclone(stack: contextlib.ExitStack, folder: Path) -> Options:
    """Start a real rclone; give the connection options."""
    rclone = shutil.which("rclone", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if rclone is None:
        raise SystemExit("demo: rclone is missing: run `make demo`, which sets up everything")
    log, password = folder / "rclone.log", secrets.token_urlsafe(16)
    command = [rclone, "rcd", "--rc-addr", "127.0.0.1:0", "--bwlimit-file", "1M", "--rc-job-expire-duration", "1h"]
    own = {"RCLONE_CONFIG": str(folder / "rclone.conf"), "RCLONE_RC_USER": "demo", "RCLONE_RC_PASS": password}
    env = {name: value for name, value in os.environ.items() if not name.startswith("RCLONE_")}
    with log.open("w", encoding="utf-8") as sink:
        start(stack, ["sh", "-c", UNTIL_EOF, "sh", *command], env={**env, **own}, stdout=sink, stderr=sink)
    deadline = time.monotonic() + PATIENCE
    while not (address := re.search(r"http://127\.0\.0\.1:\d+", log.read_text(encoding="utf-8"))):
        if time.monotonic() > deadline:
            raise SystemExit(f"demo: rclone did not start:\n{log.read_text(encoding='utf-8')}")
        time.sleep(0.05)
    return {"system": "rclone", "url": address.group(), "username": "demo", "password": password}


def start_backups(options: Options, folder: Path) -> None:
    """Have rclone copy real files: a small folder at once, a large one at 1 MiB a second."""
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (options["username"], options["password"])
        for name, sizes in (("nightly-files", [20_000] * 20), ("nightly-databases", [18 * 2**20])):
            source = folder / "data" / name
            source.mkdir(parents=True)
            for number, size in enumerate(sizes, 1):
                (source / f"{number:03d}.dat").write_bytes(os.urandom(size))
            asked = {"srcFs": str(source), "dstFs": str(folder / "backups" / name), "_async": True, "_group": name}
            session.post(f"{options['url']}/sync/sync", json=asked, timeout=PATIENCE).raise_for_status()


def write_inventory(folder: Path, systems: t.Iterable[Options]) -> dict[str, str]:
    """Write one host per system; give the secrets as variables for the environment."""
    hosts: dict[str, t.Any] = {}
    variables: dict[str, str] = {}
    for options in systems:
        name = options["system"]
        variables |= {f"BACKUP_{name}_{option}".upper(): str(options[option]) for option in SECRETS & options.keys()}
        shown = {option: value for option, value in options.items() if option not in SECRETS}
        hosts[name.replace("_", "-")] = {"backup_connection": {**shown, "unreachable_timeout": 20}}
    # It does not tell what its jobs are for.
    hosts["rclone"]["backup_change_window_objects"] = [{"name": "nightly-*"}]
    local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    inventory = {"all": {"vars": local, "children": {"backup_systems": {"hosts": hosts}}}}
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory, sort_keys=False), encoding="utf-8")
    return variables


def run_playbook(folder: Path, variables: dict[str, str], out: Path) -> int:
    """Run the playbook of the collection, as a user would."""
    now = datetime.now().astimezone().replace(microsecond=0)
    window = {
        "backup_change_window_start": (now - timedelta(minutes=5)).isoformat(),
        "backup_change_window_end": (now + timedelta(hours=1)).isoformat(),
        "backup_change_window_report_dest": str(out),
    }
    temporary = {
        name: str(folder / "ansible") for name in ("ANSIBLE_HOME", "ANSIBLE_LOCAL_TEMP", "ANSIBLE_REMOTE_TEMP")
    }
    process = subprocess.Popen(
        [
            *(Path(sys.executable).with_name("ansible-playbook"), "-i", folder / "inventory.yml"),
            *("changeops.backup.change_window", "-e", f"@{HERE / 'window.yml'}", "-e", json.dumps(window)),
        ],
        env={
            **os.environ,
            **variables,
            **temporary,
            "ANSIBLE_CONFIG": str(HERE / "ansible.cfg"),
            "PYTHONUNBUFFERED": "1",
        },
        stdin=subprocess.DEVNULL,
        stderr=sys.stdout.fileno(),
        cwd=HERE,
        start_new_session=True,
    )
    try:
        return process.wait()
    except Stopped:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()
        raise


def demo(out: Path) -> int:
    """Start the systems, and run the change window over them."""
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="changeops-demo-", ignore_cleanup_errors=True))
        )
        # What is killed cannot clean up: all temporary files are in this folder.
        os.environ["TMPDIR"] = str(folder)
        print("Starting six backup systems: five simulated vendors and a real rclone ...", flush=True)
        systems = start_simulators(stack, folder)
        systems.append(start_rclone(stack, folder))
        start_backups(systems[-1], folder)
        status = run_playbook(folder, write_inventory(folder, systems), out)
    print(f"The demo took {time.monotonic() - begun:.0f} s.")
    for page in out.glob("*/report.html"):
        print(f"Report: {os.path.relpath(page)}", flush=True)
    return status


def main() -> int:
    """Run the demo, and clean up."""
    parser = argparse.ArgumentParser(description="Six backup systems and a change window over them.")
    parser.add_argument("--out", type=Path, default=HERE / "out", help="folder for the evidence")
    out = parser.parse_args().out.absolute()
    # An earlier evening would be part of the story.
    shutil.rmtree(out, ignore_errors=True)
    foreign = [name for name in os.environ if name.startswith(("BACKUP_",))]
    for name in foreign:
        del os.environ[name]
    asked: list[int] = []

    def stop(number: int, _frame: t.Any) -> None:
        if not asked:
            asked.append(number)
            raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        return demo(out)
    except Stopped:
        print(f"\n{signal.Signals(asked[0]).name}: stopped everything.", file=sys.stderr, flush=True)
        return 128 + asked[0]


if __name__ == "__main__":
    sys.exit(main())
