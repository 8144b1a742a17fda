# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""An exchange that failed before there was an answer: what it was, whether it may pass, and what to do."""

from __future__ import annotations

import re
import ssl
import typing as t
from http.client import RemoteDisconnected
from urllib.parse import urlsplit

from .._core.errors import BackupError, Misconfigured, Unanswered
from . import library
from .call import Call
from .route import is_final, refusal

# The codes of OpenSSL's verification. Those of the letter of X.509 are looked at from Python 3.13 on.
_OTHER_HOST = frozenset({62, 64})
_NOT_YET, _OVER = 9, 10
_UNKNOWN = frozenset({2, 18, 19, 20, 21})
_TO_THE_LETTER = range(80, 94)
# What OpenSSL makes of an answer that is no TLS.
_NO_TLS = frozenset({
    "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
})  # fmt: skip
# How TLS says that it did not understand, read as the first line of an answer.
_ALERT = "\x15\x03"
_SOCKS_LOGIN = re.compile(r"authentication failed|authentication methods were rejected", re.IGNORECASE)


class Way(t.NamedTuple):
    """How an exchange was to be made: the variable that names its proxy, whether ``ca_path`` is given, its time."""

    proxy: str = ""
    has_ca_path: bool = False
    seconds: float = 0.0


def trouble(call: Call, exc: Exception, mask: t.Callable[[str], str], way: Way) -> BackupError:
    """Turn what the HTTP library raised into one of our errors."""
    errors, reason = library.requests.exceptions, _reason(exc, mask)
    if isinstance(exc, errors.ProxyError):
        return _proxy_trouble(call, exc, reason, way.proxy)
    if way.proxy and _SOCKS_LOGIN.search(reason):
        return BackupError(refusal(407, way.proxy, _host(call)))
    if isinstance(exc, errors.SSLError):
        return _tls_trouble(call, exc, reason, way)
    if isinstance(exc, (errors.InvalidHeader, errors.InvalidURL, UnicodeError)):
        # Without the reason: it would print the header.
        return Misconfigured(f"{call} needs a header or an address with a character that it cannot carry")
    if _ALERT in str(_innermost(exc)):
        return speaks_https(call)
    within = f" within request_timeout ({way.seconds:.3g} s)" if isinstance(exc, errors.Timeout) else ""
    through = f" through the proxy that {way.proxy} names" if way.proxy else ""
    # Some servers for TLS say nothing at all to plain http.
    ended = isinstance(_innermost(exc), RemoteDisconnected) and call.url.startswith("http:")
    perhaps = ". If this port speaks https, give an https address" if ended else ""
    return Unanswered(f"{call} got no answer{through} ({reason}){within}{perhaps}")


def speaks_https(call: Call) -> BackupError:
    """Say that plain http was spoken to a port for TLS."""
    return BackupError(f"the port of {_host(call)} speaks https, and {call} came by plain http. Give an https address")


def _host(call: Call) -> str:
    return str(urlsplit(call.url).hostname)


def _proxy_trouble(call: Call, exc: Exception, reason: str, variable: str) -> BackupError:
    cause = _innermost(exc)
    said = re.search(r"Tunnel connection failed: (\d{3})", str(cause))
    if said and is_final(int(said[1])):
        return BackupError(refusal(int(said[1]), variable, _host(call)))
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        if cause.reason in _NO_TLS:
            return BackupError(f"the proxy that {variable} names speaks plain http: write http:// there, not https://")
        return BackupError(
            f"no TLS connection with the proxy that {variable} names ({reason}). It is not the system's: give the "
            "authority of the proxy in ca_path as well, or write http:// there if that is how it is reached"
        )
    return Unanswered(f"{call} got no answer through the proxy that {variable} names ({reason})")


def _tls_trouble(call: Call, exc: Exception, reason: str, way: Way) -> BackupError:
    cause, host = _innermost(exc), _host(call)
    if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        # A server that goes down in the middle of the handshake may come back.
        return Unanswered(f"{call} got no answer ({reason})")
    if isinstance(cause, ssl.SSLCertVerificationError):
        place = urlsplit(call.url).netloc
        return BackupError(f"the TLS certificate of {place} was not accepted ({reason}). {_advice(cause, host, way)}")
    if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
        return BackupError(
            f"no TLS connection with {host} ({reason}): this port speaks plain http, or no HTTP at all. Check url: its "
            "port, and whether it begins with https"
        )
    return BackupError(f"no TLS connection with {host} ({reason}). Check url and ca_path")


def _advice(cause: ssl.SSLCertVerificationError, host: str, way: Way) -> str:
    code = cause.verify_code
    if code in _OTHER_HOST:
        return (
            f"It is for another name than {host}: give url the name that the certificate holds, or have one issued for "
            f"{host}. Another ca_path does not help"
        )
    if code == _OVER:
        return "It, or an authority's, has expired: it has to be renewed there. Is the clock of this machine right?"
    if code == _NOT_YET:
        return "It is not valid yet. Is the clock of this machine right?"
    if code in _TO_THE_LETTER:
        return (
            "The authority is known, so ca_path is right: Python 3.13 and later keep to the letter of X.509, and the "
            "certificate, or that of its authority, does not. Have it issued anew with what is missing, or run the "
            "module with an older Python until then"
        )
    if code in _UNKNOWN and way.has_ca_path:
        return (
            "What signed it is not in the file that is given: the certificates of the authority, and of those between, "
            "belong into ca_path"
        )
    if code in _UNKNOWN:
        return "Give the authority's certificate as ca_path"
    return "This is a fault of the certificate itself, or of its authority: have it issued anew"


def _reason(exc: BaseException, mask: t.Callable[[str], str]) -> str:
    """Name the cause without the address: a query can hold what should not be printed."""
    if isinstance(exc, library.requests.exceptions.Timeout):
        return "timed out"
    cause = _innermost(exc)
    # What cuts comes last: of half a secret nobody would know that it is one.
    text = mask(cause.args[-1] if cause.args and isinstance(cause.args[-1], str) else str(cause))
    text = re.sub(r"^\[[A-Z][^]]*\] |\s*\(_ssl\.c:\d+\)", "", text)
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
