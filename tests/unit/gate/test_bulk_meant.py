"""A bulk look-up passes what a warninglist holds exactly where a look-up of it alone does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import orjson
import pytest

from tidegate.adapters.local.sightings import SegmentStore
from tidegate.gate.bulk import bulk
from tidegate.gate.explain import explain
from tidegate.gate.knowledge import Knowledge
from tidegate.hygiene import Policy
from tidegate.model import Kind, Sighting
from tidegate.ports import FeedState
from tidegate.sightings import SCHEMA, STATE, fingerprinted, frame, unique
from tidegate.warninglists import Popularity, Warninglists, parse

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
SOURCES = ("one", "two", "three", "label")
SAID = [some for n in range(len(SOURCES) + 1) for some in combinations(SOURCES, n)]
NAMES = {some: f"{'-'.join(some) or 'nobody'}.short.example.org" for some in SAID}
LISTED = {"type": "hostname", "matching_attributes": ["domain"], "list": [".short.example.org"]}


class NoFeeds:
    def state(self, feed: str) -> FeedState:
        return FeedState()


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    store = SegmentStore(Path(tmp_path_factory.mktemp("sightings")))
    until = NOW + timedelta(3)
    for source in SOURCES:
        rows = [
            Sighting(Kind.DOMAIN, name, source, 80, NOW, NOW, until)
            for some, name in NAMES.items()
            if source in some
        ]
        marked = fingerprinted(unique(frame(rows).select(*SCHEMA)))
        state = marked.with_columns(written=marked["last_seen"]).select(*STATE)
        store.commit(source, state, state)
    policy = Policy(
        simulated=True,
        lists=Warninglists.of([parse("shorteners", orjson.dumps(LISTED))]),
        popular=Popularity.of("1,popular.example\n"),
    )
    return Knowledge(
        store,
        NoFeeds(),
        lambda: NOW,
        policy,
        dict.fromkeys(SOURCES, "B"),
        frozenset(),
        advisory=frozenset({"label"}),
        exceptions={"one": frozenset({"shorteners"}), "two": frozenset({"shorteners", "tranco"})},
    )


def test_every_combination_of_sources_is_judged_as_one_alone(known):
    names = list(NAMES.values())
    answers = bulk(names, known)["never_enforced"].to_list()
    assert answers == [explain(Kind.DOMAIN, name, known).unclean for name in names]
    said = dict(zip(SAID, answers, strict=True))
    assert said["one",] is None
    assert said["one", "two"] is None
    assert said["one", "label"] is None  # who asks for nothing has no word in it
    assert said["label",] == said["one", "three"] == said[()] == "warninglist shorteners"


def test_without_exceptions_nobody_passes(known):
    answers = bulk(list(NAMES.values()), replace(known, exceptions={}))
    assert set(answers["never_enforced"]) == {"warninglist shorteners"}
