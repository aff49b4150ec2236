"""All sightings in one file, and back: after a disaster, or from one store into another.

The file is a ZIP with `backup.json` and `sightings/<source>.parquet`, the state of each source.
Cases, their queues and the ledger are not in it: nothing that was under way is to be done twice.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import IO
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import orjson
import polars as pl

from tidegate.ports import BadPayload, Sightings
from tidegate.sightings import STATE, TIME, named
from tidegate.stored import table

FORMAT = 1
ABOUT = "backup.json"
NEEDED = ("id", "kind", "value", "expires", "fingerprint", "written")


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a source: `rows` were brought back, or `kept` are there and were left."""

    source: str
    rows: int = 0
    kept: int = 0


def backup(store: Sightings, to: IO[bytes], now: datetime) -> dict[str, int]:
    """Write the state of every source; return how many rows each has."""
    rows: dict[str, int] = {}
    with ZipFile(to, "w", ZIP_STORED) as archive:  # Parquet is packed already
        for source in sorted(store.versions()):
            state, packed = store.state(source), BytesIO()
            state.write_parquet(packed, compression="zstd")
            archive.writestr(_name(source), packed.getbuffer())
            rows[source] = len(state)
        archive.writestr(ABOUT, orjson.dumps({"format": FORMAT, "made": now, "rows": rows}))
    return rows


def restore(
    file: IO[bytes], store: Sightings, now: datetime, only: Collection[str], *, replace: bool
) -> Iterator[Restored]:
    """Bring back each source, or `only` these; one that has rows is left unless `replace` says so.

    What has expired since stays away. Raises BadPayload where the file is no backup; a source is
    brought back whole or not at all, and may be brought back again.
    """
    try:
        with ZipFile(file) as archive:
            for source in _sources(archive):
                if not only or source in only:
                    yield _brought(source, _state(archive, source, now), store, replace=replace)
    except BadZipFile as error:
        raise BadPayload(f"no backup: {error}") from error


def _brought(source: str, state: pl.DataFrame, store: Sightings, *, replace: bool) -> Restored:
    with store.writing(source):
        before = store.state(source)
        if len(before) and not replace:
            return Restored(source, kept=len(before))
        changed = state.join(before, on=["id", "fingerprint", "expires"], how="anti")
        store.commit(source, state, changed)
    return Restored(source, len(state))


def _sources(archive: ZipFile) -> list[str]:
    try:
        said = orjson.loads(_read(archive, ABOUT))
        if said["format"] > FORMAT:
            raise BadPayload(
                f"a backup of format {said['format']}, and this version reads {FORMAT}"
            )
        return [named(source) for source in said["rows"]]
    except (KeyError, TypeError, ValueError) as error:
        raise BadPayload(f"no backup: {ABOUT} is missing or odd") from error


def _state(archive: ZipFile, source: str, now: datetime) -> pl.DataFrame:
    name = _name(source)
    found = table(_read(archive, name), STATE, name)
    if any(found[column].null_count() for column in NEEDED):
        raise BadPayload(f"{name}: rows without id, value or times")
    living = found.filter(pl.col("expires") > pl.lit(now, TIME))
    return living.unique("id", keep="last").sort("id")


def _read(archive: ZipFile, name: str) -> bytes:
    if name not in archive.namelist():
        raise BadPayload(f"no backup: {name} is missing")
    if archive.getinfo(name).compress_type != ZIP_STORED:  # ours are; others may be bombs
        raise BadPayload(f"no backup: {name} is packed twice")
    return archive.read(name)


def _name(source: str) -> str:
    return f"sightings/{source}.parquet"
