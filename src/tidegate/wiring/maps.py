"""Log tables, and the datasets that are made from them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from tidegate.wiring.state import State, now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.metrics import MeterProvider

    from tidegate.adapters.map_metrics import MapMetrics
    from tidegate.maps import world as maps
    from tidegate.maps.pulse import Pulse
    from tidegate.maps.result import Refresh


class Maps(State):
    """The world of `maps`."""

    _map_metrics: MapMetrics | None = None

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
            counted=self._count_refresh,
        )

    def _measuring_maps(self, provider: MeterProvider | None) -> MapMetrics:
        from opentelemetry.metrics import get_meter

        from tidegate.adapters.map_metrics import MapMetrics

        return MapMetrics(get_meter("tidegate", meter_provider=provider), self._map_pulses)

    def _map_pulses(self) -> Iterator[Pulse]:
        from tidegate.maps.pulse import pulses

        # Whoever never refreshes datasets does not ask after them either.
        return pulses(self.maps) if "maps" in self.__dict__ else iter(())

    def _count_refresh(self, told: Refresh) -> None:
        """Count a refresh where somebody wants figures."""
        if self._map_metrics:
            self._map_metrics.refreshed(told)

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
