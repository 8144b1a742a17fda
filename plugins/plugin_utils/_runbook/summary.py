# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The summary for a ticket: Markdown that is whole whatever comes in, in which a vendor's text is nothing but text.

Tickets also make links and mentions of what Markdown says is plain text, some of them after it was rendered. So
addresses and mentions are taken apart, not only escaped.
"""

from __future__ import annotations

import re
import typing as t

from .texts import (
    ACTIONS,
    ANSWERS,
    NOT_KNOWN,
    OBJECTS,
    OUTCOMES,
    VERDICTS,
    for_eyes,
    local,
    moment,
    percent,
    said,
    short,
    span,
)

Model = dict[str, t.Any]
Cells = tuple[str, ...]

# In bytes, so that it is enough however a ticket counts.
LIMIT = 3900
# Rows of a table and columns of a text, tried until the whole is short enough. The last one always is.
_SIZES = ((12, 90), (10, 70), (8, 60), (6, 50), (5, 44), (4, 40), (3, 36), (2, 30), (1, 24), (0, 24), (0, 12))
_LOOKALIKES = str.maketrans({"<": "\u2039", ">": "\u203a", "`": "'", "|": "\u00a6", "@": "(at)", "\uff20": "(at)"})
# Also without a scheme: some readers make a link of //host, and of www. alone. A bare name of a host stays as it is,
# because tickets are searched for it.
_ADDRESS = re.compile(r":(?=[/\\]{2})|[/\\](?=[/\\])|www(?=\.)", re.IGNORECASE)
# Numbers of issues, requests, snippets and so on.
_REFERENCE = re.compile(r"[#~](?=\w)|[!$%&](?=\d)")
_MARKS = re.compile(r"[\\*\[\]#~!$^={}&]|(?<![^\W_])_|_(?![^\W_])")


class Section(t.NamedTuple):
    """A table: its title, the heads of its columns, its rows, and how one of them is written."""

    title: str
    heads: str
    rows: list[Model]
    cells: t.Callable[[Model], Cells]


def summary(model: Model) -> str:
    """Write the summary."""
    report = for_eyes(model)
    for rows, columns in _SIZES:
        text = _written(report, rows, columns)
        if len(text.encode()) <= LIMIT:
            break
    return text


def plain(text: t.Any, columns: int) -> str:
    """Make a text plain text for every reader of Markdown."""
    shown = short(said(text), columns).translate(_LOOKALIKES)
    shown = _REFERENCE.sub(r"\g<0> ", _ADDRESS.sub(r"\g<0> ", shown))
    return _MARKS.sub(r"\\\g<0>", shown)


def _written(report: Model, rows: int, columns: int) -> str:
    parts = [_head(report, columns)]
    for section in _sections(report, columns):
        if not section.rows:
            continue
        count, heads = len(section.rows), section.heads.split(", ")
        part = [f"**{section.title}: {count}**", ""]
        if rows:
            lines = [section.cells(row) for row in section.rows[:rows]]
            part += [_line(heads), _line(["---"] * len(heads)), *map(_line, lines)]
        if count > rows:
            # A table ends with an empty line, or this would be a row of it.
            part += [*([""] if rows else []), f"and {count - rows} more, see report.json"]
        parts.append("\n".join(part))
    if not report["unseen"]:
        looked = "every system that was asked gave a whole answer" if report["systems"] else "no system was asked"
        parts.append(f"**What we could not see: 0**, {looked}.")
    parts.append(
        f"Rendered {moment(report['rendered_at'])} by changeops.backup {plain(report['collection_version'], 20)}."
    )
    return "\n\n".join(parts) + "\n"


def _line(cells: t.Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _head(report: Model, columns: int) -> str:
    """Say the verdict, what it is about, and how it went."""
    change, wide = report["change"], columns * 2
    word = f"{report['verdict']}, code {report['code']}"
    lines = [f"**Verdict: {VERDICTS[report['verdict']]}** ({word}). {plain(report['msg'], wide)}"]
    if report["rehearsal"]:
        lines.append("**REHEARSAL (check mode):** nothing was written to a backup system and the change did not run.")
    if report["overridden"]:
        over = report["overridden"]
        hosts = ", ".join(over["hosts"])
        by, why = plain(over["by"], columns), plain(over["reason"], wide)
        lines.append(f"**OVERRIDDEN** by {by}, for {plain(hosts, columns)}. Reason: {why}")
    title = f", {plain(change['title'], columns)}" if change["title"] else ""
    outcome = f"{OUTCOMES[change['outcome']]}{': ' + plain(change['msg'], wide) if change['msg'] else ''}"
    met = sum(row["verdict"] == "met" for row in report["objects"])
    facts = [
        f"- Change: {plain(change['id'], columns)}{title}",
        f"- Outcome: {outcome}",
        f"- Window: {_window(change)}",
        f"- Latest start: {moment(change['latest_start'])}; duration of the change: {span(change['duration'])}",
        f"- Systems: {len(report['systems'])}; jobs: {sum(len(system['jobs']) for system in report['systems'])}; "
        f"runs: {len(report['runs'])}",
        f"- Objects with a recent good backup: {met} of {len(report['objects'])}",
    ]
    return "\n\n".join([*lines, "\n".join(facts)])


def _window(change: Model) -> str:
    if not change["start"] and not change["end"]:
        return "none was given"
    ends = []
    for name in ("start", "end"):
        users = change[f"{name}_local"]
        ends.append(moment(change[name]) + (f" ({local(users)})" if users and change[name] else ""))
    return " to ".join(ends)


def _sections(report: Model, columns: int) -> list[Section]:
    def where(row: Model) -> tuple[str, str]:
        return plain(row["host"], columns // 2), plain(row["object"], columns)

    def blocker(row: Model) -> Cells:
        return (
            *where(row),
            plain(row["why"], columns),
            percent(row["percent"]),
            moment(row["eta"]),
            ANSWERS[row["fits"]],
        )

    def late(row: Model) -> Cells:
        return *where(row), OBJECTS[row["verdict"]], span(row["age_seconds"]), span(row["max_age_seconds"])

    def action(row: Model) -> Cells:
        done = f"{plain(row['action'], 20)}: {ACTIONS.get(row['outcome'], NOT_KNOWN)}"
        return *where(row), done, plain(row["by"], columns // 2), plain(row["reason"], columns)

    def late_run(row: Model) -> Cells:
        return *where(row), moment(row["due"])

    def gap(row: Model) -> Cells:
        return plain(row["host"], columns // 2), plain(row["what"], columns), plain(row["why"], columns)

    return [
        Section("In the way", "Host, Object, Why, Done, Expected end, Fits", report["blockers"], blocker),
        Section(
            "Objects without a recent good backup",
            "Host, Object, Verdict, Age, At most",
            [row for row in report["objects"] if row["verdict"] != "met"],
            late,
        ),
        Section("Actions", "Host, Object, Outcome, By, Reason", report["actions"], action),
        Section("Missed while schedules were held", "Host, Object, Was due", report["missed"], late_run),
        Section("What we could not see", "Host, What, Why", report["unseen"], gap),
    ]
