# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the vendors' documents say about themselves, contradictions included: one story for each quirk."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs

import pytest
import yaml

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import (
    AuthLost,
    Refused,
    Unanswered,
)
from ansible_collections.changeops.backup.plugins.module_utils._core.job import RESULTS, STATES
from ansible_collections.changeops.backup.plugins.module_utils._http.response import Response
from harness import ANY_RESULT, STORIES, bad, good, tale, warnings
from inside import Inside, play
from simulator import Simulator
from systems import KNOWN, PLAYED, SIMULATED
from systems.known import Error, Raw, Word

AVEPOINT = ["avepoint_salesforce", "avepoint_iaas_paas"]
PAGED = [system for system in SIMULATED if PLAYED[system].pages]
VM = "/backup/vm/jobs"
UID = "bc04d2e5-dd4c-4f85-af0e-42410600000{}"


def ids(story: dict[str, t.Any]) -> set[str]:
    return {str(job[KNOWN[story["system"]].id_field]) for job in story["jobs"]}


def scripted(system: str, *bodies: t.Any, then: t.Any = None) -> dict[str, t.Any]:
    """Give a story whose list answers with these bodies, and then with the last one for ever."""
    listing = {"path": KNOWN[system].list_path, "kind": "read"}
    faults: list[t.Any] = [
        {**listing, "nth": [number], "do": {"status": 200, "body": body}} for number, body in enumerate(bodies, start=1)
    ]
    if then is not None:
        faults.append({**listing, "do": {"status": 200, "body": then}})
    return {"system": system, "jobs": [], "faults": faults}


def queries(sim: Simulator) -> list[dict[str, str]]:
    return [{name: values[-1] for name, values in parse_qs(entry.query).items()} for entry in sim.reads]


def vm(job_id: str, **more: t.Any) -> dict[str, t.Any]:
    return {"jobId": job_id, "jobType": 1, "status": 2, "startTime": "2026-03-01T22:00:00Z", **more}


# -- filters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "chosen", "sent"),
    [
        ("avepoint_salesforce", {"types": ["backup"]}, {"type": "1"}),
        ("avepoint_salesforce", {"types": ["3"]}, {"type": "3"}),
        ("avepoint_salesforce", {"states": ["running"]}, {"status": "1"}),
        ("avepoint_salesforce", {"results": ["failed"]}, {"status": "4"}),
        ("avepoint_salesforce", {"states": ["running", "unknown"]}, {}),
        ("avepoint_salesforce", {"states": ["finished"]}, {}),
        ("avepoint_salesforce", {"types": ["Backup", "Restore"]}, {}),
        ("avepoint_iaas_paas", {"types": ["Backup"]}, {"jobType": "1"}),
        ("avepoint_iaas_paas", {"types": ["EC2Backup"], "started_after": "30d"}, {"jobType": "20009"}),
        ("avepoint_iaas_paas", {"types": ["a type of tomorrow"]}, {}),
        ("netapp_bluexp", {"states": ["running"]}, {"status": "IN_PROGRESS"}),
        ("netapp_bluexp", {"states": ["finished"], "results": ["failed"]}, {"status": "FAILED"}),
        ("netapp_bluexp", {"results": ["success"]}, {"status": "COMPLETED"}),
        ("netapp_bluexp", {"results": ["warning"]}, {}),
        ("netapp_bluexp", {"types": ["backup-working-environment"]}, {}),
        ("veeam_vspc", {"names": ["Nightly*"]}, {}),
    ],
)
def test_filters_go_to_the_server_where_one_value_says_it_and_are_applied_again_here(
    system: str, chosen: dict[str, t.Any], sent: dict[str, str]
) -> None:
    story = tale(system)
    with play(story) as (sim, inside):
        found = inside.look(**chosen)
        assert sim.refused == []
        (asked,) = queries(sim)[:1]
        everything = inside.look()
        matching = {job_id for job_id, job in everything.jobs.items() if select(chosen, job)}
    assert {name: value for name, value in asked.items() if name in ("type", "status", "jobType", "filter")} == sent
    assert set(found.jobs) == matching
    assert found.complete


def select(chosen: dict[str, t.Any], job: t.Any) -> bool:
    """Choose as the documentation of the options says."""
    words = {"backup": "Backup", "3": "Restore"}
    types = [words.get(word, word) for word in chosen.get("types", [])]
    return (
        (not types or job.type in types)
        and job.state in chosen.get("states", [job.state])
        and job.result in chosen.get("results", [job.result])
        and ("names" not in chosen or job.name.startswith("Nightly"))
    )


@pytest.mark.parametrize("name", ["SQL Nightly", " SQL Nightly ", "sql nightly"])
def test_filters_vspc_no_name_is_left_to_the_server(name: str) -> None:
    """What it makes of blanks and letter case nobody says. A gate opened while a job ran that it had left out."""
    job = {"instanceUid": "bc04d2e5-dd4c-4f85-af0e-000000000001", "name": "SQL Nightly ", "status": "Running"}
    with play({"system": "veeam_vspc", "jobs": [job]}) as (sim, vspc):
        listing = vspc.look(names=[name])
    assert [one.name for one in listing.jobs.values()] == (["SQL Nightly"] if name != "sql nightly" else [])
    assert not any("filter" in query for query in queries(sim))
    # The message says how it is spelled.
    assert ("in another letter case there is 'SQL Nightly'" in str(listing.unmatched)) == (name == "sql nightly")


# -- nextLink ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["token", "relative", "absolute", "", None, "absent"])
@pytest.mark.parametrize("system", AVEPOINT)
def test_next_link_in_every_documented_form(system: str, form: str | None) -> None:
    story = tale(system, next_link=form, page_cap=3)
    with Simulator(story) as sim, Inside(sim.options) as avepoint:
        listing = avepoint.look()
    assert set(listing.jobs) == ids(story)
    assert listing.complete
    assert listing.warnings == []
    assert sim.refused == []
    assert len(sim.reads) >= 3


@pytest.mark.parametrize("carries", ["position", "filters"])
def test_next_link_as_encoded_token_is_sent_back_encoded_once_with_the_filters(carries: str) -> None:
    story = tale("avepoint_iaas_paas", page_cap=3, skiptoken_carries=carries)
    with Simulator(story) as sim, Inside(sim.options) as avepoint:
        listing = avepoint.look(started_after="30d", results=["success", "failed", "skipped", "warning", "canceled"])
    asked = queries(sim)
    tokens = [query["skiptoken"] for query in asked if "skiptoken" in query]
    assert len(tokens) == 2
    assert all("%" not in token and token.startswith("++++") for token in tokens), "the token was changed"
    assert all("startTime" in query for query in asked)
    assert all("%2B" in entry.query and "%252B" not in entry.query for entry in sim.reads[1:])
    assert listing.complete
    assert sim.refused == []


@pytest.mark.parametrize(
    "link",
    [
        "{foreign}/backup/vm/jobs?skiptoken=abc%2Bd",
        "//{host}/backup/vm/jobs?skiptoken=abc%2Bd",
        "http://user:pass@{host}/backup/vm/jobs?skiptoken=abc%2Bd",
    ],
)
def test_next_link_to_a_foreign_host_never_brings_the_token_there(link: str) -> None:
    with Simulator(tale("avepoint_iaas_paas")) as foreign:
        link = link.format(foreign=foreign.url, host=foreign.url.removeprefix("http://"))
        first = {"totalCount": 2, "jobs": [vm("IB1")], "nextLink": link}
        second = {"totalCount": 2, "jobs": [vm("IB2", status=1)], "nextLink": ""}
        with Simulator(scripted("avepoint_iaas_paas", first, second)) as sim, Inside(sim.options) as avepoint:
            listing = avepoint.look()
        assert foreign.journal == []
    assert [entry.path for entry in sim.reads] == [VM, VM]
    assert queries(sim)[1]["skiptoken"] == "abc+d"
    assert set(listing.jobs) == {"IB1", "IB2"}


def test_next_link_that_leads_round_in_circles_ends_and_is_not_complete() -> None:
    again = {"totalCount": 9, "jobs": [vm("IB1"), vm("IB2")], "nextLink": "abc"}
    with Simulator(scripted("avepoint_iaas_paas", then=again)) as sim, Inside(sim.options) as avepoint:
        listing = avepoint.look()
    assert set(listing.jobs) == {"IB1", "IB2"}
    assert not listing.complete
    assert len(sim.reads) <= 3


def test_next_link_outranks_a_total_of_the_current_request() -> None:
    first = {"totalCount": 1, "jobs": [vm("IB1")], "nextLink": "abc"}
    second = {"totalCount": 1, "jobs": [vm("IB2", status=1)], "nextLink": None}
    with Simulator(scripted("avepoint_iaas_paas", first, second)) as sim, Inside(sim.options) as avepoint:
        listing = avepoint.look()
    assert set(listing.jobs) == {"IB1", "IB2"}
    assert listing.complete
    assert listing.warnings == []
    assert len(sim.reads) == 2


def test_next_link_spelled_in_lower_case_as_in_the_table_is_followed() -> None:
    first = {"totalCount": 2, "jobs": [vm("IB1")], "nextlink": "abc"}
    second = {"totalCount": 2, "jobs": [vm("IB2")], "nextlink": ""}
    with Simulator(scripted("avepoint_iaas_paas", first, second)) as sim, Inside(sim.options) as avepoint:
        assert set(avepoint.look().jobs) == {"IB1", "IB2"}
    assert len(sim.reads) == 2


# -- pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cap", [None, 1, 3, 7])
@pytest.mark.parametrize("base", [0, 1])
def test_page_index_from_0_or_from_1(base: int, cap: int | None) -> None:
    story = tale("avepoint_salesforce", page_base=base, page_cap=cap)
    with Simulator(story) as sim, Inside(sim.options) as avepoint:
        listing = avepoint.look()
    assert set(listing.jobs) == ids(story)
    assert listing.complete
    assert listing.warnings == []
    assert sim.refused == []


@pytest.mark.parametrize("base", [0, 1])
def test_page_index_when_the_server_counts_nothing(base: int) -> None:
    pages = [[{"jobId": f"AI{number}", "status": 2}] for number in range(3)]
    shown = [pages[0], *([pages[0]] if base else []), *pages[1:], []]
    bodies = [{"statusCode": 200, "data": {"jobs": rows}} for rows in shown]
    with Simulator(scripted("avepoint_salesforce", *bodies, then=bodies[-1])) as sim, Inside(sim.options) as avepoint:
        listing = avepoint.look()
    assert set(listing.jobs) == {"AI0", "AI1", "AI2"}
    assert listing.complete
    assert [query.get("pageIndex") for query in queries(sim)] == [None, *map(str, range(1, len(shown)))]


@pytest.mark.parametrize("total", [None, 3])
@pytest.mark.parametrize("base", [0, 1])
def test_page_number_from_0_or_from_1_where_no_link_leads_on(base: int, total: int | None) -> None:
    pages = [[vm(f"IB{number}")] for number in range(3)]
    shown = [pages[0], *([pages[0]] if base else []), *pages[1:], []]
    bodies = [{"totalCount": total, "jobs": rows} for rows in shown]
    with Simulator(scripted("avepoint_iaas_paas", *bodies, then=bodies[-1])) as sim, Inside(sim.options) as avepoint:
        listing = avepoint.look()
    assert set(listing.jobs) == {"IB0", "IB1", "IB2"}
    assert (listing.complete, listing.warnings) == (True, [])
    asked = [query.get("pageNumber") for query in queries(sim)]
    assert asked == [None, *map(str, range(1, len(shown) - (total is not None)))]


@pytest.mark.parametrize("cap", [1, 2, 5])
@pytest.mark.parametrize("system", PAGED)
def test_page_size_silently_capped(system: str, cap: int) -> None:
    story = tale(system, page_cap=cap)
    with Simulator(story) as sim, Inside(sim.options) as inside:
        listing = inside.look()
    assert set(listing.jobs) == ids(story)
    assert listing.complete
    assert len(sim.reads) >= len(story["jobs"]) / cap
    assert sim.refused == []


def test_offset_ignored_is_noticed() -> None:
    with Simulator(tale("veeam_vspc", page_cap=4, ignore_offset=True)) as sim:
        info = good("backup_job_info", sim.options)
        idle = bad("backup_job_wait", {**sim.options, "state": "idle", "types": ["none such"], "wait_timeout": 0})
    # Four of the list of backup servers, the two of the agents, and four of those of Microsoft 365.
    assert info["count"] == 10
    assert info["complete"] is False
    assert "may not be complete" in str(info["warnings"])
    assert idle["verdict"] == "timed_out"
    assert sim.refused == []


def test_offset_ignored_by_a_list_that_fits_on_one_page_is_complete() -> None:
    story = tale("veeam_vspc", ignore_offset=True)
    with Simulator(story) as sim, Inside(sim.options) as vspc:
        listing = vspc.look()
    assert listing.complete
    assert set(listing.jobs) == ids(story)


@pytest.mark.parametrize("system", PAGED)
def test_a_server_that_repeats_its_pages_for_ever_is_left_and_the_list_is_not_complete(system: str) -> None:
    body = listed(system, [(1, PLAYED[system].done)], total=9)
    with Simulator(scripted(system, then=body)) as sim, Inside(sim.options) as inside:
        listing = inside.look()
    assert len(listing.jobs) == 1
    assert not listing.complete
    assert sum(bool(re.search(KNOWN[system].list_path, entry.path)) for entry in sim.reads) <= 4


def listed(system: str, shown: list[tuple[int, Word]], total: int | None = None, before: int = 0) -> t.Any:
    """Give a list as the system answers it: jobs of these numbers, each with its word."""
    rows = [KNOWN[system].raw(number, word) for number, word in shown]
    return PLAYED[system].wrap(rows, len(rows) if total is None else total, before)


def _told(system: str, looks: list[list[int]]) -> tuple[set[str], bool]:
    """Serve a list that is another one at each look, two rows a page; give what was made of it."""
    bodies = []
    for number, rows in enumerate(looks):
        shown = [(row, PLAYED[system].done) for row in rows[number * 2 : number * 2 + 2]]
        bodies.append(listed(system, shown, len(rows), number * 2))
    with Simulator(scripted(system, *bodies, then=bodies[-1])) as sim, Inside(sim.options) as inside:
        listing = inside.look()
    return {job_id[-1] for job_id in listing.jobs}, listing.complete


@pytest.mark.parametrize("system", PAGED)
def test_rows_shift_down_when_a_job_begins_while_paging(system: str) -> None:
    before, after = [6, 5, 4, 3, 2, 1], [7, 6, 5, 4, 3, 2, 1]
    seen, complete = _told(system, [before, after, after, after, after])
    assert seen >= set("654321"), "a job that was there all the time was lost"
    assert "7" in seen or not complete


@pytest.mark.parametrize("system", PAGED)
@pytest.mark.parametrize("gone", [6, 5])
def test_rows_shift_up_when_a_job_leaves_while_paging(system: str, gone: int) -> None:
    before = [6, 5, 4, 3, 2, 1]
    after = [row for row in before if row != gone]
    seen, complete = _told(system, [before, after, after, after])
    assert seen >= set("654321") or not complete, "job 4 was lost, and the list is called complete"


# -- AvePoint IaaS + PaaS: two dialects ----------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["current", "seed"])
def test_iaas_both_dialects_tell_the_same(dialect: str) -> None:
    story = tale("avepoint_iaas_paas", dialect=dialect, page_cap=3)
    now = datetime.now(timezone.utc)
    with Simulator(story) as sim, Inside(sim.options) as avepoint:
        jobs = avepoint.look().jobs
    assert {job.vendor_state: (job.state, job.result) for job in jobs.values()} == {
        "0": ("queued", None),
        "1": ("running", None),
        "2": ("finished", "success"),
        "4": ("finished", "skipped"),
        "8": ("finished", "warning"),
        "16": ("finished", "failed"),
        "32": ("queued", None),
        "64": ("finished", "canceled"),
    }
    good_one = jobs["IB20260103020000002"]
    assert good_one.duration == 652
    assert good_one.started is not None
    assert abs((now - good_one.started).total_seconds() - 5400) < 30
    assert good_one.finished is not None
    assert (good_one.finished - good_one.started).total_seconds() == pytest.approx(652, abs=1)
    assert good_one.counts.successful == 12
    assert good_one.type == ("Backup" if dialect == "current" else None)
    assert jobs["IB20260105020000008"].type == ("EC2Backup" if dialect == "current" else None)
    assert sim.refused == []


def test_iaas_ticks_of_the_vendors_own_sample() -> None:
    body = {
        "totalCount": 1,
        "jobs": [
            {
                "jobId": "IB20240822160048505",
                "state": 2,
                "startTime": 638599392481859693,
                "finishTime": 638599398999332487,
                "duration": 6517472794,
            }
        ],
        "nextLink": "",
    }
    with Simulator(scripted("avepoint_iaas_paas", body)) as sim, Inside(sim.options) as avepoint:
        (job,) = avepoint.look().jobs.values()
    told = job.to_dict()
    assert told["started"] == "2024-08-22T16:00:48.185Z"
    assert told["finished"] == "2024-08-22T16:11:39.933Z"
    assert told["duration"] == pytest.approx(651.7472794)


def test_iaas_seed_dialect_does_not_know_iso_times_and_is_asked_without_them() -> None:
    story = tale("avepoint_iaas_paas", dialect="seed")
    with Simulator(story) as sim, Inside(sim.options) as avepoint:
        recent = avepoint.look(started_after="3h", states=["finished"]).jobs
        again = avepoint.look(started_after="3h", states=["finished"]).jobs
    assert set(recent) == set(again)
    assert "IB20260103020000002" in recent
    assert "IB20260108020000064" not in recent, "the filter is applied here, then"
    assert [("startTime" in query) for query in queries(sim)] == [True, False, False]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("00:04:01", 241.0), ("1.16:00:44", 144044.0), ("00:00:01.5000000", 1.5), ("4 minutes", 10.0), (None, 10.0)],
)
def test_iaas_time_span(written: str | None, seconds: float) -> None:
    job = vm("IB1", finishTime="2026-03-01T22:00:10Z", duration=written)
    with play(scripted("avepoint_iaas_paas", {"totalCount": 1, "jobs": [job]})) as (_sim, avepoint):
        assert avepoint.look().jobs["IB1"].duration == seconds


def test_iaas_job_types_known_by_number_and_unknown_ones_pass_through() -> None:
    kinds = {
        1: "Backup",
        32: "Initialize",
        33: "GenIndex",
        64: "Retention",
        20015: "DevOpsRestore",
        30001: "HardDelete",
    }
    kinds |= {90120: "Amazon S3 restore", 20008: "20008", 123456: "123456"}
    rows = [vm(f"IB{kind}", jobType=kind) for kind in kinds]
    with play(scripted("avepoint_iaas_paas", then={"totalCount": len(rows), "jobs": rows})) as (_sim, avepoint):
        assert {job.id: job.type for job in avepoint.look().jobs.values()} == {
            f"IB{kind}": word for kind, word in kinds.items()
        }
        for asked in ("123456", "hardDELETE", "30001"):
            (job,) = avepoint.look(types=[asked]).jobs.values()
            assert job.id in ("IB123456", "IB30001")


def test_iaas_search_that_matches_more_than_the_id_gives_only_the_job_asked_for() -> None:
    rows = [vm("IB10"), vm("IB1"), vm("IB2", comments="see IB1")]
    with play(scripted("avepoint_iaas_paas", {"totalCount": 3, "jobs": rows, "nextLink": ""})) as (sim, avepoint):
        assert set(avepoint.look(job_ids=["IB1"]).jobs) == {"IB1"}
    assert queries(sim)[0]["searchText"] == "IB1"


# -- AvePoint Salesforce -------------------------------------------------------------------------------------------


def test_an_estimate_beyond_the_calendar_is_none() -> None:
    begun = {"name": "Nightly", "operationType": "Composite Backup", "startedDate": "2026-03-01T22:00:00.000Z"}
    rows = [
        {**begun, "jobId": 1, "jobStatus": "Completed", "duration": "99999999.00:00:00"},
        {**begun, "jobId": 2, "jobStatus": "In Progress"},
    ]
    with Simulator(scripted("flosum", {"total": 2, "items": rows})) as sim, Inside(sim.options) as flosum:
        assert flosum.look().jobs["2"].eta is None


@pytest.mark.parametrize("values", ["number", "name"])
@pytest.mark.parametrize("field", ["status", "state"])
def test_salesforce_status_and_state_as_number_and_as_word(field: str, values: str) -> None:
    story = tale("avepoint_salesforce", status_field=field, status_values=values)
    with Simulator(story) as sim, Inside(sim.options) as avepoint:
        listing = avepoint.look()
    assert {job_id[-1]: (job.state, job.result) for job_id, job in listing.jobs.items()} == {
        "1": ("running", None),
        "2": ("finished", "success"),
        "3": ("finished", "warning"),
        "4": ("finished", "failed"),
        "5": ("paused", None),
        "6": ("finished", "canceled"),
        "7": ("finished", "skipped"),
    }
    assert listing.warnings == []


def test_salesforce_window_reaches_a_job_that_began_before_it_was_asked_for() -> None:
    with Simulator(tale("avepoint_salesforce")) as sim, Inside(sim.options) as avepoint:
        avepoint.look(started_after="30d")
    (query,) = queries(sim)
    start, end = (datetime.fromisoformat(query[name].replace("Z", "+00:00")) for name in ("startTime", "finishTime"))
    now = datetime.now(timezone.utc)
    assert abs(now - timedelta(days=30) - start) < timedelta(minutes=1)
    assert end > now + timedelta(minutes=5), "a clock ahead of ours would hide what begins now"


def test_salesforce_a_failure_inside_http_200_is_no_empty_list() -> None:
    body = {
        "statusCode": 500,
        "message": "The data store is not available",
        "errors": [{"code": "StoreDown", "field": None, "message": "Try later"}],
        "data": {"totalCount": 0, "jobs": []},
        "requestId": "0HNEVHLNSPSEJ:00000002",
    }
    with (
        play(scripted("avepoint_salesforce", then=body), patience=0) as (_sim, avepoint),
        pytest.raises(Unanswered, match=r"data store is not available.*0HNEVHLNSPSEJ:00000002"),
    ):
        avepoint.look()


# -- the end of what has not ended ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["null", "absent", "zero", "year1"])
@pytest.mark.parametrize(
    ("system", "dialect"),
    [("avepoint_salesforce", {}), ("avepoint_iaas_paas", {}), ("avepoint_iaas_paas", {"dialect": "seed"})],
)
def test_unfinished_end_time_null_absent_zero_or_year_1(system: str, dialect: dict[str, str], how: str) -> None:
    with Simulator(tale(system, unfinished=how, **dialect)) as sim, Inside(sim.options) as avepoint:
        jobs = avepoint.look().jobs.values()
    unfinished = [job for job in jobs if job.active]
    assert len(unfinished) >= 2
    assert all(job.finished is None and job.duration is None for job in unfinished)
    assert all(job.finished is not None for job in jobs if not job.active)


@pytest.mark.parametrize("end", [None, "absent", 0, "", "0001-01-01T00:00:00.0000000+00:00", "0001-01-01T00:00:00Z"])
@pytest.mark.parametrize("status", ["Running", "Success"])
def test_vspc_end_time_null_absent_zero_or_year_1(status: str, end: t.Any) -> None:
    job = {"instanceUid": UID.format(1), "status": status, "lastRun": "2026-03-01T22:00:00.0000000+00:00"}
    if end != "absent":
        job["lastEndTime"] = end
    body = {"meta": {"pagingInfo": {"total": 1, "count": 1, "offset": 0}}, "data": [job]}
    with Simulator(scripted("veeam_vspc", body)) as sim, Inside(sim.options) as vspc:
        (read,) = vspc.look().jobs.values()
    assert read.finished is None
    assert read.duration is None
    assert read.started == datetime(2026, 3, 1, 22, tzinfo=timezone.utc)
    assert read.active == (status == "Running")


# -- NetApp --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["array", "object"])
def test_netapp_array_or_object_at_all_four_places(shape: str) -> None:
    for job in tale("netapp_bluexp")["jobs"]:
        data = job.get("data", {})
        one = {**job, "data": {}}
        if "multi-volume-backup" in data:
            one["data"]["multi-volume-backup"] = {"volume": data["multi-volume-backup"]["volume"][-1:]}
        if "restore" in data:
            batch = {**data["restore"]["batch"][-1], "id": None, "file": [{"path": "/srv/a.txt"}]}
            one["data"]["restore"] = {"type": "file", "batch": [batch]}
        with play({"system": "netapp_bluexp", "shape": shape, "jobs": [one]}) as (_sim, netapp):
            (listed,) = netapp.look().jobs.values()
            (asked,) = netapp.look(job_ids=[job["id"]]).jobs.values()
        assert listed == asked
        assert len(listed.parts) == ("multi-volume-backup" in data) + ("restore" in data)
        names = [part.name for part in listed.parts]
        assert ("/srv/a.txt" in names) == ("restore" in data)
        assert None not in names


def test_netapp_the_seeds_own_example_is_read() -> None:
    example = {
        "status": "PENDING",
        "data": {
            "multi-volume-backup": {"volume": {"status": "SUCCESS"}},
            "restore": {"batch": {"status": "PENDING", "file": {}}},
        },
    }
    faults = [{"path": r"/job/j-1$", "do": {"status": 200, "body": {"job": example}}}]
    with Simulator({"system": "netapp_bluexp", "faults": faults}) as sim, Inside(sim.options) as netapp:
        (job,) = netapp.look(job_ids=["j-1"]).jobs.values()
    assert (job.id, job.state, job.result, job.started) == ("j-1", "queued", None, None)
    assert [(part.state, part.result) for part in job.parts] == [("finished", "success"), ("queued", None)]


@pytest.mark.parametrize("how", ["404", "empty", "missing"])
def test_netapp_unknown_job_404_empty_or_missing(how: str) -> None:
    with Simulator(tale("netapp_bluexp", unknown_job=how)) as sim, Inside(sim.options) as netapp:
        listing = netapp.look(job_ids=["never-was"])
        assert listing.jobs == {}
        assert listing.complete
    wait = {"job_ids": ["never-was"], "wait_timeout": 30, "appear_timeout": 0}
    with Simulator(tale("netapp_bluexp", unknown_job=how)) as sim:
        assert bad("backup_job_wait", {**sim.options, **wait})["verdict"] == "missing"


@pytest.mark.parametrize("body", [{}, {"job": None}, {"job": "none"}])
def test_netapp_a_list_without_a_list_is_no_answer(body: t.Any) -> None:
    with (
        play(scripted("netapp_bluexp", then=body), patience=0) as (_sim, netapp),
        pytest.raises(Unanswered, match="holds no list of jobs"),
    ):
        netapp.look()


def test_netapp_failed_parts_inside_completed_are_shown_and_are_no_success() -> None:
    with Simulator(tale("netapp_bluexp")) as sim:
        clean, spoiled = (f"0f1c2d3e-0000-4000-8000-00000000000{number}" for number in (4, 5))
        result = bad("backup_job_wait", {**sim.options, "job_ids": [clean, spoiled], "wait_timeout": 0})
    told = {job["id"]: job for job in result["jobs"]}
    assert result["verdict"] == "failed"
    assert told[clean]["result"] == "success"
    assert (told[spoiled]["vendor_state"], told[spoiled]["result"]) == ("COMPLETED", "warning")
    assert [(part["name"], part["result"]) for part in told[spoiled]["parts"]] == [
        ("vol-db-01", "success"),
        ("vol-db-02", "failed"),
    ]
    assert told[spoiled]["message"] == "snapshot is missing"
    assert "snapshot is missing" in result["msg"]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("a" * 32, "a" * 32 + "clients"),
        ("Ab1" * 10 + "Ab", "Ab1" * 10 + "Abclients"),
        ("a" * 32 + "clients", "a" * 32 + "clients"),
        ("5e8d5c5a-9d3b-4f0c-8d3a-0c1d2e3f4a5b", "5e8d5c5a-9d3b-4f0c-8d3a-0c1d2e3f4a5b"),
    ],
)
def test_netapp_x_agent_id_gets_its_suffix_only_where_it_is_a_bare_client_id(given: str, sent: str) -> None:
    with Simulator(tale("netapp_bluexp")) as sim:
        sim.vendor.credentials["agent_id"] = sent
        with Inside({**sim.options, "agent_id": given}) as netapp:
            assert netapp.look().jobs
            assert netapp.look(job_ids=["nowhere"]).jobs == {}
    assert [entry.headers["X-Agent-Id"] for entry in sim.reads] == [sent, sent, sent]
    assert sim.refused == []


# -- VSPC ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["upper", "lower"])
def test_vspc_enum_values_in_lower_and_in_upper_case(case: str) -> None:
    expected = {
        ("none", "idle", None), ("idle", "idle", None), ("success", "finished", "success"),
        ("warning", "finished", "warning"), ("failed", "finished", "failed"), ("running", "running", None),
        ("starting", "running", None), ("stopping", "stopping", None), ("enabling", "unknown", None),
        ("disabling", "unknown", None), ("waitingtape", "running", None), ("waitingrepository", "running", None),
        ("unknown", "unknown", None), ("queued", "queued", None), ("stopped", "idle", None),
        ("notconfigured", "idle", None), ("disconnected", "unknown", None), ("deleting", "unknown", None),
    }  # fmt: skip
    with Simulator(tale("veeam_vspc", case=case)) as sim, Inside(sim.options) as vspc:
        listing = vspc.look()
        by_type = vspc.look(types=["backupVM"])
    assert {(str(job.vendor_state).lower(), job.state, job.result) for job in listing.jobs.values()} == expected
    assert by_type.jobs
    parts = {part.result for job in listing.jobs.values() for part in job.parts}
    assert {"success", "failed"} <= parts


def test_vspc_uids_are_the_same_in_either_letter_case() -> None:
    uid = "BC04D2E5-DD4C-4F85-AF0E-424106000003"
    with Simulator(tale("veeam_vspc")) as sim, Inside(sim.options) as vspc:
        assert list(vspc.look(job_ids=[uid]).jobs) == [uid]
        assert list(vspc.look(job_ids=[uid, UID.format(1)]).jobs) == [uid, UID.format(1)]
    assert sim.refused == []


@pytest.mark.parametrize("after", [0.0, 3.0])
def test_vspc_202_and_async_actions_on_a_list_and_on_one_job(after: float) -> None:
    story = tale("veeam_vspc", page_cap=5, **{"async": {"paths": "/jobs", "after": after}})
    with Simulator(story) as sim, Inside(sim.options, sim) as vspc:
        listing = vspc.look()
        one = vspc.look(job_ids=[UID.format(3)])
        none = vspc.look(job_ids=["00000000-0000-4000-8000-00000000dead"])
    assert set(listing.jobs) == ids(story)
    assert listing.complete
    assert list(one.jobs) == [UID.format(3)]
    assert none.jobs == {}
    assert none.complete
    queued = [entry for entry in sim.reads if entry.status == 202]
    # Three pages of one list, one of each of the others, one job, and one that is in no list.
    assert len(queued) == 9
    looks = [entry for entry in sim.reads if "/asyncActions/" in entry.path and not entry.path.endswith("/result")]
    assert len(looks) >= 9 * (1 if after == 0 else 4)
    # That header could turn asynchronous handling on.
    assert not [entry for entry in sim.journal if "X-Request-Id" in entry.headers]
    assert sim.refused == []


def test_vspc_202_and_async_actions_on_a_stop_that_succeeds() -> None:
    story = yaml.safe_load((STORIES / "veeam_vspc" / "will_not_end.yml").read_text())
    with Simulator({**story, "async": {"paths": "/stop", "after": 0.2}}) as sim:
        job = good("backup_job_info", {**sim.options, "states": ["running"]})["jobs"][0]
        result = good("backup_job_abort", {**sim.options, "job_ids": [job["id"]], "interval": 0.5})
    assert [entry["id"] for entry in result["aborted"]] == [job["id"]]
    assert result["changed"] is True
    assert len(sim.writes) == 1
    assert sim.writes[0].status == 202
    assert sim.refused == []


def test_vspc_202_and_async_actions_on_a_stop_that_fails_because_the_run_has_ended() -> None:
    job = {"instanceUid": UID.format(1), "status": "Running", "lastRun": "@-60", "lastEndTime": None}
    job["after_looks"] = [{"looks": 1, "set": {"status": "Success", "lastEndTime": "@now"}}]
    with Simulator({"system": "veeam_vspc", "jobs": [job], "async": {"paths": "/stop"}}) as sim:
        result = good("backup_job_abort", {**sim.options, "job_ids": [UID.format(1)], "interval": 0.5})
    assert result["aborted"] == []
    assert [entry["id"] for entry in result["already_finished"]] == [UID.format(1)]
    assert len(sim.writes) == 1


def test_vspc_202_and_async_actions_on_a_stop_that_is_refused_name_the_vendors_reason() -> None:
    job = {"instanceUid": UID.format(1), "status": "Running", "lastRun": "@-60", "lastEndTime": None}
    refusal = {"errors": [{"message": "The job is locked by an administrator", "type": "logical", "code": 1210}]}
    faults = [{"path": "/result$", "do": {"status": 400, "body": refusal}}]
    story = {"system": "veeam_vspc", "jobs": [job], "async": {"paths": "/stop"}, "faults": faults}
    with Simulator(story) as sim, Inside(sim.options, sim, writes=True) as vspc:
        (found,) = vspc.look().jobs.values()
        with pytest.raises(Refused, match="locked by an administrator"):
            vspc.system.stop_job(found)
    assert len(sim.writes) == 1


def test_vspc_an_errors_array_beside_data_in_a_200_answer_refuses_the_stop() -> None:
    job = {"instanceUid": UID.format(1), "status": "Running", "lastRun": "@-60", "lastEndTime": None}
    body = {
        "data": {},
        "meta": None,
        "errors": [{"message": "No rights on this server", "type": "security", "code": 403}],
    }
    faults = [{"path": "/stop$", "do": {"status": 200, "body": body}}]
    with play({"system": "veeam_vspc", "jobs": [job], "faults": faults}, writes=True) as (_sim, vspc):
        (found,) = vspc.look().jobs.values()
        with pytest.raises(Refused, match="No rights on this server"):
            vspc.system.stop_job(found)


_NEWS = {"on_collect": {"set": {"status": "Success", "lastEndTime": "@now"}}}


def _collected(sim: Simulator) -> list[str]:
    return [entry.path.rpartition("/backupServers/")[2] for entry in sim.writes]


@pytest.mark.parametrize("rule", [None, {"paths": "/collect", "after": 1}])
def test_vspc_forced_collection_brings_in_what_the_console_had_not_heard_of(rule: t.Any) -> None:
    jobs = [
        {**_definition(status="Running"), **_NEWS, "instanceUid": UID.format(n), "backupServerUid": UID.format(server)}
        for n, server in ((1, 8), (2, 9), (3, 8))
    ]
    story = {"system": "veeam_vspc", "jobs": jobs, "async": rule}
    with Simulator(story) as sim:
        unheard = good("backup_job_info", sim.options)
        assert sim.writes == []
        args = {**sim.options, "collect": True}
        foreseen = good("backup_job_info", args, check_mode=True)
        assert sim.writes == []
        heard = good("backup_job_info", args)
    assert unheard["by_state"] == foreseen["by_state"] == {**dict.fromkeys(STATES, 0), "running": 3}
    assert heard["by_result"] == {**dict.fromkeys(RESULTS, 0), "success": 3}
    assert _collected(sim) == [f"{UID.format(8)}/collect", f"{UID.format(9)}/collect"]
    assert sim.refused == []


def test_vspc_forced_collection_asks_only_the_servers_of_the_jobs_selected() -> None:
    jobs = [{**_definition(), "instanceUid": UID.format(n), "backupServerUid": UID.format(n)} for n in (1, 2)]
    with Simulator({"system": "veeam_vspc", "jobs": jobs}) as sim:
        good("backup_job_info", {**sim.options, "collect": True, "job_ids": [UID.format(2).upper()]})
    assert _collected(sim) == [f"{UID.format(2)}/collect"]


@pytest.mark.parametrize(
    "chosen", [{"types": ["BackupVm"]}, {"types": ["backupvm"]}, {"states": ["running"]}, {"started_after": "2h"}]
)
def test_vspc_forced_collection_is_for_what_a_job_is_and_not_for_what_is_known_of_it(chosen: dict[str, t.Any]) -> None:
    """That a run has begun may be the very thing that the console has not heard of."""
    begins = {"on_collect": {"set": {"status": "Running", "lastRun": "@now", "lastEndTime": None}}}
    job = {**_definition(status="Success"), **begins, "type": "BackupVm", "backupServerUid": UID.format(8)}
    with Simulator({"system": "veeam_vspc", "jobs": [job]}) as sim:
        result = good("backup_job_info", {**sim.options, "collect": True, **chosen})
    assert result["by_state"] == {**dict.fromkeys(STATES, 0), "running": 1}
    assert len(sim.writes) == 1


def test_vspc_forced_collection_without_the_right_to_it_is_asked_for_once() -> None:
    jobs = [{**_definition(), "instanceUid": UID.format(n), "backupServerUid": UID.format(n)} for n in range(9)]
    with Simulator({"system": "veeam_vspc", "jobs": jobs}) as sim:
        args = {"system": "veeam_vspc", "url": sim.url, "access_token": sim.credentials["read_only_api_key"]}
        result = good("backup_job_info", {**args, "collect": True})
    assert len(sim.writes) == 1
    assert len(warnings(result)) == 1


def test_vspc_forced_collection_names_a_few_servers_that_refuse() -> None:
    jobs = [{**_definition(), "instanceUid": UID.format(n), "backupServerUid": UID.format(n)} for n in range(9)]
    refusal = {"errors": [{"message": "The agent is offline", "type": "logical", "code": 1210}]}
    faults = [{"path": "/collect$", "do": {"status": 400, "body": refusal}}]
    with Simulator({"system": "veeam_vspc", "jobs": jobs, "faults": faults}) as sim:
        (warning,) = warnings(good("backup_job_info", {**sim.options, "collect": True}))
    assert warning.count("The agent is offline") == 5
    assert "and 4 servers more" in warning


def test_vspc_forced_collection_in_a_wait_comes_every_five_minutes_and_ends_it() -> None:
    job = {**_definition(status="Running"), "backupServerUid": UID.format(8)}
    with play({"system": "veeam_vspc", "jobs": [job]}) as (sim, _plain):
        vspc = Inside({**sim.options, "collect": True}, sim)
        for _slice in range(4):
            for _look in range(10):
                vspc.look(job_ids=[UID.format(1)])
                vspc.clock.advance(29.9)
            # As between two processes.
            asked_at, clock = vspc.system.collected_at, vspc.clock
            vspc = Inside({**sim.options, "collect": True}, sim)
            vspc.http.clock, vspc.clock, vspc.system.collected_at = clock, clock, asked_at
        assert len(sim.writes) == 4
    with Simulator({"system": "veeam_vspc", "jobs": [{**job, **_NEWS}]}) as sim:
        result = good("backup_job_wait", {**sim.options, "collect": True, "job_ids": [UID.format(1)]})
    assert result["verdict"] == "reached"
    assert len(sim.writes) == 1


@pytest.mark.parametrize("what", ["read-only", "refused", "queued and refused", "no answer"])
def test_vspc_forced_collection_that_fails_is_a_warning_and_not_the_end(what: str) -> None:
    refusal = {"errors": [{"message": "The agent is offline", "type": "logical", "code": 1210}]}
    faults = {
        "read-only": [],
        "refused": [{"path": "/collect$", "do": {"status": 400, "body": refusal}}],
        "queued and refused": [{"path": "/result$", "do": {"status": 400, "body": refusal}}],
        "no answer": [{"path": "/collect$", "do": {"reset": True}}],
    }[what]
    story: dict[str, t.Any] = {"system": "veeam_vspc", "jobs": [_definition(status="Running")], "faults": faults}
    story["async"] = {"paths": "/collect"} if what.startswith("queued") else None
    with Simulator(story) as sim:
        args = {**sim.options, "collect": True}
        if what == "read-only":
            args = {"system": "veeam_vspc", "url": sim.url, "access_token": sim.credentials["read_only_api_key"]}
            args["collect"] = True
        result = good("backup_job_info", args)
    assert result["by_state"] == {**dict.fromkeys(STATES, 0), "running": 1}
    (warning,) = warnings(result)
    assert "Console could not be made to collect, so what it shows may be old: " in warning
    said = {"read-only": "lacks a permission", "no answer": "got no answer"}.get(what, "The agent is offline")
    assert said in warning
    assert len(sim.writes) == 1


def test_vspc_http_520_is_trouble_that_passes() -> None:
    faults = [{"path": "/jobs", "nth": [1, 2], "do": {"status": 503}}]
    story = tale("veeam_vspc", faults=faults)
    with Simulator(story) as sim, Inside(sim.options, sim) as vspc:
        assert set(vspc.look().jobs) == ids(story)
    assert [entry.status for entry in sim.reads] == [520, 520, 200, 200, 200]
    assert sum(vspc.clock.slept) > 0


def test_vspc_http_520_for_ever_is_told_with_the_vendors_words() -> None:
    faults = [{"path": "/jobs", "do": {"status": 500}}]
    with (
        play(tale("veeam_vspc", faults=faults)) as (_sim, vspc),
        pytest.raises(Unanswered, match="HTTP 520: Internal server error"),
    ):
        vspc.look()


def test_vspc_retry_after_in_the_body_of_a_429_is_obeyed() -> None:
    faults = [{"path": "/jobs", "nth": [1], "do": {"throttle": 25}}]
    with Simulator(tale("veeam_vspc", faults=faults)) as sim, Inside(sim.options, sim, patience=60) as vspc:
        vspc.look()
    first, second, *_others = sim.reads
    assert "Retry-After" not in first.headers
    assert second.time - first.time >= 25
    assert vspc.http.statistics.throttled_seconds >= 25


@pytest.mark.parametrize("status", ["Starting", "Running", "Stopping", "WaitingTape"])
def test_vspc_last_run_and_last_end_time_are_stale_while_a_run_begins(status: str) -> None:
    job = {"instanceUid": UID.format(1), "status": status, "lastRun": "@-86400", "lastEndTime": "@-86338"}
    with play({"system": "veeam_vspc", "jobs": [{**job, "lastDuration": 62}]}) as (_sim, vspc):
        (read,) = vspc.look().jobs.values()
        recent = vspc.look(started_after="1h").jobs
    assert read.active
    assert (read.started, read.finished, read.duration, read.eta) == (None, None, None, None)
    assert recent, "a run that begins now was hidden by the start of the one before"


def test_vspc_a_result_older_than_the_run_that_began_is_not_believed() -> None:
    job = {"instanceUid": UID.format(1), "status": "Success", "lastRun": "@-60", "lastEndTime": "@-3600"}
    with Simulator({"system": "veeam_vspc", "jobs": [job]}) as sim, Inside(sim.options) as vspc:
        (read,) = vspc.look().jobs.values()
    assert (read.state, read.result, read.active) == ("unknown", None, True)
    assert "earlier run" in str(read.message)


def _definition(**more: t.Any) -> dict[str, t.Any]:
    before = {"instanceUid": UID.format(1), "name": "Nightly", "lastRun": "@-86400", "lastEndTime": "@-86338"}
    return {**before, "lastDuration": 62, "status": "Failed", **more}


_BEGINS = [
    {"at": 2.0, "set": {"status": "Starting"}},
    {"at": 3.0, "set": {"status": "Running", "lastRun": "@now", "lastEndTime": None}},
    {"at": 4.0, "set": {"status": "Success", "lastEndTime": "@now", "lastDuration": 1}},
]


def test_vspc_wait_with_started_after_is_for_the_run_that_began_since() -> None:
    with Simulator({"system": "veeam_vspc", "jobs": [_definition(timeline=_BEGINS)]}) as sim:
        since = datetime.now(timezone.utc).isoformat()
        args = {**sim.options, "job_ids": [UID.format(1)], "interval": 0.5, "max_interval": 0.5}
        result = good("backup_job_wait", {**args, "started_after": since})
    (job,) = result["jobs"]
    assert result["verdict"] == "reached"
    assert job["result"] == "success"
    assert job["started"] >= since[:19]
    assert [change["to"] for change in result["transitions"]][-1] == "success"
    assert "failed" not in [change["to"] for change in result["transitions"]], "the run before was taken for this one"


def test_vspc_wait_with_started_after_and_no_new_run_is_missing_and_never_the_old_success() -> None:
    job = _definition(status="Success")
    with Simulator({"system": "veeam_vspc", "jobs": [job]}) as sim:
        args = {**sim.options, "job_ids": [UID.format(1)], "interval": 0.5, "started_after": "1h"}
        result = bad("backup_job_wait", {**args, "appear_timeout": 1})
    assert result["verdict"] == "missing"


def test_vspc_wait_without_started_after_takes_the_latest_result_or_the_run_in_progress() -> None:
    args = {"job_ids": [UID.format(1)], "interval": 0.5, "max_interval": 0.5, "accept_results": ANY_RESULT}
    # Their time begins with the first request, however long a module takes to start.
    story: dict[str, t.Any] = {"system": "veeam_vspc", "clock": {"waits": True}}
    with Simulator({**story, "jobs": [_definition(timeline=_BEGINS)]}) as sim:
        latest = good("backup_job_wait", {**sim.options, **args})
    began = [{**entry, "at": at} for entry, at in zip(_BEGINS, (0.0, 4.0, 6.0))]
    with Simulator({**story, "jobs": [_definition(timeline=began)]}) as sim:
        in_progress = good("backup_job_wait", {**sim.options, **args})
    assert (latest["polls"], latest["jobs"][0]["result"]) == (1, "failed")
    assert in_progress["jobs"][0]["result"] == "success"
    assert in_progress["polls"] > 1


# -- words that no document names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "word"), [(system, word) for system in SIMULATED for word in PLAYED[system].strange]
)
def test_unknown_words_are_unknown_active_never_success_and_named(system: str, word: Word) -> None:
    story = tale(system)
    strange = story["jobs"][3]
    strange.update(KNOWN[system].fields(word))
    its_id = str(strange[KNOWN[system].id_field])
    with Simulator(story) as sim:
        result = good("backup_job_info", sim.options)
        drain = {**sim.options, "job_ids": [its_id], "wait_timeout": 0}
        if "refresh_token" not in drain:
            assert bad("backup_job_wait", {**drain, "state": "idle"})["verdict"] == "timed_out"
    (job,) = [job for job in result["jobs"] if job["id"] == its_id]
    assert (job["state"], job["result"], job["active"], job["finished"]) == ("unknown", None, True, None)
    assert job["vendor_state"] == str(word)
    assert any(str(word) in str(warning) and "do not name" in str(warning) for warning in result["warnings"])


@pytest.mark.parametrize("missing", [None, "", "absent", [], {}, True, 1.5])
@pytest.mark.parametrize("system", SIMULATED)
def test_a_status_that_is_no_word_is_unknown_and_active(system: str, missing: t.Any) -> None:
    raw: Raw = KNOWN[system].raw(1, PLAYED[system].done)
    del raw[KNOWN[system].state_fields[0]]
    if missing != "absent":
        raw[KNOWN[system].state_fields[0]] = missing
    body = PLAYED[system].wrap([raw], 1, 0)
    with Simulator(scripted(system, then=body)) as sim, Inside(sim.options) as inside:
        listing = inside.look()
    (job,) = listing.jobs.values()
    assert (job.state, job.result, job.active) == ("unknown", None, True)
    assert listing.warnings


# -- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "error"), [(system, error) for system in SIMULATED for error in PLAYED[system].errors]
)
def test_every_documented_error_body_is_one_sentence_with_the_vendors_words(system: str, error: Error) -> None:
    status, body, kind, said = error
    faults = [{"path": ".*", "kind": "read", "do": {"status": status, "body": body}}]
    with play({"system": system, "faults": faults}, patience=0) as (_sim, inside), pytest.raises(kind) as caught:
        inside.look()
    message = str(caught.value)
    for words in said:
        assert words in message
    assert "\n" not in message
    assert "{" not in message
    assert len(message) < 600


@pytest.mark.parametrize(
    ("system", "status", "body", "said"),
    [(system, *error) for system in SIMULATED for error in PLAYED[system].login_errors],
)
def test_every_documented_token_error_is_one_sentence_that_names_what_to_check(
    system: str, status: int, body: t.Any, said: str
) -> None:
    faults = [{"kind": "login", "do": {"status": status, "body": body}}]
    with play({"system": system, "faults": faults}, patience=0) as (sim, inside), pytest.raises(AuthLost) as caught:
        inside.look()
    message = str(caught.value)
    assert said in message
    assert f"HTTP {status}" in message
    assert "Check " in message
    assert all(str(sim.options[name]) not in message for name in ("client_secret", "password") if sim.options.get(name))


def test_flosum_a_single_element_array_could_be_refused_so_all_are_always_sent() -> None:
    with Simulator(tale("flosum", single_scalar="refuse")) as sim, Inside(sim.options) as flosum:
        assert flosum.look(states=["running"], types=["Composite Backup"]).jobs
    (entry,) = sim.reads
    sent = parse_qs(entry.query)
    assert sent["types"] == ["full", "full & sync", "template", "archive"]
    assert sent["statuses"] == ["In Progress", "Exception", "Completed", "Aborted"]
    assert "full%20%26%20sync" in entry.query
    assert sim.refused == []


def test_flosum_the_id_of_a_job_is_not_that_of_its_backup() -> None:
    with Simulator(tale("flosum")) as sim, Inside(sim.options) as flosum:
        assert set(flosum.look(job_ids=["4101", "9001"]).jobs) == {"4101"}


# -- what servers may do that no document forbids -------------------------------------------------------------------


def _capped(system: str, pages: list[int], linked: bool) -> list[dict[str, t.Any]]:
    """Give pages whose total counts only their own rows; the last job of all still runs."""
    bodies, last = [], sum(pages) - 1
    for number, rows in enumerate(pages):
        first = sum(pages[:number])
        jobs = [{"jobId": f"J{row}", "status": 1 if row == last else 2} for row in range(first, first + rows)]
        link = f"/jobs?pageIndex={number + 1}" if linked and number < len(pages) - 1 else ""
        data = {"totalCount": rows, "jobs": jobs, "nextLink": link}
        bodies.append({"statusCode": 200, "data": data} if system == "avepoint_salesforce" else data)
    empty = {"totalCount": 0, "jobs": [], "nextLink": ""}
    return [*bodies, {"statusCode": 200, "data": empty} if system == "avepoint_salesforce" else empty]


@pytest.mark.parametrize(
    ("system", "linked"), [("avepoint_salesforce", True), ("avepoint_salesforce", False), ("avepoint_iaas_paas", False)]
)
@pytest.mark.parametrize("pages", [[10, 10, 4], [10, 10], [12, 3], [25, 3], [64, 64, 22], [100, 100, 1]])
def test_total_of_the_page_is_not_taken_for_that_of_the_list(system: str, linked: bool, pages: list[int]) -> None:
    bodies = _capped(system, pages, linked)
    with Simulator(scripted(system, *bodies, then=bodies[-1])) as sim, Inside(sim.options) as avepoint:
        listing = avepoint.look()
    assert len(listing.jobs) == sum(pages)
    assert listing.complete
    assert [job.id for job in listing.jobs.values() if job.active] == [f"J{sum(pages) - 1}"]


@pytest.mark.parametrize("beyond", ["empty", "again", "refused"])
@pytest.mark.parametrize(("rows", "asked"), [(7, 1), (9, 1), (10, 2), (12, 2), (99, 2), (100, 2)])
@pytest.mark.parametrize("system", AVEPOINT)
def test_total_that_could_be_of_the_page_costs_one_more_page(system: str, rows: int, asked: int, beyond: str) -> None:
    body, empty = _capped(system, [rows], False)
    story = scripted(system, body, then=body if beyond == "again" else empty)
    if beyond == "refused":
        story["faults"][-1]["do"] = {"status": 400, "body": {"message": "no such page"}}
    with Simulator(story) as sim, Inside(sim.options) as avepoint:
        listing = avepoint.look()
    assert len(listing.jobs) == rows
    assert listing.complete
    assert listing.warnings == []
    # The server may count pages from 0 or from 1: then page 1 again is the first one.
    twice = beyond == "again" and asked == 2
    assert len(sim.reads) == asked + twice


@pytest.mark.parametrize("system", AVEPOINT)
def test_total_that_was_that_of_the_list_once_is_doubted_again_when_the_list_has_grown(system: str) -> None:
    """Ten jobs, all done. Then there are fifteen, the last of which runs, and the total still counts a page of ten."""
    (small, empty), (first, second, _end) = _capped(system, [10], False), _capped(system, [10, 5], False)
    for body in (small, first):
        for job in (body.get("data") or body)["jobs"]:
            job["status"] = 2
    with Simulator(scripted(system, small, empty, first, second, then=empty)) as sim, Inside(sim.options) as avepoint:
        looks = [avepoint.look() for _look in range(2)]
    assert [len(listing.jobs) for listing in looks] == [10, 15]
    assert [sum(job.active for job in listing.jobs.values()) for listing in looks] == [0, 1]


def test_total_of_the_page_and_a_refusal_at_the_end_is_not_complete() -> None:
    bodies = _capped("avepoint_iaas_paas", [10, 10, 4], False)[:-1]
    story = scripted("avepoint_iaas_paas", *bodies, then={})
    story["faults"][-1]["do"] = {"status": 400, "body": {"message": "no such page"}}
    with Simulator(story) as sim, Inside(sim.options) as avepoint:
        listing = avepoint.look()
    assert len(listing.jobs) == 24
    assert not listing.complete


@pytest.mark.parametrize("system", AVEPOINT)
def test_links_that_lead_from_one_empty_page_to_the_next_end(system: str) -> None:
    data = {"totalCount": 0, "jobs": [], "nextLink": "abc"}
    bodies = [{**data, "nextLink": f"abc{number}"} for number in range(150)]
    if system == "avepoint_salesforce":
        bodies = [{"statusCode": 200, "data": body} for body in bodies]
    with Simulator(scripted(system, *bodies, then=bodies[-1])) as sim, Inside(sim.options) as avepoint:
        listing = avepoint.look()
        assert len(sim.reads) < 120
    assert not listing.complete


@pytest.mark.parametrize(
    "beside",
    [
        {"errors": [{"code": "Shard", "message": "one shard did not answer"}]},
        {"errors": {"message": "one shard did not answer"}},
        {"errors": "one shard did not answer"},
        {"errorModel": "one shard did not answer"},
        {"errorModel": {"statusCode": 500, "requestId": "one shard did not answer"}},
    ],
)
@pytest.mark.parametrize("system", AVEPOINT)
def test_errors_beside_the_rows_make_the_list_incomplete(system: str, beside: dict[str, t.Any]) -> None:
    data = {"totalCount": 1, "jobs": [{"jobId": "J1", "status": 2}]}
    bodies = [{**data, **beside}]
    if system == "avepoint_salesforce":
        bodies = [{"data": data, **beside}, {"data": {**data, **beside}}]
    for body in bodies:
        with Simulator(scripted(system, then=body)) as sim, Inside(sim.options) as avepoint:
            listing = avepoint.look()
        assert not listing.complete
        assert any("one shard did not answer" in warning for warning in listing.warnings)


@pytest.mark.parametrize(
    "beside",
    [
        {"errors": []},
        {"errors": None},
        {"errors": ""},
        {"errors": {"message": None, "code": ""}},
        {"errorModel": {"statusCode": 200, "requestId": "4711", "date": "2026-03-01T00:00:00Z"}},
    ],
)
@pytest.mark.parametrize("system", AVEPOINT)
def test_no_errors_beside_the_rows_are_none(system: str, beside: dict[str, t.Any]) -> None:
    data = {"totalCount": 1, "jobs": [{"jobId": "J1", "status": 2}], **beside}
    body = {"data": data, **beside} if system == "avepoint_salesforce" else data
    with Simulator(scripted(system, then=body)) as sim, Inside(sim.options) as avepoint:
        assert avepoint.look().complete


def test_window_salesforce_stays_where_it_was_during_a_wait() -> None:
    """Moving on with each look, it would leave the running job behind."""
    week = 7 * 86400
    job = {"jobId": "AI1", "status": 1, "startTime": f"@-{week - 3}"}
    with Simulator({"system": "avepoint_salesforce", "jobs": [job]}) as sim:
        args = {**sim.options, "state": "idle", "interval": 0.5, "max_interval": 1, "wait_timeout": 6}
        result = bad("backup_job_wait", args)
        asked = {query["startTime"] for query in queries(sim)}
    assert result["verdict"] == "timed_out"
    assert [job["id"] for job in result["unfinished"]] == ["AI1"]
    assert len(asked) == 1


def test_window_salesforce_is_named_where_a_job_is_missing() -> None:
    with Simulator({"system": "avepoint_salesforce", "jobs": []}) as sim:
        args = {**sim.options, "job_ids": ["AI1"], "interval": 0.5, "appear_timeout": 0}
        result = bad("backup_job_wait", args)
    assert result["verdict"] == "missing"
    assert "were looked for: see started_after" in result["msg"]


def test_window_salesforce_without_a_beginning_does_not_end_before_it_begins() -> None:
    with Simulator({"system": "avepoint_salesforce", "jobs": []}) as sim:
        result = bad("backup_job_info", {**sim.options, "started_before": "30d"})
        assert sim.journal == []
        good("backup_job_info", {**sim.options, "started_before": "30d", "started_after": "60d"})
    assert (
        "started_before needs started_after here: without it, avepoint_salesforce lists only the last 7"
        in result["msg"]
    )


@pytest.mark.parametrize("window", ["start", "finish", "overlap"])
def test_window_iaas_hides_no_job_that_may_still_run(window: str) -> None:
    """What the window is about is not documented; a running job has no end that could lie in it."""
    jobs = [
        {"jobId": "IB1", "status": 1, "startTime": "@-3600"},
        {"jobId": "IB2", "status": 2, "startTime": "@-3600", "finishTime": "@-1800"},
    ]
    story = {"system": "avepoint_iaas_paas", "jobs": jobs, "window": window, "running_in_window": False}
    with play(story) as (sim, avepoint):
        assert set(avepoint.look(started_after="24h").jobs) == {"IB1", "IB2"}
        assert set(avepoint.look(started_after="24h", results=["success"]).jobs) == {"IB2"}
        assert [("startTime" in query) for query in queries(sim)] == [False, True]


@pytest.mark.parametrize("system", AVEPOINT)
def test_page_size_that_is_refused_is_left_out(system: str) -> None:
    refusal = {"statusCode": 400, "message": "pageSize is at most 50"}
    story = tale(system, faults=[{"path": KNOWN[system].list_path, "nth": [1], "do": {"status": 400, "body": refusal}}])
    with play(story) as (sim, avepoint):
        first, second = avepoint.look(), avepoint.look()
    assert set(first.jobs) == set(second.jobs) == ids(story)
    assert first.complete
    sizes = [query.get("pageSize") for query in queries(sim)]
    assert sizes[0] == "100"
    assert set(sizes[1:]) == {None}, "what the server refuses is not sent again"
    if system == "avepoint_salesforce":
        days = queries(sim)[1]
        assert [len(days[name]) for name in ("startTime", "finishTime")] == [10, 10]
        assert days["startTime"] <= queries(sim)[0]["startTime"]
        assert days["finishTime"] > queries(sim)[0]["finishTime"][:10]
    assert sim.refused == []


@pytest.mark.parametrize("body", [{"error": "500", "message": "agent down"}, {"job": [], "error": "agent down"}])
def test_netapp_an_error_without_a_job_says_nothing_of_the_job(body: dict[str, t.Any]) -> None:
    for path, chosen in (("/job/j1$", {"job_ids": ["j1"]}), ("/job$", {})):
        faults = [{"path": path, "do": {"status": 200, "body": body}}]
        with (
            play({"system": "netapp_bluexp", "jobs": [], "faults": faults}, patience=0) as (_sim, netapp),
            pytest.raises(Unanswered, match="agent down"),
        ):
            netapp.look(**chosen)


def test_netapp_an_error_beside_jobs_makes_the_list_incomplete() -> None:
    body = {"job": [{"id": "j1", "status": "COMPLETED"}], "message": "one agent is down"}
    with play(scripted("netapp_bluexp", then=body)) as (_sim, netapp):
        listing = netapp.look()
    assert not listing.complete
    assert any("one agent is down" in warning for warning in listing.warnings)


def test_netapp_an_empty_404_is_no_such_job() -> None:
    faults = [{"path": "/job/j1$", "do": {"status": 404, "body": ""}}]
    with play({"system": "netapp_bluexp", "jobs": [], "faults": faults}) as (sim, netapp):
        assert netapp.look(job_ids=["j1"]).jobs == {}
        # Only the list tells that it is the job which is not there.
        assert [entry.path.rpartition("/")[2] for entry in sim.reads] == ["j1", "job"]


def test_netapp_a_404_about_the_agent_is_no_missing_job() -> None:
    faults = [{"path": "/job(/j1)?$", "do": {"status": 404, "body": {"message": "Agent not found"}}}]
    story = {"system": "netapp_bluexp", "jobs": [{"id": "j1", "status": "IN_PROGRESS"}], "faults": faults}
    wait = {"job_ids": ["j1"], "on_missing": "finished", "appear_timeout": 0, "wait_timeout": 30}
    with Simulator(story) as sim:
        result = bad("backup_job_wait", {**sim.options, **wait, "unreachable_timeout": 0})
    assert result["verdict"] == "unreachable"
    assert "Agent not found" in result["msg"]


def test_netapp_a_job_that_only_the_list_knows_is_not_missing() -> None:
    faults = [{"path": "/job/j1$", "do": {"status": 404, "body": {"message": "not found"}}}]
    jobs = [{"id": "j1", "status": "IN_PROGRESS"}, {"id": "j2", "status": "COMPLETED"}]
    with play({"system": "netapp_bluexp", "jobs": jobs, "faults": faults}) as (_sim, netapp):
        (job,) = netapp.look(job_ids=["j1"]).jobs.values()
    assert (job.id, job.active) == ("j1", True)


def test_netapp_a_part_that_still_runs_spoils_a_completed_job() -> None:
    raw = {"id": "j1", "status": "COMPLETED", "data": {"restore": {"batch": [{"id": "b", "status": "IN_PROGRESS"}]}}}
    with play(scripted("netapp_bluexp", then={"job": [raw]})) as (_sim, netapp):
        (job,) = netapp.look().jobs.values()
    assert job.result == "warning"


@pytest.mark.parametrize("system", SIMULATED)
def test_an_id_shown_twice_is_active_where_one_sight_says_so(system: str) -> None:
    rows = listed(system, [(1, PLAYED[system].done), (1, PLAYED[system].busy)])
    with play(scripted(system, then=rows)) as (_sim, inside):
        assert [job.active for job in inside.look().jobs.values()] == [True]


@pytest.mark.parametrize("status", [400, 403, 409])
@pytest.mark.parametrize("kind", ["transport", "retryableLogical", "retryablelogical"])
def test_vspc_an_error_that_asks_to_be_sent_again_is_trouble_that_passes(kind: str, status: int) -> None:
    busy = {"errors": [{"message": "The server is busy", "type": kind, "code": status}]}
    story = tale("veeam_vspc", faults=[{"path": "/jobs", "nth": [1], "do": {"status": status, "body": busy}}])
    with play(story) as (sim, vspc):
        assert set(vspc.look().jobs) == ids(story)
        assert len(sim.reads) == 4


@pytest.mark.parametrize("status", [421, 507, 525, 530])
def test_any_trouble_of_a_server_passes(status: int) -> None:
    story = tale(
        "flosum", faults=[{"path": KNOWN["flosum"].list_path, "nth": [1], "do": {"status": status, "body": "{}"}}]
    )
    with play(story) as (_sim, flosum):
        assert set(flosum.look().jobs) == ids(story)


def test_vspc_a_queued_look_whose_action_is_forgotten_is_made_again() -> None:
    gone = {"errors": [{"message": "Async action is not found.", "type": "logical", "code": 404}]}
    faults = [{"path": r"/asyncActions/[^/]+$", "nth": [1], "do": {"status": 404, "body": gone}}]
    story = tale("veeam_vspc", faults=faults, **{"async": {"paths": "/jobs$"}})
    with play(story) as (sim, vspc):
        assert set(vspc.look().jobs) == ids(story)
        assert [entry.path.rpartition("/")[2] for entry in sim.reads].count("jobs") == 4


def test_vspc_a_filter_that_is_answered_with_520_is_left_out() -> None:
    story = tale("veeam_vspc")
    name = story["jobs"][0]["name"]
    odd = {"errors": [{"message": "filter", "type": "logical", "code": 1001}]}
    with Simulator(story) as sim, Inside(sim.options, sim, patience=300) as vspc:
        strike = sim.strike

        def refuse(entry: t.Any) -> dict[str, t.Any]:
            return {"status": 520, "body": odd} if "filter" in entry.query else strike(entry)

        sim.strike = refuse  # type: ignore[method-assign]
        assert name in {job.name for job in vspc.look(names=[name]).jobs.values()}
        assert sum(vspc.clock.slept) < 10
        vspc.look(names=[name])
    assert "filter" not in sim.reads[-1].query


def test_vspc_a_login_that_asks_for_a_second_factor_is_not_tried_again() -> None:
    body = {"access_token": None, "mfa_token": "mfa-0123456789", "token_type": "bearer"}
    faults = [{"kind": "login", "do": {"status": 200, "body": body}}]
    with Simulator(tale("veeam_vspc", faults=faults)) as sim:
        result = bad("backup_job_info", sim.options)
        assert len(sim.logins) == 1
    assert "asks for a second factor, which cannot be given here. Use an API key" in result["msg"]


def test_json_in_the_charset_that_the_server_names_is_read() -> None:
    body = '{"total": 1, "items": [{"jobId": 1, "jobStatus": "Completed", "name": "Nächtlich"}]}'
    response = Response(200, {"Content-Type": "application/json; charset=ISO-8859-1"}, body.encode("latin-1"))
    assert response.json()["items"][0]["name"] == "Nächtlich"
    # Some call their UTF-8 so.
    response = Response(200, {"Content-Type": "application/json; charset=ISO-8859-1"}, body.encode())
    assert response.json()["items"][0]["name"] == "Nächtlich"


def test_a_name_that_would_steer_a_terminal_does_not() -> None:
    jobs = [{"jobId": 1, "name": "a\x1b[2J\r\nok: [all]\u202e", "jobStatus": "Exception", "startedDate": "@-60"}]
    with Simulator({"system": "flosum", "jobs": jobs}) as sim:
        result = bad("backup_job_wait", {**sim.options, "job_ids": ["1"]})
    assert result["jobs"][0]["name"] == "a\x1b[2J\r\nok: [all]\u202e"
    assert result["msg"].isprintable()
    assert "(a [2J ok: [all] )" in result["msg"]
