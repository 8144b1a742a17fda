# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two pages at a time: one is read, and the server makes the next. What it may not have is not asked for ahead."""

from __future__ import annotations

import threading
import typing as t

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import Unanswered
from ansible_collections.changeops.backup.plugins.module_utils._core.job import Job
from ansible_collections.changeops.backup.plugins.module_utils._http.aside import Worker
from ansible_collections.changeops.backup.plugins.module_utils._systems import paging
from ansible_collections.changeops.backup.plugins.module_utils._systems.contract import BackupSystem
from ansible_collections.changeops.backup.plugins.module_utils._systems.listing import Listing, Page
from ansible_collections.changeops.backup.plugins.module_utils._systems.selection import Selection
from ansible_collections.changeops.backup.plugins.module_utils._systems.vocabulary import Capabilities

# Longer than a loaded machine takes to go on, and no more than a test may last.
PATIENT = 30.0


class Paged(BackupSystem):
    """A list of pages, and what happened to it in which order. Item "2.1" is the first job of page 2."""

    NAME = "paged"
    CAPABILITIES = Capabilities(one_by_id=False, abort=False)

    def __init__(self, *pages: Page | Exception) -> None:
        super().__init__(t.cast(t.Any, None), t.cast(t.Any, None))
        self.pages = pages
        self.happened: list[str] = []
        self.read_after: dict[str, threading.Event] = {}
        self.asked_for = [threading.Event() for _page in pages]

    def fetch(self, place: int) -> Page:
        self.happened.append(f"page {place}")
        self.asked_for[place].set()
        page = self.pages[place]
        if isinstance(page, Exception):
            raise page
        return page

    def list_jobs(self, selection: Selection) -> Listing:
        return self.paged(0, self.fetch)

    def to_job(self, raw: dict[str, t.Any]) -> Job | None:
        if raw["id"] in self.read_after:
            assert self.read_after[raw["id"]].wait(PATIENT)
        self.happened.append(f"job {raw['id']}")
        return Job("paged", raw["id"], None, None, "running", None, None)


def page(following: int | None, *ids: str, total: int | None = None, **told: t.Any) -> Page:
    return Page([{"id": job_id} for job_id in ids], following, total, **told)


def test_a_page_is_read_while_the_next_one_is_on_its_way() -> None:
    system = Paged(page(1, "0.1", total=2), page(2, "1.1", total=2))
    system.read_after["0.1"] = system.asked_for[1]
    listing = system.list_jobs(Selection())
    system.close()
    assert list(listing.jobs) == ["0.1", "1.1"]
    assert listing.complete
    assert system.happened[-1] == "job 1.1"


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(page(1, "0.1"), id="without-a-total"),
        pytest.param(page(1, "0.1", total=1, total_ends=False), id="a-total-that-is-reached"),
        pytest.param(
            page(1, *(f"0.{n}" for n in range(50)), total=50, total_in_doubt=True), id="a-total-perhaps-of-the-page"
        ),
    ],
)
def test_a_page_that_may_not_be_there_waits_until_the_one_before_is_read(first: Page) -> None:
    system = Paged(first, page(None))
    system.list_jobs(Selection())
    assert system.happened == ["page 0", *(f"job {item['id']}" for item in first.items), "page 1"]


def test_no_page_is_asked_for_beyond_the_total() -> None:
    system = Paged(page(1, "0.1", total=2), page(2, "1.1", total=2), AssertionError("asked for"))
    assert system.list_jobs(Selection()).complete
    assert not system.asked_for[2].is_set()


def test_no_page_is_asked_for_beyond_the_job_that_was_sought() -> None:
    system = Paged(page(1, "0.1", total=9), AssertionError("asked for"))
    assert system.paged(0, system.fetch, lambda listing: "0.1" in listing.jobs).jobs
    assert system.happened == ["page 0", "job 0.1"]


def test_a_page_that_links_to_itself_is_not_asked_for_again() -> None:
    system = Paged(page(0, "0.1", total=9, total_ends=False))
    listing = system.list_jobs(Selection())
    assert system.happened == ["page 0", "job 0.1"]
    assert listing.warnings[0].endswith("the server repeats its pages")


def test_a_server_that_shows_one_page_again_and_again_is_noticed_one_request_later() -> None:
    same = ("0.1", "0.2")
    system = Paged(*(page(place + 1, *same, total=9) for place in range(9)))
    listing = system.list_jobs(Selection())
    assert not listing.complete
    assert [event for event in system.happened if event.startswith("page")] == ["page 0", "page 1", "page 2"]


@pytest.mark.parametrize(
    ("results", "kept"),
    [
        (("success", "failed"), "failed"),
        (("failed", "success"), "failed"),
        (("success", "warning"), "warning"),
        (("warning", "canceled", "success"), "canceled"),
        (("canceled", "failed"), "canceled"),
        (("failed", None, "success"), None),
    ],
)
def test_of_an_id_that_is_shown_twice_the_less_good_sight_counts(results: tuple[t.Any, ...], kept: str | None) -> None:
    listing = Listing()
    for result in results:
        state: t.Any = "finished" if result else "running"
        listing.add([Job("paged", "1", None, None, state, result, None)])
    assert [job.result for job in listing.jobs.values()] == [kept]


def test_the_trouble_of_the_next_page_is_that_of_the_list() -> None:
    system = Paged(page(1, "0.1", total=2), Unanswered("HTTP 503"))
    with pytest.raises(Unanswered, match="HTTP 503"):
        system.list_jobs(Selection())


def test_a_bug_in_the_other_thread_is_not_lost() -> None:
    class Broken(Paged):
        def to_job(self, raw: dict[str, t.Any]) -> Job | None:
            raise ZeroDivisionError

    system = Broken(page(1, "0.1", total=2), page(2, "1.1", total=2))
    with pytest.raises(ZeroDivisionError):
        system.list_jobs(Selection())


@pytest.mark.parametrize(("limit", "value", "pages"), [("MOST_PAGES", 4, 4), ("MOST_JOBS", 3, 3)])
def test_a_list_without_end_is_cut_and_that_is_told(
    limit: str, value: int, pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, limit, value)
    worker = Worker()

    def fetch(number: int) -> Page:
        return Page([number], number + 1)

    def take(listing: Listing, items: t.Iterable[t.Any]) -> int:
        return listing.add(Job("sim", str(item), None, None, "running", None, None) for item in items)

    listing = paging.PageLoop(fetch, take, worker).read(0)
    assert (len(listing.jobs), listing.complete) == (pages, False)
    assert f"it does not end after {pages} pages and {pages} jobs" in listing.warnings[0]


def test_two_lists_of_one_system_become_one() -> None:
    recent, active = Listing(), Listing()
    recent.add([Job("sim", "1", None, None, "finished", "success", None)])
    active.add([Job("sim", job_id, None, None, "running", None, None) for job_id in "12"])
    active.incomplete("a page is missing")
    recent.merge(active)
    recent.merge(active)
    assert (list(recent.jobs), recent.complete, len(recent.warnings)) == (["1", "2"], False, 1)
    # Of two sights of a job the less good one counts.
    assert recent.jobs["1"].active
