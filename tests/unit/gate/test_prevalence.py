"""Common signed files are found by asking Defender, a few a cycle, and each once a month."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from tidegate.adapters.local.files import FileObjects
from tidegate.gate.prevalence import (
    HOLDS,
    KEPT,
    NAME,
    NOT_ASKED,
    NOT_TOLD,
    ask,
    barred,
    reasons,
    remembered,
)
from tidegate.model import Kind
from tidegate.ports import BadPayload, FileFacts, QuotaSpent, Refused, SourceDown

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
COMMON = FileFacts(everywhere=2_000_000, signer="Contoso", trusted=True)


class Defender:
    """Answers about files what it was told, and writes down what it was asked."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def file(self, digest):
        self.asked.append(digest)
        answer = self.answers.get(digest[:2])
        if isinstance(answer, Exception):
            raise answer
        return answer


def sha256(start: str) -> str:
    return start.ljust(64, "0")


def hashes(*starts: str, kind: Kind = Kind.SHA256) -> pl.DataFrame:
    return pl.DataFrame({"kind": [kind.value] * len(starts), "value": [sha256(s) for s in starts]})


def told(chosen: pl.DataFrame, facts: pl.DataFrame) -> list[str | None]:
    return reasons(chosen["kind"], chosen["value"], facts).to_list()


@pytest.fixture
def objects(tmp_path):
    return FileObjects(tmp_path, lambda: NOW)


def test_a_common_signed_file_is_named_with_signer_and_machines(objects):
    rare = FileFacts(everywhere=9_999, signer="Contoso", trusted=True)
    forged = FileFacts(everywhere=2_000_000, signer="Contoso", trusted=False)
    unsigned = FileFacts(everywhere=2_000_000)
    devices = Defender(aa=COMMON, bb=rare, cc=forged, dd=unsigned)
    chosen = hashes("aa", "bb", "cc", "dd", "ee")
    found = told(chosen, ask(chosen, devices, objects, NOW))
    assert found == ["signed by Contoso and on 2000000 machines", None, None, None, None]


def test_what_was_asked_is_asked_again_a_month_later(objects):
    devices, chosen = Defender(aa=COMMON), hashes("aa", "bb")
    for hours in (0, 1, 24):
        facts = ask(chosen, devices, objects, NOW + timedelta(hours=hours))
        assert told(chosen, facts)[0] is not None
    assert devices.asked == chosen["value"].to_list()
    assert told(chosen, remembered(objects, NOW + HOLDS - timedelta(minutes=1)))[0] is not None
    assert remembered(objects, NOW + HOLDS).is_empty()
    ask(chosen, devices, objects, NOW + HOLDS)
    assert len(devices.asked) == 4


def test_only_files_that_defender_can_find_are_asked_about(objects):
    devices = Defender(aa=COMMON)
    others = [hashes("aa", kind=kind) for kind in (Kind.MD5, Kind.MUTEX, Kind.DOMAIN)]
    facts = ask(pl.concat(others), devices, objects, NOW)
    assert devices.asked == []
    assert objects.get(NAME) is None
    facts = ask(hashes("aa"), devices, objects, NOW)
    assert told(pl.concat(others), facts) == [None, None, None]


def test_an_md5_is_not_blocked_where_defender_tells_of_files_unless_it_is_held(objects):
    rows = pl.concat([hashes("aa"), hashes("bb", "cc", kind=Kind.MD5), hashes("dd")])
    rows = rows.with_columns(id=pl.Series(["a", "b", "c", "d"]))
    held = pl.Series("id", ["c"])
    assert barred(rows, remembered(objects, NOW), held) == {}
    facts = ask(hashes("aa"), Defender(), objects, NOW)
    assert barred(rows, facts, held) == {"b": NOT_TOLD, "d": NOT_ASKED}


def test_a_cycle_asks_the_best_few(objects):
    devices = Defender()
    chosen = hashes("cc", "aa", "cc", "bb")
    ask(chosen, devices, objects, NOW, most=2)
    assert devices.asked == [sha256("cc"), sha256("aa")]
    ask(chosen, devices, objects, NOW, most=2)
    assert devices.asked[2:] == [sha256("bb")]


@pytest.mark.parametrize(
    "trouble",
    [SourceDown("away"), QuotaSpent("spent"), Refused("forbidden", "403")],
    ids=["down", "quota", "refused"],
)
def test_where_defender_does_not_answer_there_is_no_opinion_and_no_error(objects, trouble):
    devices = Defender(aa=COMMON, bb=trouble, cc=COMMON)
    chosen = hashes("aa", "bb", "cc")
    facts = ask(chosen, devices, objects, NOW)
    assert [why is None for why in told(chosen, facts)] == [False, True, True]
    assert devices.asked == [sha256("aa"), sha256("bb")]
    devices.answers["bb"] = None
    facts = ask(chosen, devices, objects, NOW)
    assert [why is None for why in told(chosen, facts)] == [False, True, False]


@pytest.mark.parametrize("trouble", [BadPayload("junk"), Refused("not a hash", "400")])
def test_an_answer_that_makes_no_sense_keeps_no_other_file_from_being_asked(objects, trouble):
    devices = Defender(aa=trouble, bb=COMMON)
    chosen = hashes("aa", "bb")
    assert told(chosen, ask(chosen, devices, objects, NOW))[1] is not None
    ask(chosen, devices, objects, NOW)
    assert devices.asked == [sha256("aa"), sha256("bb")]  # and it is not asked about every time


def test_a_signer_cannot_write_lines_of_ours(objects):
    signer = "Evil\n\x1b[31m\u202eand" + "x" * 500
    devices = Defender(aa=FileFacts(everywhere=1 << 70, signer=signer, trusted=True))
    [why] = told(hashes("aa"), ask(hashes("aa"), devices, objects, NOW))
    assert why.isprintable()
    assert len(why) < 150


def test_the_answers_are_bounded_and_survive_a_restart(objects, monkeypatch):
    monkeypatch.setattr("tidegate.gate.prevalence.KEPT", 2)
    for start in ("aa", "bb", "cc"):
        ask(hashes(start), Defender(), objects, NOW)
    assert remembered(objects, NOW)["value"].to_list() == [sha256("cc"), sha256("bb")]
    assert KEPT > 15_000


def test_two_processes_that_ask_at_once_lose_no_file(objects):
    class Meanwhile(Defender):
        def file(self, digest):
            ask(hashes("bb"), Defender(bb=COMMON), objects, NOW)
            return super().file(digest)

    facts = ask(hashes("aa"), Meanwhile(aa=COMMON), objects, NOW)
    assert told(hashes("aa"), facts)[0] is not None
    assert told(hashes("bb"), remembered(objects, NOW))[0] is not None
