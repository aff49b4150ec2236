"""Who may have a live response: one for each device, so many in the tenant, over all instances."""

from tidegate.detonate.world import World
from tidegate.model import Artefact, Case
from tidegate.ports import Entry

SCOPE = "live-response"


def take(device: str, artefact: Artefact, case: Case, world: World) -> bool:
    """Take the device for this artefact; True also when it is ours already."""
    owner = _owner(artefact, case)
    held = world.ledger.begin(_key(device), owner, world.clock())
    if held is not None and held.owner != owner:
        _expire(held, world)
        return False
    if _among_the_first(device, world):
        return True
    give_back(device, artefact, case, world)
    return False


def give_back(device: str, artefact: Artefact, case: Case, world: World) -> None:
    """Let others have the device; one that is not ours is left alone."""
    held = world.ledger.get(_key(device))
    if held is not None and held.owner == _owner(artefact, case):
        world.ledger.forget(held)


def expire_all(world: World) -> int:
    """Free the devices of those who never gave them back; return how many."""
    return sum(_expire(held, world) for held in world.ledger.of(SCOPE))


def _among_the_first(device: str, world: World) -> bool:
    first = world.ledger.of(SCOPE)[: world.policy.live_responses]
    return any(entry.key == _key(device) for entry in first)


def _expire(held: Entry, world: World) -> bool:
    # Whoever holds it gives up on the device at its deadline, and gives it back then.
    over = world.clock() - held.at >= 2 * world.policy.device_deadline
    if over:
        world.ledger.forget(held)
    return over


def _key(device: str) -> str:
    return f"{SCOPE}:{device}"


def _owner(artefact: Artefact, case: Case) -> str:
    return f"{case.id} {artefact.key[:16]}"
