# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What the two AvePoint products share: hosts and logins (learn.avepoint.com, "Overview" and "Register an app")."""

from __future__ import annotations

import typing as t

from ansible_collections.changeops.backup.plugins.module_utils._system import READY_TOKEN, Connection, Login

_COMMERCIAL = ("us", "ca", "ne", "we", "uk", "fr", "de", "ch", "au", "sg", "jp", "kr", "uae", "za", "qa")

REGIONS: t.Mapping[str, tuple[str, str]] = {
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
