"""The set in memory: read once for each edition, and how far it goes out."""

import threading

import pytest
from published_rows import NOW, row, wanted

from tidegate.adapters.local.files import FileObjects
from tidegate.declare.feed import feeds
from tidegate.gate.published import publish
from tidegate.gate.shelf import KEPT, Shelf
from tidegate.model import Tlp
from tidegate.settings import Settings
from tidegate.wiring import local


@pytest.fixture
def shelf(tmp_path) -> Shelf:
    return Shelf(FileObjects(tmp_path, lambda: NOW), lambda: NOW)


def test_without_a_set_it_is_empty(shelf):
    assert shelf.edition().rows.is_empty()


def test_an_edition_stays_until_the_set_is_replaced(shelf):
    publish(wanted(row("a.example")), NOW, shelf.objects)
    first = shelf.edition()
    assert shelf.edition() is first
    publish(wanted(row("b.example")), NOW, shelf.objects)
    assert shelf.edition() is not first
    assert first.rows["value"].to_list() == ["a.example"]


def test_many_who_ask_at_once_wait_for_one_who_makes_it(shelf):
    edition, made, go = shelf.edition(), [], threading.Barrier(4)

    def make() -> int:
        made.append(1)
        return len(made)

    def ask() -> None:
        go.wait()
        found.append(edition.once("it", make))

    found: list[int] = []
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1, 1, 1, 1]


def test_what_is_made_may_be_made_of_something_made(shelf):
    edition = shelf.edition()
    assert edition.once("sum", lambda: edition.once("part", lambda: 2) + 1) == 3


def test_of_very_many_things_the_latest_used_are_kept(shelf):
    edition, made = shelf.edition(), []
    for key in [*range(KEPT), 0, KEPT, 0, 1]:
        edition.once(key, lambda key=key: made.append(key))
    assert made == [*range(KEPT), KEPT, 1]


@pytest.mark.parametrize(
    ("set_", "own"), [(Tlp.GREEN, Tlp.GREEN), (Tlp.RED, Tlp.AMBER_STRICT)], ids=str
)
def test_what_is_for_named_persons_goes_nowhere(tmp_path, set_, own):
    with local(Settings(home=tmp_path, gate_tlp=set_)) as house:
        assert house.shelf.own is own


def test_terms_are_those_of_the_declarations_and_analysts_stay_inside(tmp_path):
    with local(Settings(home=tmp_path)) as house:
        terms = house.shelf.terms
    declared = feeds().values()
    kept = {feed.name for feed in declared if not feed.redistribute}
    assert terms.private == kept | {"analyst"}
    assert set(terms.attributions) == {feed.name for feed in declared if feed.attribution}
