# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``backup_job_wait`` through the door that fits; the module is run in slices, with a line between them."""

from __future__ import annotations

import contextlib
import time
import typing as t
import uuid

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.changeops.backup.plugins.module_utils._edge import slices
from ansible_collections.changeops.backup.plugins.module_utils._edge.wait import WAIT
from ansible_collections.changeops.backup.plugins.plugin_utils._action import BackupAction, Result, Vars
from ansible_collections.changeops.backup.plugins.plugin_utils._console import Console, display

_FIRST_SLICE = 10.0
_DEFAULT_TIMEOUT = 3600.0
_RECONNECT_FOR = 300.0
_RECONNECT_PAUSE = 5.0


class ActionModule(BackupAction):
    """The module is complete by itself; this adds the lines on the console."""

    VERB = WAIT

    def run(self, tmp: t.Any = None, task_vars: Vars | None = None) -> Result:
        """Wait until there is a verdict."""
        self._warn_of_other_limits()
        return super().run(tmp, task_vars)

    def elsewhere(self, task_vars: Vars, console: Console) -> Result:
        """Run the module in slices; what it knows goes from one to the next."""
        if self._task.check_mode:
            # It looks only once.
            return self._module(task_vars)
        longest = self.progress_interval()
        seconds, deadline = min(_FIRST_SLICE, longest), float("inf")
        warnings: list[t.Any] = []
        kept: dict[str, t.Any] | None = None
        while True:
            sent = slices.Outgoing(kept)
            result = self._slice(task_vars, console, sent, seconds, deadline)
            warnings += [warning for warning in result.get("warnings", []) if warning not in warnings]
            if "kept" not in result:
                if warnings:
                    result["warnings"] = warnings
                return result
            console.say(str(result["waiting"]))
            kept = sent.opened(result["kept"])
            seconds, deadline = longest, time.monotonic() + result["seconds_left"]

    def _slice(
        self, task_vars: Vars, console: Console, sent: slices.Outgoing, seconds: float, deadline: float
    ) -> Result:
        """Run one slice; a connection that drops is tried again, since the wait goes on at the system."""
        # At the deadline there is one last try, for the last look.
        give_up_at = min(time.monotonic() + _RECONNECT_FOR, deadline)
        before = self._task.environment
        try:
            while True:
                try:
                    path = self._hand_over(sent)
                    self._task.environment = [*(before or []), slices.environment(path, seconds)]
                    return self._module(task_vars)
                except AnsibleConnectionFailure as exc:
                    if time.monotonic() > give_up_at:
                        raise
                    console.say(f"connection to the host lost, trying again: {exc}")
                    time.sleep(_RECONNECT_PAUSE)
        finally:
            self._task.environment = before

    def _hand_over(self, sent: slices.Outgoing) -> str:
        """Put what the slice needs on the target, readable for the user who runs the module."""
        shell = self._connection._shell
        if shell.tmpdir is None:
            self._make_tmp_path()
        # A name of its own: the folder may outlive this run, with a loop and ANSIBLE_KEEP_REMOTE_FILES.
        path: str = shell.join_path(shell.tmpdir, f"changeops_backup_wait_{uuid.uuid4().hex}.json")
        self._transfer_data(path, sent.to_file())
        self._remote_chmod([path], "0600")
        self._fixup_perms2([shell.tmpdir, path], execute=False)
        return path

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
