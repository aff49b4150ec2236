"""AbuseIPDB's blacklist: JSON, or one address per line when it was asked for as plain text."""

from typing import Any

import orjson

from tidegate.ports import BadPayload

PLAIN_CONFIDENCE = 100  # without a paid plan the list holds nothing less


def parse(payload: bytes) -> list[dict[str, Any]]:
    """Return the rows of one download. Raises BadPayload."""
    if payload.lstrip()[:1] in {b"{", b"["}:
        return _json(payload)
    lines = payload.decode("utf-8", "replace").split()
    return [_row(line, PLAIN_CONFIDENCE, None) for line in lines]


def _json(payload: bytes) -> list[dict[str, Any]]:
    try:
        found = orjson.loads(payload)
        return [
            _row(entry["ipAddress"], entry["abuseConfidenceScore"], entry["lastReportedAt"])
            for entry in found["data"]
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise BadPayload(f"not AbuseIPDB's blacklist: {error}") from error


def _row(address: str, confidence: int, reported: str | None) -> dict[str, Any]:
    return {
        "shape": "address",
        "value": address,
        "confidence": confidence,
        "last_seen": reported,
        "reference": f"https://www.abuseipdb.com/check/{address}",
    }
