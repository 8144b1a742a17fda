# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Threads beside the main one, and how what they did comes back."""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import typing as t

from .._core.errors import Unanswered

# So many pieces may be read ahead of the one that is being written.
_AHEAD = 16


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


class Mailbox:
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


class Worker:
    """A thread that does one piece of work after the other, and dies with the process wherever it hangs.

    It starts with the first piece.
    """

    def __init__(self) -> None:
        self._todo: queue.SimpleQueue[tuple[t.Callable[[Mailbox], t.Any], Mailbox] | None] = queue.SimpleQueue()
        self._runs = False

    def begin(self, work: t.Callable[[Mailbox], t.Any]) -> Mailbox:
        """Have something done. Gives where it can hand things over, and in the end how it came out."""
        if not self._runs:
            self._runs = True
            start_aside(self._run)
        mailbox = Mailbox()
        self._todo.put((work, mailbox))
        return mailbox

    def close(self) -> None:
        """Take no more work; the thread ends with what it is at."""
        self._todo.put(None)

    def _run(self) -> None:
        while True:
            piece = self._todo.get()
            if piece is None:
                return
            work, mailbox = piece
            try:
                mailbox.end(work(mailbox))
            except BaseException as exc:  # raised again where somebody waits for it
                mailbox.end(exc)
            del piece, work, mailbox
