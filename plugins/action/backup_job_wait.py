# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``backup_job_wait``, and say meanwhile how it stands."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import sys
import threading
import time
import typing as t
import uuid

from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.changeops.backup.plugins.module_utils._errors import printable
from ansible_collections.changeops.backup.plugins.module_utils._slice import Slice
from ansible_collections.changeops.backup.plugins.module_utils._stream import start_aside

display = Display()

# Ansible loads this file before it forks, and takes the terminal from the process that runs the task.
_ON_TERMINAL = bool(sys.__stdout__ and sys.__stdout__.isatty())
_OUTPUT: int | None = None
# Where it is closed there is nothing to watch.
with contextlib.suppress(OSError):
    _OUTPUT = os.dup(1 if _ON_TERMINAL else 2)
_FIRST_SLICE = 10.0
_DEFAULT_PROGRESS = 60.0
_DEFAULT_TIMEOUT = 3600.0
_LONGEST_PROGRESS = 240.0
_RECONNECT_FOR = 300.0
_RECONNECT_PAUSE = 5.0
_READ_PAUSE = 0.2
# So many seconds may a line be late before we say that it is.
_LATE = 10.0


def _is_read() -> bool:
    """Say whether anybody can read what we write.

    Where nobody can, Ansible's thread that prints our lines ends of it. It is the one that takes the results as well.
    """
    if _OUTPUT is None:
        return True
    poll = select.poll()
    poll.register(_OUTPUT, 0)
    return not poll.poll(0)


class _Stopped(BaseException):
    """Ansible is to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class ActionModule(ActionBase):
    """The module is complete by itself; this adds the lines on the console."""

    _supports_async = True
    _requires_connection = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module until it has a verdict."""
        super().run(tmp, task_vars)
        self._warn_of_other_limits()
        self._started_by = os.getppid()
        if self._task.async_val or self._task.check_mode:
            # In the background nobody would see a line, and check mode looks only once.
            return self._module(task_vars, wrap_async=self._task.async_val)
        if self._connection._shell.tmpdir is None:
            self._make_tmp_path()
        # A name of its own: the folder may outlive this run, with a loop and ANSIBLE_KEEP_REMOTE_FILES.
        name = f"changeops_backup_wait_{uuid.uuid4().hex}.json"
        path = self._connection._shell.join_path(self._connection._shell.tmpdir, name)
        with self._forgotten_when_stopped(path):
            # As another user, the module could not write where we read.
            if self._connection.transport == "local" and not self._connection.become:
                return self._followed(task_vars, path)
            return self._in_slices(task_vars, path)

    def _followed(self, task_vars: dict[str, t.Any] | None, path: str) -> dict[str, t.Any]:
        """Run the module once: on this machine its lines can be read while it runs."""
        piece = Slice(path, min(self._progress_interval(), _LONGEST_PROGRESS - _LATE), followed=True)
        # Nobody else may read them, and they are the module's to write; a lock over NFS asks for more than reading.
        with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+", encoding="ascii") as lines:
            try:
                # The module ends when this lock does, however we end.
                fcntl.flock(lines, fcntl.LOCK_EX)
            except OSError:
                # A file system without locks.
                os.unlink(path)
                return self._in_slices(task_vars, path)
            ended = threading.Event()
            teller = start_aside(lambda: self._tell(lines, ended, piece.seconds, task_vars or {}))
            try:
                return self._slice(task_vars, piece, 0.0)
            finally:
                ended.set()
                teller.join()

    def _tell(self, lines: t.Any, ended: threading.Event, interval: float, task_vars: dict[str, t.Any]) -> None:
        """Say each line when it comes, and that it is late."""
        rest, told_at, last = "", time.monotonic(), False
        while not last:
            last = ended.wait(_READ_PAUSE)
            if self._is_alone():
                # Whoever killed Ansible did not reach us: we have a session of our own. Then the wait is over.
                os.kill(os.getpid(), signal.SIGTERM)
            *whole, rest = (rest + lines.read()).split("\n")
            for line in whole:
                # On a disk that is full, it can be half a line.
                with contextlib.suppress(ValueError):
                    self._say(json.loads(line), task_vars)
            silent = time.monotonic() - told_at
            if whole:
                told_at = time.monotonic()
            elif not last and silent > interval + _LATE:
                self._say(f"nothing new for {silent:.0f} s: the module may be waiting for an answer", task_vars)
                told_at = time.monotonic()

    def _in_slices(self, task_vars: dict[str, t.Any] | None, path: str) -> dict[str, t.Any]:
        longest = self._progress_interval()
        warnings: list[str] = []
        seconds = min(_FIRST_SLICE, longest)
        deadline, later = float("inf"), False
        while True:
            if self._is_alone():
                raise AnsibleError("Ansible was killed while this task waited")
            result = self._slice(task_vars, Slice(path, seconds, later=later), deadline)
            warnings += [warning for warning in result.get("warnings", []) if warning not in warnings]
            if "waiting" not in result:
                if warnings:
                    result["warnings"] = warnings
                return result
            self._say(str(result["waiting"]), task_vars or {})
            deadline = time.monotonic() + result["seconds_left"]
            seconds, later = longest, True

    @contextlib.contextmanager
    def _forgotten_when_stopped(self, path: str) -> t.Iterator[None]:
        """Remove what holds secrets when Ansible is stopped: it would leave its folder behind.

        What the slices keep is in it, a token among that, and the module with its arguments.
        """

        def stopped(number: int, frame: t.Any) -> None:
            for one in before:
                signal.signal(one, signal.SIG_IGN)
            # From within: so Ansible as well removes what it is just copying.
            raise _Stopped(number)

        before: dict[int, t.Any] = {}
        if self._connection.transport == "local":
            # A strategy that runs tasks in threads may not set them.
            with contextlib.suppress(ValueError):
                before = {number: signal.signal(number, stopped) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        except _Stopped as exc:
            with contextlib.suppress(OSError):
                os.unlink(path)
            if not constants.DEFAULT_KEEP_REMOTE_FILES:
                shutil.rmtree(os.path.dirname(path), ignore_errors=True)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.kill(os.getpid(), exc.number)
            raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _slice(self, task_vars: dict[str, t.Any] | None, piece: Slice, deadline: float) -> dict[str, t.Any]:
        """Run one slice; a connection that drops is tried again, since the wait goes on at the system."""
        # At the deadline there is one last try, for the last look.
        give_up_at = min(time.monotonic() + _RECONNECT_FOR, deadline)
        before = self._task.environment
        self._task.environment = [*(before or []), piece.to_environ()]
        try:
            while True:
                try:
                    return self._module(task_vars)
                except AnsibleConnectionFailure as exc:
                    if time.monotonic() > give_up_at:
                        raise
                    self._say(f"connection to the host lost, trying again: {exc}", task_vars or {})
                    time.sleep(_RECONNECT_PAUSE)
        finally:
            self._task.environment = before

    def _module(self, task_vars: dict[str, t.Any] | None, wrap_async: t.Any = False) -> dict[str, t.Any]:
        result: dict[str, t.Any] = self._execute_module(
            module_name="changeops.backup.backup_job_wait",
            module_args=dict(self._task.args),
            task_vars=task_vars,
            wrap_async=wrap_async,
        )
        return result

    def _warn_of_other_limits(self) -> None:
        """Say that Ansible will end the task before the wait can say how it came out."""
        with contextlib.suppress(TypeError, ValueError):
            longest = float(self._task.args.get("wait_timeout") or _DEFAULT_TIMEOUT)
            for name, limit in (("timeout", self._task.timeout), ("async", self._task.async_val)):
                if 0 < float(limit or 0) <= longest and not self._task.args.get("wait_until"):
                    display.warning(
                        f"{name} ({limit} s) of this task ends it before wait_timeout ({longest:g} s) does: "
                        "then there is no verdict. Make it longer"
                    )

    def _is_alone(self) -> bool:
        return os.getppid() != self._started_by

    def _progress_interval(self) -> float:
        # The module refuses what is out of range; here it only has to be a number.
        try:
            interval = float(self._task.args.get("progress_interval") or _DEFAULT_PROGRESS)
        except (TypeError, ValueError):
            return _DEFAULT_PROGRESS
        return min(max(interval, 1.0), _LONGEST_PROGRESS)

    def _say(self, text: str, task_vars: dict[str, t.Any]) -> None:
        host = task_vars.get("inventory_hostname", "localhost")
        # What no_log hides stays hidden, but silence would look like a task that hangs.
        said = "no_log hides how it stands" if self._task.no_log else printable(text)
        # Ansible flushes its standard output at the end only: in a pipe the line would come too late.
        if _is_read():
            display.display(f"WAITING [{host}] {self._task.args.get('system')}: {said}", stderr=not _ON_TERMINAL)
