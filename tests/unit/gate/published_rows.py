"""Rows of the published set, for the tests of all that is read from it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from tidegate.gate.published import PUBLISHED, TOLD
from tidegate.model import Kind, indicator_id

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SPELLED = {
    Kind.IPV4: "192.0.2.5",
    Kind.IPV6: "2001:db8::5",
    Kind.CIDR: "198.51.100.0/25",
    Kind.DOMAIN: "evil.example",
    Kind.URL: "http://evil.example/a",
    Kind.EMAIL: "who@evil.example",
    Kind.MD5: "ab" * 16,
    Kind.SHA1: "ab" * 20,
    Kind.SHA256: "ab" * 32,
    Kind.CVE: "CVE-2026-1234",
    Kind.ASN: "AS64500",
    Kind.CERTIFICATE: "cd" * 20,
    Kind.FILENAME: "a|b.exe",
    Kind.MUTEX: "Local\\x",
    Kind.PROCESS: "cmd /c x",
    Kind.REGISTRY: "hkey_local_machine\\software\\x",
    Kind.EMAIL_SUBJECT: "It is due",
}


def row(value: str, kind: Kind = Kind.DOMAIN, **more: Any) -> dict[str, Any]:
    """Return an indicator that came into the set an hour ago, unless something else is said."""
    then = NOW - timedelta(hours=1)
    return {
        "id": indicator_id(kind, value),
        "kind": kind.value,
        "value": value,
        "score": 80.0,
        "sources": ["alpha"],
        "threat": None,
        "tags": [],
        "reference": None,
        "first_seen": then,
        "last_seen": then,
        "expires": NOW + DAY,
        "tlp": "clear",
        "action": "Block",
        "since": then,
        "changed": then,
        "gone": None,
        "until": NOW + DAY,
        "returned": 0,
        **more,
    }


def the_set(*rows: dict[str, Any]) -> pl.DataFrame:
    """Return rows as the set has them."""
    return pl.DataFrame(list(rows), schema=PUBLISHED).sort("changed", "id")


def wanted(*rows: dict[str, Any]) -> pl.DataFrame:
    """Return rows as the gate hands them to `publish`."""
    return pl.DataFrame(list(rows), schema=PUBLISHED).drop(TOLD)


def everything(**more: Any) -> pl.DataFrame:
    """Return one indicator of each kind."""
    return the_set(*(row(value, kind, **more) for kind, value in SPELLED.items()))
