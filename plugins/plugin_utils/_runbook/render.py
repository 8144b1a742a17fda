# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""From the model of a change window to its files. One model, so no two of them can tell different numbers.

What vendors send is hostile text here: it may be no markup, no link, no formula, and may not turn a line around.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import typing as t
from pathlib import Path

from .page import page
from .summary import summary
from .texts import spelled_out, whole

Model = dict[str, t.Any]

_COUNTS = ("successful", "failed", "skipped", "total")
# The order of a job's fields in the contract; the host is last, so that the rest stands as it does everywhere.
COLUMNS = (
    *("system", "id", "name", "type", "state", "result", "active", "vendor_state", "started", "finished", "duration"),
    *("percent", "eta", "kind", "continuous", "next_run"),
    *(f"counts_{name}" for name in _COUNTS),
    *("message", "log_path", "host"),
)
# Programs for tables compute what begins so, some of them also after blanks and quotes; where the semicolon divides
# cells, a cell of ours becomes several.
_FORMULA = re.compile("(^|;)(?=[\\s\"'`\u00a0\u2018-\u201f\u3000]*[=+\\-@\uff1d\uff0b\uff0d\uff20])")

_LONGEST_CELL = 32_767


def render(model: Model, templates: Path) -> dict[str, bytes]:
    """Give every file of the evidence by its name."""
    kept = whole(model)
    files = {
        "report.html": page(kept, templates).encode(),
        "report.json": _json(kept).encode(),
        "jobs.csv": _jobs(kept).encode(),
        "summary.md": summary(kept).encode(),
    }
    return {**files, "SHA256SUMS": sums(files)}


def sums(files: t.Mapping[str, bytes]) -> bytes:
    """Write the hashes of files so that ``sha256sum -c`` can check them."""
    lines = []
    for name in sorted(files):
        # sha256sum's own way to spell such names.
        spelled = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        start = "\\" if spelled != name else ""
        lines.append(f"{start}{hashlib.sha256(files[name]).hexdigest()}  {spelled}\n")
    return "".join(lines).encode()


def _json(model: Model) -> str:
    """Write the model; what a text hides is spelled, which JSON reads as the same text."""
    text = json.dumps(model, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return "\n".join(spelled_out(line) for line in text.split("\n")) + "\n"


def _jobs(model: Model) -> str:
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for system in model["systems"]:
        for job in system["jobs"]:
            counts = {f"counts_{name}": job["counts"][name] for name in _COUNTS}
            row = {**job, **counts, "host": system["host"]}
            writer.writerow([_cell(row[name]) for name in COLUMNS])
    return table.getvalue()


def _cell(value: t.Any) -> t.Any:
    """Make a text a text for every program that opens tables. Numbers stay numbers."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return value
    text = _FORMULA.sub(r"\1'", spelled_out(re.sub("[\t\r\n\v\f\x85\u2028\u2029]", " ", value)))
    # What is longer, no program that opens tables takes. All of it is in report.json.
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"
