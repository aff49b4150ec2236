"""What leaves for others: nothing that is marked too strictly, nobody's private words."""

import csv
import io
import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published_rows import DAY, NOW, everything, row, the_set

from tidegate.gate import outward
from tidegate.gate.published import PUBLISHED, TOLD, merged
from tidegate.model import Kind, Tlp
from tidegate.sharing import OTHERS, Terms
from tidegate.sightings import empty
from tidegate.stix.read import rows as read
from tidegate.stix.write import indicator_id

TERMS = Terms(frozenset({"private", "analyst"}), {"alpha": "(c) Alpha"})


def bundled(*rows: dict, terms: Terms = TERMS) -> list[dict]:
    found = json.loads(outward.stix(the_set(*rows), OTHERS, terms))
    return [one for one in found.get("objects", []) if one["type"] == "indicator"]


def table(*rows: dict, terms: Terms = TERMS) -> list[dict[str, str]]:
    text = outward.csv(the_set(*rows), OTHERS, terms).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("tlp", Tlp)
def test_nothing_leaves_that_is_marked_more_strictly_than_green(tlp):
    gone = row("gone.example", tlp=tlp.value, gone=NOW, changed=NOW)
    allowed = tlp in {Tlp.CLEAR, Tlp.GREEN}
    assert len(bundled(row("a.example", tlp=tlp.value), gone)) == 2 * allowed
    assert len(table(row("a.example", tlp=tlp.value))) == allowed


def test_what_only_a_private_source_says_stays_here():
    rows = [row("a.example", sources=["private"]), row("b.example", sources=["analyst"])]
    assert bundled(*rows) == []
    assert table(*rows) == []


def test_beside_others_a_private_source_leaves_no_word():
    said = {"threat": "Named", "tags": ["by:ann"], "reference": "https://private.example/1"}
    mixed = row("a.example", sources=["alpha", "private"], first_seen=NOW - 9 * DAY, **said)
    (one,) = bundled(mixed)
    assert one["name"] == "a.example"
    assert not one.keys() & {"labels", "external_references"}
    (cells,) = table(mixed)
    assert (cells["sources"], cells["threat"], cells["tags"]) == ("alpha", "", "")
    assert cells["first_seen"] == cells["since"]
    (open_,) = bundled({**mixed, "sources": ["alpha"]})
    assert (open_["name"], open_["labels"]) == ("Named", ["by:ann"])


def test_sources_are_attributed():
    (one,) = bundled(row("a.example", sources=["alpha", "beta"]))
    found = json.loads(outward.stix(the_set(row("a.example")), OTHERS, TERMS))["objects"]
    statements = {o["id"]: o["definition"] for o in found if "definition" in o}
    assert [statements.get(ref) for ref in one["object_marking_refs"]] == [
        None,
        {"statement": "(c) Alpha"},
    ]
    assert table(row("a.example"))[0]["attributions"] == "(c) Alpha"


def test_what_left_is_revoked():
    (one,) = bundled(row("a.example", gone=NOW, changed=NOW))
    assert one["revoked"] is True
    assert one["modified"] == "2026-03-01T12:00:00.000Z"
    assert table(row("a.example", gone=NOW, changed=NOW)) == []


def test_every_kind_reads_back_as_itself():
    found = read(outward.stix(everything(), OTHERS, Terms()))
    read_back = {(each["shape"], each["value"]) for each in found}
    shapes = {"ipv4": "address", "ipv6": "address", "cidr": "address"}
    written = everything().select("kind", "value").iter_rows()
    expected = {(shapes.get(kind, kind), value.removeprefix("AS")) for kind, value in written}
    assert expected - read_back == {("cve", "CVE-2026-1234")}  # which is no pattern


scores = st.floats(1, 100)
steps = st.lists(st.tuples(scores, st.booleans(), st.sampled_from(["clear", "green"])), max_size=5)


@pytest.mark.slow
@settings(max_examples=40)
@given(steps)
def test_one_version_says_one_thing(states):
    """The same id and `modified`, the same bytes; and what was revoked stays so."""
    known: dict[tuple[str, str], str] = {}
    over: set[str] = set()
    published = empty(PUBLISHED)
    for hour, (score, there, tlp) in enumerate(states):
        now = NOW + timedelta(hours=9 * hour)
        times = {"last_seen": now, "expires": now + DAY, "first_seen": NOW - hour * DAY}
        given_ = the_set(row("a.example", score=score, tlp=tlp, **times))
        published = merged(published, given_.drop(TOLD).head(int(there)), now)
        for one in json.loads(outward.stix(published, OTHERS, Terms())).get("objects", []):
            if one["type"] == "indicator":
                key = (one["id"], one["modified"])
                assert known.setdefault(key, json.dumps(one)) == json.dumps(one)
                assert one["created"] <= one["modified"]
                assert one["valid_from"] < one["valid_until"]
                assert one.get("revoked", False) or one["id"] not in over
                over |= {one["id"]} if one.get("revoked") else set()
    ids = [indicator_id(row("a.example")["id"], returned) for returned in range(4)]
    assert {key[0] for key in known} <= set(ids)


def test_of_nothing_there_is_an_empty_bundle_and_a_header():
    assert json.loads(outward.stix(the_set(), OTHERS, TERMS)).keys() == {"type", "id"}
    assert outward.csv(the_set(), OTHERS, TERMS).decode().startswith("value,kind,score")


TEXTS = st.text(max_size=12) | st.sampled_from(["=1+1", "@x", "+1", "-1", "\t=x", '="a"\n=b'])


@given(TEXTS, TEXTS, st.lists(TEXTS, max_size=2))
def test_a_spreadsheet_calculates_nothing(value, threat, tags):
    rows = [row(value, Kind.FILENAME, threat=threat, tags=tags)]
    (cells,) = table(*rows)
    for cell in cells.values():
        assert not cell or cell[0] not in "=+-@\t\r\n|%"
    assert cells["value"].removeprefix("'") == value.removeprefix("'")
