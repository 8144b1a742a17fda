# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The login that a certificate signs."""

from __future__ import annotations

import base64
import time
import traceback
import typing as t
import uuid
from datetime import datetime, timezone

from .._core.errors import Misconfigured, MissingLibrary
from .logins import Encoding, Grant
from .response import Response

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# An assertion is good for so many seconds before and after it is made.
_AROUND = 60
# The Date of an answer has whole seconds, and was some time on its way.
_CLOCKS_AGREE = 5.0
_CLOCK = "%Y-%m-%dT%H:%M:%SZ"


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
        headers: t.Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(token_url, fields, encoding, access_token, on_secret, headers)
        self.audience = audience
        self.client_id = client_id
        self._key, self._headers = _signer(certificate_path, key_path)

    def body(self) -> dict[str, str]:
        """Give the fields with a fresh assertion: each may be used once."""
        import jwt

        # The two clocks differ by seconds, and not every server lets that pass: a minute to either side of now.
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience,
            "jti": str(uuid.uuid4()),
            "iat": now - _AROUND,
            "nbf": now - _AROUND,
            "exp": now + _AROUND,
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

    def _hint(self, response: Response) -> str:
        ours, theirs = time.time(), response.date()
        if theirs is None or abs(ours - theirs) <= _CLOCKS_AGREE:
            return ""
        here, there = (datetime.fromtimestamp(moment, timezone.utc) for moment in (ours, theirs))
        return (
            f". The assertion holds times, and the clocks differ by {abs(ours - theirs):.0f} s: {here:{_CLOCK}} on "
            f"this machine, {there:{_CLOCK}} on the server. Set the one that is wrong"
        )


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
