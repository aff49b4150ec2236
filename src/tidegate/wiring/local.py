"""Everything on one machine.

Imports stand inside, for cold start: a command or a Function app pays only for what it uses.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from tidegate.hygiene import Policy
from tidegate.settings import Settings

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping

    from opentelemetry.metrics import MeterProvider

    from tidegate import detonate as detonation
    from tidegate import ports
    from tidegate.adapters.metrics import Metrics
    from tidegate.adapters.prometheus import Exposition
    from tidegate.adapters.warninglists import Folder, Refreshed
    from tidegate.declare.catalogue import Catalogue
    from tidegate.gate import enrich, value
    from tidegate.gate import run as gate
    from tidegate.gate.knowledge import Knowledge
    from tidegate.ingest import requests
    from tidegate.ingest import world as ingest
    from tidegate.ingest.pulse import Pulse
    from tidegate.ingest.schedule import Choice
    from tidegate.maps import world as maps
    from tidegate.model import Outcome

OWN_GRADES = {"vmray": "A", "analyst": "A"}
OWN_SHARES = {"vmray": "analysis"}


def now() -> datetime:
    """Return the time: the only clock of the house."""
    return datetime.now(UTC)


def quiet(feed: str, stage: str) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Where Defender, Graph and VMRay are, and how to be let in."""

    defender: str
    graph: str
    token: str
    client: str
    secret: str
    vmray: str
    vmray_key: str


@dataclass
class Local:
    """Everything on one machine: state in one folder, a tenant that is simulated unless set.

    Each part is built when it is first asked for. Use as a context manager.
    """

    settings: Settings
    progress: Callable[[str, str], None] = quiet
    _open: ExitStack = field(default_factory=ExitStack, init=False)
    _metrics: Metrics | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @cached_property
    def policy(self) -> Policy:
        """What is never an indicator here."""
        return Policy(
            tuple(self.settings.allow_list),
            simulated=self.settings.simulated,
            lists=self.warninglists.lists(),
            popular=self.warninglists.popularity(),
        )

    @cached_property
    def warninglists(self) -> Folder:
        """The installed warninglists."""
        from tidegate.adapters.warninglists import Folder

        return Folder(self.settings.home / "warninglists")

    def refresh_warninglists(self) -> Iterator[Refreshed]:
        """Bring the newest public warninglists, one after the other."""
        from tidegate.adapters.warninglists import refresh_lists

        return refresh_lists(self.warninglists, self._http(outside=True), now)

    @cached_property
    def suppressed(self) -> ports.Suppressed:
        """What hygiene kept out of the store."""
        from tidegate.adapters.local.withheld import WithheldFiles

        return WithheldFiles(self.settings.home / "suppressed")

    @cached_property
    def database(self) -> sqlite3.Connection:
        """The machine's one SQLite file."""
        from tidegate.adapters.local.database import connect

        connection = connect(self.settings.home / "tidegate.sqlite")
        self._open.callback(connection.close)
        return connection

    @cached_property
    def objects(self) -> ports.Objects:
        """Payloads, evidence and datasets as files."""
        from tidegate.adapters.local.files import FileObjects

        return FileObjects(self.settings.home / "objects", now)

    @cached_property
    def sightings(self) -> ports.Sightings:
        """All sightings."""
        from tidegate.adapters.local.sightings import SegmentStore

        return SegmentStore(self.settings.home / "sightings")

    @cached_property
    def cache(self) -> ports.Cache:
        """Where answers are kept for a while."""
        if self.settings.redis_url is None:
            from tidegate.adapters.cache import ObjectCache

            return ObjectCache(self.objects, now)
        from tidegate.adapters.redis import RedisCache

        cache = RedisCache(self.settings.redis_url)
        self._open.callback(cache.close)
        return cache

    @cached_property
    def enrichment(self) -> enrich.World:
        """Who outside may be asked about a value."""
        from tidegate.adapters.greynoise import GreyNoise
        from tidegate.adapters.http import HttpClient
        from tidegate.adapters.virustotal import VirusTotal
        from tidegate.gate.enrich import World

        settings = self.settings
        # A person waits, and each try counts against the day's requests.
        http = self._open.enter_context(HttpClient(retries=0, timeout=10.0, total=20.0))
        greynoise = GreyNoise(http, settings.greynoise_key, settings.greynoise_daily)
        virustotal = VirusTotal(http, settings.virustotal_key, settings.virustotal_daily)
        return World((greynoise, virustotal), self.cache, self.knowledge)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The feeds that are known here, as they were declared when they were first asked for."""
        from tidegate.declare.catalogue import catalogue

        return catalogue(self.settings.feeds_folder, OWN_GRADES)

    @property
    def begun(self) -> bool:
        """Whether there is any state to read, as far as can be said without making one."""
        return self.settings.on_azure or (self.settings.home / "tidegate.sqlite").is_file()

    @property
    def choice(self) -> Choice:
        """What settings and people say now on which feeds run."""
        from tidegate.ingest.schedule import Choice

        switched = self.memory.switched()
        return Choice(self.settings.feeds_off, self.settings.feed_urls, switched)

    @cached_property
    def memory(self) -> ports.Feeds:
        """What is remembered of feeds."""
        from tidegate.adapters.local.feeds import FeedTable

        return FeedTable(self.database)

    @cached_property
    def runs(self) -> ports.Runs:
        """What the runs of feeds came to."""
        from tidegate.adapters.local.runs import RunTable

        return RunTable(self.database)

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
            urls=self.settings.feed_urls,
            progress=self.progress,
            counted=self._count,
        )

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

        lookups = Lookups(look, lambda: self.units(now().date().isoformat()))
        return Metrics(get_meter("tidegate", meter_provider=provider), lookups)

    def _count(self, outcome: Outcome) -> None:
        """Count a run where somebody wants figures: a command that ends at once has none."""
        if self._metrics:
            self._metrics.ran(outcome)

    def units(self, day: str) -> Mapping[str, float]:  # noqa: ARG002 - others charge by the day
        """Return what the store charged on a day (ISO date) by source, in request units."""
        return {}

    @cached_property
    def desk(self) -> requests.Desk:
        """Where runs of feeds are asked for."""
        from tidegate.adapters.local.queue import SqliteQueue
        from tidegate.ingest.requests import Desk

        queue = SqliteQueue(self.database, now, "requests")
        return Desk(self.ingest, queue, self.catalogue.feeds, lambda: self.choice)

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
    def gate(self) -> gate.World:
        """The world of `gate`."""
        from tidegate.adapters.defender_indicators import DefenderIndicators
        from tidegate.gate.run import World

        return World(
            knowledge=self.knowledge,
            enforcement=DefenderIndicators(self._defender, self.tenant.defender),
            limit=self.settings.gate_cap,
            headroom=self.settings.gate_headroom,
            least_score=self.settings.gate_min_score,
            up_to=self.settings.gate_tlp,
        )

    @cached_property
    def detonate(self) -> detonation.World:
        """The world of `detonate`."""
        from pydantic import SecretStr

        from tidegate.adapters.defender import DefenderAlerts, DefenderDevices
        from tidegate.adapters.entra import GRAPH_SCOPE
        from tidegate.adapters.graph import GraphIncidents
        from tidegate.adapters.local.cases import SqliteCases
        from tidegate.adapters.local.ledger import SqliteLedger
        from tidegate.adapters.local.queue import SqliteQueue
        from tidegate.adapters.vmray import VmraySandbox
        from tidegate.detonate import World

        tenant, plain = self.tenant, self._http()
        return World(
            alerts=DefenderAlerts(self._defender, tenant.defender),
            devices=DefenderDevices(self._defender, plain, tenant.defender),
            sandbox=VmraySandbox(plain, tenant.vmray, SecretStr(tenant.vmray_key)),
            incidents=GraphIncidents(self._entra(GRAPH_SCOPE), tenant.graph),
            enforcement=self.gate.enforcement,
            sightings=self.sightings,
            objects=self.objects,
            cases=SqliteCases(self.database),
            queue=SqliteQueue(self.database, now),
            ledger=SqliteLedger(self.database),
            clock=now,
            policy=self._detonation_policy(),
        )

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
        )

    def invent_logs(self) -> None:
        """Bring the synthetic tables up to the hour, where there are no others."""
        from tidegate.simulator.tables import write_tables

        if self.settings.tables is None:
            write_tables(self.settings.home / "tables", now())

    @cached_property
    def tenant(self) -> Tenant:
        """The tenant of the settings, or the simulated one, which is started for us."""
        settings = self.settings
        if settings.defender_url is None:
            return self._simulated()
        return Tenant(
            defender=_base(settings.defender_url),
            graph=_base(settings.graph_url),
            token=_base(settings.entra_url),
            client=settings.client_id or "",
            secret=settings.client_secret.get_secret_value() if settings.client_secret else "",
            vmray=_base(settings.vmray_url),
            vmray_key=settings.vmray_key.get_secret_value() if settings.vmray_key else "",
        )

    def _simulated(self) -> Tenant:
        from tidegate.simulator import entra, server

        tenant = server.Tenant(self.settings.home / "tenant")
        url = tenant.start()
        self._open.callback(tenant.stop)
        return Tenant(
            defender=url,
            graph=f"{url}/v1.0",
            token=f"{url}/simulated/oauth2/v2.0/token",
            client=entra.CLIENT,
            secret=entra.SECRET,
            vmray=url,
            vmray_key=tenant.scene.api_key,
        )

    def _detonation_policy(self) -> detonation.Policy:
        from tidegate.detonate import Policy as Detonation
        from tidegate.detonate import hurried

        stale = timedelta(days=self.settings.resubmit_after_days)
        policy = Detonation(hygiene=self.policy, resubmit_after=stale)
        return hurried(policy) if self.settings.simulated else policy

    @cached_property
    def _defender(self) -> ports.Http:
        from tidegate.adapters.entra import DEFENDER_SCOPE

        return self._entra(DEFENDER_SCOPE)

    def _entra(self, scope: str) -> ports.Http:
        from tidegate.adapters.entra import Authorized, ClientCredentials

        tenant, http = self.tenant, self._http()
        tokens = ClientCredentials(http, tenant.token, tenant.client, tenant.secret, scope, now)
        return Authorized(http, tokens)

    def _http(self, *, outside: bool = False) -> ports.Http:
        """Return a client: of the tenant, or of feeds, which never lead to inner addresses."""
        from tidegate.adapters.http import HttpClient

        # A feed comes round again in minutes: one more try is enough. A case's step must end
        # before its message is shown to another worker.
        client = (
            HttpClient(retries=1, pace=1.0)
            if outside
            else HttpClient(total=60.0, allow_private=self.settings.simulated)
        )
        return self._open.enter_context(client)


def _base(url: object) -> str:
    return str(url).rstrip("/")


def local(settings: Settings | None = None, progress: Callable[[str, str], None] = quiet) -> Local:
    """Return the house on one machine."""
    return Local(settings or Settings(), progress)


def installed_lists(house: Local) -> list[dict[str, Any]]:
    """Return all warninglists with version, size and origin, and why one cannot be used."""
    from tidegate.adapters.warninglists import installed

    return [asdict(one) for one in installed(house.warninglists)]
