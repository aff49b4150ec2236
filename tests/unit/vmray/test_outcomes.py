"""What became of a submission, what is left of the quota, and whose key it was."""

from datetime import UTC, datetime, timedelta

import pytest

from tidegate.adapters.vmray import Options, VmraySandbox
from tidegate.model import Entity, Verdict
from tidegate.ports import Quota, Refused, Response, SourceDown
from tidegate.simulator.seed import BROKEN, LOADER, PAGE

ANALYSIS, REPORT = timedelta(seconds=10), timedelta(seconds=15)


def test_an_analysis_that_finished_with_errors_says_why(vmray, submit, clock, told):
    told(LOADER, error='VM "win10"\x1b[31m\u202ecrashed' + "!" * 500)
    [made] = submit(vmray())
    assert vmray().submission(made).error is None
    clock.now += ANALYSIS
    found = vmray().submission(made)
    assert found.finished
    assert found.error.startswith("the analysis ended with errors: \"VM 'win10' [31m crashed!")
    assert len(found.error) < 300
    assert found.error.isprintable()
    assert found.verdict is None


def test_why_it_failed_may_be_nothing_for_us(vmray, submit, clock, flag):
    [made] = submit(vmray(), BROKEN)
    clock.now += ANALYSIS
    flag("refused", **{f"/analysis/submission/{made}": [403, "no"]})
    assert vmray().submission(made).error == ('the analysis ended with errors: VMRay says "failed"')


def test_recursive_errors_alone_are_a_note(vmray, submit, clock, told):
    told(LOADER, verdict="clean", recursive_error=True)
    [made] = submit(vmray())
    clock.now += ANALYSIS
    found = vmray().submission(made)
    assert (found.error, found.verdict) == (None, Verdict.CLEAN)
    assert found.notes == ("some analyses of what it dropped failed",)


@pytest.mark.parametrize("verdict", ["malicious", "clean"])
def test_what_one_analysis_found_bad_stays_bad_if_another_fails(
    vmray, submit, clock, told, verdict
):
    told(LOADER, verdict=verdict, partial_error="time-out")
    [made] = submit(vmray())
    clock.now += ANALYSIS
    found = vmray().submission(made)
    if verdict == "malicious":
        assert (found.error, found.verdict) == (None, Verdict.MALICIOUS)
        assert found.notes == ("some of its analyses failed",)
    else:
        assert '"time-out"' in found.error
        assert found.verdict is None


@pytest.mark.parametrize(
    ("verdict", "severity", "meant"),
    [
        (None, None, Verdict.INCONCLUSIVE),
        ("not_available", "malicious", Verdict.INCONCLUSIVE),
        ("new", None, Verdict.INCONCLUSIVE),
        ("clean", "malicious", Verdict.CLEAN),
        (None, "not_suspicious", Verdict.CLEAN),
        (None, "whitelisted", Verdict.CLEAN),
        (None, "blacklisted", Verdict.MALICIOUS),
        (None, "error", Verdict.INCONCLUSIVE),
    ],
)
def test_a_verdict_that_is_null_or_not_available_is_inconclusive(verdict, severity, meant, canned):
    row = {"sample_id": 1, "sample_created": "2026-03-01T00:00:00"}
    answer = {"data": {**row, "sample_verdict": verdict, "sample_severity": severity}}
    assert canned(answer).verdict(("1",)) is meant


def test_a_verdict_that_changed_after_a_reanalysis_is_seen(vmray, submit, clock, told):
    told(LOADER, verdict="clean")
    [made] = submit(vmray())
    clock.now += REPORT
    sample = vmray().submission(made).sample
    assert vmray().verdict((sample,)) is Verdict.CLEAN
    told(LOADER, verdict="malicious")
    submit(vmray())
    clock.now += REPORT
    assert vmray().verdict((sample,)) is Verdict.MALICIOUS
    assert vmray().report((sample,)).analysed == clock.now - REPORT + ANALYSIS


@pytest.mark.parametrize("metadata", [None, "", "junk", "[]", "1", '{"tidegate": 5}', {"a": 1}])
def test_metadata_of_others_is_no_nonce(metadata, canned):
    row = {"submission_id": 1, "submission_sample_id": 2, "submission_created": "2026-03-01T00:00"}
    answer = {"data": {**row, "submission_submission_metadata": metadata}}
    assert canned(answer).submission("1").nonce is None


def test_ids_may_be_numbers_or_texts(canned):
    row = {"submission_created": "2021-02-17T15:04:43", "submission_finished": True}
    for one, sample in ((7, "8"), ("7", 8)):
        answer = {"data": {**row, "submission_id": one, "submission_sample_id": sample}}
        found = canned(answer).submission("7")
        assert (found.id, found.sample) == ("7", "8")
        assert found.created == datetime(2021, 2, 17, 15, 4, 43, tzinfo=UTC)


def test_an_id_cannot_lead_elsewhere(canned):
    sandbox = canned(Response(404, {}, b""))
    with pytest.raises(Refused):
        sandbox.submission("../sample/1?x")
    assert sandbox.http.asked[0][1] == "submission/..%2Fsample%2F1%3Fx"


# --- the key --------------------------------------------------------------------------------------


def test_a_key_that_was_rotated_is_read_anew_once(vmray, submit, key_of):
    key = key_of("old", "simulated")
    assert len(submit(vmray(key))) == 1
    assert key.reads == 1


def test_a_key_that_stays_refused_is_down_and_asked_for_once(vmray, key_of):
    for key in (key_of("old"), key_of("old", "older", "simulated")):
        with pytest.raises(SourceDown, match="VMRay refuses the API key"):
            vmray(key).submissions(Entity.URL, PAGE)
        assert key.reads == 1


def test_the_key_is_in_no_text(vmray):
    assert "simulated" not in repr(vmray())
    assert "hush" not in repr(Options(archive_password="hush", document_password="hush"))


# --- quota and size -------------------------------------------------------------------------------


def test_the_quota_is_told(vmray, submit):
    submit(vmray())
    assert vmray().quota() == Quota(limit=1_000_000, used=1)


@pytest.mark.parametrize("status", [403, 404])
def test_a_quota_that_is_not_told_is_none(vmray, flag, status):
    flag("refused", **{"/api_key/quota": [status, "no"]})
    assert vmray().quota() is None


@pytest.mark.parametrize(
    ("told_us", "quota"),
    [
        ({"quota_limit": "10", "used_quota": "3"}, Quota(10, 3)),
        ({"quota_limit": None, "used_quota": 3}, None),
        ({"quota_limit": -1, "used_quota": 3}, None),
        ({"quota_limit": "unlimited", "used_quota": 3}, None),
        ({}, None),
    ],
)
def test_a_quota_without_a_limit_is_none(told_us, quota, canned):
    assert canned({"data": told_us}).quota() == quota


def test_a_quota_that_cannot_be_asked_for_is_down(vmray, flag):
    flag("refused", **{"/api_key/quota": [503, "later"]})
    with pytest.raises(SourceDown):
        vmray().quota()


def test_what_the_server_says_of_itself_is_kept_for_an_hour(clock, tenant, vmray, flag):
    sandbox = vmray()
    assert sandbox.max_bytes() == 209_715_200
    flag("system", webif_max_upload_size=5)
    clock.now += timedelta(minutes=59)
    assert sandbox.max_bytes() == 209_715_200
    clock.now += timedelta(minutes=1)
    assert sandbox.max_bytes() == 5


def test_the_address_may_end_as_vmray_documents_it(http, tenant, clock, key_of):
    sandbox = VmraySandbox(http, f"{tenant.url}/rest/", key_of("simulated"), clock=clock)
    assert sandbox.quota() is not None
