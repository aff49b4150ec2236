"""The set that others read: what stays keeps its times, what leaves is remembered for a while."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from tidegate.adapters.local.files import FileObjects
from tidegate.gate.published import (
    NAME,
    PUBLISHED,
    REMEMBERED,
    SAID,
    TOLD,
    merged,
    publish,
    published,
)
from tidegate.model import indicator_id
from tidegate.sightings import empty

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TIMES = ("since", "changed", "gone")


def wanted(*values: str, score: float = 80.0, seen: datetime = NOW) -> pl.DataFrame:
    rows = [
        {
            "id": indicator_id("domain", value),
            "kind": "domain",
            "value": value,
            "score": score,
            "sources": ["alpha"],
            "threat": None,
            "tags": [],
            "reference": None,
            "first_seen": seen,
            "last_seen": seen,
            "expires": seen + 10 * HOUR,
            "tlp": "clear",
            "action": "Block",
        }
        for value in values
    ]
    return pl.DataFrame(rows, schema={k: v for k, v in PUBLISHED.items() if k not in TOLD})


def times(frame: pl.DataFrame) -> dict[str, tuple]:
    return {value: row for value, *row in frame.select("value", *TIMES).iter_rows()}


def test_what_stays_keeps_its_times():
    first = merged(empty(PUBLISHED), wanted("a.example"), NOW)
    later = merged(first, wanted("a.example", score=79.6, seen=NOW + HOUR), NOW + HOUR)
    assert times(later) == {"a.example": [NOW, NOW, None]}
    assert later["last_seen"].item() == NOW + HOUR


@pytest.mark.parametrize("name", SAID)
def test_what_says_something_else_has_changed(name):
    first = merged(empty(PUBLISHED), wanted("a.example"), NOW)
    other = {"score": 60.0, "tlp": "green"}.get(name, "other")
    value = pl.lit([other]) if name in {"sources", "tags"} else pl.lit(other)
    changed = wanted("a.example").with_columns(value.cast(PUBLISHED[name]).alias(name))
    later = merged(first, changed, NOW + HOUR)
    assert times(later) == {"a.example": [NOW, NOW + HOUR, None]}


def test_what_comes_back_is_another_row_beside_what_was_revoked():
    first = merged(empty(PUBLISHED), wanted("a.example"), NOW)
    left = merged(first, wanted(), NOW + HOUR)
    back = merged(left, wanted("a.example"), NOW + 2 * HOUR)
    told = back.select("returned", "since", "gone").rows()
    assert told == [(0, NOW, NOW + HOUR), (1, NOW + 2 * HOUR, None)]
    assert merged(back, wanted("a.example"), NOW + 3 * HOUR).equals(back)
    again = merged(merged(back, wanted(), NOW + 4 * HOUR), wanted("a.example"), NOW + 5 * HOUR)
    assert again["returned"].to_list() == [0, 1, 2]


def test_how_often_something_returned_is_known_when_all_else_of_it_is_forgotten(tmp_path):
    objects, later = FileObjects(tmp_path, lambda: NOW), NOW + HOUR + REMEMBERED
    publish(wanted("a.example"), NOW, objects)
    publish(wanted(), NOW + HOUR, objects)
    assert publish(wanted(), later, objects).is_empty()
    back = publish(wanted("a.example", "b.example", seen=later), later + HOUR, objects)
    assert dict(back.select("value", "returned").rows()) == {"a.example": 1, "b.example": 0}


def test_until_when_something_holds_moves_once_half_of_it_is_over():
    rows, changes = merged(empty(PUBLISHED), wanted("a.example"), NOW), []
    for hour in range(1, 13):  # a fetch an hour, each of which confirms it for ten hours
        at = NOW + hour * HOUR
        rows = merged(rows, wanted("a.example", seen=at), at)
        if rows["changed"].item() == at:
            changes.append((hour, (rows["until"].item() - NOW) / HOUR))
    assert changes == [(5, 15), (10, 20)]
    shorter = wanted("a.example", seen=NOW + 3 * HOUR)
    rows = merged(rows, shorter, NOW + 13 * HOUR)
    assert rows.select("changed", "until").row(0) == (NOW + 13 * HOUR, NOW + 13 * HOUR)


def test_a_set_that_told_less_is_read(tmp_path):
    objects = FileObjects(tmp_path, lambda: NOW)
    old = merged(empty(PUBLISHED), wanted("a.example"), NOW).drop("until", "returned")
    old.write_parquet(tmp_path / "old")
    objects.put(NAME, (tmp_path / "old").read_bytes())
    [row] = publish(wanted("a.example"), NOW + HOUR, objects).to_dicts()
    assert (row["since"], row["changed"], row["returned"]) == (NOW, NOW + HOUR, 0)
    assert row["until"] == NOW + 10 * HOUR


def test_what_leaves_is_remembered_and_may_come_back():
    first = merged(empty(PUBLISHED), wanted("a.example", "b.example"), NOW)
    left = merged(first, wanted("b.example"), NOW + HOUR)
    assert times(left) == {
        "b.example": [NOW, NOW, None],
        "a.example": [NOW, NOW + HOUR, NOW + HOUR],
    }
    assert times(merged(left, wanted("b.example"), NOW + 2 * HOUR)) == times(left)
    back = merged(left, wanted("a.example"), NOW + 2 * HOUR)
    assert back.filter(pl.col("gone").is_null()).select(TIMES).rows() == [
        (NOW + 2 * HOUR, NOW + 2 * HOUR, None)
    ]
    assert "a.example" not in times(merged(left, wanted("b.example"), NOW + HOUR + REMEMBERED))


def test_it_is_stored_whole(tmp_path):
    objects = FileObjects(tmp_path, lambda: NOW)
    assert published(objects)[0].is_empty()
    publish(wanted("b.example", "a.example"), NOW, objects)
    again = publish(wanted("a.example"), NOW + HOUR, objects)
    read, etag = published(objects)
    assert read.equals(again)
    assert read.schema == PUBLISHED
    assert etag
