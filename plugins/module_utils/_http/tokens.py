# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Where the newest refresh token is kept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import typing as t

from .._core.errors import BackupError, Misconfigured, Unanswered
from .transport import Transport

_LONGEST_TOKEN = 64 * 1024
_LOCK_PAUSE = 0.1
# What says that a token was written to its end.
_END = "\n"


class RefreshTokenStore:
    """Where the newest refresh token is: in memory, and in a file of mode 0600 if there is one."""

    def __init__(self, token: str | None, path: str | None, on_secret: t.Callable[[str], None]) -> None:
        # A link stays a link: what it names is replaced.
        self._path = None if path is None else os.path.realpath(path)
        self._draft = os.path.join(os.path.dirname(self._path or ""), f".{os.path.basename(self._path or '')}.new")
        self._on_secret = on_secret
        if self._path is not None and not os.access(os.path.dirname(self._path), os.W_OK | os.X_OK):
            raise Misconfigured(
                f"the folder of refresh_token_file {self._path} does not exist or cannot be written: a rotated token "
                "would be lost"
            )
        self.token = self._from_file() or token or ""
        if not self.token:
            raise Misconfigured(f"refresh_token_file {path} holds no token yet, and no refresh_token was given")

    @property
    def has_file(self) -> bool:
        """Whether a newer token is kept for the next run."""
        return self._path is not None

    def _from_file(self) -> str | None:
        if self._path is None:
            return None
        try:
            with open(self._path, encoding="utf-8") as file:
                token = file.read(_LONGEST_TOKEN + 1).strip()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            why = getattr(exc, "strerror", None) or "it is no text"
            raise Misconfigured(
                f"refresh_token_file {self._path} cannot be read ({why}): it has to hold the token alone, on one line"
            ) from exc
        if not re.fullmatch(r"[\x21-\x7e]*", token) or len(token) > _LONGEST_TOKEN:
            raise Misconfigured(f"refresh_token_file {self._path} has to hold the token alone, on one line")
        if token:
            self._on_secret(token)
        return token or None

    @contextlib.contextmanager
    def turn(self, http: Transport) -> t.Iterator[None]:
        """Hold the file for one login, so that two tasks do not spend the same token; read it anew first."""
        if self._path is None:
            yield
            return
        handle = os.open(os.path.dirname(self._path), os.O_RDONLY)
        try:
            self._lock(handle, http)
            _finish(self._draft, self._path)
            self.token = self._from_file() or self.token
            yield
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def undisturbed(self) -> t.Iterator[None]:
        """Put off the signals that end a process. Without a file there is nothing to bring to safety."""
        before: dict[int, t.Any] = {}
        came: list[int] = []
        try:
            if self._path is not None:
                # Only a main thread may: a module runs in one, and where it does not there is nothing to lose but this.
                with contextlib.suppress(ValueError):
                    for ending in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                        before[ending] = signal.signal(ending, lambda number, frame: came.append(number))
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            for number in came:
                os.kill(os.getpid(), number)

    def _lock(self, handle: int, http: Transport) -> None:
        give_up_at = http.clock.monotonic() + http.request_timeout
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if http.clock.monotonic() >= give_up_at:
                    raise Unanswered(
                        f"another process has held the folder of refresh_token_file {self._path} for "
                        f"request_timeout ({http.request_timeout:g} s)"
                    ) from None
                http.clock.sleep(_LOCK_PAUSE)
            else:
                return

    def keep(self, token: str) -> bool:
        """Keep a rotated token. False: only in memory."""
        self.token = token
        if self._path is None:
            return False
        failed = f"the rotated refresh token could not be written to {self._path}"
        try:
            # Of a known name: a process killed between these lines leaves it for the next one to put in place.
            handle = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(token + _END)
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            with contextlib.suppress(OSError):
                os.unlink(self._draft)
            raise BackupError(f"{failed}, and is lost: {exc}. Get a new refresh token") from exc
        try:
            os.replace(self._draft, self._path)
        except OSError as exc:
            raise BackupError(f"{failed}: {exc}. It is in {self._draft}; the next login puts it in place") from exc
        return True


def _finish(draft: str, path: str) -> None:
    """Put a token in place that a killed process left behind whole; what it left in part is of no use."""
    try:
        if os.lstat(draft).st_uid != os.geteuid():
            raise Misconfigured(f"{draft} belongs to another user, and a rotated token would have to be written there")
        with open(draft, encoding="utf-8") as file:
            whole = file.read().endswith(_END)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as exc:
        raise Misconfigured(f"{draft}, left by a process that was killed, cannot be read: {exc}") from exc
    if whole:
        os.replace(draft, path)
    else:
        os.unlink(draft)
