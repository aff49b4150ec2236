"""Where to keep sightings on one machine: the same rows into three stores, in one run.

`python tests/bench/sighting_stores.py [--rows 500000]` prints seconds and rows a second to write a
first state, to write it again with one row in a hundred changed, and to look one indicator up.
"""

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl

from tidegate.adapters.local.sightings import SegmentStore
from tidegate.model import indicator_id
from tidegate.sightings import SCHEMA, STATE, fingerprinted

NOW = datetime(2026, 11, 20, tzinfo=UTC)
LOOKUPS = 50


def rows(count: int) -> pl.DataFrame:
    """Return a source's state of `count` URLs on documentation addresses."""
    values = [f"http://192.0.2.{n % 254}:{1024 + n % 60000}/{n:x}/bin.sh" for n in range(count)]
    frame = pl.DataFrame(
        {
            "id": [indicator_id("url", value) for value in values],
            "kind": "url",
            "value": values,
            "original": None,
            "confidence": 80,
            "first_seen": NOW,
            "last_seen": NOW,
            "expires": NOW + timedelta(days=14),
            "tags": [["elf", "mozi"]] * count,
            "threat": "malware_download",
            "reference": [f"https://urlhaus.abuse.ch/url/{n}/" for n in range(count)],
            "tlp": "clear",
        },
        schema=SCHEMA,
    )
    return fingerprinted(frame).with_columns(written=NOW).select(*STATE).sort("id")


def flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with lists and enums as text, for stores that have neither."""
    return frame.with_columns(
        pl.col("tags").list.join(","), pl.col("kind", "tlp").cast(pl.String)
    ).with_columns(pl.col("fingerprint").cast(pl.String))


class Segments:
    """Our store: a sorted Parquet file per source."""

    def __init__(self, folder: Path) -> None:
        self.store = SegmentStore(folder)

    def write(self, whole: pl.DataFrame, changed: pl.DataFrame) -> None:
        self.store.commit("urlhaus", whole, changed)

    def look_up(self, found: str) -> int:
        return len(self.store.of(found))


class Sqlite:
    """A table with a primary key, upserted row by row."""

    def __init__(self, folder: Path) -> None:
        self.database = sqlite3.connect(folder / "rows.sqlite", isolation_level=None)
        self.database.execute("PRAGMA journal_mode = WAL")
        columns = ", ".join(name for name in STATE if name != "id")
        self.database.execute(f"CREATE TABLE s (id TEXT PRIMARY KEY, {columns}) WITHOUT ROWID")

    def write(self, whole: pl.DataFrame, changed: pl.DataFrame) -> None:
        marks = ", ".join("?" * len(STATE))
        texts = flat(changed).with_columns(pl.col(pl.Datetime).dt.to_string())
        self.database.execute("BEGIN")
        self.database.executemany(f"REPLACE INTO s VALUES ({marks})", texts.rows())  # noqa: S608
        self.database.execute("COMMIT")

    def look_up(self, found: str) -> int:
        return len(self.database.execute("SELECT value FROM s WHERE id = ?", (found,)).fetchall())


class Duck:
    """A DuckDB table with a primary key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = duckdb.connect(folder / "rows.duckdb")
        self.made = False

    def write(self, whole: pl.DataFrame, changed: pl.DataFrame) -> None:
        new = self.folder / "new.parquet"  # the way in that needs no further library
        flat(changed).write_parquet(new, compression="uncompressed")
        if not self.made:
            self.made = True
            self.database.execute(f"CREATE TABLE s AS SELECT * FROM '{new}' LIMIT 0")  # noqa: S608
            self.database.execute("ALTER TABLE s ADD PRIMARY KEY (id)")
        self.database.execute(f"INSERT OR REPLACE INTO s SELECT * FROM '{new}'")  # noqa: S608
        new.unlink()
        self.database.execute("CHECKPOINT")

    def look_up(self, found: str) -> int:
        return len(self.database.execute("SELECT value FROM s WHERE id = ?", [found]).fetchall())


def timed(job: Callable[[], object]) -> float:
    """Return the seconds that the job took."""
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def main() -> None:
    """Print a line per store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500_000)
    count = parser.parse_args().rows
    state = rows(count)
    touched = state.gather_every(100).with_columns(confidence=pl.lit(90, pl.UInt8))
    later = pl.concat([state.join(touched, on="id", how="anti"), touched]).sort("id")
    ids = state["id"].gather_every(max(count // LOOKUPS, 1)).to_list()
    print(f"{'store':<10}{'first s':>9}{'rows/s':>12}{'1 % s':>8}{'look-up ms':>12}{'MB':>7}")
    for kind in (Segments, Duck, Sqlite):
        with tempfile.TemporaryDirectory() as folder:
            store = kind(Path(folder))
            first = timed(lambda: store.write(state, state))  # noqa: B023 - called at once
            again = timed(lambda: store.write(later, touched))  # noqa: B023
            looks = timed(lambda: [store.look_up(one) for one in ids]) / len(ids)  # noqa: B023
            size = sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()) / 1e6
        line = f"{first:>9.2f}{count / first:>12,.0f}{again:>8.2f}{looks * 1e3:>12.2f}{size:>7.0f}"
        print(f"{kind.__name__:<10}{line}")


if __name__ == "__main__":
    main()
