"""Log tables, and the datasets that are made from them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from tidegate.wiring.state import State, now

if TYPE_CHECKING:
    from tidegate.maps import world as maps


class Maps(State):
    """The world of `maps`."""

    @cached_property
    def maps(self) -> maps.World:
        """The world of `maps`."""
        from tidegate.adapters.geo import Chain, database
        from tidegate.adapters.local.duckdb_kql import LocalLogs
        from tidegate.declare.dataset import datasets
        from tidegate.maps.world import World
        from tidegate.simulator import places

        synthetic = self.settings.tables is None
        folder = self.settings.tables or self.settings.home / "tables"
        self.invent_logs()
        given = self.settings.geo_database
        return World(
            datasets=datasets(),
            logs=LocalLogs(folder, now),
            objects=self.objects,
            locate=Chain(
                reserved=[places.place] if synthetic else [],
                public=[database(given)] if given else [],
            ),
            clock=now,
            synthetic=synthetic,
            sites=self.settings.sites,
        )

    def invent_logs(self) -> None:
        """Bring the synthetic tables up to the hour, where there are no others."""
        from tidegate.simulator.tables import write_tables

        if self.settings.tables is None:
            write_tables(self.settings.home / "tables", now(), uploads=self._uploads())

    def _uploads(self) -> list[dict[str, Any]]:
        """Return what was uploaded to the simulated workspace, where there has been one."""
        from tidegate.simulator.memory import remembered
        from tidegate.simulator.sentinel import ROWS

        return remembered(self.settings.home / "tenant", ROWS) if self.settings.simulated else []
