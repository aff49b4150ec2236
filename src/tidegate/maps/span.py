"""What part of the logs one run asks for."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tidegate.declare.dataset import Dataset
from tidegate.maps.state import State

# Rows younger than this may still be on their way into the table that we read.
SETTLE = timedelta(minutes=2)
# Log Analytics takes rows dated up to two days before and one day after their receipt.
LATE, EARLY = timedelta(days=3), timedelta(days=1)
RECONCILE = timedelta(days=1)
EPOCH = datetime(1, 1, 1, tzinfo=UTC)  # Kusto's bin() counts from here


@dataclass(frozen=True, slots=True)
class Span:
    """What one run asks for: rows received in (cursor, cut] that happened since `start`."""

    full: bool
    cursor: datetime
    cut: datetime
    start: datetime

    @property
    def end(self) -> datetime:
        """Before when all rows happened that can have been received by the cut."""
        return self.cut + SETTLE + EARLY

    def bounded(self, kql: str) -> str:
        """Return the query with its bounds as `let` lines; the query itself is left alone."""
        return f"let _cursor = {_literal(self.cursor)};\nlet _cut = {_literal(self.cut)};\n{kql}"


def span(dataset: Dataset, state: State, now: datetime, *, again: bool) -> Span:
    """Return the whole window, or the part since the watermark when that is enough."""
    # To the minute: who asks twice within one gets the answer that is remembered.
    cut = (now - SETTLE).replace(second=0, microsecond=0)
    start = _begun(dataset, cut - dataset.window)
    if again or state.watermark is None or dataset.finest is None or _unsure(state, cut):
        return Span(True, start - EARLY, cut, start)
    cursor = state.watermark - dataset.overlap
    return Span(False, cursor, cut, max(start, _begun(dataset, cursor - LATE)))


def _begun(dataset: Dataset, start: datetime) -> datetime:
    """Return where the grain began that `start` is in: a bin that is cut would count too little."""
    if not isinstance(dataset.grain, timedelta):
        return start
    return start - (start - EPOCH) % dataset.grain


def _unsure(state: State, cut: datetime) -> bool:
    """Whether the whole window has to be read: once a day, and after a clock was put right.

    A watermark in the future means that rows came in under times that we took for read.
    """
    ahead = state.watermark is not None and state.watermark > cut
    return ahead or state.reconciled is None or abs(cut - state.reconciled) >= RECONCILE


def _literal(when: datetime) -> str:
    return f"datetime({when.astimezone(UTC).isoformat().replace('+00:00', 'Z')})"
