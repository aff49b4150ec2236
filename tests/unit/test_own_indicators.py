"""Tidegate's own indicators on the map: the real store, scored as the gate scores."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tidegate.maps import state, tsv
from tidegate.maps.refresh import Result, refresh
from tidegate.model import Kind, Sighting, Tlp
from tidegate.settings import Settings
from tidegate.sightings import SCHEMA, STATE, fingerprinted, frame, unique
from tidegate.wiring import Local, local

NOW = datetime.now(UTC)
ADDRESS = "198.51.100.7"


def seen(kind: Kind, value: str, source: str, days: int = 1, tlp: Tlp = Tlp.CLEAR) -> Sighting:
    first, last = NOW - timedelta(days=days + 5), NOW - timedelta(days=days)
    return Sighting(kind, value, source, 90, first, last, NOW + timedelta(days=9), tlp=tlp)


def put(house: Local, said: dict[str, list[Sighting]]) -> None:
    for source, sightings in said.items():
        marked = fingerprinted(unique(frame(sightings).select(*SCHEMA)))
        rows = marked.with_columns(written=pl.lit(NOW, STATE["written"])).select(*STATE)
        house.sightings.commit(source, rows, rows)


def test_a_map_for_everybody_shows_what_is_for_everybody(tmp_path: Path):
    few = seen(Kind.IPV4, "198.51.100.8", "otx", tlp=Tlp.AMBER)
    for anybody, shown in ((False, 2), (True, 1)):
        with local(Settings(home=tmp_path, tables=tmp_path, map_anonymous=anybody)) as house:
            put(house, {"otx": [seen(Kind.IPV4, ADDRESS, "otx"), few]})
            store = house.maps.store
            assert store is not None
            assert store.query("", NOW, NOW).rows.height == shown


@pytest.mark.slow
def test_the_live_addresses_are_told_best_first_and_no_secret(tmp_path: Path):
    said = {
        "otx": [seen(Kind.IPV4, ADDRESS, "otx", 3), seen(Kind.DOMAIN, "bad.example", "otx")],
        "threatfox": [
            seen(Kind.IPV4, ADDRESS, "threatfox"),
            seen(Kind.IPV4, "198.51.100.9", "threatfox", tlp=Tlp.RED),
        ],
    }
    with local(Settings(home=tmp_path, tables=tmp_path)) as house:
        put(house, said)
        world = house.maps
        told = refresh(world.datasets["tidegate_indicators"], world)
        assert (told.result, told.reason, told.rows) == (Result.REFRESHED, None, 1)
        manifest = state.read(world.objects, "tidegate_indicators").state.manifest
        assert manifest is not None
        stored = world.objects.get(f"datasets/tidegate_indicators/{manifest.file}")
        assert stored is not None
        (row,) = tsv.decode(gzip.decompress(stored.data)).to_dicts()
        assert (row["Value"], row["Sources"], row["SourceCount"]) == (
            ADDRESS,
            "otx, threatfox",
            "2",
        )
        assert row["FirstSeen"] < row["TimeGenerated"] < row["Expires"]
        assert float(row["Score"]) > 50
