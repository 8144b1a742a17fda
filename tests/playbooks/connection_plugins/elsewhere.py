# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to this machine that looks like one to another."""

from __future__ import annotations

from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: elsewhere
short_description: Local, but under another name
description:
  - For tests of what is done for other machines.
author: changeops.backup contributors
options: {}
"""


class Connection(Local):
    """The local connection."""

    transport = "elsewhere"
