# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of progress: they are there while the task runs, wherever Ansible runs, and give nothing away."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import time
import typing as t
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.changeops.backup.plugins.action import backup_job_wait
from ansible_collections.changeops.backup.plugins.action.backup_job_wait import ActionModule
from ansible_collections.changeops.backup.plugins.module_utils._edge.slices import Outgoing
from ansible_collections.changeops.backup.plugins.plugin_utils import _action, _console
from ansible_collections.changeops.backup.plugins.plugin_utils._console import Console
from harness import good, kill_all_that_name
from simulator import Simulator

HERE = Path(__file__).parent
IDS = [f"bc04d2e5-dd4c-4f85-af0e-42410600090{number}" for number in (1, 2)]
LINE = re.compile(r"WAITING \[([\w-]+)\] veeam_vspc: (.*)")


def tale(ends: float, **more: t.Any) -> dict[str, t.Any]:
    """Two jobs are running; one ends at half time, one at the end."""
    jobs = [
        {
            "instanceUid": job_id,
            "name": f"Nightly {number}",
            "status": "Running",
            "lastRun": "@0",
            "timeline": [{"at": at, "set": {"status": "Success", "lastEndTime": "@now"}}],
        }
        for number, (job_id, at) in enumerate(zip(IDS, (ends / 2, ends)))
    ]
    return {"system": "veeam_vspc", "clock": {"waits": True}, "jobs": jobs, **more}


class Line(t.NamedTuple):
    """A line of output, and when it could be read."""

    at: float
    text: str


class Run:
    """One ansible-playbook, its output read as it comes."""

    def __init__(self, folder: Path, sim: Simulator, terminal: bool = False, **how: t.Any) -> None:
        self.folder = folder
        self.temporary = folder / "tmp"
        host = {
            "ansible_connection": how.get("connection", "local"),
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "ansible_remote_tmp": str(self.temporary),
            "backup_connection": sim.options,
            "backup_ids": IDS,
            **how.get("facts", {}),
        }
        inventory = folder / "inventory.yml"
        names = how.get("hosts", ["backup-system"])
        inventory.write_text(yaml.safe_dump({"backup": {"hosts": dict.fromkeys(names, host)}}))
        environ = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCAL_TEMP": str(folder / "local"), "COLUMNS": "200"}
        environ["ANSIBLE_CONNECTION_PLUGINS"] = str(HERE / "connection_plugins")
        environ.update(how.get("environ", {}))
        environ.pop("PYTHONUNBUFFERED", None)
        if terminal:
            ours, output = pty.openpty()
        else:
            ours, output = os.pipe()
        command = ["ansible-playbook", "-i", str(inventory), str(HERE / "wait_and_tell.yml"), *how.get("flags", ())]
        separate = how.get("errors")
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=how.get("output", output),
            stderr=output if separate is None else separate,
            env=environ,
        )
        os.close(output)
        self._output = ours
        self.lines: list[Line] = []

    def read(self) -> Iterator[Line]:
        """Give each line when it comes."""
        rest = b""
        with contextlib.suppress(OSError):  # how a terminal says that nobody writes any more
            while piece := os.read(self._output, 65536):
                *whole, rest = (rest + piece).split(b"\n")
                for text in whole:
                    self.lines.append(Line(time.monotonic(), text.decode().rstrip("\r")))
                    yield self.lines[-1]

    def finish(self, fails: bool = False) -> Run:
        """Read to the end."""
        for _line in self.read():
            pass
        self._leave()
        assert (self.process.returncode != 0) == fails, self.text
        assert "Traceback" not in self.text
        return self

    def _leave(self) -> None:
        os.close(self._output)
        self.process.wait(timeout=30)
        self.ended = time.monotonic()

    @property
    def text(self) -> str:
        """Everything so far."""
        return "\n".join(line.text for line in self.lines)

    @property
    def waiting(self) -> list[Line]:
        """Only the lines of progress."""
        return [line for line in self.lines if LINE.match(line.text)]

    def told(self, what: str) -> str:
        """Give what the playbook's last task told."""
        found = re.search(rf"{what}=(\S+?)[\s\"]", self.text)
        assert found, self.text
        return found[1]


def live(run: Run, seconds: float) -> None:
    """Check that the first line came so long before the end, and each no later than twice the interval."""
    times = [line.at for line in run.waiting]
    assert times, run.text
    assert run.ended - times[0] > seconds
    assert times[-1] - times[0] > seconds / 2
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert max(gaps) < 4.0
    for line in run.waiting:
        assert re.search(r"\d of 2 done, \d running, oldest 00:00:\d\d, deadline in 00:5\d:\d\d$", line.text), line.text


def give_nothing_away(text: str, sim: Simulator) -> None:
    tokens = {entry.headers["Authorization"].split()[1] for entry in sim.journal if "Authorization" in entry.headers}
    assert tokens
    for secret in (sim.options["password"], *tokens):
        assert secret not in text


# On this machine the worker waits itself, on others the module runs in slices.
@pytest.mark.parametrize("connection", ["local", "elsewhere"])
def test_in_a_pipe_without_pythonunbuffered_with_one_login(connection: str, tmp_path: Path) -> None:
    with Simulator(tale(ends=6)) as sim:
        run = Run(tmp_path, sim, connection=connection).finish()
        # However many slices: one token, one login.
        assert len(sim.logins) == 1
        assert sim.refused == []
        give_nothing_away(run.text, sim)
    live(run, 4.0)
    assert run.told("VERDICT") == "reached"
    assert run.told("LOGINS") == "1"
    assert "1 of 2 done, 1 running" in run.text
    # The worker needs no folder at all.
    assert list(run.temporary.glob("*")) == [], "Ansible did not remove the state of the wait"
    assert run.temporary.exists() == (connection == "elsewhere")


def test_on_a_terminal_where_standard_output_is_the_terminal(tmp_path: Path) -> None:
    # Standard error goes elsewhere: so the lines have to come on standard output.
    with Simulator(tale(ends=5)) as sim, (tmp_path / "errors").open("w") as errors:
        run = Run(tmp_path, sim, terminal=True, errors=errors).finish()
        give_nothing_away(run.text, sim)
    live(run, 3.0)
    assert "WAITING" not in (tmp_path / "errors").read_text()


def test_into_a_file_the_lines_go_to_standard_error(tmp_path: Path) -> None:
    with Simulator(tale(ends=2.5)) as sim, (tmp_path / "errors").open("w") as errors:
        run = Run(tmp_path, sim, errors=errors).finish()
    assert run.waiting == []
    assert LINE.search((tmp_path / "errors").read_text())


@pytest.mark.parametrize("connection", ["local", "elsewhere"])
def test_into_a_pipe_that_nobody_reads_any_more_the_wait_still_ends(connection: str, tmp_path: Path) -> None:
    """As with "2>&1 | head -1". Ansible's own thread would end of the line, and with it all that it waits for."""
    with Simulator(tale(ends=8)) as sim, (tmp_path / "out").open("w") as out:
        ours, theirs = os.pipe()
        run = Run(tmp_path, sim, connection=connection, errors=theirs, output=out)
        os.close(theirs)
        assert b"WAITING" in os.read(ours, 65536)
        os.close(ours)
        run.process.wait(timeout=60)
    assert "VERDICT=reached" in (tmp_path / "out").read_text()


def test_three_hosts_with_five_forks_each_line_names_its_host(tmp_path: Path) -> None:
    hosts = ["backup-eu", "backup-us", "backup-jp"]
    with Simulator(tale(ends=6)) as sim:
        run = Run(tmp_path, sim, hosts=hosts, flags=["--forks", "5"]).finish()
        assert len(sim.logins) == len(hosts)
    live(run, 3.0)
    for host in hosts:
        assert len([line for line in run.waiting if line.text.startswith(f"WAITING [{host}] ")]) >= 2
    assert run.text.count("VERDICT=reached") == len(hosts)


def test_in_the_events_of_ansible_runner_and_no_artifact_holds_a_secret(tmp_path: Path) -> None:
    script = (
        "import ansible_runner, json, sys, time\n"
        "def tell(event):\n"
        "    print(json.dumps([time.monotonic(), event['event'], event.get('stdout', '')]), flush=True)\n"
        "    return True\n"
        "run = ansible_runner.run(private_data_dir=sys.argv[1], playbook=sys.argv[2], ident='r1', quiet=True,\n"
        "                         event_handler=tell)\n"
        "sys.exit(run.rc)\n"
    )
    with Simulator(tale(ends=6)) as sim:
        options = dict(sim.options)
        # As AWX does it: a credential of its own type sets environment variables.
        secrets = {f"BACKUP_VEEAM_VSPC_{name.upper()}": options.pop(name) for name in ("username", "password")}
        for name, content in {
            "inventory/hosts.yml": {
                "backup": {
                    "hosts": {"backup-system": {"backup_connection": options, "backup_ids": IDS}},
                    "vars": {
                        "ansible_connection": "local",
                        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                    },
                }
            },
            "env/envvars": secrets,
        }.items():
            (tmp_path / name).parent.mkdir(parents=True)
            (tmp_path / name).write_text(yaml.safe_dump(content))
        ran = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), str(HERE / "wait_and_tell.yml")],
            stdout=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        events = [json.loads(line) for line in ran.stdout.splitlines()]
        assert ran.returncode == 0, events
        assert len(sim.logins) == 1
        artifacts = [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file() and path.name != "command"]
        assert len(artifacts) > 10
        for path in artifacts:
            content = path.read_text()
            for entry in sim.journal:
                token = entry.headers.get("Authorization", "").partition(" ")[2]
                assert not token or token not in content, path
            assert sim.options["password"] not in content, path
    said = [(at, what) for at, what, text in events if LINE.search(text)]
    done = next(at for at, what, _text in events if what == "runner_on_ok")
    assert len(said) >= 3
    assert {what for _at, what in said} == {"verbose"}
    assert done - said[0][0] > 3.0


@pytest.mark.parametrize("connection", ["local", "elsewhere"])
def test_a_short_token_is_renewed_as_often_as_it_ends(connection: str, tmp_path: Path) -> None:
    with Simulator(tale(ends=5, auth={"token_lifetime": 2})) as sim:
        run = Run(tmp_path, sim, connection=connection).finish()
        reads = [entry.time for entry in sim.reads]
        # Renewed after four fifths of its life, 1.6 s. No look was refused: the time between slices counts.
        assert 2 <= len(sim.logins) <= (reads[-1] - reads[0]) / 1.6 + 1
        assert not [entry for entry in sim.journal if entry.status == 401]
        assert int(run.told("LOGINS")) == len(sim.logins)
    assert run.told("VERDICT") == "reached"


def test_in_the_background_there_are_no_slices(tmp_path: Path) -> None:
    with Simulator(tale(ends=2.5)) as sim:
        environ = {"ANSIBLE_ASYNC_DIR": str(tmp_path / "async")}
        run = Run(tmp_path, sim, facts={"background": 60}, environ=environ).finish()
        assert len(sim.logins) == 1
    assert run.waiting == []
    assert run.told("VERDICT") == "reached"


def test_the_module_alone_is_complete() -> None:
    with Simulator(tale(ends=2)) as sim:
        result = good("backup_job_wait", {**sim.options, "job_ids": IDS, "interval": 0.5, "progress_interval": 1})
    assert result["verdict"] == "reached"
    assert "waiting" not in result
    assert len(result["transitions"]) == 4


def test_a_dropped_connection_does_not_end_the_wait(tmp_path: Path) -> None:
    hosts = ["drops-before", "drops-after"]
    with Simulator(tale(ends=5)) as sim:
        run = Run(tmp_path, sim, connection="dropping", hosts=hosts).finish()
        # What the lost slice knew was kept: nobody logged in anew.
        assert len(sim.logins) == len(hosts)
        assert sim.refused == []
    for host in hosts:
        told = [line.text for line in run.waiting if f"[{host}]" in line.text]
        assert (
            len([text for text in told if "connection to the host lost, trying again: the test dropped the" in text])
            == 1
        )
    assert run.text.count("VERDICT=reached") == len(hosts)


def test_killed_and_started_again_it_goes_on_to_the_same_deadline(tmp_path: Path) -> None:
    until = (datetime.now(timezone.utc) + timedelta(seconds=900)).replace(microsecond=0).isoformat()
    with Simulator(tale(ends=6)) as sim:
        killed = Run(tmp_path, sim, facts={"until": until})
        for line in killed.read():
            if "1 running" in line.text:
                killed.process.terminate()
        killed._leave()
        assert killed.process.returncode != 0
        assert "VERDICT" not in killed.text
        reads = len(sim.reads)
        time.sleep(1.5)
        assert len(sim.reads) == reads, "somebody goes on asking"
        left = [path for path in tmp_path.rglob("*.json*") if "backup_wait_" in path.name]
        assert left == []
        run = Run(tmp_path, sim, facts={"until": until}).finish()
    assert run.told("VERDICT") == "reached"
    assert datetime.fromisoformat(run.told("DEADLINE").replace("Z", "+00:00")) == datetime.fromisoformat(until)


@pytest.mark.parametrize("whom", ["all of it", "only its main process"])
@pytest.mark.parametrize("connection", ["local", "elsewhere"])
def test_a_task_whose_ansible_is_killed_does_not_go_on_alone(connection: str, whom: str, tmp_path: Path) -> None:
    """Nobody is told when a process is killed. But its children have another parent."""
    with Simulator(tale(ends=60)) as sim:
        run = Run(tmp_path, sim, connection=connection)
        for line in run.read():
            if "2 running" in line.text:
                break
        if whom == "all of it":
            kill_all_that_name(tmp_path / "inventory.yml")
        run.process.kill()
        run.process.wait(timeout=20)
        # A slice that had begun comes to its end.
        time.sleep(3.5)
        reads = len(sim.reads)
        time.sleep(2.5)
        assert len(sim.reads) == reads, "somebody goes on asking"
    os.close(run._output)


@pytest.mark.parametrize(
    ("transport", "become", "library", "facts", "environ", "here"),
    [
        ("local", None, True, {}, {}, True),
        ("local", "sudo", True, {}, {}, False),
        ("ssh", None, True, {}, {}, False),
        ("local", None, False, {}, {}, False),
        ("local", None, True, {"changeops_backup_in_worker": False}, {}, False),
        ("local", None, True, {"changeops_backup_in_worker": "no"}, {}, False),
        ("local", None, True, {}, {"CHANGEOPS_BACKUP_IN_WORKER": "false"}, False),
        ("local", None, True, {"changeops_backup_in_worker": True}, {"CHANGEOPS_BACKUP_IN_WORKER": "false"}, True),
    ],
)
def test_the_worker_does_it_where_the_module_would_run_as_the_same_user_on_the_same_machine(
    transport: str,
    become: str | None,
    library: bool,
    facts: dict[str, t.Any],
    environ: dict[str, str],
    here: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CHANGEOPS_BACKUP_IN_WORKER", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(_action, "HAS_REQUESTS", library)
    action = ActionModule.__new__(ActionModule)
    action._connection = SimpleNamespace(transport=transport, become=become)
    action._templar = SimpleNamespace(template=lambda value: value)
    assert action._may_work_here(facts) == here


@pytest.mark.parametrize(
    ("timeout", "background", "args", "said"),
    [
        (600, 0, {}, "timeout (600 s) of this task ends it before wait_timeout (3600 s) does"),
        (0, 600, {"wait_timeout": "900"}, "async (600 s) of this task ends it before wait_timeout (900 s) does"),
        (600, 0, {"wait_timeout": 500}, ""),
        (600, 0, {"wait_until": "2026-03-01T22:00:00Z"}, ""),
        (0, 0, {}, ""),
        (600, 0, {"wait_timeout": "soon"}, ""),
    ],
)
def test_a_limit_of_ansible_that_comes_first_is_warned_of(
    timeout: int, background: int, args: dict[str, t.Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(_console.display, "warning", warned.append)
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(timeout=timeout, async_val=background, args=args)
    action._warn_of_other_limits()
    assert [warning.partition(":")[0] for warning in warned] == ([said] if said else [])


def test_who_says_nothing_is_said_to_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    passed = 0.0

    class Ended:
        def wait(self, seconds: float) -> bool:
            nonlocal passed
            passed += 5.0
            if passed == 100.0:
                console.say("1 of 2 done\x1b[2J")
            return passed >= 150.0

    monkeypatch.setattr(_console, "time", SimpleNamespace(monotonic=lambda: passed))
    monkeypatch.setattr(_console, "_display", lambda: lambda display, line, stderr: said.append(line))
    console = Console("db-01", "flosum", 60.0, hidden=False)
    console._ended = t.cast("t.Any", Ended())
    console._watch()
    assert said == [
        "WAITING [db-01] flosum: nothing new for 75 s: an answer of the system is waited for",
        "WAITING [db-01] flosum: 1 of 2 done [2J",
    ]


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(2, 2), ("1.5", 1.5), ("soon", 60), ("", 60), (None, 60), ([5], 60), (0, 60), (-3, 1), (0.1, 1), (1e9, 230)],
)
def test_whatever_progress_interval_is_there_is_a_longest_silence(given: t.Any, seconds: float) -> None:
    # The module then refuses what is out of range; before that, the plugin must not stumble over it.
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(args={"progress_interval": given})
    assert action.progress_interval() == seconds


def test_no_log_hides_the_lines_but_does_not_silence_them(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(_console, "_display", lambda: lambda display, line, stderr: said.append(line))
    Console("db-01", "flosum", 60.0, hidden=True).say("3 of 7 done")
    assert said == ["WAITING [db-01] flosum: no_log hides how it stands"]


@pytest.mark.parametrize(("deadline", "lasts"), [(float("inf"), 305.0), (42.0, 45.0), (-1.0, 0.0)])
def test_a_host_that_stays_away_is_tried_until_the_deadline_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, deadline: float, lasts: float
) -> None:
    passed = 0.0

    def sleep(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    def away(_task_vars: t.Any) -> t.NoReturn:
        raise AnsibleConnectionFailure("no route to host")

    monkeypatch.setattr(backup_job_wait, "time", SimpleNamespace(monotonic=lambda: passed, sleep=sleep))
    said: list[str] = []
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(args={}, environment=None, no_log=False)
    monkeypatch.setattr(action, "_hand_over", lambda sent: "/tmp/kept")
    monkeypatch.setattr(action, "_module", away)
    with pytest.raises(AnsibleConnectionFailure):
        action._slice({}, t.cast("t.Any", SimpleNamespace(say=said.append)), Outgoing(None), 60.0, deadline)
    assert passed == lasts
    assert len(said) == lasts / 5
    assert action._task.environment is None
