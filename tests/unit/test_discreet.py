"""Texts lose indicators and people, and nothing that alerts ask for."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.adapters.discreet import without_values

PLAIN = st.text(st.characters(categories=["L", "Nd", "Zs"], codec="ascii"), max_size=20)
SECRET = st.one_of(
    st.ip_addresses().map(str),
    st.emails(),
    st.binary(min_size=16, max_size=16).map(bytes.hex),
    st.binary(min_size=20, max_size=20).map(bytes.hex),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
)


@given(PLAIN, SECRET, PLAIN)
def test_no_value_is_left(before, secret, after):
    assert secret not in without_values(f"{before} {secret} {after}")
    assert secret not in without_values(f"{before}: '{secret}', {after}")


@given(st.ip_addresses(v=4).map(str), PLAIN.map(str.strip), st.emails())
def test_of_an_address_of_the_web_the_host_is_left(ip, path, person):
    path, person = quote(path), quote(person, safe="@")
    told = without_values(f"https://{person}@feed.example/{ip}/{path}?key={path}x&u={person} fails")
    assert ip not in told
    assert person not in told
    assert "key=" not in told
    assert told.startswith("https://feed.example")


@pytest.mark.parametrize(
    "line",
    [
        "Error fetching from urlhaus: down, the server answered 503",
        'alert feed=otx state=down reason="no answer in 20.0 s"',
        "case da637512345678901234_-1234567 ended: done",
        "cosmos feodo: 3 rows, 31.5 request units",
        "at 2026-12-01T05:04:03.123+00:00, version 1.2.3 at 12:30:05",
        "feeds are looked at",
    ],
)
def test_what_alerts_ask_for_is_left(line):
    assert without_values(line) == line


def test_defanged_addresses_are_values_too():
    assert without_values("198[.]51[.]100[.]7 and 2001:db8::1/64") == "[address] and [address]"
