# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the evidence: the same numbers in each, and no text of a vendor is more than text."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import typing as t
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.render import COLUMNS, render, sums
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.summary import plain
from ansible_collections.changeops.backup.plugins.plugin_utils._runbook.texts import (
    local,
    moment,
    one_line,
    percent,
    short,
    span,
)

from . import models

TEMPLATES = Path(__file__).parents[5] / "roles" / "backup_report" / "templates"
ALL = [models.safe, models.busy, models.hostile, models.many, models.empty]
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff\U000e0041]")

every_model = pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
Make = t.Callable[[], models.Model]


def texts(model: models.Model) -> dict[str, str]:
    return {name: content.decode() for name, content in render(model, TEMPLATES).items()}


class Seen(HTMLParser):
    """What a browser would make of a page, as far as it matters: elements, attributes, text."""

    EMPTY = frozenset({"meta", "br", "path", "rect", "line", "circle", "polygon"})

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, name: str) -> list[str]:
        return [value or "" for _tag, attrs in self.elements for key, value in attrs if key == name]


# -- the page -------------------------------------------------------------------------------------------------------


@every_model
def test_the_page_is_whole_and_loads_and_runs_nothing(make: Make) -> None:
    page = texts(make())["report.html"]
    seen = Seen(page)
    assert seen.open == []
    tags = {tag for tag, _attrs in seen.elements}
    assert not tags & {"script", "img", "link", "iframe", "object", "a", "form", "base", "use", "image"}
    names = {name for _tag, attrs in seen.elements for name, _value in attrs}
    assert not [name for name in names if name.startswith("on") or name in ("href", "src", "style", "action", "srcset")]
    assert not re.search(r"url\((?!#)|@import", page[: page.index("</style>")])
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in dict.fromkeys(
        pair for _tag, attrs in seen.elements for pair in attrs
    )
    assert 'name="referrer" content="no-referrer"' in page
    assert '<html lang="en">' in page
    ids = seen.attributes("id")
    assert len(ids) == len(set(ids))
    assert {one for value in seen.attributes("aria-labelledby") for one in value.split()} <= set(ids)


def test_no_element_and_no_attribute_comes_from_a_vendor() -> None:
    hostile = Seen(texts(models.hostile())["report.html"])
    harmless = models.hostile()

    def calmed(value: t.Any) -> t.Any:
        if isinstance(value, str) and value in models.HOSTILE:
            return f"text {models.HOSTILE.index(value)}"
        if isinstance(value, dict):
            return {name: calmed(one) for name, one in value.items()}
        return [calmed(one) for one in value] if isinstance(value, list) else value

    calm = Seen(texts(calmed(harmless))["report.html"])
    # Jobs of one moment stand in the order of their names, so pieces may change places; none may come or go.
    assert sorted(tag for tag, _attrs in hostile.elements) == sorted(tag for tag, _attrs in calm.elements)
    assert {(tag, tuple(name for name, _value in attrs)) for tag, attrs in hostile.elements} == {
        (tag, tuple(name for name, _value in attrs)) for tag, attrs in calm.elements
    }
    for name in ("class", "id", "data-label", "role", "aria-labelledby"):
        assert sorted(hostile.attributes(name)) == sorted(calm.attributes(name))
    assert "<script>alert(1)</script>" in hostile.text
    assert "{{ 7 * 7 }}{% raw %}" in hostile.text


@every_model
def test_the_timeline_is_well_formed(make: Make) -> None:
    page = texts(make())["report.html"]
    drawings = re.findall(r'<svg class="gantt".*?</svg>\n(?=<svg class="gantt"|</div>)', page, re.DOTALL)
    assert len(drawings) >= 2 or "no job to draw" in page
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert root.get("role") == "img"
        assert root.get("viewBox")
        named = (root.get("aria-labelledby") or "").split()
        assert [child.get("id") for child in root if child.tag in ("title", "desc")] == named


def test_the_page_says_what_matters_in_words() -> None:
    said = Seen(texts(models.busy())["report.html"]).text
    for words in (
        "Busy",
        "Verdict: busy, code 1 of 0",
        "2026-03-01 22:00 UTC to 2026-03-02 02:00 UTC",
        "2026-03-01 23:00 UTC+01:00 to 2026-03-02 03:00 UTC+01:00",
        "latest start 00:30",
        "last look 23:14",
        "abort 22:45",
        "opsuser",
        "awx-1.example",
        "https://vspc.example:1280",
        "Tape copy, weekly",
        "No backup",
        "Too old",
        "CHG0012345 needs the servers quiet",
        "The API shows the last 7 days.",
        "Approved by",
    ):
        assert words in said, words
    assert "Overridden" not in said
    assert "Rehearsal" not in said


def test_override_and_rehearsal_are_said_in_page_and_summary() -> None:
    over = {"reason": "the board accepts the risk", "by": "duty manager", "hosts": ["nas-sync"]}
    files = texts(models.safe() | {"overridden": over, "rehearsal": True})
    for said in (Seen(files["report.html"]).text, files["summary.md"]):
        assert "the board accepts the risk" in said
        assert "duty manager" in said
        assert "nas-sync" in said
        assert re.search("rehearsal", said, re.IGNORECASE)
        assert re.search("overridden", said, re.IGNORECASE)


def test_nothing_unseen_and_nothing_asked_are_not_the_same() -> None:
    assert "Nothing was hidden from us: every system that was asked" in texts(models.safe())["report.html"]
    empty = texts(models.empty())["report.html"]
    assert "Nothing was hidden" not in empty
    assert "No system was asked, so there is nothing that we saw." in empty
    assert "this page proves no backup" in empty


def test_a_long_text_is_short_on_the_page_and_whole_for_machines() -> None:
    files = texts(models.hostile())
    assert "x" * 700 not in files["report.html"]
    assert "x" * 700 not in files["summary.md"]
    assert "x" * 5000 in files["report.json"]


# -- for machines ---------------------------------------------------------------------------------------------------


@every_model
def test_the_same_model_gives_the_same_bytes(make: Make) -> None:
    first = render(make(), TEMPLATES)
    assert first == render(make(), TEMPLATES)
    later = render(make() | {"rendered_at": "2031-05-06T07:08:09Z"}, TEMPLATES)
    assert later["jobs.csv"] == first["jobs.csv"]
    for name in ("report.html", "summary.md"):
        shown = moment(make()["rendered_at"]).encode()
        assert len(first[name].splitlines()) == len(later[name].splitlines())
        changed = [
            line
            for line, other in zip(first[name].splitlines(), later[name].splitlines(), strict=True)
            if line != other
        ]
        assert changed
        assert all(shown in line for line in changed)


@every_model
def test_json_holds_the_model(make: Make) -> None:
    content = texts(make())["report.json"]
    # Half characters are no text that JSON could carry.
    model = json.loads(re.sub(r"\\ud83d(?!\\ud)|(?<!d)\\udc00", r"\\ufffd", json.dumps(make())))
    assert json.loads(content) == model
    assert not STEERING.search(content)


def test_json_takes_no_number_that_is_none() -> None:
    job = models.job("odd", 0, 5, percent=float("nan"), duration=float("inf"))
    read = json.loads(texts(models.model(systems=[models.system("nas-sync", [job])]))["report.json"])
    assert (read["systems"][0]["jobs"][0]["percent"], read["systems"][0]["jobs"][0]["duration"]) == (None, None)


@every_model
def test_the_table_has_a_row_for_each_job_of_the_model(make: Make) -> None:
    rows = list(csv.DictReader(io.StringIO(texts(make())["jobs.csv"], newline="")))
    jobs = [(system["host"], job) for system in make()["systems"] for job in system["jobs"]]
    assert len(rows) == len(jobs)
    for row, (_host, job) in zip(rows, jobs, strict=True):
        assert row["state"] == job["state"]
        assert row["active"] == str(job["active"]).lower()
        assert row["counts_total"] == str(job["counts"]["total"])
        assert row["started"] == (job["started"] or "")
        assert None not in row.values()


def test_the_header_is_that_of_the_contract() -> None:
    assert texts(models.empty())["jobs.csv"] == (
        "system,id,name,type,state,result,active,vendor_state,started,finished,duration,percent,eta,kind,continuous,"
        "next_run,counts_successful,counts_failed,counts_skipped,counts_total,message,log_path,host\r\n"
    )


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\t=1", "' =1"),
        ("\r=1", "' =1"),
        ("  =1", "'  =1"),
        ('"=1', "'\"=1"),
        ("'=1", "''=1"),
        ("\u3000\uff1d1", "'\u3000\uff1d1"),
        ("\uff0b1", "'\uff0b1"),
        ("\uff0d1", "'\uff0d1"),
        ("\uff20x", "'\uff20x"),
        ("a;=1", "a;'=1"),
        ("a\nb", "a b"),
        ("a=1", "a=1"),
        ("10-20", "10-20"),
        ('say "no", please', 'say "no", please'),
        ("\u202egnp", "\\u202egnp"),
    ],
)
def test_no_cell_is_a_formula(name: str, cell: str) -> None:
    job = models.job(name, 0, 5, percent=-5)
    (row,) = csv.DictReader(
        io.StringIO(texts(models.model(systems=[models.system("nas-sync", [job])]))["jobs.csv"], newline="")
    )
    assert row["name"] == cell
    # A number is none.
    assert row["percent"] == "-5"
    assert list(row) == list(COLUMNS)


@every_model
def test_the_numbers_agree(make: Make) -> None:
    model, files = make(), texts(make())
    read = json.loads(files["report.json"])
    page = Seen(files["report.html"]).text
    table = list(csv.reader(io.StringIO(files["jobs.csv"], newline="")))
    jobs = sum(len(system["jobs"]) for system in read["systems"])
    assert len(table) - 1 == jobs
    assert f"jobs: {jobs};" in files["summary.md"]
    assert f"Verdict: {read['verdict']}, code {read['code']} " in page
    assert f"({read['verdict']}, code {read['code']})" in files["summary.md"]
    for title, name in (("In the way", "blockers"), ("Actions", "actions"), ("What we could not see", "unseen")):
        assert f"{title} {len(model[name])}\n" in page
        assert not model[name] or f"**{title}: {len(model[name])}**" in files["summary.md"]


@every_model
def test_sha256sum_accepts_the_sums(make: Make, tmp_path: Path) -> None:
    files = render(make(), TEMPLATES)
    assert sorted(files) == ["SHA256SUMS", "jobs.csv", "report.html", "report.json", "summary.md"]
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    check = ["sha256sum", "-c", "--strict", "SHA256SUMS"]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.count(": OK") == 4
    (tmp_path / "report.json").write_bytes(b"{}")
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode == 1


def test_sha256sum_accepts_odd_names(tmp_path: Path) -> None:
    (tmp_path / "back\\slash\nline").write_bytes(b"x")
    (tmp_path / "SUMS").write_bytes(sums({"back\\slash\nline": b"x"}))
    subprocess.run(["sha256sum", "-c", "--strict", "SUMS"], cwd=tmp_path, capture_output=True, check=True)


@every_model
def test_nothing_steers_or_turns_around_in_any_file(make: Make) -> None:
    for name, content in texts(make()).items():
        assert not STEERING.search(content.replace("\r\n", "\n")), name


# -- the ticket -----------------------------------------------------------------------------------------------------


@every_model
def test_the_summary_is_short_and_its_tables_are_whole(make: Make) -> None:
    summary = texts(make())["summary.md"]
    assert len(summary.encode()) < 4000
    assert summary.startswith("**Verdict: ")
    for table in re.findall(r"(?:^\|.*\n)+", summary, re.MULTILINE):
        lines = table.splitlines()
        assert re.fullmatch(r"\|( --- \|)+", lines[1])
        assert len({line.count("|") for line in lines}) == 1
    for before, after in zip(summary.splitlines(), summary.splitlines()[1:], strict=False):
        assert not before.startswith("|") or after.startswith("|") or after == ""


@pytest.mark.parametrize("word", ["\u5907" * 400, "@" * 400, "\u202e" * 60, "\U0001f600" * 400, "#1" * 400, "&" * 400])
def test_the_summary_is_short_whatever_comes_in(word: str) -> None:
    rows = [models.blocker(word, word, word) for _number in range(200)]
    change = {**models.model()["change"], "id": word, "title": word, "msg": word}
    summary = texts(
        models.model(
            change=change,
            msg=word,
            blockers=rows,
            overridden={"reason": word, "by": word, "hosts": [word] * 50},
            actions=[models.action(word, word, 5, reason=word, by=word)] * 200,
            objects=[models.covered(word, word, "unknown", None, word)] * 200,
            unseen=[models.unseen(word, word, word)] * 200,
            collection_version=word,
        )
    )["summary.md"]
    assert len(summary.encode()) < 4000
    for title in ("In the way", "Actions", "What we could not see"):
        assert f"**{title}: 200**" in summary
    assert re.search(r"^and \d+ more, see report\.json$", summary, re.MULTILINE)


@pytest.mark.parametrize("word", models.HOSTILE)
def test_a_text_in_the_summary_is_nothing_but_text(word: str) -> None:
    text = plain(one_line(word), 200)
    assert not re.search(r"//|www\.|@|[<>`|\n]", text)
    # No mark without its backslash, and no backslash that the text brought along alone.
    assert not re.search(r"(?<!\\)(?:\\\\)*(?<!\\)[*\[\]#~!$^={}&]", text)
    assert not re.search(r"[#!](?=\d)", text)


def test_ordinary_names_stay_as_they_are_in_the_summary() -> None:
    for name in ("SQL_PROD-full (daily), 50 %", "Backup job 1.2", "R/W: D"):
        assert plain(name, 80) == name


# -- words ----------------------------------------------------------------------------------------------------------


def test_times_and_durations_in_words() -> None:
    assert moment("2026-03-01T22:00:00Z") == "2026-03-01 22:00 UTC"
    assert moment("2026-03-01T22:00:07.250Z") == "2026-03-01 22:00:07 UTC"
    assert moment(None) == moment("soon") == "not known"
    assert local("2026-03-01T23:00:00-03:30") == "2026-03-01 23:00 UTC-03:30"
    assert local("2026-03-01T23:00:00Z") == "2026-03-01 23:00 UTC+00:00"
    assert local(None) == "not known"
    assert [span(one) for one in (0, 59.4, 60, 61, 3600, 86399, 90000, -90, None, True, float("nan"))] == [
        "0 s", "59 s", "1 min", "1 min 01 s", "1 h 00 min", "23 h 59 min", "1 d 1 h", "-1 min 30 s",
        "not known", "not known", "not known",
    ]  # fmt: skip
    assert (percent(62.0), percent(18.5), percent(None)) == ("62 %", "18.5 %", "not known")


def test_a_text_is_cut_by_columns_and_piles_of_accents_are_not_kept() -> None:
    assert short("abcdef", 6) == "abcdef"
    assert short("abcdefg", 6) == "abcde\u2026"
    assert short("\u5907\u4efd\u4efb\u52a1", 6) == "\u5907\u4efd\u2026"
    assert short("e" + "\u0301" * 50, 6) == "e" + "\u0301" * 3
