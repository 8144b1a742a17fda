# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""AvePoint Cloud Backup for IaaS + PaaS.

Source: learn.avepoint.com, the page of October 2024 (ticks, ``state``) and the page as it stands since December 2024
(ISO 8601, ``status``, TimeSpan, ``jobType``). Both shapes are read; requests use today's spelling.
"""

from __future__ import annotations

import typing as t
from urllib.parse import parse_qsl, unquote, urlsplit

from .._core.errors import Refused
from .._core.job import Counts, Job, Kind, Meaning
from .._core.times import from_iso, from_ticks, seconds_from_ticks, seconds_from_timespan, to_iso_z
from ._avepoint import AvePoint, logins
from .listing import Listing, Page
from .reading import as_count, as_id, as_text, elapsed, first_of
from .selection import Selection
from .vocabulary import Capabilities

_STATUS = "AvePoint IaaS + PaaS jobs page, CommonStatus"
_NOT_STARTED = Meaning("queued", None, _STATUS)
_IN_PROGRESS = Meaning("running", None, _STATUS)
_SUCCESSFUL = Meaning("finished", "success", _STATUS)
_SKIPPED = Meaning("finished", "skipped", _STATUS)
# The sibling products call it "finished with exception".
_EXCEPTION = Meaning("finished", "warning", _STATUS)
_FAILED = Meaning("finished", "failed", _STATUS)
_WAITING = Meaning("queued", None, _STATUS)
_STOPPED = Meaning("finished", "canceled", _STATUS)

# The document names a default (10) and no maximum.
_PAGE = 100
# Up to so many ids are searched for one by one; more are found in the list.
_SEARCHES = 3
Cursor = tuple[str, str]


class AvePointIaasPaas(AvePoint):
    """Jobs of one tenant."""

    NAME = "avepoint_iaas_paas"
    TITLE = "AvePoint Cloud Backup for IaaS + PaaS"
    STATES: t.ClassVar[t.Mapping[str, Meaning]] = {
        "0": _NOT_STARTED,
        "1": _IN_PROGRESS,
        "2": _SUCCESSFUL,
        "4": _SKIPPED,
        "8": _EXCEPTION,
        "16": _FAILED,
        "32": _WAITING,
        "64": _STOPPED,
        "notstarted": _NOT_STARTED,
        "inprogress": _IN_PROGRESS,
        "successful": _SUCCESSFUL,
        "skipped": _SKIPPED,
        "exception": _EXCEPTION,
        "failed": _FAILED,
        "waiting": _WAITING,
        "stopped": _STOPPED,
    }
    # The page's 34 names for 35 numbers are one short from 32 on; these are the pairs of its first edition (July 2024),
    # which every later edition confirms, and what today's page adds.
    TYPES: t.ClassVar[t.Mapping[str, str]] = {
        "1": "Backup", "2": "Restore", "4": "Export", "8": "Report", "16": "VMSync", "32": "Initialize",
        "33": "GenIndex", "34": "AADCompare", "64": "Retention", "128": "AADBackup", "256": "AADRestore",
        "257": "AADExport", "512": "FileSync", "1024": "FileBackup", "2048": "FileRestore", "4096": "FileExport",
        "8192": "LicenseSync", "16384": "AOSUpdate", "20000": "AKSBackup", "20001": "AKSSync", "20002": "AKSRestore",
        "20003": "APSettingBackup", "20004": "APSettingExport", "20005": "APSettingSync", "20006": "APSettingRestore",
        "20007": "ExportCleanUp", "20009": "EC2Backup", "20010": "EC2Restore", "20011": "SQLSync",
        "20012": "SQLBackup", "20013": "SQLRestore", "20014": "DevOpsBackup", "20015": "DevOpsRestore",
        "20016": "Azure SQL DB backup", "20017": "Azure SQL DB restore", "20018": "Azure VM file restore",
        "20019": "Azure AD B2C backup", "20020": "Azure AD B2C restore", "20022": "Google VM backup",
        "20023": "Google VM restore", "20024": "Google VM index", "20025": "Google VM file export",
        "30000": "SoftDelete", "30001": "HardDelete", "30003": "Data deletion",
        "40000": "AWS platform configuration backup", "40001": "AWS platform configuration job",
        "60000": "SQL Server backup", "60001": "SQL Server restore", "60010": "Azure VMware backup",
        "60011": "Azure VMware restore", "60100": "PostgreSQL backup", "60101": "PostgreSQL restore",
        "70010": "Google Cloud Storage backup", "70011": "Google Cloud Storage restore",
        "70012": "Google Cloud Storage export", "80000": "Cosmos DB backup", "80010": "Cosmos DB restore",
        "90000": "Entra External ID backup", "90001": "Entra External ID restore",
        "90002": "Entra External ID export", "90110": "Amazon S3 backup", "90120": "Amazon S3 restore",
    }  # fmt: skip
    # By the words of that table. "AWS platform configuration job" does not say what it is for.
    KINDS_SOURCE = "AvePoint IaaS + PaaS jobs page, JobType"
    KINDS: t.ClassVar[t.Mapping[str, Kind]] = {
        **dict.fromkeys((
            "backup", "aadbackup", "filebackup", "aksbackup", "apsettingbackup", "ec2backup", "sqlbackup",
            "devopsbackup", "azure sql db backup", "azure ad b2c backup", "google vm backup",
            "aws platform configuration backup", "sql server backup", "azure vmware backup",
            "postgresql backup", "google cloud storage backup", "cosmos db backup",
            "entra external id backup", "amazon s3 backup",
        ), "backup"),
        **dict.fromkeys((
            "restore", "aadrestore", "filerestore", "aksrestore", "apsettingrestore", "ec2restore",
            "sqlrestore", "devopsrestore", "azure sql db restore", "azure vm file restore",
            "azure ad b2c restore", "google vm restore", "sql server restore", "azure vmware restore",
            "postgresql restore", "google cloud storage restore", "cosmos db restore",
            "entra external id restore", "amazon s3 restore",
        ), "restore"),
        **dict.fromkeys((
            "export", "aadexport", "fileexport", "apsettingexport", "google vm file export",
            "google cloud storage export", "entra external id export",
        ), "export"),
        **dict.fromkeys((
            "report", "vmsync", "initialize", "genindex", "aadcompare", "retention", "filesync",
            "licensesync", "aosupdate", "akssync", "apsettingsync", "exportcleanup", "sqlsync",
            "google vm index", "softdelete", "harddelete", "data deletion",
        ), "other"),
    }  # fmt: skip
    CAPABILITIES = Capabilities(one_by_id=True, abort=False)
    API_ROOT = "/backup/vm"
    PASTED = r"/backup/vm(/jobs)?"
    LOGINS = logins("platformbackup.readwrite.all")
    OPTIONAL = ("scope",)

    def __init__(self, *args: t.Any) -> None:
        super().__init__(*args)
        self._plain = False

    def list_jobs(self, selection: Selection) -> Listing:
        """Page through all jobs.

        Whether the window of the API is about the start of a job, its end, or both is not documented. A job that has no
        end yet could fall out of it, so it is used where only those that have ended are asked for.
        """
        kind, after = self.type_number(selection), selection.started_after
        filters = [("jobType", kind)] if kind else []
        if after is not None and selection.only_ended:
            filters.append(("startTime", to_iso_z(after.replace(microsecond=0))))
        return self._pages(filters)

    def find_jobs(self, selection: Selection) -> Listing:
        """Search for each id: how the search matches is not documented, so the ids are compared again."""
        listing = self.list_jobs(selection) if len(selection.job_ids) > _SEARCHES else Listing()
        for job_id in selection.job_ids:
            if job_id not in listing.jobs:
                found = self._pages([("searchText", job_id)])
                listing.add(job for job in found.jobs.values() if job.id == job_id)
                if job_id not in listing.jobs and not found.complete:
                    listing.incomplete(f"the search for {job_id} has pages that could not be read")
        return listing

    def _pages(self, filters: list[tuple[str, str]]) -> Listing:
        if not self._plain:
            try:
                return self._read([*filters, ("pageSize", str(_PAGE))])
            except Refused as exc:
                if exc.status != 400:
                    raise
                # How large a page may be is not documented, and the document of October 2024 has integers for times.
                self._plain = True
        return self._read([(name, value) for name, value in filters if name != "startTime"])

    def _read(self, filters: list[tuple[str, str]]) -> Listing:
        def fetch(cursor: Cursor) -> Page:
            name, value = cursor
            query = [*filters, *([(name, value)] if value else [])]
            items, body, trouble = self.rows(f"{self.API_ROOT}/jobs", query, "jobs")
            total = as_count(body.get("totalCount"))
            following = next_cursor(first_of(body, "nextLink", "nextlink"))
            if following is not None:
                # The October 2024 page calls the total that "of the current request": a link outranks it.
                return Page(items, following, total, total_ends=False, trouble=trouble)
            # Without a link the total decides. The schema lets both be absent: then the next page is asked for.
            page = int(value or 0) + 1 if name == "pageNumber" else None
            after = None if page is None else ("pageNumber", str(page))
            # The default is documented to be 0. Should a server count from 1, as the documents of other products let
            # one think, then the first page comes twice.
            return Page(items, after, total, total_in_doubt=True, may_repeat=value == "1", trouble=trouble)

        return self.paged(("pageNumber", ""), fetch)

    def to_job(self, raw: dict[str, t.Any]) -> Job | None:
        """Read one job, in the old shape or in today's."""
        job_id = as_id(raw.get("jobId"))
        if job_id is None:
            return None
        word = as_id(first_of(raw, "status", "state"))
        meaning = self.meaning(word)
        started = _moment(raw.get("startTime"))
        finished = _moment(raw.get("finishTime")) if meaning.state == "finished" else None
        spent = raw.get("duration")
        duration = seconds_from_timespan(spent) if isinstance(spent, str) else seconds_from_ticks(spent)
        return Job(
            system=self.NAME,
            id=job_id,
            name=None,
            **self.purpose(self.type_word(as_id(raw.get("jobType")))),
            state=meaning.state,
            result=meaning.result,
            vendor_state=word,
            started=started,
            finished=finished,
            duration=(duration or elapsed(started, finished)) if meaning.state == "finished" else None,
            counts=Counts(
                as_count(raw.get("successfulCount")),
                as_count(raw.get("failedCount")),
                as_count(raw.get("skippedCount")),
                as_count(raw.get("totalCount")),
            ),
            message=as_text(raw.get("comments")),
        )


def _moment(value: t.Any) -> t.Any:
    return from_iso(value) or from_ticks(value)


def next_cursor(link: t.Any) -> Cursor | None:
    """Read ``nextLink``: nothing, an opaque token (already percent-encoded), or an address that holds one.

    Only its parameters are used; the next call goes to our own address whatever host the link names.
    """
    value = as_text(link)
    if value is None:
        return None
    query = urlsplit(value).query or (value if "=" in value.rstrip("=") and "&" in value else "")
    for name, parameter in parse_qsl(query):
        if name.casefold() in ("skiptoken", "$skiptoken"):
            return ("skiptoken", parameter)
        if name.casefold() in ("pagenumber", "pageindex"):
            return ("pageNumber", parameter)
    return ("skiptoken", unquote(value))
