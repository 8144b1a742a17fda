# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing that a run leaves behind holds a secret: every system, every login, good answers and nasty ones.

The servers of these tests repeat in every answer, good or bad, what they were sent to log in.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import html
import json
import os
import re
import secrets
import signal
import stat
import subprocess
import sys
import threading
import time
import typing as t
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, quote_plus

import pytest
import yaml
from ansible.module_utils.common.parameters import PASS_VARS

from ansible_collections.changeops.backup.plugins.module_utils._edge.options import CONNECTION
from harness import STORIES, Rclone, kill_all_that_name, warnings
from simulator import Simulator
from simulator.vendors import VENDORS

SECRET = ("client_secret", "refresh_token", "password", "access_token", "client_assertion")
# What is written differently in an address, a form, JSON, HTML and Python; some of it a header cannot carry.
ODD = "+/=&\"'\\<>%41"
ODDER = f"{ODD}é  : ß"
GROUP = "group/changeops.backup.all"
WAYS = ("environment", "module_defaults", "options")
# System and way to log in, one run each; with the first way of a system, it is looked at from all sides.
LOGINS = [("rclone", "password"), ("rclone", "with_runner")]
LOGINS += [(system, way) for system in VENDORS for way in VENDORS[system].ways if way != "authorization_code"]
# The two AvePoint products share their logins: one of them signs.
LOGINS.remove(("avepoint_iaas_paas", "client_assertion"))
# Nobody listens there.
CLOSED = "http://127.0.0.1:9"


def odd(characters: str = ODD) -> str:
    """Make a secret: long, new, and half of it on either side of the odd characters."""
    return f"{secrets.token_hex(12)}{characters}{secrets.token_hex(12)}"


def pair(user: str, password: str) -> str:
    """Give what HTTP Basic sends."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


# -- finding -------------------------------------------------------------------------------------------------------


def pieces(secret: str) -> set[bytes]:
    """Give all eight characters in a row that no spelling changes: half a secret is found as well."""
    # Behind what the simulator begins each token with.
    runs = re.findall(rb"[A-Za-z0-9_.-]{8,}", re.sub("^sim-[ar]t-", "", secret).encode())
    assert runs, f"no part of {secret!r} is the same in every spelling"
    return {run[at : at + 8] for run in runs for at in range(len(run) - 7)}


def leaks(folder: Path, hidden: t.Iterable[str]) -> list[str]:
    """Name every file below a folder that holds a part of a secret."""
    found = []
    wanted = {piece: secret for secret in hidden for piece in pieces(secret)}
    for path in (path for path in [folder, *sorted(folder.rglob("*"))] if path.is_file()):
        content = path.read_bytes() + str(path).encode()
        for piece in (piece for piece in wanted if piece in content):
            at = content.index(piece)
            found.append(f"{path.relative_to(folder)} holds {wanted[piece]!r}: {content[max(0, at - 60) : at + 60]!r}")
            break
    return found


@pytest.mark.parametrize(
    "spell",
    [
        str,
        quote,
        quote_plus,
        json.dumps,
        lambda secret: json.dumps(json.dumps(secret)),
        repr,
        lambda secret: repr(secret.encode()),
        html.escape,
        lambda secret: secret[:12],
        lambda secret: secret[-10:],
    ],
)
def test_what_is_hidden_is_found(spell: Callable[[str], str], tmp_path: Path) -> None:
    secret = odd(ODDER)
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / "deep" / "down" / "log").write_text(f"before {secret[:7]} {odd()} after")
    assert leaks(tmp_path, [secret]) == []
    (tmp_path / "deep" / "down" / "log").write_text(f"before {spell(secret)} after")
    assert len(leaks(tmp_path, [odd(), secret])) == 1


def test_what_is_hidden_in_a_name_is_found(tmp_path: Path) -> None:
    token = secrets.token_urlsafe(24)
    (tmp_path / f"flosum-{token}.log").touch()
    assert len(leaks(tmp_path, [token])) == 1


# -- servers that cannot keep a secret -----------------------------------------------------------------------------


def brought(headers: t.Any, body: str) -> Iterator[str]:
    """Give every secret of a request."""
    for name in ("Authorization", "Proxy-Authorization"):
        scheme, _blank, value = headers.get(name, "").partition(" ")
        if scheme == "Basic":
            yield base64.b64decode(value).decode().partition(":")[2]
        if value:
            yield value
    fields = json.loads(body) if body.startswith("{") else {name: one[0] for name, one in parse_qs(body).items()}
    yield from (fields[name] for name in SECRET if name in fields)


class Nasty(BaseHTTPRequestHandler):
    """Answers with an error that repeats the secrets; the first part of the path says how it looks.

    What is cut is filled up so that the cut goes through a secret.
    """

    def answer(self) -> None:
        """Answer anything."""
        heard = list(brought(self.headers, self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()))
        self.server.heard.update(heard)  # type: ignore[attr-defined]
        said, first = " ".join(heard), quote(heard[0])
        kind = "proxy" if self.command == "CONNECT" else self.path.split("/")[1]
        filled = {length: "x" * (length - 21) + said for length in (150, 200, 400)}
        page = {"Content-Type": "text/html"}
        status, headers, text = {
            "json": (401, {}, json.dumps({"error": f"no <{said}>", "message": [said, {"message": said}]})),
            "list": (400, {}, json.dumps([said, said])),
            "long": (403, {}, json.dumps({"error_description": filled[400]})),
            "page": (401, page, f"<html><p>{html.escape(said)}</p></html>"),
            # Asked to come back too late, a look ends at once, and not after pauses whose length is chance.
            "text": (500, {"Content-Type": "text/plain; charset=utf-8", "Retry-After": "60"}, filled[200]),
            "moved": (302, {"Location": f"/text/{first}/{quote_plus(heard[0])}?token={first}"}, ""),
            "away": (302, {"Location": f"http://elsewhere.invalid/{first}?token={first}"}, said),
            "proxy": (407, {}, ""),
            "line": (0, {}, ""),
        }[kind]
        if kind == "line":
            # Not HTTP at all.
            self.wfile.write(f"{filled[150]}\r\n\r\n".encode())
        else:
            self.send_response(status, said.encode().decode("latin-1"))
            content = text.encode()
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
        self.close_connection = True

    do_GET = do_POST = do_PATCH = do_CONNECT = answer

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def nasty() -> Iterator[t.Any]:
    """Run the server; ``heard`` is what it was told, ``url`` where it is."""
    server: t.Any = ThreadingHTTPServer(("127.0.0.1", 0), Nasty)
    server.heard = set()
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def repeating(app: Callable[..., t.Iterable[bytes]]) -> Callable[..., list[bytes]]:
    """Make every good answer of a simulator repeat what it was sent, now and at the login: in texts, and in keys."""
    told: dict[str, str] = {}

    def answer(environ: dict[str, t.Any], start_response: Callable[..., t.Any]) -> list[bytes]:
        entry = environ["simulator.entry"]
        begun: list[t.Any] = []
        body = b"".join(app(environ, lambda status, headers, exc_info=None: begun.extend((status, headers))))
        status, headers = begun
        if status.startswith("200") and entry.kind == "login":
            token = json.loads(body)["access_token"]
            told[f"Bearer {token}"] = " ".join([token, entry.body, *brought({}, entry.body)])
        elif status.startswith("200"):
            token = entry.headers["Authorization"]
            body = json.dumps(repeat(json.loads(body), told.get(token, token))).encode()
            headers = [
                *((name, one) for name, one in headers if name != "Content-Length"),
                ("Content-Length", len(body)),
            ]
        start_response(status, [(name, str(one)) for name, one in headers])
        return [body]

    return answer


def repeat(value: t.Any, said: str) -> t.Any:
    """Put a text wherever a vendor puts words."""
    if isinstance(value, list):
        return [repeat(item, said) for item in value]
    if not isinstance(value, dict):
        return value
    words = ("name", "comments", "failureMessage", "objectName", "error", "message")
    filled = {name: f"{item or ''} {said}" if name in words else repeat(item, said) for name, item in value.items()}
    return {**filled, "note": {said: said}}


# -- runs ----------------------------------------------------------------------------------------------------------


class Case:
    """One system and one way to log in: what a playbook gives, and what has to stay hidden."""

    def __init__(self, system: str, way: str, folder: Path) -> None:
        self.system = system
        # What is the same for each of its logins is looked at with the first one only.
        ways = [one for name, one in LOGINS if name == system]
        self.is_first, self.with_runner = way == ways[0], way in ways[1:2]
        # Here the systems are the same, so each takes its share.
        self.also = ("long", "line", "list", "away")[[*VENDORS, "rclone"].index(system) % 4]
        self.logs_in = system in VENDORS and way not in ("access_token", "api_key")
        self.inputs, self.left = folder / "inputs", folder / "left"
        self.inputs.mkdir()
        self.server: t.Any = self._rclone(folder) if system == "rclone" else self._simulator(way)
        self.options: dict[str, t.Any] = dict(self.server.options)
        if way == "client_assertion":
            for name, text in zip(("client_certificate", "client_private_key"), self.server.keypair()):
                (self.inputs / name).write_text(text)
                self.options[name] = str(self.inputs / name)
        self.secrets = {name: str(self.options.pop(name)) for name in SECRET if name in self.options}
        # Where a token is spent by its use, all tasks but the first one share a file.
        self.shared: dict[str, str] = {}
        if "refresh_token" in self.secrets:
            self.shared["refresh_token_file"] = str(self.inputs / "refresh-token")
            (self.inputs / "refresh-token").write_text(self.server.vendor.tokens.issue_refresh())
        self.proxy_password = odd()

    def _rclone(self, folder: Path) -> Rclone:
        server = Rclone(folder, password=odd(ODDER))
        server.call("core/bwlimit", rate="64k")
        group = f"nightly {server.password} {pair('operator', server.password)}"
        server.copy(8_000_000, group)
        server.copy(8_000_000, group)
        return server

    def _simulator(self, way: str) -> Simulator:
        story = yaml.safe_load((STORIES / self.system / "busy_seconds.yml").read_text())
        jobs = [{name: one for name, one in job.items() if name != "timeline"} for job in story["jobs"]]
        sim = Simulator({**story, "jobs": jobs, "auth": {"accept": [way], "rotate_refresh_token": True}})
        for name in ("client_secret", "password"):
            if name in sim.credentials:
                sim.vendor.credentials[name] = odd(ODDER)
        sim._api.app = repeating(sim._api.app)
        return sim.start()

    def stop(self) -> None:
        """End the server."""
        self.server.stop()

    def hidden(self, heard: t.Iterable[str] = ()) -> set[str]:
        """Give everything that has to stay hidden."""
        found = {*self.secrets.values(), *heard, self.proxy_password, pair("proxy", self.proxy_password)}
        if self.system == "rclone":
            return found | {pair("operator", self.server.password)}
        sent = {secret for entry in self.server.logins for secret in brought(entry.headers, entry.body)}
        return found | sent | set(self.server.issued)

    def task(self, module: str, number: int, first: bool = False, **given: t.Any) -> dict[str, t.Any]:
        """Make a task; its number says by which way it gets the secrets."""
        name = f"changeops.backup.backup_job_{module}"
        connection = {**self.options, **({} if first else self.shared)}
        made: dict[str, t.Any] = {"name": f"{module} {number}", "ignore_errors": True, "register": f"seen_{number}"}
        way = WAYS[number % len(WAYS)]
        if way != "environment":
            connection |= {name: f"{{{{ secret.{name} }}}}" for name in self.secrets}
        if way == "module_defaults":
            connection |= {option: given.pop(option) for option in CONNECTION if option in given}
            return {**made, name: given, "module_defaults": {GROUP: connection}}
        return {**made, name: {**connection, **given}}

    def written(self, *names: str) -> dict[str, t.Any]:
        """Make a task that writes into a file what others returned."""
        content = "{{ [" + ", ".join(names) + "] | to_nice_json }}"
        copy = {"content": content, "dest": str(self.left / "written.json"), "mode": "0600"}
        return {"name": "Write down", "ansible.builtin.copy": copy, "register": "written"}

    def bad_task(self, where: str, url: str, kind: str, module: str, number: int, **given: t.Any) -> dict[str, t.Any]:
        """Make a task that gets a nasty answer."""
        return self.task(module, number, **{where: f"{url}/{kind}", "unreachable_timeout": 0, **given})

    def start(self, tasks: list[dict[str, t.Any]], runner: bool = False, **more: str) -> subprocess.Popen[bytes]:
        """Start a playbook of these tasks; at its end it puts what they returned into the fact cache."""
        seen = {task["register"]: f"{{{{ {task['register']} }}}}" for task in tasks}
        keep = {"name": "Keep", "ansible.builtin.set_fact": {"seen": seen, "cacheable": True}}
        play = {"name": "Backups", "hosts": "all", "gather_facts": False, "tasks": [*tasks, keep]}
        host = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "ansible_remote_tmp": str(self.left / "remote"),
            "secret": self.secrets,
        }
        for name, content in {
            "project/play.yml": [play],
            "inventory/hosts.yml": {"all": {"hosts": {"backup-system": host}}},
        }.items():
            (self.inputs / name).parent.mkdir()
            (self.inputs / name).write_text(yaml.safe_dump(content))
        for name in ("home", "tmp", "remote", "tree", "junit", "artifacts"):
            (self.left / name).mkdir(parents=True)
        environ = {
            **os.environ,
            **{f"BACKUP_{self.system}_{name}".upper(): secret for name, secret in self.secrets.items()},
            "HOME": str(self.left / "home"),
            "TMPDIR": str(self.left / "tmp"),
            "ANSIBLE_HOME": str(self.left / "home" / ".ansible"),
            "ANSIBLE_LOG_PATH": str(self.left / "log"),
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.left / "fact_cache"),
            "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.tree,ansible.builtin.junit",
            "ANSIBLE_CALLBACK_TREE_DIR": str(self.left / "tree"),
            "JUNIT_OUTPUT_DIR": str(self.left / "junit"),
            "ANSIBLE_DISPLAY_TRACEBACK": "always",
            "ANSIBLE_NOCOLOR": "1",
            **more,
        }
        hosts, play_path = self.inputs / "inventory" / "hosts.yml", self.inputs / "project" / "play.yml"
        command = ["ansible-playbook", "-i", str(hosts), str(play_path), "-vvvv", "--diff"]
        if runner:
            command = ["ansible-runner", "run", str(self.inputs), "-p", "play.yml", "--inventory", str(hosts)]
            command += ["--ident", "r1", "--artifact-dir", str(self.left / "artifacts"), "--cmdline=-vvvv --diff"]
        with (self.left / "stdout").open("wb") as out, (self.left / "stderr").open("wb") as err:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environ, start_new_session=True
            )

    def seen(self) -> dict[str, t.Any]:
        """Give what the tasks returned."""
        returned: dict[str, t.Any] = json.loads((self.left / "tree" / "backup-system").read_text())
        return returned["ansible_facts"]["seen"]


@pytest.fixture
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Case]:
    """Give a case; every token that its server makes up is an odd one."""
    # A short name: since core 2.21, Ansible keeps a socket in TMPDIR, and its address has to stay below 108 characters.
    folder = tmp_path_factory.mktemp("case")
    monkeypatch.setattr(secrets, "token_urlsafe", lambda length: odd())
    made = Case(*request.param, folder)
    yield made
    made.stop()


@pytest.mark.parametrize("case", LOGINS, ids="-".join, indirect=True)
def test_no_secret_is_left_behind(case: Case) -> None:
    active = "{{ (seen_0.jobs | selectattr('active') | map(attribute='id') | list)[:1] }}"
    stop = {"job_ids": active, "on_unsupported": "skip", "interval": 0.5}
    with nasty() as bad:
        login, api = (functools.partial(case.bad_task, name, bad.url) for name in ("token_url", "url"))
        if not case.logs_in:
            login = api
        tasks = [
            case.task("info", 0, first=True, details=["steps", "raw"]),
            case.task("wait", 1, wait_timeout=1.5, interval=0.5, progress_interval=1, fail_on_timeout=False),
            {**case.task("abort", 2, **stop), "check_mode": True},
            login("json", "info", 3),
        ]
        if case.is_first:
            tasks += [
                # It says so between two looks.
                login("text", "wait", 4, unreachable_timeout=3.4, interval=0.5, progress_interval=1),
                case.task("abort", 5, **stop),
                login("page", "abort", 6, **stop),
                login(case.also, "info", 7),
                api("json", "info", 8),
                api("moved", "info", 9),
                case.task("info", 10, url="https://behind.invalid", unreachable_timeout=0),
                case.task("info", 11, url=CLOSED, unreachable_timeout=0),
            ]
        if case.is_first and case.system == "rclone":
            # What Ansible does with a task is the same for every system: this is looked at once.
            tasks += [{**api("text", "wait", 12), "async": 60, "poll": 1}, case.written("seen_0", "seen_3")]
        proxy = f"http://proxy:{quote(case.proxy_password, safe='')}@{bad.url.partition('//')[2]}"
        run = case.start(tasks, runner=case.with_runner, https_proxy=proxy)
        assert run.wait(timeout=100) == 0, (case.left / "stdout").read_text()
    hidden = case.hidden(bad.heard)
    # That there was something to hide: the secrets arrived, and came back.
    seen = case.seen()
    failed = {name for name in seen if seen[name].get("failed")}
    assert failed == seen.keys() - {"seen_0", "seen_1", "seen_2", "seen_5", "written"}
    assert "********" in json.dumps(seen["seen_0"]["jobs"])
    assert "********" in seen["seen_3"]["msg"]
    told = re.findall("WAITING .*", (case.left / "stdout").read_text() + (case.left / "stderr").read_text())
    assert told
    assert any("no answer" in line and "********" in line for line in told) == case.is_first
    assert bad.heard
    assert case.proxy_password in bad.heard or not case.is_first
    if case.with_runner:
        # By its own design it keeps the environment, as AWX hands it over.
        command = case.left / "artifacts" / "r1" / "command"
        assert stat.S_IMODE(command.stat().st_mode) == 0o600
        assert leaks(command, hidden - {*case.secrets.values(), case.proxy_password}) == []
        command.unlink()
    assert leaks(case.left, hidden) == []


@pytest.mark.parametrize("door", ["worker", "module"])
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("case", [("veeam_vspc", "password")], ids=[""], indirect=True)
def test_a_run_that_is_ended_in_the_middle(case: Case, ending: signal.Signals, door: str) -> None:
    """A module whose Ansible could not react leaves its folder behind, which only its user can read; else nothing."""
    # As an option: so the module that Ansible writes into its folder holds the password.
    task = case.task("wait", 2, wait_timeout=60, interval=0.5, progress_interval=1)
    run = case.start([task], CHANGEOPS_BACKUP_IN_WORKER=str(door == "worker"))
    told = case.left / "stderr"
    until(lambda: told.read_text().count("WAITING") > 1)
    reads = len(case.server.reads)
    if ending == signal.SIGKILL:
        # Not just when Ansible copies the module: that would leave another copy of it behind.
        until(lambda: len(case.server.reads) > reads)
    if ending == signal.SIGKILL:
        # Else its worker would notice, and clear up.
        kill_all_that_name(next(Path(word) for word in t.cast("list[str]", run.args) if word.endswith("play.yml")))
    else:
        os.kill(run.pid, ending)
    assert run.wait(timeout=30) != 0
    reads = -1
    while reads < (reads := len(case.server.reads)):
        time.sleep(1.5)
    left = leaks(case.left, case.hidden())
    if ending != signal.SIGKILL or door == "worker":
        assert left == []
        return
    assert left, "the password that the task gave is in the module's arguments"
    (folder,) = (case.left / "remote").iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in (case.left / leak.partition(" holds ")[0] for leak in left):
        assert path.parent == folder
        assert path.name.startswith("AnsiballZ_") or stat.S_IMODE(path.stat().st_mode) == 0o600


def until(reached: Callable[[], bool]) -> None:
    """Wait for something, not for ever."""
    for _turn in range(600):
        if reached():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


@pytest.mark.parametrize("tracebacks", [[], ["error", "warning"]] if "tracebacks_for" in PASS_VARS else [None])
def test_a_bug_shows_no_secret(tracebacks: list[str] | None, tmp_path: Path) -> None:
    # Whatever it is: the exception's own words may hold anything. Before 2.19, nobody is asked for the traceback.
    asks = {} if tracebacks is None else {"_ansible_tracebacks_for": tracebacks}
    script = (
        "import os\n"
        "from ansible_collections.changeops.backup.plugins.module_utils._edge.module import run_module\n"
        "from ansible_collections.changeops.backup.plugins.module_utils._edge.perform import Verb\n"
        "def work(task):\n"
        "    task.warn('first ' + os.environ['BACKUP_RCLONE_PASSWORD'])\n"
        "    raise KeyError('then ' + os.environ['BACKUP_RCLONE_PASSWORD'])\n"
        "run_module(Verb('x', {}, work))\n"
    )
    secret = odd(ODDER)
    given = {"system": "rclone", "url": CLOSED, "username": "operator", **asks}
    ran = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": given}),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "BACKUP_RCLONE_PASSWORD": secret},
    )
    (tmp_path / "out").write_text(ran.stdout + ran.stderr)
    assert leaks(tmp_path, [secret]) == []
    result = json.loads(ran.stdout)
    assert result["failed"]
    assert result["msg"] == "A bug in this collection: KeyError: 'then ********'."
    assert warnings(result) == ["first ********"]
    assert ("Traceback" in ran.stdout) == (tracebacks != [])
