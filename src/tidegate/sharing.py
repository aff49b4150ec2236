"""What may leave the house: by how strictly it is marked, and by the terms of who said it.

Of several sources the strictest marking holds for an indicator, whoever else speaks of it freely.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from tidegate.model import Tlp

OTHERS = Tlp.GREEN  # what goes out to other organisations
OWN_TENANT = Tlp.AMBER_STRICT  # what goes to the organisation's own Defender


@dataclass(frozen=True, slots=True)
class Terms:
    """What sources ask of those who pass their words on.

    The words of `private` sources stay here. `attributions` are by source what is said beside.
    """

    private: frozenset[str] = frozenset()
    attributions: Mapping[str, str] = field(default_factory=dict)


def stricter(up_to: Tlp) -> pl.Expr:
    """Tell rows (`tlp`) that are marked more strictly than `up_to`."""
    order = list(Tlp)
    over = [tlp.value for tlp in order[order.index(up_to) + 1 :]]
    return pl.col("tlp").cast(pl.String).is_in(over)


def secret(live: pl.LazyFrame, up_to: Tlp) -> pl.Series:
    """Return the ids of which any source's sighting (`id`, `tlp`) is marked more strictly."""
    return live.filter(stricter(up_to)).select("id").unique().collect()["id"]


def shareable(rows: pl.DataFrame, up_to: Tlp, terms: Terms) -> pl.DataFrame:
    """Keep the sightings (`SCHEMA` and `source`) that may go where `up_to` may go."""
    kept_here = secret(rows.lazy(), up_to)
    private = pl.col("source").is_in(sorted(terms.private))
    return rows.filter(~pl.col("id").is_in(kept_here.implode()) & ~private)
