"""What may name an object, in every store alike, and a file that is not there yet."""

import os
import re
import threading
from pathlib import Path

# No segment starts with a dot: that keeps `..` out, and a store's own folders unreachable.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=@-]{0,199}(/[A-Za-z0-9_][A-Za-z0-9_.+=@-]{0,199})*")
FOREVER = -1
SHORTEST, LONGEST = 15, 60


def object_name(name: str) -> str:
    """Return the name if it can name an object. Raises ValueError."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name an object")
    return name


def lease_seconds(seconds: int) -> int:
    """Return how long a lease is to last, if it may last so long. Raises ValueError."""
    if seconds != FOREVER and not SHORTEST <= seconds <= LONGEST:
        raise ValueError(f"a lease lasts {SHORTEST} to {LONGEST} s or for ever, not {seconds}")
    return seconds


def beside(path: Path) -> Path:
    """Return where this thread writes what is to take the path's place: nobody else writes there.

    The name begins with a dot, so that nobody takes it for something whole.
    """
    return path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
