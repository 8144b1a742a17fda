# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The page of the evidence: the template places what the model and the timeline hold, in the words of ``texts``."""

from __future__ import annotations

import typing as t
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from . import texts
from .drawing import DESK, LOOKS, PHONE, figures
from .timeline import timeline

TEMPLATE = "report.html.j2"
# Beyond that a browser on a phone gives up; report.json has them all, and the page says how many it leaves out.
MOST_ROWS = 500
# Worst first: what is not met is what is looked for.
_OBJECTS = ("no_backup", "breached", "unknown", "met")


def page(model: dict[str, t.Any], templates: Path) -> str:
    """Write the page."""
    # No cache, and no reload: one page is written, once.
    environment = Environment(
        loader=FileSystemLoader(str(templates)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        moment=texts.moment,
        clock=texts.clock,
        local=texts.local,
        span=texts.span,
        percent=texts.percent,
        said=texts.said,
        short=texts.short,
        job_name=texts.job_name,
        state=texts.state_words,
        iso=lambda seconds: texts.utc(seconds).isoformat(),
    )
    report = texts.for_eyes(model)
    line = timeline(report)
    return environment.get_template(TEMPLATE).render(
        report=report,
        objects=sorted(report["objects"], key=_by_need),
        timeline=line,
        drawings=[(layout, figures(line, layout)) for layout in (DESK, PHONE)],
        most=MOST_ROWS,
        stages=texts.STAGES,
        looks=LOOKS,
        words={
            "verdicts": texts.VERDICTS,
            "outcomes": texts.OUTCOMES,
            "objects": texts.OBJECTS,
            "actions": texts.ACTIONS,
            "answers": texts.ANSWERS,
        },
    )


def _by_need(row: dict[str, t.Any]) -> tuple[int, float]:
    return _OBJECTS.index(row["verdict"]), -(row["age_seconds"] or 0.0)
