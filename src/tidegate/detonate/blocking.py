"""A malicious sample's indicators into Defender at once, and out again.

The gate finds them there: what it has chosen, too, it keeps and extends; the rest it takes back.
Several artefacts may use one indicator: it goes when the last of them is cleared.
"""

from tidegate.actions.block_indicators import enforceable
from tidegate.canonical import Rejected, canonical
from tidegate.detonate.filters import OWN_TITLE
from tidegate.detonate.world import World
from tidegate.model import REFUSED, Artefact, Case, Effect, Kind, indicator_id
from tidegate.ports import APPLICATION, Enforced

FILES = {Kind.MD5, Kind.SHA1, Kind.SHA256}

Key = tuple[Kind | None, str]


def block(effects: list[Effect], case: Case, world: World) -> list[str]:
    """Import what nobody has there yet; return how each ended.

    An import overwrites. What is there already, an analyst's exception above all, stays.
    """
    current = world.enforcement.current()
    if {_key(effect) for effect in effects} - {_spelled(one) for one in current}:
        # What is remembered may be a minute old; before anything is written over, we look.
        current = world.enforcement.current(fresh=True)
    held = {_spelled(one): one for one in current}
    missing = [effect for effect in effects if _key(effect) not in held]
    free = max(world.policy.indicator_cap - len(current), 0)
    for effect in effects:
        _write_down(effect, case, world)
    placed = world.enforcement.add([_wanted(one, case, world) for one in missing[:free]])
    results = {
        _key(effect): f"{REFUSED}{answer.failure}" if answer.failure else f"indicator {answer.id}"
        for effect, answer in zip(missing[:free], placed, strict=True)
    }
    return [results.get(_key(effect)) or _not_sent(held.get(_key(effect))) for effect in effects]


def revoke(effects: list[Effect], case: Case, world: World) -> list[str]:
    """Delete what is ours and no other artefact needs; return how each ended."""
    needed = {_key(effect): _needed(effect, case, world) for effect in effects}
    going = {key for key, by in needed.items() if not by}
    ours = [
        one
        for one in world.enforcement.current(fresh=True)
        if one.application == APPLICATION and one.id and _spelled(one) in going
    ]
    world.enforcement.remove([one.id for one in ours if one.id])
    gone = {_spelled(one) for one in ours}
    return [_revoked(effect, needed[_key(effect)], gone) for effect in effects]


def needed_elsewhere(indicator: str, case: Case, world: World) -> bool:
    """Whether an artefact of other cases alone uses the indicator of this id."""
    own = {artefact.scope for artefact in case.artefacts}
    entries = world.ledger.of(_scope(indicator))
    return any(entry.key.partition(":")[2] not in own for entry in entries)


def _write_down(effect: Effect, case: Case, world: World) -> None:
    for artefact in _using(effect, case):
        key = f"{_scope(_id(effect))}:{artefact.scope}"
        world.ledger.begin(key, case.id, world.clock())


def _needed(effect: Effect, case: Case, world: World) -> str | None:
    """Strike this case's artefacts off; return one that needs the indicator still."""
    own = {artefact.scope for artefact in case.artefacts}
    left = None
    for entry in world.ledger.of(_scope(_id(effect))):
        user = entry.key.partition(":")[2]
        if user in own:
            world.ledger.forget(entry)
        else:
            left = user
    return left


def _using(effect: Effect, case: Case) -> list[Artefact]:
    return [
        artefact
        for artefact in case.artefacts
        if any(_key(effect) == (ioc.kind, ioc.value) for ioc in enforceable(artefact))
    ]


def _wanted(effect: Effect, case: Case, world: World) -> Enforced:
    policy = world.policy
    return Enforced(
        kind=effect.kind,
        value=effect.target,
        action=policy.file_action if effect.kind in FILES else policy.network_action,
        title=f"{OWN_TITLE} malicious in VMRay's analysis",
        description=f"Detonated for Defender alert {case.id}.",
        severity="High",
        expires=world.clock() + policy.indicator_life,
        application=APPLICATION,
    )


def _not_sent(held: Enforced | None) -> str:
    if held is None:
        return f"{REFUSED}no slot of the tenant's is free; left to the gate"
    return f"was there already as {held.action}"


def _revoked(effect: Effect, needed: str | None, gone: set[Key]) -> str:
    if needed is not None:
        return f"stays: {needed} uses it, too"
    return "removed" if _key(effect) in gone else "was gone, or is another's"


def _spelled(held: Enforced) -> Key:
    """Return what Defender holds as we spell it: to an import, case is no difference."""
    try:
        return canonical(held.kind, held.value) if held.kind else (None, held.value)
    except Rejected:
        return held.kind, held.value


def _key(effect: Effect) -> Key:
    return effect.kind, effect.target


def _id(effect: Effect) -> str:
    return indicator_id(effect.kind or Kind.DOMAIN, effect.target)


def _scope(indicator: str) -> str:
    return f"indicator-{indicator}"
