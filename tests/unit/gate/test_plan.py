"""What has to change: as little as possible, nothing of others, no more than the hour allows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from tidegate.gate.held import REMOVED, Held
from tidegate.gate.plan import HOLDS, Actions, Plan, Terms, document, plan
from tidegate.model import Kind, Tlp, indicator_id
from tidegate.ports import APPLICATION, Enforced

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def key(value: str) -> str:
    return indicator_id(Kind.DOMAIN, value)


def row(value: str, score: float = 90.0, why_not: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": key(value),
        "kind": "domain",
        "value": value,
        "score": score,
        "rank": score,
        "sources": ["alpha"],
        "threat": None,
        "for": 0,
        "why_not": why_not,
        **more,
    }


def selected(*rows: dict[str, Any]) -> pl.DataFrame:
    schema = {"threat": pl.String, "why_not": pl.String, "score": pl.Float64, "rank": pl.Float64}
    return pl.DataFrame(list(rows) or [row("-")], schema_overrides=schema)[: len(rows)]


def enforced(value: str = "a.example", **more: Any) -> Enforced:
    given = {
        "kind": Kind.DOMAIN,
        "value": value,
        "action": "Block",
        "expires": NOW + HOLDS,
        "id": value,
        "application": APPLICATION,
    }
    return Enforced(**(given | more))


def made(*rows: dict[str, Any], current=(), held=(), slots: int = 10, **terms: Any) -> Plan:
    memory = {one.id: one for one in held}
    return plan("defender", selected(*rows), current, memory, Terms(slots, **terms), NOW)


def changes(one: Plan) -> list[tuple[str, str]]:
    return [(change.do, change.enforced.value) for change in one.changes]


def remembered(value: str, since: datetime = NOW - 9 * DAY, **more: Any) -> Held:
    given = {"action": "Block", "expires": NOW + HOLDS, "read": True}
    return Held(key(value), Kind.DOMAIN, value, since=since, **given | more)


def test_what_is_missing_is_added():
    [change] = made(row("a.example")).changes
    new = change.enforced
    assert (change.do, new.value, new.action, new.alerts) == ("add", "a.example", "Block", False)
    assert new.expires == NOW + HOLDS
    assert change.why == "score 90 (alpha)"
    [change] = made(row("a.example", 60)).changes
    assert (change.enforced.action, change.enforced.alerts) == ("Audit", True)


def test_what_is_for_other_device_groups_moves_and_what_is_for_all_stays():
    servers = Actions(groups=("Servers",))
    [change] = made(
        row("a.example"), current=[enforced(groups=("Pilot",))], actions=servers
    ).changes
    assert (change.do, change.enforced.groups) == ("replace", ("Servers",))
    [change] = made(row("a.example"), current=[enforced(groups=("Pilot",))]).changes
    assert (change.do, change.enforced.groups) == ("replace", ())
    for same in ((), ("servers",)):
        there = [enforced(groups=same)]
        assert made(row("a.example"), current=there, actions=servers).changes == ()


def test_what_is_there_stays():
    assert made(row("a.example"), current=[enforced()]).changes == ()


def test_what_runs_out_is_extended_and_otherwise_left_as_it_is():
    held = enforced(expires=NOW + HOLDS / 2 - DAY, title="a person's words", severity="High")
    [change] = made(row("a.example"), current=[held]).changes
    assert change.do == "extend"
    assert replace(change.enforced, score=0.0, tlp=Tlp.CLEAR) == replace(held, expires=NOW + HOLDS)


def test_another_action_replaces():
    [change] = made(row("a.example"), current=[enforced(action="Audit")]).changes
    assert (change.do, change.enforced.action, change.before.action) == (
        "replace",
        "Block",
        "Audit",
    )


@pytest.mark.parametrize("score", [90.0, 60.0])
def test_a_detonations_action_is_not_weakened(score):
    held = enforced(action="BlockAndRemediate")
    assert made(row("a.example", score), current=[held]).changes == ()
    [change] = made(row("a.example", score), current=[replace(held, expires=NOW + DAY)]).changes
    assert (change.do, change.enforced.action) == ("extend", "BlockAndRemediate")


def test_a_block_is_not_given_up_for_a_point():
    assert made(row("a.example", 71), current=[enforced()]).changes == ()
    [change] = made(row("a.example", 69), current=[enforced()]).changes
    assert change.enforced.action == "Audit"


def test_what_nobody_reports_any_more_is_removed():
    one = made(
        row("b.example", 10, "score too low"), current=[enforced(), enforced("b.example")], churn=9
    )
    assert {(c.enforced.value, c.do, c.why, c.elective) for c in one.changes} == {
        ("a.example", "remove", "no source reports it any more", False),
        ("b.example", "remove", "score too low", True),
    }


def test_slots_are_freed_before_they_are_filled():
    one = made(row("a.example"), current=[enforced("z.example")])
    assert [do for do, _ in changes(one)] == ["remove", "add"]


@pytest.mark.parametrize("application", [None, "", "Someone", "tidegate"])
@pytest.mark.parametrize("action", ["Allowed", "Audit", "Warn", "Block"])
def test_an_analysts_word_stands(application, action):
    theirs = enforced(action=action, application=application, expires=NOW + DAY)
    other = enforced("z.example", application=application)
    assert made(row("a.example"), current=[theirs, other]).changes == ()


@pytest.mark.parametrize("order", [1, -1])
def test_an_analysts_word_stands_beside_ours(order):
    both = [enforced(action="Audit"), enforced(action="Allowed", application=None, id="2")]
    assert made(row("a.example"), current=both[::order]).changes == ()


def test_what_we_do_not_speak_is_left_alone():
    theirs = enforced(kind=None, value="a certificate")
    assert made(row("a.example"), current=[theirs, enforced()]).changes == ()


def test_a_plan_counts_itself():
    one = made(
        row("a.example"), row("b.example"), row("c.example", 1, "score too low"),
        current=[enforced(), enforced("x.example", application=None)], slots=7,
    )  # fmt: skip
    assert (one.kept, one.chosen, one.slots, one.count("add"), one.others) == (1, 2, 7, 1, 1)
    assert one.refused == {"score too low": 1}
    assert made(row("b.example")).id == made(row("b.example", 91)).id != made(row("c.example")).id


def test_reasons_are_counted_in_general():
    one = made(
        row("a.example", 90, "covered by b.example"),
        row("c.example", 90, "covered by d.example"),
        row("e.example", 0, "analyst: ours"),
        row("f.example", 0, "signed by X and on 20000 machines"),
        row("g.example", 0, "warninglist alexa"),
    )
    assert one.refused == {
        "covered by a domain or an address": 2,
        "called harmless by an analyst": 1,
        "signed, and on very many machines": 1,
        "warninglist alexa": 1,
    }


def test_a_plan_is_told_without_what_is_held():
    by_hand = remembered("x.example", drift="changed", noticed=NOW)
    told = document(made(row("a.example"), held=[by_hand, remembered("y.example")]))
    assert "held" not in told
    assert [one["value"] for one in told["drift"]] == ["x.example"]
    assert told["changes"][0]["do"] == "add"


# --- actions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "score", "action"),
    [
        (Kind.SHA256, 96, "BlockAndRemediate"),
        (Kind.SHA256, 94, "Block"),
        (Kind.IPV4, 96, "Block"),
        (Kind.URL, 80, "Block"),
        (Kind.URL, 79, "Warn"),
        (Kind.URL, 64, "Audit"),
    ],
)
def test_the_action_follows_the_score_and_the_kind(kind, score, action):
    assert Actions(block=80, warn=65, remediate=95).of(kind, score) == action


def test_indicators_are_for_the_device_groups_that_are_named():
    [change] = made(row("a.example"), actions=Actions(groups=("Pilot",))).changes
    assert change.enforced.groups == ("Pilot",)


def test_what_only_some_targets_keep_comes_along():
    more = {"tags": ["x"], "first_seen": NOW, "tlp": "amber", "threat": "Emotet", "for": 4}
    [change] = made(row("a.example", **more)).changes
    new = change.enforced
    assert (new.tags, new.first_seen, new.tlp, new.threat) == (("x",), NOW, Tlp.AMBER, "Emotet")
    assert change.why == "score 90 (alpha), stands for 4 URLs"


# --- churn and dwell ----------------------------------------------------------------------------


def few(*names: str, score: float = 90.0, why: str | None = None) -> list[dict[str, Any]]:
    return [row(f"{name}.example", score, why) for name in names]


def many(*names: str) -> list[Enforced]:
    return [enforced(f"{name}.example") for name in names]


def test_what_is_new_comes_within_the_churn_and_the_best_first():
    rows = [row("a.example", 80), row("b.example", 99), row("c.example", 90)]
    one = made(*sorted(rows, key=lambda each: -each["score"]), churn=2)
    assert changes(one) == [("add", "b.example"), ("add", "c.example")]
    assert one.postponed == 1


def test_an_exchange_takes_two_and_the_worst_goes_first():
    rows = [
        *few("new", "other"),
        row("old.example", 60, "no slot left"),
        row("w.example", 55, "no slot left"),
    ]
    for churn in (2, 3):
        one = made(*rows, current=many("old", "w"), slots=2, churn=churn)
        assert changes(one) == [("remove", "w.example"), ("add", "new.example")]
        assert one.postponed == 2
    assert made(*rows, current=many("old", "w"), slots=2, churn=1).changes == ()


def test_what_is_good_no_more_goes_without_anybody_taking_its_place():
    rows = [row("low.example", 40, "score too low"), row("sub.example", 80, "covered by example")]
    one = made(*rows, current=many("low", "sub"), churn=1)
    assert changes(one) == [("remove", "low.example")]


def test_without_churn_nothing_comes_but_what_is_wrong_goes():
    rows = [
        *few("new"),
        row("mine.example", 90, "allow-list"),
        row("old.example", 60, "no slot left"),
    ]
    one = made(*rows, current=many("mine", "old", "gone"), slots=3, churn=0)
    assert changes(one) == [("remove", "mine.example"), ("remove", "gone.example")]


def test_who_came_lately_is_not_given_up_for_something_better():
    rows = [*few("new"), row("old.example", 60, "no slot left")]
    young = [remembered("old.example", NOW - DAY / 2)]
    assert made(*rows, current=many("old"), held=young, slots=1, dwell=DAY).changes == ()
    grown = [remembered("old.example", NOW - DAY)]
    one = made(*rows, current=many("old"), held=grown, slots=1, dwell=DAY)
    assert [do for do, _ in changes(one)] == ["remove", "add"]


def test_a_tenant_that_got_fuller_takes_slots_at_once_even_from_the_young():
    rows = [row("a.example", 90, "no slot left"), row("b.example", 80, "no slot left")]
    young = [remembered("a.example", NOW), remembered("b.example", NOW)]
    one = made(*rows, current=many("a", "b"), held=young, slots=1, dwell=DAY, churn=0)
    assert changes(one) == [("remove", "b.example")]


# --- changed by hand ----------------------------------------------------------------------------


def test_what_somebody_took_away_stays_away():
    assert made(row("a.example"), held=[remembered("a.example", drift=REMOVED)]).changes == ()


def test_what_somebody_changed_is_left_as_it_is():
    by_hand = remembered("a.example", drift="changed there by hand: Block became Audit")
    now = enforced(action="Audit", expires=NOW + DAY)
    assert made(row("a.example"), current=[now], held=[by_hand]).changes == ()
    assert made(current=[now], held=[by_hand]).changes == ()


@pytest.mark.parametrize(("action", "goes"), [("Audit", True), ("Allowed", False)])
def test_what_an_analyst_calls_harmless_goes_even_then(action, goes):
    by_hand = remembered("a.example", drift="changed there by hand: Block became Audit")
    found = row("a.example", 0, "analyst: our own scanner")
    one = made(found, current=[enforced(action=action)], held=[by_hand])
    assert [do for do, _ in changes(one)] == (["remove"] if goes else [])
