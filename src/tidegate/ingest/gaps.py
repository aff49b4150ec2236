"""Where a feed was asked too late, and has dropped what was never read. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidegate.declare.feed import Feed
from tidegate.model import Origin, Run, Status

ANSWERED = {Status.OK, Status.UNCHANGED}
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which a feed may have said what nobody read; `closable` by a backfill."""

    feed: str
    start: datetime
    end: datetime
    closable: bool

    @property
    def command(self) -> str | None:
        """The command that closes the gap, None where the feed cannot go back."""
        if not self.closable:
            return None
        # Whole seconds, outwards.
        start, end = self.start, self.end + SECOND - timedelta.resolution
        return f"tidegate backfill {self.feed} --from {start:{FORMAT}} --to {end:{FORMAT}}"

    @property
    def advice(self) -> str:
        """What was missed, and what closes the gap."""
        closes = self.command or "nothing closes the gap: the feed cannot go back"
        return f"what it said from {self.start:{FORMAT}} to {self.end:{FORMAT}} is lost; {closes}"


FORMAT = "%Y-%m-%dT%H:%M:%S"


def missed(feed: Feed, last: datetime, now: datetime) -> Gap | None:
    """Return what a fetch at `now` cannot reach any more, when the one before was at `last`.

    None for a feed that declares no reach: a snapshot says what holds, a cursor misses nothing.
    """
    if feed.reach is None or now - feed.reach <= last:
        return None
    return Gap(feed.name, last, now - feed.reach, feed.goes_back)


def gaps(feed: Feed, runs: Iterable[Run], now: datetime) -> list[Gap]:
    """Return the gaps that are open, oldest first.

    `runs` are those of the feed, in any order; `now` counts as a fetch that would succeed. What a
    slice of a backfill has read is no gap any more.
    """
    mine = [run for run in runs if run.outcome.feed == feed.name]
    asked = sorted(run.at for run in mine if _whole(run))
    found = [missed(feed, *pair) for pair in zip(asked, [*asked[1:], now], strict=False)]
    read = sorted(_read_again(mine))
    return [rest for gap in found if gap for rest in _without(gap, read)]


def _whole(run: Run) -> bool:
    """Whether the run read all that the feed's own address had to say."""
    live = run.outcome.origin is Origin.LIVE and run.outcome.status in ANSWERED
    return live and run.since is None and run.until is None


def _read_again(runs: Iterable[Run]) -> Iterator[tuple[datetime, datetime]]:
    for run in runs:
        done = run.outcome.origin is Origin.BACKFILL and run.outcome.status in ANSWERED
        if done and run.since and run.until:
            yield run.since, run.until


def _without(gap: Gap, read: Sequence[tuple[datetime, datetime]]) -> Iterator[Gap]:
    """Yield what is left of a gap after stretches of time, in order, were read."""
    start = gap.start
    for first, last in read:
        if start < first < gap.end:
            yield Gap(gap.feed, start, first, gap.closable)
        start = max(start, min(last, gap.end)) if first < gap.end else start
    if start < gap.end:
        yield Gap(gap.feed, start, gap.end, gap.closable)
