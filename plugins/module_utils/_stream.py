# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Threads beside the main one, and what goes between two of them: how a piece of work came out, or a body too large
to hold, which one thread reads, and another takes piece by piece and may stop at any time.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import typing as t

from ansible_collections.changeops.backup.plugins.module_utils._errors import Unanswered

# So many pieces may be read ahead of the one that is being written.
_AHEAD = 16
# A body may take a second more for so many bytes that it has brought: 1 Mbit/s is slow, and not nothing.
_SLOWEST = 128 * 1024


def start_aside(work: t.Callable[[], None]) -> threading.Thread:
    """Start a thread that dies with the process, and that no signal goes to.

    The system gives a signal to any thread. Who waits in the main one would not wake up for it, and not act on it.
    """
    thread = threading.Thread(target=work, daemon=True)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return thread


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


class Handover:
    """Between the thread of an exchange, and the one that waits for it and may leave."""

    def __init__(self) -> None:
        self._things: queue.Queue[t.Any] = queue.Queue(_AHEAD)
        self._left = False
        # Whether the exchange is over, also if nobody has taken how it came out.
        self.ended = False

    def give(self, thing: t.Any) -> None:
        """Hand something over, when there is room for it. Raises where nobody waits any more, so that reading ends."""
        self._things.put(thing)
        if self._left:
            raise Unanswered("nobody waits for the rest")

    def end(self, outcome: t.Any) -> None:
        """Hand over how it came out; nothing comes after that."""
        self.ended = True
        self._things.put(outcome)

    def take(self, seconds: float) -> t.Any:
        """Wait for what comes next. Raises TimeoutError."""
        try:
            return self._things.get(timeout=max(0.0, seconds))
        except queue.Empty:
            raise TimeoutError from None

    def outcome(self) -> t.Any:
        """Wait for how it came out, however long that takes; where it was raised, raise it."""
        outcome = self._things.get()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def leave(self) -> None:
        """Take nothing more. What waits is dropped, so that the other thread finds room, and then the mark."""
        self._left = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._things.get_nowait()


class Line:
    """A thread that does one piece of work after the other, and dies with the process wherever it hangs.

    It starts with the first piece.
    """

    def __init__(self) -> None:
        self._todo: queue.SimpleQueue[tuple[t.Callable[[Handover], t.Any], Handover] | None] = queue.SimpleQueue()
        self._runs = False

    def begin(self, work: t.Callable[[Handover], t.Any]) -> Handover:
        """Have something done. Gives where it can hand things over, and in the end how it came out."""
        if not self._runs:
            self._runs = True
            start_aside(self._run)
        handover = Handover()
        self._todo.put((work, handover))
        return handover

    def close(self) -> None:
        """Take no more work; the thread ends with what it is at."""
        self._todo.put(None)

    def _run(self) -> None:
        while True:
            piece = self._todo.get()
            if piece is None:
                return
            work, handover = piece
            try:
                handover.end(work(handover))
            except BaseException as exc:  # raised again where somebody waits for it
                handover.end(exc)
            del piece, work, handover
