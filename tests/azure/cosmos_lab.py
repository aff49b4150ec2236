"""The Cosmos store of tests: the real adapter and SDK, the stand-in, objects in a folder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from azure.core.credentials import TokenCredential
from cosmos_standin import Standin, served
from rerouted import Rerouted

from tidegate.adapters.azure.cosmos import CosmosSightings
from tidegate.adapters.azure.cosmos_budget import Account, Budget, ObjectSpending
from tidegate.adapters.azure.cosmos_cases import CASES, CosmosCases
from tidegate.adapters.azure.cosmos_client import Cosmos, Indicators
from tidegate.adapters.azure.cosmos_documents import INDICATORS
from tidegate.adapters.azure.cosmos_ledger import LEDGER, CosmosLedger
from tidegate.adapters.azure.cosmos_runs import RUNS, CosmosRuns
from tidegate.adapters.azure.cosmos_states import Copies
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.model import Kind, Sighting, Tlp
from tidegate.ports import Objects, Sightings
from tidegate.sightings import SCHEMA, STATE, fingerprinted, frame, unique

START = datetime(2026, 11, 18, 5, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Lab:
    """A stand-in account and a clock that is turned by hand; `store` makes stores on both."""

    root: Path
    now: datetime = START
    slept: list[float] = field(default_factory=list)
    _open: list[Cosmos] = field(default_factory=list)

    def __post_init__(self) -> None:
        kept = [INDICATORS, RUNS, CASES, LEDGER]
        self.standin = Standin(kept, now=lambda: self.clock().timestamp())
        self.keep_in(FileObjects(self.root, self.clock))
        self.address = ""

    def keep_in(self, objects: Objects) -> None:
        """Keep states and spending there from now on."""
        self.objects = objects
        self.spending = ObjectSpending(objects)

    def clock(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)

    def cosmos(self, credential: TokenCredential | str | None = None) -> Cosmos:
        url = f"https://{self.standin.host}"
        transport = Rerouted({".documents.azure.com": self.address})
        key = self.standin.key if credential is None else credential
        made = Cosmos(url, key, transport=transport, sleep=self.slept.append)
        self._open.append(made)
        return made

    def indicators(
        self, credential: TokenCredential | str | None = None, writers: int = 8
    ) -> Indicators:
        return Indicators(self.cosmos(credential), writers)

    def store(self, budget: Budget | None = None, writers: int = 8) -> CosmosSightings:
        account = Account(self.clock, self.spending, budget or Budget())
        indicators = self.indicators(writers=writers)
        copies = Copies(
            self.objects, SegmentStore(self.root.with_name(f"copies-{len(self._open)}"))
        )
        return CosmosSightings(indicators, self.objects, self.clock, account, copies)

    def runs(self) -> CosmosRuns:
        return CosmosRuns(self.cosmos())

    def cases(self) -> CosmosCases:
        return CosmosCases(self.cosmos())

    def ledger(self) -> CosmosLedger:
        return CosmosLedger(self.cosmos())

    def close(self) -> None:
        for made in self._open:
            made.close()

    def values(self) -> list[str]:
        """Return the values of all documents, in order."""
        return sorted(document["value"] for document in self.standin.documents().values())

    def cost(self, source: str):
        """Return what the source has cost today."""
        return self.spending.of(self.now.date().isoformat())[source]


@contextmanager
def lab(root: Path) -> Iterator[Lab]:
    """Yield a lab whose stand-in is served."""
    made = Lab(root)
    with served(made.standin) as made.address:
        yield made
        made.close()


def seen(value: str, source: str = "one", *, days: float = 14, **said) -> Sighting:
    """Return a sighting that holds for so many days."""
    times = {"first_seen": START - DAY, "last_seen": START, "expires": START + days * DAY}
    said = {"tags": ("a", "é\u2028"), "threat": "t", "reference": "r", "tlp": Tlp.AMBER, **said}
    return Sighting(Kind.DOMAIN, value, source, **{"confidence": 80, **times, **said})


def state(*rows: Sighting) -> pl.DataFrame:
    """Return sightings as a source's state."""
    marked = fingerprinted(unique(frame(rows).select(*SCHEMA)))
    return marked.with_columns(written=pl.lit(START).cast(STATE["written"])).select(*STATE)


def put(store: Sightings, *rows: Sighting, source: str = "one") -> None:
    """Commit these rows as the source's whole state, all of them changed."""
    whole = state(*rows)
    store.commit(source, whole, whole)


def many(count: int, prefix: str = "d", **said) -> list[Sighting]:
    """Return so many sightings of different domains."""
    return [seen(f"{prefix}{n}.example", **said) for n in range(count)]


def of_partition(partition: str, count: int) -> list[Sighting]:
    """Return so many sightings whose indicators share a partition."""
    found: Iterator[Sighting] = (seen(f"p{n}.example") for n in range(10**6))
    same: Callable[[Sighting], bool] = lambda one: one.indicator.startswith(partition)  # noqa: E731
    kept = filter(same, found)
    return [next(kept) for _ in range(count)]
