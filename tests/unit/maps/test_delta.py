"""A delta leads from one version to the next, byte for byte, and nowhere else."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.declare.dataset import Dataset
from tidegate.maps import tsv
from tidegate.maps.delta import difference
from tidegate.maps.merge import alive, merge

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "delta.json").read_text())
NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
TEXT = st.text(st.sampled_from("aé\t\n\r\\N\0\u2028\x85\uff41\U0001f30d"), max_size=4)


class NoDeltaError(Exception):
    """It is no delta of this version."""


def applied(before: bytes, delta: bytes) -> bytes:
    """Return the new version, as `docs/reference/map-api.md` tells readers to make it."""
    (header, *old), (columns, *lines) = _split(before), _split(delta)
    if columns != f"_change\t_at\t{header}":
        raise NoDeltaError("other columns")
    changes = [_change(line, columns.count("\t")) for line in lines]
    places = [place for place, _ in changes]
    if places != sorted(set(places)):
        raise NoDeltaError("out of order")
    out = {at for (put_in, at), _ in changes if not put_in}
    if out and max(out) >= len(old):
        raise NoDeltaError("no such line")
    kept = [line for at, line in enumerate(old) if at not in out]
    for (_, at), line in changes[len(out) :]:
        if at > len(kept):
            raise NoDeltaError("beyond the end")
        kept.insert(at, line)
    return "\n".join([header, *kept, ""]).encode()


def _split(data: bytes) -> list[str]:
    return data.decode().removesuffix("\n").split("\n")


def _change(line: str, tabs: int) -> tuple[tuple[bool, int], str]:
    if line.count("\t") != tabs or line[0] not in "-+":
        raise NoDeltaError("no such change")
    change, at, rest = line.split("\t", 2)
    if not at.isdecimal():
        raise NoDeltaError("no number")
    return (change == "+", int(at)), rest


@pytest.mark.parametrize("vector", GOLDEN["vectors"], ids=lambda vector: vector["name"])
def test_the_golden_vectors_are_made_and_applied(vector):
    before, after, delta = (vector[name].encode() for name in ("before", "after", "delta"))
    made = difference(before, after, vector["key"])
    assert made is not None
    assert made.data == delta
    assert made.rows == delta.count(b"\n+\t")
    assert made.removed == delta.count(b"\n-\t")
    assert applied(before, delta) == after


@pytest.mark.parametrize("vector", GOLDEN["refused"], ids=lambda vector: vector["name"])
def test_what_is_no_delta_is_refused(vector):
    with pytest.raises(NoDeltaError):
        applied(vector["before"].encode(), vector["delta"].encode())


def test_other_columns_have_no_difference():
    assert difference(b"a\tb\n1\t2\n", b"b\ta\n2\t1\n", ["a"]) is None


def test_another_order_has_no_difference():
    assert difference(b"a\n1\n2\n", b"a\n2\n1\n", ["a"]) is None


def test_lines_that_are_there_twice_have_no_difference():
    assert difference(b"a\n1\n1\n", b"a\n1\n", ["a"]) is None


def declared(key: list[str]) -> Dataset:
    return Dataset.model_validate(
        {
            "name": "hits",
            "title": "Hits",
            "query": "Hits",
            "file": "hits.tsv",
            "refresh": "15m",
            "window": "3d",
            "overlap": "10m",
            "retention": "3d",
            "columns": {"TimeGenerated": "datetime", "Id": "string", "Note": "string"},
            "key": key,
            "locate": "Id",
            "label": "Id",
        }
    )


ROWS = st.lists(st.tuples(st.integers(-4320, 10), st.one_of(st.none(), TEXT), TEXT), max_size=12)


def answered(dataset: Dataset, rows: list[tuple[int, str | None, str]]) -> pl.DataFrame:
    cells = [(f"{NOW + timedelta(minutes=at):%Y-%m-%dT%H:%M:%S.%fZ}", *rest) for at, *rest in rows]
    frame = pl.DataFrame(cells, dict.fromkeys(dataset.columns, pl.String()), orient="row")
    return frame.with_columns(
        pl.lit(None, pl.String()).alias(name) for name in list(dataset.stored)[3:]
    )


@given(st.sampled_from([["Id"], ["Id", "Note"], []]), st.lists(ROWS, min_size=2, max_size=4))
def test_whatever_is_merged_the_deltas_lead_from_version_to_version(key, answers):
    dataset = declared(key)
    kept = pl.DataFrame(schema=dict.fromkeys(dataset.stored, pl.String()))
    reader = tsv.encode(kept)
    for turn, rows in enumerate(answers):
        kept = alive(
            dataset,
            merge(dataset, kept, answered(dataset, rows)),
            NOW + timedelta(hours=turn * 20),
        )
        data = tsv.encode(kept.select(*dataset.stored))
        delta = difference(reader, data, dataset.key)
        assert delta is not None
        reader = applied(reader, delta.data)
        assert reader == data
