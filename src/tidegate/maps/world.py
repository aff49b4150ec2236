"""What the map needs of the world."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from tidegate.declare.dataset import Dataset
from tidegate.declare.site import Site
from tidegate.ports import Clock, Locator, LogSource, Objects


def _run() -> str:
    return str(uuid4())


@dataclass(frozen=True, slots=True)
class World:
    """Ports and datasets. `synthetic` says that the logs are invented; the page shows it."""

    datasets: Mapping[str, Dataset]
    logs: LogSource
    objects: Objects
    locate: Locator
    clock: Clock
    synthetic: bool = False
    sites: Sequence[Site] = ()
    run: Callable[[], str] = _run
    """Makes the id of a run. It is the lease's id too, and Azure takes none but UUIDs."""
