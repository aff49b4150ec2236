"""Every implementation of Sightings keeps one state per source: whole, or as it was."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import polars as pl
import pytest

from tidegate.adapters.local.sightings import KEPT, SegmentStore
from tidegate.gate.mark import Word, mark, unmark, word
from tidegate.model import Kind, Sighting, Tlp
from tidegate.ports import Sightings, SourceDown
from tidegate.sightings import (
    CHANGE,
    NETWORK,
    REPORTED,
    SCHEMA,
    STATE,
    empty,
    fingerprinted,
    frame,
    unique,
)

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
DAY = timedelta(days=1)
MIRRORED = dict(zip("0123456789abcdef", "fedcba9876543210", strict=True))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "sightings"


@pytest.fixture(params=["segments", "cosmos", pytest.param("azure", marks=pytest.mark.slow)])
def store(request, root: Path) -> Iterator[Sightings]:
    """Segments in a folder; Cosmos with its states in files; Cosmos with its states in Blob."""
    if request.param == "segments":
        yield SegmentStore(root)
    elif request.param == "cosmos":
        yield request.getfixturevalue("cosmos").store()
    else:
        from azurite_lab import container  # noqa: PLC0415 - local stores need no SDK

        with container() as objects:
            lab = request.getfixturevalue("cosmos")
            lab.keep_in(objects)
            yield lab.store()


GONE = "withdrawn"
only_segments = pytest.mark.parametrize("store", ["segments"], indirect=True)


def seen(value: str, source: str = "one", expires: datetime = NOW + DAY) -> Sighting:
    times = {"first_seen": NOW - DAY, "last_seen": NOW, "expires": expires}
    said = {"tags": ("a", "b"), "threat": "t", "reference": "r", "tlp": Tlp.AMBER, "original": "o"}
    return Sighting(Kind.DOMAIN, value, source, 80, **times, **said)


def state(*rows: Sighting, at: datetime = NOW) -> pl.DataFrame:
    marked = fingerprinted(unique(frame(rows).select(*SCHEMA)))
    return marked.with_columns(written=pl.lit(at).cast(STATE["written"])).select(*STATE)


def put(store: Sightings, *rows: Sighting, source: str = "one") -> None:
    whole = state(*rows)
    store.commit(source, whole, whole)


def test_an_unknown_source_has_an_empty_state(store):
    assert store.state("never").equals(empty())
    assert store.of("0" * 32) == []
    assert store.live(NOW).collect().is_empty()
    assert store.live(NOW).collect_schema().names() == [*SCHEMA, "source"]


def test_a_word_of_an_analyst_is_written_replaced_and_taken_back(store):
    def spoken() -> list[tuple[int, str | None]]:
        return [(one.confidence, one.threat) for one in store.of(indicator)]

    what = Kind.DOMAIN, "a.example"
    bad = word(*what, Word.MALICIOUS, "seen", "kim", NOW)
    fine = word(*what, Word.HARMLESS, "ours", "lee", NOW + DAY)
    indicator = bad.indicator
    assert mark([bad], store, NOW) == mark([bad], store, NOW) + 1
    assert spoken() == [(100, "seen")]
    assert mark([fine], store, NOW + DAY) == 1
    assert spoken() == [(0, "ours")]
    assert unmark([indicator], store, NOW + DAY) == 1
    assert spoken() == []


def test_what_was_committed_comes_back_exactly(store):
    whole = state(seen("a.example"), seen("b.example"))
    store.commit("one", whole, whole)
    assert store.state("one").equals(whole)
    assert store.state("one").schema == pl.Schema(STATE)


def test_a_commit_replaces_the_state(store):
    put(store, seen("a.example"), seen("b.example"))
    put(store, seen("c.example"))
    assert store.state("one")["value"].to_list() == ["c.example"]
    put(store)
    assert store.state("one").is_empty()


def test_an_indicator_is_all_its_sightings_even_expired_ones(store):
    sightings = [seen("a.example"), seen("a.example", "two", NOW - DAY)]
    for sighting in sightings:
        put(store, sighting, seen("b.example"), source=sighting.source)
    assert store.of(sightings[0].indicator) == sightings


def test_live_is_what_holds_now_of_all_sources(store):
    put(store, seen("a.example"), seen("b.example", expires=NOW))
    put(store, seen("a.example", "two"), source="two")
    found = store.live(NOW).select("value", "source").collect().rows()
    assert sorted(found) == [("a.example", "one"), ("a.example", "two")]


def changes(store: Sightings, since: Mapping[str, str]) -> list[tuple[str, str]]:
    found = store.changes(since)
    assert found is not None
    assert found.schema == pl.Schema(CHANGE)
    assert found.filter(pl.col("value").is_not_null())["kind"].unique().to_list() in (
        [],
        ["domain"],
    )
    return sorted(found.select("id", pl.col("value").fill_null(GONE)).rows())


def test_what_was_written_and_withdrawn_since_is_told(store):
    a, b, c = (seen(f"{name}.example") for name in "abc")
    assert changes(store, {}) == []
    put(store, a, b)
    first = store.versions()
    assert changes(store, {}) == said(a, b)  # of whom nothing is remembered
    assert changes(store, first) == []
    written = state(replace(b, expires=NOW + 2 * DAY), c, at=NOW + DAY)
    store.commit("one", written, written)
    assert changes(store, first) == sorted([*said(b, c), (a.indicator, GONE)])
    second = store.versions()
    store.commit("one", state(), state())
    assert changes(store, second) == sorted([(b.indicator, GONE), (c.indicator, GONE)])
    assert {*changes(store, first)} == {*changes(store, second), *said(b, c), (a.indicator, GONE)}
    assert store.changes({**first, "one": "another"}) is None


def said(*some: Sighting) -> list[tuple[str, str]]:
    return sorted((one.indicator, one.value) for one in some)


def test_what_one_source_wrote_is_no_change_of_another(store):
    put(store, seen("a.example"))
    put(store, seen("a.example", "two"), source="two")
    before = store.versions()
    put(store, seen("b.example", "two"), source="two")
    assert seen("b.example").value in dict(changes(store, before)).values()
    assert len(changes(store, before)) == 2
    assert len(changes(store, {"two": before["two"]})) == 3


def test_a_version_differs_once_the_state_does_and_is_the_same_to_another_reader(store):
    assert not store.versions()
    put(store, seen("a.example"))
    put(store, seen("a.example", "two"), source="two")
    before = store.versions()
    assert sorted(before) == ["one", "two"]
    put(store, seen("b.example"))
    after = store.versions()
    assert after["two"] == before["two"]
    assert after["one"] != before["one"]
    assert store.versions() == after


def test_some_sources_alone_are_read(store):
    put(store, seen("a.example"))
    put(store, seen("b.example", "two"), source="two")
    assert store.live(NOW, {"two", "none"}).collect()["value"].to_list() == ["b.example"]
    assert store.live(NOW, ()).collect().is_empty()


def test_many_are_looked_up_at_once(store):
    put(store, seen("a.example"), seen("b.example"), seen("c.example", expires=NOW))
    put(store, seen("a.example", "two"), source="two")
    asked = [seen(value).indicator for value in ("a.example", "c.example", "d.example")]
    found = store.reported(pl.Series("id", [*asked, *asked]), NOW)
    assert found.schema == pl.Schema(REPORTED)
    assert sorted(found.select("id", "source").rows()) == [(asked[0], "one"), (asked[0], "two")]
    put(store, seen("b.example"))
    assert store.reported(pl.Series("id", asked), NOW)["source"].to_list() == ["two"]


def test_a_look_up_of_many_tells_what_each_source_says_now(store):
    one = replace(seen("a.example"), confidence=70, tlp=Tlp.GREEN)
    two = replace(seen("a.example", "two", NOW + 2 * DAY), confidence=30, tlp=Tlp.RED)
    put(store, one, seen("b.example"))
    put(store, two, source="two")
    put(store, seen("a.example", "three", NOW), source="three")  # holds no more
    found = store.reported(pl.Series("id", [one.indicator]), NOW).sort("source")
    assert found.rows() == [
        (one.indicator, "one", one.first_seen, NOW, NOW + DAY, 70, "green", "t"),
        (one.indicator, "two", two.first_seen, NOW, NOW + 2 * DAY, 30, "red", "t"),
    ]
    later = store.reported(pl.Series("id", [one.indicator]), NOW + DAY)
    assert later["source"].to_list() == ["two"]


@pytest.mark.parametrize("shared", [slice(0, 16), slice(16, 32), slice(0, 31), slice(1, 32)])
def test_half_an_id_in_common_is_not_the_same(store, shared):
    there = seen("a.example")
    put(store, there, seen("b.example"))
    like = [MIRRORED[digit] for digit in there.indicator]
    like[shared] = there.indicator[shared]
    assert store.reported(pl.Series("id", ["".join(like)]), NOW).is_empty()
    both = store.reported(pl.Series("id", ["".join(like), there.indicator]), NOW)
    assert both["id"].to_list() == [there.indicator]


@pytest.mark.parametrize("asked", [[], ["0" * 32], ["f" * 32]])
def test_what_nobody_reports_is_not_there(store, asked):
    nothing = pl.Series("id", asked, dtype=pl.String)
    assert store.reported(nothing, NOW).equals(empty(REPORTED))
    put(store, seen("a.example"))
    assert store.reported(nothing, NOW).equals(empty(REPORTED))


def test_networks_tell_their_version_first_address_and_prefix(store):
    texts = ("192.0.2.128/25", "0.0.0.0/0", "2001:db8:8000::/33", "::/0", "2001:db8::1/128")
    nets = [replace(seen(text), kind=Kind.CIDR) for text in texts]
    put(store, *nets, seen("a.example"), replace(seen("192.0.2.1"), kind=Kind.IPV4))
    found = store.networks(NOW).sort("version", "first", "bits")
    read = {net.value: ip_network(net.value) for net in nets}
    expected = [
        (text, "one", NOW + DAY, net.version, int(net.network_address), net.prefixlen)
        for text, net in read.items()
    ]
    assert found.rows() == sorted(expected, key=lambda row: row[3:])


def test_networks_of_a_source_are_those_of_its_last_state(store):
    net = replace(seen("192.0.2.0/24"), kind=Kind.CIDR)
    assert store.networks(NOW).equals(empty(NETWORK))
    put(store, net)
    put(store, replace(net, value="2001:db8::/32"))
    assert store.networks(NOW)["value"].to_list() == ["2001:db8::/32"]
    put(store)
    assert store.networks(NOW).equals(empty(NETWORK))


def test_networks_are_found_among_all(store):
    net = replace(seen("192.0.2.0/24"), kind=Kind.CIDR)
    put(store, seen("a.example"), net, replace(net, value="198.51.100.0/24", expires=NOW))
    put(store, replace(net, source="two"), source="two")
    found = store.networks(NOW)
    assert found.schema == pl.Schema(NETWORK)
    assert sorted(found.select("value", "source").rows()) == [
        ("192.0.2.0/24", "one"),
        ("192.0.2.0/24", "two"),
    ]


def test_sources_do_not_touch_each_other(store):
    put(store, seen("a.example"), source="one")
    before = store.state("one")
    with store.writing("two"):
        put(store, seen("b.example"), source="two")
    assert store.state("one").equals(before)


def test_a_source_has_one_writer(store):
    with store.writing("one"):
        with pytest.raises(SourceDown, match="one is being written"), store.writing("one"):
            pass
        with store.writing("two"):
            pass
    with store.writing("one"):
        pass


HOLD = """
import sys, pathlib
from tidegate.adapters.local.sightings import SegmentStore
with SegmentStore(pathlib.Path(sys.argv[1])).writing("one"):
    print("held", flush=True)
    sys.stdin.read()
"""


@only_segments
def test_the_lock_of_another_process_holds_and_dies_with_it(store, root):
    with store.writing("one"):
        pass
    command = [sys.executable, "-c", HOLD, str(root)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as other:  # noqa: S603 - ourselves
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(SourceDown), store.writing("one"):
            pass
        other.kill()
    with store.writing("one"):
        pass


@pytest.mark.parametrize("name", ["", "a/b", "..", "A", "a b", "x" * 65, "a\n"])
def test_what_cannot_name_a_source_is_refused(store, name):
    with pytest.raises(ValueError, match="not a source"):
        store.commit(name, empty(), empty())


# --- the segments of one machine --------------------------------------------------------------


@only_segments
def test_killed_before_the_pointer_moves_it_is_as_it_was(store, root, monkeypatch):
    put(store, seen("a.example"))
    before = store.state("one")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(SegmentStore, "_point", die)
        with pytest.raises(KeyboardInterrupt):
            put(store, seen("b.example"))
    assert store.state("one").equals(before)
    assert store.live(NOW).collect()["value"].to_list() == ["a.example"]
    put(store, seen("c.example"))
    assert store.state("one")["value"].to_list() == ["c.example"]


@only_segments
def test_killed_within_a_segment_it_is_as_it_was(store, root):
    put(store, seen("a.example"))
    (root / "one" / "00000002.parquet").write_bytes(b"PAR1half")
    (root / "one" / "current.new").write_text("00000002.parq")
    assert store.state("one")["value"].to_list() == ["a.example"]
    put(store, seen("b.example"))
    assert store.state("one")["value"].to_list() == ["b.example"]


@only_segments
def test_a_reader_may_stay_in_the_segment_before(store, root):
    put(store, seen("a.example"))
    reading = store.live(NOW)
    put(store, seen("b.example"))
    assert reading.collect()["value"].to_list() == ["a.example"]
    for _ in range(5):
        put(store, seen("c.example"))
    assert len(list((root / "one").glob("*.parquet"))) == KEPT
