"""What is too odd to be let in: growth, harmless rows, columns, old lists, proven shrinking."""

from dataclasses import replace

import orjson
import pytest

from tidegate.declare.feed import Contract, Feed, FieldMap, Format, Semantics, feeds
from tidegate.hygiene import Policy
from tidegate.model import Status
from tidegate.ports import Response, SourceDown
from tidegate.warninglists import Warninglists, parse

LIST = feeds()["blocklist_de"].model_copy(update={"semantics": Semantics.SNAPSHOT})
FEODO = feeds()["feodo"]
NETWORKS = {"type": "cidr", "matching_attributes": ["ip-src"]}


def addresses(first: int, last: int) -> bytes:
    return "".join(f"198.51.{100 + i // 256}.{i % 256}\n" for i in range(first, last)).encode()


def under(feed: Feed = LIST, **contract) -> Feed:
    return feed.model_copy(update={"contract": Contract(**contract)})


def ran(lab, feed: Feed, body: bytes):
    lab.pass_(hours=12)
    outcome = lab.live(feed, body)
    return outcome.status, outcome.reason


# --- growth -----------------------------------------------------------------------------------


def test_a_list_that_grows_beyond_all_measure_is_quarantined(lab):
    feed = under(growth=3, room=200)
    assert ran(lab, feed, addresses(0, 100))[0] is Status.OK
    status, reason = ran(lab, feed, addresses(0, 301))
    assert (status, reason) == (
        Status.QUARANTINED,
        "301 indicators where the last good fetch had only 100",
    )
    assert len(lab.state(feed)) == 100
    assert ran(lab, feed, addresses(0, 300))[0] is Status.OK


def test_a_small_list_has_room_to_grow_and_a_new_one_any(lab):
    feed = under(growth=2, room=500)
    assert ran(lab, feed, addresses(0, 3))[0] is Status.OK
    assert ran(lab, feed, addresses(0, 500))[0] is Status.OK
    other = feed.model_copy(update={"name": "other"})
    assert ran(lab, other, addresses(0, 700))[0] is Status.OK


def test_by_default_a_list_may_grow_to_ten_thousand_or_tenfold(lab):
    assert (Contract().growth, Contract().room) == (10, 10_000)


# --- shrinking --------------------------------------------------------------------------------


def test_a_collapse_that_hygiene_hides_is_one_of_rows(lab):
    """Most of SANS's list are public resolvers: three quarters of it may go, and half remain."""
    harmless = [f"10.0.{i // 256}.{i % 256}" for i in range(300)]
    whole = "\n".join(harmless).encode() + b"\n" + addresses(0, 150)
    assert ran(lab, LIST, whole)[0] is Status.OK
    status, reason = ran(lab, LIST, addresses(0, 140))
    assert (status, reason) == (
        Status.QUARANTINED,
        "140 rows where the last good fetch had 450",
    )
    assert len(lab.state(LIST)) == 150


def test_a_list_that_drops_its_repeats_has_not_come_down(lab):
    assert ran(lab, LIST, addresses(0, 150) * 9)[0] is Status.OK
    assert ran(lab, LIST, addresses(0, 150))[0] is Status.OK


# --- rows that are known to be harmless -------------------------------------------------------


def suppressing(lab, *networks: str) -> None:
    lists = Warninglists.of([parse("cloud", orjson.dumps({**NETWORKS, "list": networks}))])
    lab.world = replace(lab.world, policy=Policy(simulated=True, lists=lists))


def test_a_list_of_harmless_rows_is_quarantined(lab):
    suppressing(lab, "198.51.100.0/24")
    feed = under(suppressed=40)
    assert ran(lab, feed, addresses(160, 400))[0] is Status.OK
    status, reason = ran(lab, feed, addresses(100, 300))
    assert (status, reason) == (Status.QUARANTINED, "78 % of 200 rows are known to be harmless")
    run = lab.world.runs.newest(feed.name, 1)[0].outcome
    assert (run.rows, run.suppressed) == (200, 156)


def test_a_few_harmless_rows_say_nothing(lab):
    suppressing(lab, "198.51.100.0/24")
    assert ran(lab, under(suppressed=10), addresses(0, 90) + b"192.0.2.1\n")[0] is Status.OK


def test_a_jump_of_harmless_rows_is_quarantined(lab):
    suppressing(lab, "198.51.100.0/24")
    feed = under(jump=20)
    assert ran(lab, feed, addresses(246, 446))[0] is Status.OK  # 5 %
    status, reason = ran(lab, feed, addresses(200, 400))  # 28 %
    assert (status, reason) == (
        Status.QUARANTINED,
        "28 % of the rows are known to be harmless, where it were 5 %",
    )
    assert ran(lab, feed, addresses(210, 410))[0] is Status.OK  # 23 %


def test_a_jump_that_a_new_warninglist_makes_is_not_the_feeds(lab):
    feed = under(jump=20)
    suppressing(lab, "203.0.113.0/24")
    assert ran(lab, feed, addresses(200, 400))[0] is Status.OK
    suppressing(lab, "198.51.100.0/24")
    assert ran(lab, feed, addresses(200, 401))[0] is Status.OK


# --- columns ----------------------------------------------------------------------------------

HEAD = "first_seen_utc,dst_ip,dst_port,c2_status,last_online,malware"
ROW = "2025-06-04 21:24:53,192.0.2.{},80,online,2026-11-07,Emotet"


def csv(head: str, *more: str, last: int = 1) -> bytes:
    return "\n".join([head, *(",".join([ROW.format(last), *more]) for _ in range(1))]).encode()


def test_a_new_column_is_told_once_and_read_past(lab):
    assert lab.live(FEODO, csv(HEAD)).notes == ()
    outcome = lab.live(FEODO, csv(f"{HEAD},country", "DE"))
    assert (outcome.status, outcome.notes) == (Status.OK, ("new column country",))
    assert lab.live(FEODO, csv(f"{HEAD},country", "FR")).notes == ()
    gone = lab.live(FEODO, csv(HEAD, last=2))
    assert gone.notes == ("column country is gone",)


def test_columns_may_change_places(lab):
    head = "dst_ip,first_seen_utc,dst_port,c2_status,last_online,malware"
    row = "192.0.2.9,2025-06-04 21:24:53,80,online,2026-11-07,Emotet"
    assert lab.live(FEODO, f"{head}\n{row}\n".encode()).kept == 1
    assert lab.state(FEODO)["value"].to_list() == ["192.0.2.9"]


@pytest.mark.parametrize("lost", ["dst_ip", "malware"])
def test_a_column_that_is_used_and_missing_is_named(lab, lost):
    lab.live(FEODO, csv(HEAD))
    outcome = lab.live(FEODO, csv(HEAD.replace(lost, "renamed")))
    assert (outcome.status, outcome.reason) == (
        Status.BAD_PAYLOAD,
        f"the column {lost} is missing",
    )
    assert lab.state(FEODO)["value"].to_list() == ["192.0.2.1"]


def test_a_column_that_comes_twice_is_refused(lab):
    outcome = lab.live(FEODO, csv(f"{HEAD},malware", "x"))
    assert outcome.status is Status.BAD_PAYLOAD


def keyed(*names: str, rows: int = 3) -> bytes:
    lines = [dict.fromkeys(names, f"192.0.2.{at}") for at in range(rows)]
    return b"\n".join(map(orjson.dumps, lines))


JSONL = LIST.model_copy(
    update={
        "format": Format.JSONL,
        "indicator": FieldMap(kind="address", value="ip", threat="family"),
    }
)


def test_keys_of_json_lines_are_compared_with_the_last_fetch(lab):
    assert lab.live(JSONL, keyed("ip", "family")).notes == ()
    assert lab.live(JSONL, keyed("ip", "family", "asn")).notes == ("new column asn",)
    outcome = lab.live(JSONL, keyed("ip", "asn", rows=4))
    assert (outcome.status, outcome.reason) == (
        Status.QUARANTINED,
        "the column family is missing",
    )


# --- the same bytes for long ------------------------------------------------------------------


def test_a_list_that_never_changes_is_told_of_and_kept(lab):
    feed = under(stale="3d")
    lab.live(feed, addresses(0, 9))
    lab.pass_(days=3)
    assert lab.live(feed, addresses(0, 9)).notes == ()
    lab.pass_(hours=1)
    outcome = lab.live(feed, addresses(0, 9))
    assert (outcome.failed, outcome.notes) == (False, ("the same bytes since 2026-11-20",))
    assert len(lab.state(feed)) == 9
    assert lab.world.feeds.trouble(feed.name).state == "stale"
    lab.pass_(hours=1)
    assert lab.live(feed, addresses(0, 10)).notes == ()
    assert lab.world.feeds.trouble(feed.name).state is None


def test_a_304_is_the_same_bytes_and_an_outage_is_not(lab):
    feed = under(stale="1d")
    lab.live(feed, Response(200, {"etag": '"1"'}, addresses(0, 9)))
    lab.pass_(hours=25)
    assert lab.live(feed, SourceDown("no answer")).notes == ()
    assert lab.live(feed, Response(304, {}, b"")).notes == ("the same bytes since 2026-11-20",)


def test_a_list_may_be_declared_to_stay(lab):
    feed = under(stale=None)
    lab.live(feed, addresses(0, 9))
    lab.pass_(days=900)
    assert lab.live(feed, addresses(0, 9)).notes == ()


# --- a shrinking that several fetches tell of -------------------------------------------------


def test_without_confirmation_a_shrunk_list_stays_out(lab):
    lab.live(LIST, addresses(0, 400))
    assert {ran(lab, LIST, addresses(0, 10 + n))[0] for n in range(4)} == {Status.QUARANTINED}
    assert len(lab.state(LIST)) == 400


def test_so_many_fetches_that_say_the_same_are_believed(lab):
    feed = under(confirm=3)
    lab.live(feed, addresses(0, 400))
    told = [ran(lab, feed, addresses(0, 10 + n)) for n in range(3)]
    assert [status for status, _ in told] == [Status.QUARANTINED] * 2 + [Status.OK]
    assert "1 of 3 fetches that have to say so" in told[0][1]
    assert len(lab.state(feed)) == 12
    assert lab.world.feeds.trouble(feed.name).shrunk_times == 1 + 2


def test_another_story_in_between_begins_anew(lab):
    feed = under(confirm=2)
    lab.live(feed, addresses(0, 1_000))
    assert ran(lab, feed, addresses(0, 300))[0] is Status.QUARANTINED
    assert ran(lab, feed, addresses(0, 3))[0] is Status.QUARANTINED
    assert ran(lab, feed, addresses(0, 301))[0] is Status.QUARANTINED
    assert ran(lab, feed, addresses(0, 999))[0] is Status.OK
    assert ran(lab, feed, addresses(0, 302))[0] is Status.QUARANTINED
    assert ran(lab, feed, addresses(0, 303))[0] is Status.OK


def test_asked_twice_at_once_it_says_the_same_once(lab):
    feed = under(confirm=2)
    lab.live(feed, addresses(0, 400))
    assert ran(lab, feed, addresses(0, 10))[0] is Status.QUARANTINED
    for n in range(5):
        assert lab.live(feed, addresses(0, 11 + n)).status is Status.QUARANTINED
    assert ran(lab, feed, addresses(0, 10))[0] is Status.OK
