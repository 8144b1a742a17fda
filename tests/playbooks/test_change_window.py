# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole change windows: every story with its verdict, what the vendor saw, and whether the change ran."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
import yaml

from harness import Rclone, kill_all_that_name
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
    """What a story has to end in; ``check``: where a rehearsal ends otherwise. A second word is for slow machines."""

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
    # The token ends in the middle of the drain, and the login is refused from then on.
    lost = [
        {"path": ".*", "kind": "read", "nth": [4], "do": {"expire_token": True}},
        {"path": ".*", "kind": "login", "nth": list(range(3, 60)), "do": {"status": 400}},
    ]
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
            "busy closed",
            False,
            says="running",
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
        "loginlost": Told(
            System(flosum(RUNNING, GOOD, faults=lost)),
            "cannot_tell",
            False,
            says="authentication lost",
            check="busy cannot_tell",
        ),
        "checks": Told(System(flosum(RUNNING, GOOD), window(policy="check")), "busy", False),
    }


def found(name: str, left: Played) -> dict[str, t.Any]:
    """What is left of a story, in the words of what was told."""
    report = left.report(f"CHG-{name}")
    return {
        "verdict": report["verdict"],
        "changed": left.changed(name),
        "writes": len(left.writes[name]),
        "refused": left.refused[name],
        "rehearsal": report["rehearsal"],
        "outcome": report["change"]["outcome"],
        "msg": report["msg"],
    }


def expected(wanted: Told, is_check: bool, seen: dict[str, t.Any]) -> dict[str, t.Any]:
    """What has to be left of it; of two verdicts, and of a message, as it was seen where that is right."""
    verdicts = (wanted.check if is_check and wanted.check else wanted.verdict).split()
    says = is_check or wanted.says in seen["msg"]
    return {
        "verdict": seen["verdict"] if seen["verdict"] in verdicts else verdicts[0],
        "changed": wanted.changed and not is_check,
        "writes": 0 if is_check else wanted.writes,
        "refused": [],
        "rehearsal": is_check,
        "outcome": "not_run" if is_check else wanted.outcome or "not_run",
        "msg": seen["msg"] if says else f"... {wanted.says} ...",
    }


@pytest.mark.timeout(400)
@pytest.mark.parametrize("flags", [(), ("--check",)], ids=["real", "check"])
def test_every_story(flags: tuple[str, ...], tmp_path: Path) -> None:
    """All stories at once, each a host with a verdict of its own."""
    told = stories()
    (tmp_path / "fails.yml").write_text("- name: Patch badly\n  ansible.builtin.fail: {msg: no space left}\n")
    with Window(tmp_path, {name: one.system for name, one in told.items()}) as played:
        play = change_window(id="{{ 'CHG-' ~ inventory_hostname }}", scope="host")
        # What a host says of itself counts more than the play.
        (tmp_path / "group_vars").mkdir()
        (tmp_path / "group_vars" / "all.yml").write_text(yaml.safe_dump(play.pop("vars")))
        left = played.run([play], *flags)
    assert left.status != 0
    seen = {name: found(name, left) for name in told}
    assert seen == {name: expected(one, bool(flags), seen[name]) for name, one in told.items()}


# -- a fleet, and plays around it ----------------------------------------------------------------------------------

OPEN = {"ansible.builtin.include_role": {"name": "changeops.backup.backup_change_window", "tasks_from": "open"}}
CLOSE = {"ansible.builtin.include_role": {"name": "changeops.backup.backup_change_window", "tasks_from": "close"}}
FLAGS = pytest.mark.parametrize("flags", [(), ("--check",)], ids=["real", "check"])


def around(between: dict[str, t.Any], **variables: t.Any) -> list[dict[str, t.Any]]:
    """Plays as a user writes them: open, a change on other hosts, close."""
    given = change_window(id="CHG-1", **variables)["vars"]
    play = {"hosts": "backup_systems", "gather_facts": False, "vars": given}
    return [{**play, "tasks": [OPEN]}, between, {**play, "tasks": [CLOSE]}]


PATCH = {
    "hosts": "localhost",
    "gather_facts": False,
    "connection": "local",
    "tasks": [
        {
            "name": "Patch",
            "ansible.builtin.file": {"path": "{{ playbook_dir }}/changed-elsewhere", "state": "touch"},
        }
    ],
}


@FLAGS
def test_where_one_system_is_down_the_change_runs_nowhere_and_nothing_is_stopped(
    flags: tuple[str, ...], tmp_path: Path
) -> None:
    down = flosum(GOOD, faults=[{"path": ".*", "kind": "any", "do": {"status": 503}}])
    with Window(tmp_path, {"good": System(flosum(WILL_STOP, GOOD)), "down": System(down)}) as played:
        left = played.run([change_window(id="CHG-1", policy="abort", reason="late")], *flags)
    report = left.report("CHG-1")
    assert left.status != 0
    assert report["verdict"] == "cannot_tell"
    assert {one["host"]: one["verdict"] for one in report["systems"]} == {"good": "busy", "down": "cannot_tell"}
    assert {one["host"] for one in report["unseen"]} == {"down"}
    assert not left.changed("good")
    assert left.writes == {"good": [], "down": []}
    assert "drain" not in left.stages("CHG-1"), "waiting would lead to nothing"


@FLAGS
def test_an_unreachable_host_is_cannot_tell_and_the_report_is_written(flags: tuple[str, ...], tmp_path: Path) -> None:
    gone = System(flosum(GOOD), {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9})
    with Window(tmp_path, {"a_gone": gone, "good": System(flosum(GOOD))}) as played:
        left = played.run([change_window(id="CHG-1")], *flags)
    report = left.report("CHG-1")
    assert (left.status != 0, report["verdict"], left.changed("good")) == (True, "cannot_tell", False)
    assert {one["host"] for one in report["systems"]} == {"a_gone", "good"}


@pytest.mark.parametrize(("job", "runs"), [(GOOD, True), (RUNNING, False)], ids=["safe", "busy"])
def test_between_open_and_close(job: t.Any, runs: bool, tmp_path: Path) -> None:
    with Window(tmp_path, {"one": System(flosum(job, GOOD)), "two": System(flosum(GOOD))}) as played:
        left = played.run(around(PATCH, policy="check"))
    report = left.report("CHG-1")
    assert left.changed("elsewhere") == runs
    assert (left.status == 0) == runs
    assert (report["verdict"], report["change"]["outcome"]) == (("safe", "done") if runs else ("busy", "not_run"))
    assert ("after" in left.stages("CHG-1")) == runs


def test_an_extra_variable_opens_no_window(tmp_path: Path) -> None:
    forged = json.dumps({"backup_change_window__judged": {"result": {"verdict": "safe"}}})
    with Window(tmp_path, {"one": System(flosum(RUNNING))}) as played:
        left = played.run([change_window(id="CHG-1", policy="check")], "-e", forged)
    assert left.status != 0
    assert not left.changed("one")
    assert "backup_change_window__judged would hide what the roles find out" in left.output


def test_what_an_earlier_window_left_opens_no_other(tmp_path: Path) -> None:
    with Window(tmp_path, {"one": System(flosum(GOOD))}) as played:
        first = change_window(id="CHG-1", tasks=[])
        second = {**change_window(id="CHG-2"), "strategy": "free", "pre_tasks": [{"ansible.builtin.meta": "noop"}]}
        second["vars"]["backup_connection"] = {
            "system": "flosum",
            "url": "http://127.0.0.1:9",
            "access_token": "x" * 20,
        }
        left = played.run([first, second])
    assert left.report("CHG-1")["verdict"] == "safe"
    assert left.report("CHG-2")["verdict"] == "cannot_tell"
    assert not left.changed("one")


def test_the_evidence_is_published_before_the_play_is_red(tmp_path: Path) -> None:
    (tmp_path / "publish.yml").write_text(
        "- ansible.builtin.copy: {content: \"{{ backup_report_files | map('basename') | join(' ') }}\", "
        'dest: "{{ evidence }}/published", mode: "0600"}\n'
    )
    with Window(tmp_path, {"one": System(flosum(RUNNING)), "two": System(flosum(GOOD))}) as played:
        play = change_window(id="CHG-1", policy="check")
        play["vars"]["backup_report_publish_tasks"] = "publish.yml"
        left = played.run([play])
    assert left.status != 0
    assert (tmp_path / "evidence" / "published").read_text() == "jobs.csv report.html report.json summary.md SHA256SUMS"


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"id": "../up"}, "one plain name"),
        ({"id": ""}, "one plain name"),
        ({"end": "2026-03-01T22:00:00"}, "backup_change_window_end has to be an ISO 8601 time with its offset"),
        ({"change_duration": "30"}, "backup_change_window_change_duration has to be a number with its unit"),
        ({"policy": "abort"}, "backup_change_window_reason has to say why"),
        ({"policy": "force"}, "policy"),
        ({"override": {"reason": "x"}}, "needs a reason and a name: by is empty"),
        ({"objects": [{"name": "a", "age": "1h"}]}, "age"),
        ({"tasks": ["nowhere.yml"]}, "there is no file of tasks 'nowhere.yml'"),
        ({"selection": {"states": ["finished"]}}, "states"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(variables: dict[str, t.Any], says: str, tmp_path: Path) -> None:
    with Window(tmp_path, {"one": System(flosum(GOOD))}) as played:
        left = played.run([change_window(**{"id": "CHG-1", **variables})])
        assert played.sims["one"].journal == []
    assert left.status != 0
    assert says in re.sub(r"\s+", " ", left.output)
    assert not left.changed("one")
    assert not (tmp_path / "evidence").exists()


@pytest.mark.parametrize(("policy", "verdict"), [("abort", "safe"), ("check", "busy")])
def test_over_a_real_rclone(policy: str, verdict: str, tmp_path: Path) -> None:
    server = Rclone(tmp_path)
    try:
        done = server.copy(1000, "nightly-files")
        while not server.call("job/status", jobid=int(done))["finished"]:
            time.sleep(0.05)
        large = server.copy(200_000_000, "nightly-databases")
        options = {**server.options, "unreachable_timeout": 5}
        with Window(tmp_path, {"one": System(flosum(GOOD), {"backup_connection": options})}) as played:
            play = change_window(id="CHG-1", policy=policy, reason="late", objects=[{"name": "nightly-files"}])
            left = played.run([play])
        goes_on = not server.call("job/status", jobid=int(large))["finished"]
    finally:
        server.stop()
    report = left.report("CHG-1")
    assert (report["verdict"], left.status == 0, left.changed("one")) == (verdict, verdict == "safe", verdict == "safe")
    assert [one["object"] for one in report["actions"]] == (["nightly-databases"] if policy == "abort" else [])
    assert goes_on == (policy == "check"), "it was really stopped, or left alone"
    assert [one["verdict"] for one in report["objects"]] == ["met"]


# -- killed, and run again -----------------------------------------------------------------------------------------


def kill_when(process: subprocess.Popen[str], is_time: t.Callable[[], bool]) -> None:
    """Kill a run with all its workers, as soon as it is time."""
    deadline = time.monotonic() + 60
    while not is_time():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    kill_all_that_name(Path(process.args[2]))  # type: ignore[index,arg-type]  # a list of words
    process.wait()


@pytest.mark.parametrize("stage", ["gate", "drain", "verify", "change_window", "change"])
def test_killed_in_a_stage_and_run_again(stage: str, tmp_path: Path) -> None:
    """Nothing is done twice, and no event is lost or changed."""
    (tmp_path / "slow.yml").write_text("- {name: Patch slowly, ansible.builtin.pause: {seconds: 2}}\n")
    play = change_window(id="CHG-1", tasks=["slow.yml", "{{ change_file }}"], policy="abort", reason="late")
    with Window(tmp_path, {"one": System(flosum(WILL_STOP, GOOD))}) as played:
        events = tmp_path / "evidence" / "CHG-1" / "events"
        kill_when(played.start([play]), lambda: bool(list(events.glob(f"*-{stage}.json"))))
        before = {path.name: path.read_bytes() for path in events.glob("*.json")}
        left = played.run([play])
    assert left.status == 0, left.output
    assert len(left.writes["one"]) == 1, "asked to stop once, in two runs"
    assert {path.name: path.read_bytes() for path in events.iterdir() if path.name in before} == before
    report = left.report("CHG-1")
    assert (report["verdict"], report["change"]["outcome"], len(report["runs"])) == ("safe", "done", 2)
    assert (report["runs"][0]["ended"], report["runs"][1]["ended"] is not None) == (None, True)


@FLAGS
def test_killed_at_the_stop_and_run_again(flags: tuple[str, ...], tmp_path: Path) -> None:
    """A system without a word for "stopping" looks as if nobody had asked; the events know better."""
    play = change_window(id="CHG-1", end=moment(0.6), change_duration="10s", policy="abort", reason="late")
    deaf = {**WILL_STOP, "on_abort": "ignored"}
    with Window(tmp_path, {"one": System(flosum(deaf, GOOD))}) as played:
        kill_when(played.start([play]), lambda: bool(played.sims["one"].writes))
        left = played.run([play], *flags)
    report = left.report("CHG-1")
    assert len(left.writes["one"]) == 1
    assert left.status != 0
    assert report["verdict"] in ("busy", "closed")
    assert [(one["object"], one["outcome"]) for one in report["actions"]] == [("Quarterly archive", "not known")]
    assert flags or "an earlier run asked it to stop" in report["msg"]


def test_rendering_again_gives_the_same_but_for_the_time(tmp_path: Path) -> None:
    with Window(tmp_path, {"one": System(flosum(GOOD))}) as played:
        left = played.run([change_window(id="CHG-1")])
        first = {path.name: path.read_text() for path in left.evidence("CHG-1").iterdir() if path.is_file()}
        render = {"report_dest": str(tmp_path / "evidence"), "report_change_id": "CHG-1"}
        role = {
            "role": "changeops.backup.backup_report",
            "vars": {f"backup_{name}": value for name, value in render.items()},
        }
        left = played.run([{"hosts": "localhost", "gather_facts": False, "roles": [role]}])
    assert left.status == 0, left.output
    again = {path.name: path.read_text() for path in left.evidence("CHG-1").iterdir() if path.is_file()}
    # Seconds that are zero are not shown.
    at = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:Z| UTC)")
    for name in ("report.html", "report.json", "jobs.csv", "summary.md"):
        assert at.sub("", again[name]) == at.sub("", first[name]), name
    sums = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=left.evidence("CHG-1"), capture_output=True, text=True, check=False
    )
    assert sums.returncode == 0, sums.stdout
    assert sums.stdout.count("OK") == 4 + len(left.events("CHG-1"))


# -- by name -------------------------------------------------------------------------------------------------------


@FLAGS
@pytest.mark.parametrize(
    ("playbook", "job", "extra", "is_safe", "writes"),
    [
        ("fleet_status", GOOD, [], True, 0),
        ("fleet_status", RUNNING, [], False, 0),
        ("wait_for_backups", GOOD, ["-e", "backup_drain_quiet_period=1"], True, 0),
        ("wait_for_backups", RUNNING, ["-e", "backup_drain_wait_timeout=1"], False, 0),
        ("prove_rpo", GOOD, [], True, 0),
        ("prove_rpo", GOOD, ["-e", "backup_verify_max_age=5m"], False, 0),
        ("abort_jobs", WILL_STOP, ["-e", "backup_drain_reason=late backup_drain_quiet_period=1"], True, 1),
        ("abort_jobs", WILL_STOP, [], False, 0),
        ("change_window", GOOD, ["-e", "backup_change_window_quiet_period=1"], True, 0),
        ("fleet_status", GOOD, ["-e", "backup_hosts=typo"], False, 0),
    ],
)
def test_a_playbook_by_its_name(
    playbook: str, job: t.Any, extra: list[str], is_safe: bool, writes: int, flags: tuple[str, ...], tmp_path: Path
) -> None:
    with Window(tmp_path, {"one": System(flosum(job, GOOD))}) as played:
        left = played.run(f"changeops.backup.{playbook}", *extra, *flags)
    assert (left.status == 0) == (is_safe and not (flags and writes)), left.output
    assert len(left.writes["one"]) == (0 if flags else writes)
