"""Which feeds to drop: in words, and only by thresholds that stand in `THRESHOLDS`.

The first rule that has something to say decides. Two lists that repeat each other are not both
dropped: whoever goes first is no longer there to confirm the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tidegate.declare.feed import Use
from tidegate.gate.worth import Advice, Worth
from tidegate.model import Status

LEAST_ANSWERS = 3
FEW_UNIQUE = 0.05
RARELY_FIRST = 0.10
OFTEN_HARMLESS = 0.20
OFTEN_FAILED = 0.50
SILENT = timedelta(days=30)
LEAST_SAID, WHOLE_FROM, MOST_SAID = 0.001, 0.0995, 0.99
THRESHOLDS = {
    "least_answers": LEAST_ANSWERS,
    "few_unique": FEW_UNIQUE,
    "rarely_first": RARELY_FIRST,
    "often_harmless": OFTEN_HARMLESS,
    "often_failed": OFTEN_FAILED,
    "silent_days": SILENT.days,
}

Remaining = Callable[[str, frozenset[str]], float | None]
"""The unique share of a feed, had those others been dropped."""
Rule = Callable[[Worth, datetime], str | None]


def advised(found: Sequence[Worth], remaining: Remaining, now: datetime) -> list[Worth]:
    """Return the feeds with advice, in their order."""
    gone: set[str] = set()
    judged = {}
    for one in sorted(found, key=_worst_first):
        judged[one.feed] = told = _reconsidered(_judged(one, now), remaining, frozenset(gone))
        gone |= {one.feed} if told.advice is Advice.DROP else set()
    return [judged[one.feed] for one in found]


def _worst_first(one: Worth) -> tuple[float, float, float, str]:
    noise, part = one.noise.harmless_share or 0, one.contribution
    return (-noise, part.unique_share or 0, part.first_share or 0, one.feed)


def _judged(one: Worth, now: datetime) -> Worth:
    for advice, rule in RULES:
        if because := rule(one, now):
            return replace(one, advice=advice, because=because)
    return replace(one, advice=Advice.KEEP, because=_in_figures(one))


def _reconsidered(one: Worth, remaining: Remaining, gone: frozenset[str]) -> Worth:
    if one.advice is not Advice.DROP or not gone or not _few(one.contribution.unique_share):
        return one
    without = remaining(one.feed, gone)
    if without is None or without < FEW_UNIQUE:
        return one
    because = f"{percent(without)} unique once {', '.join(sorted(gone))} is dropped"
    return replace(one, advice=Advice.KEEP, because=because)


def _too_early(one: Worth, _: datetime) -> str | None:
    answers = one.history.answers
    if answers >= LEAST_ANSWERS:
        return None
    if not answers and one.history.reason:
        return f"no answer yet: {one.history.reason}"
    return f"{answers} of {LEAST_ANSWERS} answers so far"


def _silent(one: Worth, now: datetime) -> str | None:
    silence = now - one.fetched if one.fetched else timedelta()
    return f"no answer for {silence.days} days" if silence >= SILENT else None


def _adds_little(one: Worth, _: datetime) -> str | None:
    """A label is no opinion that others could confirm, so it is not judged by what it alone has."""
    part, noise = one.contribution, one.noise
    if one.use != Use.BLOCK or not _few(part.unique_share):
        return None
    if _often_harmless(one):
        return (
            f"{percent(part.unique_share)} unique, {percent(noise.harmless_share)} known harmless"
        )
    if part.first_share is not None and part.first_share < RARELY_FIRST:
        return _in_figures(one)
    return None


def _quarantined(one: Worth, _: datetime) -> str | None:
    held = one.history.status is Status.QUARANTINED
    return f"in quarantine: {one.history.reason}" if held else None


def _late(one: Worth, now: datetime) -> str | None:
    if not one.late or one.fetched is None:
        return None
    silence = now - one.fetched
    long = f"{silence.days} days" if silence.days > 1 else f"{silence / timedelta(hours=1):.0f} h"
    return f"no answer for {long}: {one.history.reason or one.history.status}"


def _failing(one: Worth, _: datetime) -> str | None:
    past = one.history
    often = past.runs and past.failed / past.runs >= OFTEN_FAILED
    return f"{past.failed} of {past.runs} runs failed" if often else None


def _noisy(one: Worth, _: datetime) -> str | None:
    return f"{percent(one.noise.harmless_share)} known harmless" if _often_harmless(one) else None


def _repeats(one: Worth, _: datetime) -> str | None:
    lost = one.contribution.lost_share
    if one.use != Use.BLOCK or one.group is None or not _few(lost):
        return None
    return f"{percent(lost)} would be lost without it: others of its group have the rest"


RULES: tuple[tuple[Advice, Rule], ...] = (
    (Advice.EARLY, _too_early),
    (Advice.DROP, _silent),
    (Advice.DROP, _adds_little),
    (Advice.LOOK, _quarantined),
    (Advice.LOOK, _late),
    (Advice.LOOK, _failing),
    (Advice.LOOK, _noisy),
    (Advice.LOOK, _repeats),
)


def _few(share: float | None) -> bool:
    return share is not None and share < FEW_UNIQUE


def _often_harmless(one: Worth) -> bool:
    return (one.noise.harmless_share or 0) >= OFTEN_HARMLESS


def _in_figures(one: Worth) -> str:
    part = one.contribution
    if not part.indicators:
        return "lists nothing now"
    unique = f"{percent(part.unique_share)} unique"
    first = part.first_share
    return unique if first is None else f"{unique}, first in {percent(first)} of what it shares"


def percent(share: float | None) -> str:
    """Return a share in words: `62 %`, `4.8 %`; never a 0 or 100 that was rounded."""
    match share:
        case None:
            return "none"
        case _ if 0 < share < LEAST_SAID:
            return "<0.1 %"
        case _ if MOST_SAID < share < 1:
            return ">99 %"
        case _ if share < WHOLE_FROM:
            return f"{100 * share:.1f}".removesuffix(".0") + " %"
    return f"{100 * share:.0f} %"
