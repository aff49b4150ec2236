"""Real lists in the order in which they were published, judged with real warninglists."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegate.adapters.warninglists import Folder
from tidegate.declare.feed import Feed, feeds
from tidegate.hygiene import Policy
from tidegate.model import Outcome, Status

pytestmark = pytest.mark.slow

ALL = feeds()
SERIES = {
    "spamhaus_drop": "spamhaus/series/spamhaus_drop_v4_daily",
    "threatfox": "threatfox/series/threatfox_json_6h",
    "openphish": "openphish/series/openphish_12h",
}


@pytest.fixture(scope="module")
def warned(tmp_path_factory):
    """Return the policy with the stored warninglists."""
    found = {}

    def read(folder: Path) -> Policy:
        if not found:
            lists = Folder(tmp_path_factory.mktemp("lists"))
            for file in folder.glob("*.json"):
                lists.install(file.stem, file.read_bytes())
            found["policy"] = Policy(lists=lists.lists(), popular=lists.popularity())
        return found["policy"]

    return read


def version(lab, feed: Feed, file: Path) -> Outcome:
    lab.now = datetime.fromtimestamp(int(file.name.partition("_")[0]), UTC)
    return lab.file(feed, file)


@pytest.mark.parametrize("lists", [False, True], ids=["bare", "warninglists"])
def test_no_collapse_of_sans_withdraws_an_indicator(lab, stored, warned, lists):
    """It falls from 106,539 rows to none, to 29,993 and to 4; most of them are resolvers."""
    if lists:
        object.__setattr__(lab.world, "policy", warned(stored("warninglists/misp")))
    feed, refused, before = ALL["cins"], [], {}
    for file in sorted(stored("dshield/series/isc_sans_collapses").glob("*.gz")):
        outcome = version(lab, feed, file)
        if outcome.failed:
            refused.append((outcome.status, outcome.rows))
            assert outcome.withdrawn == 0
            assert lab.bytes(feed) == before
        else:
            assert outcome.rows > 100_000
        before = lab.bytes(feed)
    quarantined = Status.QUARANTINED
    assert refused == [(Status.BAD_PAYLOAD, 0), (quarantined, 29_993), (quarantined, 4)]


def test_the_truncated_catalogue_leaves_every_byte_of_the_last_good_one(lab, stored):
    feed = ALL["cisa_kev"]
    good, cut, mended = sorted(stored("cisa_kev/series/cisa_kev_broken").glob("*.gz"))
    assert version(lab, feed, good).status is Status.OK
    before, memory = lab.bytes(feed), lab.memory(feed)
    assert version(lab, feed, cut).status is Status.BAD_PAYLOAD
    assert (lab.bytes(feed), lab.memory(feed)) == (before, memory)
    assert version(lab, feed, mended).status is Status.UNCHANGED


@pytest.mark.parametrize(("name", "saved"), [("spamhaus_drop", 3), ("threatfox", 6)])
def test_every_good_version_passes_and_only_changes_are_written(lab, stored, warned, name, saved):
    object.__setattr__(lab.world, "policy", warned(stored("warninglists/misp")))
    feed, written, whole = ALL[name], 0, 0
    for file in sorted(stored(SERIES[name]).glob("*.gz")):
        outcome = version(lab, feed, file)
        assert (outcome.status, outcome.reason) == (Status.OK, None)
        written += int((lab.state(feed)["written"] == lab.now).sum())
        whole += outcome.kept
    assert written * saved < whole


def test_a_list_that_is_always_another_passes_and_ends_by_time_alone(lab, stored, warned):
    object.__setattr__(lab.world, "policy", warned(stored("warninglists/misp")))
    feed, known = ALL["openphish"], {}
    for file in sorted(stored(SERIES["openphish"]).glob("*.gz")):
        outcome = version(lab, feed, file)
        assert (outcome.status, outcome.reason) == (Status.OK, None)
        state = lab.state(feed)
        gone = known.keys() - set(state["id"])
        assert outcome.withdrawn == len(gone)
        assert all(known[one] <= lab.now for one in gone)
        known = dict(state.select("id", "expires").rows())
    assert len(known) > 3_000
