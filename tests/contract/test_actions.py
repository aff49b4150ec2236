"""Every response action keeps the contract of `actions/`."""

import ast
import inspect
import pkgutil
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate import actions
from tidegate.actions import ALL, report_changes
from tidegate.actions.comment_alert import MOST, marker
from tidegate.model import (
    COMMON,
    RESPONSES,
    Alert,
    Artefact,
    Case,
    Device,
    Do,
    Effect,
    Entity,
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

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MODULES = {m.name: m for m in pkgutil.iter_modules(actions.__path__)}
DESK = Device("d1", "desk-1.corp.example", "Windows11", "Workstations", ("Finance",))
OTHER = Device("d2", "desk-2.corp.example", "Windows10")
SHA1 = "12" * 20
BAD_DOMAIN = Ioc(Kind.DOMAIN, "c2.example", Verdict.MALICIOUS)
ON_DEVICES = {
    "collect_package": Do.COLLECT_PACKAGE,
    "scan_device": Do.SCAN_DEVICE,
    "quarantine_file": Do.QUARANTINE_FILE,
    "restrict_device": Do.RESTRICT_DEVICE,
    "isolate_device": Do.ISOLATE_DEVICE,
}
COMMENTS = {Do.COMMENT_ALERT, Do.COMMENT_INCIDENT}


def module(name):
    return inspect.getmodule(ALL[name])


def report(verdict, **more):
    return Report("1", verdict, NOW, "https://vmray.example/samples/1", **more)


def artefact(verdict=Verdict.MALICIOUS, key="ab" * 32, entity=Entity.FILE, **more):
    more = {"report": report(verdict), "state": State.COMPLETE, "sha1": SHA1, **more}
    return Artefact(key, entity, more.pop("target", "C:\\x\\a.exe"), due=NOW, since=NOW, **more)


def alert(**more):
    given = {"incident": "7", "device": DESK, **more}
    return Alert("a_1", "t", "High", given.pop("status", "New"), "WindowsDefenderAtp", NOW, **given)


def case(*artefacts, **more):
    given = {"alert": alert(), "stage": Stage.WRITEBACK, **more}
    return Case("a_1", NOW, artefacts=artefacts, **given)


def response(turn=Turn.ASKED, do=Do.ISOLATE_DEVICE, device=DESK, **more):
    effect = Effect(do, target=device.id, about=device.name)
    return Response(effect, turn, since=NOW, due=NOW, asked=True, **more)


def planned(name, of):
    return list(ALL[name](of))


def comments(of):
    return [effect.text for effect in planned("comment_alert", of)]


# --- cases of all sorts -----------------------------------------------------------------------

DEVICES = st.builds(
    Device,
    id=st.sampled_from(["d1", "d2", "d3"]),
    name=st.text(max_size=40),
    os=st.sampled_from(["", "Windows11", "WindowsServer2022", "macOS"]),
)
EFFECTS = st.builds(
    Effect,
    do=st.sampled_from(Do),
    target=st.text(min_size=1, max_size=60),
    text=st.text(max_size=30),
    kind=st.none() | st.sampled_from(Kind),
    undo=st.none() | st.sampled_from(Do),
    about=st.text(max_size=60),
)
TURNS = st.builds(
    Response,
    effect=EFFECTS,
    turn=st.sampled_from(Turn),
    since=st.just(NOW),
    due=st.just(NOW),
    asked=st.booleans(),
    detail=st.text(max_size=300),
)
IOCS = st.builds(
    Ioc, st.sampled_from(Kind), st.text(min_size=1, max_size=30), st.sampled_from(Verdict)
)
TEXTS = st.lists(st.text(max_size=80), max_size=4).map(tuple)
REPORTS = st.builds(
    Report,
    sample=st.just("1"),
    verdict=st.sampled_from(Verdict),
    analysed=st.just(NOW),
    link=st.text(max_size=300),
    threats=TEXTS,
    traits=st.lists(st.builds(Trait, st.integers(0, 5), st.text(max_size=60))).map(tuple),
    techniques=TEXTS,
    classifications=TEXTS,
    children=st.integers(0, 99),
    cut=st.booleans(),
)
SPREADS = st.builds(
    Spread,
    devices=st.lists(DEVICES, max_size=3).map(tuple),
    seen=st.integers(0, 1_000_000),
    everywhere=st.none() | st.integers(0, 1 << 40),
    signer=st.text(max_size=100),
)
ARTEFACTS = st.builds(
    Artefact,
    key=st.sampled_from(["aa" * 32, "bb" * 32]),
    entity=st.sampled_from(Entity),
    target=st.text(min_size=1, max_size=400),
    due=st.just(NOW),
    since=st.just(NOW),
    state=st.sampled_from([State.COMPLETE, State.FAILED]),
    report=st.none() | REPORTS,
    iocs=st.lists(IOCS, max_size=5).map(tuple),
    troubles=TEXTS,
    sha1=st.sampled_from(["", SHA1, "34" * 20]),
    spread=st.none() | SPREADS,
    had=st.none() | st.sampled_from(Verdict),
)
ALERTS = st.none() | st.builds(
    alert,
    status=st.sampled_from(["New", "new", "InProgress"]),
    incident=st.none() | st.just("7"),
    device=st.none() | DEVICES,
    classification=st.none() | st.sampled_from(["Unknown", "TruePositive"]),
)
CASES = st.builds(
    lambda found, **more: case(*found, **more),
    st.lists(ARTEFACTS, max_size=3),
    alert=ALERTS,
    notes=st.lists(
        st.text(max_size=80) | st.text(max_size=80).map("refused: ".__add__), max_size=4
    ).map(tuple),
    reason=st.none() | st.text(max_size=80),
    responses=st.lists(TURNS, max_size=4).map(tuple),
    revoked=st.lists(EFFECTS, max_size=3).map(tuple),
)


def bad_ones(of):
    return [one for one in of.artefacts if one.verdict is Verdict.MALICIOUS]


# --- what holds for each ----------------------------------------------------------------------


def test_the_list_and_the_folder_are_the_same():
    assert set(ALL) == set(MODULES)
    assert all(module(name).__name__ == f"tidegate.actions.{name}" for name in ALL)


@pytest.mark.parametrize("name", ALL)
def test_the_docstring_is_one_sentence(name):
    text = module(name).__doc__.strip()
    assert text.endswith(".")
    assert "\n" not in text
    assert text.count(". ") == 0


def test_there_are_thirteen_and_those_on_devices_come_last_but_for_the_report():
    names = list(ALL)
    assert len(names) == 13
    assert names[-6:] == [*ON_DEVICES, "report_changes"]


@pytest.mark.parametrize("name", ALL)
def test_a_reversible_action_says_how_and_another_says_nothing(name):
    of = case(artefact(iocs=(BAD_DOMAIN,)), responses=(response(Turn.SUCCEEDED),))
    effects = planned(name, of)
    assert effects
    assert all(isinstance(effect.undo, Do) is module(name).REVERSIBLE for effect in effects)
    assert all(effect.undo is None for effect in effects if not module(name).REVERSIBLE)


@pytest.mark.parametrize("name", ALL)
def test_each_action_does_one_thing(name):
    of = case(artefact(iocs=(BAD_DOMAIN,)), responses=(response(Turn.SUCCEEDED),))
    [does] = {effect.do for effect in planned(name, of)}
    assert (does if does in RESPONSES else None) is ON_DEVICES.get(name)


def test_no_two_actions_do_the_same_but_for_comments():
    of = case(artefact(iocs=(BAD_DOMAIN,)), responses=(response(Turn.SUCCEEDED),))
    does = {name: planned(name, of)[0].do for name in ALL if name != "report_changes"}
    assert len(set(does.values())) == len(does)


@pytest.mark.parametrize("name", ALL)
def test_a_plan_touches_no_clock_socket_file_or_environment(name):
    tree = ast.parse(inspect.getsource(module(name)))
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    imported |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert not imported & {"os", "socket", "pathlib", "time", "random", "logging", "datetime"}


@pytest.mark.slow
@given(CASES)
def test_the_same_case_gives_the_same_effects_with_keys_of_their_own(of):
    for name, plan in ALL.items():
        first, second = list(plan(of)), list(plan(replace(of)))
        assert first == second, name
        keys = [effect.key for effect in first]
        assert len(set(keys)) == len({(e.target, e.text, e.kind) for e in first})


# --- indicators -------------------------------------------------------------------------------


@given(CASES)
def test_nothing_is_blocked_unless_the_verdict_is_malicious(of):
    blocked = {(e.kind, e.target) for e in planned("block_indicators", of)}
    bad = bad_ones(of)
    used = {(i.kind, i.value) for a in bad for i in a.iocs if i.verdict is Verdict.MALICIOUS}
    files = [a for a in bad if a.entity is not Entity.URL]
    themselves = {(Kind.SHA256, a.key) for a in files if not a.common}
    themselves |= {(Kind.URL, a.target) for a in bad if a.entity is Entity.URL}
    assert themselves <= blocked <= themselves | used
    assert bad or not blocked


def test_only_one_kind_of_hash_is_blocked():
    hashes = (
        Ioc(Kind.MD5, "a" * 32, Verdict.MALICIOUS),
        Ioc(Kind.SHA1, "a" * 40, Verdict.MALICIOUS),
        Ioc(Kind.SHA256, "a" * 64, Verdict.MALICIOUS),
    )
    effects = planned("block_indicators", case(artefact(iocs=hashes)))
    assert {effect.kind for effect in effects} == {Kind.SHA256}


@pytest.mark.parametrize("signer", ["Example Software Ltd", ""])
@pytest.mark.parametrize("everywhere", [None, COMMON - 1, COMMON])
def test_signed_software_that_very_many_have_is_not_blocked_itself(signer, everywhere):
    spread = Spread(everywhere=everywhere, signer=signer)
    of = case(artefact(iocs=(BAD_DOMAIN,), spread=spread))
    blocked = {effect.target for effect in planned("block_indicators", of)}
    common = bool(signer) and everywhere == COMMON
    assert blocked == {"c2.example"} | (set() if common else {"ab" * 32})


# --- devices ----------------------------------------------------------------------------------


@given(CASES)
def test_nothing_is_planned_on_a_device_unless_the_verdict_is_malicious(of):
    known = {of.alert.device.id} if of.alert and of.alert.device else set()
    for bad in bad_ones(of):
        known |= {one.id for one in bad.spread.devices} if bad.spread else set()
    for name in [*ON_DEVICES, "tag_device"]:
        effects = planned(name, of)
        assert {effect.target for effect in effects} <= known
        assert bad_ones(of) or not effects


@pytest.mark.parametrize("name", ON_DEVICES)
@pytest.mark.parametrize("verdict", [*(v for v in Verdict if v is not Verdict.MALICIOUS), None])
def test_another_verdict_or_none_leaves_devices_alone(name, verdict):
    spread = Spread(devices=(OTHER,), seen=1)
    one = artefact(verdict or Verdict.MALICIOUS, spread=spread)
    one = one if verdict else replace(one, state=State.FAILED)
    assert planned(name, case(one)) == []


@pytest.mark.parametrize("name", ON_DEVICES)
def test_the_alerts_own_device_comes_first_and_each_once(name):
    spread = Spread(devices=(OTHER, DESK), seen=2)
    of = case(artefact(spread=spread), artefact(key="cd" * 32, spread=spread))
    assert [effect.target for effect in planned(name, of)] == ["d1", "d2"]
    assert [effect.about for effect in planned(name, of)] == [DESK.name, OTHER.name]


@pytest.mark.parametrize("name", ON_DEVICES)
def test_common_software_leads_to_no_other_device(name):
    spread = Spread(devices=(OTHER,), seen=1, everywhere=COMMON, signer="Example Software Ltd")
    effects = planned(name, case(artefact(spread=spread)))
    assert [effect.target for effect in effects] == ([] if name == "quarantine_file" else ["d1"])


def test_quarantine_wants_the_sha1_of_a_file():
    assert [e.text for e in planned("quarantine_file", case(artefact()))] == [SHA1]
    assert planned("quarantine_file", case(artefact(sha1=""))) == []
    url = artefact(entity=Entity.URL, target="https://a.example/", sha1="")
    assert planned("quarantine_file", case(url)) == []


def test_a_file_is_quarantined_where_it_was_seen_and_nowhere_else():
    spread = Spread(devices=(OTHER,), seen=1)
    hunted = Spread(devices=(Device("d2"), Device("d3")), seen=2)
    widespread, elsewhere = artefact(spread=spread), artefact(sha1="34" * 20, spread=hunted)
    here = artefact(sha1="56" * 20)
    effects = planned("quarantine_file", case(widespread, elsewhere, here))
    assert [(effect.target, effect.text) for effect in effects] == [
        ("d1", SHA1),
        ("d1", "34" * 20),
        ("d1", "56" * 20),
        ("d2", SHA1),
        ("d2", "34" * 20),
        ("d3", "34" * 20),
    ]


def test_isolation_is_full_and_a_scan_quick():
    assert [e.text for e in planned("isolate_device", case(artefact()))] == ["Full"]
    assert [e.text for e in planned("scan_device", case(artefact()))] == ["Quick"]


def test_without_a_device_there_is_nothing_to_respond_on():
    of = case(artefact(), alert=alert(device=None))
    assert all(planned(name, of) == [] for name in [*ON_DEVICES, "tag_device"])


# --- what is written into alerts and incidents ------------------------------------------------


@given(CASES)
def test_every_case_leaves_a_comment_that_fits_and_can_be_found_again(of):
    assert len(comments(of)) == max(1, len(of.artefacts))
    every = [effect for plan in ALL.values() for effect in plan(of)]
    for text in [effect.text for effect in every if effect.do in COMMENTS]:
        assert len(text) <= MOST
        assert marker(text).startswith("[tidegate ")
        assert text.count(marker(text)) == 1
        assert all(line.isprintable() for line in text.split("\n"))
        assert "<" not in text


@given(CASES, st.lists(st.sampled_from(Turn), min_size=4, max_size=4))
def test_a_comment_does_not_change_with_the_turn_of_responses(of, turns):
    later = tuple(replace(one, turn=turn) for one, turn in zip(of.responses, turns, strict=False))
    assert comments(of) == comments(replace(of, responses=later))


@pytest.mark.slow
@given(CASES)
def test_comments_that_say_different_things_have_different_markers(of):
    every = {
        text for plan in ALL.values() for text in (e.text for e in plan(of) if e.do in COMMENTS)
    }
    assert len({marker(text) for text in every}) == len(every)


def test_a_comment_carries_behaviour_sorted_by_score_and_the_report():
    traits = (Trait(1, "writes"), Trait(5, "encrypts"), Trait(3, "connects"))
    [text] = comments(case(artefact(report=report(Verdict.MALICIOUS, traits=traits))))
    assert "5: encrypts; 3: connects; 1: writes" in text
    assert "https://vmray.example/samples/1" in text


def test_a_comment_says_where_else_the_file_is():
    spread = Spread(devices=(OTHER,), seen=3, everywhere=12_345, signer="Example Software Ltd")
    [text] = comments(case(artefact(spread=spread)))
    assert "Also on 3 other devices: desk-2.corp.example; machines worldwide: 12,345" in text
    assert "signed by Example Software Ltd" in text
    [text] = comments(case(artefact(spread=Spread())))
    assert "On no other device" in text


def test_a_comment_says_what_the_verdict_was():
    [text] = comments(case(artefact(Verdict.CLEAN, had=Verdict.MALICIOUS)))
    assert "VMRay says clean (it was malicious)" in text


def test_what_waits_for_approval_is_said_however_long_the_comment():
    traits = tuple(Trait(5, f"{n} " + "does a great many things " * 6) for n in range(8))
    long = report(Verdict.MALICIOUS, traits=traits, threats=("Threat" * 30,) * 5)
    of = case(artefact(report=long), responses=(response(),))
    [text] = comments(of)
    assert text.split("\n")[-2].endswith("…")
    assert "Waits for approval: device.isolate desk-1.corp.example" in text


def test_only_the_worst_artefacts_comment_says_what_waits():
    mild = artefact(Verdict.CLEAN, key="cd" * 32)
    texts = comments(case(mild, artefact(), responses=(response(),)))
    assert ["Waits for approval" in text for text in texts] == [False, True]


def test_what_nobody_was_asked_does_not_wait():
    of = case(artefact(), responses=(replace(response(Turn.WAITING), asked=False),))
    assert "Waits" not in comments(of)[0]


def test_a_url_is_defanged():
    of = case(artefact(entity=Entity.URL, target="https://a.example/x?q=1"))
    assert "hxxps://a[.]example/x?q=1" in comments(of)[0]


def test_a_failure_says_why():
    of = case(artefact(state=State.FAILED, report=None, troubles=("desk-1: the file is gone",)))
    assert "desk-1: the file is gone" in comments(of)[0]


def test_a_case_without_artefacts_says_why_and_what_was_left_out():
    of = case(reason="the alert's status is Resolved", notes=("a URL is left out: excluded",))
    [text] = comments(of)
    assert "not detonated: the alert's status is Resolved\na URL is left out: excluded" in text


def test_effects_are_keyed_by_what_they_do():
    first, second = comments(case()), comments(case(reason="because"))
    assert first != second


def test_the_tag_is_the_worst_verdict():
    of = case(artefact(Verdict.CLEAN), artefact(Verdict.SUSPICIOUS, key="cd" * 32))
    [effect] = planned("tag_incident", of)
    assert (effect.do, effect.target, effect.text) == (Do.TAG_INCIDENT, "7", "VMRay suspicious")


def test_an_incident_is_told_of_all_verdicts_in_one_comment():
    of = case(artefact(), artefact(Verdict.CLEAN, key="cd" * 32), artefact(state=State.FAILED))
    [effect] = planned("comment_incident", of)
    assert (effect.do, effect.target) == (Do.COMMENT_INCIDENT, "7")
    assert effect.text.count("VMRay says") == 2
    assert planned("comment_incident", case(artefact(state=State.FAILED))) == []
    assert planned("comment_incident", case(artefact(), alert=alert(incident=None))) == []


@pytest.mark.parametrize(
    ("verdicts", "text"),
    [
        ((Verdict.MALICIOUS,), "TruePositive Malware"),
        ((Verdict.MALICIOUS, None), "TruePositive Malware"),
        ((Verdict.CLEAN, Verdict.CLEAN), "FalsePositive NotMalicious"),
        ((Verdict.CLEAN, None), None),
        ((Verdict.CLEAN, Verdict.INCONCLUSIVE), None),
        ((Verdict.SUSPICIOUS,), None),
        ((None,), None),
    ],
)
def test_an_alert_is_classified_when_the_evidence_is_clear(verdicts, text):
    found = [artefact(verdict) if verdict else artefact(state=State.FAILED) for verdict in verdicts]
    effects = planned("classify_alert", case(*found))
    assert [effect.text for effect in effects] == ([text] if text else [])
    theirs = alert(classification="InformationalExpectedActivity")
    assert planned("classify_alert", case(*found, alert=theirs)) == []


def test_an_alert_is_begun_only_while_it_is_new_and_there_is_something_to_say():
    assert len(planned("begin_alert", case(artefact(Verdict.CLEAN)))) == 1
    assert planned("begin_alert", case()) == []
    assert planned("begin_alert", case(artefact(), alert=alert(status="InProgress"))) == []


# --- what has changed since -------------------------------------------------------------------


def told(of):
    return [line for effect in planned("report_changes", of) for line in effect.text.split("\n")]


@pytest.mark.parametrize("turn", Turn)
def test_what_became_of_a_response_is_told_once_it_has_ended(turn):
    of = case(artefact(), responses=(response(turn, detail="why"),))
    lines = told(of)
    if turn in report_changes.SILENT:
        assert lines == []
    else:
        assert f"device.isolate desk-1.corp.example {turn}: why" in lines
        assert len(lines) == 3


def test_what_was_taken_back_and_what_was_refused_is_told_and_no_other_note():
    url = Effect(Do.BLOCK_INDICATOR, "http://a.example/x", kind=Kind.URL, undo=Do.REVOKE_INDICATOR)
    notes = ("refused: indicator.block b[.]example: because", "a URL is left out: excluded")
    lines = told(case(artefact(), revoked=(url,), notes=notes))
    assert lines[1:-1] == ["taken back: indicator.block hxxp://a[.]example/x", notes[0]]


def test_nothing_changed_is_no_report():
    assert told(case(artefact(), responses=(response(),), notes=("a note",))) == []


def test_a_long_report_counts_what_it_leaves_out():
    notes = tuple(f"refused: {n}" for n in range(report_changes.MOST + 5))
    lines = told(case(artefact(), notes=notes))
    assert lines[-2] == "and 5 more"
    assert lines[1:-2] == list(notes[: report_changes.MOST])
