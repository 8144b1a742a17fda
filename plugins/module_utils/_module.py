# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The edge: builds everything for one task, and is the one place that calls ``exit_json`` and ``fail_json``."""

from __future__ import annotations

import atexit
import base64
import contextlib
import gc
import html
import io
import json
import os
import re
import sys
import traceback
import typing as t
import uuid
from urllib.parse import quote, quote_plus, unquote, urlsplit

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.parameters import remove_values, sanitize_keys

from ansible_collections.changeops.backup.plugins.module_utils._connection import connect, select
from ansible_collections.changeops.backup.plugins.module_utils._errors import (
    BackupError,
    Misconfigured,
    MissingLibrary,
    printable,
)
from ansible_collections.changeops.backup.plugins.module_utils._http import Credential, Transport
from ansible_collections.changeops.backup.plugins.module_utils._job import Job
from ansible_collections.changeops.backup.plugins.module_utils._options import CONNECTION, SELECTION, Spec
from ansible_collections.changeops.backup.plugins.module_utils._system import BackupSystem, Connection, Selection
from ansible_collections.changeops.backup.plugins.module_utils._systems import SYSTEMS
from ansible_collections.changeops.backup.plugins.module_utils._time import Clock

Answer = dict[str, t.Any]


class Rows:
    """Jobs on their way out: JSON text, made in pieces."""

    _PIECE = 1000

    def __init__(self, jobs: t.Sequence[Job]) -> None:
        self._jobs = jobs

    def to_list(self) -> list[dict[str, t.Any]]:
        """Give the jobs as Ansible takes them."""
        return [job.to_dict() for job in self._jobs]

    def pieces(self, secrets: t.Collection[str]) -> t.Iterator[str]:
        """Give the JSON of the list, with every secret masked."""
        spelled = [json.dumps(str(secret))[1:-1] for secret in secrets if secret]
        yield "["
        for start in range(0, len(self._jobs), self._PIECE):
            jobs = self._jobs[start : start + self._PIECE]
            rows = [job.to_json() for job in jobs]
            text = ", ".join(rows)
            if any(secret in text for secret in spelled):
                # Somewhere in it, perhaps only in a key: Ansible's own, slower way knows where to mask.
                text = ", ".join(
                    json.dumps(remove_values(job.to_dict(), secrets)) if any(one in row for one in spelled) else row
                    for job, row in zip(jobs, rows)
                )
            yield f", {text}" if start else text
        yield "]"


class Task(t.NamedTuple):
    """What one module run works with."""

    params: dict[str, t.Any]
    system: BackupSystem
    selection: Selection
    clock: Clock
    check_mode: bool
    warn: t.Callable[[str], None]
    # Hides the secrets in what is told before the module ends.
    mask: t.Callable[[str], str] = str


def spellings(secret: str) -> set[str]:
    """Give every way in which a server, a library or we ourselves may write a secret."""
    raw = secret.encode("utf-8", "surrogatepass")
    # Texts are tidied up, and one side may take UTF-8 for Latin-1, or the reverse.
    read = {secret, secret.strip(), " ".join(secret.split()), raw.decode("latin-1")}
    read.add(secret.encode("latin-1", "replace").decode("utf-8", "replace"))
    found = set(read)
    for text in read:
        # As a form, a path, JavaScript and requests leave characters alone.
        quoted = {quote(text, safe, errors="surrogatepass") for safe in ("", "/", "!'()*", "!#$%&'()*+,/:;=?@[]~")}
        quoted.add(quote_plus(text, errors="surrogatepass"))
        found |= quoted | {re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), one) for one in quoted}
        encoded = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
        found |= encoded | {one.replace("/", "\\/") for one in encoded}
        found |= {html.escape(text), html.escape(text, quote=False), html.escape(text).replace("&#x27;", "&#39;")}
        shown = {repr(text)[1:-1], repr(text.encode("utf-8", "surrogatepass"))[2:-1]}
        found |= shown | {one.replace("'", "\\'") for one in shown}
    return found - {""}


def proxy_secrets(environ: t.Mapping[str, str]) -> t.Iterator[str]:
    """Give what the environment tells a proxy about us: it may repeat that in its errors."""
    for name, address in environ.items():
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
            with contextlib.suppress(ValueError):
                parts = urlsplit(address if "://" in address else f"//{address}")
                if parts.password:
                    user, password = unquote(parts.username or ""), unquote(parts.password)
                    yield password
                    # As requests encodes it.
                    yield base64.b64encode(f"{user}:{password}".encode("latin-1", "replace")).decode()


def run_module(options: Spec, work: t.Callable[[Task], Answer], writes: bool = False) -> None:
    """Run one module: ``work`` gets a task and gives the result; ``failed`` in it makes the task fail.

    Nothing is sent before every option is checked. Without ``writes``, and in check mode, the transport refuses to
    send anything but reads and logins, and, where the option ``collect`` says so, requests to collect.
    """
    # What is left at the end is not worth looking through, which takes as long as half of all that we import.
    atexit.register(gc.freeze)
    module = AnsibleModule(argument_spec={**CONNECTION, **SELECTION, **options}, supports_check_mode=True)
    clock = Clock()
    chosen = SYSTEMS[module.params["system"]]

    def keep_secret(secret: str) -> None:
        # no_log covers what came as an option; what came from the environment, a file or a login is added here.
        module.no_log_values.update(spellings(secret))

    def mask(text: str) -> str:
        return printable(remove_values(text, module.no_log_values))

    def warn(text: str) -> None:
        # Ansible masks the result, but not the warnings in it.
        module.warn(mask(text))

    for secret in proxy_secrets(os.environ):
        keep_secret(secret)
    answer: Answer
    try:
        connection, credential = connect(chosen, module.params, os.environ, warn, keep_secret)
        selection = select(chosen, module.params, clock.now())
        http = _transport(connection, credential, clock, writes, module.check_mode, mask)
        system = chosen(connection, http)
        task = Task(module.params, system, selection, clock, module.check_mode, warn, mask)
        try:
            answer = work(task)
        finally:
            system.close()
            http.close()
    except MissingLibrary as exc:
        module.fail_json(msg=missing_required_lib(exc.library), exception=exc.traceback)
    except Misconfigured as exc:
        module.fail_json(msg=printable(f"Nothing was sent: {exc}."))
    except BackupError as exc:
        module.fail_json(msg=printable(f"{chosen.TITLE} at {connection.url}: {exc}."))
    except Exception as exc:
        # Left to Ansible, it would be shown unmasked.
        module.fail_json(
            msg=f"A bug in this collection: {type(exc).__name__}: {exc}.", exception=traceback.format_exc()
        )
    _leave(module, answer)


def _leave(module: AnsibleModule, answer: Answer) -> None:
    """Print the result and end.

    Ansible copies and encodes a result value by value, which takes many times longer than fetching a long list of jobs
    did. So a mark stands for the list in the result, and is replaced on the way out; secrets are masked here as well.
    """
    leave = module.fail_json if answer.pop("failed", False) else module.exit_json
    if "msg" in answer:
        # The names and words of other systems are in it, and Ansible prints it as it is.
        answer["msg"] = printable(answer["msg"])
    rows: t.Any = answer.get("jobs")
    if not isinstance(rows, Rows):
        for job in rows or ():
            # Elsewhere the keys are ours, and Ansible masks values only.
            job["raw"] = sanitize_keys(job["raw"], module.no_log_values)
        leave(**answer)
    mark = f"jobs-{uuid.uuid4()}"
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            leave(**{**answer, "jobs": mark})
    finally:
        before, marked, after = printed.getvalue().partition(f'"{mark}"')
        if not marked:
            # A secret so short that it is in the mark as well.
            leave(**{**answer, "jobs": rows.to_list()})
        sys.stdout.write(before)
        for piece in rows.pieces(module.no_log_values):
            sys.stdout.write(piece)
        sys.stdout.write(after)


def _transport(
    connection: Connection,
    credential: Credential,
    clock: Clock,
    writes: bool,
    check_mode: bool,
    mask: t.Callable[[str], str],
) -> Transport:
    verify: bool | str = connection["validate_certs"]
    if verify and connection["ca_path"]:
        verify = connection["ca_path"]
    return Transport(
        connection.url,
        credential,
        clock,
        connection["request_timeout"],
        connection["unreachable_timeout"],
        verify,
        allow_writes=writes and not check_mode,
        allow_collect=bool(connection["collect"]) and not check_mode,
        mask=mask,
    )
