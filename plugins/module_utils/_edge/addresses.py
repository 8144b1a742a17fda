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
from .._systems.contract import BackupSystem

_LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|::1)$", re.IGNORECASE)


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
        # Behind the "//", so that a host called like the path stays.
        cut = (url + "/").find(system.API_ROOT + "/", url.index("://") + 3)
        url = (url[:cut] if cut >= 0 else url).rstrip("/")
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
                "the system itself is not: the credentials would cross the network unencrypted. Give an https address"
            )
    return url, token_url


def _is_open(url: str) -> bool:
    """Say whether what goes to this address crosses a network unencrypted."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not _LOOPBACK.match(parts.hostname or "")


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
        warn(f"{where} is plain http: credentials and tokens cross the network unencrypted")
    return parts.geturl().rstrip("/")


def check_authorities(path: str) -> None:
    """Refuse what cannot be used before the first connection; a folder holds certificates under their hashes."""
    try:
        if os.path.isdir(path):
            os.listdir(path)
        else:
            ssl.create_default_context(cafile=path)
    except FileNotFoundError:
        raise Misconfigured(f"ca_path {path} does not exist") from None
    except (OSError, ssl.SSLError) as exc:
        raise Misconfigured(f"ca_path {path} is not a readable PEM file or folder of certificates") from exc
