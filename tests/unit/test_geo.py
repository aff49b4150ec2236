"""Where addresses are and whose: simulated places, databases of the user's, a point per country."""

import struct
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from tidegate.adapters.allocations import Tables
from tidegate.adapters.geo import Chain, country, database
from tidegate.gate.explain import explain
from tidegate.model import Kind
from tidegate.ports import Allocation, BadPayload, Place
from tidegate.settings import Settings
from tidegate.simulator.places import CITIES, place
from tidegate.wiring import local

BUILT = 1_790_000_000
U16, U32, U64 = 5, 6, 9


def encoded(value: Any) -> bytes:
    """Encode a value as the data section of a MaxMind database has it."""
    match value:
        case str():
            data = value.encode()
            return control(2, len(data)) + data
        case float():
            return control(3, 8) + struct.pack(">d", value)
        case (type_, int(number)):
            data = number.to_bytes(8, "big").lstrip(b"\0")
            return control(type_, len(data)) + data
        case list():
            return control(11, len(value)) + b"".join(map(encoded, value))
        case dict():
            pairs = [encoded(key) + encoded(item) for key, item in value.items()]
            return control(7, len(value)) + b"".join(pairs)
    raise TypeError(value)


def control(type_: int, size: int) -> bytes:
    # Types above seven go into a second byte; sizes from 29 on likewise.
    first, more = (type_ << 5, b"") if type_ <= 7 else (0, bytes([type_ - 7]))
    return (
        bytes([first | size]) + more
        if size < 29
        else bytes([first | 29]) + more + bytes([size - 29])
    )


def written(path: Path, version: int, kind: str, networks: Mapping[str, Any]) -> Path:
    """Write a database with one record per network."""
    nodes: list[list[int | None]] = [[None, None]]
    data, ends = b"", {}
    for text, record in networks.items():
        network = ip_network(text)
        size = 32 if version == 4 else 128
        bits = f"{int(network.network_address):0{size}b}"[: network.prefixlen]
        at = 0
        for bit in bits[:-1]:
            if nodes[at][int(bit)] is None:
                nodes.append([None, None])
                nodes[at][int(bit)] = len(nodes) - 1
            at = nodes[at][int(bit)] or 0
        ends[at, int(bits[-1])] = len(data)
        data += encoded(record)
    count = len(nodes)
    tree = b""
    for at, node in enumerate(nodes):
        for bit, child in enumerate(node):
            value = ends[at, bit] + count + 16 if (at, bit) in ends else child or count
            tree += value.to_bytes(3, "big")
    meta = {
        "binary_format_major_version": (U16, 2),
        "binary_format_minor_version": (U16, 0),
        "build_epoch": (U64, BUILT),
        "database_type": kind,
        "description": {"en": "made by a test"},
        "ip_version": (U16, version),
        "languages": ["en"],
        "node_count": (U32, count),
        "record_size": (U16, 24),
    }
    path.write_bytes(tree + b"\0" * 16 + data + b"\xab\xcd\xefMaxMind.com" + encoded(meta))
    return path


CITY = {
    "country": {"iso_code": "FR"},
    "location": {"latitude": 48.85, "longitude": 2.35},
}


@pytest.fixture
def cities(tmp_path: Path) -> Chain:
    records = {"1.1.1.0/24": CITY, "8.8.8.0/24": {"country": {"iso_code": "US"}}, "9.9.9.0/24": {}}
    return Chain(public=[database(written(tmp_path / "c.mmdb", 4, "Test-City", records))])


def test_a_city_database_gives_coordinates(cities: Chain):
    assert cities.address("1.1.1.1") == Place(48.85, 2.35, "FR", "city", "Test-City 2026-09-21")


def test_a_record_without_coordinates_is_the_countrys_point(cities: Chain):
    found = cities.address("8.8.8.8")
    assert found is not None
    assert (found.country, found.precision, found.source) == (
        "US",
        "country",
        "Test-City 2026-09-21",
    )
    assert (round(found.latitude), round(found.longitude)) == (40, -99)


@pytest.mark.parametrize("address", ["9.9.9.9", "7.7.7.7", "2606:4700::1", "x", "", "1.1.1.1/32"])
def test_the_rest_is_unknown(cities: Chain, address: str):
    assert cities.address(address) is None


def test_a_mapped_address_is_the_one_it_maps(cities: Chain):
    assert cities.address("::ffff:1.1.1.1") == cities.address("1.1.1.1")


def test_a_flat_country_database_of_both_families(tmp_path: Path):
    records = {"2606:4700::/32": {"country_code": "TW"}}
    chain = Chain(public=[database(written(tmp_path / "n.mmdb", 6, "npm", records))])
    found = chain.address("2606:4700::1")
    assert found is not None
    assert (found.country, found.precision) == ("TW", "country")


def test_what_is_no_database_is_said_to_be_none(tmp_path: Path):
    (tmp_path / "x.mmdb").write_bytes(b"not a database")
    with pytest.raises(BadPayload, match="geographic database"):
        database(tmp_path / "x.mmdb")
    with pytest.raises(BadPayload, match="geographic database"):
        database(tmp_path / "absent.mmdb")


def test_a_database_of_systems_is_none_of_places(tmp_path: Path):
    with pytest.raises(BadPayload, match="Test-ASN"):
        database(written(tmp_path / "asn.mmdb", 4, "Test-ASN", {}))


RESERVED = [
    "10.0.0.1",
    "127.0.0.1",
    "169.254.1.1",
    "100.64.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "fe80::1",
]


@pytest.mark.parametrize("address", [*RESERVED, "ff02::1", "2001:db8::1", "::"])
def test_no_database_is_asked_about_addresses_that_are_nowhere(address: str):
    asked: list[str] = []
    assert Chain(public=[asked.append]).address(address) is None  # type: ignore[list-item]
    assert not asked


def test_only_a_simulated_tenant_puts_documentation_ranges_on_the_map():
    assert Chain().address("192.0.2.1") is None
    found = Chain(reserved=[place]).address("192.0.2.1")
    assert found is not None
    assert found.source == "simulated"
    assert Chain(reserved=[place]).address("10.0.0.1") is None


def test_simulated_places_hold_still_and_are_spread_over_the_world():
    addresses = [f"198.51.100.{last}" for last in range(256)]
    addresses += [f"2001:db8:{site:x}::1" for site in range(500)]
    found = {place(address) for address in addresses}
    assert place("2001:db8:7::1") == place("2001:db8:7::ffff")
    assert len(found) > 45
    assert place("8.8.8.8") is place("x") is None


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.name)
def test_a_simulated_city_lies_in_a_country_that_we_know(city: Any):
    found = country(city.country)
    assert found is not None
    assert abs(found.latitude - city.latitude) < 30


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("NL", "NL"),
        ("nl", "NL"),
        ("The Netherlands", "NL"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
        ("Korea, Republic of", "KR"),
        ("South Korea", "KR"),
        ("Czechia", "CZ"),
        ("Côte d\u2019Ivoire", "CI"),
        ("Kosovo", "XK"),
        ("Taiwan", "TW"),
        ("Palestine", "PS"),
        ("United States", "US"),
    ],
)
def test_a_country_is_known_by_code_and_by_its_names(said: str, code: str):
    found = country(said)
    assert found is not None
    assert (found.country, found.precision) == (code, "country")


@pytest.mark.parametrize("said", ["", "XX", "Atlantis", "China, Influence operations"])
def test_what_is_no_country_is_unknown(said: str):
    assert country(said) is None


# --- whose an address is ----------------------------------------------------------------------

MAXMIND = {
    "autonomous_system_number": (U32, 64500),
    "autonomous_system_organization": "Example Hosting",
}
FLAT = {"asn": "AS64501", "as_name": "Flat, Ltd.", "country": "Anywhere", "country_code": "NL"}


@pytest.fixture
def systems(tmp_path: Path) -> Path:
    records = {"1.1.1.0/24": MAXMIND, "8.8.0.0/16": FLAT, "9.9.9.0/24": {"asn": "x"}}
    return written(tmp_path / "asn.mmdb", 4, "Test-ASN", records)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1.1.1.1", Allocation(None, 64500, "Example Hosting")),
        ("1.1.1.128/25", Allocation(None, 64500, "Example Hosting")),
        ("1.1.0.0/16", Allocation()),  # the record says nothing of the rest of it
        ("8.8.4.4", Allocation("NL", 64501, "Flat, Ltd.")),
        ("9.9.9.9", Allocation()),
        ("7.7.7.7", Allocation()),
        ("2606:4700::1", Allocation()),
        ("evil.example", Allocation()),
        ("", Allocation()),
    ],
)
def test_a_table_of_systems_says_whose_an_address_is(systems: Path, text: str, found: Allocation):
    assert Tables(systems).of(text) == found


def test_each_fact_is_of_the_first_table_that_has_it(systems: Path, tmp_path: Path):
    records = {"1.1.1.0/24": CITY, "8.8.8.0/24": {"country": {"iso_code": "US"}}}
    tables = Tables(systems, written(tmp_path / "c.mmdb", 4, "Test-City", records))
    assert tables.of("1.1.1.1") == Allocation("FR", 64500, "Example Hosting")
    assert tables.of("8.8.8.8") == Allocation("NL", 64501, "Flat, Ltd.")


def test_a_table_of_both_families(tmp_path: Path):
    tables = Tables(written(tmp_path / "6.mmdb", 6, "Test-ASN", {"2606:4700::/32": FLAT}))
    assert tables.of("2606:4700::1").asn == 64501
    assert tables.of("2606:4700:1::/48").asn == 64501
    assert tables.of("2606::/16") == Allocation()


def test_a_table_that_is_none_is_said_to_be_none(tmp_path: Path):
    with pytest.raises(BadPayload, match="geographic database"):
        Tables(tmp_path / "absent.mmdb")


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        (Kind.IPV4, "8.8.8.8", ("NL", 64501, "Flat, Ltd.")),
        (Kind.CIDR, "8.8.0.0/17", ("NL", 64501, "Flat, Ltd.")),
        (Kind.URL, "http://user:pw@8.8.8.8:81/a", ("NL", 64501, "Flat, Ltd.")),
        (Kind.URL, "http://evil.example/8.8.8.8", (None, None, None)),
        (Kind.DOMAIN, "evil.example", (None, None, None)),
        (Kind.ASN, "AS64502", (None, 64502, None)),
    ],
)
def test_a_look_up_says_where_it_is(tmp_path: Path, systems: Path, kind, value, told):
    with local(Settings(home=tmp_path / "home", asn_database=systems)) as house:
        found = explain(kind, value, house.knowledge)
    assert (found.country, found.asn, found.as_name) == told


def test_without_tables_a_look_up_says_nothing(tmp_path: Path):
    with local(Settings(home=tmp_path / "home")) as house:
        found = explain(Kind.IPV4, "8.8.8.8", house.knowledge)
    assert (found.country, found.asn, found.as_name) == (None, None, None)
