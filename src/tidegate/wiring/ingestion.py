"""Feeds: which there are, which of them run, who asks for runs, and what is counted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from tidegate.wiring.hygiene import Hygiene
from tidegate.wiring.state import now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.metrics import MeterProvider

    from tidegate.adapters.metrics import Metrics
    from tidegate.adapters.prometheus import Exposition
    from tidegate.declare.catalogue import Catalogue
    from tidegate.gate.run import Gated
    from tidegate.ingest import requests
    from tidegate.ingest import world as ingest
    from tidegate.ingest.pulse import Pulse
    from tidegate.ingest.schedule import Choice
    from tidegate.model import Outcome

OWN_GRADES = {"vmray": "A", "analyst": "A"}


@dataclass
class Ingestion(Hygiene):
    """The world of `ingest`, and all around it."""

    _metrics: Metrics | None = field(default=None, init=False)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The feeds that are known here, as they were declared when they were first asked for."""
        from tidegate.declare.catalogue import catalogue

        return catalogue(self.settings.feeds_folder, OWN_GRADES)

    @property
    def choice(self) -> Choice:
        """What settings and people say now on which feeds run."""
        from tidegate.ingest.schedule import Choice

        switched = self.memory.switched()
        return Choice(self.settings.feeds_off, self.settings.feed_urls, switched)

    @cached_property
    def ingest(self) -> ingest.World:
        """The world of `ingest`."""
        from tidegate.ingest.world import World

        return World(
            http=self._http(outside=True),
            sightings=self.sightings,
            feeds=self.memory,
            runs=self.runs,
            suppressed=self.suppressed,
            objects=self.objects,
            clock=now,
            policy=self.policy,
            scratch=self.settings.home / "scratch",
            secrets=self.settings.feed_keys,
            urls=self.settings.feed_addresses,
            progress=self.progress,
            counted=self._count,
        )

    @cached_property
    def desk(self) -> requests.Desk:
        """Where runs of feeds are asked for."""
        from tidegate.adapters.local.queue import SqliteQueue
        from tidegate.ingest.requests import Desk

        queue = SqliteQueue(self.database, now, "requests")
        known = self.catalogue
        return Desk(self.ingest, queue, known.feeds, lambda: self.choice, known.broken)

    def _rejudge(self) -> None:
        super()._rejudge()
        if "ingest" in vars(self):
            self.ingest = replace(self.ingest, policy=self.policy)
        if "desk" in vars(self):
            self.desk = replace(self.desk, world=self.ingest)

    def attend(self) -> None:
        """Work on requests beside whatever this process does, until the house is closed."""
        from threading import Event, Thread

        from tidegate.ingest.requests import attend

        stopped = Event()
        thread = Thread(target=attend, args=(self.desk, stopped), name="requests", daemon=True)
        thread.start()
        self._open.callback(thread.join)
        self._open.callback(stopped.set)

    @cached_property
    def figures(self) -> Exposition | None:
        """Figures from now on, as Prometheus reads them; None where the settings want none."""
        made = self._exposition() if self.settings.metrics else None
        self._metrics = self._measuring(made.provider if made else None)
        return made

    @property
    def meters(self) -> MeterProvider | None:
        """What provides the meters; None leaves it to the process, which may have none."""
        return self.figures.provider if self.figures else None

    def _exposition(self) -> Exposition:
        from tidegate.adapters.prometheus import Exposition

        made = Exposition()
        self._open.callback(made.close)
        return made

    def _measuring(self, provider: MeterProvider | None) -> Metrics:
        from opentelemetry.metrics import get_meter

        from tidegate.adapters.metrics import Lookups, Metrics
        from tidegate.ingest.pulse import pulses

        def look() -> Iterator[Pulse]:
            running = self.choice.running(self.catalogue.feeds.values())
            return pulses(running, self.memory, now())

        lookups = Lookups(look, lambda: self.units(now().date().isoformat()), self._backlog)
        return Metrics(get_meter("tidegate", meter_provider=provider), lookups)

    def _backlog(self) -> tuple[int, float] | None:
        """Return how many cases are unfinished and the oldest's age in seconds: none are here."""
        return None

    def _count(self, outcome: Outcome) -> None:
        """Count a run where somebody wants figures: a command that ends at once has none."""
        if self._metrics:
            self._metrics.ran(outcome)

    def gated(self, found: Iterable[Gated]) -> None:
        """Count what cycles of the gate changed, where somebody wants figures."""
        for one in found:
            if self._metrics:
                self._metrics.gated(one)
