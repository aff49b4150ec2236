"""Indicators in prose: what an analyst would mark, and in a time that grows with the text alone."""

import time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.columns import SHAPES, canonicalise
from tidegate.extract import extract

FOUND = [
    ("see hxxps[:]//evil[.]example/a?b=1.", "url", "hxxps[:]//evil[.]example/a?b=1"),
    ("hXXp://evil(dot)example/x, then", "url", "hXXp://evil(dot)example/x"),
    ("hxxps[://]evil[.]example", "url", "hxxps[://]evil[.]example"),
    ("(http://evil.example/panel_(old)/)", "url", "http://evil.example/panel_(old)/"),
    ('<a href="http://evil.example/x">', "url", "http://evil.example/x"),
    ("ftp://evil.example/x!", "url", "ftp://evil.example/x"),
    ("from user[at]evil[.]example;", "email", "user[at]evil[.]example"),
    ("to First.Last+x@evil.example.", "email", "First.Last+x@evil.example"),
    ("calls 1[.]2[.]3[.]4", "address", "1[.]2[.]3[.]4"),
    ("calls 192.0.2.5.", "address", "192.0.2.5"),
    ("the net 192.0.2.0/24,", "address", "192.0.2.0/24"),
    ("192.0.2.5:8080/tcp", "socket", "192.0.2.5:8080"),
    ("at 2001:db8::5,", "ipv6", "2001:db8::5"),
    ("at [2001:db8::5]", "ipv6", "2001:db8::5"),
    ("::ffff:192.0.2.5", "ipv6", "::ffff:192.0.2.5"),
    ("SHA-1: " + "aB" * 20, "hash", "aB" * 20),
    ("sha256=" + "ab" * 32, "hash", "ab" * 32),
    ("exploits cve-2099-10001.", "cve", "cve-2099-10001"),
    ("announced by AS64500", "asn", "AS64500"),
    ("beacon.evil.example,", "domain", "beacon.evil.example"),
    ("evil[.]example", "domain", "evil[.]example"),
    ("drop[.]zip", "domain", "drop[.]zip"),
    ("evil_host.example", "domain", "evil_host.example"),
    ("xn--mnchen-3ya.example", "domain", "xn--mnchen-3ya.example"),
    ("shop.co.za", "domain", "shop.co.za"),
    ("192.0.2.5.relay.example", "domain", "192.0.2.5.relay.example"),
    ("pub-" + "ab" * 16 + ".example", "domain", "pub-" + "ab" * 16 + ".example"),
]
NOTHING = [
    "at 12:30:45 or 12:30",
    "std::string and a::b",
    "version 1.2.3.4.5, v1.2.3.4",
    "setup.exe, archive.zip, run.sh, readme.md",
    "T1059.001 and 3.14 and e.g. this.",
    "ab" * 17,
    "ab" * 40,
    "CVE-24-1 and AS0",
    "nobody@localhost",
    "...",
    "",
]


def found(text: str) -> list[tuple[str, str]]:
    return extract(text).rows()


@pytest.mark.parametrize(("text", "shape", "value"), FOUND)
def test_what_is_meant_is_found_alone(text, shape, value):
    assert found(text) == [(shape, value)]


@pytest.mark.parametrize("text", NOTHING)
def test_what_only_looks_like_one_is_none(text):
    assert found(text) == []


def test_everything_is_found_once():
    text = " ".join(text for text, _, _ in FOUND)
    assert len(found(f"{text}\n{text}")) == len({value for _, _, value in FOUND})


@pytest.mark.slow
@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_shapes_that_can_be_read(text):
    rows = extract(text)
    canonicalise(rows["shape"].cast(SHAPES), rows["value"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a.",
        "1.",
        "1.2.3.4",
        ":",
        "ab:",
        "a@",
        "http://",
        "0123456789abcdef",
        "a-",
        "[",
        "](",
        "ab.cd%",
        "x@ab.cd.1.1.1",
        "http://a.example/)",
        "[.]",
        "a" * 50 + "@",
        "AS1",
        "\u00fc.",
        "hxxp",
    ],
)
def test_time_grows_with_the_text_and_no_faster(unit):
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        start = time.perf_counter()
        extract(text)
        return time.perf_counter() - start

    seconds(1_000)  # compiles the patterns
    small = min(seconds(50_000) for _ in range(2))
    # Eight times the text; a quadratic reader would need 64 times the time.
    assert min(seconds(400_000) for _ in range(2)) < 25 * small + 0.1


def test_the_frame_has_its_columns_without_any_row():
    assert extract("").schema == {"shape": pl.String, "value": pl.String}
