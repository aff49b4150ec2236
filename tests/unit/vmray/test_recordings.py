"""VMRay as it was recorded, and whether the simulated one says the same."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.adapters import vmray_wire
from tidegate.model import Kind, Verdict
from tidegate.ports import Order
from tidegate.simulator.seed import LOADER, PAGE


def test_a_report_as_recorded(canned, recorded):
    vtis = {"data": json.loads(recorded("splunk-soar-vmray/sample_vtis.json"))}
    found = canned(
        recorded("vmray-misp-feed/sample.json"),
        recorded("vmray-misp-feed/iocs.json"),
        vtis,
        recorded("vmray-misp-feed/mitre_attack.json"),
        {"data": [json.loads(recorded("vmray-misp-feed/submission.json"))["data"]]},
    ).report(("12",))
    assert found.verdict is Verdict.MALICIOUS
    assert found.analysed == datetime(2021, 2, 17, 15, 7, 51, tzinfo=UTC)
    assert found.threats == ("EICAR", "EICAR-Test-File (not a virus)")
    assert found.classifications == ("EICAR",)
    assert [trait.operation for trait in found.traits] == ["Creates mutex"]
    assert "T1060" in found.techniques
    # Four files, of which one is a memory dump, with three hashes each; two processes.
    shapes = [one.shape for one in found.found]
    assert [shapes.count(kind) for kind in (Kind.SHA256, Kind.SHA1, Kind.MD5)] == [3, 3, 3]
    assert shapes.count(Kind.PROCESS) == 2


def test_a_submission_as_recorded(canned, recorded):
    found = canned(recorded("vmray-misp-feed/submission.json")).submission("51")
    assert (found.id, found.sample, found.finished, found.error) == ("51", "12", True, None)
    assert (found.verdict, found.url, found.nonce) == (Verdict.MALICIOUS, None, None)
    assert found.sha256.startswith("46d2a7a499be0dbc")


def test_an_old_system_as_recorded(canned, recorded):
    made = {"data": {"submissions": [{"submission_id": 1}]}}
    sandbox = canned(recorded("vmray-misp-feed/system_info.json"), made)
    sandbox.submit_url(PAGE, Order("n", "a", ("a:b",)))
    assert sandbox.http.asked[1][2]["data"]["tags"] == "Tidegate,a_b"
    assert sandbox.max_bytes() == 209_715_200


# --- the simulated VMRay ----------------------------------------------------------------------

MODELS = [one for one in vars(vmray_wire).values() if isinstance(one, type)]
READ = {key for one in MODELS if issubclass(one, vmray_wire.Theirs) for key in one.model_fields}
IOCS = {
    "files": [
        {
            "hashes": [{"sha256_hash": "aa" * 32, "sha1_hash": "bb" * 20, "md5_hash": "cc" * 16}],
            "categories": ["Dropped File"],
            "filename": "c:\\x.bat",
        }
    ],
    "processes": [{"cmd_line": "cmd.exe /c x"}],
}


@pytest.fixture
def simulated(tenant, http, told, vmray, submit, clock):
    """Ask the simulated VMRay for what was recorded, once the loader is analysed."""
    told(
        LOADER,
        verdict="malicious",
        threats=["Loader"],
        classifications=["Loader"],
        iocs=IOCS,
        techniques=["T1060"],
        vtis=[{"score": 1, "operation": "x"}],
    )
    [made] = submit(vmray())
    clock.now += timedelta(seconds=15)
    sample = vmray().submission(made).sample

    def ask(path):
        where = path.format(sample=sample, submission=made)
        headers = {"authorization": "api_key simulated"}
        return json.loads(http.request("GET", f"{tenant.url}/rest/{where}", headers=headers).body)

    return ask


def differing(simulated, recorded, path=""):
    """Yield each key that we read, was recorded, and is not simulated, or as another type."""
    if type(simulated) is not type(recorded):
        yield f"{path}: {type(recorded).__name__}, simulated {type(simulated).__name__}"
    elif isinstance(recorded, list) and recorded:
        yield from differing(simulated[0] if simulated else None, recorded[0], f"{path}[0]")
    elif isinstance(recorded, dict):
        yield from differing_keys(simulated, recorded, path)


def differing_keys(simulated, recorded, path):
    for name in sorted(recorded.keys() & READ):
        if name not in simulated:
            yield f"{path}.{name} is not simulated"
        elif None not in (recorded[name], simulated[name]):
            yield from differing(simulated[name], recorded[name], f"{path}.{name}")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("sample/{sample}", "sample"),
        ("sample/{sample}/iocs", "iocs"),
        ("sample/{sample}/mitre_attack", "mitre_attack"),
        ("submission/{submission}", "submission"),
        ("analysis/submission/{submission}", "analysis_submission_id"),
        ("system_info", "system_info"),
    ],
)
def test_the_simulated_vmray_has_every_key_that_we_read(simulated, recorded, path, name):
    kept = json.loads(recorded(f"vmray-misp-feed/{name}.json"))
    assert list(differing(simulated(path), kept)) == []


def test_the_simulated_vmray_tells_vtis_as_recorded(simulated, recorded):
    kept = json.loads(recorded("splunk-soar-vmray/sample_vtis.json"))
    assert list(differing(simulated("sample/{sample}/vtis")["data"], kept)) == []


def test_the_simulated_vmray_throttles_as_recorded(simulated, recorded, tenant, http, monkeypatch):
    monkeypatch.setattr("tidegate.simulator.vmray.CALLS_A_MINUTE", 0)
    headers = {"authorization": "api_key simulated"}
    answer = http.request("GET", f"{tenant.url}/rest/system_info", headers=headers, expect=(429,))
    kept = json.loads(recorded("xsoar-vmray/error_429.json"))
    said = json.loads(answer.body)
    assert {**said, "error_msg": said["error_msg"].replace("60", "2")} == kept
    assert answer.headers["retry-after"] == "60"


def test_what_differs_is_found():
    kept = {"data": [{"sample_id": 1, "sample_verdict": None, "ignored": 1}]}
    assert list(differing({"data": [{"sample_id": "1"}]}, kept)) == [
        ".data[0].sample_id: int, simulated str",
        ".data[0].sample_verdict is not simulated",
    ]
    assert list(differing({"data": []}, kept)) == [".data[0]: dict, simulated NoneType"]
