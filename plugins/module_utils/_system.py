# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The contract between a backup system and everything else.

A system is one class in ``_systems/``: tables first (states, logins, capabilities), then ``to_job`` and a few calls.
Nothing outside that file knows its name.
"""

from __future__ import annotations

import fnmatch
import json
import time
import typing as t
from abc import ABC, abstractmethod
from datetime import datetime, timedelta, timezone
from statistics import median

from ansible_collections.changeops.backup.plugins.module_utils._auth import (
    AssertionGrant,
    Encoding,
    Grant,
    RefreshGrant,
    RefreshTokenStore,
    bearer,
)
from ansible_collections.changeops.backup.plugins.module_utils._errors import BackupError, Refused, Unanswered
from ansible_collections.changeops.backup.plugins.module_utils._http import (
    Call,
    Credential,
    Response,
    Transport,
    start_of,
    summary,
)
from ansible_collections.changeops.backup.plugins.module_utils._job import UNDOCUMENTED, Job, Meaning, Part
from ansible_collections.changeops.backup.plugins.module_utils._stream import Handover, Line


class Login(t.NamedTuple):
    """One way to log in: the options it needs, and what makes the credential of them."""

    options: tuple[str, ...]
    make: t.Callable[[Connection], Credential]


class Capabilities(t.NamedTuple):
    """What the system's API can do. Returned by the modules, so that a role can decide before the change window."""

    one_by_id: bool
    abort: bool
    steps: bool = False
    log: bool = False
    percent: bool = False
    names: bool = False
    definitions: bool = False


class Connection:
    """The connection options of one task: checked, with defaults and environment filled in."""

    def __init__(
        self,
        url: str,
        token_url: str,
        options: dict[str, t.Any],
        warn: t.Callable[[str], None],
        on_secret: t.Callable[[str], None],
    ) -> None:
        self.url = url
        self.token_url = token_url
        self.options = options
        self.warn = warn
        self.on_secret = on_secret

    def __getitem__(self, name: str) -> t.Any:
        return self.options[name]

    def grant(
        self,
        names: t.Sequence[str],
        fixed: t.Mapping[str, str],
        encoding: Encoding = "form",
        headers: t.Mapping[str, str] | None = None,
    ) -> Grant:
        """Make the grant that sends these options and these fixed fields."""
        fields = self._fields(names, fixed)
        return Grant(self.token_url, fields, encoding, self["access_token"], self.on_secret, headers)

    def refresh_grant(
        self,
        names: t.Sequence[str],
        fixed: t.Mapping[str, str],
        encoding: Encoding = "form",
        headers: t.Mapping[str, str] | None = None,
    ) -> RefreshGrant:
        """Make the refresh grant, with the newest of option and file."""
        store = RefreshTokenStore(self["refresh_token"], self["refresh_token_file"], self.on_secret)
        fields = self._fields(names, fixed)
        return RefreshGrant(
            self.token_url, fields, store, self.warn, encoding, self["access_token"], self.on_secret, headers
        )

    def assertion_grant(
        self, fixed: t.Mapping[str, str], encoding: Encoding = "form", audience: str | None = None
    ) -> AssertionGrant:
        """Make the grant that a certificate signs; its audience is the token endpoint where nothing else is said."""
        return AssertionGrant(
            self.token_url,
            audience or self.token_url,
            self["client_id"],
            self["client_certificate"],
            self["client_private_key"],
            fixed,
            encoding,
            self["access_token"],
            self.on_secret,
        )

    def _fields(self, names: t.Iterable[str], fixed: t.Mapping[str, str]) -> dict[str, str]:
        return {**{name: self[name] for name in names}, **fixed}


READY_TOKEN = Login(("access_token",), lambda connection: bearer(connection["access_token"]))


def is_like(name: str, patterns: t.Iterable[str]) -> bool:
    """Say whether a name is one of these, or matches one of them as a shell pattern: ``[prod] nightly`` is both."""
    return any(name == pattern or fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


class Selection(t.NamedTuple):
    """Which jobs a task is about. Empty tuples and None mean "all", ``nothing`` means none at all."""

    nothing: bool = False
    job_ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    started_after: datetime | None = None
    started_before: datetime | None = None
    max_results: int | None = None
    # How far back a system lists that demands a window. Fixed for a whole task: moving on with each look, it would
    # leave behind the very job that is waited for.
    listed_from: datetime | None = None

    # Whether a job may be meant whose name, type or start the system does not say. A gate has to count it in; an abort
    # leaves it alone.
    take_unknown: bool = True

    @property
    def only_ended(self) -> bool:
        """Say whether no job is meant that may still run."""
        return bool(self.results) or (bool(self.states) and set(self.states) <= {"finished"})

    def among(self, jobs: t.Iterable[Job]) -> t.Iterator[Job]:
        """Give those of the jobs that are meant. What is not asked about costs nothing, in however long a list."""
        unknown = self.take_unknown
        if self.job_ids:
            ids = frozenset(self.job_ids)
            jobs = (job for job in jobs if job.id in ids)
        if self.states:
            jobs = (job for job in jobs if job.state in self.states)
        if self.results:
            jobs = (job for job in jobs if job.result in self.results)
        if self.types:
            jobs = (job for job in jobs if (unknown if job.type is None else job.type.casefold() in self.types))
        if self.names:
            jobs = (job for job in jobs if (unknown if job.name is None else is_like(job.name, self.names)))
        after, before = self.started_after, self.started_before
        if after is not None:
            jobs = (job for job in jobs if (unknown if job.started is None else job.started >= after))
        if before is not None:
            jobs = (job for job in jobs if (unknown if job.started is None else job.started <= before))
        return iter(jobs)


class Listing:
    """Jobs as one look saw them. ``complete`` is false where the system kept pages from us."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.complete = True
        # Whether max_results left jobs out.
        self.cut = False
        self.warnings: list[str] = []

    def add(self, jobs: t.Iterable[Job]) -> int:
        """Take a page; give how many were new. Of two sights of an id the less good one counts, else the first."""
        before = len(self.jobs)
        for job in jobs:
            known = self.jobs.setdefault(job.id, job)
            if known is not job and _concern(job) > _concern(known):
                self.jobs[job.id] = job
        return len(self.jobs) - before

    def incomplete(self, why: str) -> None:
        """Say that jobs may be missing from this listing."""
        self.complete = False
        warning = f"The list of jobs may not be complete: {why}"
        if warning not in self.warnings:
            self.warnings.append(warning)


# Seconds that it takes to send a request. Who reads jobs meanwhile lets that go first: the server is idle until then.
_HEAD_START = 0.0003


def _concern(job: Job) -> int:
    return 3 if job.active else {"success": 0, "warning": 1}.get(job.result or "", 2)


# A job whose start is not known may have begun last.
_LATEST = datetime.max.replace(tzinfo=timezone.utc)
# What the system knows anyway only every hour, it is not made to ask for more often than this.
_COLLECT_EVERY = 300.0
# A server that never comes to an end: more than any system keeps.
_MOST_PAGES = 20_000
# A page may be empty and lead on, where a filter leaves nothing of it.
_MOST_EMPTY = 100
_MOST_JOBS = 1_000_000
# No document has pages of fewer rows, where nothing else is asked for.
_LEAST_PAGE = 10


class Page(t.NamedTuple):
    """One page of a list, and where the next one is (None: the server says that there is none)."""

    items: list[t.Any]
    next: t.Any
    total: int | None = None
    # The total counts all pages, so that reaching it ends the list.
    total_ends: bool = True
    # The document can be read so that the total is that of the page.
    total_in_doubt: bool = False
    # A page with nothing new is not yet a sign that the server repeats itself.
    may_repeat: bool = False
    # What the server said beside the rows: then some of them may be missing.
    trouble: str = ""


class BackupSystem(ABC):
    """One backup system. Subclasses fill in the tables and the few calls."""

    NAME: t.ClassVar[str]
    TITLE: t.ClassVar[str]
    # Vendor word, lower case -> what it means.
    STATES: t.ClassVar[t.Mapping[str, Meaning]]
    # Vendor number -> vendor word, where the API speaks in numbers.
    TYPES: t.ClassVar[t.Mapping[str, str]] = {}
    CAPABILITIES: t.ClassVar[Capabilities]
    # Region -> (API address, token address). Empty: the system is known only by its url.
    REGIONS: t.ClassVar[t.Mapping[str, tuple[str, str]]] = {}
    # API and token address of a service that is the same for all its customers.
    DEFAULT_ADDRESS: t.ClassVar[tuple[str, str] | None] = None
    # A path that users paste behind the address; what follows it is cut off.
    API_ROOT: t.ClassVar[str]
    # How far back jobs are listed where the API demands a window and the task does not say.
    WINDOW: t.ClassVar[timedelta | None] = None
    # Where the token endpoint is, seen from the url of a system that is not in a region.
    TOKEN_PATH: t.ClassVar[str] = ""
    LOGINS: t.ClassVar[tuple[Login, ...]]
    REQUIRED: t.ClassVar[tuple[str, ...]] = ()
    # Connection options that this system can use beside those of its logins.
    OPTIONAL: t.ClassVar[tuple[str, ...]] = ()
    # What a job id looks like: a pattern and its description. Anything else is refused before it is sent.
    ID_FORMAT: t.ClassVar[tuple[str, str]] = (r".+", "not empty")
    # Whether an id is the same in either letter case.
    ID_FOLDS: t.ClassVar[bool] = False
    # Whether jobs have types, and words for types that look like one but that no job wears.
    HAS_TYPES: t.ClassVar[bool] = True
    NOT_TYPES: t.ClassVar[frozenset[str]] = frozenset()
    # What an operator does where the API has no abort.
    INSTEAD_OF_ABORT: t.ClassVar[str] = ""

    def __init__(self, connection: Connection, http: Transport) -> None:
        self.connection = connection
        self.http = http
        self.keep_raw = False
        self._aside = Line()
        # When the system was last asked to collect, on the monotonic clock.
        self.collected_at: float | None = None

    # -- what a system must or may say ---------------------------------------------------------------------------

    @abstractmethod
    def list_jobs(self, selection: Selection) -> Listing:
        """Give all jobs of the selection's time window, complete; finer filters are applied by the caller."""

    @abstractmethod
    def to_job(self, raw: dict[str, t.Any]) -> Job | None:
        """Read one job as the API gives it. None: it has no id."""

    def find_jobs(self, selection: Selection) -> Listing:
        """Give the jobs with the selection's ids; those not there are left out. Default: from the list."""
        return self.list_jobs(selection)

    def stop_job(self, job: Job) -> str:
        """Ask the system to stop a job; give its words. Sent once, and only where the capability ``abort`` is true."""
        raise NotImplementedError

    def steps(self, job: Job) -> tuple[Part, ...]:
        """Give the job's steps where they take a call of their own. Default: what the job already holds."""
        return job.parts

    def log_call(self, job: Job) -> Call:
        """Give the read whose answer is the job's log. Only where the capability ``log`` is true."""
        raise NotImplementedError

    def collect(self, jobs: t.Iterable[Job]) -> None:
        """Have the system bring in how these jobs are, where it may not know it yet. Default: it always does."""
        return

    def close(self) -> None:
        """Leave nothing behind, here and on the system. Default: there it is nothing."""
        self._aside.close()

    # -- what is the same for all --------------------------------------------------------------------------------

    def look(self, selection: Selection) -> Listing:
        """Give the selected jobs, each once: in the order of the ids asked for, else newest first."""
        if selection.nothing:
            return Listing()
        wanted = selection._replace(types=tuple(str(self.type_word(word)).casefold() for word in selection.types))
        listing = self._seen(selection, wanted)
        jobs = list(wanted.among(listing.jobs.values()))
        # Most of a long list has ended.
        if any(_lacks_end(job) for job in jobs):
            usual = usual_durations(listing.jobs.values())
            jobs = [expected(job, usual) for job in jobs]
        if selection.job_ids:
            order = {job_id: place for place, job_id in enumerate(selection.job_ids)}
            jobs.sort(key=lambda job: order[job.id])
        else:
            jobs.sort(key=lambda job: job.started or _LATEST, reverse=True)
        listing.cut = selection.max_results is not None and len(jobs) > selection.max_results
        jobs = jobs[: selection.max_results]
        listing.jobs = {job.id: job for job in jobs}
        strange = sorted({str(job.vendor_state) for job in jobs if job.state == "unknown"})
        if strange:
            listing.warnings.append(
                f"{self.TITLE} reports states that its documents do not name, or that say nothing: "
                f"{', '.join(strange)}. Such jobs count as active"
            )
        return listing

    def _seen(self, selection: Selection, wanted: Selection) -> Listing:
        find = self.find_jobs if selection.job_ids else self.list_jobs
        listing = find(selection)
        now = self.http.clock.monotonic()
        if self.http.allow_collect and (self.collected_at is None or now - self.collected_at >= _COLLECT_EVERY):
            self.collected_at = now
            trouble = ""
            # By what a job is. How it is and since when may be the very thing that is not known yet.
            meant = wanted._replace(states=(), results=(), started_after=None, started_before=None)
            try:
                self.collect(meant.among(listing.jobs.values()))
            except BackupError as exc:
                trouble = f"{self.TITLE} could not be made to collect, so what it shows may be old: {exc}"
            listing = find(selection)
            listing.warnings += [trouble] if trouble else []
        return listing

    @classmethod
    def meaning(cls, word: t.Any) -> Meaning:
        """Look a vendor's state up; what is not in the table is ``unknown``."""
        return UNDOCUMENTED if word is None else cls.STATES.get(str(word).casefold(), UNDOCUMENTED)

    @classmethod
    def id_key(cls, job_id: str) -> str:
        """Give what is the same for two spellings of one id."""
        return job_id.casefold() if cls.ID_FOLDS else job_id

    @classmethod
    def type_word(cls, word: str | None) -> str | None:
        """Give the vendor's word for a type that may come as a number."""
        return None if word is None else cls.TYPES.get(word, word)

    @classmethod
    def type_number(cls, selection: Selection) -> str | None:
        """Give the vendor's number of the type selected; None: there are several, none, or one without a number."""
        if len(selection.types) != 1:
            return None
        word = str(cls.type_word(selection.types[0])).casefold()
        return next((number for number, known in cls.TYPES.items() if known.casefold() == word), None)

    @classmethod
    def only_word(cls, selection: Selection, words: t.Iterable[str]) -> str | None:
        """Give the one of these words that the selected states and results leave; None: they leave several, or all."""
        # What has a state that no document names may be meant too.
        if not (selection.states or selection.results) or "unknown" in selection.states:
            return None
        meanings = {word: cls.STATES[word] for word in words}
        left = [
            word
            for word, meaning in meanings.items()
            if meaning.state in (selection.states or (meaning.state,))
            and meaning.result in (selection.results or (meaning.result,))
        ]
        return left[0] if len(left) == 1 else None

    def take(self, listing: Listing, items: t.Iterable[t.Any]) -> int:
        """Add raw jobs to a listing; give how many were new. What cannot be read makes the listing incomplete."""
        jobs = []
        for item in items:
            job = self.to_job(mapping(item))
            if job is None:
                listing.incomplete("an entry of the list has no job id")
            else:
                jobs.append(job._replace(raw=item) if self.keep_raw else job)
        return listing.add(jobs)

    def _take_aside(self, listing: Listing, items: t.Iterable[t.Any]) -> Handover:
        """Read the jobs of a page while the server makes the next one, which takes about as long."""

        def work(_handover: Handover) -> int:
            time.sleep(_HEAD_START)
            return self.take(listing, items)

        return self._aside.begin(work)

    def paged(
        self,
        first: t.Any,
        fetch: t.Callable[[t.Any], Page],
        enough: t.Callable[[Listing], bool] | None = None,
    ) -> Listing:
        """Fetch page after page until there is nothing more, and say so where that cannot be known."""
        listing = Listing()
        total: int | None = None
        whole = 0
        empty = 0
        asked = {first}
        page = fetch(first)
        # What the total counts: all jobs, perhaps only those of a page, or certainly those of a page.
        counts = "perhaps" if page.total_in_doubt and _may_be_capped(page) else "all"
        while True:
            if page.trouble:
                listing.incomplete(page.trouble)
            counts_all = _total_of_all(page) if counts == "all" else None
            # One that the list has outrun is not that of all.
            if counts_all is not None and counts_all >= len(listing.jobs):
                if counts_all < whole:
                    # Rows moved up into pages that we have read: some were never shown to us.
                    listing.incomplete("jobs left it while it was read")
                whole = counts_all
            total = page.total
            following: Page | None = None
            if counts == "all" and enough is None and page.next not in asked and _leads_on(page, len(listing.jobs)):
                taking = self._take_aside(listing, page.items)
                following = fetch(page.next)
                new = taking.outcome()
            else:
                new = self.take(listing, page.items)
            if counts == "perhaps" and len(asked) > 1:
                if not new and not page.may_repeat:
                    break
                counts = "a page" if new else counts
            # Past a total that the server has outrun itself, only an empty page is the end.
            if page.next is None or (counts == "all" and page.total_ends and len(listing.jobs) == total):
                break
            if not page.items and page.total_ends:
                break
            if enough is not None and enough(listing):
                return listing
            empty = 0 if page.items else empty + 1
            if page.next in asked or empty > _MOST_EMPTY or (page.items and not new and not page.may_repeat):
                listing.incomplete("the server repeats its pages")
                break
            if len(asked) >= _MOST_PAGES or len(listing.jobs) >= _MOST_JOBS:
                listing.incomplete(f"it does not end after {len(asked)} pages and {len(listing.jobs)} jobs")
                break
            asked.add(page.next)
            try:
                page = following or fetch(page.next)
            except Refused:
                if counts == "all":
                    raise
                if counts == "a page":
                    listing.incomplete("the server refused a page of it")
                # Else there is no such page: the first was all.
                break
        if total is not None and len(listing.jobs) < total:
            listing.incomplete(f"the server counts {total} jobs and showed {len(listing.jobs)}")
        return listing

    # -- helpers for subclasses ----------------------------------------------------------------------------------

    def headers(self) -> dict[str, str]:
        """Headers that every call of this API needs."""
        return {}

    def get(
        self,
        path: str,
        query: t.Sequence[tuple[str, str]] = (),
        parse: t.Callable[[Response], t.Any] = Response.json,
        answered: t.Callable[[Response], bool] = lambda response: False,
    ) -> t.Any:
        """Read ``path`` below the API's address."""
        url = self.connection.url + path
        call = Call("read", "GET", url, query, self.headers(), answered=answered, may_pass=self.may_pass)
        return self.http.read(call, parse)

    def may_pass(self, response: Response) -> bool:
        """Say whether an error is worth asking again although its status is not. Default: no."""
        return False

    def rows(
        self, path: str, query: t.Sequence[tuple[str, str]], key: str, envelope: t.Sequence[str] = ()
    ) -> tuple[list[t.Any], dict[str, t.Any], str]:
        """Read a list: the rows below ``key``, the object they stand in, and what was said of errors beside them.

        An answer without rows is no answer.
        """

        def parse(response: Response) -> tuple[list[t.Any], dict[str, t.Any], str]:
            body = mapping(response.json())
            if (number(body.get("statusCode")) or 0) >= 400:
                # AvePoint's bodies carry a status of their own; that it differs from HTTP's is not excluded.
                raise Unanswered(f"{response.headline}, but: {summary(response)}")
            trouble = _beside(body, response)
            for name in envelope:
                body = mapping(body.get(name))
                trouble = trouble or _beside(body, response)
            items = body.get(key)
            if items is None and 0 in (body.get("total"), body.get("totalCount")):
                items = []
            if not isinstance(items, list):
                raise Unanswered(f"{response.headline}, but holds no {key}: {summary(response)}")
            return items, body, trouble

        result: tuple[list[t.Any], dict[str, t.Any], str] = self.get(path, query, parse)
        return result


def _beside(body: dict[str, t.Any], response: Response) -> str:
    """Say what stands beside the rows of a good answer and tells of errors; an error model can also tell of none."""
    for name in ("errors", "errorModel"):
        value = body.get(name)
        if isinstance(value, dict):
            said = {key for key, word in value.items() if word not in (None, "", [], {})}
            if said <= {"statusCode", "date", "requestId"} and (number(value.get("statusCode")) or 0) < 400:
                continue
        if value:
            return f"the server sent {name} beside it: {start_of(json.dumps(value), response.mask)[:200]}"
    return ""


def _leads_on(page: Page, known: int) -> bool:
    """Say whether more is to come, however many of the rows of this page are new."""
    return bool(page.items) and page.next is not None and known + len(page.items) < (page.total or 0)


def _may_be_capped(page: Page) -> bool:
    """Say whether a page can be one of many although its total counts no more: ten rows is the smallest default."""
    return len(page.items) >= _LEAST_PAGE and len(page.items) == page.total


def _total_of_all(page: Page) -> int | None:
    """Give the total where it counts all pages: "of the current request" it would be that of the rows beside it."""
    return page.total if page.total_ends or (page.total or 0) > len(page.items) else None


# -- estimates ----------------------------------------------------------------------------------------------------


def usual_durations(jobs: t.Iterable[Job]) -> dict[tuple[str, str | None], float]:
    """Give, for each name and type, the median duration of the runs that ended well."""
    known: dict[tuple[str, str | None], list[float]] = {}
    for job in jobs:
        if job.name is not None and job.duration is not None and job.result in ("success", "warning"):
            known.setdefault((job.name, job.type), []).append(job.duration)
    return {kind: median(durations) for kind, durations in known.items()}


def _lacks_end(job: Job) -> bool:
    return job.state == "running" and job.eta is None


def expected(job: Job, usual: t.Mapping[tuple[str, str | None], float]) -> Job:
    """Give a running job its expected end, where the system says none but earlier runs of that name are listed."""
    if job.name is None or not _lacks_end(job):
        return job
    return job._replace(eta=later(job.started, usual.get((job.name, job.type))))


# -- reading what vendors send: tolerant, and never a guess -------------------------------------------------------


def mapping(value: t.Any) -> dict[str, t.Any]:
    """Give the object, or an empty one where something else stands."""
    return value if isinstance(value, dict) else {}


def sequence(value: t.Any) -> list[t.Any]:
    """Give the array; an object stands for an array of one (NetApp's documents show both), anything else for none."""
    if isinstance(value, dict):
        return [value]
    return value if isinstance(value, list) else []


def first(raw: t.Mapping[str, t.Any], *names: str) -> t.Any:
    """Give the first of these fields that is there and not null: documents contradict themselves about names."""
    for name in names:
        value = raw.get(name)
        if value is not None:
            return value
    return None


def text(value: t.Any) -> str | None:
    """Give a text, or None for nothing, an empty text or something that is no text."""
    return value.strip() or None if isinstance(value, str) else None


def identifier(value: t.Any) -> str | None:
    """Give an id as text: documents print ids as numbers and as texts."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)


def number(value: t.Any) -> int | None:
    """Give a count, or None."""
    # Not isinstance: true and false are no counts.
    return int(value) if type(value) in (int, float) and 0 <= value < 1 << 63 else None


def seconds(value: t.Any) -> float | None:
    """Give a duration in seconds, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e9:
        return None
    return float(value)


def elapsed(started: datetime | None, finished: datetime | None) -> float | None:
    """Give the seconds between two moments, or None."""
    return (finished - started).total_seconds() if started and finished and finished >= started else None


def later(moment: datetime | None, wait: float | None) -> datetime | None:
    """Give the moment that many seconds later; None where either is not known or the wait is zero."""
    try:
        return moment + timedelta(seconds=wait) if moment and wait else None
    except OverflowError:
        return None
