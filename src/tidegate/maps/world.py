"""What the map needs of the world."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from tidegate.declare.dataset import Dataset
from tidegate.declare.site import Site
from tidegate.maps.result import Refresh
from tidegate.ports import Clock, Locator, LogSource, Objects, SourceDown


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
    sites: Sequence[Site] = ()
    store: LogSource | None = None
    """Answers for the datasets that are made from Tidegate's own indicators."""
    run: Callable[[], str] = _run
    """Makes the id of a run. It is the lease's id too, and Azure takes none but UUIDs."""
    counted: Callable[[Refresh], None] = uncounted
    """Hears how each refresh ended."""

    def source(self, dataset: Dataset) -> LogSource:
        """Return who answers for a dataset. Raises SourceDown when nobody does."""
        found = self.logs if dataset.source == "logs" else self.store
        if found is None:
            raise SourceDown(f"{dataset.name}: there is no {dataset.source} to ask")
        return found
