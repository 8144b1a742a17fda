# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The folder of a change: the rendered files, and the sums over everything that lies there."""

from __future__ import annotations

import hashlib
import typing as t
from pathlib import Path

from .events import replace_file
from .held import ledgers
from .render import render

SUMS = "SHA256SUMS"


def write_report(folder: Path, model: dict[str, t.Any], templates: Path) -> list[Path]:
    """Write all renderings of a model, each whole, and the sums last. Raises OSError."""
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    files = render(model, templates)
    # Theirs are over what is rendered; here the events are part of it.
    files.pop(SUMS)
    for name, content in files.items():
        replace_file(folder / name, content)
    events = [path for path in (folder / "events").glob("*.json") if path.is_file()]
    names = sorted(str(path.relative_to(folder)) for path in [*events, *ledgers(folder)])
    sums = [(hashlib.sha256(files[name]).hexdigest(), name) for name in sorted(files)]
    sums += [(hashlib.sha256((folder / name).read_bytes()).hexdigest(), name) for name in names]
    replace_file(folder / SUMS, "".join(f"{digest}  {name}\n" for digest, name in sums).encode())
    return [*(folder / name for name in sorted(files)), folder / SUMS]
