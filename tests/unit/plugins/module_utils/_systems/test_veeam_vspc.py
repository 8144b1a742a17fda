# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only Veeam Service Provider Console says."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._http.response import Response
from ansible_collections.changeops.backup.plugins.module_utils._systems.veeam_vspc import VeeamVspc


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"errors": [{"type": "transport", "code": 429, "retryAfter": 25}]}, 25.0),
        ({"errors": ["odd", {"message": "slow down"}, {"retryAfter": 7}]}, 7.0),
        ({"errors": {"retryAfter": 9}}, 9.0),
        ({"errors": [{"retryAfter": True}]}, None),
        ({"errors": [{"retryAfter": 10**400}]}, None),
        ({"errors": None}, None),
        ([{"retryAfter": 25}], None),
    ],
)
def test_the_wish_to_wait_is_in_the_body(body: t.Any, seconds: float | None) -> None:
    vspc = VeeamVspc.__new__(VeeamVspc)
    response = Response(429, {}, json.dumps(body).encode())
    assert response.retry_after(0.0, vspc.asks_to_wait(response)) == seconds
