"""How enforcement stands, as JSON has it: the same over HTTP and from the command line."""

from typing import Any

from pydantic_core import to_jsonable_python

from tidegate.canonical import defanged
from tidegate.gate.status import Status, status
from tidegate.gate.undo import undoable
from tidegate.gate.world import World


def stands(world: World) -> dict[str, Any]:
    """Return how all targets stand, without what cannot be said in JSON: the targets themselves."""
    found = [_standing(status(target, world), world) for target in world.targets]
    rejected = found[0]["refused"] if found else {}
    told = {"at": world.knowledge.clock(), "rejected": rejected, "targets": found}
    return dict(to_jsonable_python(told))


def _standing(one: Status, world: World) -> dict[str, Any]:
    state, target = one.state, one.target
    said = ("at", "reason", "others", "slots", "postponed", "refused", "paused", "waiting", "last")
    counts = ("held", "by_kind", "by_source", "by_score", "by_action", "drifted", "churn")
    return {
        "name": target.name,
        "title": target.title,
        "limit": target.limit,
        "headroom": target.headroom,
        **{name: getattr(state, name) for name in said},
        "undoable": undoable(state),
        **{name: getattr(one, name) for name in counts},
        "drift": [
            {"kind": each.kind, "value": defanged(each.value), "what": each.drift}
            for each in one.drift
        ],
        "churn_limit": world.churn,
    }
