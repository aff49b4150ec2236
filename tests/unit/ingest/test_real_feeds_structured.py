"""Real files of structured feeds and of lists. Skipped where they are not beside us."""

from datetime import UTC, datetime

import pytest

from tidegate.declare.feed import feeds
from tidegate.model import Outcome, Status

pytestmark = pytest.mark.slow

ALL = feeds()


def ingested(lab, name: str, path) -> Outcome:
    outcome = lab.file(ALL[name], path)
    lost = outcome.repeated + outcome.suppressed + sum(outcome.rejected.values())
    assert (outcome.status, outcome.reason) == (Status.OK, None)
    assert outcome.rows == outcome.kept + lost
    return outcome


@pytest.mark.parametrize(
    ("name", "path", "rows", "kept"),
    [
        ("cins", "cins/ci-badguys_20260822.txt", 131_072, 131_000),
        ("cins", "cins/fixtures/cins_ci-badguys.txt", 2, 2),
        ("emerging_threats", "emerging_threats/compromised-ips_20260822.txt", 539, 539),
        ("emerging_threats", "emerging_threats/fixtures/et_compromised-ips.txt", 2, 2),
        ("tor_exits", "tor/tor-exit_20260822.txt", 3_251, 1_372),
        ("tor_exits", "tor/fixtures/tor_torbulkexitlist.txt", 3, 2),
        ("ipsum", "ipsum/ipsum_20260822.txt", 120_430, 120_000),
        ("sslbl_certificates", "sslbl/fixtures/sslbl_sslblacklist.csv", 1, 1),
        ("phishtank", "phishtank/fixtures/phishtank_online_valid.csv", 1, 1),
        ("dshield", "dshield/fixtures/dshield_block.txt", 1, 1),
        ("malwarebazaar", "malwarebazaar/fixtures/malwarebazaar_get_recent.json", 3, 3),
        (
            "urlhaus_online",
            "urlhaus/urlhaus_csv_online_20260207_older_two_thirds.csv",
            9_089,
            9_000,
        ),
        ("cisa_kev", "cisa_kev/kev_20250825.json", 1_404, 1_404),
        ("cisa_kev", "cisa_kev/kev_20250825.csv", 1_404, 1_404),
        ("stix", "stix/fixtures/stix21_bundle.json", 2, 0),
        ("stix", "stix/ics-attack-18.1.json", 0, 0),
        ("stix", "stix/misp_attributes_collection_stix21.json", 4, 2),
        ("stix", "stix/misp_objects_collection_stix21.json", None, 6),
        ("taxii", "taxii/fixtures/taxii21_envelope_p1.json", 2, 0),
        ("misp_circl", "misp/badiis_misp-badiis.json", 187, 0),
        ("misp_circl", "misp/mozi_mozi.misp-event.json", 81, 0),
        ("misp_circl", "misp/windigo_ebury.misp.json", None, 100),
        ("prose", "generic_txt/maltrail_elf_mirai.txt", None, 17_000),
        ("prose", "generic_txt/maltrail_ek_clearfake.txt", None, 70_000),
    ],
)
def test_every_row_of_a_real_file_is_accounted_for(lab, stored, name, path, rows, kept):
    outcome = ingested(lab, name, stored(path))
    assert rows in {None, outcome.rows}
    assert outcome.kept >= kept


def test_what_the_catalogue_counts_must_be_there(lab, stored):
    """The second of three versions is the broken one that the official repository carried."""
    found = []
    for version in sorted(stored("cisa_kev/series/cisa_kev_broken").glob("*.gz")):
        lab.now = datetime.fromtimestamp(int(version.name.partition("_")[0]), UTC)
        outcome = lab.file(ALL["cisa_kev"], version)
        found.append((outcome.status, len(lab.state(ALL["cisa_kev"]))))
    rows = found[0][1]
    assert found[:2] == [(Status.OK, rows), (Status.BAD_PAYLOAD, rows)]
    assert found[2][0] in {Status.OK, Status.UNCHANGED}


def test_ipsum_says_how_sure_it_is(lab, stored):
    ingested(lab, "ipsum", stored("ipsum/ipsum_20260822.txt"))
    counts = lab.state(ALL["ipsum"])["confidence"].value_counts().sort("confidence")
    assert counts["confidence"].to_list() == [30, 40, 50, 60, 70, 80, 90, 100]
    assert counts["count"][0] > counts["count"][-1]


def test_an_event_without_anything_for_detection_withdraws_and_keeps_nothing(lab, stored):
    outcome = ingested(lab, "misp_circl", stored("misp/badiis_misp-badiis.json"))
    assert outcome.rejected["expired"] + outcome.rejected.get("not a url", 0) > 100
    assert lab.state(ALL["misp_circl"]).is_empty()


def test_spellings_of_all_kinds_in_prose(lab, stored):
    ingested(lab, "prose", stored("nasty/nasty_values.txt"))
    values = set(lab.state(ALL["prose"])["value"])
    assert {"http://evil.example/path", "1.2.3.4", "user@evil.example", "2001:db8::1"} <= values
    assert {"CVE-2024-3400", "AS64500", "http://user:pass@evil.example/"} <= values
    assert not {"10.0.0.1", "127.0.0.1", "T1059.001"} & values
