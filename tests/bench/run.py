# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wait, a long list and a large log cost: ``make bench`` prints the figures that the guides give.

It asserts none of them: they are of this machine and of this run.
"""

from __future__ import annotations

import contextlib
import filecmp
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import fleet
import window
import yaml
from spending import Spent, spend

from ansible_collections.changeops.backup.plugins.module_utils._http.call import Call
from ansible_collections.changeops.backup.plugins.module_utils._http.response import Response
from ansible_collections.changeops.backup.plugins.module_utils._wait.loop import Wait
from harness import PACKAGE
from inside import Inside
from simulator import Simulator
from waits import policy

HERE = Path(__file__).parent
VEEAM_ID = "bc04d2e5-dd4c-4f85-af0e-{n:012d}"
ENDS = [float(second) for second in range(7, 47, 2)]
LISTED = 100_000
LOGGED = 200 * 1024 * 1024
ROUNDS = 5
TEMPLATES: dict[str, dict[str, t.Any]] = {
    "flosum": {
        "jobId": "{n}",
        "name": "Objects {n:d}",
        "jobStatus": "Completed",
        "startedDate": "@-5400",
        "duration": "00:30:00",
        "records": 60110,
        "size": 73400320,
    },
    "avepoint_iaas_paas": {
        "jobId": "IB{n:d}",
        "status": 2,
        "startTime": "@-5400",
        "finishTime": "@-3600",
        "successfulCount": 12,
        "totalCount": 12,
        "comments": "VMs {n:d}",
    },
    "veeam_vspc": {
        "instanceUid": VEEAM_ID,
        "name": "VMs {n:d}",
        "status": "Success",
        "lastRun": "@-9000",
        "lastEndTime": "@-8400",
        "lastDuration": 600,
        "avgDuration": 590,
    },
}
# Where a page has its rows, and how many we ask for.
PAGES = {"flosum": ("items", 2000), "avepoint_iaas_paas": ("jobs", 100), "veeam_vspc": ("data", 500)}
# What somebody would write in an afternoon: no page is checked, nothing is translated, nothing is printed.
BARE = """
import json, sys, requests
urls, headers, key = json.load(sys.stdin)
session, rows = requests.Session(), []
session.headers.update(headers)
def find(body):
    if isinstance(body, dict):
        return body[key] if key in body else next((r for r in map(find, body.values()) if r is not None), None)
for url in urls:
    answer = session.get(url, timeout=60)
    answer.raise_for_status()
    rows += find(answer.json())
print(len(rows))
"""
# Where there is no curl.
BARE_DOWNLOAD = """
import shutil, sys, requests
url, token, path = sys.argv[1:]
with requests.get(url, headers={"Authorization": token}, stream=True, timeout=60) as answer, open(path, "wb") as file:
    shutil.copyfileobj(answer.raw, file, 262144)
"""


@contextlib.contextmanager
def apart(story: dict[str, t.Any]) -> Iterator[dict[str, t.Any]]:
    """Run a simulator in a process of its own, so that it does not slow the client; give what it says."""
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump(story, file)
        file.flush()
        process = subprocess.Popen(
            [sys.executable, "-m", "simulator", "--until-eof", file.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(timeout=30)


def playbook(name: str, variables: dict[str, t.Any]) -> Spent:
    """Run a playbook of this folder on localhost."""
    variables = {**variables, "ansible_python_interpreter": sys.executable}
    return spend(
        ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", json.dumps(variables), str(HERE / name)],
        ANSIBLE_NOCOLOR="1",
    )


def staggered() -> None:
    """Twenty jobs that end one after the other: a loop of uri against one wait."""
    jobs = [
        {
            "instanceUid": VEEAM_ID.format(n=number),
            "name": f"Nightly {number}",
            "status": "Running",
            "lastRun": "@0",
            "timeline": [{"at": at, "set": {"status": "Success", "lastEndTime": "@now"}}],
        }
        for number, at in enumerate(ENDS)
    ]
    story = {"system": "veeam_vspc", "auth": {"accept": ["api_key"]}, "jobs": jobs}
    print(f"\n{len(jobs)} jobs that end between {ENDS[0]:g} and {ENDS[-1]:g} s")
    print(f"{'':26}{'requests':>9}{'CPU s':>8}{'more':>8}{'lag s':>8}")
    asleep = playbook("asleep.yml", {"seconds": int(ENDS[-1])}).cpu
    print(f"{'asleep for as long':26}{0:>9}{asleep:>8.1f}")
    more = []
    for label, name in (("loop + uri + until", "by_hand.yml"), ("backup_job_wait", "ours.yml")):
        with Simulator(story) as sim:
            spent = playbook(name, {"connection": sim.options, "ids": [job["instanceUid"] for job in jobs]})
            lag = sim.clock.now() - ENDS[-1]
            asked = len(sim.journal)
        more.append(spent.cpu - asleep)
        print(f"{label:26}{asked:>9}{spent.cpu:>8.1f}{more[-1]:>8.1f}{lag:>8.1f}")
    # Ansible itself is not idle while a task runs, whatever the task does.
    print(f"above what a sleeping playbook takes: {more[0] / more[1]:.0f} times less CPU with backup_job_wait")


def one_look() -> None:
    """A turn of the loop: ask, read, take in, judge."""
    print(f"\n{'one look of the loop':26}{'requests':>9}{'ms':>8}")
    for count in (1, 500):
        ids = tuple(VEEAM_ID.format(n=number) for number in range(1, count + 1))
        template = {**TEMPLATES["veeam_vspc"], "status": "Running", "lastRun": "@-60", "lastEndTime": None}
        story = {"system": "veeam_vspc", "auth": {"accept": ["api_key"]}}
        with (
            apart({**story, "generate": {"count": count, "template": template}}) as ready,
            Inside(ready["options"]) as inside,
        ):
            wait = Wait(policy(ids=ids, definitions=True), inside.clock)
            turns = 50
            inside.look(job_ids=list(ids))
            asked, began = inside.http.statistics.requests, time.perf_counter()
            for _turn in range(turns):
                wait.absorb(inside.look(job_ids=list(ids)))
                wait.judge()
            took = (time.perf_counter() - began) / turns
            asked = inside.http.statistics.requests - asked
        print(f"{f'{count} jobs':26}{asked / turns:>9g}{took * 1000:>8.1f}")


def long_list(per_job: float) -> None:
    """A hundred thousand jobs: backup_job_info against a loop that only fetches and parses the same pages.

    ``per_job``: seconds that the server takes for each job on a page, beside sending it.
    """
    what = f"{LISTED} jobs, {per_job * 1e6:g} us each"
    print(f"\n{what:26}{'requests':>9}{'bare s':>8}{'info s':>8}{'ratio':>8}{'bare MB':>9}{'info MB':>9}")
    for system, template in TEMPLATES.items():
        way = "api_key" if system == "veeam_vspc" else "access_token"
        key, page = PAGES[system]
        slow = [{"path": r"/(backups|jobs)$", "kind": "read", "do": {"delay": per_job * page}}]
        story = {"system": system, "auth": {"accept": [way]}, "generate": {"count": LISTED, "template": template}}
        with apart({**story, "faults": slow if per_job else []}) as ready:
            urls, headers = pages(ready["options"])
            args = {"ANSIBLE_MODULE_ARGS": ready["options"]}
            ours = spend([sys.executable, "-m", f"{PACKAGE}.backup_job_info"], json.dumps(args))
            answer = json.loads(ours.out)
            assert answer["count"] == LISTED
            assert answer["complete"]
            bare = spend([sys.executable, "-c", BARE], json.dumps([urls, headers, key]))
            assert int(bare.out) == LISTED
        print(
            f"{system:26}{len(urls):>9}{bare.wall:>8.1f}{ours.wall:>8.1f}{ours.wall / bare.wall:>8.2f}"
            f"{bare.peak_mb:>9.0f}{ours.peak_mb:>9.0f}"
        )


def large_log() -> None:
    """A log of 200 MiB to a file: backup_job_info against curl, in turns, each into a new file."""
    curl = shutil.which("curl")
    print(f"\n{f'log of {LOGGED >> 20} MiB, seconds':26}{'curl' if curl else 'requests':>9}{'+ sync':>9}", end="")
    print(f"{'info':>8}{'start':>8}{'ratio':>8}{'info MB':>9}")
    jobs = [{"jobId": 1, "jobStatus": "Completed", "startedDate": "@-60", "log": {"bytes": LOGGED}}]
    story = {"system": "flosum", "auth": {"accept": ["access_token"]}, "jobs": jobs}
    info = [sys.executable, "-m", f"{PACKAGE}.backup_job_info"]
    each: list[tuple[float, ...]] = []
    with apart(story) as ready, tempfile.TemporaryDirectory() as folder:
        options = ready["options"]
        bare, ours = Path(folder, "bare"), Path(folder, "flosum-1.log")
        url = f"{options['url']}/api/v1/connections/{options['connection_id']}/jobs/1/logs/details"
        token = f"Bearer {options['access_token']}"
        by_hand = [sys.executable, "-c", BARE_DOWNLOAD, url, token, str(bare)]
        if curl:
            by_hand = [curl, "-sSf", "-o", str(bare), "-H", f"Authorization: {token}", url]
        args = json.dumps({"ANSIBLE_MODULE_ARGS": {**options, "details": ["log"], "log_dest": folder}})
        for _round in range(ROUNDS):
            for path in (bare, ours):
                path.unlink(missing_ok=True)
            downloaded = spend(by_hand)
            synced = spend(["sync", str(bare)])
            fetched = spend(info, args)
            started = spend(info, json.dumps({"ANSIBLE_MODULE_ARGS": options}))
            assert json.loads(fetched.out)["logs"][0]["complete"]
            assert filecmp.cmp(bare, ours, shallow=False)
            walls = (downloaded.wall, downloaded.wall + synced.wall, fetched.wall, started.wall)
            each.append((*walls, fetched.wall / downloaded.wall, fetched.peak_mb))
    for label, choose in (("median", statistics.median), ("best", min), ("worst", max)):
        hand, sync, whole, start, ratio, peak = map(choose, zip(*each, strict=True))
        print(f"{f'{label} of {ROUNDS}':26}{hand:>9.2f}{sync:>9.2f}{whole:>8.2f}{start:>8.2f}{ratio:>8.2f}{peak:>9.0f}")


def pages(options: dict[str, t.Any]) -> tuple[list[str], dict[str, str]]:
    """Give the addresses of all pages, and the headers they need; the simulator is warm after that."""
    urls: list[str] = []
    with Inside(options) as inside:
        exchange = inside.http._exchange

        def watch(call: Call, authorization: str | None) -> Response:
            urls.append(f"{call.url}?{urlencode(call.query)}" if call.query else call.url)
            return exchange(call, authorization)

        inside.http._exchange = watch  # type: ignore[method-assign]
        inside.look()
        headers = inside.system.headers(inside.connection, "read")
        return urls, {**headers, "Authorization": inside.credential.authorization(inside.http)}


if __name__ == "__main__":
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    fleet.looks()
    fleet.waits()
    window.windows()
    one_look()
    for per_job in (0.0, 25e-6):
        long_list(per_job)
    large_log()
    staggered()
