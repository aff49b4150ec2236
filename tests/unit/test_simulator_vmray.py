"""The simulated VMRay answers in VMRay's envelope, and its analyses take time."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.adapters.http import HttpClient
from tidegate.ports import BadPayload, QuotaSpent
from tidegate.simulator.seed import BROKEN, KNOWN, LOADER, PAGE, digest
from tidegate.simulator.server import Tenant


class Clock:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Tenant(tmp_path_factory.mktemp("tenant"), timedelta(seconds=10), Clock())
    made.url = made.start()
    yield made
    made.stop()


@pytest.fixture
def tenant(served):
    served.clock.now = Clock.now
    served.reset()
    return served


@pytest.fixture
def clock(tenant):
    return tenant.clock


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
    assert techniques == [{"technique_id": "T1071"}]


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
