"""What hygiene kept out, one Parquet object for each source."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from threading import Lock

import polars as pl

from tidegate.ingest.withheld import WITHHELD
from tidegate.ports import Objects, Withheld
from tidegate.sightings import empty, named, sightings

FOLDER = "suppressed/"
SUFFIX = ".parquet"
# As they are today: an object knows the kinds of the version that wrote it.
COLUMNS = [pl.col(name).cast(dtype) for name, dtype in WITHHELD.items()]


@dataclass(frozen=True, slots=True)
class WithheldObjects:
    """`ports.Suppressed` in `objects`. A look-up lists them, and reads again only what changed."""

    objects: Objects
    _read: dict[str, tuple[str, pl.DataFrame]] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def state(self, source: str) -> pl.DataFrame:
        """See `ports.Suppressed`."""
        return self._frame(_name(source))

    def replace(self, source: str, rows: pl.DataFrame) -> None:
        """See `ports.Suppressed`. Readers see the old object or the new one."""
        name = _name(source)
        if rows.is_empty() and self.objects.get(name) is None:
            return
        data = BytesIO()
        rows.select(*WITHHELD).write_parquet(data, compression="zstd", compression_level=1)
        self.objects.put(name, data.getvalue())

    def of(self, indicator: str) -> list[Withheld]:
        """See `ports.Suppressed`."""
        with self._lock:
            found = list(self._all())
        if not found:
            return []
        rows = pl.concat(found).filter(pl.col("id") == indicator)
        return list(map(Withheld, sightings(rows), rows["why"].to_list()))

    def _all(self) -> Iterator[pl.DataFrame]:
        for name, etag in self.objects.etags(FOLDER).items():
            if self._read.get(name, ("",))[0] != etag:
                self._read[name] = (etag, self._frame(name))
            source = name.removeprefix(FOLDER).removesuffix(SUFFIX)
            yield self._read[name][1].with_columns(source=pl.lit(source))

    def _frame(self, name: str) -> pl.DataFrame:
        stored = self.objects.get(name)
        if stored is None:
            return empty(WITHHELD)
        return pl.scan_parquet(BytesIO(stored.data)).select(*COLUMNS).collect()


def _name(source: str) -> str:
    return f"{FOLDER}{named(source)}{SUFFIX}"
