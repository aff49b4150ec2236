"""Sentinel over real sockets: what says something new is sent, once, whatever breaks in between."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tidegate.adapters import sentinel
from tidegate.adapters.budgeted import Budgeted
from tidegate.adapters.entra import DEFENDER_SCOPE
from tidegate.adapters.local.budgets import SqliteBudgets
from tidegate.adapters.local.database import connect
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.sentinel import BATCH, GROUP, SCOPE, SentinelIndicators
from tidegate.gate.plan import ours
from tidegate.model import Kind, Tlp
from tidegate.ports import BadPayload, Enforced, QuotaSpent, Response, SourceDown
from tidegate.settings import Settings
from tidegate.simulator.scene import Rates
from tidegate.simulator.sentinel import REQUIRED, ROWS, newest
from tidegate.wiring.local import Local

DAY = timedelta(days=1)
WORKSPACE = "00000000-0000-4000-8000-0000000000bb"
UPLOAD = f"/workspaces/{WORKSPACE}/threat-intelligence-stix-objects:upload"
VERSION = {"api-version": "2024-02-01-preview"}


class Died(BaseException):
    """The process was killed here."""


@dataclass
class Fuse:
    """Kills the process at the n-th call that leaves it, before the call or after it."""

    calls: list[str] = field(default_factory=list)
    at: int | None = None
    late: bool = False

    def burn(self, name, call):
        self.calls.append(name)
        ends = self.at is not None and len(self.calls) > self.at
        if ends and not self.late:
            raise Died(name)
        answer = call()
        if ends:
            raise Died(name)
        return answer


@dataclass
class FusedHttp:
    http: object
    fuse: Fuse

    def request(self, *args, **more):
        return self.fuse.burn("upload", lambda: self.http.request(*args, **more))


@dataclass
class FusedObjects:
    objects: object
    fuse: Fuse

    def get(self, name):
        return self.objects.get(name)

    def put(self, *args, **more):
        return self.fuse.burn("write", lambda: self.objects.put(*args, **more))


@pytest.fixture
def objects(tmp_path, clock):
    return FileObjects(tmp_path / "objects", clock)


@pytest.fixture
def upload(tenant, authorized):
    """Upload by hand, in Sentinel's own words."""

    def send(body, expect=(), params=VERSION, scope=SCOPE):
        http = authorized(scope)
        return http.request(
            "POST", f"{tenant.url}{UPLOAD}", params=params, json=body, expect=expect
        )

    return send


@pytest.fixture
def target(tenant, authorized, objects, clock):
    return SentinelIndicators(authorized(SCOPE), tenant.url, WORKSPACE, "Tidegate", objects, clock)


@pytest.fixture
def small(monkeypatch):
    """Batches of two objects, and a memory that is written after every four."""
    monkeypatch.setattr(sentinel, "BATCH", 2)
    monkeypatch.setattr(sentinel, "GROUP", 4)


def bad(number, clock, **more) -> Enforced:
    return Enforced(
        kind=Kind.DOMAIN,
        value=f"evil{number}.example",
        **{"action": "Block", "score": 80.0, "expires": clock() + 7 * DAY, **more},
    )


def live(tenant, clock):
    """What a hunter finds, by name: no more than what holds and was not revoked."""
    return {
        one["pattern"].split("'")[1]: one
        for one in newest(tenant.scene.memory).values()
        if not one.get("revoked") and one["valid_until"] > clock().isoformat()
    }


def sent(tenant):
    return tenant.scene.memory.calls("stix upload")


def test_an_object_says_all_that_sentinel_demands(tenant, target, clock):
    one = replace(
        bad(1, clock),
        threat="Emotet",
        tags=("c2", "botnet"),
        tlp=Tlp.AMBER,
        first_seen=clock() - DAY,
        score=83.6,
    )
    [placed] = target.add([one])
    [row] = tenant.scene.memory.all(ROWS)
    assert row["id"] == placed.id
    assert placed.failure is None
    assert all(row[name] for name in REQUIRED)
    assert row["_source"] == "Tidegate"
    assert row["pattern"] == "[domain-name:value = 'evil1.example']"
    assert (row["name"], row["confidence"], row["labels"]) == ("Emotet", 84, ["botnet", "c2"])
    assert row["valid_from"] == row["created"] == "2026-02-28T12:00:00.000Z"
    assert row["modified"] == "2026-03-01T12:00:00.000Z"
    assert row["valid_until"] == "2026-03-08T12:00:00.000Z"
    assert row["object_marking_refs"] == [
        "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
    ]


@pytest.mark.parametrize(
    ("kind", "value", "pattern"),
    [
        (Kind.CIDR, "2001:db8::/32", "[ipv6-addr:value = '2001:db8::/32']"),
        (Kind.SHA256, "ab" * 32, f"[file:hashes.'SHA-256' = '{'ab' * 32}']"),
        (Kind.URL, "http://evil.example/a'b\\c", "[url:value = 'http://evil.example/a\\'b\\\\c']"),
    ],
)
def test_what_defender_does_not_take_is_sent_too(tenant, target, clock, kind, value, pattern):
    [placed] = target.add([replace(bad(1, clock), kind=kind, value=value)])
    assert placed.failure is None
    assert [row["pattern"] for row in tenant.scene.memory.all(ROWS)] == [pattern]


def test_what_was_sent_is_what_is_there(target, clock):
    wanted = [bad(n, clock, threat="T", tags=("a",), tlp=Tlp.GREEN, title="t") for n in range(3)]
    placed = target.add(wanted)
    found = {one.value: one for one in target.current()}
    assert [placed[n].id for n in range(3)] == [found[one.value].id for one in wanted]
    assert all(ours(one) for one in found.values())
    for one in wanted:
        kept = found[one.value]
        assert replace(kept, id=None, application=None) == one


def test_batches_hold_a_hundred_at_most(tenant, target, clock):
    placed = target.add([bad(n, clock) for n in range(2 * BATCH + 50)])
    assert sent(tenant) == ["100", "100", "50"]
    assert len({one.id for one in placed}) == len(live(tenant, clock)) == 250
    assert GROUP % BATCH == 0


def test_what_says_the_same_is_not_sent_again(tenant, target, clock):
    wanted = [bad(n, clock) for n in range(3)]
    target.add(wanted)
    clock.now += timedelta(hours=1)
    again = [*wanted[:2], replace(wanted[2], score=20.0), bad(3, clock)]
    placed = target.add([*again, *again])
    assert sent(tenant) == ["3", "2"]
    assert [one.failure for one in placed] == [None] * 8
    assert live(tenant, clock)["evil2.example"]["confidence"] == 20
    target.add([replace(wanted[0], score=80.2, action="Audit", description="other words")])
    assert sent(tenant) == ["3", "2"]
    assert {one.value: one.action for one in target.current()}["evil0.example"] == "Audit"


@pytest.mark.parametrize(
    "change",
    [{"expires": 9 * DAY}, {"threat": "Other"}, {"tags": ("new",)}, {"tlp": Tlp.AMBER}],
    ids=["expires", "threat", "tags", "tlp"],
)
def test_what_says_something_new_is_a_new_version_of_the_same_object(tenant, target, clock, change):
    [before] = target.add([bad(1, clock)])
    clock.now += timedelta(hours=1)
    change = {n: clock() + v if n == "expires" else v for n, v in change.items()}
    [after] = target.add([replace(bad(1, clock), **change)])
    first, second = tenant.scene.memory.all(ROWS)
    assert before.id == after.id == first["id"] == second["id"]
    assert first["created"] == second["created"]
    assert first["modified"] < second["modified"]


def test_what_is_removed_is_revoked_once_and_forgotten(tenant, target, clock):
    placed = target.add([bad(n, clock) for n in range(3)])
    gone = [placed[0].id, placed[2].id]
    clock.now += timedelta(hours=1)
    for _ in range(2):
        target.remove([*gone, gone[0], "indicator--of-nobody"])
    assert sent(tenant) == ["3", "2"]
    assert list(live(tenant, clock)) == ["evil1.example"]
    assert [one.value for one in target.current()] == ["evil1.example"]
    assert all(newest(tenant.scene.memory)[name]["revoked"] is True for name in gone)
    clock.now += timedelta(hours=1)
    target.add([bad(0, clock)])
    assert set(live(tenant, clock)) == {"evil0.example", "evil1.example"}


def test_what_has_ended_is_forgotten_without_a_word(tenant, target, clock):
    [placed] = target.add([bad(1, clock)])
    clock.now += 8 * DAY
    assert target.current() == []
    target.remove([placed.id])
    assert sent(tenant) == ["1"]


def test_one_refused_object_fails_alone(tenant, target, clock, monkeypatch):
    refused = {"evil1.example", "evil3.example"}
    real = sentinel._bodies
    monkeypatch.setattr(
        sentinel,
        "_bodies",
        lambda words: {
            name: body if body["name"] not in refused else {**body, "pattern": None}
            for name, body in real(words).items()
        },
    )
    placed = target.add([bad(n, clock) for n in range(5)])
    assert {one.value for one in placed if one.failure} == refused
    assert "Property=pattern" in placed[1].failure
    assert {one.value for one in target.current()} == set(live(tenant, clock))
    monkeypatch.undo()
    assert [one.failure for one in target.add([bad(n, clock) for n in range(5)])] == [None] * 5
    assert sent(tenant) == ["5", "2"]


def test_what_cannot_be_said_fails_without_being_sent(tenant, target, clock):
    odd = [
        replace(bad(1, clock), kind=None),
        replace(bad(2, clock), kind=Kind.CVE, value="CVE-2026-0001"),
        replace(bad(3, clock), expires=clock()),
    ]
    assert [bool(one.failure) for one in target.add(odd)] == [True] * 3
    assert sent(tenant) == []


def test_an_indicator_without_an_end_gets_one(tenant, target, clock):
    target.add([replace(bad(1, clock), expires=None, first_seen=clock() + DAY)])
    [row] = tenant.scene.memory.all(ROWS)
    assert row["valid_from"] <= row["modified"] < row["valid_until"]


# --- what Sentinel answers ---------------------------------------------------------------------


def test_the_recorded_refusal_is_how_the_simulated_one_words_it(upload):
    answer = json.loads(upload({"sourcesystem": "T", "stixobjects": [{"type": "indicator"}]}).body)
    [error] = answer["errors"]
    assert error["recordIndex"] == 0
    said = "Error for Property=id: Required property is missing. Actual value: NULL."
    assert said in error["errorMessages"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": {"sourcesystem": "T", "stixobjects": [{}] * 101}},
        {"body": {"stixobjects": []}},
        {"body": {"sourcesystem": "T", "stixobjects": []}, "params": {}},
    ],
    ids=["too many", "no source", "no version"],
)
def test_the_simulated_tenant_refuses_what_the_real_one_would(upload, wrong):
    assert upload(**wrong, expect=(400,)).status == 400


def test_another_apis_token_and_a_missing_role_are_refused(tenant, upload):
    body = {"sourcesystem": "T", "stixobjects": []}
    with pytest.raises(SourceDown, match="token"):
        upload(body, scope=DEFENDER_SCOPE)
    tenant.scene.roles -= {"Microsoft Sentinel Contributor"}
    assert upload(body, expect=(403,)).status == 403


def test_a_throttled_upload_is_gone_on_with(tenant, target, clock, small):
    tenant.scene.limits.uploads_a_minute = 2
    wanted = [bad(n, clock) for n in range(10)]
    with pytest.raises(QuotaSpent) as spent:
        target.add(wanted)
    assert spent.value.retry_after > timedelta(0)
    held = {one.value: one.action for one in target.current()}
    arrived, doubtful = wanted[:4], wanted[4:6]
    assert held == {one.value: "Block" for one in arrived} | {one.value: "" for one in doubtful}
    assert set(live(tenant, clock)) == {one.value for one in arrived}
    tenant.scene.limits.uploads_a_minute = 100
    clock.now += timedelta(minutes=1)
    target.add(wanted)
    assert sent(tenant) == ["2"] * 5
    assert set(live(tenant, clock)) == {one.value for one in wanted}


def test_our_own_budget_keeps_to_the_limit(tenant, target, clock, small, tmp_path):
    tenant.scene.limits.uploads_a_minute = 10_000
    database = connect(tmp_path / "budgets.sqlite")
    budgeted = Budgeted(target.http, SqliteBudgets(database, clock), clock)
    with pytest.raises(QuotaSpent, match="sentinel-upload"):
        replace(target, http=budgeted).add([bad(n, clock) for n in range(250)])
    assert len(sent(tenant)) == 100
    database.close()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"errors": [{"recordIndex": 7, "errorMessages": []}]}',
        b'{"errors": [{"recordIndex": -1}]}',
        b'{"errors": [{}]}',
        b'{"errors": "x"}',
    ],
)
def test_an_answer_that_makes_no_sense_is_no_success(tenant, target, clock, body):
    class Odd:
        def request(self, *_, **__):
            return Response(200, {}, body)

    with pytest.raises(BadPayload):
        replace(target, http=Odd()).add([bad(1, clock)])
    assert [one.action for one in target.current()] == [""]
    target.add([bad(1, clock)])
    assert list(live(tenant, clock)) == ["evil1.example"]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"errors": null}', b'{"errors": []}'])
def test_an_answer_without_errors_is_one(target, clock, body):
    class Plain:
        def request(self, *_, **__):
            return Response(200, {}, body)

    [placed] = replace(target, http=Plain()).add([bad(1, clock)])
    assert placed.failure is None
    assert [one.action for one in target.current()] == ["Block"]


def test_a_reason_is_one_harmless_line(target, clock):
    said = json.dumps(
        {"errors": [{"recordIndex": 0, "errorMessages": ["a\n\x1b[31m" + "x" * 999]}]}
    )

    class Rude:
        def request(self, *_, **__):
            return Response(200, {}, said.encode())

    [placed] = replace(target, http=Rude()).add([bad(1, clock)])
    assert placed.failure.isprintable()
    assert len(placed.failure) <= 300


def test_two_processes_at_once_do_not_overwrite_each_other(target, clock, objects):
    class Meanwhile:
        def request(self, *args, **more):
            answer = target.http.request(*args, **more)
            target.add([bad(2, clock)])
            return answer

    with pytest.raises(SourceDown, match="another process"):
        replace(target, http=Meanwhile()).add([bad(1, clock)])
    assert {one.value: one.action for one in target.current()} == {
        "evil1.example": "",
        "evil2.example": "Block",
    }


# --- the house ---------------------------------------------------------------------------------

REAL = {
    "defender_url": "https://defender.example",
    "graph_url": "https://graph.example/v1.0",
    "vmray_url": "https://vmray.example",
    "vmray_key": "k",
    "entra_url": "https://login.example/token",
    "client_id": "a",
    "client_secret": "b",
}


def test_a_tenant_without_a_workspace_has_no_sentinel(tmp_path):
    with Local(Settings(home=tmp_path, **REAL)) as house:
        assert house.sentinel is None


def test_a_workspace_is_uploaded_to_under_the_chosen_name(tmp_path):
    given_names = {"sentinel_workspace": WORKSPACE, "sentinel_sourcesystem": "Ours"}
    with Local(Settings(home=tmp_path, **REAL, **given_names)) as house:
        found = house.sentinel
        assert house.sentinel is found
        assert (found.url, found.workspace, found.source) == (
            "https://api.ti.sentinel.azure.com",
            WORKSPACE,
            "Ours",
        )


def test_a_workspace_without_a_tenant_is_refused(tmp_path):
    with pytest.raises(ValidationError, match="sentinel_workspace goes with a tenant"):
        Settings(home=tmp_path, sentinel_workspace=WORKSPACE)


@pytest.mark.slow
def test_one_machine_uploads_to_the_simulated_workspace_and_shows_it(tmp_path):
    def told():
        with Local(Settings(home=tmp_path)) as other:
            other.invent_logs()
        return (tmp_path / "tables" / "ThreatIntelIndicators.ndjson").read_text("utf-8")

    assert "evil1.example" not in told()
    with Local(Settings(home=tmp_path)) as house:
        [placed] = house.sentinel.add([bad(1, lambda: datetime.now(UTC))])
        assert placed.failure is None
        assert [one.value for one in house.sentinel.current()] == ["evil1.example"]
        assert told().count("'evil1.example'") > 0
    assert told().count("'evil1.example'") > 0


# --- killed anywhere ---------------------------------------------------------------------------


def cycle(target, wanted):
    """Do what the gate does: remove what is not wanted, add what is missing or differs."""
    held = {one.value: one for one in target.current()}
    target.remove([one.id for value, one in held.items() if value not in wanted])
    target.add(
        [
            one
            for value, one in wanted.items()
            if value not in held
            or (held[value].action, held[value].score) != (one.action, one.score)
        ]
    )


def state(tenant, clock):
    return {value: one["confidence"] for value, one in live(tenant, clock).items()}


def asked(clock, scores):
    return {f"evil{n}.example": bad(n, clock, score=float(s)) for n, s in scores.items()}


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_killed_at_any_call_it_converges(tenant, target, clock, small, objects, late):
    first = asked(clock, dict.fromkeys(range(9), 80))
    second = asked(clock, {**dict.fromkeys(range(4, 9), 80), 3: 60, 10: 90, 11: 90})
    for at in range(100):
        cycle(target, {})
        tenant.scene.rates = Rates()
        clock.now += timedelta(minutes=1)
        cycle(target, first)
        clock.now += timedelta(minutes=1)
        fuse = Fuse(at=at, late=late)
        fused = replace(
            target, http=FusedHttp(target.http, fuse), objects=FusedObjects(objects, fuse)
        )
        try:
            cycle(fused, second)
        except Died:
            clock.now += timedelta(minutes=1)
            cycle(target, second)
        else:
            break
        assert state(tenant, clock) == {value: one.score for value, one in second.items()}
        before = sent(tenant)
        cycle(target, second)
        assert sent(tenant) == before
    assert at > 5


scores = st.dictionaries(st.integers(0, 6), st.sampled_from([60, 80, 95]), max_size=7)
deaths = st.one_of(st.none(), st.tuples(st.integers(0, 8), st.booleans()))


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(scores, deaths), min_size=1, max_size=5), scores)
def test_whatever_was_wanted_in_between_the_last_word_holds(
    tenant, target, clock, small, objects, cycles, last
):
    tenant.scene.limits.uploads_a_minute = 10_000
    for given_scores, death in cycles:
        clock.now += timedelta(minutes=1)
        at, late = death or (None, False)
        fuse = Fuse(at=at, late=late)
        fused = replace(
            target, http=FusedHttp(target.http, fuse), objects=FusedObjects(objects, fuse)
        )
        try:
            cycle(fused, asked(clock, given_scores))
        except Died:
            continue
    clock.now += timedelta(minutes=1)
    cycle(target, asked(clock, last))
    assert state(tenant, clock) == {f"evil{n}.example": score for n, score in last.items()}
    before = sent(tenant)
    cycle(target, asked(clock, last))
    assert sent(tenant) == before
