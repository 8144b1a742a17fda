# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole change windows: every story with its verdict, what the vendor saw, and whether the change ran."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml

from playbooks.windows import GOOD, RUNNING, Played, System, Window, change_window, flosum, moment, vspc

WILL_STOP = {
    **RUNNING,
    "name": "Quarterly archive",
    "operationType": "Templated Archive",
    "on_abort": {"set": {"jobStatus": "Aborted"}},
}
STOPPING = {
    "backup_change_window_policy": "wait_then_abort",
    "backup_change_window_wait_timeout": 2,
    "backup_change_window_reason": "CHG: the window ends at four",
}


def window(**variables: t.Any) -> dict[str, t.Any]:
    return {f"backup_change_window_{name}": value for name, value in variables.items()}


class Told(t.NamedTuple):
    """What a story has to end in; ``check``: where a rehearsal ends otherwise."""

    system: System
    verdict: str
    changed: bool
    writes: int = 0
    check: str = ""
    says: str = ""
    outcome: str | None = None


def stories() -> dict[str, Told]:
    """Every story, made when it is played: its times are those of now."""
    ends = {"after_looks": [{"looks": 4, "set": {"jobStatus": "Completed", "duration": "00:04:02"}}]}
    due = {"name": "Nightly web", "schedule": {"startDateTimeUtc": moment(10)}}
    nothing = {"meta": {"pagingInfo": {"total": 0, "count": 0, "offset": 0}}}
    partly = {
        "path": "/jobs",
        "kind": "read",
        "do": {
            "status": 200,
            "body": json.dumps({"data": [], "errors": [{"message": "a server is away"}], **nothing}),
        },
    }
    return {
        "idle": Told(System(flosum(GOOD)), "safe", True, outcome="done"),
        "busythenidle": Told(System(flosum({**RUNNING, **ends}, GOOD)), "safe", True, check="busy", outcome="done"),
        "latest": Told(
            System(flosum(RUNNING, GOOD), window(end=moment(0.4), change_duration="4s")),
            "busy",
            False,
            check="busy closed",
            says="still running",
        ),
        "aborts": Told(System(flosum(WILL_STOP, GOOD), STOPPING), "safe", True, writes=1, check="busy", outcome="done"),
        "morethancap": Told(
            System(flosum(WILL_STOP, {**WILL_STOP, "name": "Other"}, GOOD), STOPPING),
            "busy",
            False,
            says="more than may be stopped",
        ),
        "noabort": Told(
            System(
                {
                    "system": "netapp_bluexp",
                    "jobs": [
                        {"id": "0f1c2d3e-0000-4000-8000-000000000021", "status": "IN_PROGRESS", "time": "@-300"},
                        {"id": "0f1c2d3e-0000-4000-8000-000000000020", "status": "COMPLETED", "time": "@-5400"},
                    ],
                },
                STOPPING,
            ),
            "busy",
            False,
        ),
        "incomplete": Told(System(vspc(GOOD, faults=[partly])), "cannot_tell", False, says="not complete"),
        "unknown": Told(
            System(flosum({**RUNNING, "jobStatus": "Reticulating"}, GOOD), window(wait_timeout=1)),
            "cannot_tell",
            False,
            says="Reticulating",
        ),
        "stale": Told(System(flosum({**GOOD, "startedDate": "@-180000"})), "breach", False, says="2 d 2 h ago"),
        "restore": Told(
            System(
                {
                    "system": "avepoint_iaas_paas",
                    "jobs": [
                        {
                            "jobId": "RS20260301090203482571",
                            "status": 2,
                            "jobType": "Restore",
                            "startTime": "@-3600",
                            "finishTime": "@-3000",
                        }
                    ],
                }
            ),
            "breach",
            False,
            says="no backup",
        ),
        "overridden": Told(
            System(
                flosum({**GOOD, "startedDate": "@-180000"}),
                window(override={"reason": "a copy is on tape", "by": "the night shift"}),
            ),
            "safe",
            True,
            outcome="done",
        ),
        "early": Told(System(flosum(GOOD), window(start=moment(5), end=moment(60))), "closed", False, says="opens at"),
        "late": Told(
            System(flosum(RUNNING), {**window(start=moment(-60), end=moment(-5)), **STOPPING}),
            "closed",
            False,
            says="closed at",
        ),
        "tight": Told(
            System(flosum(GOOD), window(end=moment(5), change_duration="10m")), "closed", False, says="not enough"
        ),
        "due": Told(
            System(vspc(due), window(end=moment(60), change_duration="30m")), "busy", False, says="next run begins"
        ),
        "duewarned": Told(
            System(vspc(due), window(end=moment(60), change_duration="30m", due="warn")), "safe", True, outcome="done"
        ),
        "forever": Told(
            System(vspc(GOOD, {"name": "Logs", "type": "SqlLogBackup", "status": "Running"})),
            "safe",
            True,
            outcome="done",
        ),
        "changefails": Told(
            System(flosum(GOOD), {"change_file": "{{ evidence | dirname }}/fails.yml"}), "safe", False, outcome="failed"
        ),
        "checks": Told(System(flosum(RUNNING, GOOD), window(policy="check")), "busy", False),
    }


NAMES = list(stories())


@pytest.fixture(scope="module", params=["real", "check"])
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[tuple[Played, dict[str, Told], bool]]:
    """All stories at once, each a host with a verdict of its own."""
    folder = tmp_path_factory.mktemp("windows")
    told = stories()
    (folder / "fails.yml").write_text("- name: Patch badly\n  ansible.builtin.fail: {msg: no space left}\n")
    with Window(folder, {name: one.system for name, one in told.items()}) as played:
        play = change_window(id="{{ 'CHG-' ~ inventory_hostname }}", scope="host")
        # What a host says of itself counts more than the play.
        given = play.pop("vars")
        play["tasks"] = [{"ansible.builtin.include_role": {"name": "changeops.backup.backup_change_window"}}]
        del play["roles"]
        (folder / "group_vars").mkdir()
        (folder / "group_vars" / "all.yml").write_text(yaml.safe_dump(given))
        is_check = request.param == "check"
        yield played.run([play], *(["--check"] if is_check else [])), told, is_check


@pytest.mark.parametrize("name", NAMES)
def test_a_change_window(name: str, played: tuple[Played, dict[str, Told], bool]) -> None:
    left, told, is_check = played
    wanted = told[name]
    change = f"CHG-{name}"
    report = left.report(change)
    verdicts = wanted.check.split() if is_check and wanted.check else [wanted.verdict]
    assert report["verdict"] in verdicts, report["msg"]
    assert left.changed(name) == (wanted.changed and not is_check)
    assert len(left.writes[name]) == (0 if is_check else wanted.writes)
    assert left.refused[name] == []
    assert report["rehearsal"] == is_check
    assert report["change"]["outcome"] == ("not_run" if is_check else wanted.outcome or "not_run")
    if not is_check:
        assert wanted.says in report["msg"]
