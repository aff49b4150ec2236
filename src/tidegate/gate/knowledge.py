"""What is known of indicators. To look up, to search and to score takes no tenant."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tidegate.gate.score import Source, Sources
from tidegate.hygiene import Policy
from tidegate.ports import Allocations, Clock, Feeds, Sightings, Suppressed


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The sightings, and what their sources are worth.

    `grades` are the reliabilities of all sources; `snapshots` those whose lists mean that what is
    in them is true. `groups` and `copies` say who repeats whom; what only `advisory` sources say
    has no weight. `shares` tells what the sightings of a source with one reference have in common.
    `suppressed` is what hygiene kept out, `allocations` who holds an address. `exceptions` are the
    warninglists whose entries a source means.
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


def sources(known: Knowledge) -> Sources:
    """Return what all sources are worth now."""
    confirmed = {name: known.feeds.state(name).fetched for name in known.snapshots}
    return Sources(
        {
            name: Source(
                grade,
                confirmed.get(name),
                known.groups.get(name),
                known.copies.get(name, frozenset()),
                advisory=name in known.advisory,
            )
            for name, grade in known.grades.items()
        }
    )
