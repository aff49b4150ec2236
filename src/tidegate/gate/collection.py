"""The published set as a TAXII collection: what was added when, and one page of it.

An object was added when its indicator changed or left. Pages go by that time and the id, so that
whatever does not change is on exactly one page, though the set be replaced between two of them;
what does change comes again, at the end.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from tidegate.canonical import Rejected
from tidegate.gate.outward import leaving, spoken
from tidegate.model import Kind, Tlp
from tidegate.sharing import Terms
from tidegate.sightings import TIME
from tidegate.stix.write import DEFINED, STAMP, indicator_ids, markings, objects

MOST = 2_000  # objects on a page
SPEC = "2.1"
LATEST = {"last", "first", "all"}  # of the one version that there is
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
PLACE = re.compile(r"1\|(\d{1,17})\|([a-z-]{1,64}--[0-9a-f-]{36})\Z", re.ASCII)
LONGEST = 192


@dataclass(frozen=True, slots=True)
class Place:
    """The last object of a page; as text, what a client hands back unread."""

    added: datetime
    id: str

    def __str__(self) -> str:
        text = f"1|{(self.added - EPOCH) // TICK}|{self.id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place(text: str) -> Place:
    """Read what `next` says. Raises Rejected."""
    if len(text) > LONGEST:
        raise Rejected("`next` is none of ours")
    try:
        padded = text + "=" * (-len(text) % 4)
        found = PLACE.match(base64.b64decode(padded, "-_", validate=True).decode("ascii"))
    except (binascii.Error, ValueError) as error:
        raise Rejected("`next` is none of ours") from error
    if not found:
        raise Rejected("`next` is none of ours")
    return Place(EPOCH + int(found[1]) * TICK, found[2])


@dataclass(frozen=True, slots=True)
class Match:
    """What is asked for; of what is empty, everything."""

    ids: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()
    specs: frozenset[str] = frozenset()
    added_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """What a collection holds: its `entries` in the order of pages, and what they are made of."""

    entries: pl.DataFrame
    said: pl.DataFrame
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """Entries of a page (`id`, `added`, `version`), in order; `after` leads to the next one."""

    entries: pl.DataFrame
    after: Place | None


def collection(rows: pl.DataFrame, up_to: Tlp, terms: Terms) -> Collection:
    """Return what of the set may go where `up_to` may go, and all markings beside it."""
    patterns = rows.filter(pl.col("kind").cast(pl.String) != Kind.CVE.value)
    said = spoken(leaving(patterns, up_to, terms), terms)
    texts = markings(_up_to(up_to), terms.attributions.values())
    indicators = _entries(indicator_ids(said), "indicator", said["last_seen"]).with_row_index("row")
    defined = pl.lit(datetime.fromisoformat(DEFINED), TIME)
    beside = _entries(pl.Series("id", list(texts), pl.String), "marking-definition", defined)
    entries = pl.concat([beside, indicators], how="diagonal").sort("added", "id")
    return Collection(entries, said, texts)


def _entries(ids: pl.Series, kind: str, added: pl.Series | pl.Expr) -> pl.DataFrame:
    rows = ids.to_frame().with_columns(pl.lit(kind).alias("type"), added.alias("added"))
    return rows.with_columns(pl.col("added").dt.to_string(STAMP).alias("version"))


def _up_to(up_to: Tlp) -> Iterable[Tlp]:
    order = list(Tlp)
    return order[: order.index(up_to) + 1]


def holds(held: Collection, one: str) -> bool:
    """Whether there is an object of this id."""
    return one in held.entries["id"]


def page(held: Collection, match: Match, limit: int, after: Place | None = None) -> Page:
    """Return up to `limit` entries that match, after a place."""
    found = held.entries.filter(*_matching(match))
    if after is not None:
        at = pl.lit(after.added, TIME)
        later = (pl.col("added") > at) | ((pl.col("added") == at) & (pl.col("id") > after.id))
        found = found.filter(later)
    kept = found.head(min(limit, MOST))
    if len(kept) == len(found):
        return Page(kept, None)
    last = kept.row(-1, named=True)
    return Page(kept, Place(last["added"], last["id"]))


def _matching(match: Match) -> Iterable[pl.Expr]:
    if match.added_after is not None:
        yield pl.col("added") > pl.lit(match.added_after, TIME)
    if match.ids:
        yield pl.col("id").is_in(sorted(match.ids))
    if match.types:
        yield pl.col("type").is_in(sorted(match.types))
    if match.versions and not match.versions & LATEST:
        yield pl.col("version").is_in(sorted(match.versions))
    if match.specs:
        yield pl.lit(SPEC in match.specs)


def contents(held: Collection, found: Page) -> list[str]:
    """Return the objects of a page as JSON texts, in order."""
    rows = found.entries["row"]
    written = iter(objects(held.said[rows.drop_nulls().to_list()], up_to=Tlp.RED))
    # The collection holds what may go out, and no other kind: each of its rows is one object.
    return [
        held.texts[entry] if row is None else next(written)
        for entry, row in zip(found.entries["id"], rows, strict=True)
    ]
