"""TAXII 2.1: all pages of a collection that were added since.

The cursor is the server's own time of the last object that it gave, not the objects' `modified`:
an old object may be added late.
"""

from collections.abc import Generator, Iterator, Mapping
from datetime import UTC, datetime

from tidegate.ports import BadPayload, Get, Response
from tidegate.stix.read import envelope

PAGE = "1000"
MOST_PAGES = 2_000
LAST_ADDED = "x-taxii-date-added-last"


def pages(get: Get, since: datetime, cursor: str | None) -> Generator[bytes, None, str | None]:
    """Yield the pages; return the time up to which all is read. Raises BadPayload.

    Servers differ in what `next` means, and some have none: then the cursor leads on.
    """
    begin = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    query = {"limit": PAGE, "added_after": cursor or begin}
    asked: set[tuple[str, ...]] = set()
    while len(asked) < MOST_PAGES:
        asked.add(tuple(query.values()))
        answer = get("", query)
        found = envelope(answer.body)
        yield answer.body
        cursor = answer.headers.get(LAST_ADDED) or cursor
        if not found.get("more"):
            return cursor
        query = _following(query, found.get("next"), cursor)
        if tuple(query.values()) in asked:
            raise BadPayload("the pages go round in a circle")
    raise BadPayload(f"more than {MOST_PAGES} pages")


def between(get: Get, since: datetime, until: datetime) -> Iterator[bytes]:
    """Yield the pages of what was added between, and the rest of the last one of them."""
    added: list[datetime] = []

    def noting(url: str, query: Mapping[str, str]) -> Response:
        answer = get(url, query)
        added.extend(_added(answer))
        return answer

    for page in pages(noting, since, None):
        yield page
        if added and added[-1] >= until:
            return


def _added(answer: Response) -> Iterator[datetime]:
    text = answer.headers.get(LAST_ADDED)
    if text:
        try:
            found = datetime.fromisoformat(text)
        except ValueError as error:
            raise BadPayload(f"not a time: {text[:40]!r}") from error
        yield found.replace(tzinfo=found.tzinfo or UTC)


def _following(query: dict[str, str], following: object, cursor: str | None) -> dict[str, str]:
    if following:
        return {**query, "next": str(following)}
    return {"limit": PAGE, "added_after": cursor or query["added_after"]}
