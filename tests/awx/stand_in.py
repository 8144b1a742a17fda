# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in of AWX's API on loopback: it keeps what it is given, and refuses what AWX 24.6 refuses.

It also refuses fields that it does not know, which AWX ignores: a mistake in a name would be one nobody sees.
"""

from __future__ import annotations

import copy
import json
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from awx.rules import FIELDS, Refused, check

Row = dict[str, t.Any]
HIDDEN = "$encrypted$"
TEMPLATES = ("job_templates", "workflow_job_templates", "projects", "workflow_approval_templates")
TYPES = {
    "job_templates": "job_template",
    "workflow_job_templates": "workflow_job_template",
    "projects": "project",
    "workflow_approval_templates": "workflow_approval",
}
ASSOCIATED = {
    "success_nodes": "workflow_job_template_nodes",
    "failure_nodes": "workflow_job_template_nodes",
    "always_nodes": "workflow_job_template_nodes",
    "credentials": "credentials",
    "instance_groups": "instance_groups",
    "labels": "labels",
    "notification_templates_success": "notification_templates",
    "notification_templates_error": "notification_templates",
    "notification_templates_started": "notification_templates",
    "notification_templates_approvals": "notification_templates",
}


class StandIn:
    """The server. ``writes`` holds every change it was sent, ``refusals`` what it did not take."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[int, Row]] = {kind: {} for kind in FIELDS}
        self.links: dict[tuple[str, int, str], list[int]] = {}
        self.surveys: dict[tuple[str, int], Row] = {}
        self.writes: list[tuple[str, str]] = []
        self.refusals: list[str] = []
        self._count = 0
        organization = self.add("organizations", name="Default")
        self.add("execution_environments", name="A place to run")
        project = self.add("projects", name="Changes", organization=organization, scm_type="git")
        inventory = self.add("inventories", name="Systems", organization=organization)
        self.add("job_templates", name="Patch", project=project, inventory=inventory, playbook="patch.yml")

    def add(self, kind: str, /, **fields: t.Any) -> int:
        """Put an object there, as somebody else would have done."""
        self._count += 1
        self.rows[kind][self._count] = {**copy.deepcopy(FIELDS[kind]), **fields, "id": self._count}
        return self._count

    def named(self, kind: str, name: str) -> Row:
        """Give the object of this name."""
        return next(row for row in self.rows[kind].values() if row.get("name", row.get("identifier")) == name)

    def kept(self) -> str:
        """Give all that it holds, as one text to compare."""
        links = sorted((list(map(str, key)), ids) for key, ids in self.links.items() if ids)
        surveys = sorted((list(map(str, key)), one) for key, one in self.surveys.items())
        return json.dumps([self.rows, links, surveys], sort_keys=True, indent=1)

    def __enter__(self) -> StandIn:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_args: t.Any) -> None:
                """Say nothing."""

            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                status, answer = stand_in.answer(self.command, self.path, body, self.headers.get("Authorization"))
                content = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("X-API-Product-Name", "AWX")
                self.send_header("X-API-Product-Version", "24.6.1")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_DELETE = _answer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    # -- requests --------------------------------------------------------------------------------------------------

    def answer(self, method: str, url: str, body: Row, login: str | None) -> tuple[int, t.Any]:
        """Answer a request."""
        split = urlsplit(url)
        path = [unquote(part) for part in split.path.split("/") if part]
        if path[:2] != ["api", "v2"]:
            return 200, {"current_version": "/api/v2/", "available_versions": {"v2": "/api/v2/"}}
        if path[2:3] == ["ping"]:
            return 200, {"version": "24.6.1"}
        if not login:
            return 401, {"detail": "Authentication credentials were not provided."}
        try:
            status, answer = self._route(method, path[2:], parse_qs(split.query), body)
        except Refused as exc:
            self.refusals.append(f"{method} {split.path}: {exc}")
            return 400, {"detail": str(exc)}
        if method != "GET" and path[2] != "tokens":
            self.writes.append((method, split.path))
        return status, answer

    def _route(self, method: str, path: list[str], query: dict[str, list[str]], body: Row) -> tuple[int, t.Any]:
        kind = path[0] if path else ""
        if kind in ("config", "settings", "me", "tokens", ""):
            return (201, {"id": 1, "token": "of a test"}) if method == "POST" else (200, {"version": "24.6.1"})
        if kind == "unified_job_templates":
            rows = [
                {**self._shown(one, row), "type": TYPES[one]} for one in TEMPLATES for row in self.rows[one].values()
            ]
            return 200, listed(rows, query)
        if kind not in self.rows:
            return 404, {"detail": "Not found."}
        if len(path) == 1:
            if method == "GET":
                return 200, listed([self._shown(kind, row) for row in self.rows[kind].values()], query)
            return 201, self._shown(kind, self.rows[kind][self._made(kind, body)])
        row = self.rows[kind].get(int(path[1]))
        if row is None:
            return 404, {"detail": "Not found."}
        return self._one(method, kind, row, body) if len(path) == 2 else self._related(method, kind, row, path[2], body)

    def _made(self, kind: str, body: Row) -> int:
        check(self.rows, kind, {**FIELDS[kind], **body}, body)
        same = ("name", "organization", "identifier", "workflow_job_template")
        for row in self.rows[kind].values():
            if all(row.get(name) == body.get(name) for name in same):
                raise Refused(f"{kind} with this name exists already")
        return self.add(kind, **body)

    def _one(self, method: str, kind: str, row: Row, body: Row) -> tuple[int, t.Any]:
        if method == "PATCH":
            if kind == "workflow_approval_templates":
                # awx.awx sends the fields of the node along, and AWX ignores them.
                body = {name: value for name, value in body.items() if name in FIELDS[kind]}
            if kind == "notification_templates" and "notification_configuration" in body:
                before = row["notification_configuration"]
                told = body["notification_configuration"].items()
                body["notification_configuration"] = {k: before[k] if v == HIDDEN else v for k, v in told}
            check(self.rows, kind, {**row, **body}, body)
            row.update(body)
        return 200, self._shown(kind, row)

    def _related(self, method: str, kind: str, row: Row, related: str, body: Row) -> tuple[int, t.Any]:
        if related == "survey_spec":
            if method == "POST":
                check(self.rows, "survey", body, body)
                self.surveys[kind, row["id"]] = body
            return 200, self.surveys.get((kind, row["id"]), {})
        if related == "create_approval_template":
            body = {name: value for name, value in body.items() if name in FIELDS["workflow_approval_templates"]}
            made = row["unified_job_template"] = self.add("workflow_approval_templates", **body)
            return 201, self._shown("workflow_approval_templates", self.rows["workflow_approval_templates"][made])
        if related not in ASSOCIATED:
            return 404, {"detail": "Not found."}
        links = self.links.setdefault((kind, row["id"], related), [])
        if method == "GET":
            others = self.rows[ASSOCIATED[related]]
            return 200, listed([self._shown(ASSOCIATED[related], others[one]) for one in links], {})
        if body.get("disassociate"):
            links.remove(body["id"])
        else:
            self._link(kind, row, related, body["id"])
        return 204, None

    def _link(self, kind: str, row: Row, related: str, other: int) -> None:
        if other not in self.rows[ASSOCIATED[related]]:
            raise Refused(f"{related} {other} does not exist")
        if related == "credentials":
            types = [self.rows["credentials"][one]["credential_type"] for one in self.links[kind, row["id"], related]]
            if self.rows["credentials"][other]["credential_type"] in types:
                raise Refused("Cannot assign multiple credentials of one type.")
        if related.endswith("_nodes"):
            edges = [self.links.get((kind, row["id"], edge), []) for edge in ASSOCIATED if edge.endswith("_nodes")]
            if other == row["id"] or any(other in ids for ids in edges):
                raise Refused("Relationship not allowed.")
        self.links[kind, row["id"], related].append(other)

    def _shown(self, kind: str, row: Row) -> Row:
        shown = copy.deepcopy(row)
        url = f"/api/v2/{kind}/{row['id']}/"
        related = {"survey_spec": f"{url}survey_spec/"}
        target = row.get("unified_job_template")
        for one in TEMPLATES:
            if target in self.rows[one]:
                related["unified_job_template"] = f"/api/v2/{one}/{target}/"
        for name in ("token", "password"):
            if shown.get("notification_configuration", {}).get(name):
                shown["notification_configuration"][name] = HIDDEN
        return {
            **shown,
            "url": url,
            "type": TYPES.get(kind, kind.rstrip("s")),
            "related": related,
            "summary_fields": {},
        }


def listed(rows: list[Row], query: dict[str, list[str]]) -> Row:
    """Give a page of what the query means, which is all of it."""
    wanted = {name: value[0] for name, value in query.items() if name not in ("page", "page_size", "order_by")}
    either = {name[4:]: value for name, value in wanted.items() if name.startswith("or__")}
    each = {name: value for name, value in wanted.items() if not name.startswith("or__")}

    found = [
        row
        for row in rows
        if all(str(row.get(name)) == value for name, value in each.items())
        and (not either or any(str(row.get(name)) == value for name, value in either.items()))
    ]
    return {"count": len(found), "next": None, "previous": None, "results": found}
