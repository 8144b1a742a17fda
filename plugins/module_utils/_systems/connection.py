# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The connection options of one task, and the ways to log in with them."""

from __future__ import annotations

import typing as t

from .._http.logins import Encoding, Grant, RefreshGrant, bearer
from .._http.tokens import RefreshTokenStore
from .._http.transport import Credential

if t.TYPE_CHECKING:
    from .._http.assertion import AssertionGrant


class Login(t.NamedTuple):
    """One way to log in: the options it needs, and what makes the credential of them."""

    options: tuple[str, ...]
    make: t.Callable[[Connection], Credential]


class Connection:
    """The connection options of one task: checked, with defaults and environment filled in."""

    def __init__(
        self,
        url: str,
        token_url: str,
        options: dict[str, t.Any],
        warn: t.Callable[[str], None],
        on_secret: t.Callable[[str], None],
    ) -> None:
        # What every login of this system carries beside its fields.
        self.login_headers: t.Mapping[str, str] = {}
        self.url = url
        self.token_url = token_url
        self.options = options
        self.warn = warn
        self.on_secret = on_secret

    def __getitem__(self, name: str) -> t.Any:
        return self.options[name]

    def grant(
        self,
        names: t.Sequence[str],
        fixed: t.Mapping[str, str],
        encoding: Encoding = "form",
    ) -> Grant:
        """Make the grant that sends these options and these fixed fields."""
        fields = self._fields(names, fixed)
        return Grant(self.token_url, fields, encoding, self["access_token"], self.on_secret, self.login_headers)

    def refresh_grant(
        self,
        names: t.Sequence[str],
        fixed: t.Mapping[str, str],
        encoding: Encoding = "form",
    ) -> RefreshGrant:
        """Make the refresh grant, with the newest of option and file."""
        store = RefreshTokenStore(self["refresh_token"], self["refresh_token_file"], self.on_secret)
        fields = self._fields(names, fixed)
        return RefreshGrant(
            self.token_url, fields, store, self.warn, encoding, self["access_token"], self.on_secret, self.login_headers
        )

    def assertion_grant(
        self, fixed: t.Mapping[str, str], encoding: Encoding = "form", audience: str | None = None
    ) -> AssertionGrant:
        """Make the grant that a certificate signs; its audience is the token endpoint where nothing else is said."""
        # Few log in like this, and every start of a module pays for what it reads.
        from .._http.assertion import AssertionGrant

        return AssertionGrant(
            self.token_url,
            audience or self.token_url,
            self["client_id"],
            self["client_certificate"],
            self["client_private_key"],
            fixed,
            encoding,
            self["access_token"],
            self.on_secret,
            self.login_headers,
        )

    def _fields(self, names: t.Iterable[str], fixed: t.Mapping[str, str]) -> dict[str, str]:
        return {**{name: self[name] for name in names}, **fixed}


READY_TOKEN = Login(("access_token",), lambda connection: bearer(connection["access_token"]))
