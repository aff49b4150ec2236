"""Outages and refusals of Storage are told apart, and end in bounded time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import RequestsTransport
from azurite_lab import azurite, container, queue

from tidegate.adapters.azure.blob import BLOCK, BlobObjects
from tidegate.adapters.azure.storage import Storage
from tidegate.ports import Conflict, SourceDown

pytestmark = pytest.mark.slow

HIDDEN = timedelta(minutes=5)
ID = str(uuid4())


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("azure.core.pipeline.transport._base.time.sleep", lambda _: None)


class Flaky(RequestsTransport):
    """Reaches nobody for so many requests."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.asked = 0

    def send(self, request, **options):
        self.asked += 1
        if self.asked <= self.times:
            raise ServiceRequestError("nobody answers")
        return super().send(request, **options)


@contextmanager
def opened(connection: str, name: str, times: int = 0) -> Iterator[tuple[BlobObjects, Flaky]]:
    transport = Flaky(times)
    store = BlobObjects(Storage(connection=connection, transport=transport), name)
    yield store, transport
    store.close()


class _Refusing(BaseHTTPRequestHandler):
    """Answers everything with one status."""

    status: int

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(self.status)
        self.send_header("x-ms-error-code", "ServerBusy")
        self.send_header("content-length", "0")
        self.end_headers()

    do_PUT = do_GET  # noqa: N815 - the base's names

    def log_message(self, *_: object) -> None:
        """Keep the test's output to itself."""


@pytest.fixture
def refusing(request) -> Iterator[str]:
    """The connection string of a service that refuses all with this status."""
    handler = type("Handler", (_Refusing,), {"status": request.param})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield (
        "AccountName=tidegate;AccountKey=d3Jvbmc=;"
        f"BlobEndpoint=http://127.0.0.1:{server.server_port}/tidegate"
    )
    server.shutdown()
    server.server_close()
    thread.join()


def every(store: BlobObjects) -> list[Callable[[], object]]:
    """Return one call of each kind."""
    return [
        lambda: store.get("a"),
        lambda: store.put("a", b"one"),
        lambda: list(store.names("")),
        lambda: store.renew("a", ID),
    ]


def test_a_short_outage_is_outlasted():
    with container() as real, opened(azurite().connection, real.container, 2) as (store, transport):
        etag = store.put("a", b"one")
        assert transport.asked == 3
        assert store.get("a").etag == etag


def test_a_long_one_is_down_after_four_tries():
    with opened(azurite().connection, "test", 99) as (store, transport):
        for number, work in enumerate(every(store), 1):
            with pytest.raises(SourceDown, match="nobody answers"):
                work()
            assert transport.asked == 4 * number


@pytest.mark.parametrize(
    ("refusing", "tries", "said"),
    [
        (429, 1, ": 429 "),
        (500, 4, ": 500 "),
        (503, 4, ": 503 "),
        (401, 1, ": 401 access denied: "),
        (403, 1, ": 403 access denied: "),
    ],
    indirect=["refusing"],
)
def test_who_refuses_for_a_while_or_until_a_person_helps_is_down(refusing, tries, said):
    with opened(refusing, "test") as (store, transport):
        for number, work in enumerate(every(store), 1):
            with pytest.raises(SourceDown, match=said):
                work()
            assert transport.asked == tries * number


def test_a_missing_container_is_no_empty_store():
    store = BlobObjects(Storage(connection=azurite().connection), "never-made")
    with pytest.raises(SourceDown, match="container does not exist"):
        store.get("a")
    with pytest.raises(SourceDown):
        list(store.names(""))
    store.close()


def test_a_wrong_key_says_nothing_of_itself():
    running = azurite()
    wrong = running.connection.replace(running.key, "d3Jvbmc=")
    store = BlobObjects(Storage(connection=wrong), "test")
    with pytest.raises(SourceDown) as down:
        store.get("a")
    assert "d3Jvbmc" not in str(down.value) + repr(store)
    store.close()


def test_a_refused_write_has_written_nothing(tmp_path: Path):
    large = tmp_path / "large"
    large.write_bytes(b"x" * (2 * BLOCK + 1))  # more than one request carries
    with container() as store:
        first = store.put("a", b"one")
        store.put("a", b"two")
        with pytest.raises(Conflict):
            store.put("a", large, if_match=first)
        assert store.get("a").data == b"two"
        store.put("a", large)
        assert len(store.get("a").data) == 2 * BLOCK + 1


# --- the queue --------------------------------------------------------------------------------


@pytest.fixture
def turns():
    with container() as store, queue(store) as made:
        yield made


class Died(BaseException):
    """The process was killed here."""


STEPS = ["objects.get", "objects.put", "_queue.send_message", "objects.put#2"]


def killed_at(turns, monkeypatch, call: str, work) -> None:
    """Do some work, and die right before its n-th call of this kind."""
    path, _, nth = call.partition("#")
    owner, _, name = path.partition(".")
    target = getattr(turns, owner)
    whole, left = getattr(target, name), [int(nth or 1)]

    def dying(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            raise Died
        return whole(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(target, name, dying)
        with pytest.raises(Died):
            work()


def drained(turns) -> list[str]:
    """Take and finish all there is, now and later."""
    found = []
    for _ in range(3):
        while message := turns.take(HIDDEN):
            found.append(message.case)
            turns.done(message)
        azurite().turn(3600)
    return found


@pytest.mark.parametrize("step", STEPS)
def test_killed_while_putting_the_next_put_brings_one_message(turns, monkeypatch, step):
    killed_at(turns, monkeypatch, step, lambda: turns.put("a"))
    azurite().turn(61)
    turns.put("a")
    turns.put("a")
    assert drained(turns) == ["a"]


@pytest.mark.parametrize(
    "step",
    [
        "_queue.update_message",
        "objects.get",
        "objects.put",
        "_queue.send_message",
        "objects.put#2",
        "_queue.delete_message",
    ],
)
def test_killed_while_putting_back_one_message_is_left(turns, monkeypatch, step):
    turns.put("a")
    taken = turns.take(timedelta(seconds=30))
    killed_at(turns, monkeypatch, step, lambda: turns.later(taken, timedelta(minutes=2)))
    assert turns.take(HIDDEN) is None
    azurite().turn(600)
    # Between a new message and its ticket, both it and the old one count.
    assert drained(turns) == ["a"] * (2 if step == "objects.put#2" else 1)


@pytest.mark.parametrize("step", ["_queue.update_message", "objects.delete"])
def test_killed_while_finishing_it_is_seen_again(turns, monkeypatch, step):
    turns.put("a")
    taken = turns.take(timedelta(seconds=30))
    killed_at(turns, monkeypatch, step, lambda: turns.done(taken))
    azurite().turn(61)
    assert drained(turns) == ["a"]


def test_killed_before_the_message_is_deleted_it_is_delivered_once_more(turns, monkeypatch):
    turns.put("a")
    taken = turns.take(timedelta(seconds=30))
    killed_at(turns, monkeypatch, "_queue.delete_message", lambda: turns.done(taken))
    azurite().turn(61)
    assert drained(turns) == ["a"]


def test_a_message_that_was_put_away_as_poison_is_missed_a_day_later(turns):
    turns.put("a")
    turns._queue.clear_messages()
    turns.put("a")
    assert turns.take(HIDDEN) is None
    azurite().turn(86_400)
    turns.put("a")
    assert drained(turns) == ["a"]


def test_what_a_person_puts_there_by_hand_is_taken_once(turns):
    for _ in range(3):
        turns._queue.send_message("by_hand")
    turns._queue.send_message("../../etc/passwd")
    first = turns.take(HIDDEN)
    assert first.case == "by_hand"
    assert turns.take(HIDDEN) is None
    assert turns.length() == 1
    turns.done(first)


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\n", "x" * 129])
def test_what_cannot_be_a_message_is_refused(turns, name):
    with pytest.raises(ValueError, match="cannot be a message"):
        turns.put(name)


def test_a_missing_queue_is_down():
    missing = pytest.raises(SourceDown, match="queue does not exist")
    with container() as store, queue(store, "never-made") as turns, missing:
        turns.take(HIDDEN)
