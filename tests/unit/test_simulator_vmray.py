"""The simulated VMRay answers in VMRay's envelope, and its analyses take time."""

import json
import zipfile
from datetime import timedelta
from io import BytesIO

import pytest

from tidegate.adapters.http import HttpClient
from tidegate.ports import BadPayload, QuotaSpent
from tidegate.simulator.seed import BROKEN, KNOWN, LOADER, PAGE, digest
from tidegate.simulator.vmray import stored_sample, stored_submission


@pytest.fixture
def api(tenant, clock):
    with HttpClient(allow_private=True, retries=0, clock=clock) as http:

        def call(method, path, key="simulated", expect=(), **more):
            answer = http.request(
                method,
                f"{tenant.url}/rest{path}",
                headers={"authorization": f"api_key {key}"},
                expect=expect,
                **more,
            )
            return json.loads(answer.body)

        yield call


def submit(api, data=LOADER, **fields):
    files = {"sample_file": ("a.exe", data, "application/octet-stream")}
    return api("POST", "/sample/submit", data=fields, files=files)["data"]


def test_the_key_is_needed(api):
    assert api("GET", "/system_info", key="wrong", expect=(401,))["result"] == "error"
    assert api("GET", "/system_info")["data"]["api_items_per_request"] == 100


def test_unknown_is_an_empty_list(api):
    assert api("GET", f"/sample/sha256/{digest(LOADER)}") == {"data": [], "result": "ok"}
    assert api("GET", "/sample/999", expect=(404,))["result"] == "error"


def test_a_known_sample_is_found_by_any_of_its_hashes(api):
    [sample] = api("GET", f"/sample/sha256/{digest(KNOWN)}")["data"]
    assert sample["sample_verdict"] == "malicious"
    [same] = api("GET", f"/sample/md5/{sample['sample_md5hash'].upper()}")["data"]
    assert same == sample
    [submission] = api("GET", f"/submission/sample/{sample['sample_id']}")["data"]
    assert submission["submission_finished"]
    assert submission["submission_created"] == "2026-02-27T12:00:00"


def test_an_analysis_takes_time_and_its_iocs_a_little_more(api, clock):
    made = submit(api, submission_metadata='{"tidegate": "n"}', shareable="false", tags="t")
    [submission] = made["submissions"]
    sample = made["samples"][0]["sample_id"]
    where = f"/submission/{submission['submission_id']}"
    assert not api("GET", where)["data"]["submission_finished"]
    assert api("GET", f"/sample/{sample}")["data"]["sample_verdict"] is None
    clock.now += timedelta(seconds=10)
    done = api("GET", where)["data"]
    assert (done["submission_verdict"], done["submission_has_errors"]) == ("malicious", False)
    assert json.loads(done["submission_submission_metadata"]) == {"tidegate": "n"}
    assert api("GET", f"/sample/{sample}/iocs")["data"]["status"] == "waiting"
    clock.now += timedelta(seconds=5)
    found = api("GET", f"/sample/{sample}/iocs")["data"]
    assert found["status"] == "finished"
    assert len(found["iocs"]["files"]) == 2
    assert api("GET", f"/sample/{sample}/vtis")["data"]["threat_indicators"][0]["score"] == 3
    techniques = api("GET", f"/sample/{sample}/mitre_attack")["data"]["mitre_attack_techniques"]
    assert [one["technique_id"] for one in techniques] == ["T1071"]
    assert techniques[0]["threat_indicators"][0]["score"] == 3


def test_an_analysis_may_end_with_errors(api, clock):
    [submission] = submit(api, BROKEN)["submissions"]
    clock.now += timedelta(seconds=10)
    done = api("GET", f"/submission/{submission['submission_id']}")["data"]
    assert (done["submission_has_errors"], done["submission_verdict"]) == (True, None)


def test_the_feed_has_what_is_finished_since(api, clock):
    [first] = api("GET", "/submission?_last_id=0")["data"]
    submit(api)
    assert api("GET", f"/submission?_last_id={first['submission_id']}")["data"] == []
    clock.now += timedelta(seconds=10)
    assert len(api("GET", f"/submission?_last_id={first['submission_id']}")["data"]) == 1


def test_urls_are_found_by_search(api):
    query = {"query": f'url=="{PAGE}"'}
    assert api("GET", "/submission/search", params=query)["data"] == []
    api("POST", "/sample/submit", data={"sample_url": PAGE})
    [found] = api("GET", "/submission/search", params=query)["data"]
    assert found["submission_original_url"] == PAGE


def test_a_submission_is_of_one_thing(api):
    with pytest.raises(BadPayload, match="400"):
        api("POST", "/sample/submit", data={"comment": "nothing"})


def test_who_asks_too_much_is_told_when_to_come_back(api, monkeypatch):
    monkeypatch.setattr("tidegate.simulator.vmray.CALLS_A_MINUTE", 2)
    api("GET", "/system_info")
    api("GET", "/system_info")
    with pytest.raises(QuotaSpent) as spent:
        api("GET", "/system_info")
    assert spent.value.retry_after == timedelta(seconds=60)


def test_submissions_end_in_the_order_of_completion_and_not_of_their_ids(tenant, api, clock):
    tenant.scene.memory.put("outcomes", digest(LOADER), {"slow": 5})
    [last] = api("GET", "/submission?_order=desc&_limit=1")["data"]
    [slow] = submit(api)["submissions"]
    [quick] = submit(api, b"quick")["submissions"]
    clock.now += timedelta(seconds=15)
    feed = api("GET", f"/submission?_last_id={last['submission_id']}&_order=asc")["data"]
    assert [one["submission_id"] for one in feed] == [quick["submission_id"], slow["submission_id"]]
    at_quick = f"/submission?_last_id={quick['submission_id']}&_order=asc&_limit=1"
    assert [one["submission_id"] for one in api("GET", at_quick)["data"]] == [slow["submission_id"]]
    assert api("GET", f"/submission?_last_id={slow['submission_id']}")["data"] == []


def test_without_a_last_id_it_is_no_feed_and_shows_what_is_under_way(api):
    [made] = submit(api)["submissions"]
    [newest] = api("GET", "/submission?_order=desc&_limit=1")["data"]
    assert newest["submission_id"] == made["submission_id"]
    assert newest["submission_finished"] is False
    [oldest] = api("GET", "/submission?_order=asc&_limit=1")["data"]
    assert oldest["submission_id"] == 1


def test_a_continuation_opens_its_page_once(tenant, api):
    sample = stored_sample(tenant.scene, LOADER, "a.exe", None)
    with tenant.scene.memory.changing():
        for _ in range(150):
            stored_submission(tenant.scene, sample, tenant.clock(), "{}")
    first = api("GET", f"/submission/sample/{sample['sample_id']}")
    assert len(first["data"]) == 100
    where = f"/continuation/{first['continuation_id']}"
    second = api("GET", where)
    assert (len(second["data"]), "continuation_id" in second) == (50, False)
    assert api("GET", where, expect=(404,))["result"] == "error"


def test_beyond_the_quota_nothing_is_made(tenant, api):
    tenant.scene.memory.put("vmray", "quota", {"limit": 1})
    submit(api)
    assert api("GET", "/api_key/quota")["data"] == {"quota_limit": 1, "used_quota": 1}
    with pytest.raises(BadPayload, match="400"):
        submit(api, b"another")
    assert tenant.scene.memory.calls("submit") == [digest(LOADER)]


@pytest.mark.parametrize(
    "fields",
    [
        {"tags": "a b"},
        {"analysis_caching": "sometimes"},
        {"retention_period": "30"},
        {"submission_metadata": "[]"},
        {"user_config": "{"},
        {"sample_filename_b64enc": "\N{SNOWMAN}"},
        {"typo": "1"},
    ],
)
def test_what_the_specification_does_not_have_is_refused(api, fields):
    with pytest.raises(BadPayload, match="400"):
        submit(api, **fields)


def test_an_archive_is_taken_apart_unless_told_otherwise(api):
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("folder/", b"")
        archive.writestr("one.exe", b"1")
        archive.writestr("two.exe", b"2")
    files = {"sample_file": ("all.zip", packed.getvalue(), "application/zip")}
    parts = api("POST", "/sample/submit", files=files)["data"]["submissions"]
    assert [one["submission_filename"] for one in parts] == ["one.exe", "two.exe"]
    whole = api("POST", "/sample/submit", files=files, data={"archive_action": "sample"})["data"]
    assert [one["submission_filename"] for one in whole["submissions"]] == ["all.zip"]


def test_what_a_sample_drops_is_a_sample_in_its_turn_and_circles_are_kept(tenant, api, clock):
    tenant.scene.memory.put("outcomes", digest(LOADER), {"children": ["a" * 64]})
    tenant.scene.memory.put("outcomes", "a" * 64, {"children": [digest(LOADER)]})
    [sample] = submit(api)["samples"]
    assert sample["sample_child_sample_ids"] == []
    clock.now += timedelta(seconds=10)
    [child] = api("GET", f"/sample/{sample['sample_id']}")["data"]["sample_child_sample_ids"]
    dropped = api("GET", f"/sample/{child}")["data"]
    assert dropped["sample_sha256hash"] == "a" * 64
    assert dropped["sample_child_sample_ids"] == [sample["sample_id"]]
    assert dropped["sample_verdict"] == "clean"


def test_an_analysis_says_why_it_failed_and_none_there_is_before(tenant, api, clock):
    [made] = submit(api, BROKEN)["submissions"]
    where = f"/analysis/submission/{made['submission_id']}"
    assert api("GET", where)["data"] == []
    clock.now += timedelta(seconds=10)
    [analysis] = api("GET", where)["data"]
    assert analysis["analysis_result_code"] != 1
    assert (analysis["analysis_severity"], analysis["analysis_verdict"]) == ("error", None)
    assert api("GET", f"/analysis/sample/{made['submission_sample_id']}")["data"] == [analysis]


def test_a_path_may_be_refused_by_a_test(tenant, api):
    tenant.scene.memory.put("vmray", "refused", {"/system_info": [403, "no"]})
    assert api("GET", "/system_info", expect=(403,)) == {"error_msg": "no", "result": "error"}
