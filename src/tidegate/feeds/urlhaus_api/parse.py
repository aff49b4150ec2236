"""URLhaus as JSON: the API's answer (a list under `urls`), or a dump (lists keyed by id)."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from tidegate.marks import joined
from tidegate.ports import BadPayload

COLUMNS = [
    "id",
    "dateadded",
    "url",
    "url_status",
    "last_online",
    "threat",
    "tags",
    "urlhaus_link",
    "reporter",
]
NOTHING = {"", "None"}


def past(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the full dump, which is CSV. Raises BadPayload."""
    told = csv.reader(line for line in lines if line[:1] != "#")
    try:
        for cells in filter(None, told):
            plain = [None if cell in NOTHING else cell for cell in cells]
            entry: dict[str, Any] = dict(zip(COLUMNS, plain, strict=True))
            yield _row({**entry, "tags": (entry["tags"] or "").split(",")}, cells[0])
    except (ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
        raise BadPayload(f"not URLhaus's CSV: {error}") from error


def parse(payload: bytes) -> list[dict[str, Any]]:
    """Return the rows of one answer or dump. Raises BadPayload."""
    try:
        return [_row(entry, number) for number, entry in _entries(orjson.loads(payload))]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadPayload(f"not URLhaus's JSON: {error}") from error


def _entries(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if "query_status" in found:
        # Nothing new is said with a status of its own, and HTTP 200.
        if found["query_status"] not in {"ok", "no_results"}:
            raise BadPayload(f"URLhaus answered {found['query_status']}")
        yield from ((entry["id"], entry) for entry in found.get("urls") or [])
        return
    for number, entries in found.items():
        yield from ((number, entry) for entry in entries)


def _row(entry: dict[str, Any], number: str) -> dict[str, Any]:
    online = entry["url_status"] == "online"
    page = f"https://urlhaus.abuse.ch/url/{number}/"
    return {
        "shape": "url",
        "value": entry["url"],
        "confidence": 90 if online else 80,
        "first_seen": entry.get("date_added") or entry.get("dateadded"),
        "last_seen": entry.get("last_online"),
        "tags": joined(entry.get("tags") or []),
        "threat": entry.get("threat"),
        "reference": entry.get("urlhaus_reference") or entry.get("urlhaus_link") or page,
    }
