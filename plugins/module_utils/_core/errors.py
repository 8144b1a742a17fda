# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What can go wrong, as one small family.

Every message is one sentence an operator can act on. The edge (``_module``) adds the system and the address,
and passes the text through the redactor; nothing else turns an error into ``fail_json``.
"""

from __future__ import annotations

import re

# Line ends, what steers a terminal, what turns the direction of a text around, and halves of characters.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def printable(text: str) -> str:
    """Make a text from outside a single line that cannot steer a terminal. Otherwise it stays as it is."""
    return _UNPRINTABLE.sub(" ", text).strip()


class BackupError(Exception):
    """Something expected went wrong; the text says what to do next."""


class Misconfigured(BackupError):
    """Options are missing, contradictory or out of range. Raised before anything is sent."""


class MissingLibrary(BackupError):
    """A Python library that this login needs is not installed."""

    def __init__(self, library: str, traceback: str) -> None:
        super().__init__(library)
        self.library = library
        self.traceback = traceback


class Unanswered(BackupError):
    """No usable answer: network trouble, an overloaded server, a body that is cut or is not JSON. It may pass.

    ``retry_after``: seconds the server asked us to stay away, or None.
    ``tried``, ``patience``: for how many seconds it was asked for, and how many there were for that; None where it was
    not asked for again.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.tried: float | None = None
        self.patience: float | None = None


class AuthLost(BackupError):
    """The system does not accept who we are, also not after one renewal."""


class NotPermitted(AuthLost):
    """The login is good, and lacks a permission that the call needs: others may be allowed."""


class Refused(BackupError):
    """The system answered and said no; asking again does not help. ``status`` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Fenced(BackupError):
    """This collection stopped itself: a write where only reads are allowed, or a token on its way to a stranger."""
