"""What hygiene kept out, on one machine: one Parquet file for each source."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tidegate.adapters.naming import beside
from tidegate.ingest.withheld import WITHHELD
from tidegate.ports import Withheld
from tidegate.sightings import empty, named, sightings

# As they are today: a file knows the kinds of the version that wrote it.
COLUMNS = [pl.col(name).cast(dtype) for name, dtype in WITHHELD.items()]


@dataclass(frozen=True, slots=True)
class WithheldFiles:
    """`ports.Suppressed` in the folder `root`."""

    root: Path

    def state(self, source: str) -> pl.DataFrame:
        """See `ports.Suppressed`."""
        file = self._file(source)
        if not file.exists():
            return empty(WITHHELD)
        return pl.scan_parquet(file, glob=False).select(*COLUMNS).collect()

    def replace(self, source: str, rows: pl.DataFrame) -> None:
        """See `ports.Suppressed`. Readers see the old file or the new one."""
        file = self._file(source)
        if rows.is_empty() and not file.exists():
            return
        self.root.mkdir(parents=True, exist_ok=True)
        fresh = beside(file)
        with fresh.open("wb") as target:
            rows.select(*WITHHELD).write_parquet(target, compression="zstd", compression_level=1)
            target.flush()
            os.fsync(target.fileno())
        fresh.replace(file)

    def of(self, indicator: str) -> list[Withheld]:
        """See `ports.Suppressed`."""
        found = list(self._scans())
        if not found:
            return []
        rows = pl.concat(found).filter(pl.col("id") == indicator).collect()
        return list(map(Withheld, sightings(rows), rows["why"].to_list()))

    def _scans(self) -> Iterator[pl.LazyFrame]:
        for file in sorted(self.root.glob("[!.]*.parquet")):
            source = pl.lit(file.stem).alias("source")
            yield pl.scan_parquet(file, glob=False).select(*COLUMNS, source)

    def _file(self, source: str) -> Path:
        return self.root / f"{named(source)}.parquet"
