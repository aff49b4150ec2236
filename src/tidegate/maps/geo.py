"""Where rows are: the row's own coordinates, then Kusto's, then the locator, then the country.

The first two arrive in the answer. Addresses that are nowhere (private, reserved) stay unlocated.
"""

from collections.abc import Callable
from ipaddress import ip_address

import polars as pl

from tidegate.declare.dataset import GEO
from tidegate.ports import Locator, Place

NOWHERE = "none"
# A latitude to four digits is eleven metres: more than any of the sources knows.
DIGITS = 4
# Working columns. No declared column has a space in its name.
OWN, BY_ADDRESS, BY_COUNTRY, PLACED = "its own", "by address", "by country", "the place"
Cells = tuple[str | None, ...]
PLACE = pl.Struct(dict.fromkeys(GEO, pl.String()))


def locate(rows: pl.DataFrame, column: str, locator: Locator) -> pl.DataFrame:
    """Return the rows with `GEO` filled in from what they say and what the locator knows."""
    rows = rows.with_columns(_own().alias(OWN))
    addresses = rows.filter(~pl.col(OWN))[column]
    placed = pl.coalesce(
        pl.when(OWN).then(pl.struct(*_as_said())), BY_ADDRESS, BY_COUNTRY, _nowhere()
    )
    return (
        rows.pipe(_ask, column, BY_ADDRESS, addresses, lambda text: _address(text, locator))
        .pipe(_ask, "Country", BY_COUNTRY, rows["Country"], lambda text: _country(text, locator))
        .with_columns(placed.alias(PLACED))
        .select(pl.exclude(*GEO, OWN, BY_ADDRESS, BY_COUNTRY))
        .unnest(PLACED)
    )


def located() -> pl.Expr:
    """Whether a row of a dataset has a place."""
    return pl.col("GeoPrecision") != NOWHERE


def _own() -> pl.Expr:
    """Whether the row's own coordinates are on this planet. Zero is a coordinate."""
    latitude, longitude = (pl.col(name).cast(pl.Float64, strict=False) for name in list(GEO)[:2])
    return (latitude.is_between(-90, 90) & longitude.is_between(-180, 180)).fill_null(value=False)


def _as_said() -> list[pl.Expr]:
    """Return what a row with coordinates says, with its country as ISO 3166 has it."""
    country = pl.col(BY_COUNTRY).struct.field("Country")
    precision = pl.col("GeoPrecision").replace("", None).fill_null("city")
    source = pl.col("GeoSource").replace("", None).fill_null("log")
    return [pl.col("Latitude"), pl.col("Longitude"), country, precision, source]


def _nowhere() -> pl.Expr:
    cells = [
        pl.lit(cell, pl.String()).alias(name) for name, cell in zip(GEO, _cells(), strict=True)
    ]
    return pl.struct(*cells)


def _ask(
    rows: pl.DataFrame,
    column: str,
    alias: str,
    texts: pl.Series,
    know: Callable[[str], Cells | None],
) -> pl.DataFrame:
    """Join what is known of each distinct text of the column."""
    known = {text: know(text) for text in texts.drop_nulls().unique() if text}
    found = {text: dict(zip(GEO, cells, strict=True)) for text, cells in known.items() if cells}
    places = pl.DataFrame(
        {column: list(found), alias: list(found.values())},
        schema={column: pl.String(), alias: PLACE},
    )
    return rows.join(places, on=column, how="left", maintain_order="left")


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
