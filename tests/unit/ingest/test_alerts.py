"""One line in the log for each change of a feed's state, and none in between."""

import re
from datetime import timedelta

import pytest

from tidegate.declare.feed import Contract, Semantics, feeds
from tidegate.ingest.alerts import PATIENCE, alert, plain
from tidegate.ingest.run import Job, run
from tidegate.model import Origin
from tidegate.ports import BadPayload, QuotaSpent, SourceDown

LIST = feeds()["blocklist_de"].model_copy(
    update={"semantics": Semantics.SNAPSHOT, "contract": Contract(stale="2d")}
)
LINE = re.compile(r'alert feed=(\S+) state=(\S+) reason="([^"\n]*)"')


def addresses(last: int) -> bytes:
    return "".join(f"198.51.100.{i}\n" for i in range(last)).encode()


@pytest.fixture
def lines(caplog):
    """Return what was told since it was last asked: (level, state) of each line."""

    def told() -> list[tuple[str, str]]:
        found = [
            (record.levelname, matched[2])
            for record in caplog.records
            if (matched := LINE.fullmatch(record.getMessage())) and matched[1] == LIST.name
        ]
        caplog.clear()
        return found

    return told


def test_a_feed_that_is_well_tells_nothing(lab, lines):
    lab.live(LIST, addresses(200))
    lab.live(LIST, addresses(200))
    assert lines() == []


def test_each_change_of_state_is_one_line(lab, lines):
    lab.live(LIST, addresses(200))
    for body, told in [
        (addresses(9), [("ERROR", "quarantined")]),
        (addresses(8), []),
        (SourceDown("no answer"), []),
        (addresses(9), []),
        (BadPayload("answered 403"), [("WARNING", "bad")]),
        (BadPayload("answered 403"), []),
        (QuotaSpent("answered 429"), [("WARNING", "quota")]),
        (addresses(201), [("WARNING", "good")]),
        (addresses(202), []),
    ]:
        lab.pass_(hours=6)
        lab.live(LIST, body)
        assert lines() == told


def test_a_source_is_down_when_it_has_missed_its_time_thrice(lab, lines):
    lab.live(LIST, addresses(9))
    told = []
    for _ in range(PATIENCE + 3):
        lab.pass_(hours=6)
        lab.live(LIST, SourceDown("no answer"))
        told.append(lines())
    assert told == [[]] * (PATIENCE + 1) + [[("WARNING", "down")], []]
    assert lab.live(LIST, addresses(10)).new == 1
    assert lines() == [("WARNING", "good")]


def test_an_answer_in_between_ends_the_wait(lab, lines):
    for _ in range(PATIENCE):
        lab.pass_(hours=6)
        lab.live(LIST, SourceDown("no answer"))
    lab.live(LIST, addresses(9))
    for _ in range(PATIENCE):
        lab.pass_(hours=6)
        lab.live(LIST, SourceDown("no answer"))
    assert lines() == []


def test_an_old_list_is_told_once(lab, lines):
    told = []
    for _ in range(16):
        lab.live(LIST, addresses(9))
        lab.pass_(hours=6)
        told += lines()
    assert told == [("WARNING", "stale")]
    lab.live(LIST, addresses(10))
    assert lines() == [("WARNING", "good")]


def test_what_was_told_survives_a_restart_and_a_crash_repeats_it(lab, lines, monkeypatch):
    lab.live(LIST, addresses(200))

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("tidegate.adapters.local.feeds.FeedTable.note", die)
        with pytest.raises(KeyboardInterrupt):
            lab.live(LIST, addresses(9))
    assert lines() == [("ERROR", "quarantined")]
    lab.live(LIST, addresses(9))
    assert lines() == [("ERROR", "quarantined")]
    lab.live(LIST, addresses(9))
    assert lines() == []


def test_a_file_a_part_and_a_dry_run_say_nothing_of_the_source(lab, lines, tmp_path):
    lab.live(LIST, addresses(200))
    file = tmp_path / "list.txt"
    file.write_bytes(addresses(9))
    lab.file(LIST, file)
    lab.file(LIST, file, origin=Origin.SAMPLE)
    lab.http.answer = addresses(9)
    run(Job(LIST, dry=True), lab.world)
    run(Job(LIST, since=lab.now - timedelta(days=1)), lab.world)
    assert lines() == []
    assert lab.world.feeds.trouble(LIST.name).state is None


def test_a_hostile_reason_stays_inside_its_quotes(lab, caplog):
    alert("f", "bad", 'x" state=good\n\x1b[31m' + "y" * 999, lab.world.feeds, lab.now)
    [record] = caplog.records
    matched = LINE.fullmatch(record.getMessage())
    assert matched
    assert matched[3].startswith("x' state=good  [31myyy")
    assert len(plain("y" * 999)) == 300
