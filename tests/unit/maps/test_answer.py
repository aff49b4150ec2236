"""Log Analytics responses of every kind, as tables of text."""

import json
from typing import Any

import polars as pl
import pytest

from tidegate.declare.dataset import Dataset, datasets
from tidegate.maps.answer import conform, table
from tidegate.ports import BadPayload, LogTable

TI = datasets()["threat_indicators"]


def response(type_: str, *cells: Any) -> dict[str, Any]:
    columns = [{"name": "x", "type": type_}]
    return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": [[c] for c in cells]}]}


@pytest.mark.parametrize(
    ("type_", "cell", "text"),
    [
        ("bool", True, "true"),
        ("bool", False, "false"),
        ("bool", None, None),
        ("int", 0, "0"),
        ("long", 2**53 + 1, "9007199254740993"),
        ("real", 0.0, "0.0"),
        ("real", 7, "7.0"),
        ("real", "NaN", None),
        ("real", "Infinity", None),
        ("real", "-Infinity", None),
        ("decimal", "1.10", "1.10"),
        ("datetime", "2026-11-21T03:00:00.1234567Z", "2026-11-21T03:00:00.1234567Z"),
        ("dynamic", '{"b": 1, "a": [true]}', '{"a":[true],"b":1}'),
        ("dynamic", {"b": 1, "a": None}, '{"a":null,"b":1}'),
        ("dynamic", "not json", "not json"),
        ("guid", None, None),
        ("string", "", ""),
        ("string", "\ud800x", "\ufffdx"),
        ("string", "None", "None"),
        ("timespan", "1.00:00:00", "1.00:00:00"),
    ],
)
def test_a_cell_reads_as_its_type(type_: str, cell: Any, text: str | None):
    assert table(response(type_, cell)).rows["x"].to_list() == [text]


def test_a_partial_error_is_a_state():
    body = {**response("int", 1), "error": {"code": "PartialError", "message": "too large"}}
    assert table(body).partial
    assert table(body).rows.height == 1


def test_any_other_error_is_an_error():
    with pytest.raises(BadPayload, match="SyntaxError"):
        table({"tables": [], "error": {"code": "SyntaxError", "message": "no"}})


@pytest.mark.parametrize("body", [[{"FrameType": "DataSetHeader"}], {}, None, "", {"tables": 1}])
def test_what_is_no_response_is_refused(body: Any):
    with pytest.raises(BadPayload, match="not a Log Analytics response"):
        table(body)


def test_a_row_that_lacks_a_cell_is_refused():
    body = response("int", 1)
    body["tables"][0]["rows"].append([])
    with pytest.raises(BadPayload, match="row"):
        table(body)


def test_a_cell_that_is_not_its_type_is_refused():
    with pytest.raises(BadPayload, match="real"):
        table(response("real", "many"))


def test_the_primary_result_is_found_among_others():
    body = response("int", 1)
    body["tables"].insert(0, {"name": "@ExtendedProperties", "columns": [], "rows": []})
    assert list(table(body).columns) == ["x"]


def answered(**types: str) -> LogTable:
    return LogTable(types, pl.DataFrame(schema=dict.fromkeys(types, pl.String())))


def declared() -> dict[str, str]:
    return dict(TI.columns)


def test_a_missing_column_is_refused():
    with pytest.raises(BadPayload, match="Confidence"):
        conform(answered(**{name: t for name, t in declared().items() if name != "Confidence"}), TI)


def test_a_missing_column_is_null_where_that_is_declared():
    lenient = TI.model_copy(update={"drift": "fill"})
    types = {name: type_ for name, type_ in declared().items() if name != "Confidence"}
    values = {name: ["x"] for name in types}
    rows, warnings = conform(LogTable(types, pl.DataFrame(values)), lenient)
    assert rows["Confidence"].to_list() == [None]
    assert warnings == ["Confidence was not answered"]


def test_a_changed_type_is_refused():
    with pytest.raises(BadPayload, match="Confidence is declared int, the answer says string"):
        conform(answered(**{**declared(), "Confidence": "string"}), TI)


def test_whole_numbers_of_either_width_are_the_same():
    rows, _ = conform(answered(**{**declared(), "Confidence": "long"}), TI)
    assert rows.is_empty()


def test_columns_nobody_declared_are_left_out():
    rows, _ = conform(answered(**declared(), Extra="string"), TI)
    assert "Extra" not in rows.columns


def test_no_table_is_no_rows():
    rows, warnings = conform(LogTable({}, pl.DataFrame()), TI)
    assert rows.is_empty()
    assert not warnings


FIELDS = json.loads(TI.model_dump_json())


@pytest.mark.parametrize(
    "wrong",
    [
        {"locate": "Adress"},
        {"key": ["id"]},
        {"expires": "Until"},
        {"colour": "Color"},
        {"time": "Confidence"},
        {"columns": {**FIELDS["columns"], "Country": "string"}},
        {"columns": {**FIELDS["columns"], "Gone": "bool"}},
        {"columns": {**FIELDS["columns"], "a b": "string"}},
        {"columns": {**FIELDS["columns"], "Confidence": "number"}},
        {"refresh": "1 hour"},
        {"file": "../x.tsv"},
        {"windw": "1d"},
    ],
)
def test_a_wrong_declaration_is_refused(wrong: dict[str, Any]):
    with pytest.raises(ValueError, match="Dataset"):
        Dataset.model_validate({**FIELDS, **wrong})
