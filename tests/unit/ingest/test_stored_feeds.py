"""Real lists, in the order in which they were published. Skipped where they are not beside us."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tidegate.canonical import Shape
from tidegate.declare.feed import FieldMap, Semantics, feeds
from tidegate.hygiene import Policy
from tidegate.model import Outcome, Status

pytestmark = pytest.mark.slow

ALL = feeds()


def accounted(outcome: Outcome) -> Outcome:
    lost = outcome.repeated + outcome.suppressed + sum(outcome.rejected.values())
    assert outcome.status is not Status.OK or outcome.rows == outcome.kept + lost
    return outcome


def replayed(lab, feed, folder: Path, most: int = 99) -> list[tuple[Outcome, set[str]]]:
    """Run all versions of a list, each at its time; return outcomes and the ids after each."""
    found = []
    for version in sorted(folder.glob("*.gz"))[:most]:
        lab.now = datetime.fromtimestamp(int(version.name.partition("_")[0]), UTC)
        outcome = lab.file(feed, version)
        found.append((accounted(outcome), set(lab.state(feed)["id"])))
    assert found
    return found


def test_every_row_of_urlhaus_is_accounted_for(lab, stored):
    (path,) = stored("urlhaus").glob("*.csv")
    outcome = accounted(lab.file(ALL["urlhaus"], path))
    assert (outcome.status, outcome.rows) == (Status.OK, 9_089)
    assert outcome.kept > 9_000
    tags = set(lab.state(ALL["urlhaus"])["tags"].explode())
    assert "None" not in tags
    assert (lab.state(ALL["urlhaus"])["last_seen"] < lab.now).all()


def test_threatfox_withdraws_nothing_by_absence(lab, stored):
    folder, known = stored("threatfox/series/threatfox_json_6h"), set()
    for outcome, ids in replayed(lab, ALL["threatfox"], folder):
        assert outcome.status in {Status.OK, Status.UNCHANGED}
        assert outcome.withdrawn == 0
        assert known <= ids
        known = ids


def test_spamhaus_changes_little_and_what_is_gone_is_withdrawn(lab, stored):
    runs = replayed(lab, ALL["spamhaus_drop"], stored("spamhaus/series/spamhaus_drop_v4_daily"))
    assert {outcome.status for outcome, _ in runs} <= {Status.OK, Status.UNCHANGED}
    for outcome, ids in runs[1:]:
        assert outcome.new + outcome.withdrawn < 0.05 * len(ids)
        assert outcome.status is Status.UNCHANGED or outcome.kept == len(ids)
    assert sum(outcome.withdrawn for outcome, _ in runs) > 0


def test_openphish_replaces_its_list_and_nothing_ends_early(lab, stored):
    feed, folder = ALL["openphish"], stored("openphish/series/openphish_12h")
    seen: dict[str, datetime] = {}
    for version in sorted(folder.glob("*.gz")):
        lab.now = datetime.fromtimestamp(int(version.name.partition("_")[0]), UTC)
        outcome = accounted(lab.file(feed, version))
        assert outcome.status is Status.OK
        state = lab.state(feed)
        seen |= dict.fromkeys(state.filter(state["written"] == lab.now)["id"], lab.now)
        assert set(state["id"]) == {i for i, at in seen.items() if at + feed.keep > lab.now}
    assert len(seen) > 27 * 150


def test_a_list_that_collapses_between_full_ones_is_quarantined(lab, stored):
    fields = FieldMap(kind=Shape.ADDRESS, value="line")
    more = {"semantics": Semantics.SNAPSHOT, "indicator": fields, "keep": timedelta(days=7)}
    feed = ALL["blocklist_de"].model_copy(update=more)
    runs = replayed(lab, feed, stored("dshield/series/isc_sans_collapses"))
    largest = max(len(ids) for _, ids in runs)
    assert {len(ids) > 0.9 * largest for _, ids in runs} == {True}
    statuses = [outcome.status for outcome, _ in runs]
    assert statuses[0] is Status.OK
    assert {Status.QUARANTINED, Status.BAD_PAYLOAD} <= set(statuses)


def test_abuseipdb_as_json(lab, stored):
    feed = ALL["abuseipdb"]
    outcome = accounted(lab.file(feed, stored("abuseipdb/fixtures/abuseipdb_blacklist.json")))
    assert outcome.status is Status.OK
    assert "2001:db8::bad" in set(lab.state(feed)["value"])


def test_abuseipdb_as_lines(lab, stored):
    (plain,) = stored("abuseipdb").glob("*.txt")
    outcome = accounted(lab.file(ALL["abuseipdb"], plain))
    assert (outcome.status, outcome.rows) == (Status.OK, 131_072)
    assert outcome.kept > 131_000


def test_abuseipdbs_check_is_not_its_blacklist(lab, stored):
    path = stored("abuseipdb/fixtures/abuseipdb_check.json")
    assert lab.file(ALL["abuseipdb"], path).status is Status.BAD_PAYLOAD


def test_otx_pages(lab, stored):
    feed = ALL["otx"]
    first = accounted(lab.file(feed, stored("otx/fixtures/otx_pulses_subscribed_p1.json")))
    assert first.status is Status.OK
    kept = set(lab.state(feed)["id"])
    assert kept
    second = accounted(lab.file(feed, stored("otx/fixtures/otx_pulses_subscribed_p2.json")))
    assert (second.status, second.rows) == (Status.OK, 0)
    assert set(lab.state(feed)["id"]) == kept


@pytest.mark.parametrize(
    ("name", "path", "rows"),
    [
        ("feodo", "feodo/fixtures/feodo_ipblocklist.csv", 2),
        ("urlhaus", "urlhaus/fixtures/urlhaus_csv_recent.csv", None),
        ("urlhaus", "urlhaus/fixtures/urlhaus_csv_full.zip", None),
        ("spamhaus_drop", "spamhaus/fixtures/spamhaus_drop_v4.json", None),
        ("openphish", "openphish/fixtures/openphish_feed.txt", 2),
        ("blocklist_de", "blocklist_de/fixtures/blocklistde_all.txt", 2),
        ("threatfox", "threatfox/fixtures/threatfox_api_get_iocs.json", None),
        ("blocklist_de", "nasty/nasty_bom_list.txt", None),
    ],
)
def test_every_fixture_of_our_feeds_is_read(lab, stored, name, path, rows):
    outcome = accounted(lab.file(ALL[name], stored(path)))
    assert (outcome.status, outcome.reason) == (Status.OK, None)
    assert outcome.kept >= 1
    assert rows in {None, outcome.rows}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("feodo", "feodo/fixtures/feodo_ipblocklist.json"),
        ("feodo", "feodo/fixtures/feodo_ipblocklist_empty.json"),
        ("urlhaus", "urlhaus/fixtures/urlhaus_api_no_results.json"),
        ("urlhaus", "nasty/nasty_error_200.json"),
        ("urlhaus", "nasty/nasty_html_200.html"),
        ("urlhaus", "nasty/nasty_truncated.csv.gz"),
        ("threatfox", "nasty/nasty_error_200.json"),
        ("otx", "nasty/nasty_error_200.json"),
        ("openphish", "nasty/nasty_gzip_bomb_10MB.gz"),
        ("spamhaus_drop", "spamhaus/fixtures/spamhaus_drop.txt"),
        ("blocklist_de", "dshield/fixtures/dshield_block.txt"),
    ],
)
def test_what_is_of_another_shape_is_refused(lab, stored, name, path):
    outcome = lab.file(ALL[name], stored(path))
    assert outcome.status is Status.BAD_PAYLOAD
    assert outcome.reason
    assert not lab.bytes(ALL[name])


def test_malformed_addresses_are_rejected_one_by_one(lab, stored):
    (path,) = stored("dshield").glob("isc_*.txt")
    outcome = accounted(lab.file(ALL["blocklist_de"], path))
    assert outcome.status is Status.OK
    assert 300 < outcome.rejected["not an address"] < 500


def test_repeated_lines_are_one_sighting(lab, stored):
    (path,) = stored("tor").glob("*.txt")
    outcome = accounted(lab.file(ALL["blocklist_de"], path))
    assert outcome.repeated == 1_879


def test_outside_the_simulated_tenant_documentation_is_suppressed(lab, stored):
    object.__setattr__(lab.world, "policy", Policy())
    outcome = accounted(lab.file(ALL["openphish"], stored("openphish/fixtures/openphish_feed.txt")))
    assert outcome.suppressed == outcome.rows
