"""What is known of indicators. To look up, to search and to score takes no tenant."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tidegate.gate.copies import joined, united
from tidegate.gate.learned import Learned
from tidegate.gate.score import Source, Sources, Voice
from tidegate.hygiene import Policy
from tidegate.ports import Allocations, Clock, Feeds, Objects, Sightings, Suppressed

ANALYST = "analyst"
VOICES = {"vmray": Voice.OWN, ANALYST: Voice.ANALYST}
"""The sources that are no feeds. All others are."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The sightings, and what their sources are worth.

    `grades` are the reliabilities of all sources; `snapshots` those whose lists mean that what is
    in them is true. `groups` and `copies` say who repeats whom; what only `advisory` sources say
    has no weight. `shares` tells what the sightings of a source with one reference have in common.
    `suppressed` is what hygiene kept out, `allocations` who holds an address. `exceptions` are the
    warninglists whose entries a source means. `learned` tells what experience says of sources;
    `objects` is where the gate keeps what it published.
    """

    sightings: Sightings
    feeds: Feeds
    clock: Clock
    policy: Policy
    grades: Mapping[str, str]
    snapshots: frozenset[str]
    groups: Mapping[str, str] = field(default_factory=dict)
    copies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    advisory: frozenset[str] = frozenset()
    suppressed: Suppressed | None = None
    shares: Mapping[str, str] = field(default_factory=dict)
    allocations: Allocations | None = None
    exceptions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    learned: Callable[[], Learned] = Learned
    objects: Objects | None = None


def sources(known: Knowledge) -> Sources:
    """Return what all sources are worth now."""
    confirmed = {name: known.feeds.state(name).fetched for name in known.snapshots}
    learned = known.learned()
    groups = united(known.groups, learned.groups)
    copies = joined(known.copies, learned.copies, groups)
    return Sources(
        {
            name: Source(
                grade,
                confirmed.get(name),
                groups.get(name),
                copies.get(name, frozenset()),
                advisory=name in known.advisory,
                voice=VOICES.get(name, Voice.FEED),
                right=learned.tally(name).confirmed,
                wrong=learned.tally(name).false_positives,
            )
            for name, grade in {**dict.fromkeys(VOICES, "A"), **known.grades}.items()
        }
    )
