"""Rows of Sentinel's tables, as a query answers or exports them.

`ThreatIntelIndicators` names an observable as STIX does. `ThreatIntelligenceIndicator`, which ended
in 2025, has a column for each kind, and stays readable for what was exported in time.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from tidegate.ports import BadPayload
from tidegate.stix.read import observables, shape_of

OLD = {
    "NetworkIP": "address",
    "NetworkSourceIP": "address",
    "NetworkDestinationIP": "address",
    "NetworkCidrBlock": "address",
    "EmailSourceIpAddress": "address",
    "DomainName": "domain",
    "EmailSourceDomain": "domain",
    "Url": "url",
    "EmailSenderAddress": "email",
    "FileHashValue": "hash",
}
NO = {False, "false", "False"}

Row = dict[str, Any]
Cells = Mapping[str, Any]


def parse(payload: bytes) -> list[Row]:
    """Return a row for each observable of each row. Raises BadPayload."""
    try:
        return [row for cells in _cells(orjson.loads(payload)) for row in _rows(cells)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadPayload(f"not rows of Sentinel's tables: {error!r}") from error


def _cells(found: Any) -> Iterator[Cells]:
    if isinstance(found, list):
        yield from found
        return
    for table in found["tables"]:
        names = [column["name"] for column in table["columns"]]
        yield from (dict(zip(names, row, strict=True)) for row in table["rows"])


def _rows(cells: Cells) -> Iterator[Row]:
    if "ObservableKey" in cells:
        yield from _new(cells)
    elif "IndicatorId" in cells:
        yield from _old(cells)
    else:
        raise BadPayload("a row of neither table")


def _new(cells: Cells) -> Iterator[Row]:
    over = cells.get("IsActive") in NO or cells.get("IsDeleted") not in {*NO, None}
    about = {
        "confidence": cells.get("Confidence"),
        "first_seen": cells.get("ValidFrom"),
        "last_seen": cells.get("Modified"),
        "expires": cells["TimeGenerated"] if over else cells.get("ValidUntil"),
        "tags": _tags(cells.get("Tags")),
    }
    if cells["ObservableKey"]:
        found = [(shape_of(cells["ObservableKey"]), cells["ObservableValue"])]
    else:
        found = list(observables(cells.get("Pattern")))
    for shape, value in found:
        yield {"shape": shape, "value": value, **about}


def _old(cells: Cells) -> Iterator[Row]:
    about = {
        "confidence": cells.get("ConfidenceScore"),
        "last_seen": cells["TimeGenerated"],
        "expires": cells["TimeGenerated"]
        if cells.get("Active") in NO
        else cells.get("ExpirationDateTime"),
        "tags": _tags(cells.get("Tags")),
        "threat": cells.get("ThreatType") or None,
        "tlp": cells.get("TrafficLightProtocolLevel") or None,
    }
    for name, shape in OLD.items():
        if cells.get(name):
            yield {"shape": shape, "value": cells[name], **about}


def _tags(tags: Any) -> str:
    """Tags are a list, or the JSON text of one, or plain text."""
    if isinstance(tags, str) and tags.startswith("["):
        tags = orjson.loads(tags)
    return tags if isinstance(tags, str) else ",".join(map(str, tags or []))
