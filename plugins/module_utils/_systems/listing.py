# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What a look saw: jobs, and whether they are all; and one page of it."""

from __future__ import annotations

import typing as t

from .._core.job import Job


class Listing:
    """Jobs as one look saw them. ``complete`` is false where the system kept pages from us."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.complete = True
        # Whether max_results left jobs out.
        self.cut = False
        self.warnings: list[str] = []
        # Ids that were asked for and are not there, or are left out all the same; and words that no job wears.
        self.missing: list[str] = []
        self.excluded: list[str] = []
        self.unmatched: dict[str, str] = {}
        # What the login may not read, or the server does not have: what, and why.
        self.unseen: list[dict[str, str]] = []

    @classmethod
    def of(cls, jobs: t.Iterable[Job]) -> Listing:
        """A list of these, which are all."""
        listing = cls()
        listing.add(jobs)
        return listing

    def add(self, jobs: t.Iterable[Job]) -> int:
        """Take jobs; give how many were new. Of two sights of an id the less good one counts, else the first."""
        before = len(self.jobs)
        for job in jobs:
            known = self.jobs.setdefault(job.id, job)
            if known is not job and _concern(job) > _concern(known):
                self.jobs[job.id] = job
        return len(self.jobs) - before

    def merge(self, other: Listing) -> None:
        """Take another list of the same system: what is recent, say, and all that is active however old it is."""
        self.add(other.jobs.values())
        self.complete = self.complete and other.complete
        self.warnings += [warning for warning in other.warnings if warning not in self.warnings]
        self.unseen += other.unseen

    def leave_out(self, what: str, why: str) -> None:
        """Say that something is not shown that nobody asked for by name."""
        self.unseen.append({"what": what, "why": why})
        self.warnings.append(f"Not seen: {what}: {why}")

    def incomplete(self, why: str) -> None:
        """Say that jobs may be missing from this listing."""
        self.complete = False
        warning = f"The list of jobs may not be complete: {why}"
        if warning not in self.warnings:
            self.warnings.append(warning)


def _concern(job: Job) -> int:
    return 3 if job.active else {"success": 0, "warning": 1}.get(job.result or "", 2)


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
