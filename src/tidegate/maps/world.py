"""What the map needs of the world."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import uuid4

from tidegate.declare.dataset import Dataset
from tidegate.maps.result import Refresh
from tidegate.ports import Clock, Locator, LogSource, Objects


def _run() -> str:
    return str(uuid4())


def uncounted(_: Refresh) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True)
class World:
    """Ports and datasets. `synthetic` says that the logs are invented; the page shows it."""

    datasets: Mapping[str, Dataset]
    logs: LogSource
    objects: Objects
    locate: Locator
    clock: Clock
    synthetic: bool = False
    run: Callable[[], str] = _run
    """Makes the id of a run. It is the lease's id too, and Azure takes none but UUIDs."""
    counted: Callable[[Refresh], None] = uncounted
    """Hears how each refresh ended."""
