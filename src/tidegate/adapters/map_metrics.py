"""Figures of the map, by OpenTelemetry: see `metrics` beside it. Labels name datasets."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from tidegate.adapters.metrics import HELD, RUN_SECONDS, Observed
from tidegate.maps.pulse import Pulse
from tidegate.maps.result import Refresh, Result


@dataclass
class Looked:
    """What `look` tells of datasets, looked up when somebody reads the figures."""

    look: Callable[[], Iterable[Pulse]]
    _looked: float = -math.inf
    _found: list[Pulse] = field(default_factory=list)

    def each(self, value: Callable[[Pulse], float | None]) -> Observed:
        """Return what observes a value of each dataset that has one."""

        def observe(_: CallbackOptions) -> Iterable[Observation]:
            found = [(one.dataset, value(one)) for one in self._pulses()]
            return [
                Observation(told, {"dataset": name}) for name, told in found if told is not None
            ]

        return observe

    def _pulses(self) -> list[Pulse]:
        if time.monotonic() - self._looked > HELD:
            self._found, self._looked = list(self.look()), time.monotonic()
        return self._found


class MapMetrics:
    """The map's instruments of this process, on a meter."""

    def __init__(self, meter: Meter, look: Callable[[], Iterable[Pulse]]) -> None:
        counter, looked = meter.create_counter, Looked(look)
        self._refreshes = counter(
            "tidegate.map.refreshes", description="Refreshes by how they ended; lost ones, too."
        )
        self._rows = counter("tidegate.map.answered", description="Rows that the logs answered.")
        self._calls = counter("tidegate.map.queries", description="Calls to the logs: slices.")
        self._partial = counter(
            "tidegate.map.partial", description="Refreshes whose answer was cut short."
        )
        self._took = meter.create_histogram(
            "tidegate.map.refresh.duration",
            "s",
            "How long refreshes took that were not throttled.",
            explicit_bucket_boundaries_advisory=RUN_SECONDS,
        )
        gauges: list[tuple[str, Observed, str, str]] = [
            ("age", looked.each(lambda one: one.age), "s", "Time since the last refresh."),
            ("lag", looked.each(lambda one: one.lag), "s", "How far the watermark is behind."),
            ("rows", looked.each(lambda one: one.rows), "", "Rows of the newest version."),
            ("size", looked.each(lambda one: one.bytes), "By", "Bytes of it, unpacked."),
            ("incomplete", looked.each(lambda one: one.partial), "", "1 while it is in part."),
        ]
        for name, look_, unit, says in gauges:
            meter.create_observable_gauge(f"tidegate.map.{name}", [look_], unit, says)

    def refreshed(self, told: Refresh) -> None:
        """Count one refresh."""
        dataset = {"dataset": told.dataset}
        self._refreshes.add(1, dataset | {"result": told.result.name.lower()})
        self._rows.add(told.answered, dataset)
        self._calls.add(told.calls, dataset)
        self._partial.add(int(told.partial), dataset)
        if told.result is not Result.FRESH:
            self._took.record(told.took.total_seconds(), dataset)
