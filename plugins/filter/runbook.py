# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runbook roles compute. Done in ``plugin_utils/_runbook``, which knows no Ansible and no clock."""

from __future__ import annotations

import functools
import os
import typing as t
from datetime import datetime, timezone

from ansible import context
from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.changeops.backup.plugins.module_utils._core.names import check_change_id
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from ansible_collections.changeops.backup.plugins.plugin_utils._action import plain
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook import (
    before,
    drain,
    events,
    gate,
    held,
    verdicts,
    verify,
    window,
)

Given = t.Mapping[str, t.Any]
Compute = t.Callable[..., t.Any]


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _place(host: t.Any, connection: t.Any) -> verdicts.Place:
    system = connection.get("system") if isinstance(connection, t.Mapping) else None
    return verdicts.Place(str(host), None if system is None else str(system))


def as_filter(compute: Compute) -> Compute:
    """Make a filter of a function: plain values in, what cannot be used told in one sentence, nothing a template."""

    @functools.wraps(compute)
    def told(*args: t.Any, **options: t.Any) -> t.Any:
        try:
            answer = compute(*(plain(one) for one in args), **{name: plain(one) for name, one in options.items()})
        except ValueError as exc:
            raise AnsibleFilterError(str(exc)) from exc
        return wrap_var(answer)

    return told


def change_window(start: t.Any, end: t.Any = None, duration: t.Any = None, role: str = "backup_gate") -> Given:
    """Read a window and the duration of a change; give both with the latest start."""
    return window.read_window(start, end, duration, role).to_dict()


def gate_verdict(
    look: Given,
    host: str,
    connection: t.Any = None,
    times: t.Any = None,
    due: str = "block",
    selection: t.Any = None,
) -> Given:
    """Judge a look of ``backup_job_info``."""
    if due not in gate.DUE:
        raise ValueError(f"due has to be one of {', '.join(gate.DUE)}, not {due!r}")
    return gate.judge_gate(
        look, _place(host, connection), window.Window.from_dict(times or {}), due, _now(), selection or {}
    )


def drain_plan(wait_timeout: t.Any, wait_until: t.Any = None, quiet_period: t.Any = 0, check: bool = False) -> Given:
    """Give the options of a wait for quiet."""
    return drain.plan_wait(float(wait_timeout), wait_until, float(quiet_period), _now(), check).to_dict()


def stop_plan(quiet_period: t.Any, latest: t.Any = None, check: bool = False) -> Given:
    """Give the options of the wait for the end of a stop."""
    return drain.plan_stop(float(quiet_period), latest or None, _now(), check).to_dict()


def waits_until(times: Given, policy: str) -> str | None:
    """Say until when a drain may wait, so that the change can still be finished in the window."""
    until = window.Window.from_dict(times).waits_until(_now(), stops=policy != "wait")
    return None if until is None else verdicts.stamp(until)


def change_id(given: t.Any) -> str:
    """Give the change id; refuse one that is not one plain path segment."""
    return check_change_id(given)


def jobs_to_stop(answer: Given, exclude: t.Any = None, most: t.Any = 1) -> list[Given]:
    """Give the jobs to stop, of the answer of a wait or a look: none where there are more than ``most``."""
    ids = drain.to_stop(answer, exclude or [], int(most))
    return [{"id": job["id"], "name": job.get("name")} for job in answer.get("jobs") or [] if str(job["id"]) in ids]


def drain_verdict(
    waited: Given,
    host: str,
    connection: t.Any = None,
    stopped: t.Any = None,
    settled: t.Any = None,
    exclude: t.Any = None,
    most: t.Any = 1,
    policy: t.Any = "wait",
    reason: str = "",
    asked: t.Any = None,
    check: bool = False,
) -> Given:
    """Judge how a drain came out."""
    place = _place(host, connection)
    return drain.judge_drain(
        waited, place, _now(), stopped, settled, exclude or [], int(most), policy, reason, asked or [], check
    )


def verify_selection(selection: t.Any, objects: t.Any, max_age: t.Any, connection: t.Any = None) -> Given:
    """Give the selection of a look that reaches back far enough, where the system lists a window of time only."""
    oldest = verify.oldest_wanted(verify.read_objects(objects, max_age), verify.read_age(max_age))
    system = _place("", connection).system
    listed = SYSTEMS[system].WINDOW if system is not None and system in SYSTEMS else None
    if listed is None or oldest < listed or (selection or {}).get("started_after"):
        return dict(selection or {})
    return {**(selection or {}), "started_after": f"{oldest.days + 1}d"}


def verify_verdict(
    look: Given,
    host: str,
    connection: t.Any = None,
    objects: t.Any = None,
    max_age: t.Any = "24h",
    accept_results: t.Any = None,
    override: t.Any = None,
) -> Given:
    """Judge whether there is a good backup, young enough, of every object."""
    return verify.judge_verify(
        look,
        _place(host, connection),
        verify.read_objects(objects, max_age),
        verify.read_age(max_age),
        verify.read_results(accept_results or ["success"]),
        _now(),
        verify.read_override(override),
    )


def hold_options(given: t.Any) -> t.Sequence[Given]:
    """Give the selection of what is held during the change: one, or none."""
    return before.read_hold(given)


def fresh_options(
    given: t.Any, wait_timeout: t.Any = 3600, wait_until: t.Any = None, reason: t.Any = ""
) -> t.Sequence[Given]:
    """Give the options of each backup that is made before the change."""
    return before.read_fresh(given, float(wait_timeout), wait_until or None, str(reason or ""))


def hold_verdict(answer: Given, host: str, connection: t.Any = None) -> Given:
    """Judge whether the schedules are held."""
    return before.judge_hold(answer, _place(host, connection), _now())


def release_verdict(answer: Given, host: str, connection: t.Any = None) -> Given:
    """Judge whether the schedules are given back."""
    return before.judge_release(answer, _place(host, connection), _now())


def fresh_verdict(answer: Given, host: str, connection: t.Any = None, wanted: t.Any = None) -> Given:
    """Judge the backups that were to be made before the change."""
    return before.judge_fresh(answer, _place(host, connection), _now(), wanted or [])


def still_held(dest: t.Any, change: t.Any) -> list[str]:
    """Say what a change still holds, by its ledgers in the folder of the evidence."""
    return list(held.still_held(events.folder_of(dest, change)))


def worst_verdict(found: t.Iterable[t.Any]) -> str:
    """Give the worst of these verdicts, or of the results that hold them."""
    return verdicts.worst(str(one.get("verdict") if isinstance(one, t.Mapping) else one) for one in found)


def task_files(given: t.Any, folders: t.Sequence[str]) -> list[str]:
    """Give the whole paths of task files; each has to be there before anything begins."""
    files = []
    folders = [*folders, os.getcwd()]
    for name in [given] if isinstance(given, str) and given.strip() else given or []:
        tried = [os.path.abspath(os.path.join(folder, os.path.expanduser(str(name)))) for folder in folders]
        found = next((path for path in tried if os.path.isfile(path)), None)
        if found is None:
            raise ValueError(f"there is no file of tasks {name!r}; looked for {', '.join(tried)}")
        files.append(found)
    return files


def some_hosts(found: t.Iterable[str], limited: t.Iterable[str], pattern: str = "backup_systems") -> list[str]:
    """Give the hosts of a play, and refuse none: Ansible would skip the play and call that a success."""
    allowed = set(limited)
    hosts = [host for host in found if host in allowed]
    # A playbook whose syntax is checked needs no inventory.
    if not hosts and not context.CLIARGS.get("syntax"):
        raise ValueError(f"no host of the inventory matches {pattern!r} (backup_hosts), within --limit if there is one")
    return hosts


FILTERS = (
    some_hosts,
    change_window,
    gate_verdict,
    drain_plan,
    stop_plan,
    waits_until,
    change_id,
    jobs_to_stop,
    drain_verdict,
    verify_selection,
    verify_verdict,
    hold_options,
    fresh_options,
    hold_verdict,
    release_verdict,
    fresh_verdict,
    still_held,
    worst_verdict,
    task_files,
)


class FilterModule:
    """The filters, each under the name of its function."""

    def filters(self) -> dict[str, Compute]:
        """Give the filters."""
        return {compute.__name__: as_filter(compute) for compute in FILTERS}
