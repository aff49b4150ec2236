"""What the simulated tenant says of indicators flows back, also when the process dies half-way."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tidegate.adapters.defender import DefenderAlerts
from tidegate.adapters.entra import DEFENDER_SCOPE, GRAPH_SCOPE, Authorized, ClientCredentials
from tidegate.adapters.graph_alerts import GraphAlerts
from tidegate.adapters.http import HttpClient
from tidegate.adapters.local.duckdb_kql import LocalLogs
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.gate import feedback
from tidegate.gate.explain import explain
from tidegate.gate.feedback import FIRST_LOOK, LOGS_EVERY, Heard, World, hear
from tidegate.gate.knowledge import Knowledge, sources
from tidegate.gate.learned import Tally, recall
from tidegate.gate.mark import Word, mark, unmark, word, words
from tidegate.hygiene import Policy
from tidegate.model import Kind, Sighting, indicator_id
from tidegate.ports import BadPayload, FeedState, LogTable, SourceDown
from tidegate.sightings import SCHEMA, STATE, fingerprinted, frame, unique
from tidegate.simulator import entra
from tidegate.simulator.estate import Happening, alert_id, of_address, of_url, raise_alert
from tidegate.simulator.tables import write_tables

pytestmark = pytest.mark.flow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BAD, OTHER = (Kind.DOMAIN, "bad.example"), (Kind.IPV4, "203.0.113.9")
QUERY = resources.files("tidegate.gate").joinpath("matches.kql").read_text("utf-8")
WHY = f"Defender alert {alert_id(100)} was classified as a false positive"


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Fuse:
    """Blows at the n-th write: before it, or after."""

    at: int | None = None
    after: bool = False
    calls: int = 0

    @contextmanager
    def write(self) -> Iterator[None]:
        self.calls += 1
        blows = self.calls == self.at
        if blows and not self.after:
            raise Killed
        yield
        if blows:
            raise Killed


class Fused:
    """A store with a fuse on what it writes."""

    def __init__(self, store: Any, fuse: Fuse) -> None:
        self._store, self._fuse = store, fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in {"put", "commit"}:
            return found

        def write(*args: Any, **more: Any) -> Any:
            with self._fuse.write():
                return found(*args, **more)

        return write


class NoFeeds:
    def state(self, _: str) -> FeedState:
        return FeedState()


@dataclass
class House:
    """A gate that listens to the tenant, both on one clock."""

    home: Path
    tenant: Any
    alerts: Any
    fuse: Fuse = field(default_factory=Fuse)

    def now(self) -> datetime:
        return self.tenant.clock.now

    @property
    def store(self) -> SegmentStore:
        return SegmentStore(self.home / "sightings")

    @property
    def known(self) -> Knowledge:
        objects = FileObjects(self.home / "objects", self.now)
        parts = (Fused(self.store, self.fuse), NoFeeds(), self.now, Policy(simulated=True))
        found = Knowledge(*parts, {"one": "B", "two": "C"}, frozenset())
        return replace(found, learned=lambda: recall(objects))

    def world(self, **more: Any) -> World:
        objects = Fused(FileObjects(self.home / "objects", self.now), self.fuse)
        return World(self.known, self.alerts, objects, **more)

    def hear(self, **more: Any) -> Heard:
        return hear(self.world(**more))

    def put(self, source: str, *named: tuple[Kind, str]) -> None:
        until = NOW + timedelta(days=300)
        rows = [Sighting(kind, value, source, 80, NOW, NOW, until) for kind, value in named]
        state = fingerprinted(unique(frame(rows).select(*SCHEMA)))
        state = state.with_columns(written=pl.lit(NOW, STATE["written"])).select(*STATE)
        self.store.commit(source, state, state)

    def raised(self, number: int, *evidence: dict, source: str = "CustomerTI") -> str:
        what = Happening("Connection to a custom indicator", "desk-1", evidence, source)
        raise_alert(self.tenant.scene, number, self.now() - timedelta(minutes=1), what)
        return alert_id(number)

    def classify(self, alert: str, said: str, determination: str) -> None:
        self.tenant.clock.now += HOUR
        self.alerts.classify(alert, said, determination)

    def false(self, alert: str) -> None:
        self.classify(alert, "FalsePositive", "NotMalicious")

    def true(self, alert: str) -> None:
        self.classify(alert, "TruePositive", "Malware")

    @property
    def tallies(self) -> dict[str, Tally]:
        return self.known.learned().tallies

    def said(self) -> list[tuple[str, int, str | None]]:
        return sorted((one.value, one.confidence, one.threat) for one in words(self.known))


@pytest.fixture
def http(tenant) -> Iterator[HttpClient]:
    with HttpClient(allow_private=True, retries=0, clock=tenant.clock) as client:
        yield client


@pytest.fixture
def defender(tmp_path, tenant, http) -> House:
    """Hears through Defender's own API."""
    return listening(tmp_path, tenant, DefenderAlerts(let_in(tenant, http, False), tenant.url))


@pytest.fixture(params=["defender", "graph"])
def house(request, tmp_path, tenant, http) -> House:
    """Hears either way."""
    if request.param == "defender":
        return request.getfixturevalue("defender")
    graph = GraphAlerts(let_in(tenant, http, True), f"{tenant.url}/v1.0")
    return listening(tmp_path, tenant, graph)


def let_in(tenant: Any, http: HttpClient, graph: bool) -> Authorized:
    url = f"{tenant.url}/simulated/oauth2/v2.0/token"
    scope = GRAPH_SCOPE if graph else DEFENDER_SCOPE
    tokens = ClientCredentials(http, url, entra.CLIENT, entra.SECRET, scope, tenant.clock)
    return Authorized(http, tokens)


def listening(home: Path, tenant: Any, alerts: Any) -> House:
    made = House(home, tenant, alerts)
    made.put("one", BAD)
    made.put("two", BAD, OTHER)
    return made


def test_alerts_of_custom_indicators_are_hits_of_what_we_know(house):
    house.raised(100, of_url("https://cdn.bad.example/x"), of_address(OTHER[1]))
    house.raised(101, of_url("https://unknown.example/"))
    house.raised(102, of_url("https://bad.example/"), source="WindowsDefenderAtp")
    assert house.hear() == Heard(alerts=2, hits=2, retired=0, restored=0)
    assert house.tallies == {"one": Tally(hits=1), "two": Tally(hits=2)}


def test_what_was_heard_is_not_counted_again(house):
    house.raised(100, of_url("https://bad.example/x"))
    house.hear()
    again = house.hear()
    assert (again.hits, again.retired) == (0, 0)
    house.tenant.clock.now += HOUR
    house.raised(101, of_url("https://bad.example/x"), source="WindowsDefenderAtp")
    assert [house.hear().alerts for _ in range(2)] == [1, 0]
    assert house.tallies == {"one": Tally(hits=1), "two": Tally(hits=1)}


def test_a_false_positive_retires_and_moves_reliability(house):
    alert = house.raised(100, of_url("https://bad.example/x"))
    house.hear()
    before = sources(house.known).known["one"].reliability
    house.false(alert)
    assert house.hear().retired == 1
    assert house.tallies["one"] == Tally(hits=1, false_positives=1)
    assert sources(house.known).known["one"].reliability < before
    told = explain(*BAD, house.known)
    assert (told.score, told.unclean) == (0.0, f"analyst: {WHY}")
    assert told.marked is not None
    assert told.marked.by == "defender"
    assert house.hear().retired == 0


def test_who_is_classified_otherwise_later_is_restored(house):
    alert = house.raised(100, of_url("https://bad.example/x"))
    house.false(alert)
    assert house.hear().retired == 1
    house.true(alert)
    assert house.hear().restored == 1
    assert house.said() == []
    assert house.tallies["one"] == Tally(hits=1, confirmed=1)


def test_another_false_positive_keeps_it_retired(house):
    alerts = [house.raised(number, of_url("https://bad.example/x")) for number in (100, 101)]
    for alert in alerts:
        house.false(alert)
    house.hear()
    house.true(alerts[0])
    assert house.hear().restored == 0
    assert len(house.said()) == 1


def test_what_was_expected_is_no_reason_to_retire(house):
    alert = house.raised(100, of_url("https://bad.example/x"))
    house.classify(alert, "InformationalExpectedActivity", "SecurityTesting")
    assert house.hear().retired == 0
    assert house.tallies["one"] == Tally(hits=1, false_positives=1)


@pytest.mark.parametrize("said", Word)
def test_what_a_person_said_stands(defender, said):
    spoken = word(*BAD, said, "we looked", "kim", NOW)
    mark([spoken], defender.store, NOW)
    defender.false(defender.raised(100, of_url("https://bad.example/x")))
    assert defender.hear().retired == 0
    assert defender.said() == [(BAD[1], spoken.confidence, "we looked")]


def test_what_a_person_takes_back_stays_so(defender):
    defender.false(defender.raised(100, of_url("https://bad.example/x")))
    defender.hear()
    assert unmark([indicator_id(*BAD)], defender.store, defender.now()) == 1
    assert defender.hear().retired == 0
    assert defender.said() == []


def test_a_persons_mark_judges_those_that_named_it(defender):
    mark([word(*BAD, Word.HARMLESS, "ours", "kim", NOW)], defender.store, NOW)
    mark([word(*OTHER, Word.MALICIOUS, "seen", "kim", NOW)], defender.store, NOW)
    assert defender.hear().hits == 0
    assert defender.tallies == {
        "one": Tally(false_positives=1),
        "two": Tally(confirmed=1, false_positives=1),
    }
    defender.put("one")  # its list drops what was wrong: it was wrong all the same
    defender.hear()
    assert defender.tallies["one"] == Tally(false_positives=1)
    unmark([indicator_id(*BAD)], defender.store, NOW)
    defender.hear()
    assert defender.tallies == {"two": Tally(confirmed=1)}


def test_older_alerts_than_a_month_are_not_looked_for(defender):
    defender.raised(100, of_url("https://bad.example/x"))
    defender.tenant.clock.now += FIRST_LOOK + HOUR
    assert defender.hear().alerts == 0


def test_a_tenant_that_is_down_changes_nothing(defender):
    defender.raised(100, of_url("https://bad.example/x"))
    url = defender.alerts.url
    defender.alerts = replace(defender.alerts, url="http://127.0.0.1:9")
    with pytest.raises(SourceDown):
        defender.hear()
    assert [*FileObjects(defender.home / "objects", defender.now).names("gate/")] == []
    defender.alerts = replace(defender.alerts, url=url)
    assert defender.hear().hits == 1


@pytest.mark.parametrize("data", [b"", b"[]", b'{"alerts": 1}', b'{"more": 1}'])
def test_what_was_forgotten_is_heard_once_more(defender, data):
    defender.raised(100, of_url("https://bad.example/x"))
    defender.hear()
    FileObjects(defender.home / "objects", defender.now).put(feedback.HEARD, data)
    assert defender.hear().alerts == 1
    assert defender.tallies["one"] == Tally(hits=1)


def test_two_that_hear_at_once_do_not_overwrite_each_other(defender, monkeypatch):
    defender.raised(100, of_url("https://bad.example/x"))
    learn, first = feedback._learn, iter([True])

    def raced(after, world):
        if next(first, False):
            defender.hear()
        learn(after, world)

    monkeypatch.setattr(feedback, "_learn", raced)
    with pytest.raises(SourceDown, match="another process"):
        defender.hear()
    assert defender.tallies["one"] == Tally(hits=1)


# --- crashes ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_write_it_comes_to_the_same(defender, tmp_path, after):
    first, second = (defender.raised(n, of_url("https://bad.example/x")) for n in (100, 101))
    third = defender.raised(102, of_address(OTHER[1]))
    defender.false(first)
    defender.true(second)

    def ended(blow: int | None) -> tuple[int, object]:
        fuse = Fuse(blow, after=after)
        house = replace(defender, home=tmp_path / f"{after}-{blow}", fuse=fuse)
        house.put("one", BAD)
        house.put("two", BAD, OTHER)
        for _ in range(2):
            try:
                house.hear()
            except Killed:
                house.hear()
        stored = house.world().objects.get(feedback.HITS)
        return fuse.calls, (house.tallies, house.said(), stored.etag and len(stored.data))

    writes, expected = ended(None)
    assert writes >= 4
    for blow in range(1, writes + 1):
        calls, found = ended(blow)
        assert calls >= blow
        assert found == expected, blow
    assert third


# --- logs -------------------------------------------------------------------------------------


@pytest.fixture
def logs(defender) -> LocalLogs:
    folder = defender.home / "tables"
    write_tables(folder, NOW, signins=2_000, indicators=1_000)
    return LocalLogs(folder, defender.now)


def matching(logs: LocalLogs) -> dict[str, int]:
    rows = logs.query(QUERY, NOW - timedelta(days=14), NOW).rows
    found: dict[str, int] = {}
    for value, matches in rows.select("Value", "Matches").iter_rows():
        found[value] = found.get(value, 0) + int(matches)
    return found


def test_matches_in_the_logs_are_hits_that_nobody_judged(defender, logs):
    (value, matches), *_ = sorted(matching(logs).items())
    kind = Kind.IPV6 if ":" in value else Kind.IPV4
    defender.put("one", (kind, value))
    told = defender.hear(logs=logs, query=QUERY)
    assert told.reason is None
    assert defender.tallies == {"one": Tally(hits=matches)}
    defender.tenant.clock.now += LOGS_EVERY
    defender.hear(logs=logs, query=QUERY)
    assert defender.tallies == {"one": Tally(hits=matches)}


def test_logs_are_asked_a_few_times_a_day(defender):
    asked = count()

    class Logs:
        def query(self, *_):
            next(asked)
            raise BadPayload("no such table")

    defender.raised(100, of_url("https://bad.example/x"))
    told = defender.hear(logs=Logs(), query=QUERY)
    assert told.reason == "the logs were not read: no such table"
    assert told.hits == 1  # what else was heard is not lost by it
    defender.hear(logs=Logs(), query=QUERY)
    assert next(asked) == 2  # what failed is tried again

    class Empty:
        def query(self, *_):
            next(asked)
            rows = pl.DataFrame(schema=dict.fromkeys(("Day", "Value", "Matches"), pl.String))
            return LogTable({}, rows)

    for _ in range(3):
        defender.hear(logs=Empty(), query=QUERY)
    assert next(asked) == 4
