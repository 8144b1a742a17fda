# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action plugin does around a task, as far as no Ansible is needed for it."""

from __future__ import annotations

import os
import subprocess
import time

from ansible_collections.changeops.backup.plugins.plugin_utils._action import _descendants


def test_what_a_process_has_started_is_found_with_what_that_has() -> None:
    shell = subprocess.Popen(["sh", "-c", "sleep 30 & wait"])
    try:
        deadline = time.monotonic() + 10
        while len(_descendants(shell.pid)) < 1:
            assert time.monotonic() < deadline
        (sleeper,) = _descendants(shell.pid)
        assert {shell.pid, sleeper} <= set(_descendants(os.getpid()))
        assert _descendants(sleeper) == []
    finally:
        for pid in _descendants(shell.pid):
            os.kill(pid, 9)
        shell.kill()
        shell.wait()
