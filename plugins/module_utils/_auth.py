# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""How we show a system who we are: one class per grant.

A token is fetched when it is first needed, renewed before it ends, and once when the system answers 401.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import re
import signal
import time
import traceback
import typing as t
import uuid

from ansible_collections.changeops.backup.plugins.module_utils._errors import (
    AuthLost,
    BackupError,
    Misconfigured,
    MissingLibrary,
    Unanswered,
)
from ansible_collections.changeops.backup.plugins.module_utils._http import Call, Response, Transport, summary
from ansible_collections.changeops.backup.plugins.module_utils._time import from_iso

Encoding = t.Literal["form", "json"]

# A token is renewed this long before its end, or after four fifths of a short life.
_MARGIN = 60.0
_LONGEST_LIFE = 30 * 86400.0
_LONGEST_TOKEN = 64 * 1024
_LOCK_PAUSE = 0.1
# So many secrets go from one slice of a wait to the next, only to be masked there.
_REMEMBERED = 20
# What says that a token was written to its end.
_END = "\n"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


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
                f"Check {self._what()}"
            )
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

    @staticmethod
    def _life(value: t.Any, http: Transport) -> float | None:
        """Read ``expires_in``: seconds, also as text; VSPC's document calls it a date. Odd values mean "not known"."""
        moment = from_iso(value)
        if moment is not None:
            value = (moment - http.clock.now()).total_seconds()
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


class RefreshTokenStore:
    """Where the newest refresh token is: in memory, and in a file of mode 0600 if there is one."""

    def __init__(self, token: str | None, path: str | None, on_secret: t.Callable[[str], None]) -> None:
        # A link stays a link: what it names is replaced.
        self._path = None if path is None else os.path.realpath(path)
        self._draft = os.path.join(os.path.dirname(self._path or ""), f".{os.path.basename(self._path or '')}.new")
        self._on_secret = on_secret
        if self._path is not None and not os.access(os.path.dirname(self._path), os.W_OK | os.X_OK):
            raise Misconfigured(
                f"the folder of refresh_token_file {self._path} does not exist or cannot be written: a rotated token "
                "would be lost"
            )
        self.token = self._from_file() or token or ""
        if not self.token:
            raise Misconfigured(f"refresh_token_file {path} holds no token yet, and no refresh_token was given")

    def _from_file(self) -> str | None:
        if self._path is None:
            return None
        try:
            with open(self._path, encoding="utf-8") as file:
                token = file.read(_LONGEST_TOKEN + 1).strip()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            why = getattr(exc, "strerror", None) or "it is no text"
            raise Misconfigured(
                f"refresh_token_file {self._path} cannot be read ({why}): it has to hold the token alone, on one line"
            ) from exc
        if not re.fullmatch(r"[\x21-\x7e]*", token) or len(token) > _LONGEST_TOKEN:
            raise Misconfigured(f"refresh_token_file {self._path} has to hold the token alone, on one line")
        if token:
            self._on_secret(token)
        return token or None

    @contextlib.contextmanager
    def turn(self, http: Transport) -> t.Iterator[None]:
        """Hold the file for one login, so that two tasks do not spend the same token; read it anew first."""
        if self._path is None:
            yield
            return
        handle = os.open(os.path.dirname(self._path), os.O_RDONLY)
        try:
            self._lock(handle, http)
            _finish(self._draft, self._path)
            self.token = self._from_file() or self.token
            yield
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def undisturbed(self) -> t.Iterator[None]:
        """Put off the signals that end a process. Without a file there is nothing to bring to safety."""
        before: dict[int, t.Any] = {}
        came: list[int] = []
        try:
            if self._path is not None:
                # Only a main thread may: a module runs in one, and where it does not there is nothing to lose but this.
                with contextlib.suppress(ValueError):
                    for ending in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                        before[ending] = signal.signal(ending, lambda number, frame: came.append(number))
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            for number in came:
                os.kill(os.getpid(), number)

    def _lock(self, handle: int, http: Transport) -> None:
        give_up_at = http.clock.monotonic() + http.request_timeout
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if http.clock.monotonic() >= give_up_at:
                    raise Unanswered(
                        f"another process has held the folder of refresh_token_file {self._path} for "
                        f"request_timeout ({http.request_timeout:g} s)"
                    ) from None
                http.clock.sleep(_LOCK_PAUSE)
            else:
                return

    def keep(self, token: str) -> bool:
        """Keep a rotated token. False: only in memory."""
        self.token = token
        if self._path is None:
            return False
        failed = f"the rotated refresh token could not be written to {self._path}"
        try:
            # Of a known name: a process killed between these lines leaves it for the next one to put in place.
            handle = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(token + _END)
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            with contextlib.suppress(OSError):
                os.unlink(self._draft)
            raise BackupError(f"{failed}, and is lost: {exc}. Get a new refresh token") from exc
        try:
            os.replace(self._draft, self._path)
        except OSError as exc:
            raise BackupError(f"{failed}: {exc}. It is in {self._draft}; the next login puts it in place") from exc
        return True


def _finish(draft: str, path: str) -> None:
    """Put a token in place that a killed process left behind whole; what it left in part is of no use."""
    try:
        if os.lstat(draft).st_uid != os.geteuid():
            raise Misconfigured(f"{draft} belongs to another user, and a rotated token would have to be written there")
        with open(draft, encoding="utf-8") as file:
            whole = file.read().endswith(_END)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as exc:
        raise Misconfigured(f"{draft}, left by a process that was killed, cannot be read: {exc}") from exc
    if whole:
        os.replace(draft, path)
    else:
        os.unlink(draft)


class AssertionGrant(Grant):
    """Client credentials, proven by an assertion that the client's private key signs (RFC 7523, RS256)."""

    def __init__(
        self,
        token_url: str,
        audience: str,
        client_id: str,
        certificate_path: str,
        key_path: str,
        fields: t.Mapping[str, str],
        encoding: Encoding = "form",
        access_token: str | None = None,
        on_secret: t.Callable[[str], None] = lambda secret: None,
    ) -> None:
        super().__init__(token_url, fields, encoding, access_token, on_secret)
        self.audience = audience
        self.client_id = client_id
        self._key, self._headers = _signer(certificate_path, key_path)

    def body(self) -> dict[str, str]:
        """Give the fields with a fresh assertion: each may be used once."""
        import jwt

        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "nbf": now - 60,
            "exp": now + 300,
        }
        assertion = jwt.encode(claims, self._key, algorithm="RS256", headers=self._headers)
        self.hide(assertion)
        return {
            **self.fields,
            "client_id": self.client_id,
            "client_assertion_type": JWT_BEARER,
            "client_assertion": assertion,
        }

    def _what(self) -> str:
        return "client_id, client_certificate, client_private_key"


def _signer(certificate_path: str, key_path: str) -> tuple[t.Any, dict[str, str]]:
    """Load the key; give it with the headers ``kid`` (hex) and ``x5t`` (base64url): the certificate's SHA-1.

    Which of the two a server looks at is documented for neither vendor, so both are sent.
    """
    try:
        import jwt
        from cryptography import x509
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    except ImportError as exc:
        raise MissingLibrary("PyJWT[crypto]", traceback.format_exc()) from exc
    del jwt
    now = time.time()
    try:
        with open(key_path, "rb") as file:
            key = serialization.load_pem_private_key(file.read(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise Misconfigured(f"client_private_key {key_path} is not a readable PEM key without a passphrase") from exc
    try:
        with open(certificate_path, "rb") as file:
            certificate = x509.load_pem_x509_certificate(file.read())
        public_key = certificate.public_key()
    except (OSError, ValueError, UnsupportedAlgorithm) as exc:
        raise Misconfigured(f"client_certificate {certificate_path} is not a readable PEM certificate") from exc
    expires = getattr(certificate, "not_valid_after_utc", None) or certificate.not_valid_after
    if expires.timestamp() < now:
        raise Misconfigured(f"client_certificate {certificate_path} expired at {expires:%Y-%m-%d}: a new one is needed")
    begins = getattr(certificate, "not_valid_before_utc", None) or certificate.not_valid_before
    if begins.timestamp() > now:
        raise Misconfigured(f"client_certificate {certificate_path} is not valid before {begins:%Y-%m-%d %H:%M} UTC")
    if not isinstance(key, RSAPrivateKey):
        raise Misconfigured(f"client_private_key {key_path} is not an RSA key, which this login needs")
    # Compared as bytes: only cryptography 40 and later can compare keys.
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != public_key.public_bytes(*form):
        raise Misconfigured(f"client_private_key {key_path} does not belong to client_certificate {certificate_path}")
    print_ = certificate.fingerprint(hashes.SHA1())
    return key, {"kid": print_.hex().upper(), "x5t": base64.urlsafe_b64encode(print_).rstrip(b"=").decode()}
