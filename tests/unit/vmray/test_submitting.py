"""What a submission says, and what VMRay makes of it."""

import hmac
import io
import json
import logging
import zipfile
from base64 import b64decode
from datetime import timedelta
from hashlib import sha256

import pytest

from tidegate.adapters.vmray import Webhook
from tidegate.adapters.vmray_submit import ascii_name, file_name
from tidegate.detonate.hints import genuine, signature
from tidegate.model import Entity, Verdict
from tidegate.ports import BadPayload, Order, Quota, QuotaSpent, Response, SourceDown
from tidegate.simulator.seed import DROPPER, LOADER, PAGE, digest

REPORT = timedelta(seconds=15)
ORDER = Order("n-1", "da63-1")


def test_a_submission_carries_what_finds_it_again(tenant, vmray, submit):
    [made] = submit(vmray(tags=("team blue",)), order=Order("n-7", "da-7", ("AlertID:da-7", "")))
    held = tenant.scene.memory.get("submissions", made)
    metadata = json.loads(held["submission_submission_metadata"])
    assert metadata == {"tidegate": "n-7", "alert": "da-7"}
    assert held["submission_tags"] == ["Tidegate", "team_blue", "AlertID:da-7"]
    assert held["submission_shareable"] is False
    assert vmray().submission(made).nonce == "n-7"


def test_all_options_are_said(tenant, vmray, submit):
    sandbox = vmray(
        shareable=True,
        analyzer_mode="reputation_static",
        analysis_caching="smart",
        max_jobs=3,
        max_recursive_samples=5,
        retention_days=0,
        archive_password="infected",
        archive_action="compound_sample",
        document_password="open",
        net_scheme="tor",
        timeout_seconds=240,
        comment="by night",
    )
    [made] = submit(sandbox)
    held = tenant.scene.memory.get("submissions", made)
    echoed = "submission_analyzer_mode_"
    assert held[f"{echoed}analyzer_mode"] == "reputation_static"
    assert held[f"{echoed}analysis_caching"] == "smart"
    assert held[f"{echoed}archive_action"] == "compound_sample"
    assert held[f"{echoed}max_recursive_samples"] == "5"
    assert held["submission_retention_period"] == "0"
    assert held["submission_comment"] == "by night"
    assert held["submission_shareable"] is True


def test_what_is_not_said_is_left_to_vmray_and_passwords_are_for_files(canned):
    made = {"data": {"submissions": [{"submission_id": 1}]}}
    system = {"data": {"version": "2026.2.1"}}
    options = {"timeout_seconds": 60, "max_jobs": 1, "archive_password": "p"}
    sandbox = canned(system, made, **options)
    assert sandbox.submit_url("http://x.example/", ORDER) == ("1",)
    form = sandbox.http.asked[1][2]["data"]
    assert form == {
        "sample_url": "http://x.example/",
        "shareable": "false",
        "tags": "Tidegate",
        "submission_metadata": '{"tidegate": "n-1", "alert": "da63-1"}',
        "max_jobs": "1",
        "user_config": '{"timeout": 60}',
    }
    assert sandbox.http.asked[1][2]["retry"] is False


@pytest.mark.parametrize(
    ("version", "tags"),
    [
        ("2026.2.0", ["Tidegate", "Family.X!a_b", "AlertID:da_1"]),
        ("2027.1.0", ["Tidegate", "Family.X!a_b", "AlertID:da_1"]),
        ("2026.1.9", ["Tidegate", "Family_X_a_b", "AlertID_da_1"]),
        ("4.2.0", ["Tidegate", "Family_X_a_b", "AlertID_da_1"]),
    ],
)
def test_a_platform_before_2026_2_gets_tags_that_it_takes(
    tenant, vmray, submit, flag, version, tags
):
    flag("system", version=version)
    order = Order("n", "a", ("Family.X!a,b", "AlertID:da_1", "AlertID:da_1"))
    [made] = submit(vmray(), order=order)
    assert tenant.scene.memory.get("submissions", made)["submission_tags"] == tags


def test_a_server_that_tells_nothing_of_itself_is_taken_for_an_old_one(vmray, submit, flag, tenant):
    flag("refused", **{"/system_info": [403, "not for this key"]})
    [made] = submit(vmray(), order=Order("n", "a", ("x:y",)))
    assert tenant.scene.memory.get("submissions", made)["submission_tags"] == ["Tidegate", "x_y"]
    assert vmray().max_bytes() == 209_715_200


def test_a_tag_is_cut_where_vmray_cuts_it(tenant, vmray, submit):
    [made] = submit(vmray(), order=Order("n", "a", ("é" + "x" * 300,)))
    tag = tenant.scene.memory.get("submissions", made)["submission_tags"][1]
    assert tag == "_" + "x" * 254


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("a:b\u202eexe.txt", "a_b_exe.txt"),
        ("", "sample"),
        (" .. ", "sample"),
        ("NUL", "_NUL"),
        ("con.exe", "_con.exe"),
        ("COM1.tar.gz", "_COM1.tar.gz"),
        ("lpt² .txt", "_lpt² .txt"),
        ("console.exe", "console.exe"),
        ("COM10.exe", "COM10.exe"),
        ("invoice.exe. .", "invoice.exe"),
        ("a\ud800\x00\u00a0b", "a___b"),
        ("Rechnung für März.exe", "Rechnung für März.exe"),
        ("x" * 300 + ".exe", "x" * 251 + ".exe"),
    ],
)
def test_a_file_name_that_windows_forbids_is_replaced(name, sent):
    assert file_name(name) == sent
    assert ascii_name(sent).isascii()


def test_a_file_name_in_other_letters_arrives_whole(tenant, vmray, submit):
    [made] = submit(vmray(), name="発票\u202efdp.exe")
    held = tenant.scene.memory.get("submissions", made)
    assert held["submission_filename"] == "発票_fdp.exe"


def test_a_file_is_sent_from_the_disk(tmp_path, canned):
    made = {"data": {"submissions": [{"submission_id": "12"}, {"submission_id": "12"}]}}
    sandbox = canned({"data": {}}, made)
    assert sandbox.submit_file("é.exe", tmp_path / "f", ORDER) == ("12",)
    sent = sandbox.http.asked[1][2]
    assert sent["files"] == {"sample_file": ("_.exe", tmp_path / "f", "application/octet-stream")}
    assert b64decode(sent["data"]["sample_filename_b64enc"]).decode() == "é.exe"


def test_an_archive_makes_many_submissions_and_one_report(vmray, submit, clock, told):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("one.exe", b"harmless member")
        archive.writestr("two.exe", b"harmful member")
    told(b"harmful member", verdict="malicious", threats=["B"], techniques=["T1105"])
    told(b"harmless member", verdict="clean", iocs={"ips": [{"ip_address": "192.0.2.1"}]})
    ids = submit(vmray(), packed.getvalue(), "both.zip")
    assert len(ids) == 2
    clock.now += REPORT
    found = [vmray().submission(one) for one in ids]
    assert [one.verdict for one in found] == [Verdict.CLEAN, Verdict.MALICIOUS]
    report = vmray().report(tuple(one.sample for one in found))
    assert (report.verdict, report.sample) == (Verdict.MALICIOUS, found[1].sample)
    assert (report.threats, report.techniques) == (("B",), ("T1105",))
    assert [one.text for one in report.found] == ["192.0.2.1"]


def test_what_of_an_archive_was_not_taken_is_told(caplog, canned):
    errors = [{"error_msg": "bad\nmember", "submission_filename": "x"}, "odd", {"other": 1}]
    made = {"data": {"errors": errors, "submissions": [{"submission_id": 1}]}}
    with caplog.at_level(logging.WARNING):
        assert canned({"data": {}}, made).submit_url(PAGE, ORDER) == ("1",)
    assert '"bad member"; "odd"' in caplog.text


def test_several_submissions_of_one_file_are_all_returned(vmray, submit, told):
    told(LOADER, submissions=3)
    assert len(set(submit(vmray()))) == 3


def test_a_200_with_errors_and_nothing_made_says_why(vmray, submit, told):
    told(LOADER, refuse="unsupported sample type")
    with pytest.raises(BadPayload, match='took no submission: "unsupported sample type"'):
        submit(vmray())


def test_an_empty_file_is_refused_with_the_reason(vmray, submit):
    with pytest.raises(BadPayload, match="The sample is empty"):
        submit(vmray(), b"")


def test_no_jobs_were_created_comes_with_what_to_do(vmray, submit, told):
    told(LOADER, no_jobs=True)
    with pytest.raises(BadPayload, match=r"no jobs were created.*caching `legacy`.*`smart`"):
        submit(vmray())


def test_a_licence_that_cannot_submit_says_so(vmray, submit, flag):
    flag("refused", **{"/sample/submit": [403, "DeepResponse licence: no submissions"]})
    with pytest.raises(BadPayload, match='403 to sample/submit: "DeepResponse licence'):
        submit(vmray())


def test_a_400_keeps_its_reason(vmray, submit):
    with pytest.raises(BadPayload, match=r'400 .*"Invalid value for parameter analyzer_mode"'):
        submit(vmray(analyzer_mode="quick"))


def test_a_413_is_told_as_too_large(vmray, submit, flag):
    flag("system", webif_max_upload_size=10)
    assert vmray().max_bytes() == 10
    with pytest.raises(BadPayload, match="larger than VMRay takes"):
        submit(vmray())


def test_a_413_of_a_proxy_has_no_envelope(canned):
    html = Response(413, {}, b"<html>413</html>")
    with pytest.raises(BadPayload, match="larger than VMRay takes"):
        canned({"data": {}}, html).submit_url(PAGE, ORDER)


def test_a_quota_that_is_exhausted_is_a_state_and_no_fault(vmray, submit, flag):
    flag("quota", limit=1)
    submit(vmray())
    with pytest.raises(QuotaSpent, match="quota of this API key is exhausted"):
        submit(vmray(), DROPPER)
    assert vmray().quota() == Quota(limit=1, used=1)


def test_an_unknown_outcome_of_a_submission_is_found_out_by_its_nonce(
    vmray, submit, http, monkeypatch
):
    ask = http.request

    def broken(method, url, **asked):
        answer = ask(method, url, **asked)
        if method == "POST":
            raise SourceDown("the connection broke after the server had it")
        return answer

    monkeypatch.setattr(http, "request", broken)
    with pytest.raises(SourceDown):
        submit(vmray(), order=Order("mine", "a"))
    [found] = vmray().submissions(Entity.FILE, digest(LOADER))
    assert (found.nonce, found.finished) == ("mine", False)


def test_junk_after_a_submission_is_a_bad_payload(canned):
    with pytest.raises(BadPayload):
        canned({"data": {}}, b"<html>").submit_url(PAGE, ORDER)
    with pytest.raises(BadPayload, match="no reason given"):
        canned({"data": {}}, {"data": {"errors": "all"}}).submit_url(PAGE, ORDER)


# --- webhooks -------------------------------------------------------------------------------------


def test_a_webhook_is_signed_by_what_the_submission_carries(tenant, vmray, submit):
    hook = Webhook("https://f.example/api/finished", "hush-key")
    [made] = submit(vmray(webhook=hook), order=Order("n-9", "a"))
    [call] = map(json.loads, tenant.scene.memory.calls("webhook"))
    headers = call["headers"]
    assert (call["url"], call["submission_id"]) == (hook.url, int(made))
    assert (call["verify_tls"], call["timeout"], call["retries"]) == (True, 10, 2)
    assert headers["X-Tidegate-Nonce"] == "n-9"
    assert genuine("hush-key", "n-9", headers["X-Tidegate-Signature"])
    assert headers.keys() == {"X-Tidegate-Nonce", "X-Tidegate-Signature"}
    assert "hush" not in repr(vmray(webhook=hook))


def test_a_signature_is_the_hmac_that_anybody_can_compute():
    # `printf n-1 | openssl dgst -sha256 -hmac k` prints the same.
    expected = hmac.new(b"k", b"n-1", sha256).hexdigest()
    assert signature("k", "n-1") == signature(b"k", "n-1") == expected


@pytest.mark.parametrize(
    ("key", "nonce", "given"),
    [
        ("k", "n", ""),
        ("k", "n", "é"),
        ("k", "n", "\ud800"),
        ("k", "m", signature("k", "n")),
        ("l", "n", signature("k", "n")),
        ("k", "n", signature("k", "n").upper()),
        ("", "n", signature("", "n")),
    ],
)
def test_what_we_did_not_sign_is_not_genuine(key, nonce, given):
    assert not genuine(key, nonce, given)
