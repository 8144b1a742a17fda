# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX keeps of each kind of object, with its defaults, and what it refuses."""

from __future__ import annotations

import json
import re
import typing as t

import jinja2
import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

Row = dict[str, t.Any]
Rows = t.Mapping[str, t.Mapping[int, Row]]
NAMED: Row = {"name": "", "description": ""}
PROMPTS = (
    *("scm_branch", "diff_mode", "variables", "limit", "tags", "skip_tags", "job_type", "verbosity", "inventory"),
    *("credential", "execution_environment", "labels", "forks", "job_slice_count", "timeout", "instance_groups"),
)
ASKED = {f"ask_{name}_on_launch": False for name in PROMPTS}
RUN: Row = {"extra_vars": "---", "limit": "", "job_tags": "", "skip_tags": "", "scm_branch": ""}
# Field -> its default. The type of the default is that of the field; None is the number of another object.
FIELDS: dict[str, Row] = {
    "organizations": NAMED,
    "execution_environments": {**NAMED, "organization": None, "image": ""},
    "projects": {**NAMED, "organization": None, "scm_type": ""},
    "inventories": {**NAMED, "organization": None},
    "credential_types": {**NAMED, "kind": "", "inputs": {}, "injectors": {}, "managed": False},
    "credentials": {**NAMED, "organization": None, "credential_type": None, "inputs": {}},
    "instance_groups": NAMED,
    "labels": {**NAMED, "organization": None},
    "notification_templates": {
        **NAMED,
        "organization": None,
        "notification_type": "",
        "notification_configuration": {},
        "messages": {},
    },
    "job_templates": {
        **NAMED,
        **RUN,
        **ASKED,
        "job_type": "run",
        "project": None,
        "playbook": "",
        "inventory": None,
        "execution_environment": None,
        "forks": 0,
        "verbosity": 0,
        "timeout": 0,
        "job_slice_count": 1,
        "survey_enabled": False,
        "allow_simultaneous": False,
    },
    "workflow_job_templates": {
        **NAMED,
        **RUN,
        **ASKED,
        "organization": None,
        "inventory": None,
        "survey_enabled": False,
        "allow_simultaneous": False,
    },
    "workflow_job_template_nodes": {
        "identifier": "",
        "workflow_job_template": None,
        "unified_job_template": None,
        "all_parents_must_converge": False,
    },
    "workflow_approval_templates": {**NAMED, "timeout": 0},
}
# What each channel has to be told, and of what type.
CHANNELS: dict[str, Row] = {
    "slack": {"token": "", "channels": [], "hex_color": ""},
    "webhook": {
        "url": "",
        "http_method": "",
        "disable_ssl_verification": False,
        "username": "",
        "password": "",
        "headers": {},
    },
    "email": {
        "host": "",
        "port": 0,
        "username": "",
        "password": "",
        "use_tls": False,
        "use_ssl": False,
        "sender": "",
        "recipients": [],
        "timeout": 0,
    },
}
JOB = {"name": "A job", "status": "successful", "artifacts": {}, "id": 7}
_NAME = re.compile(r"[a-zA-Z_]+[a-zA-Z0-9_]*\Z")
_FIELD = {"id", "label", "type", "format", "choices", "secret", "multiline", "ask_at_runtime", "default", "help_text"}
_QUESTIONS = ("text", "textarea", "password", "multiplechoice", "multiselect", "integer", "float")


class Refused(Exception):
    """AWX answers 400."""


def refuse_unless(good: t.Any, why: str) -> None:
    """Refuse what is not good."""
    if not good:
        raise Refused(why)


def check(rows: Rows, kind: str, whole: Row, told: Row) -> None:
    """Refuse what AWX refuses. ``told``: what was sent; ``whole``: what the object would be."""
    if kind == "survey":
        return _survey(whole)
    for name, value in told.items():
        refuse_unless(name in FIELDS[kind], f"{kind} has no field {name}")
        default = FIELDS[kind][name]
        if default is None:
            known = name + "s" if name != "inventory" else "inventories"
            targets = [known] if known in rows else [one for one in rows if one.endswith("job_templates")]
            refuse_unless(any(value in rows[one] for one in targets), f'{name}: invalid pk "{value}"')
        else:
            refuse_unless(type(value) is type(default), f"{name}: not a valid {type(default).__name__}: {value!r}")
    if "name" in FIELDS[kind]:
        refuse_unless(0 < len(whole["name"]) <= 512, "name: required, of at most 512 characters")
    if "extra_vars" in FIELDS[kind]:
        refuse_unless(isinstance(yaml.safe_load(whole["extra_vars"]) or {}, dict), "extra_vars: no dictionary")
    more = {
        "credential_types": _credential_type,
        "notification_templates": _notification,
        "job_templates": _job_template,
    }
    return more[kind](whole) if kind in more else None


def _job_template(row: Row) -> None:
    for name in ("project", "inventory", "playbook"):
        refuse_unless(row[name], f"{name}: required")
    # A project knows its playbooks by their files. The name of one in a collection is none.
    refuse_unless(row["playbook"].endswith((".yml", ".yaml")), "playbook: not found for project")


def _credential_type(row: Row) -> None:
    refuse_unless(row["kind"] in ("cloud", "net"), "kind: cloud or net")
    refuse_unless(set(row["inputs"]) <= {"fields", "required"}, "inputs: additional properties")
    fields = row["inputs"].get("fields", [])
    ids = [field.get("id") for field in fields]
    refuse_unless(len(set(ids)) == len(ids) and "tower" not in ids, "inputs: ids are unique, and none is tower")
    for field in fields:
        refuse_unless(set(field) <= _FIELD and _NAME.match(field["id"]) and field["label"], f"inputs: {field}")
        refuse_unless(field.get("type", "string") in ("string", "boolean"), f"type of {field['id']}")
        if "choices" in field:
            plain = not field.get("multiline") and not field.get("secret") and field.get("type") == "string"
            texts = all(isinstance(one, str) for one in field["choices"])
            refuse_unless(plain and texts and len(set(field["choices"])) == len(field["choices"]), "choices")
    injectors = row["injectors"]
    refuse_unless(set(injectors) <= {"env", "file", "extra_vars"}, "injectors: additional properties")
    files = {name.partition(".")[2]: "a file" for name in injectors.get("file", {})}
    refuse_unless(
        all(re.match(r"template(\.[a-zA-Z_]\w*)?\Z", name) for name in injectors.get("file", {})), "file names"
    )
    refuse_unless("" not in files or len(files) == 1, "Must use multi-file syntax when injecting multiple files")
    known = {**dict.fromkeys(ids, "an example"), "tower": {"filename": files}}
    for name, text in {**injectors.get("env", {}), **injectors.get("file", {})}.items():
        _render(text, known, name)
    for name in injectors.get("env", {}):
        allowed = _NAME.match(name) and not name.startswith("ANSIBLE_") and name not in ("PATH", "PYTHONPATH", "HOME")
        refuse_unless(allowed, f"Environment variable {name} is not allowed to be used in credentials.")


def _render(text: str, known: Row, where: str) -> str:
    try:
        return ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined).from_string(text).render(known)
    except jinja2.TemplateError as exc:
        raise Refused(f"{where}: {exc}") from exc


def _notification(row: Row) -> None:
    wanted = CHANNELS.get(row["notification_type"])
    refuse_unless(wanted is not None, "notification_type")
    told = row["notification_configuration"]
    refuse_unless(set(told) == set(wanted or {}), f"notification_configuration: fields {sorted(told)}")
    wrong = [name for name, default in (wanted or {}).items() if type(told[name]) is not type(default)]
    refuse_unless(not wrong, f"notification_configuration: types of {wrong}")
    approvals = row["messages"].get("workflow_approval", {})
    refuse_unless(set(row["messages"]) <= {"started", "success", "error", "workflow_approval"}, "messages")
    refuse_unless(set(approvals) <= {"running", "approved", "timed_out", "denied"}, "messages: approvals")
    for event in [*(one for name, one in row["messages"].items() if name != "workflow_approval"), *approvals.values()]:
        refuse_unless(set(event) <= {"message", "body"}, "messages: message and body alone")
        refuse_unless("\n" not in event["message"], "Messages cannot contain newlines")
        for name, text in event.items():
            shown = _render(text, told_to_messages(JOB), name)
            if row["notification_type"] == "webhook" and name == "body" and text:
                refuse_unless(isinstance(json.loads(shown), dict), "the body of a webhook is a JSON dictionary")


def told_to_messages(job: Row) -> Row:
    """Give what AWX fills in in a message."""
    return {
        "job": job,
        "url": "https://awx.example.com/#/jobs/playbook/7",
        "job_friendly_name": "Job",
        "job_metadata": json.dumps(job),
        "approval_status": "pending",
        "approval_node_name": "An approval",
        "workflow_url": "https://awx.example.com/#/jobs/workflow/8",
    }


def _survey(survey: Row) -> None:
    refuse_unless(set(survey) == {"name", "description", "spec"} and survey["spec"], "survey: name, description, spec")
    seen = set()
    for question in survey["spec"]:
        for name in ("type", "question_name", "variable", "required"):
            refuse_unless(name in question, f"'{name}' missing from survey question")
        default = question.get("default", "")
        refuse_unless(question["type"] in _QUESTIONS and question["variable"] not in seen, f"question {question}")
        seen.add(question["variable"])
        number = question["type"] in ("integer", "float")
        refuse_unless(
            default == "" or isinstance(default, int if number else str), f"default of {question['variable']}"
        )
        if question["type"].startswith("multi"):
            refuse_unless(default in ("", *question["choices"]), f"default of {question['variable']} is no choice")
