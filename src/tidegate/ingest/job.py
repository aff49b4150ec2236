"""What to run."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tidegate.declare.feed import Feed
from tidegate.model import Origin


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: a feed, and where its payload comes from if not from its own address.

    `pages` are the files of an earlier fetch, in order. A person who `trusted` a payload outweighs
    the feed's contract. `since` and `until` take a part of the payload: what was seen in between.
    A `dry` run reads and judges everything, and writes nothing. `run` is the id under which it is
    remembered, if that shall be known beforehand. A `patient` job would rather be run later than
    fail because another run writes its feed.
    """

    feed: Feed
    file: Path | None = None
    origin: Origin = Origin.LIVE
    since: datetime | None = None
    pages: tuple[Path, ...] = ()
    trusted: bool = False
    until: datetime | None = None
    dry: bool = False
    run: str | None = None
    patient: bool = False

    @property
    def partial(self) -> bool:
        """Whether it takes only a part of the payload, which says nothing of the rest."""
        return self.since is not None or self.until is not None
