"""A cache on any store of objects: files on one machine, Blob Storage on Azure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidegate.ports import Clock, Objects

KEY = re.compile(r"[A-Za-z0-9-]{1,120}\Z")
SHARD = 2  # characters of a key


@dataclass(frozen=True, slots=True)
class ObjectCache:
    """`ports.Cache` below `cache/`. An entry is the time until which it holds, and its bytes."""

    objects: Objects
    clock: Clock

    def get(self, key: str) -> bytes | None:
        """See `ports.Cache`."""
        return self._live(_name(key))

    def put(self, key: str, data: bytes, ttl: timedelta) -> None:
        """See `ports.Cache`. Neighbours whose time is over make room, so that it never grows."""
        name = _name(key)
        for neighbour in list(self.objects.names(name.rpartition("/")[0] + "/")):
            if neighbour != name and self._live(neighbour) is None:
                self.objects.delete(neighbour)
        until = (self.clock() + ttl).isoformat()
        self.objects.put(name, until.encode() + b"\n" + data)

    def _live(self, name: str) -> bytes | None:
        stored = self.objects.get(name)
        if stored is None:
            return None
        until, _, data = stored.data.partition(b"\n")
        return data if self.clock() < datetime.fromisoformat(until.decode()) else None


def _name(key: str) -> str:
    if not KEY.match(key):
        raise ValueError(f"{key!r} cannot be a key")
    return f"cache/{key[:SHARD]}/{key}"
