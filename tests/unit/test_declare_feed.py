"""A wrong declaration says what is wrong and where, and never runs."""

from datetime import timedelta

import pytest

from tidegate.declare.feed import Feed, feeds
from tidegate.declare.strict import read

GOOD = """
title: A list
reference: https://list.example/about
licence: CC0
every: 15m
url: https://list.example/list.txt
format: lines
semantics: window
keep: 2d
reliability: C
indicator: {kind: address, value: line}
"""


def declared(tmp_path, text: str = GOOD) -> Feed:
    file = tmp_path / "feed.yaml"
    file.write_text(text, encoding="utf-8")
    return read(Feed, file, name="a_list")


def test_a_dozen_lines_declare_a_feed(tmp_path):
    feed = declared(tmp_path)
    assert (feed.every, feed.keep) == (timedelta(minutes=15), timedelta(days=2))
    assert feed.secrets == set()


def test_a_secret_is_named_never_written(tmp_path):
    feed = declared(tmp_path, GOOD + "headers: {Auth-Key: $SOME_KEY, Accept: text/csv}\n")
    assert feed.secrets == {"SOME_KEY"}


@pytest.mark.parametrize(
    ("old", "new", "about"),
    [
        ("licence: CC0", "license: CC0", "license"),
        ("licence: CC0", "", "licence"),
        ("https://list.example/list.txt", "http://list.example/list.txt", "url"),
        ("https://list.example/list.txt", "https://list.example/l?key=abc", "url"),
        ("https://list.example/list.txt", "https://user:pass@list.example/l", "url"),
        ("every: 15m", "every: 1m", "5 minutes"),
        ("every: 15m", "every: soon", "every"),
        ("format: lines", "format: xml", "format"),
        ("format: lines", "format: csv", "columns"),
        ("format: lines", "format: code", "indicator"),
        ("semantics: window", "semantics: list", "semantics"),
        ("kind: address", "kind: ip", "kind"),
        ("value: line", "valu: line", "valu"),
        ("value: line", "value: line, confidence: 101", "confidence"),
        ("reliability: C", "reliability: G", "reliability"),
        ("licence: CC0", "licence: CC0\nheaders: {Key: 'Bearer $KEY'}", "headers"),
        ("licence: CC0", "licence: CC0\ncontract: {schrink: 10}", "schrink"),
        ("licence: CC0", "licence: CC0\ncontract: {shrink: 110}", "shrink"),
        ("title: A list", "title: [", "feed.yaml"),
    ],
)
def test_a_wrong_declaration_names_file_and_key(tmp_path, old, new, about):
    assert old in GOOD
    with pytest.raises(ValueError, match=about) as raised:
        declared(tmp_path, GOOD.replace(old, new))
    assert "feed.yaml" in str(raised.value)


@pytest.mark.parametrize("text", ["", "just a text", "- a\n- b\n"])
def test_what_is_no_mapping_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"feed\.yaml"):
        declared(tmp_path, text)


def test_a_declaration_is_frozen(tmp_path):
    with pytest.raises(ValueError, match="frozen"):
        declared(tmp_path).title = "other"


def test_every_folder_is_a_feed_and_named_after_it():
    assert {"urlhaus", "otx", "abuseipdb"} <= feeds().keys()
    assert all(feed.name == name for name, feed in feeds().items())
    assert all(feed.sample() for feed in feeds().values())
