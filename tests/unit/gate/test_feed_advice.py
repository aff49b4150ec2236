"""Which feeds to drop, and the words for it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.gate.advice import advised, percent
from tidegate.gate.history import history
from tidegate.gate.worth import Advice, Contribution, Cost, Noise, Worth
from tidegate.model import Origin, Outcome, Run, Status

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD = Contribution(
    indicators=100, unique=60, unique_share=0.6, lost_share=0.6, shared=40, first_share=0.5
)


def runs(*statuses: Status, reason: str | None = None, origin: Origin = Origin.LIVE):
    return history(
        [
            Run(str(n), NOW - timedelta(hours=n), Outcome("f", s, reason=reason, origin=origin))
            for n, s in enumerate(statuses)
        ],
        NOW,
    )


STEADY = runs(*[Status.OK] * 5)


def worth(name: str = "one", **more) -> Worth:
    plain = Worth(
        feed=name,
        title=name,
        use="block",
        group=None,
        every_seconds=3600,
        origin="live",
        fetched=NOW,
        late=False,
        history=STEADY,
        contribution=GOOD,
        noise=Noise(),
        cost=Cost(),
    )
    return replace(plain, **more)


def judged(one: Worth) -> tuple[Advice, str]:
    [found] = advised([one], lambda *_: None, NOW)
    return found.advice, found.because


def part(**more) -> Contribution:
    return replace(GOOD, **more)


@pytest.mark.parametrize(
    ("change", "advice", "because"),
    [
        ({}, Advice.KEEP, "60 % unique, first in 50 % of what it shares"),
        (
            {"contribution": part(first_share=None, unique_share=1.0)},
            Advice.KEEP,
            "100 % unique",
        ),
        ({"contribution": Contribution()}, Advice.KEEP, "lists nothing now"),
        ({"history": runs(Status.OK, Status.OK)}, Advice.EARLY, "2 of 3 answers so far"),
        (
            {"history": runs(Status.SOURCE_DOWN, reason="needs a key")},
            Advice.EARLY,
            "no answer yet: needs a key",
        ),
        (
            {"history": runs(*[Status.OK] * 5, origin=Origin.SAMPLE)},
            Advice.EARLY,
            "0 of 3 answers so far",
        ),
        (
            {"contribution": part(unique_share=0.02), "noise": Noise(9, 9, 0.41)},
            Advice.DROP,
            "2 % unique, 41 % known harmless",
        ),
        (
            {"contribution": part(unique_share=0.02, first_share=0.03)},
            Advice.DROP,
            "2 % unique, first in 3 % of what it shares",
        ),
        (
            {"contribution": part(unique_share=0.02, first_share=0.3)},
            Advice.KEEP,
            "2 % unique, first in 30 % of what it shares",
        ),
        (
            {"use": "label", "contribution": part(unique_share=0.0, first_share=0.0)},
            Advice.KEEP,
            "0 % unique, first in 0 % of what it shares",
        ),
        (
            {"fetched": NOW - timedelta(days=34), "late": True},
            Advice.DROP,
            "no answer for 34 days",
        ),
        (
            {"history": runs(Status.QUARANTINED, *[Status.OK] * 5, reason="3 of 900 rows")},
            Advice.LOOK,
            "in quarantine: 3 of 900 rows",
        ),
        (
            {
                "fetched": NOW - timedelta(hours=5),
                "late": True,
                "history": runs(Status.SOURCE_DOWN, *[Status.OK] * 5, reason="no network"),
            },
            Advice.LOOK,
            "no answer for 5 h: no network",
        ),
        (
            {"fetched": NOW - timedelta(days=8), "late": True},
            Advice.LOOK,
            "no answer for 8 days: ok",
        ),
        (
            {"history": runs(*[Status.OK] * 3, *[Status.BAD_PAYLOAD] * 3)},
            Advice.LOOK,
            "3 of 6 runs failed",
        ),
        ({"noise": Noise(30, 25, 0.2)}, Advice.LOOK, "20 % known harmless"),
        (
            {"group": "pair", "contribution": part(lost_share=0.001)},
            Advice.LOOK,
            "0.1 % would be lost without it: others of its group have the rest",
        ),
    ],
)
def test_the_first_rule_that_has_something_to_say_decides(change, advice, because):
    assert judged(worth(**change)) == (advice, because)


def test_two_lists_that_repeat_each_other_are_not_both_dropped():
    poor = part(unique_share=0.0, first_share=0.0)
    asked: list[tuple[str, frozenset[str]]] = []

    def remaining(feed: str, gone: frozenset[str]) -> float:
        asked.append((feed, gone))
        return 1.0

    found = advised([worth("b", contribution=poor), worth("a", contribution=poor)], remaining, NOW)
    assert [(one.feed, one.advice) for one in found] == [("b", Advice.KEEP), ("a", Advice.DROP)]
    assert found[0].because == "100 % unique once a is dropped"
    assert asked == [("b", frozenset({"a"}))]


def test_a_third_that_stays_keeps_both_dropped():
    poor = part(unique_share=0.0, first_share=0.0)
    pair = [worth(name, contribution=poor) for name in "ab"]
    assert {one.advice for one in advised(pair, lambda *_: 0.0, NOW)} == {Advice.DROP}


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "none"),
        (0.0, "0 %"),
        (0.0004, "<0.1 %"),
        (0.001, "0.1 %"),
        (0.0485, "4.9 %"),
        (0.0994, "9.9 %"),
        (0.0996, "10 %"),
        (0.02, "2 %"),
        (0.999, ">99 %"),
        (1.0, "100 %"),
        (2.0, "200 %"),
    ],
)
def test_shares_are_said_without_rounding_something_away(share, text):
    assert percent(share) == text
