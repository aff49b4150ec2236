"""The base of all models of others' data: lenient, and only what we use."""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from tidegate.ports import BadPayload, Response

log = logging.getLogger(__name__)


class Theirs(BaseModel):
    """Data that others wrote: unknown keys are ignored, and an absent value is its default."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class Comment(Theirs):
    """A comment on an alert or an incident."""

    comment: str | None = None


def _time(text: object) -> object:
    # Defender writes seven fractional digits, VMRay no zone; all of them mean UTC.
    if not isinstance(text, str):
        return text
    found = datetime.fromisoformat(text)
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError as error:  # at either end of time, where no zone is left
        raise ValueError("not a time that can be told in UTC") from error


def _listed(value: object) -> object:
    return () if value is None else value


def _said(value: object) -> object:
    # Where there is nothing, some say null, some nothing, and old tenants the word.
    return "" if value is None or (isinstance(value, str) and value.lower() in NOTHING) else value


NOTHING = frozenset({"none", "null"})
Time = Annotated[datetime, BeforeValidator(_time)]
Said = Annotated[str, BeforeValidator(_said)]
"""A word that others may leave out, write as null, or replace by the word for nothing."""
Item = TypeVar("Item")
Items = Annotated[tuple[Item, ...], BeforeValidator(_listed)]
"""A list that others may leave out or write as null."""

Model = TypeVar("Model", bound=Theirs)


def read(model: type[Model], answer: Response) -> Model:
    """Read a JSON body as `model`. Raises BadPayload that names the keys at fault."""
    try:
        return model.model_validate_json(answer.body)
    except ValidationError as error:
        raise BadPayload(f"not a {model.__name__.strip('_')}: {_faults(error)}") from error


def readable(model: type[Model], rows: Iterable[object]) -> Iterator[Model]:
    """Read each of the rows of a list as `model`; what is none is logged and left out.

    One row that is not as promised must not hide all others, now and at every later look.
    """
    for row in rows:
        try:
            yield model.model_validate(row)
        except ValidationError as error:
            log.warning("not a %s, left out: %s", model.__name__.strip("_"), _faults(error))


def _faults(error: ValidationError) -> str:
    # Keys and reasons, never values: a body may hold what no log should. Keys with dots between
    # them would look like the name of a host, which telemetry leaves out.
    faults: list[Any] = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'/'.join(map(str, f['loc']))}: {f['msg']}" for f in faults[:3])


def printable(text: str, most: int = 200) -> str:
    """Return what others wrote as one line that can do no harm in a log or a comment."""
    return "".join(char if char.isprintable() else " " for char in text[:most])


def stamp(time: datetime) -> str:
    """Return the time as all of them read it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
