"""Everything on Azure: documents in Cosmos DB, all else in Storage.

Imports stand inside, for cold start: a Function app pays only for what it uses.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any

from pydantic import HttpUrl

from tidegate.settings import Settings
from tidegate.wiring.local import Local, local
from tidegate.wiring.state import now, quiet
from tidegate.wiring.tenancy import Tenant

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping

    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.transport import HttpTransport

    from tidegate import ports
    from tidegate.adapters.azure.blob import BlobObjects
    from tidegate.adapters.azure.cosmos_budget import ObjectSpending
    from tidegate.adapters.azure.cosmos_client import Cosmos
    from tidegate.adapters.azure.lists import StoredLists
    from tidegate.adapters.azure.queue import StorageQueue
    from tidegate.adapters.azure.storage import Storage
    from tidegate.adapters.azure.telemetry import Telemetry
    from tidegate.adapters.prometheus import Exposition
    from tidegate.adapters.warninglists import Folder, Refreshed
    from tidegate.ingest.requests import Desk

log = logging.getLogger(__name__)


@dataclass
class Azure(Local):
    """The house with its state on Azure; on its own disk there is only what may be lost.

    `credential` and `transport` stand in for the managed identity and the network: tests give
    them.
    """

    credential: TokenCredential | None = None
    transport: HttpTransport[Any, Any] | None = None
    _ours: bool = field(default=False, init=False)

    @cached_property
    def storage(self) -> Storage:
        """The storage account, which nothing is asked yet."""
        from tidegate.adapters.azure.storage import Storage

        connection = self.settings.storage_connection
        if connection is not None:
            return Storage(connection=connection.get_secret_value(), transport=self.transport)
        url = str(self.settings.storage_url).rstrip("/")
        return Storage(url, self.identity, transport=self.transport)

    @cached_property
    def objects(self) -> BlobObjects:
        """Payloads, evidence, datasets, and what is remembered, in their containers."""
        from tidegate.adapters.azure.blob import BlobObjects

        settings = self.settings
        made = BlobObjects(self.storage, settings.storage_container, settings.storage_folders)
        self._open.callback(made.close)
        if self._emulated:
            made.create()
        return made

    @cached_property
    def cosmos(self) -> Cosmos:
        """The database, which nothing is asked yet."""
        from tidegate.adapters.azure.cosmos_client import Cosmos

        key = self.settings.cosmos_key
        made = Cosmos(
            str(self.settings.cosmos_url),
            self.identity if key is None else key.get_secret_value(),
            self.settings.cosmos_database,
            self.transport,
        )
        self._open.callback(made.close)
        return made

    @cached_property
    def sightings(self) -> ports.Sightings:
        """All sightings, within the day's request units."""
        from tidegate.adapters.azure.cosmos import CosmosSightings
        from tidegate.adapters.azure.cosmos_budget import Account, Budget
        from tidegate.adapters.azure.cosmos_client import Indicators
        from tidegate.adapters.azure.cosmos_states import Copies
        from tidegate.adapters.local.sightings import SegmentStore

        units = self.settings.cosmos_daily_units
        budget = Budget() if units is None else Budget(units)
        account = Account(now, self._spending, budget, self._charged)
        copies = Copies(self.objects, SegmentStore(self._passing("sightings")))
        return CosmosSightings(Indicators(self.cosmos), self.objects, now, account, copies)

    @cached_property
    def telemetry(self) -> Telemetry | None:
        """What is sent to Application Insights from now on, where the platform says where to."""
        connection = os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING")
        if not connection:
            return None
        from tidegate.adapters.azure.telemetry import Sent, Telemetry

        settings, service = self.settings, os.environ.get("WEBSITE_SITE_NAME", "tidegate")
        signed = "AAD" in os.environ.get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "")
        whose = self.identity if signed else None
        share, values = settings.telemetry_share, settings.telemetry_values
        # Known late: few lines name anything, and the catalogue is not everywhere loaded before.
        sent = Sent(connection, whose, service, share, values, lambda name: name in self._named)
        made = Telemetry(sent)
        self._open.callback(made.close)
        return made

    @cached_property
    def _named(self) -> frozenset[str]:
        """What log lines may name: the hosts that we call, and the roles that we need."""
        from urllib.parse import urlsplit

        from tidegate.adapters.roles import NEEDED

        given = self.settings
        ours = [str(url) for _, url in given if isinstance(url, HttpUrl)]
        feeds = [feed.url for feed in self.catalogue.feeds.values()]
        urls = [*ours, *feeds, *given.feed_addresses.values()]
        roles = {need.role.lower() for need in NEEDED.values()}
        return frozenset(urlsplit(url).hostname or "" for url in urls) | roles

    def _exposition(self) -> Exposition:
        from tidegate.adapters.prometheus import Exposition

        _ = self.memory, self._spending  # they are closed after the figures that ask them
        told = self.telemetry
        made = Exposition(told.reader, resource=told.resource) if told else Exposition()
        self._open.callback(made.close)
        return made

    def units(self, day: str) -> Mapping[str, float]:
        """Return what Cosmos DB charged on a day (ISO date) by source, in request units."""
        return {source: cost.units for source, cost in self._spending.of(day).items()}

    def _charged(self, source: str, units: float) -> None:
        """Count what a run cost where somebody wants figures."""
        if self._metrics:
            self._metrics.charged(source, units)

    @cached_property
    def _spending(self) -> ObjectSpending:
        from tidegate.adapters.azure.cosmos_budget import ObjectSpending

        return ObjectSpending(self.objects)

    @cached_property
    def memory(self) -> ports.Feeds:
        """What is remembered of feeds."""
        from tidegate.adapters.azure.feeds import ObjectFeeds

        return ObjectFeeds(self.objects)

    @cached_property
    def runs(self) -> ports.Runs:
        """What the runs of feeds came to."""
        from tidegate.adapters.azure.cosmos_runs import CosmosRuns

        return CosmosRuns(self.cosmos)

    @cached_property
    def suppressed(self) -> ports.Suppressed:
        """What hygiene kept out of the store."""
        from tidegate.adapters.azure.withheld import WithheldObjects

        return WithheldObjects(self.objects)

    @cached_property
    def turns(self) -> StorageQueue:
        """The feeds that are due, a message for each."""
        return self._queue("feeds")

    @cached_property
    def desk(self) -> Desk:
        """Where runs of feeds are asked for."""
        from tidegate.ingest.requests import Desk

        known = self.catalogue
        return Desk(self.ingest, self.requests, known.feeds, lambda: self.choice, known.broken)

    @cached_property
    def requests(self) -> StorageQueue:
        """The runs that are asked for, a message for each request."""
        return self._queue("requests")

    @cached_property
    def warninglists(self) -> Folder:
        """The installed warninglists, copied to this machine."""
        return self._lists.folder()

    def refresh_warninglists(self) -> Iterator[Refreshed]:
        """Bring the newest public warninglists, for all instances."""
        return self._lists.keep(self.warninglists, super().refresh_warninglists())

    def read_format(self) -> None:
        """See `State`. Asked until there is an answer: of an outage, whoever works is told."""
        from tidegate.ports import SourceDown
        from tidegate.stored import refuse_newer

        if not self._ours:
            with suppress(SourceDown):
                refuse_newer(self.objects)
                self._ours = True

    def renew(self) -> None:
        """Take up the warninglists that another instance brought; look once a minute at most.

        Raises BadPayload as `read_format` does.
        """
        from tidegate.ports import SourceDown

        self.read_format()
        try:
            if "policy" in self.__dict__ and self._lists.renewed(now()):
                self._adopt(self._judged_by())
        except SourceDown as down:
            log.warning("warninglists are as they were: %s", down)

    @cached_property
    def cases(self) -> ports.Cases:
        """All cases, a document each."""
        from tidegate.adapters.azure.cosmos_cases import CosmosCases

        return CosmosCases(self.cosmos)

    @cached_property
    def ledger(self) -> ports.Ledger:
        """What was begun and done outside, a document for each."""
        from tidegate.adapters.azure.cosmos_ledger import CosmosLedger

        return CosmosLedger(self.cosmos)

    @cached_property
    def case_turns(self) -> StorageQueue:
        """The cases that wait for a turn, a message for each."""
        return self._queue("cases")

    @cached_property
    def rechecks(self) -> StorageQueue:
        """The artefacts whose verdict is looked at again, a message for each."""
        return self._queue("rechecks")

    @cached_property
    def budgets(self) -> ports.Budgets:
        """What may be asked of others in a stretch of time, by all instances."""
        from tidegate.adapters.azure.budgets import ObjectBudgets

        return ObjectBudgets(self.objects, now)

    @cached_property
    def tenant(self) -> Tenant:
        """The tenant of the settings; none is simulated beside real data."""
        from tidegate.ports import SourceDown

        if self.settings.defender_url is None:
            raise SourceDown("no tenant is set")
        return super().tenant

    @property
    def database(self) -> sqlite3.Connection:
        """There is none: a file here would be lost with the instance."""
        raise AssertionError("nothing on Azure asks for a file")

    @cached_property
    def _lists(self) -> StoredLists:
        from tidegate.adapters.azure.lists import StoredLists

        return StoredLists(self.objects, self._passing("warninglists"))

    @cached_property
    def identity(self) -> TokenCredential:
        """The identity of the process, or the one that was given."""
        return self.credential or super().identity

    @property
    def _emulated(self) -> bool:
        """Whether what infrastructure makes has to be made here."""
        return self.settings.storage_connection is not None

    def _passing(self, what: str) -> Path:
        """Make a folder of this process, which goes with it."""
        self.settings.home.mkdir(parents=True, exist_ok=True)
        made = TemporaryDirectory(prefix=f"{what}-", dir=self.settings.home)
        return Path(self._open.enter_context(made))

    def _queue(self, name: str) -> StorageQueue:
        from tidegate.adapters.azure.queue import StorageQueue

        made = StorageQueue(self.storage, name, self.objects, now)
        self._open.callback(made.close)
        if self._emulated:
            made.create()
        return made


def azure(
    settings: Settings,
    progress: Callable[[str, str], None] = quiet,
    credential: TokenCredential | None = None,
    transport: HttpTransport[Any, Any] | None = None,
) -> Azure:
    """Return the house on Azure. Unless told otherwise, its scratch is the machine's own."""
    if "home" not in settings.model_fields_set:
        settings = settings.model_copy(update={"home": Path(gettempdir()) / "tidegate"})
    return Azure(settings, progress, credential, transport)


def house(settings: Settings | None = None, progress: Callable[[str, str], None] = quiet) -> Local:
    """Return the house of the settings: on Azure where they name it, else on one machine."""
    settings = settings or Settings()
    return azure(settings, progress) if settings.on_azure else local(settings, progress)
