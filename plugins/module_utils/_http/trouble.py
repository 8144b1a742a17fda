# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""An exchange that failed before there was an answer: what it was, whether it may pass, and what to do."""

from __future__ import annotations

import ssl
import typing as t
from urllib.parse import urlsplit

from .._core.errors import BackupError, Misconfigured, Unanswered
from . import library
from .call import Call


def trouble(call: Call, exc: Exception, mask: t.Callable[[str], str]) -> BackupError:
    """Turn what the HTTP library raised into one of our errors."""
    if isinstance(exc, library.requests.exceptions.SSLError):
        return _tls_trouble(call, exc, mask)
    if isinstance(
        exc, (library.requests.exceptions.InvalidHeader, library.requests.exceptions.InvalidURL, UnicodeError)
    ):
        # Without the reason: it would print the header.
        return Misconfigured(f"{call} needs a header or an address with a character that it cannot carry")
    return Unanswered(f"{call} got no answer ({_reason(exc, mask)})")


def _tls_trouble(call: Call, exc: Exception, mask: t.Callable[[str], str]) -> BackupError:
    cause, reason = _innermost(exc), _reason(exc, mask)
    if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        # A server that goes down in the middle of the handshake may come back.
        return Unanswered(f"{call} got no answer ({reason})")
    host = urlsplit(call.url).hostname
    if isinstance(cause, ssl.SSLCertVerificationError):
        return BackupError(
            f"the TLS certificate of {host} was not accepted ({reason}). Give the authority's certificate as ca_path"
        )
    return BackupError(f"no TLS connection with {host} ({reason}). Check url and ca_path")


def _reason(exc: BaseException, mask: t.Callable[[str], str]) -> str:
    """Name the cause without the address: a query can hold what should not be printed."""
    if isinstance(exc, library.requests.exceptions.Timeout):
        return "timed out"
    cause = _innermost(exc)
    # What cuts comes last: of half a secret nobody would know that it is one.
    text = mask(cause.args[-1] if cause.args and isinstance(cause.args[-1], str) else str(cause))
    return text.split(": ", 1)[-1][:200] or type(cause).__name__


def _innermost(exc: BaseException) -> BaseException:
    cause = exc
    for _depth in range(6):
        held = (getattr(cause, "reason", None), *cause.args)
        inner = next((thing for thing in held if isinstance(thing, BaseException)), None)
        if inner is None:
            break
        cause = inner
    return cause
