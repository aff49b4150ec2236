"""Refreshes in Blob Storage by real processes that are killed, frozen and overtaken."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobLeaseClient
from azurite_lab import Azurite, azurite, container
from map_worker import HITS, world

from tidegate.adapters.azure.blob import BlobObjects
from tidegate.maps import state, tsv
from tidegate.maps.listing import listing
from tidegate.maps.refresh import refresh
from tidegate.maps.result import Result
from tidegate.ports import Conflict

pytestmark = pytest.mark.slow

WORKER = Path(__file__).parent / "map_worker.py"
NAME = state.name("hits")
KILLED, STOPPED = -signal.SIGKILL, "T"
# The first write of the state says that a run began, the second one commits.
DATA, COMMIT, POINTER = "put datasets/hits/ 1", f"put {NAME} 2", "put datasets/hits/latest 1"
NEVER = "nothing 1"


@pytest.fixture
def objects() -> Iterator[BlobObjects]:
    with container() as made:
        assert refresh(HITS, world(made, "first")).result is Result.REFRESHED
        yield made


def started(objects: BlobObjects, row: str, call: str, stop: str = "SIGKILL", lease: int = 60):
    command = [sys.executable, WORKER, azurite().connection, objects.container, row, call, lease]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [str(one) for one in command],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "STOP": stop},
    )


def rows(objects: BlobObjects) -> set[str]:
    """Read as a reader does: what is there is whole."""
    [entry] = listing(world(objects, ""))
    stored = objects.get(entry["url"].removeprefix("/api/"))
    assert stored is not None
    data = gzip.decompress(stored.data)
    assert sha256(data).hexdigest() == entry["sha256"]
    return set(tsv.decode(data)["Id"])


def epoch(objects: BlobObjects) -> int:
    return state.read(objects, "hits").state.epoch


@pytest.fixture
def running() -> Azurite:
    return azurite()


def test_a_killed_process_leaves_whole_versions_and_holds_nobody_up_for_long(objects, running):
    for call, committed in {DATA: 0, COMMIT: 0, POINTER: 1}.items():
        before = epoch(objects)
        dying = started(objects, f"killed at {call}", call)
        dying.communicate(timeout=60)
        assert dying.returncode == KILLED
        assert "first" in rows(objects)
        assert epoch(objects) - before == committed
        running.turn(61)
        told = refresh(HITS, world(objects, f"after {call}"), force=True)
        assert told.result is Result.REFRESHED
        assert f"after {call}" in rows(objects)


def test_a_process_frozen_past_its_lease_commits_nothing(objects):
    """With a lease of 15 real seconds, which Azurite's own clock counts."""
    frozen = started(objects, "frozen", COMMIT, "SIGSTOP", lease=15)
    until_stopped(frozen.pid)
    taken = time.monotonic()
    while (told := refresh(HITS, world(objects, "newer"), force=True)).result is Result.BUSY:
        assert time.monotonic() - taken < 60
        time.sleep(0.5)
    assert time.monotonic() - taken > 5
    assert told.result is Result.REFRESHED
    newest = epoch(objects)
    frozen.send_signal(signal.SIGCONT)
    said, _ = frozen.communicate(timeout=60)
    assert said.strip() == "LOST"
    assert epoch(objects) == newest
    assert rows(objects) >= {"first", "newer"}
    assert "frozen" not in rows(objects)


def until_stopped(pid: int) -> None:
    for _ in range(600):
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == STOPPED:
            return
        time.sleep(0.1)
    raise AssertionError("it did not stop")


def test_two_processes_at_once_write_one_after_the_other(objects):
    before = epoch(objects)
    both = [started(objects, f"row {n}", NEVER) for n in range(2)]
    results = [one.communicate(timeout=60)[0].strip() for one in both]
    assert set(results) <= {"REFRESHED", "BUSY"}
    assert epoch(objects) - before == results.count("REFRESHED") > 0


def test_a_lease_that_is_being_broken_is_busy_and_then_free(objects, running):
    objects.acquire(NAME, 60, (run := "00000000-0000-4000-8000-000000000001"))
    BlobLeaseClient(objects._blob(NAME)).break_lease(lease_break_period=10)
    with pytest.raises(Conflict):
        objects.renew(NAME, run)
    assert refresh(HITS, world(objects, "x"), force=True).result is Result.BUSY
    with pytest.raises(ResourceExistsError):
        BlobLeaseClient(objects._blob(NAME)).acquire(15)
    running.turn(11)
    assert refresh(HITS, world(objects, "x"), force=True).result is Result.REFRESHED
