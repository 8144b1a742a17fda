# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What rclone's status of a job says: it has no word for a state, and calls a success what its output may deny.

Source: a real rclone 1.75. ``success`` is that of the call. How the work went is in the output of ``core/command``
(``error``), of ``operations/check`` (``success``) and of ``job/batch`` (``results``, with an ``error`` in each that
failed). Every other call that does work has an empty output; one that only asks has what it was told.
"""

from __future__ import annotations

import typing as t
from datetime import datetime

from .._core.job import Counts, Job, Meaning, Part
from .._http.response import Response
from .reading import as_array, as_count, as_object, as_seconds, as_text, later

SEEN = "job/status of a real rclone 1.75"
ABORTED = "context canceled"
JOB_GONE = "job not found"
# Seconds in which a call can only have looked into memory; the shortest copy of one empty file takes ten times as long.
_NO_TIME = 0.0001
_FINISHED = f"{SEEN}: finished true"
# A group whose statistics are older than the job by more than this had another job before.
_SAME_AGE = 1.5

# rclone has no word for a state: these are made of the fields finished, success, error and output.
STATES: t.Mapping[str, Meaning] = {
    "running": Meaning("running", None, f"{SEEN}: finished false"),
    "success": Meaning("finished", "success", f"{_FINISHED}, success true"),
    "error": Meaning("finished", "failed", f"{_FINISHED}, success false"),
    ABORTED: Meaning("finished", "canceled", f"{_FINISHED}, error '{ABORTED}'"),
    "success, output: error": Meaning("finished", "failed", f"{_FINISHED}, success true, all of its output an error"),
    "success, output: part error": Meaning(
        "finished", "warning", f"{_FINISHED}, success true, part of its output an error"
    ),
    "success, stopped": Meaning(
        "finished", "canceled", f"{_FINISHED}, success true after our stop, no proof in its output"
    ),
}

Judged = t.Literal["good", "part", "bad"]


def word_of(status: dict[str, t.Any], stopped: bool) -> str | None:
    """Make one word of the fields that tell how a job is; None: they say something else.

    ``stopped``: we had it stopped. What then ends as a success, and cannot show that it was done, was not done.
    """
    if status.get("finished") is False:
        return "running"
    if status.get("finished") is not True or not isinstance(status.get("success"), bool):
        return None
    error = as_text(status.get("error"))
    if not status["success"]:
        return ABORTED if error is not None and error.endswith(ABORTED) else "error"
    judged, errors = judge(status.get("output"))
    if stopped and judged != "good":
        return "success, stopped"
    if judged == "bad" and errors and all(one.endswith(ABORTED) for one in errors):
        return ABORTED
    return {"bad": "success, output: error", "part": "success, output: part error"}.get(judged or "", "success")


def judge(output: t.Any) -> tuple[Judged | None, list[str]]:
    """Say how the work went by the output, and what it says of errors; None: the output does not tell."""
    held = as_object(output)
    results = held.get("results")
    if isinstance(results, list) and results:
        parts = [_judge_result(as_object(result)) for result in results]
        errors = [error for part, errors in parts if part == "bad" for error in errors]
        bad = sum(part == "bad" for part, _errors in parts)
        return ("good" if not bad else "bad" if bad == len(parts) else "part"), errors
    if is_check(held) and isinstance(held.get("success"), bool):
        # Files that could not be compared are no difference to it: a check that was stopped calls itself OK.
        unread = [str(name) for name in as_array(held.get("error"))]
        if unread:
            return "bad", [f"could not be compared: {', '.join(unread[:5])}"]
        return ("good", []) if held["success"] else ("bad", [as_text(held.get("status")) or "it found differences"])
    if "result" in held and isinstance(held.get("error"), (bool, str)):
        return ("bad", [_last_line(held)]) if held["error"] else ("good", [])
    return None, []


def _judge_result(result: dict[str, t.Any]) -> tuple[Judged, list[str]]:
    """One call of a batch: where it failed, the error stands in place of its output."""
    error = as_text(result.get("error"))
    if error is not None:
        return "bad", [error]
    judged, errors = judge(result)
    return ("good", []) if judged in (None, "good") else ("bad", errors)


def _last_line(held: dict[str, t.Any]) -> str:
    lines = [line for line in (as_text(held.get("result")) or "").splitlines() if line.strip()]
    told = [line for line in lines if "ERROR" in line or "Failed" in line] or lines
    return as_text(held.get("error")) or (told[-1].strip()[:300] if told else "it ended with an error")


def is_check(output: t.Any) -> bool:
    """Tell a comparison of two places by its output. Which lists of files it holds is the caller's choice."""
    held = as_object(output)
    return {"success", "status"} <= held.keys() or not {"missingOnSrc", "missingOnDst", "differ"}.isdisjoint(held)


def is_query(status: dict[str, t.Any]) -> bool:
    """Tell what only asked: a look that somebody took, a monitor. It is listed as well, with what it was answered."""
    output = as_object(status.get("output"))
    if status.get("finished") is not True or status.get("success") is not True:
        return False
    if not output:
        # It did nothing at all: no work is over so soon, and who starts some names a group or waits for it.
        duration = as_seconds(status.get("duration"))
        return status.get("group") == f"job/{status.get('id')}" and duration is not None and duration < _NO_TIME
    return judge(output)[0] is None


def is_gone(response: Response) -> bool:
    """Whether rclone does not know the job: that is HTTP 500."""
    body = as_object(response.json_or_none()) if response.status in (404, 500) else {}
    return JOB_GONE in (as_text(body.get("error")) or "")


def own_group(job: Job) -> str:
    """The group that rclone gives a job for which none was named."""
    return f"job/{job.id}"


def with_statistics(job: Job, stats: dict[str, t.Any], now: datetime, server_ahead: float) -> Job:
    """Add what the statistics of its group say of a running job, unless they count from an earlier one of it on."""
    counted = as_seconds(stats.get("elapsedTime"))
    if job.started is not None and counted is not None:
        age = (now - job.started).total_seconds() + server_ahead
        if counted > age + _SAME_AGE:
            return job
    done, total = as_count(stats.get("bytes")), as_count(stats.get("totalBytes"))
    return job._replace(
        percent=min(100.0, round(100.0 * done / total, 1)) if done is not None and total else None,
        eta=later(now, as_seconds(stats.get("eta"))),
        counts=Counts(
            successful=as_count(stats.get("transfers")),
            failed=as_count(stats.get("errors")),
            total=as_count(stats.get("totalTransfers")),
        ),
        parts=tuple(
            Part(as_text(as_object(transfer).get("name")), "running", None)
            for transfer in as_array(stats.get("transferring"))
        ),
    )
