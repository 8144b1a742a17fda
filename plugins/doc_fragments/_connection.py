# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not extend it from elsewhere.
"""The connection options of all modules."""

from __future__ import annotations

import json
import re

from ansible_collections.changeops.backup.plugins.module_utils._edge.connection import usable
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from ansible_collections.changeops.backup.plugins.plugin_utils._prose import (
    regions,
    systems_that,
    systems_with,
    values,
)

_TEXT = r"""
---
options:
  system:
    description:
      - Which backup system to talk to.
      - Every other connection option that is left out, or empty, is looked up in the environment as
        E(BACKUP_<SYSTEM>_<OPTION>), such as E(BACKUP_VEEAM_VSPC_ACCESS_TOKEN). What a task gives always wins.
    type: str
    required: true
    choices: [@choices@]
  url:
    description:
      - Address of the system without the path of its API, such as V(https://vspc.example:1280). A path of the API at
        its end is tolerated; the prefix of a reverse proxy belongs to it.
      - An address of this machine is never reached by a proxy. For others the usual variables count (E(HTTPS_PROXY),
        E(HTTP_PROXY), E(ALL_PROXY), E(NO_PROXY)).
      - @need.url@. For the other systems it stands instead of O(region), for an
        installation of your own.
    type: str
  region:
    description:
      - Region of a hosted system. @regions@.
    type: str
  token_url:
    description:
      - Address of the token endpoint, where it is not the one that follows from O(region) or O(url).
      - Plain http is refused, except on this machine, and where O(url) is plain http as well and is reached by the
        same way.
    type: str
  access_token:
    description:
      - A ready bearer token or API key.
      - It is renewed only if credentials are given too.
    type: str
  client_id:
    description: Id of the OAuth client, for @client_id@.
    type: str
  client_secret:
    description: Secret of the OAuth client.
    type: str
  client_certificate:
    description:
      - File with the certificate (PEM) of the OAuth client, instead of O(client_secret), for @client_certificate@.
      - Needs the Python libraries C(PyJWT) and C(cryptography).
    type: path
  client_private_key:
    description: File with the private key (PEM, no passphrase) of O(client_certificate).
    type: path
  refresh_token:
    description: A refresh token, for @refresh_token@.
    type: str
  refresh_token_file:
    description:
      - File that holds the refresh token alone; given by itself it is enough.
      - When the system replaces the refresh token, the new one is written here, with mode 0600, before anything else
        is sent. What the file holds is newer than O(refresh_token) and is used first.
    type: path
  redirect_uri:
    description:
      - Redirect address of the OAuth client, for @redirect_uri@.
      - @notes.redirect_uri@
    type: str
  username:
    description: User name, for @username@.
    type: str
  password:
    description: Password of O(username).
    type: str
  scope:
    description: OAuth scope, where it is not the product's own, for @scope@.
    type: str
  connection_id:
    description:
      - Id of the connection. @need.connection_id@.
      - @notes.connection_id@
    type: int
  account_id:
    description: Id of the account. @need.account_id@.
    type: str
  agent_id:
    description:
      - Id of the agent by which the system is reached. @need.agent_id@.
      - @notes.agent_id@
    type: str
  organization_id:
    description:
      - Only jobs of the organization with this id, for @organization_id@.
      - @notes.organization_id@
    type: str
  api_version:
    description:
      - Version of the API that is asked for, for @api_version@.
      - @notes.api_version@
    type: str
  collect:
    description:
      - Whether to have the system collect how the selected jobs are before they are looked at, at most every five
        minutes, for @collect@; V(false) if left out.
      - @notes.collect@
      - Such a request changes no job. It is sent once, not in check mode, and if it fails there is a warning.
    type: bool
  job_families:
    description:
      - Whose jobs are looked at, for @job_families@. If left out, those of all that the login may read.
      - @notes.job_families@
    type: list
    elements: str
    choices: [backup_servers, agents, microsoft_365]
  validate_certs:
    description: Whether to check TLS certificates; V(true) if left out.
    type: bool
  ca_path:
    description:
      - File with the certificates (PEM) of the authorities to trust.
      - Without it, E(REQUESTS_CA_BUNDLE) and E(CURL_CA_BUNDLE) are looked at.
    type: path
  request_timeout:
    description: Seconds that one HTTP exchange may take; V(30) if left out.
    type: float
  unreachable_timeout:
    description:
      - Seconds to go on trying without one good answer. If left out, V(300) for a wait, and V(60) where a task only
        looks, or is about to stop something.
      - Only reads are tried again. A request to stop a job is sent once.
    type: float
requirements:
  - python >= 3.9
  - requests
notes:
  - An empty text counts as left out, for every option, as a survey sends it for a field that nobody filled in. An empty
    list does not.
  - The module runs where the system's API can be reached, usually on the control node (C(delegate_to=localhost) or
    C(connection=local)).
"""


def _notes(option: str) -> str:
    """Say what an option is to each system that has a word of its own on it."""
    told = ((name, SYSTEMS[name].OPTION_NOTES.get(option)) for name in sorted(SYSTEMS))
    # As JSON, because a colon would make something else of it.
    return json.dumps(" ".join(f"For V({name}), {note}." for name, note in told if note))


def _need(option: str) -> str:
    """Say which systems require an option, and which can do without."""
    free = [name for name in sorted(SYSTEMS) if option in usable(SYSTEMS[name]) - {*SYSTEMS[name].REQUIRED}]
    required = f"Required for {systems_that(lambda system: option in system.REQUIRED)}"
    return f"{required}, and not for {values(free)}" if free else required


_COMPUTED = {"choices": ", ".join(sorted(SYSTEMS)), "regions": regions()}


def _computed(found: re.Match[str]) -> str:
    how, option = found.groups()
    return _COMPUTED.get(option) or {None: systems_with, "need": _need, "notes": _notes}[how](option)


class ModuleDocFragment:
    """Options of section "connection". What is between two @ comes from the tables of the systems.

    What is true of some systems only stands in their ``OPTION_NOTES``, and here where it goes: @notes.option@.
    """

    # Annotated because the sanity test that reads fragments understands only plain text behind a plain assignment.
    DOCUMENTATION: str = re.sub(r"@(?:(\w+)\.)?(\w+)@", _computed, _TEXT)
