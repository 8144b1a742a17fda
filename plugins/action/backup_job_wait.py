# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``backup_job_wait`` in slices, and say between them how it stands."""

from __future__ import annotations

import sys
import time
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.changeops.backup.plugins.module_utils._slice import Slice

display = Display()

_FIRST_SLICE = 10.0
_DEFAULT_PROGRESS = 60.0
_LONGEST_PROGRESS = 240.0
_RECONNECT_FOR = 300.0
_RECONNECT_PAUSE = 5.0


class ActionModule(ActionBase):
    """The module is complete by itself; this adds the lines on the console."""

    _supports_async = True
    _requires_connection = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module until it has a verdict."""
        super().run(tmp, task_vars)
        if self._task.async_val or self._task.check_mode:
            # In the background nobody would see a line, and check mode looks only once.
            return self._module(task_vars, wrap_async=self._task.async_val)
        if self._connection._shell.tmpdir is None:
            self._make_tmp_path()
        path = self._connection._shell.join_path(self._connection._shell.tmpdir, "changeops_backup_wait.json")
        longest = self._progress_interval()
        warnings: list[str] = []
        seconds = min(_FIRST_SLICE, longest)
        while True:
            result = self._slice(task_vars, Slice(path, seconds))
            warnings += [warning for warning in result.get("warnings", []) if warning not in warnings]
            if "waiting" not in result:
                if warnings:
                    result["warnings"] = warnings
                return result
            self._say(str(result["waiting"]), task_vars or {})
            seconds = longest

    def _slice(self, task_vars: dict[str, t.Any] | None, piece: Slice) -> dict[str, t.Any]:
        """Run one slice; a connection that drops is tried again, since the wait goes on at the system."""
        give_up_at = time.monotonic() + _RECONNECT_FOR
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

    def _progress_interval(self) -> float:
        # The module refuses what is out of range; here it only has to be a number.
        try:
            interval = float(self._task.args.get("progress_interval") or _DEFAULT_PROGRESS)
        except (TypeError, ValueError):
            return _DEFAULT_PROGRESS
        return min(max(interval, 1.0), _LONGEST_PROGRESS)

    def _say(self, text: str, task_vars: dict[str, t.Any]) -> None:
        host = task_vars.get("inventory_hostname", "localhost")
        line = f"WAITING [{host}] {self._task.args.get('system')}: {text}"
        # Ansible flushes its standard output at the end only: in a pipe the line would come too late.
        display.display(line, stderr=not sys.__stdout__.isatty() if sys.__stdout__ else True)
