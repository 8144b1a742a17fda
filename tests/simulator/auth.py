# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens as a vendor's identity service keeps them: issued, renewed, spent, expired."""

from __future__ import annotations

import base64
import datetime
import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .story import Clock

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Token:
    """One access token (or API key)."""

    value: str
    expires: float
    read_only: bool = False


@dataclass
class _Renewal:
    expires: float
    read_only: bool
    spent: bool = False


class TokenError(Exception):
    """A token is not accepted; `ours` says that it was good once."""

    def __init__(self, reason: str, *, ours: bool = False) -> None:
        super().__init__(reason)
        self.ours = ours


class Tokens:
    """The tokens of one simulator, in story time."""

    def __init__(self, clock: Clock, settings: dict[str, Any]) -> None:
        self._clock = clock
        self.lifetime = float(settings.get("token_lifetime", 3600))
        self.refresh_lifetime = float(settings.get("refresh_token_lifetime", 86400 * 14))
        self.rotate = settings.get("rotate_refresh_token", True)
        self._access: dict[str, Token] = {}
        self._renewals: dict[str, _Renewal] = {}

    def issue(self, *, read_only: bool = False, lifetime: float | None = None) -> str:
        """Return a new access token."""
        value = f"sim-at-{secrets.token_urlsafe(24)}"
        expires = self._clock.now() + (self.lifetime if lifetime is None else lifetime)
        self._access[value] = Token(value, expires, read_only)
        return value

    def issue_refresh(self, *, read_only: bool = False) -> str:
        """Return a new refresh token."""
        value = f"sim-rt-{secrets.token_urlsafe(24)}"
        self._renewals[value] = _Renewal(self._clock.now() + self.refresh_lifetime, read_only)
        return value

    def check(self, value: str) -> Token:
        """Return the token, or raise TokenError."""
        token = self._access.get(value)
        if token is None:
            raise TokenError("a token that this system never issued")
        if token.expires <= self._clock.now():
            raise TokenError("the token has expired", ours=True)
        return token

    def renew(self, value: str) -> tuple[str, str | None]:
        """Spend a refresh token; return the new access token and the refresh token to answer with."""
        renewal = self._renewals.get(value)
        if renewal is None:
            raise TokenError("a refresh token that this system never issued")
        if renewal.expires <= self._clock.now():
            raise TokenError("the refresh token has expired", ours=True)
        if renewal.spent:
            raise TokenError("a refresh token that was replaced by a newer one")
        access = self.issue(read_only=renewal.read_only)
        if self.rotate == "null":
            return access, None
        if not self.rotate:
            return access, value
        renewal.spent = True
        return access, self.issue_refresh(read_only=renewal.read_only)

    def values(self) -> list[str]:
        """Return every token that was ever issued."""
        return [*self._access, *self._renewals]

    def expire_all(self) -> None:
        """Let every access token that can expire die now; API keys live on."""
        for token in self._access.values():
            if token.expires != float("inf"):
                token.expires = float("-inf")


class ClientKey:
    """The key pair of the registered client, made when first asked for."""

    def __init__(self, certificate: str | None = None) -> None:
        self._key: rsa.RSAPrivateKey | None = None
        self._certificate: x509.Certificate | None = None
        self._seen: set[str] = set()
        if certificate is not None:
            with open(certificate, "rb") as handle:
                self._certificate = x509.load_pem_x509_certificate(handle.read())

    def pem(self) -> tuple[str, str]:
        """Return the certificate and the private key as PEM text."""
        if self._key is None:
            self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "simulated client")])
            start = datetime.datetime.now(datetime.timezone.utc)
            builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self._key.public_key())
            builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start)
            builder = builder.not_valid_after(start + datetime.timedelta(days=1))
            self._certificate = builder.sign(self._key, hashes.SHA256())
        assert self._certificate is not None
        private = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()

    def verify(self, assertion: str, *, client_id: str, audiences: list[str], named_key: bool) -> None:
        """Check a signed client assertion as RFC 7523 and the vendor's page ask; raise TokenError."""
        if self._certificate is None:
            raise TokenError("no certificate is registered for this client")
        try:
            header = jwt.get_unverified_header(assertion)
            claims = jwt.decode(
                assertion,
                self._certificate.public_key(),  # type: ignore[arg-type]
                algorithms=["RS256"],
                audience=audiences,
                leeway=5,
                options={"require": ["exp", "iss", "sub", "aud", "jti"], "strict_aud": False},
            )
        except jwt.PyJWTError as error:
            raise TokenError(f"client assertion: {error}") from error
        if not claims["iss"] == claims["sub"] == client_id:
            raise TokenError("client assertion: iss and sub must both be the client id")
        if claims["exp"] > time.time() + 3600 + 5:
            raise TokenError("client assertion: exp is more than an hour away")
        if claims["jti"] in self._seen:
            raise TokenError("client assertion: jti was used before")
        if named_key and not self._names_key(header):
            raise TokenError("client assertion: neither kid nor x5t names the registered certificate")
        self._seen.add(claims["jti"])

    def _names_key(self, header: dict[str, Any]) -> bool:
        assert self._certificate is not None
        thumb = hashlib.sha1(self._certificate.public_bytes(serialization.Encoding.DER), usedforsecurity=False).digest()
        encoded = base64.urlsafe_b64encode(thumb).rstrip(b"=").decode()
        return str(header.get("kid", "")).lower() == thumb.hex() or header.get("x5t", "") == encoded
