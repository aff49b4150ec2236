"""ThreatFox: the JSON export (lists keyed by id) and the API's answer (a list under `data`)."""

from collections.abc import Iterator
from typing import Any

import orjson

from tidegate.ports import BadPayload

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


def parse(payload: bytes) -> list[dict[str, Any]]:
    """Return the rows of one export or answer. Raises BadPayload."""
    try:
        return [_row(entry, number) for number, entry in _entries(orjson.loads(payload))]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadPayload(f"not ThreatFox's JSON: {error}") from error


def _entries(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if "query_status" in found:
        if found["query_status"] not in {"ok", "no_result"}:
            raise BadPayload(f"ThreatFox answered {found['query_status']}")
        yield from ((entry["id"], entry) for entry in found["data"] if isinstance(entry, dict))
        return
    for number, entries in found.items():
        yield from ((number, entry) for entry in entries)


def _row(entry: dict[str, Any], number: str) -> dict[str, Any]:
    tags = entry.get("tags") or ""
    return {
        "shape": SHAPES.get(entry["ioc_type"]),
        "value": entry["ioc_value"] if "ioc_value" in entry else entry["ioc"],
        "confidence": entry["confidence_level"],
        "first_seen": entry.get("first_seen_utc") or entry.get("first_seen"),
        "last_seen": entry.get("last_seen_utc") or entry.get("last_seen"),
        "tags": tags if isinstance(tags, str) else ",".join(tags),
        "threat": entry.get("malware_printable"),
        "reference": f"https://threatfox.abuse.ch/ioc/{number}/",
    }
