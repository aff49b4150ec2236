"""The base of all declarations, and how one is read from its YAML file."""

from datetime import timedelta
from importlib.resources.abc import Traversable
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Ours(BaseModel):
    """A declaration that we wrote: strict, frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _duration(text: object) -> object:
    if isinstance(text, str) and text[-1:] in UNITS and text[:-1].isdigit():
        return timedelta(**{UNITS[text[-1]]: int(text[:-1])})
    return text


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""Written as `15m`, `6h` or `30d`."""

Declared = TypeVar("Declared", bound=Ours)


def read(model: type[Declared], file: Traversable, **more: Any) -> Declared:
    """Read one YAML file as `model`; `more` are fields that its folder gives.

    Raises ValueError with file, key and reason.
    """
    try:
        fields = yaml.safe_load(file.read_text(encoding="utf-8"))
        return model.model_validate({**fields, **more})
    except (yaml.YAMLError, TypeError, ValidationError) as error:
        raise ValueError(f"{file}: {error}") from error
