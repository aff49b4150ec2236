"""Who is believed about where a row is, and in which order."""

from typing import Any

import polars as pl
import pytest

from tidegate.declare.dataset import GEO
from tidegate.maps.geo import locate
from tidegate.ports import Place

PARIS = Place(48.85661234, 2.3522, "FR", "city", "test")
FRANCE = Place(46.57, 2.46, "FR", "country", "countries")
PUBLIC = "1.1.1.1"


class Known:
    """Knows one address and one country, and counts the questions."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def address(self, text: str) -> Place | None:
        self.asked.append(text)
        return PARIS if text == "198.51.100.1" else None

    def country(self, text: str) -> Place | None:
        return FRANCE if text in {"FR", "France"} else None


def located(known: Known | None = None, **cells: Any) -> tuple[Any, ...]:
    row = {"Address": None, **dict.fromkeys(GEO), **cells}
    rows = pl.DataFrame([row], schema=dict.fromkeys(row, pl.String()))
    return locate(rows, "Address", known or Known()).select(*GEO).row(0)


def test_the_rows_own_coordinates_come_first():
    row = located(Address="198.51.100.1", Latitude="1.5", Longitude="-2", Country="France")
    assert row == ("1.5", "-2", "FR", "city", "log")


def test_the_query_may_name_source_and_precision():
    cells = {"GeoSource": "kusto", "GeoPrecision": "country"}
    row = located(Latitude="1", Longitude="2", **cells)
    assert row == ("1", "2", None, "country", "kusto")


def test_zero_is_a_coordinate():
    assert located(Latitude="0.0", Longitude="-7.5")[3] == "city"


@pytest.mark.parametrize("point", [("0.0", "0"), ("91", "0"), ("120.5", "30.1"), ("x", "1")])
def test_a_row_with_coordinates_of_no_place_says_so_where_nobody_knows_better(point):
    nowhere = located(Latitude=point[0], Longitude=point[1], Address="evil.example")
    assert nowhere == (None, None, None, "none", "bad coordinates")
    assert located(Latitude=point[0], Longitude=point[1], Country="FR")[4] == "countries"
    private = located(Latitude=point[0], Longitude=point[1], Address="10.0.0.1")
    assert private == (None, None, None, "none", None)


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        ("0", "0.0"),
        ("91", "0"),
        ("0", "-180.5"),
        ("NaN", "1"),
        ("", ""),
        ("1", None),
        ("x", "1"),
        ("inf", "1"),
    ],
)
def test_coordinates_of_no_place_are_not_believed(latitude: str, longitude: str | None):
    row = located(Address="198.51.100.1", Latitude=latitude, Longitude=longitude)
    assert row == ("48.8566", "2.3522", "FR", "city", "test")


def test_an_address_that_nobody_knows_is_in_its_rows_country():
    assert located(Address=PUBLIC, Country="FR") == ("46.57", "2.46", "FR", "country", "countries")


@pytest.mark.parametrize("address", ["10.0.0.1", "fe80::1", "100.64.0.1", "192.0.2.1", "::1"])
def test_a_private_address_is_nowhere_whatever_its_row_says(address: str):
    assert located(Address=address, Country="FR") == (None, None, None, "none", None)


@pytest.mark.parametrize("address", [None, "", "evil.example", "https://1.1.1.1/"])
def test_what_is_no_address_is_nowhere(address: str | None):
    assert located(Address=address) == (None, None, None, "none", None)


def test_each_address_is_asked_about_once_and_only_if_needed():
    known = Known()
    rows = pl.DataFrame(
        {
            "Address": ["198.51.100.1"] * 3 + ["1.1.1.1", "8.8.8.8"],
            "Latitude": [None, None, None, None, "1"],
            "Longitude": [None, None, None, None, "1"],
            **dict.fromkeys(["Country", "GeoPrecision", "GeoSource"], pl.Series([None] * 5)),
        },
        schema_overrides=dict.fromkeys(GEO, pl.String()),
    )
    after = locate(rows, "Address", known)
    assert sorted(known.asked) == ["1.1.1.1", "198.51.100.1"]
    assert after["Address"].to_list() == rows["Address"].to_list()
    assert after.columns[-5:] == list(GEO)
