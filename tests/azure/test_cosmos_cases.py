"""Cases and the ledger in Cosmos DB stay right through sudden death, races and lost answers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cosmos_lab import DAY, START, Lab
from cosmos_standin import Fault

from tidegate.adapters.azure.cosmos_cases import CosmosCases
from tidegate.adapters.azure.cosmos_client import Documents
from tidegate.model import Case, Stage
from tidegate.ports import BadPayload, Conflict, QuotaSpent, SourceDown

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1)


class Died(BaseException):
    """The process was killed here."""


def killed_at(store: CosmosCases, write: int, work: Callable[[], object]) -> None:
    """Do some work, and die right before its n-th write."""
    whole, left = store.cosmos.patiently, [write]

    def dying(work):
        left[0] -= 1
        if left[0] == 0:
            raise Died
        return whole(work)

    store.cosmos.patiently = dying
    with pytest.raises(Died):
        work()


def asked(cosmos: Lab, work: Callable[[], object]) -> list[str]:
    """Do some work; return the requests about documents that it made."""
    before = len(cosmos.standin.seen)
    work()
    return [request.verb for request in cosmos.standin.seen[before:]]


def opened(hour: int, name: str | None = None) -> Case:
    return Case(name or f"a_{hour}", START + hour * HOUR)


def staged(store: CosmosCases, name: str, stage: Stage) -> None:
    store.save(replace(store.get(name), stage=stage))


def unfinished(store: CosmosCases, limit: int = 10) -> list[str]:
    return [case.id for case in store.unfinished(limit)]


# --- what it costs --------------------------------------------------------------------------------


def test_each_call_on_cases_makes_few_requests(cosmos: Lab):
    store = cosmos.cases()
    store.get("warm")
    assert asked(cosmos, lambda: store.create(opened(1))) == ["create"] * 2
    assert asked(cosmos, lambda: store.create(opened(1))) == ["create", "read"] * 2
    assert asked(cosmos, lambda: store.get("a_1")) == ["read"]
    case = store.get("a_1")
    assert asked(cosmos, lambda: store.save(case)) == ["read", "replace"]
    ended = replace(store.get("a_1"), stage=Stage.DONE)
    assert asked(cosmos, lambda: store.save(ended)) == ["read", "replace"] * 2
    again = replace(ended, version=ended.version + 1)
    assert asked(cosmos, lambda: store.save(again)) == ["read", "replace"]
    store.create(opened(2))
    assert asked(cosmos, lambda: store.newest(9)) == ["query", "read", "read"]
    assert asked(cosmos, lambda: store.newest(1)) == ["query", "read"]
    assert asked(cosmos, lambda: store.unfinished(9)) == ["query", "read"]
    assert asked(cosmos, store.watermark) == ["read"]
    assert asked(cosmos, lambda: store.advance(START)) == ["read", "create"]
    assert asked(cosmos, lambda: store.advance(START + HOUR)) == ["read", "replace"]
    assert asked(cosmos, lambda: store.advance(START)) == ["read"]


def test_each_call_on_the_ledger_makes_few_requests(cosmos: Lab):
    ledger = cosmos.ledger()
    ledger.get("a:warm")
    assert asked(cosmos, lambda: ledger.begin("a:k", "one", START)) == ["create"]
    assert asked(cosmos, lambda: ledger.begin("a:k", "one", START)) == ["create", "read"]
    assert asked(cosmos, lambda: ledger.get("a:k")) == ["read"]
    assert asked(cosmos, lambda: ledger.finish("a:k", "done", START)) == ["read", "replace"]
    assert asked(cosmos, lambda: ledger.of("a")) == ["query"]
    entry = ledger.get("a:k")
    assert asked(cosmos, lambda: ledger.forget(replace(entry, result="other"))) == ["read"]
    assert asked(cosmos, lambda: ledger.forget(entry)) == ["read", "delete"]


# --- sudden death ---------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [1, 2])
def test_killed_while_creating_nothing_is_there_and_the_next_creates_it(cosmos: Lab, write):
    killed = cosmos.cases()
    killed_at(killed, write, lambda: killed.create(opened(1)))
    store = cosmos.cases()
    assert store.newest(10) == store.unfinished(10) == []
    assert store.create(opened(3, "a_1"))
    store.create(opened(2))
    # In the order in which they were opened in the end.
    assert unfinished(store) == ["a_2", "a_1"]


def test_killed_while_mending_a_creation_only_the_order_is_what_it_was(cosmos: Lab):
    for write in (2, 3):
        killed = cosmos.cases()
        killed_at(killed, write, lambda: killed.create(opened(write, "a_1")))  # noqa: B023
    assert unfinished(cosmos.cases()) == ["a_1"]
    assert not cosmos.cases().create(opened(4, "a_1"))


@pytest.mark.parametrize("write", [1, 2])
def test_killed_while_a_case_ends_the_next_who_looks_mends_the_index(cosmos: Lab, write):
    killed, store = cosmos.cases(), cosmos.cases()
    store.create(opened(1))
    killed_at(killed, write, lambda: staged(killed, "a_1", Stage.DONE))
    if write == 1:
        staged(store, "a_1", Stage.FAILED)
    assert unfinished(store) == []
    assert asked(cosmos, lambda: store.unfinished(10)) == ["query"]
    assert [case.id for case in store.newest(10)] == ["a_1"]


@pytest.mark.parametrize("write", [1, 2])
def test_killed_while_a_case_goes_on_the_next_save_lets_it_be_found(cosmos: Lab, write):
    killed, store = cosmos.cases(), cosmos.cases()
    store.create(opened(1))
    staged(store, "a_1", Stage.DONE)
    killed_at(killed, write, lambda: staged(killed, "a_1", Stage.RESPOND))
    assert unfinished(store) == []
    staged(store, "a_1", Stage.RESPOND)
    assert unfinished(store) == ["a_1"]
    staged(store, "a_1", Stage.DONE)
    assert asked(cosmos, lambda: store.unfinished(10)) == ["query"]


# --- races ----------------------------------------------------------------------------------------


def test_who_is_late_to_say_that_a_case_ended_hides_none_that_goes_on(cosmos: Lab, monkeypatch):
    slow, fast, late = cosmos.cases(), cosmos.cases(), []
    slow.create(opened(1))
    with monkeypatch.context() as patched:
        patched.setattr(CosmosCases, "_index", lambda _, case: late.append(case))
        staged(slow, "a_1", Stage.DONE)
    staged(fast, "a_1", Stage.RESPOND)
    slow._index(*late)
    assert unfinished(slow) == ["a_1"]


def test_who_mends_while_a_case_is_made_to_go_on_does_not_hide_it(cosmos: Lab, monkeypatch):
    one, two = cosmos.cases(), cosmos.cases()
    one.create(opened(1))
    staged(one, "a_1", Stage.DONE)
    index, seen = CosmosCases._index, []

    def looked_at(self: CosmosCases, case: Case) -> None:
        index(self, case)
        if not seen:
            seen.append(case)
            assert unfinished(two) == []

    with monkeypatch.context() as patched:
        patched.setattr(CosmosCases, "_index", looked_at)
        staged(one, "a_1", Stage.RESPOND)
    assert unfinished(two) == ["a_1"]


def test_the_other_of_two_who_let_a_case_go_on_is_told(cosmos: Lab):
    one, two = cosmos.cases(), cosmos.cases()
    one.create(opened(1))
    staged(one, "a_1", Stage.DONE)
    before = two.get("a_1")
    staged(one, "a_1", Stage.FAILED)
    with pytest.raises(Conflict):
        two.save(replace(before, stage=Stage.RESPOND))
    assert unfinished(one) == []


def test_entries_without_a_case_take_nobodys_place(cosmos: Lab):
    store = cosmos.cases()
    for hour in range(6):
        killed = cosmos.cases()
        if hour % 2:
            store.create(opened(hour))
        else:
            killed_at(killed, 2, lambda: killed.create(opened(hour)))  # noqa: B023
    assert unfinished(store, 2) == ["a_1", "a_3"]
    assert [case.id for case in store.newest(2)] == ["a_5", "a_3"]


def test_who_never_wins_is_told_to_try_later(cosmos: Lab, monkeypatch):
    ledger = cosmos.ledger()
    ledger.begin("a:k", "one", START)
    monkeypatch.setattr(Documents, "replace", lambda *_: False)
    with pytest.raises(SourceDown, match="a:k is written by too many"):
        ledger.finish("a:k", "done", START)
    assert len(cosmos.slept) == 19
    assert sum(cosmos.slept) < 60


# --- lost answers, and refusals -------------------------------------------------------------------


@pytest.mark.parametrize("skip", [0, 1])
def test_a_case_whose_creation_was_not_answered_is_ours(cosmos: Lab, skip):
    cosmos.standin.faults = [Fault(408, skip=skip, after=True)]
    assert cosmos.cases().create(opened(1))
    assert not cosmos.cases().create(opened(1))
    assert unfinished(cosmos.cases()) == ["a_1"]


def test_a_save_that_was_not_answered_is_no_conflict(cosmos: Lab):
    store = cosmos.cases()
    store.create(opened(1))
    before = store.get("a_1")
    cosmos.standin.faults = [Fault(408, skip=1, after=True)]
    store.save(replace(before, reason="mine"))
    assert store.get("a_1") == replace(before, reason="mine", version=before.version + 1)
    with pytest.raises(Conflict):
        store.save(replace(before, reason="again"))


def test_the_ledger_knows_what_it_was_not_answered(cosmos: Lab):
    ledger = cosmos.ledger()
    cosmos.standin.faults = [Fault(408, after=True)]
    assert ledger.begin("a:k", "one", START) is None
    cosmos.standin.faults = [Fault(449, skip=1, after=True)]
    ledger.finish("a:k", "done", START)
    entry = ledger.begin("a:k", "two", START)
    assert (entry.owner, entry.result) == ("one", "done")
    cosmos.standin.faults = [Fault(408, skip=1, after=True)]
    ledger.forget(entry)
    assert ledger.get("a:k") is None


def test_what_another_wrote_may_not_be_readable_at_once(cosmos: Lab):
    one, two = cosmos.ledger(), cosmos.ledger()
    one.begin("a:k", "one", START)
    cosmos.standin.faults = [Fault(404, skip=1)]  # of the read after the refusal
    assert two.begin("a:k", "two", START).owner == "one"


def test_a_case_that_is_too_large_is_refused_for_good(cosmos: Lab):
    store = cosmos.cases()
    large = replace(opened(1), notes=("é" * 1_100_000,))
    with pytest.raises(BadPayload, match="413"):
        store.create(large)
    assert store.newest(10) == []
    store.create(opened(1))
    with pytest.raises(BadPayload, match="413"):
        store.save(replace(large, version=store.get("a_1").version))
    assert store.get("a_1").notes == ()


@pytest.mark.parametrize(
    ("status", "raised"), [(429, QuotaSpent), (503, SourceDown), (403, SourceDown)]
)
def test_what_is_refused_for_a_while_is_down(cosmos: Lab, status, raised):
    cases, ledger = cosmos.cases(), cosmos.ledger()
    cases.create(opened(1))
    case = cases.get("a_1")
    headers = {"x-ms-retry-after-ms": "1"}
    cosmos.standin.faults = [Fault(status, times=10**6, headers=headers)]
    every = [
        lambda: cases.get("a_1"),
        lambda: cases.save(case),
        lambda: cases.create(opened(2)),
        lambda: cases.unfinished(9),
        lambda: cases.advance(START),
        lambda: ledger.begin("a:k", "one", START),
        lambda: ledger.of("a"),
    ]
    for work in every:
        with pytest.raises(raised, match=str(status)):
            work()


def test_a_missing_container_is_no_lost_race(cosmos: Lab):
    del cosmos.standin.containers["ledger"]
    with pytest.raises(BadPayload, match="404"):
        cosmos.ledger().begin("a:k", "one", START)
    assert cosmos.slept == []


@pytest.mark.parametrize("name", ["", "a/b", "index:", "a?b", "é"])
def test_what_cannot_name_a_case_is_refused(cosmos: Lab, name):
    with pytest.raises(ValueError, match="cannot name a case"):
        cosmos.cases().create(Case(name, START))


def test_all_of_it_is_kept_for_180_days_after_it_changed(cosmos: Lab):
    cases, ledger = cosmos.cases(), cosmos.ledger()
    for hour in (1, 2):
        cases.create(opened(hour))
    ledger.begin("a_1:k", "one", START)
    cosmos.now += 100 * DAY
    for name in ("a_1", "a_2"):
        staged(cases, name, Stage.DONE)
    cosmos.now += 100 * DAY
    assert [case.id for case in cases.newest(9)] == ["a_2", "a_1"]
    assert ledger.of("a_1") == []
    cosmos.now += 81 * DAY
    assert (cases.newest(9), cases.get("a_1")) == ([], None)
    assert cosmos.standin.documents("cases") == {}
