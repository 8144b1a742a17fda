# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The way to an address: straight, or through the proxy that a variable of the environment names.

What is wrong with the way is a mistake of this machine, which asking again does not mend: it is refused before anything
is sent. No message shows the address of a proxy, which can hold a password.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
import socket
import typing as t
from urllib.parse import urlsplit

from .._core.errors import Misconfigured
from . import library

_SUCH_AS = "the address of a proxy such as http://proxy.example:3128"
_SOCKS = ("socks4", "socks4a", "socks5", "socks5h")
# As requests looks for them: the first one that is set.
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# As a proxy says "not now". Whatever else it refuses, it will refuse again.
_NOT_NOW = frozenset({408, 425, 429})


class Proxy(t.NamedTuple):
    """A proxy, and the variable that names it."""

    address: str
    variable: str


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine, however it is spelled. A name can be anything, but for this one."""
    host = host.strip("[]").rstrip(".").partition("%")[0].lower()
    if host == "localhost":
        return True
    with_dots = host
    if re.fullmatch(r"(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+)){0,3}", host):
        # 127.1 and 2130706433 are 127.0.0.1 to whatever opens the connection.
        try:
            with_dots = socket.inet_ntoa(socket.inet_aton(host))
        except OSError:
            return False
    try:
        address = ipaddress.ip_address(with_dots)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    # A connection with 0.0.0.0 or :: is one with this machine.
    return address.is_loopback or address.is_unspecified


def environment_of(url: str, verify: bool | str) -> dict[str, t.Any]:
    """Give the proxies and authorities that the environment names for an address."""
    settings = dict(library.requests.Session().merge_environment_settings(url, {}, True, verify, None))
    host = urlsplit(url).hostname or ""
    if is_loopback(host) or _is_exempt(host):
        settings["proxies"] = {}
    return settings


def _is_exempt(host: str) -> bool:
    """Say whether NO_PROXY names an IPv6 address in a way that requests does not read: in brackets, or as a network."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    exempt = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    for word in exempt.replace(",", " ").split():
        # With a port it is for that port alone, and requests reads that.
        bare = re.sub(r"^\[(.*)\]", r"\1", word)
        try:
            if address.version == 6 and address in ipaddress.ip_network(bare, strict=False):
                return True
        except ValueError:
            continue
    return False


def proxy_to(url: str) -> Proxy | None:
    """Give the proxy that leads to an address."""
    if not library.HAS_REQUESTS:
        return None
    address = library.requests.utils.select_proxy(url, environment_of(url, True)["proxies"])
    if not address:
        return None
    # Where both spellings are set, the lower case counts.
    for wanted in (f"{urlsplit(url).scheme}_proxy", "all_proxy"):
        named = sorted((name for name in os.environ if name.lower() == wanted and os.environ[name]), reverse=True)
        if named:
            return Proxy(address, named[0])
    return Proxy(address, "a setting of this machine")


def check_way(url: str) -> None:
    """Refuse a proxy that no connection can be made through."""
    proxy = proxy_to(url)
    if proxy is None:
        return
    try:
        # As requests reads it: without a scheme it is http.
        parts = library.parse_url(proxy.address if "://" in proxy.address else f"http://{proxy.address}")
    except (library.HTTPError, ValueError):
        raise Misconfigured(f"{proxy.variable} in the environment is not {_SUCH_AS}") from None
    if not parts.host or parts.scheme not in ("http", "https", *_SOCKS) or re.search(r"\s", proxy.address):
        raise Misconfigured(f"{proxy.variable} in the environment is not {_SUCH_AS}")
    if parts.scheme in _SOCKS and importlib.util.find_spec("socks") is None:
        raise Misconfigured(
            f"{proxy.variable} in the environment names a SOCKS proxy, for which the Python library PySocks is needed "
            "and not installed: install it, or name an http proxy there"
        )


def authorities() -> tuple[str, str] | None:
    """Give the variable that names the authorities to trust where no option does, and what it names."""
    return next(((name, os.environ[name]) for name in _BUNDLES if os.environ.get(name)), None)


def is_final(status: int) -> bool:
    """Say whether what a proxy answered will not change by asking again."""
    return 400 <= status < 500 and status not in _NOT_NOW


def refusal(status: int, variable: str, host: str) -> str:
    """Say that a proxy refused, and what to do. It is asked once: wrong logins can lock an account."""
    who = f"the proxy that {variable} names" if variable else "a proxy on the way, which no variable names,"
    there = f"in {variable}" if variable else "in HTTPS_PROXY or HTTP_PROXY, with the address of the proxy"
    exempt = f"or add {host} to NO_PROXY if it can be reached without"
    if status == 407:
        return (
            f"{who} wants a login, or does not accept the one that it got (HTTP 407); it was not asked again, as that "
            f"can lock an account. Put user and password {there}, {exempt}"
        )
    return f"{who} refused the way to {host} (HTTP {status}). Have it allowed there, {exempt}"
