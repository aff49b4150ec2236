"""What a flat declaration can say besides columns: steps of confidence, networks in two columns."""

from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from tidegate.declare.feed import FieldMap, Steps, feeds
from tidegate.ingest.parse import mapped, parse
from tidegate.ports import BadPayload


def read(tmp_path: Path, name: str, payload: str) -> pl.DataFrame:
    path = tmp_path / "payload"
    path.write_text(payload, encoding="utf-8")
    return pl.concat(parse(feeds()[name], path))


@pytest.mark.parametrize(
    ("count", "confidence"),
    [("1", 30), ("2", 40), ("5", 70), ("8", 100), ("31", 100), ("0", None), ("x", None)],
)
def test_confidence_is_that_of_the_last_step_reached(tmp_path, count, confidence):
    (row,) = read(tmp_path, "ipsum", f"# c\n192.0.2.5\t{count}\n").to_dicts()
    assert row["confidence"] == confidence


def test_steps_are_percentages_and_at_least_one():
    with pytest.raises(ValidationError):
        Steps(column="n", steps={})
    with pytest.raises(ValidationError):
        Steps(column="n", steps={1: 101})


def test_a_network_may_stand_in_two_columns(tmp_path):
    header = "Start\tEnd\tNetblock\tAttacks\tName\tCountry\temail\n"
    rows = read(tmp_path, "dshield", f"#\n{header}192.0.2.0\t192.0.2.255\t24\t7\t\t\t\n")
    assert rows["value"].to_list() == ["192.0.2.0/24"]
    with pytest.raises(BadPayload):
        read(tmp_path, "dshield", "192.0.2.0\t192.0.2.255\t24\t7\t\t\t\n")


def test_a_network_without_its_length_is_none():
    fields = FieldMap(kind="cidr", value="a", prefix_length="b")
    rows = mapped(
        pl.DataFrame({"a": ["192.0.2.0"], "b": pl.Series([None], dtype=pl.String)}), fields
    )
    assert rows["value"].to_list() == [None]


def test_the_columns_that_a_map_uses():
    steps = Steps(column="n", steps={1: 10})
    fields = FieldMap(kind="cidr", value="a", prefix_length="b", confidence=steps, tags="t")
    assert fields.columns == {"a", "b", "n", "t"}
    assert FieldMap(kind="url", value="a", confidence="c").columns == {"a", "c"}


def test_prose_without_any_indicator_is_no_report(tmp_path):
    for text in ("The service is under maintenance.", "\x01\x02 http://a.example/"):
        with pytest.raises(BadPayload):
            read(tmp_path, "prose", text)
