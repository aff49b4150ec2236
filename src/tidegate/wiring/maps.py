"""The datasets of the map, and what they are made from."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

from tidegate.wiring.logs import Logs
from tidegate.wiring.state import now

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl
    from opentelemetry.metrics import MeterProvider

    from tidegate.adapters.map_metrics import MapMetrics
    from tidegate.declare.layers import Layers
    from tidegate.maps import world as maps
    from tidegate.maps.pulse import Pulse
    from tidegate.maps.result import Refresh

log = logging.getLogger(__name__)


class Maps(Logs):
    """The world of `maps`."""

    _map_metrics: MapMetrics | None = None

    @cached_property
    def layers(self) -> Layers:
        """The datasets that are known here, as they were declared when first asked for."""
        from tidegate.declare.layers import layers

        found = layers(self.settings.datasets_folder)
        for lines in found.broken.values():
            log.warning("dataset not used: %s", "; ".join(lines))
        return found

    @cached_property
    def maps(self) -> maps.World:
        """The world of `maps`."""
        from tidegate.adapters.geo import Chain, database
        from tidegate.maps.store import Store
        from tidegate.maps.world import World
        from tidegate.simulator import places

        synthetic = self.settings.synthetic
        self.invent_logs()
        given = self.settings.geo_database
        return World(
            datasets=self.layers.datasets,
            logs=self._map_logs(),
            objects=self.objects,
            locate=Chain(
                reserved=[places.place] if synthetic else [],
                public=[database(given)] if given else [],
            ),
            clock=now,
            synthetic=synthetic,
            sites=self.settings.sites or (places.SITES if synthetic else ()),
            store=Store(self._best_addresses, now),
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

    def _best_addresses(self, most: int) -> pl.DataFrame:
        """Return so many of the best live addresses, as `maps.store.BEST`."""
        import polars as pl

        from tidegate.gate.candidates import candidates
        from tidegate.gate.ranking import CLEAN, Wanted
        from tidegate.model import Kind, Tlp
        from tidegate.sharing import stricter

        # What is for named persons is on no map, and what is for few is on none for everybody.
        up_to = Tlp.CLEAR if self.settings.map_anonymous else self.shelf.own
        kinds = (Kind.IPV4, Kind.IPV6)
        found, _ = candidates(self.knowledge, Wanted(most, 0.0, kinds=kinds))
        shown = found.filter(CLEAN, ~stricter(up_to)).head(most)
        live = self.knowledge.sightings.live(self.knowledge.clock())
        first = live.group_by("id").agg(pl.col("first_seen").min())
        seen = first.join(shown.lazy().select("id"), on="id", how="semi").collect()
        return shown.join(seen, on="id", how="left", maintain_order="left")
