"""Where the vectorised path answers, it says what the exact path says."""

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.canonical import Rejected, Shape, canonical
from tidegate.columns import SHAPES, _relevant, canonicalise
from tidegate.model import Kind
from tidegate.sightings import KINDS

pytestmark = pytest.mark.slow

ALL = [*(kind.value for kind in Kind), *(shape.value for shape in Shape)]

LABEL = st.sampled_from(
    ["a", "evil", "x-1", "xn--mnchen-3ya", "_h", "A9", "é", "\u212a", "co", "-b"]
)
NAME = st.builds(
    "{}.{}".format,
    st.lists(LABEL, min_size=1, max_size=4).map(".".join),
    st.sampled_from(["example", "uk", "co.uk", "Com", "1", "0x1", "a" * 64, "example."]),
)
BYTE = st.sampled_from(["0", "1", "9", "10", "99", "199", "249", "255", "256", "01", "+1", ""])
ADDRESS = st.lists(BYTE, min_size=3, max_size=5).map(".".join)
HOST = NAME | ADDRESS | st.sampled_from(["[::1]", "localhost", "(a)", "a b.example"])
PORT = st.sampled_from(["", ":80", ":443", ":8080", ":0", ":080", ":65535", ":65536", ":", ":x"])
BITS = ["", "a", "Z", "~", "!", "$", "&", "'", "(", ")", "(.)", "(dot)", "*", "+", ",", ";", "="]
BITS += [":", "@", "@x.example", ".", "..", "...", "-", "%", "%2E", "%2e", "%20", "%41", "%7E"]
BITS += [
    "%5F",
    "%5f",
    "%FF",
    "%ff",
    "%%34%31",
    "%3",
    '"',
    "<",
    " ",
    "\\",
    "[",
    "{.}",
    "é",
    "\u200b",
]
BITS += ["?", "?a=b", "#", "#x", "/", "//", "/.", "/..", "/../", "://", "%0A", "\n", "\t", "^", "|"]
PATH = st.lists(st.sampled_from(BITS), max_size=8).map("".join)
SCHEME = st.sampled_from(
    ["http://", "https://", "HTTP://", "hxxp://", "ftp://", "http:/", "//", ""]
)
URL = st.builds("{}{}{}/{}".format, SCHEME, HOST, PORT, PATH) | st.builds(
    "{}{}{}{}".format, SCHEME, HOST, PORT, PATH
)
DIGEST = st.builds(
    lambda text, length: (text * 64)[:length],
    st.sampled_from(["aB3", "0", "F", "g1", "\u0661a"]),
    st.sampled_from([31, 32, 33, 40, 63, 64, 65]),
)
NEAR = (
    URL | NAME | ADDRESS | st.builds("{}{}".format, ADDRESS, PORT) | DIGEST | st.text(max_size=30)
)
NAMED = st.lists(
    st.sampled_from(
        ["HKLM", "\\", "/", " ", "  ", "[.]", "'", "A", "é", "\u202e", "\u0130", ".exe", "\t"]
    ),
    max_size=8,
).map("".join)
DRESSED = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", " ", '"', "'"]),
    NEAR | NAMED,
    st.sampled_from(["", "", "\n"]),
)


def exact(shape: str, text: str):
    try:
        return (*canonical(Kind(shape) if shape in list(Kind) else Shape(shape), text), None)
    except Rejected as rejected:
        return None, None, str(rejected)


def fast(shape: str, texts: list[str]) -> pl.DataFrame:
    """Return what the vectorised path alone says; null where it leaves the answer to the other."""
    rows = pl.DataFrame({"shape": pl.Series([shape] * len(texts), dtype=SHAPES), "text": texts})
    kind, value = pl.lit(None, KINDS), pl.lit(None, pl.String)
    for when, as_kind, as_value in _relevant([shape]):
        kind = pl.when(when).then(pl.lit(as_kind.value, KINDS)).otherwise(kind)
        value = pl.when(when).then(as_value).otherwise(value)
    return rows.with_columns(kind.alias("kind"), value.alias("value")).select("kind", "value")


@pytest.mark.parametrize("shape", ALL)
@given(st.lists(DRESSED, min_size=1, max_size=40))
@example(["http://e.example/x'", "http://e.example/a(.)b", "http://e.example/(dot)"])
@example(["http://" + "a." * 130 + "example/", "http://e.example/" + "x" * 2_070])
def test_where_the_fast_path_answers_the_exact_one_agrees(shape, texts):
    for text, (kind, value) in zip(texts, fast(shape, texts).rows(), strict=True):
        if kind is not None:
            assert (kind, value, None) == exact(shape, text)


@given(st.lists(st.tuples(st.sampled_from(ALL), DRESSED), min_size=1, max_size=40))
def test_a_column_of_mixed_kinds_keeps_its_order(rows):
    shapes, texts = zip(*rows, strict=True)
    found = canonicalise(pl.Series(shapes), pl.Series(texts)).rows()
    assert found == [exact(*row) for row in rows]


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ("url", "http://192.0.2.1:55871/bin.sh"),
        ("url", "https://cdn.evil.example/a/b.exe?id=7&q=%20"),
        ("ipv4", "192.0.2.1"),
        ("socket", "192.0.2.1:8080"),
        ("domain", "Evil.Example"),
        ("hash", "A" * 64),
    ],
)
def test_usual_values_take_the_fast_path(shape, text):
    assert fast(shape, [text])["kind"][0] is not None


def test_a_null_is_empty_and_a_null_kind_is_unknown():
    found = canonicalise(pl.Series(["url", None], dtype=pl.String), pl.Series([None, "x"]))
    assert found["rejected"].to_list() == ["empty", "unknown kind"]


def test_no_rows_are_no_rows():
    none = pl.Series([], dtype=pl.String)
    assert canonicalise(none, none).columns == ["kind", "value", "rejected"]


def test_the_stored_nasty_values_agree(stored):
    lines = stored("nasty/nasty_values.txt").read_text(encoding="utf-8").split("\n")
    for shape in ALL:
        found = canonicalise(pl.Series([shape] * len(lines)), pl.Series(lines)).rows()
        assert found == [exact(shape, line) for line in lines]
