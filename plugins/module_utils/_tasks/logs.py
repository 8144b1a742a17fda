# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Logs of jobs, each into a file of its own: whole or not at all under its name, and told what it is worth."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import signal
import typing as t
from urllib.parse import quote

from .._core.errors import AuthLost, BackupError, Misconfigured
from .._core.job import Job
from .._http.stream import Stream
from .one_by_one import OneByOne
from .task import Task

MAX_BYTES = 1024**3
# Leaves room for what a draft has around it: most file systems take 255 bytes.
_LONGEST_NAME = 200
_DRAFT = re.compile(r"\.[a-z0-9_]+-.*\.log\.[0-9a-f]{8}\.draft")


class Log(t.NamedTuple):
    """What a module returns about the log of one job."""

    id: str
    path: str | None = None
    partial_path: str | None = None
    size: int = 0
    sha256: str | None = None
    complete: bool = False
    message: str | None = None


def check_options(task: Task) -> None:
    """Refuse what cannot be done, before anything is sent."""
    wanted = "log" in (task.params["details"] or ())
    folder, limit = task.params["log_dest"], task.params["log_max_bytes"]
    for name in ("log_dest", "log_max_bytes"):
        if task.params[name] is not None and not wanted:
            raise Misconfigured(f"{name} was given without log in details: add log there, or leave {name} out")
    if not wanted:
        return
    if not task.system.CAPABILITIES.log:
        raise Misconfigured(f"the API of {task.system.NAME} has no log of a job: leave log out of details")
    if not folder:
        raise Misconfigured("log in details needs log_dest, the folder that the logs are written to")
    if limit is not None and limit < 1:
        raise Misconfigured(f"log_max_bytes has to be 1 or more, not {limit}")
    if not os.path.lexists(folder):
        # An earlier task may have been about to make it.
        if not task.check_mode:
            raise Misconfigured(f"log_dest {folder} does not exist: create the folder first")
    elif not os.path.isdir(folder):
        raise Misconfigured(f"log_dest {folder} is not a folder")
    elif not os.access(folder, os.W_OK | os.X_OK):
        raise Misconfigured(f"log_dest {folder} cannot be written by the user that runs the module")


def fetch_logs(task: Task, jobs: t.Sequence[Job]) -> list[Log]:
    """Fetch the log of each job; what fails for one does not stop the others."""
    folder = os.path.abspath(task.params["log_dest"])
    paths = [os.path.join(folder, file_name(job)) for job in jobs]
    if task.check_mode:
        task.warn(f"Check mode: no log was fetched. Logs that would be written to {folder}: {len(jobs)}")
        return [
            Log(job.id, message=f"Check mode: not fetched; it would be written to {path}")
            for job, path in zip(jobs, paths)
        ]
    _sweep(folder)
    calls = OneByOne(task)
    logs = [_fetch(task, calls, job, path) for job, path in zip(jobs, paths)]
    calls.tell("The logs of these jobs could not be fetched")
    return logs


def file_name(job: Job) -> str:
    """Name the file of a job's log: one path segment, whatever the id contains, and no two ids the same."""
    quoted = quote(job.id, safe="", errors="surrogatepass")
    name = f"{job.system}-{quoted}.log"
    if len(name) > _LONGEST_NAME:
        name = f"{job.system}-{quoted[:100]}-{hashlib.sha256(quoted.encode()).hexdigest()}.log"
    return name


def _fetch(task: Task, calls: OneByOne, job: Job, path: str) -> Log:
    options = task.system.connection
    draft = Draft(path)
    stream = Stream(
        draft,
        task.params["log_max_bytes"] or MAX_BYTES,
        max(options["unreachable_timeout"], options["request_timeout"]),
        may_stay_open=job.active,
    )

    def ask() -> None:
        call = task.system.log_call(job)
        with draft:
            task.system.http.stream(call, stream)
            draft.keep()

    failure = calls.attempt(job, ask)
    if failure is not None:
        has = f"; {draft.kept[0]} bytes of it are in {draft.partial_path}" if draft.partial_path else ""
        earlier = f"; {path} is from an earlier run" if os.path.lexists(path) else ""
        return Log(job.id, None, draft.partial_path, *draft.kept, message=f"{failure}{has}{earlier}")
    message = stream.cut or None
    if job.active:
        message = "the job had not ended when it was listed: this is its log so far"
        message += f" ({stream.cut})" if stream.cut else ""
    return Log(job.id, path, None, *draft.kept, complete=message is None, message=message)


class Draft:
    """A log on its way into its file: under a name of its own until it is there, and locked while it is written."""

    def __init__(self, path: str) -> None:
        self._path = path
        folder, name = os.path.split(path)
        self._draft = os.path.join(folder, f".{name}.{secrets.token_hex(4)}.draft")
        self._file: t.Any = None
        self._hash = hashlib.sha256()
        self._size = 0
        self._unwritable = False
        self._kept = False
        # Not where somebody has said already what these signals do.
        self._signals = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) == signal.SIG_DFL]
        # Where a broken download is.
        self.partial_path: str | None = None

    @property
    def kept(self) -> tuple[int, str | None]:
        """Give size and hash of what is in the folder now."""
        return (self._size, self._hash.hexdigest()) if self._kept else (0, None)

    def __enter__(self) -> Draft:
        # Before the file is there: whoever ends us leaves no draft.
        for number in self._signals:
            signal.signal(number, self._end)
        try:
            self._file = os.fdopen(_open_locked(self._draft), "wb")
        except OSError as exc:
            self._restore()
            raise self._failed(exc) from exc
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: t.Any) -> None:
        try:
            if isinstance(exc, BackupError) and not isinstance(exc, AuthLost) and self._size and not self._unwritable:
                self._put(f"{self._path}.partial")
                self.partial_path = f"{self._path}.partial"
        finally:
            with contextlib.suppress(OSError):
                os.unlink(self._draft)
            with contextlib.suppress(OSError):
                self._file.close()
            self._restore()

    def begin(self) -> None:
        """A body begins; what an earlier one brought is void."""
        self._hash = hashlib.sha256()
        self._size = 0
        try:
            self._file.seek(0)
            self._file.truncate()
        except OSError as exc:
            raise self._failed(exc) from exc

    def write(self, piece: bytes) -> None:
        """Take a piece of it."""
        try:
            self._file.write(piece)
        except OSError as exc:
            raise self._failed(exc) from exc
        self._hash.update(piece)
        self._size += len(piece)

    def keep(self) -> None:
        """Give the whole its name. What is there under that name is replaced, also if it is a link."""
        self._put(self._path)
        with contextlib.suppress(OSError):
            os.unlink(f"{self._path}.partial")

    def _put(self, path: str) -> None:
        try:
            # Not synced to the disk, which takes longer than the download: the system has it, and the hash tells.
            self._file.flush()
            os.replace(self._draft, path)
        except OSError as exc:
            raise self._failed(exc) from exc
        self._kept = True

    def _failed(self, exc: OSError) -> BackupError:
        self._unwritable = True
        return BackupError(f"{self._path} could not be written after {self._size} bytes: {exc.strerror or exc}")

    def _end(self, number: int, frame: t.Any) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._draft)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _restore(self) -> None:
        for number in self._signals:
            signal.signal(number, signal.SIG_DFL)


def _open_locked(path: str) -> int:
    """Make a draft and lock it; one that was swept away before it was locked is made again."""
    while True:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.fstat(handle).st_nlink:
                return handle
        except OSError:
            os.close(handle)
            raise
        os.close(handle)


def _sweep(folder: str) -> None:
    """Remove the drafts of runs that were killed: nobody holds their locks any more."""
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = os.listdir(folder)
    for name in filter(_DRAFT.fullmatch, names):
        with contextlib.suppress(OSError):
            handle = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(os.path.join(folder, name))
            finally:
                os.close(handle)
