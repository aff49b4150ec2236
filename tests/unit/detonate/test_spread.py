"""Where else a bad file is: told, never in the way of the verdict, and what it spares."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tidegate.actions import block_indicators, quarantine_file
from tidegate.actions.comment_alert import plan
from tidegate.detonate import Policy, receive
from tidegate.detonate.spread import spread
from tidegate.model import (
    COMMON,
    Alert,
    Artefact,
    Case,
    Device,
    Do,
    Entity,
    Ioc,
    Kind,
    Report,
    Spread,
    Stage,
    State,
    Verdict,
)
from tidegate.ports import BadPayload, FileFacts, QuotaSpent, SourceDown
from tidegate.simulator.estate import know_file, see_file
from tidegate.simulator.seed import LOADER, alert_id, device_id, digest, sha1_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWN = Device("own", "own.corp.example", "Windows11")
REPORT = Report("1", Verdict.MALICIOUS, NOW, "https://vmray.example/1")
FILE = Artefact(
    key="ab" * 32,
    entity=Entity.FILE,
    target="C:\\a.exe",
    due=NOW,
    since=NOW,
    state=State.SPREAD,
    sha1="cd" * 20,
    report=REPORT,
)
ALERT = Alert("a_1", "t", "High", "New", "WindowsDefenderAtp", NOW, device=OWN)
CASE = Case("a_1", NOW, alert=ALERT)


def devices(*numbers):
    return [Device(f"d{n:03}", f"d{n:03}.corp.example") for n in numbers]


class World(SimpleNamespace):
    """What Defender knows of a file: answers, or errors that it raises instead."""

    def __init__(self, facts=None, holding=(), hunted=(), now=NOW):
        self.asked = []
        super().__init__(
            clock=lambda: now,
            policy=Policy(),
            devices=SimpleNamespace(
                file=lambda _: self.answer("file", facts),
                holding=lambda _: self.answer("holding", holding),
            ),
            hunting=SimpleNamespace(devices_with=lambda *_: self.answer("hunting", hunted)),
        )

    def answer(self, what, given):
        self.asked.append(what)
        if isinstance(given, Exception):
            raise given
        return given


# --- what is found ----------------------------------------------------------------------------


def test_devices_that_defender_saw_and_those_hunted_for_are_counted_once():
    world = World(FileFacts(everywhere=7), devices(1, 2), devices(2, 3))
    found = spread(FILE, CASE, world)
    assert (found.state, found.troubles) == (State.COMPLETE, ())
    assert found.spread == Spread(tuple(devices(1, 2, 3)), 3, 7)


def test_the_own_device_is_left_out():
    found = spread(FILE, CASE, World(holding=[OWN, *devices(1)], hunted=[OWN]))
    assert (found.spread.seen, found.spread.devices) == (1, tuple(devices(1)))


def test_an_alert_without_a_device_has_no_own_one():
    assert spread(FILE, Case("a_1", NOW), World(holding=[OWN])).spread.seen == 1


def test_what_defender_saw_tells_more_of_a_device_than_hunting():
    told = Device("d001", "d001.corp.example", "WindowsServer2022", "Servers", ("VIP",))
    found = spread(FILE, CASE, World(holding=[told], hunted=devices(1)))
    assert found.spread.devices == (told,)


def test_so_many_devices_are_named_and_all_are_counted():
    found = spread(FILE, CASE, World(hunted=devices(*range(400)))).spread
    assert (len(found.devices), found.seen) == (50, 400)


def test_the_sha1_by_which_defender_looks_may_come_from_its_facts():
    unknown = replace(FILE, sha1="")
    world = World(FileFacts(sha1="ef" * 20), devices(1))
    assert spread(unknown, CASE, world).sha1 == "ef" * 20
    world = World(None, devices(1), devices(2))
    assert spread(unknown, CASE, world).spread.seen == 1
    assert "holding" not in world.asked


def test_a_signature_that_is_not_valid_signs_nothing():
    facts = FileFacts(everywhere=10**6, signer="Example Software Ltd", trusted=False)
    assert spread(FILE, CASE, World(facts)).spread.signer == ""


def comment(**changes):
    artefact = spread(FILE, CASE, World(**changes))
    case = Case("a_1", NOW, alert=ALERT, artefacts=(artefact,))
    return next(plan(case)).text


def test_the_comment_counts_the_devices_and_names_some():
    said = comment(facts=FileFacts(everywhere=12_345), hunted=devices(*range(9)))
    names = "; ".join(f"d{n:03}.corp.example" for n in range(5))
    assert f"\nAlso on 9 other devices: {names}; machines worldwide: 12,345\n" in said
    assert "\nOn no other device\n" in comment()
    signed = FileFacts(everywhere=1, signer="Example <Software>\nLtd", trusted=True)
    assert "worldwide: 1; signed by Example (Software) Ltd\n" in comment(facts=signed)


def test_a_device_without_a_name_is_named_by_its_id():
    assert "Also on 1 other devices: x1\n" in comment(hunted=[Device("x1")])


# --- what cannot be asked ---------------------------------------------------------------------


@pytest.mark.parametrize("what", ["facts", "holding", "hunted"])
def test_a_refusal_is_a_note_and_no_failure(what):
    found = spread(FILE, CASE, World(**{what: BadPayload("403: not permitted")}))
    assert found.state is State.COMPLETE
    assert found.troubles == ("not asked where else it is: 403: not permitted",)


@pytest.mark.parametrize(("role", "seen"), [("File.Read.All", 1), ("ThreatHunting.Read.All", 1)])
def test_a_403_on_files_or_hunting_is_a_note_and_no_failure(stand, role, seen):
    stand.tenant.scene.roles -= {role}
    world = stand.world()
    receive(alert_id(1), world)
    [case] = stand.finish(world)
    [artefact] = case.artefacts
    assert (case.stage, artefact.verdict) == (Stage.DONE, Verdict.MALICIOUS)
    assert artefact.spread.seen == seen
    assert len(artefact.troubles) == 1
    [said] = stand.comments(1)
    assert "Also on 1 other devices: desk-2.corp.example" in said
    assert "Troubles: not asked where else it is: " in said
    assert digest(LOADER) in stand.indicators()


DOWN = SourceDown("503")


@pytest.mark.parametrize("what", ["facts", "holding", "hunted"])
@pytest.mark.parametrize("down", [DOWN, QuotaSpent("429", retry_after=timedelta(hours=1))])
def test_an_outage_is_waited_for_until_the_deadline_at_most(what, down):
    limit = Policy().spread_deadline
    artefact, now, turns = FILE, NOW, 0
    while artefact.state is State.SPREAD:
        artefact = spread(artefact, CASE, World(now=now, **{what: down}))
        now = max(now, artefact.due)
        turns += 1
    assert now - NOW == limit
    assert turns < 25
    assert artefact.troubles == (f"not asked where else it is: {down}",)


def test_an_outage_that_passes_leaves_no_trace():
    artefact = spread(FILE, CASE, World(hunted=DOWN))
    assert (artefact.state, artefact.spread) == (State.SPREAD, None)
    later = World(hunted=devices(1), now=artefact.due)
    found = spread(artefact, CASE, later)
    assert (found.spread.seen, found.troubles) == (1, ())


def test_a_spent_hour_of_hunting_delays_the_verdict_no_longer(stand):
    class Down:
        def devices_with(self, *_):
            raise QuotaSpent("the hour's time for queries is spent", retry_after=timedelta(hours=1))

    world = stand.world(hunting=Down())
    receive(alert_id(1), world)
    [case] = stand.finish(world)
    assert case.stage is Stage.DONE
    [said] = stand.comments(1)
    assert "the hour's time for queries is spent" in said
    # A live response and an analysis of 40 seconds each, a few looks at both, and the deadline.
    assert stand.policy.spread_deadline <= stand.clock.now - case.opened < timedelta(minutes=20)


# --- common software --------------------------------------------------------------------------


def complete(**spread_):
    ioc = Ioc(Kind.DOMAIN, "c2.example", Verdict.MALICIOUS)
    seen = Spread(devices=tuple(devices(1)), seen=1, **spread_)
    artefact = replace(FILE, state=State.COMPLETE, iocs=(ioc,), spread=seen)
    return Case("a_1", NOW, alert=ALERT, artefacts=(artefact,))


def blocked(case):
    return {effect.target for effect in block_indicators.plan(case)}


def test_a_popular_signed_tool_is_neither_blocked_nor_quarantined():
    case = complete(everywhere=COMMON, signer="Example Software Ltd")
    assert blocked(case) == {"c2.example"}
    assert list(quarantine_file.plan(case)) == []
    # It is everywhere: only the alert's own device is dealt with.
    assert case.affected == (OWN,)


@pytest.mark.parametrize(
    "spread_",
    [
        {"everywhere": COMMON - 1, "signer": "Example Software Ltd"},
        {"everywhere": COMMON, "signer": ""},
        {"everywhere": None, "signer": "Example Software Ltd"},
    ],
)
def test_a_file_that_is_rare_or_not_signed_is_blocked_and_quarantined(spread_):
    case = complete(**spread_)
    assert blocked(case) == {"ab" * 32, "c2.example"}
    effects = list(quarantine_file.plan(case))
    assert [(one.do, one.target, one.text) for one in effects] == [
        (Do.QUARANTINE_FILE, "own", "cd" * 20),
        (Do.QUARANTINE_FILE, "d001", "cd" * 20),
    ]


def test_common_signed_software_stays_usable_though_its_analysis_is_malicious(stand):
    know_file(stand.tenant.scene, "invoice.exe", LOADER, 50_000, "Example Software Ltd")
    see_file(stand.tenant.scene, "desk-3", LOADER)
    world = stand.world()
    receive(alert_id(1), world)
    [case] = stand.finish(world)
    assert case.verdict is Verdict.MALICIOUS
    assert digest(LOADER) not in stand.indicators()
    assert "c2.loader.example" in stand.indicators()
    assert not [one for one in case.responses if one.effect.do is Do.QUARANTINE_FILE]
    assert {one.effect.target for one in case.responses} == {device_id("desk-1")}
    [said] = stand.comments(1)
    assert "machines worldwide: 50,000; signed by Example Software Ltd" in said
    assert case.artefacts[0].sha1 == sha1_of(LOADER)
