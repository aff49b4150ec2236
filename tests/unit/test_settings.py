"""The environment over the file over the defaults, and no misspelled name passes."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from tidegate.settings import Settings

TENANT = {
    "defender_url": "https://defender.example",
    "graph_url": "https://graph.example/v1.0",
    "entra_url": "https://login.example/token",
    "client_id": "app",
    "client_secret": "hunter2",
    "vmray_url": "https://vmray.example",
    "vmray_key": "hunter3",
}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder without a file, an environment without settings."""
    for name in [name for name in os.environ if name.startswith("TIDEGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults_need_nothing():
    settings = Settings()
    assert (settings.home, settings.port, settings.gate_cap) == (Path(".tidegate"), 8080, 15_000)
    assert settings.simulated
    assert settings.feed_keys == {}


def test_the_environment_wins_over_the_file_over_the_default(monkeypatch):
    Path("tidegate.yaml").write_text("port: 1\ngate_cap: 2\nfeeds_off: [otx]\n")
    monkeypatch.setenv("TIDEGATE_PORT", "3")
    settings = Settings()
    assert (settings.port, settings.gate_cap, settings.gate_headroom) == (3, 2, 500)
    assert settings.feeds_off == ["otx"]


def test_the_file_is_that_of_the_current_folder(monkeypatch, tmp_path):
    Path("tidegate.yaml").write_text("port: 1\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert Settings().port == 8080


def test_lists_and_mappings_are_json(monkeypatch):
    monkeypatch.setenv("TIDEGATE_ALLOW_LIST", '["good.example"]')
    monkeypatch.setenv("TIDEGATE_FEED_URLS", '{"otx": "https://mirror.example/"}')
    settings = Settings()
    assert settings.allow_list == ["good.example"]
    assert settings.feed_urls == {"otx": "https://mirror.example/"}


def test_an_unknown_key_of_the_file_is_refused_by_name():
    Path("tidegate.yaml").write_text("gate_capp: 2\n")
    with pytest.raises(ValidationError, match="gate_capp"):
        Settings()


def test_an_unknown_variable_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("TIDEGATE_GATE_CAPP", "2")
    with pytest.raises(ValidationError, match="TIDEGATE_GATE_CAPP"):
        Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [("port", "65536"), ("port", "-1"), ("gate_cap", "15001"), ("gate_min_score", "101")],
)
def test_senseless_values_are_refused_by_name(monkeypatch, name, value):
    monkeypatch.setenv(f"TIDEGATE_{name.upper()}", value)
    with pytest.raises(ValidationError, match=name):
        Settings()


@pytest.mark.parametrize("missing", TENANT)
def test_a_tenant_is_set_whole(monkeypatch, missing):
    for name, value in TENANT.items():
        if name != missing:
            monkeypatch.setenv(f"TIDEGATE_{name.upper()}", value)
    with pytest.raises(ValidationError, match=f"missing: {missing}") as wrong:
        Settings()
    assert "hunter" not in str(wrong.value)
    assert "hunter" not in repr(wrong.value)


def test_secrets_are_never_shown(monkeypatch):
    keys = {"abusech_key": "hunter4", "otx_key": "hunter5", "abuseipdb_key": "hunter6"}
    for name, value in (TENANT | keys).items():
        monkeypatch.setenv(f"TIDEGATE_{name.upper()}", value)
    settings = Settings()
    assert not settings.simulated
    assert settings.feed_keys["OTX_KEY"] == "hunter5"
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "hunter" not in shown


@pytest.mark.parametrize("name", ["otx_key", "client_secret", "vmray_key"])
def test_the_file_holds_no_secrets(name):
    Path("tidegate.yaml").write_text(f"{name}: hunter2\n")
    with pytest.raises(ValueError, match=f"{name} is a secret") as wrong:
        Settings()
    assert "hunter" not in str(wrong.value)


def test_a_secret_of_the_file_is_told_even_where_the_environment_has_one(monkeypatch):
    Path("tidegate.yaml").write_text("otx_key: hunter2\n")
    monkeypatch.setenv("TIDEGATE_OTX_KEY", "hunter5")
    with pytest.raises(ValueError, match="otx_key is a secret"):
        Settings()


def test_a_reference_that_azure_could_not_resolve_is_no_secret(monkeypatch):
    reference = "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/Readers)"
    monkeypatch.setenv("TIDEGATE_OTX_KEY", reference)
    with pytest.raises(ValidationError, match=r"TIDEGATE_OTX_KEY: its reference .* not resolved"):
        Settings()


def test_every_setting_says_what_it_is():
    fields = Settings.model_fields.items()
    assert [name for name, field in fields if not field.description] == []


def test_the_allow_list_is_brought_to_one_spelling(monkeypatch):
    monkeypatch.setenv(
        "TIDEGATE_ALLOW_LIST", '["*.Corp.example.", "münchen.example", "10.1.0.0/16"]'
    )
    allowed = Settings().allow_list
    assert allowed == ["corp.example", "xn--mnchen-3ya.example", "10.1.0.0/16"]


def test_what_is_ones_own_is_brought_to_one_spelling(monkeypatch):
    monkeypatch.setenv("TIDEGATE_OWN_DOMAINS", '["*.Corp.example", "münchen.example"]')
    monkeypatch.setenv("TIDEGATE_OWN_NETWORKS", '["198.51.100.0/24", "2001:DB8::1"]')
    settings = Settings()
    assert settings.own_domains == ["corp.example", "xn--mnchen-3ya.example"]
    assert settings.own_networks == ["198.51.100.0/24", "2001:db8::1"]


@pytest.mark.parametrize(
    ("name", "wrong"), [("OWN_DOMAINS", "198.51.100.1"), ("OWN_NETWORKS", "corp.example")]
)
def test_what_cannot_be_ones_own_is_refused(monkeypatch, name, wrong):
    monkeypatch.setenv(f"TIDEGATE_{name}", f'["{wrong}"]')
    with pytest.raises(ValidationError, match="is no "):
        Settings()


def test_an_entry_of_the_allow_list_that_means_nothing_is_refused(monkeypatch):
    monkeypatch.setenv("TIDEGATE_ALLOW_LIST", '["not a domain"]')
    with pytest.raises(ValidationError, match="not a domain"):
        Settings()


def test_all_that_is_wrong_is_said_at_once_and_no_value(monkeypatch):
    Path("tidegate.yaml").write_text("gate_capp: 1\notx_key: hunter6\n")
    given = {
        "PORTT": "80",
        "SHARE": "hunter1",
        "FEEDS_OFF": "hunter2",  # no JSON
        "TELEMETRY_SHARE": "2",
        "REDIS_URL": "https://:hunter3@cache.example",
        "WEBHOOK_URL": "https://hook.example",
        "DEFENDER_URL": "https://defender.example",
        "COSMOS_URL": "hunter4",
        "COSMOS_KEY": "hunter5",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"TIDEGATE_{name}", value)
    with pytest.raises(ValidationError) as wrong:
        Settings()
    told = str(wrong.value)
    for name in ("PORTT", "SHARE", "gate_capp", "feeds_off", "telemetry_share", "redis_url"):
        assert name in told
    assert "otx_key is a secret" in told
    assert "webhook_url and webhook_key go together" in told
    assert "missing: graph_url, vmray_url, vmray_key or key_vault_url" in told
    assert "cosmos_url\n" in told
    assert "missing: cosmos_url" not in told  # it is not missing, but wrong
    assert "hunter" not in told
    assert wrong.value.error_count() == 10


def test_what_is_only_wrong_together_is_said_at_once(monkeypatch):
    monkeypatch.setenv("TIDEGATE_WEBHOOK_URL", "https://hook.example")
    monkeypatch.setenv("TIDEGATE_DEFENDER_URL", "https://defender.example")
    monkeypatch.setenv("TIDEGATE_FEED_URLS", '{"otx": "https://mirror.example/$NOBODYS"}')
    with pytest.raises(ValidationError) as wrong:
        Settings()
    assert wrong.value.error_count() == 3
