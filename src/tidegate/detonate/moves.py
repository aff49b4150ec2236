"""An artefact from state to state."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tidegate.detonate import shared, slots
from tidegate.detonate.world import World, pace
from tidegate.model import Artefact, Case, State


def moved(artefact: Artefact, state: State, now: datetime, **changes: Any) -> Artefact:
    """Return the artefact in its next state, due at once."""
    return replace(artefact, state=state, since=now, due=now, **changes)


def waiting(artefact: Artefact, world: World, delay: timedelta | None = None) -> Artefact:
    """Return the artefact in the same state, due later."""
    wait = pace(waited_for(artefact, world), world.policy) if delay is None else delay
    return replace(artefact, due=world.clock() + wait)


def failed(artefact: Artefact, trouble: str, case: Case, world: World) -> Artefact:
    """Give up on the artefact, and leave it to other cases to try."""
    if artefact.attempts:
        slots.give_back(artefact.attempts[0].device.id, artefact, case, world)
    shared.release(artefact, case, world)
    shared.wake_others(artefact, case, world)
    after = replace(artefact, troubles=(*artefact.troubles, trouble))
    return moved(after, State.FAILED, world.clock())


def waited_for(artefact: Artefact, world: World) -> timedelta:
    """Return how long the artefact has been in its state."""
    return world.clock() - artefact.since
