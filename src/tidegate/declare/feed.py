"""A feed's declaration: where it is, what its rows mean, what is plausible."""

from collections.abc import Callable, Collection
from datetime import timedelta
from enum import StrEnum
from functools import cache
from importlib import import_module, resources
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tidegate.canonical import Shape
from tidegate.declare.strict import Duration, Ours, read
from tidegate.model import Kind, Tlp

HttpsUrl = Annotated[str, StringConstraints(pattern=r"^https://[^\s?@]+$")]
Percent = Annotated[int, Field(ge=0, le=100)]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^(\$[A-Z_]+|[^$]+)$")]


class Format(StrEnum):
    """How a payload is read."""

    CSV = "csv"
    JSONL = "jsonl"
    LINES = "lines"
    TEXT = "text"  # prose: indicators are looked for in it
    CODE = "code"


class Semantics(StrEnum):
    """What it means that a row is no longer in the feed."""

    SNAPSHOT = "snapshot"  # no longer true
    WINDOW = "window"  # merely old
    LOG = "log"  # nothing


class Reliability(StrEnum):
    """The Admiralty grade of a source, from A (completely) to F (cannot be judged)."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"


class Use(StrEnum):
    """What an indicator of the feed is good for. The gate enforces `block` alone."""

    BLOCK = "block"
    LABEL = "label"  # says what something is, not that it is bad
    CONTEXT = "context"  # goes with other findings


class Steps(Ours):
    """A confidence by a number that the feed gives: that of the last step which it reaches."""

    column: str
    steps: dict[int, Percent] = Field(min_length=1)


class FieldMap(Ours):
    """Which column says what. A text names a column, a number is the value for all rows."""

    kind: Kind | Shape
    value: str
    prefix_length: str | None = Field(None, description="For networks in two columns.")
    confidence: Percent | str | Steps = 50
    first_seen: str | None = None
    last_seen: str | None = None
    expires: str | None = None
    tags: str | None = None
    threat: str | None = None
    reference: str | None = None

    @property
    def columns(self) -> set[str]:
        """The names of all columns that it uses."""
        sure = self.confidence
        confidence = sure.column if isinstance(sure, Steps) else sure
        named = [*self.model_dump(exclude={"kind", "confidence"}).values(), confidence]
        return {name for name in named if isinstance(name, str)}


class Trailer(Ours):
    """A last row that is not an indicator and says how many rows came before it."""

    where: dict[str, str]
    count: str


class Contract(Ours):
    """What is plausible. A fetch that breaks it is quarantined and the last good state stays."""

    least_rows: int = 1
    most_rows: int = 5_000_000
    shrink: Percent = 60
    rejected: Percent = 20


class Suppress(Ours):
    """What hygiene does about this feed's values."""

    but: list[str] = Field(
        [], alias="except", description="Warninglists whose entries this feed means."
    )


class Feed(Ours):
    """One `feed.yaml`."""

    name: str
    title: str
    reference: HttpsUrl
    licence: str
    every: Duration
    url: HttpsUrl
    format: Format
    semantics: Semantics
    keep: Duration = Field(description="How long a sighting holds after it was last seen.")
    reliability: Reliability
    use: Use = Use.BLOCK
    group: str | None = Field(None, description="Feeds of one group count once in a score.")
    copies: list[str] = Field([], description="For a list of lists: the feeds that it copies.")
    enabled: bool = Field(default=True, description="If not, it runs where it has an address.")
    headers: dict[str, HeaderValue] = Field({}, description="`$NAME` is a secret setting.")
    columns: list[list[str]] = Field([], description="For csv: the known sets of columns.")
    header: Literal["comment", "row", "none"] = "none"
    separator: str = ","
    indicator: FieldMap | None = None
    trailer: Trailer | None = None
    tlp: Tlp = Tlp.CLEAR
    daily_budget: int | None = None
    contract: Contract = Contract()
    suppress: Suppress = Suppress()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.indicator is None) != (self.format in {Format.CODE, Format.TEXT}):
            raise ValueError("every format but code and text needs `indicator`, and they have none")
        if (self.format is Format.CSV) != bool(self.columns):
            raise ValueError("csv needs `columns`, and no other format has them")
        if self.every < timedelta(minutes=5):
            raise ValueError("no feed wants to be asked more often than every 5 minutes")
        return self

    @property
    def secrets(self) -> set[str]:
        """The names of the settings that its headers need."""
        return {value[1:] for value in self.headers.values() if value.startswith("$")}

    @property
    def folder(self) -> Traversable:
        """Where its declaration, sample and code lie."""
        return _root() / self.name

    def code(self, function: str) -> Callable[..., Any] | None:
        """Return a function of the feed's `parse.py`, or None where it has none."""
        if not (self.folder / "parse.py").is_file():
            return None
        module = import_module(f"tidegate.feeds.{self.name}.parse")
        found: Callable[..., Any] | None = getattr(module, function, None)
        return found

    def sample(self) -> bytes | None:
        """Return the sample beside the declaration; a wheel carries none."""
        for file in self.folder.iterdir():
            if file.name.startswith("sample."):
                return file.read_bytes()
        return None


def _root() -> Traversable:
    return resources.files("tidegate") / "feeds"


@cache
def feeds() -> dict[str, Feed]:
    """Return all feeds by name. Raises ValueError with file, key and reason."""
    folders = sorted((f for f in _root().iterdir() if f.is_dir()), key=lambda f: f.name)
    found = [f for f in folders if (f / "feed.yaml").is_file()]
    return {f.name: read(Feed, f / "feed.yaml", name=f.name) for f in found}


def running(off: Collection[str], given: Collection[str]) -> list[Feed]:
    """Return the feeds that are not `off` and have an address: their own, or a `given` one."""
    return [f for f in feeds().values() if f.name not in off and (f.enabled or f.name in given)]
