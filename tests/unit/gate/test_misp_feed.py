"""The MISP feed: what we write, our own reader reads; a day's change rewrites a day's events."""

import hashlib
import json
from datetime import timedelta

import polars as pl
import pytest
from published_rows import DAY, NOW, everything, row, the_set

from tidegate import misp
from tidegate.gate import misp_feed
from tidegate.gate.misp_feed import Feed, feed
from tidegate.model import Kind
from tidegate.ports import Response
from tidegate.sharing import Terms

OPEN = Terms()
BASE = "https://tidegate.example/api/misp/"


def files(held: Feed) -> dict[str, bytes]:
    events = {f"{one}.json": misp_feed.event(held, one) for one in held.events["uuid"]}
    return {"manifest.json": misp_feed.manifest(held), **events}


def read(frame: pl.DataFrame, terms: Terms = OPEN) -> list[dict]:
    """Read the feed as the project's own reader does."""
    found = files(feed(frame, terms))
    pages = misp.pages(lambda url, _: Response(200, {}, found[url]), NOW - 99 * DAY, None)
    return [one for page in pages for one in misp.rows(page, BASE)]


def test_every_kind_that_misp_has_reads_back_as_itself():
    shapes = {"ipv4": "address", "ipv6": "address", "cidr": "address"}
    unknown = {"cve", "process"}
    expected = {
        (shapes.get(kind, kind), value)
        for kind, value in everything().select("kind", "value").iter_rows()
        if kind not in unknown
    }
    assert {(one["shape"], one["value"]) for one in read(everything())} == expected


def test_what_is_said_of_it_reads_back():
    said = row("a.example", threat="Emotet", tags=["c2", "port:443"], tlp="green")
    (one,) = read(the_set(said), Terms(attributions={"alpha": "(c) Alpha"}))
    assert (one["threat"], one["tags"], one["tlp"]) == ("Emotet", "c2,port:443", "green")
    assert one["expires"] is None
    held = feed(the_set(said), Terms(attributions={"alpha": "(c) Alpha"}))
    (event,) = held.events["uuid"]
    (attribute,) = json.loads(misp_feed.event(held, event))["Event"]["Attribute"]
    assert attribute["comment"] == "(c) Alpha"


def test_what_left_is_over_since_then():
    (one,) = read(the_set(row("a.example", gone=NOW, changed=NOW)))
    assert one["expires"] == str(int(NOW.timestamp()))


def test_what_is_not_for_others_is_not_in_it():
    rows = [row("a.example", tlp="amber"), row("b.example", sources=["private"])]
    assert misp_feed.manifest(feed(the_set(*rows), Terms(frozenset({"private"})))) == b"{}"


def days(count: int, **last) -> pl.DataFrame:
    return the_set(
        *(
            row(f"{n}.example", since=NOW - n * DAY, **(last if n == count - 1 else {}))
            for n in range(count)
        )
    )


def changed(before: pl.DataFrame, after: pl.DataFrame) -> set[str]:
    """Return the files that became others."""
    old, new = files(feed(before, OPEN)), files(feed(after, OPEN))
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def test_one_days_change_rewrites_no_other_day():
    left = days(9, gone=NOW, changed=NOW)
    events = changed(days(9), left) - {"manifest.json"}
    assert len(events) == 1
    new = pl.concat([days(9), the_set(row("new.example", since=NOW + DAY))])
    assert len(changed(days(9), new)) == 2


@pytest.mark.parametrize("more", [{"score": 12.0}, {"changed": NOW}, {"last_seen": NOW}], ids=str)
def test_what_an_attribute_does_not_say_rewrites_nothing(more):
    assert changed(days(9), days(9, **more)) == set()


def test_a_reader_asks_for_what_changed_alone():
    asked: list[str] = []
    found = files(feed(days(9), OPEN))

    def get(url, _):
        asked.append(url)
        return Response(200, {}, found[url])

    reading = misp.pages(get, NOW - 99 * DAY, None)
    while True:
        try:
            next(reading)
        except StopIteration as ended:
            cursor = ended.value
            break
    assert len(asked) == 10
    asked.clear()
    found = files(feed(days(9, gone=NOW + DAY, changed=NOW + DAY), OPEN))
    assert len(list(misp.pages(get, NOW, cursor))) == 1
    assert len(asked) == 2


def test_what_comes_back_has_another_id_in_another_event():
    held = feed(the_set(row("a.example")), OPEN)
    back = feed(the_set(row("a.example", since=NOW + 9 * DAY)), OPEN)
    ids = set()
    for each in (held, back):
        (event,) = each.events["uuid"]
        (attribute,) = json.loads(misp_feed.event(each, event))["Event"]["Attribute"]
        ids |= {event, attribute["uuid"]}
    assert len(ids) == 4


def test_hashes_lead_to_events():
    held = feed(the_set(row("a.example"), row("b.example", gone=NOW)), OPEN)
    (event,) = held.events["uuid"]
    digest = hashlib.md5(b"a.example").hexdigest()  # noqa: S324 - MISP's own
    assert misp_feed.hashes(held).decode() == f"{digest},{event}\n"


def test_of_nothing_there_is_an_empty_feed():
    held = feed(the_set(), OPEN)
    assert (misp_feed.manifest(held), misp_feed.hashes(held)) == (b"{}", b"")
    assert misp_feed.event(held, "no such") is None


def test_times_are_those_of_coming_and_leaving():
    then = NOW - timedelta(hours=1)
    held = feed(the_set(row("a.example", Kind.DOMAIN, since=then, changed=NOW)), OPEN)
    (about,) = json.loads(misp_feed.manifest(held)).values()
    assert (about["timestamp"], about["date"]) == (str(int(then.timestamp())), "2026-03-01")
