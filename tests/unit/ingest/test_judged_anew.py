"""The same bytes are read again when what they are judged by has changed."""

from dataclasses import replace

import orjson
import pytest

from tidegate.adapters.local.withheld import WithheldFiles
from tidegate.declare.feed import FieldMap, Semantics, feeds
from tidegate.hygiene import Policy
from tidegate.model import Kind, Status, indicator_id
from tidegate.ports import Response
from tidegate.warninglists import Popularity, Warninglists, parse

LIST = feeds()["blocklist_de"].model_copy(update={"semantics": Semantics.SNAPSHOT})
BODY = b"203.0.113.1\n203.0.113.2\n198.51.100.7\n"


@pytest.fixture
def world(lab):
    lab.world = replace(lab.world, suppressed=WithheldFiles(lab.home / "suppressed"))
    return lab.world


def listing(*networks: str) -> Policy:
    raw = {"type": "cidr", "matching_attributes": ["ip-src"], "list": networks}
    lists = Warninglists.of([parse("cloud", orjson.dumps(raw))])
    return Policy(simulated=True, lists=lists)


def under(lab, policy: Policy) -> None:
    lab.world = replace(lab.world, policy=policy)
    lab.pass_(hours=1)


def values(lab) -> list[str]:
    return sorted(lab.state(LIST)["value"])


@pytest.mark.slow
@pytest.mark.parametrize("same", [BODY, Response(304, {}, b"")], ids=["bytes", "304"])
def test_a_new_warninglist_takes_out_what_it_names_and_an_old_one_gives_it_back(lab, world, same):
    tagged = Response(200, {"etag": '"1"'}, BODY)
    assert lab.live(LIST, tagged).kept == 3
    under(lab, listing("203.0.113.0/24"))
    outcome = lab.live(LIST, same)
    assert (outcome.status, outcome.suppressed, outcome.withdrawn) == (Status.OK, 2, 2)
    assert values(lab) == ["198.51.100.7"]
    [one] = lab.world.suppressed.of(indicator_id(Kind.IPV4, "203.0.113.1"))
    assert one.why == "warninglist cloud"
    assert lab.live(LIST, same).status is Status.UNCHANGED
    under(lab, listing("192.0.2.0/24"))
    assert lab.live(LIST, same).new == 2
    assert len(values(lab)) == 3


def many(first: int, last: int) -> bytes:
    return "".join(f"198.51.{100 + n // 256}.{n % 256}\n" for n in range(first, last)).encode()


def test_a_new_warninglist_is_no_shrinking_of_the_feed(lab, world):
    lab.live(LIST, many(0, 400))
    under(lab, listing("198.51.100.0/24"))
    outcome = lab.live(LIST, many(0, 400))
    assert (outcome.status, outcome.withdrawn) == (Status.OK, 256)


def test_what_left_a_window_is_judged_anew_as_well(lab, world):
    window = LIST.model_copy(update={"semantics": Semantics.WINDOW})
    lab.live(window, b"203.0.113.1\n")
    lab.pass_(hours=1)
    lab.live(window, b"198.51.100.7\n")
    under(lab, listing("203.0.113.0/24"))
    outcome = lab.live(window, b"198.51.100.7\n")
    assert (outcome.status, outcome.withdrawn) == (Status.OK, 1)
    assert values(lab) == ["198.51.100.7"]
    [one] = lab.world.suppressed.of(indicator_id(Kind.IPV4, "203.0.113.1"))
    assert one.why == "warninglist cloud"


def test_nothing_is_fetched_for_it_when_the_source_says_304(lab, world):
    lab.live(LIST, Response(200, {"etag": '"1"'}, BODY))
    under(lab, listing("203.0.113.0/24"))
    lab.live(LIST, Response(304, {}, b""))
    assert [headers.get("if-none-match") for _, headers in lab.http.asked] == [None, '"1"']
    lab.live(LIST, Response(304, {}, b""))
    assert lab.http.asked[-1][1]["if-none-match"] == '"1"'


def test_an_allow_list_counts_as_policy(lab, world):
    lab.live(LIST, BODY)
    under(lab, Policy(("203.0.113.2",), simulated=True))
    assert lab.live(LIST, BODY).withdrawn == 1


def test_a_declaration_that_reads_otherwise_counts_too(lab, world):
    lab.live(LIST, BODY)
    surer = LIST.model_copy(
        update={"indicator": FieldMap(kind="address", value="line", confidence=90)}
    )
    outcome = lab.live(surer, BODY)
    assert (outcome.status, outcome.changed) == (Status.OK, 3)
    assert lab.live(surer, BODY).status is Status.UNCHANGED


def test_a_payload_that_is_gone_is_asked_for_again(lab, world):
    lab.live(LIST, Response(200, {"etag": '"1"'}, BODY))
    for name in list(world.objects.names("payloads/")):
        world.objects.delete(name)
    under(lab, listing("203.0.113.0/24"))
    answers = iter([Response(304, {}, b""), Response(200, {"etag": '"1"'}, BODY)])
    lab.http._next = lambda url, headers: lab.http.asked.append((url, headers)) or next(answers)
    lab.http.asked.clear()
    outcome = lab.live(LIST, b"")
    assert (outcome.status, outcome.suppressed) == (Status.OK, 2)
    assert ["if-none-match" in headers for _, headers in lab.http.asked] == [True, False]


def test_the_same_bytes_stay_as_old_as_they_are(lab, world):
    lab.live(LIST, BODY)
    first = world.feeds.state(LIST.name).changed
    under(lab, listing("203.0.113.0/24"))
    lab.live(LIST, BODY)
    assert world.feeds.state(LIST.name).changed == first


def test_another_entry_another_list_another_rank_is_another_policy():
    one, other = listing("203.0.113.0/24"), listing("203.0.113.0/25")
    ranked = Policy(simulated=True, popular=Popularity.of("1,a.example.org\n"))
    policies = [one, other, ranked, Policy(simulated=True), Policy(), Policy(("a.example",))]
    assert len({policy.version for policy in policies}) == len(policies)
    assert one.version == listing("203.0.113.0/24").version
