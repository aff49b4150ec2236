"""Taking the last run back, and holding still from then on until somebody says to go on.

Without the pause the next cycle would choose the same again. Only what still is as the run left it
is taken back: where somebody has changed it since, their word stands. So does an analyst's: what
they call harmless does not come back.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from tidegate.gate import held, journal
from tidegate.gate.carry import Applied, applied, carry_out, job, settled
from tidegate.gate.held import key, ours
from tidegate.gate.journal import DONE, Paused, Ran, State
from tidegate.gate.mark import harmless
from tidegate.gate.plan import HOLDS, Change
from tidegate.gate.run import Look, exclusive, look
from tidegate.gate.world import Target, World
from tidegate.ports import Enforced

TAKEN_BACK = "taken back"


class NothingToUndo(Exception):
    """There is no such run to take back."""


def undo(target: Target, world: World, by: str, why: str, run: str | None = None) -> Applied:
    """Take back what the last run changed, and pause. Raises NothingToUndo, SourceDown, BadPayload.

    To undo an undo makes the changes again: at a target that is paused the `run` has to be named,
    so that who asks twice does not do so by mistake.
    """
    with exclusive(target, world) as lease:
        seen = look(target, world)
        state = settled(seen.state, seen.memory, target, world)
        rows = journal.read(world.objects, target.name, _last(state, run))
        if rows is None:
            raise NothingToUndo("the run is forgotten")
        now = world.knowledge.clock()
        before = [journal.change(row) for row in rows.iter_rows(named=True)]
        done = [one for one, said in zip(before, rows["outcome"], strict=True) if said == DONE]
        silenced = frozenset(harmless(world.knowledge)["id"])
        changes = tuple(_inverse(done, seen, silenced, now))
        paused = replace(state, paused=Paused(by, now, why), waiting=None)
        work = job(changes, target, world, "undo", by)
        # Paused first: whatever becomes of the rest, nothing is chosen anew meanwhile.
        return applied(work, carry_out(work, seen.memory, work.remember(paused), lease))


def undoable(state: State) -> Ran | None:
    """Return the last run that changed anything: to hold something longer is no change."""
    return next((one for one in state.runs if one.added + one.removed + one.replaced), None)


def _last(state: State, asked: str | None) -> str:
    """Return the run that can be taken back, if that is the one that is asked for."""
    found = undoable(state)
    if found is None:
        raise NothingToUndo("nothing was changed yet")
    if asked is None and state.paused is not None:
        raise NothingToUndo("it is paused already: name the run that is to be taken back")
    if asked not in {None, found.run}:
        raise NothingToUndo("there was another run since")
    return found.run


def _inverse(
    done: list[Change], seen: Look, silenced: AbstractSet[str], now: datetime
) -> Iterator[Change]:
    """Yield what takes changes back, removals first."""
    there = {found: one for one in seen.current if (found := key(one))}
    wanted = [one for one in done if one.do == "add" or one.id not in silenced]
    backwards = [_back(one, there.get(one.id), seen, now) for one in wanted]
    both = [one for one in backwards if one is not None]
    yield from (one for one in both if one.do == "remove")
    yield from (one for one in both if one.do != "remove")


def _back(change: Change, there: Enforced | None, seen: Look, now: datetime) -> Change | None:
    known = seen.memory.get(change.id)
    if (known and known.drift) or (there is not None and not ours(there)):
        return None
    match change.do, there, change.before:
        case "add", Enforced(), _:
            return Change("remove", change.id, there, TAKEN_BACK, before=there)
        case "remove", None, Enforced() as before:
            return Change("add", change.id, _living(before, now), TAKEN_BACK)
        case "replace" | "extend", Enforced(), Enforced() as before:
            again = replace(_living(before, now), id=there.id)
            return Change("replace", change.id, again, TAKEN_BACK, before=there)
        case _:
            return None


def _living(before: Enforced, now: datetime) -> Enforced:
    """Return what was held, with an end that is not over yet."""
    over = before.expires is not None and before.expires <= now
    return replace(before, expires=now + HOLDS) if over else before


def resume(target: Target, world: World, *, take_back: bool = False) -> None:
    """Go on with the next cycle. `take_back`: what was changed by hand is the gate's again."""
    with exclusive(target, world):
        state = journal.state(world.objects, target.name)
        journal.remember(world.objects, target.name, replace(state, paused=None))
        if take_back:
            known = held.load(world.objects, target.name).values()
            held.save(world.objects, target.name, (one for one in known if one.drift is None))
