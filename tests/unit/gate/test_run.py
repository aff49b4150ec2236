"""The gate against the simulated tenant: what is applied, what waits, what is taken back."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tidegate.gate import journal
from tidegate.gate.carry import BATCH
from tidegate.gate.cycle import cycle
from tidegate.gate.explain import explain
from tidegate.gate.held import REMOVED
from tidegate.gate.lifting import Lifted
from tidegate.gate.mark import Word, mark, word
from tidegate.gate.plan import Actions
from tidegate.gate.published import published
from tidegate.gate.status import changes, enforced, status
from tidegate.gate.undo import NothingToUndo, resume, undo
from tidegate.gate.world import Lists, Target
from tidegate.model import Kind, Tlp
from tidegate.ports import BadPayload, Conflict, Enforced, Placed, SourceDown

pytestmark = pytest.mark.flow

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def turn(gate, by: timedelta) -> None:
    gate.clock.now += by


def test_applying_twice_changes_nothing(gate):
    six = gate.seen("2001:db8::1", kind=Kind.IPV6)
    gate.knows(gate.seen("a.example"), gate.seen("b.example", 60), six)
    first = gate.apply().applied
    assert (first.written, first.removed, first.failed) == (3, 0, {})
    before = gate.tenant.scene.memory.all("indicators")
    again = gate.apply()
    assert (again.plan.changes, again.plan.kept, again.applied.written) == ((), 3, 0)
    assert gate.tenant.scene.memory.all("indicators") == before
    assert gate.holds() == {
        "a.example": "Block",
        "b.example": "Audit",
        "2001:0db8:0000:0000:0000:0000:0000:0001": "Block",
    }


def test_a_plan_by_itself_changes_nothing(gate):
    gate.knows(gate.seen("a.example"))
    assert gate.plan().count("add") == 1
    assert gate.holds() == {}
    assert list(gate.objects.names("gate/")) == []


def test_the_set_follows_what_is_known(gate):
    gate.knows(gate.seen("a.example"), gate.seen("b.example"))
    gate.apply()
    turn(gate, 4 * DAY)
    gate.knows(gate.seen("b.example"), gate.seen("c.example"))
    done = gate.apply()
    assert [(c.do, c.enforced.value) for c in done.plan.changes] == [
        ("remove", "a.example"),
        ("extend", "b.example"),
        ("add", "c.example"),
    ]
    assert gate.holds().keys() == {"b.example", "c.example"}


def test_an_analysts_indicators_are_untouched_and_take_slots(gate):
    gate.analyst("a.example")
    gate.analyst("192.0.2.7", "IpAddress", "Block")
    before = gate.tenant.scene.memory.all("indicators")
    gate.knows(gate.seen("a.example"), gate.seen("b.example"), gate.seen("c.example", 90))
    world = gate.world(gate.target(limit=3))
    assert gate.apply(world).plan.slots == 1
    assert gate.tenant.scene.memory.all("indicators")[:2] == before
    gate.knows()
    gate.apply(world)
    assert gate.tenant.scene.memory.all("indicators") == before


def test_an_address_that_we_cannot_read_is_an_analysts_and_stays(gate):
    gate.analyst("2001:db8::/32", "IpAddress")
    gate.knows(gate.seen("a.example"))
    assert [change.do for change in gate.apply().plan.changes] == ["add"]


def test_headroom_stays_free(gate):
    gate.knows(*(gate.seen(f"{name}.example") for name in "abc"))
    made = gate.apply(gate.world(gate.target(limit=4, headroom=2)))
    assert (made.plan.slots, made.applied.written) == (2, 2)


def test_indicators_are_for_the_groups_of_the_settings(gate):
    gate.knows(gate.seen("a.example"))
    gate.apply(gate.world(gate.target(actions=Actions(groups=("Pilot",)))))
    [one] = gate.tenant.scene.memory.all("indicators")
    assert one["rbacGroupNames"] == ["Pilot"]


# --- refusals -----------------------------------------------------------------------------------


def test_refusals_are_reported_the_rest_is_done_and_they_are_not_sent_again_for_a_while(gate):
    gate.knows(gate.seen("a.example"), gate.seen("-"))
    done = gate.apply().applied
    assert done.written == 1
    assert done.failed["-"].startswith("InvalidDomainName")
    again = gate.apply()
    assert again.plan.changes == ()
    [(why, _)] = again.plan.refused.items()
    assert why.startswith("refused there: InvalidDomainName")
    turn(gate, 7 * HOUR)
    assert list(gate.apply().applied.failed) == ["-"]


def test_a_tenant_that_is_fuller_than_we_knew_is_reported(gate, monkeypatch):
    monkeypatch.setattr("tidegate.simulator.indicators.CAP", 1)
    gate.knows(gate.seen("a.example"), gate.seen("b.example"))
    done = gate.apply().applied
    assert done.written == 1
    assert list(done.failed.values()) == ["the tenant's limit is reached"]


def test_one_indicator_that_spoils_a_whole_import_is_found(gate):
    class Picky:
        def __init__(self, inner):
            self.inner, self.calls = inner, 0

        def current(self, *, fresh=False):
            return self.inner.current()

        def add(self, wanted):
            self.calls += 1
            if any(one.value == "d77.example" for one in wanted):
                raise BadPayload("400: not understood")
            return self.inner.add(wanted)

    gate.knows(*(gate.seen(f"d{n}.example") for n in range(200)))
    gate.defender = picky = Picky(gate.defender)
    done = gate.apply().applied
    assert (done.written, done.failed) == (199, {"d77.example": "400: not understood"})
    assert picky.calls < 20


def test_more_than_one_import_of_indicators(gate):
    gate.knows(*(gate.seen(f"d{n}.example") for n in range(1_100)))
    assert gate.apply().applied.written == 1_100
    assert gate.tenant.scene.memory.calls("import") == ["500", "500", "100"]
    gate.knows()
    assert gate.apply().applied.removed == 1_100
    assert gate.tenant.scene.memory.calls("indicators deleted") == ["500", "500", "100"]
    entries = gate.ledger.of("gate-defender")
    assert [(one.done, one.result) for one in entries] == [
        (True, f"{n} of {n} done") for n in (500, 500, 100) * 2
    ]


def test_a_tenant_without_deletion_in_batches_is_asked_one_by_one(gate, monkeypatch):
    gate.knows(gate.seen("a.example"), gate.seen("b.example"))
    gate.apply()
    gate.knows()
    request = gate.http.request

    def older(method, url, **asked):
        return request(method, url.replace("/BatchDelete", "/no/such/thing"), **asked)

    monkeypatch.setattr(gate.defender.http.http, "request", older)
    assert gate.apply().applied.removed == 2
    assert gate.holds() == {}


# --- churn, dwell, approval ---------------------------------------------------------------------


def test_the_churn_of_an_hour_is_bounded(gate):
    gate.knows(*(gate.seen(f"d{n}.example") for n in range(10)))
    world = gate.world(churn=4)
    assert [gate.apply(world).applied.written for _ in range(3)] == [4, 0, 0]
    turn(gate, HOUR)
    assert [gate.apply(world).applied.written for _ in range(2)] == [4, 0]
    assert gate.apply(world, by="alex", whole=True).applied.written == 2


def test_a_plan_that_is_too_large_waits_for_a_person(gate):
    gate.knows(*(gate.seen(f"d{n}.example") for n in range(5)))
    world = gate.world(ask_above=4)
    done = gate.apply(world)
    assert done.held_back == "5 changes at once; up to 4 need nobody's word"
    assert (done.applied.written, done.open, gate.holds()) == (0, 5, {})
    waiting = journal.state(gate.objects, "defender").waiting
    assert (waiting.plan, waiting.adds, waiting.at) == (done.plan.id, 5, gate.clock.now)
    since = gate.clock.now
    turn(gate, HOUR)
    gate.apply(world)
    assert journal.state(gate.objects, "defender").waiting.at == since
    assert gate.apply(world, by="alex").applied.written == 5
    state = journal.state(gate.objects, "defender")
    assert (state.waiting, state.last.by) == (None, "alex")


def test_losing_much_of_the_set_at_once_waits_for_a_person(gate):
    gate.knows(*(gate.seen(f"d{n}.example") for n in range(100)))
    world = gate.world(ask_above=1_000)
    gate.apply(world)
    gate.knows(*(gate.seen(f"d{n}.example") for n in range(49)))
    done = gate.apply(world)
    assert done.held_back == "would lose 51 of 100 indicators at once"
    assert len(gate.holds()) == 100
    gate.knows(*(gate.seen(f"d{n}.example") for n in range(50)))
    assert gate.apply(world).applied.removed == 50


def test_a_target_that_asks_is_changed_by_people_alone(gate):
    gate.knows(gate.seen("a.example"))
    world = gate.world(gate.target(asks=True))
    assert gate.apply(world).held_back == "a person applies what changes here"
    assert gate.holds() == {}
    gate.apply(world, by="alex")
    assert gate.holds() == {"a.example": "Block"}
    assert gate.apply(world).held_back is None


# --- changed by hand ----------------------------------------------------------------------------


def test_what_somebody_took_away_is_shown_and_not_brought_back(gate):
    gate.knows(gate.seen("a.example"), gate.seen("b.example"))
    gate.apply()
    gate.apply()
    gate.by_hand("a.example")
    for _ in range(2):
        done = gate.apply()
        assert done.plan.changes == ()
        assert [(one.value, one.drift) for one in done.plan.drift] == [("a.example", REMOVED)]
        turn(gate, HOUR)
    found = status(gate.world().targets[0], gate.world())
    assert (found.drifted, found.held) == (1, 1)
    resume(gate.world().targets[0], gate.world(), take_back=True)
    assert [change.do for change in gate.apply().plan.changes] == ["add"]


def test_what_somebody_changed_is_shown_and_left_alone(gate):
    gate.knows(gate.seen("a.example"))
    gate.apply()
    gate.apply()
    gate.by_hand("a.example", action="Allowed")
    gate.knows()
    assert gate.apply().plan.changes == ()
    assert gate.holds() == {"a.example": "Allowed"}
    resume(gate.world().targets[0], gate.world(), take_back=True)
    assert [change.do for change in gate.apply().plan.changes] == ["remove"]


def test_what_an_analyst_calls_harmless_goes_at_once_whatever_waits(gate):
    bad = gate.seen("a.example")
    gate.knows(bad)
    gate.apply()
    gate.apply()
    gate.by_hand("a.example", action="Audit")
    closed = gate.world(gate.target(asks=True), ask_above=0)
    mark(
        [word(bad.kind, bad.value, Word.HARMLESS, "ours", "alex", gate.clock())],
        gate.store,
        gate.clock(),
    )
    gate.knows(bad, gate.seen("b.example"))
    done = gate.apply(closed)
    assert done.held_back
    assert gate.holds() == {}


# --- undo ---------------------------------------------------------------------------------------


def test_a_run_is_taken_back_and_nothing_is_chosen_until_somebody_says_so(gate):
    world = gate.world()
    [target] = world.targets
    gate.knows(gate.seen("old.example"), gate.seen("stays.example", 60))
    gate.apply()
    before = {one["indicatorValue"]: one for one in gate.tenant.scene.memory.all("indicators")}
    turn(gate, HOUR)
    gate.knows(gate.seen("new.example"), gate.seen("stays.example"))
    assert gate.apply().applied.written == 2
    done = undo(target, world, "alex", "too early")
    assert (done.written, done.removed, done.failed) == (2, 1, {})
    after = {one["indicatorValue"]: one for one in gate.tenant.scene.memory.all("indicators")}
    assert after.keys() == before.keys()
    same = ("action", "title", "description", "severity", "expirationTime", "generateAlert")
    assert [[after[v][k] for k in same] for v in before] == [
        [before[v][k] for k in same] for v in before
    ]
    held = gate.apply()
    assert held.held_back == "paused by alex: too early"
    assert gate.holds().keys() == before.keys()
    resume(target, world)
    gate.apply()
    assert gate.holds().keys() == {"new.example", "stays.example"}


def test_undo_leaves_alone_what_somebody_changed_since(gate):
    world = gate.world()
    gate.knows(gate.seen("a.example"), gate.seen("b.example"))
    gate.apply()
    gate.apply()
    gate.by_hand("a.example", action="Allowed")
    assert undo(world.targets[0], world, "alex", "wrong").removed == 1
    assert gate.holds() == {"a.example": "Allowed"}


def test_undo_brings_back_nothing_that_an_analyst_calls_harmless(gate):
    world = gate.world()
    some = [gate.seen(f"{name}.example") for name in "abc"]
    gate.knows(*some)
    gate.apply()
    harmless(gate, some[0])
    gate.knows(some[0], some[1], gate.seen("new.example"))
    gate.apply()
    assert gate.holds().keys() == {"b.example", "new.example"}
    undo(world.targets[0], world, "alex", "too early")
    assert gate.holds().keys() == {"b.example", "c.example"}


def test_there_may_be_nothing_to_take_back(gate):
    with pytest.raises(NothingToUndo):
        undo(gate.world().targets[0], gate.world(), "alex", "why not")


def test_to_undo_an_undo_makes_the_changes_again(gate):
    world = gate.world()
    gate.knows(gate.seen("a.example"))
    gate.apply()
    undo(world.targets[0], world, "alex", "one")
    turn(gate, timedelta(seconds=1))
    with pytest.raises(NothingToUndo, match="paused already"):
        undo(world.targets[0], world, "alex", "asked twice")
    assert gate.holds() == {}
    last = journal.state(gate.objects, "defender").last.run
    with pytest.raises(NothingToUndo, match="another run since"):
        undo(world.targets[0], world, "alex", "two", run="earlier")
    undo(world.targets[0], world, "alex", "two", run=last)
    assert gate.holds() == {"a.example": "Block"}


# --- who else -----------------------------------------------------------------------------------


def test_two_processes_do_not_change_a_target_at_once(gate):
    name = journal.prepare(gate.objects, "defender")
    gate.objects.acquire(name, 60, "6f1dd1c8-8a5a-4a1e-9d0e-2f9f4a1c7b35")
    with pytest.raises(SourceDown, match="another process is changing Microsoft Defender"):
        gate.apply()


def test_a_target_that_does_not_answer_keeps_the_others_from_nothing(gate):
    class Silent:
        def current(self, *, fresh=False):
            raise SourceDown("no answer")

    gate.knows(gate.seen("a.example"))
    silent = Target("silent", "Silent", Silent(), 10)
    found = list(cycle(gate.world(silent, gate.target())))
    assert [(one.target, one.reason) for one in found] == [
        ("silent", "no answer"),
        ("defender", None),
    ]
    assert status(silent, gate.world(silent)).state.reason == "no answer"
    assert gate.holds() == {"a.example": "Block"}
    assert published(gate.objects)[0]["value"].to_list() == ["a.example"]


# --- what readers see ---------------------------------------------------------------------------


def test_the_status_counts_the_set(gate):
    gate.knows(
        gate.seen("a.example"),
        gate.seen("192.0.2.1", 60, Kind.IPV4),
        gate.seen("192.0.2.1", 100, Kind.IPV4, source="beta"),
    )
    gate.analyst("x.example")
    world = gate.world(gate.target(limit=100, headroom=10))
    gate.apply(world)
    found = status(world.targets[0], world)
    assert (found.held, found.state.others, found.state.slots) == (2, 1, 89)
    assert found.by_kind == {"domain": 1, "ipv4": 1}
    assert found.by_source == {"alpha": 2, "beta": 1}
    assert found.by_score == [0] * 9 + [2]
    assert found.by_action == {"Block": 2}
    assert (found.churn[-1].added, sum(one.added for one in found.churn)) == (2, 2)
    rows = enforced(world.targets[0], world)
    assert rows["value"].to_list() == ["a.example", "192.0.2.1"]


def test_changes_are_told_newest_first(gate):
    world = gate.world()
    gate.knows(gate.seen("a.example"))
    gate.apply()
    turn(gate, HOUR)
    gate.knows()
    gate.apply()
    found = list(changes(world.targets[0], world, None))
    assert [rows["do"].to_list() for _, rows in found] == [["remove"], ["add"]]
    assert [rows["outcome"].to_list() for _, rows in found] == [["done"], ["done"]]
    older = list(changes(world.targets[0], world, found[0][0]))
    assert [run for run, _ in older] == [found[1][0]]


def test_old_runs_are_forgotten(gate):
    gate.knows(gate.seen("a.example"))
    gate.apply()
    turn(gate, 91 * DAY)
    gate.knows(gate.seen("a.example"), gate.seen("b.example"))
    gate.apply()
    assert len(list(journal.runs(gate.objects, "defender"))) == 1


def test_a_batch_is_what_defender_takes(gate):
    assert BATCH == 500
    one = Enforced(Kind.DOMAIN, "a.example", "Block", title="t", description="d", severity="High")
    many = [replace(one, value=f"d{n}.example") for n in range(BATCH + 1)]
    assert all(placed.id for placed in gate.defender.add(many))  # whoever asks for more at once


# --- what went wrong once -----------------------------------------------------------------------


class Faulty:
    """A target whose calls do what `faults` say, by name: an error after or instead of the call."""

    def __init__(self, inner, **faults) -> None:
        self.inner, self.faults = inner, faults

    def current(self, *, fresh=False):
        return self.inner.current()

    def add(self, wanted):
        return self.faults.get("add", self.inner.add)(wanted)

    def remove(self, ids):
        return self.faults.get("remove", self.inner.remove)(ids)


def lost(call):
    """The call is made, and its answer lost."""

    def made(given):
        call(given)
        raise SourceDown("the connection broke")

    return made


def faulty(gate, **faults):
    return gate.world(replace(gate.target(), enforcement=Faulty(gate.defender, **faults)))


def test_a_refused_extension_takes_nothing_away(gate):
    gate.knows(gate.seen("a.example"))
    gate.apply()
    turn(gate, 4 * DAY)
    gate.knows(gate.seen("a.example"))

    def refuse(wanted):
        return [Placed(one.value, failure="InternalServerError") for one in wanted]

    assert list(gate.apply(faulty(gate, add=refuse)).applied.failed) == ["a.example"]
    assert [one.do for one in gate.apply().plan.changes] == ["extend"]


@pytest.mark.parametrize("what", ["add", "remove"])
def test_an_answer_that_is_lost_is_nobodys_doing(gate, what):
    gate.knows(gate.seen("a.example"), gate.seen("b.example"))
    gate.apply()
    turn(gate, 4 * DAY)
    both = [gate.seen("a.example"), gate.seen("b.example")]
    gate.knows(*(both if what == "add" else both[:1]))
    call = gate.defender.add if what == "add" else gate.defender.remove
    done = gate.apply(faulty(gate, **{what: lost(call)}))
    assert done.applied.reason == "the connection broke"
    gate.knows(gate.seen("a.example"), gate.seen("b.example"))
    for _ in range(2):
        done = gate.apply()
        assert done.plan.drift == []
    assert gate.holds().keys() == {"a.example", "b.example"}


def test_what_cannot_be_deleted_keeps_nothing_else_from_happening(gate):
    gate.knows(*(gate.seen(f"d{n}.example") for n in range(6)))
    gate.apply()
    [stuck] = [one.id for one in gate.defender.current() if one.value == "d3.example"]

    def remove(ids):
        if stuck in ids:
            raise BadPayload("403: forbidden")
        gate.defender.remove(ids)

    gate.knows(gate.seen("new.example"))
    done = gate.apply(faulty(gate, remove=remove)).applied
    assert (done.removed, done.written, done.failed) == (5, 1, {"d3.example": "403: forbidden"})
    assert gate.holds().keys() == {"d3.example", "new.example"}


def test_an_analyst_who_acts_before_the_next_cycle_is_heard(gate):
    gate.knows(gate.seen("a.example"), gate.seen("b.example"))
    gate.apply()
    gate.by_hand("a.example", action="Allowed")
    gate.by_hand("b.example")
    assert gate.apply().plan.changes == ()
    assert gate.holds() == {"a.example": "Allowed"}


def test_an_analyst_who_makes_an_indicator_while_we_plan_is_not_written_over(gate):
    gate.knows(gate.seen("a.example"), gate.seen("b.example"))
    seen = gate.defender.current

    def late(*, fresh=False):
        found = seen()
        gate.analyst("a.example")  # after the first look
        return found

    gate.defender.__dict__["current"] = late
    done = gate.apply().applied
    assert done.failed == {"a.example": "somebody else has made it meanwhile"}
    assert gate.holds() == {"a.example": "Allowed", "b.example": "Block"}


def test_who_is_not_enforced_covers_nobody_and_takes_no_slot(gate):
    url = gate.seen("http://bad.example/a", kind=Kind.URL)
    gate.knows(gate.seen("bad.example"), url)
    gate.analyst("bad.example", action="Audit")
    done = gate.apply(gate.world(gate.target(limit=2)))
    assert done.plan.refused == {"held by an analyst": 1}
    assert gate.holds() == {"bad.example": "Audit", "http://bad.example/a": "Block"}


def urls(gate, *scores: int, tlp: Tlp = Tlp.CLEAR):
    return [
        gate.seen(f"http://many.example/{n}", score, Kind.URL, tlp=tlp)
        for n, score in enumerate(scores)
    ]


def test_a_host_with_a_low_score_of_its_own_is_lifted_once_and_stays(gate):
    gate.knows(gate.seen("many.example", 10), *urls(gate, 90, 90, 90, 90))
    gate.apply()
    for _ in range(3):
        turn(gate, HOUR)
        gate.knows(gate.seen("many.example", 10), *urls(gate, 90, 90, 90, 90))
        assert gate.apply().plan.changes == ()
    assert gate.holds() == {"many.example": "Block"}


def test_who_asks_about_a_lifted_host_is_told_of_the_urls(gate):
    some = urls(gate, 90, 85, 80, 60)
    gate.knows(*some)
    world = gate.world()
    list(cycle(world))
    assert gate.holds().keys() == {"many.example"}
    known = replace(world.knowledge, objects=gate.objects)
    told = explain(Kind.DOMAIN, "many.example", known)
    assert (told.reported, told.terms, told.score) == (True, [], 80.0)
    assert told.lifted == Lifted(4, 80.0, ["alpha"])
    gate.knows(*some, gate.seen("many.example", 10))  # what is said of itself is less
    assert explain(Kind.DOMAIN, "many.example", known).score == 80.0
    harmless(gate, gate.seen("many.example"))
    told = explain(Kind.DOMAIN, "many.example", known)
    assert (told.score, told.lifted) == (0.0, None)
    assert explain(Kind.DOMAIN, "other.example", known).lifted is None


def test_a_host_at_the_threshold_does_not_flap(gate):
    gate.knows(*urls(gate, 52, 52, 52))
    gate.apply()
    gate.knows(*urls(gate, 48, 48, 48))
    assert gate.apply().plan.changes == ()


def test_a_host_that_is_marked_is_not_lifted(gate):
    secret = gate.seen("many.example", 10, source="beta", tlp=Tlp.RED, tags=("operation",))
    gate.knows(secret, *urls(gate, 90, 90, 90))
    list(cycle(gate.world()))
    assert "many.example" not in gate.holds()
    told = published(gate.objects)[0]
    assert "many.example" not in told["value"].to_list()
    assert told["tags"].explode(empty_as_null=False).to_list() == []


def harmless(gate, one) -> None:
    now = gate.clock()
    mark([word(one.kind, one.value, Word.HARMLESS, "ours", "alex", now)], gate.store, now)


def test_no_name_takes_along_what_an_analyst_calls_harmless(gate):
    some = urls(gate, 90, 90, 90, 90)
    gate.knows(*some)
    gate.apply()
    assert gate.holds() == {"many.example": "Block"}
    harmless(gate, some[0])
    gate.apply()
    assert gate.holds().keys() == {one.value for one in some[1:]}
    gate.knows(*some, gate.seen("many.example"))
    assert gate.apply().plan.refused["an analyst calls part of it harmless"] == 1


def test_a_word_that_says_malicious_brings_back_what_somebody_took_away(gate):
    gate.knows(gate.seen("a.example"))
    gate.apply()
    gate.by_hand("a.example")
    assert gate.apply().plan.changes == ()
    turn(gate, HOUR)
    now = gate.clock()
    mark([word(Kind.DOMAIN, "a.example", Word.MALICIOUS, "seen", "alex", now)], gate.store, now)
    assert [one.do for one in gate.apply().plan.changes] == ["add"]


def test_what_is_there_goes_on_while_a_plan_waits(gate):
    gate.knows(gate.seen("a.example"))
    gate.apply()
    turn(gate, 4 * DAY)
    gate.knows(gate.seen("a.example"), gate.seen("b.example"))
    done = gate.apply(gate.world(gate.target(asks=True)))
    assert (done.held_back, done.applied.written) == ("a person applies what changes here", 1)
    turn(gate, 4 * DAY)
    gate.knows(gate.seen("a.example"))
    assert gate.apply(gate.world(gate.target(asks=True))).held_back is None
    assert gate.holds() == {"a.example": "Block"}


def test_a_plan_that_replaces_can_be_approved(gate):
    gate.knows(*(gate.seen(f"d{n}.example", 60) for n in range(20)))
    gate.apply()
    gate.knows(*(gate.seen(f"d{n}.example", 90) for n in range(20)))
    world = gate.world(ask_above=4)
    gate.apply(world)
    waits = journal.state(gate.objects, "defender").waiting
    assert (waits.adds, waits.removes, waits.moves) == (0, 0, 20)
    assert gate.apply(world, by="alex", most=waits.moves).applied.written == 20
    assert gate.apply(world, by="alex", most=0).held_back is None


def test_a_pause_is_not_lost_to_who_cannot_look(gate, monkeypatch):
    target = gate.target()
    name = journal.prepare(gate.objects, "defender")
    gate.objects.acquire(name, 60, "6f1dd1c8-8a5a-4a1e-9d0e-2f9f4a1c7b35")
    [done] = list(cycle(gate.world(target)))
    assert done.reason == "another process is changing Microsoft Defender"
    assert journal.state(gate.objects, "defender").reason is None


def test_who_lost_the_lease_writes_nothing_any_more(gate, monkeypatch):
    gate.knows(gate.seen("a.example"))

    def gone(_):
        raise Conflict("the lease is another's")

    monkeypatch.setattr("tidegate.lease.Lease.check", gone)
    with pytest.raises(SourceDown, match="another process took over"):
        gate.apply()
    monkeypatch.undo()
    assert gate.objects.get("gate/defender/held.parquet") is None
    assert gate.apply().applied.written == 1


# --- dying --------------------------------------------------------------------------------------


class Died(BaseException):
    """The process is gone."""


class Dying:
    """Counts every call to the outside and dies before or after one of them."""

    def __init__(self, inner, fuse):
        self._inner, self._fuse = inner, fuse

    def __getattr__(self, name):
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def counted(*args, **more):
            self._fuse.tick()
            answer = found(*args, **more)
            self._fuse.tick()
            return answer

        return counted


class Fuse:
    def __init__(self, left: int) -> None:
        self.left = left

    def tick(self) -> None:
        if self.left == 0:
            raise Died
        self.left -= 1


SMALL = 8


def two_batches(gate) -> None:
    """Let the tenant hold more than a batch, some of it changed by others."""
    gate.tenant.reset()
    for name in list(gate.objects.names("gate/")):
        gate.objects.delete(name)
    gate.knows(*(gate.seen(f"d{n}.example") for n in range(SMALL + 2)))
    gate.apply()
    gate.apply()
    turn(gate, 4 * DAY)
    gate.analyst(f"d{SMALL + 1}.example")
    gate.by_hand(f"d{SMALL}.example")


def dying(gate, fuse: Fuse):
    target = replace(gate.target(), enforcement=Dying(gate.defender, fuse))
    objects, ledger = Dying(gate.objects, fuse), Dying(gate.ledger, fuse)
    return replace(gate.world(target), objects=objects, ledger=ledger)


def dies(gate, after: int) -> bool:
    try:
        gate.apply(dying(gate, Fuse(after)))
    except Died:
        return True
    return False


@pytest.mark.slow
def test_a_process_that_dies_anywhere_leaves_the_rest_to_the_next_one(gate, monkeypatch):
    """Killed before and after every call; then the next cycle ends where one life would have."""
    monkeypatch.setattr("tidegate.gate.carry.BATCH", SMALL)
    points, died = 0, True
    while died:
        two_batches(gate)
        fresh = [gate.seen(f"d{n}.example") for n in range(SMALL, 2 * SMALL + 3)]
        gate.knows(*fresh, gate.seen("d0.example", 60), gate.seen("-"))
        died = dies(gate, points)
        turn(gate, timedelta(minutes=2))  # a dead process's lease runs out
        done = [gate.apply() for _ in range(3)][-1]
        held = gate.holds()
        assert done.plan.changes == ()
        assert (held.pop(f"d{SMALL + 1}.example"), held.pop("d0.example")) == ("Allowed", "Audit")
        assert held == {f"d{n}.example": "Block" for n in range(SMALL + 2, 2 * SMALL + 3)}
        assert [one.value for one in done.plan.drift] == [f"d{SMALL}.example"]
        state = journal.state(gate.objects, "defender")
        assert state.pending is None
        assert {one.run for one in state.runs} == set(journal.runs(gate.objects, "defender"))
        points += 1
    assert points > 30


def test_a_target_that_is_throttled_half_way_gets_the_rest_later(gate, monkeypatch):
    monkeypatch.setattr("tidegate.simulator.indicators.IMPORTS_A_MINUTE", 1)
    gate.knows(*(gate.seen(f"d{n}.example") for n in range(BATCH + 5)))
    done = gate.apply()
    assert done.applied.written == BATCH
    assert "429" in done.applied.reason or "too many" in done.applied.reason.lower()
    assert done.failed
    assert journal.state(gate.objects, "defender").reason == done.applied.reason
    turn(gate, timedelta(minutes=2))
    assert gate.apply().applied.written == 5
    first = journal.state(gate.objects, "defender").runs[-1]
    assert (first.added, first.reason) == (BATCH, done.applied.reason)


def test_what_is_remembered_is_plain_json(gate):
    gate.knows(gate.seen("a.example"))
    gate.apply()
    told = json.loads(gate.objects.get("gate/defender/state.json").data)
    assert told["runs"][0]["added"] == 1


@pytest.mark.parametrize(("block", "action"), [(75.0, "Block"), (90.0, "Audit")])
def test_lists_have_what_blocks_at_the_score_of_the_settings(gate, block, action):
    gate.knows(gate.seen("a.example", 80))
    world = gate.world(gate.target(actions=Actions(block=block)), lists=Lists(block=block))
    list(cycle(world))
    assert gate.holds() == {"a.example": action}
    assert published(gate.objects)[0]["action"].to_list() == [action]
