# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to backup jobs, as events of ansible-rulebook."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

# ansible-rulebook runs this file by its path and knows no collections: the folder that holds ansible_collections.
sys.path.insert(0, str(Path(__file__).absolute().parents[7]))

from ansible_collections.changeops.backup.plugins.module_utils._core.times import Clock
from ansible_collections.changeops.backup.plugins.module_utils._edge.watch import watch

DOCUMENTATION = r"""
---
short_description: What happens to backup jobs
description:
  - Looks at a backup system again and again, and sends an event for each change.
  - An event has one key, C(backup), with C(event), C(id), C(at), C(source), C(system), C(reason) and C(job). The job is
    the object that the module M(changeops.backup.backup_job_info) returns, or null.
  - Each change is told once, over restarts and kills too, where O(state_file) is given. An event that may not have
    arrived is sent again with the same C(id).
  - An incomplete list, an unknown state and silence are never C(idle). What cannot be seen is told as
    C(source_degraded), once, and as C(source_recovered) when it can be seen again.
  - It reads, and writes nothing to the system. It never ends by itself.
options:
  interval:
    description: Seconds between looks. After a refused login it looks more and more rarely, up to every ten minutes.
    type: float
    default: 30
  events:
    description: Which events are sent; all if left out. What is not sent is known all the same.
    type: list
    elements: str
    choices:
      - job_started
      - job_finished
      - job_warning
      - job_failed
      - job_canceled
      - job_skipped
      - job_stalled
      - busy
      - idle
      - rpo_breached
      - rpo_met
      - source_degraded
      - source_recovered
  state_file:
    description:
      - A file in which the source remembers what it has told, of mode 0600. It belongs to one source, and has to lie
        where it survives a restart.
      - Without it, a restart tells what happened since O(since) once more.
    type: path
  since:
    description: At the first start, what ended before that is not told. ISO 8601 with an offset, or an age.
    type: str
    default: 1h
  stall_timeout:
    description:
      - After so many seconds in which nothing of a job has moved, C(job_stalled) is sent, once until it moves again.
      - Off if left out.
    type: float
  rpo:
    description:
      - Objects that need a good backup. Each is one of C(name) (shell wildcards are understood), C(type) or C(job_id),
        and a C(max_age) such as V(24h). The age counts from the start of the run. A restore is no backup.
      - C(rpo_breached) and C(rpo_met) are sent when that changes. Where nobody can tell, nothing is sent.
    type: list
    elements: dict
  # Those of the modules, from here on as `make states` writes them.
  system:
    description:
    - Which backup system to talk to.
    - Every other connection option that is left out, or empty, is looked up in the environment
      as E(BACKUP_<SYSTEM>_<OPTION>), such as E(BACKUP_VEEAM_VSPC_ACCESS_TOKEN). What a task gives
      always wins.
    type: str
    required: true
    choices:
    - avepoint_iaas_paas
    - avepoint_salesforce
    - flosum
    - netapp_bluexp
    - rclone
    - veeam_vspc
  url:
    description:
    - Address of the system without the path of its API, such as V(https://vspc.example:1280).
      A path of the API at its end is tolerated; the prefix of a reverse proxy belongs to it.
    - An address of this machine is never reached by a proxy. For others the usual variables count
      (E(HTTPS_PROXY), E(HTTP_PROXY), E(ALL_PROXY), E(NO_PROXY)).
    - Required for V(rclone) and V(veeam_vspc). For the other systems it stands instead of O(region),
      for an installation of your own.
    type: str
  region:
    description:
    - Region of a hosted system. For V(avepoint_iaas_paas) and V(avepoint_salesforce) one of V(us),
      V(ca), V(ne), V(we), V(uk), V(fr), V(de), V(ch), V(au), V(sg), V(jp), V(kr), V(uae), V(za),
      V(qa), V(gov), V(aos2) and V(fedramp). For V(flosum) one of V(us), V(de), V(jp) and V(au).
    type: str
  token_url:
    description:
    - Address of the token endpoint, where it is not the one that follows from O(region) or O(url).
    - Plain http is refused, except on this machine, and where O(url) is plain http as well and
      is reached by the same way.
    type: str
  access_token:
    description:
    - A ready bearer token or API key.
    - It is renewed only if credentials are given too.
    type: str
  client_id:
    description: Id of the OAuth client, for V(avepoint_iaas_paas), V(avepoint_salesforce), V(flosum)
      and V(netapp_bluexp).
    type: str
  client_secret:
    description: Secret of the OAuth client.
    type: str
  client_certificate:
    description:
    - File with the certificate (PEM) of the OAuth client, instead of O(client_secret), for V(avepoint_iaas_paas),
      V(avepoint_salesforce) and V(netapp_bluexp).
    - Needs the Python libraries C(PyJWT) and C(cryptography).
    type: path
  client_private_key:
    description: File with the private key (PEM, no passphrase) of O(client_certificate).
    type: path
  refresh_token:
    description: A refresh token, for V(flosum), V(netapp_bluexp) and V(veeam_vspc).
    type: str
  refresh_token_file:
    description:
    - File that holds the refresh token alone; given by itself it is enough.
    - When the system replaces the refresh token, the new one is written here, with mode 0600,
      before anything else is sent. What the file holds is newer than O(refresh_token) and is
      used first.
    type: path
  redirect_uri:
    description:
    - Redirect address of the OAuth client, for V(flosum).
    - For V(flosum), it is that of the connected app, and goes along also when a token is refreshed.
    type: str
  username:
    description: User name, for V(rclone) and V(veeam_vspc).
    type: str
  password:
    description: Password of O(username).
    type: str
  scope:
    description: OAuth scope, where it is not the product's own, for V(avepoint_iaas_paas) and
      V(avepoint_salesforce).
    type: str
  connection_id:
    description:
    - Id of the connection. Required for V(flosum).
    - For V(flosum), the user interface calls it an organization.
    type: int
  account_id:
    description: Id of the account. Required for V(netapp_bluexp).
    type: str
  agent_id:
    description:
    - Id of the agent by which the system is reached. Required for V(netapp_bluexp).
    - For V(netapp_bluexp), it is that of the agent (connector), usually with C(clients) at its
      end.
    type: str
  organization_id:
    description:
    - Only jobs of the organization with this id, for V(avepoint_salesforce).
    - For V(avepoint_salesforce), it is that of a Salesforce organization.
    type: str
  api_version:
    description:
    - Version of the API that is asked for, for V(veeam_vspc).
    - For V(veeam_vspc), it is sent as C(x-client-version); if left out, V(3.6.1) where the server
      takes it, else V(3.5.1).
    type: str
  collect:
    description:
    - Whether to have the system collect how the selected jobs are before they are looked at,
      at most every five minutes, for V(veeam_vspc); V(false) if left out.
    - For V(veeam_vspc), it collects from the backup servers of these jobs, whose agents report
      by themselves only once an hour; the login must not be read-only.
    - Such a request changes no job. It is sent once, not in check mode, and if it fails there
      is a warning.
    type: bool
  validate_certs:
    description: Whether to check TLS certificates; V(true) if left out.
    type: bool
  ca_path:
    description:
    - File with the certificates (PEM) of the authorities to trust.
    - Without it, E(REQUESTS_CA_BUNDLE) and E(CURL_CA_BUNDLE) are looked at.
    type: path
  request_timeout:
    description: Seconds that one HTTP exchange may take; V(30) if left out.
    type: float
  unreachable_timeout:
    description:
    - Seconds to go on trying without one good answer. If left out, V(300) for a wait, and V(60)
      where a task only looks, or is about to stop something.
    - Only reads are tried again. A request to stop a job is sent once.
    type: float
  job_ids:
    description:
    - Ids of the jobs.
    - An empty list selects no job at all; leave the option out to select by the others.
    type: list
    elements: str
    aliases:
    - job_id
  names:
    description:
    - Names of the jobs; shell wildcards are understood, letter case counts. A name may also be
      written as it is.
    - Jobs of V(avepoint_iaas_paas), V(avepoint_salesforce) and V(netapp_bluexp) have no names.
      What the name of a job is, the guide of the system says.
    type: list
    elements: str
  types:
    description:
    - Types of the jobs, in the words of the system (or its numbers), whatever the letter case.
    - A job of which the system does not say the name or type may be meant. It is shown and waited
      for, and never stopped.
    - Jobs of V(rclone) have no types.
    type: list
    elements: str
  kinds:
    description:
    - Only jobs that are for this, in the words of this collection. V(backup) makes a restore
      point of production data, V(copy) is of backups, V(other) is sync, report, retention, discovery
      or check.
    - Where the system does not say what a job is for, it may be meant. It is shown and waited
      for, and never stopped.
    type: list
    elements: str
    choices:
    - backup
    - copy
    - archive
    - restore
    - export
    - other
  exclude:
    description:
    - Ids of jobs, or names with shell wildcards, that are left out whatever else selects them.
      Letter case does not count here.
    type: list
    elements: str
  started_after:
    description:
    - Only jobs that started later than this. ISO 8601 with an offset, or an age such as V(90m),
      V(24h), V(7d).
    - Jobs of V(avepoint_salesforce) cannot be listed without a time window; there it is V(7d)
      if left out.
    - A job whose start is not known is shown and waited for, and never stopped.
    type: str
  started_before:
    description: Only jobs that started earlier than this; written as O(started_after).
    type: str
"""

EXAMPLES = r"""
- name: Backups of a console
  hosts: all
  sources:
    - changeops.backup.backup_jobs:
        system: veeam_vspc
        url: https://vspc.example:1280
        names: ["Nightly*"]
        state_file: /var/lib/rulebooks/vspc.json
        rpo:
          - name: Nightly SQL
            max_age: 24h
  rules:
    - name: A backup failed
      condition: event.backup.event == "job_failed"
      action:
        debug:
          msg: "{{ event.backup.reason }}"
"""

# Seconds after which a thread that hands over looks whether anybody still listens.
_MOMENT = 0.2
_LOG = logging.getLogger("changeops.backup.backup_jobs")


class _Ended(BaseException):
    """Nobody listens any more. Not an error, so that nothing on the way takes it for one."""


class _StoppableClock(Clock):
    """Time, until nobody listens."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def sleep(self, seconds: float) -> None:
        """Wait this long, or until the end."""
        if self.stopped.wait(max(0.0, seconds)):
            raise _Ended


class _Outlet:
    """From the thread that looks to the queue of the event loop; whoever is slow there holds up the looks."""

    def __init__(self, queue: asyncio.Queue[Any], loop: asyncio.AbstractEventLoop, clock: _StoppableClock) -> None:
        self._queue, self._loop, self._clock = queue, loop, clock

    def put(self, event: dict[str, Any]) -> None:
        """Hand over one event."""
        handed = asyncio.run_coroutine_threadsafe(self._queue.put(event), self._loop)
        while True:
            try:
                return handed.result(_MOMENT)
            except concurrent.futures.TimeoutError:
                if self._clock.stopped.is_set():
                    handed.cancel()
                    raise _Ended from None

    def waiting(self) -> int:
        """How many nobody has taken yet."""
        # ansible-rulebook hands out a queue with filters before the real one.
        size: int = getattr(self._queue, "queue", self._queue).qsize()
        return size

    def log(self, text: str) -> None:
        """Say something in the log of ansible-rulebook."""
        _LOG.warning("%s", text)


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Tell what happens to the jobs, for ever. Raises ValueError for arguments that cannot be."""
    loop, clock = asyncio.get_running_loop(), _StoppableClock()
    ended: asyncio.Future[str] = loop.create_future()

    def end(why: str) -> None:
        if not ended.done():
            ended.set_result(why)

    def look() -> None:
        try:
            why = watch(dict(args), os.environ, _Outlet(queue, loop, clock), clock)
        except _Ended:
            return
        except BaseException as exc:
            why = f"{type(exc).__name__}: {exc}"
        if not clock.stopped.is_set():
            loop.call_soon_threadsafe(end, why)

    # A daemon: an answer that does not come must not hold up the end of the process.
    thread = threading.Thread(target=look, name="backup_jobs", daemon=True)
    thread.start()
    try:
        raise ValueError(await ended)
    finally:
        clock.stopped.set()
        # Long enough to note what has arrived.
        thread.join(5 * _MOMENT)


if __name__ == "__main__":

    class _Printer(asyncio.Queue[Any]):
        """A queue that prints."""

        async def put(self, item: Any) -> None:
            """Print an event."""
            print(item)

    asyncio.run(main(_Printer(), {"system": "rclone", "url": "http://127.0.0.1:5572", "interval": 5}))
