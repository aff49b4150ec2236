"""Where addresses are: a chain of those who may know, and a point for every country."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import maxminddb

from tidegate.ports import BadPayload, Place

Lookup = Callable[[str], Place | None]

IPV4_ONLY = 4
ASN = re.compile(r"(^|-)ASN(-|$)")  # in the type of a database

# How the logs and GeoLite2 say what our table says otherwise.
ALIASES = {
    "bolivia, plurinational state of": "BO",
    "burma": "MM",
    "cabo verde": "CV",
    "congo republic": "CG",
    "czech republic": "CZ",
    "côte d'ivoire": "CI",
    "democratic republic of the congo": "CD",
    "holy see": "VA",
    "gaza": "PS",
    "hong kong sar": "HK",
    "iran, islamic republic of": "IR",
    "ivory coast": "CI",
    "korea, republic of": "KR",
    "macau": "MO",
    "moldova, republic of": "MD",
    "palestinian territory": "PS",
    "korea (south)": "KR",
    "republic of korea": "KR",
    "russian federation": "RU",
    "syrian arab republic": "SY",
    "taiwan, province of china": "TW",
    "t rkiye": "TR",  # what a code page leaves of it, with a non-breaking space
    "the bahamas": "BS",
    "the gambia": "GM",
    "the netherlands": "NL",
    "turkey": "TR",
    "uk": "GB",
    "united states of america": "US",
    "usa": "US",
    "viet nam": "VN",
}


@cache
def _countries() -> Mapping[str, Place]:
    """Return a point inside each country, by its code and by its English name in lower case."""
    text = (files("tidegate.adapters") / "countries.csv").read_text(encoding="utf-8")
    found: dict[str, Place] = {}
    for row in csv.DictReader(text.splitlines()):
        point = float(row["latitude"]), float(row["longitude"])
        place = Place(*point, row["code"], "country", "natural-earth")
        found |= {row["code"].casefold(): place, row["name"].casefold(): place}
    return found | {name: found[code.casefold()] for name, code in ALIASES.items()}


def country(text: str) -> Place | None:
    """Return a point inside the country of this code or English name."""
    name = " ".join(text.replace("\u2019", "'").split()).casefold()
    return _countries().get(name)


class Chain:
    """`ports.Locator`: the first lookup that knows an address.

    `reserved` are asked about every address (a simulated tenant puts documentation ranges on the
    map), `public` only about those that are anywhere at all.
    """

    def __init__(self, *, reserved: Sequence[Lookup] = (), public: Sequence[Lookup] = ()) -> None:
        self._reserved = tuple(reserved)
        self._public = tuple(public)

    def address(self, text: str) -> Place | None:
        ip = _ip(text)
        if ip is None:
            return None
        spelled = str(ip)
        places = (lookup(spelled) for lookup in self._asked(ip))
        return next((place for place in places if place is not None), None)

    def _asked(self, ip: IPv4Address | IPv6Address) -> Iterator[Lookup]:
        yield from self._reserved
        if self._public and ip.is_global and not ip.is_multicast:
            yield from self._public

    def country(self, text: str) -> Place | None:
        return country(text)


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    try:
        ip = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


def opened(path: Path) -> maxminddb.Reader:
    """Open a `.mmdb`. Raises BadPayload when it is none."""
    try:
        return maxminddb.open_database(path)
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        raise BadPayload(f"{path} is no geographic database: {error}") from error


def database(path: Path) -> Lookup:
    """Return the lookup of a `.mmdb` of cities or countries. Raises BadPayload when it is none."""
    reader = opened(path)
    meta = reader.metadata()
    if ASN.search(meta.database_type):
        raise BadPayload(f"{path} says whose addresses are ({meta.database_type}), not where")
    built = datetime.fromtimestamp(meta.build_epoch, UTC).date()
    source = f"{meta.database_type} {built}"

    def lookup(address: str) -> Place | None:
        # An address of IPv6 in a database of IPv4 is a ValueError, not an absent record.
        if meta.ip_version == IPV4_ONLY and ":" in address:
            return None
        return _place(reader.get(address), source)

    return lookup


def _place(record: Any, source: str) -> Place | None:
    """Read a record of MaxMind's shape, or the flat one of the databases on npm."""
    if not isinstance(record, dict):
        return None
    nested = record.get("country") or record.get("registered_country") or {}
    code = record.get("country_code") or nested.get("iso_code")
    point = record.get("location") or record
    if point.get("latitude") is not None and point.get("longitude") is not None:
        return Place(float(point["latitude"]), float(point["longitude"]), code, "city", source)
    known = country(code) if code else None
    return replace(known, source=source) if known else None
