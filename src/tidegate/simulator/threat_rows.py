"""Rows of ThreatIntelIndicators: invented ones, live or ended, and those that were uploaded."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tidegate.simulator.answers import shown
from tidegate.simulator.memory import Document
from tidegate.simulator.scene import parsed
from tidegate.simulator.signin_rows import TENANT, attackers, text, uuid
from tidegate.stix.pattern import Malformed, comparisons

DAYS = 14
REPUBLISHED_AFTER = timedelta(days=7)
SOURCES = ["Microsoft Threat Intelligence", "Tidegate", "Example ISAC"]
KINDS = {
    "ipv4-addr:value": 30,
    "ipv6-addr:value": 22,
    "network-traffic:src_ref.value": 8,
    "domain-name:value": 24,
    "url:value": 15,
    "": 1,  # a pattern that Sentinel could not read has no observable
}
TYPES = ["malicious-activity", "anomalous-activity", "compromised", "attribution"]
# How an indicator ended, in a hundred; the others live.
ENDS = {"live": 82, "inactive": 5, "deleted": 3, "expired": 6, "revoked": 2, "falsepos": 2}


def rows(rng: Random, now: datetime, count: int) -> Iterator[dict[str, Any]]:
    """Yield `count` rows; an indicator older than seven days comes a second time, republished."""
    bad = attackers(rng)
    left = count
    while left > 0:
        row = _row(rng, now, bad)
        yield row
        left -= 1
        again = datetime.fromisoformat(row["TimeGenerated"]) + REPUBLISHED_AFTER
        if left > 0 and again < now:
            yield _republished(row, again)
            left -= 1


def _row(rng: Random, now: datetime, bad: list[str]) -> dict[str, Any]:
    made = now - timedelta(days=DAYS) * rng.random()
    key = rng.choices(list(KINDS), list(KINDS.values()))[0]
    value = _observable(rng, key, bad)
    end = rng.choices(list(ENDS), list(ENDS.values()))[0]
    guid, source = uuid(rng), rng.choice(SOURCES)
    until = now - timedelta(hours=1) if end == "expired" else made + timedelta(days=30)
    return {
        "TimeGenerated": text(made),
        "_TimeReceived": text(made + timedelta(seconds=rng.uniform(1, 120))),
        "WorkspaceId": TENANT,
        "AzureTenantId": TENANT,
        "Id": f"{b64encode(source.encode()).decode()}---indicator--{guid}",
        "ObservableKey": key,
        "ObservableValue": value,
        "Pattern": f"[{key} = '{value}']",
        "Confidence": rng.randrange(30, 101),
        "Data": _stix(rng, f"indicator--{guid}", end),
        "Tags": "",
        "AdditionalFields": {"TLPLevel": "Green"},
        "Created": text(made),
        "Modified": text(made),
        "ValidFrom": text(made),
        "ValidUntil": text(until),
        "IsActive": end != "inactive",
        "IsDeleted": end == "deleted",
        "LastUpdateMethod": "Ingestion",
        "SourceSystem": source,
    }


def _stix(rng: Random, name: str, end: str) -> dict[str, Any]:
    marks = {"inactive": " State: inactive;", "falsepos": " State: falsepos;"}
    return {
        "type": "indicator",
        "id": name,
        "name": f"Simulated indicator {rng.randrange(10_000)}",
        "description": f"Seen attacking sign-ins.{marks.get(end, '')}",
        "indicator_types": [rng.choice(TYPES)],
        "labels": ["simulated"],
        "revoked": end == "revoked",
    }


def _observable(rng: Random, key: str, bad: list[str]) -> str:
    match key:
        case "":
            return ""
        case "ipv6-addr:value":
            return f"2001:db8:{rng.randrange(1, 65536):x}::{rng.randrange(1, 65536):x}"
        case "domain-name:value":
            return f"host{rng.randrange(10_000)}.example"
        case "url:value":
            return f"https://www{rng.randrange(100)}.example/{rng.getrandbits(32):08x}"
        case _:
            return rng.choice([address for address in bad if ":" not in address])


def _republished(row: dict[str, Any], when: datetime) -> dict[str, Any]:
    return {
        **row,
        "TimeGenerated": text(when),
        "_TimeReceived": text(when + timedelta(seconds=30)),
        "LastUpdateMethod": "Republish",
        "SourceSystem": "LogARepublisher",
    }


def uploaded(objects: Iterable[Document]) -> Iterator[dict[str, Any]]:
    """Yield a row for each object that Sentinel took, in the order in which it did."""
    for one in objects:
        key, value = _observed(one["pattern"])
        source, at = str(one["_source"]), text(parsed(one["_at"]))
        yield {
            "TimeGenerated": at,
            "_TimeReceived": at,
            "WorkspaceId": one["_workspace"],
            "AzureTenantId": TENANT,
            "Id": f"{b64encode(source.encode()).decode()}---{one['id']}",
            "ObservableKey": key,
            "ObservableValue": value,
            "Pattern": one["pattern"],
            "Confidence": one.get("confidence"),
            "Data": shown(one),
            "Tags": "",
            "AdditionalFields": {},
            "Created": one["created"],
            "Modified": one["modified"],
            "ValidFrom": one["valid_from"],
            "ValidUntil": one.get("valid_until"),
            "IsActive": True,
            "IsDeleted": False,
            "LastUpdateMethod": "Ingestion",
            "SourceSystem": source,
        }


def _observed(pattern: object) -> tuple[str, str]:
    """Return path and value of the first comparison; nothing of a pattern that has none."""
    try:
        first = next(iter(comparisons(str(pattern))))
    except (Malformed, StopIteration):
        return "", ""
    return first.path, first.values[0]
