"""Carrying changes out, in batches, so that dying between any two lines loses and doubles nothing.

A run is written down before the first change, each batch is an entry of the ledger, and what became
of each change is written down at the end. A run that never ended is settled by looking at the
target: every write there is an upsert or a delete, so whatever is missing comes with the next plan.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tidegate.gate import held, journal, refused
from tidegate.gate.held import Held, key, ours
from tidegate.gate.journal import DONE, PENDING, Ran, State
from tidegate.gate.plan import Change
from tidegate.gate.world import Target, World
from tidegate.lease import Lease
from tidegate.model import Do, Effect, Kind
from tidegate.ports import BadPayload, Placed, SourceDown

BATCH = 500  # Defender takes no more at once
THEIRS = "somebody else has made it meanwhile"
UNKNOWN = "broken off; what was not done comes again"


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of changes; `failed` maps a value to the target's reason.

    `reason` says why the run was broken off: what was not tried comes again.
    """

    written: int = 0
    removed: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    reason: str | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Changes to make, and what became of each so far. `by` is the person who wants them."""

    run: str
    changes: tuple[Change, ...]
    outcomes: list[str]
    target: Target
    world: World
    by: str | None = None

    @property
    def done(self) -> list[Change]:
        """The changes that were made."""
        return [one for one, said in self._both() if said == DONE]

    @property
    def failed(self) -> dict[Change, str]:
        """The changes that were refused, and why."""
        return {one: said for one, said in self._both() if said not in {DONE, PENDING}}

    def _both(self) -> Iterator[tuple[Change, str]]:
        return zip(self.changes, self.outcomes, strict=True)

    def write(self) -> None:
        """Write the run down as it is now."""
        objects = self.world.objects
        journal.write(objects, self.target.name, self.run, self.changes, self.outcomes)

    def remember(self, state: State) -> State:
        """Make it what is remembered of the target."""
        journal.remember(self.world.objects, self.target.name, state)
        return state


def job(
    changes: Sequence[Change], target: Target, world: World, plan: str, by: str | None = None
) -> Job:
    """Return the job of making these changes now."""
    run = journal.run_id(plan, world.knowledge.clock())
    return Job(run, tuple(changes), [PENDING] * len(changes), target, world, by)


def carry_out(work: Job, memory: Mapping[str, Held], state: State, lease: Lease) -> State:
    """Make the changes and remember them, under the lease of the target.

    Raises Conflict once the lease is lost: whoever has it now has looked what this run did.
    """
    objects, name = work.world.objects, work.target.name
    if not work.changes:
        held.save(objects, name, memory.values())
        return state
    # In this order: a run that is not written down yet has changed nothing yet.
    begun = work.remember(replace(state, pending=work.run))
    work.write()
    reason = _batches(work, lease)
    held.save(objects, name, _after(memory, work).values())
    # What is there already stays there though it is not extended: only who is new has to wait.
    reasons = {one.id: said for one, said in work.failed.items() if one.do == "add"}
    refused.remember(objects, name, reasons, work.world.knowledge.clock())
    work.write()
    if reason is not None:
        # Part of what was sent may have arrived: the next cycle looks, and ends the run.
        return work.remember(replace(begun, reason=reason))
    return work.remember(_ended(begun, work, None))


def applied(work: Job, state: State) -> Applied:
    """Return what became of a job, in short."""
    removed = sum(one.do == "remove" for one in work.done)
    failed = {one.enforced.value: said for one, said in work.failed.items()}
    reason = state.reason if state.pending == work.run else None
    return Applied(len(work.done) - removed, removed, failed, reason, work.run)


def _batches(work: Job, lease: Lease) -> str | None:
    """Send batch after batch; return why it was broken off."""
    for number, batch in enumerate(_parts(work.changes)):
        lease.check()
        try:
            _once(number, batch, work)
        except (SourceDown, BadPayload) as error:
            return str(error)
    return None


def _parts(changes: Sequence[Change]) -> Iterator[slice]:
    """Yield the places of changes that go together: removals or others, no more than a batch."""
    start = 0
    for at in range(1, len(changes) + 1):
        ends = at == len(changes) or at - start == BATCH
        if ends or (changes[at].do == "remove") != (changes[start].do == "remove"):
            yield slice(start, at)
            start = at


def _once(number: int, batch: slice, work: Job) -> None:
    """Send one batch between two entries of the ledger."""
    some, name, world = work.changes[batch], work.target.name, work.world
    removes = some[0].do == "remove"
    do, undo = Do.REVOKE_INDICATOR, Do.BLOCK_INDICATOR
    do, undo = (do, undo) if removes else (undo, do)
    effect = Effect(do, name, text=f"{work.run}.{number}", undo=undo, about=f"{len(some)}")
    key = f"gate-{name}:{work.run}.{number}.{effect.key.replace(':', '.')}"
    world.ledger.begin(key, work.run, world.knowledge.clock())
    said = _removed(some, work.target) if removes else _added(some, work.target)
    work.outcomes[batch] = said
    done = sum(one == DONE for one in said)
    world.ledger.finish(key, f"{done} of {len(said)} done", world.knowledge.clock())


def _removed(some: Sequence[Change], target: Target) -> list[str]:
    def remove(part: Sequence[Change]) -> list[str]:
        target.enforcement.remove([one.enforced.id for one in part if one.enforced.id])
        return [DONE] * len(part)

    return _halved(some, remove)


def _added(some: Sequence[Change], target: Target) -> list[str]:
    """Import what nobody else has made meanwhile: an import would write over it."""
    current = target.enforcement.current(fresh=True)
    theirs = {key(one) for one in current if not ours(one)}
    free = [one for one in some if one.id not in theirs]

    def add(part: Sequence[Change]) -> list[str]:
        return [_outcome(one) for one in target.enforcement.add([one.enforced for one in part])]

    said = dict(zip((one.id for one in free), _halved(free, add), strict=True))
    return [said.get(one.id, THEIRS) for one in some]


def _halved(some: Sequence[Change], send: Callable[[Sequence[Change]], list[str]]) -> list[str]:
    """Send all; what spoils the whole call is found by halving it."""
    try:
        return send(some) if some else []
    except BadPayload as error:
        if len(some) == 1:
            return [str(error)]
        half = len(some) // 2
        return _halved(some[:half], send) + _halved(some[half:], send)


def _outcome(placed: Placed) -> str:
    return DONE if placed.failure is None else placed.failure or "refused"


def _after(memory: Mapping[str, Held], work: Job) -> dict[str, Held]:
    after = dict(memory)
    for change in work.done:
        if change.do == "remove":
            after.pop(change.id, None)
        else:
            after[change.id] = _written(after.get(change.id), change, work)
    return after


def _written(before: Held | None, change: Change, work: Job) -> Held:
    one, now = change.enforced, work.world.knowledge.clock()
    if before is None or before.drift:
        before = Held(change.id, one.kind or Kind.DOMAIN, one.value, one.action, one.expires, now)
    fresh = replace(before, action=one.action, expires=one.expires, groups=one.groups, read=False)
    sources = change.sources or before.sources
    return replace(fresh, score=one.score, threat=one.threat, sources=sources)


def _ended(state: State, work: Job, reason: str | None) -> State:
    """Return the state after a run."""
    done = work.done

    def count(do: str) -> int:
        return sum(one.do == do for one in done)

    ran = Ran(
        run=work.run,
        at=work.world.knowledge.clock(),
        added=count("add"),
        extended=count("extend"),
        replaced=count("replace"),
        removed=count("remove"),
        failed=len(work.failed),
        elective=sum(one.elective for one in done),
        by=work.by,
        reason=reason,
    )
    return replace(state, pending=None, runs=(ran, *state.runs))


def settled(state: State, memory: Mapping[str, Held], target: Target, world: World) -> State:
    """End a run that was broken off: `memory` is what is there now. Most of it may be done."""
    if state.pending is None:
        return state
    rows = journal.read(world.objects, target.name, state.pending)
    changes = () if rows is None else tuple(map(journal.change, rows.iter_rows(named=True)))
    # Before the run is ended: from then on what differs from this was changed by somebody else.
    held.save(world.objects, target.name, memory.values())
    work = replace(job(changes, target, world, ""), run=state.pending)
    if not changes:
        return work.remember(replace(state, pending=None))
    work.outcomes[:] = [_looked(one, memory.get(one.id)) for one in work.changes]
    work.write()
    return work.remember(_ended(state, work, state.reason or UNKNOWN))


def touched(state: State, target: Target, world: World) -> frozenset[str]:
    """Return the ids that a run which was broken off may have changed."""
    if state.pending is None:
        return frozenset()
    rows = journal.read(world.objects, target.name, state.pending)
    return frozenset() if rows is None else frozenset(rows["id"])


def _looked(change: Change, there: Held | None) -> str:
    """Tell by what is there now whether a change was made; one that was not comes again."""
    gone = there is None or there.drift == held.REMOVED
    if change.do == "remove":
        return DONE if gone else PENDING
    same = there is not None and not gone and there.action == change.enforced.action
    return DONE if same else PENDING
