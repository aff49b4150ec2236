"""The pure parts: evidence, findings; and the worker's manners."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import Event

import pytest

from tidegate import hygiene
from tidegate.canonical import Shape
from tidegate.detonate import Policy, receive, run, step
from tidegate.detonate.evidence import fan_out
from tidegate.detonate.findings import merged, sift, sightings_of
from tidegate.detonate.world import pace
from tidegate.model import (
    Alert,
    Artefact,
    Case,
    Entity,
    Evidence,
    Found,
    Ioc,
    Kind,
    Report,
    Stage,
    State,
    Verdict,
)
from tidegate.ports import BadPayload, Conflict, QuotaSpent, SourceDown
from tidegate.sightings import empty
from tidegate.simulator.seed import alert_id

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SIMULATED = hygiene.Policy(simulated=True)
LIFE = timedelta(days=30)


# --- evidence ---------------------------------------------------------------------------------


def alert(*evidence):
    return Alert("a_1", "t", "High", "New", "WindowsDefenderAtp", NOW, evidence=evidence)


def test_the_same_evidence_is_one_artefact():
    file = Evidence(Entity.FILE, sha256="AB" * 32, path="C:\\a.exe")
    again = Evidence(Entity.FILE, sha256="ab" * 32, path="C:\\b.exe")
    image = Evidence(Entity.PROCESS, sha256="cd" * 32, path="C:\\w.exe")
    url = Evidence(Entity.URL, url="hxxp://EVIL[.]example/a")
    other = Evidence(Entity.URL, url="http://evil.example:80/a")
    found, notes = fan_out(alert(file, again, image, url, other), Policy(hygiene=SIMULATED), NOW)
    assert [(a.entity, a.target) for a in found] == [
        (Entity.FILE, "C:\\a.exe"),
        (Entity.FILE, "C:\\w.exe"),
        (Entity.URL, "http://evil.example/a"),
    ]
    assert notes == []


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(Entity.URL, url="http://10.0.0.5/x"),
        Evidence(Entity.URL, url="file:///etc/passwd"),
        Evidence(Entity.URL, url="ftp://evil.example/x"),
        Evidence(Entity.URL, url="data:text/html,x"),
        Evidence(Entity.FILE, sha256="not-a-hash", path="C:\\a.exe"),
        Evidence(Entity.FILE, sha256=sha256(b"").hexdigest(), path="C:\\empty.txt"),
    ],
)
def test_what_cannot_be_detonated_is_noted(evidence):
    found, notes = fan_out(alert(evidence), Policy(hygiene=SIMULATED), NOW)
    assert found == []
    assert len(notes) == 1


# --- findings ---------------------------------------------------------------------------------


def test_indicators_are_canonical_clean_and_judged_by_their_worst_verdict():
    found = [
        Found(Shape.ADDRESS, "192.0.2.1", Verdict.CLEAN),
        Found(Shape.ADDRESS, "192.0.2.1", Verdict.MALICIOUS),
        Found(Shape.ADDRESS, "10.0.2.15", Verdict.MALICIOUS),
        Found(Kind.DOMAIN, "www[.]c2[.]example", Verdict.SUSPICIOUS),
        Found(Kind.DOMAIN, "localhost", Verdict.MALICIOUS),
        Found(Kind.URL, "not a url", Verdict.MALICIOUS),
        Found(Kind.SHA256, "", Verdict.MALICIOUS),
    ]
    iocs, dropped = sift(found, SIMULATED)
    assert set(iocs) == {
        Ioc(Kind.IPV4, "192.0.2.1", Verdict.MALICIOUS),
        Ioc(Kind.DOMAIN, "www.c2.example", Verdict.SUSPICIOUS),
    }
    assert dropped == 4


def test_the_allow_list_holds():
    policy = hygiene.Policy(allow=("cdn.example",), simulated=True)
    found = [Found(Kind.DOMAIN, "a.cdn.example", Verdict.MALICIOUS)]
    assert sift(found, policy) == ((), 1)


def test_nothing_found_is_nothing():
    assert sift([], SIMULATED) == ((), 0)


def case_with(*iocs, verdict=Verdict.MALICIOUS, analysed=NOW, **more):
    report = Report("1", verdict, analysed, "https://vmray.example/1", ("Threat",))
    report = replace(report, **more)
    artefact = Artefact("ab" * 32, Entity.FILE, "C:\\a.exe", NOW, NOW, State.COMPLETE)
    artefact = replace(artefact, report=report, iocs=iocs)
    return Case("a_1", NOW, artefacts=(artefact,))


def test_clean_indicators_are_no_sightings():
    bad = Ioc(Kind.DOMAIN, "c2.example", Verdict.SUSPICIOUS)
    good = Ioc(Kind.DOMAIN, "cdn.example", Verdict.CLEAN)
    made = {s.value: s.confidence for s in sightings_of(case_with(bad, good), LIFE)}
    assert made == {"ab" * 32: 100, "c2.example": 75}
    assert not list(sightings_of(case_with(verdict=Verdict.CLEAN), LIFE))


def test_sightings_carry_the_techniques_and_refer_to_their_analysis():
    ioc = Ioc(Kind.DOMAIN, "c2.example", Verdict.MALICIOUS)
    made = list(sightings_of(case_with(ioc, techniques=("T1071.001", "T1041", "odd")), LIFE))
    expected = ("attack:T1041", "attack:T1071.001", "detonated", "malicious")
    assert [one.tags for one in made] == [expected] * 2
    assert len({one.reference for one in made}) == 1
    (named,) = {one.reference for one in sightings_of(case_with(link=""), LIFE)}
    assert named == "VMRay sample 1"


def test_merging_the_same_again_changes_nothing():
    sightings = list(sightings_of(case_with(), LIFE))
    state, changed = merged(empty(), sightings, NOW)
    assert len(changed) == 1
    again, nothing = merged(state, sightings, NOW + timedelta(hours=1))
    assert len(nothing) == 0
    assert again.equals(state)


def test_merging_keeps_others_and_drops_what_expired():
    first, _ = merged(empty(), sightings_of(case_with(), LIFE), NOW)
    later = NOW + LIFE + timedelta(days=1)
    url = Ioc(Kind.URL, "http://c2.example/", Verdict.MALICIOUS)
    soon, changed = merged(first, sightings_of(case_with(url), LIFE), NOW)
    assert (len(soon), len(changed)) == (2, 1)
    state, _ = merged(soon, sightings_of(case_with(url, analysed=later), LIFE), later)
    assert set(state["written"]) == {later}


def test_waiting_grows_and_is_bounded():
    policy = Policy()
    assert pace(timedelta(0), policy) == policy.soonest
    assert pace(timedelta(minutes=8), policy) == timedelta(minutes=2)
    assert pace(timedelta(days=1), policy) == policy.slowest


# --- the worker's manners ---------------------------------------------------------------------


class Raising:
    """A port that answers every call with one error."""

    def __init__(self, error):
        self.error = error

    def __getattr__(self, _):
        def call(*_args, **_more):
            raise self.error

        return call


def take(world):
    return world.queue.take(world.policy.hidden)


def due_in(stand):
    [due] = stand.database.execute("SELECT due FROM queue").fetchone()
    return timedelta(seconds=due - stand.clock.now.timestamp())


def test_a_spent_quota_is_no_failed_attempt(stand):
    spent = QuotaSpent("429", retry_after=timedelta(seconds=42))
    world = stand.world(alerts=Raising(spent))
    receive(alert_id(1), world)
    step(world, take(world))
    assert due_in(stand) == timedelta(seconds=42)
    stand.clock.now += timedelta(seconds=42)
    assert take(world).attempts == 1


def test_an_outage_is_tried_again_ever_more_slowly(stand):
    world = stand.world(alerts=Raising(SourceDown("503")))
    receive(alert_id(1), world)
    waits = []
    for _ in range(4):
        step(world, take(world))
        waits.append(due_in(stand))
        stand.clock.now += waits[-1]
    assert waits == [timedelta(seconds=30 * 2**n) for n in range(4)]


def test_a_lost_race_for_the_case_is_run_again(stand):
    world = stand.world()
    receive(alert_id(4), world)

    class Losing:
        def __init__(self, cases):
            self.cases = cases

        def get(self, case):
            return self.cases.get(case)

        def save(self, _):
            raise Conflict("somebody else was first")

    step(replace(world, cases=Losing(world.cases)), take(world))
    assert world.cases.get(alert_id(4)).stage is Stage.RECEIVED
    stand.finish(world)
    assert len(stand.comments(4)) == 1


def test_a_refusal_by_defender_is_a_failed_case(stand):
    world = stand.world(alerts=Raising(BadPayload("403")))
    receive(alert_id(1), world)
    [case] = stand.finish(world)
    assert (case.stage, case.reason) == (Stage.FAILED, "403")


def test_a_refusal_by_the_sandbox_is_never_taken_for_unknown(stand):
    receive(alert_id(1), stand.world())
    [case] = stand.finish(stand.world(sandbox=Raising(BadPayload("vmray answered 403"))))
    assert case.artefacts[0].state is State.FAILED
    assert not stand.memory.calls("live response")
    assert "vmray answered 403" in stand.comments(1)[0]


class Once(Event):
    """A stop signal that comes when the worker first has nothing to do."""

    def wait(self, timeout=None):
        self.set()
        return super().wait(timeout)


@pytest.mark.slow
def test_the_loop_reads_alerts_and_works_until_it_is_stopped(stand):
    world = stand.world()
    run(world, Once())
    assert len(world.cases.newest(100)) == 10
    assert all(case.stage is not Stage.RECEIVED for case in world.cases.newest(100))


def test_the_loop_outlives_an_outage(stand):
    world = stand.world(alerts=Raising(SourceDown("503")))
    run(world, Once())
    assert world.cases.newest(100) == []
