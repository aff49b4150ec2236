"""Which URLs of an alert's evidence are shown to the sandbox, and as which URL."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote

import pytest

from tidegate import hygiene
from tidegate.detonate import Policy
from tidegate.detonate.evidence import fan_out
from tidegate.detonate.filters import Filters
from tidegate.model import Alert, Entity, Evidence

NOW = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = Policy(hygiene=hygiene.Policy(simulated=True))
LEFT_OUT = "a URL is left out: "
SAFE = "https://eur01.safelinks.protection.outlook.com/?url={}&data=05%7Calex%40corp.example"


def found(*texts, policy=POLICY):
    evidence = tuple(Evidence(Entity.URL, url=text) for text in texts)
    alert = Alert("a_1", "t", "High", "New", "WindowsDefenderAtp", NOW, evidence=evidence)
    return fan_out(alert, policy, NOW)


def targets(*texts):
    return [artefact.target for artefact in found(*texts)[0]]


def wrapped(inner, by=SAFE):
    return by.format(quote(inner, safe=""))


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("hxxp://evil[.]example/a", "http://evil.example/a"),
        ("hxxps[:]//EVIL(.)example:443/a?b=1#c", "https://evil.example/a?b=1"),
        (" http://evil.example \n", "http://evil.example/"),
        ("http://203.0.113.9:8080/x", "http://203.0.113.9:8080/x"),
        ("http://[2001:db8::9]/", "http://[2001:db8::9]/"),
        ("http://bücher.example/ä", "http://xn--bcher-kva.example/%C3%A4"),
    ],
)
def test_a_defanged_url_is_the_url(text, target):
    assert targets(text) == [target]


@pytest.mark.parametrize(
    "text",
    [
        wrapped("http://evil.example/a?b=1&c=2"),
        wrapped(wrapped("http://evil.example/a?b=1&c=2")),
        wrapped(wrapped(wrapped("http://evil.example/a?b=1&c=2"))),
        wrapped("http://evil.example/a?b=1&c=2").replace("https", "hxxps").replace(".", "[.]", 1),
        wrapped("hxxp://evil[.]example/a?b=1&c=2"),
        wrapped(
            "http://evil.example/a?b=1&c=2",
            "https://GCC02.SafeLinks.Protection.Office365.US/?a=1&url={}",
        ),
    ],
)
def test_a_url_wrapped_by_safe_links_is_the_one_inside(text):
    assert targets(text) == ["http://evil.example/a?b=1&c=2"]


@pytest.mark.parametrize(
    "text",
    [
        "https://safelinks.protection.outlook.com.evil.example/?url=http%3A%2F%2Fgood.example",
        "https://evilsafelinks.protection.outlook.com/?url=http%3A%2F%2Fgood.example",
        "https://evil.example/safelinks.protection.outlook.com/?url=http%3A%2F%2Fgood.example",
        "https://evil.example/?url=http%3A%2F%2Fgood.example",
        SAFE.format(""),
    ],
)
def test_a_url_that_only_looks_wrapped_by_safe_links_stays_as_it_is(text):
    [target] = targets(text)
    assert "good.example" not in target.partition("?")[0]
    assert target.partition("/?")[0] == text.partition("/?")[0]


def test_a_url_wrapped_without_end_is_unwrapped_only_so_often():
    text = "http://evil.example/"
    for _ in range(4):
        text = wrapped(text)
    [target] = targets(text)
    assert target.startswith("https://eur01.safelinks.protection.outlook.com/")


@pytest.mark.parametrize(
    ("inner", "why"),
    [
        ("javascript:alert(1)", "not a url"),
        ("file:///C:/Windows/x", "not a url"),
        ("http://10.0.0.5/", "private"),
        ("http://user:secret@evil.example/", "it holds credentials"),
        ("not a url", "not a url"),
        ("http://[bad/", "not a url"),
    ],
)
def test_a_hostile_url_wrapped_by_safe_links_is_judged_as_if_it_were_bare(inner, why):
    for text in (inner, wrapped(inner)):
        assert found(text) == ([], [LEFT_OUT + why])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("data:text/html,<script>alert(1)</script>", "not a url"),
        ("file:///C:/Users/alex/x.exe", "not a url"),
        ("file://server.corp.example/share/x.exe", "neither http nor https"),
        ("ftp://evil.example/x", "neither http nor https"),
        ("ms-settings://evil.example/x", "neither http nor https"),
        ("http://intranet/x", "an intranet host"),
        ("http://wiki:8080/x", "an intranet host"),
        ("http://printer.local/x", "reserved name"),
        ("http://localhost/x", "an intranet host"),
        ("http://10.0.0.5/x", "private"),
        ("http://[fd00::1]/x", "private"),
        ("http://169.254.169.254/latest/meta-data/", "link-local"),
        ("http://alex:secret@evil.example/x", "it holds credentials"),
        ("http://alex@evil.example/x", "it holds credentials"),
        ("http://:@evil.example/x", "it holds credentials"),
        (f"http://evil.example/{'x' * 2_100}", "url too long"),
        ("evil.example/x", "not a url"),
        ("http://evil.example/\x00", "control character"),
        ("http://0x7f.1/", "not an address"),
        ("http://alex:secret\u2100@evil.example/x", "not a url"),
        ("http://[secret]/x", "not a url"),
    ],
)
def test_a_url_that_is_not_shown_to_the_sandbox_is_noted_without_it(text, why):
    """data:, file:, intranet hosts, more than 2,000 characters, credentials."""
    assert found(text) == ([], [LEFT_OUT + why])


def test_secret_tokens_in_a_query_are_kept_back_by_exclusion_patterns():
    filters = Filters(urls=(r"[?&](token|sig)=", r"^https?://([^/]+\.)?corp\.example/"))
    policy = replace(POLICY, filters=filters)
    texts = [
        "https://files.example/d?TOKEN=s3cret",
        "https://files.example/d?a=1&sig=s3cret",
        "hxxps://Portal[.]Corp[.]example/x",
        wrapped("https://portal.corp.example/y"),
        "https://files.example/token",
    ]
    artefacts, notes = found(*texts, policy=policy)
    assert [one.target for one in artefacts] == ["https://files.example/token"]
    assert notes == [LEFT_OUT + "excluded"]


def test_a_url_is_named_by_the_digest_of_its_canonical_form():
    [artefact] = found("HTTP://Evil.example:80/a", "http://evil.example/a#b")[0]
    assert artefact.key == sha256(b"http://evil.example/a").hexdigest()
    assert artefact.scope == f"url-{artefact.key}"


def test_many_notes_of_one_kind_are_one():
    texts = [f"http://10.0.0.{n}/" for n in range(30)]
    assert found(*texts) == ([], [LEFT_OUT + "private"])
