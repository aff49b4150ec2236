"""Many warninglists as one value that answers whole columns."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

import polars as pl

from tidegate.hosts import located
from tidegate.model import Kind
from tidegate.warninglists.matching import ENTRIES, LIST, Applied, Matcher, network_columns
from tidegate.warninglists.reading import How, Use, Warninglist

NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a compiled list, without its entries."""

    name: str
    title: str
    version: str
    use: Use
    kinds: frozenset[Kind]
    reaches: frozenset[Kind]
    entries: int
    skipped: int = 0
    reason: str | None = None

    @property
    def why(self) -> str:
        """Why what it lists is no indicator, in words."""
        return self.reason or f"warninglist {self.name}"


@dataclass(frozen=True)
class Warninglists:
    """Compiled lists. Frozen; the matchers are built when they are first asked."""

    about: tuple[About, ...]
    entries: pl.DataFrame
    _matchers: dict[frozenset[int], Matcher] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, lists: Iterable[Warninglist]) -> Self:
        """Compile lists. Where two have a value, the first by name is said to."""
        ordered = sorted(lists, key=lambda one: one.name)
        frames = [_entries(number, one) for number, one in enumerate(ordered)]
        about = tuple(_about(one) for one in ordered)
        return cls(about, pl.concat([pl.DataFrame(schema=ENTRIES), *frames]))

    def fingerprint(self) -> str:
        """Return a digest of all that they say; another list, another entry: another digest."""
        rows = self.entries.with_columns(pl.col("how").cast(pl.String)).hash_rows()
        said = [
            (one.name, one.why, one.use, sorted(one.kinds), sorted(one.reaches))
            for one in self.about
        ]
        return f"{len(rows)}-{rows.sum()}-{sha256(repr(said).encode()).hexdigest()[:16]}"

    def hits(self, kind: pl.Series, value: pl.Series, but: frozenset[str] = NONE) -> pl.Series:
        """Return, row by row, the name of the list that makes a value no indicator, or null.

        Of several networks around an address the narrowest counts. `but` are lists left out.
        """
        return self._names(self._asked(located(kind, value), Use.FALSE_POSITIVE, but))

    def suppressing(self, rows: pl.DataFrame, but: frozenset[str] = NONE) -> pl.Series:
        """Return in words why a value is no indicator, or null, for rows of `hosts.located`."""
        words = pl.Series([one.why for one in self.about], dtype=pl.String)
        return words.gather(self._asked(rows, Use.FALSE_POSITIVE, but))

    def known(self, kind: pl.Series, value: pl.Series) -> pl.Series:
        """Return the name of the list that identifies a value (a VPN, an exit), or null."""
        return self._names(self._asked(located(kind, value), Use.KNOWN, NONE))

    def _names(self, numbers: pl.Series) -> pl.Series:
        names = pl.Series([one.name for one in self.about], dtype=pl.String)
        return names.gather(numbers).alias("list")

    def _asked(self, rows: pl.DataFrame, use: Use, but: frozenset[str]) -> pl.Series:
        numbers = frozenset(
            number
            for number, one in enumerate(self.about)
            if one.use is use and one.name not in but
        )
        return self._matcher(numbers).hits(rows)

    def _matcher(self, numbers: frozenset[int]) -> Matcher:
        if numbers not in self._matchers:
            about = [(number, self.about[number]) for number in sorted(numbers)]
            applied = [Applied(number, one.kinds, one.reaches) for number, one in about]
            self._matchers[numbers] = Matcher.of(self.entries, applied)
        return self._matchers[numbers]


def _about(one: Warninglist) -> About:
    return About(
        one.name,
        one.title,
        one.version,
        one.use,
        one.kinds,
        one.reaches,
        len(one.entries),
        one.skipped,
        one.reason,
    )


def _entries(number: int, one: Warninglist) -> pl.DataFrame:
    rows = pl.DataFrame(
        one.entries, {name: ENTRIES[name] for name in ("how", "text")}, orient="row"
    )
    rows = rows.select(pl.lit(number, LIST).alias("list"), "how", "text")
    networks = rows.filter(pl.col("how") == How.NETWORK)
    others = rows.filter(pl.col("how") != How.NETWORK)
    read = networks.hstack(network_columns(networks["text"]))
    return pl.concat([read, others], how="diagonal").select(*ENTRIES)
