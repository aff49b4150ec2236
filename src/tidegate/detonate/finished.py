"""Submissions that the sandbox has finished: one list of them wakes all cases that wait."""

import logging
from hashlib import sha256

from tidegate.canonical import Rejected, canonical
from tidegate.detonate import shared
from tidegate.detonate.world import World
from tidegate.model import Kind
from tidegate.ports import Refused, Submission

log = logging.getLogger(__name__)

MARK = "marks/submissions"
PAGE = 100
PAGES = 20  # of one look: whoever was away for long catches up over several


def poll_finished(world: World) -> int:
    """Read what was finished since the last look, and wake its cases; return how many there were.

    The first look only finds out where the list ends by now.
    """
    stored = world.objects.get(MARK)
    mark = stored.data.decode() if stored else None
    count = 0
    for _ in range(PAGES if mark else 1):
        found = _next(mark, world)
        for one in found:
            tell(one, world)
        count += len(found)
        if found:
            mark = found[-1].id
            # After its cases were woken: after a crash some of them are woken twice.
            world.objects.put(MARK, mark.encode())
        if len(found) < PAGE:
            break
    return count


def _next(mark: str | None, world: World) -> list[Submission]:
    try:
        return world.sandbox.finished(mark, PAGE)
    except Refused:
        if mark is None:
            raise
        # Submissions may be deleted, the one that we remember, too: the list is begun again.
        log.warning("the sandbox does not know submission %s any more", mark)
        world.objects.delete(MARK)
        return []


def tell(submission: Submission, world: World) -> None:
    """Wake the cases that wait for a finished submission; a new one of an old sample is checked."""
    for scope in _scopes(submission):
        held = world.ledger.get(f"{scope}:{shared.CLAIM}")
        if held is None:
            continue
        if held.done and submission.id not in shared.submissions_of(held):
            world.rechecks.put(scope)
            world.rechecks.wake(scope)
        shared.wake(scope, world)


def hint(submission: str, world: World) -> None:
    """Look at a submission of which somebody says that it is finished; nothing else is believed."""
    found = world.sandbox.submission(submission)
    if found.finished:
        tell(found, world)


def _scopes(submission: Submission) -> list[str]:
    if submission.url is None:
        return [f"file-{submission.sha256}"] if submission.sha256 else []
    try:
        value = canonical(Kind.URL, submission.url)[1]
    except Rejected:
        return []
    return [f"url-{sha256(value.encode()).hexdigest()}"]
