# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A correct client for each vendor, as small as can be, to try the simulator with."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

import simulator

STORIES = Path(simulator.__file__).parent / "stories"


class Client:
    """Logged in, with the headers and the list call that the vendor's documents ask for."""

    def __init__(self, sim: simulator.Simulator) -> None:
        self.sim = sim
        self.options = sim.options
        self.session = requests.Session()
        self.session.trust_env = False
        if sim.story.system == "veeam_vspc":
            self.session.headers["x-client-version"] = "3.6.1"
        if sim.story.system == "netapp_bluexp":
            self.session.headers["x-agent-id"] = sim.credentials["agent_id"]

    def login_form(self) -> dict[str, str]:
        """Return the token request's fields."""
        pick = {name: value for name, value in self.options.items() if name in ("client_id", "client_secret")}
        system = self.sim.story.system
        if system == "flosum":
            more = {name: self.options[name] for name in ("redirect_uri", "refresh_token")}
            return {"grant_type": "refresh_token", **pick, **more}
        if system == "veeam_vspc":
            pick = {name: self.options[name] for name in ("username", "password")}
            return {"grant_type": "password", **pick}
        scope = {"avepoint_salesforce": "salesforce.public.read.all"}.get(system, "platformbackup.readwrite.all")
        extra = {"audience": "https://api.cloud.netapp.com"} if system == "netapp_bluexp" else {"scope": scope}
        return {"grant_type": "client_credentials", **pick, **extra}

    def login(self, **changes: Any) -> requests.Response:
        """Ask for a token; a change to None leaves a field out."""
        fields = {name: value for name, value in {**self.login_form(), **changes}.items() if value is not None}
        how = "json" if self.sim.story.system == "netapp_bluexp" else "data"
        return self.session.post(self.sim.token_url, **{how: fields}, timeout=5)  # type: ignore[arg-type]

    def enter(self) -> Client:
        """Log in."""
        answer = self.login()
        assert answer.status_code == 200, answer.text
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return self

    @property
    def base(self) -> str:
        """The path of the job list."""
        return {
            "flosum": f"/api/v1/connections/{self.options.get('connection_id')}/backups",
            "avepoint_salesforce": "/backup/sfbapi/jobs",
            "avepoint_iaas_paas": "/backup/vm/jobs",
            "netapp_bluexp": f"/account/{self.options.get('account_id')}/providers/cloudmanager_cbs/api/v1/job",
            "veeam_vspc": "/api/v3/infrastructure/backupServers/jobs",
        }[self.sim.story.system]

    @property
    def query(self) -> dict[str, Any]:
        """The query that lists everything."""
        if self.sim.story.system == "flosum":
            types = ["full", "full & sync", "template", "archive"]
            statuses = ["In Progress", "Exception", "Completed", "Aborted"]
            return {"page": 1, "limit": 2000, "types": types, "statuses": statuses}
        if self.sim.story.system == "avepoint_salesforce":
            now = datetime.datetime.now(datetime.timezone.utc)
            days = {"startTime": now - datetime.timedelta(days=7), "finishTime": now + datetime.timedelta(days=1)}
            return {name: day.strftime("%Y-%m-%dT%H:%M:%SZ") for name, day in days.items()} | {"pageSize": "500"}
        return {"pageSize": "500"} if self.sim.story.system == "avepoint_iaas_paas" else {}

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send one request to the API."""
        return self.session.request(method, self.sim.url + path, timeout=5, allow_redirects=False, **options)

    def get(self, path: str = "", **params: Any) -> requests.Response:
        """Get a path below the list, or the list."""
        return self.call("GET", self.base + path, params={**({} if path else self.query), **params})

    def jobs(self, **params: Any) -> list[dict[str, Any]]:
        """Return one page of jobs."""
        answer = self.get(**params)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        for name in ("items", "job", "jobs"):
            if name in body:
                return list(body[name])
        return list(body["data"]["jobs"] if isinstance(body["data"], dict) else body["data"])


Play = Callable[..., Client]


@pytest.fixture
def play() -> Iterator[Play]:
    """Return a function that plays a story (a system's name, or a mapping) and logs a client in."""
    with ExitStack() as stack:

        def start(system: str, name: str | None = "every_state", *, enter: bool = True, **story: Any) -> Client:
            source: Any = STORIES / system / f"{name}.yml"
            if name is None or story:
                source = {**(simulator_story(source) if name else {"system": system}), **story}
            client = Client(stack.enter_context(simulator.Simulator(source)))
            return client.enter() if enter else client

        yield start


def simulator_story(path: Path) -> dict[str, Any]:
    """Read a story file as a mapping."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), loader)
    return loaded
