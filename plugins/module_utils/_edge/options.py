# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Argument specs; the doc fragments say the same in words, and a sanity test compares the two.

Connection options have no defaults here: what a task leaves out is looked up in the environment first.
"""

from __future__ import annotations

import typing as t

from .._core.job import KINDS
from .._systems.registry import SYSTEMS

Spec = dict[str, dict[str, t.Any]]
CONNECTION: Spec = {
    "system": {"type": "str", "required": True, "choices": sorted(SYSTEMS)},
    "url": {"type": "str"},
    "region": {"type": "str"},
    "token_url": {"type": "str", "no_log": False},
    "access_token": {"type": "str", "no_log": True},
    "client_id": {"type": "str"},
    "client_secret": {"type": "str", "no_log": True},
    "client_certificate": {"type": "path"},
    "client_private_key": {"type": "path", "no_log": False},
    "refresh_token": {"type": "str", "no_log": True},
    "refresh_token_file": {"type": "path", "no_log": False},
    "redirect_uri": {"type": "str"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "scope": {"type": "str"},
    "connection_id": {"type": "int"},
    "account_id": {"type": "str"},
    "agent_id": {"type": "str"},
    "organization_id": {"type": "str"},
    "api_version": {"type": "str"},
    "collect": {"type": "bool"},
    "job_families": {
        "type": "list",
        "elements": "str",
        "choices": ["backup_servers", "agents", "microsoft_365"],
    },
    "validate_certs": {"type": "bool"},
    "ca_path": {"type": "path"},
    "request_timeout": {"type": "float"},
    "unreachable_timeout": {"type": "float"},
}
CONNECTION_DEFAULTS: dict[str, t.Any] = {
    "collect": False,
    "validate_certs": True,
    "request_timeout": 30.0,
    "unreachable_timeout": 300.0,
}
# Who only looks, or is about to stop something, does not sit before five silent minutes.
NOT_LONG = {"unreachable_timeout": 60.0}


def without_empty(args: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Leave out what is an empty text, as a survey sends a field that nobody filled in. An empty list stays one."""
    return {name: value for name, value in args.items() if not (isinstance(value, str) and value == "")}


SELECTION: Spec = {
    "job_ids": {"type": "list", "elements": "str", "aliases": ["job_id"]},
    "names": {"type": "list", "elements": "str"},
    "types": {"type": "list", "elements": "str"},
    "kinds": {"type": "list", "elements": "str", "choices": list(KINDS)},
    "exclude": {"type": "list", "elements": "str"},
    "started_after": {"type": "str"},
    "started_before": {"type": "str"},
    "max_results": {"type": "int"},
}
