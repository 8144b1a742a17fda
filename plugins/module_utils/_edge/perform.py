# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""One task from its options to its answer, the same through both doors; and the one table of error to message.

Nothing is sent before every option is checked.
"""

from __future__ import annotations

import traceback
import typing as t

from .._core.errors import BackupError, Misconfigured, MissingLibrary, Unanswered, printable
from .._core.times import Clock
from .._http.transport import Transport
from .._systems.connection import Connection
from .._systems.registry import SYSTEMS
from .._tasks.task import Answer, Task, Turn
from .connection import connect
from .options import CONNECTION, SELECTION, Spec
from .secrets import Secrets
from .selection import select


class Verb(t.NamedTuple):
    """What a module does: its own options beside those that all have, its body, and whether it may write."""

    name: str
    options: Spec
    body: t.Callable[[Task], Answer]
    writes: bool = False
    # Defaults of connection options that are its own.
    defaults: t.Mapping[str, t.Any] = {}

    @property
    def spec(self) -> Spec:
        """All its options."""
        return {**CONNECTION, **SELECTION, **self.options}


class Door(t.NamedTuple):
    """Where a task runs: the environment it sees, and what it can tell before it ends."""

    environ: t.Mapping[str, str]
    secrets: Secrets
    warn: t.Callable[[str], None]
    say: t.Callable[[str], None] | None = None
    turn: Turn | None = None
    clock: Clock = Clock()


def perform(verb: Verb, params: dict[str, t.Any], check_mode: bool, door: Door) -> Answer:
    """Do what a task asks for; where it fails, ``failed`` and ``msg`` are in the answer.

    Unless the verb writes, and in check mode, the transport refuses to send anything but reads and logins, and, where
    the option ``collect`` says so, requests to collect. Raises MissingLibrary, before anything is sent.
    """
    secrets, clock = door.secrets, door.clock
    chosen = SYSTEMS[params["system"]]

    def warn(text: str) -> None:
        # Ansible masks the result, but not the warnings in it.
        door.warn(secrets.mask(text))

    def say(text: str) -> None:
        if door.say is not None:
            door.say(secrets.mask(text))

    try:
        connection, credential = connect(chosen, params, door.environ, warn, secrets.keep, verb.defaults)
        selection = select(chosen, params, clock.now())
        http = Transport(
            connection.url,
            credential,
            clock,
            connection["request_timeout"],
            connection["unreachable_timeout"],
            _verify(connection),
            allow_writes=verb.writes and not check_mode,
            allow_collect=bool(connection["collect"]) and not check_mode,
            mask=secrets.mask,
        )
        system = chosen(connection, http)
        heard = None if door.say is None else say
        try:
            return verb.body(Task(params, system, selection, clock, check_mode, warn, secrets.mask, heard, door.turn))
        finally:
            system.close()
            http.close()
    except MissingLibrary:
        raise
    except Misconfigured as exc:
        return {"failed": True, "msg": printable(f"Nothing was sent: {exc}.")}
    except BackupError as exc:
        return {"failed": True, "msg": printable(f"{chosen.TITLE} at {connection.url}: {exc}.{_tried(exc)}")}
    except Exception as exc:
        # Left to Ansible, it would be shown unmasked.
        trace = traceback.format_exc()
        return {"failed": True, "msg": f"A bug in this collection: {type(exc).__name__}: {exc}.", "exception": trace}


def _tried(exc: BackupError) -> str:
    """Say for how long something was asked for, and what would make that longer."""
    if not isinstance(exc, Unanswered) or exc.tried is None or exc.patience is None:
        return ""
    return f" It was tried for {exc.tried:.0f} s; unreachable_timeout ({exc.patience:g} s) says for how long."


def _verify(connection: Connection) -> bool | str:
    return (connection["validate_certs"] and connection["ca_path"]) or bool(connection["validate_certs"])
