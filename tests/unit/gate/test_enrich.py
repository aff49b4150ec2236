"""What others outside say: exact answers over real HTTP, and what is never asked."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tidegate.adapters.cache import ObjectCache
from tidegate.adapters.greynoise import GreyNoise
from tidegate.adapters.http import HttpClient
from tidegate.adapters.local.database import connect
from tidegate.adapters.local.feeds import FeedTable
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.adapters.virustotal import VirusTotal
from tidegate.gate.enrich import Enriched, State, World, enriched
from tidegate.gate.explain import explain
from tidegate.gate.knowledge import Knowledge
from tidegate.hygiene import Policy
from tidegate.model import Kind, Sighting, Tlp
from tidegate.ports import BadPayload, QuotaSpent, SourceDown
from tidegate.warninglists import Warninglists, parse

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 20, 5, 3, 20, tzinfo=UTC)
SHA256 = "ab" * 32

NOISE = {
    "ip": "192.0.2.7",
    "noise": True,
    "riot": False,
    "classification": "malicious",
    "name": "unknown",
    "link": "https://viz.greynoise.io/ip/192.0.2.7",
    "last_seen": "2026-11-19",
    "message": "Success",
}
RIOT = {**NOISE, "noise": False, "riot": True, "classification": "benign", "name": "Example DNS"}
NOT_OBSERVED = {
    "ip": "192.0.2.7",
    "noise": False,
    "riot": False,
    "message": "IP not observed scanning the internet or contained in RIOT data set.",
}


def report(name: str, **more: Any) -> dict[str, Any]:
    stats = {
        "malicious": 3,
        "suspicious": 1,
        "undetected": 20,
        "harmless": 60,
        "timeout": 0,
        "confirmed-timeout": 0,
        "failure": 0,
        "type-unsupported": 2,
    }
    attributes = {
        "last_analysis_stats": stats,
        "last_analysis_date": 1_795_000_000,
        "reputation": -5,
        "tags": ["peexe"],
        "popular_threat_classification": {"suggested_threat_label": "trojan.example/x"},
        **more,
    }
    return {"data": {"id": name, "type": "file", "links": {}, "attributes": attributes}}


@dataclass
class Web:
    """A server on loopback that answers what it was told, and remembers what it was asked."""

    url: str = ""
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def says(self, body: Any, status: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, headers, data))


@pytest.fixture
def web() -> Iterator[Web]:
    found = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            status, headers, body = found.answers.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def http() -> Iterator[HttpClient]:
    with HttpClient(retries=0, allow_private=True) as client:
        yield client


@pytest.fixture
def greynoise(web: Web, http: HttpClient) -> GreyNoise:
    return GreyNoise(http, SecretStr("g-key"), 50, web.url)


@pytest.fixture
def virustotal(web: Web, http: HttpClient) -> VirusTotal:
    return VirusTotal(http, SecretStr("v-key"), 500, web.url)


# --- GreyNoise --------------------------------------------------------------------------------


def test_greynoise_says_who_scans(web: Web, greynoise: GreyNoise):
    web.says(NOISE)
    found = greynoise.ask(Kind.IPV4, "192.0.2.7")
    assert (found.says, found.labels, found.harmless) == (
        "malicious",
        ("scans the internet",),
        None,
    )
    assert (found.link, found.at) == (NOISE["link"], datetime(2026, 11, 19, tzinfo=UTC))
    path, headers = web.asked[0]
    assert (path, headers["key"]) == ("/v3/community/192.0.2.7", "g-key")


def test_greynoises_common_services_are_a_reason_not_to_enforce(web: Web, greynoise: GreyNoise):
    web.says(RIOT)
    found = greynoise.ask(Kind.IPV4, "192.0.2.7")
    assert found.harmless == "GreyNoise RIOT: common business service, Example DNS"


def test_greynoises_404_is_an_answer(web: Web, greynoise: GreyNoise):
    web.says(NOT_OBSERVED, 404)
    assert greynoise.ask(Kind.IPV4, "192.0.2.7") is None


def test_greynoise_answers_without_a_key_too(web: Web, http: HttpClient):
    web.says(NOISE)
    GreyNoise(http, None, 50, web.url).ask(Kind.IPV4, "192.0.2.7")
    assert "key" not in web.asked[0][1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        {},
        {**NOISE, "ip": "192.0.2.8"},
        {**NOISE, "noise": "perhaps"},
        {**NOISE, "classification": "x" * 5_000},
        {**NOISE, "classification": {"a": 1}},
        {**NOISE, "last_seen": "soon"},
        {**NOISE, "name": ["a"] * 20_000},
        b"[" * 50_000,
        b" " * 100_000,
    ],
)
def test_greynoises_nonsense_is_a_bad_payload(web: Web, greynoise: GreyNoise, body: Any):
    web.says(body)
    with pytest.raises(BadPayload):
        greynoise.ask(Kind.IPV4, "192.0.2.7")


def test_no_link_of_an_answer_is_taken_over(web: Web, greynoise: GreyNoise):
    web.says({**NOISE, "link": "javascript:alert(1)"})
    assert greynoise.ask(Kind.IPV4, "192.0.2.7").link == NOISE["link"]


# --- VirusTotal -------------------------------------------------------------------------------

URL = "http://bad.example/a?b=c"


@pytest.mark.parametrize(
    ("kind", "value", "name", "path", "page"),
    [
        (Kind.IPV4, "192.0.2.7", "192.0.2.7", "ip_addresses/192.0.2.7", "ip-address/192.0.2.7"),
        (
            Kind.IPV6,
            "2001:db8::7",
            "2001:db8::7",
            "ip_addresses/2001:db8::7",
            "ip-address/2001:db8::7",
        ),
        (Kind.DOMAIN, "bad.example", "bad.example", "domains/bad.example", "domain/bad.example"),
        (Kind.URL, URL, SHA256, "urls/aHR0cDovL2JhZC5leGFtcGxlL2E_Yj1j", f"url/{SHA256}"),
        (Kind.MD5, "cd" * 16, SHA256, f"files/{'cd' * 16}", f"file/{'cd' * 16}"),
        (Kind.SHA256, SHA256, SHA256, f"files/{SHA256}", f"file/{SHA256}"),
    ],
)
def test_virustotal_counts_what_engines_say(web, virustotal, kind, value, name, path, page):
    web.says(report(name))
    found = virustotal.ask(kind, value)
    assert found.says == "malicious"
    assert found.counts == {"malicious": 3, "suspicious": 1, "harmless": 60, "undetected": 20}
    assert found.labels == ("trojan.example/x", "peexe")
    assert found.link == f"https://www.virustotal.com/gui/{page}"
    assert found.at == datetime.fromtimestamp(1_795_000_000, UTC)
    asked, headers = web.asked[0]
    assert (asked, headers["x-apikey"]) == (f"/api/v3/{path}", "v-key")


def test_virustotal_has_never_seen_it(web: Web, virustotal: VirusTotal):
    web.says({"error": {"code": "NotFoundError", "message": "not found"}}, 404)
    assert virustotal.ask(Kind.DOMAIN, "bad.example") is None


def test_what_no_engine_calls_bad_is_said_so(web: Web, virustotal: VirusTotal):
    for stats, said in (
        ({"malicious": 0, "suspicious": 2, "harmless": 9}, "suspicious"),
        ({"malicious": 0, "harmless": 9}, "harmless"),
        ({"malicious": 0, "undetected": 9}, "undetected"),
    ):
        web.says(report(SHA256, last_analysis_stats=stats, last_analysis_date=None))
        assert virustotal.ask(Kind.SHA256, SHA256).says == said


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        {"data": None},
        {"data": {"id": "bad.example", "attributes": {}}},
        report("other.example"),
        report("bad.example", last_analysis_stats={"malicious": -1}),
        report("bad.example", last_analysis_stats={"malicious": 10**30}),
        report("bad.example", last_analysis_date=10**18),
        report("bad.example", tags=["x" * 1_000]),
        report("bad.example", tags="peexe"),
        b'{"data":' * 9_000,
    ],
)
def test_virustotals_nonsense_is_a_bad_payload(web: Web, virustotal: VirusTotal, body: Any):
    web.says(body)
    with pytest.raises(BadPayload):
        virustotal.ask(Kind.DOMAIN, "bad.example")


def test_an_id_that_is_none_does_not_get_into_a_link(web: Web, virustotal: VirusTotal):
    web.says(report("../../evil"))
    assert "evil" not in virustotal.ask(Kind.URL, URL).link


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, BadPayload), (403, BadPayload), (429, QuotaSpent), (503, SourceDown)],
)
def test_refusals_show_no_key(web: Web, virustotal, greynoise, status, error):
    for asking in (virustotal, greynoise):
        web.says({"error": {"code": "X"}}, status)
        with pytest.raises(error) as refused:
            asking.ask(Kind.IPV4, "192.0.2.7")
        assert "-key" not in str(refused.value)


# --- whom to ask, and what --------------------------------------------------------------------


@dataclass
class Lab:
    """Both enrichers on one server, and a clock that we turn."""

    home: Path
    web: Web
    http: HttpClient
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.database = connect(self.home / "tidegate.sqlite")
        objects = FileObjects(self.home / "objects", lambda: self.now)
        self.known = Knowledge(
            sightings=SegmentStore(self.home / "sightings"),
            feeds=FeedTable(self.database),
            clock=lambda: self.now,
            policy=Policy(("corp.example", "192.0.2.128/25"), simulated=True),
            grades={},
            snapshots=frozenset(),
        )
        greynoise = GreyNoise(self.http, None, 2, self.web.url)
        virustotal = VirusTotal(self.http, SecretStr("v-key"), 500, self.web.url)
        cache = ObjectCache(objects, lambda: self.now)
        self.world = World((greynoise, virustotal), cache, self.known)

    def ask(self, kind: Kind, value: str, *tlps: Tlp, world: World | None = None) -> list[Enriched]:
        found = replace(explain(kind, value, self.known), sightings=[_said(t) for t in tlps])
        return enriched(found, world or self.world)


def _said(tlp: Tlp) -> Sighting:
    times = (NOW, NOW, NOW + timedelta(days=1))
    return Sighting(Kind.IPV4, "192.0.2.7", f"s-{tlp.name.lower()}", 50, *times, tlp=tlp)


@pytest.fixture
def lab(tmp_path: Path, web: Web, http: HttpClient) -> Iterator[Lab]:
    found = Lab(tmp_path, web, http)
    yield found
    found.database.close()


def states(found: list[Enriched]) -> dict[str, State]:
    return {one.by: one.state for one in found}


def test_an_answer_is_kept_and_so_is_that_there_is_none(lab: Lab):
    lab.web.says(NOISE)
    lab.web.says({}, 404)
    first = lab.ask(Kind.IPV4, "192.0.2.7")
    assert states(first) == {"greynoise": State.KNOWN, "virustotal": State.UNKNOWN}
    assert [one.cached for one in first] == [False, False]
    again = lab.ask(Kind.IPV4, "192.0.2.7")
    assert [(one.by, one.state, one.advice) for one in again] == [
        (one.by, one.state, one.advice) for one in first
    ]
    assert [one.cached for one in again] == [True, True]
    assert len(lab.web.asked) == 2
    lab.now += timedelta(hours=7)  # what was unknown is asked for again first
    lab.web.says(report("192.0.2.7"))
    assert states(lab.ask(Kind.IPV4, "192.0.2.7"))["virustotal"] is State.KNOWN


def test_the_cache_tells_no_values(lab: Lab):
    lab.web.says(NOISE)
    lab.web.says({}, 404)
    lab.ask(Kind.IPV4, "192.0.2.7")
    names = [path.name for path in (lab.home / "objects").rglob("*")]
    assert not any("192" in name and "." in name.removesuffix(".json") for name in names)


class Returning:
    """A cache that answers what it was told, in order."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.put = lambda *_: None

    def get(self, key: str) -> bytes | None:
        return self.answers.pop(0)


@pytest.mark.slow
@pytest.mark.parametrize("kept", [b"", b"{}", b'{"says": 1}', b"\xff", b"[1]"])
def test_a_broken_entry_is_a_miss(lab: Lab, kept: bytes):
    lab.web.says({}, 404)
    found = lab.ask(
        Kind.DOMAIN, "bad.example", world=replace(lab.world, cache=Returning(kept, None))
    )
    assert states(found) == {"virustotal": State.UNKNOWN}
    assert len(lab.web.asked) == 1


def test_kinds_that_nobody_knows_are_not_asked_about(lab: Lab):
    assert lab.ask(Kind.CIDR, "192.0.2.0/26") == []
    assert not lab.web.asked


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (Kind.IPV4, "10.0.0.1", "private"),
        (Kind.IPV6, "fe80::1", "link-local"),
        (Kind.IPV4, "192.0.2.200", "allow-list"),
        (Kind.DOMAIN, "mail.corp.example", "allow-list"),
        (Kind.URL, "https://corp.example/login", "allow-list"),
        (Kind.URL, "http://10.0.0.1/a", "private"),
        (Kind.DOMAIN, "printer.local", "reserved name"),
        (Kind.URL, "http://user:secret@bad.example/", "a URL with credentials"),
    ],
)
def test_what_is_ours_is_never_asked_about(lab: Lab, kind: Kind, value: str, reason: str):
    found = lab.ask(kind, value)
    assert found
    assert {(one.state, one.reason) for one in found} == {(State.NOT_ASKED, reason)}
    assert not lab.web.asked


@pytest.mark.parametrize(
    ("tlps", "reason"),
    [
        ([Tlp.AMBER], "known under TLP:AMBER"),
        ([Tlp.AMBER, Tlp.AMBER_STRICT], "known under TLP:AMBER+STRICT"),
        ([Tlp.RED], "known under TLP:RED"),
        ([Tlp.RED, Tlp.GREEN], "known under TLP:RED"),
        ([Tlp.CLEAR, Tlp.AMBER], "known under TLP:AMBER"),
        ([Tlp.GREEN, Tlp.CLEAR], None),
        ([Tlp.CLEAR], None),
        ([], None),
    ],
)
def test_what_anybody_reports_under_a_strict_marking_is_never_asked_about(lab: Lab, tlps, reason):
    lab.web.says(NOISE)
    lab.web.says({}, 404)
    found = lab.ask(Kind.IPV4, "192.0.2.7", *tlps)
    assert {one.reason for one in found} == {reason}
    assert len(lab.web.asked) == (0 if reason else 2)


def test_the_failure_of_one_is_its_own(lab: Lab):
    lab.web.says({}, 500)
    lab.web.says(report("192.0.2.7"))
    found = lab.ask(Kind.IPV4, "192.0.2.7")
    assert states(found) == {"greynoise": State.SOURCE_DOWN, "virustotal": State.KNOWN}
    lab.web.says(b"<html>")
    assert states(lab.ask(Kind.IPV4, "192.0.2.7"))["greynoise"] is State.BAD_PAYLOAD


def test_without_a_key_it_is_said_which_one(lab: Lab):
    keyless = replace(lab.world, enrichers=(VirusTotal(lab.http, None, 500, lab.web.url),))
    [found] = lab.ask(Kind.DOMAIN, "bad.example", world=keyless)
    assert (found.state, found.reason) == (State.NO_KEY, "needs a key: set TIDEGATE_VIRUSTOTAL_KEY")


def test_the_days_requests_are_counted_across_processes(lab: Lab, tmp_path: Path):
    only = replace(lab.world, enrichers=lab.world.enrichers[:1])
    other = connect(tmp_path / "tidegate.sqlite")
    theirs = replace(only, known=replace(lab.known, feeds=FeedTable(other)))
    for number, world in ((1, only), (2, theirs)):
        lab.web.says({}, 404)
        [found] = lab.ask(Kind.IPV4, f"192.0.2.{number}", world=world)
        assert found.state is State.UNKNOWN
    [found] = lab.ask(Kind.IPV4, "192.0.2.3", world=only)
    assert (found.state, len(lab.web.asked)) == (State.QUOTA_WAIT, 2)
    assert found.reason == "the 2 requests since 2026-11-20T00:00 UTC are used up"
    lab.now += timedelta(days=1)
    lab.web.says({}, 404)
    assert lab.ask(Kind.IPV4, "192.0.2.3", world=only)[0].state is State.UNKNOWN
    other.close()


def test_virustotal_is_asked_four_times_a_minute(lab: Lab):
    for number in range(5):
        lab.web.says({}, 404)
        found = lab.ask(Kind.DOMAIN, f"h{number}.example")
    assert states(found) == {"virustotal": State.QUOTA_WAIT}
    lab.now += timedelta(seconds=41)
    assert states(lab.ask(Kind.DOMAIN, "h9.example")) == {"virustotal": State.UNKNOWN}
    assert len(lab.web.asked) == 5


def test_who_wants_to_be_left_alone_is(lab: Lab):
    lab.web.says({}, 429, Retry_After="600")
    assert states(lab.ask(Kind.DOMAIN, "a.example")) == {"virustotal": State.QUOTA_WAIT}
    lab.now += timedelta(seconds=599)
    assert states(lab.ask(Kind.DOMAIN, "b.example")) == {"virustotal": State.QUOTA_WAIT}
    assert len(lab.web.asked) == 1
    lab.now += timedelta(seconds=2)
    lab.web.says({}, 404)
    assert states(lab.ask(Kind.DOMAIN, "b.example")) == {"virustotal": State.UNKNOWN}


def test_what_warninglists_name_is_no_secret(lab: Lab):
    named = {"name": "n", "version": 1, "type": "hostname", "list": ["a.example"]}
    listed = parse("n", json.dumps({**named, "matching_attributes": ["domain"]}).encode(), None)
    policy = replace(lab.known.policy, lists=Warninglists.of([listed]))
    known = replace(lab.known, policy=policy)
    assert explain(Kind.DOMAIN, "a.example", known).unclean
    lab.web.says({}, 404)
    found = lab.ask(Kind.DOMAIN, "a.example", world=replace(lab.world, known=known))
    assert states(found) == {"virustotal": State.UNKNOWN}
