"""Lists for firewalls: what may stand in a line, what covers what, who goes first."""

import ipaddress
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published_rows import DAY, NOW, everything, row, the_set

from tidegate.canonical import Shape, canonical
from tidegate.gate import lists
from tidegate.gate.lists import ADDRESSES, FORMATS, Rendered, render
from tidegate.model import Kind, Tlp
from tidegate.sharing import OWN_TENANT


def rendered(name: str, *rows: dict, min_score: int = 0) -> Rendered:
    return render(the_set(*rows), FORMATS[name], min_score, NOW, OWN_TENANT)


def lines(found: Rendered) -> list[str]:
    return found.body.decode().splitlines()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("paloalto-ip", {"192.0.2.5", "2001:db8::5", "198.51.100.0/25"}),
        ("paloalto-domain", {"evil.example"}),
        ("paloalto-domain-wildcard", {"evil.example", "*.evil.example"}),
        ("paloalto-url", {"evil.example/a"}),
        ("fortinet-address", {"192.0.2.5", "2001:db8::5", "198.51.100.0/25"}),
        ("fortinet-domain", {"evil.example"}),
        ("fortinet-url", {"http://evil.example/a"}),
        ("fortinet-hash", {"ab" * 16, "ab" * 20, "ab" * 32}),
        ("cisco-network", {"192.0.2.5", "2001:db8::5", "198.51.100.0/25"}),
        ("cisco-dns", {"evil.example"}),
        ("cisco-url", {"http://evil.example/a"}),
        ("cisco-sha256", {"ab" * 32}),
        ("nginx-deny", {"deny 192.0.2.5;", "deny 2001:db8::5;", "deny 198.51.100.0/25;"}),
        ("plain-address", {"192.0.2.5", "2001:db8::5", "198.51.100.0/25"}),
        ("plain-domain", {"evil.example"}),
        ("plain-url", {"http://evil.example/a"}),
        ("plain-md5", {"ab" * 16}),
        ("plain-sha1", {"ab" * 20}),
        ("plain-sha256", {"ab" * 32}),
    ],
)
def test_each_product_gets_its_kinds_in_its_spelling(name, expected):
    found = render(everything(), FORMATS[name], 0, NOW, OWN_TENANT)
    assert set(lines(found)) == expected
    assert found.count == len(expected)
    assert (found.unsaid, found.beyond) == (0, 0)


@pytest.mark.parametrize("name", FORMATS)
def test_of_nothing_there_is_an_empty_list(name):
    found = rendered(name)
    assert (found.body, found.count, found.changed, found.until) == (b"", 0, None, None)


@pytest.mark.parametrize(
    "more",
    [
        {"gone": NOW},
        {"expires": NOW},
        {"tlp": "red"},
        {"action": "Audit"},
        {"action": "Warn"},
        {"score": 49.4},
    ],
    ids=str,
)
def test_what_is_over_secret_weak_or_not_to_be_blocked_is_not_in_it(more):
    assert lines(rendered("plain-domain", row("a.example", **more), min_score=50)) == []


@pytest.mark.parametrize("action", ["Block", "BlockAndRemediate", None])
def test_what_is_blocked_is_in_it(action):
    assert lines(rendered("plain-domain", row("a.example", action=action))) == ["a.example"]


def test_the_best_come_first_and_go_in_where_there_is_no_room_for_all(monkeypatch):
    form = lists.Format("of two", (Kind.DOMAIN,), most=2)
    monkeypatch.setitem(FORMATS, "two", form)
    rows = [row(f"{name}.example", score=score) for name, score in (("a", 1), ("b", 9), ("c", 5))]
    found = rendered("two", *rows)
    assert lines(found) == ["b.example", "c.example"]
    assert (found.count, found.beyond) == (2, 1)


def test_bytes_are_counted_too(monkeypatch):
    monkeypatch.setitem(FORMATS, "small", lists.Format("small", (Kind.DOMAIN,), 9, size=20))
    found = rendered("small", row("aaaa.example"), row("bbbb.example"))
    assert (found.count, found.beyond, len(found.body)) == (1, 1, 13)


def test_an_entry_of_two_lines_is_written_whole_or_not_at_all(monkeypatch):
    wild = FORMATS["paloalto-domain-wildcard"]
    odd = lists.Format("odd", wild.kinds, 3, write=wild.write, lines=2, below=True)
    monkeypatch.setitem(FORMATS, "odd", odd)
    found = rendered("odd", row("a.example", score=9), row("b.example"))
    assert lines(found) == ["b.example", "*.b.example"]
    assert (found.count, found.beyond) == (2, 1)


@pytest.mark.parametrize(
    "value",
    [
        "http://evil.example/a;b",
        "http://evil.example/a#b",
        "http://evil.example/a b",
        "http://evil.example/a\nb",
        "http://evil.example/*",
        "http://evil.example/^",
        "http://name:password@evil.example/",
        "ftp://evil.example/",
        "http://evil.example/\u00e4",
        "http://evil.example/" + "a" * 2_100,
        "http://evil.example/a\n",
    ],
)
@pytest.mark.parametrize("name", ["paloalto-url", "fortinet-url", "cisco-url", "plain-url"])
def test_what_a_line_cannot_say_is_left_out_and_counted(name, value):
    found = rendered(name, row(value, Kind.URL), row("http://good.example/", Kind.URL))
    assert (found.count, found.unsaid) == (1, 1)


def test_two_schemes_of_one_url_are_one_entry_where_there_is_no_scheme():
    rows = [row(f"{scheme}://evil.example/a", Kind.URL) for scheme in ("http", "https")]
    found = rendered("paloalto-url", *rows)
    assert (lines(found), found.covered) == (["evil.example/a"], 1)


ODD = ["a/99", "999.9.9.9", "1.2.3.4/33", "1.2.3.4/999", ":::/1", "::/129", "a.b", "1.2.3.4\n"]
TEXTS = (
    st.text(max_size=60)
    | st.sampled_from(ODD)
    | st.text("ab.:/;#*?\n\r \\'\"^$|\u2028", max_size=60)
)


@pytest.mark.slow
@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(list(Kind)), TEXTS), min_size=1, max_size=8, unique=True))
def test_no_value_can_end_a_line_or_begin_a_comment(values):
    rows = [row(prefix + text, kind) for kind, text in values for prefix in ("", "http://a.b/")]
    frame = the_set(*rows).unique("id")
    for name, form in FORMATS.items():
        found = render(frame, form, 0, NOW, OWN_TENANT)
        written = found.body.decode().splitlines()
        assert len(written) == found.body.count(b"\n") == found.count
        for line in written:
            plain = re.sub(r"^deny (.+);\Z", r"\1", line) if name == "nginx-deny" else line
            plain = plain.removeprefix("*.")
            assert re.fullmatch(r"[!-~]+", plain)
            assert not set(plain) & set('#;*^"\\<>{}|`')


# --- what covers what -------------------------------------------------------------------------


def networks_in(start: str, least: int) -> st.SearchStrategy:
    """Return small networks at and after an address, and single addresses of them."""
    first = ipaddress.ip_address(start)
    return st.builds(
        lambda offset, bits: ipaddress.ip_network((int(first) + offset, bits), strict=False),
        st.integers(0, 63),
        st.integers(least, first.max_prefixlen),
    )


FOURS, SIXES = networks_in("192.0.2.0", 26), networks_in("2001:db8::", 122)


def indicators(networks) -> list[dict]:
    found = {}
    for network, score in networks:
        kind, value = canonical(Shape.ADDRESS, str(network))
        found[value] = row(value, kind, score=float(score))
    return list(found.values())


def held(values) -> set:
    networks = [ipaddress.ip_network(value) for value in values]
    return {(n.version, int(a)) for n in networks for a in n}


@pytest.mark.slow
@given(st.lists(st.tuples(FOURS | SIXES, st.integers(1, 100)), max_size=20))
def test_collapsing_changes_no_address_and_leaves_nothing_inside_another(networks):
    rows = indicators(networks)
    found = rendered("plain-address", *rows)
    written = [ipaddress.ip_network(line) for line in lines(found)]
    assert held(map(str, written)) == held(each["value"] for each in rows)
    assert found.count + found.covered == len(rows)
    for one in written:
        assert not any(
            one != other and one.version == other.version and one.subnet_of(other)
            for other in written
        )


@pytest.mark.slow
@given(st.lists(st.tuples(FOURS, st.integers(1, 100)), min_size=1, max_size=20), st.integers(1, 4))
def test_where_room_is_short_the_best_is_covered_still(networks, most):
    rows = indicators(networks)
    form = lists.Format("short", ADDRESSES, most)
    found = render(the_set(*rows), form, 0, NOW, OWN_TENANT)
    best = max(each["score"] for each in rows)
    kept = held(lines(found))
    assert any(held([each["value"]]) <= kept for each in rows if each["score"] == best)


def test_a_domain_covers_what_is_below_it_and_counts_as_much():
    rows = [
        row("evil.example", score=70),
        row("a.b.evil.example", score=70),
        row("best.evil.example", score=90),
        row("evil.example.test"),
        row("notevil.example"),
    ]
    found = rendered("cisco-dns", *rows)
    expected = ["best.evil.example", "evil.example", "evil.example.test", "notevil.example"]
    assert sorted(lines(found)) == expected
    assert found.covered == 1
    assert rendered("plain-domain", *rows).covered == 0


# --- what is told of it -----------------------------------------------------------------------


def test_times_tell_when_it_changed_and_when_the_first_entry_expires():
    rows = [
        row("a.example", expires=NOW + 3 * DAY, changed=NOW - DAY),
        row("b.example", expires=NOW + 2 * DAY, changed=NOW - 2 * DAY),
        row("c.example", changed=NOW, gone=NOW),
    ]
    found = rendered("plain-domain", *rows)
    assert (found.changed, found.until) == (NOW, NOW + 2 * DAY)


@given(
    st.permutations(
        [row(f"{name}.example", score=s) for name, s in zip("abcd", (1, 2, 2, 3), strict=True)]
    )
)
def test_the_order_of_rows_does_not_matter(rows):
    assert rendered("plain-domain", *rows) == rendered("plain-domain", *reversed(rows))


def test_a_score_that_moves_within_its_whole_number_changes_nothing():
    rows = [row("a.example", score=79.6), row("b.example", score=80.4)]
    other = [row("a.example", score=80.4), row("b.example", score=79.6)]
    assert rendered("plain-domain", *rows) == rendered("plain-domain", *other)


def test_nothing_marked_more_strictly_than_allowed_is_written():
    rows = the_set(*(row(f"{n}.example", tlp=tlp.value) for n, tlp in enumerate(Tlp)))
    for own, count in ((Tlp.CLEAR, 1), (Tlp.GREEN, 2), (Tlp.AMBER_STRICT, 4)):
        assert render(rows, FORMATS["plain-domain"], 0, NOW, own).count == count
