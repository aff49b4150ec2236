"""Every cache keeps bytes for a while, and a broken one has nothing."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import SecretStr

from tidegate.adapters.cache import ObjectCache
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.redis import RedisCache
from tidegate.ports import Cache

KEY, OTHER = (sha256(text).hexdigest() for text in (b"one", b"two"))
LONG, SHORT = timedelta(hours=1), timedelta(milliseconds=50)
PASSWORD = "correct-horse"


class Clock:
    """The real time, and what a test adds to it."""

    def __init__(self) -> None:
        self.added = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.added


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis on loopback, which keeps nothing on disk."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    folder = tmp_path_factory.mktemp("redis")
    port = _free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    secret = ["--requirepass", PASSWORD, "--dir", str(folder), "--loglevel", "warning"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603 - the system's own program
            [program, *options, *secret], stdout=log, stderr=log
        )
    try:
        _answering(port)
        yield f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(10)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def _answering(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("redis-server does not answer")


@pytest.fixture(params=["files", "redis"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cache]:
    if request.param == "files":
        yield ObjectCache(FileObjects(tmp_path, lambda: datetime.now(UTC)), Clock())
        return
    made = RedisCache(SecretStr(request.getfixturevalue("redis_url")))
    made._client.flushall()
    yield made
    made.close()


def test_what_was_put_comes_back(cache: Cache):
    assert cache.get(KEY) is None
    cache.put(KEY, b"\x00\nbytes\n", LONG)
    assert (cache.get(KEY), cache.get(OTHER)) == (b"\x00\nbytes\n", None)


def test_the_last_one_holds(cache: Cache):
    cache.put(KEY, b"one", LONG)
    cache.put(KEY, b"two", LONG)
    assert cache.get(KEY) == b"two"


def test_nothing_is_something(cache: Cache):
    cache.put(KEY, b"", LONG)
    assert cache.get(KEY) == b""


def test_its_time_goes_by(cache: Cache):
    cache.put(KEY, b"one", SHORT)
    cache.put(OTHER, b"two", LONG)
    time.sleep(0.1)
    assert (cache.get(KEY), cache.get(OTHER)) == (None, b"two")
    cache.put(KEY, b"three", LONG)
    assert cache.get(KEY) == b"three"


@pytest.mark.parametrize("key", ["", "../a", "a/b", "a b", "ä", "a" * 121, "a\n"])
def test_a_key_is_plain(cache: Cache, key: str):
    for call in (lambda: cache.get(key), lambda: cache.put(key, b"", LONG)):
        with pytest.raises(ValueError, match="cannot be a key"):
            call()


def test_files_whose_time_is_over_make_room(tmp_path: Path):
    clock, objects = Clock(), FileObjects(tmp_path, lambda: datetime.now(UTC))
    made = ObjectCache(objects, clock)
    for number in range(9):
        made.put(f"ab{number}", b"old", LONG)
    clock.added = 2 * LONG
    made.put("ab-new", b"new", LONG)
    assert list(objects.names("cache/")) == ["cache/ab/ab-new"]


def _stopped(_: str) -> str:
    return f"redis://:{PASSWORD}@127.0.0.1:{_free_port()}/0"


def _refusing(url: str) -> str:
    return url.replace(PASSWORD, "wrong-secret")


@pytest.mark.parametrize("broken", [_stopped, _refusing])
def test_a_redis_that_is_down_is_a_miss_and_a_warning(
    redis_url: str, caplog: pytest.LogCaptureFixture, broken: Callable[[str], str]
):
    made = RedisCache(SecretStr(broken(redis_url)))
    made.put(KEY, b"one", LONG)
    assert made.get(KEY) is None
    made.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert not any(secret in caplog.text for secret in (PASSWORD, "wrong-secret", "127.0.0.1"))


@pytest.mark.parametrize("url", ["http://h/", "redis://h:port/0", "nonsense"])
def test_what_is_no_address_is_refused_without_being_shown(url: str):
    with pytest.raises(ValueError, match="redis_url") as refused:
        RedisCache(SecretStr(url))
    assert url not in str(refused.value)
