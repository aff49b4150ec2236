"""Segments that an earlier version wrote know fewer kinds, and still read."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from tidegate.adapters.local.sightings import SegmentStore
from tidegate.model import Kind, Sighting
from tidegate.sightings import KINDS, SCHEMA, STATE, fingerprinted, frame, unique

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
NEW = {
    Kind.CVE,
    Kind.ASN,
    Kind.CERTIFICATE,
    Kind.FILENAME,
    Kind.MUTEX,
    Kind.PROCESS,
    Kind.REGISTRY,
    Kind.EMAIL_SUBJECT,
}
BEFORE = pl.Enum([kind.value for kind in Kind if kind not in NEW])


def state(*rows: Sighting) -> pl.DataFrame:
    marked = fingerprinted(unique(frame(rows).select(*SCHEMA)))
    return marked.with_columns(written=pl.lit(NOW).cast(STATE["written"])).select(*STATE)


def seen(kind: Kind, value: str, source: str) -> Sighting:
    return Sighting(kind, value, source, 80, NOW, NOW, NOW + timedelta(days=1), ("a",))


@pytest.fixture
def store(tmp_path):
    """A store whose source `old` was written by the earlier version, and `new` by this one."""
    found = SegmentStore(tmp_path)
    rows = state(seen(Kind.DOMAIN, "a.example", "old"), seen(Kind.SHA256, "ab" * 32, "old"))
    found.commit("old", rows, rows)
    (segment,) = tmp_path.glob("old/*.parquet")
    rows.with_columns(pl.col("kind").cast(BEFORE)).write_parquet(segment)
    rows = state(seen(Kind.CVE, "CVE-2099-10001", "new"))
    found.commit("new", rows, rows)
    return found


def test_the_state_has_the_kinds_of_today(store):
    rows = store.state("old")
    assert rows.schema == pl.Schema(STATE)
    assert set(rows["kind"]) == {"domain", "sha256"}


def test_old_and_new_segments_are_read_together(store):
    rows = store.live(NOW).collect()
    assert rows.schema["kind"] == KINDS
    assert set(rows["value"]) == {"a.example", "ab" * 32, "CVE-2099-10001"}
    one = seen(Kind.DOMAIN, "a.example", "old")
    assert store.of(one.indicator) == [one]


def test_new_kinds_stand_at_the_end():
    assert KINDS.categories.to_list()[: len(BEFORE.categories)] == BEFORE.categories.to_list()
