# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""The one file, beside the modules themselves, that also an older Python has to understand: it says what is needed."""

import json
import sys

OLDEST = (3, 9)


def require_python() -> None:
    """End the module where its Python is too old for everything that comes after, in the way that Ansible reads."""
    if sys.version_info >= OLDEST:
        return
    needed, found = (".".join(map(str, version)) for version in (OLDEST, sys.version_info[:3]))
    message = (
        f"Nothing was sent: these modules need Python {needed} or later, and this is {found} ({sys.executable}). Set "
        "ansible_python_interpreter for this host, or run the task on the control node with delegate_to: localhost."
    )
    sys.stdout.write(json.dumps({"failed": True, "msg": message}) + "\n")
    raise SystemExit(1)
