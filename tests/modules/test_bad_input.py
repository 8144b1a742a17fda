# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody mistypes at 22:00: each refusal word by word, before anything is sent and without anything written."""

from __future__ import annotations

import base64
import json
import socket
import typing as t
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from harness import bad
from simulator.auth import ClientKey
from systems import KNOWN
from systems.known import SECRET

INFO, WAIT, ABORT = "backup_job_info", "backup_job_wait", "backup_job_abort"
# Most rows are about one system's own rules: what every system has to refuse is made of tests/systems.
FLOSUM, NETAPP, RCLONE, VSPC = "flosum", "netapp_bluexp", "rclone", "veeam_vspc"
IAAS, SALESFORCE = "avepoint_iaas_paas", "avepoint_salesforce"
# In every wrong secret here, and nowhere in what a module says. Ansible masks the good one, which it knows to be one.
MISTYPED = "tr0ub4dor"
UID = "0a1b2c3d-0000-1111-2222-333344445555"
# "<port>" is where the test listens, "<folder>" is where the module runs.
URL = "http://127.0.0.1:<port>"
NO_LOGIN = dict.fromkeys(("access_token", "client_id", "client_secret", "username", "password"))
FILES = {
    "client_secret": None,
    "client_certificate": "<folder>/client.crt",
    "client_private_key": "<folder>/client.key",
}
# What messages have in common.
SUCH_AS = "address such as https://backup.example:1280"
ONE_LINE = "holds a line break, another control character or what is not UTF-8: it has to be text on one line"
VISIBLE = "on one line, of characters that can be seen"
AGE = "an ISO 8601 time with its offset (2026-03-01T22:00:00+01:00) or an age such as 90m, 24h or 7d, not"
MOMENT = "an ISO 8601 time with its offset, such as 2026-03-01T22:00:00+01:00, not"


class Wrong(t.NamedTuple):
    """One wrong input, beside good ones (None takes a good one away), and what the operator is told."""

    name: str
    module: str
    system: str
    given: dict[str, t.Any]
    message: str
    environ: t.Mapping[str, str] = {}


def url_of(system: str, option: str = "url") -> str:
    return f"{option} of {system} (BACKUP_{system.upper()}_{option.upper()} in the environment)"


def variables(system: str, *options: str) -> str:
    return f"(in the environment: {', '.join(f'BACKUP_{system}_{option}'.upper() for option in options)})"


ADDRESSES = [
    Wrong(name, INFO, VSPC, {"url": url}, f"{url_of(VSPC)} {why}")
    for name, url, why in (
        ("url with user and password", f"http://operator:{MISTYPED}@127.0.0.1:<port>",
         "holds a user or password: give these as options of their own"),
        ("url with a slash in its password", f"https://operator:{MISTYPED}/!@127.0.0.1:<port>",
         f"is not a valid {SUCH_AS}"),
        ("url with a query", f"{URL}?key={MISTYPED}", "has to end before any ? or #"),
        ("url with a fragment", f"{URL}/#/{MISTYPED}", "has to end before any ? or #"),
        ("url for ftp", "ftp://127.0.0.1:<port>", f"has to be an {SUCH_AS}"),
        ("url without its scheme", "127.0.0.1:<port>", f"has to be an {SUCH_AS}"),
        ("url without a host", "https://", f"has to be an {SUCH_AS}"),
        ("url with the scheme pasted twice", "https://https://backup.example", f"has to be an {SUCH_AS}"),
        ("url with a blank in it", "http://127.0.0.1 :<port>", f"has to be an {SUCH_AS}"),
        ("url with a template that was not rendered", "https://{{ host }}:1280", f"has to be an {SUCH_AS}"),
        ("url with a backslash", "https://backup.example\\:1280", f"has to be an {SUCH_AS}"),
        ("url with a port too large", "https://backup.example:99999", f"is not a valid {SUCH_AS}"),
        ("url with a port in words", "https://backup.example:https", f"is not a valid {SUCH_AS}"),
        ("url with an IPv6 address without brackets", "https://::1:1280", f"is not a valid {SUCH_AS}"),
        ("url with two dots in its host", "https://backup..example", f"is not a valid {SUCH_AS}"),
        ("url with an invisible character behind it", f"{URL}\u200b", f"is not a valid {SUCH_AS}"),
    )
]  # fmt: skip

CONNECTIONS = [
    # -- where to
    Wrong("url with a line break in it", INFO, RCLONE, {"url": "http://127.0.0.1\n:<port>"},
          f"url {ONE_LINE} {variables(RCLONE, 'url')}"),
    Wrong("url in the environment without its scheme", WAIT, RCLONE, {"url": None},
          f"{url_of(RCLONE)} has to be an {SUCH_AS}", {"BACKUP_RCLONE_URL": "localhost:<port>"}),
    Wrong("token_url with a password", WAIT, FLOSUM, {"token_url": f"http://app:{MISTYPED}@127.0.0.1:<port>/"},
          f"{url_of(FLOSUM, 'token_url')} holds a user or password: give these as options of their own"),
    Wrong("url is missing", WAIT, VSPC, {"url": None},
          "url is required for veeam_vspc: give the option, or BACKUP_VEEAM_VSPC_URL in the environment"),
    Wrong("neither region nor url", INFO, SALESFORCE, {"url": None},
          "region or url is required for avepoint_salesforce: give one of them, or BACKUP_AVEPOINT_SALESFORCE_REGION "
          "or BACKUP_AVEPOINT_SALESFORCE_URL in the environment"),
    Wrong("url and region", ABORT, FLOSUM, {"region": "us", "job_ids": ["1"]},
          f"url and region contradict each other for flosum: give one of them {variables(FLOSUM, 'url', 'region')}"),
    Wrong("url and region in the environment", INFO, FLOSUM, {"url": None},
          f"url and region contradict each other for flosum: give one of them {variables(FLOSUM, 'url', 'region')}",
          {"BACKUP_FLOSUM_URL": URL, "BACKUP_FLOSUM_REGION": "us"}),
    Wrong("region that does not exist", WAIT, FLOSUM, {"url": None, "region": "mars"},
          "region 'mars' does not exist for flosum (BACKUP_FLOSUM_REGION in the environment): it is one of us, de, jp, "
          "au"),
    Wrong("region of a system without any", INFO, NETAPP, {"url": None, "region": "us"},
          "region 'us' does not exist for netapp_bluexp (BACKUP_NETAPP_BLUEXP_REGION in the environment), as this "
          "system has no regions: it is not used: give url instead"),
    Wrong("region beside the url of a system without any", INFO, VSPC, {"region": "us"},
          "region 'us' does not exist for veeam_vspc (BACKUP_VEEAM_VSPC_REGION in the environment), as this system has "
          "no regions: leave it out"),
    # -- who
    Wrong("no login at all", INFO, RCLONE, NO_LOGIN,
          f"rclone needs a login: username + password {variables(RCLONE, 'username', 'password')}"),
    Wrong("user without a password", ABORT, RCLONE, {"password": None, "job_ids": ["1"]},
          "password is required for rclone: give the option, or BACKUP_RCLONE_PASSWORD in the environment"),
    Wrong("client without a secret", WAIT, IAAS, {"client_secret": None},
          "client_secret is required for avepoint_iaas_paas: give the option, or "
          "BACKUP_AVEPOINT_IAAS_PAAS_CLIENT_SECRET in the environment"),
    Wrong("secret and certificate", INFO, NETAPP, {**FILES, "client_secret": MISTYPED},
          "client_secret and client_certificate contradict each other for netapp_bluexp: give one of them "
          f"{variables(NETAPP, 'client_secret', 'client_certificate')}"),
    Wrong("refresh token without what Flosum asks for beside it", INFO, FLOSUM,
          {**NO_LOGIN, "refresh_token": MISTYPED, "client_id": "app", "client_secret": MISTYPED},
          "redirect_uri is required for flosum: give the option, or BACKUP_FLOSUM_REDIRECT_URI in the environment"),
    Wrong("connection_id is missing", INFO, FLOSUM, {"connection_id": None},
          "connection_id is required for flosum: give the option, or BACKUP_FLOSUM_CONNECTION_ID in the environment"),
    Wrong("agent_id is missing", ABORT, NETAPP, {"agent_id": None, "job_ids": ["1"]},
          "agent_id is required for netapp_bluexp: give the option, or BACKUP_NETAPP_BLUEXP_AGENT_ID in the "
          "environment"),
    Wrong("secret with a line break behind it", INFO, SALESFORCE, {"client_secret": f"{MISTYPED}\n"},
          f"client_secret {ONE_LINE} {variables(SALESFORCE, 'client_secret')}"),
    Wrong("password with a line break in it", ABORT, VSPC, {"password": f"{MISTYPED}\r\n{MISTYPED}", "job_ids": [UID]},
          f"password {ONE_LINE} {variables(VSPC, 'password')}"),
    Wrong("password in the environment that is Latin-1", WAIT, RCLONE, {"password": None},
          f"password {ONE_LINE} {variables(RCLONE, 'password')}", {"BACKUP_RCLONE_PASSWORD": f"{MISTYPED}\udcfc"}),
    Wrong("password that is blank", INFO, RCLONE, {"password": "  "},
          f"password is blank: give a value, or leave it out {variables(RCLONE, 'password')}"),
    Wrong("access token with a line break behind it", WAIT, FLOSUM, {"access_token": f"{MISTYPED}\n"},
          f"access_token {ONE_LINE} {variables(FLOSUM, 'access_token')}"),
    Wrong("access token with its kind before it", INFO, FLOSUM, {"access_token": f"Bearer {MISTYPED}"},
          "access_token holds a blank, a line break or another character that no header can carry "
          f"{variables(FLOSUM, 'access_token')}"),
    Wrong("refresh token of two lines", WAIT, VSPC, {**NO_LOGIN, "refresh_token": f"{MISTYPED}\n{MISTYPED}"},
          f"refresh_token {ONE_LINE} {variables(VSPC, 'refresh_token')}"),
    Wrong("connection_id below zero", INFO, FLOSUM, {"connection_id": -7},
          f"connection_id has to be a whole number from 1 to 9223372036854775807 {variables(FLOSUM, 'connection_id')}"),
    Wrong("connection_id that is a switch", ABORT, FLOSUM, {"connection_id": True, "job_ids": ["1"]},
          f"connection_id has to be a whole number from 1 to 9223372036854775807 {variables(FLOSUM, 'connection_id')}"),
    Wrong("connection_id in words, in the environment", INFO, FLOSUM, {"connection_id": None},
          "connection_id of flosum (BACKUP_FLOSUM_CONNECTION_ID in the environment) is not a valid int",
          {"BACKUP_FLOSUM_CONNECTION_ID": "seven"}),
    Wrong("connection_id without end, in the environment", INFO, FLOSUM, {"connection_id": None},
          "connection_id of flosum (BACKUP_FLOSUM_CONNECTION_ID in the environment) is not a valid int",
          {"BACKUP_FLOSUM_CONNECTION_ID": "inf"}),
    Wrong("account_id of dots", INFO, NETAPP, {"account_id": ".."},
          f"account_id has to be more than dots {variables(NETAPP, 'account_id')}"),
    Wrong("agent_id with a header behind it", WAIT, NETAPP, {"agent_id": "agent-1\nX-Evil: 1"},
          f"agent_id {ONE_LINE} {variables(NETAPP, 'agent_id')}"),
    Wrong("agent_id with a blank", INFO, NETAPP, {"agent_id": "agent 1"},
          f"agent_id holds a blank or another character that no header can carry {variables(NETAPP, 'agent_id')}"),
    Wrong("api_version with a letter that no header can carry", INFO, VSPC, {"api_version": "3.5\u03b2"},
          f"api_version holds a blank or another character that no header can carry {variables(VSPC, 'api_version')}"),
    # -- how long, and whom to trust
    Wrong("request_timeout of zero", INFO, RCLONE, {"request_timeout": 0},
          "request_timeout has to be more than 0 seconds, and below a year, not 0 "
          f"{variables(RCLONE, 'request_timeout')}"),
    Wrong("request_timeout that is no number", ABORT, FLOSUM, {"request_timeout": float("nan"), "job_ids": ["1"]},
          "request_timeout has to be more than 0 seconds, and below a year, not nan "
          f"{variables(FLOSUM, 'request_timeout')}"),
    Wrong("request_timeout without end, in the environment", INFO, IAAS, {"request_timeout": None},
          "request_timeout has to be more than 0 seconds, and below a year, not inf "
          f"{variables(IAAS, 'request_timeout')}", {"BACKUP_AVEPOINT_IAAS_PAAS_REQUEST_TIMEOUT": "inf"}),
    Wrong("unreachable_timeout below zero", WAIT, VSPC, {"unreachable_timeout": -1},
          "unreachable_timeout has to be 0 or more seconds, and below a year, not -1 "
          f"{variables(VSPC, 'unreachable_timeout')}"),
    Wrong("unreachable_timeout with a unit, in the environment", WAIT, VSPC, {"unreachable_timeout": None},
          "unreachable_timeout of veeam_vspc (BACKUP_VEEAM_VSPC_UNREACHABLE_TIMEOUT in the environment) is not a valid "
          "float", {"BACKUP_VEEAM_VSPC_UNREACHABLE_TIMEOUT": "5m"}),
    Wrong("validate_certs in the environment that is neither yes nor no", INFO, NETAPP, {},
          "validate_certs of netapp_bluexp (BACKUP_NETAPP_BLUEXP_VALIDATE_CERTS in the environment) is not a valid "
          "bool", {"BACKUP_NETAPP_BLUEXP_VALIDATE_CERTS": "maybe"}),
    Wrong("ca_path that does not exist", INFO, VSPC, {"ca_path": "<folder>/none.pem"},
          f"ca_path <folder>/none.pem does not exist {variables(VSPC, 'ca_path')}"),
    Wrong("ca_path that holds no certificate, in the environment", WAIT, VSPC, {},
          "ca_path <folder>/garbage.pem is not a readable PEM file or folder of certificates "
          f"{variables(VSPC, 'ca_path')}", {"BACKUP_VEEAM_VSPC_CA_PATH": "<folder>/garbage.pem"}),
    Wrong("ca_path that is a key", ABORT, RCLONE, {"ca_path": "<folder>/client.key", "job_ids": ["1"]},
          "ca_path <folder>/client.key is not a readable PEM file or folder of certificates "
          f"{variables(RCLONE, 'ca_path')}"),
    Wrong("ca_path that no path can be", INFO, VSPC, {"ca_path": "<folder>/ca\0.pem"},
          f"ca_path holds a NUL character, which no path can {variables(VSPC, 'ca_path')}"),
]  # fmt: skip

CERTIFICATES = [
    Wrong(name, INFO, system, {**FILES, **given}, f"{message} {variables(system, *options)}")
    for name, system, given, message, options in (
        ("certificate that has expired", SALESFORCE, {"client_certificate": "<folder>/expired.crt"},
         "client_certificate <folder>/expired.crt expired at 2024-02-29: a new one is needed", ["client_certificate"]),
        ("certificate that is not valid yet", IAAS, {"client_certificate": "<folder>/early.crt"},
         "client_certificate <folder>/early.crt is not valid before 2049-01-01 00:00 UTC", ["client_certificate"]),
        ("certificate that is garbage", NETAPP, {"client_certificate": "<folder>/garbage.pem"},
         "client_certificate <folder>/garbage.pem is not a readable PEM certificate", ["client_certificate"]),
        ("certificate of a kind that nobody knows", IAAS, {"client_certificate": "<folder>/odd.crt"},
         "client_certificate <folder>/odd.crt is not a readable PEM certificate", ["client_certificate"]),
        ("key that belongs to another certificate", NETAPP, {"client_private_key": "<folder>/other.key"},
         "client_private_key <folder>/other.key does not belong to client_certificate <folder>/client.crt",
         ["client_certificate", "client_private_key"]),
        ("key behind a passphrase", SALESFORCE, {"client_private_key": "<folder>/locked.key"},
         "client_private_key <folder>/locked.key is not a readable PEM key without a passphrase",
         ["client_private_key"]),
        ("key of an elliptic curve", IAAS, {"client_private_key": "<folder>/curve.key"},
         "client_private_key <folder>/curve.key is not an RSA key, which this login needs", ["client_private_key"]),
        ("key of a kind that nobody knows", NETAPP, {"client_private_key": "<folder>/odd.key"},
         "client_private_key <folder>/odd.key is not a readable PEM key without a passphrase", ["client_private_key"]),
        ("certificate where the key belongs", IAAS, {"client_private_key": "<folder>/client.crt"},
         "client_private_key <folder>/client.crt is not a readable PEM key without a passphrase",
         ["client_private_key"]),
        ("key that is a folder", SALESFORCE, {"client_private_key": "<folder>"},
         "client_private_key <folder> is not a readable PEM key without a passphrase", ["client_private_key"]),
    )
]  # fmt: skip

REFRESH_TOKENS = [
    Wrong(f"refresh_token_file {name}", WAIT, VSPC, {**NO_LOGIN, **more, "refresh_token_file": f"<folder>{path}"},
          f"{message} {variables(VSPC, *options)}")
    for name, path, more, message, options in (
        ("that is a folder", "", {},
         "refresh_token_file <folder> cannot be read (Is a directory): it has to hold the token alone, on one line",
         ["refresh_token_file"]),
        ("that is no text", "/binary", {},
         "refresh_token_file <folder>/binary cannot be read (it is no text): it has to hold the token alone, on one "
         "line", ["refresh_token_file"]),
        ("of two lines", "/two-lines", {},
         "refresh_token_file <folder>/two-lines has to hold the token alone, on one line", ["refresh_token_file"]),
        ("that holds the whole answer", "/answer", {},
         "refresh_token_file <folder>/answer has to hold the token alone, on one line", ["refresh_token_file"]),
        ("that is empty", "/empty", {},
         "refresh_token_file <folder>/empty holds no token yet, and no refresh_token was given",
         ["refresh_token", "refresh_token_file"]),
        ("that does not exist", "/none", {},
         "refresh_token_file <folder>/none holds no token yet, and no refresh_token was given",
         ["refresh_token", "refresh_token_file"]),
        ("in a folder that does not exist", "/none/token", {"refresh_token": MISTYPED},
         "the folder of refresh_token_file <folder>/none/token does not exist or cannot be written: a rotated token "
         "would be lost", ["refresh_token_file"]),
        ("in a folder that does not exist, with a good access token", "/none/token",
         {"refresh_token": MISTYPED, "access_token": MISTYPED},
         "the folder of refresh_token_file <folder>/none/token does not exist or cannot be written: a rotated token "
         "would be lost", ["refresh_token_file"]),
        ("that no path can be", "/to\0ken", {},
         "refresh_token_file holds a NUL character, which no path can", ["refresh_token_file"]),
    )
]  # fmt: skip

IDS = [
    Wrong(f"job id {name}", module, system, {"job_ids": ids},
          f"job_ids: {shown} cannot be the id of a job of {system}: it has to be {must}")
    for name, module, system, ids, shown, must in (
        ("with a slash", INFO, FLOSUM, ["1817", "1/2"], "'1/2'", "a number"),
        ("below zero", ABORT, FLOSUM, [-1817], "'-1817'", "a number"),
        ("that is a range", WAIT, FLOSUM, "1817-1820", "'1817-1820'", "a number"),
        ("with a line break in it", ABORT, FLOSUM, ["18\n17"], "'18\\n17'", VISIBLE),
        ("of 300 digits", INFO, FLOSUM, ["8" * 300], f"'{'8' * 20}...'", "of at most 256 characters"),
        ("that is empty in a list", ABORT, FLOSUM, [""], "''", "a number"),
        ("with a fraction", WAIT, RCLONE, [1.5], "'1.5'", "a number"),
        ("in Arabic digits", ABORT, RCLONE, ["\u0661"], "'\u0661'", "a number"),
        ("that is a name", ABORT, VSPC, ["Nightly"], "'Nightly'", "a UUID (the job's instanceUid)"),
        ("cut short", WAIT, VSPC, [UID, UID[:-1]], f"'{UID[:-1]}'", "a UUID (the job's instanceUid)"),
        ("of dots", INFO, NETAPP, [".."], "'..'", "more than dots"),
        ("that is null", WAIT, NETAPP, [None], "''", "not empty"),
        ("with a NUL character", INFO, IAAS, ["FB\0"], "'FB\\x00'", VISIBLE),
        ("of 300 letters", WAIT, IAAS, ["x" * 300], f"'{'x' * 20}...'", "of at most 256 characters"),
        ("with an invisible character", INFO, SALESFORCE, ["FB1\u200b"], "'FB1\\u200b'", VISIBLE),
    )
]  # fmt: skip

SELECTIONS = [
    # -- names and types
    Wrong("names of a system without names", WAIT, SALESFORCE, {"names": ["Nightly*"]},
          "jobs of avepoint_salesforce have no names: select with job_ids, types or started_after"),
    Wrong("types of a system without types", INFO, RCLONE, {"types": ["sync/copy"]},
          "jobs of rclone have no types: select with job_ids, names or started_after"),
    Wrong("type that is a word of the filter", ABORT, FLOSUM, {"types": ["full"]},
          "'full' is a word of flosum's own filter and not the type of a job: give the type as backup_job_info shows "
          "it"),
    Wrong("name that is empty in a list, for idle", WAIT, VSPC, {"names": [""], "state": "idle"},
          "names: '' has to be text on one line, and not blank"),
    Wrong("name with a line break behind it", INFO, FLOSUM, {"names": ["Nightly\n"]},
          "names: 'Nightly\\n' has to be text on one line, and not blank"),
    Wrong("type that is blank", WAIT, IAAS, {"types": ["Backup", " "]},
          "types: ' ' has to be text on one line, and not blank"),
    # -- times
    Wrong("started_after without an offset", INFO, FLOSUM, {"started_after": "2026-03-01T22:00:00"},
          f"started_after has to be {AGE} '2026-03-01T22:00:00'"),
    Wrong("started_after that is a bare date", WAIT, SALESFORCE, {"started_after": "2026-03-01"},
          f"started_after has to be {AGE} '2026-03-01'"),
    Wrong("age below zero", INFO, IAAS, {"started_after": "-1h"}, f"started_after has to be {AGE} '-1h'"),
    Wrong("age in years", WAIT, NETAPP, {"started_after": "1y"}, f"started_after has to be {AGE} '1y'"),
    Wrong("age with a fraction", INFO, RCLONE, {"started_after": "1.5h"}, f"started_after has to be {AGE} '1.5h'"),
    Wrong("age before all time", ABORT, VSPC, {"started_after": "99999999w"},
          f"started_after has to be {AGE} '99999999w'"),
    Wrong("started_before in Unix seconds", INFO, VSPC, {"started_before": 1772398800},
          f"started_before has to be {AGE} '1772398800'"),
    Wrong("started_after with an offset of 99 minutes", INFO, FLOSUM, {"started_after": "2026-03-01T22:00:00+01:99"},
          f"started_after has to be {AGE} '2026-03-01T22:00:00+01:99'"),
    Wrong("started_after later than started_before", ABORT, FLOSUM,
          {"started_after": "2026-03-02T00:00:00Z", "started_before": "2026-03-02T00:30:00+01:00"},
          "started_after has to be earlier than started_before"),
    Wrong("ages the wrong way round", INFO, NETAPP, {"started_after": "1h", "started_before": "2h"},
          "started_after has to be earlier than started_before"),
    Wrong("max_results of zero", INFO, FLOSUM, {"max_results": 0}, "max_results has to be 1 or more, not 0"),
]  # fmt: skip

LOGS = [
    Wrong("log_dest without log", INFO, FLOSUM, {"details": ["steps"], "log_dest": "<folder>"},
          "log_dest was given without log in details: add log there, or leave log_dest out"),
    Wrong("log without log_dest", INFO, FLOSUM, {"details": ["log"]},
          "log in details needs log_dest, the folder that the logs are written to"),
    Wrong("log of a system without logs", INFO, VSPC, {"details": ["log"], "log_dest": "<folder>"},
          "the API of veeam_vspc has no log of a job: leave log out of details"),
    Wrong("log_dest that does not exist", INFO, FLOSUM, {"details": ["log"], "log_dest": "<folder>/none"},
          "log_dest <folder>/none does not exist: create the folder first"),
    Wrong("log_dest that is a file", INFO, FLOSUM, {"details": ["log"], "log_dest": "<folder>/empty"},
          "log_dest <folder>/empty is not a folder"),
    Wrong("log_max_bytes of zero", INFO, FLOSUM, {"details": ["log"], "log_dest": "<folder>", "log_max_bytes": 0},
          "log_max_bytes has to be 1 or more, not 0"),
]  # fmt: skip

WAITS = [
    Wrong(name, WAIT, system, given, message)
    for name, system, given, message in (
        ("wait_timeout below zero", FLOSUM, {"wait_timeout": -1},
         "wait_timeout has to be between 0 and 31622400 seconds, not -1"),
        ("wait_timeout that is no number", IAAS, {"wait_timeout": float("nan")},
         "wait_timeout has to be between 0 and 31622400 seconds, not nan"),
        ("wait_timeout without end, as text", VSPC, {"wait_timeout": "inf"},
         "wait_timeout has to be between 0 and 31622400 seconds, not inf"),
        ("wait_timeout of 32 years", NETAPP, {"wait_timeout": 1000000000},
         "wait_timeout has to be between 0 and 31622400 seconds, not 1000000000"),
        ("interval of zero", RCLONE, {"interval": 0}, "interval has to be between 0.5 and 86400 seconds, not 0"),
        ("interval longer than max_interval", VSPC, {"interval": 120, "max_interval": 90},
         "interval (120 s) cannot be longer than max_interval (90 s)"),
        ("max_interval shorter than the interval left out", FLOSUM, {"max_interval": 2},
         "interval (5 s) cannot be longer than max_interval (2 s)"),
        ("progress_interval too long", SALESFORCE, {"progress_interval": 300},
         "progress_interval has to be between 1 and 240 seconds, not 300"),
        ("quiet_period below zero", VSPC, {"quiet_period": -5, "state": "idle"},
         "quiet_period has to be between 0 and 31622400 seconds, not -5"),
        ("quiet_period without idle", FLOSUM, {"quiet_period": 60},
         "quiet_period goes with state: idle only, not with state: finished"),
        ("quiet_period longer than the wait", RCLONE, {"quiet_period": 7200, "state": "idle"},
         "quiet_period (7200 s) cannot be longer than wait_timeout (3600 s)"),
        ("appear_timeout that is no number, as text", NETAPP, {"appear_timeout": "nan"},
         "appear_timeout has to be between 0 and 31622400 seconds, not nan"),
        ("stall_timeout of zero", RCLONE, {"stall_timeout": 0},
         "stall_timeout has to be between 1 and 31622400 seconds, not 0"),
        ("any with idle", FLOSUM, {"require": "any", "state": "idle"},
         "require: any contradicts state: idle, which is about all selected jobs"),
        ("max_results with idle", SALESFORCE, {"max_results": 5, "state": "idle"},
         "max_results contradicts state: idle, which is about all selected jobs"),
        ("accept_results that is empty", IAAS, {"accept_results": []},
         "accept_results has to name at least one of success, warning, failed, canceled, skipped"),
        ("started_after in the future, with idle", NETAPP, {"started_after": "2962-03-01T22:00:00Z", "state": "idle"},
         "started_after (2962-03-01T22:00:00Z) is yet to come: no job can have started since, and state: idle would be "
         "reached whatever runs"),
        ("wait_until without an offset", VSPC, {"wait_until": "2026-03-01T22:00:00"},
         f"wait_until has to be {MOMENT} '2026-03-01T22:00:00'"),
        ("wait_until in the year 0", FLOSUM, {"wait_until": "0000-03-01T22:00:00Z"},
         f"wait_until has to be {MOMENT} '0000-03-01T22:00:00Z'"),
        ("wait_until on the 31st of February", RCLONE, {"wait_until": "2026-02-31T22:00:00+01:00"},
         f"wait_until has to be {MOMENT} '2026-02-31T22:00:00+01:00'"),
        ("wait_until that is a bare date", IAAS, {"wait_until": "2026-03-01"},
         f"wait_until has to be {MOMENT} '2026-03-01'"),
        ("wait_until that is an age", SALESFORCE, {"wait_until": "2h"}, f"wait_until has to be {MOMENT} '2h'"),
    )
]  # fmt: skip

ABORTS = [
    Wrong(name, ABORT, system, given, message)
    for name, system, given, message in (
        ("abort of everything", RCLONE, {},
         "an abort needs to know which jobs: give job_ids, names, types, kinds or started_after"),
        ("abort of all that is older", VSPC, {"started_before": "1h"},
         "an abort needs to know which jobs: give job_ids, names, types, kinds or started_after"),
        ("abort with names that are an empty list", FLOSUM, {"names": [], "started_after": "1d"},
         "names is an empty list, which would leave every job selected: leave it out"),
        ("abort with types that are an empty list", IAAS, {"types": [], "job_ids": ["FB1"]},
         "types is an empty list, which would leave every job selected: leave it out"),
        ("max_jobs of zero", VSPC, {"names": ["Nightly*"], "max_jobs": 0}, "max_jobs has to be 1 or more, not 0"),
        ("exclude that spares nothing", VSPC, {"names": ["*"], "exclude": [""]},
         "exclude: '' has to be text on one line, and not blank"),
        ("abort without a moment to watch", FLOSUM, {"job_ids": ["1"], "wait_timeout": 0},
         "wait_timeout has to be between 0.5 and 86400 seconds, not 0"),
        ("abort that watches for two days", RCLONE, {"job_ids": ["1"], "wait_timeout": 172800.5},
         "wait_timeout has to be between 0.5 and 86400 seconds, not 172800.5"),
        ("abort that never looks again", SALESFORCE, {"job_ids": ["FB1"], "interval": float("inf")},
         "interval has to be between 0.5 and 86400 seconds, not inf"),
    )
]  # fmt: skip

OF_EACH = [
    Wrong(f"job id that {system} cannot have, to {module}", module, system, {"job_ids": [known.not_ids[0]]},
          f"job_ids: {known.not_ids[0]!r} cannot be the id of a job of {system}: it has to be {known.id_is}")
    for system, known in KNOWN.items() if known.not_ids
    for module in (INFO, WAIT, ABORT)
]  # fmt: skip

OF_LOGINS = [*ADDRESSES, *CONNECTIONS, *CERTIFICATES, *REFRESH_TOKENS]
TABLE = [*OF_LOGINS, *IDS, *SELECTIONS, *LOGS, *WAITS, *ABORTS, *OF_EACH]

# Ansible's own words, the same in ansible-core 2.19 and 2.21: a few, to see that our options are typed.
ANSIBLES = [
    Wrong("system that does not exist", INFO, "veeam", {},
          f"value of system must be one of: {', '.join(sorted(SYSTEMS))}, got: veeam"),
    Wrong("wait_timeout with a unit", WAIT, FLOSUM, {"wait_timeout": "1h"},
          "argument 'wait_timeout' is of type str and we were unable to convert to float: <class 'str'> cannot be "
          "converted to a float"),
    Wrong("max_jobs in words", ABORT, VSPC, {"max_jobs": "two", "job_ids": [UID]},
          "argument 'max_jobs' is of type str and we were unable to convert to int: \"'two'\" cannot be converted to "
          "an int"),
    Wrong("state of a wait that does not exist", WAIT, RCLONE, {"state": "done"},
          "value of state must be one of: finished, successful, idle, got: done"),
    Wrong("details that do not exist", INFO, NETAPP, {"details": ["logs"]},
          "value of details must be one or more of: steps, log, raw. Got no match for: logs"),
]  # fmt: skip


def good_of(system: str) -> dict[str, t.Any]:
    return {**KNOWN[system].required, **KNOWN[system].login} if system in KNOWN else {}


class Place(t.NamedTuple):
    """Where the module runs, and who listens for it."""

    folder: Path
    listener: socket.socket

    def fill(self, value: t.Any) -> t.Any:
        """Put folder and port where a row leaves room for them."""
        if isinstance(value, dict):
            return {name: self.fill(one) for name, one in value.items()}
        if not isinstance(value, str):
            return value
        port = str(self.listener.getsockname()[1])
        return value.replace("<folder>", str(self.folder)).replace("<port>", port)

    def refusal(self, row: Wrong) -> str:
        """Run the module; give its message."""
        good = {"url": URL, "request_timeout": 2, "unreachable_timeout": 0, **good_of(row.system)}
        if row.system in SYSTEMS and SYSTEMS[row.system].TOKEN_PATH:
            good["token_url"] = f"{URL}/token"
        given = {name: value for name, value in {**good, **row.given}.items() if value is not None}
        # Whatever the address: a request would have to pass here.
        proxies = dict.fromkeys(("http_proxy", "https_proxy"), URL)
        result = bad(
            row.module, self.fill({"system": row.system, **given}), environ=self.fill({**proxies, **row.environ})
        )
        assert not any(secret in json.dumps(result) for secret in (SECRET, MISTYPED))
        message: str = result["msg"]
        return message

    def was_called(self) -> bool:
        """Say whether anybody connected; the kernel has kept it."""
        try:
            self.listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def state(self) -> dict[str, tuple[int, ...]]:
        """Give all that a write would change; that of the folder tells of a file that came and went."""
        paths = [self.folder, *self.folder.rglob("*")]
        stats = {str(path): path.lstat() for path in paths}
        return {name: (stat.st_mode, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats.items()}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of certificates, keys and tokens; most are wrong in one way."""
    folder = tmp_path_factory.mktemp("files")
    certificate, key = ClientKey().pem()
    private = serialization.load_pem_private_key(key.encode(), password=None)

    def pem(private: t.Any, passphrase: str = "") -> str:
        hidden = (
            serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
        )
        shape = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)
        return str(private.private_bytes(*shape), "ascii")

    def changed(start: bytes, end: bytes) -> str:
        return written("CERTIFICATE", der.replace(start, end))

    def written(what: str, content: bytes) -> str:
        return f"-----BEGIN {what}-----\n{base64.encodebytes(content).decode()}-----END {what}-----\n"

    read = x509.load_pem_x509_certificate(certificate.encode())
    der = read.public_bytes(serialization.Encoding.DER)
    rsa = bytes.fromhex("06092a864886f70d010101")
    contents: dict[str, str | bytes] = {
        "client.crt": certificate,
        "client.key": key,
        # Nobody looks at the signature.
        "expired.crt": changed(f"{read.not_valid_after_utc:%y%m%d%H%M%SZ}".encode(), b"240229235959Z"),
        "early.crt": changed(f"{read.not_valid_before_utc:%y%m%d%H%M%SZ}".encode(), b"490101000000Z"),
        "odd.crt": changed(rsa, rsa[:-1] + b"\x7f"),
        "other.key": ClientKey().pem()[1],
        "locked.key": pem(private, MISTYPED),
        "curve.key": pem(ec.generate_private_key(ec.SECP256R1())),
        # A key that says of itself to be of the kind 1.2.3.4.
        "odd.key": written("PRIVATE KEY", bytes.fromhex("3011020100300506032a03040405") + b"\0" * 5),
        "garbage.pem": "-----BEGIN NONSENSE-----\n",
        "binary": b"\xff\xfe",
        "two-lines": f"{MISTYPED}\n{MISTYPED}\n",
        "answer": json.dumps({"refresh_token": MISTYPED}),
        "empty": "",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


@pytest.fixture
def place(files: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Place]:
    """Give a folder to run in, and a server that nobody may call."""
    monkeypatch.chdir(files)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        listener.setblocking(False)
        yield Place(files, listener)


def test_the_table_is_about_every_module_and_every_system() -> None:
    assert len({row.name for row in TABLE}) == len(TABLE) >= 60
    for row in OF_LOGINS:
        assert f"BACKUP_{row.system}_".upper() in row.message, "which variable can hold it?"
    assert {(row.module, row.system) for row in TABLE} == {
        (module, system) for module in (INFO, WAIT, ABORT) for system in KNOWN
    }


@pytest.mark.parametrize("system", KNOWN)
@pytest.mark.parametrize("given", [{}, {"url": "https://backup.example"}])
def test_what_is_right_is_sent_and_noticed(system: str, given: dict[str, str], place: Place) -> None:
    """Otherwise no silence below would say anything."""
    place.refusal(Wrong("", INFO, system, {"request_timeout": 0.2, **given}, ""))
    assert place.was_called()


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in TABLE])
def test_what_is_wrong_is_told_word_by_word_and_nothing_is_sent_or_written(row: Wrong, place: Place) -> None:
    before = place.state()
    assert place.refusal(row) == place.fill(f"Nothing was sent: {row.message}.")
    assert not place.was_called()
    assert place.state() == before


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ANSIBLES])
def test_what_ansible_refuses_is_not_sent_either(row: Wrong, place: Place) -> None:
    before = place.state()
    assert place.refusal(row) == row.message
    assert not place.was_called()
    assert place.state() == before
