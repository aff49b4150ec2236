"""The files of a dataset: whole versions and deltas, written once, read by many, deleted late."""

import gzip
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import polars as pl

from tidegate.declare.dataset import Dataset
from tidegate.maps import tsv
from tidegate.maps.delta import difference
from tidegate.maps.geo import located
from tidegate.maps.state import FILE, KEPT, Manifest, State, Step, folder
from tidegate.ports import Conflict, Objects, SourceDown

# So many deltas lead to the newest version, and all of them together are this part of it.
STEPS, PART = 12, 0.5


@dataclass(frozen=True, slots=True)
class Last:
    """The state before a run, and the bytes of its version if an answer can be added to them."""

    state: State
    data: bytes | None

    def rows(self, dataset: Dataset) -> pl.DataFrame:
        """Return the rows of the version; none if there is none."""
        if self.data is None:
            return pl.DataFrame(schema=dict.fromkeys(dataset.stored, pl.String()))
        return tsv.decode(self.data)


def last(objects: Objects, dataset: Dataset, state: State) -> Last:
    """Read the version of a state, unless it was made under another declaration."""
    if state.manifest is None or state.manifest.digest != dataset.digest:
        return Last(state, None)
    stored = objects.get(folder(dataset.name) + state.manifest.file)
    return Last(state, None if stored is None else gzip.decompress(stored.data))


def write(
    objects: Objects, dataset: Dataset, before: Last, rows: pl.DataFrame, run: str
) -> Manifest:
    """Write a new version and what leads to it, unless it would be the same bytes again."""
    data = tsv.encode(rows.select(*dataset.stored))
    digest, manifest = sha256(data).hexdigest(), before.state.manifest
    if manifest is not None and manifest.sha256 == digest:
        return manifest.model_copy(update={"digest": dataset.digest})
    version = before.state.epoch + 1
    file = _put(objects, dataset.name, f"{version}-{run}.tsv.gz", data)
    return Manifest(
        version=version,
        file=file,
        rows=rows.height,
        located=rows.filter(located()).height,
        bytes=len(data),
        sha256=digest,
        digest=dataset.digest,
        partial=False,
        steps=_steps(objects, dataset, before, data, f"{version}-{run}.delta.gz"),
    )


def _steps(objects: Objects, dataset: Dataset, before: Last, data: bytes, file: str) -> list[Step]:
    """Write the delta if it is worth it; return all that lead to the new version."""
    manifest = before.state.manifest
    if manifest is None or before.data is None:
        return []
    delta = difference(before.data, data, dataset.key)
    if delta is None or len(delta.data) > PART * len(data):
        return []
    _put(objects, dataset.name, file, delta.data)
    step = Step(
        before=manifest.version,
        version=before.state.epoch + 1,
        file=file,
        rows=delta.rows,
        removed=delta.removed,
        bytes=len(delta.data),
        sha256=sha256(delta.data).hexdigest(),
    )
    return list(_affordable([*manifest.steps, step], PART * len(data)))


def _affordable(steps: list[Step], most: float) -> Iterator[Step]:
    """Yield the last steps that are worth more together than reading the whole."""
    for place in range(max(len(steps) - STEPS, 0), len(steps)):
        if sum(step.bytes for step in steps[place:]) <= most:
            yield steps[place]


def _put(objects: Objects, dataset: str, file: str, data: bytes) -> str:
    objects.put(folder(dataset) + file, tsv.packed(data), if_absent=True)
    return file


def collect(objects: Objects, dataset: str, state: State, now: datetime) -> None:
    """Delete what no reader can still want, and what crashed runs left behind."""
    ripe = [mark.version for mark in state.marks if now - mark.at >= KEPT]
    told = set(state.files())
    for name in list(objects.names(folder(dataset))) if ripe else []:
        file = name.removeprefix(folder(dataset))
        match = FILE.fullmatch(file)
        if match and file not in told and int(match["epoch"]) < max(ripe):
            with suppress(Conflict, SourceDown):
                objects.delete(name)
