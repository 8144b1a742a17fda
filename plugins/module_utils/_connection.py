# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""From options and environment to a checked connection and selection. Nothing is sent here.

Every refusal names the option, the system and the environment variable that can hold it.
"""

from __future__ import annotations

import contextlib
import os
import re
import ssl
import typing as t
from datetime import datetime
from urllib.parse import urlsplit

from ansible.module_utils.common.validation import check_type_bool, check_type_float, check_type_int, check_type_path

from ansible_collections.changeops.backup.plugins.module_utils._errors import Misconfigured
from ansible_collections.changeops.backup.plugins.module_utils._http import Credential
from ansible_collections.changeops.backup.plugins.module_utils._options import CONNECTION, CONNECTION_DEFAULTS
from ansible_collections.changeops.backup.plugins.module_utils._system import (
    BackupSystem,
    Connection,
    Login,
    Selection,
)
from ansible_collections.changeops.backup.plugins.module_utils._time import user_moment_or_age

_LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|::1)$", re.IGNORECASE)
_READERS: t.Mapping[str, t.Callable[[str], t.Any]] = {
    "str": str,
    "path": check_type_path,
    "int": check_type_int,
    "float": check_type_float,
    "bool": check_type_bool,
}
# One of each group: what a task gives keeps the environment from adding another.
_EXCLUSIVE = (("url", "region"), ("client_secret", "client_certificate"))
# Line breaks and other control characters, and what stands for bytes of the environment that are not UTF-8.
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# A password, and what may be one, in an address.
_SECRET_IN_URL = re.compile(r"//[^/:@]*:(.+)@|[?#](.{4,})")
_ADDRESSES = ("url", "token_url")
_LONGEST_ID = 256
_GENERAL = frozenset({"system", "url", "region", "validate_certs", "ca_path", "request_timeout", "unreachable_timeout"})


def variable(system: type[BackupSystem], option: str) -> str:
    """Name the environment variable of an option."""
    return f"BACKUP_{system.NAME}_{option}".upper()


def connect(
    system: type[BackupSystem],
    params: t.Mapping[str, t.Any],
    environ: t.Mapping[str, str],
    warn: t.Callable[[str], None],
    on_secret: t.Callable[[str], None],
) -> tuple[Connection, Credential]:
    """Check the connection options of one task and fill in what the environment and the defaults hold.

    Gives the connection and what logs in to it.
    """
    given = {name: params.get(name) for name in CONNECTION if params.get(name) not in (None, "")}
    options = _with_environment(system, given, environ)
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
    for name in sorted(given.keys() - _GENERAL - _usable(system)):
        warn(f"{name} means nothing to {system.NAME} and is not used")
        del options[name]
    _refuse_contradictions(system, options)
    for name in system.REQUIRED:
        if name not in options:
            raise Misconfigured(_missing(system, [name]))
    login = _choose_login(system, options)
    url, token_url = _addresses(system, options, warn)
    complete = {name: options.get(name) for name in CONNECTION}
    connection = Connection(url, token_url, complete, warn, on_secret)
    with _naming_variables(system):
        _check_values(options)
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
    elif _UNSENDABLE.search(value):
        raise Misconfigured(
            f"{name} holds a line break, another control character or what is not UTF-8: it has to be text on one line"
        )


def _check_values(options: t.Mapping[str, t.Any]) -> None:
    for name in ("request_timeout", "unreachable_timeout"):
        _check_seconds(name, options[name], above_zero=name == "request_timeout")
    if options["validate_certs"] and "ca_path" in options:
        _check_authorities(options["ca_path"])
    for name in ("agent_id", "api_version"):
        if not re.fullmatch(r"[\x21-\x7e]*", str(options.get(name, ""))):
            raise Misconfigured(f"{name} holds a blank or another character that no header can carry")
    # A switch is a number to Python, and "yes" would be connection 1.
    number = options.get("connection_id", 1)
    if isinstance(number, bool) or not 1 <= number < 1 << 63:
        raise Misconfigured(f"connection_id has to be a whole number from 1 to {(1 << 63) - 1}")
    if not str(options.get("account_id", "-")).strip("."):
        raise Misconfigured("account_id has to be more than dots")


def _usable(system: type[BackupSystem]) -> frozenset[str]:
    of_logins = {name for login in system.LOGINS for name in login.options}
    file = {"refresh_token_file"} if "refresh_token" in of_logins else set()
    # A system without token endpoint and without ready tokens has fixed credentials only.
    endpoint = {"token_url"} if system.TOKEN_PATH else set()
    return frozenset({*of_logins, *file, *endpoint, *system.REQUIRED, *system.OPTIONAL})


def _with_environment(
    system: type[BackupSystem], given: dict[str, t.Any], environ: t.Mapping[str, str]
) -> dict[str, t.Any]:
    options = dict(given)
    usable = _usable(system) | _GENERAL
    for name, spec in CONNECTION.items():
        rivals = {rival for group in _EXCLUSIVE if name in group for rival in group} - {name}
        value = environ.get(variable(system, name), "")
        if name in given or name not in usable or not value or rivals & given.keys():
            continue
        try:
            options[name] = _READERS[spec["type"]](value)
        except (TypeError, ValueError, OverflowError) as exc:
            raise Misconfigured(
                f"{name} of {system.NAME} ({variable(system, name)} in the environment) is not a valid {spec['type']}"
            ) from exc
    for name, default in CONNECTION_DEFAULTS.items():
        options.setdefault(name, default)
    return options


def _refuse_contradictions(system: type[BackupSystem], options: t.Mapping[str, t.Any]) -> None:
    for group in _EXCLUSIVE:
        if all(name in options for name in group):
            raise Misconfigured(
                f"{' and '.join(group)} contradict each other for {system.NAME}: give one of them "
                f"(in the environment: {', '.join(variable(system, name) for name in group)})"
            )
    if "region" in options and options["region"] not in system.REGIONS:
        known = f"one of {', '.join(system.REGIONS)}" if system.REGIONS else "not used: give url instead"
        raise Misconfigured(
            f"region {options['region']!r} does not exist for {system.NAME} ({variable(system, 'region')} in the "
            f"environment): it is {known}"
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


def _addresses(
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


def _check_authorities(path: str) -> None:
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


def _check_seconds(name: str, value: float, above_zero: bool = False) -> None:
    if not (value > 0 if above_zero else value >= 0) or value > 366 * 86400:
        least = "more than 0" if above_zero else "0 or more"
        raise Misconfigured(f"{name} has to be {least} seconds, and below a year, not {value:.10g}")


def select(system: type[BackupSystem], params: t.Mapping[str, t.Any], now: datetime) -> Selection:
    """Check the selection of one task."""
    asked: dict[str, str] = {}
    for job_id in params.get("job_ids") or ():
        asked.setdefault(system.id_key(str(job_id).strip()), str(job_id).strip())
    ids = tuple(asked.values())
    for job_id in ids:
        _check_id(system, job_id)
    for name in ("names", "types"):
        check_words(name, params.get(name) or ())
    names = tuple(params.get("names") or ())
    if names and not system.CAPABILITIES.names:
        raise Misconfigured(f"jobs of {system.NAME} have no names: select with job_ids, types or started_after")
    types = tuple(params.get("types") or ())
    if types and not system.HAS_TYPES:
        raise Misconfigured(f"jobs of {system.NAME} have no types: select with job_ids, names or started_after")
    for word in types:
        if word.casefold() in system.NOT_TYPES:
            raise Misconfigured(
                f"{word!r} is a word of {system.NAME}'s own filter and not the type of a job: give the type as "
                "backup_job_info shows it"
            )
    after = _moment("started_after", params.get("started_after"), now)
    before = _moment("started_before", params.get("started_before"), now)
    if after and before and after >= before:
        raise Misconfigured("started_after has to be earlier than started_before")
    listed_from = after or (now - system.WINDOW if system.WINDOW else None)
    if before and listed_from and before <= listed_from:
        raise Misconfigured(
            f"started_before needs started_after here: without it, {system.NAME} lists only the last "
            f"{system.WINDOW.days if system.WINDOW else 0} days"
        )
    limit = params.get("max_results")
    if limit is not None and limit < 1:
        raise Misconfigured(f"max_results has to be 1 or more, not {limit}")
    return Selection(
        # An empty list of ids is not "all jobs": it is what a playbook has when it found none.
        nothing=params.get("job_ids") == [],
        job_ids=ids,
        names=names,
        types=types,
        states=tuple(params.get("states") or ()),
        results=tuple(params.get("results") or ()),
        started_after=after,
        started_before=before,
        max_results=limit,
        listed_from=listed_from if system.WINDOW else None,
    )


def _check_id(system: type[BackupSystem], job_id: str) -> None:
    pattern, wanted = system.ID_FORMAT
    if len(job_id) > _LONGEST_ID:
        wanted = f"of at most {_LONGEST_ID} characters"
        job_id = f"{job_id[:20]}..."
    elif not job_id.isprintable():
        wanted = "on one line, of characters that can be seen"
    elif re.fullmatch(pattern, job_id):
        # Dots alone would lead out of the path that they stand in.
        if job_id.strip("."):
            return
        wanted = "more than dots"
    raise Misconfigured(f"job_ids: {job_id!r} cannot be the id of a job of {system.NAME}: it has to be {wanted}")


def check_words(option: str, words: t.Iterable[str]) -> None:
    """Refuse names and types that no job wears: nothing would be selected by them, and nothing spared."""
    for word in words:
        if not word.strip() or _UNSENDABLE.search(word):
            raise Misconfigured(f"{option}: {word!r} has to be text on one line, and not blank")


def _moment(name: str, value: str | None, now: datetime) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        return user_moment_or_age(value, now)
    except ValueError as exc:
        raise Misconfigured(f"{name} has to be {exc}, not {value!r}") from exc
