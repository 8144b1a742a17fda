# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""How one speaks with Veeam Backup & Replication: its version, its pages, one session, and a stop."""

from __future__ import annotations

import typing as t

from .._core.errors import Unanswered
from .._http.call import Intent, segment
from .._http.response import Response, summary
from .connection import Connection
from .contract import ACCEPTED, BackupSystem, Read
from .listing import Listing, Page
from .reading import as_count, as_id, as_object

# The document's default; it names no largest page.
_PAGE = 200
# Servers demand that a version is named. The oldest whose document was read.
_VERSION = "1.2-rev1"


class VbrCalls(BackupSystem):
    """The calls; what their answers mean is said elsewhere."""

    API_ROOT = "/api/v1"
    PASTED = r"/api/v1(/(sessions|jobs(/states)?))?"
    ERROR_FIELDS = ("errorCode",)

    @classmethod
    def headers(cls, connection: Connection, kind: Intent) -> dict[str, str]:
        """Name the version, which every call has to, logins included."""
        return {"x-api-version": connection["api_version"] or _VERSION}

    def pages(self, path: str, query: t.Iterable[tuple[str, str]], read: Read) -> Listing:
        """Page through one of the lists."""

        def fetch(skip: int) -> Page:
            place = [("skip", str(skip)), ("limit", str(_PAGE))]
            items, body, trouble = self.rows(f"{self.API_ROOT}/{path}", [*place, *query], "data")
            total = as_count(as_object(body.get("pagination")).get("total"))
            return Page(items, skip + len(items), total, trouble=trouble)

        return self.paged(0, fetch, read=read)

    def session(self, job_id: str) -> dict[str, t.Any] | None:
        """Read one session. None: the server says that there is none."""

        def parse(response: Response) -> dict[str, t.Any] | None:
            if response.status == 404:
                return None
            body = as_object(response.json())
            if as_id(body.get("id")) is None:
                raise Unanswered(f"{response.headline}, but holds no session: {summary(response)}")
            return body

        session: dict[str, t.Any] | None = self.get(
            self.path("sessions", job_id),
            parse=parse,
            answered=lambda response: response.status == 404 and self.is_own_error(response),
        )
        return session

    def path(self, what: str, job_id: str, rest: str = "") -> str:
        """Give the path of a session or a job."""
        return f"{self.API_ROOT}/{what}/{segment(job_id)}{rest}"

    def stop_gracefully(self, owner: str, session_id: str | None) -> str:
        """Stop the run of a definition, and perhaps say that it was another one."""
        call = self.call("write", "POST", self.path("jobs", owner, "/stop"), json={"gracefulStop": True})
        stopped = as_id(as_object(self.http.write(call).json_or_none()).get("id"))
        other = session_id and stopped and self.id_key(stopped) != self.id_key(session_id)
        return f"{ACCEPTED}, as a graceful one" + ("; the server answered with another session" if other else "")
