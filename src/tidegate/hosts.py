"""Where the host of a canonical value is, and which address it names: whole columns at once."""

import polars as pl

from tidegate.model import Kind

IPV4 = r"^[0-9]+(?:\.[0-9]+){3}$"
NUMBERED = (Kind.IPV4, Kind.URL)


def host(kind: pl.Series, value: pl.Series) -> pl.Series:
    """Return the host of URLs and mail addresses, and every other value as it is."""
    rows = pl.DataFrame({"kind": kind.cast(pl.String), "value": value})
    kinds = set(rows["kind"].unique().drop_nulls().to_list())
    found = pl.col("value")
    if Kind.URL in kinds:
        rows = rows.with_columns(url_host=_url_host(rows["value"]))
        found = pl.when(pl.col("kind") == Kind.URL).then("url_host").otherwise(found)
    if Kind.EMAIL in kinds:
        inner = pl.col("value").str.extract("@([^@]+)$")
        found = pl.when(pl.col("kind") == Kind.EMAIL).then(inner).otherwise(found)
    return rows.select(found.alias("host")).to_series()


def _url_host(url: pl.Series) -> pl.Series:
    """Return the hosts of canonical URLs. Cutting is five times as fast as one pattern."""
    authority = _half(_half(url, "://", 1), "/", 0)
    if authority.str.contains("@", literal=True).any():
        authority = authority.str.replace("^.*@", "")
    name = _half(authority, ":", 0)
    if not name.str.starts_with("[").any():
        return name
    bracketed = authority.str.extract(r"^(\[[^\]]+\])")
    return bracketed.zip_with(bracketed.is_not_null(), name)


def _half(text: pl.Series, mark: str, side: int) -> pl.Series:
    return text.str.splitn(mark, 2).struct.field(f"field_{side}")


def number(text: pl.Expr) -> pl.Expr:
    """Return dotted quads as numbers, and null for any other text."""
    parts = text.str.split_exact(".", 3).struct
    numbers = [parts.field(f"field_{i}").cast(pl.UInt32, strict=False) for i in range(4)]
    whole = sum((part * 256 ** (3 - i) for i, part in enumerate(numbers)), pl.lit(0, pl.Int64))
    return pl.when(text.str.contains(IPV4)).then(whole)


def located(kind: pl.Series, value: pl.Series) -> pl.DataFrame:
    """Return `row`, `kind`, `value`, `host`, and `number`: the IPv4 address that is the host."""
    rows = pl.DataFrame({"kind": kind.cast(pl.String), "value": value, "host": host(kind, value)})
    numbered = pl.col("kind").is_in([one.value for one in NUMBERED])
    return rows.with_row_index("row").with_columns(
        pl.when(numbered).then(number(pl.col("host"))).alias("number")
    )
