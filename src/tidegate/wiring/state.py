"""What everything stands on: the settings, the clock, and where state is kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Self

from tidegate.settings import Settings

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

    from azure.core.credentials import TokenCredential

    from tidegate import ports


def now() -> datetime:
    """Return the time: the only clock of the house."""
    return datetime.now(UTC)


def quiet(feed: str, stage: str) -> None:
    """Show no progress."""


@dataclass
class State:
    """The stores, on one machine in one folder. What is opened is closed with the house."""

    settings: Settings
    progress: Callable[[str, str], None] = quiet
    _open: ExitStack = field(default_factory=ExitStack, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def read_format(self) -> None:
        """Raise BadPayload where a newer version made what is stored mean something else."""
        from tidegate.stored import refuse_newer

        if self.settings.home.exists():  # nothing is made for the question alone
            refuse_newer(self.objects)

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
    def suppressed(self) -> ports.Suppressed:
        """What hygiene kept out of the store."""
        from tidegate.adapters.local.withheld import WithheldFiles

        return WithheldFiles(self.settings.home / "suppressed")

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
    def budgets(self) -> ports.Budgets:
        """What may be asked of others in a stretch of time."""
        from tidegate.adapters.local.budgets import SqliteBudgets

        return SqliteBudgets(self.database, now)

    @cached_property
    def identity(self) -> TokenCredential:
        """Who this process is on Azure; nothing is asked yet."""
        from tidegate.adapters.azure.identity import credential

        return credential(self.settings.identity_client_id)

    @property
    def begun(self) -> bool:
        """Whether there is any state to read, as far as can be said without making one."""
        return self.settings.on_azure or (self.settings.home / "tidegate.sqlite").is_file()

    def units(self, day: str) -> Mapping[str, float]:  # noqa: ARG002 - others charge by the day
        """Return what the store charged on a day (ISO date) by source, in request units."""
        return {}

    def _http(
        self, *, outside: bool = False, authority: Path | None = None, retries: int = 3
    ) -> ports.Http:
        """Return a client: of the tenant, or of feeds, which never lead to inner addresses.

        `authority` is a file of certificates that are trusted instead of the usual ones.
        """
        from tidegate.adapters.http import HttpClient

        secrets = self.settings.secrets
        # A feed comes round again in minutes: one more try is enough. A case's step must end
        # before its message is shown to another worker.
        client = (
            HttpClient(retries=1, pace=1.0, secrets=secrets)
            if outside
            else HttpClient(
                retries=retries,
                total=60.0,
                allow_private=self.settings.simulated or authority is not None,
                secrets=secrets,
                authority=authority,
            )
        )
        return self._open.enter_context(client)
