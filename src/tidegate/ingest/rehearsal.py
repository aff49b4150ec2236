"""A world in which everything is read and nothing is written: what a dry run runs in."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, cast

from tidegate.ingest.world import World
from tidegate.ports import Feeds, Objects, Runs, Sightings, Suppressed

READ = ("state", "of", "reported", "networks", "live", "written")


def rehearsing(world: World) -> World:
    """Return a world that reads what this one holds, and forgets what it is told to keep.

    The requests of a dry run are made, and count against the day's budget.
    """
    return replace(
        world,
        # Who only reads holds nobody up.
        sightings=cast(
            "Sightings",
            _Reading(world.sightings, READ, _unlocked),
        ),
        feeds=cast("Feeds", _Reading(world.feeds, ("state", "spend", "trouble"))),
        runs=cast("Runs", _Reading(world.runs, ("get", "newest", "read"))),
        objects=cast("Objects", _Reading(world.objects, ("get", "names"))),
        suppressed=world.suppressed
        and cast("Suppressed", _Reading(world.suppressed, ("state", "of"))),
    )


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


def _unlocked(*_: object) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class _Reading:
    """A port of which these methods are those of the real one; every other does nothing."""

    real: object
    reads: tuple[str, ...]
    otherwise: Callable[..., Any] = _nothing

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name) if name in self.reads else self.otherwise
