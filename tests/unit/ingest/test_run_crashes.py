"""A run that dies at any step: the last good state is readable, and the next run mends all.

First by an exception around each call of each port in turn, then by a signal at random moments.
"""

import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import orjson
import pytest

from tidegate.adapters.local.withheld import WithheldFiles
from tidegate.canonical import Shape
from tidegate.declare.feed import Feed, FieldMap, Semantics, feeds
from tidegate.ingest.run import Job, run
from tidegate.ingest.world import World
from tidegate.model import Status
from tidegate.ports import Response

pytestmark = pytest.mark.slow

LIST = feeds()["blocklist_de"].model_copy(
    update={"indicator": FieldMap(kind=Shape.ADDRESS, value="line"), "daily_budget": 1_000}
)
SNAPSHOT = LIST.model_copy(update={"name": "snapshot", "semantics": Semantics.SNAPSHOT})
WINDOW = LIST.model_copy(update={"name": "window", "keep": timedelta(hours=5)})
TAXII = feeds()["taxii"]
ROWS = 150
ADDED = "2026-11-{:02}T00:00:00Z"
LAST = 15


class Web:
    """Lists with an ETag, and a collection to which each `turn` adds an object for a page."""

    def __init__(self) -> None:
        self.turn, self.asked, self.collapsed = 0, 0, False

    def download(self, url, to, *, headers, max_bytes) -> Response:
        self.asked += 1
        tag = f'"{self.turn}{self.collapsed}"'
        if headers.get("if-none-match") == tag:
            return Response(304, {}, b"")
        hosts = range(self.turn * 3, self.turn * 3 + (5 if self.collapsed else ROWS))
        lines = [f"198.51.{n // 200}.{n % 200}" for n in hosts]
        to.write_text("\n".join([*lines, f"10.0.0.{self.turn + 1}", "not one"]), encoding="ascii")
        return Response(200, {"etag": tag}, b"")

    def request(self, method, url, *, headers, params) -> Response:
        self.asked += 1
        days = range(1, LAST + 1)
        after = [d for d in days if ADDED.format(d) > params["added_after"] and d <= self.turn + 2]
        if not after:
            return Response(200, {}, b"{}")
        pattern = f"[domain-name:value = 'h{after[0]}.example']"
        stamp = ADDED.format(after[0])
        # Every fifth object takes back the one before it.
        one = {"type": "indicator", "id": str(after[0]), "pattern": pattern, "modified": stamp}
        gone = {**one, "pattern": pattern.replace(f"h{after[0]}", f"h{after[0] - 1}")}
        gone |= {"id": f"{after[0]} gone", "revoked": True}
        objects = [one, gone] if after[0] % 5 == 0 else [one]
        body = orjson.dumps({"objects": objects, "more": len(after) > 1})
        return Response(200, {"x-taxii-date-added-last": stamp}, body)


class Killed(BaseException):
    """Somebody pulled the plug."""


class Fuse:
    def __init__(self, at: int) -> None:
        self.left = at

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


class Fused:
    """A port that dies before or after the n-th call of any of its methods."""

    def __init__(self, real, fuse: Fuse) -> None:
        self._real, self._fuse = real, fuse

    def __getattr__(self, name):
        method = getattr(self._real, name)

        def dying(*args, **more):
            self._fuse.burn()
            answer = method(*args, **more)
            self._fuse.burn()
            return answer

        return dying


def world_of(lab) -> World:
    held = WithheldFiles(lab.home / "suppressed")
    return replace(lab.world, suppressed=held, http=Web())


def fused(world: World, at: int) -> tuple[World, Fuse]:
    fuse = Fuse(at)
    ports = ("sightings", "feeds", "runs", "objects", "suppressed", "http")
    return replace(world, **{name: Fused(getattr(world, name), fuse) for name in ports}), fuse


def end(lab, world: World, feed: Feed) -> tuple:
    """Return all that a run leaves behind but for the list of runs."""
    frames = (world.sightings.state(feed.name), world.suppressed.state(feed.name).sort("id"))
    payloads = sorted(world.objects.names(""))
    return (*(f.rows() for f in frames), lab.memory(feed), world.feeds.trouble(feed.name), payloads)


def turned(lab, world: World, *, collapsed: bool) -> None:
    lab.pass_(hours=1)
    world.http.turn, world.http.collapsed = 1, collapsed


@pytest.mark.parametrize(
    ("feed", "first", "collapsed"),
    [
        pytest.param(SNAPSHOT, True, False, id="first run of a snapshot"),
        pytest.param(SNAPSHOT, False, False, id="snapshot"),
        pytest.param(SNAPSHOT, False, True, id="snapshot that collapses"),
        pytest.param(WINDOW, False, False, id="window"),
        pytest.param(TAXII, True, False, id="first run of a log"),
        pytest.param(TAXII, False, False, id="log"),
    ],
)
def test_dead_at_any_call_the_next_run_ends_as_if_undisturbed(
    lab, tmp_path, feed, first, collapsed
):
    make = type(lab)

    def begun(name: str):
        lab = make(tmp_path / name)
        world = world_of(lab)
        if not first:
            run(Job(feed), world)
            turned(lab, world, collapsed=collapsed)
        return lab, world

    calm, quiet = begun("calm")
    before = quiet.sightings.state(feed.name)
    run(Job(feed), quiet)
    after, ends = quiet.sightings.state(feed.name), [end(calm, quiet, feed)]
    run(Job(feed), quiet)
    ends.append(end(calm, quiet, feed))  # whoever died at the very end has only to ask again
    calm.database.close()
    for at in range(1, 200):
        lab, world = begun(str(at))
        dying, fuse = fused(world, at)
        with suppress(Killed):
            run(Job(feed), dying)
        left = world.sightings.state(feed.name)
        assert left.equals(before) or left.equals(after), at
        last = run(Job(feed), world)
        assert last.status in {Status.OK, Status.UNCHANGED, Status.QUARANTINED}, at
        assert end(lab, world, feed) in ends, at
        lab.database.close()
        if fuse.left > 0:
            break
    assert at > 20


def test_who_dies_after_every_request_spends_no_more_than_the_days_budget(lab):
    feed, world = SNAPSHOT.model_copy(update={"daily_budget": 4}), world_of(lab)
    for _ in range(10):
        http = Fused(world.http, Fuse(2))
        with suppress(Killed):
            run(Job(feed), replace(world, http=http))
    assert world.http.asked == 4
    assert run(Job(feed), world).status is Status.QUOTA_WAIT
    lab.pass_(days=1)
    assert run(Job(feed), world).status is Status.OK


# --- a real process and a real signal ---------------------------------------------------------

SOURCES = (SNAPSHOT, WINDOW, TAXII)


def laboratory(home: Path):
    """The tests' own, as another process has it: nothing in common but the folder."""
    path = Path(__file__).parents[2] / "conftest.py"
    spec = spec_from_file_location("laboratory", path)
    shared = module_from_spec(spec)
    sys.modules["laboratory"] = shared
    spec.loader.exec_module(shared)
    return shared.Lab(home)


def turn_of(lab, feed: Feed) -> int:
    """Return the number of the next fetch of this feed: each has its own hour."""
    fetched = lab.memory(feed).fetched
    return 0 if fetched is None else round((fetched - lab.start) / timedelta(hours=1)) + 1


def fetch_all(lab, world: World, seen=lambda feed, turn: None) -> None:
    for turn in range(LAST - 2):
        for feed in SOURCES:
            if turn_of(lab, feed) == turn:
                lab.now, world.http.turn = lab.start + timedelta(hours=turn), turn
                run(Job(feed), world)
                seen(feed, turn)


def process(home: Path) -> None:
    lab = laboratory(home)
    lab.start = lab.now
    world = world_of(lab)
    sys.stdout.write("at work\n")
    sys.stdout.flush()
    fetch_all(lab, world)


def test_a_process_may_be_killed_at_any_moment(lab, tmp_path):
    make, lab.start, states = type(lab), lab.now, {}
    world = world_of(lab)

    def seen(feed, turn):
        states[feed.name, turn] = world.sightings.state(feed.name)

    fetch_all(lab, world, seen)
    seed = os.urandom(4).hex()
    dice, killed = random.Random(seed), 0  # noqa: S311 - moments, no secrets
    home, command = tmp_path / "killed", [sys.executable, __file__, str(tmp_path / "killed")]
    home.mkdir()
    for _ in range(8):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:  # noqa: S603 - ourselves
            child.stdout.readline()
            with suppress(subprocess.TimeoutExpired):
                child.wait(dice.uniform(0, 0.3))
            child.send_signal(signal.SIGKILL)
        killed += child.returncode == -signal.SIGKILL
        _left_good(make(home), lab.start, states, seed)
    assert killed >= 3
    subprocess.run(command, check=True, timeout=120)  # noqa: S603 - ourselves
    after = make(home)
    for feed in SOURCES:
        assert after.state(feed).equals(lab.state(feed)), seed
        assert turn_of(_started(after, lab.start), feed) == LAST - 2
    after.database.close()


def _started(lab, start):
    lab.start = start
    return lab


def _left_good(lab, start, states, seed) -> None:
    for feed in SOURCES:
        turn = turn_of(_started(lab, start), feed)
        known = [states[feed.name, n] for n in (turn - 1, turn) if (feed.name, n) in states]
        state = lab.state(feed)
        assert (turn == 0 and state.is_empty()) or any(map(state.equals, known)), seed
    lab.database.close()


if __name__ == "__main__":
    os.fsync = lambda _: None  # a killed process is no lost power
    process(Path(sys.argv[1]))
