"""Where a page of a search ended, as a text that a client hands back unread."""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tidegate.canonical import Rejected

TEXT = re.compile(r"1\|(\d{1,17})\|([0-9a-f]{32})\|(\d{1,3}\.\d{1,6})\Z", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
LONGEST = 128
HOLDS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """The last item of a page, and the time by which all pages are judged.

    Scores decay: by another time the order would be another, and items come twice or never.
    """

    at: datetime
    id: str
    score: float

    def __str__(self) -> str:
        text = f"1|{(self.at - EPOCH) // TICK}|{self.id}|{self.score:.6f}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def mark(text: str, now: datetime) -> Mark:
    """Read a mark. Raises Rejected for one that is none of ours, or is older than a day."""
    found = TEXT.match(_decoded(text))
    if not found:
        raise Rejected("not a continuation")
    at = EPOCH + int(found[1]) * TICK
    if not now - HOLDS <= at <= now:
        raise Rejected("the continuation is too old")
    return Mark(at, found[2], float(found[3]))


def _decoded(text: str) -> str:
    if len(text) > LONGEST:
        raise Rejected("not a continuation")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), "-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise Rejected("not a continuation") from error
