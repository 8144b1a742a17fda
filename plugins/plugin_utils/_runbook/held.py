# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What a change still holds, as its ledgers tell."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.changeops.backup.plugins.module_utils._tasks.ledger import (
    FOLDER,
    OPEN,
    entries_of,
    read_ledger,
)


def ledgers(folder: Path) -> list[Path]:
    """Give the ledgers of a change."""
    return sorted(path for path in (folder / FOLDER).glob("*.json") if path.is_file())


def still_held(folder: Path) -> t.Iterator[str]:
    """Say of each ledger what it holds. One that cannot be read may hold anything."""
    for path in ledgers(folder):
        try:
            told = read_ledger(path)
            names = [str(entry) for entry in entries_of(told).values() if entry.state in OPEN]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
            yield f"{path.name} cannot be read: {exc}"
        else:
            if names:
                yield f"{told.get('system')} at {told.get('at')}: {', '.join(names)}"
