"""What leaves the published set for others, and how it is written: STIX 2.1 and CSV.

The set keeps who said something, but not who said what of it. Where a source's words are not to be
passed on, nothing goes out that may be its words: what the others reported is their value, and its
score is our own judgement.
"""

import polars as pl

from tidegate.model import Tlp
from tidegate.sharing import Terms, stricter
from tidegate.stix.write import assembled, attributed, stated

HIDDEN = ("threat", "reference", "until")
FORMULA = r"^[=+\-@\t\r\n|%]"
CSV = ("value", "kind", "score", "sources", "threat", "tags", "reference")
CSV_TIMES = ("first_seen", "last_seen", "expires", "since")
STAMP = "%Y-%m-%dT%H:%M:%SZ"


def leaving(rows: pl.DataFrame, up_to: Tlp, terms: Terms) -> pl.DataFrame:
    """Keep of the set what may go where `up_to` may go, without the words of private sources."""
    open_ = pl.col("sources").list.set_difference(sorted(terms.private) or [""])
    mixed = open_.list.len() < pl.col("sources").list.len()
    kept = rows.filter(~stricter(up_to) & (open_.list.len() > 0))
    bare = [pl.when(~mixed).then(name).alias(name) for name in HIDDEN]
    no_tags = pl.lit([], pl.List(pl.String))
    return kept.with_columns(
        *bare,
        pl.when(mixed).then(no_tags).otherwise("tags").alias("tags"),
        pl.when(mixed).then("since").otherwise("first_seen").alias("first_seen"),
        pl.when(mixed).then("changed").otherwise("last_seen").alias("last_seen"),
        open_.list.sort().alias("sources"),
    )


def spoken(rows: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Return rows of the set as `stix.write.objects` takes them.

    Nothing is said whose change would not show in `changed`, which is what `modified` says: of its
    sources' times there is only `until`, which moves with it.
    """
    texts = attributed(_by_source(rows)["source"], terms)
    said = rows.select(
        "id",
        "kind",
        "value",
        pl.lit(None, pl.String).alias("original"),
        pl.col("score").round().clip(0, 100).cast(pl.UInt8).alias("confidence"),
        pl.col("since").alias("first_seen"),
        pl.col("changed").alias("last_seen"),
        pl.when(pl.col("until") > pl.col("since")).then("until").alias("expires"),
        *("tags", "threat", "reference", "tlp", "returned"),
        pl.col("gone").is_not_null().alias("revoked"),
    )
    return stated(said, _by_source(rows), texts)


def _by_source(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select("id", source="sources").explode("source", empty_as_null=False)


def stix(rows: pl.DataFrame, up_to: Tlp, terms: Terms) -> bytes:
    """Return what may leave as one bundle; what is gone is in it as revoked."""
    kept = leaving(rows, up_to, terms)
    texts = attributed(_by_source(kept)["source"], terms)
    return assembled(spoken(kept, terms), texts.values(), up_to=up_to)


def csv(rows: pl.DataFrame, up_to: Tlp, terms: Terms) -> bytes:
    """Return what may leave of those in the set as CSV that no spreadsheet takes for formulas."""
    kept = leaving(rows.filter(pl.col("gone").is_null()), up_to, terms)
    table = kept.sort("score", "id", descending=[True, False]).select(
        *CSV,
        *(pl.col(name).dt.to_string(STAMP) for name in CSV_TIMES),
        pl.col("tlp").cast(pl.String).str.to_uppercase(),
        _attributions(terms).alias("attributions"),
    )
    plain = table.with_columns(
        pl.col("kind").cast(pl.String),
        pl.col("score").round(1),
        pl.col("sources", "tags", "attributions").list.join("; "),
    )
    return plain.with_columns(_harmless(pl.col(pl.String))).write_csv().encode()


def _attributions(terms: Terms) -> pl.Expr:
    known = dict(terms.attributions)
    found = pl.element().replace_strict(known, default=None, return_dtype=pl.String)
    return pl.col("sources").list.eval(found).list.drop_nulls().list.unique().list.sort()


def _harmless(text: pl.Expr) -> pl.Expr:
    """Put a quote before what a spreadsheet would calculate or call."""
    return pl.when(text.str.contains(FORMULA)).then("'" + text).otherwise(text).name.keep()
