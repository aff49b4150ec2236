"""What feeds are worth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.text import Text

from tidegate.gate.advice import percent
from tidegate.gate.worth import Advice, Worth
from tidegate.show.cells import out, plain, table

if TYPE_CHECKING:
    from tidegate.gate.value import Value

COLOURS = {Advice.KEEP: "green", Advice.LOOK: "yellow", Advice.DROP: "red", Advice.EARLY: "dim"}
COLUMNS = ("feed", "advice", "because", "indicators", "unique", "first", "lead", "harmless")
MORE = ("churn", "answered", "failed", "s")
SPARE = {"first", "lead", "harmless", "churn", "answered", "s"}
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def value(found: Value) -> None:
    """Print one line per feed, those to drop first."""
    order = [Advice.DROP, Advice.LOOK, Advice.KEEP, Advice.EARLY]
    feeds = sorted(found.feeds, key=lambda one: order.index(one.advice))
    rows = [_row(one, found.at) for one in feeds]
    table("What feeds are worth", (*COLUMNS, *MORE), rows, SPARE)


def _row(one: Worth, now: datetime) -> Sequence[object]:
    part, past = one.contribution, one.history
    figures = (percent(part.unique_share), percent(part.first_share), _lead(part.lead_seconds))
    shares = (*figures, percent(one.noise.harmless_share), percent(past.churn))
    seconds = "" if past.seconds is None else f"{past.seconds:.2f}"
    told = (Text(one.advice, style=COLOURS[one.advice]), one.because)
    counts = (f"{past.failed} of {past.runs}", seconds)
    return (one.feed, *told, part.indicators, *map(_blank, shares), _ago(one, now), *counts)


def worth(one: Worth, now: datetime) -> None:
    """Print all that is known of one feed's worth."""
    out.print(plain(f"{one.feed}: {one.advice}, {one.because}"), style=COLOURS[one.advice])
    table(one.title, ("what", "how much"), _facts(one, now))
    whole = one.contribution.indicators
    common = sorted(one.contribution.overlap.items(), key=lambda pair: (-pair[1], pair[0]))
    if common:
        lines = [(other, both, percent(both / whole)) for other, both in common]
        table("What others have, too", ("source", "indicators", "of this feed"), lines)


def _facts(one: Worth, now: datetime) -> Sequence[tuple[str, str]]:
    part, past, noise, cost = one.contribution, one.history, one.noise, one.cost
    return [
        ("indicators", f"{part.indicators:,}"),
        ("unique", _of(part.unique, part.unique_share)),
        ("lost without it", _of(part.lost, part.lost_share)),
        ("shared with independent sources", f"{part.shared:,}"),
        ("first of those", _of(part.first, part.first_share)),
        ("ahead of the first other (median)", _lead(part.lead_seconds)),
        ("known harmless", _of(noise.harmless, noise.harmless_share)),
        ("kept out in all", f"{noise.suppressed:,}"),
        ("hits in the tenant", f"{one.hits:,}"),
        ("false positives among them", f"{one.false_positives:,}"),
        ("right, of the judged ones", percent(one.precision)),
        ("came and went per answer", percent(past.churn)),
        ("last answer", _ago(one, now)),
        ("runs remembered", f"{past.runs:,}, {past.failed:,} failed"),
        ("of those in quarantine", f"{past.quarantined:,}"),
        ("requests per run", _number(cost.requests)),
        ("seconds per run", _number(cost.seconds)),
        ("request units of 30 days", f"{cost.units:,.0f}"),
        ("seconds per unique indicator", _number(cost.seconds_per_unique)),
        ("request units per unique indicator", _number(cost.units_per_unique)),
    ]


def _of(count: int, share: float | None) -> str:
    return f"{count:,}" if share is None else f"{count:,} ({percent(share)})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.3g}"


def _blank(text: str) -> str:
    return "" if text == "none" else text


def _ago(one: Worth, now: datetime) -> str:
    return "never" if one.fetched is None else f"{_span(now - one.fetched)} ago"


def _lead(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if abs(seconds) < 1:
        return "0 s"
    return f"{'-' if seconds < 0 else '+'}{_span(timedelta(seconds=abs(seconds)))}"


def _span(time: timedelta) -> str:
    """Return the largest unit that there is one of: `3 d`, `12 min`, `0 s`."""
    seconds = int(time.total_seconds())
    for unit, size in UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "0 s"
