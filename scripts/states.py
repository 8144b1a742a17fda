# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/states.md from the registry of systems; with --check only say whether it is up to date.

`make states` runs it with all that it needs.
"""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "states.md"
COMMAND = "make states"

HEAD = f"""\
<!--
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later

Written by scripts/states.py from plugins/module_utils/_systems. Do not edit it: {COMMAND}
-->

# What the systems' words mean

Each system has words, or numbers, of its own for how a job is. The modules return them as `vendor_state`, and what they
mean as `state`, `result` and `active`. The last column names the document that says that the word exists. What it
*means* is the reading of this collection: most vendors do not say which of their states are final.

- Letter case does not count.
- **A word that is not here is `unknown`**: it is active, a warning names it, and it is never success.
- A definition that has not run, or is between two runs, is `idle`: not active, and without a result.
- `active` means that the job may still touch data. A wait goes on and a gate stays shut while it is true.
"""

BETWEEN = """
## What each API can do

The modules return this as `capabilities`. "No" means that the system's own API has no such thing.
"""

PURPOSES = """
## What a run is for

`kind` says what a run is for, by the vendor's documented types: `backup` makes a restore point of production data,
replicas and snapshots included; `copy` is of backups; `archive`, `restore` and `export` are what they say; `other` is
sync, report, retention, discovery or check. The documents name the types; what they are *for* is the reading of this
collection, and where a name leaves it open, the run does not count as a backup. A type that is not here has no kind.

`continuous` is a job that runs for ever in the background, as the vendor documents. A drain does not wait for it.

- Letter case does not count.
- `netapp_bluexp`: no document lists the types. Where the type says nothing, the data of the job do: those of a restore,
  or those of a backup of volumes.
- `rclone`: jobs have no types. A comparison (`operations/check`) is told by its output, and is `other`."""

NO_TYPES = "Jobs have no types."

MEANINGS = {
    "one_by_id": "one job can be asked for; without it a job is looked for in the list",
    "abort": "a job can be stopped",
    "steps": "steps or objects inside a job, with `details: [steps]`",
    "log": "the API has a log of a job",
    "percent": "how far a running job is",
    "names": "jobs have names, so `names` and `exclude` can select by name",
    "definitions": "a job is a definition that runs again and again; its latest run is shown",
    "start": "a backup can be started, by `backup_job_start`",
    "schedule": "schedules can be turned off and on, by `backup_schedule`",
}


def main() -> int:
    """Write or check the page."""
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{PAGE.relative_to(ROOT)} is not what the code says. Run: {COMMAND}", file=sys.stderr)
    return 1


def page() -> str:
    """Give the whole page."""
    # Before the imports, so that the script also runs without `make`.
    sys.path.insert(0, str(ROOT / ".cache" / "tree"))
    from ansible_collections.changeops.backup.plugins.module_utils._core.job import INACTIVE
    from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
    from ansible_collections.changeops.backup.plugins.module_utils._systems.vocabulary import Capabilities

    systems = [SYSTEMS[name] for name in sorted(SYSTEMS)]
    lines = [HEAD, "## The systems", ""]
    lines += [f"- [{system.TITLE}](#{system.NAME})" for system in systems]
    for system in systems:
        lines += ["", f"## {system.NAME}", "", f"{system.TITLE}.", ""]
        lines += table(
            ("Word", "`state`", "`result`", "`active`", "Named by"),
            [
                (
                    f"`{word}`",
                    f"`{meaning.state}`",
                    f"`{meaning.result}`" if meaning.result else "none",
                    yes(meaning.state not in INACTIVE),
                    meaning.source,
                )
                for word, meaning in system.STATES.items()
            ],
        )
    lines.append(PURPOSES)
    for system in systems:
        lines += ["", f"### Types of {system.NAME}", ""]
        if not system.KINDS:
            lines.append(NO_TYPES)
            continue
        spelled = {word.casefold(): word for word in system.TYPES.values()}
        lines += table(
            ("Type", "`kind`", "`continuous`", "Named by"),
            [
                (f"`{spelled.get(word, word)}`", f"`{kind}`", yes(word in system.CONTINUOUS), system.KINDS_SOURCE)
                for word, kind in system.KINDS.items()
            ],
        )
    lines.append(BETWEEN)
    fields = Capabilities._fields
    lines += table(
        ("`system`", *(f"`{field}`" for field in fields)),
        [(f"`{system.NAME}`", *map(yes, system.CAPABILITIES)) for system in systems],
    )
    lines += ["", *(f"- `{field}`: {MEANINGS[field]}." for field in fields)]
    lines += ["", "Where there is no call to stop a job, `backup_job_abort` says what an operator can do instead:", ""]
    lines += [f"- `{system.NAME}`: {system.INSTEAD_OF_ABORT}." for system in systems if not system.CAPABILITIES.abort]
    lines += ["", "Where there is none to start one, `backup_job_start` does:", ""]
    lines += [f"- `{system.NAME}`: {system.INSTEAD_OF_START}." for system in systems if not system.CAPABILITIES.start]
    lines += ["", "Where there is none to turn schedules off, `backup_schedule` does:", ""]
    lines += [
        f"- `{system.NAME}`: {system.INSTEAD_OF_SCHEDULE}." for system in systems if not system.CAPABILITIES.schedule
    ]
    return "\n".join(lines) + "\n"


def table(head: t.Sequence[str], rows: t.Iterable[t.Sequence[str]]) -> list[str]:
    """Give the lines of a table."""
    cells = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells]


def yes(value: bool) -> str:
    """Say it."""
    return "yes" if value else "no"


if __name__ == "__main__":
    sys.exit(main())
