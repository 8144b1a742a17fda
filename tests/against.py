# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a playbook against simulated systems and a real rclone: `python tests/against.py STORY PLAYBOOK [FLAG...]`.

One host for each system whose folder of stories holds STORY, and rclone with one copy under way. It ends as the
playbook does, or red where a system was asked for what no correct client asks.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

import yaml

from harness import STORIES, Rclone
from simulator import Simulator

# At four MiB a second a copy ends when the jobs of this story do, and in the others not while the playbook runs.
SIZES = {"busy_seconds": 60 << 20}
ENDLESS = 400 << 20


def connection(options: dict[str, t.Any], folder: Path) -> dict[str, t.Any]:
    """Give the options of a system; a refresh token that may be replaced lies in a file."""
    if "refresh_token" not in options:
        return options
    kept = folder / f"{options['system']}-refresh-token"
    kept.write_text(options["refresh_token"])
    return {name: value for name, value in options.items() if name != "refresh_token"} | {
        "refresh_token_file": str(kept)
    }


def main(story: str, playbook: str, *flags: str) -> int:
    """Start the systems, write the inventory, run the playbook."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sims = [stack.enter_context(Simulator(str(path))) for path in sorted(STORIES.glob(f"*/{story}.yml"))]
        rclone = Rclone(folder)
        stack.callback(rclone.stop)
        rclone.copy(SIZES.get(story, ENDLESS), "nightly-files")
        options = [*(connection(sim.options, folder) for sim in sims), rclone.options]
        hosts = {given["system"].replace("_", "-"): {"backup_connection": given} for given in options}
        here = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        inventory = folder / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"backup_systems": {"hosts": hosts, "vars": here}}))
        environ = {**os.environ, "AGAINST_FOLDER": str(folder)}
        ended = subprocess.run(["ansible-playbook", "-i", inventory, playbook, *flags], env=environ, check=False)
        refused = [entry for sim in sims for entry in sim.refused]
        if refused:
            print(f"A system was asked for what it refuses: {refused}", file=sys.stderr)
        return ended.returncode or bool(refused)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
