# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflow, played: each node a job of ansible-runner, and what a node publishes an extra variable of the next.

No folder is shared: the report is made of what was published alone.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from harness import ROOT
from playbooks.windows import moment, vspc
from runner.jobs import Job
from simulator import Simulator

DATA = ROOT / "extensions" / "awx"
NODES = {one["identifier"]: one for one in yaml.safe_load((DATA / "workflow.yml").read_text())}
PLAYBOOKS = {one["name"]: one["playbook"] for one in yaml.safe_load((DATA / "job_templates.yml").read_text())}
OLD = {"lastRun": "@-400000", "lastEndTime": "@-399000"}
HOSTILE = "{{ lookup('ansible.builtin.pipe', 'touch pwned') }} <script>alert(1)</script>"


@dataclass
class Played:
    """What became of each node that ran, and what was published and said at the end."""

    ended: dict[str, bool] = field(default_factory=dict)
    published: dict[str, t.Any] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        return str(self.published["backup_notice"]["verdict"])


def play(
    folder: Path,
    hosts: t.Mapping[str, Simulator],
    approve: Callable[[str], bool] = lambda _node: True,
    lost: t.Collection[str] = (),
    change: bool = True,
    shared: str = "",
    **answers: t.Any,
) -> Played:
    """Play the workflow from its gate to its verdict. ``lost``: nodes whose job ends without a word."""
    given = {"change_id": "CHG0012345", "end": moment(60), "change_duration": "1m", "wait_timeout": 3, **answers}
    variables = {f"backup_awx_{name}": value for name, value in given.items()}
    inventory = {
        host: {"backup_connection": {**sim.options, "unreachable_timeout": 3}, "backup_change_window_quiet_period": 0}
        for host, sim in hosts.items()
    }
    played, name = Played(), "gate"
    while True:
        node = NODES[name]
        if "template" not in node or name in lost:
            good = approve(name) if "approval" in node else change and name not in lost
        else:
            known = {**played.published, **variables, "awx_workflow_job_id": 7}
            known["backup_change_window_report_dest"] = shared
            playbook = f"changeops.backup.{PLAYBOOKS[node['template']].removesuffix('.yml')}"
            job = Job(folder / name, playbook, inventory, known, {})
            status, played.said[name] = job.wait()
            good = status == 0
            for event in job.events():
                if event["event"] == "playbook_on_stats":
                    played.published.update(event["event_data"]["artifact_data"])
        played.ended[name] = good
        after = node.get("always") or node.get("success" if good else "failure")
        if not after:
            return played
        (name,) = after


@pytest.mark.timeout(200)
def test_where_it_is_safe_the_change_runs_and_the_report_is_made_of_what_was_published(tmp_path: Path) -> None:
    with Simulator(vspc({"name": HOSTILE})) as one, Simulator(vspc({"name": "Nightly"})) as two:
        # Empty answers are none.
        played = play(tmp_path, {"one": one, "db-2.example.com": two}, title="", objects="", override_reason="")
    path = ["gate", "verify", "may_begin", "change", "after", "report", "verdict"]
    assert played.ended == dict.fromkeys(path, True), played.said
    assert played.verdict == "safe"
    assert not list(tmp_path.rglob("pwned"))
    # Both stages of both systems, with their jobs: nothing was cut.
    assert "Systems: 2; jobs: 2" in played.said["report"]
    assert "did not fit" not in played.said["report"]
    summaries = {name: one for name, one in played.published.items() if name.startswith("backup_")}
    assert all(len(json.dumps(one)) < 1024 for one in summaries.values())
    assert len(json.dumps(played.published)) < 80_000


@pytest.mark.timeout(200)
def test_a_wait_is_only_asked_for_where_it_can_lead_to_a_change(tmp_path: Path) -> None:
    running = {"name": "Nightly", "status": "Running", "lastRun": "@-60"}
    with Simulator(vspc({"name": "Weekly"}, running)) as sim:
        played = play(tmp_path / "busy", {"one": sim})
        assert played.ended == {
            "gate": False, "may_wait": True, "wait_or_abort": True, "drain": False, "report": False, "verdict": False
        }  # fmt: skip
        assert played.verdict == "busy"
        closed = play(tmp_path / "closed", {"one": sim}, start=moment(-120), end=moment(-1))
    assert closed.ended == {"gate": False, "may_wait": False, "report": False, "verdict": False}
    assert closed.verdict == "closed"


@pytest.mark.timeout(200)
def test_a_job_that_was_lost_has_published_nothing_and_that_opens_no_way(tmp_path: Path) -> None:
    with Simulator(vspc({"name": "Nightly"})) as sim:
        gate = play(tmp_path / "gate", {"one": sim}, lost=["gate"])
        verify = play(tmp_path / "verify", {"one": sim}, lost=["verify"], override_reason="board", override_by="jane")
    assert [name for name, good in gate.ended.items() if good] == []
    assert "change" not in verify.ended
    assert not verify.ended["may_override"]
    assert gate.verdict == "cannot_tell"


@pytest.mark.timeout(200)
def test_a_breach_is_overridden_by_an_approval_a_reason_and_a_name(tmp_path: Path) -> None:
    with Simulator(vspc({"name": "Nightly", **OLD})) as sim:
        without = play(tmp_path / "without", {"one": sim}, override_reason="board")
        denied = play(tmp_path / "denied", {"one": sim}, lambda _n: False, override_reason="board", override_by="jane")
        played = play(tmp_path / "with", {"one": sim}, override_reason="board", override_by="jane")
    assert "override" not in without.ended
    assert "change" not in {**without.ended, **denied.ended}
    assert (without.verdict, denied.verdict) == ("breach", "breach")
    assert played.ended["verdict"], played.said
    assert "OVERRIDDEN" in played.said["report"]


@pytest.mark.timeout(200)
def test_a_change_that_failed_is_looked_after_and_ends_red(tmp_path: Path) -> None:
    with Simulator(vspc({"name": "Nightly"})) as sim:
        played = play(tmp_path, {"one": sim}, change=False, shared=str(tmp_path / "evidence"))
    assert [*played.ended][-4:] == ["change", "after_failed", "report", "verdict"]
    assert not played.ended["verdict"]
    assert "The change: failed" in played.said["verdict"]
    # All jobs saw one folder: the report is made of it, and what was published besides says nothing else.
    told = json.loads((tmp_path / "evidence" / "CHG0012345" / "report.json").read_text())
    assert (told["verdict"], told["change"]["outcome"]) == ("safe", "failed")
    assert {gap["what"] for gap in told["unseen"]} == {"next runs"}
    assert len(told["runs"]) == 4
