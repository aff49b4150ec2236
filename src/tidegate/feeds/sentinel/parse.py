"""Rows of Sentinel's tables, as a query answers or exports them.

`ThreatIntelIndicators` names an observable as STIX does. `ThreatIntelligenceIndicator`, which ended
in 2025, has a column for each kind, and stays readable for what was exported in time.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from tidegate.marks import joined, strictest, tlp
from tidegate.ports import BadPayload
from tidegate.stix.read import MARKINGS, attack_of, observables, shape_of

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
PORTS = ("NetworkPort", "NetworkSourcePort", "NetworkDestinationPort")
NO = {False, "false", "False"}
OVER = ("State: inactive;", "State: falsepos;")  # what Sentinel's own rules go by

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
    stix, more = _dynamic(cells.get("Data")), _dynamic(cells.get("AdditionalFields"))
    over = cells.get("IsActive") in NO or cells.get("IsDeleted") not in {*NO, None}
    over = over or any(state in str(stix.get("description")) for state in OVER)
    markings = (MARKINGS.get(ref) for ref in stix.get("object_marking_refs") or [])
    about = {
        "confidence": cells.get("Confidence"),
        "first_seen": cells.get("ValidFrom"),
        "last_seen": cells.get("Modified"),
        "expires": cells["TimeGenerated"] if over else cells.get("ValidUntil"),
        "tags": joined([*_tags(cells.get("Tags")), *attack_of(stix)]),
        "reference": cells.get("Id"),
        "tlp": strictest([tlp(more.get("TLPLevel")), *markings]),
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
        "tags": joined([*_tags(cells.get("Tags")), *_ports(cells)]),
        "reference": cells["IndicatorId"],
        "threat": cells.get("ThreatType") or None,
        "tlp": cells.get("TrafficLightProtocolLevel") or None,
    }
    for name, shape in OLD.items():
        if cells.get(name):
            yield {"shape": shape, "value": cells[name], **about}


def _dynamic(cell: Any) -> Cells:
    """Read a cell of a dynamic column: an object, or the JSON text of one."""
    found = orjson.loads(cell) if isinstance(cell, str) and cell else cell
    return found if isinstance(found, dict) else {}


def _ports(cells: Cells) -> set[str]:
    return {f"port:{cells[name]}" for name in PORTS if cells.get(name)}


def _tags(tags: Any) -> list[str]:
    """Tags are a list, or the JSON text of one, or plain text."""
    if isinstance(tags, str) and tags.startswith("["):
        tags = orjson.loads(tags)
    return tags.split(",") if isinstance(tags, str) else list(map(str, tags or []))
