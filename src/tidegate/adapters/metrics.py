"""Figures of what happens, by OpenTelemetry.

Nothing here exports them: whoever provides the meter does. On the global meter of a process that
configured no telemetry, counting costs nothing. Labels name feeds and what became of something;
never a value or an address.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from tidegate.gate.run import Gated
from tidegate.ingest.pulse import Pulse
from tidegate.model import Outcome

RUN_UNITS = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0)
RUN_SECONDS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)

HELD = 15.0  # seconds; one reading asks several times, and the memory may be far away

Observed = Callable[[CallbackOptions], Iterable[Observation]]


@dataclass
class Lookups:
    """What is looked up when somebody reads the figures.

    `look` tells how each feed is; `units` what the store charged today, by source; `cases` how many
    are unfinished and how old the oldest of them is, in seconds, where this process works on cases.
    """

    look: Callable[[], Iterable[Pulse]]
    units: Callable[[], Mapping[str, float]]
    cases: Callable[[], tuple[int, float] | None] = lambda: None
    _looked: float = -math.inf
    _found: list[Pulse] = field(default_factory=list)

    def pulses(self) -> list[Pulse]:
        """Return how each feed is, or was seconds ago."""
        if time.monotonic() - self._looked > HELD:
            self._found, self._looked = list(self.look()), time.monotonic()
        return self._found

    def ages(self, _: CallbackOptions) -> Iterable[Observation]:
        """Observe how long ago feeds answered; one that never did has no age."""
        return [_of(one, one.age) for one in self.pulses() if one.age is not None]

    def rows(self, _: CallbackOptions) -> Iterable[Observation]:
        """Observe how large feeds are."""
        return [_of(one, one.rows) for one in self.pulses()]

    def quarantined(self, _: CallbackOptions) -> Iterable[Observation]:
        """Observe which feeds are in quarantine."""
        return [_of(one, int(one.quarantined)) for one in self.pulses()]

    def unfinished(self, _: CallbackOptions) -> Iterable[Observation]:
        """Observe how many cases are unfinished."""
        return [Observation(found[0])] if (found := self.cases()) else []

    def oldest(self, _: CallbackOptions) -> Iterable[Observation]:
        """Observe how old the oldest unfinished case is."""
        return [Observation(found[1])] if (found := self.cases()) else []

    def charged(self, _: CallbackOptions) -> Iterable[Observation]:
        """Observe what the store charged."""
        return [Observation(units, {"source": name}) for name, units in self.units().items()]


def _of(pulse: Pulse, value: float) -> Observation:
    return Observation(value, {"feed": pulse.feed})


class Metrics:
    """The instruments of this process, on a meter."""

    def __init__(self, meter: Meter, lookups: Lookups) -> None:
        counter, gauge = meter.create_counter, meter.create_observable_gauge
        self._indicators = counter(
            "tidegate.feed.indicators",
            description="Indicators of feeds by what became of them; written are new and changed.",
        )
        self._runs = counter("tidegate.feed.runs", description="Runs of feeds by how they ended.")
        self._requests = counter(
            "tidegate.feed.requests", description="Requests to feeds, without retries."
        )
        self._gate = counter(
            "tidegate.gate.changes", description="Places of a target that changed, or did not."
        )
        self._run = meter.create_histogram(
            "tidegate.feed.run.duration",
            "s",
            "How long runs of feeds took.",
            explicit_bucket_boundaries_advisory=RUN_SECONDS,
        )
        self._units = meter.create_histogram(
            "tidegate.store.run.request_units",
            description="What the store charged for a run of a source.",
            explicit_bucket_boundaries_advisory=RUN_UNITS,
        )
        looked: list[tuple[str, Observed, str, str]] = [
            ("tidegate.feed.age", lookups.ages, "s", "Time since a feed last answered."),
            ("tidegate.feed.rows", lookups.rows, "", "Rows of the last payload that was let in."),
            ("tidegate.feed.quarantined", lookups.quarantined, "", "1 while one is in quarantine."),
            ("tidegate.case.unfinished", lookups.unfinished, "", "Cases that have no end yet."),
            ("tidegate.case.oldest", lookups.oldest, "s", "Age of the oldest of them."),
            ("tidegate.store.request_units", lookups.charged, "", "Charged today (UTC) so far."),
        ]
        for name, look, unit, says in looked:
            gauge(name, [look], unit, says)

    def ran(self, outcome: Outcome) -> None:
        """Count one run of a feed."""
        feed = {"feed": outcome.feed}
        self._runs.add(1, feed | {"status": outcome.status.value})
        self._requests.add(outcome.requests, feed)
        self._run.record(outcome.seconds, feed)
        for became, number in _became(outcome).items():
            self._indicators.add(number, feed | {"became": became})

    def charged(self, source: str, units: float) -> None:
        """Count what the store charged for one run."""
        self._units.record(units, {"source": source})

    def gated(self, found: Gated) -> None:
        """Count what a cycle of the gate changed at one target."""
        if found.applied is not None:
            done = found.applied
            became = {"written": done.written, "removed": done.removed, "refused": len(done.failed)}
            for name, number in became.items():
                self._gate.add(number, {"target": found.target, "became": name})


def _became(outcome: Outcome) -> dict[str, int]:
    return {
        "new": outcome.new,
        "changed": outcome.changed,
        "withdrawn": outcome.withdrawn,
        "suppressed": outcome.suppressed,
        "rejected": sum(outcome.rejected.values()),
        "repeated": outcome.repeated,
    }
