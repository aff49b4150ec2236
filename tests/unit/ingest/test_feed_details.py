"""What single feeds do that no flat list does: the exact answers, and what becomes of them."""

from datetime import timedelta

import orjson
import pytest

from tidegate.declare.feed import feeds
from tidegate.feeds.otx.parse import pages as otx_pages
from tidegate.feeds.otx.parse import parse as otx
from tidegate.feeds.sentinel.parse import parse as sentinel
from tidegate.feeds.threatfox.parse import parse as threatfox
from tidegate.feeds.urlhaus_api.parse import parse as urlhaus
from tidegate.model import Status
from tidegate.ports import BadPayload, QuotaSpent, Response, SourceDown
from tidegate.stix.read import rows as stix

ALL = feeds()


def body(found: object) -> bytes:
    return orjson.dumps(found)


# --- AbuseIPDB --------------------------------------------------------------------------------

ENTRIES = [
    {
        "ipAddress": address,
        "countryCode": country,
        "abuseConfidenceScore": 100,
        "lastReportedAt": "2026-11-20T04:17:04+00:00",
    }
    for address, country in [("192.0.2.9", "NL"), ("2001:DB8::9", None)]
]


def blacklist(entries=ENTRIES, generated="2026-11-20T04:20:00+00:00") -> bytes:
    return body({"meta": {"generatedAt": generated}, "data": entries})


def test_abuseipdb_lists_both_families_and_an_unknown_country(lab):
    assert lab.live(ALL["abuseipdb"], blacklist()).kept == 2
    assert set(lab.state(ALL["abuseipdb"])["value"]) == {"192.0.2.9", "2001:db8::9"}


def test_the_same_blacklist_of_abuseipdb_is_nothing_to_do(lab):
    lab.live(ALL["abuseipdb"], blacklist())
    stored = lab.bytes(ALL["abuseipdb"])
    lab.pass_(hours=6)
    assert lab.live(ALL["abuseipdb"], blacklist()).status is Status.UNCHANGED
    lab.pass_(hours=6)
    again = lab.live(ALL["abuseipdb"], blacklist(ENTRIES[::-1]))
    assert (again.status, again.new, again.changed) == (Status.OK, 0, 0)
    assert lab.bytes(ALL["abuseipdb"]) == stored


def test_abuseipdb_is_asked_five_times_a_day(lab):
    done = [lab.live(ALL["abuseipdb"], blacklist(generated=str(at))).status for at in range(6)]
    assert done == [Status.OK] * 5 + [Status.QUOTA_WAIT]
    assert len(lab.http.asked) == 5
    lab.pass_(days=1)
    assert lab.live(ALL["abuseipdb"], blacklist()).status is Status.OK


# --- URLhaus ----------------------------------------------------------------------------------


def test_nothing_new_at_urlhaus_is_no_fault(lab):
    feed = ALL["urlhaus_api"]
    lab.file(feed, feed.folder / "sample.json")
    outcome = lab.live(feed, body({"query_status": "no_results"}))
    assert (outcome.status, outcome.rows, outcome.withdrawn) == (Status.OK, 0, 0)


@pytest.mark.parametrize("status", ["unknown_auth_key", "http_post_expected", None])
def test_any_other_word_of_urlhaus_is_a_fault(status):
    with pytest.raises(BadPayload, match=str(status)):
        urlhaus(body({"query_status": status}))


def test_a_dump_of_urlhaus_as_json_is_lists_by_id():
    entry = {
        "dateadded": "2026-11-20 04:31:13 UTC",
        "url": "http://192.0.2.98/a",
        "url_status": "offline",
        "last_online": None,
        "threat": "malware_download",
        "tags": None,
        "urlhaus_link": "https://urlhaus.abuse.ch/url/1/",
        "reporter": "example",
    }
    (row,) = urlhaus(body({"1": [entry]}))
    assert (row["value"], row["confidence"], row["tags"]) == ("http://192.0.2.98/a", 80, "")
    assert row["reference"] == "https://urlhaus.abuse.ch/url/1/"
    (bare,) = urlhaus(body({"7": [{"url": "http://a.example/", "url_status": "online"}]}))
    assert (bare["confidence"], bare["reference"]) == (90, "https://urlhaus.abuse.ch/url/7/")


def test_the_answer_of_the_api_is_read(stored):
    found = urlhaus(stored("urlhaus/fixtures/urlhaus_api_v1_urls_recent.json").read_bytes())
    assert [row["tags"] for row in found] == ["", "32-bit,elf,mips,Mozi", ""]
    assert urlhaus(stored("urlhaus/fixtures/urlhaus_api_no_results.json").read_bytes()) == []


def online(*rows: tuple[int, str]) -> bytes:
    header = "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\r\n"
    lines = (
        f'"{at}","2026-01-0{at} 00:00:00","{url}","online","2026-11-20 04:00:00",'
        f'"malware_download","None","https://urlhaus.abuse.ch/url/{at}/","x"\r\n'
        for at, url in rows
    )
    return (header + "".join(lines)).encode()


def test_an_old_url_that_went_offline_leaves_with_the_online_dump(lab):
    feed = ALL["urlhaus_online"]
    lab.live(feed, online((1, "http://a.example/old"), (2, "http://a.example/new")))
    lab.pass_(hours=1)
    outcome = lab.live(feed, online((2, "http://a.example/new")))
    assert (outcome.status, outcome.withdrawn) == (Status.OK, 1)
    assert lab.state(feed)["value"].to_list() == ["http://a.example/new"]


# --- ThreatFox --------------------------------------------------------------------------------


def ioc(**more) -> bytes:
    told = {"ioc_value": "a.example", "ioc_type": "domain", "confidence_level": 75}
    return body({"1": [{**told, **more}]})


@pytest.mark.parametrize(
    ("said", "name", "found"),
    [
        ({"tags": "a,b", "threat_type": "botnet_cc"}, "tags", "a,b,botnet_cc"),
        ({"tags": ["a", "b"]}, "tags", "a,b"),
        ({"tags": None}, "tags", ""),
        ({"is_compromised": True}, "tags", "compromised"),
        ({"is_compromised": "False"}, "tags", ""),
        ({"malware_printable": "Cobalt Strike"}, "threat", "Cobalt Strike"),
        ({"malware_printable": "Unknown malware"}, "threat", None),
        ({}, "threat", None),
    ],
)
def test_what_threatfox_says_besides_the_value(said, name, found):
    (row,) = threatfox(ioc(**said))
    assert row[name] == found


def test_threatfox_splits_an_address_of_ipv6_without_brackets_at_the_last_colon(lab):
    value = {"ioc_value": "2001:db8:40:1::5:40669", "ioc_type": "ip:port"}
    lab.live(ALL["threatfox"], ioc(**value))
    (row,) = lab.state(ALL["threatfox"]).to_dicts()
    assert (row["value"], row["tags"]) == ("2001:db8:40:1::5", ["port:40669"])


# --- ports in columns of their own ------------------------------------------------------------


@pytest.mark.parametrize(
    ("port", "tags"),
    [('"443"', ["online", "port:443"]), ('""', ["online"]), ('"x,y"', ["online"])],
)
def test_the_port_of_feodo_is_kept(lab, port, tags):
    header = '"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"'
    row = f'"2026-10-11 03:10:00","192.0.2.5",{port},"online","2026-11-20","QakBot"'
    lab.live(ALL["feodo"], f"{header}\n{row}\n".encode())
    assert lab.state(ALL["feodo"])["tags"].to_list() == [tags]


# --- PhishTank --------------------------------------------------------------------------------


def test_phishtank_that_asks_to_wait_is_waited_for(lab):
    wait = QuotaSpent("answered 509: quota spent", retry_after=timedelta(hours=2))
    assert lab.live(ALL["phishtank"], wait).status is Status.QUOTA_WAIT
    lab.pass_(hours=1)
    asked = len(lab.http.asked)
    assert lab.live(ALL["phishtank"], b"").status is Status.QUOTA_WAIT
    assert len(lab.http.asked) == asked


# --- OTX --------------------------------------------------------------------------------------


class Slow:
    """Answers pages of so many rows at most; larger ones take too long. Has `rows` pulses."""

    def __init__(self, most: int, rows: int) -> None:
        self.most, self.rows = most, rows
        self.asked: list[tuple[int, int]] = []

    def __call__(self, url, params) -> Response:
        base, _, query = url.partition("?")
        told = dict(pair.split("=") for pair in query.split("&") if pair) | dict(params)
        limit, page = int(told["limit"]), int(told.get("page", "1"))
        self.asked.append((limit, page))
        if limit > self.most:
            raise SourceDown("answered 504")
        first, last = (page - 1) * limit, page * limit
        results = [{"id": str(at), "indicators": []} for at in range(self.rows)[first:last]]
        more = f"{base}?limit={limit}&page={page + 1}" if last < self.rows else None
        return Response(200, {}, body({"results": results, "next": more}))


def read(slow: Slow, since) -> list[str]:
    found = [orjson.loads(page)["results"] for page in otx_pages(slow, since)]
    return [pulse["id"] for page in found for pulse in page]


@pytest.mark.parametrize("most", [50, 25])
def test_a_page_of_otx_that_takes_too_long_is_asked_for_in_halves(lab, most):
    slow = Slow(most, rows=130)
    assert read(slow, lab.now) == [str(at) for at in range(130)]


def test_otx_that_gets_slow_half_way_loses_no_pulse(lab):
    slow = Slow(50, rows=130)

    def tiring(url, params):
        answer = slow(url, params)
        slow.most = 25
        return answer

    found = [orjson.loads(page)["results"] for page in otx_pages(tiring, lab.now)]
    assert [pulse["id"] for page in found for pulse in page] == [str(at) for at in range(130)]


def test_otx_that_answers_nothing_is_down(lab):
    slow = Slow(0, rows=1)
    with pytest.raises(SourceDown):
        read(slow, lab.now)
    assert [limit for limit, _ in slow.asked] == [50, 25]


def pulse(*indicators: dict, **more) -> bytes:
    return body({"results": [{"id": "p", "indicators": list(indicators), **more}], "next": None})


def told(kind: str, value: str) -> dict:
    return {"type": kind, "indicator": value, "created": "2026-11-12T05:05:15"}


@pytest.mark.parametrize("ids", [["T1566"], [{"id": "T1566", "display_name": "T1566 - Phishing"}]])
def test_techniques_of_a_pulse_are_tags(ids):
    (row,) = otx(pulse(told("domain", "a.example"), tags=["a,b"], attack_ids=ids))
    assert row["tags"] == "a b,attack:T1566"


def test_every_kind_of_otx_is_an_indicator_or_counted(lab):
    known = {
        "IPv4": "192.0.2.5",
        "IPv6": "2001:db8::5",
        "CIDR": "192.0.2.0/24",
        "domain": "a.example",
        "hostname": "b.a.example",
        "email": "a@b.example",
        "URL": "http://a.example/",
        "FileHash-MD5": "ab" * 16,
        "FileHash-SHA1": "ab" * 20,
        "FileHash-SHA256": "ab" * 32,
        "SSLCertFingerprint": ":".join(["AB"] * 20),
        "CVE": "CVE-2099-10001",
    }
    others = ["URI", "FilePath", "Mutex", "YARA", "FileHash-PEHASH", "FileHash-IMPHASH", "JA3"]
    others += ["BitcoinAddress", "osquery", "a kind of tomorrow"]
    found = [told(kind, value) for kind, value in known.items()]
    outcome = lab.live(ALL["otx"], pulse(*found, *(told(kind, "x") for kind in others)))
    assert (outcome.status, outcome.kept) == (Status.OK, len(known))
    assert outcome.rejected == {"unknown kind": len(others)}


# --- STIX -------------------------------------------------------------------------------------

INDICATOR = {
    "type": "indicator",
    "id": "indicator--1",
    "pattern": "[domain-name:value = 'a.example' AND ipv4-addr:value = '192.0.2.5']",
}
TECHNIQUE = {"source_name": "mitre-attack", "external_id": "T1071.001", "url": "https://a.example/"}


def said(*objects: dict, **more) -> dict:
    both = stix(body({"type": "bundle", "objects": [{**INDICATOR, **more}, *objects]}))
    first, second = both
    assert {**first, "shape": "", "value": ""} == {**second, "shape": "", "value": ""}
    return first


def test_observables_of_one_pattern_refer_to_it():
    assert said()["reference"] == "indicator--1"


def test_a_text_about_an_indicator_is_its_reference_but_not_attacks_own_page():
    blog = {"source_name": "blog", "url": "https://blog.example/"}
    assert said(external_references=[TECHNIQUE, blog])["reference"] == "https://blog.example/"
    assert said(external_references=[TECHNIQUE])["reference"] == "indicator--1"


@pytest.mark.parametrize("kind", ["report", "grouping"])
def test_a_report_is_what_its_indicators_refer_to(kind):
    report = {"type": kind, "id": f"{kind}--1", "object_refs": ["indicator--1", "malware--1"]}
    assert said(report)["reference"] == f"{kind}--1"
    links = [{"source_name": "x", "url": "https://report.example/"}]
    assert said({**report, "external_references": links})["reference"] == "https://report.example/"
    assert said({**report, "revoked": True})["reference"] == "indicator--1"


def test_techniques_come_from_references_and_relationships():
    pattern = {"type": "attack-pattern", "id": "attack-pattern--1"}
    link = {
        "type": "relationship",
        "relationship_type": "indicates",
        "source_ref": "indicator--1",
        "target_ref": "attack-pattern--1",
    }
    other = {**TECHNIQUE, "external_id": "T1059"}
    row = said({**pattern, "external_references": [TECHNIQUE]}, link, external_references=[other])
    assert row["tags"] == "attack:T1059,attack:T1071.001"


def test_phases_of_attack_are_tactics():
    phases = [
        {"kill_chain_name": "mitre-attack", "phase_name": "command-and-control"},
        {"kill_chain_name": "lockheed-martin-cyber-kill-chain", "phase_name": "delivery"},
    ]
    assert said(kill_chain_phases=phases)["tags"] == "tactic:command-and-control"


def test_the_strictest_of_all_markings_holds_those_of_parts_included():
    green = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
    red = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
    parts = [{"marking_ref": red, "selectors": ["pattern"]}]
    assert said(object_marking_refs=[green])["tlp"] == "green"
    assert said(object_marking_refs=[green], granular_markings=parts)["tlp"] == "red"


# --- Sentinel ---------------------------------------------------------------------------------

ROW = {
    "TimeGenerated": "2026-11-19T22:00:00Z",
    "Id": "x---indicator--1",
    "ObservableKey": "domain-name:value",
    "ObservableValue": "a.example",
    "ValidUntil": "2027-01-01T00:00:00Z",
}


@pytest.mark.parametrize("as_text", [False, True])
def test_the_object_behind_a_row_of_sentinel_says_more(as_text):
    data = {
        "external_references": [TECHNIQUE],
        "object_marking_refs": ["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"],
    }
    cell = body(data).decode() if as_text else data
    (row,) = sentinel(body([{**ROW, "Data": cell, "Tags": '["c2"]'}]))
    assert (row["tags"], row["tlp"]) == ("c2,attack:T1071.001", "amber")
    assert row["reference"] == "x---indicator--1"


def test_sentinel_keeps_the_marking_in_additional_fields():
    (row,) = sentinel(body([{**ROW, "AdditionalFields": '{"TLPLevel": "Red"}'}]))
    assert row["tlp"] == "red"


@pytest.mark.parametrize("state", ["inactive", "falsepos"])
def test_a_state_in_the_description_withdraws_a_row_of_sentinel(state):
    data = {"description": f"x State: {state}; y"}
    (row,) = sentinel(body([{**ROW, "Data": data}]))
    assert row["expires"] == ROW["TimeGenerated"]


def test_the_ports_of_sentinels_older_table_are_tags():
    old = {"TimeGenerated": "2026-11-01T10:00:00Z", "IndicatorId": "0A", "NetworkIP": "192.0.2.5"}
    (row,) = sentinel(body([{**old, "NetworkPort": 8443, "Tags": "a"}]))
    assert (row["tags"], row["reference"]) == ("a,port:8443", "0A")
