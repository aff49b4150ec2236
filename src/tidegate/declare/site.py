"""One's own sites: where arcs of the map end that go to oneself."""

import re
from typing import Any

from pydantic import Field

from tidegate.declare.strict import Ours

WRITTEN = re.compile(r"\s*(?P<name>[^=;]*?)\s*=\s*(?P<latitude>[^=;,]*),(?P<longitude>[^=;,]*)")


class Site(Ours):
    """A place of one's own, by the name that the map shows."""

    name: str = Field(min_length=1, max_length=64)
    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False)
    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False)


def written(text: str) -> list[dict[str, Any]]:
    """Return what `Berlin=52.52,13.40; Oslo=59.91,10.75` says, unchecked. Raises ValueError."""
    parts = [part for part in text.split(";") if part.strip()]
    found = [WRITTEN.fullmatch(part) for part in parts]
    for part, match in zip(parts, found, strict=True):
        if match is None:
            raise ValueError(f"{part.strip()!r} is no site: NAME=LATITUDE,LONGITUDE")
    return [match.groupdict() for match in found if match]
