# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What must not be shown: every way in which a secret may be written, and the one mask for all that leaves."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import re
import typing as t
from urllib.parse import quote, quote_plus, unquote, urlsplit

from ansible.module_utils.common.parameters import remove_values

from .._core.errors import printable


class Secrets:
    """The secrets of one task. ``values`` may be shared with Ansible, which masks results with it."""

    def __init__(self, values: set[str], environ: t.Mapping[str, str]) -> None:
        self.values = values
        for secret in proxy_secrets(environ):
            self.keep(secret)

    def keep(self, secret: str) -> None:
        """Let no output show it. What came as an option is known; this adds the environment, files and logins."""
        self.values.update(spellings(secret))

    def mask(self, text: str) -> str:
        """Hide every secret, and make one line of it that can be printed."""
        return printable(remove_values(text, self.values))


def spellings(secret: str) -> set[str]:
    """Every way in which a server, a library or we ourselves may write a secret."""
    raw = secret.encode("utf-8", "surrogatepass")
    # Texts are tidied up, and one side may take UTF-8 for Latin-1, or the reverse.
    read = {secret, secret.strip(), " ".join(secret.split()), raw.decode("latin-1")}
    read.add(secret.encode("latin-1", "replace").decode("utf-8", "replace"))
    found = set(read)
    for text in read:
        # As a form, a path, JavaScript and requests leave characters alone.
        quoted = {quote(text, safe, errors="surrogatepass") for safe in ("", "/", "!'()*", "!#$%&'()*+,/:;=?@[]~")}
        quoted.add(quote_plus(text, errors="surrogatepass"))
        found |= quoted | {re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), one) for one in quoted}
        encoded = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
        found |= encoded | {one.replace("/", "\\/") for one in encoded}
        found |= {html.escape(text), html.escape(text, quote=False), html.escape(text).replace("&#x27;", "&#39;")}
        shown = {repr(text)[1:-1], repr(text.encode("utf-8", "surrogatepass"))[2:-1]}
        found |= shown | {one.replace("'", "\\'") for one in shown}
    return found - {""}


def proxy_secrets(environ: t.Mapping[str, str]) -> t.Iterator[str]:
    """What the environment tells a proxy about us: it may repeat that in its errors."""
    for name, address in environ.items():
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
            with contextlib.suppress(ValueError):
                parts = urlsplit(address if "://" in address else f"//{address}")
                if parts.password:
                    user, password = unquote(parts.username or ""), unquote(parts.password)
                    yield password
                    # As requests encodes it.
                    yield base64.b64encode(f"{user}:{password}".encode("latin-1", "replace")).decode()
