"""A tenant of the settings: how we are let in, which roles are missing, and who says so."""

import logging

import pytest
from pydantic import ValidationError

from tidegate import doctor
from tidegate.adapters.http import HttpClient
from tidegate.settings import Settings
from tidegate.simulator import entra
from tidegate.simulator.roles import EVERY_ROLE
from tidegate.wiring import Local

WHOLE = {
    "defender_url": "https://defender.example",
    "graph_url": "https://graph.example/v1.0",
    "vmray_url": "https://vmray.example",
    "vmray_key": "simulated",
}


class Here(Local):
    """The house whose real tenant is on loopback."""

    def _http(self, **_: object) -> HttpClient:
        return self._open.enter_context(HttpClient(retries=0, allow_private=True))


@pytest.fixture
def settings(tenant, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Settings(
        home=tmp_path / "home",
        defender_url=tenant.url,
        graph_url=f"{tenant.url}/v1.0",
        entra_url=f"{tenant.url}/simulated/oauth2/v2.0/token",
        client_id=entra.CLIENT,
        client_secret=entra.SECRET,
        vmray_url=tenant.url,
        vmray_key="simulated",
    )


@pytest.fixture
def said(settings, monkeypatch):
    """What the doctor says of the settings, changed or not."""

    def ask(**changes):
        changed = settings.model_copy(update=changes)
        monkeypatch.setattr(doctor, "house", Here)
        return {one.what: (one.state, one.effect) for one in doctor.checks(changed)}

    return ask


def test_all_that_is_needed_is_given(said):
    found = said()
    assert found["app roles"] == ("ok", "all that the settings ask for are given")
    assert found["VMRay"][0] == "ok"


def test_a_missing_role_is_named_with_what_it_switches_off(tenant, said):
    tenant.scene.roles = EVERY_ROLE - {"Machine.LiveResponse", "SecurityIncident.ReadWrite.All"}
    found = said()
    assert found["role Machine.LiveResponse"] == (
        "missing",
        "of WindowsDefenderATP: no files are collected from devices",
    )
    assert found["role SecurityIncident.ReadWrite.All"][1].startswith("of Microsoft Graph")
    assert "app roles" not in found


def test_what_is_switched_off_asks_for_no_role(tenant, said, tmp_path):
    tenant.scene.roles = EVERY_ROLE - {"ThreatHunting.Read.All", "File.Read.All", "Machine.Isolate"}
    off = tmp_path / "responses.yaml"
    off.write_text("rules:\n- then: {isolate_device: none}\n")
    assert "role ThreatHunting.Read.All" in said()
    found = said(spread=False, responses=off)
    assert "role ThreatHunting.Read.All" not in found
    assert "role File.Read.All" not in found


def test_a_wrong_key_of_the_sandbox_is_told_without_it(tenant, said):
    tenant.scene.api_key = "another"
    try:
        state, effect = said()["VMRay"]
    finally:
        tenant.scene.api_key = "simulated"
    assert (state, effect) == ("broken", "nothing is detonated: VMRay refuses the API key")


def test_a_tenant_that_does_not_answer_is_told(said):
    state, effect = said(entra_url="http://127.0.0.1:9/token")["app roles"]
    assert state == "broken"
    assert "cannot be reached" in effect


def test_at_the_start_the_log_names_what_is_missing(tenant, settings, caplog):
    tenant.scene.roles = EVERY_ROLE - {"Ti.ReadWrite.All", "Ti.ReadWrite"}
    with Here(settings) as house, caplog.at_level(logging.WARNING):
        house.tell_missing_roles()
    assert "role Ti.ReadWrite.All of WindowsDefenderATP is missing: no indicators" in caplog.text


def test_a_start_without_a_tenant_says_nothing(tmp_path, caplog):
    with Local(Settings(home=tmp_path)) as house:
        house.tell_missing_roles()
    assert caplog.text == ""


# --- settings ---------------------------------------------------------------------------------


def test_a_tenant_by_identity_needs_no_application():
    assert not Settings(**WHOLE).simulated


def test_the_key_of_the_sandbox_may_be_in_a_vault():
    given = {**WHOLE, "key_vault_url": "https://kv.vault.azure.net"}
    del given["vmray_key"]
    assert Settings(**given).vmray_secret == "VmrayApiKey"


@pytest.mark.parametrize("missing", ["defender_url", "graph_url", "vmray_url", "vmray_key"])
def test_half_of_a_tenant_is_refused(missing):
    given = {name: value for name, value in WHOLE.items() if name != missing}
    with pytest.raises(ValidationError, match=missing):
        Settings(**given)


@pytest.mark.parametrize("missing", ["entra_url", "client_id", "client_secret"])
def test_half_of_an_application_is_refused(missing):
    app = {"entra_url": "https://login.example/token", "client_id": "a", "client_secret": "b"}
    del app[missing]
    with pytest.raises(ValidationError, match=missing):
        Settings(**WHOLE, **app)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"webhook_url": "https://a.example"}, "go together"),
        ({"webhook_key": "sixteen characters"}, "go together"),
        ({"webhook_url": "https://a.example", "webhook_key": "short"}, "16"),
        ({"alert_titles": ["("]}, "no regular expression"),
        ({"evidence_hashes_not": ["abc"]}, "no SHA-256"),
        ({"network_action": "BlockAndRemediate"}, "network_action"),
        ({"vmray_retention_days": 7}, "vmray_retention_days"),
    ],
)
def test_what_cannot_be_meant_is_refused(given, why):
    with pytest.raises(ValidationError, match=why):
        Settings(**given)
