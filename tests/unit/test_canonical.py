"""Two spellings are one indicator exactly where an analyst would say so."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.canonical import HASHES, MOST, Rejected, Shape, canonical, defanged, guess, refang
from tidegate.model import Kind

SHAPES = [*Kind, *Shape]
WIDE = str.maketrans("0123456789.", "".join(map(chr, range(0xFF10, 0xFF1A))) + "\uff0e")
WIDE_ADDRESS = f"http://{'192.0.2.5'.translate(WIDE)}/"
WIDE_NUMBER = f"http://{'3232235777'.translate(WIDE)}/"
EXACT = [
    (Kind.URL, "hxxp://evil[.]example/path", "http://evil.example/path"),
    (Kind.URL, "hxxps[://]evil(dot)example", "https://evil.example/"),
    (Kind.URL, "hXXps[:]//evil{.}example/a", "https://evil.example/a"),
    (Kind.URL, "HTTP://EVIL.Example.:80/%7euser/../a?b#c", "http://evil.example/a?b"),
    (Kind.URL, "http://user:pass@evil.example/", "http://user:pass@evil.example/"),
    (Kind.URL, "http://münchen.example/ü", "http://xn--mnchen-3ya.example/%C3%BC"),
    (Kind.URL, "http://[2001:DB8:0:0::1]:8080/x", "http://[2001:db8::1]:8080/x"),
    (Kind.URL, "http://[::ffff:192.0.2.5]/", "http://192.0.2.5/"),
    (Kind.URL, "https://evil.example:443", "https://evil.example/"),
    (Kind.URL, "https://evil.example:80/", "https://evil.example:80/"),
    (Kind.URL, "ftp://evil.example:21/a", "ftp://evil.example/a"),
    (Kind.URL, "http://evil.example\\a\\b", "http://evil.example/a/b"),
    (Kind.URL, "http://evil.example/a b", "http://evil.example/a%20b"),
    (Kind.URL, "http://evil.example/a%2fb%41", "http://evil.example/a%2FbA"),
    (Kind.URL, "http://evil.example/%%34%31", "http://evil.example/A"),
    (Kind.URL, "http://evil.example/a/b/%2e", "http://evil.example/a/b/"),
    (Kind.URL, "http://evil.example/a/../../b/.", "http://evil.example/b/"),
    (Kind.URL, "http://evil.example/a//b", "http://evil.example/a//b"),
    (Kind.URL, "http://evil.example/x;p?q=[%2E]", "http://evil.example/x;p?q=."),
    (Kind.URL, "http://evil.example/[[.]]", "http://evil.example/"),
    (Kind.URL, "http://evil.example/x'#y", "http://evil.example/x'"),
    (Kind.URL, "'http://evil.example/?a=\"b\"'", 'http://evil.example/?a="b"'),
    (Kind.URL, WIDE_ADDRESS, "http://192.0.2.5/"),
    (Kind.URL, "http://evil_host.example/", "http://evil_host.example/"),
    (Kind.DOMAIN, "evil[.]example", "evil.example"),
    (Kind.DOMAIN, "EVIL.Example.", "evil.example"),
    (Kind.DOMAIN, "xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
    (Kind.DOMAIN, "MÜNCHEN.example", "xn--mnchen-3ya.example"),
    (Kind.DOMAIN, "münchen。example。", "xn--mnchen-3ya.example"),
    (Kind.DOMAIN, "*.evil.example", "evil.example"),
    (Kind.DOMAIN, ".evil.example", "evil.example"),
    (Kind.DOMAIN, "\u200bevil.example", "evil.example"),
    (Kind.DOMAIN, "evil.example\u00a0", "evil.example"),
    (Kind.DOMAIN, '"evil.example"', "evil.example"),
    (Kind.DOMAIN, "_dmarc.evil_host.example", "_dmarc.evil_host.example"),
    (Kind.DOMAIN, "github.com", "github.com"),
    (Kind.IPV4, "1.2.3[.]4", "1.2.3.4"),
    (Kind.IPV6, "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
    (Kind.IPV6, "[2001:DB8::1%25eth0]", "2001:db8::1"),
    (Kind.CIDR, "192.0.2.77/24", "192.0.2.0/24"),
    (Kind.CIDR, "2001:db8::1/32", "2001:db8::/32"),
    (Kind.EMAIL, "User[at]EVIL[.]example", "User@evil.example"),
    (Kind.SHA1, "A" * 40, "a" * 40),
    (Kind.DOMAIN, "\u2066evil\u2069.example", "evil.example"),
    (Kind.FILENAME, "C:\\Users\\Public\\Setup.EXE", "setup.exe"),
    (Kind.FILENAME, "/opt/a\\b/Payload ", "payload"),
    (Kind.FILENAME, "invoice\u202efdp.exe", "invoicefdp.exe"),
    (Kind.FILENAME, "\u2067e\u200bvil\u2069.exe", "evil.exe"),
    (Kind.FILENAME, "RE\u0301SUME\u0301.docx", "r\u00e9sum\u00e9.docx"),
    (Kind.FILENAME, "evil[.]exe", "evil[.]exe"),
    (Kind.FILENAME, "...", "..."),
    (Kind.FILENAME, "A" * 255, "a" * 255),
    (Kind.MUTEX, " Global\\{8F6F0AC4-B9A1}[.]'x' ", "Global\\{8F6F0AC4-B9A1}[.]'x'"),
    (Kind.MUTEX, '"quoted"', '"quoted"'),
    (Kind.MUTEX, "a  b\u200b(dot)", "a  b\u200b(dot)"),
    (Kind.MUTEX, "M" * 260, "M" * 260),
    (
        Kind.PROCESS,
        '\t"C:\\a b\\X.exe"   -c\r\n  hxxp://evil[.]example\u00a0 ',
        '"C:\\a b\\X.exe" -c hxxp://evil[.]example',
    ),
    (Kind.PROCESS, "x" + " " * 3_000 + "y", "x y"),
    (Kind.PROCESS, "x" * 2_000, "x" * 2_000),
    (Kind.REGISTRY, "HKLM\\SOFTWARE\\Run", "hkey_local_machine\\software\\run"),
    (Kind.REGISTRY, "hkcu:\\\\Software\\\\a/b\\\\", "hkey_current_user\\software\\a/b"),
    (Kind.REGISTRY, "HKCR\\.exe", "hkey_classes_root\\.exe"),
    (Kind.REGISTRY, "HKU\\S-1-5-18\\a[.]b", "hkey_users\\s-1-5-18\\a[.]b"),
    (Kind.REGISTRY, "HKCC\\System", "hkey_current_config\\system"),
    (Kind.REGISTRY, "HKEY_Local_Machine\\System\\ ", "hkey_local_machine\\system"),
    (Kind.REGISTRY, "\\REGISTRY\\MACHINE\\Software", "hkey_local_machine\\software"),
    (Kind.REGISTRY, "\\Registry\\User\\S-1-5-18", "hkey_users\\s-1-5-18"),
    (Kind.REGISTRY, "HKLM\\" + "K" * 1_005, "hkey_local_machine\\" + "k" * 1_005),
    (Kind.EMAIL_SUBJECT, " Re:  Your\r\n\tInvoice[.] ", "Re: Your Invoice[.]"),
    (Kind.EMAIL_SUBJECT, "P\u00ada\u200by no\u0308w \u2060 '", "Pay n\u00f6w '"),
    (Kind.EMAIL_SUBJECT, "S" * 500, "S" * 500),
]
OTHER_KIND = [
    (Kind.IPV6, "::ffff:192.0.2.5", Kind.IPV4, "192.0.2.5"),
    (Kind.CIDR, "192.0.2.5/32", Kind.IPV4, "192.0.2.5"),
    (Kind.CIDR, "2001:db8::1/128", Kind.IPV6, "2001:db8::1"),
    (Shape.SOCKET, "1[.]2[.]3[.]4:8080", Kind.IPV4, "1.2.3.4"),
    (Shape.SOCKET, "2001:db8:1::5:40669", Kind.IPV6, "2001:db8:1::5"),
    (Shape.SOCKET, "[2001:db8::5]:443", Kind.IPV6, "2001:db8::5"),
    (Shape.ADDRESS, "198.51.100.0/25", Kind.CIDR, "198.51.100.0/25"),
    (Shape.HASH, "D" * 64, Kind.SHA256, "d" * 64),
    (Kind.MD5, "D" * 64, Kind.SHA256, "d" * 64),
]
REFUSED = {
    Kind.IPV4: [
        "010.001.002.003",
        "0x7f.1",
        "3232235777",
        "999.1.1.1",
        "1..218.28",
        "evil.example",
    ],
    Kind.CIDR: ["10.0.0.0/7", "::/8", "1.2.3.4/33", "fe80::%eth0/64"],
    Shape.SOCKET: ["1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:²", "1.2.3.4:" + "9" * 5_000],
    Kind.DOMAIN: [
        "co.uk",
        "localhost",
        "-bad-.example",
        "a..example",
        "1.2.3.4",
        "evil.0x1",
        "x" * 64 + ".example",
        "a." * 126 + "example",
        "evil.example # comment",
        "CVE-2024-3400",
        "T1059.001",
    ],
    Kind.URL: [
        "",
        "/gate.php",
        "evil.example/x",
        "http://",
        "http:///x",
        "http://0x7f.1/",
        WIDE_NUMBER,
        "http://1.2.3.4.5/",
        "http://evil.example:99999/",
        "http://evil.example/\r\nHost: x",
        "http://evil.example/\0",
        "http://[v1.abc]/",
        "http://" + "a." * 130 + "example/",
        "http://evil.example/" + "x" * 2_083,
        "http://evil.example/" + "ü" * 500,
    ],
    Kind.EMAIL: ["evil.example", "@evil.example", "a b@evil.example", "a@localhost"],
    Shape.HASH: ["abc", "g" * 32, "a" * 31 + "\u0661"],
    Kind.FILENAME: ["", "C:\\a\\", "/opt/..", ".", "a\tb.exe", "a\nb/c.exe", "\u202e", "a" * 256],
    Kind.MUTEX: ["", " ", "a\0b", "a\x9bb", "a\ufffd", "a\ud800", "m" * 261],
    Kind.PROCESS: ["", "\n", "a\0b", "a \x1b[31m", "x" * 2_001],
    Kind.REGISTRY: [
        "",
        "\\",
        "HKLM",
        "HKLM\\",
        "HKEY_LOCAL_MACHINE\\ \\",
        "HKXX\\Software",
        "Software\\Microsoft",
        "\\REGISTRY",
        "\\REGISTRY\\MACHINE",
        "\\REGISTRY\\A\\{8F6F0AC4}",
        "HKLM/Software",
        "HKLM\\a\nb",
        "HKLM\\" + "k" * 1_006,
    ],
    Kind.EMAIL_SUBJECT: ["", " \u200b ", "a\x7fb", "s" * 501],
}


@pytest.mark.parametrize(("kind", "text", "value"), EXACT)
def test_a_spelling_is_brought_to_its_one_form(kind, text, value):
    assert canonical(kind, text) == (kind, value)


@pytest.mark.parametrize(("shape", "text", "kind", "value"), OTHER_KIND)
def test_the_value_decides_the_kind(shape, text, kind, value):
    assert canonical(shape, text) == (kind, value)


@pytest.mark.parametrize(("kind", "text"), [(k, t) for k, texts in REFUSED.items() for t in texts])
def test_what_is_no_indicator_is_refused(kind, text):
    with pytest.raises(Rejected):
        canonical(kind, text)


HOSTILE = st.text(
    st.sampled_from("aZ09x.-_:/\\@?#%[](){}'\"*,;= \t\n\0")
    | st.sampled_from("\u200b\u00a0\u00df\u212a\u0130\uff0e\uff11\u3002\u00b2\u0663\u00e9"),
    max_size=40,
)
PIECES = ["http", "hxxp", "s", "://", "[:]//", "[.]", "(dot)", "[[.]]", "(%2E)", "%%34%31", "%2e"]
PIECES += ["/", "..", "a", "evil.example", "192.0.2.1", "::1", ":80", "@", "'", '"', "?", "#", "é"]
STITCHED = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
URLS = st.builds("http://{}{}".format, st.sampled_from(["e.example", "a@e.example:8"]), HOSTILE)
TEXTS = HOSTILE | STITCHED | URLS | URLS.map("{}'#".format) | st.text(max_size=60)


@given(st.sampled_from(SHAPES), TEXTS)
def test_canonical_is_idempotent_and_raises_nothing_but_rejected(shape, text):
    try:
        kind, value = canonical(shape, text)
    except Rejected:
        return
    assert canonical(kind, value) == (kind, value)


NAMED = ["HKLM", "hkcu:", "\\REGISTRY\\User", "HKEY_USERS", "registry", "\\", "\\\\", "/", ":", " "]
NAMED += [
    "  ",
    "\n",
    "\u00a0",
    "\u2028",
    "\u202e",
    "\u2066",
    "\u0301",
    "\u0307",
    "\u0323",
    ".",
    "..",
]
NAMED += [
    "I",
    "\u0130",
    "\u03a3",
    "\u212a",
    "A",
    "e",
    "[.]",
    "(dot)",
    "'",
    '"',
    "\x85",
    "\x1c",
    "Run",
]


@given(st.sampled_from(list(MOST)), st.lists(st.sampled_from(NAMED), max_size=12).map("".join))
def test_what_programs_name_is_idempotent_and_fits(kind, text):
    try:
        found, value = canonical(kind, text)
    except Rejected:
        return
    assert found is kind
    assert canonical(kind, value) == (kind, value)
    assert 0 < len(value) <= MOST[kind]
    assert value == value.strip()


@given(st.sampled_from([Kind.FILENAME, Kind.EMAIL_SUBJECT]), TEXTS | st.text(max_size=20))
def test_composed_or_not_it_is_one_name(kind, text):
    try:
        found = canonical(kind, normalize("NFC", text))
    except Rejected:
        return
    assert canonical(kind, normalize("NFD", text)) == found


@given(st.text("HKLMhklm\\:.[] aZ\u0130", max_size=20).map("HKLM\\a".__add__))
def test_a_registry_key_has_no_case_and_is_guessed_as_it_is_shown(text):
    _, value = canonical(Kind.REGISTRY, text)
    assert canonical(Kind.REGISTRY, text.lower()) == (Kind.REGISTRY, value)
    assert guess(defanged(value)) == (Kind.REGISTRY, value)


@given(st.sampled_from([Kind.DOMAIN, Kind.URL, Shape.ADDRESS, Kind.EMAIL]), TEXTS)
def test_what_is_shown_defanged_is_read_again(shape, text):
    try:
        _, value = canonical(shape, text)
    except Rejected:
        return
    if not {"[", "(", "{"} & set(value) and "***" not in defanged(value):
        assert refang(defanged(value)) == refang(value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://a.example/x?a=1", "hxxp://a[.]example/x?a=1"),
        ("https://user:pa%40ss@192.0.2.9:81/", "hxxps://user:***@192[.]0[.]2[.]9:81/"),
        ("http://a:b@c:d@a.example/", "hxxp://a:***@a[.]example/"),
        ("http://user@a.example/", "hxxp://user@a[.]example/"),
        ("http://a.example:80/x:y@z", "hxxp://a[.]example:80/x:y@z"),
        (
            "http://a.example/?to=ftp://u:p@b.example",
            "hxxp://a[.]example/?to=ftp://u:***@b[.]example",
        ),
        ("ftp://u:p@a.example/", "ftp://u:***@a[.]example/"),
        ("hxxp[:]//u:p@a[.]example/", "hxxp[:]//u:***[@]a[.]example/"),
        ("HTTP://A.example", "hxxp://A[.]example"),
        ("a@b.example", "a[@]b[.]example"),
        ("b[.]example", "b[.]example"),
        ("192.0.2.1", "192[.]0[.]2[.]1"),
        ("hkey_classes_root\\.exe", "hkey_classes_root\\.exe"),
        ("hkey_users\\http://a.example", "hkey_users\\hxxp://a[.]example"),
        ("cmd /c start http://a.example/b", "cmd /c start hxxp://a[.]example/b"),
    ],
)
def test_nothing_shown_is_opened_by_a_click_or_holds_a_password(text, shown):
    assert defanged(text) == shown


def test_the_length_of_a_hash_names_its_algorithm():
    assert {kind: length for length, kind in HASHES.items()} == {
        Kind.MD5: 32,
        Kind.SHA1: 40,
        Kind.SHA256: 64,
    }


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hxxp://evil[.]example/", Kind.URL),
        ("evil[.]example", Kind.DOMAIN),
        ("2001:db8::1", Kind.IPV6),
        ("192.0.2.0/25", Kind.CIDR),
        ("a" * 40, Kind.SHA1),
        ("x[at]evil.example", Kind.EMAIL),
        ("HKLM\\Software\\a@b.example", Kind.REGISTRY),
        ("hkey_users\\s-1-5-18", Kind.REGISTRY),
        ("\\REGISTRY\\MACHINE\\Software", Kind.REGISTRY),
        ("hklm.example", Kind.DOMAIN),
        ("setup.exe", Kind.DOMAIN),
    ],
)
def test_a_guess_names_the_kind(text, kind):
    assert guess(text)[0] is kind


@pytest.mark.parametrize(
    "text",
    [
        "64500",
        "CVE-2024-34",
        "",
        "T1059.001",
        "10.0.0.0/2",
        "HKLM",
        "Global\\mutex",
        "cmd /c x",
        "C:\\a\\setup.exe",
        "Your invoice",
    ],
)
def test_a_guess_does_not_force_an_indicator(text):
    with pytest.raises(Rejected):
        guess(text)


def test_the_stored_nasty_values_are_read_or_refused(stored):
    lines = stored("nasty/nasty_values.txt").read_text(encoding="utf-8").split("\n")
    for line in filter(None, lines):
        for shape in SHAPES:
            try:
                kind, value = canonical(shape, line)
            except Rejected:
                continue
            assert canonical(kind, value) == (kind, value)
