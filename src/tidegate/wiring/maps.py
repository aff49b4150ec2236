"""Log tables, and the datasets that are made from them."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tidegate.wiring.knowledge import Known
from tidegate.wiring.state import now

if TYPE_CHECKING:
    import polars as pl

    from tidegate.declare.layers import Layers
    from tidegate.maps import world as maps

log = logging.getLogger(__name__)


class Maps(Known):
    """The world of `maps`."""

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
        from tidegate.adapters.local.duckdb_kql import LocalLogs
        from tidegate.maps.store import Store
        from tidegate.maps.world import World
        from tidegate.simulator import places

        synthetic = self.settings.tables is None
        folder = self.settings.tables or self.settings.home / "tables"
        self.invent_logs()
        given = self.settings.geo_database
        return World(
            datasets=self.layers.datasets,
            logs=LocalLogs(folder, now),
            objects=self.objects,
            locate=Chain(
                reserved=[places.place] if synthetic else [],
                public=[database(given)] if given else [],
            ),
            clock=now,
            synthetic=synthetic,
            sites=self.settings.sites or (places.SITES if synthetic else ()),
            store=Store(self._best_addresses, now),
        )

    def _best_addresses(self, most: int) -> pl.DataFrame:
        """Return so many of the best live addresses, as `maps.store.BEST`."""
        import polars as pl

        from tidegate.gate.candidates import candidates
        from tidegate.gate.ranking import CLEAN, Wanted
        from tidegate.model import Kind
        from tidegate.sharing import stricter

        # What is for named persons is on no map.
        kinds = (Kind.IPV4, Kind.IPV6)
        found, _ = candidates(self.knowledge, Wanted(most, 0.0, kinds=kinds))
        shown = found.filter(CLEAN, ~stricter(self.shelf.own)).head(most)
        live = self.knowledge.sightings.live(self.knowledge.clock())
        first = live.group_by("id").agg(pl.col("first_seen").min())
        seen = first.join(shown.lazy().select("id"), on="id", how="semi").collect()
        return shown.join(seen, on="id", how="left", maintain_order="left")

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
