# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""From the timeline to shapes with a place: once for a desk and for paper, once for a phone. No markup."""

from __future__ import annotations

import typing as t

from .texts import ANSWERS, clock, job_name, moment, percent, seconds_of, short, state_words, utc
from .timeline import Bar, Lane, Mark, Timeline

LOOKS = {
    "success": "ok",
    "warning": "warn",
    "failed": "bad",
    "canceled": "off",
    "skipped": "off",
    "queued": "wait",
    "paused": "wait",
    "running": "run",
    "stopping": "stop",
}
MARKS = {"now": "last look", "latest_start": "latest start", "abort": "abort requested"}
_LEAST = 3.0
_ROW = 15.0


class Layout(t.NamedTuple):
    """How much room there is, also for the columns of words. ``beside``: they stand left of the bars, else above."""

    name: str
    width: float
    left: float
    right: float
    lane: float
    bar_y: float
    bar_height: float
    per_figure: int
    name_columns: int
    columns: int
    letter: float
    beside: bool


DESK = Layout("desk", 1000.0, 400.0, 10.0, 40.0, 12.0, 16.0, 14, 30, 58, 6.8, True)
PHONE = Layout("phone", 360.0, 6.0, 6.0, 60.0, 36.0, 14.0, 10, 27, 54, 6.8, False)


class Shape(t.NamedTuple):
    """A bar: what it looks like, where it lies, and arrows where it is cut."""

    look: str
    x: float
    y: float
    width: float
    height: float
    arrows: tuple[str, ...]


class Label(t.NamedTuple):
    """A moment with its line and its words."""

    kind: str
    x: float
    text: str
    text_x: float
    anchor: str
    y: float


class Row(t.NamedTuple):
    """A lane in its place. ``due`` and ``aborts`` are the middles of small signs."""

    name: str
    host: str
    note: str
    y: float
    name_y: float
    note_y: float
    sign_y: float
    shapes: tuple[Shape, ...]
    due: float | None
    aborts: tuple[Label, ...]


class Axis(t.NamedTuple):
    """A line of the axis with its words."""

    x: float
    label: str
    day: str | None
    anchor: str


class Figure(t.NamedTuple):
    """One picture; a long timeline is several, so that paper does not cut a lane."""

    id: str
    width: float
    height: float
    left: float
    top: float
    bottom: float
    window: Shape | None
    axis: tuple[Axis, ...]
    labels: tuple[Label, ...]
    rows: tuple[Row, ...]


def figures(line: Timeline, layout: Layout) -> list[Figure]:
    """Draw a timeline."""
    count = layout.per_figure
    parts = [line.lanes[at : at + count] for at in range(0, len(line.lanes), count)] or [()]
    pen = _Pen(layout)
    labels, height = pen.labels(line)
    top = height + 8
    return [
        pen.figure(f"{layout.name}-{number}", line, part, labels, top) for number, part in enumerate(parts, start=1)
    ]


class _Pen:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.room = layout.width - layout.left - layout.right

    def at(self, x: float) -> float:
        """From percent to the picture's units."""
        return round(self.layout.left + x * self.room / 100, 1)

    def figure(
        self, name: str, line: Timeline, lanes: t.Sequence[Lane], labels: tuple[Label, ...], top: float
    ) -> Figure:
        """Draw some of the lanes."""
        layout = self.layout
        rows = tuple(self.row(lane, top + 4 + layout.lane * number, line.now) for number, lane in enumerate(lanes))
        bottom = top + 8 + layout.lane * max(len(rows), 1)
        window = self.shape("window", line.window, top, bottom - top, 0.0) if line.window else None
        axis = tuple(self.axis(tick.x, tick.label, tick.day) for tick in line.ticks)
        return Figure(name, layout.width, bottom + 36, layout.left, top, bottom, window, axis, labels, rows)

    def axis(self, x: float, label: str, day: str | None) -> Axis:
        """Place a line of the axis; words at an edge turn inwards."""
        day = day if day is None or self.layout.beside else day.split(" ", 1)[-1]
        at = self.at(x)
        # Half of the widest words; left of the first line of a desk's axis there is room.
        half = 3.5 * self.layout.letter
        if at + half > self.layout.width:
            return Axis(at, label, day, "end")
        return Axis(at, label, day, "start" if at - half < 0 else "middle")

    def shape(self, look: str, drawn: Bar, y: float, height: float, least: float = _LEAST) -> Shape:
        """Place a bar. One of no length can still be seen."""
        x = self.at(drawn.x)
        width = max(self.at(drawn.x + drawn.width) - x, least)
        x = min(x, self.at(100.0) - width)
        middle, half = y + height / 2, height / 2 - 2
        arrows = []
        if drawn.from_before and look != "window":
            arrows.append(_points((x - 5, middle), (x + 3, middle - half), (x + 3, middle + half)))
        if drawn.goes_on and look != "window":
            right = x + width
            arrows.append(_points((right + 5, middle), (right - 3, middle - half), (right - 3, middle + half)))
        return Shape(look, round(x, 1), round(y, 1), round(width, 1), round(height, 1), tuple(arrows))

    def labels(self, line: Timeline) -> tuple[tuple[Label, ...], float]:
        """Place the words of window and marks in as few rows as they need; tell how high that is."""
        words: list[tuple[float, str, str]] = [
            (mark.x, mark.kind, f"{MARKS[mark.kind]} {utc(mark.seconds):%H:%M}") for mark in line.marks
        ]
        if line.window:
            words.append((line.window.x, "window", "window"))
        placed: list[tuple[str, float, str, float, str, int]] = []
        ends: list[float] = []
        for where, kind, text in sorted(words):
            width = len(text) * self.layout.letter
            x = self.at(where)
            anchor = "end" if x + width + 4 > self.layout.width else "start"
            left = x - width - 4 if anchor == "end" else x
            row = next((row for row, end in enumerate(ends) if end + 6 <= left), len(ends))
            # Many aborts of jobs that are gone keep their lines; words beyond the fourth row would be a wall.
            row = min(row, 3)
            ends[row : row + 1] = [left + width + 4]
            placed.append((kind, x, text, x + (-4 if anchor == "end" else 4), anchor, row))
        labels = tuple(
            Label(kind, x, text, round(text_x, 1), anchor, (row + 1) * _ROW)
            for kind, x, text, text_x, anchor, row in placed
        )
        return labels, max(len(ends), 1) * _ROW

    def row(self, lane: Lane, y: float, now: float | None) -> Row:
        """Place a lane."""
        layout, bar_y = self.layout, y + self.layout.bar_y
        look = LOOKS.get(lane.job["result"] or "", LOOKS.get(lane.job["state"], "odd"))
        shapes = [self.shape(look, lane.ran, bar_y, layout.bar_height)] if lane.ran else []
        if lane.expected:
            shapes.append(self.shape("expected", lane.expected, bar_y, layout.bar_height))
        return Row(
            short(job_name(lane.job), layout.name_columns),
            short(lane.host, layout.columns - layout.name_columns - 8),
            short(_note(lane, now), layout.columns),
            round(y, 1),
            round(y + (16 if layout.beside else 14), 1),
            round(y + (31 if layout.beside else 28), 1),
            round(bar_y + layout.bar_height / 2, 1),
            tuple(shapes),
            self.at(lane.due) if lane.due is not None else None,
            tuple(self.abort(one, bar_y) for one in lane.aborts),
        )

    def abort(self, mark: Mark, bar_y: float) -> Label:
        """Place the sign of an abort and its words, on the side where there is room."""
        x, text = self.at(mark.x), f"abort {utc(mark.seconds):%H:%M}"
        anchor = "end" if x + len(text) * self.layout.letter + 10 > self.layout.width else "start"
        # Above the bars of a phone there are words.
        y = bar_y - 2 if self.layout.beside else bar_y + self.layout.bar_height / 2 + 4
        return Label("abort", x, text, round(x + (-8 if anchor == "end" else 8), 1), anchor, round(y, 1))


def _points(*corners: tuple[float, float]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def _soon(time: str, now: float | None) -> str:
    """Write the time of day; with the date where it could be taken for that of another day."""
    seconds = seconds_of(time)
    near = seconds is not None and now is not None and abs(seconds - now) < 18 * 3600
    return clock(time) if near else moment(time)


def _note(lane: Lane, now: float | None) -> str:
    """Say in words what the bar shows."""
    job = lane.job
    words = [state_words(job)]
    if job["active"]:
        if job["percent"] is not None:
            words.append(percent(job["percent"]))
        if job["eta"]:
            words.append(f"until {_soon(job['eta'], now)}")
    elif lane.due is not None and lane.blocks:
        words.append(f"due {_soon(job['next_run'], now)}")
    if lane.blocks:
        words.append(f"blocks, fits: {ANSWERS[lane.fits]}")
    return " \u00b7 ".join(words)
