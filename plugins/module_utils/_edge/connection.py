# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""From options and environment to a checked connection. Nothing is sent here.

Every refusal names the option, the system and the environment variable that can hold it.
"""

from __future__ import annotations

import contextlib
import re
import typing as t

from ansible.module_utils.common.validation import (
    check_type_bool,
    check_type_float,
    check_type_int,
    check_type_list,
    check_type_path,
)

from .._core.errors import Misconfigured
from .._http.transport import Credential
from .._systems.connection import Connection, Login
from .._systems.contract import BackupSystem
from .._systems.selection import UNSENDABLE
from .addresses import addresses, check_authorities, check_ways, variable
from .options import CONNECTION, CONNECTION_DEFAULTS

_READERS: t.Mapping[str, t.Callable[[str], t.Any]] = {
    "str": str,
    "path": check_type_path,
    "int": check_type_int,
    "float": check_type_float,
    "bool": check_type_bool,
    "list": check_type_list,
}
# One of each group: what a task gives keeps the environment from adding another.
_EXCLUSIVE = (("url", "region"), ("client_secret", "client_certificate"))
# A password, and what may be one, in an address.
_SECRET_IN_URL = re.compile(r"//[^/:@]*:(.+)@|[?#](.{4,})")
_ADDRESSES = ("url", "token_url")
_GENERAL = frozenset({"system", "url", "region", "validate_certs", "ca_path", "request_timeout", "unreachable_timeout"})


def connect(
    system: type[BackupSystem],
    params: t.Mapping[str, t.Any],
    environ: t.Mapping[str, str],
    warn: t.Callable[[str], None],
    on_secret: t.Callable[[str], None],
    defaults: t.Mapping[str, t.Any] | None = None,
) -> tuple[Connection, Credential]:
    """Check the connection options of one task and fill in what the environment and the defaults hold.

    ``defaults`` are those that differ from verb to verb.

    Gives the connection and what logs in to it.
    """
    given = {name: params.get(name) for name in CONNECTION if params.get(name) not in (None, "")}
    options = _with_environment(system, given, environ)
    for name, default in {**CONNECTION_DEFAULTS, **(defaults or {})}.items():
        options.setdefault(name, default)
    for name, spec in CONNECTION.items():
        if name in options:
            with _naming_variables(system):
                _check_text(name, options[name])
            if spec.get("no_log"):
                on_secret(str(options[name]))
    for name in _ADDRESSES:
        # Refused further down; and Ansible shows what a task was given.
        for found in _SECRET_IN_URL.finditer(options.get(name, "")):
            on_secret(found[found.lastindex or 0])
    for name in sorted(given.keys() - _GENERAL - usable(system)):
        warn(f"{name} means nothing to {system.NAME} and is not used")
        del options[name]
    _refuse_contradictions(system, options)
    for name in system.REQUIRED:
        if name not in options:
            raise Misconfigured(_missing(system, [name]))
    login = _choose_login(system, options)
    url, token_url = addresses(system, options, warn)
    complete = {name: options.get(name) for name in CONNECTION}
    connection = Connection(url, token_url, complete, warn, on_secret)
    connection.login_headers = system.headers(connection, "login")
    with _naming_variables(system):
        _check_values(options)
    check_ways(dict.fromkeys((url, token_url)), options)
    with _naming_variables(system):
        return connection, login.make(connection)


@contextlib.contextmanager
def _naming_variables(system: type[BackupSystem]) -> t.Iterator[None]:
    """Add to a refusal the variables of the options that it names: what reads a file or a token knows no system."""
    try:
        yield
    except Misconfigured as exc:
        words = str(exc).split()
        variables = ", ".join(variable(system, name) for name in CONNECTION if name in words)
        raise Misconfigured(f"{exc} (in the environment: {variables})") from exc


def _check_text(name: str, value: t.Any) -> None:
    if not isinstance(value, str):
        return
    if name in _ADDRESSES:
        # Blanks around it do no harm.
        value = value.strip()
    elif not value.strip():
        raise Misconfigured(f"{name} is blank: give a value, or leave it out")
    if CONNECTION[name]["type"] == "path":
        if "\0" in value:
            raise Misconfigured(f"{name} holds a NUL character, which no path can")
    elif UNSENDABLE.search(value):
        raise Misconfigured(
            f"{name} holds a line break, another control character or what is not UTF-8: it has to be text on one line"
        )


def _check_values(options: t.Mapping[str, t.Any]) -> None:
    for name in ("request_timeout", "unreachable_timeout"):
        _check_seconds(name, options[name], above_zero=name == "request_timeout")
    if options["validate_certs"] and "ca_path" in options:
        check_authorities(options["ca_path"])
    for name in ("agent_id", "api_version"):
        if not re.fullmatch(r"[\x21-\x7e]*", str(options.get(name, ""))):
            raise Misconfigured(f"{name} holds a blank or another character that no header can carry")
    families, known = options.get("job_families", ["?"]), CONNECTION["job_families"]["choices"]
    if "job_families" in options and not (families and set(families) <= set(known)):
        raise Misconfigured(f"job_families has to name some of {', '.join(known)}, or be left out, not {families}")
    # A switch is a number to Python, and "yes" would be connection 1.
    number = options.get("connection_id", 1)
    if isinstance(number, bool) or not 1 <= number < 1 << 63:
        raise Misconfigured(f"connection_id has to be a whole number from 1 to {(1 << 63) - 1}")
    if not str(options.get("account_id", "-")).strip("."):
        raise Misconfigured("account_id has to be more than dots")


def usable(system: type[BackupSystem]) -> frozenset[str]:
    """The connection options that mean something to a system, beside those that mean something to all."""
    of_logins = {name for login in system.LOGINS for name in login.options}
    file = {"refresh_token_file"} if "refresh_token" in of_logins else set()
    # A system without token endpoint and without ready tokens has fixed credentials only.
    endpoint = {"token_url"} if system.TOKEN_PATH else set()
    return frozenset({*of_logins, *file, *endpoint, *system.REQUIRED, *system.OPTIONAL})


def _with_environment(
    system: type[BackupSystem], given: dict[str, t.Any], environ: t.Mapping[str, str]
) -> dict[str, t.Any]:
    options = dict(given)
    known = usable(system) | _GENERAL
    for name, spec in CONNECTION.items():
        rivals = {rival for group in _EXCLUSIVE if name in group for rival in group} - {name}
        value = environ.get(variable(system, name), "")
        if name in given or name not in known or not value or rivals & given.keys():
            continue
        try:
            options[name] = _READERS[spec["type"]](value)
        except (TypeError, ValueError, OverflowError) as exc:
            raise Misconfigured(
                f"{name} of {system.NAME} ({variable(system, name)} in the environment) is not a valid {spec['type']}"
            ) from exc
    return options


def _refuse_contradictions(system: type[BackupSystem], options: t.Mapping[str, t.Any]) -> None:
    if "region" in options and not system.REGIONS:
        instead = "leave it out" if "url" in options else "it is not used: give url instead"
        raise Misconfigured(
            f"region {options['region']!r} does not exist for {system.NAME} ({variable(system, 'region')} in the "
            f"environment), as this system has no regions: {instead}"
        )
    for group in _EXCLUSIVE:
        if all(name in options for name in group):
            raise Misconfigured(
                f"{' and '.join(group)} contradict each other for {system.NAME}: give one of them "
                f"(in the environment: {', '.join(variable(system, name) for name in group)})"
            )
    if "region" in options and options["region"] not in system.REGIONS:
        raise Misconfigured(
            f"region {options['region']!r} does not exist for {system.NAME} ({variable(system, 'region')} in the "
            f"environment): it is one of {', '.join(system.REGIONS)}"
        )


def _missing(system: type[BackupSystem], names: t.Sequence[str]) -> str:
    variables = ", ".join(variable(system, name) for name in names)
    return f"{', '.join(names)} is required for {system.NAME}: give the option, or {variables} in the environment"


def _choose_login(system: type[BackupSystem], options: t.Mapping[str, t.Any]) -> Login:
    """Choose the first complete way to log in; where none is, say what the one that was begun still lacks."""

    def lacking(login: Login) -> list[str]:
        # A refresh token may be in its file.
        return [
            name
            for name in login.options
            if name not in options and not (name == "refresh_token" and "refresh_token_file" in options)
        ]

    for login in system.LOGINS:
        if not lacking(login):
            return login
    begun = [login for login in system.LOGINS if len(lacking(login)) < len(login.options)]
    if begun:
        nearest = min(begun, key=lambda login: (len(lacking(login)), -len(login.options)))
        raise Misconfigured(_missing(system, lacking(nearest)))
    ways = "; or ".join(" + ".join(login.options) for login in system.LOGINS)
    variables = ", ".join(dict.fromkeys(variable(system, name) for login in system.LOGINS for name in login.options))
    raise Misconfigured(f"{system.NAME} needs a login: {ways} (in the environment: {variables})")


def _check_seconds(name: str, value: float, above_zero: bool = False) -> None:
    if not (value > 0 if above_zero else value >= 0) or value > 366 * 86400:
        least = "more than 0" if above_zero else "0 or more"
        raise Misconfigured(f"{name} has to be {least} seconds, and below a year, not {value:.10g}")
