"""Tags on incidents and devices. Cases share them: a tag goes when the last case lets go of it."""

from tidegate.detonate.world import World
from tidegate.model import Case, Do, Effect

INCIDENTS = {Do.TAG_INCIDENT, Do.UNTAG_INCIDENT}


def tag(effect: Effect, case: Case, world: World) -> str:
    """Write down that the case wants the tag, then set it; return how it ended."""
    world.ledger.begin(f"{_scope(effect)}:{case.id}", case.id, world.clock())
    _set(effect, world, add=True)
    return "tagged"


def untag(effect: Effect, case: Case, world: World) -> str:
    """Let go of the tag, and remove it if no other case wants it; return how it ended."""
    others = list[str]()
    for entry in world.ledger.of(_scope(effect)):
        if entry.owner == case.id:
            world.ledger.forget(entry)
        else:
            others.append(entry.owner)
    if others:
        return f"stays: alert {others[-1]} says it, too"
    _set(effect, world, add=False)
    return "untagged"


def _set(effect: Effect, world: World, *, add: bool) -> None:
    if effect.do not in INCIDENTS:
        world.devices.tag(effect.target, effect.text, add=add)
    elif add:
        world.incidents.tag(effect.target, effect.text)
    else:
        world.incidents.untag(effect.target, effect.text)


def _scope(effect: Effect) -> str:
    # Setting a tag and removing it differ in what is done, and are about the same.
    return f"tag-{effect.key.partition(':')[2]}"
