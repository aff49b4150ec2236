"""Texts lose indicators, people and files, and nothing that alerts ask for."""

import traceback
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.adapters.discreet import LONGEST, without_values
from tidegate.ports import SourceDown

PLAIN = st.text(st.characters(categories=["L", "Nd", "Zs"], codec="ascii"), max_size=20)
LABEL = st.from_regex(r"[a-z][a-z0-9-]{4,12}[a-z]", fullmatch=True)
PERSON = st.builds("{}.{}".format, LABEL, LABEL)
HOST = st.builds("{}.{}".format, LABEL, st.sampled_from(["example", "co.uk", "zip", "xn--p1ai"]))
SECRET = st.one_of(
    st.ip_addresses().map(str),
    st.emails(),
    HOST,
    st.builds("{}.{}".format, LABEL, st.sampled_from(["exe", "docm", "ps1", "7z", "x", "py"])),
    *(st.binary(min_size=size, max_size=size).map(bytes.hex) for size in (16, 20, 32)),
    st.builds("{}\\{}".format, LABEL, PERSON),
    st.builds("C:\\Users\\{} {}\\{}.exe".format, LABEL, LABEL, LABEL),
    st.builds("/home/{}/{}".format, LABEL, LABEL),
)
AROUND = ["{}", "'{}'", "({})", "[{}]", "x={}", "id:{}", "{}.", "{}:", "{},", "x_{}/y", '"{}"!']
SPELLED = {
    "as it is": str,
    "escaped": lambda text: quote(text, safe="") if quote(text, safe="") != text else text,
    "defanged": lambda text: text.replace(".", "[.]").replace("@", "[at]"),
    "in a URL": lambda text: f"https://bad.example/{quote(text, safe='')}?a={quote(text)}",
    "as a user": lambda text: f"ftp://{quote(text, safe='')}:pass@bad.example:21",
}
HOST_OF_OURS = "feed.example"


@example("", "/home/kim/payload", "", "({})", "as it is")
@given(PLAIN, SECRET, PLAIN, st.sampled_from(AROUND), st.sampled_from(sorted(SPELLED)))
def test_no_value_is_left(before, secret, after, around, spelled):
    written = SPELLED[spelled](secret)
    told = without_values(f"{before} {around.format(written)} {after}", HOST_OF_OURS.__eq__)
    assert secret not in told
    assert written not in told


def fail(secret):
    raise SourceDown(f"no answer of {secret}\nnor of\n    {secret}")


@given(SECRET)
def test_an_error_of_ours_and_its_traceback_tell_where_and_not_what(secret):
    try:
        fail(secret)
    except SourceDown:
        told = without_values(traceback.format_exc())
    assert secret not in told
    assert f'File "{__file__}", line ' in told
    assert "raise SourceDown(f" in told
    assert "SourceDown: no answer of" in told


@given(st.ip_addresses(v=4).map(str), PLAIN.map(str.strip), st.emails())
def test_of_an_address_that_we_call_the_host_is_left(ip, path, person):
    path, person = quote(path), quote(person, safe="@")
    address = f"https://{person}@{HOST_OF_OURS}:8443/{ip}/{path}?key={path}x&u={person}"
    told = without_values(f"{address} fails", HOST_OF_OURS.__eq__)
    assert told == (f"https://{HOST_OF_OURS} fails" if len(address) <= LONGEST else "[long] fails")


def test_a_frame_that_is_none_hides_nothing():
    text = '  File "/nowhere/evil.example", line 3, in x\n    198.51.100.7 by kim@corp.example'
    told = without_values(text)
    assert "evil" not in told
    assert "198" not in told
    assert "kim" not in told


@pytest.mark.parametrize(
    "line",
    [
        "Error fetching from urlhaus: down, the server answered 503",
        "Error fetching from otx: down, https://feed.example answered 503",
        'alert feed=otx state=down reason="no answer in 20.0 s"',
        "case da637512345678901234_-1234567 ended: done",
        "cosmos feodo: 3 rows, 31.5 request units",
        "at 2026-12-01T05:04:03.123+00:00, version 1.2.3 at 12:30:05",
        "feeds are looked at",
        "GET /api/indicators/{value} 200 in 3 ms",
        "tidegate.ports.SourceDown in tidegate.adapters.discreet",
        "secret vmray-api-key of feed.example: 403",
    ],
)
def test_what_alerts_ask_for_is_left(line):
    assert without_values(line, HOST_OF_OURS.__eq__) == line


def test_what_is_left_is_as_it_was_written():
    assert without_values("a(.)b and c[:]d") == "[name] and c[:]d"


def test_an_address_is_one_however_it_is_written():
    assert without_values("198[.]51[.]100[.]7 and 2001:db8::1/64.") == "[address] and [address]."


@pytest.mark.parametrize("word", ["a" * 10**6, "1." * 10**5, "::" * 10**5, "C:\\ " * 10**5])
def test_a_text_costs_what_it_is_long(word):
    """Not timed: what is tried from every place anew would take minutes here."""
    assert len(without_values(word)) <= len(word)
