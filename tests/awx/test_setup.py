# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that sets up AWX, by the real modules of awx.awx, against a stand-in that refuses what AWX refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import typing as t
from pathlib import Path

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from ansible_collections.changeops.backup.plugins.plugin_utils import _awx
from awx.rules import FIELDS, Refused, check, told_to_messages
from awx.stand_in import StandIn

SECRET = "hunter2-of-the-channel"
SETTINGS: dict[str, t.Any] = {
    "project": "Changes",
    "inventory": "Systems",
    "change_template": "Patch",
    "execution_environment": "A place to run",
    "report_dest": "/evidence",
    "notifications": [
        {"type": "slack", "configuration": {"token": SECRET, "channels": ["#changes"]}},
        {"type": "webhook", "configuration": {"url": "https://hooks.example/x"}},
    ],
}


def set_up(url: str, folder: Path, *flags: str, **more: t.Any) -> tuple[int, str, set[str]]:
    """Run the playbook; give its status, its output, and the tasks that report a change."""
    awx = os.environ.get("AWX_COLLECTIONS")
    if not awx:
        pytest.skip("AWX_COLLECTIONS names no folder with ansible_collections/awx/awx")
    given = folder / "awx.json"
    given.write_text(json.dumps({f"awx_setup_{name}": value for name, value in {**SETTINGS, **more}.items()}))
    done = subprocess.run(
        ["ansible-playbook", "changeops.backup.awx_setup", "-i", "localhost,", "-e", f"@{given}", *flags],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": f"{os.environ['ANSIBLE_COLLECTIONS_PATH']}:{awx}",
            "CONTROLLER_HOST": url,
            "CONTROLLER_OAUTH_TOKEN": "of a test",
            "ANSIBLE_NOCOLOR": "1",
        },
    )
    changed = set()
    task = ""
    for line in done.stdout.splitlines():
        task = found[1] if (found := re.match(r"TASK \[(.*)\]", line)) else task
        if line.startswith("changed:"):
            changed.add(task)
    return done.returncode, done.stdout + done.stderr, changed


@pytest.mark.timeout(240)
def test_a_second_run_changes_nothing_but_what_the_modules_always_send(tmp_path: Path) -> None:
    with StandIn() as awx:
        status, output, _changed = set_up(awx.url, tmp_path)
        assert (status, awx.refusals) == (0, []), output
        assert SECRET not in output
        first = awx.kept()
        assert len(awx.rows["credential_types"]) == len(SYSTEMS)
        assert awx.surveys.keys() == {
            ("job_templates", awx.named("job_templates", "Backup window: whole window")["id"]),
            ("workflow_job_templates", awx.named("workflow_job_templates", "Backup window")["id"]),
        }
        awx.writes.clear()
        status, output, changed = set_up(awx.url, tmp_path)
        assert (status, awx.refusals) == (0, []), output
        assert awx.kept() == first
        # AWX shows no secret, so awx.awx sends a channel that has one again; and each approval, of which it compares
        # fields that an approval has not.
        sent = {re.sub(r"/\d+/", "/N/", path) for _method, path in awx.writes}
        assert sent == {"/api/v2/notification_templates/N/", "/api/v2/workflow_approval_templates/N/"}
        assert changed == {"Notifications", "Workflow"}


def test_check_mode_sends_nothing(tmp_path: Path) -> None:
    with StandIn() as awx:
        set_up(awx.url, tmp_path, "--check")
        assert awx.writes == []


def test_what_is_missing_or_unknown_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with StandIn() as awx:
        status, output, _changed = set_up(awx.url, tmp_path, notification="slack")
        assert status != 0
        assert "no variable awx_setup_notification" in output
        assert awx.writes == []
    for name, value, says in (
        ("project", "", "awx_setup_project is required"),
        ("slices", 0, "awx_setup_slices has to be a whole number, 1 or more"),
        ("approval_timeout", "soon", "awx_setup_approval_timeout has to be"),
        ("notifications", [{"type": "pigeon"}], "needs a type"),
    ):
        with pytest.raises(ValueError, match=re.escape(says)):
            _awx.objects({**SETTINGS, name: value})


# -- the stand-in bites --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: made["inputs"]["fields"][0].update(type="integer"),
        lambda made: made["inputs"]["fields"][0].update(id="a-b"),
        lambda made: made["inputs"]["fields"].append(made["inputs"]["fields"][0]),
        lambda made: made["injectors"]["env"].update(ANSIBLE_CONFIG="{{ url }}"),
        lambda made: made["injectors"]["env"].update(BACKUP_RCLONE_URL="{{ no_such_field }}"),
        lambda made: made.update(kind="vault"),
        lambda made: made.update(colour="blue"),
    ],
)
def test_the_stand_in_refuses_a_credential_type_that_awx_refuses(spoil: t.Callable[[t.Any], t.Any]) -> None:
    made = _awx.objects(SETTINGS)["credential_types"][0]
    check({}, "credential_types", {**FIELDS["credential_types"], **made}, made)
    spoil(made)
    with pytest.raises(Refused):
        check({}, "credential_types", {**FIELDS["credential_types"], **made}, made)


# -- the texts -----------------------------------------------------------------------------------------------------

LIMITS = {"email": (255, 20_000), "slack": (3000, 0), "pagerduty": (1024, 1024), "irc": (400, 0), "twilio": (1600, 0)}


@pytest.mark.parametrize("kind", sorted(_awx.CHANNELS))
def test_a_text_stays_under_the_limit_of_its_channel_whatever_it_is_about(kind: str) -> None:
    notice = {name: '<!channel>"\n' + name * 200 for name in ("verdict", "msg", "blockers", "deadline")}
    job = {"name": 'n"\\' * 300, "status": "failed", "artifacts": {"backup_notice": notice}}
    lines, body = LIMITS.get(kind, (1000, 10_000))
    made = _awx.objects({**SETTINGS, "notifications": [{"type": kind}]})["notifications"][0]["messages"]
    sandbox = ImmutableSandboxedEnvironment()
    for known in (told_to_messages(job), told_to_messages({**job, "artifacts": {}})):
        for event in (made["success"], made["error"], *made["workflow_approval"].values()):
            message, text = (sandbox.from_string(event[name]).render(known) for name in ("message", "body"))
            assert len(message) <= lines
            assert "\n" not in message
            assert len(text) <= body
            assert kind != "webhook" or isinstance(json.loads(text), dict)
            assert message or text
