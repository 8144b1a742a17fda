# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What is said on the console while a task runs, and who notices that nobody is there any more."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
import typing as t

from ansible.utils.display import Display

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import printable
from ansible_collections.changeops.backup.plugins.module_utils._http.aside import start_aside

display = Display()

# Ansible loads this file before it forks, and takes the terminal from the process that runs the task.
_ON_TERMINAL = bool(sys.__stdout__ and sys.__stdout__.isatty())
_OUTPUT: int | None = None
# Where it is closed there is nothing to watch.
with contextlib.suppress(OSError):
    _OUTPUT = os.dup(1 if _ON_TERMINAL else 2)
_PAUSE = 0.2
# So many seconds may a line be late before we say that it is.
LATE = 10.0


def _is_read() -> bool:
    """Say whether anybody can read what we write.

    Where nobody can, Ansible's thread that prints our lines ends of it. It is the one that takes the results as well.
    """
    if _OUTPUT is None:
        return True
    poll = select.poll()
    poll.register(_OUTPUT, 0)
    return not poll.poll(0)


def _display() -> t.Callable[..., None]:
    """Give Ansible's own function, which hands a line to the process that prints.

    A runner puts its own around it, and before 2.4.3 that one writes its marks into the output of this process as well.
    """
    shown: t.Any = Display.display
    while hasattr(shown, "__wrapped__") and shown.__globals__ is not vars(sys.modules[Display.__module__]):
        shown = shown.__wrapped__
    return t.cast("t.Callable[..., None]", shown)


class Console:
    """Says lines about one task, and says so when there was none for too long.

    ``interval``: seconds that may pass without a line. As a context, it also ends this process when Ansible is gone:
    whoever killed it did not reach us where we have a session of our own, and then the task is over.
    """

    def __init__(self, host: str, system: t.Any, interval: float, hidden: bool) -> None:
        self._about = f"WAITING [{host}] {system}"
        self._interval = interval
        self._hidden = hidden
        self._started_by = os.getppid()
        self._said_at = time.monotonic()
        self._ended = threading.Event()

    def say(self, text: str) -> None:
        """Say a line. What no_log hides stays hidden, but silence would look like a task that hangs."""
        self._said_at = time.monotonic()
        said = "no_log hides how it stands" if self._hidden else printable(text)
        if _is_read():
            # Ansible flushes its standard output at the end only: in a pipe the line would come too late.
            _display()(display, f"{self._about}: {said}", stderr=not _ON_TERMINAL)

    def __enter__(self) -> Console:
        self._watcher = start_aside(self._watch)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._ended.wait(_PAUSE):
            if os.getppid() != self._started_by:
                os.kill(os.getpid(), signal.SIGTERM)
            silent = time.monotonic() - self._said_at
            if silent > self._interval + LATE:
                self.say(f"nothing new for {silent:.0f} s: an answer of the system is waited for")
