"""Large bodies, read part by part, are what they are when they are read as a whole."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.maps import answer, rows
from tidegate.ports import BadPayload

PIECES = ["],[", "]]", "[[", '"', '"rows":[', "\\", "\n", "\t", "é", "\ud800", "{}", "", "None"]
TEXT = st.lists(st.sampled_from(PIECES), max_size=5).map("".join) | st.text(max_size=5)
CELLS = {
    "string": TEXT,
    "dynamic": TEXT
    | st.recursive(st.integers(0, 9), st.lists, max_leaves=4)
    | TEXT.map(json.dumps),
    "long": st.integers(-(2**63), 2**63 - 1),
    "real": st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-9, 9)
    | st.sampled_from(["NaN", "Infinity", 1e16, 1e-5]),
    "bool": st.booleans(),
    "datetime": st.just("2026-11-21T03:00:00.1234567Z"),
}
AFTER = [{}, {"statistics": {"x": [["],["]]}}, {"error": {"code": "PartialError", "message": "]"}}]


@st.composite
def bodies(draw):
    types = draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=4))
    columns = [{"name": f"c{n}", "type": type_} for n, type_ in enumerate(types)]
    row = st.tuples(*(CELLS[type_] | st.none() for type_ in types)).map(list)
    found = [draw(row) for _ in range(draw(st.integers(0, 30)))]
    tables = [{"name": draw(st.sampled_from(["PrimaryResult", '"rows":['])), "columns": columns}]
    tables[0]["rows"] = found
    if draw(st.booleans()):
        tables.append({"name": "PrimaryResult", "columns": columns[:1], "rows": [["],["]]})
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    return json.dumps({"tables": tables, **draw(st.sampled_from(AFTER))}, separators=separators)


def said(read, body):
    try:
        found = read(body)
    except BadPayload as error:
        return str(error)
    return found.columns, found.rows.to_dict(as_series=False), found.partial


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies(), chunk=st.integers(8, 200))
def test_parts_are_the_whole(monkeypatch, body, chunk):
    monkeypatch.setattr(rows, "CHUNK", chunk)
    whole = said(lambda body: answer.table(json.loads(body)), body)
    assert said(answer.read, body.encode()) == whole


@pytest.mark.parametrize("beside", ["x", "\\ud800"])
def test_a_bare_infinity_is_no_json(beside):
    body = f'{{"tables": [{{"columns": [], "rows": [[-Infinity, "{beside}"]]}}]}}'
    with pytest.raises(BadPayload, match="not JSON"):
        answer.read(body.encode())


def many(number: int) -> bytes:
    columns = [{"name": "x", "type": "string"}]
    table = {"name": "PrimaryResult", "columns": columns, "rows": [["y" * 90]] * number}
    return json.dumps({"tables": [table]}, separators=(",", ":")).encode()


def test_a_usual_body_is_read_in_parts(monkeypatch):
    monkeypatch.setattr(rows, "CHUNK", 1_000)
    cut = rows.Cut.of(many(100))
    assert cut is not None
    parts = list(cut.chunks())
    assert sum(map(len, parts)) == 100
    assert max(map(len, parts)) < 30


@pytest.mark.parametrize("end", [-1, -3, -4, -5, -40, -3_000])
def test_a_body_that_ends_early_is_refused(monkeypatch, end):
    monkeypatch.setattr(rows, "CHUNK", 1_000)
    with pytest.raises(BadPayload, match="not JSON"):
        answer.read(many(100)[:end])
