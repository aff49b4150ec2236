"""What a newer version stored is read by this one: nothing crashes, and nothing is overwritten.

Each format is written by today's code. Then a field is added to each of its objects, and a column
to each of its tables, as a newer version may, and it is read and written once more.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from sqlite3 import Connection
from types import SimpleNamespace
from typing import Any

import orjson
import polars as pl
import pytest
from typer.testing import CliRunner

from tidegate import cli, stored
from tidegate.adapters import recent_answers, sentinel_memory, warninglists
from tidegate.adapters.azure import feeds as azure_feeds
from tidegate.adapters.azure.cosmos_budget import Cost, ObjectSpending
from tidegate.adapters.azure.withheld import WithheldObjects
from tidegate.adapters.cache import ObjectCache
from tidegate.adapters.local.budgets import SqliteBudgets
from tidegate.adapters.local.cases import SqliteCases
from tidegate.adapters.local.database import connect
from tidegate.adapters.local.feeds import FeedTable
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.ledger import SqliteLedger
from tidegate.adapters.local.queue import SqliteQueue
from tidegate.adapters.local.runs import RunTable
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.detonate import shared
from tidegate.detonate.worker import step
from tidegate.detonate.world import Policy
from tidegate.gate import (
    feedback,
    held,
    hits,
    journal,
    learned,
    pool,
    prevalence,
    published,
    refused,
)
from tidegate.gate.plan import Change
from tidegate.ingest import progress, requests
from tidegate.ingest.withheld import WITHHELD
from tidegate.maps import pointer
from tidegate.maps import runs as map_runs
from tidegate.maps import state as states
from tidegate.model import Case, Kind, Outcome, Report, Run, Sighting, Status, Verdict, indicator_id
from tidegate.ports import (
    APPLICATION,
    BadPayload,
    Enforced,
    FeedState,
    Limit,
    LogTable,
    Trouble,
)
from tidegate.sightings import SCHEMA, STATE, fingerprinted, frame, unique

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = "of_a_later_version"
ID = indicator_id(Kind.DOMAIN, "a.example")
TABLE = Path(__file__).parents[2] / "docs" / "reference" / "stored-formats.md"
# Whose keys are names, not fields.
MAPS = {"copies", "tallies", "refused", "datasets", "rejected"}
TOP_MAPS = re.compile(r"gate/[a-z]+/refused\.json|feeds/.*(spent|switches)\.json|spending/.*")


def clock() -> datetime:
    return NOW


class Home:
    """A folder with all that a machine keeps."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.objects = FileObjects(root / "objects", clock)
        self.database = connect(root / "tidegate.sqlite")

    def put(self, name: str, data: bytes) -> None:
        self.objects.put(name, data)

    def grow(self) -> None:
        """Add to all that is stored what a newer version might."""
        for name in list(self.objects.names("")):
            data = self.objects.get(name).data
            self.put(name, _more(name, data))
        for file in self.root.rglob("*.json"):
            if ".meta" in file.parts or file.parent.name == "_":  # beside objects, and lists
                file.write_bytes(_more("", file.read_bytes()))
        for file in (self.root / "sightings").rglob("*.parquet"):
            file.write_bytes(_wider(file.read_bytes()))
        _grow(self.database)


def _more(name: str, data: bytes) -> bytes:
    if data.startswith(b"PAR1"):
        return _wider(data)
    if data[:1] not in {b"{", b"["}:
        return data
    return orjson.dumps(_added(orjson.loads(data), named=bool(name and TOP_MAPS.fullmatch(name))))


def _added(value: Any, *, named: bool = False) -> Any:
    if isinstance(value, list):
        return [_added(one) for one in value]
    if not isinstance(value, dict):
        return value
    told = {key: _added(one, named=key in MAPS) for key, one in value.items()}
    return told if named else told | {LATER: {"more": [1]}}


def _wider(data: bytes) -> bytes:
    about = pl.read_parquet_metadata(BytesIO(data))
    told = {name: text for name, text in about.items() if name != "ARROW:schema"}
    file = BytesIO()
    rows = pl.read_parquet(BytesIO(data)).with_columns(pl.lit("x").alias(LATER))
    rows.write_parquet(file, metadata=told)
    return file.getvalue()


def _grow(database: Connection) -> None:
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        columns = database.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
        database.execute(f"ALTER TABLE {table} ADD COLUMN {LATER} TEXT NOT NULL DEFAULT ''")
        for (column,) in columns:
            if column in {"document", "state", "trouble"}:
                _grow_column(database, table, column)


def _grow_column(database: Connection, table: str, column: str) -> None:
    database.create_function("more", 1, lambda text: orjson.dumps(_added(orjson.loads(text))))
    database.execute(f"UPDATE {table} SET {column} = CAST(more({column}) AS TEXT)")  # noqa: S608


Read = Callable[[], Any]
FORMATS: dict[str, Callable[[Home], Read]] = {}


def format_(name: str) -> Callable[[Callable[[Home], Read]], Callable[[Home], Read]]:
    """Say of which format, by its name in the table of the docs, this writes one and reads it."""

    def kept(write: Callable[[Home], Read]) -> Callable[[Home], Read]:
        FORMATS[name] = write
        return write

    return kept


# --- what feeds and cases leave -----------------------------------------------------------------


@format_("case")
def a_case(home: Home) -> Read:
    store = SqliteCases(home.database)
    found = store.get("a1")
    if not store.create(Case("a1", NOW)) and found:
        store.save(found)
    store.advance(NOW)
    return lambda: (replace(store.get("a1"), version=0), store.watermark(), store.newest(9)[0].id)


@format_("ledger entry")
def an_entry(home: Home) -> Read:
    ledger = SqliteLedger(home.database)
    ledger.begin("scope:key", "owner", NOW)
    ledger.finish("scope:key", "done", NOW)
    return lambda: ledger.of("scope")


@format_("queued message")
def a_message(home: Home) -> Read:
    queue = SqliteQueue(home.database, clock)
    queue.put("a1")
    return queue.length


@format_("budget")
def a_budget(home: Home) -> Read:
    budgets = SqliteBudgets(home.database, clock)
    if not budgets.spent("vmray", DAY):
        budgets.spend("vmray", [Limit(DAY, 5)])
    return lambda: budgets.spent("vmray", DAY)


@format_("run of a feed")
def a_run(home: Home) -> Read:
    runs = RunTable(home.database)
    runs.record(Run("r1", NOW, Outcome("a", Status.OK, rejected={"empty": 1})))
    return lambda: (runs.newest("a", 9), runs.get("r1"))


@format_("memory of a feed")
def a_memory(home: Home) -> Read:
    both = FeedTable(home.database), azure_feeds.ObjectFeeds(home.objects)
    for one in both:
        one.remember("a", FeedState(etag="e", rows=3, fetched=NOW))
        one.note("a", Trouble("bad", "because", NOW))
        one.switch("a", on=False)
        one.spend("a", "2026-11-20", 5)
    return lambda: [(one.state("a"), one.trouble("a"), one.switched()["a"]) for one in both]


@format_("units of a day")
def the_units(home: Home) -> Read:
    spending = ObjectSpending(home.objects)
    if not spending.of("2026-11-20"):
        spending.add("2026-11-20", "urlhaus", Cost(1, 10.5, 1))
    else:
        spending.add("2026-11-20", "urlhaus", Cost())
    return lambda: spending.of("2026-11-20")["urlhaus"]


@format_("request for runs")
def a_request(home: Home) -> Read:
    name, wanted = "20261120050000-0123456789ab", requests.Wanted(("a",))
    request = requests.Request(name, NOW, wanted, (Outcome("a", Status.OK),))
    home.put(f"requests/{name}", requests.DOCUMENT.dump_json(request))
    desk: Any = SimpleNamespace(world=SimpleNamespace(objects=home.objects))
    return lambda: requests.find(name, desk)


@format_("progress of a backfill")
def a_backfill(home: Home) -> Read:
    notebook = progress.Notebook(home.objects, "backfills/a/x")
    notebook.write(progress.Progress(NOW, done=2))
    return lambda: notebook.read(NOW + DAY)


@format_("sightings")
def the_sightings(home: Home) -> Read:
    store = SegmentStore(home.root / "sightings")
    rows = _state(_seen("a.example"), _seen("b.example"))
    with store.writing("one"):
        store.commit("one", store.state("one") if (home.root / "again").exists() else rows, rows)
    (home.root / "again").touch()

    def read() -> Any:
        fresh = SegmentStore(home.root / "sightings")
        live = fresh.live(NOW).collect()
        asked = fresh.reported(live["id"], NOW)
        return live.rows(), asked.rows(), fresh.of(ID), fresh.state("one").rows()

    return read


@format_("withheld rows")
def the_withheld(home: Home) -> Read:
    store = WithheldObjects(home.objects)
    rows = _state(_seen("a.example")).with_columns(why=pl.lit("because"))
    store.replace("one", rows.select(*WITHHELD))
    return lambda: WithheldObjects(home.objects).of(ID)


@format_("report")
def a_report(home: Home) -> Read:
    world: Any = SimpleNamespace(objects=home.objects)
    shared.keep(("11",), Report("1", Verdict.CLEAN, NOW, "https://vmray.example/1"), world)
    return lambda: shared.report(("11",), world)


@format_("origin of a warninglist")
def an_origin(home: Home) -> Read:
    folder = warninglists.Folder(home.root / "warninglists")
    folder.remember("one", warninglists.Provenance("https://lists.example/", NOW))
    return lambda: folder.provenance("one")


@format_("cached answer")
def an_answer(home: Home) -> Read:
    cache = ObjectCache(home.objects, clock)
    table = LogTable({"A": "string"}, pl.DataFrame({"A": ["1"]}), partial=False)
    cache.put("logs-1", recent_answers._packed(table), DAY)
    return lambda: recent_answers._unpacked(cache.get("logs-1")).columns


@format_("sidecar of an object")
def a_sidecar(home: Home) -> Read:
    home.put("one", b"data")
    return lambda: home.objects.get("one").data


# --- what the gate remembers --------------------------------------------------------------------


@format_("what was learned")
def what_was_learned(home: Home) -> Read:
    tallies = {"one": learned.Tally(hits=3)}
    learned.relearn(home.objects, lambda old: old.model_copy(update={"tallies": tallies}))
    return lambda: learned.recall(home.objects)


@format_("what was heard")
def what_was_heard(home: Home) -> Read:
    home.put(feedback.HEARD, feedback._Upto(alerts=NOW).model_dump_json().encode())
    return lambda: feedback._upto(home.objects)


@format_("hits")
def the_hits(home: Home) -> Read:
    before, etag = feedback._held(home.objects)
    row = {"origin": hits.ALERT, "key": "1", "id": ID, "kind": "domain", "value": "a.example"}
    more = {"sources": ["one"], "outcome": hits.HIT, "count": 1, "at": NOW}
    feedback._keep(pl.DataFrame([row | more], hits.HITS), before, etag, home.objects)

    def read() -> Any:
        rows, _ = feedback._held(home.objects)
        return rows.rows()

    return read


@format_("state of a target")
def a_target(home: Home) -> Read:
    ran = journal.Ran("20261120T050000000000-x", NOW, added=1)
    paused = journal.Paused("somebody", NOW, "because")
    waiting = journal.Waiting("p", NOW, 1, 0, "many")
    state = journal.State(at=NOW, paused=paused, waiting=waiting, runs=(ran,), refused={"no": 1})
    journal.remember(home.objects, "defender", state)
    journal.note(home.objects, "defender", "down")
    return lambda: journal.state(home.objects, "defender")


@format_("run of the gate")
def a_gate_run(home: Home) -> Read:
    there = Enforced(Kind.DOMAIN, "a.example", "Block", expires=NOW, groups=("Pilot",))
    journal.write(home.objects, "defender", "r", [Change("add", ID, there, "w", there)], ["done"])

    def read() -> Any:
        rows = journal.read(home.objects, "defender", "r")
        return rows.rows(), [journal.change(row) for row in rows.iter_rows(named=True)]

    return read


@format_("what a target holds")
def what_is_held(home: Home) -> Read:
    one = held.Held(ID, Kind.DOMAIN, "a.example", "Block", NOW + DAY, NOW, groups=("Pilot",))
    held.save(home.objects, "defender", [one])
    return lambda: held.load(home.objects, "defender")


@format_("what a target refused")
def what_is_refused(home: Home) -> Read:
    refused.remember(home.objects, "defender", {ID: "full"}, NOW)
    return lambda: refused.refused(home.objects, "defender", NOW)


@format_("published set")
def the_published(home: Home) -> Read:
    before, _ = published.published(home.objects)
    if before.is_empty():
        row = {"id": ID, "kind": "domain", "value": "a.example", "score": 80.0, "changed": NOW}
        home.put(published.NAME, published._parquet(pl.DataFrame([row], published.PUBLISHED)))
    home.put(
        published.LEFT, published._parquet(pl.DataFrame([(ID, 1)], published.RETURNS, orient="row"))
    )
    columns = [name for name in published.PUBLISHED if name not in published.TOLD]
    wanted = published.published(home.objects)[0].select(columns).clear()
    published.merged(before, wanted, NOW, published._left(home.objects))
    return lambda: (
        published.published(home.objects)[0].rows(),
        published._left(home.objects).rows(),
    )


@format_("prevalence")
def the_prevalence(home: Home) -> Read:
    known, etag = prevalence._kept(home.objects)
    rows = pl.DataFrame([("ab" * 32, 7, "Example", NOW)], prevalence.FACTS, orient="row")
    after = pl.concat([rows, known]).unique("value")
    prevalence._keep(after, etag, home.objects)
    return lambda: prevalence.remembered(home.objects, NOW).rows()


@format_("what Sentinel was told")
def what_sentinel_was_told(home: Home) -> Read:
    memory = sentinel_memory.Memory.read(home.objects)
    one = Enforced(Kind.DOMAIN, "a.example", "Block", expires=NOW, id="i", application=APPLICATION)
    memory.put("i", sentinel_memory.Sent(one, NOW, NOW, NOW))
    memory.write()
    return lambda: sentinel_memory.Memory.read(home.objects).rows


@format_("pool")
def the_pool(home: Home) -> Read:
    rows = frame([_seen("a.example")])
    made = pool.Pool(NOW, NOW, "x", 1.0, {"": 0.5}, {}, {}, {}, (), (), rows["id"], rows)
    pool.remember(made, home.objects)

    def read() -> bool:
        found = pool.remembered(home.objects)  # without one the whole store is read once more
        return found is None or found.at == NOW

    return read


# --- what the map keeps -------------------------------------------------------------------------


@format_("state of a dataset")
def a_dataset(home: Home) -> Read:
    manifest = states.Manifest(
        version=1, file="1-a.tsv.gz", rows=1, located=0, bytes=1, sha256="0", digest="d",
        partial=False,
    )  # fmt: skip
    state = states.State(epoch=1, manifest=manifest, refreshed=NOW)
    home.put(states.name("one"), state.model_dump_json().encode())
    pointer.follow(home.objects, "one", state)
    return lambda: states.read(home.objects, "one").state


@format_("pointer to a dataset")
def a_pointer(home: Home) -> Read:
    a_dataset(home)
    name = "datasets/one/latest.json"
    return lambda: orjson.loads(home.objects.get(name).data)["version"]


@format_("refresh")
def a_refresh(home: Home) -> Read:
    run = map_runs.Run(run="r", datasets=("one",), asked=NOW, results=(
        map_runs.Told(name="one", result="refreshed"),
    ))  # fmt: skip
    home.put("refreshes/r", run.model_dump_json().encode())
    return lambda: map_runs._read(home.objects.get("refreshes/r"))


def _seen(value: str) -> Sighting:
    return Sighting(Kind.DOMAIN, value, "one", 80, NOW, NOW, NOW + 30 * DAY, ("t",))


def _state(*seen: Sighting) -> pl.DataFrame:
    marked = fingerprinted(unique(frame(seen).select(*SCHEMA)))
    return marked.with_columns(written=pl.lit(NOW).cast(STATE["written"])).select(*STATE)


# --- the tests ----------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.database.close()


@pytest.mark.parametrize("name", FORMATS)
def test_what_a_newer_version_added_is_no_reason_to_stop(name, home):
    read = FORMATS[name](home)
    before = read()
    home.grow()
    assert read() == before
    again = FORMATS[name](home)
    assert again() == before


def test_what_is_added_is_there():
    """The test above would pass if nothing was added."""
    assert _added({"a": [{"b": 1}], "copies": {"c": []}}) == {
        "a": [{"b": 1, LATER: {"more": [1]}}],
        "copies": {"c": []},
        LATER: {"more": [1]},
    }
    assert LATER in pl.read_parquet(BytesIO(_wider(_parquet(pl.DataFrame({"a": [1]}))))).columns


@pytest.mark.parametrize(
    ("name", "place", "later"),
    [
        ("what a target holds", "gate/defender/held.parquet", {"groups"}),
        ("published set", "gate/published.parquet", {"until", "returned"}),
        ("run of the gate", "gate/defender/runs/r.parquet", {"tags", "first_seen", "tlp"}),
    ],
)
def test_what_an_earlier_version_did_not_write_is_as_if_nobody_had_said_it(
    name, place, later, home
):
    read = FORMATS[name](home)
    rows = pl.read_parquet(BytesIO(home.objects.get(place).data))
    gone = [one for one in rows.columns if one.removeprefix("before_") in later]
    assert gone
    home.put(place, _parquet(rows.drop(gone)))
    assert read()
    FORMATS[name](home)


def test_documents_of_the_first_version_had_fewer_fields(home):
    said = '{"id": "a1", "opened": "2026-11-20T05:00:00Z"}'
    home.database.execute("INSERT INTO cases VALUES ('a1', 1, 0, ?)", (said,))
    assert SqliteCases(home.database).get("a1") == Case("a1", NOW, version=1)
    memory = FeedTable(home.database)
    home.database.execute("INSERT INTO feeds VALUES ('a', '{}')")
    assert memory.state("a") == FeedState()
    home.put("gate/defender/state.json", b"{}")
    assert journal.state(home.objects, "defender") == journal.State()
    home.put("locks/one.state.json", b"{}")
    assert states.read(home.objects, "one").state == states.State()


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("report", ["reports/"]),
        ("request for runs", ["requests/"]),
        ("progress of a backfill", ["backfills/"]),
        ("state of a target", ["gate/defender/state.json"]),
        ("run of the gate", ["gate/defender/runs/"]),
        ("what a target holds", ["gate/defender/held.parquet"]),
        ("what a target refused", ["gate/defender/refused.json"]),
        ("what was learned", ["gate/learned.json"]),
        ("hits", ["gate/feedback.parquet"]),
        ("published set", ["gate/published.parquet"]),
        ("prevalence", ["gate/prevalence.parquet"]),
        ("what Sentinel was told", ["gate/sentinel.parquet"]),
        ("state of a dataset", ["locks/"]),
        ("refresh", ["refreshes/"]),
    ],
)
def test_what_cannot_be_read_is_said_by_name_and_left_alone(name, places, home):
    read = FORMATS[name](home)
    names = [one for place in places for one in home.objects.names(place)]
    for one in names:
        home.put(one, b'["of another format"]')
    with pytest.raises(BadPayload, match="cannot be read"):
        read()
    assert [home.objects.get(one).data for one in names] == [b'["of another format"]'] * len(names)


def test_a_case_of_a_stage_that_nobody_knows_is_left_alone_and_the_others_go_on(home, caplog):
    store = SqliteCases(home.database)
    for name in ("a1", "a2"):
        store.create(Case(name, NOW))
    home.database.execute(
        "UPDATE cases SET document = replace(document, '\"received\"', '\"later\"') WHERE id = 'a1'"
    )
    before = home.database.execute("SELECT * FROM cases").fetchall()
    with pytest.raises(BadPayload, match=r"case a1 cannot be read: stage"):
        store.get("a1")
    assert [one.id for one in store.newest(9)] == ["a2"]
    assert [one.id for one in store.unfinished(9)] == ["a2"]
    assert not store.create(Case("a1", NOW))
    assert home.database.execute("SELECT * FROM cases").fetchall() == before
    assert "case a1" in caplog.text


def test_a_run_of_a_status_that_nobody_knows_is_left_out(home, caplog):
    runs = RunTable(home.database)
    for name in ("r1", "r2"):
        runs.record(Run(name, NOW, Outcome("a", Status.OK)))
    home.database.execute(
        "UPDATE runs SET document = replace(document, '\"ok\"', '\"later\"') WHERE id = 'r1'"
    )
    assert [one.id for one in runs.newest("a", 9)] == ["r2"]
    assert "run r1 cannot be read" in caplog.text


def test_the_message_of_a_case_that_cannot_be_read_comes_again(home, caplog):
    cases, queue = SqliteCases(home.database), SqliteQueue(home.database, clock)
    world: Any = SimpleNamespace(cases=cases, queue=queue, policy=Policy(), clock=clock)
    cases.create(Case("a1", NOW))
    home.database.execute("UPDATE cases SET document = '{}'")
    queue.put("a1")
    step(world, queue.take(timedelta(minutes=1)))
    assert queue.length() == 1
    assert "left alone: case a1 cannot be read" in caplog.text


# --- the format of all of it --------------------------------------------------------------------


@pytest.mark.parametrize("command", [["runs"], ["up", "--once"], ["cases", "list"]])
def test_a_state_of_a_newer_format_is_refused_and_left_as_it_is(command, tmp_path, monkeypatch):
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    home = Home(tmp_path)
    home.database.close()
    home.put(stored.NAME, b'{"format":2}')
    before = _files(tmp_path)
    done = CliRunner().invoke(cli.app, command)
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert "the state is of format 2, and this version reads 1" in " ".join(done.output.split())
    assert _files(tmp_path) == before


def test_a_state_of_the_format_that_is_known_is_read(home):
    home.put(stored.NAME, b'{"format":1,"more":2}')
    stored.refuse_newer(home.objects)


def _files(folder: Path) -> dict[str, bytes]:
    kept = [file for file in folder.rglob("*") if file.is_file() and ".locks" not in file.parts]
    return {str(file): file.read_bytes() for file in kept if file.name != "up.lock"}


def _parquet(rows: pl.DataFrame) -> bytes:
    file = BytesIO()
    rows.write_parquet(file)
    return file.getvalue()


def test_every_format_stands_in_the_table():
    told = re.findall(
        r"^\| ([a-zA-Z ]+?) \|.*\| tested \|$", TABLE.read_text("utf-8"), re.MULTILINE
    )
    assert told == sorted(told)
    assert set(told) == set(FORMATS)
