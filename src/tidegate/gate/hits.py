"""What the tenant saw of indicators, a row for each hit; their order does not matter. Pure.

An alert of a custom indicator is one hit of each indicator that its evidence names, however often
it is read. How it is classified says whether the hit was right. A person's mark says so, too, and
matches in logs are hits that nobody judged.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from tidegate.canonical import Rejected, Shape, canonical, guess
from tidegate.gate.learned import Tally
from tidegate.model import Alert, Kind, Sighting, indicator_id
from tidegate.ports import LogTable
from tidegate.sightings import KINDS, TIME, empty

KEPT = timedelta(days=180)
ALERT, LOG, MARK = "alert", "log", "mark"
HIT, CONFIRMED, BENIGN, FALSE = "hit", "confirmed", "benign", "false"
CLASSIFIED = {
    "truepositive": CONFIRMED,
    "informationalexpectedactivity": BENIGN,
    "falsepositive": FALSE,
}
HITS: dict[str, Any] = {
    "origin": pl.Enum([ALERT, LOG, MARK]),
    "key": pl.String(),
    "id": pl.String(),
    "kind": KINDS,
    "value": pl.String(),
    "sources": pl.List(pl.String()),
    "outcome": pl.Enum([HIT, CONFIRMED, BENIGN, FALSE]),
    "count": pl.UInt32(),
    "at": TIME,
}
"""One row per `origin`, `key` and `id`: an alert's id, a day, or nothing more.

`sources` named the indicator when the hit was first heard of. `at` is when the alert was last
updated, the day, or when the mark was made.
"""

KEY = ("origin", "key", "id")


def of_alerts(alerts: Iterable[Alert]) -> pl.DataFrame:
    """Return a hit for each indicator that the evidence of these alerts may name."""
    rows = [
        _row(ALERT, one.id[:256], kind, value)
        | {"outcome": CLASSIFIED.get((one.classification or "").lower(), HIT), "at": one.updated}
        for one in alerts
        for kind, value in sorted(set(named(one)))
    ]
    return pl.DataFrame(rows, schema=HITS)


def of_words(words: Iterable[Sighting]) -> pl.DataFrame:
    """Return a judged hit for each indicator of which a person spoke."""
    rows = [
        _row(MARK, "", one.kind, one.value)
        | {"outcome": CONFIRMED if one.confidence else FALSE, "at": one.last_seen, "count": 0}
        for one in words
    ]
    return pl.DataFrame(rows, schema=HITS)


def of_matches(found: LogTable) -> pl.DataFrame:
    """Return the hits of each day; `found` has `Day`, `Value` and `Matches`."""
    rows = []
    for day, text, matches in found.rows.select("Day", "Value", "Matches").iter_rows():
        for kind, value in _guessed(text):
            at = datetime.fromisoformat(day)
            count = min(int(matches), 2**31)
            row = _row(LOG, f"{at:%Y-%m-%d}", kind, value)
            rows.append(row | {"outcome": HIT, "at": at, "count": count})
    return pl.DataFrame(rows, schema=HITS)


def _row(origin: str, key: str, kind: Kind, value: str) -> dict[str, Any]:
    said = {"origin": origin, "key": key, "kind": kind.value, "value": value}
    return said | {"id": indicator_id(kind, value), "sources": None, "count": 1}


def named(alert: Alert) -> Iterator[tuple[Kind, str]]:
    """Yield what an alert's evidence may have been found by: a URL's host and its parents, too."""
    for one in alert.evidence:
        for kind, text in ((Kind.SHA256, one.sha256), (Kind.SHA1, one.sha1)):
            if text:
                yield from _read(kind, text)
        for kind, value in _guessed(one.url):
            yield kind, value
            yield from _hosts(kind, value)
    for address in alert.addresses:
        yield from _read(Shape.ADDRESS, address)


def _hosts(kind: Kind, value: str) -> Iterator[tuple[Kind, str]]:
    name = urlsplit(value).hostname or "" if kind is Kind.URL else value
    if kind not in {Kind.URL, Kind.DOMAIN}:
        return
    if addresses := list(_read(Shape.ADDRESS, name)):
        yield from addresses
        return
    # An indicator of a domain covers all names below it.
    labels = name.split(".")
    yield from chain.from_iterable(
        _read(Kind.DOMAIN, ".".join(labels[n:])) for n in range(len(labels))
    )


def _read(shape: Kind | Shape, text: str) -> Iterator[tuple[Kind, str]]:
    try:
        yield canonical(shape, text)
    except Rejected:
        return


def _guessed(text: str | None) -> Iterator[tuple[Kind, str]]:
    try:
        yield guess(text or "")
    except Rejected:
        return


def credited(fresh: pl.DataFrame, held: pl.DataFrame, reported: pl.DataFrame) -> pl.DataFrame:
    """Return the hits of what is known, with the sources that name it.

    `reported` has `id` and `source`. What was heard of before counts though it is known no more.
    """
    naming = reported.group_by("id").agg(pl.col("source").unique().sort().alias("naming"))
    rows = fresh.join(naming, on="id", how="left")
    rows = rows.with_columns(pl.col("naming").alias("sources")).drop("naming")
    known = rows.filter(pl.col("sources").is_not_null())
    before = rows.filter(pl.col("sources").is_null()).join(held, on=KEY, how="semi")
    return pl.concat([known, before])


def merged(held: pl.DataFrame, fresh: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return all hits, each once, as it was last judged; those of long ago are dropped."""
    worst_last = pl.concat([held, fresh]).sort("at", "outcome", maintain_order=True)
    by_key = worst_last.group_by(KEY, maintain_order=True)
    whole = by_key.agg(
        pl.col("kind", "value").first(),
        pl.col("sources").drop_nulls().first(),
        pl.col("outcome").last(),
        pl.col("count").max(),
        pl.col("at").max(),
    )
    return whole.filter(pl.col("at") > now - KEPT).sort(KEY)


def tallies(hits: pl.DataFrame) -> dict[str, Tally]:
    """Return how each source fared."""
    outcome = pl.col("outcome").cast(pl.String)
    counted = (
        hits.explode("sources")
        .drop_nulls("sources")
        .group_by("sources")
        .agg(
            pl.col("count").cast(pl.Int64).sum().alias("hits"),
            (outcome == CONFIRMED).sum().alias("confirmed"),
            outcome.is_in([BENIGN, FALSE]).sum().alias("false_positives"),
        )
        .sort("sources")
    )
    return {row.pop("sources"): Tally(**row) for row in counted.iter_rows(named=True)}


def false(hits: pl.DataFrame) -> pl.DataFrame:
    """Return the hits of alerts that were classified as false positives."""
    return hits.filter((pl.col("origin") == ALERT) & (pl.col("outcome") == FALSE))


def nothing() -> pl.DataFrame:
    """Return no hits."""
    return empty(HITS)
