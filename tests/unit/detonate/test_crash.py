"""Kill the worker at any point, start again: it goes on, and nothing is done twice.

Between two calls that leave the worker it remembers nothing, so dying after the n-th call, for
every n from 0 on, is dying anywhere. Calls are HTTP requests and writes to a store.
"""

import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.adapters.http import HttpClient
from tidegate.adapters.local.database import connect
from tidegate.declare.responses import Responses
from tidegate.detonate import (
    Policy,
    hurried,
    poll_finished,
    receive,
    recheck_due,
    step,
    sweep,
    work,
)
from tidegate.hygiene import Policy as Hygiene
from tidegate.model import ENDS, Stage
from tidegate.ports import Message, SourceDown
from tidegate.simulator.seed import LOADER, PAGE, QUARANTINED, TOOL, alert_id, digest

pytestmark = pytest.mark.slow

PARTS = 4  # of a sweep: they run side by side
# Dying takes every other point and losing an answer those between; SWEEP=whole takes all for both.
EVERY = 1 if os.environ.get("SWEEP") == "whole" else 2

# Two alerts on one file, one on a URL, one whose file is in quarantine, and one that is clean.
ALERTS = (1, 2, 3, 4, 9)
# Everything that there is to do is done: responses on devices, tags, comments, classification.
POLICY = Policy(
    hygiene=Hygiene(simulated=True),
    responses=Responses.model_validate(
        {
            "exclude": {"servers": True},
            "rules": [
                {
                    "when": {"verdict": "malicious"},
                    "then": {
                        **dict.fromkeys(["begin_alert", "comment_incident", "tag_device"], "do"),
                        **dict.fromkeys(["classify_alert", "collect_package"], "do"),
                        **dict.fromkeys(["quarantine_file", "isolate_device"], "do"),
                        "scan_device": "none",
                    },
                }
            ],
        }
    ),
)


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
        "actions": sorted(map(_action, stand.memory.all("actions"))),
        "alerts": {n: _classified(stand, n) for n in ALERTS},
        "incidents": {n: len(stand.incident_comments(n)) for n in ALERTS},
        "device tags": sorted(m["machineTags"] for m in stand.memory.all("machines")),
        "scripts": len(stand.memory.all("library")),
        "sightings": sorted(sightings.select("kind", "value", "confidence").rows()),
        "samples": list(stand.world().objects.names("evidence/")),
        "stages": {case.id: case.stage for case in stand.world().cases.newest(10)},
    }


def _action(action):
    """Leave out which device a file was fetched from: one case fetches it for all."""
    fetched = action["type"] == "LiveResponse"
    return action["type"], "" if fetched else action["machineId"]


def _classified(stand, number):
    alert = stand.memory.get("alerts", alert_id(number))
    return alert["status"], alert["classification"], alert["determination"]


def _timeless(text):
    """Leave out times, and which of two cases on one device was the first."""
    lines = [line for line in text.splitlines() if not line.startswith(("Analysed", "["))]
    return [line.replace("needless: it was so already", "succeeded") for line in lines]


def different(calls):
    """Number the calls, from 1, leaving out those that came before in the same order of two.

    Waiting makes the same calls many times over.
    """
    pairs = {}
    for n, pair in enumerate(pairwise(["", *calls]), start=1):
        pairs.setdefault(pair, n)
    return sorted(pairs.values())


def live(stand, world, error):
    """One life of a worker: it takes in the alerts and works until it is done or dies."""
    with suppress(error):
        for number in ALERTS:
            receive(alert_id(number), world)
        stand.finish(world)


def begun(stand_at, folder):
    """A new tenant, and workers that do everything there is to do."""
    stand = stand_at(folder)
    stand.policy = POLICY
    return stand


@pytest.fixture(scope="module")
def remembered():
    """The undisturbed run, made once."""
    return []


@pytest.fixture
def undisturbed(stand_at, tmp_path, fuse, remembered):
    if not remembered:
        stand = begun(stand_at, tmp_path / "undisturbed")
        blown = fuse()
        live(stand, stand.world(blown), ())
        found = outcome(stand)
        assert found["submitted"] == sorted(
            [digest(LOADER), PAGE, digest(QUARANTINED), digest(TOOL)]
        )
        assert found["live responses"] == 3
        assert found["scripts"] == 1
        assert {kind for kind, _ in found["actions"]} == {
            *("LiveResponse", "CollectInvestigationPackage", "StopAndQuarantineFile", "Isolate")
        }
        assert set(found["stages"].values()) == {Stage.DONE}
        remembered.append((found, blown.names))
    return remembered[0]


@pytest.mark.parametrize("part", range(PARTS))
def test_the_worker_may_die_after_any_call(stand_at, tmp_path, fuse, undisturbed, part):
    expected, calls = undisturbed
    points = [0, *different(calls)]
    assert len(points) > 200
    for n in points[::EVERY][part::PARTS]:
        stand = begun(stand_at, tmp_path / f"killed-{n}")
        blown = fuse(after=n)
        live(stand, stand.world(blown), blown.error)
        assert blown.after is None, f"call {n} was never made"
        live(stand, stand.world(), ())
        assert outcome(stand) == expected, f"killed after call {n}: {calls[max(n - 1, 0)]}"
        stand.close()


@pytest.mark.parametrize("part", range(PARTS))
def test_any_answer_may_get_lost(stand_at, tmp_path, fuse, undisturbed, part):
    expected, calls = undisturbed
    points = [n for n in different(calls) if " " in calls[n - 1]]
    assert len(points) > 50
    for n in points[EVERY - 1 :: EVERY][part::PARTS]:
        stand = begun(stand_at, tmp_path / f"lost-{n}")
        blown = fuse(after=n, error=lost)
        live(stand, stand.world(blown), ())
        assert blown.after is None, f"call {n} was never made"
        assert outcome(stand) == expected, f"lost the answer to call {n}: {calls[n - 1]}"
        stand.close()


@pytest.mark.parametrize("seed", range(PARTS))
def test_the_worker_may_die_again_and_again(stand_at, tmp_path, fuse, undisturbed, seed):
    expected, _ = undisturbed
    stand = begun(stand_at, tmp_path / f"again-{seed}")
    chance = random.Random(seed)  # noqa: S311 - it decides when to die
    for number in ALERTS:
        receive(alert_id(number), stand.world())
    died = 0
    for _ in range(300):
        try:
            stand.finish(stand.world(fuse(after=chance.randint(1, 80))))
        except fuse().error:
            died += 1
        else:
            break
    assert died > 10
    live(stand, stand.world(), ())
    assert outcome(stand) == expected


# --- messages in any order --------------------------------------------------------------------


EVENTS = st.one_of(
    st.tuples(st.just("receive"), st.sampled_from(ALERTS)),
    st.tuples(st.just("long gone"), st.sampled_from(ALERTS)),
    st.tuples(st.just("twice"), st.just(0)),
    st.tuples(st.just("work"), st.integers(1, 5)),
    st.tuples(st.just("wait"), st.integers(1, 3_600)),
    st.tuples(st.just("look"), st.just(0)),
)


def twice(_, stand, world):
    """Bring the message that is due to two workers, one after the other."""
    if message := world.queue.take(world.policy.hidden):
        step(world, message)
        step(world, message)


def wait(seconds, stand, _):
    stand.clock.now += timedelta(seconds=seconds)


def look(_, stand, world):
    """Do all that timers do."""
    poll_finished(world)
    recheck_due(world)
    sweep(world)


HAPPEN = {
    "receive": lambda number, _, world: receive(alert_id(number), world),
    "long gone": lambda number, _, world: step(world, Message(alert_id(number), -1, 1)),
    "twice": twice,
    "work": lambda most, _, world: work(world, most),
    "wait": wait,
    "look": look,
}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EVENTS, min_size=5, max_size=60))
def test_messages_may_come_twice_late_and_in_any_order(stand_at, tmp_path, undisturbed, events):
    expected, _ = undisturbed
    stand = begun(stand_at, tmp_path / uuid4().hex)
    world = stand.world()
    for what, number in events:
        HAPPEN[what](number, stand, world)
    live(stand, world, ())
    assert outcome(stand) == expected
    stand.close()


# --- a real process and a real signal ---------------------------------------------------------


def now():
    return datetime.now(UTC)


def worker(home, url, hidden):
    """A worker as another process has it: nothing in common but the folder and the tenant."""
    spec = spec_from_file_location("harness", Path(__file__).with_name("conftest.py"))
    harness = module_from_spec(spec)
    sys.modules["harness"] = harness
    spec.loader.exec_module(harness)
    policy = replace(hurried(POLICY), hidden=timedelta(seconds=hidden))
    http = harness.FusedHttp(HttpClient(allow_private=True), harness.Fuse())
    return harness.build(home, url, http, connect(home / "tidegate.sqlite"), now, policy)


def process(home, url, hidden=1.0):
    """What the killed process runs: a worker, until all of its cases have ended."""
    world = worker(home, url, hidden)
    for number in ALERTS:
        receive(alert_id(number), world)
    sys.stdout.write("at work\n")
    sys.stdout.flush()
    while any(case.stage not in ENDS for case in world.cases.newest(10)):
        work(world)


def test_a_process_may_be_killed_at_any_moment(stand_in_real_time, undisturbed):
    expected, _ = undisturbed
    stand = stand_in_real_time
    command = [sys.executable, __file__, str(stand.home), stand.url]
    killed = 0
    for life in (0.0, 0.05, 0.1, 0.2, 0.3, 0.4):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:  # noqa: S603 - our own
            child.stdout.readline()
            with suppress(subprocess.TimeoutExpired):
                child.wait(life)
            child.send_signal(signal.SIGKILL)
        killed += child.returncode == -signal.SIGKILL
    assert killed >= 3
    subprocess.run(command, check=True, timeout=60, capture_output=True)  # noqa: S603 - our own
    assert outcome(stand) == expected


def test_workers_side_by_side_do_each_thing_once(stand_in_real_time, undisturbed):
    expected, _ = undisturbed
    stand = stand_in_real_time
    command = [sys.executable, __file__, str(stand.home), stand.url, "20"]
    several = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own file
        for _ in range(3)
    ]
    assert [child.wait(60) for child in several] == [0, 0, 0]
    found = outcome(stand)
    # Two cases of one file may both import an indicator at the same moment: it is there once.
    for one in (found, expected):
        one["indicators"] = sorted(set(one["indicators"]))
    assert found == expected


if __name__ == "__main__":
    process(Path(sys.argv[1]), sys.argv[2], *map(float, sys.argv[3:]))
