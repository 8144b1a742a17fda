# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The tables of a system: its words, its addresses, its logins, what its ids look like; and how words are looked up."""

from __future__ import annotations

import re
import typing as t
from datetime import timedelta

from .._core.job import UNDOCUMENTED, Kind, Meaning
from .connection import Login
from .fields import Field
from .selection import Selection


class Capabilities(t.NamedTuple):
    """What the system's API can do. Returned by the modules, so that a role can decide before the change window."""

    one_by_id: bool
    abort: bool
    steps: bool = False
    log: bool = False
    percent: bool = False
    names: bool = False
    # A job is a definition that runs again and again, and shows its latest run.
    definitions: bool = False
    start: bool = False
    schedule: bool = False


class Vocabulary:
    """What a system's file says first, before any call."""

    NAME: t.ClassVar[str]
    TITLE: t.ClassVar[str]
    # Vendor word, lower case -> what it means: one of job.STATES and, where that is "finished", one of job.RESULTS.
    STATES: t.ClassVar[t.Mapping[str, Meaning]]
    # Vendor number -> vendor word, where the API speaks in numbers.
    TYPES: t.ClassVar[t.Mapping[str, str]] = {}
    # Vendor type, lower case -> what such a run is for. A type that is not here is not known to be a backup.
    KINDS: t.ClassVar[t.Mapping[str, Kind]] = {}
    KINDS_SOURCE: t.ClassVar[str] = ""
    # Vendor types, lower case, that run for ever in the background, as the vendor documents.
    CONTINUOUS: t.ClassVar[frozenset[str]] = frozenset()
    CAPABILITIES: t.ClassVar[Capabilities]
    # Region -> (API address, token address). Empty: the system is known only by its url.
    REGIONS: t.ClassVar[t.Mapping[str, tuple[str, str]]] = {}
    # API and token address of a service that is the same for all its customers.
    DEFAULT_ADDRESS: t.ClassVar[tuple[str, str] | None] = None
    # The path that all calls, or most of them, begin with.
    API_ROOT: t.ClassVar[str]
    # What users paste behind the address and is no part of it, as a pattern: the API's root, alone or with the path of
    # the list. A root of one segment alone can as well be a reverse proxy's prefix.
    PASTED: t.ClassVar[str] = ""
    # Where it is documented, or was seen, that every error of the API has one of these fields. JSON with others was not
    # said by it, but by a gateway.
    ERROR_FIELDS: t.ClassVar[tuple[str, ...]] = ()
    # How far back jobs are listed where the API demands a window and the task does not say.
    WINDOW: t.ClassVar[timedelta | None] = None
    # Where the token endpoint is, seen from the url of a system that is not in a region.
    TOKEN_PATH: t.ClassVar[str] = ""
    LOGINS: t.ClassVar[tuple[Login, ...]]
    REQUIRED: t.ClassVar[tuple[str, ...]] = ()
    # Connection options that this system can use beside those of its logins.
    OPTIONAL: t.ClassVar[tuple[str, ...]] = ()
    # Option -> what it is to this system, where the documentation of the option leaves that to each one that uses it.
    OPTION_NOTES: t.ClassVar[t.Mapping[str, str]] = {}
    # What a job id looks like: a pattern and its description. Anything else is refused before it is sent.
    ID_FORMAT: t.ClassVar[tuple[str, str]] = (r".+", "not empty")
    # Whether an id is the same in either letter case. A job then wears its id as it was asked for.
    ID_FOLDS: t.ClassVar[bool] = False
    # Whether jobs have types, and words for types that look like one but that no job wears.
    HAS_TYPES: t.ClassVar[bool] = True
    NOT_TYPES: t.ClassVar[frozenset[str]] = frozenset()
    # What an operator does where the API has no abort, no start, no switch for schedules.
    INSTEAD_OF_ABORT: t.ClassVar[str] = ""
    INSTEAD_OF_START: t.ClassVar[str] = ""
    INSTEAD_OF_SCHEDULE: t.ClassVar[str] = ""
    # What the option ``start`` holds. Empty, where a definition is started, by its id or its name.
    STARTS: t.ClassVar[t.Mapping[str, Field]] = {}

    @classmethod
    def meaning(cls, word: t.Any) -> Meaning:
        """Look a vendor's state up; what is not in the table is ``unknown``."""
        return UNDOCUMENTED if word is None else cls.STATES.get(str(word).casefold(), UNDOCUMENTED)

    @classmethod
    def purpose(cls, word: str | None) -> dict[str, t.Any]:
        """The fields of a job that follow from its type."""
        key = (word or "").casefold()
        return {"type": word, "kind": cls.KINDS.get(key), "continuous": key in cls.CONTINUOUS}

    @classmethod
    def pasted(cls) -> str:
        """What is cut off at the end of an address, as a pattern."""
        alone = cls.API_ROOT.count("/") > 1
        return cls.PASTED or re.escape(cls.API_ROOT if alone else f"{cls.API_ROOT}/list")

    @classmethod
    def id_key(cls, job_id: str) -> str:
        """What is the same for two spellings of one id."""
        return job_id.casefold() if cls.ID_FOLDS else job_id

    @classmethod
    def type_word(cls, word: str | None) -> str | None:
        """The vendor's word for a type that may come as a number."""
        return None if word is None else cls.TYPES.get(word, word)

    @classmethod
    def type_number(cls, selection: Selection) -> str | None:
        """The vendor's number of the type selected; None: there are several, none, or one without a number."""
        if len(selection.types) != 1:
            return None
        word = str(cls.type_word(selection.types[0])).casefold()
        return next((number for number, known in cls.TYPES.items() if known.casefold() == word), None)

    @classmethod
    def only_word(cls, selection: Selection, words: t.Iterable[str]) -> str | None:
        """The one of these words that the selected states and results leave; None: they leave several, or all."""
        # What has a state that no document names may be meant too.
        if not (selection.states or selection.results) or "unknown" in selection.states:
            return None
        meanings = {word: cls.STATES[word] for word in words}
        left = [
            word
            for word, meaning in meanings.items()
            if meaning.state in (selection.states or (meaning.state,))
            and meaning.result in (selection.results or (meaning.result,))
        ]
        return left[0] if len(left) == 1 else None
