# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many processes share the tests, and what each of them need not look at again."""

from __future__ import annotations

import gc
import os


def pytest_xdist_auto_num_workers() -> int:
    """Twice as many as there are processors: more than half of its time a story waits for processes it has started."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_finish() -> None:
    """Keep thousands of collected tests out of each collection of garbage: a wait asks for one after a failed look."""
    gc.collect()
    gc.freeze()
