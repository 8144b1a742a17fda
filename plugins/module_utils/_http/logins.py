# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""How we show a system who we are: one class per grant.

A token is fetched when it is first needed, renewed before it ends, and once when the system answers 401.
"""

from __future__ import annotations

import base64
import contextlib
import re
import typing as t

from .._core.errors import AuthLost, Misconfigured, Unanswered
from .._core.times import from_iso
from .call import Call
from .response import Response, summary
from .tokens import RefreshTokenStore
from .transport import Transport

Encoding = t.Literal["form", "json"]
# A token is renewed this long before its end, or after four fifths of a short life.
_MARGIN = 60.0
_LONGEST_LIFE = 30 * 86400.0
# So many secrets go from one slice of a wait to the next, only to be masked there.
_REMEMBERED = 20


class FixedHeader:
    """What the user gave, on every call; it cannot be renewed."""

    def __init__(self, value: str) -> None:
        self._value = value

    def authorization(self, http: Transport) -> str:
        """Give the header."""
        return self._value

    def renew(self) -> bool:
        """Say that nothing can be renewed."""
        return False

    def keep(self) -> dict[str, t.Any]:
        """Say that there is nothing to keep."""
        return {}

    def restore(self, kept: dict[str, t.Any]) -> None:
        """Take nothing over."""


def basic_auth(username: str, password: str, on_secret: t.Callable[[str], None]) -> FixedHeader:
    """HTTP Basic."""
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    on_secret(pair)
    return FixedHeader(f"Basic {pair}")


def bearer(token: str) -> FixedHeader:
    """A ready bearer token or API key."""
    return FixedHeader(f"Bearer {_sendable(token)}")


def _is_token(value: t.Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[\x21-\x7e]+", value) is not None


def _sendable(token: str) -> str:
    if not _is_token(token):
        raise Misconfigured("access_token holds a blank, a line break or another character that no header can carry")
    return token


class Grant:
    """An OAuth 2 grant at a token endpoint. A subclass says what it sends.

    ``access_token``: a token the user gave as well; it is used until it is refused.
    ``on_secret``: told each token that comes in, so that no output can show it.
    """

    def __init__(
        self,
        token_url: str,
        fields: t.Mapping[str, str],
        encoding: Encoding = "form",
        access_token: str | None = None,
        on_secret: t.Callable[[str], None] = lambda secret: None,
        headers: t.Mapping[str, str] | None = None,
    ) -> None:
        self.token_url = token_url
        self.headers = headers
        self.fields = dict(fields)
        self.encoding = encoding
        self.token = None if access_token is None else _sendable(access_token)
        self.good_until: float | None = None
        # When the last login was answered, by the server's clock.
        self._answered_at: float | None = None
        self._on_secret = on_secret
        # What was sent or came in, the newest last: a server may repeat that also to the next slice of a wait.
        self._secrets: list[str] = []

    def hide(self, secret: str) -> None:
        """Let no output show a secret, in this slice of a wait and in the next ones."""
        self._on_secret(secret)
        self._secrets = [*(one for one in self._secrets if one != secret), secret][-_REMEMBERED:]

    def body(self) -> dict[str, str]:
        """Give what is sent to the token endpoint."""
        return self.fields

    def authorization(self, http: Transport) -> str:
        """Give the header, logging in when there is no token or it is about to end."""
        if self.token is None or (self.good_until is not None and http.clock.monotonic() >= self.good_until):
            self._login(http)
        return f"Bearer {self.token}"

    def renew(self) -> bool:
        """Forget the refused token; the next call logs in."""
        self.token = None
        return True

    def keep(self) -> dict[str, t.Any]:
        """Give what the next slice of a wait needs so as not to log in again."""
        return {"token": self.token, "good_until": self.good_until, "secrets": self._secrets}

    def restore(self, kept: dict[str, t.Any]) -> None:
        """Take over what the slice before kept."""
        self.token, self.good_until = kept["token"], kept["good_until"]
        for secret in kept["secrets"]:
            self.hide(secret)

    def during(self) -> t.ContextManager[None]:
        """Give what has to hold while a login is on its way. Default: nothing."""
        return contextlib.nullcontext()

    def _login(self, http: Transport) -> None:
        asked_at = http.clock.monotonic()
        answer = self._ask(http)
        self.token = answer["access_token"]
        self.hide(answer["access_token"])
        life = self._life(answer.get("expires_in"), http)
        self.good_until = None if life is None else asked_at + life - min(_MARGIN, life / 5)

    def _ask(self, http: Transport) -> dict[str, t.Any]:
        answer: dict[str, t.Any] = http.login(self._call, self._parse, self.during)
        return answer

    def _call(self) -> Call:
        body = self.body()
        return Call(
            "login",
            "POST",
            self.token_url,
            headers=self.headers,
            json=body if self.encoding == "json" else None,
            form=body if self.encoding == "form" else None,
        )

    def _parse(self, response: Response) -> dict[str, t.Any]:
        if not 200 <= response.status < 300:
            raise AuthLost(
                f"the login at {self.token_url} was answered with HTTP {response.status}: {summary(response)}. "
                f"Check {self._what()}{self._hint(response)}"
            )
        self._answered_at = response.date()
        body = response.json()
        if isinstance(body, dict) and body.get("mfa_token") and not body.get("access_token"):
            # Asking again would only lock the account.
            raise AuthLost(
                f"the login at {self.token_url} asks for a second factor, which cannot be given here. "
                "Use an API key, or an account without one"
            )
        if not isinstance(body, dict) or not _is_token(body.get("access_token")):
            raise Unanswered(f"the login at {self.token_url} gave no access_token")
        return body

    def _what(self) -> str:
        return ", ".join(name for name in self.fields if name not in ("grant_type", "audience"))

    def _hint(self, response: Response) -> str:
        """Say what else may be the reason of a refusal. Default: nothing."""
        return ""

    def _life(self, value: t.Any, http: Transport) -> float | None:
        """Read ``expires_in``: seconds, also as text; VSPC's document calls it a date. Odd values mean "not known".

        A date counts from the server's own, whatever our clock shows.
        """
        moment = from_iso(value)
        if moment is not None:
            now = http.clock.now().timestamp() if self._answered_at is None else self._answered_at
            value = moment.timestamp() - now
        try:
            life = float(value)
        except (TypeError, ValueError, OverflowError):
            return None
        return life if 0 < life <= _LONGEST_LIFE and not isinstance(value, bool) else None


class RefreshGrant(Grant):
    """The refresh grant. Some servers rotate the refresh token; the new one is kept before anything else happens."""

    def __init__(
        self,
        token_url: str,
        fields: t.Mapping[str, str],
        store: RefreshTokenStore,
        warn: t.Callable[[str], None],
        encoding: Encoding = "form",
        access_token: str | None = None,
        on_secret: t.Callable[[str], None] = lambda secret: None,
        headers: t.Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(token_url, fields, encoding, access_token, on_secret, headers)
        self.store = store
        self.warn = warn

    def keep(self) -> dict[str, t.Any]:
        """Give the token, and the newest refresh token: without a file it is nowhere else."""
        return {**super().keep(), "refresh_token": self.store.token}

    def restore(self, kept: dict[str, t.Any]) -> None:
        """Take over what the slice before kept."""
        super().restore(kept)
        self.store.token = kept["refresh_token"]
        self.hide(self.store.token)

    def body(self) -> dict[str, str]:
        """Give the fields with the newest refresh token."""
        return {**self.fields, "grant_type": "refresh_token", "refresh_token": self.store.token}

    def during(self) -> t.ContextManager[None]:
        """Let whoever ends us wait for the answer: it can hold the only refresh token that still works."""
        return self.store.undisturbed()

    def _what(self) -> str:
        return f"{super()._what()}, refresh_token" if self.fields else "refresh_token"

    def _hint(self, response: Response) -> str:
        if self.store.has_file:
            return ""
        return (
            ". If the server replaces a refresh token when it is used, an earlier run has used this one up, and the "
            "newer one was lost with it: get a new one, and keep it in refresh_token_file, where each newer one goes"
        )

    def _ask(self, http: Transport) -> dict[str, t.Any]:
        with self.store.turn(http):
            return super()._ask(http)

    def _parse(self, response: Response) -> dict[str, t.Any]:
        # First of all: also an answer that is no good for anything else may have replaced the token.
        body = response.json_or_none() if 200 <= response.status < 300 else None
        new = body.get("refresh_token") if isinstance(body, dict) else None
        if isinstance(new, str) and new and new != self.store.token:
            for secret in (self.store.token, new):
                self.hide(secret)
            if not self.store.keep(new):
                self.warn(
                    "The server replaced the refresh token, and the old one may no longer work. The new one is "
                    "lost when this task ends: set refresh_token_file, where it is kept from then on"
                )
        return super()._parse(response)
