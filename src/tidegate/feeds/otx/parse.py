"""OTX: pages of pulses, each with its indicators; long pulses go on at an address of their own."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from tidegate.ports import BadPayload, Get

API = "https://otx.alienvault.com/api/v1/pulses"
PAGE = "50"
MOST_PAGES = 2_000
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
}


def pages(get: Get, since: datetime, _cursor: str | None = None) -> Iterator[bytes]:
    """Yield all pages of pulses modified since, and the rest of long pulses as pages of one."""
    modified = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    parameters: Mapping[str, str] = {"limit": PAGE, "modified_since": modified}
    url = f"{API}/subscribed"
    for _ in range(MOST_PAGES):
        page = get(url, parameters).body
        yield page
        found = _loaded(page)
        for pulse in found["results"]:
            if pulse.get("more_indicators") and "id" in pulse:
                yield from _rest(get, pulse)
        url, parameters = _next(found), {}
        if not url:
            return
    raise BadPayload(f"more than {MOST_PAGES} pages")


def _rest(get: Get, pulse: dict[str, Any]) -> Iterator[bytes]:
    url, parameters = f"{API}/{pulse['id']}/indicators", {"limit": "1000"}
    for _ in range(MOST_PAGES):
        found = _loaded(get(url, parameters).body)
        rest = {**pulse, "indicators": found["results"], "more_indicators": False}
        yield orjson.dumps({"results": [rest], "next": None})
        url, parameters = _next(found), {}
        if not url:
            return


def _next(found: dict[str, Any]) -> str:
    url = found.get("next") or ""
    if url and not url.startswith(f"{API}/"):
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
        pulses = _loaded(payload)["results"]
        return [_row(pulse, found) for pulse in pulses for found in pulse["indicators"]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadPayload(f"not a page of OTX pulses: {error}") from error


def _row(pulse: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    return {
        "shape": SHAPES.get(found["type"]),
        "value": found["indicator"],
        "confidence": 50,
        "first_seen": found.get("created"),
        "last_seen": pulse.get("modified"),
        # OTX withdraws by switching off: over since it was last touched.
        "expires": found.get("expiration") if found.get("is_active", 1) else found["created"],
        "tags": ",".join(tag.replace(",", " ") for tag in pulse.get("tags") or []),
        "threat": _family(pulse),
        "reference": f"https://otx.alienvault.com/pulse/{pulse['id']}",
        "tlp": pulse.get("tlp"),
    }


def _family(pulse: dict[str, Any]) -> str | None:
    families = pulse.get("malware_families") or [None]
    first = families[0]
    return first.get("display_name") if isinstance(first, dict) else first
