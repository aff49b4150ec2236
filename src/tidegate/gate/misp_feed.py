"""The published set as a MISP feed: a manifest, an event for each day and kind, and hashes.

An event holds what came into the set on one day, so that a day's change rewrites the events of that
day and of what left, and no others. Only coming and leaving are told as changes: with scores, which
an attribute does not carry, every event would change every day. What left is there as deleted for
as long as the set remembers it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5
from typing import Any
from uuid import uuid5

import orjson
import polars as pl

from tidegate.gate.outward import leaving
from tidegate.model import Kind
from tidegate.sharing import OTHERS, Terms
from tidegate.stix.write import NAMESPACE

NETWORK, PAYLOAD, ARTIFACTS = "Network activity", "Payload delivery", "Artifacts dropped"
TYPES = {
    Kind.IPV4: ("ip-dst", NETWORK),
    Kind.IPV6: ("ip-dst", NETWORK),
    Kind.CIDR: ("ip-dst", NETWORK),
    Kind.DOMAIN: ("domain", NETWORK),
    Kind.URL: ("url", NETWORK),
    Kind.EMAIL: ("email-src", PAYLOAD),
    Kind.MD5: ("md5", PAYLOAD),
    Kind.SHA1: ("sha1", PAYLOAD),
    Kind.SHA256: ("sha256", PAYLOAD),
    Kind.ASN: ("AS", NETWORK),
    Kind.CERTIFICATE: ("x509-fingerprint-sha1", NETWORK),
    Kind.FILENAME: ("filename", PAYLOAD),
    Kind.MUTEX: ("mutex", ARTIFACTS),
    Kind.REGISTRY: ("regkey", ARTIFACTS),
    Kind.EMAIL_SUBJECT: ("email-subject", PAYLOAD),
}
TITLE = "Tidegate"
ORGANISATION = {"name": TITLE, "uuid": str(uuid5(NAMESPACE, "organisation"))}
ABOUT = ("info", "date", "analysis", "threat_level_id")


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed is written from: a row for each attribute, and for each event."""

    attributes: pl.DataFrame
    events: pl.DataFrame
    terms: Terms


def feed(rows: pl.DataFrame, terms: Terms) -> Feed:
    """Return the feed of what may go to others."""
    kinds = pl.col("kind").cast(pl.String)
    latest = pl.col("returned") == pl.col("returned").max().over("id")  # MISP takes back a deletion
    of_kind = rows.filter(kinds.is_in([kind.value for kind in TYPES]) & latest)
    attributes = leaving(of_kind, OTHERS, terms).with_columns(
        kinds.alias("kind"),
        pl.col("since").dt.date().cast(pl.String).alias("day"),
        pl.coalesce("gone", "since").dt.epoch("s").alias("touched"),
    )
    grouped = attributes.group_by("day", "kind").agg(pl.col("touched").max(), pl.len())
    names = [_uuid(f"{day} {kind}") for day, kind in grouped.select("day", "kind").iter_rows()]
    events = grouped.with_columns(pl.Series("uuid", names, pl.String)).sort("day", "kind")
    return Feed(attributes, events, terms)


def _uuid(name: str) -> str:
    return str(uuid5(NAMESPACE, f"misp {name}"))


def manifest(held: Feed) -> bytes:
    """Return `manifest.json`."""
    events = held.events.iter_rows(named=True)
    return orjson.dumps({event["uuid"]: _about(event) for event in events})


def _about(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "info": f"{TITLE}: {event['kind']}, {event['day']}",
        "date": event["day"],
        "timestamp": str(event["touched"]),
        "analysis": "2",
        "threat_level_id": "2",
        "Orgc": ORGANISATION,
        "Tag": [],
    }


def event(held: Feed, uuid: str) -> bytes | None:
    """Return `<uuid>.json`; None if there is no such event."""
    found = held.events.filter(pl.col("uuid") == uuid)
    if found.is_empty():
        return None
    about = found.row(0, named=True)
    of_event = held.attributes.filter(day=about["day"], kind=about["kind"]).sort("id")
    whole = {
        **_about(about),
        "uuid": uuid,
        "published": True,
        "publish_timestamp": str(about["touched"]),
        "Attribute": [_attribute(row, uuid, held.terms) for row in of_event.iter_rows(named=True)],
    }
    return orjson.dumps({"Event": whole})


def _attribute(row: dict[str, Any], event: str, terms: Terms) -> dict[str, Any]:
    shape, category = TYPES[Kind(row["kind"])]
    texts = (terms.attributions.get(source) for source in row["sources"])
    return {
        # Not of the value alone: what comes back is in another event, and MISP knows each id once.
        "uuid": _uuid(f"{event} {row['id']}"),
        "type": shape,
        "category": category,
        "value": row["value"],
        "to_ids": True,
        "deleted": row["gone"] is not None,
        "timestamp": str(row["touched"]),
        "first_seen": _iso(row["first_seen"]),
        "comment": " ".join(sorted({text for text in texts if text})),
        "Tag": [{"name": name} for name in _tags(row)],
    }


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="microseconds")


def _tags(row: dict[str, Any]) -> Iterator[str]:
    yield f"tlp:{row['tlp']}"
    if row["threat"]:
        yield f'misp-galaxy:malpedia="{row["threat"].replace(chr(34), "")}"'
    yield from row["tags"]


def hashes(held: Feed) -> bytes:
    """Return `hashes.csv`: the MD5 of each value, and its event."""
    joined = held.attributes.filter(pl.col("gone").is_null()).join(held.events, ["day", "kind"])
    pairs = joined.select("value", "uuid").sort("uuid", "value").iter_rows()
    return "".join(_lines(pairs)).encode()


def _lines(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for value, uuid in pairs:
        yield f"{md5(value.encode(), usedforsecurity=False).hexdigest()},{uuid}\n"
