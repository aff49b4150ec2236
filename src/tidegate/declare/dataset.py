"""A map dataset as its folder declares it: `dataset.yaml` and, beside it, `query.kql`."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from tidegate.declare.strict import Duration, Ours, read, text

Type = Literal[
    "bool",
    "datetime",
    "decimal",
    "dynamic",
    "guid",
    "int",
    "long",
    "real",
    "string",
    "timespan",
]
Column = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

GEO: dict[str, Type] = {
    "Latitude": "real",
    "Longitude": "real",
    "Country": "string",
    "GeoPrecision": "string",
    "GeoSource": "string",
}
"""What every dataset ends with. A query may answer any of them; we fill in the rest."""

DECLARATION, QUERY = "dataset.yaml", "query.kql"
FINEST = timedelta(seconds=1)
NUMBERS = {"int", "long", "real"}


class End(Ours):
    """The columns of a query that hold a second place: where a row's arc leads."""

    latitude: Column
    longitude: Column


class Dataset(Ours):
    """What one layer of the map shows, and how it is kept."""

    name: Column = Field(description="The folder's name.")
    query: str = Field("", description="The text of query.kql; a `store` needs none.")
    source: Literal["logs", "store"] = Field(
        "logs", description="Who answers: the log workspace, or Tidegate's own store."
    )
    title: str = Field(min_length=1, description="What the layer is called.")
    file: str = Field(pattern=r"^[a-z0-9-]+\.tsv$", description="Name of a downloaded copy.")
    refresh: Duration = Field(description="No sooner than this after the last refresh.")
    window: Duration = Field(description="How far back a full load looks.")
    overlap: Duration = Field(description="How far an increment looks back before the last one.")
    retention: Duration = Field(description="Rows older than this are dropped.")
    columns: dict[Column, Type] = Field(min_length=1, description="What the query answers.")
    key: list[str] = Field([], description="What makes two rows the same; empty = every column.")
    time: str = Field("TimeGenerated", description="When the row happened.")
    locate: str = Field(description="The column with the address to locate.")
    label: str = Field(description="The column that names a row on the map.")
    colour: str | None = Field(None, description="The column that groups rows by colour.")
    shown: bool = Field(True, description="Whether the page shows it before anybody chooses.")
    facets: list[Column] = Field([], description="Columns that the page offers to filter by.")
    weight: Column | None = Field(
        None, description="The column that counts what an aggregated row stands for."
    )
    arc: Literal["sites"] | End | None = Field(
        None,
        description="Where a row's arc leads: the columns of its other end, or one's own `sites`.",
    )
    kind: Literal["events", "indicators", "actors"] = Field(
        "events", description="What a row is; the page shows each in its own way."
    )
    gone: Column | None = Field(
        None, description="A bool of the query, not kept: true ends the row with this key."
    )
    ingested: Column | None = Field(
        None,
        description="A datetime of the query, not kept: of two rows with one key the later counts.",
    )
    expires: str | None = Field(None, description="The column after whose time a row ends.")
    grain: Duration | Literal["row", "whole"] = Field(
        "row",
        description="What the answer may be asked for in: slices of time cut anywhere, cut at "
        "multiples of a duration, or only the `whole` window at once, anew each time.",
    )
    drift: Literal["refuse", "fill"] = Field(
        "refuse", description="A declared column that is not answered: refuse, or leave it null."
    )

    @model_validator(mode="after")
    def _names_are_columns(self) -> Self:
        named = {*self.key, *self._ends, self.time, self.locate, self.label}
        named |= {name for name in (self.colour, self.expires, self.weight) if name}
        if unknown := named - self.columns.keys():
            raise ValueError(f"not among the columns: {unknown}")
        if unknown := set(self.facets) - self.stored.keys():
            raise ValueError(f"facets: not among the columns: {unknown}")
        if taken := self.columns.keys() & {*GEO, *self.passing}:
            raise ValueError(f"names we add ourselves: {taken}")
        if self.columns[self.time] != "datetime":
            raise ValueError(f"{self.time} must be a datetime")
        return self

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if (self.source == "logs") != bool(self.query.strip()):
            raise ValueError("query: logs are asked with one, and nothing else is")
        return self

    @model_validator(mode="after")
    def _numbers_are_numbers(self) -> Self:
        if any(self.columns[name] != "real" for name in self._ends):
            raise ValueError("arc: latitude and longitude must be real")
        if self.weight is not None and self.columns[self.weight] not in NUMBERS:
            raise ValueError(f"weight: {self.weight} must be a number")
        return self

    @field_validator("grain")
    @classmethod
    def _divides_a_day(cls, grain: Any) -> Any:
        if isinstance(grain, timedelta) and (not grain or timedelta(days=1) % grain):
            raise ValueError("must divide a day, as the bins of a query do")
        return grain

    @property
    def _ends(self) -> set[str]:
        return {self.arc.latitude, self.arc.longitude} if isinstance(self.arc, End) else set()

    @property
    def finest(self) -> timedelta | None:
        """The shortest slice of time that the query may be asked for; None for no slices."""
        if isinstance(self.grain, timedelta):
            return self.grain
        return FINEST if self.grain == "row" else None

    @property
    def passing(self) -> list[str]:
        """The columns of an answer that say what to do with a row, and are not kept."""
        return [name for name in (self.gone, self.ingested) if name]

    @property
    def stored(self) -> dict[str, Type]:
        """The columns of the TSV, in order, with their types."""
        return {**self.columns, **GEO}

    @property
    def digest(self) -> str:
        """Changes when rows kept under the old declaration no longer fit: then all is reloaded."""
        return sha256(f"{self.query}\0{self.stored}\0{self.key}".encode()).hexdigest()[:16]


def _declared() -> Iterator[Dataset]:
    for folder in sorted(files("tidegate.datasets").iterdir(), key=lambda each: each.name):
        if (folder / DECLARATION).is_file():
            yield in_folder(folder)


def in_folder(folder: Traversable) -> Dataset:
    """Read the dataset of a folder. Raises Mistakes."""
    query = folder / QUERY
    asked = text(query) if query.is_file() else ""
    return read(Dataset, folder / DECLARATION, name=folder.name, query=asked)


@cache
def datasets() -> dict[str, Dataset]:
    """Return every declared dataset by name. Raises ValueError with file, key and reason."""
    return {dataset.name: dataset for dataset in _declared()}
