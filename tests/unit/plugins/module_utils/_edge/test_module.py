# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge: which texts are secrets. What comes of that in whole runs, tests/playbooks/test_secrets.py looks at."""

from __future__ import annotations

import base64
import html
import json
import typing as t
from urllib.parse import quote, quote_plus

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._edge.secrets import proxy_secrets, spellings

# A blank on either side, two in the middle, and every character that somebody escapes.
SECRET = " a+/=&\"'\\<>%41é  : ß "


@pytest.mark.parametrize(
    "spell",
    [
        str,
        str.strip,
        lambda secret: " ".join(secret.split()),
        quote,
        quote_plus,
        lambda secret: quote(secret, safe=""),
        lambda secret: quote(secret, safe="").lower(),
        lambda secret: json.dumps(secret)[1:-1],
        lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
        lambda secret: json.dumps(secret)[1:-1].replace("/", "\\/"),
        lambda secret: repr(secret)[1:-1],
        lambda secret: repr(secret.encode())[2:-1],
        html.escape,
        lambda secret: secret.encode().decode("latin-1"),
        lambda secret: secret.encode("latin-1").decode("utf-8", "replace"),
    ],
)
def test_spellings_when_somebody_else_writes_the_secret_then_known(spell: t.Callable[[str], str]) -> None:
    assert spell(SECRET) in spellings(SECRET)


@pytest.mark.parametrize("token", ["sim-at.aA0_-~", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"])
def test_spellings_when_nobody_escapes_it_then_one(token: str) -> None:
    # A long list of jobs is searched for each of them.
    assert spellings(token) == {token}


@pytest.mark.parametrize("secret", ["", " ", "\ud800"])
def test_spellings_when_odd_then_no_error_and_never_nothing(secret: str) -> None:
    assert "" not in spellings(secret)


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", "socks5://", ""])
def test_proxy_when_it_has_a_password_then_that_and_what_is_sent_of_it(name: str, scheme: str) -> None:
    found = set(proxy_secrets({name: f"{scheme}us%40er:p%2Fw@proxy.example:3128", "OTHER": "http://a:b@c"}))
    assert found == {"p/w", base64.b64encode(b"us@er:p/w").decode()}


@pytest.mark.parametrize("address", ["", "http://proxy:3128", "proxy:3128", "http://user@proxy:3128", "http://[::1"])
def test_proxy_when_there_is_no_password_then_nothing(address: str) -> None:
    assert set(proxy_secrets({"https_proxy": address})) == set()
