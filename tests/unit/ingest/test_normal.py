"""From texts to sightings: times aware, tags split, every row accounted for."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from tidegate.declare.feed import feeds
from tidegate.hygiene import Policy
from tidegate.ingest.normal import LONGEST, LONGEST_TAG, MOST_TAGS, SKEW, normal, times
from tidegate.ingest.parse import READ

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
AT = datetime(2026, 2, 5, 5, 5, 14, tzinfo=UTC)
FORMS = [
    ("2026-02-05 05:05:14", AT),
    ("2026-02-05 05:05:14 UTC", AT),
    ("2026-02-05T05:05:14Z", AT),
    ("2026-02-05T05:05:14", AT),
    (" 2026-02-05 05:05:14 ", AT),
    ("2026-02-05T05:05:14.946000", AT),
    ("2026-02-05 05:05:14.5 UTC", AT),
    ("2026-02-05T05:05:14+00:00", AT),
    ("2026-02-05T07:05:14+02:00", AT),
    ("2026-02-05 07:05:14+02:00", AT),
    ("2026-02-04T21:05:14-0800", AT),
    ("2026-02-05", AT.replace(hour=0, minute=0, second=0)),
    ("1770267914", AT),
    ("", None),
    ("junk", None),
    ("0", None),
    ("2026-13-45 00:00:00", None),
    ("2026-02-30", None),
    ("05/02/2026", None),
    ("+262142-12-31T23:59:59Z", None),
    ("99999999999999999999", None),
    # Years that Python could not read back.
    ("0000-01-01 00:00:00", None),
    ("0000-01-01", None),
    ("-5000-01-01", None),
    ("+262000-01-01", None),
    ("0001-01-01T00:00:00+14:00", None),
    ("9999-12-31T23:59:59-14:00", None),
    ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    (None, None),
]


def rows(*given: dict) -> pl.DataFrame:
    return pl.DataFrame([{"shape": "domain", "value": "evil.example", **g} for g in given], READ)


def of(*given: dict, feed: str = "threatfox"):
    return normal(feeds()[feed], [rows(*given)], Policy(simulated=True), NOW)


def one(feed: str = "threatfox", **given) -> dict:
    (row,) = of(given, feed=feed).sightings.to_dicts()
    return row


@pytest.mark.parametrize(("text", "time"), FORMS)
def test_every_form_of_a_time_is_read_in_utc(text, time):
    assert times(pl.Series([text], dtype=pl.String)).to_list() == [time]


def test_a_column_may_mix_all_forms():
    texts, expected = zip(*FORMS, strict=True)
    assert times(pl.Series(texts)).to_list() == list(expected)
    assert times(pl.Series([], dtype=pl.String)).to_list() == []


def test_a_row_without_times_was_seen_now():
    row = one()
    assert (row["first_seen"], row["last_seen"]) == (NOW, NOW)
    assert row["expires"] == NOW + feeds()["threatfox"].keep


@pytest.mark.parametrize("name", ["first_seen", "last_seen"])
def test_one_time_is_both(name):
    row = one(**{name: "2026-02-05 05:05:14"})
    assert (row["first_seen"], row["last_seen"]) == (AT, AT)


def test_times_the_wrong_way_round_are_turned():
    row = one(first_seen="2026-02-06", last_seen="2026-02-05 05:05:14")
    assert row["first_seen"] == AT
    assert row["last_seen"] == datetime(2026, 2, 6, tzinfo=UTC)


def test_the_future_is_clamped_to_the_skew_of_clocks():
    row = one(first_seen="2027-01-01", last_seen="2030-01-01")
    assert (row["first_seen"], row["last_seen"]) == (NOW + SKEW, NOW + SKEW)


def test_what_the_source_calls_over_is_counted_and_named():
    found = of({"expires": "2026-11-20 04:59:59"}, {"value": "b.example", "expires": "2026-12-24"})
    assert found.rejected == {"expired": 1}
    assert len(found.over) == len(found.sightings) == 1
    assert found.sightings["value"].to_list() == ["b.example"]


def test_one_report_calls_it_over_and_another_does_not_so_it_holds():
    found = of({"expires": "2026-01-01"}, {"value": "EVIL.example"})
    assert found.over.to_list() == []
    assert found.sightings["value"].to_list() == ["evil.example"]


def test_tags_are_split_trimmed_sorted_and_once():
    assert one(tags="elf, Mozi,,elf , 32-bit")["tags"] == ["32-bit", "Mozi", "elf"]
    assert one(tags=None)["tags"] == []


def test_the_port_of_a_socket_is_a_tag():
    assert one(shape="socket", value="192.0.2.1:8080", tags="a")["tags"] == ["a", "port:8080"]
    assert one(shape="socket", value="192.0.2.1[:]8080")["tags"] == ["port:8080"]
    assert one(shape="url", value="http://192.0.2.1:8080")["tags"] == []


@pytest.mark.parametrize(
    ("text", "tlp"),
    [
        ("white", "clear"),
        ("TLP:GREEN", "green"),
        ("Amber", "amber"),
        ("amber+strict", "amber+strict"),
        ("TLP:AMBER+STRICT", "amber+strict"),
        ("red", "red"),
        (None, "clear"),
        ("purple", "clear"),
    ],
)
def test_markings_are_read_in_any_spelling(text, tlp):
    assert one(tlp=text)["tlp"] == tlp


@pytest.mark.parametrize(("given", "kept"), [(-5, 0), (0, 0), (100, 100), (300, 100), (None, 50)])
def test_confidence_stays_in_its_range(given, kept):
    assert one(confidence=given)["confidence"] == kept


def test_the_sources_spelling_is_kept_where_it_differs():
    assert one(value="Evil[.]Example.")["original"] == "Evil[.]Example."
    assert one(value="evil.example")["original"] is None


def test_every_row_is_accounted_for_over_batches():
    batches = [
        rows({}, {"value": "EVIL.example"}, {"value": "co.uk"}, {"shape": None}),
        rows({}, {"value": "a.local"}, {"value": "b.example"}, {"expires": "2020-01-01"}),
        rows(),
    ]
    found = normal(feeds()["threatfox"], batches, Policy(simulated=True), NOW)
    assert found.rejected == {"public suffix": 1, "unknown kind": 1, "expired": 1}
    assert found.suppressed == {"reserved name": 1}
    lost = sum(found.rejected.values()) + sum(found.suppressed.values()) + found.repeated
    assert found.rows == 8 == len(found.sightings) + lost
    assert found.sightings["id"].is_sorted()


def test_a_time_is_never_before_its_own_first():
    found = of(
        *({"value": f"{i}a.example", "last_seen": text} for i, (text, _) in enumerate(FORMS))
    )
    seen = found.sightings
    assert (seen["first_seen"] <= seen["last_seen"]).all()
    assert (seen["last_seen"] <= NOW + timedelta(minutes=5)).all()


def test_texts_without_end_are_cut_short():
    long = dict.fromkeys(("threat", "reference", "tags"), "x" * 3000000)
    row = one(value=" " * 3_000_000 + "evil.example", **long)
    assert row["value"] == "evil.example"
    assert {len(row[name]) for name in ("original", "threat", "reference")} == {LONGEST}
    assert len(row["tags"][0]) == LONGEST_TAG
    assert one(threat="y" * LONGEST)["threat"] == "y" * LONGEST


def test_repeats_do_not_heap_up_tags_without_end():
    many = [{"tags": ",".join(f"t{n}" for n in range(i, i + 9))} for i in range(0, 900, 9)]
    (row,) = of(*many).sightings.to_dicts()
    assert len(row["tags"]) == MOST_TAGS
