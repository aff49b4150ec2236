"""The local Log Analytics: what it answers, and everything that it must refuse."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tidegate.adapters.local.duckdb_kql import LocalLogs
from tidegate.ports import BadPayload, SourceDown

pytestmark = pytest.mark.flow

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
DAY = timedelta(days=1)
SIGNINS = [
    {
        "TimeGenerated": "2026-11-21T03:00:00.5Z",
        "_TimeReceived": "2026-11-21T03:09:00Z",
        "Id": "a",
        "ResultType": "0",
        "IPAddress": "10.1.2.3",
        "LocationDetails": {"city": "Oslo", "geoCoordinates": {"latitude": 59.9}},
    },
    {"TimeGenerated": "2026-11-21T02:00:00Z", "Id": "b", "ResultType": "50126", "IPAddress": "x"},
    {"TimeGenerated": "2026-11-19T02:00:00Z", "Id": "old", "ResultType": "50126"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "tables"
    made.mkdir()
    (made / "SigninLogs.ndjson").write_text("\n".join(map(json.dumps, SIGNINS)), "utf-8")
    (made / "Own.csv").write_text("TimeGenerated,n,x\n2026-11-21T03:00:00Z,1,0.5\n", "utf-8")
    (made / "Watch.tsv").write_text("name\tscore\nada\t7\n", "utf-8")
    (made / "notes.md").write_text("not a table", "utf-8")
    return made


@pytest.fixture
def logs(folder: Path) -> LocalLogs:
    return LocalLogs(folder, lambda: NOW)


def ask(logs: LocalLogs, kql: str) -> list[tuple[Any, ...]]:
    return logs.query(kql, NOW - DAY, NOW).rows.rows()


def test_the_time_span_bounds_the_table(logs: LocalLogs):
    assert ask(logs, "SigninLogs | project Id | order by Id asc") == [("a",), ("b",)]
    assert logs.query("SigninLogs", NOW - 3 * DAY, NOW).rows.height == 3


def test_the_span_is_half_open(logs: LocalLogs):
    two = datetime(2026, 11, 21, 2, tzinfo=UTC)
    answer = logs.query("SigninLogs | project Id", two, two + timedelta(hours=1, seconds=0.5))
    assert answer.rows.rows() == [("b",)]


def test_the_answer_has_the_shape_of_log_analytics(logs: LocalLogs):
    kql = "SigninLogs | where Id == 'a' | project TimeGenerated, Id, LocationDetails, n = tolong(3)"
    body = logs.response(kql, NOW - DAY, NOW)
    assert json.loads(json.dumps(body)) == {
        "tables": [
            {
                "name": "PrimaryResult",
                "columns": [
                    {"name": "TimeGenerated", "type": "datetime"},
                    {"name": "Id", "type": "string"},
                    {"name": "LocationDetails", "type": "dynamic"},
                    {"name": "n", "type": "long"},
                ],
                "rows": [
                    [
                        "2026-11-21T03:00:00.500000Z",
                        "a",
                        '{"city":"Oslo","geoCoordinates":{"latitude":59.9}}',
                        3,
                    ]
                ],
            }
        ]
    }


@pytest.mark.parametrize(
    ("expression", "type_", "text"),
    [
        ("now()", "datetime", "2026-11-21T04:00:00Z"),
        ("ago(1h)", "datetime", "2026-11-21T03:00:00Z"),
        ("now() - ago(25h)", "timespan", "1.01:00:00"),
        ("ago(90s) - now()", "timespan", "-00:01:30"),
        ("1 == 1", "bool", "true"),
        ("dynamic({'b': 1, 'a': 2})", "dynamic", '{"a":2,"b":1}'),
        ("todouble('1.5')", "real", "1.5"),
        ("todouble('x')", "real", None),
        ("ipv4_is_private('10.1.2.3')", "bool", "true"),
        ("ipv4_is_private('172.32.0.0')", "bool", "false"),
        ("ipv4_is_private('192.168.255.255')", "bool", "true"),
        ("ipv4_is_private('10.0.0.0/8')", "bool", "true"),
        ("ipv4_is_private('10.1.2')", "bool", None),
        ("ipv4_is_private('10.1.2.256')", "bool", None),
        ("ipv4_is_private('2001:db8::1')", "bool", None),
        ("geo_info_from_ip_address('8.8.8.8')", "dynamic", None),
        # Seattle to Los Angeles, as Kusto's own documentation has it, and the ends of the globe.
        (
            "round(geo_distance_2points(-122.407628, 47.578557, -118.275287, 34.019056), 3)",
            "real",
            "1546754.352",
        ),
        ("round(geo_distance_2points(180.0, 0.0, -180.0, 0.0), 3)", "real", "0.0"),
        ("round(geo_distance_2points(0.0, 90.0, 0.0, -90.0), 0)", "real", "20015118.0"),
        ("geo_distance_2points(200.0, 0.0, 0.0, 0.0)", "real", None),
        ("geo_distance_2points(real(null), 0.0, 0.0, 0.0)", "real", None),
        ("tostring(geo_info_from_ip_address('8.8.8.8').country)", "string", ""),
    ],
)
def test_values_come_back_as_kusto_has_them(
    logs: LocalLogs, expression: str, type_: str, text: str | None
):
    answer = logs.query(f"print x = {expression}", NOW - DAY, NOW)
    assert (answer.columns, answer.rows.rows()) == ({"x": type_}, [(text,)])


def test_ingestion_time_is_when_the_row_was_received(logs: LocalLogs):
    kql = "SigninLogs | extend r = ingestion_time() | project Id, r | order by Id asc"
    assert ask(logs, kql) == [("a", "2026-11-21T03:09:00Z"), ("b", "2026-11-21T02:00:00Z")]


def test_the_row_before_is_the_one_before_in_the_sort(logs: LocalLogs):
    kql = "range n from 1 to 5000 step 1 | extend k = hash_sha256(tostring(n)) | sort by k asc"
    found = ask(logs, f"{kql} | extend p = prev(k) | project k, p")
    keys = [key for key, _ in found]
    assert keys == sorted(keys)
    assert [before for _, before in found] == [None, *keys[:-1]]


def test_there_is_no_row_before_without_a_sort(logs: LocalLogs):
    with pytest.raises(BadPayload, match="sorted"):
        ask(logs, "SigninLogs | extend p = prev(Id)")


def test_a_column_that_is_not_there_has_its_default(logs: LocalLogs):
    kql = "Own | project a = column_ifexists('n', 7), b = column_ifexists(\"m\", 'none')"
    assert ask(logs, kql) == [("1", "none")]


def test_tables_of_ones_own_are_read_as_they_are(logs: LocalLogs):
    assert ask(logs, "Own | project n, x") == [("1", "0.5")]
    assert ask(logs, "Watch | project name, score") == [("ada", "7")]


def test_more_rows_than_the_limit_are_partial(folder: Path):
    answer = LocalLogs(folder, lambda: NOW, max_rows=1).query("SigninLogs", NOW - DAY, NOW)
    assert answer.partial
    assert answer.rows.height == 1


@pytest.mark.parametrize(
    "kql",
    [
        "['{secret}'] | take 1",
        "Nothing | take 1",
        "SigninLogs | project Nothing",
        "SigninLogs | where no_such_function(Id)",
        "SigninLogs | where (",
        "SigninLogs | where Id == 1 + 'a'",
        ".drop table SigninLogs",
        ".set-or-replace Copy <| SigninLogs",
        "SigninLogs | take 1; SigninLogs | take 2",
        "externaldata(line: string)['{secret}']",
        "SigninLogs | evaluate bag_unpack(LocationDetails)",
        "workspace('other').SigninLogs",
        "ipv4_is_private",
        "print column_ifexists('x', ago(1d))",
        "",
    ],
)
def test_what_it_does_not_know_or_must_not_do_is_refused(logs: LocalLogs, kql: str, tmp_path: Path):
    secret = tmp_path / "secret.csv"
    secret.write_text("word\nswordfish\n", "utf-8")
    with pytest.raises(BadPayload, match="refused") as refusal:
        ask(logs, kql.replace("{secret}", str(secret)))
    assert "swordfish" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_file_of_the_machine_is_no_table_even_by_its_own_name(folder: Path, tmp_path: Path):
    # The name of a table file is loaded only from the folder, and only as a whole word.
    secret = tmp_path / "secret.csv"
    secret.write_text("word\nswordfish\n", "utf-8")
    for name in (str(secret), f"{folder}/Watch.tsv", "../secret.csv"):
        with pytest.raises(BadPayload):
            ask(LocalLogs(folder, lambda: NOW), f"['{name}'] | take 1")


def test_a_query_leaves_nothing_behind(logs: LocalLogs):
    before = ask(logs, "SigninLogs | count")
    with pytest.raises(BadPayload):
        ask(logs, ".append SigninLogs <| SigninLogs")
    assert ask(logs, "SigninLogs | count") == before == [("2",)]


def test_a_value_of_the_wrong_type_is_said_not_guessed(folder: Path):
    (folder / "SigninLogs.ndjson").write_text('{"TimeGenerated": "yesterday"}', "utf-8")
    with pytest.raises(BadPayload):
        ask(LocalLogs(folder, lambda: NOW), "SigninLogs")


def test_a_query_that_takes_too_long_is_ended(folder: Path):
    pairs = (
        "range a from 1 to 30000 step 1 | extend k = 1"
        " | join kind=inner (range b from 1 to 30000 step 1 | extend k = 1) on k"
        " | summarize max(hash_sha256(tostring(a * b)))"
    )
    with pytest.raises(SourceDown, match="too long"):
        ask(LocalLogs(folder, lambda: NOW, seconds=0.2), pairs)
