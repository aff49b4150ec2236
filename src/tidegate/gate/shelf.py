"""The published set in memory: read when it was replaced, and each thing made of it once.

A firewall that asks every five minutes costs the look whether there is another set.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock, RLock
from typing import Any, TypeVar

import polars as pl

from tidegate.gate.published import NAME, published
from tidegate.model import Tlp
from tidegate.ports import Clock, Objects
from tidegate.sharing import OWN_TENANT, Terms

Made = TypeVar("Made")
KEPT = 64  # of very many things, the latest used are kept


@dataclass
class Edition:
    """One state of the set, which never changes, and what was made of it."""

    rows: pl.DataFrame
    version: str
    _made: "OrderedDict[Hashable, Any]" = field(default_factory=OrderedDict)
    _lock: Any = field(default_factory=RLock)  # what is made may ask for what it is made of

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what was made under this key, making it if nobody has: all others wait."""
        with self._lock:
            found: Made = self._made.pop(key) if key in self._made else make()
            self._made[key] = found
            if len(self._made) > KEPT:
                self._made.popitem(last=False)
        return found


@dataclass
class Shelf:
    """Where readers find the set. `own` is the strictest marking that may go to own devices."""

    objects: Objects
    clock: Clock
    own: Tlp = OWN_TENANT
    terms: Terms = field(default_factory=Terms)
    _edition: Edition | None = None
    _lock: Lock = field(default_factory=Lock)

    def edition(self) -> Edition:
        """Return the set as it is now."""
        version = self.objects.etags(NAME).get(NAME, "")
        with self._lock:
            if self._edition is None or self._edition.version != version:
                # It may be newer than its version by now: then the next look reads it again.
                self._edition = Edition(published(self.objects)[0], version)
            return self._edition
