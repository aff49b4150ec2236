"""What another version of Tidegate may have stored: what it added is left out, and stops nobody.

After a rollback an older version reads what a newer one wrote. What cannot be read at all is
BadPayload, and is left as it is.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any, TypeVar

import orjson
import polars as pl
from polars.exceptions import PolarsError
from pydantic import TypeAdapter, ValidationError

from tidegate.ports import BadPayload, Objects

log = logging.getLogger(__name__)

T = TypeVar("T")
S = TypeVar("S")

FORMAT = 1
"""What stored things mean. A version that makes them mean something else writes a greater number
into the object `NAME` before it writes anything else; until then there is no such object."""
NAME = "format.json"


def refuse_newer(objects: Objects) -> None:
    """Raise BadPayload where a newer version made what is stored mean something else."""
    stored = objects.get(NAME)
    found = orjson.loads(stored.data)["format"] if stored else FORMAT
    if found > FORMAT:
        told = f"the state is of format {found}, and this version reads {FORMAT}"
        raise BadPayload(f"{told}: deploy the version that wrote it")


def document(adapter: TypeAdapter[T], data: bytes | str, name: str) -> T:
    """Read a JSON document without the fields that nobody knows. Raises BadPayload."""
    try:
        return adapter.validate_json(data)
    except ValidationError as error:
        raise _unreadable(name, error) from error


def parsed(adapter: TypeAdapter[T], said: object, name: str) -> T:
    """Read a document that a store has parsed already. Raises BadPayload."""
    try:
        return adapter.validate_python(said)
    except ValidationError as error:
        raise _unreadable(name, error) from error


def table(data: bytes, schema: Mapping[str, Any], name: str) -> pl.DataFrame:
    """Read a Parquet file by the columns of today: one that it has not is null.

    Raises BadPayload.
    """
    try:
        found = pl.read_parquet(BytesIO(data))
        absent = [pl.lit(None).alias(one) for one in schema if one not in found.columns]
        told = found.with_columns(absent)
        return told.select(pl.col(one).cast(dtype) for one, dtype in schema.items())
    except PolarsError as error:
        raise BadPayload(f"{name} cannot be read: {type(error).__name__}") from error


def readable(read: Callable[[S], T], found: Iterable[S]) -> Iterator[T]:
    """Yield what can be read; the rest is told of, and left out."""
    for one in found:
        try:
            yield read(one)
        except BadPayload as bad:
            log.warning("left out: %s", bad)


def _unreadable(name: str, error: ValidationError) -> BadPayload:
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    return BadPayload(f"{name} cannot be read: {place}: {first['msg']}")
