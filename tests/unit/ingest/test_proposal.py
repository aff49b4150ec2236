"""What is guessed from a sample is what a person would have written."""

from pathlib import Path

import pytest

from tidegate.declare.feed import FieldMap, Format, feeds
from tidegate.ingest.proposal import proposal
from tidegate.ports import BadPayload

BUILT_IN = Path(__file__).parents[3] / "src" / "tidegate" / "feeds"
FLAT = [name for name, feed in feeds().items() if feed.format in {Format.CSV, Format.LINES}]


def sample(name: str) -> str:
    (file,) = (BUILT_IN / name).glob("sample.*")
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FLAT)
def test_the_flat_feeds_that_we_have_are_recognised(name):
    feed, found = feeds()[name], proposal(sample(name))
    assert found["format"] == feed.format.value
    assert found.get("separator", ",") == feed.separator
    assert feed.indicator is not None
    assert FieldMap(**found["indicator"]).value in {feed.indicator.value, "IP"}
    if feed.header != "none":
        assert (found["header"], found["columns"][0]) == (feed.header, feed.columns[0])


def test_the_columns_of_urlhaus_are_given_their_roles():
    assert proposal(sample("urlhaus"))["indicator"] == {
        "kind": "url",
        "value": "url",
        "first_seen": "dateadded",
        "last_seen": "last_online",
        "threat": "threat",
        "tags": "tags",
        "reference": "urlhaus_link",
    }


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (["192.0.2.1", "2001:db8::1", "192.0.2.0/24"], "address"),
        (["192.0.2.1:80", "192.0.2.2:443"], "socket"),
        (["hxxp://a[.]example/", "http://b.example/"], "url"),
        (["a.example", "b[.]example"], "domain"),
        (["a" * 32, "b" * 64], "hash"),
        (["CVE-2026-1234"], "cve"),
        (["a@b.example"], "email"),
    ],
)
def test_lines_of_one_kind(lines, kind):
    assert proposal("\n".join(lines)) == {
        "format": "lines",
        "indicator": {"kind": kind, "value": "line"},
    }


def test_lines_of_json():
    text = '{"when": "2026-11-20T05:00:00Z", "ioc": "a.example", "n": 7, "tags": ["x"]}\n' * 3
    assert proposal(text) == {
        "format": "jsonl",
        "indicator": {"kind": "domain", "value": "ioc", "first_seen": "when", "tags": "tags"},
    }


def test_prose_is_text():
    text = "The group used hxxps://a[.]example/login and, later, 192.0.2.7 for its mails.\n"
    assert proposal(text * 3) == {"format": "text"}


@pytest.mark.parametrize(
    "text",
    ["", "nothing\nat all\n", '{"a": [\n1\n]}', "[]", '{"a": 1}\n', "a,b\nc,d\n", "\x00\x01"],
)
def test_what_holds_no_indicators_is_said_so(text):
    with pytest.raises(BadPayload):
        proposal(text)
