# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that a story orders: when they strike, and what they do."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

from .story import StoryError

ACTIONS = {"status", "headers", "body", "content_type", "reset", "cut", "delay", "html", "not_json", "redirect"}
ACTIONS |= {"expire_token", "throttle"}
_KEYS = {"path", "kind", "method", "nth", "every", "rate", "from", "until", "do"}
PROXY_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
)


class Fault:
    """One rule of a story. It counts the requests it matches."""

    def __init__(self, rule: Mapping[str, Any], seed: int) -> None:
        do = rule.get("do")
        if set(rule) - _KEYS or not isinstance(do, Mapping) or not do or set(do) - ACTIONS:
            raise StoryError(f"not a fault: {dict(rule)!r}")
        if rule.get("kind", "any") not in ("any", "read", "login", "write"):
            raise StoryError(f"not a kind of request: {rule['kind']!r}")
        self.do = dict(do)
        self._rule = dict(rule)
        self._path = re.compile(rule.get("path", ""))
        nth = rule.get("nth")
        self._nth = None if nth is None else set(nth if isinstance(nth, list) else [nth])
        self._random = random.Random(seed)
        self._count = 0

    def strikes(self, method: str, path: str, kind: str, now: float) -> bool:
        """Return whether this request is hit."""
        rule = self._rule
        if not self._path.search(path) or rule.get("kind", "any") not in ("any", kind):
            return False
        if rule.get("method", method) != method or not rule.get("from", now) <= now <= rule.get("until", now):
            return False
        self._count += 1
        if self._nth is not None:
            return self._count in self._nth
        if "every" in rule:
            return self._count % int(rule["every"]) == 0
        return "rate" not in rule or self._random.random() < float(rule["rate"])
