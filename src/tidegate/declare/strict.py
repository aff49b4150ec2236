"""The base of all declarations, and how one is read from its YAML file."""

import re
from collections.abc import Iterator
from datetime import timedelta
from importlib.resources.abc import Traversable
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

Place = tuple[int | str, ...]

UNITS = {"m": "minutes", "h": "hours", "d": "days"}
DURATION = re.compile(r"[0-9]{1,5}[mhd]\Z")
LARGEST = 64 << 10  # bytes of a declaration: ours have one thousand
WHOLE = "the whole"


class Ours(BaseModel):
    """A declaration that we wrote: strict, frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Mistakes(ValueError):
    """What is wrong with a declaration: one line for each mistake, with file, key and reason."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


def _duration(text: object) -> object:
    if isinstance(text, str) and DURATION.match(text):
        return timedelta(**{UNITS[text[-1]]: int(text[:-1])})
    if not isinstance(text, timedelta):
        raise ValueError("a duration is written as 15m, 6h or 30d")  # noqa: TRY004 - pydantic's way
    return text


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""Written as `15m`, `6h` or `30d`."""

Declared = TypeVar("Declared", bound=Ours)


def read(model: type[Declared], file: Traversable, **more: Any) -> Declared:
    """Read one YAML file as `model`; `more` are fields that its folder gives. Raises Mistakes."""
    fields = mapping(file)
    if given := sorted(fields.keys() & more.keys()):
        raise Mistakes([f"{file}: {key}: is said by the file's place" for key in given])
    return checked(model, {**fields, **more}, str(file))


def checked(model: type[Declared], fields: Any, where: str) -> Declared:
    """Return fields as `model`. Raises Mistakes that begin with `where`."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise Mistakes([f"{where}: {line}" for line in _lines(error, fields)]) from error


def text(file: Traversable) -> str:
    """Return what is in a file of ours. Raises Mistakes."""
    try:
        with file.open("rb") as data:
            found = data.read(LARGEST + 1)
        if len(found) > LARGEST:
            raise Mistakes([f"{file}: {WHOLE}: more than {LARGEST:,} bytes"])
        return found.decode("utf-8-sig")
    except OSError as error:
        raise Mistakes([f"{file}: {WHOLE}: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise Mistakes([f"{file}: {WHOLE}: no UTF-8"]) from error


def mapping(file: Traversable) -> dict[Any, Any]:
    """Return what a YAML file says, by key. Raises Mistakes."""
    said = text(file)
    try:
        fields = yaml.safe_load(said)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Mistakes([f"{file}: line {line}: {error.problem}"]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise Mistakes([f"{file}: {WHOLE}: no YAML ({type(error).__name__})"]) from error
    if not isinstance(fields, dict):
        raise Mistakes([f"{file}: {WHOLE}: not a mapping of keys to values"])
    return fields


def _lines(error: ValidationError, given: object) -> Iterator[str]:
    """Yield key and reason of each mistake, without the input: it may be a key written down."""
    seen = set[Place]()
    for one in error.errors(include_url=False, include_input=False):
        place = _place(one["loc"], given, missing=one["type"] == "missing")
        if place and place in seen:
            continue
        seen.add(place)
        key = ".".join(map(str, place)) or WHOLE
        said = "no such key" if one["type"] == "extra_forbidden" else one["msg"]
        for reason in said.removeprefix("Value error, ").split("\n"):
            yield "".join(c if c.isprintable() else "·" for c in f"{key}: {reason}")


def _place(steps: Place, given: object, *, missing: bool) -> Place:
    """Return the steps as far as they lead: those after name the alternatives that were tried."""
    for count, step in enumerate(steps):
        held: Any = given if isinstance(given, dict | list) else {}
        try:
            given = held[step]
        except (KeyError, IndexError, TypeError):
            return steps[: count + missing] if count == len(steps) - 1 else steps[:count]
    return steps
