# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The query language of VSPC lists: `filter`, `sort` and `select`, all JSON texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .base import unix

FIELDS = {"instanceUid", "name", "backupServerUid", "organizationUid", "mappedOrganizationUid", "siteUid"}
FIELDS |= {"locationUid", "uniqueUid", "createdBy", "creationTime", "status", "type", "lastRun", "lastEndTime"}
FIELDS |= {"lastDuration", "processingRate", "avgDuration", "transferredData", "backupChainSize", "bottleneck"}
FIELDS |= {"isEnabled", "scheduleType", "failureMessage", "targetType", "destination", "retentionLimit"}
FIELDS |= {"retentionLimitType", "isGfsOptionEnabled", "lastSessionTasks", "schedule"}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda a, b: a == b,
    "notEquals": lambda a, b: a != b,
    "contains": lambda a, b: isinstance(a, str) and str(b) in a,
    "in": lambda a, b: a in b,
    "lessThan": lambda a, b: a < b,
    "lessThanOrEqual": lambda a, b: a <= b,
    "greaterThan": lambda a, b: a > b,
    "greaterThanOrEqual": lambda a, b: a >= b,
    "subset": lambda a, b: set(a) <= set(b),
    "superset": lambda a, b: set(a) >= set(b),
}
_JOIN: dict[str, Callable[[list[bool]], bool]] = {
    "and": all,
    "or": any,
    "not": lambda found: not any(found),
    "exclusiveOr": lambda found: sum(found) == 1,
}
Keep = Callable[[dict[str, Any]], bool]


class QueryError(ValueError):
    """A query text that the server does not take."""


def _property(name: Any) -> str:
    if not isinstance(name, str) or name.split(".")[0] not in FIELDS:
        raise QueryError(f"unknown property {name!r}")
    return name


def _value(job: dict[str, Any], name: str) -> Any:
    found: Any = job
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _fold(value: Any, ignore: bool) -> Any:
    if isinstance(value, list):
        return [_fold(item, ignore) for item in value]
    moment = unix(value)
    if moment is not None:
        return moment
    return value.lower() if ignore and isinstance(value, str) else value


def _node(node: Any) -> Keep:
    if not isinstance(node, dict) or set(node) - {"property", "operation", "collation", "value", "items"}:
        raise QueryError(f"not a filter expression: {json.dumps(node)}")
    operation = node.get("operation")
    if operation in _JOIN:
        if not isinstance(node.get("items"), list) or not node["items"]:
            raise QueryError(f"{operation} needs items")
        items, join = [_node(item) for item in node["items"]], _JOIN[operation]
        return lambda job: join([item(job) for item in items])
    if operation not in _COMPARE or "value" not in node:
        raise QueryError(f"not a filter operation: {operation!r}")
    if node.get("collation", "ordinal") not in ("ordinal", "ignorecase", "lexicographic"):
        raise QueryError(f"not a collation: {node['collation']!r}")
    if operation in ("in", "subset", "superset") and not isinstance(node["value"], list):
        raise QueryError(f"{operation} needs an array")
    name, ignore, compare = _property(node.get("property")), node.get("collation") == "ignorecase", _COMPARE[operation]
    wanted = _fold(node["value"], ignore)

    def keep(job: dict[str, Any]) -> bool:
        try:
            return compare(_fold(_value(job, name), ignore), wanted)
        except TypeError:
            return False

    return keep


def _load(text: str, what: str) -> list[Any]:
    try:
        loaded = json.loads(text)
    except ValueError as error:
        raise QueryError(f"{what} is not JSON") from error
    loaded = [loaded] if isinstance(loaded, dict) and what == "filter" else loaded
    if not isinstance(loaded, list):
        raise QueryError(f"{what} is not an array")
    return loaded


def parse_filter(text: str | None) -> Keep:
    """Return the test that a filter text asks for; the expressions of an array must all hold."""
    if text is None:
        return lambda job: True
    nodes = [_node(node) for node in _load(text, "filter")]
    return lambda job: all(node(job) for node in nodes)


def parse_sort(text: str | None) -> list[tuple[str, bool]]:
    """Return (property, descending) pairs."""
    found = []
    for node in _load(text, "sort") if text is not None else []:
        if not isinstance(node, dict) or set(node) - {"property", "direction", "collation"}:
            raise QueryError(f"not a sort expression: {json.dumps(node)}")
        if node.get("direction", "ascending").lower() not in ("ascending", "descending"):
            raise QueryError(f"not a direction: {node['direction']!r}")
        found.append((_property(node.get("property")), node.get("direction", "").lower() == "descending"))
    return found


def parse_select(text: str | None) -> list[str] | None:
    """Return the properties to show, or None for all."""
    if text is None:
        return None
    nodes = _load(text, "select")
    if not nodes or any(not isinstance(node, dict) or set(node) != {"propertyPath"} for node in nodes):
        raise QueryError("select is an array of propertyPath objects")
    return [_property(node["propertyPath"]) for node in nodes]


def sort_key(job: dict[str, Any], name: str) -> tuple[bool, str | float]:
    """Order values of one property, missing ones first."""
    value = _fold(_value(job, name), ignore=True)
    return value is not None, value if isinstance(value, int | float | str) else str(value)


def select_fields(job: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return of a job the fields that were asked for."""
    tops = {name.split(".")[0] for name in names}
    return {key: value for key, value in job.items() if key in tops}
