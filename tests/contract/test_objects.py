"""Every implementation of Objects answers conditional writes and leases as Azure Blob does."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest

from tidegate.adapters.local.files import FileObjects
from tidegate.ports import Conflict, Objects, Stored


class Ticking:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 3, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Passing(Protocol):
    """A store's clock."""

    def __call__(self) -> datetime: ...

    def pass_(self, seconds: float) -> None: ...


@pytest.fixture(params=["files", pytest.param("blob", marks=pytest.mark.slow)])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Objects, Passing]]:
    """A store and its clock: files in a folder, or a container of Azurite."""
    if request.param == "files":
        ticking = Ticking()
        yield FileObjects(tmp_path / "objects", ticking), ticking
        return
    from azurite_lab import Turning, azurite, container  # noqa: PLC0415 - files need no SDK

    with container() as objects:
        yield objects, Turning(azurite())


@pytest.fixture
def objects(made: tuple[Objects, Passing]) -> Objects:
    return made[0]


@pytest.fixture
def clock(made: tuple[Objects, Passing]) -> Passing:
    return made[1]


@pytest.fixture
def leased(objects: Objects) -> Objects:
    objects.put("locks/a.json", b"{}")
    objects.acquire("locks/a.json", 15, ONE)
    return objects


# Blob Storage takes no leases but UUIDs.
ONE, TWO, THREE = (str(uuid4()) for _ in range(3))
NAME = "locks/a.json"


def test_what_was_put_comes_back_with_its_etag(objects: Objects):
    etag = objects.put("a/b.bin", b"\x00one")
    stored = objects.get("a/b.bin")
    assert stored is not None
    assert (stored.data, stored.etag) == (b"\x00one", etag)


def test_an_absent_object_is_none(objects: Objects):
    assert objects.get("a/b.bin") is None


def test_a_file_is_streamed_in(objects: Objects, tmp_path: Path):
    source = tmp_path / "payload"
    source.write_bytes(b"x" * 3_000_000)
    objects.put("raw/payload", source)
    stored = objects.get("raw/payload")
    assert stored is not None
    assert len(stored.data) == 3_000_000
    assert source.exists()


@pytest.mark.parametrize("size", [0, 3, 20_000_000])
def test_an_object_is_streamed_out_into_a_file(objects: Objects, tmp_path: Path, size: int):
    data = bytes(range(251)) * (size // 251 + 1)
    objects.put("raw/payload", data[:size])
    fetched = tmp_path / "fetched"
    fetched.write_bytes(b"what was there before, and is longer")
    assert objects.fetch("raw/payload", fetched)
    assert fetched.read_bytes() == data[:size]


def test_of_an_absent_object_no_file_is_written(objects: Objects, tmp_path: Path):
    objects.put("a/b", b"one")
    for name in ("a/c", "a", "a/b/c", "b"):
        assert not objects.fetch(name, tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


def test_a_leased_object_is_fetched(leased: Objects, tmp_path: Path):
    assert leased.fetch(NAME, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"{}"


def test_what_is_fetched_while_it_is_replaced_is_one_version(objects: Objects, tmp_path: Path):
    sizes = [400_000, 5_000_000, 1]  # smaller than what one request of Blob Storage reads
    versions = {bytes([number]) * size for number, size in enumerate(sizes)}
    objects.put("a", min(versions))

    def fetched(number: int) -> bytes:
        to = tmp_path / f"fetched-{number}"
        assert objects.fetch("a", to)
        return to.read_bytes()

    with ThreadPoolExecutor(3) as pool:
        writing = [pool.submit(objects.put, "a", data) for data in [*versions] * 4]
        found = set(pool.map(fetched, range(12)))
        for written in writing:
            written.result()
    assert found <= versions


def test_every_write_changes_the_etag_even_of_the_same_bytes(objects: Objects):
    assert objects.put("a", b"one") != objects.put("a", b"one")


def test_create_if_absent_wins_once(objects: Objects):
    objects.put("a", b"one", if_absent=True)
    with pytest.raises(Conflict):
        objects.put("a", b"two", if_absent=True)


def test_a_stale_etag_is_refused(objects: Objects):
    first = objects.put("a", b"one")
    objects.put("a", b"two", if_match=first)
    with pytest.raises(Conflict):
        objects.put("a", b"three", if_match=first)


def test_an_etag_of_nothing_is_refused(objects: Objects):
    with pytest.raises(Conflict):
        objects.put("a", b"one", if_match='"x"')


def test_names_are_those_with_the_prefix(objects: Objects):
    for name in ("datasets/b/1", "datasets/a/1", "datasets/a/2", "locks/a"):
        objects.put(name, b"")
    objects.acquire("locks/a", 15, ONE)
    assert list(objects.names("datasets/a")) == ["datasets/a/1", "datasets/a/2"]
    assert list(objects.names("")) == ["datasets/a/1", "datasets/a/2", "datasets/b/1", "locks/a"]
    assert list(objects.names("nothing/here")) == []


def test_deleting_twice_is_fine(objects: Objects):
    objects.put("a", b"one")
    objects.delete("a")
    objects.delete("a")
    assert objects.get("a") is None


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a", "a/../b", ".meta/a", "a//b", "a\\b"])
def test_a_name_never_leaves_the_store(objects: Objects, name: str):
    with pytest.raises(ValueError, match="cannot name"):
        objects.put(name, b"")
    with pytest.raises(ValueError, match="cannot name"):
        objects.get(name)
    with pytest.raises(ValueError, match="cannot name"):
        objects.fetch(name, Path("never"))


# --- leases, line by line as Blob Storage was observed to answer --------------------------------


def test_nothing_cannot_be_leased(objects: Objects):
    with pytest.raises(Conflict):
        objects.acquire("a", 15, ONE)


@pytest.mark.parametrize("seconds", [0, 10, 14, 61])
def test_a_lease_lasts_15_to_60_seconds(objects: Objects, seconds: int):
    objects.put("a", b"")
    with pytest.raises(ValueError, match="lease"):
        objects.acquire("a", seconds, ONE)


def test_an_endless_lease_is_possible(objects: Objects, clock: Passing):
    objects.put("a", b"")
    objects.acquire("a", -1, ONE)
    clock.pass_(1e6)
    with pytest.raises(Conflict):
        objects.acquire("a", 15, TWO)


def test_a_held_lease_is_refused_to_another(leased: Objects):
    with pytest.raises(Conflict):
        leased.acquire(NAME, 15, TWO)


def test_acquiring_again_restarts_the_clock(leased: Objects, clock: Passing):
    clock.pass_(14)
    leased.acquire(NAME, 15, ONE)
    clock.pass_(14)
    with pytest.raises(Conflict):
        leased.acquire(NAME, 15, TWO)


@pytest.mark.parametrize("lease", [None, TWO], ids=["nobody", "another"])
def test_a_leased_object_is_written_by_its_holder_alone(leased: Objects, lease: str | None):
    with pytest.raises(Conflict):
        leased.put(NAME, b"x", lease=lease)
    leased.put(NAME, b"x", lease=ONE)


def test_a_leased_object_is_not_deleted(leased: Objects):
    with pytest.raises(Conflict):
        leased.delete(NAME)


def test_reading_needs_no_lease_and_leasing_changes_no_etag(leased: Objects):
    before = leased.get(NAME)
    leased.renew(NAME, ONE)
    leased.release(NAME, ONE)
    assert leased.get(NAME) == before


def test_a_lease_expires(leased: Objects, clock: Passing):
    clock.pass_(16)
    leased.acquire(NAME, 15, TWO)
    with pytest.raises(Conflict):
        leased.renew(NAME, ONE)


def test_an_expired_lease_cannot_write(leased: Objects, clock: Passing):
    clock.pass_(16)
    with pytest.raises(Conflict):
        leased.put(NAME, b"x", lease=ONE)


def test_an_untouched_expired_lease_is_renewed(leased: Objects, clock: Passing):
    clock.pass_(16)
    leased.renew(NAME, ONE)
    leased.put(NAME, b"x", lease=ONE)


def test_a_write_in_between_ends_an_expired_lease(leased: Objects, clock: Passing):
    clock.pass_(16)
    leased.put(NAME, b"x")
    with pytest.raises(Conflict):
        leased.renew(NAME, ONE)


def test_a_wrong_id_does_not_renew(leased: Objects):
    with pytest.raises(Conflict):
        leased.renew(NAME, TWO)


def test_after_the_release_others_may(leased: Objects):
    leased.release(NAME, ONE)
    with pytest.raises(Conflict):
        leased.renew(NAME, ONE)
    leased.acquire(NAME, 15, TWO)


def test_releasing_a_lost_lease_is_fine_and_does_not_free_it(leased: Objects, clock: Passing):
    clock.pass_(16)
    leased.acquire(NAME, 15, TWO)
    leased.release(NAME, ONE)
    with pytest.raises(Conflict):
        leased.acquire(NAME, 15, THREE)


def test_a_deleted_object_has_lost_its_lease(leased: Objects, clock: Passing):
    clock.pass_(16)
    leased.delete(NAME)
    with pytest.raises(Conflict):
        leased.renew(NAME, ONE)
    leased.release(NAME, ONE)


def test_a_stale_holder_writes_nothing_after_another_took_over(leased: Objects, clock: Passing):
    clock.pass_(16)
    leased.acquire(NAME, 15, TWO)
    etag = stored(leased).etag
    for more in ({}, {"if_match": etag}):
        with pytest.raises(Conflict):
            leased.put(NAME, b"stale", lease=ONE, **more)
    leased.release(NAME, TWO)
    with pytest.raises(Conflict):
        leased.put(NAME, b"stale", lease=ONE)
    assert stored(leased).data == b"{}"


def test_a_holder_with_a_stale_etag_writes_nothing(leased: Objects):
    etag = stored(leased).etag
    leased.put(NAME, b"two", lease=ONE, if_match=etag)
    with pytest.raises(Conflict):
        leased.put(NAME, b"three", lease=ONE, if_match=etag)
    assert stored(leased).data == b"two"


def test_a_broken_lease_is_over_for_its_holder_and_free_for_others(leased: Objects):
    leased.break_lease(NAME)
    with pytest.raises(Conflict):
        leased.renew(NAME, ONE)
    with pytest.raises(Conflict):
        leased.put(NAME, b"x", lease=ONE)
    leased.put(NAME, b"free")
    leased.acquire(NAME, 15, TWO)
    leased.break_lease(NAME)
    leased.acquire(NAME, 15, THREE)


def test_breaking_no_lease_is_fine(objects: Objects, clock: Passing):
    objects.break_lease("nothing")
    objects.put(NAME, b"{}")
    objects.break_lease(NAME)
    objects.acquire(NAME, 15, ONE)
    clock.pass_(16)
    objects.break_lease(NAME)
    objects.acquire(NAME, 15, TWO)


def test_only_a_lease_for_ever_is_endless(objects: Objects):
    assert not objects.endless(NAME)
    objects.put(NAME, b"{}")
    assert not objects.endless(NAME)
    objects.acquire(NAME, 15, ONE)
    assert not objects.endless(NAME)
    objects.release(NAME, ONE)
    objects.acquire(NAME, -1, ONE)
    assert objects.endless(NAME)
    objects.break_lease(NAME)
    assert not objects.endless(NAME)


def test_an_object_that_was_deleted_under_its_holder_takes_no_commit(leased: Objects):
    etag = stored(leased).etag
    leased.break_lease(NAME)
    leased.delete(NAME)
    with pytest.raises(Conflict):
        leased.put(NAME, b"x", lease=ONE, if_match=etag)
    assert leased.get(NAME) is None


def test_of_many_who_write_on_the_same_etag_one_wins(objects: Objects):
    etag = objects.put("a", b"")

    def won(number: int) -> bool:
        try:
            objects.put("a", str(number).encode(), if_match=etag)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(won, range(16))) == 1


def stored(objects: Objects) -> Stored:
    found = objects.get(NAME)
    assert found is not None
    return found


INCREMENT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from tidegate.adapters.local.files import FileObjects
from tidegate.ports import Conflict

objects = FileObjects(Path(sys.argv[1]), lambda: datetime.now(UTC))
done = 0
while done < 25:
    stored = objects.get("counter")
    try:
        objects.put("counter", str(int(stored.data) + 1).encode(), if_match=stored.etag)
    except Conflict:
        continue
    done += 1
"""


@pytest.mark.slow
def test_processes_never_lose_each_others_updates(tmp_path: Path):
    objects = FileObjects(tmp_path, Ticking())
    objects.put("counter", b"0")
    command = [sys.executable, "-c", INCREMENT, str(tmp_path)]
    writers = [subprocess.Popen(command) for _ in range(3)]  # noqa: S603 - our own interpreter
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    stored = objects.get("counter")
    assert stored is not None
    assert stored.data == b"75"
