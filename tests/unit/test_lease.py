"""A lease is renewed while the work lasts, and the work learns when it is lost."""

from threading import Event

import pytest

from tidegate import lease as leases
from tidegate.lease import held
from tidegate.ports import Conflict, SourceDown


class Store:
    """Grants a lease, and answers renewals as told."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.asked = Event()
        self.released: list[str] = []

    def acquire(self, name: str, seconds: int, lease: str) -> None: ...

    def renew(self, name: str, lease: str) -> None:
        answer = self.answers.pop(0) if self.answers else None
        if not self.answers:
            self.asked.set()
        if answer is not None:
            raise answer

    def release(self, name: str, lease: str) -> None:
        self.released.append(lease)
        raise SourceDown("gone again")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SECONDS", 0.3)
    monkeypatch.setattr(leases, "SAFETY", 0.1)


def test_it_is_renewed_in_time_and_given_back():
    store = Store(None, None, None)
    with held(store, "x", "run") as lease:  # type: ignore[arg-type]
        assert store.asked.wait(5)
        lease.check()
    assert store.released == ["run"]


def test_a_refused_renewal_loses_it_at_once():
    store = Store(Conflict("taken"))
    with held(store, "x", "run") as lease:  # type: ignore[arg-type]
        assert store.asked.wait(5)
        lease.stop()
        with pytest.raises(Conflict):
            _until_lost(lease)


def test_an_unanswered_renewal_counts_towards_the_deadline():
    store = Store(*[SourceDown("silence")] * 3)
    with held(store, "x", "run") as lease:  # type: ignore[arg-type]
        lease.check()
        assert store.asked.wait(5)
        with pytest.raises(Conflict):
            _until_lost(lease)


def _until_lost(lease: leases.Lease) -> None:
    for _ in range(500):
        lease.check()
        Event().wait(0.01)
