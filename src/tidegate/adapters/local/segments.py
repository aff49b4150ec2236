"""The files of one segment: a source's state, and two that answer without reading all of it.

`N.parquet` is the state, sorted by id. The others may be missing. `N.ids` (Arrow) holds of each
sighting what a bulk look-up asks. `N.blocks` holds the same sightings in small blocks, and where
they are, so that one of them is found by reading one block; it is made when that is worth it.
`N.changes` tells what is other than in the segment before, whose version it names. A segment never
changes once it is written.
"""

import mmap
import os
from array import array
from bisect import bisect_left
from collections.abc import Callable
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import polars as pl

from tidegate.adapters.naming import beside
from tidegate.model import Kind, Sighting, indicator_id
from tidegate.sightings import (
    CHANGE,
    HALF,
    KINDS,
    REPORTED,
    SCHEMA,
    STATE,
    TLPS,
    by_id,
    keyed,
    sighting,
)
from tidegate.warninglists.matching import network_columns

ROW_GROUP = 65_536
BLOCK = 512  # rows: a block is read whole for one of them
NUMBER = 8  # bytes
SCANS = 64  # so many of them take as long as making the blocks
BLOCKS, IDS, CHANGES = ".blocks", ".ids", ".changes"
LOGS = 300  # so many changes are remembered: a day of them, one every five minutes
BETWEEN = "\x1f"
SINCE = "since"
NAMES, MARKS = KINDS.categories.to_list(), TLPS.categories.to_list()
# Of a bulk answer; `key` and `rest` are the two halves of the id.
ASKED = tuple(name for name in REPORTED if name not in {"id", "source"})


def write(path: Path, state: pl.DataFrame) -> None:
    """Write a segment; `path` is that of its Parquet file. It is on disk when this returns."""
    rows = state if state["id"].is_sorted() else by_id(state)
    _saved(path, lambda file: _write_parquet(rows, file))
    _write_ids(path.with_suffix(IDS), rows.lazy())


def write_changes(
    path: Path, before: "Segment", state: pl.DataFrame, changed: pl.DataFrame
) -> None:
    """Write beside a segment how its state differs from the one before."""
    rest = before.scan({"id": pl.String()}).join(state.lazy().select("id"), on="id", how="anti")
    withdrawn = rest.select(
        "id", *(pl.lit(None, dtype).alias(name) for name, dtype in CHANGE.items() if name != "id")
    )
    rows = pl.concat([changed.select(*CHANGE), withdrawn.collect()])
    told = {SINCE: before.version}
    _saved(path.with_suffix(CHANGES), lambda file: rows.write_parquet(file, metadata=told))


def _write_parquet(rows: pl.DataFrame, file: IO[bytes]) -> None:
    rows.select(*STATE).write_parquet(
        file, compression="zstd", compression_level=1, row_group_size=ROW_GROUP
    )


def _write_blocks(rows: pl.DataFrame, file: IO[bytes]) -> None:
    """Write the blocks, then the keys of all rows, where the blocks begin, and how many."""
    plain = rows.select(
        pl.col(SCHEMA).exclude("id", "tags", "kind", "tlp"),
        pl.col("kind", "tlp").to_physical(),
        # A list is written with all texts of all lists, whichever part of it is asked for.
        pl.when(pl.col("tags").list.len() > 0).then(pl.col("tags").list.join(BETWEEN)),
    )
    starts = array("Q", [0])
    for part in plain.iter_slices(BLOCK):
        block = BytesIO()
        # A third of the bytes: writing them to disk takes longer than packing them.
        part.write_ipc_stream(block, compression="lz4", compat_level=pl.CompatLevel.oldest())
        file.write(block.getbuffer())
        starts.append(file.tell())
    for numbers in (array("Q", keyed(rows.select("id"))["key"]), starts, array("Q", [len(rows)])):
        file.write(numbers.tobytes())


def _write_ids(path: Path, rows: pl.LazyFrame) -> None:
    asked = rows.select("id", *ASKED).with_columns(pl.col("threat").cast(pl.Categorical))
    found = keyed(asked.collect()).drop("id").rechunk()
    _saved(path, lambda file: found.write_ipc(file, compression="uncompressed"))


def _saved(path: Path, written: Callable[[IO[bytes]], object]) -> None:
    """Write a file whole or not at all, whoever else is writing it."""
    fresh = beside(path)
    with fresh.open("wb") as file:
        written(file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def narrow(folder: Path, current: Path) -> None:
    """Leave of all segments but one their states and changes. Who has the rest open may read on."""
    logs = sorted(folder.glob(f"*{CHANGES}"))[-LOGS:]
    for file in folder.glob("0*.*"):
        kept = file.suffix == ".parquet" or file.stem == current.stem or file in logs
        if not kept:
            file.unlink(missing_ok=True)


def _scanned(path: Path, schema: dict[str, Any]) -> pl.LazyFrame:
    found = pl.scan_parquet(path, glob=False)
    return found.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


class Segment:
    """One segment, open to be read by any number of threads; `path` is its Parquet file.

    Its blocks are made so much `later` than those of others: one at a time.
    """

    def __init__(self, path: Path, later: int = 0) -> None:
        self.path = path
        self._later = later
        self._scans = 0
        self._opened: _Blocks | None = None

    @cached_property
    def version(self) -> str:
        """Return what no other segment of the source has, also where numbers begin anew."""
        return f"{self.path.stem}-{self.path.stat().st_mtime_ns}"

    def scan(self, schema: dict[str, Any]) -> pl.LazyFrame:
        """Read the columns as they are today: a segment knows the kinds that its writer knew."""
        return _scanned(self.path, schema)

    def find(self, indicator: str, source: str) -> Sighting | None:
        """Return what the segment's source says of an indicator id."""
        blocks = self._blocks()
        if blocks is None:
            rows = self.scan(SCHEMA).filter(pl.col("id") == indicator).collect()
            row = rows.row(0, named=True) if len(rows) else None
        else:
            row = blocks.row(indicator)
        return sighting({**row, "source": source}) if row else None

    def _blocks(self) -> "_Blocks | None":
        """Return the blocks, once there are any, or enough was asked to make them."""
        if self._opened is None:
            file = self.path.with_suffix(BLOCKS)
            if not file.exists():
                self._scans += 1
                if self._scans < SCANS + self._later:
                    return None
                rows = self.scan(SCHEMA).collect()
                _saved(file, lambda target: _write_blocks(rows, target))
            self._opened = _Blocks(file)
        return self._opened

    def changes(self, since: str) -> list[pl.DataFrame] | None:
        """Return what was changed since a version, as `CHANGE`; None if that is not known."""
        found: list[pl.DataFrame] = []
        version, number = self.version, int(self.path.stem)
        while version != since:
            file = self.path.with_name(f"{number:08}{CHANGES}")
            try:
                version, number = pl.read_parquet_metadata(file)[SINCE], number - 1
                found.append(_scanned(file, CHANGE).collect())
            except FileNotFoundError:  # too long ago; whoever writes takes old ones away
                return None
        return found

    def reported(self, asked: pl.DataFrame, *, again: bool = True) -> pl.DataFrame:
        """Return `id` and the columns of `ASKED` for those ids (with `key`, `rest`) that it has."""
        index = self.index if again else self._read("key", "rest").rechunk()
        found = _places(index, asked)
        rows = index if again else self._read(*ASKED)
        said = rows[found["at"]].select(pl.col(name).cast(REPORTED[name]) for name in ASKED)
        return found.select("id").hstack(said)

    @cached_property
    def index(self) -> pl.DataFrame:
        """Return `key`, `rest` and the columns of `ASKED`, sorted by key."""
        return self._read("key", "rest", *ASKED).rechunk()

    def _read(self, *columns: str) -> pl.DataFrame:
        file = self.path.with_suffix(IDS)
        try:
            return pl.read_ipc(file, columns=list(columns))
        except FileNotFoundError:
            _write_ids(file, self.scan(STATE))
            return pl.read_ipc(file, columns=list(columns))

    @cached_property
    def networks(self) -> pl.DataFrame:
        """Return the sightings of networks, with the columns of `NETWORK` but for the source."""
        rows = self.scan(SCHEMA).filter(pl.col("kind") == Kind.CIDR.value)
        found = rows.select("value", "expires").collect()
        return found.hstack(network_columns(found["value"]).drop("last"))


def _places(index: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Return `id` and `at`, its row in the index, of those that are there."""
    if index.is_empty():
        return asked.select("id", at="key").clear()
    at = index["key"].search_sorted(asked["key"]).clip(upper_bound=len(index) - 1)
    there = asked.with_columns(at=at, near=index["key"][at], found=index["rest"][at])
    near = there.filter(pl.col("key") == pl.col("near"))
    # Two ids can be made to share a half: then what is behind the first one is looked at, too.
    hidden = near.filter(pl.col("rest") != pl.col("found")).select("id", "key", "rest")
    parts = [near.filter(pl.col("rest") == pl.col("found")).select("id", "at")]
    if len(hidden):
        rows = index.select("key", "rest").with_row_index("at")
        parts.append(hidden.join(rows, on=["key", "rest"]).select("id", "at"))
    return pl.concat(parts)


class _Blocks:
    """An open file of blocks."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        whole = memoryview(self._bytes)
        (rows,) = whole[-NUMBER:].cast("Q")
        blocks = -(-rows // BLOCK)
        starts = len(whole) - NUMBER * (blocks + 2)
        self._starts = whole[starts:-NUMBER].cast("Q")
        self._keys = whole[starts - NUMBER * rows : starts].cast("Q")

    def row(self, indicator: str) -> dict[str, Any] | None:
        """Return the row of an indicator id by the columns of `SCHEMA` but for its id."""
        key = int(indicator[:HALF], 16)
        at = bisect_left(self._keys, key)
        while at < len(self._keys) and self._keys[at] == key:
            block = self._bytes[self._starts[at // BLOCK] : self._starts[at // BLOCK + 1]]
            row = _as_now(pl.read_ipc_stream(block).row(at % BLOCK, named=True))
            if indicator_id(row["kind"], row["value"]) == indicator:
                return row
            at += 1
        return None


def _as_now(row: dict[str, Any]) -> dict[str, Any]:
    tags = row["tags"].split(BETWEEN) if row["tags"] is not None else []
    return row | {"kind": Kind(NAMES[row["kind"]]), "tlp": MARKS[row["tlp"]], "tags": tags}
