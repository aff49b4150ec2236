"""Lists are installed and refreshed as data: whole or not at all, and the last good one stays."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import polars as pl
import pytest

from tidegate.adapters import warninglists
from tidegate.adapters.warninglists import (
    RANKED,
    Folder,
    default_names,
    installed,
    old,
    refresh_lists,
)
from tidegate.ports import BadPayload, Response, SourceDown
from tidegate.warninglists import BadList

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BASE = "https://lists.example/main"
PACKAGED = warninglists._packaged  # other tests go without it
URL = f"{BASE}/one/list.json"


def a_list(*entries: str, version: int = 1) -> bytes:
    attributes = ["ip-src", "ip-dst"]
    raw = {"name": "One", "version": version, "type": "cidr", "matching_attributes": attributes}
    return orjson.dumps(raw | {"list": entries})


ONE = a_list("192.0.2.1", "192.0.2.2", "192.0.2.3")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "warninglists")


class Web:
    """Answers each address with what it was given, and writes down who asked how."""

    def __init__(self, **answers: bytes | Response | Exception) -> None:
        self.answers = {f"{BASE}/{name}/list.json": answer for name, answer in answers.items()}
        self.asked: list[tuple[str, dict[str, str]]] = []

    def request(self, method, url, *, headers=None, max_bytes, **_):
        self.asked.append((url, headers))
        answer = self.answers[url]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response) else Response(200, {"etag": '"1"'}, answer)


def refresh(folder: Folder, web: Web, *names: str, at: datetime = NOW):
    return list(refresh_lists(folder, web, lambda: at, names, BASE))


def hit(folder: Folder, value: str) -> str | None:
    return folder.lists().hits(pl.Series(["ipv4"]), pl.Series([value]))[0]


def test_without_any_file_our_own_lists_hold(folder):
    assert hit(folder, "8.8.8.8") == "well-known-resolvers"
    assert folder.popularity() is None
    assert {one.name for one in installed(folder)} == {
        "microsoft-services",
        "sandbox-noise",
        "shared-hosts",
        "well-known-resolvers",
        "windows-update",
    }
    assert "public-dns-v4" in default_names()


@pytest.mark.slow
def test_until_they_are_brought_the_public_lists_are_those_of_misps_package(tmp_path, monkeypatch):
    monkeypatch.setattr(warninglists, "_packaged", PACKAGED)
    folder = Folder(tmp_path / "warninglists", packaged=True)
    assert folder.packed() >= {*default_names()} - {"crl-hostname"}  # which is empty there
    assert folder.packed() < {one.name for one in installed(folder)}
    names = pl.Series(["google.com", "microsoft.com", "evil.example"])
    found = folder.lists().hits(pl.Series(["domain"] * 3), names)
    assert [one is not None for one in found] == [True, True, False]
    assert hit(folder, "1.0.0.1") == "public-dns-v4"
    folder.root.mkdir(exist_ok=True)
    (folder.root / "public-dns-v4.json").write_bytes(ONE)
    assert hit(folder, "1.0.0.1") != "public-dns-v4"
    assert hit(folder, "192.0.2.1") == "public-dns-v4"


def test_without_misps_package_our_own_lists_hold(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymispwarninglists", None)
    monkeypatch.setattr(warninglists, "_packaged", PACKAGED)
    PACKAGED.cache_clear()
    folder = Folder(tmp_path / "warninglists", packaged=True)
    assert folder.packed() == set()
    assert hit(folder, "8.8.8.8") == "well-known-resolvers"
    PACKAGED.cache_clear()


def test_a_refresh_installs_and_says_from_where_and_when(folder):
    web = Web(one=ONE)
    (done,) = refresh(folder, web, "one")
    assert (done.name, done.outcome, done.version, done.entries) == ("one", "new", "1", 3)
    assert hit(folder, "192.0.2.1") == "one"
    shown = {one.name: one for one in installed(folder)}["one"]
    assert (shown.title, shown.version, shown.entries, shown.fetched) == ("One", "1", 3, NOW)
    assert folder.provenance("one").url == URL


def test_what_has_not_changed_is_not_sent_again(folder):
    refresh(folder, Web(one=ONE), "one")
    later = NOW + timedelta(days=1)
    web = Web(one=Response(304, {}, b""))
    (done,) = refresh(folder, web, at=later)
    assert done.outcome == "unchanged"
    assert web.asked == [(URL, {"if-none-match": '"1"'})]
    origin = folder.provenance("one")
    assert (origin.fetched, origin.checked, origin.etag) == (NOW, later, '"1"')


def test_a_list_from_elsewhere_is_asked_for_in_full(folder):
    refresh(folder, Web(one=ONE), "one")
    folder.remember(
        "one", folder.provenance("one").__class__(url="https://other.example", etag="x")
    )
    web = Web(one=ONE)
    (done,) = refresh(folder, web, "one")
    assert (done.outcome, web.asked) == ("unchanged", [(URL, {})])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (SourceDown("it is down"), "it is down"),
        (BadPayload("answered 404"), "answered 404"),
        (b"<html>hello</html>", "not JSON"),
        (a_list("0.0.0.0/0"), "large part"),
        (a_list("192.0.2.1"), "1 entries where the installed list has 3"),
    ],
)
def test_a_fault_leaves_the_last_good_list_and_is_shown(folder, answer, reason):
    refresh(folder, Web(one=ONE), "one")
    web = Web(one=answer, two=a_list("203.0.113.1"))
    one, two = refresh(folder, web, "one", "two", at=NOW + timedelta(days=1))
    assert (one.outcome, two.outcome) == ("kept", "new")
    assert reason in one.reason
    assert folder.payload("one") == ONE
    shown = {one.name: one for one in installed(folder)}["one"]
    assert shown.fetched == NOW
    assert reason in shown.trouble
    assert hit(folder, "192.0.2.1") == "one"


def test_a_broken_file_is_named_and_the_others_hold(folder):
    folder.install("one", ONE)
    (folder.root / "bad.json").write_text("{")
    assert hit(folder, "192.0.2.1") == "one"
    (bad,) = [one for one in installed(folder) if one.name == "bad"]
    assert "not JSON" in bad.trouble
    assert folder.install("bad", ONE).name == "bad"


def test_a_list_cannot_be_installed_outside_its_folder(folder):
    with pytest.raises(BadList):
        folder.install("../one", ONE)
    with pytest.raises(BadList):
        refresh(folder, Web(), "../one")
    assert not list(folder.root.parent.rglob("one.json"))


def test_lists_are_compiled_once_for_their_bytes(folder, monkeypatch):
    folder.install("one", ONE)
    first = folder.lists()
    monkeypatch.setattr("tidegate.adapters.warninglists.parse", None)
    again = folder.lists()
    assert again.about == first.about
    assert again.entries.equals(first.entries)
    monkeypatch.undo()
    folder.install("one", a_list("192.0.2.1", "192.0.2.2", version=2))
    assert [one.version for one in folder.lists().about if one.name == "one"] == ["2"]
    assert len(list((folder.root / ".compiled").iterdir())) == 1


def test_a_ranked_list_is_compiled_once_too(folder, monkeypatch):
    folder.root.mkdir()
    (folder.root / "tranco.csv").write_text("1,one.example\n")
    first = folder.popularity()
    monkeypatch.setattr("tidegate.adapters.warninglists.Popularity.of", None)
    assert folder.popularity().ranks.equals(first.ranks)


def test_what_could_not_be_brought_is_asked_for_again_and_what_somebody_took_away_is_not(folder):
    refresh(folder, Web(one=ONE, two=SourceDown("down"), three=ONE), "one", "two", "three")
    (folder.root / "three.json").unlink()
    assert folder.public() == ["one", "two"]
    web = Web(one=ONE, two=a_list("203.0.113.1"))
    assert [one.name for one in refresh(folder, web)] == ["one", "two"]
    assert folder.names() == ["one", "two"]


def test_lists_are_old_after_a_day_and_after_an_hour_while_there_is_none(folder):
    assert old(folder, NOW)
    down = Web(**dict.fromkeys(default_names(), SourceDown("down")))
    refresh(folder, down)
    assert [old(folder, NOW + later) for later in (HOUR - MINUTE, HOUR)] == [False, True]
    refresh(folder, Web(one=ONE), "one")
    assert [old(folder, NOW + later) for later in (DAY - MINUTE, DAY)] == [False, True]


def test_another_list_has_another_stamp(folder):
    stamps = [folder.stamp()]
    for payload in (ONE, a_list("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4")):
        folder.install("one", payload)
        stamps.append(folder.stamp())
    (folder.root / RANKED).write_text("1,popular.example\n")
    stamps.append(folder.stamp())
    assert len({*stamps}) == 4
    assert folder.stamp() == stamps[-1]
