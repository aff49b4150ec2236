"""Anomali ThreatStream: pages behind a growing `update_id`, and states that withdraw."""

from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from tidegate.marks import joined, techniques
from tidegate.ports import BadPayload, Get

PAGE = 1_000
MOST_PAGES = 2_000
OVER = {"inactive", "falsepos"}
SHAPES = {
    "ip": "address",
    "ipv6": "address",
    "cidr": "cidr",
    "domain": "domain",
    "url": "url",
    "email": "email",
    "md5": "hash",
    "hash": "hash",
    "asn": "asn",
    "cve": "cve",
}


def pages(get: Get, since: datetime, cursor: str | None) -> Generator[bytes, None, str | None]:
    """Yield all pages after the cursor; return the greatest update_id. Raises BadPayload."""
    first = {"update_id__gt": cursor} if cursor else {"modified_ts__gte": _stamp(since)}
    return (yield from _pages(get, first, {}, cursor))


def between(get: Get, since: datetime, until: datetime) -> Iterator[bytes]:
    """Yield all pages of what was last modified between. Raises BadPayload."""
    always = {"modified_ts__gte": _stamp(since), "modified_ts__lt": _stamp(until)}
    yield from _pages(get, {}, always, None)


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _pages(
    get: Get, after: dict[str, str], always: dict[str, str], cursor: str | None
) -> Generator[bytes, None, str | None]:
    """Yield pages in the order of update_id: the first `after` this, and `always` under this."""
    for _ in range(MOST_PAGES):
        asked = {"limit": str(PAGE), "order_by": "update_id", **always, **after}
        page = get("", asked).body
        yield page
        found = _numbers(page)
        if found and int(cursor or 0) >= found[-1]:
            raise BadPayload("the pages do not go on")
        cursor = str(found[-1]) if found else cursor
        if len(found) < PAGE:
            return cursor
        after = {"update_id__gt": str(cursor)}
    raise BadPayload(f"more than {MOST_PAGES} pages")


def _numbers(page: bytes) -> list[int]:
    try:
        return sorted(int(found["update_id"]) for found in orjson.loads(page)["objects"])
    except (ValueError, TypeError, KeyError) as error:
        raise BadPayload(f"not a page of ThreatStream: {error!r}") from error


def parse(payload: bytes) -> list[dict[str, Any]]:
    """Return a row for each indicator of the page. Raises BadPayload."""
    try:
        return [_row(found) for found in orjson.loads(payload)["objects"]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadPayload(f"not a page of ThreatStream: {error!r}") from error


def _row(found: dict[str, Any]) -> dict[str, Any]:
    over = found["status"] in OVER
    sure, session = found["confidence"], found.get("import_session_id")
    names = [found["itype"], *(tag["name"] for tag in found.get("tags") or [])]
    return {
        "shape": SHAPES.get(found["type"]),
        "value": found["value"],
        "confidence": sure if sure >= 0 else None,  # -1: nobody has said yet
        "first_seen": found.get("created_ts"),
        "last_seen": found.get("modified_ts"),
        "expires": found["modified_ts"] if over else found.get("expiration_ts"),
        "tags": joined([*names, *techniques(names)]),
        "threat": (found.get("meta") or {}).get("maltype") or found.get("threat_type"),
        # What one report or one upload brought has one number.
        "reference": f"import session {session}" if session else None,
        "tlp": found.get("tlp"),
    }
