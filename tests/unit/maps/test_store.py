"""Tidegate's own indicators as a dataset: what is told of each, and when there are too many."""

from datetime import UTC, datetime, timedelta

import polars as pl

from tidegate.declare.dataset import datasets
from tidegate.maps.answer import conform
from tidegate.maps.store import BEST, COLUMNS, Store

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
OURS = datasets()["tidegate_indicators"]


def best(count: int) -> pl.DataFrame:
    rows = [
        {
            "id": f"{number:04x}",
            "kind": "ipv4",
            "value": f"198.51.100.{number}",
            "score": 90.126 - number,
            "sources": ["urlhaus", "otx"],
            "threat": None,
            "tlp": "amber",
            "first_seen": NOW - timedelta(days=9),
            "last_seen": NOW - timedelta(hours=number),
            "expires": None,
        }
        for number in range(1, count + 1)
    ]
    return pl.DataFrame(rows, schema=BEST)


def store(held: int, most: int) -> Store:
    return Store(lambda asked: best(held).head(asked), lambda: NOW, most)


def test_the_answer_is_what_the_dataset_declares():
    answer = store(2, 10).query("", NOW, NOW)
    assert dict(answer.columns) == COLUMNS == OURS.columns
    rows, warnings = conform(answer, OURS)
    assert warnings == []
    assert rows.select(*COLUMNS).row(0) == (
        "2026-11-21T03:00:00.000000Z",
        "0001",
        "ipv4",
        "198.51.100.1",
        "89.13",
        "otx, urlhaus",
        "2",
        "",
        "amber",
        "2026-11-12T04:00:00.000000Z",
        None,
    )


def test_of_too_many_the_best_are_told_and_that_they_are_not_all():
    assert not store(3, 3).query("", NOW, NOW).partial
    answer = store(4, 3).query("", NOW, NOW)
    assert answer.partial
    assert answer.rows["Value"].to_list() == [f"198.51.100.{n}" for n in (1, 2, 3)]


def test_nothing_held_is_nothing_told():
    assert store(0, 3).query("", NOW, NOW).rows.is_empty()
