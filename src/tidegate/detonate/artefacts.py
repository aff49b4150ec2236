"""One artefact's way from evidence to report: a short step per state, each safe to run twice."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from itertools import accumulate
from pathlib import PurePosixPath, PureWindowsPath

from tidegate.actions.block_indicators import ENFORCEABLE
from tidegate.detonate import quota, shared
from tidegate.detonate.acquire import acquire, attempts, fetch, next_attempt, sample_name, scratch
from tidegate.detonate.findings import sift
from tidegate.detonate.moves import failed, moved, waited_for, waiting
from tidegate.detonate.packing import wrap
from tidegate.detonate.spread import spread
from tidegate.detonate.world import DOCUMENTS, Policy, World, within
from tidegate.model import ENDS, Artefact, Case, Device, Entity, Ioc, Report, State, Verdict
from tidegate.ports import BadPayload, Entry, Order, QuotaSpent, SourceDown, Submission

log = logging.getLogger(__name__)

Step = Callable[[Artefact, Case, World], Artefact]
ON_A_DEVICE = {State.ACQUIRE, State.FETCH}
ROOM, OVERHEAD = 60_000, 80  # bytes of an artefact's indicators in its case, and of one besides
BAD = {Verdict.MALICIOUS, Verdict.SUSPICIOUS}


def advance(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Take the artefact's next step. What will not work is a trouble on the artefact.

    Raises SourceDown when the step has to be taken again.
    """
    try:
        return STEPS[artefact.state](artefact, case, world)
    except BadPayload as error:
        if artefact.state in ON_A_DEVICE and artefact.attempts:
            return next_attempt(artefact, str(error), case, world)
        return failed(artefact, str(error), case, world)


def went_on(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Take the artefact's next step; where that cannot be now, it is due later.

    One that never gets through is given up alone: the others of its case have their own way.
    """
    try:
        return replace(advance(artefact, case, world), failures=0)
    except QuotaSpent as spent:
        return waiting(artefact, world, spent.retry_after or world.policy.backoff)
    except SourceDown as down:
        failures = artefact.failures + 1
        log.warning("case %s, %s, failure %d: %s", case.id, artefact.state, failures, down)
        if failures >= world.policy.attempts:
            why = f"given up after {failures} attempts: {down}"
            return failed(artefact, why, case, world)
        wait = down.retry_after or world.policy.wait_after(failures)
        return replace(waiting(artefact, world, wait), failures=failures)


# --- the states -------------------------------------------------------------------------------


def lookup(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Find out who has it: another case, the sandbox, or nobody."""
    now = world.clock()
    held = shared.claim(artefact, case, now, world)
    if held is None or (held.owner == case.id and not held.done):
        return _ask_sandbox(artefact, case, world)
    stale = now - held.at >= world.policy.resubmit_after if held.done else _lost(held, world)
    if stale:
        world.ledger.forget(held)
        return artefact
    if not held.done:
        return _waiting_for_case(artefact, world)
    reused = held.owner != case.id
    known = shared.submissions_of(held)
    return moved(artefact, State.ANALYSING, now, submissions=known, reused=reused)


def submit(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Submit it, unless our nonce shows that this was done before a crash."""
    nonce = _nonce(artefact, case)
    ids = _made(artefact, nonce, case, world)
    if not ids:
        if delay := quota.wait(nonce, case, world):
            return _waiting_for_quota(artefact, delay, case, world)
        try:
            ids = _submit(artefact, nonce, case, world)
        except QuotaSpent as spent:  # of which the sandbox had told us nothing
            delay = spent.retry_after or quota.AGAIN
            return _waiting_for_quota(artefact, delay, case, world)
    now = world.clock()
    if not ids:
        return failed(artefact, "the stored sample has disappeared", case, world)
    shared.settle(artefact, ids, now, world)
    shared.wake_others(artefact, case, world)
    return moved(artefact, State.ANALYSING, now, submissions=ids)


def analyse(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Wait for the sandbox; the deadline counts from the submission, whatever it does there."""
    if report := shared.report(artefact.submissions, world):
        # Whoever collected it may have died before it told all that there is to tell.
        own = moved(artefact, State.COLLECT, world.clock())
        return _reported(artefact, report, world) if artefact.reused else own
    found = [world.sandbox.submission(one) for one in artefact.submissions]
    errors = [one.error for one in found if one.error]
    # Of an archive some members may fail: the others still have their verdict.
    if len(errors) == len(found):
        return failed(artefact, "; ".join(errors), case, world)
    if all(one.finished for one in found):
        return _finished(artefact, found, errors, world)
    begun = min(one.created for one in found)
    late = world.clock() - begun >= world.policy.analysis_deadline
    if late and waited_for(artefact, world) >= world.policy.analysis_soonest:
        return failed(artefact, "the sandbox did not finish in time", case, world)
    # Whoever submitted it looks after it, and wakes us when the report is there.
    wait = _waiting_for_case if artefact.reused else _waiting_for_analysis
    return wait(artefact, world)


def collect(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Take the report when all of its parts are there, for all cases that wait for it."""
    report = shared.report(artefact.submissions, world) or world.sandbox.report(artefact.samples)
    if report is None:
        if waited_for(artefact, world) >= world.policy.analysis_deadline:
            return failed(artefact, "the sandbox never finished the report", case, world)
        return waiting(artefact, world)
    shared.keep(artefact.submissions, report, world)
    shared.wake_others(artefact, case, world)
    if shared.was_recorded(artefact.scope, world):
        shared.tell(artefact.scope, world)  # they have an older analysis, of another verdict maybe
    world.rechecks.put(artefact.scope)
    return _reported(artefact, report, world)


STEPS: dict[State, Step] = {
    State.LOOKUP: lookup,
    State.ACQUIRE: acquire,
    State.FETCH: fetch,
    State.SUBMIT: submit,
    State.ANALYSING: analyse,
    State.COLLECT: collect,
    State.SPREAD: spread,
}


# --- details ----------------------------------------------------------------------------------


def judged(artefact: Artefact, report: Report, policy: Policy) -> Artefact:
    """Return the artefact with a report and the indicators of it that hygiene lets pass."""
    iocs, dropped = sift(report.found, policy.hygiene)
    kept = _kept(iocs, policy.most_iocs)
    dropped += len(iocs) - len(kept)
    return replace(artefact, report=replace(report, found=()), iocs=kept, dropped=dropped)


def _kept(iocs: tuple[Ioc, ...], most: int) -> tuple[Ioc, ...]:
    """Return the worst ones, what Defender can enforce first, that a case's document has room for.

    The sandbox's report has them all.
    """
    order = list(Verdict).index
    worst = sorted(
        iocs, key=lambda ioc: (order(ioc.verdict), ioc.kind not in ENFORCEABLE, ioc.kind, ioc.value)
    )
    sizes = accumulate(len(ioc.value.encode()) + OVERHEAD for ioc in worst)
    kept = [ioc for ioc, size in zip(worst[:most], sizes, strict=False) if size <= ROOM]
    return tuple(sorted(kept, key=lambda ioc: (ioc.kind, ioc.value)))


def _finished(
    artefact: Artefact, found: list[Submission], errors: list[str], world: World
) -> Artefact:
    samples = tuple(dict.fromkeys(one.sample for one in found if not one.error))
    notes = dict.fromkeys([*errors, *(note for one in found for note in one.notes)])
    troubles = (*artefact.troubles, *notes)
    return moved(artefact, State.COLLECT, world.clock(), samples=samples, troubles=troubles)


def _reported(artefact: Artefact, report: Report, world: World) -> Artefact:
    after = judged(artefact, report, world.policy)
    wanted = world.policy.spread and artefact.entity is Entity.FILE and report.verdict in BAD
    return moved(after, State.SPREAD if wanted else State.COMPLETE, world.clock())


def _ask_sandbox(artefact: Artefact, case: Case, world: World) -> Artefact:
    now, why_not = world.clock(), _private(artefact, case, world.policy)
    # The hash of a file says nothing to who does not know the file; to look up a URL is to show it.
    if why_not and artefact.entity is Entity.URL:
        return failed(artefact, f"not shown to the sandbox: {why_not}", case, world)
    for one in _submissions(artefact, world):
        if _usable(one, world):
            shared.settle(artefact, (one.id,), one.created, world)
            shared.wake_others(artefact, case, world)
            reused = one.nonce != _nonce(artefact, case)
            return moved(artefact, State.ANALYSING, now, submissions=(one.id,), reused=reused)
    if why_not:
        return failed(artefact, f"unknown to the sandbox, and not uploaded: {why_not}", case, world)
    if artefact.entity is Entity.URL:
        return moved(artefact, State.SUBMIT, now)
    others = _holding(artefact, world)
    ways = tuple(attempts(artefact, case, others, world.policy))
    return moved(artefact, State.ACQUIRE, now, attempts=ways)


def _holding(artefact: Artefact, world: World) -> list[Device]:
    """Return the devices that have the file; none where Defender may not tell us."""
    try:
        return world.devices.holding(artefact.sha1) if artefact.sha1 else []
    except BadPayload as error:
        log.warning("on which devices %s is is not known: %s", artefact.scope, error)
        return []


def _private(artefact: Artefact, case: Case, policy: Policy) -> str | None:
    """Say why the file may not be shown to a third party; None if it may."""
    device = case.alert.device if case.alert else None
    group = (device.group if device else "") or (case.alert.group if case.alert else "")
    if policy.no_upload_groups and group.lower() in {"", *policy.no_upload_groups}:
        return f"the device group is {group or 'not known'}"
    if artefact.entity is Entity.FILE and not policy.documents and not artefact.target:
        return "it may be a document, for its name is not known"
    ending = _file_name(artefact.target).rpartition(".")[2].lower()
    if artefact.entity is Entity.FILE and not policy.documents and ending in DOCUMENTS:
        return "documents are kept here"
    return None


def _lost(held: Entry, world: World) -> bool:
    """Whether the case that has the claim has ended, and will never say what came of it."""
    owner = world.cases.get(held.owner)
    return owner is None or owner.stage in ENDS


def _usable(submission: Submission, world: World) -> bool:
    age = world.clock() - submission.created
    policy = world.policy
    limit = policy.resubmit_after if submission.finished else policy.analysis_deadline
    return submission.error is None and age < limit


def _submissions(artefact: Artefact, world: World) -> list[Submission]:
    name = artefact.target if artefact.entity is Entity.URL else artefact.key
    return world.sandbox.submissions(artefact.entity, name)


def _made(artefact: Artefact, nonce: str, case: Case, world: World) -> tuple[str, ...]:
    """Return the submissions that were made of it, though we may not have heard so."""
    found = _submissions(artefact, world)
    if world.ledger.get(_tried(nonce, case)) is not None:
        # Of an archive its members are submitted: other files.
        found += world.sandbox.newest()
    return tuple(dict.fromkeys(one.id for one in found if one.nonce == nonce))


def _tried(nonce: str, case: Case) -> str:
    return f"{case.id}:submit.{nonce}"


def _submit(artefact: Artefact, nonce: str, case: Case, world: World) -> tuple[str, ...]:
    """Submit it and return the submissions' ids; none when the file's bytes are gone."""
    world.ledger.begin(_tried(nonce, case), case.id, world.clock())
    order = Order(nonce, case.id, _tags(artefact, case))
    if artefact.entity is Entity.URL:
        return world.sandbox.submit_url(artefact.target, order)
    with scratch(world) as folder:
        wrapped, plain = folder / "wrapped", folder / "plain"
        if not world.objects.fetch(sample_name(artefact, case), wrapped):
            return ()
        wrap(wrapped, plain)
        if plain.stat().st_size > world.sandbox.max_bytes():
            raise BadPayload("the file is larger than the sandbox takes")
        name = _file_name(artefact.target) or artefact.key
        return world.sandbox.submit_file(name, plain, order)


def _tags(artefact: Artefact, case: Case) -> tuple[str, ...]:
    family = case.alert.family if case.alert else ""
    return tuple(filter(None, [artefact.entity.value, family, f"AlertID:{case.id}"]))


def _file_name(path: str) -> str:
    return PurePosixPath(path).name if path.startswith("/") else PureWindowsPath(path).name


def _waiting_for_case(artefact: Artefact, world: World) -> Artefact:
    """Wait for the case that has the claim, which wakes us."""
    policy, half = world.policy, waited_for(artefact, world) / 2
    return waiting(artefact, world, within(policy.claim_soonest, half, policy.claim_slowest))


def _waiting_for_analysis(artefact: Artefact, world: World) -> Artefact:
    """Wait for the list of finished submissions, which wakes us."""
    policy, half = world.policy, waited_for(artefact, world) / 2
    return waiting(artefact, world, within(policy.analysis_soonest, half, policy.analysis_slowest))


def _waiting_for_quota(artefact: Artefact, delay: timedelta, case: Case, world: World) -> Artefact:
    if waited_for(artefact, world) >= world.policy.quota_deadline:
        return failed(artefact, "the sandbox's quota stayed spent", case, world)
    return waiting(artefact, world, delay)


def _nonce(artefact: Artefact, case: Case) -> str:
    return sha256(f"{case.id}\0{artefact.key}\0{case.runs}".encode()).hexdigest()[:32]
