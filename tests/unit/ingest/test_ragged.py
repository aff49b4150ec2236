"""Rows that end early or late are rejected and counted, wherever they stand."""

import csv
import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.declare.feed import Feed, FieldMap, Format, feeds
from tidegate.ingest import table
from tidegate.ingest.parse import parse
from tidegate.ingest.table import LONG_ROW, SHORT_ROW
from tidegate.model import Status

FEED = feeds()["urlhaus"].model_copy(
    update={
        "format": Format.CSV,
        "columns": [["id", "url", "threat", "by"]],
        "indicator": FieldMap(kind="url", value="url", threat="threat"),
        "header": "none",
    }
)
GOOD = "1,http://a.example/{},mal,me"


def read(tmp_path, *lines: str, feed: Feed = FEED) -> list[tuple[str | None, str | None]]:
    path = tmp_path / "payload"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8", newline="")
    rows = pl.concat(list(parse(feed, path)))
    return rows.select("value", "fault").rows()


@pytest.fixture(params=[100_000, 2], ids=["one batch", "many"])
def batches(request, monkeypatch):
    monkeypatch.setattr(table, "BATCH", request.param)


@pytest.mark.usefixtures("batches")
def test_rows_of_another_length_are_told_of_where_they_stand(tmp_path):
    found = read(
        tmp_path,
        GOOD.format(0),
        GOOD.format(1),
        GOOD.format(2) + ",surplus",
        GOOD.format(3) + ",a,b,c",
        "4,http://a.example/4,mal",
        "5,http://a.example/5",
        "6",
        "",
        "# a comment, with a comma",
        GOOD.format(7),
    )
    assert found == [
        ("http://a.example/0", None),
        ("http://a.example/1", None),
        ("http://a.example/2", LONG_ROW),
        ("http://a.example/3", LONG_ROW),
        ("http://a.example/4", SHORT_ROW),
        ("http://a.example/5", SHORT_ROW),
        (None, SHORT_ROW),
        ("http://a.example/7", None),
    ]


@pytest.mark.usefixtures("batches")
def test_a_cell_that_is_empty_is_a_cell(tmp_path):
    found = read(
        tmp_path, GOOD.format(0), "1,http://a.example/1,,", '2,http://a.example/2,"",""', ",,,", ""
    )
    assert found == [(f"http://a.example/{n}", None) for n in range(3)]


@pytest.mark.usefixtures("batches")
def test_a_separator_at_the_end_of_the_line_is_no_cell(tmp_path):
    assert read(tmp_path, GOOD.format(0), GOOD.format(1) + ",") == [
        ("http://a.example/0", None),
        ("http://a.example/1", None),
    ]


@pytest.mark.usefixtures("batches")
def test_line_breaks_and_hashes_inside_cells_are_no_rows(tmp_path):
    text = '1,"http://a.example/\n#x",mal,me'
    found = read(tmp_path, text, "2,http://a.example/2,short", text)
    assert found[0] == found[2] == ("http://a.example/\n#x", None)
    assert found[1] == ("http://a.example/2", SHORT_ROW)


def test_they_are_rejected_with_their_reason_and_every_row_is_accounted_for(lab):
    lines = [GOOD.format(n) for n in range(40)]
    lines[20:20] = ["x,http://a.example/x,mal", GOOD.format("y") + ",z"]
    outcome = lab.live(FEED, "\n".join(lines).encode())
    assert (outcome.status, outcome.rows, outcome.kept) == (Status.OK, 42, 40)
    assert outcome.rejected == {SHORT_ROW: 1, LONG_ROW: 1}


def test_a_list_of_short_rows_is_a_bad_payload(lab):
    lines = [GOOD.format(0), *(f"{n},http://a.example/{n}" for n in range(9))]
    outcome = lab.live(FEED, "\n".join(lines).encode())
    assert (outcome.status, outcome.rejected) == (Status.QUARANTINED, {SHORT_ROW: 9})


def test_a_header_row_is_skipped_on_both_ways(tmp_path):
    feed = FEED.model_copy(update={"header": "row"})
    head = "id,url,threat,by"
    assert read(tmp_path, head, GOOD.format(0), feed=feed) == [("http://a.example/0", None)]
    found = read(tmp_path, "# x", head, GOOD.format(0), "1,http://a.example/1", feed=feed)
    assert found == [("http://a.example/0", None), ("http://a.example/1", SHORT_ROW)]


CELLS = st.text(st.sampled_from('ab ",#\n'), max_size=4)


@pytest.mark.slow
@given(st.lists(st.lists(CELLS, min_size=1, max_size=6), min_size=1, max_size=12))
def test_both_ways_of_reading_agree(tmp_path_factory, rows):
    """What the fast way takes for whole, the exact one does, too; and none loses a row."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        [["1", "first", "x", "end"], *rows]
    )
    path = tmp_path_factory.mktemp("csv") / "payload"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    whole = table._Table(path, ["id", "url", "threat", "by"], ["url", "threat"], ",", headed=False)
    read = pl.concat(table._read(whole)).rows()
    assert read == pl.concat(table._exactly(whole, 0)).rows()
    assert len(read) >= 1 + sum(any(row[:2]) for row in rows)
