# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only Veeam Service Provider Console says."""

from __future__ import annotations

import json
import typing as t
from collections import defaultdict
from types import SimpleNamespace

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.job import Job
from ansible_collections.changeops.backup.plugins.module_utils._http.response import Response
from ansible_collections.changeops.backup.plugins.module_utils._systems.veeam_vspc import VeeamVspc
from inside import Inside
from simulator import Simulator


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"errors": [{"type": "transport", "code": 429, "retryAfter": 25}]}, 25.0),
        ({"errors": ["odd", {"message": "slow down"}, {"retryAfter": 7}]}, 7.0),
        ({"errors": {"retryAfter": 9}}, 9.0),
        ({"errors": [{"retryAfter": True}]}, None),
        ({"errors": [{"retryAfter": 10**400}]}, None),
        ({"errors": None}, None),
        ([{"retryAfter": 25}], None),
    ],
)
def test_the_wish_to_wait_is_in_the_body(body: t.Any, seconds: float | None) -> None:
    vspc = VeeamVspc.__new__(VeeamVspc)
    response = Response(429, {}, json.dumps(body).encode())
    assert response.retry_after(0.0, vspc.asks_to_wait(response)) == seconds


def definition(**fields: t.Any) -> Job:
    """Read a definition."""
    http = SimpleNamespace(allow_collect=False)
    vspc = VeeamVspc(defaultdict(lambda: None), t.cast("t.Any", http))  # type: ignore[arg-type]
    job = vspc.to_job({"instanceUid": "u", "lastRun": "2026-03-01T22:00:00Z", **fields})
    assert job is not None
    return job


@pytest.mark.parametrize(
    ("average", "eta"),
    [(5400, "2026-03-01T23:30:00Z"), (0, None), (None, None), (True, None), ("90 min", None), (-1, None)],
)
def test_a_running_job_is_expected_to_take_the_average(average: t.Any, eta: str | None) -> None:
    job = definition(status="Running", avgDuration=average)
    assert (job.to_dict()["eta"], job.eta_is_average) == (eta, True)
    assert definition(status="Success", avgDuration=average).eta is None


def test_the_newest_version_is_asked_for_where_the_server_takes_it() -> None:
    with Simulator({"system": "veeam_vspc", "jobs": []}) as sim, Inside(sim.options, sim) as vspc:
        vspc.look()
        vspc.look()
        assert {entry.headers["X-Client-Version"] for entry in sim.reads} == {"3.6.1"}
        assert {entry.headers["X-Client-Version"] for entry in sim.logins} == {"3.5.1"}


def test_a_server_that_refuses_the_newest_version_is_asked_with_the_oldest_once_and_for_all() -> None:
    refusal = {"errors": [{"message": "version 3.6.1 is not supported", "type": "logical", "code": 400}]}
    faults = [{"path": "/jobs$", "nth": [1], "do": {"status": 400, "body": refusal}}]
    with Simulator({"system": "veeam_vspc", "jobs": [], "faults": faults}) as sim, Inside(sim.options, sim) as vspc:
        assert vspc.look().complete
        vspc.look()
        assert [entry.headers["X-Client-Version"] for entry in sim.reads] == ["3.6.1", *["3.5.1"] * 6]


def test_a_version_that_was_given_is_the_only_one() -> None:
    with Simulator({"system": "veeam_vspc", "jobs": []}) as sim, Inside({**sim.options, "api_version": "3.6"}) as vspc:
        vspc.look()
        assert {entry.headers["X-Client-Version"] for entry in (*sim.reads, *sim.logins)} == {"3.6"}


def test_ids_that_an_incomplete_list_does_not_hold_are_asked_for_one_by_one() -> None:
    ids = [f"bc04d2e5-dd4c-4f85-af0e-42410600000{number}" for number in range(3)]
    jobs = [{"instanceUid": job_id, "name": job_id[-1], "status": "Running", "lastRun": "@-60"} for job_id in ids]
    body = {"data": [jobs[0]], "meta": {"pagingInfo": {"total": 3}}, "errors": [{"message": "server B is away"}]}
    faults = [{"path": "/jobs$", "do": {"status": 200, "body": body}}]
    with Simulator({"system": "veeam_vspc", "jobs": jobs, "faults": faults}) as sim, Inside(sim.options, sim) as vspc:
        listing = vspc.look(job_ids=ids)
    assert (list(listing.jobs), listing.missing, listing.complete) == (ids, [], True)
