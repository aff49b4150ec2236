"""Kill the worker at any point, start again: it goes on, and nothing is done twice.

Between two calls that leave the worker it remembers nothing, so dying after the n-th call, for
every n from 0 on, is dying anywhere. Calls are HTTP requests and writes to a store.
"""

from contextlib import suppress

import pytest

from tidegate.detonate import receive
from tidegate.ports import SourceDown
from tidegate.simulator.seed import LOADER, PAGE, alert_id, digest

pytestmark = pytest.mark.slow

# Two alerts on one file, one on a URL, one whose first device is away.
ALERTS = (1, 2, 3)


def lost():
    """What the worker sees when the answer to a call that happened is lost."""
    return SourceDown("the connection broke")


def outcome(stand):
    """Everything outside that the worker changed, but for times."""
    sightings = stand.world().sightings.state("vmray")
    return {
        "comments": {n: [_timeless(text) for text in stand.comments(n)] for n in ALERTS},
        "tags": {n: stand.tags(n) for n in ALERTS},
        "indicators": sorted(stand.memory.calls("indicator")),
        "submitted": sorted(stand.memory.calls("submit")),
        "live responses": len(stand.memory.calls("live response")),
        "cancelled": len(stand.memory.calls("cancel")),
        "sightings": sorted(sightings.select("kind", "value", "confidence").rows()),
        "samples": list(stand.world().objects.names("evidence/")),
        "stages": {case.id: case.stage for case in stand.world().cases.newest(10)},
    }


def _timeless(text):
    return [line for line in text.splitlines() if not line.startswith(("Analysed", "["))]


def live(stand, world, error):
    """One life of a worker: it takes in the alerts and works until it is done or dies."""
    with suppress(error):
        for number in ALERTS:
            receive(alert_id(number), world)
        stand.finish(world)


@pytest.fixture
def undisturbed(stand_at, tmp_path, fuse):
    stand = stand_at(tmp_path / "undisturbed")
    blown = fuse()
    live(stand, stand.world(blown), ())
    found = outcome(stand)
    assert found["submitted"] == sorted([digest(LOADER), PAGE])
    assert found["live responses"] == 1
    return found, blown.names


def test_the_worker_may_die_after_any_call(stand_at, tmp_path, fuse, undisturbed):
    expected, calls = undisturbed
    assert len(calls) > 100
    for n in range(len(calls) + 1):
        stand = stand_at(tmp_path / f"killed-{n}")
        world = stand.world(fuse(after=n))
        live(stand, world, fuse().error)
        live(stand, stand.world(), ())
        assert outcome(stand) == expected, f"killed after call {n}: {calls[max(n - 1, 0)]}"
        stand.close()


def test_any_answer_may_get_lost(stand_at, tmp_path, fuse, undisturbed):
    expected, calls = undisturbed
    requests = [n for n, name in enumerate(calls, start=1) if " " in name]
    for n in requests:
        stand = stand_at(tmp_path / f"lost-{n}")
        live(stand, stand.world(fuse(after=n, error=lost)), ())
        assert outcome(stand) == expected, f"lost the answer to call {n}: {calls[n - 1]}"
        stand.close()


def test_the_worker_may_die_again_and_again(stand_at, tmp_path, fuse, undisturbed):
    expected, calls = undisturbed
    for every in (2, 3, 7, 19):
        stand = stand_at(tmp_path / f"every-{every}")
        for _ in range(len(calls)):
            live(stand, stand.world(fuse(after=every)), fuse().error)
        live(stand, stand.world(), ())
        assert outcome(stand) == expected, f"killed after every {every} calls"
        stand.close()
