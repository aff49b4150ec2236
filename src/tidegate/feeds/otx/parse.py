"""OTX: pages of pulses, each with its indicators; long pulses go on at an address of their own.

Which pulses were deleted, or are no longer subscribed to, is told by pages of events.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from tidegate.marks import joined, techniques
from tidegate.ports import BadPayload, Get, QuotaSpent, SourceDown

API = "https://otx.alienvault.com/api/v1/pulses"
PAGE = "50"
LONG_PAGE = 1_000
ENDS = {"delete", "unsubscribe"}
MOST_PAGES = 2_000
NUMBER = re.compile(r"[0-9]{1,9}\Z")
HALVES = range(2, LONG_PAGE + 1, 2)  # limits that can be halved
SHAPES = {
    "IPv4": "ipv4",
    "IPv6": "ipv6",
    "CIDR": "cidr",
    "domain": "domain",
    "hostname": "domain",
    "email": "email",
    "URL": "url",
    "FileHash-MD5": "md5",
    "FileHash-SHA1": "sha1",
    "FileHash-SHA256": "sha256",
    "SSLCertFingerprint": "certificate",
    "CVE": "cve",
}


def pages(get: Get, since: datetime, _cursor: str | None = None) -> Iterator[bytes]:
    """Yield all pages of pulses modified since, and the rest of long pulses as pages of one.

    Then the events since.
    """
    modified = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    for page in _series(get, "subscribed", {"limit": PAGE, "modified_since": modified}):
        yield page
        for pulse in _loaded(page)["results"]:
            if pulse.get("more_indicators") and "id" in pulse:
                yield from _rest(get, pulse)
    for page in _series(get, "events", {"limit": PAGE, "since": modified}):
        if any(map(_is_event, _loaded(page)["results"])):
            yield page


def _series(get: Get, what: str, parameters: Mapping[str, str]) -> Iterator[bytes]:
    url = f"{API}/{what}"
    for _ in range(MOST_PAGES):
        page = _page(get, url, parameters)
        yield page
        url, parameters = _next(_loaded(page)), {}
        if not url:
            return
    raise BadPayload(f"more than {MOST_PAGES} pages")


def _is_event(found: Mapping[str, Any]) -> bool:
    return "object_type" in found


def _rest(get: Get, pulse: dict[str, Any]) -> Iterator[bytes]:
    url = f"{API}/{pulse['id']}/indicators"
    parameters: Mapping[str, str] = {"limit": str(LONG_PAGE)}
    for _ in range(MOST_PAGES):
        found = _loaded(_page(get, url, parameters))
        rest = {**pulse, "indicators": found["results"], "more_indicators": False}
        yield orjson.dumps({"results": [rest], "next": None})
        url, parameters = _next(found), {}
        if not url:
            return
    raise BadPayload(f"a pulse of more than {MOST_PAGES} pages")


def _page(get: Get, url: str, parameters: Mapping[str, str]) -> bytes:
    """Ask for a page; where OTX takes too long over it (504), for half of it."""
    try:
        return get(url, parameters).body
    except QuotaSpent:
        raise
    except SourceDown:
        half = _half(url, parameters)
        if half is None:
            raise
        return _page(get, *half)


def _half(url: str, parameters: Mapping[str, str]) -> tuple[str, Mapping[str, str]] | None:
    """Return what asks for the first half of a page; None where it cannot be parted."""
    parts = urlsplit(url)
    asked = {**dict(parse_qsl(parts.query)), **parameters}
    limit, page = asked.get("limit", ""), asked.get("page", "1")
    if not (NUMBER.match(limit) and NUMBER.match(page)) or int(limit) not in HALVES:
        return None
    half = {"limit": str(int(limit) // 2), "page": str(2 * int(page) - 1)}
    return f"{parts.scheme}://{parts.netloc}{parts.path}", {**asked, **half}


def _next(found: dict[str, Any]) -> str:
    url = found.get("next") or ""
    if not isinstance(url, str) or (url and not url.startswith(f"{API}/")):
        raise BadPayload("the next page is not at OTX")
    return url


def _loaded(page: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(page)
    except ValueError as error:
        raise BadPayload(f"not a page of OTX pulses: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("results"), list):
        raise BadPayload("not a page of OTX pulses")
    if not all(isinstance(one, dict) for one in found["results"]):
        raise BadPayload("not a page of OTX pulses")
    return found


def parse(payload: bytes) -> list[dict[str, Any]]:
    """Return a row for each indicator of each pulse on the page. Raises BadPayload."""
    try:
        pulses = [one for one in _loaded(payload)["results"] if not _is_event(one)]
        return [_row(pulse, found) for pulse in pulses for found in pulse["indicators"]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadPayload(f"not a page of OTX pulses: {error}") from error


def gone(payload: bytes) -> set[str]:
    """Return the references of the pulses that a page of events ends; the last event counts."""
    events = [one for one in _loaded(payload)["results"] if _is_event(one)]
    last: dict[str, bool] = {}
    for event in sorted(events, key=lambda one: str(one.get("created"))):
        if event["object_type"] == "pulse":
            last[str(event.get("object_id"))] = event.get("action") in ENDS
    return {_reference(pulse) for pulse, ended in last.items() if ended}


def _reference(pulse: str) -> str:
    return f"https://otx.alienvault.com/pulse/{pulse}"


def _row(pulse: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    return {
        "shape": SHAPES.get(found["type"]),
        "value": found["indicator"],
        "confidence": 50,
        "first_seen": found.get("created"),
        "last_seen": pulse.get("modified"),
        # OTX withdraws by switching off: over since it was last touched.
        "expires": found.get("expiration") if found.get("is_active", 1) else found["created"],
        "tags": joined([*(pulse.get("tags") or []), *techniques(pulse.get("attack_ids") or [])]),
        "threat": _family(pulse),
        "reference": _reference(pulse["id"]),
        "tlp": pulse.get("tlp"),
    }


def _family(pulse: dict[str, Any]) -> str | None:
    families = pulse.get("malware_families") or [None]
    first = families[0]
    return first.get("display_name") if isinstance(first, dict) else first
