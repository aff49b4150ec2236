"""One artefact's way from evidence to report: a short step per state, each safe to run twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from tidegate.detonate.findings import sift
from tidegate.detonate.packing import unpacked, wrapped
from tidegate.detonate.world import Policy, World, pace
from tidegate.model import Artefact, Case, Device, Entity, State
from tidegate.ports import BadPayload, Progress, Submission

Step = Callable[[Artefact, Case, World], Artefact]
ON_A_DEVICE = {State.ACQUIRE, State.FETCH}


def advance(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Take the artefact's next step. What will not work is a trouble on the artefact.

    Raises SourceDown when the step has to be taken again.
    """
    try:
        return STEPS[artefact.state](artefact, case, world)
    except BadPayload as error:
        if artefact.state in ON_A_DEVICE:
            return next_device(artefact, str(error), case, world)
        return failed(artefact, str(error), case, world)


# --- the states -------------------------------------------------------------------------------


def lookup(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Find out who has it: another case, the sandbox, or nobody."""
    now = world.clock()
    held = world.ledger.begin(claim(artefact), case.id, now)
    if held is None or (held.owner == case.id and not held.done):
        return _ask_sandbox(artefact, case, world)
    if not held.done:
        return waiting(artefact, world)
    if now - held.at >= world.policy.resubmit_after:
        world.ledger.forget(held)
        return artefact
    reused = held.owner != case.id
    return moved(artefact, State.ANALYSING, now, submission=held.result, reused=reused)


def acquire(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Ask the first device for the file, unless it was asked already or is busy."""
    if not artefact.devices:
        return failed(artefact, "no device to fetch the file from", case, world)
    device, mark = artefact.devices[0], _mark(artefact, case)
    actions = world.devices.actions(device.id)
    ours = next((action.id for action in actions if action.comment == mark), None)
    if ours is None and not any(action.progress is Progress.RUNNING for action in actions):
        ours = world.devices.collect(device.id, artefact.target, mark)
    if ours is not None:
        return moved(artefact, State.FETCH, world.clock(), action=ours)
    if _waited_for(artefact, world) >= world.policy.device_deadline:
        return next_device(artefact, "the device stayed busy", case, world)
    return waiting(artefact, world)


def fetch(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Wait for the live response; take the file only if it is the one that the alert named."""
    action = world.devices.action(artefact.action or "")
    if action.progress is Progress.RUNNING:
        if _waited_for(artefact, world) < world.policy.device_deadline:
            return waiting(artefact, world)
        world.devices.cancel(action.id, _mark(artefact, case))
        return next_device(artefact, "the device did not answer in time", case, world)
    if action.progress is Progress.FAILED:
        return next_device(artefact, f"live response failed: {action.detail}", case, world)
    packed = world.devices.fetch(action.id, world.policy.max_bytes)
    data = unpacked(packed, artefact.key, world.policy.max_bytes)
    if sha256(data).hexdigest() != artefact.key:
        return next_device(artefact, "hash mismatch: the file is another one", case, world)
    world.objects.put(sample_name(artefact, case), wrapped(data))
    return moved(artefact, State.SUBMIT, world.clock())


def submit(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Submit it, unless our nonce shows that this was done before a crash."""
    nonce = _nonce(artefact, case)
    earlier = [one.id for one in _submissions(artefact, world) if one.nonce == nonce]
    submission = earlier[0] if earlier else _submit(artefact, nonce, case, world)
    now = world.clock()
    if submission is None:
        return moved(artefact, State.FETCH, now)
    world.ledger.finish(claim(artefact), submission, now)
    return moved(artefact, State.ANALYSING, now, submission=submission)


def analyse(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Wait for the sandbox; the deadline counts from the submission, whatever it does there."""
    found = world.sandbox.submission(artefact.submission or "")
    if found.error is not None:
        return failed(artefact, found.error, case, world)
    if found.finished:
        return moved(artefact, State.COLLECT, world.clock(), sample=found.sample)
    return _waiting_for_sandbox(artefact, case, world)


def collect(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Take the report when all of its parts are there, and sift its indicators."""
    report = world.sandbox.report(artefact.sample or "")
    if report is None:
        return _waiting_for_sandbox(artefact, case, world)
    iocs, dropped = sift(report.found, world.policy.hygiene)
    kept = replace(report, found=())
    now = world.clock()
    return moved(artefact, State.COMPLETE, now, report=kept, iocs=iocs, dropped=dropped)


STEPS: dict[State, Step] = {
    State.LOOKUP: lookup,
    State.ACQUIRE: acquire,
    State.FETCH: fetch,
    State.SUBMIT: submit,
    State.ANALYSING: analyse,
    State.COLLECT: collect,
}


# --- from state to state ----------------------------------------------------------------------


def moved(artefact: Artefact, state: State, now: datetime, **changes: Any) -> Artefact:
    """Return the artefact in its next state, due at once."""
    return replace(artefact, state=state, since=now, due=now, **changes)


def waiting(artefact: Artefact, world: World) -> Artefact:
    """Return the artefact in the same state, due later."""
    delay = pace(_waited_for(artefact, world), world.policy)
    return replace(artefact, due=world.clock() + delay)


def next_device(artefact: Artefact, trouble: str, case: Case, world: World) -> Artefact:
    """Give up on the first device, and on the artefact if that was the last one."""
    device, *others = artefact.devices
    said = f"{device.name or device.id}: {trouble}"
    if not others:
        return failed(artefact, said, case, world)
    after = replace(
        artefact, devices=tuple(others), action=None, troubles=(*artefact.troubles, said)
    )
    return moved(after, State.ACQUIRE, world.clock())


def failed(artefact: Artefact, trouble: str, case: Case, world: World) -> Artefact:
    """Give up on the artefact, and leave it to other cases to try."""
    for entry in world.ledger.of(case.id):
        if entry.key == claim(artefact):
            world.ledger.forget(entry)
    after = replace(artefact, troubles=(*artefact.troubles, trouble))
    return moved(after, State.FAILED, world.clock())


def claim(artefact: Artefact) -> str:
    """Return the ledger key by which one case at a time detonates it."""
    return f"detonate:{artefact.entity}:{artefact.key}"


def sample_name(artefact: Artefact, case: Case) -> str:
    """Return the name under which the file's bytes wait for their submission."""
    return f"evidence/{case.id}/{artefact.key}"


# --- details ----------------------------------------------------------------------------------


def _ask_sandbox(artefact: Artefact, case: Case, world: World) -> Artefact:
    now = world.clock()
    for one in _submissions(artefact, world):
        if _usable(one, now, world.policy):
            world.ledger.finish(claim(artefact), one.id, one.created)
            reused = one.nonce != _nonce(artefact, case)
            return moved(artefact, State.ANALYSING, now, submission=one.id, reused=reused)
    if artefact.entity is Entity.URL:
        return moved(artefact, State.SUBMIT, now)
    return moved(artefact, State.ACQUIRE, now, devices=_devices(artefact, case, world))


def _usable(submission: Submission, now: datetime, policy: Policy) -> bool:
    age = now - submission.created
    limit = policy.resubmit_after if submission.finished else policy.analysis_deadline
    return submission.error is None and age < limit


def _devices(artefact: Artefact, case: Case, world: World) -> tuple[Device, ...]:
    """The alert's device first, then others on which Defender saw the same file."""
    first = [case.alert.device] if case.alert and case.alert.device else []
    known = {device.id for device in first}
    holding = world.devices.holding(artefact.key)
    others = [device for device in holding if device.id not in known]
    return (*first, *others[: world.policy.other_devices])


def _submissions(artefact: Artefact, world: World) -> list[Submission]:
    name = artefact.target if artefact.entity is Entity.URL else artefact.key
    return world.sandbox.submissions(artefact.entity, name)


def _submit(artefact: Artefact, nonce: str, case: Case, world: World) -> str | None:
    """Submit it and return the submission's id; None when the file's bytes are gone."""
    if artefact.entity is Entity.URL:
        return world.sandbox.submit_url(artefact.target, nonce)
    stored = world.objects.get(sample_name(artefact, case))
    if stored is None:
        return None
    return world.sandbox.submit_file(_file_name(artefact.target), wrapped(stored.data), nonce)


def _file_name(path: str) -> str:
    return PurePosixPath(path).name if path.startswith("/") else PureWindowsPath(path).name


def _waiting_for_sandbox(artefact: Artefact, case: Case, world: World) -> Artefact:
    if _waited_for(artefact, world) >= world.policy.analysis_deadline:
        return failed(artefact, "the sandbox did not finish in time", case, world)
    return waiting(artefact, world)


def _waited_for(artefact: Artefact, world: World) -> timedelta:
    return world.clock() - artefact.since


def _mark(artefact: Artefact, case: Case) -> str:
    """What our live responses carry as their comment, to be known again."""
    return f"Tidegate: alert {case.id}, file {artefact.key}"


def _nonce(artefact: Artefact, case: Case) -> str:
    return sha256(f"{case.id}\0{artefact.key}".encode()).hexdigest()[:32]
