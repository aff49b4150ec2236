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
from tidegate.actions import ALL
from tidegate.actions.comment_alert import MOST, marker
from tidegate.model import (
    Alert,
    Artefact,
    Case,
    Do,
    Entity,
    Ioc,
    Kind,
    Report,
    Stage,
    State,
    Trait,
    Verdict,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MODULES = {m.name: m for m in pkgutil.iter_modules(actions.__path__)}


def module(name):
    return inspect.getmodule(ALL[name])


def report(verdict, **more):
    return Report("1", verdict, NOW, "https://vmray.example/samples/1", **more)


def artefact(verdict=Verdict.MALICIOUS, key="ab" * 32, entity=Entity.FILE, **more):
    more = {"report": report(verdict), "state": State.COMPLETE, **more}
    return Artefact(key, entity, more.pop("target", "C:\\x\\a.exe"), due=NOW, since=NOW, **more)


def case(*artefacts, **more):
    alert = Alert("a_1", "t", "High", "New", "WindowsDefenderAtp", NOW, incident="7")
    return Case("a_1", NOW, stage=Stage.WRITEBACK, alert=alert, artefacts=artefacts, **more)


def comments(of):
    return [effect.text for effect in ALL["comment_alert"](of)]


IOCS = st.builds(
    Ioc, st.sampled_from(Kind), st.text(min_size=1, max_size=30), st.sampled_from(Verdict)
)
TEXTS = st.lists(st.text(max_size=80), max_size=4).map(tuple)
REPORTS = st.builds(
    Report,
    sample=st.just("1"),
    verdict=st.sampled_from(Verdict),
    analysed=st.just(NOW),
    link=st.text(max_size=80),
    threats=TEXTS,
    traits=st.lists(st.builds(Trait, st.integers(0, 5), st.text(max_size=60))).map(tuple),
)
ARTEFACTS = st.builds(
    Artefact,
    key=st.sampled_from(["aa" * 32, "bb" * 32]),
    entity=st.sampled_from([Entity.FILE, Entity.URL]),
    target=st.text(min_size=1, max_size=400),
    due=st.just(NOW),
    since=st.just(NOW),
    state=st.sampled_from([State.COMPLETE, State.FAILED]),
    report=st.none() | REPORTS,
    iocs=st.lists(IOCS, max_size=5).map(tuple),
    troubles=TEXTS,
)
CASES = st.lists(ARTEFACTS, max_size=3).map(lambda found: case(*found))


def test_the_list_and_the_folder_are_the_same():
    assert set(ALL) == set(MODULES)
    assert all(module(name).__name__ == f"tidegate.actions.{name}" for name in ALL)


@pytest.mark.parametrize("name", ALL)
def test_the_docstring_is_one_sentence(name):
    text = module(name).__doc__.strip()
    assert text.endswith(".")
    assert "\n" not in text
    assert text.count(". ") == 0


@pytest.mark.parametrize("name", ALL)
def test_a_reversible_action_says_how_and_another_says_nothing(name):
    bad = case(artefact(iocs=(Ioc(Kind.DOMAIN, "c2.example", Verdict.MALICIOUS),)))
    planned = list(ALL[name](bad))
    assert planned
    assert all(bool(effect.undo) is module(name).REVERSIBLE for effect in planned)


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


@given(CASES)
def test_nothing_is_blocked_unless_the_verdict_is_malicious(of):
    blocked = {(e.kind, e.target) for e in ALL["block_indicators"](of)}
    bad = [a for a in of.artefacts if a.verdict is Verdict.MALICIOUS]
    allowed = {(i.kind, i.value) for a in bad for i in a.iocs if i.verdict is Verdict.MALICIOUS}
    allowed |= {(Kind.SHA256, a.key) for a in bad if a.entity is Entity.FILE}
    allowed |= {(Kind.URL, a.target) for a in bad if a.entity is Entity.URL}
    assert blocked <= allowed
    assert bool(blocked) is bool(bad)


@given(CASES)
def test_every_case_leaves_a_comment_that_fits_and_can_be_found_again(of):
    texts = comments(of)
    assert len(texts) == max(1, len(of.artefacts))
    for text in texts:
        assert len(text) <= MOST
        assert marker(text).startswith("[tidegate ")
        assert all(line.isprintable() for line in text.split("\n"))
        assert "<" not in text


def test_only_one_kind_of_hash_is_blocked():
    hashes = (
        Ioc(Kind.MD5, "a" * 32, Verdict.MALICIOUS),
        Ioc(Kind.SHA1, "a" * 40, Verdict.MALICIOUS),
        Ioc(Kind.SHA256, "a" * 64, Verdict.MALICIOUS),
    )
    planned = list(ALL["block_indicators"](case(artefact(iocs=hashes))))
    assert {effect.kind for effect in planned} == {Kind.SHA256}


def test_a_comment_carries_behaviour_sorted_by_score_and_the_report():
    traits = (Trait(1, "writes"), Trait(5, "encrypts"), Trait(3, "connects"))
    [text] = comments(case(artefact(report=report(Verdict.MALICIOUS, traits=traits))))
    assert "5: encrypts; 3: connects; 1: writes" in text
    assert "https://vmray.example/samples/1" in text


def test_a_url_is_defanged():
    of = case(artefact(entity=Entity.URL, target="https://a.example/x?q=1"))
    assert "hxxps://a[.]example/x?q=1" in comments(of)[0]


def test_a_failure_says_why():
    of = case(artefact(state=State.FAILED, report=None, troubles=("desk-1: the file is gone",)))
    assert "desk-1: the file is gone" in comments(of)[0]


def test_the_tag_is_the_worst_verdict():
    of = case(artefact(Verdict.CLEAN), artefact(Verdict.SUSPICIOUS, key="cd" * 32))
    [effect] = ALL["tag_incident"](of)
    assert (effect.do, effect.target, effect.text) == (Do.TAG_INCIDENT, "7", "VMRay suspicious")


def test_effects_are_keyed_by_what_they_do():
    first, second = comments(case()), comments(case(reason="because"))
    assert first != second
