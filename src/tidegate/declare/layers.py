"""All datasets that a deployment knows: the built-in ones, and those of a folder of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidegate.declare.dataset import DECLARATION, QUERY, Dataset, datasets, in_folder
from tidegate.declare.policy import breaches
from tidegate.declare.sources import Source, dataset
from tidegate.declare.strict import Mistakes, checked, mapping

SOURCES = "sources.yaml"


@dataclass(frozen=True, slots=True)
class Layers:
    """Datasets by name. `broken` are one's own that cannot be used, each with its mistakes."""

    datasets: Mapping[str, Dataset]
    broken: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A declaration that was not read yet."""

    name: str
    where: str
    place: Path | None = None
    given: Any = None


def layers(folder: Path | None) -> Layers:
    """Read one's own datasets beside the built-in ones: `NAME/dataset.yaml`, `sources.yaml`.

    A mistake in one is its own.
    """
    known, broken = dict(datasets()), dict[str, tuple[str, ...]]()
    for entry in _entries(folder, broken) if folder else ():
        try:
            found = _read(entry)
            if found is not None:
                known[entry.name] = _fitting(found, entry, known)
        except Mistakes as mistakes:
            broken[entry.name] = (*broken.get(entry.name, ()), *mistakes.lines)
    return Layers(known, broken)


def _entries(folder: Path, broken: dict[str, tuple[str, ...]]) -> Iterator[_Entry]:
    if not folder.is_dir():
        return
    for place in sorted(folder.iterdir()):
        if not place.name.startswith(".") and (place / DECLARATION).is_file():
            yield _Entry(place.name, str(place / DECLARATION), place)
    if (folder / SOURCES).is_file():
        try:
            yield from _listed(folder / SOURCES)
        except Mistakes as mistakes:
            broken[SOURCES] = mistakes.lines


def _listed(file: Path) -> Iterator[_Entry]:
    said = mapping(file)
    if said.keys() != {"sources"} or not isinstance(said["sources"], list):
        raise Mistakes([f"{file}: the whole: a list of `sources`, and nothing else"])
    for number, given in enumerate(said["sources"], 1):
        name = given.get("id") if isinstance(given, dict) else None
        shown = name if isinstance(name, str) else f"source {number}"
        yield _Entry(shown, f"{file}: {shown}", given=given)


def _read(entry: _Entry) -> Dataset | None:
    """Return the dataset; None for one that is switched off."""
    if entry.place is not None:
        return in_folder(entry.place)
    source = checked(Source, entry.given, entry.where)
    if found := breaches(source.kql_query):
        raise Mistakes([f"{entry.where}: kql_query: {line}" for line in found])
    return dataset(source, entry.where) if source.enabled else None


def _fitting(found: Dataset, entry: _Entry, known: Mapping[str, Dataset]) -> Dataset:
    """Return a dataset that does nothing it must not, under a name of its own."""
    if entry.name in known:
        raise Mistakes([f"{entry.where}: name: {entry.name} is taken"])
    if lines := breaches(found.query):
        file = entry.place / QUERY if entry.place else entry.where
        raise Mistakes([f"{file}: {line}" for line in lines])
    return found
