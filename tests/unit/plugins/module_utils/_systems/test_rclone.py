# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rclone's status of a job says, as a real rclone 1.75 gave it."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import Misconfigured
from ansible_collections.changeops.backup.plugins.module_utils._core.job import Job
from ansible_collections.changeops.backup.plugins.module_utils._systems._rclone import (
    STATES,
    is_check,
    is_query,
    judge,
    word_of,
)
from ansible_collections.changeops.backup.plugins.module_utils._systems._rclone_starts import group_of
from ansible_collections.changeops.backup.plugins.module_utils._systems.fields import checked
from ansible_collections.changeops.backup.plugins.module_utils._systems.rclone import Rclone

DONE = {"id": 7, "group": "nightly", "finished": True, "success": True, "error": "", "duration": 3.5}
COMMAND = {"error": True, "result": "NOTICE: x\nERROR : Attempt 1/3 failed with 1 errors and: directory not found\n"}
CHECK = {"differ": ["f0"], "error": [], "missingOnDst": [], "missingOnSrc": [], "status": "1 differences found"}
LOST = {"error": "directory not found", "path": "sync/copy", "status": 404}
CANCELED = {"error": "context canceled", "path": "sync/copy", "status": 500}


@pytest.mark.parametrize(
    ("output", "result", "stopped"),
    [
        ({}, "success", "canceled"),
        (None, "success", "canceled"),
        (COMMAND, "failed", "canceled"),
        ({"error": False, "result": "1 file copied"}, "success", "success"),
        ({"error": "exit status 3", "result": ""}, "failed", "canceled"),
        ({**CHECK, "success": False}, "failed", "canceled"),
        ({**CHECK, "success": True, "differ": []}, "success", "success"),
        ({"success": False, "status": "1 differences found", "hashType": "md5"}, "failed", "canceled"),
        # A real rclone, stopped while it compared.
        ({**CHECK, "success": True, "differ": [], "error": ["f0", "f1"], "status": "OK"}, "failed", "canceled"),
        ({"results": [LOST]}, "failed", "canceled"),
        ({"results": [LOST, {}]}, "warning", "canceled"),
        ({"results": [{}, {}]}, "success", "success"),
        ({"results": [COMMAND]}, "failed", "canceled"),
        ({"results": [{**CHECK, "success": False}, {}]}, "warning", "canceled"),
        ({"results": [CANCELED, CANCELED]}, "canceled", "canceled"),
        ({"results": [CANCELED, LOST]}, "failed", "canceled"),
        ({"results": []}, "success", "canceled"),
        ({"results": ["odd", None]}, "success", "success"),
        ("odd", "success", "canceled"),
    ],
)
def test_a_success_is_what_its_output_does_not_deny(output: t.Any, result: str, stopped: str) -> None:
    """After our stop it is one only where the output proves it."""
    status = {**DONE, "output": output}
    for word, wanted in ((word_of(status, False), result), (word_of(status, True), stopped)):
        assert word is not None
        assert STATES[word].result == wanted


@pytest.mark.parametrize("output", [COMMAND, {"results": [LOST]}, {**CHECK, "success": False}])
def test_what_failed_says_why(output: t.Any) -> None:
    assert judge(output)[1]
    assert "not found" in judge(output)[1][0] or "differences" in judge(output)[1][0]


@pytest.mark.parametrize(
    ("change", "query"),
    [
        ({"output": {"bytes": 0, "checks": 0, "speed": 0}}, True),
        ({"output": {"version": "v1.75.2"}}, True),
        ({"output": {"list": []}}, True),
        ({"output": {"jobids": [1, 2]}}, True),
        # The status of another job, as somebody asked for it.
        ({"output": {**DONE, "output": {}, "startTime": "2026-03-01T22:00:00Z"}}, True),
        ({"output": {}, "group": "job/7", "duration": 0.00001}, True),
        ({"output": {}, "group": "job/7", "duration": 0.002}, False),
        ({"output": {}, "group": "nightly", "duration": 0.00001}, False),
        ({"output": {}, "group": "job/7", "duration": None}, False),
        ({"output": COMMAND}, False),
        ({"output": {"results": [{}]}}, False),
        ({"output": {**CHECK, "success": True}}, False),
        ({"output": {"success": False, "status": "1 differences found", "hashType": "md5"}}, False),
        ({"output": {"bytes": 0}, "success": False}, False),
        ({"output": None, "finished": False, "success": False}, False),
    ],
)
def test_questions_are_told_from_work(change: dict[str, t.Any], query: bool) -> None:
    assert is_query({**DONE, **change}) == query


def test_only_a_comparison_says_what_it_is_for() -> None:
    assert is_check({**CHECK, "success": True})
    assert not is_check(COMMAND)


def test_a_batch_and_its_parts_are_one() -> None:
    start = datetime(2026, 3, 1, 22, tzinfo=timezone.utc)

    def job(number: int, group: str, after: float | None) -> Job:
        began = None if after is None else start + timedelta(seconds=after)
        return Job("rclone", str(number), group, None, "running", None, "running", began)

    batch, part, other = job(14, "nightly", 0.0), job(16, "nightly", 0.001), job(15, "else", 0.0005)
    later, unknown = job(20, "nightly", 30.0), job(21, "nightly", None)
    rclone = Rclone.__new__(Rclone)
    assert rclone.whole([later, part, batch, other, unknown]) == [later, batch, other, unknown]
    assert rclone.whole([]) == []


@pytest.mark.parametrize("call", ["sync/move", "sync/bisync", "operations/purge", "core/quit", "config/delete", "../x"])
def test_start_when_the_call_makes_no_backup_then_refused(call: str) -> None:
    parameters = {"srcFs": "/a", "dstFs": "/b"}
    with pytest.raises(Misconfigured, match=r"^start.call has to be one of sync/copy, sync/sync, operations/copyfile$"):
        checked(Rclone.STARTS, {"call": call, "parameters": parameters}, "start")


@pytest.mark.parametrize(
    ("call", "parameters", "says"),
    [
        ("sync/copy", {"srcFs": "/a"}, "needs dstFs"),
        ("sync/copy", {"srcFs": "/a", "dstFs": ["b"]}, "needs dstFs"),
        ("operations/copyfile", {"srcFs": "/a", "dstFs": "/b"}, "needs srcRemote, dstRemote"),
        ("sync/copy", {"srcFs": "/a", "dstFs": "/b", "_async": False}, "cannot hold _async"),
        ("sync/copy", {"srcFs": "/a", "dstFs": "/b", "_group": "x"}, "cannot hold _group"),
    ],
)
def test_start_when_the_parameters_do_not_fit_then_refused(call: str, parameters: dict[str, t.Any], says: str) -> None:
    with pytest.raises(Misconfigured, match=says):
        Rclone.check_start({"call": call, "parameters": parameters})


def test_group_when_none_is_given_then_the_same_for_the_same_call_and_without_its_parameters() -> None:
    fields = {"call": "sync/copy", "parameters": {"srcFs": ":sftp,pass=hunter2:/x", "dstFs": "/b"}}
    assert group_of(fields) == group_of({**fields, "parameters": dict(reversed(fields["parameters"].items()))})
    assert group_of(fields) != group_of({**fields, "parameters": {"srcFs": "/y", "dstFs": "/b"}})
    assert "hunter2" not in group_of(fields)
    assert group_of({**fields, "group": "mine"}) == "mine"
