"""The TSV codec against the golden vectors that all its implementations share."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.maps.tsv import decode, encode

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "tsv.json").read_text("utf-8"))


def vectors(kind: str) -> Any:
    return pytest.mark.parametrize("vector", GOLDEN[kind], ids=lambda vector: vector["name"])


def frame(columns: list[str], rows: list[list[str | None]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String()), orient="row")


@vectors("vectors")
def test_encoding_is_golden(vector: dict[str, Any]):
    assert encode(frame(vector["columns"], vector["rows"])) == vector["tsv"].encode()


@vectors("vectors")
def test_decoding_is_golden(vector: dict[str, Any]):
    decoded = decode(vector["tsv"].encode())
    assert decoded.columns == vector["columns"]
    assert [list(row) for row in decoded.rows()] == vector["rows"]


@vectors("lossy")
def test_what_cannot_be_said_is_replaced(vector: dict[str, Any]):
    assert encode(frame(vector["columns"], vector["rows"])) == vector["tsv"].encode()


@vectors("refused")
def test_lines_with_other_cells_are_refused(vector: dict[str, Any]):
    with pytest.raises(ValueError, match="cells"):
        decode(vector["tsv"].encode())


@pytest.mark.parametrize("name", GOLDEN["bad_names"])
def test_a_name_that_would_break_the_header_is_refused(name: str):
    with pytest.raises(ValueError, match="column"):
        encode(frame([name], []))


CELL = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@pytest.mark.slow
@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n))))
def test_what_is_encoded_decodes_to_the_same(rows: list[list[str | None]]):
    columns = [f"c{place}" for place in range(len(rows[0]) if rows else 1)]
    before = frame(columns, rows)
    data = encode(before)
    assert decode(data).equals(before)
    assert data.endswith(b"\n")
    assert data.count(b"\n") == len(rows) + 1
    assert b"\r" not in data
