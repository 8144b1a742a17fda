# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What the two AvePoint products share: hosts and logins (learn.avepoint.com, "Overview" and "Register an app")."""

from __future__ import annotations

import typing as t

from .._core.errors import Unanswered
from .._http.response import Response, summary
from .connection import READY_TOKEN, Connection, Login
from .contract import NOTHING, BackupSystem
from .reading import as_count, as_object

_COMMERCIAL = ("us", "ca", "ne", "we", "uk", "fr", "de", "ch", "au", "sg", "jp", "kr", "uae", "za", "qa")

_NO_ERROR = frozenset({"statusCode", "date", "requestId"})
_REGIONS: t.Mapping[str, tuple[str, str]] = {
    **{
        region: (
            f"https://graph-{region}.avepointonlineservices.com",
            "https://identity.avepointonlineservices.com/connect/token",
        )
        for region in _COMMERCIAL
    },
    **{
        region: (
            f"https://graph-{region}.avepointonlineservices.com",
            f"https://identity-{region}.avepointonlineservices.com/connect/token",
        )
        for region in ("gov", "aos2")
    },
    "fedramp": ("https://graphusgovapi.online15.net", "https://identity.online15.net/connect/token"),
}


class AvePoint(BackupSystem):
    """What both products answer alike."""

    REGIONS: t.ClassVar[t.Mapping[str, tuple[str, str]]] = _REGIONS
    TOKEN_PATH = "/connect/token"
    INSTEAD_OF_ABORT = "Stop the job in AvePoint's own console, or wait for it with backup_job_wait"
    INSTEAD_OF_START = "Start the job in AvePoint's own console, and wait for it with backup_job_wait and started_after"
    INSTEAD_OF_SCHEDULE = "Turn the schedule off in AvePoint's own console, or have backup_gate see that nothing runs"

    def beside(self, body: dict[str, t.Any], response: Response) -> str:
        """Bodies carry a status of their own: that it differs from HTTP's is not excluded. An error model can be empty.

        Raises Unanswered where the body says that it is no answer.
        """
        if _is_error(body):
            raise Unanswered(f"{response.headline}, but: {summary(response)}")
        model = body.get("errorModel")
        said = {name for name, word in as_object(model).items() if word not in NOTHING}
        if isinstance(model, dict) and said <= _NO_ERROR and not _is_error(model):
            model = None
        return super().beside({"errors": model or body.get("errors")}, response)


def _is_error(body: dict[str, t.Any]) -> bool:
    return (as_count(body.get("statusCode")) or 0) >= 400


def logins(scope: str) -> tuple[Login, ...]:
    """Give the ways to log in; one scope per product."""

    def fixed(connection: Connection) -> dict[str, str]:
        return {"grant_type": "client_credentials", "scope": connection["scope"] or scope}

    return (
        Login(
            ("client_id", "client_secret"),
            lambda connection: connection.grant(("client_id", "client_secret"), fixed(connection)),
        ),
        Login(
            ("client_id", "client_certificate", "client_private_key"),
            lambda connection: connection.assertion_grant(fixed(connection)),
        ),
        READY_TOKEN,
    )
