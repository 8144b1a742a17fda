# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Where a system and its token endpoint are, checked before anything is sent."""

from __future__ import annotations

import os
import re
import ssl
import typing as t
from urllib.parse import urlsplit

from .._core.errors import Misconfigured
from .._http.route import authorities, check_way, is_loopback, proxy_to
from .._systems.contract import BackupSystem


def variable(system: type[BackupSystem], option: str) -> str:
    """Name the environment variable of an option."""
    return f"BACKUP_{system.NAME}_{option}".upper()


def addresses(
    system: type[BackupSystem], options: t.Mapping[str, t.Any], warn: t.Callable[[str], None]
) -> tuple[str, str]:
    if "region" in options:
        url, token_url = system.REGIONS[options["region"]]
    elif "url" in options:
        url = _checked_url(system, "url", options["url"], warn)
        # At the end only, and whole segments: what comes before is the prefix of a reverse proxy. Behind the "//", so
        # that a host called like the path stays.
        host = url.index("://") + 3
        url = (url[:host] + re.sub(f"{system.pasted()}$", "", url[host:])).rstrip("/")
        token_url = url + system.TOKEN_PATH
    elif system.DEFAULT_ADDRESS is not None:
        url, token_url = system.DEFAULT_ADDRESS
    else:
        raise Misconfigured(
            f"region or url is required for {system.NAME}: give one of them, or {variable(system, 'region')} or "
            f"{variable(system, 'url')} in the environment"
        )
    if "token_url" in options:
        token_url = _checked_url(system, "token_url", options["token_url"], warn)
        if _is_open(token_url) and not _is_open(url):
            raise Misconfigured(
                f"token_url of {system.NAME} ({variable(system, 'token_url')} in the environment) is plain http while "
                "the system itself is not: the credentials would cross the network unencrypted"
                f"{_by_proxy(token_url)}. Give an https address"
            )
        if _is_open(token_url) and _by_proxy(token_url) and not _by_proxy(url):
            raise Misconfigured(
                f"token_url of {system.NAME} ({variable(system, 'token_url')} in the environment) is plain http, and "
                f"the credentials would go unencrypted{_by_proxy(token_url)}, which the system itself is not reached "
                "by. Give an https address, or add its host to NO_PROXY"
            )
    return url, token_url


def _is_open(url: str) -> bool:
    """Say whether what goes to this address crosses a network unencrypted. No proxy leads to this machine itself."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def _by_proxy(url: str) -> str:
    """Say which way it goes, where that is not the straight one."""
    proxy = proxy_to(url)
    return f" and through the proxy that {proxy.variable} names" if proxy else ""


def _checked_url(system: type[BackupSystem], name: str, value: str, warn: t.Callable[[str], None]) -> str:
    where = f"{name} of {system.NAME} ({variable(system, name)} in the environment)"
    such_as = "address such as https://backup.example:1280"
    value = value.strip()
    try:
        parts = urlsplit(value)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        raise Misconfigured(f"{where} is not a valid {such_as}") from None
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or not port_is_good
        # Of "https://https://backup.example" the host is "https".
        or value.count("://") > 1
        or re.search(r"[\s\\]", value)
    ):
        raise Misconfigured(f"{where} has to be an {such_as}")
    if parts.username is not None or parts.password is not None:
        raise Misconfigured(f"{where} holds a user or password: give these as options of their own")
    try:
        # What no name server can be asked, such as "a..b", is found here and not at the first call.
        parts.hostname.encode("idna")
    except UnicodeError:
        raise Misconfigured(f"{where} is not a valid {such_as}") from None
    if parts.query or parts.fragment:
        raise Misconfigured(f"{where} has to end before any ? or #")
    if _is_open(value):
        warn(f"{where} is plain http: credentials and tokens cross the network unencrypted{_by_proxy(value)}")
    return parts.geturl().rstrip("/")


def check_ways(addresses: t.Iterable[str], options: t.Mapping[str, t.Any]) -> None:
    """Refuse what the environment says of the way to these addresses, and cannot be meant, before anything is sent."""
    for address in addresses:
        check_way(address)
    named = authorities()
    looks = options["validate_certs"] and "ca_path" not in options
    if named and looks and any(urlsplit(address).scheme == "https" for address in addresses):
        name, path = named
        try:
            check_authorities(path, name)
        except Misconfigured as exc:
            raise Misconfigured(f"{exc}: mend that variable of the environment, or give ca_path") from None


def check_authorities(path: str, name: str = "ca_path") -> None:
    """Refuse what cannot be used before the first connection; a folder holds certificates under their hashes."""
    try:
        if os.path.isdir(path):
            os.listdir(path)
        else:
            ssl.create_default_context(cafile=path)
    except FileNotFoundError:
        raise Misconfigured(f"{name} {path} does not exist") from None
    except (OSError, ssl.SSLError) as exc:
        raise Misconfigured(f"{name} {path} is not a readable PEM file or folder of certificates") from exc
