"""The main job: feeds in, alerts detonated, the gate's plan applied, the map refreshed."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from tidegate import detonate
from tidegate.correlation import working_on
from tidegate.declare.feed import Feed
from tidegate.gate.cycle import cycle
from tidegate.gate.run import Gated
from tidegate.ingest import journal
from tidegate.ingest.alerts import BROKEN, alert
from tidegate.ingest.run import Job, run
from tidegate.ingest.schedule import due
from tidegate.ingest.turns import Turns
from tidegate.ingest.world import World as Ingest
from tidegate.maps import runs
from tidegate.maps.refresh import refresh_all
from tidegate.maps.result import Refresh, Result
from tidegate.model import ENDS, Case, Origin, Outcome, Status
from tidegate.ports import BadPayload, SourceDown
from tidegate.wiring import Local

log = logging.getLogger(__name__)

AT_ONCE = 4  # feeds wait for the network, most of the time
CASES_SHOWN = 1_000
PATIENCE = timedelta(seconds=120)
TICK = 5.0
GATE_EVERY = timedelta(minutes=15)
LISTS_LOOK = 60.0


@dataclass(frozen=True, slots=True)
class Summary:
    """What one run of the main job did."""

    feeds: list[Outcome]
    cases: list[Case]
    gated: list[Gated]
    maps: list[Refresh]
    reason: str | None = None  # why the alerts could not be read

    @property
    def failed(self) -> bool:
        """Whether anything failed that its reader should look at."""
        lost = any(refresh.result in FAILED_REFRESHES for refresh in self.maps)
        unfinished = any(case.stage not in ENDS for case in self.cases)
        # A feed that fell back on its sample did what it could without a network or a key.
        feeds = any(feed.failed and feed.origin is not Origin.SAMPLE for feed in self.feeds)
        gated = any(one.failed for one in self.gated)
        return feeds or unfinished or gated or lost or self.reason is not None


FAILED_REFRESHES = {Result.DOWN, Result.LOST}


def enabled(house: Local) -> list[Feed]:
    """Return the feeds that settings and people leave on. One's own that are broken are told of."""
    for name, mistakes in house.catalogue.broken.items():
        alert(name, BROKEN, "; ".join(mistakes), house.memory, house.ingest.clock())
    return house.choice.running(house.catalogue.feeds.values())


def ingest_all(chosen: Iterable[Feed], house: Local) -> Iterator[Outcome]:
    """Run feeds side by side. Where one cannot be reached, the simulated house reads its sample."""
    world = house.ingest
    with ThreadPoolExecutor(AT_ONCE) as pool:
        simulated = house.settings.simulated
        yield from pool.map(lambda feed: _or_sample(feed, world, simulated=simulated), chosen)


def _or_sample(feed: Feed, world: Ingest, *, simulated: bool, patient: bool = False) -> Outcome:
    outcome = run(Job(feed, patient=patient), world)
    sample = feed.sample()
    real = world.feeds.state(feed.name).origin in {Origin.LIVE, Origin.FILE}
    if outcome.status is not Status.SOURCE_DOWN or sample is None or real or not simulated:
        return outcome
    with TemporaryDirectory() as folder:
        path = Path(folder) / feed.name
        path.write_bytes(sample)
        shown = run(Job(feed, path, Origin.SAMPLE), world)
    return replace(shown, reason=f"sample, because: {outcome.reason}")


def ingest_due(house: Local) -> list[Outcome]:
    """Run the feeds whose time has come."""
    now = house.ingest.clock()
    outcomes = list(ingest_all(due(enabled(house), house.memory, now), house))
    journal.total(outcomes)
    return outcomes


def feed_all(house: Local, stopped: threading.Event) -> None:
    """Run each feed when its time has come, until stopped."""

    def turn(feed: Feed) -> Outcome | None:
        # It may have waited for a place, and a request may have run it meanwhile.
        if not any(due([feed], house.memory, house.ingest.clock())):
            return None
        try:
            return _or_sample(feed, house.ingest, simulated=house.settings.simulated, patient=True)
        except SourceDown as busy:
            log.info("feed %s waits: %s", feed.name, busy)
            return None

    with Turns(turn, AT_ONCE) as turns:
        while not stopped.wait(TICK):
            journal.total(turns.ended())
            turns.give(due(enabled(house), house.memory, house.ingest.clock()))


def detonate_all(house: Local, patience: timedelta = PATIENCE) -> list[Case]:
    """Read new alerts and work until every case ended, or patience did."""
    detonate.poll(house.detonate)
    work_on(house, lambda: _open_cases(house.detonate), patience)
    return house.detonate.cases.newest(CASES_SHOWN)


def work_on(house: Local, more: Callable[[], bool], patience: timedelta = PATIENCE) -> None:
    """Work on cases while there is more to do, or until patience ends."""
    world, deadline = house.detonate, time.monotonic() + patience.total_seconds()
    while more() and time.monotonic() < deadline:
        detonate.poll_finished(world)
        if not detonate.work(world):
            time.sleep(0.05)


def _open_cases(world: detonate.World) -> bool:
    return any(case.stage not in ENDS for case in world.cases.newest(CASES_SHOWN))


def gate_all(house: Local) -> list[Gated]:
    """Run the gate once; where nothing answers, that is what there is to tell."""
    try:
        with working_on("gate"):
            found = list(cycle(house.gate))
    except (SourceDown, BadPayload) as error:
        return [Gated("gate", reason=str(error))]
    house.gated(found)
    return found


def once(house: Local, told: Callable[[str], None]) -> Summary:
    """Run the main job once; `told` hears what begins.

    On a real tenant nothing is enforced before the warninglists that name the harmless were asked
    for, at least.
    """
    if not house.settings.simulated:
        house.refresh_old_warninglists()
        house.renew()
    told("feeds")
    outcomes = list(ingest_all(enabled(house), house))
    journal.total(outcomes)
    told("alerts")
    cases, reason = _detonated(house)
    told("gate")
    gated = gate_all(house)
    told("map")
    with working_on("map"):
        refreshed = list(refresh_all(house.maps))
    return Summary(outcomes, cases, gated, refreshed, reason)


def _detonated(house: Local) -> tuple[list[Case], str | None]:
    """Detonate; a tenant that does not answer keeps the rest of the job from nothing."""
    try:
        return detonate_all(house), None
    except (SourceDown, BadPayload) as error:
        return house.detonate.cases.newest(CASES_SHOWN), f"alerts were not read: {error}"


def keep_going(house: Local, stopped: threading.Event) -> list[threading.Thread]:
    """Start what `up` does from then on: alerts at once, feeds and datasets when they are due.

    A bug in one ends all, loudly: part of a house would look like a whole one.
    """
    jobs = {
        "alerts": lambda: detonate.run(house.detonate, stopped),
        "feeds": lambda: feed_all(house, stopped),
        "schedule": lambda: _on_schedule(house, stopped),
        "warninglists": lambda: lists_due(house, stopped),
    }

    def carry_on(job: Callable[[], None]) -> None:
        try:
            job()
        finally:
            stopped.set()

    threads = [
        threading.Thread(target=carry_on, args=(job,), name=name) for name, job in jobs.items()
    ]
    for thread in threads:
        thread.start()
    return threads


def lists_due(house: Local, stopped: threading.Event) -> None:
    """Bring the warninglists when they are old; take up also those that a command brought."""
    while not stopped.wait(LISTS_LOOK):
        house.refresh_old_warninglists(stopped.is_set)
        house.renew()


def map_due(house: Local) -> None:
    """Go on with what was asked for and left, and refresh the datasets that are due."""
    with working_on("map"):
        runs.take_over(house.maps)
        for told in refresh_all(house.maps):
            if told.result in FAILED_REFRESHES:
                log.warning("map %s: %s", told.dataset, told.reason)


def _on_schedule(house: Local, stopped: threading.Event) -> None:
    gate_due = time.monotonic() + GATE_EVERY.total_seconds()
    while not stopped.wait(TICK):
        house.invent_logs()
        map_due(house)
        if time.monotonic() >= gate_due:
            gate_due = time.monotonic() + GATE_EVERY.total_seconds()
            log_gate(gate_all(house))


def log_gate(done: Iterable[Gated]) -> None:
    """Write a line for each target."""
    for one in done:
        if one.reason or one.held_back:
            why = one.reason or f"{one.open} changes wait: {one.held_back}"
            log.warning("gate %s: %s", one.target, why)
        elif one.applied:
            made = (one.target, one.applied.written, one.applied.removed, len(one.applied.failed))
            log.info("gate %s: written %d, removed %d, refused %d", *made)
