"""Tables for people: what a narrow terminal is spared, and what is said where there is nothing."""

import io

import pytest
from rich.console import Console

from tidegate.show import cells
from tidegate.show.value import _lead

COLUMNS = ("feed", "state", "why")
ROWS = [("sslbl_certificates", "good", "long words " * 12), ("urlhaus_online", "off", "")]


@pytest.fixture
def printed(monkeypatch):
    def on(width: int, *arguments) -> str:
        text = io.StringIO()
        monkeypatch.setattr(cells, "out", Console(file=text, width=width))
        cells.table(*arguments)
        return text.getvalue()

    return on


@pytest.mark.parametrize(("width", "told"), [(80, False), (150, True)])
def test_a_narrow_terminal_is_spared_columns_and_is_told(printed, width, told):
    text = printed(width, "Feeds", COLUMNS, ROWS, {"state"})
    assert ("state" in text) is told
    assert ("a wider terminal shows more columns" in text) is not told


@pytest.mark.parametrize("width", [40, 80, 150])
def test_names_in_front_stay_whole_and_no_line_is_too_long(printed, width):
    text = printed(width, "Feeds", COLUMNS, ROWS)
    assert "sslbl_certificates" in text
    assert max(map(len, text.splitlines())) <= width


def test_a_table_without_rows_is_its_title(printed):
    assert printed(80, "nothing found", COLUMNS, []) == "nothing found\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-0.4, "0 s"), (0.0, "0 s"), (1.0, "+1 s"), (-90.0, "-1 min"), (None, "")],
)
def test_a_lead_of_less_than_a_second_is_none(seconds, words):
    assert _lead(seconds) == words
