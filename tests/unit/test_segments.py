"""A segment finds one of its rows, and many, as a scan of all of them does."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Barrier
from typing import IO

import polars as pl
import pytest

from tidegate.adapters.local import segments
from tidegate.adapters.local.segments import (
    BLOCK,
    BLOCKS,
    CHANGES,
    IDS,
    SCANS,
    Segment,
    write,
)
from tidegate.adapters.local.sightings import KEPT, SegmentStore
from tidegate.model import Kind, Sighting, Tlp, indicator_id
from tidegate.sightings import SCHEMA, STATE, fingerprinted, frame, keyed, unique

NOW = datetime(2026, 11, 20, 5, 1, 2, 345678, tzinfo=UTC)
ODD = 'a\x1fb\n\0“\\"'


def seen(number: int) -> Sighting:
    tags = () if number % 3 == 0 else ("elf", f"t{number}") if number % 3 == 1 else ("",)
    return Sighting(
        Kind.DOMAIN,
        f"h{number}.example",
        "one",
        number % 101,
        NOW - timedelta(days=number % 7),
        NOW,
        NOW + timedelta(days=1 + number % 5),
        tags,
        threat=ODD if number % 2 else None,
        reference=None if number % 5 else f"https://feed.example/{number}",
        tlp=list(Tlp)[number % len(Tlp)],
        original=f"H{number}.Example" if number % 4 == 0 else None,
    )


def state(rows: list[Sighting]) -> pl.DataFrame:
    marked = fingerprinted(unique(frame(rows).select(*SCHEMA)))
    return marked.with_columns(written=pl.lit(NOW).cast(STATE["written"])).select(*STATE)


ROWS = [seen(number) for number in range(2 * BLOCK + 77)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("segment") / "00000001.parquet"
    write(path, state(ROWS))
    return path


@pytest.fixture(params=["by scans", "by blocks"])
def segment(request, written: Path, monkeypatch: pytest.MonkeyPatch) -> Segment:
    monkeypatch.setattr(segments, "SCANS", 1 if request.param == "by blocks" else 1_000_000)
    written.with_suffix(BLOCKS).unlink(missing_ok=True)
    return Segment(written)


def test_every_row_is_found_exactly(segment):
    few = ROWS if segments.SCANS == 1 else ROWS[::97]
    for row in few:
        assert segment.find(row.indicator, "one") == row


def test_what_is_not_there_is_not_found(segment):
    for absent in ("0" * 32, "f" * 32, ROWS[0].indicator[::-1]):
        assert segment.find(absent, "one") is None


def test_many_are_found_at_once(segment):
    asked = [*(row.indicator for row in ROWS[::5]), "0" * 32, "f" * 32]
    found = segment.reported(keyed(pl.DataFrame({"id": asked})))
    said = {row.indicator: row for row in ROWS}
    assert found.height == len(ROWS[::5])
    for row in found.iter_rows(named=True):
        one = said[row["id"]]
        assert (row["confidence"], row["tlp"]) == (one.confidence, one.tlp)
        assert (row["first_seen"], row["last_seen"]) == (one.first_seen, one.last_seen)
        assert (row["expires"], row["threat"]) == (one.expires, one.threat)


def test_half_an_id_in_common_is_not_the_same(segment):
    twins = [row.indicator[:16] + "0" * 16 for row in ROWS[:50]]
    assert segment.reported(keyed(pl.DataFrame({"id": twins}))).is_empty()
    assert all(segment.find(twin, "one") is None for twin in twins)


def test_blocks_are_made_when_they_are_worth_it(written):
    first, blocks = Segment(written), written.with_suffix(BLOCKS)
    blocks.unlink(missing_ok=True)
    for row in ROWS[: SCANS - 1]:
        assert first.find(row.indicator, "one") == row
    assert not blocks.exists()
    assert first.find(ROWS[-1].indicator, "one") == ROWS[-1]
    assert blocks.exists()
    assert Segment(written).find(ROWS[-1].indicator, "one") == ROWS[-1]


def test_the_blocks_of_one_segment_at_a_time_are_made(tmp_path):
    store = SegmentStore(tmp_path)
    for source in ("one", "two"):
        whole = state([seen(1)])
        store.commit(source, whole, whole)
    made = []
    for _ in range(SCANS + 2):
        assert [one.source for one in store.of(seen(1).indicator)] == ["one", "two"]
        made.append(len(list(tmp_path.glob(f"*/*{BLOCKS}"))))
    assert {after - before for before, after in pairwise(made)} == {0, 1}
    assert made[-1] == 2


def test_two_threads_may_make_the_blocks_at_once(tmp_path, monkeypatch):
    """As they do when many ask straight after a feed was written."""
    monkeypatch.setattr(segments, "SCANS", 1)
    both, wrote = Barrier(2), segments._write_blocks

    def at_once(rows: pl.DataFrame, file: IO[bytes]) -> None:
        both.wait(10)  # both have opened what they write
        wrote(rows, file)
        both.wait(10)

    monkeypatch.setattr(segments, "_write_blocks", at_once)
    path = tmp_path / "00000001.parquet"
    write(path, state(ROWS[:10]))
    one, two = Segment(path), Segment(path)
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(each.find, ROWS[3].indicator, "one") for each in (one, two)]
    assert [each.result() for each in found] == [ROWS[3]] * 2
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_two_rows_may_share_half_an_id(tmp_path, monkeypatch):
    """As two values can be made to: a feed must not be able to hide one behind another."""
    made = {"a.example": "ab" * 8 + "1" * 16, "b.example": "ab" * 8 + "2" * 16}
    monkeypatch.setattr(segments, "indicator_id", lambda _, value: made[value])
    rows = [seen(1), seen(2)]
    whole = state(rows).with_columns(
        id=pl.Series(sorted(made.values())), value=pl.Series(sorted(made))
    )
    path = tmp_path / "00000001.parquet"
    write(path, whole)
    monkeypatch.setattr(segments, "SCANS", 1)
    for value, id_ in made.items():
        assert Segment(path).find(id_, "one").value == value
        assert Segment(path).reported(keyed(pl.DataFrame({"id": [id_]})))["id"].to_list() == [id_]


def test_an_empty_state_has_nothing(tmp_path):
    path = tmp_path / "00000001.parquet"
    write(path, state([]))
    assert Segment(path).find("0" * 32, "one") is None
    assert Segment(path).reported(keyed(pl.DataFrame({"id": ["0" * 32]}))).is_empty()
    assert Segment(path).networks.is_empty()


def test_rows_in_any_order_are_written_in_theirs(tmp_path):
    path = tmp_path / "00000001.parquet"
    write(path, state(ROWS).reverse())
    assert Segment(path).find(ROWS[7].indicator, "one") == ROWS[7]
    assert Segment(path).scan(STATE).collect().equals(state(ROWS))


def test_of_old_segments_states_are_left_for_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "SCANS", 1)
    store = SegmentStore(tmp_path)
    for number in range(KEPT + 2):
        whole = state([seen(number)])
        store.commit("one", whole, whole)
        store.of(seen(number).indicator)
        store.reported(whole["id"], NOW)
    left = sorted(file.suffix for file in (tmp_path / "one").glob("0*"))
    assert left == sorted([".parquet"] * KEPT + [BLOCKS, IDS] + [CHANGES] * (KEPT + 1))


def test_changes_are_remembered_for_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "LOGS", 2)
    store, versions = SegmentStore(tmp_path), []
    for number in range(5):
        whole = state([seen(number)])
        store.commit("one", whole, whole)
        versions.append(store.versions())
    assert [store.changes(one) is None for one in versions] == [True, True, False, False, False]
    assert len(list((tmp_path / "one").glob(f"*{CHANGES}"))) == 2


def test_a_store_that_began_anew_does_not_tell_of_the_one_before(tmp_path):
    store, whole = SegmentStore(tmp_path / "a"), state([seen(1)])
    for _ in range(2):
        store.commit("one", whole, whole)
    before = store.versions()
    other = SegmentStore(tmp_path / "b")
    for _ in range(3):
        other.commit("one", whole, whole)
    assert other.changes(before) is None


def test_an_open_segment_gives_way_to_the_next(tmp_path):
    store, other = SegmentStore(tmp_path), SegmentStore(tmp_path)
    first, second = state([seen(1)]), state([seen(2)])
    store.commit("one", first, first)
    assert store.of(seen(1).indicator)
    other.commit("one", second, second)
    assert store.of(seen(1).indicator) == []
    assert store.of(seen(2).indicator) == [seen(2)]
    assert seen(2).indicator == indicator_id(Kind.DOMAIN, "h2.example")
