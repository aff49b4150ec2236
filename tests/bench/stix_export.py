"""How fast sightings become STIX 2.1: `python tests/bench/stix_export.py [--rows N]`.

Against the loop that one would write first, a dictionary and `json.dumps` for each row, and against
the `stix2` library where that is installed.
"""

import argparse
import importlib.util
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid5

import polars as pl

from tidegate.model import Kind, indicator_id
from tidegate.sightings import SCHEMA
from tidegate.stix.write import MARKINGS, NAMESPACE, Tlp, objects

SEEN = datetime(2026, 11, 19, 8, 30, tzinfo=UTC)
LIBRARY_ROWS = 2_000  # it is slow


def sightings(number: int) -> pl.DataFrame:
    values = [f"http://h{i}.evil.example/a/{i}.exe" for i in range(number)]
    constant = {"kind": "url", "original": None, "confidence": 80, "first_seen": SEEN}
    later = {"last_seen": SEEN, "expires": SEEN + timedelta(days=14), "tags": ["elf", "Mozi"]}
    rest = {"threat": "Mozi", "reference": "https://list.example/1", "tlp": "clear"}
    columns = {name: [cell] * number for name, cell in {**constant, **later, **rest}.items()}
    ids = [indicator_id(Kind.URL, value) for value in values]
    return pl.DataFrame({"id": ids, "value": values, **columns}, schema_overrides=SCHEMA)


def stamp(time_: datetime) -> str:
    return time_.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def fields(row: dict) -> dict:
    quoted = row["value"].replace("\\", "\\\\").replace("'", "\\'")
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{uuid5(NAMESPACE, row['id'])}",
        "created": stamp(row["first_seen"]),
        "modified": stamp(row["last_seen"]),
        "name": row["threat"] or row["value"],
        "indicator_types": ["malicious-activity"],
        "pattern": f"[url:value = '{quoted}']",
        "pattern_type": "stix",
        "pattern_version": "2.1",
        "valid_from": stamp(row["first_seen"]),
        "valid_until": stamp(row["expires"]),
        "confidence": row["confidence"],
        "object_marking_refs": [MARKINGS[Tlp(row["tlp"])]],
        "labels": row["tags"],
        "external_references": [{"source_name": "source", "url": row["reference"]}],
    }


def plain(rows: pl.DataFrame) -> list[str]:
    return [json.dumps(fields(row)) for row in rows.iter_rows(named=True)]


def library(rows: pl.DataFrame) -> list[str]:
    import stix2  # noqa: PLC0415 - optional

    return [stix2.Indicator(**fields(row)).serialize() for row in rows.iter_rows(named=True)]


def timed(name: str, write: Callable[[pl.DataFrame], object], rows: pl.DataFrame) -> float:
    best = min(_seconds(write, rows) for _ in range(3))
    print(f"{name}: {len(rows) / best:,.0f} objects/s, {best:.2f} s for {len(rows):,}")
    return len(rows) / best


def _seconds(write: Callable[[pl.DataFrame], object], rows: pl.DataFrame) -> float:
    start = time.perf_counter()
    write(rows)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    rows = sightings(parser.parse_args().rows)
    assert [json.loads(text) for text in objects(rows.head(9))] == list(
        map(json.loads, plain(rows.head(9)))
    )
    ours = timed("columns", objects, rows)
    others = {"plain loop": timed("plain loop", plain, rows)}
    if importlib.util.find_spec("stix2"):
        others["stix2"] = timed("stix2", library, rows.head(LIBRARY_ROWS))
    for name, speed in others.items():
        print(f"ratio: {ours / speed:.1f} times as fast as {name}")


if __name__ == "__main__":
    main()
