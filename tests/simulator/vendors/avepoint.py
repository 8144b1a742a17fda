# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the AvePoint Graph APIs share: the identity service, the time window, and the forms of nextLink."""

from __future__ import annotations

import secrets
import uuid
from abc import abstractmethod
from typing import Any, ClassVar
from urllib.parse import urlencode

import jwt
from flask import Response, request

from ..auth import ASSERTION_TYPE, TokenError
from ..story import When
from .base import Refusal, Route, Vendor, iso, reply, unix

NEXT_LINKS = ("", None, "absent", "relative", "absolute", "token")
UNFINISHED = ("null", "absent", "zero", "year1")
ABSENT = object()


class AvePoint(Vendor):
    """Client credentials with a secret or an RS256 assertion; the scope must be the product's, letter by letter."""

    token_paths = ("/connect/token",)
    ways = ("client_secret", "client_assertion", "access_token")
    product_scope: ClassVar[str]
    running: ClassVar[frozenset[int]]

    def __init__(self, sim: Any) -> None:
        super().__init__(sim)
        self.scope = str(self.dialect["scope"] or self.product_scope)
        self.credentials = {
            "client_id": str(uuid.uuid4()),
            "client_secret": secrets.token_urlsafe(24),
            "access_token": self.tokens.issue(),
        }

    @abstractmethod
    def jobs(self) -> Response:
        """Answer the job list."""

    def token_routes(self) -> list[Route]:
        return [Route("POST", self.token_paths[0], self.token)]

    def login(self) -> dict[str, Any]:
        if self.accept[0] == "access_token":
            return {"access_token": self.credentials["access_token"]}
        names = ["client_id"] if self.accept[0] == "client_assertion" else ["client_id", "client_secret"]
        return {name: self.credentials[name] for name in names}

    def token_request(self) -> dict[str, str]:
        # The scope that the product's page names, whatever the story makes of it.
        return {"grant_type": "client_credentials", **self.login(), "scope": self.product_scope}

    def list_query(self) -> dict[str, Any]:
        return {"pageSize": "500"}

    def token(self) -> Response:
        form = self.form(lambda reason: _refused("invalid_request", reason))
        known = {"grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type"}
        if set(form) - known:
            raise _refused("invalid_request", f"unknown field {min(set(form) - known)!r}")
        if form.get("grant_type") != "client_credentials":
            raise _refused("unsupported_grant_type", f"grant_type is {form.get('grant_type')!r}")
        if "client_secret" in form and "client_assertion" in form:
            raise _refused("invalid_request", "a secret and an assertion at the same time")
        if "client_secret" in form:
            self._secret(form)
        else:
            self._assertion(form)
        if form.get("scope") != self.scope:
            raise _refused("invalid_scope", f"scope must be {self.scope!r}, not {form.get('scope')!r}")
        body = {"access_token": self.tokens.issue(), "expires_in": int(self.tokens.lifetime), "token_type": "Bearer"}
        return reply(body | {"scope": self.scope})

    def _secret(self, form: dict[str, str]) -> None:
        given = (form.get("client_id"), form["client_secret"])
        if given != (self.credentials["client_id"], self.credentials["client_secret"]):
            raise _refused("invalid_client", "wrong client id or secret")
        if "client_secret" not in self.accept:
            raise _refused("invalid_client", "this app is registered with a certificate, not with a secret")

    def _assertion(self, form: dict[str, str]) -> None:
        if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
            raise _refused("invalid_client", "neither client_secret nor client_assertion with its type")
        if form.get("client_id", self.credentials["client_id"]) != self.credentials["client_id"]:
            raise _refused("invalid_client", "client_id is not the registered one")
        if "client_assertion" not in self.accept:
            raise _refused("invalid_client", "this app is registered with a secret, not with a certificate")
        try:
            self.client_key.verify(
                form["client_assertion"],
                client_id=self.credentials["client_id"],
                audiences=[self.sim.token_url],
                named_key=True,
            )
        except (TokenError, jwt.PyJWTError) as error:
            raise _refused("invalid_client", str(error)) from error

    def in_window(self, state: dict[str, Any], low: float | None, high: float | None) -> bool:
        """Return whether a job falls into a time window; which of its times counts is a switch."""
        start, finish = unix(state.get("startTime")), unix(state.get("finishTime"))
        if finish is None and not self.dialect["running_in_window"]:
            return low is None and high is None
        if start is None:
            return True
        if self.dialect["window"] == "overlap":
            return (finish is None or low is None or finish >= low) and (high is None or start <= high)
        moment = finish if self.dialect["window"] == "finish" and finish is not None else start
        return (low is None or moment >= low) and (high is None or moment <= high)

    def unfinished(self, job: dict[str, Any], zero: Any, year1: Any) -> dict[str, Any]:
        """Write the end of a running job in one of the ways that it may come."""
        if job.get("finishTime") is None:
            how = self.dialect["unfinished"]
            job = {key: value for key, value in job.items() if key != "finishTime"}
            if how != "absent":
                job["finishTime"] = {"null": None, "zero": zero, "year1": year1}[how]
        return job

    def next_link(self, more: bool, path: str, page: dict[str, Any], token: str) -> Any:
        """Return the nextLink of a page, or ABSENT."""
        how = self.dialect["next_link"]
        if how == "absent":
            return ABSENT
        if how in ("", None) or not more:
            return None if how is None else ""
        if how == "token":
            return token
        query = {name: value for name, value in request.args.items() if name.lower() not in {p.lower() for p in page}}
        link = f"{path}?{urlencode({**query, **page})}"
        return self.sim.url + link if how == "absolute" else link.removeprefix(path.rsplit("/", 1)[0])


def _refused(error: str, reason: str) -> Refusal:
    return Refusal(400, {"error": error}, reason)


def newest(state: dict[str, Any]) -> float:
    """Order jobs by their start."""
    start = state.get("startTime")
    return float(start) if isinstance(start, When) else unix(start) or 0.0


def now_iso(unix_time: float) -> str:
    """Write a time as the response envelopes do."""
    return iso(unix_time, 6)
