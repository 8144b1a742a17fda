# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What the action plugins share: which door a task takes, and what each door needs from Ansible."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import typing as t
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import MissingLibrary
from ansible_collections.changeops.backup.plugins.module_utils._edge.perform import Verb
from ansible_collections.changeops.backup.plugins.module_utils._edge.worker import run_in_worker
from ansible_collections.changeops.backup.plugins.module_utils._http.library import HAS_REQUESTS
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS

from ._console import LATE, Console

# Turns the worker's door off: a variable, or the environment of Ansible.
SWITCH = "changeops_backup_in_worker"
# Ansible loads this file before it forks: what is read here, no worker has to read.
LOADED = tuple(SYSTEMS.values())
DEFAULT_PROGRESS = 60.0
LONGEST_PROGRESS = 240.0 - LATE

Vars = dict[str, t.Any]
Result = dict[str, t.Any]


class Stopped(BaseException):
    """Ansible is to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class BackupAction(ActionBase):
    """Does the task in this process, which Ansible has made for it anyway; where that may not be, runs the module."""

    VERB: Verb
    _supports_async = True
    _requires_connection = True

    def run(self, tmp: t.Any = None, task_vars: Vars | None = None) -> Result:
        """Do the task."""
        super().run(tmp, task_vars)
        known = task_vars or {}
        if self._task.async_val:
            # In the background nobody would see a line.
            return self._module(known, wrap_async=True)
        host, system = known.get("inventory_hostname", "localhost"), self._task.args.get("system")
        with Console(host, system, self.progress_interval(), bool(self._task.no_log)) as console:
            if self._may_work_here(known):
                # A library that a login needs may be there for another Python. Then nothing was sent yet.
                with contextlib.suppress(MissingLibrary):
                    return self._here(known, console)
            with self._forgotten_when_stopped():
                return self.elsewhere(known, console)

    def elsewhere(self, task_vars: Vars, console: Console) -> Result:
        """Do the task as a module."""
        return self._module(task_vars)

    def progress_interval(self) -> float:
        """Seconds that may pass without a line. The module refuses what is out of range; here it has to be a number."""
        try:
            interval = float(self._task.args.get("progress_interval") or DEFAULT_PROGRESS)
        except (TypeError, ValueError):
            return DEFAULT_PROGRESS
        return min(max(interval, 1.0), LONGEST_PROGRESS)

    # -- the door of the worker ----------------------------------------------------------------------------------

    def _may_work_here(self, task_vars: Vars) -> bool:
        """Where the module would run on this machine, as this user, and what it needs is here as well."""
        here = self._connection.transport == "local" and not self._connection.become
        return here and HAS_REQUESTS and self._is_wanted(task_vars)

    def _is_wanted(self, task_vars: Vars) -> bool:
        wanted = task_vars.get(SWITCH, os.environ.get(SWITCH.upper(), True))
        return bool(boolean(self._templar.template(wanted), strict=False))

    def _here(self, task_vars: Vars, console: Console) -> Result:
        environ: dict[str, t.Any] = {}
        self._compute_environment_string(environ)
        with _surroundings(environ, self._loader.get_basedir()):
            args = {name: one for name, one in plain(self._task.args).items() if not name.startswith("_ansible_")}
            result = run_in_worker(self.VERB, args, self._task.check_mode, os.environ, console.say)
        if not _shows_invocation(task_vars):
            del result["invocation"]
        # What a vendor sends is never a template. Ansible does the same with what a module returns.
        marked: Result = wrap_var(result)
        return marked

    # -- the door of the module ----------------------------------------------------------------------------------

    def _module(self, task_vars: Vars, wrap_async: bool = False) -> Result:
        result: Result = self._execute_module(
            module_name=self.VERB.name,
            module_args=dict(self._task.args),
            task_vars=task_vars,
            wrap_async=wrap_async,
        )
        return result

    @contextlib.contextmanager
    def _forgotten_when_stopped(self) -> t.Iterator[None]:
        """When Ansible is stopped, remove its folder on this machine: the arguments, with secrets, are in it."""

        def stopped(number: int, frame: t.Any) -> None:
            for one in before:
                signal.signal(one, signal.SIG_IGN)
            # From within: so Ansible as well removes what it is just copying.
            raise Stopped(number)

        before: dict[int, t.Any] = {}
        if self._connection.transport == "local":
            # A strategy that runs tasks in threads may not set them.
            with contextlib.suppress(ValueError):
                before = {number: signal.signal(number, stopped) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        except Stopped as exc:
            folder = self._connection._shell.tmpdir
            if folder and not constants.DEFAULT_KEEP_REMOTE_FILES:
                shutil.rmtree(folder, ignore_errors=True)
            # The module, and what is around it: nobody would hear what it has to say.
            if os.getpgrp() == os.getpid():
                os.killpg(0, signal.SIGTERM)
            else:
                # Before core 2.19 a worker shares its group with all of Ansible.
                for pid in _descendants(os.getpid()):
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGTERM)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.kill(os.getpid(), exc.number)
            raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _descendants(pid: int) -> list[int]:
    """What a process has started, and what that has. None where there is no /proc."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name before it, in brackets, may hold anything.
            parent = int(path.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found = [*children.get(pid, ())]
    for one in found:
        found += children.get(one, ())
    return found


def _shows_invocation(task_vars: Vars) -> bool:
    """From core 2.20 on, a setting says whether a result repeats the arguments; before that it always did."""
    with contextlib.suppress(AnsibleError):
        return bool(constants.config.get_config_value("INJECT_INVOCATION", variables=task_vars))
    return True


@contextlib.contextmanager
def _surroundings(environ: t.Mapping[str, t.Any], folder: str) -> t.Iterator[None]:
    """Be in the folder and the environment that the module would be in; nothing of it is left for the next task."""
    before, was_in = dict(os.environ), None
    with contextlib.suppress(OSError):
        was_in = os.getcwd()
    os.environ.update({name: str(value) for name, value in environ.items()})
    try:
        os.chdir(folder)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        if was_in is not None:
            os.chdir(was_in)


def plain(value: t.Any) -> t.Any:
    """Make of an argument what it is when it has gone to a module as JSON: no marks, no vault, no subclasses."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
