"""A case's way from alert to verdict: a short step per stage, each safe to run twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from tidegate.detonate import artefacts, effects
from tidegate.detonate.evidence import fan_out, unwanted
from tidegate.detonate.findings import SOURCE, merged, sightings_of
from tidegate.detonate.world import Later, World
from tidegate.model import Artefact, Case, Entity, Stage, State

Step = Callable[[Case, World], Case | Later]


def received(case: Case, world: World) -> Case | Later:
    """Read the alert and see what there is to examine; evidence may lag behind its alert."""
    alert = world.alerts.get(case.id)
    now = world.clock()
    if alert is None:
        gone = replace(case, reason="Defender does not have this alert")
        return entered(gone, Stage.FAILED, now)
    case = replace(case, alert=alert)
    if why := unwanted(alert, world.policy):
        return _skipped(case, why, now)
    found, notes = fan_out(alert, world.policy, now)
    case = replace(case, artefacts=tuple(found), notes=tuple(notes))
    if found:
        return entered(case, Stage.EXAMINE, now)
    if notes or case.waits >= len(world.policy.evidence_waits):
        return _skipped(case, "no file or URL among the evidence that can be detonated", now)
    wait = world.policy.evidence_waits[case.waits]
    return Later(wait, replace(case, waits=case.waits + 1))


def examine(case: Case, world: World) -> Case | Later:
    """Take the next step of the artefact that is due longest."""
    open_ones = [artefact for artefact in case.artefacts if not artefact.settled]
    now = world.clock()
    if not open_ones:
        return entered(replace(case, end=_end(case)), Stage.RECORD, now)
    due = min(open_ones, key=lambda artefact: artefact.due)
    if due.due > now:
        return Later(due.due - now)
    after = artefacts.advance(due, case, world)
    return replace(case, artefacts=tuple(after if a is due else a for a in case.artefacts))


def record(case: Case, world: World) -> Case | Later:
    """Put what the sandbox found beside what the feeds say."""
    now = world.clock()
    sightings = list(sightings_of(case, world.policy.indicator_life))
    if sightings:
        with world.sightings.writing(SOURCE):
            state, changed = merged(world.sightings.state(SOURCE), sightings, now)
            if len(changed):
                world.sightings.commit(SOURCE, state, changed)
    return entered(case, Stage.WRITEBACK, now)


def write_back(case: Case, world: World) -> Case | Later:
    """Apply the next effects; the ledger knows which those are."""
    batch = effects.next_batch(case, world)
    if not batch:
        return entered(case, Stage.CLEANUP, world.clock())
    effects.apply(batch, case, world)
    return Later(timedelta(0))


def clean_up(case: Case, world: World) -> Case | Later:
    """Delete the samples; the case has reached its end."""
    for artefact in case.artefacts:
        if artefact.entity is not Entity.URL:
            world.objects.delete(artefacts.sample_name(artefact, case))
    return entered(case, case.end, world.clock())


STEPS: dict[Stage, Step] = {
    Stage.RECEIVED: received,
    Stage.EXAMINE: examine,
    Stage.RECORD: record,
    Stage.WRITEBACK: write_back,
    Stage.CLEANUP: clean_up,
}

# Where a case goes that cannot go on: towards its comment if it has none yet, else to its end.
WAYS_OUT = {
    Stage.RECEIVED: Stage.WRITEBACK,
    Stage.EXAMINE: Stage.RECORD,
    Stage.RECORD: Stage.WRITEBACK,
    Stage.WRITEBACK: Stage.CLEANUP,
    Stage.CLEANUP: Stage.FAILED,
}


def given_up(case: Case, why: str, world: World) -> Case:
    """Return the case on its way to FAILED; what it was still waiting for failed for `why`."""
    settled = tuple(_settled(artefact, why, case, world) for artefact in case.artefacts)
    after = replace(case, artefacts=settled, end=Stage.FAILED, reason=case.reason or why)
    return entered(after, WAYS_OUT[case.stage], world.clock())


def entered(case: Case, stage: Stage, now: datetime) -> Case:
    """Return the case at the beginning of the stage."""
    return replace(case, stage=stage, entered=(*case.entered, (stage, now)))


def _settled(artefact: Artefact, why: str, case: Case, world: World) -> Artefact:
    return artefact if artefact.settled else artefacts.failed(artefact, why, case, world)


def _skipped(case: Case, why: str, now: datetime) -> Case:
    return entered(replace(case, end=Stage.SKIPPED, reason=why), Stage.WRITEBACK, now)


def _end(case: Case) -> Stage:
    complete = [artefact.state is State.COMPLETE for artefact in case.artefacts]
    if all(complete):
        return Stage.DONE
    return Stage.DONE_PARTIAL if any(complete) else Stage.FAILED
