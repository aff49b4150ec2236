"""One report out of many answers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.canonical import Shape
from tidegate.model import Entity, Found, Kind, Trait, Verdict
from tidegate.ports import BadPayload
from tidegate.simulator.seed import DROPPER, LOADER, digest
from tidegate.simulator.vmray import stored_sample, stored_submission

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANALYSIS, REPORT = timedelta(seconds=10), timedelta(seconds=15)


def ioc(key, value, verdict="malicious"):
    return {key: value, "verdict": verdict}


LISTS = {
    "ips": [ioc("ip_address", "203.0.113.1")],
    "domains": [ioc("domain", "www[.]x[.]example")],
    "urls": [ioc("url", "http://x.example/a")],
    "files": [
        {
            "hashes": [{"sha256_hash": "aa" * 32, "sha1_hash": "bb" * 20, "md5_hash": "cc" * 16}],
            "categories": ["Dropped File"],
            "verdict": "suspicious",
        },
        {"hashes": [{"sha256_hash": "dd" * 32}], "categories": ["Memory Dump"]},
    ],
    "email_addresses": [ioc("email_address", "a@x.example")],
    "emails": [{"subject": "Your invoice", "sender": "Boss <b@x.example>", "verdict": "clean"}],
    "filenames": [ioc("filename", "C:\\x\\evil.exe")],
    "mutexes": [ioc("mutex_name", "Global\\m")],
    "processes": [ioc("cmd_line", "cmd.exe /c x")],
    "registry": [ioc("reg_key_name", "HKEY_CURRENT_USER\\Run")],
}


def test_all_ten_lists_are_found(told, reported):
    told(LOADER, verdict="malicious", iocs=LISTS)
    bad, odd, fine = Verdict.MALICIOUS, Verdict.SUSPICIOUS, Verdict.CLEAN
    assert set(reported(LOADER).found) == {
        Found(Shape.ADDRESS, "203.0.113.1", bad),
        Found(Kind.DOMAIN, "www[.]x[.]example", bad),
        Found(Kind.URL, "http://x.example/a", bad),
        Found(Kind.SHA256, "aa" * 32, odd),
        Found(Kind.SHA1, "bb" * 20, odd),
        Found(Kind.MD5, "cc" * 16, odd),
        Found(Kind.EMAIL, "a@x.example", bad),
        Found(Kind.EMAIL, "b@x.example", fine),
        Found(Kind.EMAIL_SUBJECT, "Your invoice", fine),
        Found(Kind.FILENAME, "C:\\x\\evil.exe", bad),
        Found(Kind.MUTEX, "Global\\m", bad),
        Found(Kind.PROCESS, "cmd.exe /c x", bad),
        Found(Kind.REGISTRY, "HKEY_CURRENT_USER\\Run", bad),
    }


def test_a_report_says_what_the_sample_is(told, reported):
    vtis = [{"operation": "Connects", "score": 3}, {"operation": "Known", "score": 5}]
    told(LOADER, verdict="malicious", threats=["Loader"], vtis=vtis, techniques=["T1071"])
    report = reported(LOADER)
    assert report.verdict is Verdict.MALICIOUS
    assert report.threats == ("Loader",)
    assert report.traits == (
        Trait(5, "Known"),
        Trait(3, "Connects"),
    )
    assert report.techniques == ("T1071",)
    assert report.link == f"https://vmray.example/user/sample/view?id={report.sample}"
    assert report.analysed == START + ANALYSIS
    assert (report.children, report.cut) == (0, False)


def test_when_a_sample_was_analysed_may_be_nothing_for_us(vmray, flag, reported):
    report = reported(LOADER)
    flag("refused", **{f"/submission/sample/{report.sample}": [403, "no"]})
    assert vmray().report((report.sample,)).analysed == START


def test_a_report_whose_parts_are_not_finished_is_none_yet(vmray, submit, clock, told):
    told(LOADER, verdict="malicious", status_waits=1)
    [made] = submit(vmray())
    sample = vmray().submission(made).sample
    assert vmray().report((sample,)) is None
    clock.now += ANALYSIS
    assert vmray().report((sample,)) is None
    clock.now += REPORT
    # One after another: the IOCs, the VTIs, the techniques.
    assert [vmray().report((sample,)) is None for _ in range(4)] == [True, True, True, False]


def test_a_child_whose_iocs_are_not_finished_is_waited_for(told, reported, vmray):
    told(LOADER, children=[digest(DROPPER)])
    told(DROPPER, status_waits=1)
    assert reported(LOADER) is None
    [found] = vmray().submissions(Entity.FILE, digest(LOADER))
    assert vmray().report((found.sample,)).children == 1


def test_what_the_dropped_samples_do_is_part_of_the_report(told, reported):
    told(LOADER, verdict="malicious", threats=["Loader"], children=["a" * 64, "http://x.example/"])
    told(
        "a" * 64,
        verdict="suspicious",
        threats=["Stage"],
        classifications=["Spyware"],
        iocs={"ips": [ioc("ip_address", "192.0.2.7")]},
        children=["b" * 64],
    )
    told("b" * 64, iocs={"domains": [ioc("domain", "d.example")]})
    report = reported(LOADER)
    assert (report.children, report.cut) == (3, False)
    assert report.threats == ("Loader", "Stage")
    assert report.classifications == ("Spyware",)
    assert {one.text for one in report.found} == {"192.0.2.7", "d.example"}
    assert report.verdict is Verdict.MALICIOUS


def test_cycles_among_children_end(told, reported, http, monkeypatch):
    told(LOADER, children=[digest(DROPPER), digest(LOADER)])
    told(DROPPER, children=[digest(LOADER), digest(DROPPER), "c" * 64])
    told("c" * 64, children=[digest(DROPPER)])
    report = reported(LOADER)
    assert (report.children, report.cut) == (2, False)


def test_more_children_than_the_cap_are_cut(told, reported, vmray):
    told(LOADER, children=[f"{number:064x}" for number in range(30)])
    report = reported(LOADER)
    assert (report.children, report.cut) == (20, True)
    few = replace(vmray().options, children=2)
    sandbox = replace(vmray(), options=few)
    assert (sandbox.report((report.sample,)).children, sandbox.options.children) == (2, 2)


def test_no_children_may_be_wanted(told, reported, vmray):
    told(LOADER, children=["a" * 64])
    report = reported(LOADER, vmray(children=0))
    assert (report.children, report.cut) == (0, True)


def test_a_child_list_that_vmray_truncated_is_cut(told, reported):
    told(LOADER, children=["a" * 64], truncated=True)
    report = reported(LOADER)
    assert (report.children, report.cut) == (1, True)


def test_a_child_that_is_gone_is_left_out(told, reported, vmray, flag):
    told(LOADER, children=["a" * 64, "b" * 64])
    sample = reported(LOADER).sample
    for status in (403, 404):
        flag("refused", **{f"/sample/{int(sample) + 1}": [status, "no"]})
        report = vmray().report((sample,))
        assert (report.children, report.cut) == (1, True)
    flag("refused", **{f"/sample/{int(sample) + 1}": [400, "no"]})
    with pytest.raises(BadPayload):
        vmray().report((sample,))


def test_a_report_that_is_locked_is_unlocked_only_if_asked(tenant, told, reported, vmray):
    told(LOADER, verdict="malicious", iocs=LISTS, locked=True)
    report = reported(LOADER)
    assert report.found == ()
    assert tenant.scene.memory.calls("unlock") == []
    sandbox = vmray(unlock=True)
    assert sandbox.report((report.sample,)) is None
    assert sandbox.report((report.sample,)).found
    assert tenant.scene.memory.calls("unlock") == [report.sample]


def test_a_report_that_stays_locked_is_asked_for_once(told, reported, vmray, flag, caplog):
    told(LOADER, verdict="malicious", iocs=LISTS, locked=True)
    report = reported(LOADER)
    flag("refused", **{f"/sample/{report.sample}/unlock_reports": [403, "no keys left"]})
    sandbox = vmray(unlock=True)
    assert sandbox.report((report.sample,)).verdict is Verdict.MALICIOUS
    assert sandbox.report((report.sample,)).found == ()
    assert caplog.text.count("answered 403 when asked to unlock") == 1


def test_names_that_malware_chose_are_printable_few_and_short(told, reported):
    names = ["x\u202egnp.exe", "a\x1b[31mb\nc", "y" * 300, *(f"t{n}" for n in range(20)), "", 5]
    told(LOADER, verdict="malicious", threats=names, classifications=names)
    report = reported(LOADER)
    assert report.threats == report.classifications
    assert report.threats[:2] == ("x gnp.exe", "a [31mb c")
    assert all(name.isprintable() and len(name) <= 100 for name in report.threats)
    assert len(report.threats) == 10


def test_an_operation_is_told_once_with_its_highest_score(told, reported):
    scores = [("Writes", 1), ("Writes", "4"), ("Reads", "high"), ("Hides", 99), (None, 5)]
    vtis = [{"operation": operation, "score": score} for operation, score in scores]
    told(LOADER, vtis=vtis, techniques=["T1105", "T1105", "T1055.012", "Txxxx", "T1\n", None])
    report = reported(LOADER)
    assert report.traits == (Trait(5, "Hides"), Trait(4, "Writes"), Trait(0, "Reads"))
    assert report.techniques == ("T1055.012", "T1105")


def test_one_value_is_found_once_with_the_worst_verdict_and_the_malicious_come_first(
    told, reported
):
    fine = [ioc("domain", f"d{number}.example", "clean") for number in range(2_500)]
    bad = [ioc("domain", "d7.example"), ioc("domain", "last.example")]
    long = [ioc("domain", "x" * 3_000), ioc("domain", None), ioc("domain", "")]
    told(LOADER, verdict="malicious", iocs={"domains": [*fine, *bad, *long]})
    found = reported(LOADER).found
    assert [one.text for one in found[:2]] == ["d7.example", "last.example"]
    assert len(found) == len(set(found)) == 2_000


def test_a_link_that_is_no_web_address_is_dropped(canned):
    sample = {"sample_id": 1, "sample_created": "2026-03-01T00:00:00", "sample_verdict": "clean"}
    done = {"data": {"status": "finished"}}
    for link in ("javascript:alert(1)", "https://x.example/\nb", "https://x.example/ b", 5):
        answers = ({"data": {**sample, "sample_webif_url": link}}, done, done, done, {"data": []})
        assert canned(*answers).report(("1",)).link == ""


def test_a_mutex_that_is_no_text_does_not_cost_the_report(canned):
    sample = {
        "sample_id": 1,
        "sample_created": "2026-03-01T00:00:00",
        "sample_verdict": "malicious",
    }
    odd = b'{"data": {"iocs": {"mutexes": [{"mutex_name": "a\\ud800b"}, {"mutex_name": {}}]}}}'
    done = {"data": {"status": "finished"}}
    found = canned({"data": sample}, odd, done, done, {"data": []}).report(("1", "1")).found
    assert [one.text for one in found] == ["a?b"]


def test_among_several_samples_the_unjudged_weighs_more_than_the_clean(canned):
    row = {"sample_id": 1, "sample_created": "2026-03-01T00:00:00"}
    answers = [{"data": {**row, "sample_verdict": one}} for one in ("clean", None)]
    assert canned(*answers).verdict(("1", "2")) is Verdict.INCONCLUSIVE


def test_all_samples_of_an_archive_are_judged_and_some_read(tenant, vmray, monkeypatch, told):
    monkeypatch.setattr("tidegate.adapters.vmray_report.MOST_ROOTS", 2)
    samples = []
    for number in range(5):
        data = b"member %d" % number
        told(data, verdict="malicious" if number == 4 else "clean", threats=[f"t{number}"])
        sample = stored_sample(tenant.scene, data, "a.exe", None)
        stored_submission(tenant.scene, sample, START - timedelta(hours=1), "{}")
        samples.append(str(sample["sample_id"]))
    report = vmray().report(tuple(samples))
    assert (report.verdict, report.sample, report.cut) == (Verdict.MALICIOUS, samples[4], True)
    assert report.threats == ("t4", "t0")
