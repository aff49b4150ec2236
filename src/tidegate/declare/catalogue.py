"""All feeds that a deployment knows: the built-in ones, and those of a folder of its own."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tidegate.declare.feed import DECLARATION, Feed, feeds
from tidegate.declare.strict import Mistakes, read

NAME = re.compile(r"[a-z0-9_-]{1,64}\Z")
SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Feeds by name. `broken` are one's own that cannot be read, each with its mistakes by line.

    `others` are the names of sources that are no feeds.
    """

    feeds: Mapping[str, Feed]
    broken: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    others: frozenset[str] = frozenset()

    @property
    def taken(self) -> frozenset[str]:
        """The names that no new feed can have."""
        return self.others.union(self.feeds, self.broken)

    @property
    def mistakes(self) -> list[str]:
        """All lines of all broken feeds."""
        return [line for lines in self.broken.values() for line in lines]


def catalogue(folder: Path | None, others: Collection[str] = ()) -> Catalogue:
    """Read one's own feeds beside the built-in ones: `NAME/feed.yaml` or `NAME.yaml`.

    A mistake in one is its own. `others` are the names of sources that are no feeds.
    """
    known, broken = dict(feeds()), dict[str, tuple[str, ...]]()
    for file in _declarations(folder) if folder else ():
        name = name_of(file)
        try:
            known[name] = own(file, {*others, *known})
        except Mistakes as mistakes:
            broken[name] = (*broken.get(name, ()), *mistakes.lines)
    return Catalogue(known, broken, frozenset(others))


def own(file: Path, taken: Collection[str]) -> Feed:
    """Read one's own feed. Raises Mistakes."""
    name = name_of(file)
    if not NAME.match(name):
        raise Mistakes([f"{file}: name: small letters, digits, _ and - alone, at most 64"])
    if name in taken:
        raise Mistakes([f"{file}: name: {name} is taken"])
    return read(Feed, file, name=name, home=file)


def name_of(file: Path) -> str:
    """Return the name that a declaration's place gives it."""
    return file.parent.name if file.name == DECLARATION else file.name.removesuffix(SUFFIX)


def _declarations(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if (entry / DECLARATION).is_file():
            yield entry / DECLARATION
        elif entry.name.endswith(SUFFIX) and entry.name != DECLARATION:
            yield entry
