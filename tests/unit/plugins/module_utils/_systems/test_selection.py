# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which jobs are meant, and what is said of words that mean none."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.job import Job
from ansible_collections.changeops.backup.plugins.module_utils._systems.selection import Selection, unmatched

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def job(job_id: str, name: str | None = None, **more: t.Any) -> Job:
    fields = {"type": None, "state": "finished", "result": "success", "vendor_state": None, **more}
    return Job("veeam_vspc", job_id, name, **fields)


JOBS = [
    job("a", "SQL Nightly", type="BackupVm", kind="backup", started=NOON),
    job("b", "Offsite", type="BackupCopy", kind="copy", started=NOON - timedelta(hours=2)),
    job("C", "sql weekly", type=None, kind=None, started=None),
    job("d", None, type="SureBackup", kind="other", started=NOON + timedelta(hours=2)),
]


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        ({}, "abCd"),
        ({"kinds": ("backup",)}, "aC"),
        ({"kinds": ("backup",), "take_unknown": False}, "a"),
        ({"kinds": ("copy", "other")}, "bCd"),
        ({"types": ("backupvm",)}, "aC"),
        ({"types": ("backupvm",), "take_unknown": False}, "a"),
        ({"exclude": ("c",)}, "abd"),
        ({"exclude": ("sql*",)}, "bd"),
        ({"exclude": ("sql*", "b", "d")}, ""),
        ({"exclude": ("a",), "job_ids": ("a", "b")}, "b"),
        ({"names": ("SQL*",)}, "ad"),
        ({"names": ("SQL*",), "exclude": ("*nightly",)}, "d"),
        ({"started_before": NOON}, "abC"),
        ({"started_before": NOON - timedelta(seconds=1)}, "bC"),
        ({"started_before": NOON, "take_unknown": False}, "ab"),
        ({"started_after": NOON}, "aCd"),
        ({"started_after": NOON, "started_before": NOON}, "aC"),
    ],
)
def test_those_are_meant(chosen: dict[str, t.Any], ids: str) -> None:
    assert "".join(one.id for one in Selection(**chosen).among(JOBS)) == ids


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"names": ("SQL*", "Off*")}, []),
        ({"names": ("offsite",)}, ["no job has the name 'offsite': in another letter case there is 'Offsite'"]),
        (
            {"names": ("Monthly*",)},
            ["no job has the name 'Monthly*': there is 'Offsite', 'SQL Nightly', 'sql weekly'"],
        ),
        ({"types": ("BackupVm",)}, []),
        ({"types": ("Tape",)}, ["no job has the type 'Tape': there is 'BackupCopy', 'BackupVm', 'SureBackup'"]),
        ({"kinds": ("restore", "copy")}, ["no job is of the kind 'restore': there is 'backup', 'copy', 'other'"]),
    ],
)
def test_words_that_nothing_wears_are_named_with_what_there_is(asked: dict[str, t.Any], said: list[str]) -> None:
    given = Selection(**asked)
    wanted = given._replace(types=tuple(word.casefold() for word in given.types))
    assert list(unmatched(given, wanted, JOBS).values()) == said


def test_of_many_words_some_are_shown_and_of_none_that() -> None:
    many = [job(str(number), f"job {number:02d}") for number in range(14)]
    given = Selection(names=("x",))
    assert "'job 09' and 4 more" in unmatched(given, given, many)["names x"]
    assert unmatched(given, given, [])["names x"].endswith("there is none at all")
