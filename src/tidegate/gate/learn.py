"""Learns from the whole store which lists repeat each other."""

from datetime import timedelta

from tidegate.gate.copies import derived
from tidegate.gate.knowledge import Knowledge, sources
from tidegate.gate.learned import Learned, relearn
from tidegate.gate.overlap import spread
from tidegate.gate.score import Voice
from tidegate.ports import Objects

EVERY = timedelta(days=1)


def learn(known: Knowledge, objects: Objects, *, again: bool = False) -> Learned:
    """Tell anew who copies whom, unless that was told within a day; `again` does it all the same.

    It reads the ids of the whole store, a slice at a time.
    """
    before, now = known.learned(), known.clock()
    if not again and before.derived is not None and now - before.derived < EVERY:
        return before
    worth = sources(known)
    found = derived(
        spread(known.sightings.live(now), worth).combinations,
        [n for n, one in worth.known.items() if one.voice is Voice.FEED and not one.advisory],
    )
    said = {"derived": now, "groups": found.groups, "copies": dict(found.copies)}
    return relearn(objects, lambda held: held.model_copy(update=said))
