"""Suppressed is not lost: what hygiene keeps out stays readable, with its reason."""

from dataclasses import replace

import polars as pl
import pytest

from tidegate.adapters.local.withheld import WithheldFiles
from tidegate.declare.feed import Suppress, feeds
from tidegate.hygiene import Policy
from tidegate.ingest.withheld import WITHHELD
from tidegate.model import Kind, Status, indicator_id
from tidegate.warninglists import Warninglists, parse

LISTED = b'{"type": "cidr", "matching_attributes": ["ip-src"], "list": ["203.0.113.0/25"]}'
BODY = b"203.0.113.1\n203.0.113.200\n203.0.113.201\n"


@pytest.fixture
def feed():
    found = feeds()["blocklist_de"]
    return found.model_copy(
        update={"contract": found.contract.model_copy(update={"least_rows": 1})}
    )


@pytest.fixture
def world(lab):
    lists = Warninglists.of([parse("cloud", LISTED)])
    policy = Policy(simulated=True, lists=lists)
    kept_out = WithheldFiles(lab.home / "suppressed")
    lab.world = replace(lab.world, policy=policy, suppressed=kept_out)
    return lab.world


def of(world, value: str):
    return world.suppressed.of(indicator_id(Kind.IPV4, value))


def test_a_suppressed_value_says_which_list_has_it(lab, world, feed):
    outcome = lab.live(feed, BODY)
    assert (outcome.status, outcome.kept, outcome.suppressed) == (Status.OK, 2, 1)
    (one,) = of(world, "203.0.113.1")
    assert (one.why, one.sighting.source) == ("warninglist cloud", feed.name)
    assert one.sighting.value == "203.0.113.1"
    assert of(world, "203.0.113.200") == []
    assert world.sightings.of(indicator_id(Kind.IPV4, "203.0.113.1")) == []


def test_a_list_that_lets_go_lets_the_value_in_and_forgets_it(lab, world, feed):
    lab.live(feed, BODY)
    lab.world = replace(world, policy=Policy(simulated=True))
    lab.pass_(hours=12)
    lab.live(feed, BODY + b"203.0.113.9\n")
    assert of(world, "203.0.113.1") == []
    assert len(world.sightings.of(indicator_id(Kind.IPV4, "203.0.113.1"))) == 1


def test_what_left_a_window_is_kept_until_it_expires(lab, world, feed):
    window = feed.model_copy(update={"semantics": "window"})
    lab.live(window, BODY)
    lab.pass_(hours=12)
    lab.live(window, BODY.replace(b"203.0.113.1\n", b"203.0.113.2\n"))
    assert len(of(world, "203.0.113.1")) == len(of(world, "203.0.113.2")) == 1
    lab.pass_(days=400)
    lab.live(window, BODY.replace(b"203.0.113.1\n", b"203.0.113.3\n"))
    assert of(world, "203.0.113.1") == []


def test_a_feed_may_mean_what_a_list_calls_harmless(lab, world, feed):
    meant = feed.model_copy(update={"suppress": Suppress.model_validate({"except": ["cloud"]})})
    assert lab.live(meant, BODY).suppressed == 0


def test_a_source_without_a_file_has_nothing_kept_out(tmp_path):
    files = WithheldFiles(tmp_path / "none")
    files.replace("one", pl.DataFrame(schema=WITHHELD))
    assert files.state("one").schema == pl.Schema(WITHHELD)
    assert files.of("0" * 32) == []
    assert not files.root.exists()
    with pytest.raises(ValueError, match="name"):
        files.state("../x")
