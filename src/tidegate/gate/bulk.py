"""What is known of thousands of values at once: who says so, how bad, and which networks hold it.

Two levels deep on purpose: a value in a log is asked about by itself and as an address inside of
networks. Texts, tags and reports of one value are the look-up's (`explain`).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import polars as pl

from tidegate.canonical import Rejected, guess
from tidegate.columns import canonicalise
from tidegate.gate.knowledge import Knowledge, sources
from tidegate.gate.mark import harmless
from tidegate.gate.meant import unclean
from tidegate.gate.score import Sources, scored
from tidegate.hosts import located
from tidegate.model import Kind
from tidegate.sightings import KINDS, TLPS, empty, ids
from tidegate.warninglists.matching import network_columns

ANSWERS: dict[str, Any] = {
    "text": pl.String(),
    "kind": KINDS,
    "value": pl.String(),
    "id": pl.String(),
    "score": pl.Float64(),
    "sources": pl.List(pl.String()),
    "tlp": TLPS,
    "networks": pl.List(pl.String()),
    "never_enforced": pl.String(),
    "rejected": pl.String(),
}
"""One row for each text asked, in order.

`score`, `sources` and the strictest `tlp` are null where nobody reports the value. `networks` are
the reported networks around an address, or around the address that is the host of a URL, widest
first. `never_enforced` says why hygiene would never call it an indicator; `rejected` why the text
names nothing, and then all else is null.
"""


READ = {name: ANSWERS[name] for name in ("text", "kind", "value", "rejected")}
PART = 50_000  # so many at a time, two parts abreast
ABREAST = 2


def bulk(texts: Sequence[str], known: Knowledge) -> pl.DataFrame:
    """Look up many values, defanged or not, of any kind that can be told from its spelling."""
    now, weights = known.clock(), sources(known)
    networks, said = known.sightings.networks(now), harmless(known)

    def answered(part: pl.Series) -> pl.DataFrame:
        asked = _read(part)
        good = asked.filter(pl.col("rejected").is_null()).unique("id")
        found = _reported(good, known.sightings.reported(good["id"], now), weights, now)
        answers = _judged(good.join(found, on="id", how="left", maintain_order="left"), known, said)
        answers = answers.join(_around(good, networks), on="id", how="left")
        joined = asked.join(answers, on="id", how="left", maintain_order="left")
        return joined.select(pl.col(name).cast(dtype) for name, dtype in ANSWERS.items())

    whole = pl.Series("text", texts, dtype=pl.String)
    parts = [whole[at : at + PART] for at in range(0, len(whole), PART)]
    with ThreadPoolExecutor(ABREAST) as pool:
        return pl.concat([empty(ANSWERS), *pool.map(answered, parts)])


def _read(texts: pl.Series) -> pl.DataFrame:
    """Return `text`, `kind`, `value`, `id` and `rejected` of each text."""
    different = texts.unique().to_frame()
    shaped = different.with_columns(_shapes(different["text"]).alias("shape"))
    # Each shape by itself: a text is then asked only about what it looks like.
    parts = [_canonical(part) for part in shaped.partition_by("shape")]
    read = pl.concat([empty(READ), *parts])
    read = read.with_columns(ids(read["kind"], read["value"]).alias("id"))
    return texts.to_frame().join(read, on="text", how="left", maintain_order="left")


def _canonical(part: pl.DataFrame) -> pl.DataFrame:
    found = part.select("text").hstack(canonicalise(part["shape"], part["text"]))
    rest = found["rejected"].is_not_null()
    return pl.concat([found.filter(~rest).select(*READ), _guessed(part["text"].filter(rest))])


def _shapes(texts: pl.Series) -> pl.Series:
    """Tell the kind of what is plainly one; the rest is null, and guessed one at a time."""
    text = pl.col("text")
    return (
        texts.to_frame("text")
        .select(
            pl.when(text.str.contains(r"^https?://"))
            .then(pl.lit(Kind.URL.value))
            .when(text.str.contains(r"^\d{1,3}(?:\.\d{1,3}){3}$"))
            .then(pl.lit(Kind.IPV4.value))
            .when(text.str.contains(r"^[0-9a-fA-F]+$") & text.str.len_bytes().is_in([32, 40, 64]))
            .then(pl.lit("hash"))
            .when(text.str.contains(r"^[A-Za-z0-9.-]+\.[A-Za-z]{2,}$"))
            .then(pl.lit(Kind.DOMAIN.value))
        )
        .to_series()
    )


def _guessed(texts: pl.Series) -> pl.DataFrame:
    return pl.DataFrame([_guess(text) for text in texts], schema=READ, orient="row")


def _guess(text: str) -> tuple[str, str | None, str | None, str | None]:
    try:
        kind, value = guess(text)
    except Rejected as rejected:
        return text, None, None, str(rejected)
    return text, kind.value, value, None


def _reported(
    asked: pl.DataFrame, found: pl.DataFrame, weights: Sources, now: datetime
) -> pl.DataFrame:
    """Return `id`, `score`, `sources` and `tlp` of what is reported."""
    named = found.join(asked.select("id", "kind", "value"), on="id")
    rows = named.with_columns(threat=pl.lit(None, pl.String))
    score = scored(rows, weights, now).select("id", "score", "sources")
    return score.join(found.group_by("id").agg(pl.col("tlp").max()), on="id")


def _judged(asked: pl.DataFrame, known: Knowledge, said: pl.DataFrame) -> pl.DataFrame:
    """Return `id`, `score`, `sources`, `tlp` and `never_enforced`, as `explain` says it of one."""
    advisory = pl.element().is_in(pl.Series(sorted(known.advisory), dtype=pl.String).implode())
    blocking = asked.with_columns(pl.col("sources").list.eval(pl.element().filter(~advisory)))
    why = unclean(blocking, known.policy, known.exceptions, said)
    return asked.select("id", "score", "sources", "tlp", why.alias("never_enforced"))


def _around(asked: pl.DataFrame, networks: pl.DataFrame) -> pl.DataFrame:
    """Return `id` and `networks` of what lies inside of one."""
    inside = _spans(asked)
    outer = networks.select("version", "first", "bits", network="value").unique()
    found = [
        _within(inside, outer.filter((pl.col("version") == version) & (pl.col("bits") == bits)))
        for version, bits in outer.select("version", "bits").unique().sort("bits").iter_rows()
    ]
    rows = pl.concat([empty({"id": pl.String(), "network": pl.String()}), *found])
    return rows.group_by("id", maintain_order=True).agg(pl.col("network").alias("networks"))


def _spans(asked: pl.DataFrame) -> pl.DataFrame:
    """Return `id`, `version`, `first` and `bits` of addresses, networks and hosts of URLs."""
    rows = located(asked["kind"], asked["value"]).with_columns(asked["id"])
    single = pl.col("kind").is_in([Kind.IPV6.value, Kind.CIDR.value])
    numbered = rows.filter(pl.col("number").is_not_null() | single)
    numbered = pl.concat([numbered, rows.filter(pl.col("host").str.starts_with("["))])
    return numbered.select("id").hstack(network_columns(numbered["host"]))


def _within(inside: pl.DataFrame, outer: pl.DataFrame) -> pl.DataFrame:
    """Join what lies in networks of one size: what begins where they do once cut to their size."""
    version, bits = outer.row(0, named=True)["version"], outer.row(0, named=True)["bits"]
    size = 1 << ((32 if version == 4 else 128) - bits)  # noqa: PLR2004 - the two versions of IP
    narrower = inside.filter((pl.col("version") == version) & (pl.col("bits") > bits))
    start = pl.col("first") // pl.lit(size, pl.UInt128) * pl.lit(size, pl.UInt128)
    return (
        narrower.select("id", start.alias("first"))
        .join(outer.select("first", "network"), on="first")
        .select("id", "network")
    )
