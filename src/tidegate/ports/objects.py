"""Named bytes, with ETags and leases."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Conflict(Exception):
    """A conditional write lost, or a lease is held by somebody else or was lost."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's bytes and the ETag that a conditional write of it must name."""

    data: bytes
    etag: str


class Objects(Protocol):
    """Named bytes (Blob Storage, or files), with ETags and leases as Azure Blob has them."""

    def get(self, name: str) -> Stored | None: ...

    def fetch(self, name: str, to: Path) -> bool:
        """Stream the object into the file; False if there is none."""
        ...

    def put(
        self,
        name: str,
        data: bytes | Path,
        *,
        if_match: str | None = None,
        if_absent: bool = False,
        lease: str | None = None,
    ) -> str:
        """Write the whole object and return its new ETag. Raises Conflict."""
        ...

    def names(self, prefix: str) -> Iterator[str]: ...

    def etags(self, prefix: str) -> Mapping[str, str]:
        """Return, for each of those names, what differs as soon as the object does."""
        ...

    def delete(self, name: str) -> None:
        """Delete the object; an absent one is fine."""
        ...

    def acquire(self, name: str, seconds: int, lease: str) -> None:
        """Take the lease under the id `lease` on an existing object. Raises Conflict."""
        ...

    def renew(self, name: str, lease: str) -> None:
        """Restart the lease's clock. Raises Conflict when it is lost."""
        ...

    def release(self, name: str, lease: str) -> None:
        """Give the lease back; one that is lost is fine."""
        ...

    def endless(self, name: str) -> bool:
        """Whether somebody holds a lease that does not run out by itself."""
        ...

    def break_lease(self, name: str) -> None:
        """End the lease at once, whoever holds it; none is fine."""
        ...
