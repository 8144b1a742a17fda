# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""AvePoint Cloud Backup for Salesforce.

Source: learn.avepoint.com, "Retrieve Job Information" (published December 2025, unchanged since). The API has a list
inside a mandatory time window and nothing else: no call for one job, none to stop one.
"""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

from .._core.errors import Refused
from .._core.job import Counts, Job, Kind, Meaning
from .._core.times import from_iso, to_iso_z
from ._avepoint import AvePoint, logins
from .listing import Listing, Page
from .reading import as_count, as_id, as_text, elapsed, first_of
from .selection import Selection
from .vocabulary import Capabilities

_STATUS = "AvePoint Salesforce jobs page, query parameter status"
_IN_PROGRESS = Meaning("running", None, _STATUS)
_FINISHED = Meaning("finished", "success", _STATUS)
_EXCEPTION = Meaning("finished", "warning", _STATUS)
_FAILED = Meaning("finished", "failed", _STATUS)
# A paused job may go on: nothing says that it is over.
_PAUSED = Meaning("paused", None, _STATUS)
_STOPPED = Meaning("finished", "canceled", _STATUS)
_SKIPPED = Meaning("finished", "skipped", _STATUS)

# The page numbers them from 1, and says no more than these words. A copy of the audit log is nothing to roll back to.
_TYPES: t.Mapping[str, Kind] = {
    "Backup": "backup",
    "On-demand backup": "backup",
    "Restore": "restore",
    "Pre restore": "restore",
    "Compare": "other",
    "Archive": "archive",
    "Simulation": "other",
    "Inactive data analysis": "other",
    "Retention": "other",
    "Discovery": "other",
    "Backup export": "export",
    "On-demand export": "export",
    "Auto export": "export",
    "Data cleanup": "other",
    "Sandbox seeding": "other",
    "Generate recovery point": "backup",
    "Continuous data protection": "backup",
    "Data service": "other",
    "On-demand data service": "other",
    "Audit log backup": "other",
    "Audit log export": "export",
    "Audit log auto export": "export",
}
# What the filter takes of the words below.
_NUMBERS = ("1", "2", "3", "4", "5", "6", "7")
# The document names a default (10) and no maximum.
_PAGE = 100
# The API demands a window; this is how far it reaches back where the task does not say.
_WINDOW = timedelta(days=7)
# The window has to end after jobs that begin while we look, and after clocks that are ahead of ours.
_AHEAD = timedelta(days=1)


class AvePointSalesforce(AvePoint):
    """Jobs of one tenant, or of one Salesforce organization in it."""

    NAME = "avepoint_salesforce"
    TITLE = "AvePoint Cloud Backup for Salesforce"
    # The table of fields says "status" with numbers, the sample "state"; a sibling API sends the words.
    STATES: t.ClassVar[t.Mapping[str, Meaning]] = {
        "1": _IN_PROGRESS,
        "2": _FINISHED,
        "3": _EXCEPTION,
        "4": _FAILED,
        "5": _PAUSED,
        "6": _STOPPED,
        "7": _SKIPPED,
        "in progress": _IN_PROGRESS,
        "finished": _FINISHED,
        "finished with exception": _EXCEPTION,
        "failed": _FAILED,
        "paused": _PAUSED,
        "stopped": _STOPPED,
        "skipped": _SKIPPED,
    }
    TYPES: t.ClassVar[t.Mapping[str, str]] = {str(value): word for value, word in enumerate(_TYPES, start=1)}
    KINDS_SOURCE = "AvePoint Salesforce jobs page, query parameter type"
    KINDS: t.ClassVar[t.Mapping[str, Kind]] = {word.casefold(): kind for word, kind in _TYPES.items()}
    CAPABILITIES = Capabilities(one_by_id=False, abort=False)
    API_ROOT = "/backup/sfbapi"
    PASTED = r"/backup/sfbapi(/jobs)?"
    WINDOW = _WINDOW
    LOGINS = logins("salesforce.public.read.all")
    OPTIONAL = ("scope", "organization_id")
    OPTION_NOTES: t.ClassVar[t.Mapping[str, str]] = {"organization_id": "it is that of a Salesforce organization"}

    def __init__(self, *args: t.Any) -> None:
        super().__init__(*args)
        self._plain = False

    def list_jobs(self, selection: Selection) -> Listing:
        """Page through the window.

        Whether the first page is 0 or 1 is not clear from the documents. So the first call leaves it out, and then come
        1, 2, ...: with a base of 1 that shows the first page twice.
        """
        filters = [("organizationId", self.connection["organization_id"])] if self.connection["organization_id"] else []
        # The server takes one type and one status.
        filters += [
            (name, number)
            for name, number in (("type", self.type_number(selection)), ("status", self.only_word(selection, _NUMBERS)))
            if number
        ]
        now = self.http.clock.now()
        began, ends = selection.listed_from or now - _WINDOW, now + _AHEAD
        if not self._plain:
            window = [("startTime", _whole(began)), ("finishTime", _whole(ends)), ("pageSize", str(_PAGE))]
            try:
                return self._read([*window, *filters])
            except Refused as exc:
                if exc.status != 400:
                    raise
                # How large a page may be is not documented, and the examples have days only.
                self._plain = True
        # Rounded outwards.
        return self._read([("startTime", _day(began)), ("finishTime", _day(ends + timedelta(days=1))), *filters])

    def _read(self, filters: list[tuple[str, str]]) -> Listing:
        def fetch(index: int) -> Page:
            query = [*filters, *([("pageIndex", str(index))] if index else [])]
            items, data, trouble = self.rows(f"{self.API_ROOT}/jobs", query, "jobs", envelope=("data",))
            # No parameter takes what a link holds. But it says that there is more, whatever the total counts.
            linked = as_text(data.get("nextLink")) is not None
            return Page(
                items,
                index + 1,
                as_count(data.get("totalCount")),
                total_ends=not linked,
                total_in_doubt=not linked,
                may_repeat=index == 1,
                trouble=trouble,
            )

        return self.paged(0, fetch)

    def to_job(self, raw: dict[str, t.Any]) -> Job | None:
        """Read one job."""
        job_id = as_id(raw.get("jobId"))
        if job_id is None:
            return None
        word = as_id(first_of(raw, "status", "state"))
        meaning = self.meaning(word)
        over = meaning.state == "finished"
        started = from_iso(raw.get("startTime"))
        finished = from_iso(raw.get("finishTime")) if over else None
        return Job(
            system=self.NAME,
            id=job_id,
            name=None,
            **self.purpose(self.type_word(as_id(raw.get("type")))),
            state=meaning.state,
            result=meaning.result,
            vendor_state=word,
            started=started,
            finished=finished,
            duration=elapsed(started, finished),
            counts=Counts(
                as_count(raw.get("successfulObjects")),
                as_count(raw.get("failedObjects")),
                as_count(raw.get("skippedObjects")),
                as_count(raw.get("totalObjects")),
            ),
        )


def _whole(moment: datetime) -> str:
    return to_iso_z(moment.replace(microsecond=0))


def _day(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).date().isoformat()
