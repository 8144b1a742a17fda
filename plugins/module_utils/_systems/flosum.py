# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Flosum Backup & Archive.

Sources: the "Jobs" page of docs.flosum.com, and Flosum's OpenAPI files for Backup (4.6.12) and Global Settings
(1.6.19). The only place where a job's state appears is the list of backups; there is no call for one job.
"""

from __future__ import annotations

import typing as t
from datetime import timedelta

from .._core.errors import BackupError, Misconfigured
from .._core.job import Counts, Job, Kind, Meaning, Part
from .._core.times import from_iso, seconds_from_timespan, to_iso_z
from .._http.call import Call, segment
from .connection import READY_TOKEN, Login
from .contract import ACCEPTED, BackupSystem
from .fields import Field
from .listing import Listing, Page
from .orders import Switch, Switches, Wanted
from .reading import as_array, as_count, as_id, as_object, as_text
from .selection import Selection
from .vocabulary import Capabilities

_LIST = "Flosum OpenAPI, GET .../backups, jobStatus"
# Both are required, and a server may refuse an array of one element: always send all, filter here.
_TYPES = ("full", "full & sync", "template", "archive")
_STATUSES = ("In Progress", "Exception", "Completed", "Aborted")
_PAGE = 2000
_CLOCKS_DIFFER = timedelta(hours=1)
# Which of the counters a step has depends on the kind of job; the document lists these.
_GOOD = ("backupSuccessCount", "successCount", "removeSuccessCount", "restoreSuccessCount", "updateSuccessCount")
_BAD = ("failedCount", "restoreFailedCount", "updateFailedCount")
# Flosum OpenAPI, BackupSettingsDto.
_PARTS = (
    "isIncludeMetadata", "isIncludeBinaryObjects", "isIncludeBigObjects", "isIncludeFeedObjects",
    "isIncludeShareObjects", "isIncludeHistoryObjects", "isIncludeCustomMetadataTypeObjects", "isIncludeTagObjects",
)  # fmt: skip
# What can be turned off -> its name, the word that says that it is, and what it is for. Flosum OpenAPI,
# SchedulerRunCapabilityDto.
_SWITCHES: t.Mapping[str, tuple[str, str, Kind]] = {
    "backups": ("Scheduled backups", "isBackupsDisabled", "backup"),
    "archives": ("Scheduled archives", "isArchivesDisabled", "archive"),
}
# What goes back with the switches as it was read: Flosum OpenAPI, UpdateConnectionBackupSettingBodyDto.
_BESIDE = "initialBinaryRecordsLimit"


class Flosum(BackupSystem):
    """Jobs of one connection (the user interface calls it an organization)."""

    NAME = "flosum"
    TITLE = "Flosum Backup & Archive"
    STATES: t.ClassVar[t.Mapping[str, Meaning]] = {
        "in progress": Meaning("running", None, _LIST),
        "completed": Meaning("finished", "success", _LIST),
        # Whether an exception is a failure in whole or in part is not documented: the worse one is assumed.
        "exception": Meaning("finished", "failed", _LIST),
        "aborted": Meaning("finished", "canceled", _LIST),
    }
    KINDS_SOURCE = "Flosum OpenAPI, GET .../backups, operationType"
    # An import brings in what was made elsewhere: nothing of production is saved by it.
    KINDS: t.ClassVar[t.Mapping[str, Kind]] = {
        "composite backup": "backup",
        "composite & sync backup": "backup",
        "templated backup": "backup",
        "templated archive": "archive",
        "import archive": "other",
        "import backup": "other",
    }
    CAPABILITIES = Capabilities(
        one_by_id=False, abort=True, steps=True, log=True, names=True, start=True, schedule=True
    )
    STARTS: t.ClassVar[t.Mapping[str, Field]] = {
        "name": Field("the name of the backup, by which its runs are known again"),
        "description": Field("what it is for", blank=True),
        "mode": Field("what is backed up", choices=("full", "template")),
        "settings": Field(
            "what is included, all eight; and the template of the mode V(template)",
            "object",
            fields={
                **{name: Field("whether these are included", "flag") for name in _PARTS},
                "templateId": Field("the template", "number", required=False),
            },
        ),
    }
    REGIONS: t.ClassVar[t.Mapping[str, tuple[str, str]]] = {
        region: (f"https://backup-{region}.flosum.app", f"https://global-{region}.flosum.app/api/v1/oauth/token")
        for region in ("us", "de", "jp", "au")
    }
    API_ROOT = "/api/v1"
    PASTED = r"/api/v1(/connections(/[0-9]+(/backups)?)?)?"
    TOKEN_PATH = "/api/v1/oauth/token"
    LOGINS = (
        Login(
            ("client_id", "client_secret", "redirect_uri", "refresh_token"),
            lambda connection: connection.refresh_grant(("client_id", "client_secret", "redirect_uri"), {}),
        ),
        READY_TOKEN,
    )
    REQUIRED = ("connection_id",)
    OPTION_NOTES: t.ClassVar[t.Mapping[str, str]] = {
        "connection_id": "the user interface calls it an organization",
        "redirect_uri": "it is that of the connected app, and goes along also when a token is refreshed",
    }
    ID_FORMAT = (r"[0-9]+", "a number")
    # Presumably full is "Composite Backup", and so on; no document says so.
    NOT_TYPES = frozenset(_TYPES)

    def find_jobs(self, selection: Selection) -> Listing:
        """Page through the list until every id has been seen."""
        wanted = set(selection.job_ids)
        return self._pages(selection, lambda listing: wanted <= listing.jobs.keys())

    def list_jobs(self, selection: Selection) -> Listing:
        """Page through the list of backups, newest first."""
        return self._pages(selection)

    def _pages(self, selection: Selection, enough: t.Callable[[Listing], bool] | None = None) -> Listing:

        def fetch(page: int) -> Page:
            query = [("page", str(page)), ("limit", str(_PAGE)), ("sortBy", "jobId"), ("order", "DESC")]
            query += [("types", word) for word in _TYPES] + [("statuses", word) for word in _STATUSES]
            if selection.started_after is not None:
                # Its clock may be behind ours. What began before that is left out when the list is there.
                query.append(("startedDate", to_iso_z(selection.started_after - _CLOCKS_DIFFER)))
            items, body, trouble = self.rows(self._path("backups"), query, "items")
            return Page(items, page + 1, as_count(body.get("total")), trouble=trouble)

        return self.paged(1, fetch, enough)

    def steps(self, job: Job) -> tuple[Part, ...]:
        """Ask for the progress steps; the state of a step is a free text without documented values."""
        body = self.get(self._path(f"jobs/{segment(job.id)}/logs/progress"))
        return tuple(_step(as_object(step)) for step in as_array(body))

    def log_call(self, job: Job) -> Call:
        """Ask for the log as a file; that of a running job may go on for as long as the job does."""
        # The document says JSON, and describes a file.
        return self.call("read", "GET", self._path(f"jobs/{segment(job.id)}/logs/details"), headers={"Accept": "*/*"})

    def stop_job(self, job: Job) -> str:
        """Abort a backup or archive job."""
        answer = self.http.write(self.call("write", "PATCH", self._path(f"jobs/{segment(job.id)}/abort/backup")))
        return as_text(as_object(answer.json_or_none()).get("message")) or ACCEPTED

    @classmethod
    def check_start(cls, fields: t.Mapping[str, t.Any]) -> None:
        """A template belongs to its mode alone, as the document says."""
        if (fields["mode"] == "template") != ("templateId" in fields["settings"]):
            raise Misconfigured("start.settings.templateId is for start.mode template, which needs it, and no other")

    def start_run(self, wanted: Wanted) -> str | None:
        """Create a backup; the answer does not say which job that is."""
        self.http.write(self.call("write", "POST", self._path("backups/backup"), json=dict(wanted.fields)))
        return None

    def is_run_of(self, job: Job, wanted: Wanted) -> bool | None:
        """Tell by the name, of what is known to be a backup."""
        if job.name != wanted.fields["name"]:
            return False
        return None if job.kind is None else job.kind == "backup"

    @classmethod
    def check_switches(cls, selection: Selection) -> None:
        """The whole connection, or nothing."""
        if selection != Selection(nothing=selection.nothing):
            raise Misconfigured(f"{cls.NAME} has one switch for all backups of a connection: leave the selection out")

    def switches(self, selection: Selection) -> Switches:
        """Read both switches of the connection."""
        disabled, wanted = self._settings()[0], selection.job_ids or _SWITCHES
        switches = []
        for switch_id, (name, word, kind) in _SWITCHES.items():
            if switch_id in wanted and not selection.nothing:
                off = disabled[word]
                switches.append(Switch(switch_id, name, None if off is None else not off, kind=kind))
        return Switches({switch.id: switch for switch in switches})

    def together(self, switches: t.Sequence[Switch]) -> list[list[Switch]]:
        """One write sets both."""
        return [list(switches)] if switches else []

    def turn(self, switches: t.Sequence[Switch], on: bool) -> None:
        """Write the settings as they are now, but for these switches."""
        disabled, limit = self._settings()
        if None in (*disabled.values(), limit):
            raise BackupError("the settings of the connection do not say how they are now, so nothing was written")
        body = {**disabled, **{_SWITCHES[switch.id][1]: not on for switch in switches}, _BESIDE: limit}
        self.http.write(self.call("write", "PUT", self._path("settings"), json=body))

    def _settings(self) -> tuple[dict[str, bool | None], t.Any]:
        """Read whether schedules are disabled, and the setting that is written along with that."""
        body = as_object(self.get(self._path("settings")))
        told, limit = as_object(body.get("scheduler")), body.get(_BESIDE)
        words = {word: told.get(word) for _name, word, _kind in _SWITCHES.values()}
        disabled = {word: value if isinstance(value, bool) else None for word, value in words.items()}
        return disabled, limit if as_count(limit) is not None else None

    def _path(self, rest: str) -> str:
        return f"{self.API_ROOT}/connections/{self.connection['connection_id']}/{rest}"

    def to_job(self, raw: dict[str, t.Any]) -> Job | None:
        """Read one item of the list. Its ``id`` is the backup's; the job's is ``jobId``. There is no end time."""
        job_id = as_id(raw.get("jobId"))
        if job_id is None:
            return None
        word = as_text(raw.get("jobStatus"))
        meaning = self.meaning(word)
        return Job(
            system=self.NAME,
            id=job_id,
            name=as_text(raw.get("name")),
            **self.purpose(as_text(raw.get("operationType"))),
            state=meaning.state,
            result=meaning.result,
            vendor_state=word,
            started=from_iso(raw.get("startedDate")),
            # The format of the duration is not documented: only what can be nothing else is read.
            duration=seconds_from_timespan(raw.get("duration")) if meaning.state == "finished" else None,
            counts=Counts(total=as_count(raw.get("records"))),
        )


def _step(step: dict[str, t.Any]) -> Part:
    word = as_text(step.get("status"))
    meaning = Flosum.meaning(word)
    return Part(
        name=as_text(step.get("objectName")),
        state=meaning.state,
        result=meaning.result,
        message=word,
        counts=Counts(successful=_sum(step, _GOOD), failed=_sum(step, _BAD)),
    )


def _sum(step: dict[str, t.Any], names: t.Iterable[str]) -> int | None:
    found = [count for count in (as_count(step.get(name)) for name in names) if count is not None]
    return sum(found) if found else None
