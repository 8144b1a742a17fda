# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""One request: what it is declared as, and how its answer is to be read."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import quote, urlsplit

from .._core.errors import Misconfigured
from .response import Response
from .stream import Stream

Intent = t.Literal["read", "write", "collect", "login"]


def segment(identifier: str) -> str:
    """Quote an id into one path segment, whatever it contains."""
    if identifier.strip(".") == "":
        raise Misconfigured(f"{identifier!r} cannot be the id of a job")
    # JSON can spell half a character: quoted as it is, and not known to anybody.
    return quote(identifier, safe="", errors="surrogatepass")


# Kong without a route, and Amazon's API gateway: JSON, and no word of the system.
_GATEWAY = re.compile(rb"no Route matched|Missing Authentication Token", re.IGNORECASE)


class Dialect:
    """How one API says what HTTP has other words for. These defaults know nothing but HTTP."""

    def may_pass(self, response: Response) -> bool:
        """Whether an error is worth asking again although its status is not."""
        return False

    def is_own_error(self, response: Response) -> bool:
        """Whether an error may be the API's own: JSON that can hold something, and not a gateway's sentence.

        What is not comes from something before the system, such as an ingress or a firewall, and is no answer. Which
        fields a refusal has, the vendors hardly document: none is turned down for lack of one.
        """
        body = response.json_or_none()
        told = isinstance(body, dict) or (isinstance(body, list) and bool(body))
        return told and _GATEWAY.search(response.body) is None

    def asks_to_wait(self, response: Response) -> t.Sequence[t.Any]:
        """Where the body says for how long to stay away: seconds or dates, as ``Retry-After`` has them."""
        return ()


class Call(t.NamedTuple):
    """One request. ``url`` is absolute; ``answered`` says which odd statuses are the system's own answer."""

    kind: Intent
    method: str
    url: str
    query: t.Sequence[tuple[str, str]] | None = None
    headers: t.Mapping[str, str] | None = None
    json: t.Any = None
    form: t.Mapping[str, str] | None = None
    answered: t.Callable[[Response], bool] = lambda response: False
    dialect: Dialect = Dialect()
    # Where the body of a good answer goes piece by piece, instead of into the Response.
    into: Stream | None = None

    def __str__(self) -> str:
        # Without the query, which can hold what should not be printed.
        return f"{self.method} {urlsplit(self.url).path or '/'}"
