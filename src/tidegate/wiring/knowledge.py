"""What is known of indicators, what feeds are worth, and whom to ask outside. Needs no tenant."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tidegate.wiring.ingestion import OWN_GRADES, Ingestion
from tidegate.wiring.state import now

if TYPE_CHECKING:
    from tidegate import ports
    from tidegate.gate import enrich, value
    from tidegate.gate.knowledge import Knowledge

OWN_SHARES = {"vmray": "analysis"}


class Known(Ingestion):
    """What is known, and what it is worth."""

    @cached_property
    def knowledge(self) -> Knowledge:
        """What is known of indicators; it needs no tenant."""
        from tidegate.declare.feed import Semantics, Use
        from tidegate.gate.knowledge import Knowledge

        declared = self.catalogue.feeds.values()
        return Knowledge(
            sightings=self.sightings,
            feeds=self.memory,
            clock=now,
            policy=self.policy,
            grades={feed.name: feed.reliability for feed in declared} | OWN_GRADES,
            snapshots=frozenset(f.name for f in declared if f.semantics is Semantics.SNAPSHOT),
            groups={feed.name: feed.group for feed in declared if feed.group},
            copies={feed.name: frozenset(feed.copies) for feed in declared},
            advisory=frozenset(feed.name for feed in declared if feed.use is not Use.BLOCK),
            exceptions={f.name: frozenset(f.suppress.but) for f in declared if f.suppress.but},
            suppressed=self.suppressed,
            shares={feed.name: feed.shares for feed in declared} | OWN_SHARES,
            allocations=self._allocations(),
        )

    def _allocations(self) -> ports.Allocations | None:
        """Return the user's tables of addresses, where there are any."""
        paths = [p for p in (self.settings.asn_database, self.settings.geo_database) if p]
        if not paths:
            return None
        from tidegate.adapters.allocations import Tables

        return Tables(*paths)

    @property
    def value(self) -> value.World:
        """What is needed to say what the feeds that run now are worth."""
        from tidegate.gate.value import World

        judged = self.choice.running(self.catalogue.feeds.values())
        feeds = {feed.name: feed for feed in judged}
        return World(self.knowledge, self.runs, feeds, self.units)

    @cached_property
    def enrichment(self) -> enrich.World:
        """Who outside may be asked about a value."""
        from tidegate.adapters.greynoise import GreyNoise
        from tidegate.adapters.http import HttpClient
        from tidegate.adapters.virustotal import VirusTotal
        from tidegate.gate.enrich import World

        settings = self.settings
        # A person waits, and each try counts against the day's requests.
        client = HttpClient(retries=0, timeout=10.0, total=20.0, secrets=settings.secrets)
        http = self._open.enter_context(client)
        greynoise = GreyNoise(http, settings.greynoise_key, settings.greynoise_daily)
        virustotal = VirusTotal(http, settings.virustotal_key, settings.virustotal_daily)
        return World((greynoise, virustotal), self.cache, self.knowledge)
