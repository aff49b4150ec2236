"""The vectorised path of `canonical.py`: whole columns, with Polars expressions.

It answers only for spellings that are canonical already, or become so by lower-casing; everything
else goes through the exact path, each different spelling once. Where both answer they agree, which
a property test holds them to.
"""

from collections.abc import Iterable
from functools import cache

import polars as pl

from tidegate.canonical import (
    MAX_DOMAIN,
    MAX_URL,
    Rejected,
    Shape,
    canonical,
    public_suffixes,
)
from tidegate.model import Kind
from tidegate.sightings import KINDS

BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
IPV4 = rf"{BYTE}(?:\.{BYTE}){{3}}"
NAME = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3})"
# What the exact path leaves alone: no escape that it would undo, no dot segment, no "(dot)".
PATH = r"(?:[A-Za-z0-9_~!$&'*+,;=:@.-]|%(?:2[0-9ABCF]|3[A-F]|40|5[B-E]|60|7[B-DF]|[89A-F][0-9A-F]))"
URL = rf"^https?://(?:{IPV4}|{NAME})(?::{PORT})?(?:/{PATH}*)+(?:\?(?:{PATH}|[/?])+)?$"
HOST = rf"^https?://[^/:]{{1,{MAX_DOMAIN}}}[/:]"
DOT_SEGMENT = r"/\.\.?(?:/|\?|$)"
REDUNDANT_PORT = r"^(?:http://[^/]*:80/|https://[^/]*:443/)"

SHAPES = pl.Enum([*(kind.value for kind in Kind), *(shape.value for shape in Shape)])
TEXT = pl.col("text")
SHAPE = pl.col("shape").cast(pl.String)


def _is(*shapes: Kind | Shape) -> pl.Expr:
    return SHAPE.is_in([shape.value for shape in shapes])


@cache
def _fast() -> list[tuple[pl.Expr, Kind, pl.Expr]]:
    """For each kind: when the fast path answers, with which kind, with which value."""
    lower = TEXT.str.to_lowercase()
    plain_path = ~TEXT.str.contains(DOT_SEGMENT) & ~TEXT.str.contains(REDUNDANT_PORT)
    hashes = _is(Kind.MD5, Kind.SHA1, Kind.SHA256, Shape.HASH)
    return [
        (
            _is(Kind.URL)
            & TEXT.str.contains(URL)
            & TEXT.str.contains(HOST)
            & plain_path
            & (TEXT.str.len_bytes() <= MAX_URL),
            Kind.URL,
            TEXT,
        ),
        (
            _is(Kind.IPV4, Kind.IPV6, Shape.ADDRESS) & TEXT.str.contains(f"^{IPV4}$"),
            Kind.IPV4,
            TEXT,
        ),
        (
            _is(Shape.SOCKET) & TEXT.str.contains(f"^{IPV4}:{PORT}$"),
            Kind.IPV4,
            TEXT.str.extract(f"^({IPV4}):"),
        ),
        (
            _is(Kind.DOMAIN)
            & lower.str.contains(f"^{NAME}$")
            & (TEXT.str.len_bytes() <= MAX_DOMAIN)
            & ~lower.is_in(list(public_suffixes())),
            Kind.DOMAIN,
            lower,
        ),
        (hashes & lower.str.contains("^[0-9a-f]{64}$"), Kind.SHA256, lower),
        (hashes & lower.str.contains("^[0-9a-f]{40}$"), Kind.SHA1, lower),
        (hashes & lower.str.contains("^[0-9a-f]{32}$"), Kind.MD5, lower),
    ]


def canonicalise(shape: pl.Series, text: pl.Series) -> pl.DataFrame:
    """Return the columns `kind`, `value` and `rejected`, row by row.

    `shape` holds `SHAPES`. `kind` and `value` are null where `rejected` says why.
    """
    rows = pl.DataFrame({"shape": shape.cast(SHAPES), "text": text.fill_null("")})
    shapes = set(rows["shape"].unique().drop_nulls().to_list())
    rules = _relevant(shapes)
    # By themselves, for each is used twice: kinds and values would each ask the patterns again.
    answers = rows.select(when.alias(str(at)) for at, (when, _, _) in enumerate(rules))
    kind, value = pl.lit(None, KINDS), pl.lit(None, pl.String)
    for at, (_, as_kind, as_value) in enumerate(rules):
        kind = pl.when(str(at)).then(pl.lit(as_kind.value, KINDS)).otherwise(kind)
        value = pl.when(str(at)).then(as_value).otherwise(value)
    named = (kind.alias("kind"), value.alias("value"))
    fast = rows.hstack(answers).select("shape", "text", *named)
    slow = fast.filter(pl.col("kind").is_null()).select("shape", "text").unique()
    if slow.is_empty():
        return fast.select("kind", "value", pl.lit(None, pl.String).alias("rejected"))
    return _joined(fast, _exact(slow))


def _relevant(shapes: Iterable[str]) -> list[tuple[pl.Expr, Kind, pl.Expr]]:
    """Leave out the patterns of kinds that the feed cannot carry."""
    kinds = {Kind.URL: {"url"}, Kind.DOMAIN: {"domain"}}
    hashes = {"md5", "sha1", "sha256", "hash"}
    kinds |= dict.fromkeys((Kind.MD5, Kind.SHA1, Kind.SHA256), hashes)
    kinds[Kind.IPV4] = {"ipv4", "ipv6", "address", "socket"}
    wanted = set(shapes)
    return [rule for rule in _fast() if kinds[rule[1]] & wanted]


def _exact(slow: pl.DataFrame) -> pl.DataFrame:
    found = [_one(shape, text) for shape, text in slow.iter_rows()]
    schema = {"exact_kind": KINDS, "exact_value": pl.String(), "rejected": pl.String()}
    return slow.hstack(pl.DataFrame(found, schema=schema, orient="row"))


def _one(shape: str | None, text: str) -> tuple[str | None, str | None, str | None]:
    if shape is None:
        return None, None, "unknown kind"
    try:
        kind, value = canonical(Kind(shape) if shape in list(Kind) else Shape(shape), text)
    except Rejected as rejected:
        return None, None, str(rejected)
    return kind.value, value, None


def _joined(fast: pl.DataFrame, exact: pl.DataFrame) -> pl.DataFrame:
    joined = fast.join(
        exact, on=["shape", "text"], how="left", maintain_order="left", nulls_equal=True
    )
    return joined.select(
        pl.coalesce("kind", "exact_kind").alias("kind"),
        pl.coalesce("value", "exact_value").alias("value"),
        "rejected",
    )
