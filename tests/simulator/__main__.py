# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run simulators: `python -m simulator STORY.yml...` prints one line of JSON for each, and runs until told to stop."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path

from .server import Simulator
from .story import StoryError


def main() -> int:
    """Start one simulator per story; end on SIGTERM, SIGINT or (if asked) the end of standard input."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("stories", nargs="+", type=Path, metavar="STORY.yml")
    parser.add_argument("--journal", type=Path, help="append each request as a line of JSON, without secrets")
    parser.add_argument("--until-eof", action="store_true", help="also end when standard input ends")
    arguments = parser.parse_args()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with contextlib.ExitStack() as stack:
        sink = None
        if arguments.journal is not None:
            descriptor = os.open(arguments.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            sink = stack.enter_context(os.fdopen(descriptor, "a", encoding="utf-8"))
        try:
            simulators = [stack.enter_context(Simulator(story, journal=sink)) for story in arguments.stories]
        except (StoryError, OSError) as error:
            parser.exit(2, f"simulator: {error}\n")
        for sim in simulators:
            ready = {"system": sim.story.system, "url": sim.url, "token_url": sim.token_url, "options": sim.options}
            print(json.dumps(ready), flush=True)
        if arguments.until_eof:
            threading.Thread(target=_until_eof, args=(done,), daemon=True).start()
        while not done.wait(0.2):
            pass
    return 0


def _until_eof(done: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    done.set()


if __name__ == "__main__":
    sys.exit(main())
