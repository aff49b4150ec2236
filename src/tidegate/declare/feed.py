"""A feed's declaration: where it is, what its rows mean, what is plausible."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from enum import StrEnum
from functools import cache
from hashlib import sha256
from importlib import import_module, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tidegate.canonical import Shape
from tidegate.declare.strict import Duration, Ours, read
from tidegate.model import Kind, Tlp


def _open_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or set("?@ \t\n") & set(url):
        where = "one that has them goes into the setting TIDEGATE_FEED_URLS"
        raise ValueError(f"must begin with https:// and have no query, no credentials: {where}")
    return url


HttpsUrl = Annotated[str, AfterValidator(_open_address)]
Percent = Annotated[int, Field(ge=0, le=100)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^(\$[A-Z][A-Z0-9_]*|[ -#%-~]+)$")]
Separator = Annotated[str, StringConstraints(pattern=r"^[\t!$%&*+,./:;<=>?@^_|~-]$")]
KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")


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
    port: str | None = Field(None, description="A column with the port: kept as `port:NNN`.")
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
    """What is plausible. A fetch that breaks it is quarantined and the last good state stays.

    A list that is `stale` is kept, and told of.
    """

    least_rows: int = Field(1, ge=0)
    most_rows: int = Field(5_000_000, ge=1)
    shrink: Percent = Field(60, description="Of the last good fetch's indicators, or rows, may go.")
    confirm: int | None = Field(None, ge=2, le=10, description="Fetches that prove a shrinking.")
    growth: int = Field(10, ge=1, description="Times the last good fetch's indicators.")
    room: int = Field(10_000, ge=0, description="Indicators that any list may grow to at once.")
    rejected: Percent = Field(20, description="Of all rows, may be no indicators.")
    suppressed: Percent = Field(90, description="Of all rows, may be known to be harmless.")
    jump: Percent = Field(30, description="Points that the share of `suppressed` may rise by.")
    stale: Duration | None = Field(timedelta(days=14), description="The same bytes for longer.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.least_rows > self.most_rows:
            raise ValueError("least_rows is more than most_rows")
        return self


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
    like: str | None = Field(None, description="For code of one's own feed: whose it uses.")
    semantics: Semantics
    keep: Duration = Field(description="How long a sighting holds after it was last seen.")
    reliability: Reliability
    use: Use = Use.BLOCK
    group: str | None = Field(None, description="Feeds of one group count once in a score.")
    copies: list[str] = Field([], description="For a list of lists: the feeds that it copies.")
    enabled: bool = Field(default=True, description="If not, it runs where it has an address.")
    shares: str = Field("reference", description="What rows with one reference have in common.")
    redistribute: bool = Field(default=True, description="Whether its terms let exports have it.")
    attribution: str | None = Field(None, description="What exports have to say of it.")
    reach: Duration | None = Field(None, description="How far back one fetch of it reaches.")
    history: HttpsUrl | None = Field(None, description="Where all that it ever said is.")
    headers: dict[HeaderName, HeaderValue] = Field({}, description="`$NAME` is a secret setting.")
    columns: list[list[str]] = Field([], description="For csv: the known sets of columns.")
    header: Literal["comment", "row", "none"] = "none"
    separator: Separator = ","
    indicator: FieldMap | None = None
    trailer: Trailer | None = None
    tlp: Tlp = Tlp.CLEAR
    daily_budget: int | None = Field(None, ge=1)
    contract: Contract = Contract()
    suppress: Suppress = Suppress()
    home: Path | None = Field(None, exclude=True, repr=False, description="One's own: its file.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if wrong := [*_incomplete(self), *_unreadable(self)]:
            raise ValueError("\n".join(wrong))
        return self

    @property
    def secrets(self) -> set[str]:
        """The names of the settings that its headers need."""
        return {value[1:] for value in self.headers.values() if value.startswith("$")}

    @property
    def goes_back(self) -> bool:
        """Whether its past can be asked for."""
        return self.history is not None or self.code("pages") is not None

    def setting_of(self, secret: str) -> str:
        """Say which variable holds a secret of its headers."""
        return f"TIDEGATE_{secret}" if self.home is None else f"{secret} of TIDEGATE_FEED_SECRETS"

    @property
    def reading(self) -> str:
        """A digest of all that decides what becomes of its bytes: another one, another reading."""
        said = self.model_dump_json(include=READING, warnings=False)
        return sha256(said.encode()).hexdigest()[:16]

    @property
    def folder(self) -> Traversable:
        """Where its declaration and sample lie."""
        return _root() / self.name if self.home is None else self.home.parent

    def code(self, function: str) -> Callable[..., Any] | None:
        """Return a function of the `parse.py` that reads it, or None where there is none."""
        whose = self.name if self.home is None else self.like
        if whose is None or not _has_code(whose):
            return None
        module = import_module(f"tidegate.feeds.{whose}.parse")
        found: Callable[..., Any] | None = getattr(module, function, None)
        return found

    def sample(self) -> bytes | None:
        """Return the sample beside the declaration; a wheel carries none."""
        if self.home is not None and self.home.name != DECLARATION:
            return None
        for file in self.folder.iterdir():
            if file.name.startswith("sample."):
                return file.read_bytes()
        return None


DECLARATION = "feed.yaml"
HARMLESS = {"accept", "accept-language", "user-agent"}  # headers that hold no key
READING = {
    "format",
    "like",
    "semantics",
    "keep",
    "columns",
    "header",
    "separator",
    "indicator",
    "trailer",
    "tlp",
    "suppress",
}


def _incomplete(feed: Feed) -> Iterator[str]:
    """Yield what a declaration lacks, or has too much."""
    if (feed.indicator is None) != (feed.format in {Format.CODE, Format.TEXT}):
        yield "every format but code and text needs `indicator`, and they have none"
    if (feed.format is Format.CSV) != bool(feed.columns):
        yield "csv needs `columns`, and no other format has them"
    yield from _mistimed(feed)
    yield from _wrongly_like(feed)
    for name, value in feed.headers.items():
        if not value.startswith("$") and name.lower() not in HARMLESS:
            yield f"headers: {name} is written down: name it as $NAME, and set it where keys are"


def _mistimed(feed: Feed) -> Iterator[str]:
    if feed.every < timedelta(minutes=5):
        yield "no feed wants to be asked more often than every 5 minutes"
    if feed.reach and feed.reach < 2 * feed.every:
        yield "asked at least twice within its `reach`, a feed misses nothing"
    if not feed.keep:
        yield "keep: a sighting that never holds"


def _wrongly_like(feed: Feed) -> Iterator[str]:
    wanted = feed.home is not None and feed.format is Format.CODE
    if wanted != (feed.like is not None):
        yield "`like: FEED` goes with `format: code` in a feed of one's own, and nowhere else"
    if feed.like is not None and not _has_code(feed.like):
        yield f"like: there is no feed {feed.like!r} with code of its own"


def _unreadable(feed: Feed) -> Iterator[str]:
    """Yield what no payload could be read by."""
    used = feed.indicator.columns if feed.indicator else set()
    if any(len(set(columns)) < len(columns) for columns in feed.columns):
        yield "columns: a name that comes twice"
    if feed.columns and (unknown := sorted(used.difference(*feed.columns))):
        yield f"indicator: not among the columns: {', '.join(unknown)}"
    if feed.format is Format.LINES and len(used) > 1:
        yield "indicator: lines have nothing but their value"
    if feed.format is Format.JSONL and not all(KEY.match(name) for name in used):
        yield "indicator: a key of JSON is letters, digits, underscores and dots here"


def _has_code(name: str) -> bool:
    folders = {folder.name: folder for folder in _root().iterdir()}
    return name in folders and (folders[name] / "parse.py").is_file()


def _root() -> Traversable:
    return resources.files("tidegate") / "feeds"


@cache
def feeds() -> dict[str, Feed]:
    """Return the built-in feeds by name. Raises Mistakes: they are bugs."""
    folders = sorted((f for f in _root().iterdir() if f.is_dir()), key=lambda f: f.name)
    found = [f for f in folders if (f / DECLARATION).is_file()]
    return {f.name: read(Feed, f / DECLARATION, name=f.name, home=None) for f in found}
