# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A strict simulator of backup vendors' job APIs on loopback. See README.md."""

from __future__ import annotations

from .journal import Entry
from .server import Simulator
from .story import Story, StoryError, load_story

__all__ = ["Entry", "Simulator", "Story", "StoryError", "load_story"]
