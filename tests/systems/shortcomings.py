# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a description of a system lacks: each shortcoming is one sentence, and says what to write."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.changeops.backup.plugins.module_utils._systems.contract import BackupSystem
from simulator.vendors import VENDORS

from .known import SECRET, Known


def shortcomings(chosen: type[BackupSystem], known: Known) -> Iterator[str]:
    """Say what makes a description worth nothing to the tests that use it."""
    holding = [body for name, body in known.answers.items() if name.startswith(known.with_jobs) and name != "one"]
    listed = [job for body in holding for job in known.jobs_in(body)]
    if len(listed) != 4:
        yield f"answers hold {len(listed)} jobs to damage, and not four"
    if "one" in known.answers and not all(known.id_field in job for job in known.jobs_in(known.answers["one"], "one")):
        yield f"the answer `one` holds no job with {known.id_field}, by the names of `rows` or as a whole"
    if len({known.word(job) in known.over for job in listed}) != 2:
        yield "of the four jobs in answers one has to run and one has to have ended"
    if not known.success or known.success >= known.over:
        yield "words need one for success, and another end than success"
    if known.calls[0][1] not in known.answers:
        yield f"calls begin with {known.calls[0][1]!r}, which is not in answers: the first one is that of the list"
    if chosen.CAPABILITIES.one_by_id and known.one is None:
        yield "one is the id of a job in answers, which can be asked for alone"
    if SECRET not in known.login.values():
        yield "login holds SECRET, so that tests see whether it leaks"
    ways = [set(login.options) for login in chosen.LOGINS]
    if not known.logins and not known.ready:
        yield "neither logins nor ready say how to log in"
    for given in [*(login.options for login in known.logins), *([known.ready[0]] if known.ready else [])]:
        if not any(way <= set(given) for way in ways):
            yield f"{', '.join(given)} are no way to log in"
    if set(known.required) != set(chosen.REQUIRED) - {"url"}:
        yield f"required has to be {', '.join(sorted(set(chosen.REQUIRED) - {'url'})) or 'empty'}"
    if (chosen.REGIONS or chosen.DEFAULT_ADDRESS) and not known.addresses:
        yield "addresses say where the vendor's own servers are"
    if not known.pasted or not re.search(known.list_path, known.pasted[-1]):
        yield "pasted is what users paste behind the address, the path of the list as the last one"
    if not any(kind is None for _raw, kind, _continuous in known.purposes):
        yield "purposes need a raw job of a type that no document names"
    if not known.ids or not known.not_ids:
        yield "ids and not_ids say what an id is"


def shortcomings_played(chosen: type[BackupSystem], known: Known) -> Iterator[str]:
    """Say what makes it worth nothing to the tests that have it simulated."""
    system, played = chosen.NAME, known.played
    if played is None:
        if system in VENDORS:
            yield f"tests/simulator/vendors/{system}.py plays it: say how, in `played`"
        return
    if system not in VENDORS:
        yield f"`played` is there, and tests/simulator/vendors/{system}.py is not"
        return
    for name in ("needed", "strange", "errors", "login_errors", "wrong_logins"):
        if not getattr(played, name):
            yield f"{name} is empty"
    if chosen.CAPABILITIES.abort != (played.stop is not None):
        yield "`stop` is the call that stops a job, where the API has one"
    meanings = [known.words[played.busy], known.words[played.done]]
    if meanings != [("running", None), ("finished", "success")]:
        yield "`busy` and `done` are the words for running and for success"
    if known.word_of is not None and known.fields_of is None:
        # Tests would write a word of two fields into the first one, and read it back from there.
        yield "`fields_of` says what the fields hold that `word_of` reads a word from"
    for word in (*known.words, *played.strange):
        if (read := known.word(known.fields(word))) != str(word).casefold():
            yield f"`fields_of` a job with the word {word!r} gives what `word_of` reads as {read!r}"
    if known.jobs_in(played.wrap([{"a": 1}], 1, 0)) != [{"a": 1}]:
        yield "`wrap` does not put rows where `rows` says"
