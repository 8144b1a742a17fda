# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The door of a module: a process of its own, and the one place that calls ``exit_json`` and ``fail_json``."""

from __future__ import annotations

import atexit
import gc
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .._core.errors import MissingLibrary
from .options import without_empty
from .perform import Door, Verb, perform
from .printing import print_with_jobs, take_jobs
from .secrets import Secrets
from .slices import VARIABLE, Incoming


# Ansible has no types, so that to mypy its class can be anything.
class _Module(AnsibleModule):  # type: ignore[misc]
    """A module to which an empty text is an option that was left out."""

    params: dict[str, t.Any]

    def _load_params(self) -> None:
        super()._load_params()
        self.params = without_empty(self.params)


def run_module(verb: Verb) -> None:
    """Run one module to its end."""
    # What is left at the end is not worth looking through, which takes as long as half of all that we import.
    atexit.register(gc.freeze)
    module = _Module(argument_spec=verb.spec, supports_check_mode=True)
    secrets = Secrets(module.no_log_values, os.environ)
    said = os.environ.get(VARIABLE)
    incoming = Incoming(said) if said else None
    door = Door(os.environ, secrets, module.warn, turn=incoming.turn if incoming else None)
    try:
        answer = perform(verb, module.params, module.check_mode, door)
    except MissingLibrary as exc:
        module.fail_json(msg=missing_required_lib(exc.library), exception=exc.traceback)
    if incoming is not None and "kept" in answer:
        answer["kept"] = incoming.sealed(answer["kept"])
    leave = module.fail_json if answer.pop("failed", False) else module.exit_json
    jobs = take_jobs(answer, secrets.values)
    if jobs is None:
        leave(**answer)
    else:
        print_with_jobs(leave, answer, jobs, secrets.values)
