"""Compiled warninglists: which list has a value, for whole columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import polars as pl

from tidegate.hosts import number, number6
from tidegate.model import Kind
from tidegate.warninglists.names import below
from tidegate.warninglists.reading import How, either
from tidegate.warninglists.spans import Cover, Spans, closest, cover

LIST = pl.UInt16
HOWS = pl.Enum([how.value for how in How])
ENTRIES: dict[str, Any] = {
    "list": LIST,
    "how": HOWS,
    "text": pl.String(),
    "version": pl.UInt8(),
    "first": pl.UInt128(),
    "last": pl.UInt128(),
    "bits": pl.UInt8(),
}
"""All entries of all lists; the last four columns are those of networks."""

BARE = r"^[a-z0-9.+-]+://[^/@:?]+/$"
NAMED = (Kind.DOMAIN, Kind.URL, Kind.EMAIL)


@dataclass(frozen=True, slots=True)
class Applied:
    """What the matcher must know of a list: its place, and the kinds it holds for."""

    number: int
    kinds: frozenset[Kind]
    reaches: frozenset[Kind]


@dataclass(frozen=True, slots=True)
class Addresses:
    """The networks of one version of IP, by what they are asked about."""

    single: Spans
    host: Spans
    whole: Cover
    part: Cover

    @classmethod
    def of(cls, entries: pl.DataFrame, lists: Sequence[Applied], version: Kind) -> Self:
        """Build from the entries; each is asked only about the kinds of its list."""
        ipv4 = version is Kind.IPV4
        networks = entries.filter(pl.col("version") == (4 if ipv4 else 6)).with_columns(
            pl.col("first", "last").cast(pl.Int64 if ipv4 else pl.UInt128)
        )

        def on(*, reach: Kind | None = None, kind: Kind | None = None) -> pl.DataFrame:
            numbers = [one.number for one in lists if kind in one.kinds or reach in one.reaches]
            return networks.filter(pl.col("list").is_in(numbers))

        return cls(
            single=closest(on(kind=version)),
            host=closest(on(kind=Kind.URL, reach=Kind.URL)),
            whole=cover(on(kind=Kind.CIDR)),
            part=cover(on(reach=Kind.CIDR)),
        )


@dataclass(frozen=True, slots=True)
class Patterns:
    """The substrings or the regular expressions of one list."""

    list: int
    kinds: tuple[str, ...]
    how: How
    texts: tuple[str, ...]

    def found(self) -> pl.Expr:
        """Say whether a value has one. Both engines are linear, whatever a list brings."""
        if self.how is How.SUBSTRING:
            return pl.col("value").str.contains_any(list(self.texts), ascii_case_insensitive=True)
        return pl.col("value").str.contains(either(self.texts))


@dataclass(frozen=True, slots=True)
class Matcher:
    """Answers for whole columns, with the number of a list or null."""

    exact: pl.DataFrame
    below: pl.DataFrame
    v4: Addresses
    v6: Addresses
    patterns: tuple[Patterns, ...]

    @classmethod
    def of(cls, entries: pl.DataFrame, lists: Sequence[Applied]) -> Self:
        """Compile the entries of these lists."""
        entries = entries.filter(pl.col("list").is_in([one.number for one in lists]))
        return cls(
            exact=_exact(entries, lists),
            below=_below(entries, lists),
            v4=Addresses.of(entries, lists, Kind.IPV4),
            v6=Addresses.of(entries, lists, Kind.IPV6),
            patterns=tuple(_patterns(entries, lists)),
        )

    def hits(self, rows: pl.DataFrame) -> pl.Series:
        """Return the number of the list for each row of `hosts.located`."""
        parts = [self._equal(rows), self._numbers(rows), self._named(rows), *self._patterned(rows)]
        parts += self._rare(rows)
        found = pl.concat(part.select("row", "list") for part in parts)
        once = found.unique("row", keep="first", maintain_order=True)
        none = pl.select(pl.repeat(None, len(rows), dtype=LIST)).to_series()
        return none.scatter(once["row"], once["list"])

    def _equal(self, rows: pl.DataFrame) -> pl.DataFrame:
        kinds = self.exact["kind"].unique().to_list()
        asked = rows.filter(pl.col("kind").is_in(kinds)).select("row", "kind", "host", text="value")
        # `https://listed.example/` is the name, spelled as a URL; any other page there is not.
        front = asked.filter((pl.col("kind") == Kind.URL) & pl.col("text").str.ends_with("/"))
        front = front.filter(pl.col("text").str.contains(BARE)).with_columns(text="host")
        both = pl.concat([asked, front]) if len(front) else asked
        return both.join(self.exact, on=["kind", "text"])

    def _numbers(self, rows: pl.DataFrame) -> pl.DataFrame:
        asked = rows.filter(pl.col("number").is_not_null())
        url = asked["kind"] == Kind.URL
        parts = [
            some.select("row", spans.at(some["number"]).alias("list"))
            for some, spans in (
                (asked.filter(~url), self.v4.single),
                (asked.filter(url), self.v4.host),
            )
        ]
        return pl.concat(parts).drop_nulls()

    def _named(self, rows: pl.DataFrame) -> pl.DataFrame:
        kinds = self.below["kind"].unique().to_list()
        asked = rows.filter(pl.col("kind").is_in(kinds)).select("row", "kind", name="host")
        return below(asked, self.below, on=("kind", "name"))

    def _patterned(self, rows: pl.DataFrame) -> list[pl.DataFrame]:
        return [
            rows.filter(pl.col("kind").is_in(one.kinds))
            .filter(one.found())
            .select("row", pl.lit(one.list, LIST).alias("list"))
            for one in self.patterns
        ]

    def _rare(self, rows: pl.DataFrame) -> list[pl.DataFrame]:
        """Networks and IPv6 addresses: read one at a time, each different one once."""
        is_network = pl.col("kind") == Kind.CIDR
        asked = rows.filter(
            is_network | (pl.col("kind") == Kind.IPV6) | pl.col("host").str.starts_with("[")
        )
        if asked.is_empty():
            return []
        read = asked.select("row", "kind", "host").join(_read(asked["host"]), on="host")
        return [
            self._ranges(read.filter((pl.col("version") == version) & is_network), side)
            for version, side in ((4, self.v4), (6, self.v6))
        ] + [self._sixes(read.filter(~is_network & (pl.col("version") == 6)))]  # noqa: PLR2004

    def _sixes(self, read: pl.DataFrame) -> pl.DataFrame:
        url = read["kind"] == Kind.URL
        owner = self.v6.host.at(read["first"]).zip_with(url, self.v6.single.at(read["first"]))
        return read.select("row", owner.alias("list")).drop_nulls()

    @staticmethod
    def _ranges(read: pl.DataFrame, side: Addresses) -> pl.DataFrame:
        numbers = side.single.starts.dtype
        first, last = read["first"].cast(numbers), read["last"].cast(numbers)
        whole, part = side.whole.around(first, last), side.part.touching(first, last)
        owner = whole.zip_with(whole.is_not_null(), part)
        return read.select("row", owner.alias("list")).drop_nulls()


def network_columns(texts: pl.Series) -> pl.DataFrame:
    """Return `version`, `first`, `last` and `bits` of addresses and networks, row by row."""
    rows = pl.DataFrame({"text": texts}).with_row_index("row")
    six = pl.col("text").str.contains(":", literal=True)
    columns = ("version", "first", "last", "bits")
    read = pl.concat([_fours(rows.filter(~six)), _sixes(rows.filter(six))])
    return read.sort("row").select(columns)


def _fours(rows: pl.DataFrame) -> pl.DataFrame:
    parts = pl.col("text").str.split_exact("/", 1).struct
    sizes = pl.DataFrame({"bits": range(33), "size": [1 << (32 - bits) for bits in range(33)]})
    split = rows.select(
        "row",
        number(parts.field("field_0")).alias("first"),
        parts.field("field_1").cast(pl.Int64, strict=False).fill_null(32).alias("bits"),
    )
    last = (pl.col("first") + pl.col("size") - 1).cast(pl.UInt128)
    return split.join(sizes, on="bits").select(
        "row",
        pl.lit(4, pl.UInt8).alias("version"),
        pl.col("first").cast(pl.UInt128),
        last.alias("last"),
        pl.col("bits").cast(pl.UInt8),
    )


def _sixes(rows: pl.DataFrame) -> pl.DataFrame:
    parts = pl.col("text").str.strip_chars("[]").str.split_exact("/", 1).struct
    lasts = pl.DataFrame(
        {"bits": range(129), "others": [(1 << (128 - bits)) - 1 for bits in range(129)]},
        schema={"bits": pl.UInt8(), "others": pl.UInt128()},
    )
    split = rows.select(
        "row",
        number6(parts.field("field_0")).alias("first"),
        parts.field("field_1").cast(pl.UInt8, strict=False).fill_null(128).alias("bits"),
    )
    return split.join(lasts, on="bits").select(
        "row",
        pl.lit(6, pl.UInt8).alias("version"),
        "first",
        (pl.col("first") + pl.col("others")).alias("last"),
        "bits",
    )


def _read(hosts: pl.Series) -> pl.DataFrame:
    different = hosts.unique()
    return different.to_frame("host").hstack(network_columns(different))


def _exact(entries: pl.DataFrame, lists: Sequence[Applied]) -> pl.DataFrame:
    """Rows of kind and text, each with the first list that has it.

    A list for URLs that has a name has the URL of its front page, and nothing below the name.
    """
    kinds = [(one.number, kind.value) for one in lists for kind in sorted(one.kinds)]
    of_list = pl.DataFrame(kinds, {"list": LIST, "kind": pl.String()}, orient="row")
    front = (pl.col("how") == How.BELOW) & (pl.col("kind") == Kind.URL)
    return (
        entries.join(of_list, on="list")
        .filter((pl.col("how") == How.EXACT) | front)
        .sort("list")
        .unique(["kind", "text"], keep="first", maintain_order=True)
        .select("kind", "text", "list")
    )


def _below(entries: pl.DataFrame, lists: Sequence[Applied]) -> pl.DataFrame:
    kinds = [
        (one.number, kind.value)
        for one in lists
        for kind in NAMED
        if kind in one.reaches or kind in one.kinds & {Kind.DOMAIN}
    ]
    of_list = pl.DataFrame(kinds, {"list": LIST, "kind": pl.String()}, orient="row")
    return (
        entries.filter(pl.col("how") == How.BELOW)
        .join(of_list, on="list")
        .sort("list")
        .unique(["kind", "text"], keep="first", maintain_order=True)
        .select("kind", "list", name="text")
    )


def _patterns(entries: pl.DataFrame, lists: Sequence[Applied]) -> Iterator[Patterns]:
    rows = entries.filter(pl.col("how").is_in([How.SUBSTRING.value, How.REGEX.value]))
    kinds = {one.number: tuple(kind.value for kind in one.kinds) for one in lists}
    for (one, how), texts in rows.group_by("list", "how", maintain_order=True):
        yield Patterns(one, kinds[one], How(how), tuple(texts["text"]))
