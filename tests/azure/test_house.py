"""The house on Azure: chosen by settings whole or not at all, and with nothing to lose on disk."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir

import pytest
from azurite_lab import Azurite, azurite
from cosmos_standin import Standin, served
from pydantic import ValidationError
from rerouted import Identity, Rerouted

from tidegate import doctor
from tidegate.adapters.azure import telemetry
from tidegate.adapters.azure.cosmos_documents import INDICATORS
from tidegate.adapters.azure.cosmos_ledger import LEDGER
from tidegate.adapters.azure.cosmos_runs import RUNS
from tidegate.adapters.azure.telemetry import Sent
from tidegate.declare.feed import feeds
from tidegate.gate.cycle import cycle
from tidegate.gate.published import published
from tidegate.hygiene import reason
from tidegate.ingest.run import Job, run
from tidegate.model import Kind, Origin, Status, indicator_id
from tidegate.ports import BadPayload, Response, SourceDown
from tidegate.settings import Settings
from tidegate.wiring import Azure, Local, azure, house

pytestmark = pytest.mark.slow

COSMOS = "https://acct.documents.azure.com"
STORAGE = "https://acct.blob.core.windows.net"
LIST = {
    "name": "one",
    "version": 1,
    "description": "d",
    "type": "string",
    "matching_attributes": ["ip-dst"],
    "list": ["203.0.113.9"],
}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# --- settings ---------------------------------------------------------------------------------


def test_without_azure_it_is_one_machine(tmp_path):
    with house(Settings(home=tmp_path)) as opened:
        assert type(opened) is Local


@pytest.mark.parametrize(
    "given", [{"storage_url": STORAGE}, {"storage_connection": "AccountName=a"}]
)
def test_with_both_stores_it_is_azure(tmp_path, given):
    settings = Settings(home=tmp_path, cosmos_url=COSMOS, **given)
    assert not settings.simulated
    with house(settings) as opened:
        assert type(opened) is Azure


@pytest.mark.parametrize(
    "given",
    [
        {"cosmos_url": COSMOS},
        {"storage_url": STORAGE},
        {"storage_connection": "AccountName=a"},
        {"cosmos_key": "x"},
        {"cosmos_url": COSMOS, "storage_url": STORAGE, "storage_connection": "AccountName=a"},
    ],
)
def test_half_of_azure_is_refused(given):
    with pytest.raises(ValidationError, match="cosmos_url"):
        Settings(**given)


@pytest.mark.parametrize("url", ["http://a.blob.core.windows.net", "https://a.example"])
def test_what_is_no_blob_endpoint_is_refused(url):
    with pytest.raises(ValidationError, match="not the blob endpoint"):
        Settings(cosmos_url=COSMOS, storage_url=url)


def test_secrets_are_not_shown():
    given = {"cosmos_key": "hunter2", "storage_connection": "AccountName=a;AccountKey=hunter3"}
    assert "hunter" not in repr(Settings(cosmos_url=COSMOS, **given))
    with pytest.raises(ValidationError, match="not a connection string") as wrong:
        Settings(cosmos_url=COSMOS, storage_connection="hunter4")
    assert "hunter" not in str(wrong.value)


def test_its_disk_is_the_machines_own_unless_told(tmp_path):
    settings = Settings(cosmos_url=COSMOS, storage_url=STORAGE)
    assert azure(settings).settings.home == Path(gettempdir()) / "tidegate"
    told = Settings(cosmos_url=COSMOS, storage_url=STORAGE, home=tmp_path)
    assert azure(told).settings.home == tmp_path


CODE = """
import json, sys
from tidegate.settings import Settings
from tidegate.wiring import house
with house(Settings()) as opened:
    opened.settings
print(json.dumps([name for name in sys.modules if name.partition(".")[0] == "azure"]))
"""


def test_choosing_loads_no_sdk(tmp_path):
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert json.loads(done.stdout) == []


class Kept:
    """In place of the exporters, of which there is one to a process: how they were to send."""

    def __init__(self, sent: Sent) -> None:
        self.sent = sent

    def close(self) -> None:
        """There is nothing to end."""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(telemetry, "Telemetry", Kept)
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=k")

    def how(**given):
        stores = {"cosmos_url": COSMOS, "storage_url": STORAGE, "home": tmp_path}
        with azure(Settings(**stores, **given), credential=Identity()) as opened:
            assert opened.telemetry is not None
            return opened.telemetry.sent, opened.identity

    return how


def test_telemetry_is_signed_where_the_platform_says_so(sent, monkeypatch):
    how, _ = sent()
    assert how.credential is None
    monkeypatch.setenv("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "ClientId=c;Authorization=AAD")
    how, identity = sent(telemetry_share=0.25)
    assert how.credential is identity
    assert (how.share, how.values) == (0.25, False)


def test_telemetry_names_whom_we_call_and_nobody_else(sent):
    how, _ = sent(
        key_vault_url="https://kv.vault.azure.net",
        vmray_key="hush-hush",
        feed_urls={"otx": "https://paid.example/otx"},
        vmray_url="https://vmray.example",
        defender_url="https://api.securitycenter.microsoft.com",
        graph_url="https://graph.microsoft.com/v1.0",
    )
    ours = {"paid.example", "vmray.example", "acct.documents.azure.com", "kv.vault.azure.net"}
    assert all(map(how.known, ours | {"urlhaus.abuse.ch", "machine.isolate"}))
    assert not any(map(how.known, {"evil.example", "hush-hush", "", "mirror.example"}))


def test_where_the_platform_names_no_place_nothing_is_sent(tmp_path, monkeypatch):
    monkeypatch.delenv("APPLICATIONINSIGHTS_CONNECTION_STRING", raising=False)
    with azure(Settings(cosmos_url=COSMOS, storage_url=STORAGE, home=tmp_path)) as opened:
        assert opened.telemetry is None


# --- the house --------------------------------------------------------------------------------


class Opener:
    """Opens houses on the same stores, as instances of an app do."""

    def __init__(self, running: Azurite, standin: Standin, cosmos: str, home: Path) -> None:
        ours = [part.split("=", 1)[1] for part in running.connection.split(";")]
        hosts = [url.split("/")[2] for url in ours if url.startswith("http://")]
        self.hosts = {".documents.azure.com": cosmos, **{host: f"http://{host}" for host in hosts}}
        self.standin = standin
        self.given = {
            "home": home,
            "cosmos_url": f"https://{standin.host}",
            "cosmos_key": standin.key,
            "storage_connection": running.connection,
            "storage_container": running.name(),
            "storage_folders": [],
        }

    def __call__(self, **more) -> Azure:
        return azure(Settings(**self.given, **more), transport=Rerouted(self.hosts))


@pytest.fixture
def opener(tmp_path: Path):
    standin = Standin([INDICATORS, RUNS, LEDGER])
    with served(standin) as cosmos:
        yield Opener(azurite(), standin, cosmos, tmp_path / "home")


FEODO = feeds()["feodo"]


def sample(tmp_path: Path) -> Path:
    """Write a list that no hygiene keeps out."""
    rows = FEODO.sample().decode().replace("192.0.2.", "45.66.1.").replace("198.51.100.", "45.9.7.")
    file = tmp_path / "feodo.csv"
    file.write_text(rows)
    return file


def test_a_feed_runs_and_nothing_is_left_on_the_disk(opener, tmp_path):
    with opener() as opened:
        outcome = run(Job(FEODO, sample(tmp_path), Origin.FILE), opened.ingest)
        assert (outcome.status, outcome.kept) == (Status.OK, 2)
        [found] = opened.sightings.of(indicator_id(Kind.IPV4, "45.9.7.12"))
        assert found.source == "feodo"
        assert len(opened.sightings.live(opened.ingest.clock()).collect()) == 2
        assert opened.units(f"{opened.ingest.clock():%Y-%m-%d}")["feodo"] > 0
    assert [file for file in (tmp_path / "home").rglob("*") if file.is_file()] == []


def test_a_day_of_no_units_writes_no_documents_and_says_so(opener, tmp_path):
    with opener(cosmos_daily_units=0) as opened:
        outcome = run(Job(FEODO, sample(tmp_path), Origin.FILE), opened.ingest)
        assert outcome.status is Status.QUOTA_WAIT
        assert "request units" in outcome.reason
        assert opener.standin.documents() == {}
        assert [one.outcome.status for one in opened.runs.newest("feodo", 1)] == ["quota_wait"]


class Web:
    """A web with one warninglist."""

    def request(self, method, url, **_) -> Response:
        if not url.endswith("/one/list.json"):
            raise SourceDown("not here")
        return Response(200, {"etag": '"1"'}, json.dumps(LIST).encode())


def test_warninglists_that_one_instance_brings_the_next_one_has(opener, monkeypatch):
    monkeypatch.setattr("tidegate.adapters.warninglists.default_names", lambda: ("one", "two"))
    monkeypatch.setattr(Azure, "_http", lambda *_, **__: Web())
    with opener() as first:
        assert first.warninglists.names() == []
        first.refresh_old_warninglists()
        assert first.warninglists.names() == ["one"]
    with opener() as second:
        assert second.warninglists.names() == ["one"]
        assert second.warninglists.provenance("one").etag == '"1"'
        assert "one" in {one.name for one in second.policy.lists.about}
        monkeypatch.setattr(Web, "request", None)
        second.refresh_old_warninglists()  # not again on the same day


OTHER = {**LIST, "name": "two", "list": ["203.0.113.77"]}


def judged(opened: Azure, value: str) -> set[str | None]:
    """Return what each part of a house says of a value."""
    worlds = (opened.ingest, opened.knowledge, opened.desk.world)
    return {reason(Kind.IPV4, value, world.policy) for world in worlds}


def test_what_another_instance_brings_is_obeyed_within_a_minute(opener, monkeypatch):
    monkeypatch.setattr("tidegate.hygiene.DOCUMENTATION", ())
    hour = [datetime(2026, 11, 20, 5, tzinfo=UTC)]
    monkeypatch.setattr(sys.modules["tidegate.wiring.azure"], "now", lambda: hour[0])
    with opener() as one, opener() as two:
        assert judged(one, "203.0.113.9") == {None}
        before, http = one.ingest, one.ingest.http
        one.renew()
        two.objects.put("warninglists/one.json", json.dumps(LIST).encode())
        two.objects.put("warninglists/origins/one.json", b"{}")
        one.renew()  # it looked a moment ago
        assert (one.edition, judged(one, "203.0.113.9")) == (0, {None})
        hour[0] += timedelta(seconds=61)
        one.renew()
        assert (one.edition, judged(one, "203.0.113.9")) == (1, {"warninglist one"})
        assert one.ingest.http is http
        assert reason(Kind.IPV4, "203.0.113.9", before.policy) is None  # a run under way
        two.objects.put("warninglists/origins/one.json", b'{"trouble": "t"}')
        hour[0] += timedelta(seconds=61)
        one.renew()
        assert (one.edition, one.warninglists.provenance("one").trouble) == (1, "t")
        two.objects.put("warninglists/two.json", json.dumps(OTHER).encode())
        two.objects.put("warninglists/deep/three.json", json.dumps(LIST).encode())
        two.objects.delete("warninglists/one.json")
        hour[0] += timedelta(seconds=61)
        one.renew()
        assert judged(one, "203.0.113.9") == {None}
        assert judged(one, "203.0.113.77") == {"warninglist two"}


def test_a_store_that_is_down_leaves_the_lists_as_they_were(opener, monkeypatch, caplog):
    with opener() as opened:
        policy = opened.policy
        monkeypatch.setattr(type(opened.objects), "etags", down)
        opened.renew()
        assert (opened.edition, opened.policy is policy) == (0, True)
        assert "warninglists are as they were" in caplog.text


def test_state_of_a_newer_format_is_refused_at_every_turn(opener):
    with opener() as opened:
        opened.objects.put("format.json", b'{"format": 2}')
        for _ in range(2):
            with pytest.raises(BadPayload, match="the state is of format 2"):
                opened.renew()


def test_a_format_that_nobody_could_read_is_asked_for_again(opener, monkeypatch):
    with opener() as opened:
        opened.objects.put("format.json", b'{"format": 2}')
        with monkeypatch.context() as patch:
            patch.setattr(type(opened.objects), "get", down)
            opened.renew()
        with pytest.raises(BadPayload, match="the state is of format 2"):
            opened.renew()


def down(*_: object) -> None:
    raise SourceDown("nobody answers")


def test_what_has_no_place_on_azure_says_so(opener):
    with opener() as opened:
        assert not opened.has_tenant
        with pytest.raises(SourceDown, match="no tenant"):
            _ = opened.detonate
        with pytest.raises(AssertionError, match="nothing on Azure asks for a file"):
            _ = opened.database


def test_without_a_tenant_the_gate_chooses_for_firewalls(opener, tmp_path):
    with opener() as opened:
        run(Job(FEODO, sample(tmp_path), Origin.FILE), opened.ingest)
        assert list(cycle(opened.gate)) == []
        assert set(published(opened.objects)[0]["value"]) == {"45.9.7.12", "45.66.1.246"}


# --- doctor -----------------------------------------------------------------------------------


def checks(opened: Azure) -> dict[str, tuple[str, str]]:
    """Return what the doctor says about a house's settings."""
    return {one.what: (one.state, one.effect) for one in doctor.checks(opened.settings)}


def test_the_doctor_says_where_the_state_is_and_whether_it_answers(opener, monkeypatch):
    with opener() as opened:
        monkeypatch.setattr(doctor, "house", lambda _: opener())
        said = checks(opened)
        assert said["objects"][0] == said["sightings"][0] == "ok"
        assert "acct.documents.azure.com" in said["sightings"][1]
        assert "state" not in said
        assert said["tenant"][0] == "missing"
        opener.standin.containers.pop("runs")
        assert checks(opened)["sightings"][0] == "broken"
        opener.standin.key = "d3Jvbmc="
        assert checks(opened)["sightings"][0] == "broken"
