"""As much of OData's $filter as Defender's clients use: comparisons, `and`, `or`, brackets."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
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
SQL = {"eq": "IS", "ne": "IS NOT", "ge": ">=", "gt": ">", "le": "<=", "lt": "<"}

Literal = str | int | datetime | None


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison of a field with a value."""

    name: str
    compare: str
    value: Literal

    def holds(self, document: Mapping[str, Any]) -> bool:
        if self.name not in document:
            raise _senseless()
        held = document[self.name]
        if isinstance(self.value, datetime) and held is not None:
            held = parsed(held)
        if held is None or self.value is None:
            return (held is self.value) is (self.compare == "eq")
        return OPERATORS[self.compare](held, self.value)


def matches(document: Mapping[str, Any], text: str | None) -> bool:
    """Say whether the document passes the filter; none lets everything pass."""
    return all(any(clause.holds(document) for clause in part) for part in _clauses(text))


def where(text: str | None, names: Mapping[str, str]) -> tuple[str, list[str | int | None]]:
    """Return the filter as an SQL condition with its values.

    `names` are the fields that may be filtered by, and what they are called in the memory.
    """
    parts, values = ["TRUE"], list[str | int | None]()
    for part in _clauses(text):
        spelled = [_sql(clause, names) for clause in part]
        parts.append(f"({' OR '.join(condition for condition, _ in spelled)})")
        values += [value for _, value in spelled]
    return " AND ".join(parts), values


def _sql(clause: Clause, names: Mapping[str, str]) -> tuple[str, str | int | None]:
    if clause.name not in names:
        raise _senseless()
    field = f"json_extract(body, '$.{names[clause.name]}')"
    compare = SQL[clause.compare]
    if isinstance(clause.value, datetime):
        return f"julianday({field}) {compare} julianday(?)", clause.value.isoformat()
    return f"{field} {compare} ?", clause.value


def _clauses(text: str | None) -> list[list[Clause]]:
    """Read the filter: all of these must hold, of each any."""
    if not text:
        return []
    return [
        [_clause(clause) for clause in re.split(r"\s+or\s+", part)]
        for part in re.split(r"\s+and\s+", text)
    ]


def _clause(text: str) -> Clause:
    found = CLAUSE.fullmatch(text)
    if found is None:
        raise _senseless()
    name, compare, literal = found.groups()
    return Clause(name, compare, _literal(literal))


def _literal(text: str) -> Literal:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text == "null":
        return None
    if text.isdecimal():
        return int(text)
    try:
        time = parsed(text)
    except ValueError as error:
        raise _senseless() from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _senseless() -> Exception:
    return fault(400, "ODataError", "Invalid filter.")
