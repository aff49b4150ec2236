"""One cycle of the gate: hear, learn, choose, enforce, publish."""

from collections.abc import Iterator

from tidegate.gate import journal
from tidegate.gate.feedback import hear
from tidegate.gate.found import asked, found
from tidegate.gate.learn import learn
from tidegate.gate.run import Gated, Taken, apply
from tidegate.gate.share import renew
from tidegate.gate.world import World
from tidegate.ports import BadPayload, Conflict, SourceDown

FEEDBACK, PUBLISHED = "feedback", "published"  # no targets, but they may fail like those


def cycle(world: World) -> Iterator[Gated]:
    """Run all targets once, then publish. Who does not answer keeps the others from nothing.

    Raises SourceDown where the store itself does not answer.
    """
    yield from _heard(world)
    learn(world.knowledge, world.objects)
    rows = found(world)
    asked(rows, world)
    for target in world.targets:
        try:
            yield apply(target, world, rows)
        except (SourceDown, BadPayload) as error:
            if not isinstance(error, Taken):
                journal.note(world.objects, target.name, str(error))
            yield Gated(target.name, reason=str(error))
    try:
        renew(world, rows)
    except (SourceDown, Conflict) as error:
        yield Gated(PUBLISHED, reason=str(error))


def _heard(world: World) -> Iterator[Gated]:
    """Hear what the tenant says of indicators, so that this cycle already obeys."""
    if world.feedback is not None:
        try:
            hear(world.feedback)
        except (SourceDown, BadPayload) as error:
            yield Gated(FEEDBACK, reason=f"nothing was heard: {error}")
