# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""A body too large to hold: what a read is to bring piece by piece, and how it came out."""

from __future__ import annotations

import typing as t

from .._core.errors import Unanswered

# A body may take a second more for so many bytes that it has brought: 1 Mbit/s is slow, and not nothing.
_SLOWEST = 128 * 1024


class Sink(t.Protocol):
    """Where a body goes."""

    def begin(self) -> None:
        """A body begins; what an earlier one brought is void."""

    def write(self, piece: bytes) -> None:
        """Take a piece of it."""


class Stream:
    """What a read is to bring, and how it came out.

    ``seconds``: how long a body may take, beside the time that what it has brought accounts for.
    ``may_stay_open``: the body is of something that goes on, so that its end is not a thing to wait for: one that
    brings nothing new, or does not come to an end in time, is taken as it is, and not asked for again.
    """

    def __init__(self, sink: Sink, max_bytes: int, seconds: float, may_stay_open: bool = False) -> None:
        self._sink = sink
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._may_stay_open = may_stay_open
        self.begun = False
        self.size = 0
        # Why there is more of it than was taken; empty if the server ended it.
        self.cut = ""

    @property
    def may_take(self) -> float:
        """Seconds that the body may have taken by now."""
        return self._seconds + self.size / _SLOWEST

    def begin(self) -> None:
        """Take a body from its beginning."""
        self.begun = True
        self.size = 0
        self._sink.begin()

    def take(self, piece: bytes) -> None:
        """Take a piece, as far as it is wanted."""
        wanted = piece[: self._max_bytes - self.size]
        self.size += len(wanted)
        self._sink.write(wanted)
        if len(wanted) < len(piece):
            self.cut = f"cut at {self._max_bytes} bytes"

    def stop(self, why: str) -> None:
        """Wait no longer for the end. Raises Unanswered where it should have come."""
        if not self._may_stay_open:
            raise Unanswered(why)
        self.cut = why
