# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""NetApp BlueXP backup and recovery (``cloudmanager_cbs``).

Sources: the job pages of docs.netapp.com (the service's API reference) and its Swagger file 2.0.6, which names the
values of ``status``. Jobs can be read, and a backup of a volume can be started.
"""

from __future__ import annotations

import re
import typing as t
from urllib.parse import urljoin

from .._core.errors import Unanswered
from .._core.job import UNDOCUMENTED, Job, Kind, Meaning, Part
from .._core.times import from_millis
from .._http.call import Intent, segment
from .._http.response import Response, summary
from .connection import READY_TOKEN, Connection, Login
from .contract import NOTHING, BackupSystem
from .fields import Field
from .listing import Listing, Page
from .orders import Wanted
from .reading import as_array, as_id, as_object, as_text
from .selection import Selection
from .vocabulary import Capabilities

_JOB = "NetApp cbs Swagger 2.0.6, job.status"
_PART = "NetApp cbs Swagger 2.0.6, volume.status and batch.status"
# Parts have words of their own: the job ends COMPLETED, a part ends SUCCESS.
_PARTS: t.Mapping[str, Meaning] = {
    "pending": Meaning("queued", None, _PART),
    "in_progress": Meaning("running", None, _PART),
    "success": Meaning("finished", "success", _PART),
    "failed": Meaning("finished", "failed", _PART),
}
# NetApp cbs Swagger 2.0.6, job.data.
_HOLDS: t.Mapping[str, Kind] = {"multi-volume-backup": "backup", "restore": "restore"}
_AUDIENCE = "https://api.cloud.netapp.com"
# The client of the user token: the same for every customer, printed in NetApp's documents.
_PUBLIC_CLIENT = "Mu0V1ywgYteI6w1MbD15fKfVIUrNXGWC"
_CREDENTIALS = {"grant_type": "client_credentials", "audience": _AUDIENCE}


def _user_token(connection: Connection) -> t.Any:
    client_id = connection["client_id"] or _PUBLIC_CLIENT
    return connection.refresh_grant((), {"client_id": client_id}, "json")


class NetAppBlueXP(BackupSystem):
    """Jobs that one agent (connector) of one account reports."""

    NAME = "netapp_bluexp"
    TITLE = "NetApp BlueXP backup"
    STATES: t.ClassVar[t.Mapping[str, Meaning]] = {
        "pending": Meaning("queued", None, _JOB),
        "in_progress": Meaning("running", None, _JOB),
        "completed": Meaning("finished", "success", _JOB),
        "failed": Meaning("finished", "failed", _JOB),
    }
    # The one documented value; no document lists them.
    KINDS_SOURCE = "NetApp's example of job.type"
    KINDS: t.ClassVar[t.Mapping[str, Kind]] = {"backup-working-environment": "backup"}
    CAPABILITIES = Capabilities(one_by_id=True, abort=False, steps=True, start=True)
    STARTS: t.ClassVar[t.Mapping[str, Field]] = {
        "working_environment_id": Field("the working environment, such as V(VsaWorkingEnvironment-1a2b3c4d)"),
        "volume_id": Field("the volume, of which a snapshot is made and backed up now (mode C(AD_HOC))"),
    }
    # There is one service for all customers.
    DEFAULT_ADDRESS = ("https://api.bluexp.netapp.com", "https://netapp-cloud-account.auth0.com/oauth/token")
    API_ROOT = "/account"
    PASTED = r"/account/[^/]+/providers/cloudmanager_cbs(/api(/v1(/job)?)?)?"
    # NetApp's own clients log in at the API's host with this path (seen in their code, not in a document).
    TOKEN_PATH = "/auth/oauth/token"
    LOGINS = (
        Login(
            ("client_id", "client_secret"),
            lambda connection: connection.grant(("client_id", "client_secret"), _CREDENTIALS, "json"),
        ),
        Login(
            ("client_id", "client_certificate", "client_private_key"),
            # NetApp's sample assertion names the root of the token host as its audience.
            lambda connection: connection.assertion_grant(_CREDENTIALS, "json", urljoin(connection.token_url, "/")),
        ),
        Login(("refresh_token",), _user_token),
        READY_TOKEN,
    )
    REQUIRED = ("account_id", "agent_id")
    OPTION_NOTES: t.ClassVar[t.Mapping[str, str]] = {
        "agent_id": "it is that of the agent (connector), usually with C(clients) at its end",
    }
    INSTEAD_OF_ABORT = (
        "A transfer can be aborted as a SnapMirror relationship, in the console or with ONTAP's own tools; "
        "or wait for the job with backup_job_wait"
    )
    INSTEAD_OF_SCHEDULE = (
        "Pause the backup of the volumes in the console, or choose a window in which their policy starts none, and "
        "have backup_gate see that nothing runs"
    )

    @classmethod
    def headers(cls, connection: Connection, kind: Intent) -> dict[str, str]:
        """Name the agent. A bare client id of 32 characters gets its suffix, as NetApp's own clients add it."""
        if kind == "login":
            return {}
        agent = str(connection["agent_id"])
        return {"x-agent-id": f"{agent}clients" if re.fullmatch(r"[A-Za-z0-9]{32}", agent) else agent}

    def list_jobs(self, selection: Selection) -> Listing:
        """Read the list: the API documents neither pages nor a limit.

        It has a filter for types as well. No document lists them, and one in the wrong letter case would show no job.
        """
        status = self.only_word(selection, self.STATES)
        query = [("status", status.upper())] if status else []

        def fetch(_cursor: int) -> Page:
            items, trouble = self.get(self._path(), query, _listed)
            return Page(items, None, trouble=trouble)

        return self.paged(1, fetch)

    def find_jobs(self, selection: Selection) -> Listing:
        """Read one job by its id; several, and one that is not found, from the list."""
        if len(selection.job_ids) > 1:
            return self.list_jobs(selection)
        listing = Listing()
        job_id = selection.job_ids[0]
        items = self.get(self._path(segment(job_id)), parse=_asked, answered=lambda response: response.status == 404)
        if items is None:
            return self.list_jobs(selection)
        # The example of the reference shows a job without its id.
        self.take(listing, [{"id": job_id, **item} if isinstance(item, dict) else item for item in items])
        return listing

    @classmethod
    def _purpose(cls, raw: dict[str, t.Any]) -> dict[str, t.Any]:
        """What the run is for: by its type, else by which of the two documented things its data hold.

        Where the two contradict each other, it is not known.
        """
        fields = cls.purpose(as_text(raw.get("type")))
        data = as_object(raw.get("data"))
        held = [kind for name, kind in _HOLDS.items() if data.get(name) not in NOTHING]
        kinds = {*held, *([fields["kind"]] if fields["kind"] else [])}
        fields["kind"] = kinds.pop() if len(kinds) == 1 else None
        return fields

    def start_run(self, wanted: Wanted) -> str | None:
        """Have a backup of one volume made now; the answer says which job that is."""
        environment, volume = (segment(wanted.fields[name]) for name in ("working_environment_id", "volume_id"))
        path = f"{self._root()}/api/v3/backup/working-environment/{environment}/volume/{volume}"
        answer = self.http.write(self.call("write", "POST", path, json={"mode": "AD_HOC"}))
        job_id = as_id(as_object(answer.json_or_none()).get("job-id"))
        # What cannot be an id leads nowhere: then the job is looked for.
        return job_id if job_id is not None and re.fullmatch(self.ID_FORMAT[0], job_id) else None

    def is_run_of(self, job: Job, wanted: Wanted) -> bool | None:
        """Tell by the volumes that a backup says it is of; most of what NetApp shows of a job names none."""
        raw = as_object(job.raw)
        environment = as_text(raw.get("working-environment-id"))
        if job.kind not in ("backup", None) or environment not in (None, wanted.fields["working_environment_id"]):
            return False
        volumes = {as_id(one.get("id")) for one in _below(raw.get("data"), "multi-volume-backup", "volume")} - {None}
        return wanted.fields["volume_id"] in volumes if volumes and environment else None

    def _root(self) -> str:
        return f"/account/{segment(self.connection['account_id'])}/providers/cloudmanager_cbs"

    def _path(self, *rest: str) -> str:
        return "/".join([f"{self._root()}/api/v1/job", *rest])

    def to_job(self, raw: dict[str, t.Any]) -> Job | None:
        """Read one job. There is no name and no end time; ``time`` is taken for the start (not documented)."""
        job_id = as_id(raw.get("id"))
        if job_id is None:
            return None
        word = as_text(raw.get("status"))
        meaning = self.meaning(word)
        told = list(_told(raw.get("data")))
        parts = tuple(_part(raw_part, name) for raw_part, name in told)
        error = as_text(raw.get("error"))
        errors = [part.message for part in parts if part.message]
        # Whether a completed job can hide an error, or a part that failed, still runs or says something else, is not
        # documented. If it does, it was no clean success. A part without a status, or pending as in the example, says
        # nothing.
        spoiled = meaning.result == "success" and (
            error is not None
            or bool(errors)
            or any(part.result == "failed" for part in parts)
            or any(part.state == "running" for part in parts)
            or any(part.state == "unknown" and raw_part.get("status") for part, (raw_part, _name) in zip(parts, told))
        )
        return Job(
            system=self.NAME,
            id=job_id,
            name=None,
            **self._purpose(raw),
            state=meaning.state,
            result="warning" if spoiled else meaning.result,
            vendor_state=word,
            started=from_millis(raw.get("time")),
            message=error or "; ".join(errors) or None,
            parts=parts,
        )


def _asked(response: Response) -> list[t.Any] | None:
    """Read the one job asked for. What an unknown id gives is not documented: 404, an empty array, or no ``job``.

    A 404 and no ``job`` (None) can as well mean the agent or the account: only a list that is there, and does not hold
    the job, says that it is the job. A page that is not JSON comes from something before the service, and an error
    without a job, or another shape, is none of these.
    """
    if response.status == 404:
        if response.body.strip():
            response.json()
        return None
    body = response.json()
    held = as_object(body).get("job")
    strange = not isinstance(body, dict) or not (held is None or isinstance(held, (list, dict)))
    if strange or (not held and _error(body)):
        raise Unanswered(f"{response.headline}, but holds no job: {summary(response)}")
    return None if held is None else as_array(held)


def _listed(response: Response) -> tuple[list[t.Any], str]:
    """Read the list, and what was said of errors beside it: an array in the reference, an object in its example."""
    body = as_object(response.json())
    items, error = as_array(body.get("job")), _error(body)
    if not isinstance(body.get("job"), (list, dict)) or (error and not items):
        raise Unanswered(f"{response.headline}, but holds no list of jobs: {summary(response)}")
    return items, f"the service sent an error beside it: {summary(response)}" if error else ""


def _error(body: dict[str, t.Any]) -> bool:
    return any(body.get(name) not in (None, "", [], {}) for name in ("error", "message", "errors"))


def _told(data: t.Any) -> t.Iterator[tuple[dict[str, t.Any], str | None]]:
    """Give the parts, each with a name it may have. Where the documents show one thing, several are read as well."""
    for volume in _below(data, "multi-volume-backup", "volume"):
        yield volume, None
    for batch in _below(data, "restore", "batch"):
        paths = [as_text(file.get("path")) for file in _below(batch, "file")]
        yield batch, next((path for path in paths if path), None)


def _below(value: t.Any, *names: str) -> list[dict[str, t.Any]]:
    """Give the objects that are reached by these names, whether one or an array of them stands at each."""
    found = [as_object(one) for one in as_array(value)]
    for name in names:
        found = [as_object(one) for holder in found for one in as_array(holder.get(name))]
    return found


def _part(raw: dict[str, t.Any], name: str | None) -> Part:
    meaning = _PARTS.get((as_text(raw.get("status")) or "").casefold(), UNDOCUMENTED)
    return Part(as_id(raw.get("id")) or name, meaning.state, meaning.result, as_text(raw.get("error")))
