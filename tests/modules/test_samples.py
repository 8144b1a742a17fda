# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation says that a module returns is what it returns: every key, in type, shape and words."""

from __future__ import annotations

import functools
import json
import subprocess
import tempfile
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.changeops.backup.plugins.module_utils._core.job import KINDS, RESULTS, STATES, Job
from harness import run, tale
from pages import COLLECTION, ROOT, documented
from simulator import Simulator
from systems import KNOWN

# The results are made once.
pytestmark = pytest.mark.xdist_group("samples")
Result = dict[str, t.Any]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
JOB = set(Job("flosum", "1", None, None, "running", None, None).to_dict())
# Ansible returns these of every module, and documents them itself.
COMMON = {"changed", "failed", "invocation", "warnings", "deprecations", "exception", "diff", "ansible_stats"}
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
    "list": (list,),
    "dict": (dict,),
    "raw": (object,),
}
WORDS = {"state": {*STATES}, "result": {*RESULTS}, "kind": {*KINDS}}
COUNTED = {"by_state": {*STATES}, "by_result": {*RESULTS}}


# -- real results ---------------------------------------------------------------------------------------------------


def options(sim: Simulator, folder: str) -> Result:
    """Give the connection; a refresh token that the server replaces is kept in a file."""
    given = dict(sim.options)
    if "refresh_token" in given:
        kept = Path(folder, "token")
        kept.write_text(given.pop("refresh_token"))
        given["refresh_token_file"] = str(kept)
    return given


def played(story: Result, *runs: tuple[str, Result]) -> list[tuple[str, Result]]:
    """Run modules before one system, one after the other."""
    with Simulator(story) as sim, tempfile.TemporaryDirectory() as folder:
        common = options(sim, folder)
        place = {"log_dest": folder}
        return [
            (module, run(module, {**common, **given, **(place if "details" in given else {})}))
            for module, given in runs
        ]


def looked_and_stopped() -> list[tuple[str, Result]]:
    """A backup that can be stopped, one that says that it will and does not, and one that is over and has a log."""
    story = tale("flosum", "will_not_end")
    stops, stays, over = story["jobs"]
    stays["on_abort"] = {"after_looks": 999, "set": {"jobStatus": "Aborted"}}
    over["log"] = "Account: 12400 records saved\n"
    running, deaf, ended = (str(job["jobId"]) for job in (stops, stays, over))
    details = {"details": ["steps", "log", "raw"], "request_timeout": 1}
    return played(
        story,
        ("backup_job_info", {**details, "job_ids": [running, ended, "9999"]}),
        ("backup_job_info", {**details, "job_ids": [ended], "log_max_bytes": 9}),
        ("backup_job_wait", {"job_ids": [running], "wait_timeout": 0}),
        ("backup_job_abort", {"job_ids": [running, deaf, ended, "9999"], "wait_timeout": 1, "interval": 0.5}),
    )


def waited() -> list[tuple[str, Result]]:
    """A job that ends while it is waited for, beside one that runs for ever; and jobs that have parts."""
    uid, ends = "bc04d2e5-dd4c-4f85-af0e-42410600000", {"status": "Success", "lastEndTime": "@now"}
    jobs = [
        {"name": "Nightly", "type": "BackupVm", "timeline": [{"at": 1, "set": ends}]},
        {"name": "SQL logs", "type": "SqlLogBackup"},
    ]
    common = {"status": "Running", "lastRun": "@-60"}
    story = {
        "system": "veeam_vspc",
        "jobs": [{"instanceUid": f"{uid}{n}", **common, **job} for n, job in enumerate(jobs)],
        "faults": [{"path": "/organizations/jobs$", "do": {"status": 403}}],
    }
    return [
        *played(story, ("backup_job_wait", {"state": "idle", "interval": 0.5}), ("backup_job_info", {})),
        *played(tale("netapp_bluexp"), ("backup_job_wait", {"state": "idle", "wait_timeout": 0})),
    ]


def refused() -> list[tuple[str, Result]]:
    """A job of a system that cannot stop any."""
    story = tale("avepoint_salesforce", "busy_then_done")
    ids = [str(job[KNOWN["avepoint_salesforce"].id_field]) for job in story["jobs"]]
    return played(story, ("backup_job_abort", {"job_ids": ids, "on_unsupported": "skip"}))


def started_and_held() -> list[tuple[str, Result]]:
    """A definition that is run; and three that are held: one is due meanwhile, somebody turns one on, one was off."""
    uids = [f"bc04d2e5-dd4c-4f85-af0e-42410600000{number}" for number in range(3)]
    common = {"status": "Success", "lastRun": "@-90000", "lastEndTime": "@-86400"}
    jobs: list[Result] = [{**common, "instanceUid": uid, "name": f"Nightly {n}"} for n, uid in enumerate(uids)]
    jobs[0]["schedule"] = {"startDateTimeUtc": "@1"}
    jobs[1]["timeline"] = [{"at": 4, "set": {"isEnabled": True}}]
    jobs[2]["isEnabled"] = False
    story = {"system": "veeam_vspc", "jobs": jobs}
    turned: Result = {"change_id": "CHG1", "reason": "CHG1", "api_version": "3.6.1"}
    with tempfile.TemporaryDirectory() as folder:
        turned["ledger"] = f"{folder}/held.json"
        return played(
            story,
            ("backup_schedule", {**turned, "state": "held"}),
            ("backup_job_start", {"job_id": uids[2], "reason": "CHG1", "interval": 0.5}),
            ("backup_schedule", {**turned, "state": "released"}),
        )


def left_behind() -> list[tuple[str, Result]]:
    """What the roles use on the control node: a verdict, and the evidence of it."""
    look = {"jobs": [], "complete": True, "missing": [], "capabilities": {}, "queried_at": "2026-03-01T21:00:00Z"}
    with tempfile.TemporaryDirectory() as folder:
        change = {"dest": folder, "change_id": "CHG1"}
        judged = "{{ look | changeops.backup.gate_verdict(inventory_hostname, {'system': 'flosum'}) }}"
        verdict = {"stage": "gate", "result": judged, "connection": {"system": "flosum"}, **change}
        tasks: list[Result] = [
            {f"{COLLECTION}backup_verdict": verdict, "register": "backup_verdict"},
            {f"{COLLECTION}backup_evidence": change, "register": "backup_evidence"},
            {f"{COLLECTION}backup_published": {"stage": "gate"}, "register": "backup_published"},
        ]
        names = [task["register"] for task in tasks]
        kept = {f"{name}": f"{{{{ {name} }}}}" for name in names}
        tasks.append({"ansible.builtin.copy": {"content": kept, "dest": f"{folder}/kept.json", "mode": "0600"}})
        local = {"ansible_python_interpreter": "{{ ansible_playbook_python }}", "look": look}
        play = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": local, "tasks": tasks}]
        book = Path(folder, "play.yml")
        book.write_text(yaml.safe_dump(play))
        command = ["ansible-playbook", "-i", "localhost,", str(book)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        told: Result = json.loads(Path(folder, "kept.json").read_text())
    return [(name, told[name]) for name in names]


@functools.cache
def results() -> dict[str, list[Result]]:
    """Give what each module returned."""
    found: dict[str, list[Result]] = {name: [] for name in MODULES}
    for module, result in [*looked_and_stopped(), *waited(), *refused(), *started_and_held(), *left_behind()]:
        found[module].append(result)
    return found


# -- what is documented, beside what came ----------------------------------------------------------------------------


def returned(module: str) -> Result:
    documents: Result = documented()["module"][f"{COLLECTION}{module}"]["return"]
    return documents


def samples(documents: Result) -> Result:
    """Give a value as it is documented: from the parts, where they are described, else the sample."""
    given: Result = {}
    for name, value in documents.items():
        if "contains" in value:
            inner = samples(value["contains"])
            given[name] = [inner] if value["type"] == "list" else inner
        else:
            assert "sample" in value, f"{name} has no sample"
            given[name] = value["sample"]
    return given


def contained(documents: Result, place: str = "") -> t.Iterator[tuple[str, Result]]:
    """Give what is documented at the top, and in each value that has parts, by its place."""
    yield place, documents
    for name, document in documents.items():
        if "contains" in document:
            yield from contained(document["contains"], f"{place}.{name}")


def at(value: t.Any, place: str) -> list[t.Any]:
    """Give every value at a place such as ``.jobs.raw``."""
    found = [value]
    for name in place.strip(".").split("."):
        found = [one for outer in found for one in (outer if isinstance(outer, list) else [outer])]
        found = [outer[name] for outer in found if name in outer]
    return found


def check_types(documents: Result, value: Result, place: str) -> None:
    """Every value is null, or of the type that is written there."""
    for name, document in documents.items():
        if name not in value or value[name] is None:
            continue
        found = value[name]
        assert isinstance(found, TYPES[document["type"]]), f"{place}.{name} is {found!r}, not {document['type']}"
        assert document["type"] != "int" or not isinstance(found, bool), f"{place}.{name}"
        if document["type"] == "list":
            assert "elements" in document, f"{place}.{name} does not say of what it is a list"
            assert all(isinstance(one, TYPES[document["elements"]]) for one in found), f"{place}.{name}"
        for one in (found if isinstance(found, list) else [found]) if "contains" in document else ():
            check_types(document["contains"], one, f"{place}.{name}")


def keys(value: Result, place: str, found: dict[str, set[str]]) -> None:
    """Collect the keys of every dictionary, by its place; and look whether the words are ours."""
    names = found.setdefault(place, set())
    for name, inner in value.items():
        names.add(name)
        if name in COUNTED:
            assert set(inner) <= COUNTED[name], f"{place}.{name} holds {inner}"
        elif name in WORDS and not isinstance(inner, dict):
            assert inner is None or inner in WORDS[name], f"{place}.{name} is {inner!r}"
        elif name != "raw":
            for one in inner if isinstance(inner, list) else [inner]:
                if isinstance(one, dict):
                    keys(one, f"{place}.{name}", found)


@pytest.mark.parametrize("module", MODULES)
def test_every_value_that_comes_is_documented_and_every_documented_one_comes(module: str) -> None:
    documents = returned(module)
    assert results()[module], f"no run of {module} is here: write one, so that its samples can be compared"
    came = {name for result in results()[module] for name in result} - COMMON
    assert came - {"msg"} == set(documents) - {"msg"}
    assert "msg" in documents or "msg" not in came


@pytest.mark.parametrize("module", MODULES)
def test_every_value_and_every_sample_is_of_its_type(module: str) -> None:
    documents = returned(module)
    for given in [samples(documents), *results()[module]]:
        check_types(documents, given, module)


@pytest.mark.parametrize("module", MODULES)
def test_a_sample_is_null_only_where_nothing_else_ever_comes(module: str) -> None:
    for place, documents in contained(returned(module)):
        for name, document in documents.items():
            if document.get("sample", "") is None:
                values = [value for result in results()[module] for value in at(result, f"{place}.{name}")]
                assert values, f"{place}.{name} never came"
                assert not [value for value in values if value is not None], f"{place}.{name} can be more than null"


@pytest.mark.parametrize("module", MODULES)
def test_every_sample_has_the_shape_and_the_words_of_what_comes(module: str) -> None:
    shown: dict[str, set[str]] = {}
    came: dict[str, set[str]] = {}
    keys(samples(returned(module)), "", shown)
    for result in results()[module]:
        keys({name: value for name, value in result.items() if name not in COMMON}, "", came)
    for place, names in shown.items():
        assert place in came, f"nothing came at {place or 'the top'} of {module}"
        if came[place] == JOB and place != ".jobs":
            # A job inside of something else is shown in part; its description says so.
            assert names <= JOB, place
        else:
            assert names == came[place], f"{module}{place}: {names ^ came[place]}"
