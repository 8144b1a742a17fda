# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What a status means that is not a good one: a refusal, a lost login, or no answer at all.

A refusal is the system's only where it is in the system's own words (``Dialect.is_own_error``). What an ingress, a
firewall or IIS says in its place may be gone with the next request, so it is no answer. An empty body is nobody's word:
that is how a service mesh says that it has no route at the moment.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from .._core.errors import AuthLost, BackupError, NotPermitted, Refused, Unanswered
from .call import Call
from .response import Response, foreign, summary
from .trouble import speaks_https

# These ask for the same request again. So does a server in trouble, unless it says that it will never know how.
_AGAIN = frozenset({408, 421, 425, 429})
_NEVER = frozenset({501, 505})
_PAGE = 64 * 1024
# How web servers say that plain http came to their port for TLS: nginx, Go, Apache, Tomcat.
_WANTS_TLS = re.compile(
    rb"plain HTTP request was sent to HTTPS|HTTP request to an HTTPS server|plain HTTP to an SSL-enabled|requires TLS",
    re.IGNORECASE,
)


def refusal_of(call: Call, response: Response, now: float) -> BackupError:
    """Say what an answer is that is not a good one."""
    passing = _passing(call, response, now)
    if passing is not None:
        return passing
    said = f"{response.headline}: {summary(response)}"
    if response.status >= 400:
        if urlsplit(call.url).scheme == "http" and _WANTS_TLS.search(response.body[:_PAGE]):
            return speaks_https(call)
        # An empty 403 with a challenge is how RFC 6750 has a system say that the token is good for less.
        challenged = response.status == 403 and not response.body.strip() and "WWW-Authenticate" in response.headers
        if not (challenged or call.dialect.is_own_error(response)):
            return foreign(response)
    if response.status == 403:
        return NotPermitted(f"{said}. The login is good but lacks a permission that this call needs")
    # Of a log, and of what is to be stopped, it is more likely that it is not there.
    wrong_server = response.status == 404 and call.kind == "read" and call.into is None
    return Refused(said + (". If every call is answered like this, check url" if wrong_server else ""), response.status)


def no_refusal(call: Call, response: Response, now: float) -> BackupError | None:
    """Give the error where the answer to a login is none of the token endpoint's own, and may pass.

    No more than that: a login that was refused is not sent again, because that could lock an account. So what may be
    about the credentials counts as a refusal, also without a word, or in plain text.
    """
    passing = _passing(call, response, now)
    if passing is not None:
        return passing
    if response.status < 400 or response.status == 401 or isinstance(response.json_or_none(), (dict, list)):
        return None
    if urlsplit(call.url).scheme == "http" and _WANTS_TLS.search(response.body[:_PAGE]):
        return speaks_https(call)
    about_us = response.status in (400, 403) and not response.body.lstrip().startswith(b"<")
    return None if about_us else foreign(response)


def not_accepted(response: Response, after: str) -> AuthLost:
    """Say that a token was refused.

    Also a page means that: what asks for a login before the system is not satisfied by asking again and again.
    """
    is_page = response.body.lstrip().startswith(b"<")
    page = ". Something before the system may have answered, which asks for a login of its own" if is_page else ""
    return AuthLost(f"{response.headline}{after}: {summary(response)}. Check the credentials{page}")


def elsewhere(own: tuple[str, str, int], target: tuple[str, str, int]) -> str:
    """Say where a server pointed to, and what to do about it: scheme, host and port, ours and the other."""
    kept = "the token was not sent there"
    if target[1] != own[1]:
        return f"the server pointed to another host ({target[1]}); {kept}"
    if target[0] != own[0]:
        is_safer = target[0] == "https"
        advice = (
            "Give the https address as url" if is_safer else "What stands before it has to tell it that it is https"
        )
        return f"the server pointed from {own[0]} to {target[0]} on the same host; {kept}. {advice}"
    return (
        f"the server pointed to another port of the same host ({target[1]}:{target[2]}); {kept}. Give that address as "
        "url if you trust it"
    )


def _passing(call: Call, response: Response, now: float) -> BackupError | None:
    """Give the error where it says itself that it may pass."""
    trouble = response.status in _AGAIN or (response.status >= 500 and response.status not in _NEVER)
    trouble = trouble or (response.status >= 400 and call.dialect.may_pass(response))
    if call.answered(response) or not trouble:
        return None
    said = f"{response.headline}: {summary(response)}"
    again = response.retry_after(now, call.dialect.asks_to_wait(response))
    if response.status == 429 and call.kind in ("write", "collect"):
        # That one is certain: nothing was done. It is the operator who decides whether to come back.
        wish = "" if again is None else f" in {again:.0f} s"
        return Refused(f"{said}. It takes no more requests now, and did nothing. Try again{wish}", 429)
    return Unanswered(said, again)
