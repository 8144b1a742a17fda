# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not extend it from elsewhere.
"""What is started, where that is no definition: computed from the tables of the systems."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.changeops.backup.plugins.module_utils._systems.fields import Field
from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS
from ansible_collections.changeops.backup.plugins.plugin_utils._prose import systems_that


def _told(fields: t.Mapping[str, Field]) -> t.Iterator[str]:
    for name, field in fields.items():
        of = f" ({'; '.join(_told(field.fields))})" if field.fields else ""
        words = f", one of {', '.join(f'V({word})' for word in field.choices)}" if field.choices else ""
        yield f"C({name}){'' if field.required else ', which can be left out'} - {field.about}{words}{of}"


def _lines() -> t.Iterator[str]:
    for name in sorted(SYSTEMS):
        if SYSTEMS[name].STARTS:
            yield json.dumps(f"For V({name}) {'; '.join(_told(SYSTEMS[name].STARTS))}.")


_DEFINED = systems_that(lambda system: system.CAPABILITIES.start and not system.STARTS)
_ITEMS = "".join(f"      - {line}\n" for line in _lines())


class ModuleDocFragment:
    """The option ``start``."""

    # Annotated because the sanity test that reads fragments understands only plain text behind a plain assignment.
    DOCUMENTATION: str = f"""
---
options:
  start:
    description:
      - What to start, in the words of the system. For {_DEFINED} it is a definition, and O(job_id) or O(name) says
        which.
      - What is unknown here, missing or of another kind is refused before anything is sent.
{_ITEMS}    type: dict
"""
