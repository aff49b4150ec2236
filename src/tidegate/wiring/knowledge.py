"""What is known of indicators, what feeds are worth, and whom to ask outside. Needs no tenant."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from tidegate.wiring.ingestion import OWN_GRADES, Ingestion
from tidegate.wiring.state import now

if TYPE_CHECKING:
    from tidegate import ports
    from tidegate.gate import enrich, value
    from tidegate.gate.knowledge import Knowledge
    from tidegate.gate.learned import Learned
    from tidegate.gate.shelf import Shelf
    from tidegate.sharing import Terms

log = logging.getLogger(__name__)

OWN_SHARES = {"vmray": "analysis"}


class Known(Ingestion):
    """What is known, and what it is worth."""

    _unlearned = ""

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
            grades=self._grades(),
            snapshots=frozenset(f.name for f in declared if f.semantics is Semantics.SNAPSHOT),
            groups={feed.name: feed.group for feed in declared if feed.group},
            copies={feed.name: frozenset(feed.copies) for feed in declared},
            advisory=frozenset(feed.name for feed in declared if feed.use is not Use.BLOCK),
            exceptions=self._exceptions(),
            suppressed=self.suppressed,
            shares={feed.name: feed.shares for feed in declared} | OWN_SHARES,
            allocations=self._allocations(),
            learned=self._learned,
            objects=self.objects,
        )

    def _rejudge(self) -> None:
        super()._rejudge()
        if "knowledge" in vars(self):
            self.knowledge = replace(self.knowledge, policy=self.policy)
        if "enrichment" in vars(self):
            self.enrichment = replace(self.enrichment, known=self.knowledge)

    def _grades(self) -> dict[str, str]:
        """Return the grades of all sources: as feeds declare them, unless the settings differ."""
        grades: dict[str, str] = {f.name: f.reliability for f in self.catalogue.feeds.values()}
        other = {n: grade for n, grade in self.settings.feed_grades.items() if n in grades}
        return grades | other | OWN_GRADES

    def _exceptions(self) -> dict[str, frozenset[str]]:
        """Return what sources mean though it is on a list; an analyst means what any of them may.

        Else an analyst's word beside a feed's would put the list in force again.
        """
        feeds = self.catalogue.feeds.values()
        meant = {feed.name: frozenset(feed.suppress.but) for feed in feeds if feed.suppress.but}
        return meant | ({"analyst": frozenset.union(*meant.values())} if meant else {})

    def _learned(self) -> Learned:
        """Return what was learned of sources; what cannot be read is told of once."""
        from tidegate.gate.learned import Learned, recall
        from tidegate.ports import BadPayload

        try:
            return recall(self.objects)
        except BadPayload as error:
            if str(error) != self._unlearned:
                log.warning("what was learned of sources is as if forgotten: %s", error)
            self._unlearned = str(error)
            return Learned()

    @cached_property
    def shelf(self) -> Shelf:
        """What the gate published, for whoever reads it."""
        from tidegate.gate.shelf import Shelf
        from tidegate.model import Tlp
        from tidegate.sharing import OWN_TENANT

        # What is for named persons is for no device and no feed, even where Defender may have it.
        up_to = self.settings.gate_tlp
        own = OWN_TENANT if up_to is Tlp.RED else up_to
        return Shelf(self.objects, now, own, self.terms)

    @property
    def terms(self) -> Terms:
        """What sources ask of those who pass their words on; what our analysts say stays here."""
        from tidegate.sharing import Terms

        declared = self.catalogue.feeds.values()
        return Terms(
            frozenset(feed.name for feed in declared if not feed.redistribute) | {"analyst"},
            {feed.name: feed.attribution for feed in declared if feed.attribution},
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
