"""The memory of feeds as small objects: what many may write at once, under its ETag."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from tidegate.adapters.azure.revising import Said, revise, said
from tidegate.ports import FeedState, Objects, Trouble
from tidegate.sightings import named
from tidegate.stored import document

SWITCHES = "feeds/switches.json"
STATE = TypeAdapter(FeedState)
TROUBLE = TypeAdapter(Trouble)
DAYS = 2  # clocks of instances differ about midnight


@dataclass(frozen=True, slots=True)
class ObjectFeeds:
    """`ports.Feeds` in `objects`, below `feeds/`."""

    objects: Objects

    def state(self, feed: str) -> FeedState:
        """See `ports.Feeds`."""
        stored = self.objects.get(_path(feed, "state"))
        return document(STATE, stored.data, _path(feed, "state")) if stored else FeedState()

    def remember(self, feed: str, state: FeedState) -> None:
        """See `ports.Feeds`. Whoever runs a feed holds it, so nobody else writes meanwhile."""
        self.objects.put(_path(feed, "state"), STATE.dump_json(state))

    def spend(self, feed: str, day: str, budget: int) -> bool:
        """See `ports.Feeds`."""

        def spent_once(spent: Said) -> Said | None:
            count: int = spent.get(day, 0)
            return _latest(spent | {day: count + 1}) if count < budget else None

        return revise(self.objects, _path(feed, "spent"), spent_once)

    def trouble(self, feed: str) -> Trouble:
        """See `ports.Feeds`."""
        stored = self.objects.get(_path(feed, "trouble"))
        return document(TROUBLE, stored.data, _path(feed, "trouble")) if stored else Trouble()

    def note(self, feed: str, trouble: Trouble) -> None:
        """See `ports.Feeds`."""
        self.objects.put(_path(feed, "trouble"), TROUBLE.dump_json(trouble))

    def switch(self, feed: str, on: bool) -> None:
        """See `ports.Feeds`."""
        revise(self.objects, SWITCHES, lambda switched: switched | {named(feed): on})

    def switched(self) -> dict[str, bool]:
        """See `ports.Feeds`."""
        return said(self.objects, SWITCHES)


def _latest(spent: Said) -> Said:
    """Forget all days but the last ones."""
    return {day: spent[day] for day in sorted(spent)[-DAYS:]}


def _path(feed: str, what: str) -> str:
    return f"feeds/{named(feed)}/{what}.json"
