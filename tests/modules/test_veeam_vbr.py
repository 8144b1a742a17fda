# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only Veeam Backup & Replication does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import good, tale
from inside import play
from simulator import Simulator


@pytest.mark.parametrize(("number", "path"), [("301", "/api/v1/jobs/.*/stop"), ("302", "/api/v1/sessions/.*302/stop")])
def test_vbr_a_backup_is_stopped_gently_and_what_cannot_be_as_a_session(number: str, path: str) -> None:
    with play(tale("veeam_vbr", "will_not_end"), writes=True) as (sim, vbr):
        (job,) = vbr.look(job_ids=[f"b1380736-18a9-4fac-adfe-20abc5700{number}"]).jobs.values()
        vbr.system.stop_job(job)
    (write,) = sim.writes
    assert re.fullmatch(path, write.path)
    assert write.body == ('{"gracefulStop": true}' if number == "301" else "")
    assert sim.refused == []


def test_vbr_the_log_is_that_of_the_session(tmp_path: Path) -> None:
    with Simulator(tale("veeam_vbr")) as sim:
        wanted = {"job_ids": ["b1380736-18a9-4fac-adfe-20abc5700002"], "details": ["log"], "log_dest": str(tmp_path)}
        result = good("backup_job_info", {**sim.options, **wanted})
    assert "Processing fin-app-01" in (tmp_path / f"veeam_vbr-{wanted['job_ids'][0]}.log").read_text()
    assert len(result["logs"]) == 1
