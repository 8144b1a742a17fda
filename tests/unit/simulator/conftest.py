# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A correct client for each vendor, as small as can be, to try the simulator with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

import simulator
from systems import KNOWN

STORIES = Path(simulator.__file__).parent / "stories"


class Client:
    """Logged in, with the headers and the list call that the vendor's documents ask for."""

    def __init__(self, sim: simulator.Simulator) -> None:
        self.sim = sim
        self.options = sim.options
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update(sim.vendor.client_headers())

    def login_form(self) -> dict[str, str]:
        """Return the token request's fields."""
        return self.sim.vendor.token_request()

    def login(self, **changes: Any) -> requests.Response:
        """Ask for a token; a change to None leaves a field out."""
        fields = {name: value for name, value in {**self.login_form(), **changes}.items() if value is not None}
        how = {"form": "data", "json": "json"}[self.sim.vendor.token_body]
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
        return self.sim.vendor.list_path()

    @property
    def query(self) -> dict[str, Any]:
        """The query that lists everything."""
        return self.sim.vendor.list_query()

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
        return KNOWN[self.sim.story.system].jobs_in(answer.json())

    def every_job(self) -> list[dict[str, Any]]:
        """Return the jobs of all lists."""
        lists = [self.call("GET", path, params=self.query) for path in (self.base, *self.sim.vendor.more_lists())]
        return [job for answer in lists for job in KNOWN[self.sim.story.system].jobs_in(answer.json())]


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
