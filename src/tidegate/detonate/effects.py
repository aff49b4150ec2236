"""What is written into the tenant's records, each once: the ledger says what was begun and done.

What Defender does on devices, in its own time, stands in `responses`.
"""

from collections.abc import Callable, Iterator

from tidegate.actions import ALL
from tidegate.actions.comment_alert import marker
from tidegate.declare.responses import ALWAYS
from tidegate.detonate import blocking, tags
from tidegate.detonate.world import World
from tidegate.model import REFUSED, RESPONSES, Answer, Case, Do, Effect
from tidegate.ports import BadPayload

BATCH = 500
TOGETHER = {Do.BLOCK_INDICATOR, Do.REVOKE_INDICATOR}

Batch = list[tuple[Effect, bool]]
"""Effects, and whether each was begun before: then it may have happened already."""

Apply = Callable[[Batch, Case, World], list[str]]


def planned(case: Case) -> list[Effect]:
    """Return all effects of the case that the policy lets happen, in order."""
    return [effect for effect in _allowed(case) if effect not in case.revoked]


def undoing(case: Case) -> list[Effect]:
    """Return the effects that take back what is revoked, the last one first."""
    return [undo_of(effect) for effect in reversed(case.revoked) if effect.undo]


def undo_of(effect: Effect) -> Effect:
    """Return the effect that takes this one back. Raises ValueError where nothing does."""
    if effect.undo is None:
        raise ValueError(f"{effect.do} cannot be undone")
    return Effect(
        effect.undo, target=effect.target, text=effect.text, kind=effect.kind, about=effect.about
    )


def next_batch(case: Case, world: World) -> list[Effect]:
    """Return the effects to apply next: one, or all indicators that fit into one import."""
    done = {entry.key for entry in world.ledger.of(case.id) if entry.done}
    wanted = [*undoing(case), *planned(case)]
    left = [effect for effect in wanted if ledger_key(effect, case) not in done]
    if left and left[0].do in TOGETHER:
        return [effect for effect in left if effect.do is left[0].do][:BATCH]
    return left[:1]


def apply(effects: list[Effect], case: Case, world: World) -> None:
    """Apply effects of one kind and write down how each ended; a refusal is an end.

    Raises SourceDown; nobody then knows what happened, and the next time looks before it acts.
    """
    keys = [ledger_key(effect, case) for effect in effects]
    begun = [world.ledger.begin(key, case.id, world.clock()) is not None for key in keys]
    try:
        results = APPLY[effects[0].do](list(zip(effects, begun, strict=True)), case, world)
    except BadPayload as error:
        results = [f"{REFUSED}{error}"] * len(effects)
    for key, result in zip(keys, results, strict=True):
        world.ledger.finish(key, result, world.clock())


def refusals(case: Case, world: World) -> list[tuple[Effect, str]]:
    """Return the effects that were refused, each with the reason."""
    said = {entry.key: entry.result for entry in world.ledger.of(case.id) if entry.done}
    wanted = [
        (one, said.get(ledger_key(one, case), "")) for one in (*undoing(case), *planned(case))
    ]
    return [(one, text.removeprefix(REFUSED)) for one, text in wanted if text.startswith(REFUSED)]


def ledger_key(effect: Effect, case: Case) -> str:
    """Return the effect's key among those of all cases."""
    return f"{case.id}:{effect.key}"


def _allowed(case: Case) -> Iterator[Effect]:
    answers = dict(case.answers)
    for name, plan in ALL.items():
        if name in ALWAYS or answers.get(name) is Answer.DO:
            yield from (effect for effect in plan(case) if effect.do not in RESPONSES)


def _comment_alert(batch: Batch, case: Case, world: World) -> list[str]:
    [(effect, begun)] = batch
    if begun:
        alert = world.alerts.get(case.id)
        if alert is not None and _says(effect, alert.comments):
            return ["was there already"]
    world.alerts.comment(effect.target, effect.text)
    return ["written"]


def _comment_incident(batch: Batch, _: Case, world: World) -> list[str]:
    [(effect, begun)] = batch
    if begun and _says(effect, world.incidents.comments(effect.target)):
        return ["was there already"]
    world.incidents.comment(effect.target, effect.text)
    return ["written"]


def _says(effect: Effect, comments: list[str] | tuple[str, ...]) -> bool:
    return any(marker(effect.text) in comment for comment in comments)


def _singly(call: Callable[[Effect, Case, World], str]) -> Apply:
    """Return how to apply an effect that may as well happen twice."""

    def apply_one(batch: Batch, case: Case, world: World) -> list[str]:
        [(effect, _begun)] = batch
        return [call(effect, case, world)]

    return apply_one


def _classify(batch: Batch, case: Case, world: World) -> list[str]:
    """The alert was read long ago: whoever has classified it since knew more than we do."""
    [(effect, begun)] = batch
    classification, _space, determination = effect.text.partition(" ")
    alert = world.alerts.get(effect.target)
    held = alert.classification if alert else None
    if held and not (begun and held == classification) and not _classified(held, case, world):
        return [f"somebody has classified it as {held[:40]!r}"]
    world.alerts.classify(effect.target, classification, determination)
    return [f"classified {effect.text}"]


def _classified(classification: str, case: Case, world: World) -> bool:
    """Whether it was us who said so, about another verdict."""
    said = f"classified {classification} "
    return any(entry.result.startswith(said) for entry in world.ledger.of(case.id))


def _begin(effect: Effect, _: Case, world: World) -> str:
    alert = world.alerts.get(effect.target)
    if alert is None or alert.status.lower() != "new":
        return "somebody works on it already"
    world.alerts.begin(effect.target)
    return "in progress"


def _block(batch: Batch, case: Case, world: World) -> list[str]:
    return blocking.block([effect for effect, _ in batch], case, world)


def _revoke(batch: Batch, case: Case, world: World) -> list[str]:
    return blocking.revoke([effect for effect, _ in batch], case, world)


APPLY: dict[Do, Apply] = {
    Do.BEGIN_ALERT: _singly(_begin),
    Do.COMMENT_ALERT: _comment_alert,
    Do.BLOCK_INDICATOR: _block,
    Do.REVOKE_INDICATOR: _revoke,
    Do.TAG_INCIDENT: _singly(tags.tag),
    Do.UNTAG_INCIDENT: _singly(tags.untag),
    Do.COMMENT_INCIDENT: _comment_incident,
    Do.CLASSIFY_ALERT: _classify,
    Do.TAG_DEVICE: _singly(tags.tag),
    Do.UNTAG_DEVICE: _singly(tags.untag),
}
