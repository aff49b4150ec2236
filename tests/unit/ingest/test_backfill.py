"""Going back in time: slice by slice, resumable, beside the regular runs."""

import io
import zipfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import ClassVar

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.adapters.local.withheld import WithheldFiles
from tidegate.declare.feed import feeds
from tidegate.ingest.backfill import Past, backfill
from tidegate.ingest.earlier import earlier
from tidegate.ingest.gaps import gaps
from tidegate.ingest.history import slices
from tidegate.ingest.replay import accept, replay
from tidegate.ingest.run import Job, run
from tidegate.model import Kind, Origin, Outcome, Sighting, Status
from tidegate.ports import BadPayload, QuotaSpent, Response, SourceDown
from tidegate.sightings import empty, fingerprinted, frame

pytestmark = pytest.mark.slow

URLHAUS, THREATFOX, BAZAAR, TAXII, OTX, MISP, ANOMALI = (
    feeds()[name]
    for name in ("urlhaus", "threatfox", "malwarebazaar", "taxii", "otx", "misp_circl", "anomali")
)
NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
FROM = datetime(2026, 11, 10, tzinfo=UTC)
TO = datetime(2026, 11, 15, tzinfo=UTC)


def zipped(text: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("csv.txt", text)
    return made.getvalue()


def row(number: int, added: str, online: str = "", **more: str) -> str:
    host = more.get("host", f"h{number}.example")
    cells = (number, added, f"http://{host}/a", "online", online, "malware_download")
    rest = ("elf", f"https://urlhaus.abuse.ch/url/{number}/", "anonymous")
    return ",".join(f'"{cell}"' for cell in (*cells, *rest))


def dump(*rows: str) -> bytes:
    header = "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter"
    return zipped("\r\n".join(["# URLhaus", header, *rows]) + "\r\n")


DUMP = dump(
    row(7, "2026-11-14 23:59:59"),
    row(6, "2026-11-15 00:00:00"),  # later than asked
    row(5, "2026-11-12 10:00:00", "2026-11-18 10:00:00"),
    row(4, "2026-11-11 10:00:00", host="10.0.0.1"),
    row(3, "2026-11-01 10:00:00", "2026-11-10 10:00:00"),  # still there when the stretch begins
    row(2, "2026-11-01 10:00:00", "2026-11-09 10:00:00"),  # earlier than asked
    row(1, "2026-11-10 10:00:00", host="h5.example"),  # one URL, two reports
)


def past(feed=URLHAUS, start=FROM, end=TO, **more) -> Past:
    return Past(feed, start, end, **more)


def web(lab, answer):
    lab.http.answer = answer
    return lab


def told(lab, feed=URLHAUS) -> list:
    """The runs of a backfill, oldest slice first, without what differs from attempt to attempt."""
    found = [run for run in lab.world.runs.newest(feed.name, 100) if run.since]
    return sorted(
        ((r.since, r.until, r.outcome.status, r.outcome.rows, r.outcome.kept) for r in found),
        key=lambda one: one[0],
    )


def test_each_slice_is_counted_and_written_into_the_journal_as_other_runs_are(lab, caplog):
    caplog.set_level("INFO", logger="tidegate.ingest.journal")
    counted: list[Outcome] = []
    world = replace(paged(lab, Collection()), counted=counted.append)
    two_days = past(TAXII, end=FROM + timedelta(days=2))
    backfill(replace(two_days, dry=True), world)
    assert (counted, caplog.text) == ([], "")
    backfill(two_days, world)
    recorded = [run.outcome for run in reversed(lab.world.runs.newest("taxii", 9))]
    assert counted == recorded
    assert [one.origin for one in counted] == [Origin.BACKFILL] * 2
    assert caplog.text.count("indicators from taxii") == 2


def test_a_slice_that_fails_is_an_error_in_the_journal(lab, caplog):
    counted: list[Outcome] = []
    web(lab, SourceDown("the export is away"))
    backfill(past(), replace(lab.world, counted=counted.append))
    assert [one.status for one in counted] == [Status.SOURCE_DOWN]
    assert "Error fetching from urlhaus: source_down, the export is away" in caplog.text


# --- a full export ----------------------------------------------------------------------------


def test_a_full_export_is_read_in_slices_and_keeps_the_sources_times(lab):
    done = backfill(past(), web(lab, DUMP).world)
    assert (done.status, done.slices, done.done) == (Status.OK, 5, 5)
    assert (done.rows, done.kept, done.new, done.suppressed, done.expired) == (5, 4, 3, 1, 0)
    state = lab.state(URLHAUS)
    rows = {one["value"]: one for one in state.iter_rows(named=True)}
    assert set(rows) == {"http://h7.example/a", "http://h5.example/a", "http://h3.example/a"}
    twice = rows["http://h5.example/a"]
    assert twice["first_seen"] == datetime(2026, 11, 10, 10, tzinfo=UTC)
    assert twice["last_seen"] == datetime(2026, 11, 18, 10, tzinfo=UTC)
    assert twice["expires"] == twice["last_seen"] + URLHAUS.keep
    assert [one[3] for one in told(lab)] == [2, 1, 1, 0, 1]
    assert lab.http.asked == [(URLHAUS.history, {"Auth-Key": "a"})]


def test_the_regular_runs_go_on_as_if_nothing_had_been(lab):
    tags = {"etag": '"1"', "last-modified": "Fri, 20 Nov 2026 04:00:00 GMT"}
    body = zipped_not(row(9, "2026-11-20 01:00:00"))
    lab.live(URLHAUS, Response(200, tags, body))
    before = lab.memory(URLHAUS)
    assert backfill(past(), web(lab, DUMP).world).done == 5
    assert lab.memory(URLHAUS) == before
    lab.pass_(minutes=15)
    outcome = lab.live(URLHAUS, Response(304, {}, b""))
    assert lab.http.asked[-1][1]["if-none-match"] == '"1"'
    assert (outcome.status, len(lab.state(URLHAUS))) == (Status.UNCHANGED, 4)


def zipped_not(*rows: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(dump(*rows))) as archive:
        return archive.read("csv.txt")


def test_what_is_over_by_now_is_counted_and_not_stored(lab):
    done = backfill(past(), web(lab, dump(row(1, "2026-11-10 10:00:00"))).world)
    assert (done.kept, done.expired) == (1, 0)
    lab.pass_(days=5)
    done = backfill(past(start=FROM - timedelta(days=9)), lab.world)
    assert (done.rows, done.kept, done.expired) == (1, 0, 1)
    assert len(lab.state(URLHAUS)) == 1  # and nothing is withdrawn


def test_an_older_word_changes_nothing_but_when_it_was_first_seen(lab):
    live = row(5, "2026-11-19 10:00:00").replace('"elf"', '"arm"')
    lab.live(URLHAUS, zipped_not(live))
    backfill(past(), web(lab, dump(row(5, "2026-11-12 10:00:00"))).world)
    [found] = lab.state(URLHAUS).iter_rows(named=True)
    assert found["tags"] == ["arm"]
    assert found["first_seen"] == datetime(2026, 11, 12, 10, tzinfo=UTC)
    assert found["expires"] == NOW + URLHAUS.keep
    assert backfill(past(), lab.world).changed == 0


@pytest.mark.slow
def test_a_sample_gives_way(lab, tmp_path):
    sample = tmp_path / "sample.csv"
    sample.write_bytes(zipped_not(row(8, "2026-11-19 10:00:00")))
    lab.file(URLHAUS, sample, origin=Origin.SAMPLE)
    backfill(past(), web(lab, DUMP).world)
    assert "http://h8.example/a" not in set(lab.state(URLHAUS)["value"])
    lab.live(URLHAUS, zipped_not(row(9, "2026-11-20 01:00:00")))
    assert len(lab.state(URLHAUS)) == 4
    assert "if-none-match" not in lab.http.asked[-1][1]


def test_what_hygiene_keeps_out_is_kept_with_its_reason(lab, tmp_path):
    kept = WithheldFiles(tmp_path / "suppressed")
    backfill(past(), replace(web(lab, DUMP).world, suppressed=kept))
    assert kept.state("urlhaus").select("value", "why").rows() == [("http://10.0.0.1/a", "private")]


def test_threatfox_and_malwarebazaar_have_exports_in_csv(lab):
    line = (
        '"2026-11-11 08:00:00", "7", "h1.example", "domain", "botnet_cc", "win.x", "None", "X",'
        ' "None", "100", "False", "None", "a,b", "0", "someone"'
    )
    world = web(lab, zipped(f"# banner\r\n{line}\r\n# Number of entries: 1\r\n")).world
    done = backfill(past(THREATFOX), world)
    assert (done.rows, done.kept, done.status) == (1, 1, Status.OK)
    [found] = lab.state(THREATFOX).iter_rows(named=True)
    assert (found["value"], found["confidence"], found["reference"]) == (
        "h1.example",
        100,
        "https://threatfox.abuse.ch/ioc/7/",
    )
    names = ["11" * 32, "22" * 16, "33" * 20, "someone", "a, b.exe", "exe", "x", "Emotet"]
    sample = ", ".join(f'"{text}"' for text in ["2026-11-11 08:00:00", *names, *["n/a"] * 5])
    done = backfill(past(BAZAAR), web(lab, zipped(f"#\r\n{sample}\r\n")).world)
    assert (done.rows, done.kept) == (3, 3)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", zipped("a,b\n"), zipped('"1, 2'), b"PK\x03\x04junk"]
)
@pytest.mark.parametrize("feed", [URLHAUS, THREATFOX, BAZAAR], ids=lambda feed: feed.name)
def test_an_export_that_is_none_stores_nothing(lab, feed, body):
    done = backfill(past(feed), web(lab, body).world)
    assert (done.status, done.done, done.failed) == (Status.BAD_PAYLOAD, 0, True)
    assert lab.state(feed).is_empty()
    assert told(lab, feed) == [(FROM, FROM + timedelta(days=1), Status.BAD_PAYLOAD, 0, 0)]


def test_a_slice_of_nonsense_is_refused(lab):
    rows = [row(n, "2026-11-11 10:00:00", host="..") for n in range(120)]
    done = backfill(past(), web(lab, dump(row(500, "2026-11-10 10:00:00"), *rows)).world)
    assert (done.status, done.done) == (Status.BAD_PAYLOAD, 1)
    assert "120 of 120 rows are no indicators" in done.reason


def test_another_address_may_hold_the_export(lab):
    lab.world.urls["urlhaus.history"] = "https://mirror.example/full.zip"
    backfill(past(), web(lab, DUMP).world)
    assert lab.http.asked[0][0] == "https://mirror.example/full.zip"


# --- pages ------------------------------------------------------------------------------------


class Collection:
    """A TAXII server with an object for each hour, ten to a page, and a budget of requests."""

    def __init__(self, budget: int = 1_000) -> None:
        self.budget = budget
        self.asked: list[str] = []

    def request(self, method, url, *, headers, params) -> Response:
        if len(self.asked) >= self.budget:
            raise QuotaSpent("answered 429", retry_after=timedelta(hours=1))
        self.asked.append(params["added_after"])
        after = datetime.fromisoformat(params["added_after"])
        hours = [FROM + timedelta(hours=n) for n in range(24 * 10)]
        later = [hour for hour in hours if hour > after]
        body = orjson.dumps(
            {"objects": list(map(self._object, later[:10])), "more": later[10:] != []}
        )
        added = {"x-taxii-date-added-last": later[:10][-1].isoformat()} if later else {}
        return Response(200, {**added, "set-cookie": "session=secret"}, body)

    def _object(self, hour: datetime) -> dict:
        number = int((hour - FROM).total_seconds() // 3_600)
        return {
            "type": "indicator",
            "id": f"indicator--{number}",
            "pattern": f"[domain-name:value = 'h{number}.example']",
            "modified": "2026-10-01T00:00:00Z",  # long before it was added
            "valid_until": "2027-01-01T00:00:00Z",
        }


def paged(lab, http):
    object.__setattr__(lab.world, "http", http)
    return lab.world


def test_pages_are_asked_for_slice_by_slice(lab):
    http = Collection()
    done = backfill(past(TAXII, end=FROM + timedelta(days=2)), paged(lab, http))
    assert (done.status, done.slices) == (Status.OK, 2)
    # Ten to a page: each slice ends with the page on which its last object is.
    assert set(lab.state(TAXII)["value"]) >= {f"h{n}.example" for n in range(1, 49)}
    assert len(http.asked) == 6
    assert lab.world.feeds.state("taxii").cursor is None


def test_a_spent_quota_keeps_the_progress_and_says_when_to_go_on(lab):
    http = Collection(budget=4)
    first = backfill(past(TAXII, end=FROM + timedelta(days=2)), paged(lab, http))
    assert (first.status, first.done, first.failed) == (Status.QUOTA_WAIT, 1, True)
    assert first.go_on == NOW + timedelta(hours=1)
    early = backfill(past(TAXII, end=FROM + timedelta(days=2)), lab.world)
    assert (early.status, early.done, early.go_on) == (Status.QUOTA_WAIT, 1, first.go_on)
    lab.pass_(hours=2)
    http.budget = 1_000
    last = backfill(past(TAXII, end=FROM + timedelta(days=2)), lab.world)
    assert (last.status, last.done) == (Status.OK, 2)
    assert len(http.asked) == len(set(http.asked)) == 6  # nothing is asked twice


def test_the_days_budget_is_obeyed(lab):
    frugal = TAXII.model_copy(update={"daily_budget": 4})
    done = backfill(past(frugal, end=FROM + timedelta(days=2)), paged(lab, Collection()))
    assert (done.status, done.done) == (Status.QUOTA_WAIT, 1)
    assert done.go_on == datetime(2026, 11, 21, tzinfo=UTC)
    lab.pass_(days=1)
    assert backfill(past(frugal, end=FROM + timedelta(days=2)), lab.world).done == 2


@pytest.mark.slow
def test_what_was_answered_is_forgotten_when_all_is_done_and_holds_no_secret(lab):
    http = Collection(budget=1)
    backfill(past(TAXII), paged(lab, http))
    [answer] = [n for n in lab.world.objects.names("backfills/") if "/asked/" in n]
    assert b"secret" not in lab.world.objects.get(answer).data
    lab.pass_(hours=2)
    http.budget = 1_000
    assert backfill(past(TAXII), lab.world).status is Status.OK
    assert list(lab.world.objects.names("backfills/")) == []


class Pulses:
    """OTX: whatever the stretch, all pulses since."""

    def __init__(self) -> None:
        self.asked: list[dict] = []

    def request(self, method, url, *, headers, params) -> Response:
        self.asked.append(dict(params))
        told = {"type": "domain", "expiration": None, "is_active": 1}
        pulses = [
            {
                "id": str(day),
                "modified": f"2026-11-{day:02}T12:00:00",
                "indicators": [
                    {
                        **told,
                        "indicator": f"d{day}.example",
                        "created": f"2026-11-{day:02}T05:00:00",
                    }
                ],
            }
            for day in (9, 11, 13, 16)
        ]
        return Response(200, {}, orjson.dumps({"results": pulses, "next": None}))


def test_a_source_that_cannot_bound_its_answer_is_asked_once(lab):
    http = Pulses()
    done = backfill(past(OTX), paged(lab, http))
    assert len([one for one in http.asked if "modified_since" in one]) == 1
    # The pulse of the 9th changed since; that of the 16th is later than asked.
    assert [one[3] for one in told(lab, OTX)] == [1, 1, 0, 1, 0]
    assert set(lab.state(OTX)["value"]) == {"d9.example", "d11.example", "d13.example"}
    assert done.rows == 3


def test_misp_reads_the_events_that_changed_in_a_slice(lab):
    class Events:
        asked: ClassVar[Counter[str]] = Counter()

        def request(self, method, url, *, headers, params) -> Response:
            name = url.rpartition("/")[2]
            self.asked[name] += 1
            if name == "manifest.json":
                days = {f"event-00{d}": datetime(2026, 11, d, 9, tzinfo=UTC) for d in (8, 11, 14)}
                told = {
                    event: {"timestamp": str(int(at.timestamp()))} for event, at in days.items()
                }
                return Response(200, {}, orjson.dumps(told))
            day = int(name[-6])
            attribute = {"type": "domain", "value": f"m{day}.example", "to_ids": True}
            event = {"uuid": name, "Attribute": [{**attribute, "timestamp": "1790000000"}]}
            return Response(200, {}, orjson.dumps({"Event": event}))

    http = Events()
    done = backfill(past(MISP), paged(lab, http))
    assert (done.done, done.rows) == (5, 2)
    assert http.asked == {"manifest.json": 1, "event-0011.json": 1, "event-0014.json": 1}


def test_threatstream_is_asked_for_a_stretch(lab):
    class Intelligence:
        asked: ClassVar[list[dict]] = []

        def request(self, method, url, *, headers, params) -> Response:
            self.asked.append(dict(params))
            return Response(200, {}, orjson.dumps({"objects": []}))

    http = Intelligence()
    assert backfill(past(ANOMALI, end=FROM + timedelta(days=1)), paged(lab, http)).done == 1
    assert http.asked == [
        {
            "limit": "1000",
            "order_by": "update_id",
            "modified_ts__gte": "2026-11-10T00:00:00",
            "modified_ts__lt": "2026-11-11T00:00:00",
        }
    ]


# --- faults, crashes, dry runs ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [(SourceDown("answered 502"), Status.SOURCE_DOWN), (BadPayload("403"), Status.BAD_PAYLOAD)],
)
def test_a_fault_of_the_other_side_is_said_and_the_same_command_goes_on(lab, error, status):
    done = backfill(past(), web(lab, error).world)
    assert (done.status, done.done, done.reason) == (status, 0, str(error))
    assert backfill(past(), web(lab, DUMP).world).status is Status.OK


def test_a_dry_run_reads_all_and_writes_nothing(lab):
    before = sorted(path for path in lab.home.rglob("*") if path.is_file())
    done = backfill(past(dry=True), web(lab, DUMP).world)
    assert (done.done, done.kept, done.dry_run) == (5, 4, True)
    after = sorted(path for path in lab.home.rglob("*") if path.is_file())
    assert [p for p in after if p not in before and p.parent.name != ".locks"] == []
    assert lab.state(URLHAUS).is_empty()
    assert lab.world.runs.newest(None, 9) == []


@pytest.mark.slow
def test_a_feed_at_a_time_includes_what_was_read_later(lab):
    lab.live(URLHAUS, zipped_not(row(9, "2026-11-20 01:00:00")))
    lab.pass_(hours=1)
    backfill(past(), web(lab, DUMP).world)
    found = replay(URLHAUS, lab.now, lab.world)
    assert found.state.drop("written").equals(lab.state(URLHAUS).drop("written"))


def test_a_backfill_closes_the_gap(lab):
    lab.live(BAZAAR, b"#\n")
    lab.pass_(hours=5)
    lab.live(BAZAAR, b"#\n")
    [gap] = gaps(BAZAAR, lab.world.runs.newest(None, 99), lab.now)
    assert (gap.start, gap.end) == (NOW, NOW + timedelta(hours=4))
    names = ["11" * 32, "22" * 16, "33" * 20, "someone", "a.exe", "exe", "x", "Emotet"]
    sample = ", ".join(f'"{text}"' for text in ["2026-11-20 06:00:00", *names, *["n/a"] * 5])
    done = backfill(past(BAZAAR, gap.start, gap.end), web(lab, zipped(sample + "\r\n")).world)
    assert done.kept == 3
    assert gaps(BAZAAR, lab.world.runs.newest(None, 99), lab.now) == []


# --- the rules --------------------------------------------------------------------------------


@given(st.integers(1, 500), st.integers(1, 100))
def test_slices_cover_the_stretch_without_overlap(hours, step):
    found = slices(FROM, FROM + timedelta(hours=hours), timedelta(hours=step))
    assert found[0].start == FROM
    assert found[-1].end == FROM + timedelta(hours=hours)
    assert all(one.end == other.start for one, other in pairwise(found))
    assert [one.number for one in found] == list(range(len(found)))


REPORTS = st.tuples(
    st.integers(0, 3),  # which indicator
    st.integers(0, 20),  # first seen
    st.integers(0, 20),  # for how long
)


def report(which: int, first: int, long: int) -> pl.DataFrame:
    seen = FROM + timedelta(days=first), FROM + timedelta(days=first + long)
    # Two reports of one time say the same: else there would be no order to be independent of.
    confidence = first + long
    value = f"h{which}.example"
    one = Sighting(Kind.DOMAIN, value, "x", confidence, *seen, seen[1] + URLHAUS.keep)
    return frame([one]).drop("source")


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.lists(REPORTS, max_size=5), st.randoms(use_true_random=False))
def test_the_order_in_which_reports_of_the_past_come_makes_no_difference(reports, chance):
    def after(order: list) -> pl.DataFrame:
        state = empty()
        for one in order:
            state = earlier(state, report(*one), NOW).state
        return state

    other = list(reports)
    chance.shuffle(other)
    assert after(reports).equals(after(other))


def test_nothing_is_withdrawn_and_an_unchanged_row_is_not_written():
    old = fingerprinted(report(1, 1, 1)).with_columns(
        pl.lit(NOW, pl.Datetime("us", "UTC")).alias("written")
    )
    change = earlier(old, report(1, 1, 1), NOW)
    assert change.empty
    assert change.state.equals(old.select(change.state.columns))
    assert len(earlier(old, empty().drop("fingerprint", "written"), NOW).state) == 1


# --- --until ----------------------------------------------------------------------------------

ABUSEIPDB = feeds()["abuseipdb"]


def dated(*days: int) -> bytes:
    entries = [(f"198.51.100.{d}", f"2026-11-{d:02}T00:00:00+00:00") for d in days]
    rows = [{"ipAddress": a, "abuseConfidenceScore": 100, "lastReportedAt": t} for a, t in entries]
    return orjson.dumps({"data": rows})


def test_until_leaves_later_rows_out_and_counts_them(lab):
    since, until = datetime(2026, 11, 18, tzinfo=UTC), datetime(2026, 11, 19, tzinfo=UTC)
    outcome = lab.live(ABUSEIPDB, dated(17, 18, 19, 20), since=since, until=until)
    assert (outcome.rows, outcome.kept) == (4, 1)
    assert outcome.rejected == {"before --since": 1, "after --until": 2}
    assert set(lab.state(ABUSEIPDB)["value"]) == {"198.51.100.18"}


def test_a_part_of_a_feed_does_not_pass_for_the_whole(lab):
    tagged = Response(200, {"etag": '"1"'}, dated(17, 18, 19, 20))
    lab.live(ABUSEIPDB, tagged, until=datetime(2026, 11, 19, tzinfo=UTC))
    lab.pass_(hours=6)
    outcome = lab.live(ABUSEIPDB, tagged)
    assert "if-none-match" not in lab.http.asked[-1][1]
    assert (outcome.status, outcome.new) == (Status.OK, 2)
    memory = lab.memory(ABUSEIPDB)
    lab.pass_(hours=1)
    lab.live(ABUSEIPDB, dated(20), since=datetime(2026, 11, 19, tzinfo=UTC))
    assert lab.memory(ABUSEIPDB) == memory


def test_a_dry_run_of_a_feed_says_what_would_change_and_changes_nothing(lab):
    lab.live(ABUSEIPDB, dated(17))
    stored, memory = lab.bytes(ABUSEIPDB), lab.world.feeds.state(ABUSEIPDB.name)
    lab.pass_(hours=6)
    outcome = lab.live(ABUSEIPDB, dated(17, 18), dry=True)
    assert (outcome.status, outcome.new, outcome.dry_run) == (Status.OK, 1, True)
    assert outcome.payloads == ()
    assert (lab.bytes(ABUSEIPDB), lab.world.feeds.state(ABUSEIPDB.name)) == (stored, memory)
    assert len(lab.world.runs.newest(None, 9)) == 1
    assert len(list(lab.world.objects.names("payloads/"))) == 1
    assert run(Job(ABUSEIPDB), lab.world).new == 1


@pytest.mark.slow
def test_the_api_of_urlhaus_has_the_same_history(lab):
    api = feeds()["urlhaus_api"]
    done = backfill(past(api), web(lab, DUMP).world)
    assert (done.status, done.rows, done.kept) == (Status.OK, 5, 4)
    other = backfill(past(), lab.world)
    assert other.kept == done.kept
    columns = ("id", "first_seen", "last_seen", "expires", "tags", "threat", "reference")
    assert lab.state(api).select(columns).equals(lab.state(URLHAUS).select(columns))


@pytest.mark.slow
def test_what_is_in_quarantine_can_still_be_let_in_after_a_backfill(lab):
    lab.live(URLHAUS, zipped_not(*(row(n, "2026-11-20 01:00:00") for n in range(300))))
    lab.pass_(hours=1)
    shrunk = lab.live(URLHAUS, zipped_not(row(1, "2026-11-20 02:00:00")))
    assert shrunk.status is Status.QUARANTINED
    assert backfill(past(), web(lab, DUMP).world).status is Status.OK
    assert accept(URLHAUS, lab.world).status is Status.OK


@pytest.mark.parametrize("added", ["soon", "2026-13-01T00:00:00Z"])
def test_a_taxii_server_that_tells_no_time_is_a_bad_payload(lab, added):
    class Odd(Collection):
        def request(self, method, url, *, headers, params) -> Response:
            return Response(200, {"x-taxii-date-added-last": added}, b'{"objects": []}')

    done = backfill(past(TAXII), paged(lab, Odd()))
    assert (done.status, done.done) == (Status.BAD_PAYLOAD, 0)


def test_a_feed_that_runs_is_not_disturbed(lab):
    with lab.world.sightings.writing(URLHAUS.name):
        busy = backfill(past(), web(lab, DUMP).world)
    assert (busy.status, busy.done) == (Status.SOURCE_DOWN, 0)
    assert backfill(past(), lab.world).done == 5
