# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run is for, by the vendors' documented types: what is not documented is not known to be a backup."""

from __future__ import annotations

import json
import typing as t
from collections import defaultdict
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.job import KINDS
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from systems import KNOWN


def made(name: str) -> t.Any:
    """Make a system that only reads."""
    http = SimpleNamespace(allow_collect=False)
    return SYSTEMS[name](defaultdict(lambda: None), t.cast("t.Any", http))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_system_says_what_its_types_are_for(name: str) -> None:
    for raw, kind, continuous in KNOWN[name].purposes:
        job = made(name).to_job(raw)
        assert (job.kind, job.continuous) == (kind, continuous), raw


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_the_tables_use_the_words_of_the_contract(name: str) -> None:
    system = SYSTEMS[name]
    assert set(system.KINDS.values()) <= set(KINDS)
    assert all(word == word.casefold() for word in (*system.KINDS, *system.CONTINUOUS))
    assert set(system.KINDS) >= system.CONTINUOUS
    for word in system.TYPES.values():
        known = system.KINDS.get(word.casefold())
        assert known is not None or word == "AWS platform configuration job", word
        # A restore that succeeded is no backup, and neither is what is brought out.
        if "restore" in word.casefold() or "export" in word.casefold():
            assert known != "backup", word


@pytest.mark.parametrize(
    ("raw", "moment"),
    [
        ({"isEnabled": True, "schedule": {"startDateTimeUtc": "2026-03-02T21:30:00Z"}}, "2026-03-02T21:30:00+00:00"),
        ({"isEnabled": False, "schedule": {"startDateTimeUtc": "2026-03-02T21:30:00Z"}}, None),
        ({"schedule": {"startDateTimeUtc": "2026-03-02T21:30:00Z"}}, None),
        ({"isEnabled": True, "schedule": {"startDateTimeUtc": None}}, None),
        ({"isEnabled": True, "schedule": "daily"}, None),
        ({"isEnabled": True}, None),
    ],
)
def test_the_next_run_is_that_of_an_enabled_definition(raw: dict[str, t.Any], moment: str | None) -> None:
    wanted = None if moment is None else datetime.fromisoformat(moment).astimezone(timezone.utc)
    job = made("veeam_vspc").to_job({"instanceUid": "u", "status": "Success", **raw})
    assert job.next_run == wanted
    assert json.loads(json.dumps(job.to_dict()))["next_run"] == (moment and "2026-03-02T21:30:00Z")
