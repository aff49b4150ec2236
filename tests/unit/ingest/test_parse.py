"""From text to rows: the declared format exactly, or BadPayload."""

from pathlib import Path

import polars as pl
import pytest

from tidegate.declare.feed import Feed, feeds
from tidegate.ingest.parse import READ, parse
from tidegate.ports import BadPayload

URLHAUS, FEODO, DROP = (feeds()[name] for name in ("urlhaus", "feodo", "spamhaus_drop"))
LINES = feeds()["blocklist_de"]
NINE = "id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter"
EIGHT = "id,dateadded,url,url_status,threat,tags,urlhaus_link,reporter"


def read(tmp_path: Path, feed: Feed, text: str | bytes) -> pl.DataFrame:
    path = tmp_path / "payload"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    batches = list(parse(feed, path))
    assert all(batch.schema == pl.Schema(READ) for batch in batches)
    return pl.concat([pl.DataFrame(schema=READ), *batches])


def quoted(*cells: str) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


def row9(url: str = "http://a.example/", tags: str = "elf", online: str = "") -> str:
    return quoted("1", "2026-11-20 04:00:00", url, "online", online, "malware", tags, "l", "r")


def urlhaus(*rows: str, header: str = NINE, newline: str = "\r\n") -> str:
    return newline.join(["#####", "# abuse.ch", "#", f"# {header}", *rows, ""])


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_nine_columns_in_either_line_end(tmp_path, newline):
    rows = read(tmp_path, URLHAUS, urlhaus(row9(online="2026-11-20 05:00:00"), newline=newline))
    (row,) = rows.to_dicts()
    assert row["value"] == "http://a.example/"
    assert (row["first_seen"], row["last_seen"]) == ("2026-11-20 04:00:00", "2026-11-20 05:00:00")
    assert (row["tags"], row["threat"], row["confidence"]) == ("elf", "malware", 80)


def test_older_dumps_have_eight_columns(tmp_path):
    row = quoted(
        "1", "2026-11-20 04:00:00", "http://a.example/", "online", "malware", "x", "l", "r"
    )
    (found,) = read(tmp_path, URLHAUS, urlhaus(row, header=EIGHT)).to_dicts()
    assert (found["tags"], found["threat"], found["last_seen"]) == ("x", "malware", None)


def test_a_copy_without_its_banner_is_known_by_its_columns(tmp_path):
    assert len(read(tmp_path, URLHAUS, row9() + "\n")) == 1


def test_a_byte_order_mark_before_the_banner_is_no_row(tmp_path):
    assert len(read(tmp_path, URLHAUS, "\ufeff" + urlhaus(row9()))) == 1
    assert read(tmp_path, LINES, "\ufeff192.0.2.1\r\n")["value"].to_list() == ["192.0.2.1"]


@pytest.mark.parametrize(
    "header",
    [NINE.replace("url,", "link,"), NINE + ",extra", EIGHT, NINE.replace("id,", "")],
    ids=["renamed", "added", "eight over nine", "lost"],
)
def test_a_header_that_drifts_is_refused(tmp_path, header):
    with pytest.raises(BadPayload):
        read(tmp_path, URLHAUS, urlhaus(row9(), header=header))


def test_more_cells_than_columns_are_refused(tmp_path):
    with pytest.raises(BadPayload):
        read(tmp_path, URLHAUS, urlhaus(row9() + ',"one more"'))


def test_quotes_commas_hashes_and_line_breaks_stay_inside_their_cell(tmp_path):
    urls = ['http://a.example/?q="x",y#z', "http://a.example/#b", "# no comment", "a\n#b\r\nc"]
    rows = read(tmp_path, URLHAUS, urlhaus(*(row9(url) for url in urls)))
    assert rows["value"].to_list() == urls


@pytest.mark.parametrize("null", ["", "None", "n/a", "null"])
def test_the_words_for_nothing_are_null(tmp_path, null):
    assert read(tmp_path, URLHAUS, urlhaus(row9(tags=null)))["tags"].to_list() == [None]


def test_bytes_that_are_no_utf8_do_not_stop_a_feed(tmp_path):
    data = urlhaus(row9("http://m\u00fcnchen.example/"), row9()).encode("latin-1")
    assert len(read(tmp_path, URLHAUS, data)) == 2
    assert len(read(tmp_path, LINES, b"192.0.2.1\n\xfc\n192.0.2.2\n")) == 3


def test_a_banner_alone_is_an_empty_list_only_where_no_header_row_is_due(tmp_path):
    assert len(read(tmp_path, URLHAUS, urlhaus())) == 0
    with pytest.raises(BadPayload):
        read(tmp_path, FEODO, "#####\n# Feodo Tracker\n")


def test_a_header_row_is_no_row_and_the_footer_a_comment(tmp_path):
    header = '"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"\n'
    assert len(read(tmp_path, FEODO, "# banner\n" + header + "# END 0 entries\n")) == 0
    row = '"2025-06-04 21:24:53","192.0.2.1","80","online","2026-11-07","Emotet"\n'
    (found,) = read(tmp_path, FEODO, header + row + "\n# END 1 entries\n").to_dicts()
    assert (found["value"], found["last_seen"]) == ("192.0.2.1", "2026-11-07")
    with pytest.raises(BadPayload):
        read(tmp_path, FEODO, row)


def test_lines_lose_comments_and_blanks(tmp_path):
    text = "# c\n; c\n// c\n\n 192.0.2.1 \t# why\r\n192.0.2.2 ; SBL1\n\n192.0.2.3\n"
    assert read(tmp_path, LINES, text)["value"].to_list() == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


DROPPED = '{"cidr":"192.0.2.0/25","sblid":"SBL1","rir":"x"}\n'


def trailer(records: object) -> str:
    return f'{{"type":"metadata","timestamp":1,"size":2,"records":{records}}}\n'


def test_the_trailer_counts_the_rows_and_is_none(tmp_path):
    (row,) = read(tmp_path, DROP, DROPPED + trailer(1)).to_dicts()
    assert (row["value"], row["reference"], row["confidence"]) == ("192.0.2.0/25", "SBL1", 95)
    assert len(read(tmp_path, DROP, trailer(0))) == 0


@pytest.mark.parametrize(
    "text",
    [
        DROPPED,
        DROPPED + trailer(2),
        DROPPED + DROPPED + trailer(1),
        DROPPED + trailer("null"),
        DROPPED + trailer(1) + DROPPED,
        DROPPED + trailer(1)[:-9],
        "192.0.2.0/25 ; SBL1\n",
        "[" + DROPPED,
    ],
    ids=["missing", "more", "fewer", "null", "not last", "cut short", "text form", "array"],
)
def test_a_list_that_its_trailer_does_not_confirm_is_refused(tmp_path, text):
    with pytest.raises(BadPayload):
        read(tmp_path, DROP, text)


def test_junk_among_json_lines_is_a_row_without_value(tmp_path):
    text = DROPPED + 'junk\n{"cidr":\n{"other":1}\n{"cidr":null}\n{"cidr":7}\n' + trailer(6)
    values = read(tmp_path, DROP, text)["value"].to_list()
    assert values == ["192.0.2.0/25", None, None, None, None, "7"]


def by_code(monkeypatch, rows):
    feed = feeds()["threatfox"]
    monkeypatch.setattr(Feed, "code", lambda *_: lambda _: rows)
    return feed


def test_a_parser_may_leave_columns_out_and_say_them_late(tmp_path, monkeypatch):
    rows = [{"shape": "url", "value": str(i)} for i in range(500)]
    rows[-1]["tags"] = "late"
    found = read(tmp_path, by_code(monkeypatch, rows), "x")
    assert (len(found), found["tags"][-1]) == (500, "late")


def test_a_parser_that_finds_nothing_gives_no_rows(tmp_path, monkeypatch):
    assert len(read(tmp_path, by_code(monkeypatch, []), "x")) == 0


@pytest.mark.parametrize("cell", [{"value": ["a"]}, {"confidence": "high"}, {"confidence": 10**30}])
def test_a_cell_of_the_wrong_type_is_the_payloads_fault(tmp_path, monkeypatch, cell):
    with pytest.raises(BadPayload, match="wrong type"):
        read(tmp_path, by_code(monkeypatch, [{"shape": "url"}, cell]), "x")


WRONG = ["ioc_type", "ioc_value", "confidence_level"]


@pytest.mark.parametrize("missing", WRONG)
def test_a_threatfox_entry_without_what_it_promises_is_refused(tmp_path, missing):
    entry = {"ioc_type": "domain", "ioc_value": "a.example", "confidence_level": 50}
    del entry[missing]
    with pytest.raises(BadPayload):
        read(tmp_path, feeds()["threatfox"], f'{{"1": [{entry}]}}'.replace("'", '"'))
