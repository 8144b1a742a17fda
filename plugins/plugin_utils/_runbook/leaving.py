# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What a stage leaves: its event, and its summary for the workflow around it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import typing as t
from datetime import datetime

from ansible.errors import AnsibleActionFail

from ansible_collections.changeops.backup.plugins.module_utils._core.times import to_iso_z

from .events import SCHEMA
from .origin import address_of, title_of
from .verdicts import Result

Args = t.Mapping[str, t.Any]
# What a workflow gets of it: AWX hands it on from node to node.
_MOST_BYTES = 1000
_MOST_REASONS = 3


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


def published(stage: str, hosts: t.Iterable[str], result: Result) -> dict[str, t.Any]:
    """Give the part of an answer that does what ``set_stats`` does."""
    data = {f"backup_{stage}_{variable_part(host)}": summary(result) for host in hosts}
    return {"ansible_stats": {"data": data, "per_host": False, "aggregate": False}}


@contextlib.contextmanager
def told_plainly(what: str) -> t.Iterator[None]:
    """Tell of a folder that cannot be used in one sentence."""
    try:
        yield
    except (ValueError, OSError) as exc:
        raise AnsibleActionFail(f"{what}: {exc}") from exc


def variable_part(host: str) -> str:
    """Make of a host's name what may stand in the name of a variable; two hosts never share one."""
    plain_name = re.sub(r"[^A-Za-z0-9_]", "_", host)
    return host if plain_name == host else f"{plain_name}_{hashlib.sha256(host.encode()).hexdigest()[:4]}"


def summary(result: Args) -> dict[str, t.Any]:
    """Give what a workflow needs of a verdict, in less than a kilobyte."""
    reasons = [f"{one.get('host')}: {one.get('object')}: {one.get('why')}" for one in result.get("reasons") or []]
    length = 240
    while True:
        told = {
            "verdict": result["verdict"],
            "code": result["code"],
            "msg": str(result.get("msg"))[:length],
            "reasons": [one[:length] for one in reasons[:_MOST_REASONS]],
            "reasons_count": len(reasons),
            "at": result.get("at"),
        }
        if len(json.dumps(told)) < _MOST_BYTES:
            return told
        length //= 2
