"""The simulated workspace: the same rows for the same seed, in the columns of the real tables."""

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tidegate.declare.tables import TABLES, THREAT_INTEL_INDICATORS
from tidegate.simulator.places import RANGES
from tidegate.simulator.tables import write_tables

NOW = datetime(2026, 11, 21, 4, 30, tzinfo=UTC)
HOUR = datetime(2026, 11, 21, 4, tzinfo=UTC)


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    lines = (folder / f"{table}.ndjson").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tables")
    write_tables(made, NOW, signins=4_000, indicators=1_500)
    return made


def written(folder: Path, now: datetime, seed: int = 7) -> bytes:
    write_tables(folder, now, seed=seed, signins=50, indicators=50)
    return b"".join(
        (folder / f"{t}.ndjson").read_bytes() for t in ("SigninLogs", "ThreatIntelIndicators")
    )


def test_the_same_hour_and_seed_give_the_same_bytes(tmp_path: Path):
    one = written(tmp_path / "a", NOW)
    assert one == written(tmp_path / "b", NOW + timedelta(minutes=20))
    assert one != written(tmp_path / "c", NOW + timedelta(hours=1))
    assert one != written(tmp_path / "d", NOW, seed=8)


def test_a_folder_is_written_anew_when_the_hour_turns_and_not_before(tmp_path: Path):
    written(tmp_path, NOW)
    first = (tmp_path / "SigninLogs.ndjson").stat().st_mtime_ns
    written(tmp_path, NOW + timedelta(minutes=20))
    assert (tmp_path / "SigninLogs.ndjson").stat().st_mtime_ns == first
    written(tmp_path, NOW + timedelta(hours=1))
    assert (tmp_path / "SigninLogs.ndjson").stat().st_mtime_ns != first


def test_every_table_that_is_declared_is_there(folder: Path):
    assert {file.stem for file in folder.glob("*.ndjson")} == set(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_rows_have_the_columns_of_the_real_tables(folder: Path, table: str):
    found = rows(folder, table)
    assert len(found) > 10
    assert all(row.keys() == TABLES[table].keys() for row in found)


@pytest.mark.parametrize("table", TABLES)
def test_every_address_is_of_a_documentation_range_or_inside(folder: Path, table: str):
    text = (folder / f"{table}.ndjson").read_text("utf-8")
    for found in set(re.findall(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])", text)):
        ip = ip_address(found)
        assert found.startswith(("10.", "140.0.0.")) or any(ip in net for net in RANGES)


def test_alerts_name_addresses_with_a_place_without_and_at_zero(folder: Path):
    entities = [one for row in rows(folder, "SecurityAlert") for one in json.loads(row["Entities"])]
    places = [one.get("Location") for one in entities if one["Type"] == "ip"]
    assert any(place is None for place in places)
    assert any(place and place["Latitude"] == 0 for place in places)
    assert any(place and place["Latitude"] != 0 for place in places)
    ids = Counter(row["SystemAlertId"] for row in rows(folder, "SecurityAlert"))
    assert max(ids.values()) > 1
    named = {name for row in rows(folder, "SecurityIncident") for name in row["AlertIds"]}
    assert named <= ids.keys()


def test_no_address_and_no_name_is_anybodys(folder: Path):
    for row in rows(folder, "SigninLogs"):
        ip = ip_address(row["IPAddress"])
        assert row["IPAddress"].startswith("10.") or any(ip in net for net in RANGES)
        assert row["UserPrincipalName"].endswith("@example.com")


def test_sign_ins_end_an_hour_ahead_and_arrive_after_they_happened(folder: Path):
    for row in rows(folder, "SigninLogs"):
        when = datetime.fromisoformat(row["TimeGenerated"])
        assert HOUR - timedelta(hours=35) <= when < HOUR + timedelta(hours=1)
        assert datetime.fromisoformat(row["_TimeReceived"]) >= when


def test_there_are_campaigns_failures_and_rows_of_no_place(folder: Path):
    found = rows(folder, "SigninLogs")
    users, addresses = defaultdict(set), defaultdict(set)
    for row in found:
        users[row["IPAddress"]].add(row["UserPrincipalName"])
        addresses[row["UserPrincipalName"]].add(row["IPAddress"])
    assert max(map(len, users.values())) > 40
    assert max(map(len, addresses.values())) > 15
    assert len({row["ResultType"] for row in found}) >= 8
    assert any(":" in address for address in users)
    private = [row for row in found if row["IPAddress"].startswith("10.")]
    assert private
    assert not any(row["LocationDetails"] for row in private)


def test_ids_repeat_only_for_updates(folder: Path):
    repeats = Counter(row["Id"] for row in rows(folder, "SigninLogs"))
    assert 0 < sum(count > 1 for count in repeats.values()) < len(repeats) * 0.03


def test_indicators_are_republished_and_end_in_every_way(folder: Path):
    found = rows(folder, "ThreatIntelIndicators")
    by_id = defaultdict(list)
    for row in found:
        by_id[row["Id"]].append(row)
    again = [versions for versions in by_id.values() if len(versions) > 1]
    assert again
    assert all(versions[1]["SourceSystem"] == "LogARepublisher" for versions in again)
    assert any(not row["IsActive"] for row in found)
    assert any(row["IsDeleted"] for row in found)
    assert any(row["Data"]["revoked"] for row in found)
    assert any(datetime.fromisoformat(row["ValidUntil"]) < NOW for row in found)
    assert {row["ObservableKey"] for row in found} >= {"", "url:value", "ipv6-addr:value"}


def test_what_was_uploaded_is_in_the_table_beside_the_invented(tmp_path: Path):
    upload = {
        "_at": "2026-11-21T04:10:00.1234560Z",
        "_workspace": "w",
        "_source": "Tidegate",
        "id": "indicator--1",
        "pattern": "[ipv4-addr:value = '203.0.113.7']",
        "confidence": 80,
        "revoked": True,
        **dict.fromkeys(["created", "modified", "valid_from"], "2026-11-21T04:10:00.000Z"),
        "valid_until": "2026-11-28T04:10:00.000Z",
    }
    odd = {**upload, "id": "indicator--2", "pattern": "no pattern"}
    write_tables(tmp_path, NOW, signins=5, indicators=5)
    write_tables(tmp_path, NOW, signins=5, indicators=5, uploads=[upload, odd])
    *invented, ours, unread = rows(tmp_path, "ThreatIntelIndicators")
    assert len(invented) == 5
    assert ours.keys() == invented[0].keys() == {*THREAT_INTEL_INDICATORS}
    assert (ours["ObservableKey"], ours["ObservableValue"]) == ("ipv4-addr:value", "203.0.113.7")
    assert ours["Data"]["revoked"] is True
    assert "_at" not in ours["Data"]
    assert (unread["ObservableKey"], unread["ObservableValue"]) == ("", "")
