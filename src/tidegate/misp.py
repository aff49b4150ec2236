"""MISP feeds: a manifest that tells which events changed, and events to rows of a feed.

Only attributes that are meant for detection (`to_ids`) are indicators; one that no longer is, or
that was deleted, is over since it was touched. Objects hold attributes, too. An event that is no
longer in the manifest, or is marked as deleted, is gone with all that it said.
"""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from tidegate.marks import joined, strictest, techniques, tlp
from tidegate.ports import BadPayload, Get

PORT = re.compile(r"[0-9]{1,5}\Z")
EVENT = re.compile(r"[0-9A-Za-z-]{8,64}\Z")
FAMILY = re.compile(
    r"misp-galaxy:(?:malpedia|tool|rat|ransomware|stealer|banker|botnet|backdoor"
    r'|mitre-(?:enterprise-attack-)?(?:malware|tool))="([^"]+?)(?: - S[0-9]{4})?"'
)
TECHNIQUE = re.compile(r'misp-galaxy:mitre-[a-z-]*attack-pattern="')
SHAPES = {
    "ip-src": "address",
    "ip-dst": "address",
    "ip": "address",
    "domain": "domain",
    "hostname": "domain",
    "url": "url",
    "email": "email",
    "email-src": "email",
    "email-dst": "email",
    "email-reply-to": "email",
    "md5": "md5",
    "sha1": "sha1",
    "sha256": "sha256",
    "x509-fingerprint-sha1": "certificate",
    "AS": "asn",
    "vulnerability": "cve",
    "filename": "filename",
    "mutex": "mutex",
    "regkey": "registry",
    "email-subject": "email-subject",
}
WITH_PORT = {"ip-src|port", "ip-dst|port"}
BESIDE = {"filename", "port"}  # what only accompanies the other half of a composite

Row = dict[str, Any]


def pages(get: Get, since: datetime, cursor: str | None) -> Generator[bytes, None, str]:
    """Yield the events that changed since, after the manifest where that has others than before.

    Return the time of the newest and which events there are, as a digest. Raises BadPayload.
    """
    manifest = get("manifest.json", {}).body
    changed = _manifest(manifest)
    newest, there = max(changed.values()), _digest(changed)
    after, _, known = (cursor or f"{since.timestamp():.0f}").partition(".")
    if there != known:
        yield manifest
    yield from _events_of(get, changed, int(after), newest)
    return f"{newest}.{there}"


def _digest(events: Iterable[str]) -> str:
    return sha256("\0".join(sorted(events)).encode()).hexdigest()[:16]


def between(get: Get, since: datetime, until: datetime) -> Iterator[bytes]:
    """Yield the events that last changed between. Raises BadPayload."""
    changed = _manifest(get("manifest.json", {}).body)
    yield from _events_of(get, changed, int(since.timestamp()), int(until.timestamp()))


def _events_of(get: Get, changed: Mapping[str, int], after: int, last: int) -> Iterator[bytes]:
    for event, stamp in sorted(changed.items(), key=lambda pair: pair[1]):
        if after < stamp <= last:
            yield get(f"{event}.json", {}).body


def _manifest(page: bytes) -> dict[str, int]:
    try:
        events = orjson.loads(page)
        found = {event: int(about["timestamp"]) for event, about in events.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadPayload(f"not a MISP manifest: {error!r}") from error
    if not found or not all(EVENT.match(event) for event in found):
        raise BadPayload("a MISP manifest without events, or with others than events")
    return found


def rows(payload: bytes, base: str = "") -> list[Row]:
    """Return a row for each indicator of each event. Raises BadPayload.

    `base` is the address below which the events lie: rows of an event refer to it, or to its id.
    """
    try:
        found = orjson.loads(payload)
        if _lists(found):
            _manifest(payload)
            return []
        return [row for event in _events(found) for row in _event(event, base)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadPayload(f"not a MISP event: {error!r}") from error


def standing(payload: bytes, base: str = "") -> set[str] | None:
    """Return the references of all events of a manifest; None of what is none."""
    if not _lists(orjson.loads(payload)):
        return None
    return {_reference(event, base) for event in _manifest(payload)}


def gone(payload: bytes, base: str = "") -> set[str]:
    """Return the references of the events that are marked as deleted. Raises BadPayload."""
    found = orjson.loads(payload)
    events = () if _lists(found) else _events(found)
    return {_reference(event["uuid"], base) for event in events if event.get("deleted")}


def _lists(found: Any) -> bool:
    """Whether it is a manifest, and not an event."""
    return bool(found) and isinstance(found, dict) and not found.keys() & {"Event", "response"}


def _reference(event: str, base: str) -> str:
    return f"{base}{event}.json" if base else f"MISP event {event}"


def _events(found: Any) -> Iterable[Mapping[str, Any]]:
    wrapped = found.get("response", found)
    each = wrapped if isinstance(wrapped, list) else [wrapped]
    return [one["Event"] for one in each]


def _event(event: Mapping[str, Any], base: str) -> Iterator[Row]:
    reference = _reference(event["uuid"], base)
    for attribute in _attributes(event):
        tags = _names(event) + _names(attribute) + _port(attribute)
        about = {**_times(attribute), **_marks(tags), "reference": reference}
        for shape, value in _observables(attribute["type"], attribute["value"]):
            if shape or attribute.get("to_ids"):
                yield {"shape": shape, "value": value, **about}


def _attributes(event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from event.get("Attribute") or []
    for one in event.get("Object") or []:
        yield from one.get("Attribute") or []


def _names(tagged: Mapping[str, Any]) -> list[str]:
    return [tag["name"] for tag in tagged.get("Tag") or []]


def _port(attribute: Mapping[str, Any]) -> list[str]:
    """Return the port that stands beside a host as a tag; one beside an address stays with it."""
    port = attribute["value"].rpartition("|")[2]
    beside = attribute["type"] == "hostname|port" and PORT.match(port)
    return [f"port:{port}"] if beside else []


def _times(attribute: Mapping[str, Any]) -> Row:
    touched = str(attribute["timestamp"])
    over = attribute.get("deleted") or not attribute.get("to_ids")
    return {
        "first_seen": attribute.get("first_seen") or touched,
        "last_seen": attribute.get("last_seen") or touched,
        "expires": touched if over else None,
    }


def _marks(tags: list[str]) -> Row:
    marked = strictest(tlp(tag) for tag in tags if tag.lower().startswith("tlp:"))
    attack = techniques(tag for tag in tags if TECHNIQUE.match(tag))
    families = (found[1] for tag in tags if (found := FAMILY.match(tag)))
    plain = [tag for tag in tags if not tag.lower().startswith(("tlp:", "misp-galaxy:"))]
    return {
        "tlp": marked,
        "threat": next(families, None),
        "tags": joined([*plain, *attack]),
    }


def _observables(kind: str, value: str) -> Iterator[tuple[str | None, str]]:
    """Yield shape and value of an attribute; composites have several, parted by `|`."""
    if kind in WITH_PORT:
        yield "socket", value.replace("|", ":")
        return
    if kind == "regkey|value":
        yield "registry", value.partition("|")[0]  # what is written to a key may hold the mark
        return
    if kind == "malware-sample":
        kind = "filename|md5"
    kinds = kind.split("|")
    values = value.rsplit("|", len(kinds) - 1)  # a file's name may hold the mark, a hash cannot
    for part, text in zip(kinds, values, strict=False):
        if len(kinds) == 1 or part not in BESIDE:
            yield SHAPES.get(part), text
