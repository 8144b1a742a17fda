# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The page loop: page after page until there is nothing more, and a word about it where that cannot be known."""

from __future__ import annotations

import time
import typing as t

from .._core.errors import Refused
from .._http.aside import Mailbox, Worker
from .listing import Listing, Page

Take = t.Callable[[Listing, t.Iterable[t.Any]], int]
Fetch = t.Callable[[t.Any], Page]

# A server that never comes to an end: more than any system keeps.
MOST_PAGES = 20_000
MOST_JOBS = 1_000_000
# A page may be empty and lead on, where a filter leaves nothing of it.
_MOST_EMPTY = 100
# No document has pages of fewer rows, where nothing else is asked for.
_LEAST_PAGE = 10
# Seconds that it takes to send a request. Who reads jobs meanwhile lets that go first: the server is idle until then.
_HEAD_START = 0.0003


class PageLoop:
    """Reads one list.

    ``take`` reads the rows of a page into the listing and counts the new ones; ``enough`` says that nothing more is
    needed; ``aside`` reads a page while the server makes the next one, which takes about as long.
    """

    def __init__(
        self, fetch: Fetch, take: Take, aside: Worker, enough: t.Callable[[Listing], bool] | None = None
    ) -> None:
        self.listing = Listing()
        self._fetch = fetch
        self._take = take
        self._aside = aside
        self._enough = enough
        self._asked: set[t.Any] = set()
        self._empty = 0
        # The largest total that was believed.
        self._whole = 0
        # What a total counts: all jobs, perhaps only those of a page, or certainly those of a page.
        self._total_counts: t.Literal["all", "perhaps a page", "a page"] = "all"

    def read(self, first: t.Any) -> Listing:
        """Read the list from its first page on."""
        self._asked.add(first)
        page = self._fetch(first)
        if page.total_in_doubt and _may_be_capped(page):
            self._total_counts = "perhaps a page"
        while True:
            self._look_beside(page)
            new, following = self._read_rows(page)
            if self._is_last(page, new):
                break
            if self._enough is not None and self._enough(self.listing):
                return self.listing
            if self._leads_nowhere(page, new):
                break
            self._asked.add(page.next)
            try:
                page = following or self._fetch(page.next)
            except Refused:
                if self._total_counts == "all":
                    raise
                if self._total_counts == "a page":
                    self.listing.incomplete("the server refused a page of it")
                # Else there is no such page: the first was all.
                break
        if page.total is not None and self._known < page.total:
            self.listing.incomplete(f"the server counts {page.total} jobs and showed {self._known}")
        return self.listing

    @property
    def _known(self) -> int:
        return len(self.listing.jobs)

    def _look_beside(self, page: Page) -> None:
        """Hear what the page says beside its rows: errors, and a total that shrinks."""
        if page.trouble:
            self.listing.incomplete(page.trouble)
        total = _total_of_all(page) if self._total_counts == "all" else None
        # One that the list has outrun is not that of all.
        if total is None or total < self._known:
            return
        if total < self._whole:
            # Rows moved up into pages that we have read: some were never shown to us.
            self.listing.incomplete("jobs left it while it was read")
        self._whole = total

    def _read_rows(self, page: Page) -> tuple[int, Page | None]:
        """Read the rows of a page. Gives how many were new, and the next page where it is certain that there is one."""
        certain = self._total_counts == "all" and self._enough is None and page.next not in self._asked
        if not (certain and _leads_on(page, self._known)):
            return self._take(self.listing, page.items), None

        def work(_mailbox: Mailbox) -> int:
            time.sleep(_HEAD_START)
            return self._take(self.listing, page.items)

        taking = self._aside.begin(work)
        following = self._fetch(page.next)
        return taking.outcome(), following

    def _is_last(self, page: Page, new: int) -> bool:
        if self._total_counts == "perhaps a page" and len(self._asked) > 1:
            if not new and not page.may_repeat:
                return True
            self._total_counts = "a page" if new else self._total_counts
        if page.next is None:
            return True
        # Past a total that the server has outrun itself, only an empty page is the end.
        at_total = self._total_counts == "all" and self._known == page.total
        return page.total_ends and (at_total or not page.items)

    def _leads_nowhere(self, page: Page, new: int) -> bool:
        """Give up on a server that goes on and on; then the list is not complete."""
        self._empty = 0 if page.items else self._empty + 1
        repeats = bool(page.items) and not new and not page.may_repeat
        if repeats or page.next in self._asked or self._empty > _MOST_EMPTY:
            self.listing.incomplete("the server repeats its pages")
            return True
        pages = len(self._asked)
        if pages >= MOST_PAGES or self._known >= MOST_JOBS:
            self.listing.incomplete(f"it does not end after {pages} pages and {self._known} jobs")
            return True
        return False


def _leads_on(page: Page, known: int) -> bool:
    """Say whether more is to come, however many of the rows of this page are new."""
    return bool(page.items) and page.next is not None and known + len(page.items) < (page.total or 0)


def _may_be_capped(page: Page) -> bool:
    """Say whether a page can be one of many although its total counts no more: ten rows is the smallest default."""
    return len(page.items) >= _LEAST_PAGE and len(page.items) == page.total


def _total_of_all(page: Page) -> int | None:
    """Give the total where it counts all pages: "of the current request" it would be that of the rows beside it."""
    return page.total if page.total_ends or (page.total or 0) > len(page.items) else None
