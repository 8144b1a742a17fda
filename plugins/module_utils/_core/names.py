# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The name of a change: one plain segment of a path. No I/O."""

from __future__ import annotations

import re
import typing as t

_ID = re.compile(r"\w[\w.+#@=,: -]{0,126}(?<![ ])$")


def check_change_id(change_id: t.Any) -> str:
    """Give the change id. Raises ValueError where it is not one plain path segment."""
    text = str(change_id)
    if not _ID.match(text) or text.endswith("\n"):
        raise ValueError(
            f"the change id has to be one plain name of at most 127 letters, digits and . _ - + # @ = , : or blanks, "
            f"that begins with a letter or a digit, not {text!r}"
        )
    return text
