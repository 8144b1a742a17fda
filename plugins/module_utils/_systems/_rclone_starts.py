# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""Jobs that rclone can be told to start: calls that copy, and nothing that moves away or changes both sides."""

from __future__ import annotations

import hashlib
import json
import typing as t

from .._core.errors import Misconfigured, Unanswered
from .._core.job import Job
from ._rclone_calls import OURS, RemoteControl
from .contract import BackupSystem
from .fields import Field
from .orders import Wanted
from .reading import as_id, as_object, as_text

# The calls that can make a backup, and what each has to be told. What moves files away, or changes both sides, is none.
_STARTS: t.Mapping[str, tuple[str, ...]] = {
    "sync/copy": ("srcFs", "dstFs"),
    "sync/sync": ("srcFs", "dstFs"),
    "operations/copyfile": ("srcFs", "srcRemote", "dstFs", "dstRemote"),
}
# What rclone reads for itself beside the parameters of a call, and the caller may give.
_MAY_BE_GIVEN = frozenset({"_config", "_filter"})


class RcloneStarts(BackupSystem):
    """A start is a call of the remote control with ``_async``."""

    STARTS: t.ClassVar[t.Mapping[str, Field]] = {
        "call": Field("the call of the remote control", choices=tuple(_STARTS)),
        "parameters": Field("its parameters; C(_async) and C(_group) are added", "object"),
        "group": Field(
            "the group of the job, which is its name, and by which its runs are known again", required=False
        ),
    }

    _remote: RemoteControl

    @classmethod
    def check_start(cls, fields: t.Mapping[str, t.Any]) -> None:
        """Each call has parameters that it cannot do without."""
        given = fields["parameters"]
        lacking = [name for name in _STARTS[fields["call"]] if not as_text(given.get(name))]
        if lacking:
            raise Misconfigured(f"start.parameters needs {', '.join(lacking)}, as text, for {fields['call']}")
        ours = sorted(str(name) for name in given if str(name).startswith("_") and name not in _MAY_BE_GIVEN)
        if ours:
            raise Misconfigured(f"start.parameters cannot hold {', '.join(ours)}")
        if fields.get("group") == OURS:
            raise Misconfigured(f"start.group cannot be {OURS}: jobs of that group are looks, and are not shown")

    def start_run(self, wanted: Wanted) -> str | None:
        """Start the call as a job; the answer says which."""
        parameters = {**wanted.fields["parameters"], "_async": True}
        call = self._remote.call("write", wanted.fields["call"], parameters, group=group_of(wanted.fields))
        job_id = as_id(as_object(self.http.write(call).json_or_none()).get("jobid"))
        if job_id is None or not job_id.isdecimal():
            raise Unanswered("rclone did not say which job it has started")
        return job_id

    def is_run_of(self, job: Job, wanted: Wanted) -> bool | None:
        """Tell by the group. A comparison in it is none."""
        return job.name == group_of(wanted.fields) and job.kind is None


def group_of(fields: t.Mapping[str, t.Any]) -> str:
    """The group of what is started: the one given, else one that the same call with the same parameters has again.

    The parameters are not in it, which may hold a password.
    """
    same = json.dumps([fields["call"], fields["parameters"]], sort_keys=True, default=str).encode()
    return str(fields.get("group") or f"{fields['call']} {hashlib.sha256(same).hexdigest()[:12]}")
