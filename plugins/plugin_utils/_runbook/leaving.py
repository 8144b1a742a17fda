# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What a stage leaves: its event."""

from __future__ import annotations

import contextlib
import os
import typing as t
from datetime import datetime

from ansible.errors import AnsibleActionFail

from ansible_collections.changeops.backup.plugins.module_utils._core.times import to_iso_z

from .events import SCHEMA
from .origin import address_of, title_of
from .verdicts import Result

Args = t.Mapping[str, t.Any]


def event(args: Args, host: str, result: Result, run: Args, now: datetime) -> dict[str, t.Any]:
    """Make the event of a stage. Of the connection it holds the name of the system and its address."""
    connection, entry = args.get("connection") or {}, args.get("entry") or args["stage"]
    return {
        "schema": SCHEMA,
        "at": to_iso_z(now),
        "host": host,
        "system": connection.get("system"),
        "title": title_of(connection.get("system")),
        "address": address_of(connection, os.environ),
        "stage": args["stage"],
        "entry": entry,
        # The run is over with this, as far as anybody can tell.
        "final": entry == args["stage"] and not (args.get("goes_on") and result.get("verdict") == "safe"),
        "run": dict(run),
        "change": {"id": args["change_id"], "title": args.get("title"), **(result.get("window") or {})},
        "result": result,
    }


@contextlib.contextmanager
def told_plainly(what: str) -> t.Iterator[None]:
    """Tell of a folder that cannot be used in one sentence."""
    try:
        yield
    except (ValueError, OSError) as exc:
        raise AnsibleActionFail(f"{what}: {exc}") from exc
