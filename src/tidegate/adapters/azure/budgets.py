"""Budgets as one small object each, with counts in slices of time for each length of a limit.

A slice is a twelfth of the length, and counts whole as long as any part of it is in the stretch
that ends now. So the limit holds in every stretch, and lets a little less through than it might.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from tidegate.adapters.azure.revising import Said, revise, said
from tidegate.ports import Clock, Limit, Objects

NAME = re.compile(r"[A-Za-z0-9_-]{1,100}\Z")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SLICES = 12


@dataclass(frozen=True, slots=True)
class Stretch:
    """So many microseconds that end at `now`, and what was taken in each slice of them."""

    every: int
    now: int
    taken: Mapping[int, int]

    @classmethod
    def of(cls, counts: Said, every: int, now: int) -> "Stretch":
        """Read the counts of this length, and leave out what has passed."""
        whole = cls(every, now, _told(counts, every))
        return replace(
            whole, taken={slice_: n for slice_, n in whole.taken.items() if whole.left(slice_) > 0}
        )

    def left(self, slice_: int) -> int:
        """Return how long it is until no part of the slice is in the stretch."""
        return (slice_ + 1) * _width(self.every) + self.every - self.now

    def wait(self, most: int) -> int:
        """Return how long until there is room for one more; nothing where there is."""
        if most <= 0:
            return self.every
        over = sum(self.taken.values()) + 1 - most
        for slice_, taken in sorted(self.taken.items()):
            over -= taken
            if over <= 0 < over + taken:
                return self.left(slice_)
        return 0

    def one_more(self) -> dict[str, int]:
        """Return the counts, as they are kept, after one is taken now."""
        current = self.now // _width(self.every)
        counts = {**self.taken, current: self.taken.get(current, 0) + 1}
        return {str(slice_): taken for slice_, taken in counts.items()}


@dataclass(frozen=True, slots=True)
class ObjectBudgets:
    """`ports.Budgets` in `objects`, which all instances write conditionally.

    Counts are kept for every length that was ever asked for. A new one begins with what the others
    know of its stretch.
    """

    objects: Objects
    clock: Clock

    def spend(self, name: str, limits: Sequence[Limit]) -> timedelta | None:
        """See `ports.Budgets`."""
        wait = 0

        def taken(counts: Said) -> Said | None:
            nonlocal wait
            now, lengths = self._now(), {limit.every // MICROSECOND for limit in limits}
            lengths |= {int(length) for length in counts}
            known = {every: Stretch.of(counts, every, now) for every in lengths}
            waits = [known[limit.every // MICROSECOND].wait(limit.most) for limit in limits]
            wait = max(waits, default=0)
            if wait:
                return None
            return {str(every): stretch.one_more() for every, stretch in known.items()}

        return None if revise(self.objects, _path(name), taken) else wait * MICROSECOND

    def spent(self, name: str, every: timedelta) -> int:
        """See `ports.Budgets`. A slice counts whole here, too."""
        counts = said(self.objects, _path(name))
        return sum(Stretch.of(counts, every // MICROSECOND, self._now()).taken.values())

    def _now(self) -> int:
        return (self.clock() - EPOCH) // MICROSECOND


def _width(every: int) -> int:
    """Return how long a slice is."""
    return max(1, every // SLICES)


def _told(counts: Said, every: int) -> Mapping[int, int]:
    """Return what was taken in each slice of this length.

    Of a length that is not kept, the shortest tells that covers it: each slice by its last moment.
    """
    known = sorted(int(length) for length in counts)
    length = next((one for one in known if one >= every), max(known, default=every))
    taken: Counter[int] = Counter()
    for slice_, n in counts.get(str(length), {}).items():
        last = (int(slice_) + 1) * _width(length) - 1
        taken[last // _width(every)] += n
    return taken


def _path(name: str) -> str:
    if not NAME.match(name):
        raise ValueError(f"{name!r} cannot name a budget")
    return f"budgets/{name}.json"
