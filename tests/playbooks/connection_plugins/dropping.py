# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to this machine that drops now and then, as ssh does."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: dropping
short_description: Local, but the connection drops when the module is started for the second time
description:
  - For tests. On a host whose name ends with C(before) the module is not run then; on others only its answer is lost.
author: changeops.backup contributors
options: {}
"""


class Connection(Local):
    """The local connection, with one fault."""

    transport = "dropping"
    starts = 0

    def exec_command(self, cmd: str, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Run a command, or lose the connection."""
        if "AnsiballZ_backup_job_wait" not in cmd or "chmod" in cmd:
            return super().exec_command(cmd, *args, **kwargs)
        self.starts += 1
        before = str(self._play_context.remote_addr).endswith("before")
        if self.starts == 2 and before:
            raise AnsibleConnectionFailure("the test dropped\nthe connection")
        answer = super().exec_command(cmd, *args, **kwargs)
        if self.starts == 2:
            raise AnsibleConnectionFailure("the test dropped the connection, and the answer")
        return answer
