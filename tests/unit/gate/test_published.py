"""The set that others read: what stays keeps its times, what leaves is remembered for a while."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from tidegate.adapters.local.files import FileObjects
from tidegate.gate.published import PUBLISHED, REMEMBERED, SAID, merged, publish, published
from tidegate.model import indicator_id
from tidegate.sightings import empty

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TOLD = ("since", "changed", "gone")


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
    return {value: row for value, *row in frame.select("value", *TOLD).iter_rows()}


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


def test_what_leaves_is_remembered_and_may_come_back():
    first = merged(empty(PUBLISHED), wanted("a.example", "b.example"), NOW)
    left = merged(first, wanted("b.example"), NOW + HOUR)
    assert times(left) == {
        "b.example": [NOW, NOW, None],
        "a.example": [NOW, NOW + HOUR, NOW + HOUR],
    }
    assert times(merged(left, wanted("b.example"), NOW + 2 * HOUR)) == times(left)
    back = merged(left, wanted("a.example"), NOW + 2 * HOUR)
    assert times(back)["a.example"] == [NOW + 2 * HOUR, NOW + 2 * HOUR, None]
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
