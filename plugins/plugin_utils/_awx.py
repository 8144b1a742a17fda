# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""From the data in ``extensions/awx``, and what a user has set, to what the modules of ``awx.awx`` take. No Ansible."""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml

DATA = Path(__file__).parents[2] / "extensions" / "awx"
Settings = t.Mapping[str, t.Any]
Object = dict[str, t.Any]
REQUIRED = ("project", "inventory", "change_template")
# Setting -> what it is where it is left out.
SETTINGS: t.Mapping[str, t.Any] = {
    **dict.fromkeys(REQUIRED, ""),
    "name": "Backup window",
    "organization": "Default",
    "playbooks": "playbooks",
    "execution_environment": "",
    "credentials": [],
    "change_type": "job_template",
    "report_dest": "",
    "publish_tasks": "",
    "approval_timeout": 3600,
    "slices": 1,
    "forks": 0,
    "notifications": [],
}
# What AWX fills in itself. Left out here, each run would see a difference.
_FILLED_IN: t.Mapping[str, t.Mapping[str, t.Any]] = {
    "webhook": {
        "http_method": "POST",
        "disable_ssl_verification": False,
        "username": "",
        "password": "",
        "headers": {},
    },
    "slack": {"hex_color": ""},
    "email": {"timeout": 30},
    "mattermost": {"mattermost_username": "", "mattermost_channel": "", "mattermost_icon_url": ""},
    "rocketchat": {"rocketchat_username": "", "rocketchat_icon_url": ""},
}
CHANNELS = (*_FILLED_IN, "awssns", "grafana", "irc", "pagerduty", "twilio")


def objects(given: Settings) -> Object:
    """Give the arguments of each object, in the order in which they have to be made. Raises ValueError."""
    settings = _read(given)
    channels = [_channel(one, number, settings) for number, one in enumerate(settings["notifications"], 1)]
    told = [one["name"] for one in channels]
    templates = [_job_template(one, settings, told) for one in _data("job_templates")]
    return {
        "credential_types": _data("credential_types"),
        "notifications": channels,
        "job_templates": templates,
        "workflow": {
            "name": settings["name"],
            "description": "A change between backups: gate, drain, verify, the change, a look again, the evidence",
            "organization": settings["organization"],
            "survey": _data("survey"),
            "workflow_nodes": [_node(one, settings) for one in _data("workflow")],
            "notification_templates_approvals": told,
        },
    }


def wanted(text: t.Any) -> list[dict[str, str]]:
    """Make of an answer with a name a line what ``backup_change_window_objects`` takes."""
    return [{"name": name} for line in str(text or "").splitlines() if (name := line.strip())]


def _read(given: Settings) -> Object:
    if strange := sorted(map(str, given.keys() - SETTINGS.keys())):
        raise ValueError(f"awx_setup_{strange[0]} is no variable of this playbook")
    settings = {name: given[name] if given.get(name) not in (None, "") else one for name, one in SETTINGS.items()}
    for name in REQUIRED:
        if not str(settings[name]).strip():
            raise ValueError(f"awx_setup_{name} is required")
    for name, least in (("approval_timeout", 1), ("slices", 1), ("forks", 0)):
        try:
            settings[name] = int(settings[name])
        except (TypeError, ValueError):
            settings[name] = -1
        if settings[name] < least:
            raise ValueError(f"awx_setup_{name} has to be a whole number, {least} or more, not {given.get(name)!r}")
    if settings["change_type"] not in (kinds := ("job_template", "workflow_job_template")):
        raise ValueError(f"awx_setup_change_type has to be one of {', '.join(kinds)}, not {settings['change_type']!r}")
    for one in settings["notifications"]:
        if not isinstance(one, t.Mapping) or one.get("type") not in CHANNELS:
            raise ValueError(f"each of awx_setup_notifications needs a type, one of {', '.join(sorted(CHANNELS))}")
    return settings


def _data(name: str) -> t.Any:
    return yaml.safe_load((DATA / f"{name}.yml").read_text(encoding="utf-8"))


def _job_template(one: Settings, settings: Settings, told: list[str]) -> Object:
    made: Object = {
        "name": _named(settings, one["name"]),
        "description": one["description"],
        "playbook": str(Path(settings["playbooks"], one["playbook"])),
        "project": settings["project"],
        "inventory": settings["inventory"],
        "credentials": list(settings["credentials"]) if one.get("looks", True) else [],
        "forks": settings["forks"],
        "ask_variables_on_launch": bool(one.get("asks")),
        "job_slice_count": settings["slices"] if one.get("sliced") else 1,
        "notification_templates_success": told if "success" in one.get("tells", ()) else [],
        "notification_templates_error": told if "error" in one.get("tells", ()) else [],
    }
    if settings["execution_environment"]:
        made["execution_environment"] = settings["execution_environment"]
    if one.get("survey"):
        made["survey_spec"] = _data("survey")
    variables = {
        "backup_change_window_report_dest": settings["report_dest"],
        "backup_report_publish_tasks": settings["publish_tasks"],
    }
    if left := {name: value for name, value in variables.items() if value}:
        made["extra_vars"] = left
    return made


def _node(one: Settings, settings: Settings) -> Object:
    if "approval" in one:
        target = {
            "name": _named(settings, one["approval"]),
            "type": "workflow_approval",
            "timeout": settings["approval_timeout"],
        }
    elif one.get("change"):
        target = {"name": settings["change_template"], "type": settings["change_type"]}
    else:
        target = {"name": _named(settings, one["template"]), "type": "job_template"}
    related = {
        f"{edge}_nodes": [{"identifier": node} for node in one[edge]]
        for edge in ("success", "failure", "always")
        if one.get(edge)
    }
    return {"identifier": one["identifier"], "unified_job_template": target, "related": related}


def _channel(one: Settings, number: int, settings: Settings) -> Object:
    kind, texts = one["type"], _data("notifications")
    message = texts["subject" if kind == "email" else "message"]
    body = {"email": texts["body"], "pagerduty": texts["body"], "webhook": texts["webhook"]}.get(kind, "")
    asked = texts["approval_webhook"] if kind == "webhook" else ""
    # A receiver of webhooks takes the body alone.
    said = {"message": "" if kind == "webhook" else message, "body": body}
    approval = {"message": "" if kind == "webhook" else texts["approval"], "body": asked}
    return {
        "name": _named(settings, one.get("name") or f"{kind} {number}"),
        "organization": settings["organization"],
        "notification_type": kind,
        "notification_configuration": {**_FILLED_IN.get(kind, {}), **(one.get("configuration") or {})},
        "messages": {
            "started": {"message": "", "body": ""},
            "success": said,
            "error": said,
            "workflow_approval": dict.fromkeys(("running", "approved", "timed_out", "denied"), approval),
        },
    }


def _named(settings: Settings, name: str) -> str:
    return f"{settings['name']}: {name}"
