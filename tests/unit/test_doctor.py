"""What `doctor` says of a configuration."""

import os
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest

from tidegate.adapters.entra import ClientCredentials
from tidegate.adapters.http import HttpClient
from tidegate.declare.feed import feeds
from tidegate.doctor import checks
from tidegate.settings import Settings
from tidegate.simulator import entra
from tidegate.wiring import Local

pytestmark = pytest.mark.flow


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TIDEGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def found(**settings):
    return {check.what: check for check in checks(Settings(**settings))}


def test_an_empty_configuration_works_and_says_what_is_missing():
    said = found()
    assert "broken" not in {check.state for check in said.values()}
    assert said["state"].state == "ok"
    assert said["tenant"].state == said["logs"].state == "simulated"
    assert said["page"].state == said["geo database"].state == "missing"
    assert {f"feed {name}" for name in feeds()} <= said.keys()
    assert all(check.effect for check in said.values())


def test_nothing_is_made(tmp_path):
    found(home=tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_missing_is_named():
    assert "TIDEGATE_OTX_KEY" in found()["feed otx"].effect
    assert found(otx_key="x")["feed otx"].state == "ok"
    assert "x" not in found(otx_key="x")["feed otx"].effect
    assert "feeds_off" in found(feeds_off=["otx"])["feed otx"].effect


def test_a_grade_of_no_feed_is_told_of():
    said = found(feed_grades={"otx": "D", "oxt": "D"})
    assert "grade of otx" not in said
    assert said["grade of oxt"].state == "broken"


def test_public_lists_that_are_not_here_are_named(tmp_path):
    assert found(home=tmp_path, packaged_warninglists=False)["warninglists"].state == "missing"
    assert "tranco10k" in found(home=tmp_path, packaged_warninglists=False)["warninglists"].effect
    folder = tmp_path / "warninglists"
    folder.mkdir()
    (folder / "one.json").write_text("{}")
    assert found(home=tmp_path, packaged_warninglists=False)["warninglists"].state == "ok"


def test_a_home_that_is_a_file_is_broken(tmp_path):
    (tmp_path / "home").write_text("")
    assert found(home=tmp_path / "home")["state"].state == "broken"
    assert found(home=tmp_path / "home" / "inner")["state"].state == "broken"


def test_folders_and_files_that_are_not_there_are_broken(tmp_path):
    nothing = tmp_path / "nothing"
    said = found(tables=nothing, geo_database=nothing, asn_database=nothing, page=nothing)
    whats = ("logs", "geo database", "ASN database", "page")
    assert {said[what].state for what in whats} == {"broken"}


def test_a_workspace_that_cannot_be_reached_is_broken(monkeypatch):
    tokens = SimpleNamespace(get_token=lambda *_, **__: SimpleNamespace(token="t"))
    monkeypatch.setattr(Local, "identity", tokens)
    said = found(workspace_id=UUID(int=7), workspace_url="http://127.0.0.1:1")["logs"]
    assert said.state == "broken"
    assert "cannot be reached" in said.effect


def test_a_workspace_that_answers_is_well(monkeypatch, tenant, clock):
    answer = {"name": "PrimaryResult", "columns": [{"name": "Now", "type": "datetime"}]}
    rows = [[clock().isoformat()]]
    monkeypatch.setattr(tenant.scene, "logs", lambda *_: {"tables": [{**answer, "rows": rows}]})
    endpoint = f"{tenant.url}/simulated/oauth2/v2.0/token"
    with HttpClient(allow_private=True) as http:
        given = (http, endpoint, entra.CLIENT, entra.SECRET, entra.LOGS, clock)
        tokens = ClientCredentials(*given)
        monkeypatch.setattr(Local, "_workspace_tokens", lambda *_: tokens)
        assert found(workspace_id=UUID(int=7), workspace_url=tenant.url)["logs"].state == "ok"


def test_a_page_needs_its_headers_too(tmp_path):
    (tmp_path / "index.html").write_text("")
    assert "staticwebapp.config.json" in found(page=tmp_path)["page"].effect
    (tmp_path / "staticwebapp.config.json").write_text("{}")
    assert found(page=tmp_path)["page"].state == "ok"


def test_each_enricher_says_whether_it_is_asked():
    said = found()
    assert said["enricher GreyNoise"].state == said["enricher VirusTotal"].state == "missing"
    assert "TIDEGATE_GREYNOISE_KEY" in said["enricher GreyNoise"].effect
    assert "TIDEGATE_VIRUSTOTAL_KEY" in said["enricher VirusTotal"].effect
    said = found(greynoise_key="one-key", virustotal_key="other-key", virustotal_daily=0)
    assert said["enricher GreyNoise"].state == "ok"
    assert said["enricher VirusTotal"].state == "missing"
    assert "TIDEGATE_VIRUSTOTAL_DAILY" in said["enricher VirusTotal"].effect
    assert not any("-key" in check.effect for check in said.values())


def test_own_datasets_are_counted_and_broken_ones_named(tmp_path):
    assert "own datasets" not in found()
    assert found(datasets_folder=tmp_path / "no")["datasets folder"].state == "broken"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dataset.yaml").write_text("title: x")
    said = found(datasets_folder=tmp_path)
    assert said["own datasets"].effect == f"0 from {tmp_path}"
    assert said["dataset mine"].state == "broken"
    assert "mine/dataset.yaml: " in said["dataset mine"].effect
