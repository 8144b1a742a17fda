# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""What an option holds that differs from system to system: its fields as a table, and the check by it.

A refusal names the field and never says what it held, which may be a secret.
"""

from __future__ import annotations

import typing as t

from .._core.errors import Misconfigured
from .selection import UNSENDABLE

# What templates make of a boolean.
_FLAGS: t.Mapping[str, bool] = {"true": True, "yes": True, "false": False, "no": False}


class Field(t.NamedTuple):
    """One field: what it is, in a sentence for the documentation, and what it may hold."""

    about: str
    kind: t.Literal["text", "flag", "number", "object"] = "text"
    required: bool = True
    choices: tuple[str, ...] = ()
    # A text that may be empty.
    blank: bool = False
    # Of an object. Empty: whatever the system takes.
    fields: t.Mapping[str, Field] = {}


def checked(fields: t.Mapping[str, Field], given: t.Mapping[str, t.Any], path: str) -> dict[str, t.Any]:
    """Give what was given, each value as its field has it. Raises Misconfigured."""
    there = {str(name): value for name, value in given.items() if value is not None}
    strange = sorted(there.keys() - fields.keys())
    if strange:
        raise Misconfigured(f"{path} knows no {', '.join(strange)}: it holds {', '.join(fields)}")
    lacking = [name for name, field in fields.items() if field.required and name not in there]
    if lacking:
        raise Misconfigured(f"{path} needs {', '.join(lacking)}")
    return {name: _value(fields[name], value, f"{path}.{name}") for name, value in there.items()}


def _value(field: Field, value: t.Any, path: str) -> t.Any:
    if field.kind == "object":
        if not isinstance(value, t.Mapping):
            raise Misconfigured(f"{path} has to be a dictionary")
        return checked(field.fields, value, path) if field.fields else dict(value)
    if field.kind == "flag":
        flag = value if isinstance(value, bool) else _FLAGS.get(str(value).casefold())
        if flag is None:
            raise Misconfigured(f"{path} has to be true or false")
        return flag
    if field.kind == "number":
        text = str(value)
        if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) < 16):
            raise Misconfigured(f"{path} has to be a whole number")
        return int(text)
    return _text(field, value, path)


def _text(field: Field, value: t.Any, path: str) -> str:
    if not isinstance(value, str) or UNSENDABLE.search(value) or not (value.strip() or field.blank):
        raise Misconfigured(f"{path} has to be text on one line{'' if field.blank else ', and not blank'}")
    if field.choices and value not in field.choices:
        raise Misconfigured(f"{path} has to be one of {', '.join(field.choices)}")
    return value.strip()
