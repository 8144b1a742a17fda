# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What jobs of a workflow hand on, and what is believed of it."""

from __future__ import annotations

import base64
import hashlib
import json
import typing as t
import zlib
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml

from ansible_collections.changeops.backup.plugins.action.backup_verdict import _OURS
from ansible_collections.changeops.backup.plugins.module_utils._core.times import to_iso_z
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook import handed, handing, leaving
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.report import build_report
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.verdicts import VERDICTS

NOW = datetime(2026, 3, 1, 22, 0, tzinfo=timezone.utc)
ROLES = Path(__file__).parents[5] / "roles"
RUN = {"id": "20260301T215000Z-0a1b2c3d", "began": to_iso_z(NOW), "check_mode": False, "workflow": "7"}


def result(verdict: str = "busy", host: str = "one", **more: t.Any) -> dict[str, t.Any]:
    reasons = [] if verdict == "safe" else [{"host": host, "system": "rclone", "object": "nightly", "why": "it runs"}]
    told = {"verdict": verdict, "code": VERDICTS.index(t.cast("t.Any", verdict)), "msg": f"{verdict}: {host}"}
    return {**told, "reasons": reasons, "jobs": [], "at": to_iso_z(NOW), "run": RUN["id"], "system": "rclone", **more}


def published(verdict: str = "busy", host: str = "one", stage: str = "gate", **more: t.Any) -> dict[str, t.Any]:
    return handing.published(stage, [host], result(verdict, host, **more), "7")


def event(stage: str = "gate", host: str = "one", verdict: str = "busy", **more: t.Any) -> dict[str, t.Any]:
    args = {"stage": stage, "change_id": "C", "connection": {"system": "rclone"}}
    return leaving.event(args, host, result(verdict, host, **more), RUN, NOW)


def model(extra: t.Mapping[str, t.Any], *hosts: str, workflow: str | None = "7") -> dict[str, t.Any]:
    told, bad = handed.from_jobs(extra, hosts, workflow, "C", NOW)
    return build_report("C", told, bad, None, NOW, "1", hosts)


# -- summaries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["one", "db-1.example.com", "result", "x_result", "_a", "a__b", "max_age", "10.0.0.7"])
def test_a_summary_is_read_back_for_the_host_that_it_is_of(host: str) -> None:
    (name,) = made = published(host=host)
    assert name.isidentifier()
    # Neither what the roles find out themselves, nor an option of theirs.
    assert not _OURS.match(name)
    (found,) = handed.read_summaries(made, [], "7")
    assert (found.host, found.verdict, found.wrong, found.place.system) == (host, "busy", None, "rclone")
    assert found.result["reasons"] == result(host=host)["reasons"]


def test_no_host_is_published_under_the_name_of_an_option() -> None:
    for stage in ("gate", "drain", "verify", "change_window", "report"):
        specs = yaml.safe_load((ROLES / f"backup_{stage}" / "meta" / "argument_specs.yml").read_text())
        options = {name for spec in specs["argument_specs"].values() for name in spec["options"]}
        hosts = {name.removeprefix(f"backup_{stage}_") for name in options}
        assert not options & {f"backup_{stage}_{handing.variable_part(host)}" for host in hosts}


@pytest.mark.parametrize(
    "spoiled",
    [
        "safe",
        None,
        [],
        {"verdict": "SAFE", "code": 0},
        {"verdict": "safe"},
        {"code": 0},
        {"msg": 7},
        {"reasons": "none"},
        {"reasons": [{"why": "x"}]},
        {"reasons": ["x" * 5000]},
        {"at": "yesterday"},
        {"overridden": "yes"},
        {"workflow": "8"},
        {"workflow": None},
    ],
)
def test_what_cannot_be_read_or_is_of_another_workflow_is_cannot_tell(spoiled: t.Any) -> None:
    good = published("safe" if not isinstance(spoiled, dict) or "code" not in spoiled else "busy")["backup_gate_one"]
    value = {**good, **spoiled} if isinstance(spoiled, dict) else spoiled
    if spoiled == {"verdict": "safe"}:
        value["code"] = 1
    if spoiled == {"code": 0}:
        value["verdict"] = "busy"
    told = model({"backup_gate_one": value}, "one")
    assert told["verdict"] == "cannot_tell"
    found = handed.read_summaries({"backup_gate_one": value}, ["one"], "7")
    assert handed.judge_published("gate", found, ["one"], NOW)["verdict"] == "cannot_tell"


def test_a_slice_that_published_nothing_makes_the_fleet_cannot_tell() -> None:
    extra = published("safe")
    assert model(extra, "one")["verdict"] == "safe"
    told = model(extra, "one", "two")
    assert told["verdict"] == "cannot_tell"
    assert {system["host"]: system["verdict"] for system in told["systems"]} == {"one": "safe", "two": "cannot_tell"}
    judged = handed.judge_published("gate", handed.read_summaries(extra, ["one", "two"], "7"), ["one", "two"], NOW)
    assert (judged["verdict"], judged["drainable"]) == ("cannot_tell", False)


def test_the_worst_of_the_slices_counts_whatever_the_inventory_of_the_report_is() -> None:
    told = model({**published("safe"), **published("busy", "two")}, "one")
    assert told["verdict"] == "busy"
    assert {system["host"] for system in told["systems"]} == {"one", "two"}


def test_only_a_gate_that_says_so_can_be_drained() -> None:
    for drainable in (True, False):
        found = handed.read_summaries(published(drainable=drainable), ["one"], "7")
        assert handed.judge_published("gate", found, ["one"], NOW)["drainable"] is drainable


def test_without_a_report_nothing_is_known() -> None:
    judged = handed.judge_published("report", [], [], NOW)
    assert (judged["verdict"], judged["outcome"]) == ("cannot_tell", "None")


def test_variables_of_the_roles_are_no_summaries() -> None:
    extra = {"backup_verify_max_age": "24h", "backup_gate_selection": {"names": ["x"]}, "backup_report_dest": "/x"}
    assert handed.read_summaries(extra, ["one"], "7") == []


def test_the_outcome_of_the_change_and_an_override_are_told_by_the_summaries_alone() -> None:
    over = {"reason": "board", "by": "jane", "hosts": ["one"]}
    fleet = {"phase": "open", "scope": "fleet", "hosts": [{"host": "one", "system": "rclone", "verdict": "safe"}]}
    opened = published("safe", stage="change_window", overridden=over, **fleet)
    told = model({**published("safe"), **opened}, "one")
    assert (told["verdict"], told["overridden"]["by"]) == ("safe", "jane")
    closed = published("safe", stage="change_window", **{**fleet, "phase": "close", "outcome": "failed"})
    told = model({**published("safe"), **closed}, "one")
    assert (told["verdict"], told["change"]["outcome"]) == ("safe", "failed")


# -- events --------------------------------------------------------------------------------------------------------


def jobs(count: int) -> list[dict[str, t.Any]]:
    # Names that can hardly be packed.
    names = [hashlib.sha512(str(n).encode()).hexdigest() for n in range(count)]
    return [{"id": str(n), "name": f"{{{{ 1 }}}} {name}", "active": True} for n, name in enumerate(names)]


def test_an_event_is_read_back_as_it_was() -> None:
    made = event(jobs=jobs(3))
    told, bad = handed.from_jobs({**handing.handed_on(made, 1), **published()}, ["one"], "7", "C", NOW)
    assert (told, bad) == ([made], [])


def test_an_event_is_cut_until_it_fits_and_says_how_many_jobs_are_gone() -> None:
    made = handing.handed_on(event(jobs=jobs(500)), 1)
    assert [len(text) <= 6400 for text in made.values()] == [True]
    ((told,), _bad) = handed.from_jobs(made, ["one"], "7", "C", NOW)
    kept = len(told["result"]["jobs"])
    assert 0 < kept < 500
    assert told["result"]["jobs_not_kept"] == 500 - kept
    assert told["result"]["unseen"][0]["why"] == f"{500 - kept} of 500 jobs did not fit into what the workflow hands on"


def test_of_many_hosts_only_the_summaries_are_handed_on() -> None:
    assert handing.handed_on(event(), 1000) == {}
    told = model(published(), "one")
    assert told["verdict"] == "busy"
    assert told["unseen"][0]["why"] == "of this stage only its verdict was handed on"


@pytest.mark.parametrize(
    "content",
    [
        b"no json",
        b"[]",
        json.dumps({**event(), "schema": "x"}).encode(),
        json.dumps({**event(), "result": {"verdict": "SAFE"}}).encode(),
        json.dumps({**event(), "result": {**result("safe"), "jobs": ["x"]}}).encode(),
        json.dumps({**event(verdict="safe"), "run": {**RUN, "workflow": "8"}}).encode(),
        b" " * (5 << 20),
    ],
)
def test_an_event_that_is_none_leaves_a_hole_in_the_story(content: bytes) -> None:
    text = base64.b64encode(zlib.compress(content)).decode()
    told = model({f"{handing.PREFIX}0a1b2c3d_gate_one": text}, "one")
    assert told["verdict"] == "cannot_tell"


@pytest.mark.parametrize("text", ["", "%%%", base64.b64encode(b"not packed").decode(), 7, None])
def test_what_is_not_packed_is_none(text: t.Any) -> None:
    assert model({f"{handing.PREFIX}0a1b2c3d_gate_one": text}, "one")["verdict"] == "cannot_tell"


@pytest.mark.parametrize(("packed", "summary", "verdict"), [("busy", "safe", "busy"), ("safe", "busy", "busy")])
def test_of_an_event_and_its_summary_the_worse_counts(packed: str, summary: str, verdict: str) -> None:
    extra = {**handing.handed_on(event(verdict=packed), 1), **published(summary)}
    assert model(extra, "one")["verdict"] == verdict


def test_what_was_handed_on_makes_the_verdict_of_a_folder_worse_and_never_better() -> None:
    told, _bad = handed.from_jobs(published("safe"), ["one"], "7", "C", NOW)
    assert handed.not_there(told, []) == []
    told, _bad = handed.from_jobs(published("busy"), ["one"], "7", "C", NOW)
    assert [one.name for one in handed.not_there(told, [])] == ["gate of one"]
    assert handed.not_there(told, [event()]) == []


# -- notices -------------------------------------------------------------------------------------------------------


def test_a_notice_is_short_and_calls_nobody() -> None:
    reasons = [{"host": "h", "object": "<!channel> @all `x` |", "why": "\n" * 5 + "w" * 900}] * 50
    told = handing.notice({**result(), "reasons": reasons, "msg": "m" * 900}, None)
    assert len(json.dumps(told)) < 1000
    assert not set("<>@`|\n") & set("".join(told.values()))
