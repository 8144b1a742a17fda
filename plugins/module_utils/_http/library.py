# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""``requests``, without its conveniences. Where it is missing, that is said when it is needed."""

from __future__ import annotations

import functools
import traceback
import typing as t
import warnings
from urllib.parse import urlsplit

from .._core.errors import MissingLibrary

try:
    import requests
    from urllib3.exceptions import HTTPError, InsecureRequestWarning
    from urllib3.util import parse_url
except ImportError:
    HAS_REQUESTS = False
    _TRACEBACK = traceback.format_exc()
else:
    HAS_REQUESTS = True
    _TRACEBACK = ""

# Where it is missing, these are not there either: ask for them by the module, and not for their names.
__all__ = ["HTTPError", "parse_url", "requests"]


@functools.lru_cache(maxsize=64)
def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port that a request to this address goes to. Raises ValueError."""
    # As requests reads it: of "http://one\@two" urlsplit takes the other host than what requests connects to.
    prepared = requests.models.PreparedRequest()
    prepared.prepare_url(url, None)
    parts = urlsplit(str(prepared.url))
    return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port or {"https": 443}.get(parts.scheme, 80)


def new_session(verify: bool | str) -> t.Any:
    """Make a session that follows no redirect, reads no ``.netrc`` and no environment, and stores no body by itself."""
    if not HAS_REQUESTS:
        raise MissingLibrary("requests", _TRACEBACK)
    if verify is False:
        # Who turned the check off knows, and does not want to read it with each call.
        warnings.simplefilter("ignore", InsecureRequestWarning)
    session = requests.Session()
    # Else requests would read the whole body of a redirect, unbounded, before we see it.
    # A method of this session alone is replaced, which mypy does not expect.
    session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
    session.trust_env = False
    session.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip"})
    return session


class Header:
    """Set the header ourselves: with ``auth=None`` requests would let a .netrc entry replace it."""

    def __init__(self, value: str | None) -> None:
        self.value = value

    def __call__(self, request: t.Any) -> t.Any:
        if self.value is not None:
            request.headers["Authorization"] = self.value
        return request
