# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wait of two hours, with a token that lives a minute and every twentieth answer faulty.

Everything is real but time: the body of ``backup_job_wait``, its login, its transport, and a simulator behind HTTP. The
clock jumps where the module would sleep, and takes the simulator along, so that ``expires_in`` means the same seconds
on both sides. (With a simulator that merely runs faster, a module process would take story seconds for real ones.)
"""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._edge.wait import WAIT
from ansible_collections.changeops.backup.plugins.module_utils._tasks.task import Answer, Turn
from ansible_collections.changeops.backup.plugins.module_utils._tasks.wait import wait_for_jobs
from inside import Inside, Jumping
from simulator import Simulator

JOB = "bc04d2e5-dd4c-4f85-af0e-424106000801"
HOURS = 2
LIFETIME = 60.0
# The client renews a token after four fifths of so short a life.
USED_FOR = LIFETIME * 4 / 5
TROUBLES: list[dict[str, t.Any]] = [
    {"status": 503},
    {"status": 520},
    {"throttle": 3},
    {"status": 429, "headers": {"Retry-After": "2"}},
    {"html": True},
    {"not_json": True},
    {"reset": True},
    {"reset": "after"},
    {"cut": 20},
]


def tale(status: str, ends: float, seed: int) -> dict[str, t.Any]:
    """One job runs until it ends so; 5 % of all answers, logins included, are one of the troubles."""
    return {
        "system": "veeam_vspc",
        "seed": seed,
        "clock": {"waits": True},  # until the wait begins, or the job would end sooner by what it took to begin
        "auth": {"token_lifetime": LIFETIME},
        "jobs": [
            {
                "instanceUid": JOB,
                "name": "Weekly file share",
                "status": "Running",
                "lastRun": "@-60",
                "timeline": [{"at": ends, "set": {"status": status, "lastEndTime": "@now"}}],
            }
        ],
        "faults": [{"rate": 0.05 / len(TROUBLES), "do": do} for do in TROUBLES],
    }


def wait(sim: Simulator, turns: float | None, **given: t.Any) -> Answer:
    """Run the body of the module, in one piece or in as many turns of so many seconds as the plugin would."""
    clock = Jumping(sim)
    turn = Turn(turns) if turns else None
    while True:
        with Inside(sim.options, clock=clock) as inside:
            answer = wait_for_jobs(inside.task(WAIT, job_ids=[JOB], **given)._replace(turn=turn))
        if turn is None or "kept" not in answer:
            return answer
        turn = turn._replace(kept=json.loads(json.dumps(answer["kept"])))
        # A module needs a moment to start.
        clock.advance(0.4)


def needed(sim: Simulator) -> int:
    """Count the tokens without which the reads could not have been made."""
    count, good_until = 0, float("-inf")
    for entry in sim.reads:
        if entry.time >= good_until:
            count, good_until = count + 1, entry.time + USED_FOR
    return count


@pytest.mark.parametrize(
    ("status", "ends", "verdict", "max_interval", "slices"),
    [
        ("Success", HOURS * 3600.0, "reached", 60.0, None),
        ("Success", HOURS * 3600.0, "reached", 10.0, 60.0),
        ("Failed", HOURS * 3600.0, "failed", 10.0, None),
        ("Success", HOURS * 3600.0 + 900, "timed_out", 60.0, 60.0),
    ],
)
def test_two_hours_with_a_token_of_one_minute(
    status: str,
    ends: float,
    verdict: str,
    max_interval: float,
    slices: float | None,
) -> None:
    with Simulator(tale(status, ends, seed=int(ends + max_interval))) as sim:
        answer = wait(sim, slices, max_interval=max_interval, wait_timeout=HOURS * 3600.0 + 300)
        struck = [entry for entry in sim.journal if entry.fault]
        # A login whose answer was lost or faulty gave no token.
        logins = [entry for entry in sim.logins if not entry.fault]
        need = needed(sim)
        assert sim.refused == []
        # No token was used when it had ended: that would be a request for nothing.
        assert not [entry for entry in sim.journal if entry.auth_rejected]
        assert answer["logins"] == len(sim.logins)
    assert answer["verdict"] == verdict
    assert answer["failed"] == (verdict != "reached")
    assert len(struck) >= 3, "a test of faults needs some"
    assert need - 1 <= len(logins) <= need + 2
    late = answer["elapsed"] - min(ends, HOURS * 3600.0 + 300)
    assert 0 <= late <= max_interval + 10.0
