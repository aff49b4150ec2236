"""How much may be detonated: the licence's quota and the day's cap, the severe alerts first."""

from datetime import timedelta

from tidegate.detonate.world import World
from tidegate.model import Case
from tidegate.ports import Limit

DAY = timedelta(days=1)
AGAIN = timedelta(minutes=15)
SUBMISSIONS = "vmray-submissions"


def wait(nonce: str, case: Case, world: World) -> timedelta | None:
    """Take one submission; if there is none for alerts so severe, say when to ask again.

    The last part of a quota is left to severer alerts, which may come. What was taken for this
    nonce stays so, however often it has to be submitted.
    """
    share = world.policy.share(case.alert.severity if case.alert else "")
    quota = world.sandbox.quota()
    if quota is not None and quota.used >= int(quota.limit * share):
        return AGAIN
    if world.policy.daily is None:
        return None
    taken = f"{case.id}:taken.{nonce}"
    if world.ledger.get(taken) is not None:
        return None
    daily = world.policy.daily
    most = max(int(daily * share), min(daily, 1))
    left = world.budgets.spend(SUBMISSIONS, [Limit(DAY, most)])
    if left is not None:
        return min(left, AGAIN)
    world.ledger.begin(taken, case.id, world.clock())
    return None
