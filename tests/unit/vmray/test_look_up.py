"""What VMRay knows already, page by page: unknown is an empty list and nothing else."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.model import Entity, Verdict
from tidegate.ports import BadPayload, Order, Refused, Response, SourceDown
from tidegate.simulator.seed import BROKEN, DROPPER, KNOWN, LOADER, PAGE, digest
from tidegate.simulator.vmray import stored_sample, stored_submission

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANALYSIS = timedelta(seconds=10)
ORDER = Order("n-1", "da63-1")


def test_unknown_is_an_empty_list_and_nothing_else(vmray):
    assert vmray().submissions(Entity.FILE, digest(LOADER)) == []
    assert vmray().submissions(Entity.URL, PAGE) == []


def test_what_was_submitted_before_is_found_with_its_verdict(vmray):
    [found] = vmray().submissions(Entity.PROCESS, digest(KNOWN))
    assert (found.finished, found.verdict, found.error) == (True, Verdict.MALICIOUS, None)
    assert found.sha256 == digest(KNOWN)
    assert found.created == START - timedelta(days=2)


def test_several_alerts_with_the_same_hash_find_each_others_submissions(vmray, submit, clock):
    submit(vmray(), order=Order("first", "a"))
    clock.now += timedelta(seconds=1)
    submit(vmray(), order=Order("second", "b"))
    found = vmray().submissions(Entity.FILE, digest(LOADER))
    assert [one.nonce for one in found] == ["second", "first"]
    assert len({one.sample for one in found}) == 1


def test_a_url_is_found_whatever_is_in_it(vmray):
    url = 'http://x.example/a"b\\c?d=%22&e==f'
    [made] = vmray().submit_url(url, ORDER)
    [found] = vmray().submissions(Entity.URL, url)
    assert (found.id, found.url, found.nonce) == (made, url, "n-1")


def test_another_url_that_differs_by_case_is_another(vmray):
    vmray().submit_url("http://x.example/Invoice", ORDER)
    assert vmray().submissions(Entity.URL, "http://x.example/invoice") == []
    assert vmray().submissions(Entity.URL, "http://X.example/Invoice") != []


@pytest.mark.parametrize("status", [403, 404])
def test_an_earlier_analysis_by_another_user_without_permission_is_not_unknown(vmray, flag, status):
    known = f"/sample/sha256/{digest(KNOWN)}"
    flag("refused", **{known: [status, "no permission"]})
    with pytest.raises(Refused, match=f'answered {status} to .*: "no permission"') as refused:
        vmray().submissions(Entity.FILE, digest(KNOWN))
    assert refused.value.code == str(status)


def test_an_earlier_analysis_that_shows_no_submissions_is_unknown(tenant, vmray):
    sample = stored_sample(tenant.scene, DROPPER, "a.exe", None)
    assert vmray().submissions(Entity.FILE, digest(DROPPER)) == []
    stored_submission(tenant.scene, sample, START - timedelta(hours=1), "{}")
    assert len(vmray().submissions(Entity.FILE, digest(DROPPER))) == 1


@pytest.mark.parametrize("status", [500, 503, 429])
def test_an_outage_is_not_unknown(vmray, flag, status):
    flag("refused", **{f"/sample/sha256/{digest(KNOWN)}": [status, "later"]})
    with pytest.raises(SourceDown):
        vmray().submissions(Entity.FILE, digest(KNOWN))


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{}",
        b"[]",
        b"null",
        b'{"data": {"x": 1}}',
        b'{"data": null, "result": "ok"}',
        b'{"data": [], "result": "error"}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_answer_is_never_unknown(body, canned):
    with pytest.raises(BadPayload):
        canned(body).submissions(Entity.FILE, "ab" * 32)


def test_an_error_inside_a_200_keeps_its_words(canned):
    answer = {"result": "error", "error_msg": "in\u202e\x1b[31mner", "data": []}
    with pytest.raises(BadPayload, match=r'"in \[31mner"') as refused:
        canned(answer).submissions(Entity.FILE, "ab" * 32)
    assert str(refused.value).isprintable()


# --- long lists -----------------------------------------------------------------------------------


@pytest.fixture
def many(tenant):
    """Two hundred and fifty submissions of one sample: three pages."""
    sample = stored_sample(tenant.scene, DROPPER, "a.exe", None)
    with tenant.scene.memory.changing():
        for number in range(250):
            at = START - timedelta(minutes=number)
            stored_submission(tenant.scene, sample, at, json.dumps({"tidegate": f"n{number}"}))


@pytest.mark.usefixtures("many")
def test_a_long_list_is_read_to_its_end(vmray):
    found = vmray().submissions(Entity.FILE, digest(DROPPER))
    assert [one.nonce for one in found] == [f"n{number}" for number in range(250)]


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("fault", [SourceDown("reset"), None])
def test_a_single_use_continuation_id_that_is_lost_starts_the_list_again(
    vmray, monkeypatch, http, fault
):
    ask, lost = http.request, []

    def request(method, url, **asked):
        if "/continuation/" in url and not lost:
            lost.append(url)
            ask(method, url, **asked)  # it is used up
            if fault:
                raise fault
        return ask(method, url, **asked)

    monkeypatch.setattr(http, "request", request)
    assert len(vmray().submissions(Entity.FILE, digest(DROPPER))) == 250
    assert lost


def test_a_continuation_id_that_is_lost_twice_is_a_failure(canned):
    first = {"data": [], "continuation_id": "c/1"}
    gone = Response(404, {}, b'{"result": "error", "error_msg": "Not found"}')
    sandbox = canned(
        {"data": [{"sample_id": 1, "sample_created": "2026-03-01"}]}, *[first, gone] * 2
    )
    with pytest.raises(Refused, match="404"):
        sandbox.submissions(Entity.FILE, "ab" * 32)
    assert sandbox.http.asked[2][1] == "continuation/c%2F1"
    assert sandbox.http.asked[2][2]["retry"] is False


def test_no_more_pages_are_read_than_were_asked_for(canned):
    row = {"submission_id": 1, "submission_sample_id": 1, "submission_created": "2026-03-01"}
    page = {"data": [{**row, "submission_finished": True}] * 4, "continuation_id": 7}
    sandbox = canned(page, page)
    assert len(sandbox.finished("0", 6)) == 6
    assert sandbox.http.asked[0][2]["params"] == {"_last_id": "0", "_order": "asc", "_limit": "6"}


def test_a_list_without_end_is_left(monkeypatch, canned):
    monkeypatch.setattr("tidegate.adapters.vmray_api.MOST_PAGES", 3)
    page = {"data": [], "continuation_id": 7}
    sandbox = canned(*[page] * 4)
    assert sandbox.submissions(Entity.URL, PAGE) == []
    assert len(sandbox.http.asked) == 4


# --- the feed of what is finished -----------------------------------------------------------------


def test_what_is_finished_comes_in_the_order_of_completion(vmray, submit, clock, told):
    told(b"slow", slow=30)
    [newest] = vmray().finished(None, 50)
    slow, quick = submit(vmray(), b"slow")[0], submit(vmray(), b"quick")[0]
    assert vmray().finished(newest.id, 50) == []
    clock.now += ANALYSIS
    assert [one.id for one in vmray().finished(newest.id, 50)] == [quick]
    clock.now += timedelta(seconds=30)
    assert [one.id for one in vmray().finished(newest.id, 50)] == [quick, slow]
    assert [one.id for one in vmray().finished(newest.id, 1)] == [quick]
    assert [one.id for one in vmray().finished(quick, 50)] == [slow]
    assert [one.id for one in vmray().finished(None, 50)] == [slow]


def test_the_feed_has_the_nonce_and_says_what_failed(vmray, submit, clock):
    [last] = vmray().finished(None, 1)
    submit(vmray(), BROKEN, order=Order("mine", "a"))
    clock.now += ANALYSIS
    [found] = vmray().finished(last.id, 10)
    assert (found.nonce, found.finished) == ("mine", True)
    assert found.error == 'the analysis ended with errors: VMRay says "failed"'


def test_the_feed_begins_where_something_is_finished(vmray, submit, clock):
    [known] = vmray().submissions(Entity.FILE, digest(KNOWN))
    submit(vmray())
    assert [one.id for one in vmray().finished(None, 50)] == [known.id]


def test_a_feed_that_shows_what_is_under_way_is_not_believed(canned):
    rows = [
        {
            "submission_id": number,
            "submission_sample_id": 1,
            "submission_created": "2026-03-01T00:00:00",
            "submission_finished": finished,
        }
        for number, finished in ((1, True), (2, False), (3, True))
    ]
    assert [one.id for one in canned({"data": rows}).finished("0", 9)] == ["1", "3"]
    assert canned({"data": []}).finished(None, 9) == []


@pytest.mark.usefixtures("many")
def test_a_feed_of_several_pages_is_read(vmray):
    [oldest, *later] = reversed(vmray().submissions(Entity.FILE, digest(DROPPER)))
    found = vmray().finished(oldest.id, 200)
    assert [one.id for one in found] == [one.id for one in later][:200]
