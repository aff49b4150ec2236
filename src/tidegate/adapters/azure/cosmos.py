"""Sightings in Cosmos DB: a document for each, and each source's state beside them as one object.

A commit compares the new state with the stored one, writes and deletes the documents that differ,
and then replaces the stored state. Killed in between, the next run finds the same differences and
writes the same documents again. Why so: `docs/decisions/0006-cosmos-documents.md`.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO

import polars as pl

from tidegate.adapters.azure.cosmos_batches import Batch, batches
from tidegate.adapters.azure.cosmos_budget import Account, Meter
from tidegate.adapters.azure.cosmos_client import Indicators
from tidegate.adapters.azure.cosmos_documents import sighting
from tidegate.adapters.azure.cosmos_states import STATES, Copies, scan, state_name
from tidegate.lease import Busy, Lease, held
from tidegate.model import Sighting
from tidegate.ports import Clock, Conflict, Objects, QuotaSpent, SourceDown, Stored
from tidegate.sightings import SCHEMA, STATE, TIME, named

# Renewals are written in slices, those that expire soonest first, so that a budget that ends in
# the middle of them leaves the ones that can wait.
SLICE = 25_600


@dataclass(frozen=True, slots=True)
class Plan:
    """What a commit has to write: `news` and `renewals` are rows of the new state, `gone` ids."""

    news: pl.DataFrame
    renewals: pl.DataFrame
    gone: pl.Series

    @property
    def ids(self) -> set[str]:
        """Every indicator that it writes or deletes."""
        return {*self.news["id"], *self.renewals["id"], *self.gone}


def planned(old: pl.LazyFrame, state: pl.DataFrame, changed: pl.DataFrame, now: datetime) -> Plan:
    """Compare a commit with the stored state.

    A renewal is a row that says what it said, and holds no shorter. Old rows that have expired
    need no deletion: that is the store's business.
    """
    before = old.select("id", before="fingerprint", until="expires").collect()
    seen = changed.join(before, on="id", how="left")
    same = (pl.col("before") == pl.col("fingerprint")) & (pl.col("expires") >= pl.col("until"))
    renewal = same.fill_null(value=False)
    living = before.filter(pl.col("until") > pl.lit(now, TIME))
    return Plan(
        news=seen.filter(~renewal).select(*SCHEMA),
        renewals=seen.filter(renewal).sort("until", "id").select(*SCHEMA),
        gone=living.join(state.select("id"), on="id", how="anti")["id"],
    )


def settled(old: pl.LazyFrame, state: pl.DataFrame, unwritten: set[str]) -> pl.DataFrame:
    """Return the new state as far as it was written: the rest stays as the store has it."""
    if not unwritten:
        return state.select(*STATE)
    left = pl.Series("id", sorted(unwritten), dtype=pl.String).to_frame()
    done = state.select(*STATE).join(left, on="id", how="anti")
    kept = old.collect().join(left, on="id", how="semi")
    return pl.concat([done, kept]).sort("id")


@dataclass(frozen=True, slots=True)
class CosmosSightings:
    """`ports.Sightings` in Cosmos DB, with the states in `objects`, and `copies` of them here."""

    indicators: Indicators
    objects: Objects
    clock: Clock
    account: Account
    copies: Copies
    _leases: dict[str, Lease] = field(default_factory=dict, init=False)

    def state(self, source: str) -> pl.DataFrame:
        """See `ports.Sightings`."""
        return scan(self.objects.get(state_name(source))).collect()

    def commit(self, source: str, state: pl.DataFrame, changed: pl.DataFrame) -> None:
        """See `ports.Sightings`. Raises QuotaSpent when not all of it could be written.

        What was written then is kept, and the next run finds the rest still to be done.
        """
        stored, now = self.objects.get(state_name(source)), self.clock()
        plan = planned(scan(stored), state, changed, now)
        with self.account.run(source) as meter:
            run = _Run(source, plan, meter)
            trouble = self._write(run, now)
            if run.done or trouble is None:
                left = plan.ids - run.done
                self._save(source, settled(scan(stored), state, left), stored)
        if trouble := trouble or self._short_of(run):
            raise trouble

    @contextmanager
    def writing(self, source: str) -> Iterator[None]:
        """See `ports.Sightings`. The lock is a lease, which ends a minute after its holder."""
        name = f"{STATES}{named(source)}.lock"
        with ExitStack() as stack:
            with suppress(Conflict):
                self.objects.put(name, b"", if_absent=True)
            try:
                lease = stack.enter_context(held(self.objects, name, str(uuid.uuid4())))
            except Busy as error:
                raise SourceDown(f"{source} is being written by another process") from error
            self._leases[source] = lease
            stack.callback(self._leases.pop, source)
            yield

    def of(self, indicator: str) -> list[Sighting]:
        """See `ports.Sightings`. What has expired is there until the store's TTL takes it."""
        found = [sighting(document) for document in self.indicators.of(indicator)]
        return sorted(found, key=lambda one: one.source)

    def reported(self, ids: pl.Series, now: datetime, *, again: bool = True) -> pl.DataFrame:
        """See `ports.Sightings`."""
        return self.copies.fresh().reported(ids, now, again=again)

    def networks(self, now: datetime) -> pl.DataFrame:
        """See `ports.Sightings`."""
        return self.copies.fresh().networks(now)

    def versions(self) -> dict[str, str]:
        """See `ports.Sightings`."""
        return self.copies.versions()

    def live(self, now: datetime, only: Collection[str] | None = None) -> pl.LazyFrame:
        """See `ports.Sightings`."""
        return self.copies.fresh().live(now, only)

    def changes(self, since: Mapping[str, str]) -> pl.DataFrame | None:
        """See `ports.Sightings`. What was written before this process began is not known."""
        return self.copies.changes(since)

    def _write(self, run: "_Run", now: datetime) -> SourceDown | None:
        """Write what is new, then renewals; return what stopped it, if the service did."""
        plan, meter, source = run.plan, run.meter, run.source
        nothing = plan.gone.clear()
        try:
            news = batches(plan.news, plan.gone, source, now)
            self._send(run, news, lambda: meter.open)
            for part in plan.renewals.iter_slices(SLICE):
                renewals = batches(part, nothing, source, now)
                self._send(run, renewals, lambda: meter.open_to_renewals)
        except SourceDown as trouble:
            return trouble
        return None

    def _send(self, run: "_Run", work: Iterable[Batch], is_open: Callable[[], bool]) -> None:
        """Write batches, as many at once as there may be, while the budget is open."""
        writers = self.indicators.writers
        with ThreadPoolExecutor(writers) as pool:
            flying: set[Future[None]] = set()
            for batch in work:
                if len(flying) == writers:
                    flying = _landed(flying)
                if not is_open():
                    break
                self._check(run.source)
                flying.add(pool.submit(run.write, batch, self.indicators))
            while flying:
                flying = _landed(flying)

    def _check(self, source: str) -> None:
        """Raise SourceDown once another may be writing; without a lease, ETags have to do."""
        lease = self._leases.get(source)
        try:
            if lease is not None:
                lease.check()
        except Conflict as error:
            raise _overtaken(source) from error

    def _save(self, source: str, state: pl.DataFrame, before: Stored | None) -> None:
        data = BytesIO()
        state.write_parquet(data, compression="zstd", compression_level=1)
        self._check(source)
        etag = before.etag if before else None
        try:
            self.objects.put(
                state_name(source), data.getvalue(), if_match=etag, if_absent=etag is None
            )
        except Conflict as error:
            raise _overtaken(source) from error

    def _short_of(self, run: "_Run") -> QuotaSpent | None:
        """Return what to say when the budget ended the run, if it did."""
        plan = run.plan
        news = len({*plan.news["id"], *plan.gone} - run.done)
        if news:
            said = f"{run.source}: the day's request units are spent, {news:,} changes wait"
            return QuotaSpent(said, retry_after=self.account.until_tomorrow())
        renewals = len(plan.ids - run.done)
        # No time to wait for: what is new may still be written, and is what the rest is kept for.
        said = f"{run.source}: all that is new is stored, {renewals:,} renewals wait for units"
        return QuotaSpent(said) if renewals else None


@dataclass(frozen=True, slots=True)
class _Run:
    """One commit on its way. `done` are the indicators whose documents are as they should be."""

    source: str
    plan: Plan
    meter: Meter
    done: set[str] = field(default_factory=set)

    def write(self, batch: Batch, indicators: Indicators) -> None:
        indicators.write(batch, self.meter.charged)
        self.done.update(batch.indicators)
        self.meter.wrote(len(batch.operations))


def _landed(flying: set[Future[None]]) -> set[Future[None]]:
    """Wait for one at least; return those still under way. Raises what one of them raised."""
    landed, rest = wait(flying, return_when=FIRST_COMPLETED)
    for future in landed:
        future.result()
    return rest


def _overtaken(source: str) -> SourceDown:
    return SourceDown(f"{source} was written by another process meanwhile")
