"""One run of one feed: its outcome, what it remembers, what it leaves alone."""

import gzip
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest

from tidegate.adapters.http import HttpClient
from tidegate.adapters.local.database import connect
from tidegate.adapters.local.feeds import FeedTable
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.correlation import Correlated
from tidegate.declare.feed import Contract, Semantics, feeds
from tidegate.ingest.run import Job, run
from tidegate.model import Origin, Status
from tidegate.ports import BadPayload, FeedState, QuotaSpent, Response, SourceDown

LIST = feeds()["blocklist_de"]
SNAPSHOT = LIST.model_copy(update={"semantics": Semantics.SNAPSHOT})
URLHAUS, OTX, ABUSEIPDB, FEODO = (feeds()[n] for n in ("urlhaus", "otx", "abuseipdb", "feodo"))


def addresses(first: int, last: int) -> bytes:
    return "".join(f"198.51.{100 + i // 256}.{i % 256}\n" for i in range(first, last)).encode()


def values(lab, feed=LIST) -> set[str]:
    return set(lab.state(feed)["value"])


def accounted(outcome) -> bool:
    lost = outcome.repeated + outcome.suppressed + sum(outcome.rejected.values())
    return outcome.rows == outcome.kept + lost


# --- when the other side fails ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SourceDown("answered 502"), Status.SOURCE_DOWN),
        (BadPayload("answered 403"), Status.BAD_PAYLOAD),
        (QuotaSpent("answered 429"), Status.QUOTA_WAIT),
    ],
)
def test_a_fault_of_the_other_side_is_an_outcome_and_changes_nothing(lab, error, status):
    lab.live(LIST, addresses(0, 9))
    stored, memory = lab.bytes(LIST), lab.memory(LIST)
    lab.pass_(hours=6)
    outcome = lab.live(LIST, error)
    assert (outcome.status, outcome.reason) == (status, str(error))
    assert (lab.bytes(LIST), lab.memory(LIST)) == (stored, memory)
    assert lab.world.feeds.state(LIST.name).attempted == lab.now
    assert outcome.failed is (status is not Status.QUOTA_WAIT)


def test_a_bug_is_no_outcome(lab):
    with pytest.raises(ZeroDivisionError):
        lab.live(LIST, ZeroDivisionError())
    assert lab.live(LIST, addresses(0, 9)).status is Status.OK


def test_a_quota_is_waited_for(lab):
    assert lab.live(LIST, QuotaSpent("429", retry_after=timedelta(hours=2))).reason == "429"
    lab.pass_(hours=1, minutes=59)
    early = lab.live(LIST, addresses(0, 9))
    assert early.status is Status.QUOTA_WAIT
    assert len(lab.http.asked) == 1
    lab.pass_(minutes=2)
    assert lab.live(LIST, addresses(0, 9)).status is Status.OK
    assert lab.world.feeds.state(LIST.name).not_before is None


def test_a_missing_key_is_said_by_its_settings_name(lab):
    lab.world.secrets.clear()
    outcome = lab.live(URLHAUS, b"")
    assert outcome.status is Status.SOURCE_DOWN
    assert "TIDEGATE_ABUSECH_KEY" in outcome.reason
    assert not lab.http.asked


def test_keys_go_into_headers_and_nowhere_else(lab):
    lab.live(URLHAUS, b"")
    assert lab.http.asked == [(URLHAUS.url, {"Auth-Key": "a"})]


def test_another_address_replaces_the_feeds_own(lab):
    lab.world.urls[LIST.name] = "https://mirror.example/all.txt"
    lab.live(LIST, addresses(0, 9))
    assert lab.http.asked[0][0] == "https://mirror.example/all.txt"


def test_the_days_budget_is_shared_by_all_processes(tmp_path):
    one, two = (connect(tmp_path / "t.sqlite") for _ in "12")
    tables = FeedTable(one), FeedTable(two)
    spent = [tables[i % 2].spend("abuseipdb", "2026-11-20", 5) for i in range(7)]
    assert spent == [True] * 5 + [False] * 2
    assert tables[1].spend("abuseipdb", "2026-11-21", 5)
    tables[0].remember("abuseipdb", FeedState(rows=7, origin=Origin.LIVE))
    assert tables[1].state("abuseipdb") == FeedState(rows=7, origin=Origin.LIVE)
    one.close()
    two.close()


def test_a_spent_budget_is_a_state_and_no_failure(lab):
    statuses = [lab.live(ABUSEIPDB, addresses(i, i + 9)).status for i in range(7)]
    assert statuses == [Status.OK] * 5 + [Status.QUOTA_WAIT] * 2
    assert len(lab.http.asked) == 5
    lab.pass_(days=1)
    assert lab.live(ABUSEIPDB, addresses(0, 9)).status is Status.OK


# --- unchanged --------------------------------------------------------------------------------


def test_the_same_bytes_are_no_work(lab):
    lab.live(LIST, addresses(0, 9))
    stored = lab.bytes(LIST)
    lab.pass_(hours=6)
    outcome = lab.live(LIST, addresses(0, 9))
    assert (outcome.status, outcome.rows) == (Status.UNCHANGED, 9)
    assert lab.bytes(LIST) == stored
    assert lab.world.feeds.state(LIST.name).fetched == lab.now


def test_a_304_is_no_work_and_keeps_what_it_was_asked_with(lab):
    tags = {"etag": '"1"', "last-modified": "Fri, 20 Nov 2026 04:00:00 GMT"}
    lab.live(LIST, Response(200, tags, addresses(0, 9)))
    for _ in range(2):
        lab.pass_(hours=6)
        outcome = lab.live(LIST, Response(304, {}, b""))
        assert (outcome.status, outcome.rows) == (Status.UNCHANGED, 9)
        asked = lab.http.asked[-1][1]
        assert (asked["if-none-match"], asked["if-modified-since"]) == tuple(tags.values())


@pytest.mark.parametrize("same", [Response(304, {}, b""), addresses(0, 9)], ids=["304", "bytes"])
def test_once_half_of_their_time_is_gone_rows_are_fetched_whole_again(lab, same):
    lab.live(LIST, Response(200, {"etag": '"1"'}, addresses(0, 9)))
    lab.pass_(hours=23)
    assert lab.live(LIST, same).status is Status.UNCHANGED
    lab.pass_(hours=2)
    outcome = lab.live(LIST, addresses(0, 9))
    assert "if-none-match" not in lab.http.asked[-1][1]
    assert (outcome.status, outcome.new, outcome.changed) == (Status.OK, 0, 0)
    assert (lab.state(LIST)["expires"] == lab.now + LIST.keep).all()


def test_a_quarantined_fetch_is_never_taken_for_the_last_good_one(lab):
    lab.live(SNAPSHOT, addresses(0, 200))
    bad = Response(200, {"etag": '"bad"'}, addresses(0, 9))
    assert lab.live(SNAPSHOT, bad).status is Status.QUARANTINED
    assert lab.live(SNAPSHOT, bad).status is Status.QUARANTINED
    assert "if-none-match" not in lab.http.asked[-1][1]


# --- the contract -----------------------------------------------------------------------------


def refused(lab, feed, body) -> str:
    stored, memory = lab.bytes(feed), lab.memory(feed)
    outcome = lab.live(feed, body)
    assert outcome.status is Status.QUARANTINED
    assert outcome.failed
    assert (lab.bytes(feed), lab.memory(feed)) == (stored, memory)
    return outcome.reason


def test_a_snapshot_that_shrinks_is_quarantined(lab):
    lab.live(SNAPSHOT, addresses(0, 200))
    assert "79 indicators where the last good fetch had 200" in refused(
        lab, SNAPSHOT, addresses(0, 79)
    )
    outcome = lab.live(SNAPSHOT, addresses(0, 80))
    assert (outcome.status, outcome.withdrawn) == (Status.OK, 120)


def test_a_window_that_shrinks_is_measured_by_its_last_list(lab):
    for day in range(4):
        assert lab.live(LIST, addresses(day * 300, day * 300 + 300)).status is Status.OK
    assert len(lab.state(LIST)) == 1200
    refused(lab, LIST, addresses(0, 110))
    assert lab.live(LIST, addresses(0, 130)).status is Status.OK


def test_a_short_list_may_become_shorter(lab):
    lab.live(SNAPSHOT, addresses(0, 90))
    assert lab.live(SNAPSHOT, addresses(0, 2)).status is Status.OK


def test_too_many_rejected_rows_are_quarantined(lab):
    lab.live(LIST, addresses(0, 10))
    assert "3 of 13 rows are no indicators" in refused(lab, LIST, addresses(0, 10) + b"1..2\n" * 3)
    assert lab.live(LIST, addresses(0, 12) + b"1..2\n" * 3).status is Status.OK


def test_more_and_fewer_rows_than_declared_are_quarantined(lab):
    narrow = LIST.model_copy(update={"contract": Contract(least_rows=5, most_rows=10)})
    lab.live(narrow, addresses(0, 7))
    assert "4 rows where 5 to 10 are expected" in refused(lab, narrow, addresses(0, 4))
    refused(lab, narrow, addresses(0, 11))


def test_a_list_that_may_be_empty_withdraws_all_when_it_is(lab):
    header = '"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"\n'
    row = '"2025-06-04 21:24:53","192.0.2.1","80","online","2026-11-07","Emotet"\n'
    assert lab.live(FEODO, (header + row).encode()).kept == 1
    outcome = lab.live(FEODO, header.encode())
    assert (outcome.status, outcome.rows, outcome.withdrawn) == (Status.OK, 0, 1)


def test_a_payload_without_one_indicator_is_bad(lab):
    outcome = lab.live(LIST, b"maintenance\nplease wait\n")
    assert outcome.status is Status.BAD_PAYLOAD
    assert "none of 2 rows" in outcome.reason


def test_raw_bytes_are_kept_under_their_digest(lab):
    body = addresses(0, 9)
    lab.live(LIST, body)
    kept = lab.world.objects.get(f"payloads/{sha256(body).hexdigest()}.gz")
    assert gzip.decompress(kept.data) == body


# --- samples, files, --since ------------------------------------------------------------------


def test_a_sample_gives_way_to_the_first_real_fetch(lab, tmp_path):
    sample = tmp_path / "sample.txt"
    sample.write_bytes(addresses(0, 200))
    assert lab.file(LIST, sample, origin=Origin.SAMPLE).origin is Origin.SAMPLE
    outcome = lab.live(LIST, addresses(500, 505))
    assert (outcome.status, outcome.new, outcome.withdrawn) == (Status.OK, 5, 0)
    assert len(lab.state(LIST)) == 5


def test_a_failed_fetch_leaves_the_sample(lab, tmp_path):
    sample = tmp_path / "sample.txt"
    sample.write_bytes(addresses(0, 5))
    lab.file(LIST, sample, origin=Origin.SAMPLE)
    lab.live(LIST, SourceDown("down"))
    assert len(lab.state(LIST)) == 5


def test_the_same_bytes_of_another_origin_are_work(lab, tmp_path):
    file = tmp_path / "file.txt"
    file.write_bytes(addresses(0, 5))
    lab.live(LIST, Response(200, {"etag": '"1"'}, addresses(0, 5)))
    assert lab.file(LIST, file).status is Status.OK
    assert lab.live(LIST, addresses(0, 5)).status is Status.OK
    assert "if-none-match" not in lab.http.asked[-1][1]


def test_a_file_that_is_not_there_is_an_outcome(lab, tmp_path):
    assert lab.file(LIST, tmp_path / "none").status is Status.BAD_PAYLOAD


def dated(*days: int) -> bytes:
    entries = [(f"198.51.100.{d}", f"2026-11-{d:02}T00:00:00+00:00") for d in days]
    rows = [{"ipAddress": a, "abuseConfidenceScore": 100, "lastReportedAt": t} for a, t in entries]
    return orjson.dumps({"data": rows})


NINETEENTH = datetime(2026, 11, 19, tzinfo=UTC)


def test_since_leaves_earlier_rows_out_and_counts_them(lab):
    outcome = lab.live(ABUSEIPDB, dated(17, 18, 19, 20), since=NINETEENTH)
    assert (outcome.kept, outcome.rejected) == (2, {"before --since": 2})
    assert accounted(outcome)
    whole = lab.live(ABUSEIPDB, dated(17, 18, 19, 20))
    assert (whole.status, whole.new) == (Status.OK, 2)


@pytest.mark.parametrize("semantics", Semantics)
def test_what_since_leaves_out_is_not_withdrawn(lab, semantics):
    feed = ABUSEIPDB.model_copy(update={"semantics": semantics})
    lab.live(feed, dated(17, 18, 19))
    outcome = lab.live(feed, dated(17, 18, 19, 20), since=NINETEENTH)
    assert (outcome.status, outcome.new, outcome.withdrawn) == (Status.OK, 1, 0)


def test_since_may_leave_nothing(lab):
    outcome = lab.live(ABUSEIPDB, dated(17, 18), since=NINETEENTH)
    assert (outcome.status, outcome.kept) == (Status.OK, 0)


# --- pages ------------------------------------------------------------------------------------


def pulse(name: str, *found: str, **more) -> dict:
    told = {"type": "domain", "created": "2026-11-12T05:05:15", "expiration": None, "is_active": 1}
    indicators = [{"indicator": text, **told, **more} for text in found]
    return {"id": name, "modified": "2026-11-19T05:05:14", "tlp": "green", "indicators": indicators}


class Pages:
    """Answers by address; counts nothing that it was not asked."""

    def __init__(self, **pages: dict) -> None:
        pages = {"events": {"results": [], "next": None}, **pages}
        self.pages = {address: orjson.dumps(page) for address, page in pages.items()}
        self.asked: list[dict] = []

    def request(self, method, url, *, headers, params) -> Response:
        self.asked.append({"url": url, **params})
        return Response(200, {}, self.pages[url.rpartition("/")[2].rpartition("?")[2]])


def paged(lab, **pages: dict):
    object.__setattr__(lab.world, "http", Pages(**pages))
    return run(Job(OTX), lab.world)


API = "https://otx.alienvault.com/api/v1/pulses/"


def test_otx_is_read_to_the_last_page_and_to_the_end_of_long_pulses(lab):
    first = {"results": [{**pulse("p", "a.example"), "more_indicators": True}]}
    outcome = paged(
        lab,
        subscribed={**first, "next": f"{API}subscribed?2"},
        indicators={"results": pulse("p", "b.example")["indicators"], "next": None},
        **{"2": {"results": [pulse("q", "c.example")], "next": None}},
    )
    assert (outcome.status, outcome.rows) == (Status.OK, 3)
    assert values(lab, OTX) == {"a.example", "b.example", "c.example"}
    lab.pass_(hours=1)
    paged(lab, subscribed={"results": [], "next": None})
    assert lab.world.http.asked[0]["modified_since"] == "2026-11-20T04:00:00"
    assert len(lab.state(OTX)) == 3


def test_the_next_page_of_otx_is_at_otx(lab):
    outcome = paged(lab, subscribed={"results": [], "next": "https://evil.example/?2"})
    assert outcome.status is Status.BAD_PAYLOAD


def test_a_short_page_of_a_log_is_no_shrinking(lab):
    many = pulse("p", *(f"{i}.evil.example" for i in range(150)))
    paged(lab, subscribed={"results": [many], "next": None})
    outcome = paged(lab, subscribed={"results": [pulse("q", "new.example")], "next": None})
    assert (outcome.status, outcome.new, outcome.withdrawn) == (Status.OK, 1, 0)


def test_a_pulse_that_switches_an_indicator_off_withdraws_it(lab):
    paged(lab, subscribed={"results": [pulse("p", "a.example", "b.example")], "next": None})
    off = pulse("p", "a.example", is_active=0)
    outcome = paged(lab, subscribed={"results": [off], "next": None})
    assert (outcome.status, outcome.withdrawn) == (Status.OK, 1)
    assert values(lab, OTX) == {"b.example"}


def test_one_pulse_switches_it_off_and_another_holds_it_so_it_stays(lab):
    off, on = pulse("p", "a.example", is_active=0), pulse("q", "a.example")
    outcome = paged(lab, subscribed={"results": [off, on], "next": None})
    assert (outcome.kept, outcome.rejected) == (1, {"expired": 1})
    assert accounted(outcome)


# --- two at once, and killed in between -------------------------------------------------------

HOLD = """
import sys, pathlib
from tidegate.adapters.local.sightings import SegmentStore
with SegmentStore(pathlib.Path(sys.argv[1])).writing(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_a_feed_that_another_process_writes_is_left_to_it(lab):
    command = [sys.executable, "-c", HOLD, str(lab.home / "sightings"), LIST.name]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as other:  # noqa: S603 - ourselves
        assert other.stdout.readline() == b"held\n"
        outcome = lab.live(LIST, addresses(0, 9))
        other.kill()
    assert outcome.status is Status.SOURCE_DOWN
    assert "another process" in outcome.reason
    assert not lab.http.asked
    assert lab.live(LIST, addresses(0, 9)).status is Status.OK


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "what"),
    [(SegmentStore, "_point"), (SegmentStore, "commit"), (FeedTable, "remember")],
)
def test_killed_anywhere_the_next_run_makes_it_whole(lab, monkeypatch, where, what):
    lab.live(LIST, addresses(0, 9))
    calls = iter([False, True]) if what == "remember" else iter([True])
    real = getattr(where, what)

    def die(*args, **named):
        if next(calls):
            raise KeyboardInterrupt
        return real(*args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(where, what, die)
        with pytest.raises(KeyboardInterrupt):
            lab.live(LIST, addresses(0, 12))
    assert len(lab.state(LIST)) == (12 if what == "remember" else 9)
    again = lab.live(LIST, addresses(0, 12))
    assert again.status is Status.OK
    assert len(lab.state(LIST)) == 12
    assert lab.live(LIST, addresses(0, 12)).status is Status.UNCHANGED
    assert not list((lab.home / "scratch").iterdir())


# --- over the wire ----------------------------------------------------------------------------


class Source(BaseHTTPRequestHandler):
    body, statuses = addresses(0, 9), []

    def do_GET(self) -> None:
        tag = f'"{sha256(self.body).hexdigest()[:8]}"'
        same = self.headers.get("if-none-match") == tag
        self.statuses.append(304 if same else 200)
        self.send_response(self.statuses[-1])
        self.send_header("ETag", tag)
        self.send_header("Content-Length", "0" if same else str(len(self.body)))
        self.end_headers()
        self.wfile.write(b"" if same else self.body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_conditional_get_over_the_wire(lab):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Source)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    lab.world.urls[LIST.name] = f"http://127.0.0.1:{server.server_port}/all.txt"
    with HttpClient(allow_private=True, retries=0) as http:
        object.__setattr__(lab.world, "http", http)
        statuses = [run(Job(LIST), lab.world).status for _ in range(2)]
        Source.body = addresses(0, 11)
        changed = run(Job(LIST), lab.world)
    server.shutdown()
    server.server_close()
    assert statuses == [Status.OK, Status.UNCHANGED]
    assert Source.statuses == [200, 304, 200]
    assert (changed.status, changed.new) == (Status.OK, 2)


def test_the_log_of_a_run_carries_an_id_of_its_own(lab, caplog):
    caplog.handler.addFilter(Correlated())
    with caplog.at_level("INFO", logger="tidegate.ingest"):
        lab.live(LIST, b"192.0.2.1\n")
    assert {record.correlation.rpartition("-")[0] for record in caplog.records} == {LIST.name}


def test_every_run_is_remembered_with_its_payload(lab):
    lab.live(LIST, b"192.0.2.1\n")
    lab.live(LIST, SourceDown("no answer"))
    latest, first = lab.world.runs.newest(LIST.name, 10)
    assert (first.outcome.status, latest.outcome.status) == (Status.OK, Status.SOURCE_DOWN)
    [payload] = first.outcome.payloads
    assert payload == sha256(b"192.0.2.1\n").hexdigest()
    assert lab.world.objects.get(f"payloads/{payload}.gz") is not None
    assert lab.world.runs.get(first.id) == first
