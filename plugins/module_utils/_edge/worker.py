# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The door of a worker: the same task in the process that Ansible has for it anyway, without a Python of its own.

``AnsibleModule`` does for a module what is done here: it checks the arguments, masks what is secret, and adds what was
asked for to the result. It is not sent to a target.
"""

from __future__ import annotations

import json
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError

from .._core.times import Clock
from .options import without_empty
from .perform import Door, Verb, perform
from .printing import pieces, take_jobs
from .secrets import Secrets


def run_in_worker(
    verb: Verb,
    args: dict[str, t.Any],
    check_mode: bool,
    environ: t.Mapping[str, str],
    say: t.Callable[[str], None],
    clock: Clock | None = None,
) -> dict[str, t.Any]:
    """Give what the module would give for these arguments. Raises MissingLibrary, before anything is sent."""
    warnings: list[str] = []

    def warn(text: str) -> None:
        if text not in warnings:
            warnings.append(text)

    args = without_empty(args)
    checked = ArgumentSpecValidator(verb.spec).validate(args)
    params = {**args, **checked.validated_parameters}
    for both in checked._warnings:
        warn(f"Both option {both['option']} and its alias {both['alias']} are set.")
    secrets = Secrets(set(checked._no_log_values), environ)
    # Not the exception itself, which is true also where it holds nothing.
    if checked.errors.errors:
        why = checked.errors.msg
        if isinstance(checked.errors[0], UnsupportedError):
            why = f"Unsupported parameters for ({verb.name}) module: {why}"
        answer: dict[str, t.Any] = {"failed": True, "msg": why}
        jobs = None
    else:
        answer = perform(verb, params, check_mode, Door(environ, secrets, warn, say, clock=clock or Clock()))
        jobs = take_jobs(answer, secrets.values)
        if not answer.get("failed"):
            answer.pop("failed", None)
    answer["invocation"] = {"module_args": params}
    if warnings:
        answer["warnings"] = warnings
    # Through JSON, as the result of a module comes: then no value keeps what it was made of.
    result: dict[str, t.Any] = json.loads(json.dumps(remove_values(answer, secrets.values), default=str))
    if jobs is not None:
        result["jobs"] = json.loads("".join(pieces(jobs, secrets.values)))
    return result
