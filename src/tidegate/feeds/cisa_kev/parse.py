"""CISA's catalogue of known exploited vulnerabilities: JSON, or the same as CSV."""

import csv
from io import StringIO
from typing import Any

import orjson

from tidegate.ports import BadPayload

NVD = "https://nvd.nist.gov/vuln/detail/"


def parse(payload: bytes) -> list[dict[str, Any]]:
    """Return a row for each vulnerability. Raises BadPayload."""
    try:
        found = _json(payload) if payload.lstrip()[:1] in {b"{", b"["} else _csv(payload)
        return [_row(entry) for entry in found]
    except (ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
        raise BadPayload(f"not CISA's catalogue: {error!r}") from error


def _json(payload: bytes) -> list[dict[str, Any]]:
    found = orjson.loads(payload)
    entries: list[dict[str, Any]] = found["vulnerabilities"]
    if len(entries) != found["count"]:
        raise BadPayload(f"{len(entries)} vulnerabilities where its count says {found['count']}")
    return entries


def _csv(payload: bytes) -> list[dict[str, Any]]:
    text = StringIO(payload.decode("utf-8-sig"), newline="")
    entries = list(csv.DictReader(text, strict=True))
    if not entries or any(None in entry.values() for entry in entries):
        raise BadPayload("a row of CISA's catalogue is cut short")
    return entries


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    ransomware = entry["knownRansomwareCampaignUse"] == "Known"
    return {
        "shape": "cve",
        "value": entry["cveID"],
        "confidence": 100,
        "first_seen": entry["dateAdded"],
        "tags": "exploited,ransomware" if ransomware else "exploited",
        "threat": entry["vulnerabilityName"],
        "reference": f"{NVD}{entry['cveID']}",
    }
