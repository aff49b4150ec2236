"""Small JSON objects that many instances change: read, change, write over what was read."""

import random
import time
from collections.abc import Callable
from typing import Any

import orjson

from tidegate.ports import Conflict, Objects, SourceDown

TRIES = 20
PAUSE = 0.01  # seconds, longer with every try: those who race must not go on in step

Said = dict[str, Any]


def said(objects: Objects, name: str) -> Said:
    """Return what the object says; nothing where there is none."""
    stored = objects.get(name)
    return orjson.loads(stored.data) if stored else {}


def revise(objects: Objects, name: str, change: Callable[[Said], Said | None]) -> bool:
    """Write what `change` makes of the object; False when that is None.

    Whoever loses a race changes once more, what the winner wrote. Raises SourceDown after many.
    """
    for attempt in range(TRIES):
        stored = objects.get(name)
        after = change(orjson.loads(stored.data) if stored else {})
        if after is None:
            return False
        etag = stored.etag if stored else None
        try:
            objects.put(name, orjson.dumps(after), if_match=etag, if_absent=etag is None)
        except Conflict:
            time.sleep(PAUSE * attempt * random.random())  # noqa: S311 - jitter
            continue
        return True
    raise SourceDown(f"{name} is written by too many at once")
