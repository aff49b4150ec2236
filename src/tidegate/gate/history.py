"""What the remembered runs of a feed tell of it: how big, how restless, how reliable, how dear."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

from tidegate.model import Origin, Run, Status

DRAWN = timedelta(days=30)
POINTS = 60
ANSWERED = {Status.OK, Status.UNCHANGED, Status.PARTIAL}


@dataclass(frozen=True, slots=True)
class History:
    """The runs of one feed; `answers` are those that brought its own rows, or that none changed.

    `churn` is what came and went per answer, as a share of the list (1 = all of it). `volume` are
    the rows of the last answer in each of 60 parts of the last 30 days, oldest first; `refused`
    says in which of them a fetch was quarantined. `requests` and `seconds` are means per run.
    """

    runs: int
    answers: int
    failed: int
    quarantined: int
    status: Status | None
    reason: str | None
    ran: datetime | None
    changed: datetime | None
    churn: float | None
    requests: float | None
    seconds: float | None
    volume: tuple[int | None, ...]
    refused: tuple[bool, ...]


def history(remembered: Sequence[Run], now: datetime) -> History:
    """Sum up runs, which come newest first. Those that took part of a payload are left out.

    A sample shows something where there is nothing else yet; it is no answer of the feed's own.
    """
    runs = [run for run in remembered if run.since is None and run.until is None]
    answers = [run for run in runs if run.outcome.status in ANSWERED]
    own = [run for run in answers if run.outcome.origin is not Origin.SAMPLE]
    answers = own or answers
    newest = runs[0].outcome if runs else None
    moved = (run.at for run in answers if run.outcome.new or run.outcome.withdrawn)
    quarantined = [run for run in runs if run.outcome.status is Status.QUARANTINED]
    return History(
        runs=len(runs),
        answers=len(own),
        failed=sum(run.outcome.failed for run in runs),
        quarantined=len(quarantined),
        status=newest.status if newest else None,
        reason=newest.reason if newest else None,
        ran=runs[0].at if runs else None,
        changed=next(moved, None),
        churn=_churn(answers),
        requests=_mean(run.outcome.requests for run in runs),
        seconds=_mean(run.outcome.seconds for run in runs),
        volume=_volume(answers, now),
        refused=_refused(quarantined, now),
    )


def _churn(answers: Sequence[Run]) -> float | None:
    """Return what came and went per answer. The first of each origin loads a list: no churn."""
    shares, seen = [], set[Origin]()
    for run in reversed(answers):
        outcome = run.outcome
        if outcome.origin in seen:
            shares.append((outcome.new + outcome.withdrawn) / max(outcome.kept, 1))
        seen.add(outcome.origin)
    return _mean(shares)


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return fmean(known) if known else None


def _volume(answers: Sequence[Run], now: datetime) -> tuple[int | None, ...]:
    points: list[int | None] = [None] * POINTS
    for run in reversed(answers):
        if (at := _point(run.at, now)) is not None:
            points[at] = run.outcome.rows
    return tuple(points)


def _refused(quarantined: Sequence[Run], now: datetime) -> tuple[bool, ...]:
    where = {_point(run.at, now) for run in quarantined}
    return tuple(at in where for at in range(POINTS))


def _point(at: datetime, now: datetime) -> int | None:
    """Return in which part of the time that is drawn a moment lies, None if in none."""
    parts = (now - at) / (DRAWN / POINTS)
    return POINTS - 1 - max(int(parts), 0) if parts < POINTS else None
