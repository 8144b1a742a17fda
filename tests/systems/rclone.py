# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rclone's remote control: seen on a real one, which tests run too; so nothing simulates it."""

from __future__ import annotations

import base64

from .known import URL, USER, Known, Raw


def word_of(raw: Raw) -> str:
    """Make a word of the fields that tell how a job is; the documents have none."""
    if raw.get("finished") is not True:
        return "running"
    return "success" if raw.get("success") is True else "error"


KNOWN = Known(
    words={
        "running": ("running", None),
        "success": ("finished", "success"),
        "error": ("finished", "failed"),
        "context canceled": ("finished", "canceled"),
    },
    purposes=(
        ({"id": 1, "group": "nightly backup", "finished": True, "success": True, "output": {}}, None, False),
        ({"id": 1, "finished": True, "success": True, "output": {"differ": [], "success": True}}, "other", False),
    ),
    id_field="id",
    state_fields=("finished", "success", "error"),
    word_of=word_of,
    address={"url": URL},
    pasted=("/job/list",),
    login=USER,
    ready=({"username": "operator", "password": "p:w"}, f"Basic {base64.b64encode(b'operator:p:w').decode()}"),
    ids=("1", "99"),
    not_ids=("", "x", "1.0", "../1"),
    id_is="a number",
    answers={
        "job/list": {"executeId": "5a6435b0", "jobids": [4, 6, 25, 26], "runningIds": [25]},
        **{
            f"job/status {number}": {
                "id": number,
                "group": f"job/{number}",
                "executeId": "5a6435b0",
                "startTime": "2026-11-22T20:32:59.639905366Z",
                "endTime": end,
                "duration": 3.05,
                "finished": finished,
                "success": success,
                "error": error,
                "output": {},
            }
            for number, finished, success, error, end in (
                (4, True, True, "", "2026-11-22T20:33:02.698476937Z"),
                (6, True, False, "directory not found", "2026-11-22T20:33:02.698476937Z"),
                (25, False, False, "", "0001-01-01T00:00:00Z"),
                (26, True, False, "context canceled", "2026-11-22T20:33:02Z"),
            )
        },
        "core/stats": {
            "bytes": 5,
            "totalBytes": 10,
            "eta": 4,
            "transfers": 1,
            "errors": 0,
            "transferring": [{"name": "a"}],
        },
    },
    calls=((r"^/job/list$", "job/list"), (r"^/job/status$", "job/status {jobid}"), (r"^/core/stats$", "core/stats")),
    # Each job is an answer of its own.
    with_jobs=("job/status",),
    rows=(),
    one="4",
    successes=1,
    in_demo=True,
)
