# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stranger who copies the first evening from the README gets a change window, and the page for the auditor."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

from pages import README

SECTION = "## A first evening, with rclone"
# The tests have an environment, and the collection is in it.
INSTALLS = ("python3 -m venv", "pip install", "ansible-galaxy")


def evening() -> tuple[dict[str, str], list[str]]:
    """Give the files that the section names, and its commands."""
    section = README.read_text(encoding="utf-8").partition(SECTION)[2].partition("\n## ")[0]
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    files = [text for kind, text in blocks if kind == "yaml"]
    (commands,) = (text for kind, text in blocks if kind == "shell")
    return dict(zip(re.findall(r"`(\w+\.yml)`", section), files, strict=True)), commands.splitlines()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_the_first_evening_of_the_readme_can_be_copied(tmp_path: Path) -> None:
    files, commands = evening()
    here = f"127.0.0.1:{free_port()}"
    for name, text in files.items():
        (tmp_path / name).write_text(text.replace("127.0.0.1:5572", here), encoding="utf-8")
    script = [line.partition("  #")[0] for line in commands if not line.startswith(INSTALLS)]
    place = next(number for number, line in enumerate(script) if line.startswith("rclone rcd"))
    script.insert(place + 1, "until rclone rc rc/noop >/dev/null 2>&1; do sleep 0.1; done")
    # Each command is followed by its exit status.
    typed = "\n".join(line if line.endswith("&") else f"{line}\necho STATUS=$?" for line in script)
    surroundings = {
        "RCLONE_RC_ADDR": here,
        "RCLONE_URL": f"http://{here}",
        "RCLONE_CONFIG": str(tmp_path / "rclone.conf"),
    }
    process = subprocess.Popen(
        ["bash", "-c", typed],
        cwd=tmp_path,
        env={**os.environ, **surroundings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        told, _nothing = process.communicate(timeout=110)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    statuses = re.findall(r"^STATUS=(\d+)$", told, re.MULTILINE)
    assert statuses[-3:] == ["2", "0", "0"], told
    assert set(statuses[:-3]) == {"0"}, told
    assert "Busy: rclone (rclone): nightly-files" in told
    assert (tmp_path / "evidence" / "CHG0012345" / "report.html").is_file()
