# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample models of a change window: all safe, busy, cannot tell with hostile texts, many jobs, and empty."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.texts import STAGES

Model = dict[str, t.Any]

TEN = datetime(2026, 3, 1, 22, 0, tzinfo=timezone.utc)
SYSTEMS = {
    "sf-backup": ("flosum", "Flosum Backup & Archive", "https://flosum.example"),
    "sf-cloud": ("avepoint_salesforce", "AvePoint Cloud Backup for Salesforce", "https://graph.avepoint.example"),
    "azure-vms": ("avepoint_iaas_paas", "AvePoint Cloud Backup for IaaS + PaaS", "https://graph.avepoint.example"),
    "ontap-volumes": ("netapp_bluexp", "NetApp BlueXP backup", "https://bluexp.example"),
    "vspc-frankfurt": ("veeam_vspc", "Veeam Service Provider Console", "https://vspc.example:1280"),
    "nas-sync": ("rclone", "rclone", "http://127.0.0.1:5572"),
}
# What somebody could send who wants to do more than be read.
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)' x='",
    "{{ 7 * 7 }}{% raw %}",
    "[click](http://evil.example) ![p](https://evil.example/p.png) <http://evil.example>",
    "http://evil.example/a www.evil.example mail@evil.example @everyone #1 !2 &#64;root",
    "`code` ``` | cell | x\n# heading\n- item\n\n---",
    "=cmd|' /C calc'!A0",
    " \t+1+1",
    '"-2+3',
    "\uff1dSUM(A1)",
    "@SUM(1+1)",
    "a;=1+1",
    "\u202egnp.exe\u202c \u2066x\u2069",
    "nul \x00 esc \x1b[31m del \x7f \x9b",
    "half \ud83d and \udc00",
    "\ufffe\uffff\U000e0041 end",
    "</title></style></svg><svg onload=alert(1)>",
    "*bold* _it_ ~~no~~ $x$ {code} ==m==",
    "\u5907\u4efd\u4efb\u52a1 " * 40,
    "Z\u0351\u0352\u0353\u0354\u0355\u0356\u0357 algo",
    "\u05d2\u05d9\u05d1\u05d5\u05d9 right to left",
    "x" * 5000,
)


def at(minutes: float) -> str:
    """Give a time that many minutes after ten."""
    return (TEN + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def job(
    name: str | None, began: float | None, lasted: float | None, result: str | None = "success", **other: t.Any
) -> Model:
    """Make a job; without a result it is running."""
    ended = None if began is None or lasted is None or result is None else began + lasted
    return {
        "system": "veeam_vspc",
        "id": f"id-{name}",
        "name": name,
        "type": "BackupVm",
        "state": "finished" if result else "running",
        "result": result,
        "active": result is None,
        "vendor_state": (result or "running").title(),
        "started": None if began is None else at(began),
        "finished": None if ended is None else at(ended),
        "duration": None if lasted is None else lasted * 60.0,
        "percent": 100.0 if result == "success" else None,
        "eta": None,
        "kind": "backup",
        "continuous": False,
        "next_run": None,
        "counts": {"successful": 12, "failed": 0, "skipped": 0, "total": 12},
        "message": None,
        "parts": [],
        "log_path": None,
        "raw": None,
        **other,
    }


def stage(verdict: str, minutes: float, msg: str, **more: t.Any) -> Model:
    """Make the result of a stage."""
    code = {"safe": 0, "busy": 1, "breach": 2, "cannot_tell": 3, "closed": 4}[verdict]
    return {"verdict": verdict, "code": code, "msg": msg, "at": at(minutes), "run": "r1", "reasons": [], **more}


def system(host: str, jobs: list[Model], verdict: str = "safe", **stages: Model) -> Model:
    """Make a system and give its jobs its name."""
    name, title, address = SYSTEMS.get(
        host, ("veeam_vspc", "Veeam Service Provider Console", "https://vspc.example:1280")
    )
    code = {"safe": 0, "busy": 1, "breach": 2, "cannot_tell": 3, "closed": 4}[verdict]
    return {
        "host": host,
        "system": name,
        "title": title,
        "address": address,
        "verdict": verdict,
        "code": code,
        **dict.fromkeys(STAGES),
        **stages,
        "jobs": [{**one, "system": name} for one in jobs],
    }


def model(**parts: t.Any) -> Model:
    """Make a report in which nothing happened but what is given."""
    return {
        "schema": "changeops.backup/report/1",
        "change": {
            "id": "CHG0012345",
            "title": "Patch the ERP database servers",
            "start": at(0),
            "end": at(240),
            "duration": 5400,
            "start_local": "2026-03-01T23:00:00+01:00",
            "end_local": "2026-03-02T03:00:00+01:00",
            "latest_start": at(150),
            "outcome": "not_run",
            "msg": None,
        },
        "verdict": "safe",
        "code": 0,
        "overridden": None,
        "rehearsal": False,
        "msg": "All six systems are idle, and every object has a good backup that is young enough.",
        "runs": [
            {
                "id": "8d0f5a1c",
                "began": at(1),
                "ended": at(100),
                "check_mode": False,
                "user": "opsuser",
                "controller": "awx-1.example",
                "awx_job": "4711",
                "awx_url": "https://awx.example/#/jobs/playbook/4711",
                "core_version": "2.19.14",
                "collection_version": "0.1.0",
                "stages": ["gate", "drain", "verify", "after"],
            }
        ],
        "systems": [],
        "blockers": [],
        "actions": [],
        "missed": [],
        "objects": [],
        "unseen": [],
        "before_after": [],
        "rendered_at": at(103),
        "collection_version": "0.1.0",
        **parts,
    }


def blocker(host: str, name: str, why: str, **more: t.Any) -> Model:
    """Make something that is in the way."""
    return {
        "host": host,
        "system": SYSTEMS.get(host, ("veeam_vspc",))[0],
        "object": name,
        "why": why,
        "stage": "gate",
        "started": None,
        "percent": None,
        "eta": None,
        "fits": None,
        **more,
    }


def action(host: str, name: str, minutes: float | None, outcome: str = "aborted", **more: t.Any) -> Model:
    """Make an abort."""
    return {
        "host": host,
        "system": SYSTEMS.get(host, ("veeam_vspc",))[0],
        "object": name,
        "action": "abort",
        "reason": "CHG0012345 needs the servers quiet",
        "by": "opsuser",
        "requested_at": None if minutes is None else at(minutes),
        "confirmed_at": at(minutes + 2) if minutes is not None and outcome == "aborted" else None,
        "outcome": outcome,
        "message": None,
        **more,
    }


def covered(host: str, name: str, verdict: str = "met", hours: float | None = 3.0, why: str | None = None) -> Model:
    """Make an object with the age of its last good backup."""
    return {
        "host": host,
        "system": SYSTEMS.get(host, ("veeam_vspc",))[0],
        "object": name,
        "last_success": None if hours is None else at(60 - hours * 60),
        "age_seconds": None if hours is None else hours * 3600,
        "max_age_seconds": 86400,
        "verdict": verdict,
        "why": why,
    }


def unseen(host: str, what: str, why: str) -> Model:
    """Make a gap."""
    return {"host": host, "system": SYSTEMS.get(host, ("veeam_vspc",))[0], "what": what, "why": why}


_STAGES = ("gate", "drain", "verify", "after")
_JOBS: dict[str, list[Model]] = {
    "sf-backup": [job("Salesforce production, full", -150, 95), job("Salesforce sandbox", -40, 22, "warning")],
    "sf-cloud": [job("CRM metadata", -75, 30)],
    "azure-vms": [job("Virtual machines, tier 1", -110, 64), job("Virtual machines, tier 2", -35, 31)],
    "ontap-volumes": [job("vol_erp_data", -95, 41), job("vol_erp_logs", -50, 12)],
    "vspc-frankfurt": [job("ERP database servers", -125, 100), job("File servers", -15, 48)],
    "nas-sync": [job(None, -28, 20, type="sync/copy", id="41")],
}


def safe() -> Model:
    """Give a change that was made, with all six systems idle."""
    looks = {name: stage("safe", 2 + 30 * place, "Nothing is active.") for place, name in enumerate(_STAGES)}
    looks["drain"]["waited_seconds"] = 1560
    systems = [system(host, jobs, **looks) for host, jobs in _JOBS.items()]
    return model(
        systems=systems,
        change={**model()["change"], "outcome": "done"},
        objects=[covered(one["host"], row["name"] or "sync/copy") for one in systems for row in one["jobs"]],
        before_after=[
            {
                "host": one["host"],
                "system": one["system"],
                "active_before": 0,
                "active_after": 0,
                "jobs_before": len(one["jobs"]),
                "jobs_after": len(one["jobs"]),
            }
            for one in systems
        ],
    )


def busy() -> Model:
    """Give a window in which jobs run on, one was stopped, and one will begin."""
    jobs = {host: list(rows) for host, rows in _JOBS.items()}
    jobs["vspc-frankfurt"] += [
        job("ERP application servers", -20, None, None, percent=62.0, eta=at(135)),
        job("Tape copy, weekly", -300, None, None, percent=18.5, eta=at(700), kind="copy"),
        job("Mail servers", 5, 42, "canceled", message="Stopped by user"),
        job("SQL log backup", -2000, None, None, continuous=True),
        job("Nightly, all sites", -1380, 55, next_run=at(120), state="idle"),
    ]
    jobs["ontap-volumes"] += [job("vol_shares", 20, None, None, state="queued", vendor_state="Pending")]
    jobs["azure-vms"] += [
        job("SQL databases", 3, None, None, state="stopping", vendor_state="Stopping", percent=80.0),
        job("Key vaults", -12, 30, "failed", counts={"successful": 3, "failed": 2, "skipped": 0, "total": 5},
            message="Access denied for 2 of 5 vaults"),
    ]  # fmt: skip
    worse = {"vspc-frankfurt", "ontap-volumes", "azure-vms"}
    systems = []
    for host, rows in jobs.items():
        verdict = "busy" if host in worse else "safe"
        count = sum(1 for row in rows if row["active"] and not row["continuous"])
        say = f"{count} active" if count else "Nothing is active."
        stages = {"gate": stage(verdict, 2, say), "drain": stage(verdict, 74, say, waited_seconds=4320)}
        systems.append(system(host, rows, verdict, **stages))
    running = "It is running and touches data."
    blockers = [
        blocker("vspc-frankfurt", "ERP application servers", running, started=at(-20), percent=62.0, eta=at(135),
                fits=True, stage="drain"),
        blocker("vspc-frankfurt", "Tape copy, weekly", running, started=at(-300), percent=18.5, eta=at(700),
                fits=False, stage="drain"),
        blocker("vspc-frankfurt", "Nightly, all sites", "Its next run begins before the change would be over.",
                fits=False),
        blocker("ontap-volumes", "vol_shares", "It is queued.", started=at(20), stage="drain"),
        blocker("azure-vms", "SQL databases", "It is stopping and has not ended.", started=at(3), percent=80.0,
                stage="drain"),
    ]  # fmt: skip
    return model(
        verdict="busy",
        code=1,
        msg="5 jobs of 3 systems are in the way, and the latest start, 00:30 UTC, is too near to wait for them.",
        systems=systems,
        blockers=blockers,
        actions=[
            action("vspc-frankfurt", "Mail servers", 45),
            action("azure-vms", "SQL databases", 58, "not_confirmed", message="The system still says Stopping"),
        ],
        objects=[
            *(
                covered(one["host"], row["name"] or "sync/copy", "met", 3.4)
                for one in systems
                for row in one["jobs"][:2]
            ),
            covered("azure-vms", "Key vaults", "breached", 49.5, "The last run failed for 2 of 5 objects."),
            covered("vspc-frankfurt", "Mail servers", "no_backup", None, "The only run that is shown was stopped."),
        ],
        unseen=[
            unseen("azure-vms", "abort", "The system has no endpoint to stop a job."),
            unseen("sf-cloud", "jobs before 22 February", "The API shows the last 7 days."),
        ],
        before_after=[
            {
                "host": one["host"],
                "system": one["system"],
                "active_before": sum(row["active"] for row in one["jobs"]),
                "active_after": None,
                "jobs_before": len(one["jobs"]),
                "jobs_after": None,
            }
            for one in systems
        ],
    )


def hostile() -> Model:
    """Give a report in which every text that comes from outside wants to be more than text."""
    words = list(HOSTILE)
    jobs = [
        job(word, number * 3.0 - 30, None if number % 4 == 0 else 20.0, None if number % 4 == 0 else "failed",
            id=word, type=word, message=word, vendor_state=word, state="unknown" if number % 4 == 0 else "finished")
        for number, word in enumerate(words)
    ]  # fmt: skip
    host = words[1]
    told = {
        **stage("cannot_tell", 61, words[0]),
        "reasons": [{"host": host, "system": None, "object": words[4], "why": words[5]}],
    }
    return model(
        verdict="cannot_tell",
        code=3,
        msg=f"The list of {words[0]} {words[5]} {words[13]} is not whole.",
        overridden={"reason": words[4], "by": words[5], "hosts": words[:8]},
        rehearsal=True,
        change={**model()["change"], "id": words[0], "title": words[17], "msg": words[6], "outcome": "failed"},
        runs=[
            {
                **model()["runs"][0],
                "user": words[5],
                "controller": words[0],
                "awx_url": "javascript:alert(1)",
                "id": words[1],
            }
        ],
        systems=[
            {**system(host, jobs, "cannot_tell", gate=told, drain=told), "title": words[0], "address": words[4]},
            {**system(words[13], [], "cannot_tell"), "system": None, "title": None, "address": None},
        ],
        blockers=[blocker(host, word, word, started=at(5), stage=word) for word in words],
        actions=[action(host, word, 30, "not known", reason=word, by=word, message=word) for word in words],
        objects=[covered(host, word, "unknown", None, word) for word in words],
        unseen=[unseen(host, word, word) for word in words],
        before_after=[
            {
                "host": word,
                "system": None,
                "active_before": None,
                "active_after": None,
                "jobs_before": None,
                "jobs_after": None,
            }
            for word in words
        ],
        collection_version=words[0],
    )


def many(count: int = 300) -> Model:
    """Give a system with many jobs, most of which are over."""
    results = ("success", "success", "success", "warning", "failed", "skipped")
    jobs = [
        job(f"Backup job number {number}", number % 220 - 120, None, None, percent=number % 100, eta=at(90 + number))
        if number % 12 == 0
        else job(f"Backup job number {number}", number % 150 - 120, 15 + number % 40, results[number % 6])
        for number in range(count)
    ]  # fmt: skip
    active = [one for one in jobs if one["active"]]
    return model(
        verdict="busy",
        code=1,
        msg=f"{len(active)} jobs are active on vspc-frankfurt.",
        systems=[system("vspc-frankfurt", jobs, "busy", gate=stage("busy", 80, f"{len(active)} active"))],
        blockers=[
            blocker("vspc-frankfurt", one["name"], "It is running.", started=one["started"], percent=one["percent"],
                    eta=one["eta"], fits=True)
            for one in active
        ],
        objects=[covered("vspc-frankfurt", one["name"]) for one in jobs if not one["active"]],
    )  # fmt: skip


def empty() -> Model:
    """Give a change without a window, of which nothing was seen."""
    change = dict.fromkeys(model()["change"]) | {"id": "CHG1", "outcome": "not_run"}
    return model(change=change, verdict="cannot_tell", code=3, msg="No system was asked.", runs=[], rendered_at=at(0))
