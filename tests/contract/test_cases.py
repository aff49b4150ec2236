"""What every implementation of `Cases` must do."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tidegate.adapters.local.cases import SqliteCases
from tidegate.adapters.local.database import connect
from tidegate.model import (
    ENDS,
    Alert,
    Answer,
    Artefact,
    Attempt,
    Case,
    Device,
    Do,
    Effect,
    Entity,
    Evidence,
    Found,
    Ioc,
    Kind,
    Report,
    Response,
    Spread,
    Stage,
    State,
    Trait,
    Turn,
    Verdict,
)
from tidegate.ports import Cases, Conflict

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def databases(tmp_path):
    """Two connections, as two processes have them."""
    both = [connect(tmp_path / "tidegate.sqlite") for _ in range(2)]
    yield both
    for database in both:
        database.close()


@pytest.fixture(params=["sqlite", pytest.param("cosmos", marks=pytest.mark.slow)])
def stores(request) -> list[Cases]:
    """Two clients of one store, as two processes have them."""
    if request.param == "sqlite":
        return [SqliteCases(one) for one in request.getfixturevalue("databases")]
    cosmos = request.getfixturevalue("cosmos")
    return [cosmos.cases() for _ in range(2)]


@pytest.fixture
def cases(stores):
    return stores[0]


DESK = Device("d1", "desk-1", "Windows Server 2022", "sales", ("vip",))
BLOCK = Effect(
    Do.BLOCK_INDICATOR,
    "192.0.2.1",
    "Tidegate é\u2028",
    kind=Kind.IPV4,
    undo=Do.REVOKE_INDICATOR,
    about="an address",
)


def artefact() -> Artefact:
    return Artefact(
        "ab" * 32,
        Entity.FILE,
        r"C:\Users\é\x.exe",
        NOW,
        NOW,
        State.COMPLETE,
        attempts=(Attempt(DESK), Attempt(DESK, quarantined=True)),
        action="action-1",
        submissions=("11", "12"),
        samples=("21", "22"),
        reused=True,
        report=report(),
        iocs=(Ioc(Kind.IPV4, "192.0.2.1", Verdict.CLEAN), Ioc(Kind.MUTEX, "m", Verdict.MALICIOUS)),
        dropped=2,
        troubles=("late",),
        sha1="cd" * 20,
        spread=Spread((DESK,), seen=1, everywhere=7, signer="Example Ltd"),
        had=Verdict.CLEAN,
        failures=1,
    )


def report() -> Report:
    return Report(
        "1",
        Verdict.MALICIOUS,
        NOW,
        "https://vmray.example/1",
        threats=("Emotet",),
        traits=(Trait(5, "encrypts"),),
        techniques=("T1486",),
        found=(Found("domain", "evil[.]example", Verdict.SUSPICIOUS),),
        classifications=("Ransomware",),
        children=2,
        cut=True,
    )


def alert(name: str) -> Alert:
    return Alert(
        name,
        "t",
        "High",
        "New",
        "s",
        NOW,
        incident="7",
        device=DESK,
        evidence=(
            Evidence(Entity.FILE, "ab" * 32, r"C:\x", sha1="cd" * 20),
            Evidence(Entity.URL, url="https://evil.example/"),
        ),
        comments=("c",),
        created=NOW - HOUR,
        category="Malware",
        group="sales",
        family="Emotet",
        classification="TruePositive",
        addresses=("192.0.2.1",),
    )


def full(name: str = "a_1", opened: datetime = NOW) -> Case:
    """A case that uses every field."""
    return Case(
        name,
        opened,
        Stage.RESPOND,
        Stage.DONE_PARTIAL,
        reason="because",
        alert=alert(name),
        artefacts=(artefact(),),
        notes=("n",),
        entered=((Stage.RECEIVED, NOW), (Stage.EXAMINE, NOW + HOUR)),
        waits=3,
        answers=(("block_indicators", Answer.ASK),),
        responses=(
            Response(
                BLOCK,
                Turn.RUNNING,
                NOW,
                NOW + HOUR,
                asked=True,
                action="a",
                detail="d",
                failures=2,
            ),
        ),
        revoked=(BLOCK,),
    )


def values(one: Any) -> Iterator[Any]:
    """Yield every value of the model within this one."""
    if isinstance(one, tuple):
        for part in one:
            yield from values(part)
    elif is_dataclass(one):
        yield one
        for field in fields(one):
            yield from values(getattr(one, field.name))


def test_the_full_case_uses_every_field():
    idle = defaultdict(set)
    for value in values(full()):
        unused = {f.name for f in fields(value) if getattr(value, f.name) == f.default}
        idle[type(value)] = unused & idle.get(type(value), unused)
    idle[Case].discard("version")  # which is the store's
    assert {kind: unused for kind, unused in idle.items() if unused} == {}


def test_a_case_comes_back_as_it_was(cases, stores):
    assert cases.create(full())
    for store in stores:
        assert replace(store.get("a_1"), version=0) == full()
        assert store.get("other") is None


def test_a_saved_case_comes_back_as_it_was(cases):
    cases.create(Case("a_1", NOW))
    cases.save(replace(full(), version=cases.get("a_1").version))
    assert replace(cases.get("a_1"), version=0) == full()


def test_a_case_is_created_once(cases, stores):
    assert cases.create(full())
    assert not stores[1].create(replace(full(), reason="another"))
    assert cases.get("a_1").reason == "because"


def test_of_many_who_create_a_case_one_does(stores):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda store: store.create(full()), stores * 4))
    assert made.count(True) == 1
    assert [case.id for case in stores[0].unfinished(10)] == ["a_1"]


@pytest.mark.parametrize("name", ["", "a/b", "..", "a?b#c", "a\n", "index:", "é" * 300])
def test_no_name_of_a_case_is_a_fault(cases, name):
    assert cases.get(name) is None


def test_a_case_is_saved_only_over_the_version_that_was_read(cases, stores):
    cases.create(full())
    mine, theirs = cases.get("a_1"), stores[1].get("a_1")
    cases.save(replace(mine, reason="mine"))
    with pytest.raises(Conflict):
        stores[1].save(replace(theirs, reason="theirs"))
    assert cases.get("a_1").reason == "mine"
    cases.save(replace(cases.get("a_1"), reason="mine again"))
    assert stores[1].get("a_1").reason == "mine again"


def test_a_case_that_is_not_there_is_not_saved(cases):
    with pytest.raises(Conflict):
        cases.save(full())
    assert cases.get("a_1") is None


def test_of_many_who_save_the_same_version_one_does(stores):
    stores[0].create(full())
    before = stores[0].get("a_1")

    def save(number: int) -> bool:
        try:
            stores[number % 2].save(replace(before, reason=str(number)))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        saved = list(pool.map(save, range(8)))
    assert saved.count(True) == 1
    assert stores[0].get("a_1").reason == str(saved.index(True))


def test_no_update_is_lost(stores):
    stores[0].create(full())

    def count(store: Cases) -> None:
        while True:
            before = store.get("a_1")
            try:
                return store.save(replace(before, waits=before.waits + 1))
            except Conflict:
                continue

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, stores * 4))
    assert stores[0].get("a_1").waits == full().waits + 8


def test_the_newest_come_first(cases):
    assert cases.newest(10) == []
    for hour in (1, 0, 2):
        cases.create(full(f"a_{hour}", NOW + hour * HOUR))
    cases.advance(NOW)
    assert [case.id for case in cases.newest(2)] == ["a_2", "a_1"]
    assert [case.id for case in cases.newest(10)] == ["a_2", "a_1", "a_0"]
    assert replace(cases.newest(1)[0], version=0) == full("a_2", NOW + 2 * HOUR)


def staged(cases: Cases, name: str, stage: Stage) -> None:
    cases.save(replace(cases.get(name), stage=stage))


def test_the_unfinished_come_oldest_first_until_they_end(cases, stores):
    assert cases.unfinished(10) == []
    for hour in (1, 0, 3, 2):
        cases.create(full(f"a_{hour}", NOW + hour * HOUR))
    staged(cases, "a_1", Stage.DONE)
    staged(cases, "a_3", Stage.CLEANUP)
    cases.advance(NOW)
    for store in stores:
        assert [case.id for case in store.unfinished(10)] == ["a_0", "a_2", "a_3"]
        assert [case.id for case in store.unfinished(2)] == ["a_0", "a_2"]
    assert cases.unfinished(1) == [cases.get("a_0")]


@pytest.mark.parametrize("stage", Stage)
def test_a_case_is_unfinished_in_every_stage_that_is_no_end(cases, stage):
    cases.create(full())
    staged(cases, "a_1", stage)
    assert bool(cases.unfinished(1)) is (stage not in ENDS)
    assert cases.newest(1) == [cases.get("a_1")]


@pytest.mark.parametrize("stage", [Stage.RECEIVED, Stage.SKIPPED])
def test_the_stage_in_which_a_case_is_created_counts(cases, stage):
    cases.create(replace(full(), stage=stage))
    assert bool(cases.unfinished(1)) is (stage not in ENDS)


def test_a_case_that_goes_on_after_its_end_is_unfinished_again(cases, stores):
    cases.create(full())
    for stage in (Stage.DONE, Stage.DONE_PARTIAL, Stage.RESPOND):
        staged(cases, "a_1", stage)
    assert [case.id for case in stores[1].unfinished(10)] == ["a_1"]
    staged(stores[1], "a_1", Stage.FAILED)
    assert cases.unfinished(10) == []


def test_the_watermark_never_goes_back(cases, stores):
    assert cases.watermark() is None
    cases.advance(NOW)
    stores[1].advance(NOW - HOUR)
    assert cases.watermark() == NOW
    stores[1].advance(NOW + timedelta(microseconds=1))
    assert cases.watermark() == NOW + timedelta(microseconds=1)


def test_the_watermark_is_the_newest_that_anybody_knows(stores):
    def advance(number: int) -> None:
        stores[number % 2].advance(NOW + number * HOUR)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(advance, [3, 1, 7, 0, 5, 2, 6, 4]))
    assert stores[0].watermark() == NOW + 7 * HOUR
