"""Which observables a pattern compares, whatever stands around them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.stix.pattern import DEEPEST, Malformed, comparisons
from tidegate.stix.read import named, observables

READ = [
    ("[ipv4-addr:value = '192.0.2.5']", [("address", "192.0.2.5")]),
    ("[ipv4-addr:value='192.0.2.0/24']", [("address", "192.0.2.0/24")]),
    ("[ipv4-addr:value ISSUBSET '192.0.2.0/24']", [("address", "192.0.2.0/24")]),
    (r"[url:value = 'http://a.example/\'x\\y']", [("url", r"http://a.example/'x\y")]),
    (
        "[domain-name:value IN ('a.example', 'b.example')]",
        [("domain", "a.example"), ("domain", "b.example")],
    ),
    (
        "[file:hashes.MD5 = 'aa' AND file:hashes.'SHA-256' = 'bb' AND file:hashes.\"x\" = 'c']",
        None,
    ),
    ("[file:hashes.MD5 = 'aa' OR file:hashes.'SHA-1' = 'bb']", [("md5", "aa"), ("sha1", "bb")]),
    (
        "([domain-name:value = 'a.example'] FOLLOWEDBY [url:value = 'u']) WITHIN 5.0 SECONDS",
        [("domain", "a.example"), ("url", "u")],
    ),
    (
        "[email-addr:value = 'a@b.example'] REPEATS 2 TIMES START t'2026-01-01' STOP t'2026-02-01'",
        [("email", "a@b.example")],
    ),
    (
        "[domain-name:value = 'a.example' AND domain-name:resolves_to_refs[*].value = '192.0.2.1']",
        [("domain", "a.example"), ("address", "192.0.2.1")],
    ),
    ("[x509-certificate:hashes.'SHA-1' = 'aa']", [("certificate", "aa")]),
    ("[autonomous-system:number = 64500]", [("asn", "64500")]),
    ("[ipv4-addr:value != '192.0.2.5']", [(None, "192.0.2.5")]),
    ("[ipv4-addr:value NOT = '192.0.2.5']", [(None, "192.0.2.5")]),
    ("[domain-name:value NOT IN ('a.example')]", [(None, "a.example")]),
    ("[domain-name:value MATCHES '^x']", [(None, "^x")]),
    ("[domain-name:value LIKE '%.example']", [(None, "%.example")]),
    ("[file:name = 'setup.exe']", [("filename", "setup.exe")]),
    ("[file:name != 'setup.exe']", [(None, "setup.exe")]),
    (r"[mutex:name = 'Global\\x\'']", [("mutex", r"Global\x'")]),
    ("[process:command_line = 'cmd /c x']", [("process", "cmd /c x")]),
    (r"[windows-registry-key:key = 'HKLM\\Run']", [("registry", r"HKLM\Run")]),
    ("[email-message:subject = 'Hello']", [("email-subject", "Hello")]),
    (
        "[file:name = 'a.exe' AND file:hashes.MD5 = 'aa']",
        [(None, "a.exe"), ("md5", "aa")],
    ),
    (
        "[(file:name = 'a' OR file:name = 'b') AND file:hashes.'SHA-256' IN ('cc')]",
        [(None, "a"), (None, "b"), ("sha256", "cc")],
    ),
    (
        "[file:name = 'a.exe' OR file:hashes.MD5 = 'aa']",
        [("filename", "a.exe"), ("md5", "aa")],
    ),
    (
        "[file:name = 'a.exe' AND file:hashes.MD5 != 'aa' AND mutex:name = 'm']",
        [("filename", "a.exe"), (None, "aa"), ("mutex", "m")],
    ),
    (
        "[file:hashes.MD5 = 'aa' AND mutex:name = 'm']",
        [("md5", "aa"), ("mutex", "m")],
    ),
    ("[NOT EXISTS url:value]", [(None, "url:value")]),
    (
        "[(ipv4-addr:value = '192.0.2.5' AND (url:value = 'u'))]",
        [("address", "192.0.2.5"), ("url", "u")],
    ),
    (
        "[network-traffic:dst_port = 443 AND process:is_hidden = true]",
        [(None, "443"), (None, "true")],
    ),
    (
        "[artifact:payload_bin = b'aGVsbG8=' OR file:size >= -1.5]",
        [(None, "aGVsbG8="), (None, "-1.5")],
    ),
]
BROKEN = [
    "",
    "ipv4-addr:value = '192.0.2.5'",
    "[ipv4-addr:value = '192.0.2.5'",
    "[ipv4-addr:value = '192.0.2.5]",
    "[ipv4-addr:value = 192.0.2.5]",
    "[ipv4-addr:value '192.0.2.5']",
    "[ipv4-addr:value = '1' AND]",
    "[ipv4-addr:value IN ('1',)]",
    "[ipv4-addr = '1']",
    "[ipv4-addr:value = '1'] WITHIN SECONDS",
    "[ipv4-addr:value = '1'] [ipv4-addr:value = '2']",
    "(" * (DEEPEST + 2) + "[url:value = 'u']" + ")" * (DEEPEST + 2),
    "[" + "(" * 5_000,
    "[url:value = 'u' ; DROP]",
]


@pytest.mark.parametrize(("pattern", "expected"), READ)
def test_every_observable_is_a_row_of_its_own(pattern, expected):
    assert list(observables(pattern)) == (expected or [(None, pattern)])


@pytest.mark.parametrize("pattern", BROKEN)
def test_what_is_no_pattern_is_said_so_and_counted_once(pattern):
    with pytest.raises(Malformed):
        comparisons(pattern)
    assert list(observables(pattern)) == [(None, pattern)]


def test_another_language_is_counted_and_not_read():
    assert list(observables("[url:value = 'u']", "sigma")) == [(None, "[url:value = 'u']")]
    assert list(observables(None)) == [(None, "None")]


@pytest.mark.slow
@settings(deadline=None)
@given(st.text())
def test_any_text_survives_its_escapes(text):
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    (one,) = comparisons(f"[url:value = '{quoted}']")
    assert one.values == (text,)


@settings(deadline=None)
@given(st.text(alphabet="[]()'=\\ ,ABDNORabc:.-0123456789tTFOLWEY", max_size=60))
def test_nothing_but_malformed_is_raised(text):
    try:
        comparisons(text)
    except Malformed:
        return


@pytest.mark.parametrize(
    ("pattern", "ports"),
    [
        ("[ipv4-addr:value = 'a' AND network-traffic:dst_port = 443]", {"a": ("443",)}),
        ("[network-traffic:dst_port IN (80, 443) AND ipv4-addr:value = 'a']", {"a": ("443", "80")}),
        (
            (
                "[ipv4-addr:value = 'a' AND network-traffic:dst_port = 1 OR"
                " network-traffic:dst_ref.value = 'b' AND network-traffic:dst_port = 2]"
            ),
            {"a": ("1",), "b": ("2",)},
        ),
        (
            "[(ipv4-addr:value = 'a' OR ipv4-addr:value = 'b') AND network-traffic:dst_port = 1]",
            {"a": ("1",), "b": ("1",)},
        ),
        (
            (
                "[(ipv4-addr:value = 'a' AND network-traffic:dst_port = 1 OR"
                " ipv4-addr:value = 'b') AND (network-traffic:dst_port = 2)]"
            ),
            {"a": ("1", "2"), "b": ("2",)},
        ),
        ("[ipv4-addr:value = 'a' OR network-traffic:dst_port = 443]", {}),
        ("[ipv4-addr:value = 'a'] AND [network-traffic:dst_port = 443]", {}),
        ("[ipv4-addr:value = 'a' AND network-traffic:dst_port != 443]", {}),
        ("[ipv4-addr:value = 'a' AND network-traffic:dst_port NOT IN (443)]", {}),
        ("[ipv4-addr:value = 'a' AND network-traffic:dst_port > 443]", {}),
        ("[ipv4-addr:value = 'a' AND network-traffic:src_port = 443]", {}),
        ("[ipv4-addr:value = 'a' AND network-traffic:dst_port = -1]", {}),
        ("[ipv4-addr:value = 'a' AND network-traffic:dst_port = '1,tlp:clear']", {}),
        ("[url:value = 'a' AND network-traffic:dst_port = 443]", {}),
    ],
)
def test_a_port_belongs_to_the_addresses_in_one_and_with_it(pattern, ports):
    assert {value: found for _, value, found in named(pattern) if found} == ports


def test_a_pattern_of_very_many_ports_says_nothing_of_its_address():
    many = " AND ".join(f"network-traffic:dst_port = {n}" for n in range(10_000))
    found = list(named(f"[ipv4-addr:value = 'a' AND {many}]"))
    assert found[0] == ("address", "a", ())
    assert len(found) == 10_001
