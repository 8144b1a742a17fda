# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests have to know of a system. It is written from the vendor's documents, and never from our code."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import BackupError

Raw = dict[str, t.Any]
Word = t.Union[str, int]
# In every secret here, and nowhere in what a module says.
SECRET = "hunter2"
URL = "https://backup.example:1280"
CLIENT = {"client_id": "app", "client_secret": SECRET}
USER = {"username": "operator", "password": SECRET}
UUID = "0a1b2c3d-0000-1111-2222-333344445555"


class Login(t.NamedTuple):
    """One way to log in: the options beside those required, and the request that the vendor documents for them."""

    options: Mapping[str, str]
    path: str
    encoding: str
    fields: Mapping[str, str]


class Error(t.NamedTuple):
    """A documented error of the API: its status and body, what it is to us, and the words that have to be passed on."""

    status: int
    body: t.Any
    kind: type[BackupError]
    said: tuple[str, ...]


class Stop(t.NamedTuple):
    """The call that stops a running job of the story `every_state`, as our client sends it, and how it is answered."""

    method: str
    path: str
    # None: it takes none.
    body: Raw | None = None
    status: int = 200


@dataclass(frozen=True, kw_only=True)
class Played:
    """What is known beside that of a system that the simulator plays."""

    # What a task with the options of `Simulator.options` cannot do without: its url, ids, and the credential whose loss
    # leaves no way to log in.
    needed: tuple[str, ...]
    # An id that has the right shape, and that no story knows.
    unknown_id: str = "nowhere"
    # How the list is answered: its rows, how many there are in all, and how many came on the pages before.
    wrap: Callable[[list[Raw], int, int], t.Any]
    # Whether the API documents pages.
    pages: bool = True
    # A job for `generate:` of a story, with "{n}" where jobs differ.
    template: Raw
    # The words of a job that runs and of one that succeeded, as the API sends them.
    busy: Word
    done: Word
    # Words that could stand there one day, and that no document names.
    strange: tuple[Word, ...]
    # Whether this is how the vendor writes its errors: the body, and the status that it came with.
    is_error: Callable[[t.Any, int], bool]
    # Errors of the API. Those of the token endpoint: the status, the body, and the words that have to be passed on.
    errors: tuple[Error, ...]
    login_errors: tuple[tuple[int, t.Any, str], ...]
    # Method, path and query that a strict server refuses, and what it says of them; "/" is below the server's address.
    wrong_requests: tuple[tuple[str, str, str], ...] = ()
    # What is changed about a good login (None: left out), and the error that the token endpoint answers.
    wrong_logins: tuple[tuple[Mapping[str, str | None], str], ...]
    # None: the API has no such call. The first running job of `will_not_end` is stopped by the like of it.
    stop: Stop | None = None
    # Whether a client assertion has to name the key that signed it.
    names_key: bool = False


@dataclass(frozen=True, kw_only=True)
class Known:
    """One system: its words, its options, its ids and its answers."""

    # Vendor word -> state and result of the contract, as the API sends the word (a number is a number).
    words: Mapping[Word, tuple[str, str | None]]
    # Another spelling of a word, lower case -> the word.
    spellings: Mapping[str, Word] = field(default_factory=dict)
    # Raw jobs of some documented types, one that no document names among them: what such a run is for, and whether it
    # never ends.
    purposes: tuple[tuple[Raw, str | None, bool], ...]
    # The fields of a raw job that hold its id and its word; of several, the first one that is there counts.
    id_field: str
    state_fields: tuple[str, ...]
    # Where an API has no word for a state, or tells it in two fields: what makes one of a raw job, lower case; and what
    # those fields hold for a word, where the system is played.
    word_of: Callable[[Raw], str] | None = None
    fields_of: Callable[[Word], Raw] | None = None

    # Options of a good task. Where: a region or a url; nothing, if the vendor's address is the same for everybody.
    address: Mapping[str, str]
    # Region (None: none is given) -> where API and token endpoint are, as the vendor documents it.
    addresses: tuple[tuple[str | None, str, str], ...] = ()
    # What users paste behind the address and is no part of it, from its "/" on; the path of the list is the last one.
    pasted: tuple[str, ...] = ()
    # What the system asks for beside address and login.
    required: Mapping[str, t.Any] = field(default_factory=dict)
    # Who: a login with `SECRET` as its secret.
    login: Mapping[str, str]
    # Login options that are enough without a request, and the header that they become; None: there are none.
    ready: tuple[Mapping[str, str], str] | None = ({"access_token": "ready"}, "Bearer ready")
    # The other logins.
    logins: tuple[Login, ...] = ()

    # Ids that can be those of a job, those that cannot, and what they are told to be.
    ids: tuple[str, ...]
    not_ids: tuple[str, ...]
    id_is: str

    # Good answers of a server, by name: four jobs, not all of them done. Tests damage them in thousands of ways.
    answers: Mapping[str, t.Any]
    # Path of a request (a regular expression) -> the name of its answer, which fields of its body may fill; the first
    # one is that of the list. What is asked for elsewhere is the answer `one`, if there is one.
    calls: tuple[tuple[str, str], ...]
    # How the names of those answers begin that hold jobs, and by which names one gets from the top of them to the jobs.
    # The answer `one` may do without: if the first name is not in it, the answer itself is the job.
    with_jobs: tuple[str, ...] = ("list", "one")
    rows: tuple[str, ...]
    # What the list answers when it is asked for more; None: it is not asked.
    no_more: t.Any = None
    # The id of a job in `answers` that tests ask for alone; None where the API has no call for it.
    one: str | None = None
    # How many of the four jobs succeeded, wholly.
    successes: int
    # Where a call that the server has queued points to; None: it queues none.
    queue: str | None = None

    # None: the simulator does not play it.
    played: Played | None = None
    # Whether `make demo` shows it, which was written for some systems: a new one is not expected there.
    in_demo: bool = False

    @property
    def simplest(self) -> Raw:
        """Just enough options, of which nothing is sent before something is asked."""
        return {**self.address, **self.required, **(self.ready[0] if self.takes_token else self.login)}

    @property
    def takes_token(self) -> bool:
        """Whether a ready access token is a login."""
        return self.ready is not None and "access_token" in self.ready[0]

    @property
    def list_path(self) -> str:
        """The path of the list, as a regular expression."""
        return self.calls[0][0]

    @property
    def success(self) -> set[str]:
        """Every spelling, lower case, of a word for a success."""
        return self._spelled(lambda state, result: result == "success")

    @property
    def over(self) -> set[str]:
        """Every spelling, lower case, of a word by which a job is not active."""
        return self._spelled(lambda state, result: state in ("finished", "idle"))

    def _spelled(self, wanted: Callable[[str, str | None], bool]) -> set[str]:
        spelled = {str(word).casefold(): word for word in self.words} | dict(self.spellings)
        return {text for text, word in spelled.items() if wanted(*self.words[word])}

    def word(self, raw: Raw) -> str:
        """Read a raw job's word, lower case; empty where it is none."""
        if self.word_of is not None:
            return self.word_of(raw)
        value = next((raw[name] for name in self.state_fields if raw.get(name) is not None), None)
        if isinstance(value, float) and abs(value) < 1e9 and value.is_integer():
            value = int(value)
        return str(value).strip().casefold() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""

    def jobs_in(self, body: t.Any, answer: str = "list") -> list[t.Any]:
        """Give the jobs of an answer of that name as they stand there; one may stand for a list of one."""
        # By the good answer: this one may be damaged.
        bare = answer == "one" and self.rows and self.rows[0] not in self.answers["one"]
        for name in () if bare else self.rows:
            body = body.get(name) if isinstance(body, dict) else None
        return body if isinstance(body, list) else [body] if isinstance(body, dict) else []

    def answer_to(self, path: str, fields: Mapping[str, t.Any]) -> str:
        """Give the name of the answer to a request."""
        named = (name for pattern, name in self.calls if re.search(pattern, path))
        return next(named, "one").format(**fields)

    def raw(self, number: int, word: Word) -> Raw:
        """Make the job of that number: the template's, with this word."""
        assert self.played is not None
        written = str(self.played.template[self.id_field])
        found = number if written == "{n}" else re.sub(r"\{n[^}]*\}", lambda place: place[0].format(n=number), written)
        return {self.id_field: found, **self.fields(word)}

    def fields(self, word: Word) -> Raw:
        """Give the fields of a raw job that hold this word."""
        return {self.state_fields[0]: word} if self.fields_of is None else self.fields_of(word)
