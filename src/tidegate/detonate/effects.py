"""Effects, each applied once: the ledger says what was begun and what was done."""

from collections.abc import Callable

from tidegate.actions import ALL
from tidegate.actions.comment_alert import marker
from tidegate.detonate.world import World
from tidegate.model import Case, Do, Effect, Kind
from tidegate.ports import BadPayload, Enforced

BATCH = 500
FILES = {Kind.MD5, Kind.SHA1, Kind.SHA256}

Batch = list[tuple[Effect, bool]]
"""Effects, and whether each was begun before: then it may have happened already."""

Apply = Callable[[Batch, Case, World], list[str]]


def planned(case: Case) -> list[Effect]:
    """Return all effects of the case, in order."""
    return [effect for plan in ALL.values() for effect in plan(case)]


def next_batch(case: Case, world: World) -> list[Effect]:
    """Return the effects to apply next: one, or all indicators that fit into one import."""
    done = {entry.key for entry in world.ledger.of(case.id) if entry.done}
    left = [effect for effect in planned(case) if ledger_key(effect, case) not in done]
    if left and left[0].do is Do.BLOCK_INDICATOR:
        return [effect for effect in left if effect.do is Do.BLOCK_INDICATOR][:BATCH]
    return left[:1]


def apply(effects: list[Effect], case: Case, world: World) -> None:
    """Apply effects of one kind, and write down how each ended; a refusal is an end, too.

    Raises SourceDown; nobody then knows what happened, and the next time looks before it acts.
    """
    keys = [ledger_key(effect, case) for effect in effects]
    begun = [world.ledger.begin(key, case.id, world.clock()) is not None for key in keys]
    try:
        results = APPLY[effects[0].do](list(zip(effects, begun, strict=True)), case, world)
    except BadPayload as error:
        results = [f"refused: {error}"] * len(effects)
    for key, result in zip(keys, results, strict=True):
        world.ledger.finish(key, result, world.clock())


def ledger_key(effect: Effect, case: Case) -> str:
    """Return the effect's key among those of all cases."""
    return f"{case.id}:{effect.key}"


def _comment(batch: Batch, case: Case, world: World) -> list[str]:
    [(effect, begun)] = batch
    if begun and _is_there(marker(effect.text), case, world):
        return ["was there already"]
    world.alerts.comment(effect.target, effect.text)
    return ["written"]


def _is_there(mark: str, case: Case, world: World) -> bool:
    alert = world.alerts.get(case.id)
    return alert is not None and any(mark in comment for comment in alert.comments)


def _block(batch: Batch, case: Case, world: World) -> list[str]:
    # An import overwrites. What anybody has there already, an analyst's exception above all, stays.
    held = {(one.kind, one.value): one for one in world.enforcement.current()}
    missing = [effect for effect, _ in batch if (effect.kind, effect.target) not in held]
    placed = world.enforcement.add([_indicator(effect, case, world) for effect in missing])
    answers = dict(zip([effect.key for effect in missing], placed, strict=True))
    results = []
    for effect, _ in batch:
        answer = answers.get(effect.key)
        if answer is None:
            results.append(f"was there already as {held[effect.kind, effect.target].action}")
        elif answer.failure:
            results.append(f"refused: {answer.failure}")
        else:
            results.append(f"indicator {answer.id}")
    return results


def _indicator(effect: Effect, case: Case, world: World) -> Enforced:
    policy = world.policy
    action = policy.file_action if effect.kind in FILES else policy.network_action
    return Enforced(
        kind=effect.kind,
        value=effect.target,
        action=action,
        title="Malicious in VMRay's analysis",
        description=f"Detonated for Defender alert {case.id}.",
        severity="High",
        expires=world.clock() + policy.indicator_life,
    )


def _tag(batch: Batch, _: Case, world: World) -> list[str]:
    [(effect, _begun)] = batch
    world.incidents.tag(effect.target, effect.text)
    return ["tagged"]


APPLY: dict[Do, Apply] = {
    Do.COMMENT_ALERT: _comment,
    Do.BLOCK_INDICATOR: _block,
    Do.TAG_INCIDENT: _tag,
}
