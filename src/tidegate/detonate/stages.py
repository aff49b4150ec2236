"""A case's way from alert to verdict: a short step per stage, each safe to run twice."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from tidegate.canonical import defanged
from tidegate.detonate import artefacts, decisions, effects, responses, shared
from tidegate.detonate.acquire import sample_name
from tidegate.detonate.blocking import needed_elsewhere
from tidegate.detonate.evidence import fan_out, resolvable, resolved
from tidegate.detonate.filters import misplaced, too_young, unwanted
from tidegate.detonate.findings import (
    SOURCE,
    changed_references,
    merged,
    sightings_of,
    suspected,
)
from tidegate.detonate.moves import failed
from tidegate.detonate.own import raised_by_us
from tidegate.detonate.world import Later, World
from tidegate.model import (
    REFUSED,
    Alert,
    Artefact,
    Case,
    Device,
    Do,
    Effect,
    Entity,
    Kind,
    Stage,
    State,
    indicator_id,
)
from tidegate.ports import BadPayload

log = logging.getLogger(__name__)

Step = Callable[[Case, World], Case | Later]
SHOWN = 200  # characters of a value, in a note that is kept with the case


def received(case: Case, world: World) -> Case | Later:
    """Read the alert and see what there is to examine; evidence may lag behind its alert."""
    alert = world.alerts.get(case.id)
    now, policy = world.clock(), world.policy
    if alert is None:
        return _missing(case, world)
    case = replace(case, alert=alert)
    if why := unwanted(alert, policy.filters) or raised_by_us(alert, world):
        return _skipped(case, why, now)
    if wait := too_young(alert, policy.filters, now):
        return Later(wait, case)
    alert = _completed(alert, world)
    case = replace(case, alert=alert)
    if why := misplaced(alert, policy.filters):
        return _skipped(case, why, now)
    return _fanned_out(case, alert, world)


def _missing(case: Case, world: World) -> Case | Later:
    """Wait for an alert that Defender does not show yet as long as for late evidence."""
    waits = world.policy.evidence_waits
    if case.waits < len(waits):
        return Later(waits[case.waits], replace(case, waits=case.waits + 1))
    gone = replace(case, reason="Defender does not have this alert", end=Stage.FAILED)
    return entered(gone, Stage.FAILED, world.clock())


def examine(case: Case, world: World) -> Case | Later:
    """Take the next step of the artefact that is due longest."""
    open_ones = [artefact for artefact in case.artefacts if not artefact.settled]
    now = world.clock()
    if not open_ones:
        return entered(replace(case, end=_end(case)), Stage.RECORD, now)
    due = min(open_ones, key=lambda artefact: artefact.due)
    if due.due > now:
        return Later(due.due - now)
    after = artefacts.went_on(due, case, world)
    return replace(case, artefacts=tuple(after if a is due else a for a in case.artefacts))


def record(case: Case, world: World) -> Case | Later:
    """Put what the sandbox found beside what the feeds say, and hear what the policy says to it."""
    _remember(case, world)
    now, policy = world.clock(), world.policy
    answers = responses.answered(case, policy)
    decided = dict(case.answers)
    kept = tuple((name, decided.get(name, answer)) for name, answer in answers)
    asked = responses.proposed(replace(case, answers=kept), policy, now)
    return entered(asked, Stage.WRITEBACK, now)


def write_back(case: Case, world: World) -> Case | Later:
    """Apply the next effects; the ledger knows which those are."""
    batch = effects.next_batch(case, world)
    if not batch:
        told = replace(case, notes=(*case.notes, *_refusals(case, world)))
        return entered(told, Stage.CLEANUP, world.clock())
    return _applied(batch, case, world)


def clean_up(case: Case, world: World) -> Case | Later:
    """Delete the samples: nobody needs their bytes any more."""
    for artefact in case.artefacts:
        if artefact.entity is not Entity.URL:
            world.objects.delete(sample_name(artefact, case))
    return entered(case, Stage.RESPOND, world.clock())


def respond(case: Case, world: World) -> Case | Later:
    """Take the next step of the responses, tell what became of them, and come to the end."""
    before, case, now = case, decisions.as_of_now(case, world), world.clock()
    if (case.artefacts, case.revoked) != (before.artefacts, before.revoked):
        return entered(case, Stage.RECORD, now)
    due = [one for one in responses.next_ones(case) if one.due <= now]
    if due:
        return responses.went_on(case, due[0], responses.advance(due[0], case, world))
    if waiting := responses.next_ones(case):
        return Later(waiting[0].due - now, case)
    batch = effects.next_batch(case, world)
    return _applied(batch, case, world) if batch else entered(case, case.end, now)


STEPS: dict[Stage, Step] = {
    Stage.RECEIVED: received,
    Stage.EXAMINE: examine,
    Stage.RECORD: record,
    Stage.WRITEBACK: write_back,
    Stage.CLEANUP: clean_up,
    Stage.RESPOND: respond,
}

# Where a case goes that cannot go on: towards its comment if it has none yet, else to its end.
WAYS_OUT = {
    Stage.RECEIVED: Stage.WRITEBACK,
    Stage.EXAMINE: Stage.RECORD,
    Stage.RECORD: Stage.WRITEBACK,
    Stage.WRITEBACK: Stage.CLEANUP,
    Stage.CLEANUP: Stage.RESPOND,
    Stage.RESPOND: Stage.FAILED,
}


def given_up(case: Case, why: str, world: World) -> Case:
    """Return the case on its way to FAILED; what it was still waiting for failed for `why`."""
    settled = tuple(_settled(artefact, why, case, world) for artefact in case.artefacts)
    after = replace(case, artefacts=settled, end=Stage.FAILED, reason=case.reason or why)
    after = responses.given_up(after, why)
    return entered(after, WAYS_OUT[case.stage], world.clock())


def entered(case: Case, stage: Stage, now: datetime) -> Case:
    """Return the case at the beginning of the stage."""
    return replace(case, stage=stage, entered=(*case.entered, (stage, now)))


def _completed(alert: Alert, world: World) -> Alert:
    """Return the alert with what Defender knows of its device, and of files without a SHA-256."""
    if alert.device is not None:
        alert = replace(alert, device=_device(alert.device, world))
    wanted = resolvable(alert)[: world.policy.most_artefacts]
    return resolved(alert, {sha1: _sha256(sha1, world) for sha1 in wanted})


def _device(told: Device, world: World) -> Device:
    """Return the device; as the alert tells of it where Defender knows no more, or may not tell."""
    try:
        return world.devices.get(told.id) or told
    except BadPayload as error:
        log.warning("device %s is not known: %s", told.id, error)
        return told


def _sha256(sha1: str, world: World) -> str:
    """Return the SHA-256; nothing where Defender does not know it, or may not tell us."""
    try:
        found = world.devices.file(sha1)
    except BadPayload as error:
        log.warning("a file's SHA-256 is not known: %s", error)
        return ""
    return found.sha256 if found else ""


def _fanned_out(case: Case, alert: Alert, world: World) -> Case | Later:
    now, waits = world.clock(), world.policy.evidence_waits
    found, notes = fan_out(alert, world.policy, now)
    # A case that is opened again keeps what it has settled.
    held = {artefact.key: artefact for artefact in case.artefacts}
    every = {**{artefact.key: artefact for artefact in found}, **held}
    case = replace(case, artefacts=tuple(every.values()), notes=tuple(notes))
    if every:
        return entered(case, Stage.EXAMINE, now)
    if notes or case.waits >= len(waits):
        return _skipped(case, "no file or URL among the evidence that can be detonated", now)
    return Later(waits[case.waits], replace(case, waits=case.waits + 1))


def _remember(case: Case, world: World) -> None:
    fresh = [one for one in case.artefacts if one.verdict and not shared.is_recorded(one, world)]
    known = replace(case, artefacts=tuple(fresh))
    back = _taken_back(case, world)
    if fresh or back:
        gone = {one for one in back if not needed_elsewhere(one, case, world)}
        _say(known, gone, back - gone, world)
    for artefact in fresh:
        shared.mark_recorded(artefact, case, world)


def _taken_back(case: Case, world: World) -> set[str]:
    """Return the ids of what is blocked no more, but for what is suspicious still."""
    back = {
        indicator_id(one.kind or Kind.DOMAIN, one.target)
        for one in case.revoked
        if one.do is Do.BLOCK_INDICATOR
    }
    return back - suspected(sightings_of(case, world.policy.indicator_life))


def _say(case: Case, gone: set[str], kept: set[str], world: World) -> None:
    """Put what the case's reports say beside the feeds, and take out what is gone."""
    sightings = list(sightings_of(case, world.policy.indicator_life))
    anew = changed_references(case)
    if not (sightings or gone or anew):
        return
    with world.sightings.writing(SOURCE):
        state = world.sightings.state(SOURCE)
        after, changed = merged(state, sightings, world.clock(), anew, gone, kept)
        if len(changed) or len(after) != len(state):
            world.sightings.commit(SOURCE, after, changed)


def _applied(batch: list[Effect], case: Case, world: World) -> Later:
    effects.apply(batch, case, world)
    return Later(timedelta(0))


def _refusals(case: Case, world: World) -> list[str]:
    # Read from the ledger: whoever heard a refusal may have died before the case could say so.
    notes = [
        f"{REFUSED}{effect.do} {defanged(effect.target)[:SHOWN]}: {why}"
        for effect, why in effects.refusals(case, world)
    ]
    return [note for note in dict.fromkeys(notes) if note not in case.notes]


def _settled(artefact: Artefact, why: str, case: Case, world: World) -> Artefact:
    return artefact if artefact.settled else failed(artefact, why, case, world)


def _skipped(case: Case, why: str, now: datetime) -> Case:
    return entered(replace(case, end=Stage.SKIPPED, reason=why), Stage.WRITEBACK, now)


def _end(case: Case) -> Stage:
    complete = [artefact.state is State.COMPLETE for artefact in case.artefacts]
    if all(complete):
        return Stage.DONE
    return Stage.DONE_PARTIAL if any(complete) else Stage.FAILED
