"""ThreatFox: the JSON export (lists keyed by id) and the API's answer (a list under `data`)."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from tidegate.marks import joined
from tidegate.ports import BadPayload

COLUMNS = [
    "first_seen_utc",
    "ioc_id",
    "ioc_value",
    "ioc_type",
    "threat_type",
    "fk_malware",
    "malware_alias",
    "malware_printable",
    "last_seen_utc",
    "confidence_level",
    "is_compromised",
    "reference",
    "tags",
    "anonymous",
    "reporter",
]
NOTHING = {"", "None"}
SHAPES = {
    "ip:port": "socket",
    "domain": "domain",
    "url": "url",
    "md5_hash": "md5",
    "sha1_hash": "sha1",
    "sha256_hash": "sha256",
    "envelope_from": "email",
    "body_from": "email",
}
NO_FAMILY = {None, "", "Unknown malware"}
YES = {True, "True", "true"}


def parse(payload: bytes) -> list[dict[str, Any]]:
    """Return the rows of one export or answer. Raises BadPayload."""
    try:
        return [_row(entry, number) for number, entry in _entries(orjson.loads(payload))]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadPayload(f"not ThreatFox's JSON: {error}") from error


def past(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the full export, which is CSV. Raises BadPayload."""
    told = csv.reader((line for line in lines if line[:1] != "#"), skipinitialspace=True)
    try:
        for cells in filter(None, told):
            plain = [None if cell in NOTHING else cell for cell in cells]
            entry = dict(zip(COLUMNS, plain, strict=True))
            sure = entry["confidence_level"]
            yield _row({**entry, "confidence_level": int(sure) if sure else None}, str(cells[1]))
    except (ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
        raise BadPayload(f"not ThreatFox's CSV: {error}") from error


def _entries(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if "query_status" in found:
        if found["query_status"] not in {"ok", "no_result"}:
            raise BadPayload(f"ThreatFox answered {found['query_status']}")
        yield from ((entry["id"], entry) for entry in found["data"] if isinstance(entry, dict))
        return
    for number, entries in found.items():
        yield from ((number, entry) for entry in entries)


def _row(entry: dict[str, Any], number: str) -> dict[str, Any]:
    family = entry.get("malware_printable")
    return {
        "shape": SHAPES.get(entry["ioc_type"]),
        "value": entry["ioc_value"] if "ioc_value" in entry else entry["ioc"],
        "confidence": entry["confidence_level"],
        "first_seen": entry.get("first_seen_utc") or entry.get("first_seen"),
        "last_seen": entry.get("last_seen_utc") or entry.get("last_seen"),
        "tags": joined(_tags(entry)),
        "threat": None if family in NO_FAMILY else family,
        "reference": f"https://threatfox.abuse.ch/ioc/{number}/",
    }


def _tags(entry: dict[str, Any]) -> Iterator[str]:
    """Yield the tags (a list, or a text with commas), what the threat is for, whose host it is."""
    tags = entry.get("tags") or []
    yield from tags.split(",") if isinstance(tags, str) else tags
    if entry.get("threat_type"):
        yield entry["threat_type"]
    if entry.get("is_compromised") in YES:
        yield "compromised"
