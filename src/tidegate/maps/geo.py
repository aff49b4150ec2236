"""Where rows are: the row's own coordinates, then Kusto's, then the locator, then the country.

The first two arrive in the answer. Addresses that are nowhere (private, reserved) stay unlocated.
"""

from collections.abc import Callable
from ipaddress import ip_address

import polars as pl

from tidegate.declare.dataset import GEO
from tidegate.ports import Locator, Place

NOWHERE = "none"
WRONG = "bad coordinates"  # as a source: why a row is nowhere
# A latitude to four digits is eleven metres: more than any of the sources knows.
DIGITS = 4
POINT = ("Latitude", "Longitude")
UNKNOWN, ODD = 0, 1
NO_TEXT = pl.Series([None], dtype=pl.String())
Cells = tuple[str | None, ...]


def locate(rows: pl.DataFrame, column: str, locator: Locator) -> pl.DataFrame:
    """Return the rows with `GEO` filled in from what they say and what the locator knows."""
    own, found = rows.select(_own()).to_series(), Places()
    by_address = found.numbers(rows[column], ~own, lambda text: _address(text, locator))
    by_country = found.numbers(rows["Country"], None, lambda text: _country(text, locator))
    said = rows.select(*_as_said(), found.of(by_country)["Country"])
    numbers = rows.select(pl.coalesce(by_address, by_country, _nowhere())).to_series()
    others = found.of(numbers)
    # Only these five columns are made: all others stay where they are in memory.
    cells = [said[name].zip_with(own, others[name]) for name in GEO]
    return rows.select(pl.exclude(*GEO)).hstack(cells)


def located() -> pl.Expr:
    """Whether a row of a dataset has a place."""
    return pl.col("GeoPrecision") != NOWHERE


def _own() -> pl.Expr:
    """Whether the row's own coordinates are a place. Zero is a coordinate; two zeros are none."""
    latitude, longitude = (pl.col(name).cast(pl.Float64, strict=False) for name in POINT)
    inside = latitude.is_between(-90, 90) & longitude.is_between(-180, 180)
    return (inside & ((latitude != 0) | (longitude != 0))).fill_null(value=False)


def _as_said() -> list[pl.Expr]:
    """Return what a row with coordinates says, but for its country."""
    precision = pl.col("GeoPrecision").replace("", None).fill_null("city")
    source = pl.col("GeoSource").replace("", None).fill_null("log")
    return [*map(pl.col, POINT), precision, source]


def _nowhere() -> pl.Expr:
    """Return the number of what is nowhere: there were coordinates, or there were none."""
    given = pl.all_horizontal(pl.col(name).fill_null("") != "" for name in POINT)
    return pl.when(given).then(ODD).otherwise(UNKNOWN).cast(pl.UInt32)


class Places:
    """Places by number: a row holds one number instead of five cells until all are known."""

    def __init__(self) -> None:
        self._cells = [_cells(), (*_cells()[:-1], WRONG)]

    def numbers(
        self, texts: pl.Series, wanted: pl.Series | None, know: Callable[[str], Cells | None]
    ) -> pl.Series:
        """Return the number of each text's place, null where nobody knows it or it is not asked."""
        asked = texts if wanted is None else texts.zip_with(wanted, NO_TEXT)
        known: dict[str, int] = {}
        for text in asked.drop_nulls().unique():
            if text and (cells := know(text)):
                known[text] = len(self._cells)
                self._cells.append(cells)
        schema = {"text": pl.String(), "number": pl.UInt32()}
        places = pl.DataFrame({"text": list(known), "number": list(known.values())}, schema)
        named = pl.DataFrame({"text": asked})
        return named.join(places, on="text", how="left", maintain_order="left")["number"]

    def of(self, numbers: pl.Series) -> pl.DataFrame:
        """Return the places with these numbers, as `GEO`; nulls where there is no number."""
        table = pl.DataFrame(self._cells, dict.fromkeys(GEO, pl.String()), orient="row")
        return table.select(pl.all().gather(numbers))


def _address(text: str, locator: Locator) -> Cells | None:
    """Return a place; the one that is nowhere keeps a private address out of its row's country."""
    if place := locator.address(text):
        return _cells(place)
    return _cells() if _private(text) else None


def _country(text: str, locator: Locator) -> Cells | None:
    place = locator.country(text)
    return _cells(place) if place else None


def _cells(place: Place | None = None) -> Cells:
    if place is None:
        return (None, None, None, NOWHERE, None)
    point = (str(round(degrees, DIGITS)) for degrees in (place.latitude, place.longitude))
    return (*point, place.country, place.precision, place.source)


def _private(text: str) -> bool:
    try:
        return not ip_address(text).is_global
    except ValueError:
        return False
