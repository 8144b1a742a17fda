# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""How a result leaves: its jobs as JSON text made in pieces, every secret masked, every message one line.

Ansible copies and encodes a result value by value, which for a long list of jobs takes many times longer than fetching
it did. So the list is spelled out here.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import re
import sys
import typing as t
import uuid
from datetime import datetime
from json.encoder import encode_basestring_ascii as _quoted

from ansible.module_utils.common.parameters import remove_values, sanitize_keys

from .._core.errors import printable
from .._core.job import COUNTS, INACTIVE, Job, Kind, Result, State
from .._core.times import to_iso_z

_PIECE = 1000
_ACTED_ON = "__ansible_"
# In JSON: a backslash, a whole character beyond the first 65,536, or half of one.
_HALF = re.compile(r"\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|(\\ud[89a-f][0-9a-f]{2})")


def take_jobs(answer: dict[str, t.Any], secrets: t.Collection[str]) -> list[Job] | None:
    """Make an answer ready, but for its jobs: those are taken out where they can be spelled out.

    What the vendor sent is not ours to write out unseen: with it, Ansible encodes the list.
    """
    if "msg" in answer:
        # The names and words of other systems are in it, and Ansible prints it as it is.
        answer["msg"] = printable(answer["msg"])
    jobs: list[Job] | None = answer.pop("jobs", None)
    answer.update(sound(answer))
    if jobs is None:
        return None
    if any(job.raw is not None for job in jobs):
        # Elsewhere the keys are ours, and Ansible masks values only.
        raws = (defused(sanitize_keys(job.raw, secrets)) for job in jobs)
        answer["jobs"] = sound([{**job.to_dict(), "raw": raw} for job, raw in zip(jobs, raws)])
        return None
    return jobs


def defused(value: t.Any) -> t.Any:
    """Rename keys of a vendor that Ansible would act on when it reads them: ``__ansible_type`` names a class."""
    if isinstance(value, dict):
        return {f"raw{name}" if name.startswith(_ACTED_ON) else name: defused(one) for name, one in value.items()}
    return [defused(one) for one in value] if isinstance(value, list) else value


def sound(value: t.Any) -> t.Any:
    """Replace halves of characters: JSON can spell them, UTF-8 cannot, and Ansible refuses a result that holds one."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {sound(name): sound(one) for name, one in value.items()}
    return [sound(one) for one in value] if isinstance(value, (list, tuple)) else value


def pieces(jobs: t.Sequence[Job], secrets: t.Collection[str]) -> t.Iterator[str]:
    """The JSON of a list of jobs, with every secret masked."""
    spelled = [json.dumps(str(secret))[1:-1] for secret in secrets if secret]
    yield "["
    for start in range(0, len(jobs), _PIECE):
        some = jobs[start : start + _PIECE]
        rows = [job_json(job) for job in some]
        text = ", ".join(rows)
        if any(secret in text for secret in spelled):
            # Somewhere in it, perhaps only in a key: Ansible's own, slower way knows where to mask.
            text = ", ".join(
                json.dumps(remove_values(job.to_dict(), secrets)) if any(one in row for one in spelled) else row
                for job, row in zip(some, rows)
            )
        if "\\ud" in text:
            text = _HALF.sub(lambda found: "?" if found[1] else found[0], text)
        yield f", {text}" if start else text
    yield "]"


def print_with_jobs(
    leave: t.Callable[..., t.NoReturn], answer: dict[str, t.Any], jobs: t.Sequence[Job], secrets: t.Collection[str]
) -> None:
    """Leave the module. A mark stands for the jobs in what Ansible prints, and is replaced on the way out."""
    mark = f"jobs-{uuid.uuid4()}"
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            leave(**{**answer, "jobs": mark})
    finally:
        before, marked, after = printed.getvalue().partition(f'"{mark}"')
        if not marked:
            # A secret so short that it is in the mark as well.
            leave(**{**answer, "jobs": [job.to_dict() for job in jobs]})
        sys.stdout.write(before)
        for piece in pieces(jobs, secrets):
            sys.stdout.write(piece)
        sys.stdout.write(after)


def job_json(job: Job) -> str:
    """The JSON of ``Job.to_dict``."""
    if job.parts or job.raw is not None:
        return json.dumps(job.to_dict())
    name, kind, state, result, word, started, finished, duration, percent, eta, counts, said = job[2:14]
    numbers = ", ".join(f'"{name}": {_plain(number)}' for name, number in zip(COUNTS, counts))
    return (
        f'{{"system": "{job.system}", "id": {_quoted(job.id)}, "name": {_text(name)}, '
        f"{_meant(kind, state, result, word)}, "
        f'"started": {_moment(started)}, "finished": {_moment(finished)}, '
        f'"duration": {_plain(duration)}, "percent": {_plain(percent)}, "eta": {_moment(eta)}, '
        f'{_purpose(job.kind, job.continuous)}, "next_run": {_moment(job.next_run)}, '
        f'"counts": {{{numbers}}}, "message": {_text(said)}, "parts": [], '
        f'"log_path": {_text(job.log_path)}, "raw": null}}'
    )


def _text(text: str | None) -> str:
    return "null" if text is None else _quoted(text)


def _plain(number: float | None) -> str:
    return "null" if number is None else str(number)


def _moment(moment: datetime | None) -> str:
    return "null" if moment is None else f'"{to_iso_z(moment)}"'


@functools.lru_cache(maxsize=16)
def _purpose(kind: Kind | None, continuous: bool) -> str:
    return json.dumps({"kind": kind, "continuous": continuous})[1:-1]


@functools.lru_cache(maxsize=1024)
def _meant(kind: str | None, state: State, result: Result | None, word: str | None) -> str:
    # The same few, again and again in a long list.
    told = {"type": kind, "state": state, "result": result, "active": state not in INACTIVE, "vendor_state": word}
    return json.dumps(told)[1:-1]
