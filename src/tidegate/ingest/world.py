"""What a run of a feed needs from outside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.hygiene import Policy
from tidegate.model import Outcome
from tidegate.ports import Clock, Feeds, Http, Objects, Runs, Sightings, Suppressed


def quiet(feed: str, stage: str) -> None:
    """Show no progress."""


def uncounted(outcome: Outcome) -> None:
    """Keep no figures."""


@dataclass(frozen=True, slots=True)
class World:
    """The ports and policies of ingestion.

    `secrets` are the keys of feeds by their setting's name in capitals; `urls` replace a feed's
    own; `progress` is told each stage that a feed enters, `counted` what its run came to;
    `suppressed` keeps what hygiene keeps out.
    """

    http: Http
    sightings: Sightings
    feeds: Feeds
    runs: Runs
    objects: Objects
    clock: Clock
    policy: Policy
    scratch: Path
    secrets: Mapping[str, str]
    urls: Mapping[str, str]
    progress: Callable[[str, str], None] = quiet
    suppressed: Suppressed | None = None
    counted: Callable[[Outcome], None] = uncounted
