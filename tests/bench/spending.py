# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command took, with all that it started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path


class Spent(t.NamedTuple):
    """What a process and all its children took. The peak is never less than that of this process, which forked it."""

    wall: float
    cpu: float
    peak_mb: float
    out: str


# A process inherits the peak of the one that started it: so a small one starts it, and says what it took.
STARTER = """
import json, resource, subprocess, sys, time
began = time.monotonic()
code = subprocess.run(sys.argv[2:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024], file)
sys.exit(code)
"""


def spend(command: list[str], said: str = "", **environ: str) -> Spent:
    """Run a command that has to succeed."""
    with tempfile.TemporaryDirectory() as folder:
        given, out, used = (Path(folder, name) for name in ("given", "out", "used"))
        given.write_text(said)
        with given.open() as stdin, out.open("w") as stdout:
            started = [sys.executable, "-c", STARTER, str(used), *command]
            ran = subprocess.run(
                started, stdin=stdin, stdout=stdout, stderr=stdout, env={**os.environ, **environ}, check=False
            )
        text = out.read_text()
        if ran.returncode:
            sys.exit(text[-4000:])
        return Spent(*json.loads(used.read_text()), text)
