"""As much of OData's $filter as Defender's clients use: comparisons, `and`, `or`, brackets."""

import operator
import re
from collections.abc import Callable
from typing import Any

from tidegate.simulator.scene import fault, parsed

CLAUSE = re.compile(r"\(?\s*(\w+)\s+(eq|ne|ge|gt|le|lt)\s+('(?:[^']|'')*'|[^\s()]+)\s*\)?\s*")
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "ge": operator.ge,
    "gt": operator.gt,
    "le": operator.le,
    "lt": operator.lt,
}


def matches(document: dict[str, Any], text: str | None) -> bool:
    """Say whether the document passes the filter; none lets everything pass."""
    if not text:
        return True
    return all(
        any(_holds(document, clause) for clause in re.split(r"\s+or\s+", part))
        for part in re.split(r"\s+and\s+", text)
    )


def _holds(document: dict[str, Any], clause: str) -> bool:
    found = CLAUSE.fullmatch(clause)
    if found is None or found[1] not in document:
        raise fault(400, "ODataError", "Invalid filter.")
    name, compare, text = found.groups()
    value = document[name]
    if text.startswith("'"):
        return OPERATORS[compare](value, text[1:-1].replace("''", "'"))
    return OPERATORS[compare](parsed(value), parsed(text))
