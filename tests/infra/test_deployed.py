"""What is deployed is what the code reads: settings, names, containers, queues, partition keys."""

import json
import os
import re
from pathlib import Path

import pytest
from bicep_reader import entries, read
from check_bicep import sources
from pydantic import ValidationError

from tidegate.adapters.azure.cosmos_cases import CASES
from tidegate.adapters.azure.cosmos_documents import INDICATORS
from tidegate.adapters.azure.cosmos_ledger import LEDGER
from tidegate.adapters.azure.cosmos_runs import RUNS
from tidegate.settings import SECRET, Settings

ROOT = Path(__file__).resolve().parents[2]


def said(name: str):
    return json.loads((ROOT / "infra" / f"{name}.json").read_text("utf-8"))


LISTED = said("app-settings")
SETTINGS, LEFT = LISTED["settings"], LISTED["left"]
KNOWN = said("resources")
APPS = KNOWN["apps"]
OURS = {f"TIDEGATE_{name.upper()}": field for name, field in Settings.model_fields.items()}
# Flex Consumption refuses these, or has another place for them.
NEVER = {
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_EXTENSION_VERSION",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "ENABLE_ORYX_BUILD",
    "WEBSITE_TIME_ZONE",
    "TZ",
}
RESOURCES = {
    "cosmosUrl": "https://cosmos-tidegate-wus3-dev.documents.azure.com:443/",
    "blobUrl": "https://sttidegatewus3dev.blob.core.windows.net/",
    "vaultUrl": "https://kv-tidegate-wus3-dev.vault.azure.net/",
    "vmrayUrl": "https://vmray.example",
    "webhookUrl": "https://func-tidegate-detonate-wus3-dev.azurewebsites.net/api/finished",
    "workspaceId": "11111111-2222-3333-4444-555555555555",
}
ALL = {"always", "tenant", "sentinel", "webhook"}


def deployed(app: str, holds: set[str], stored: set[str] = frozenset()) -> dict[str, str]:
    """Return the app's settings of ours, as Bicep selects them; nothing is chosen."""
    found = {}
    for name, one in SETTINGS.items():
        if app not in one["apps"] or one["when"] not in holds or name not in OURS:
            continue
        if one["from"] == "literal":
            found[name] = one["value"]
        elif one["from"] == "resource":
            found[name] = RESOURCES.get(one["value"], "a-value")
        elif one["from"] == "secret" and name in stored:
            found[name] = secret(name)
    return found


def secret(name: str) -> str:
    """Return what the platform would put in place of the reference."""
    if SECRET[1] == OURS[name].annotation:
        return json.dumps({name.lower(): f"{name}-sixteen-characters"})
    return "rediss://cache.example" if name.endswith("REDIS_URL") else "a-secret-of-some-length"


def test_every_setting_is_deployed_or_left_with_a_reason():
    ours = {name for name in SETTINGS if name.startswith("TIDEGATE_")}
    assert ours.isdisjoint(LEFT)
    assert ours | set(LEFT) == set(OURS)
    assert all(LEFT.values())


def test_entries_have_one_shape():
    for name, one in SETTINGS.items():
        assert set(one) == {"apps", "from", "value", "when"}, name
        assert one["apps"], name
        assert set(one["apps"]) <= set(APPS), name
        assert one["from"] in {"literal", "resource", "choice", "secret"}, name
        assert bool(one["value"]) == (one["from"] != "choice"), name
    assert NEVER.isdisjoint(SETTINGS)


def test_secrets_are_in_the_vault_and_nothing_else_is():
    stored = {name for name, one in SETTINGS.items() if one["from"] == "secret"}
    fields = {name for name, field in OURS.items() if field.annotation in SECRET}
    assert stored == fields - set(LEFT)
    names = [SETTINGS[name]["value"] for name in stored]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[0-9A-Za-z-]{1,127}", name) for name in names)


def test_literals_are_what_the_code_takes_unasked():
    for name in ("TIDEGATE_COSMOS_DATABASE", "TIDEGATE_STORAGE_CONTAINER", "TIDEGATE_VMRAY_SECRET"):
        assert SETTINGS[name]["value"] == OURS[name].default
    assert SETTINGS["TIDEGATE_COSMOS_DATABASE"]["value"] == KNOWN["database"]
    assert SETTINGS["TIDEGATE_STORAGE_CONTAINER"]["value"] == KNOWN["container"]


def test_bicep_gives_what_the_settings_ask_for():
    main = read(sources()["main.bicep"])
    asked = main.of("module")["functions"].given
    used = {one["value"] for one in SETTINGS.values() if one["from"] == "resource"}
    assert set(entries(asked["resources"])) == used
    assert set(entries(asked["conditions"])) == {one["when"] for one in SETTINGS.values()} == ALL


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("holds", [{"always"}, {"always", "tenant"}, ALL])
def test_an_app_starts_with_what_it_is_given(app, holds, monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("TIDEGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    every = {name for name, one in SETTINGS.items() if one["from"] == "secret"}
    stored = every if "webhook" in holds else set()
    for name, value in deployed(app, holds, stored).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.on_azure
    assert (settings.defender_url is not None) == (app == "detonate" and "tenant" in holds)
    assert (settings.webhook_url is not None) == (app == "detonate" and "webhook" in holds)


def test_half_a_tenant_would_be_seen(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    given = deployed("detonate", {"always", "tenant"})
    for name in given.keys() - {"TIDEGATE_KEY_VAULT_URL"}:
        monkeypatch.setenv(name, given[name])
    with pytest.raises(ValidationError, match="set only in part; missing: vmray_key or key_vault"):
        Settings()


def test_all_apps_judge_by_one_policy():
    """The map, too: it shows the best addresses of all."""
    names = ("ALLOW_LIST", "OWN_DOMAINS", "OWN_NETWORKS", "FEED_GRADES", "GATE_TLP")
    assert all(SETTINGS[f"TIDEGATE_{name}"]["apps"] == APPS for name in names)


def test_apps_are_the_folders_of_apps():
    assert set(APPS) == {path.parent.name for path in (ROOT / "apps").glob("*/function_app.py")}


def test_containers_are_those_of_the_code():
    found = {one["id"]: {k: v for k, v in one.items() if k != "apps"} for one in said("containers")}
    assert found == {one["id"]: one for one in (INDICATORS, RUNS, CASES, LEDGER)}


@pytest.mark.parametrize("app", APPS)
def test_queues_are_those_that_trigger_the_app(app):
    text = (ROOT / "apps" / app / "function_app.py").read_text("utf-8")
    triggers = set(re.findall(r'queue_name="([^"]+)"', text))
    mine = set(KNOWN["queues"].get(app, []))
    own = {one for one in mine if not one.endswith("-poison")}
    assert mine == own | {f"{one}-poison" for one in own} | {f"{one}-poison-poison" for one in own}
    assert triggers == own | {f"{one}-poison" for one in own}
    connections = set(re.findall(r'connection="([^"]+)"', text))
    by = {
        name.split("__")[0] for name, one in SETTINGS.items() if "__" in name and app in one["apps"]
    }
    assert by == connections | {"AzureWebJobsStorage"}


def test_queues_are_those_that_the_code_opens():
    text = (ROOT / "src/tidegate/wiring/azure.py").read_text("utf-8")
    opened = set(re.findall(r'_queue\("([^"]+)"\)', text))
    assert opened == {
        one for each in KNOWN["queues"].values() for one in each if not one.endswith("-poison")
    }


def test_what_ages_is_where_the_code_puts_it():
    code = "".join(path.read_text("utf-8") for path in (ROOT / "src/tidegate").rglob("*.py"))
    for folder in {*KNOWN["lifecycle"], *KNOWN["containers"]} - {KNOWN["container"]}:
        assert f'"{folder}/' in code, folder


def test_a_folder_is_open_to_the_app_whose_code_uses_it():
    """Evidence is for `detonate` alone, and the map's datasets are for `maps` alone."""
    parts = {"evidence": "detonate", "datasets": "maps", "locks": "maps"}
    for folder, part in parts.items():
        users = {
            path.relative_to(ROOT / "src/tidegate").parts[0]
            for path in (ROOT / "src/tidegate").rglob("*.py")
            if re.search(rf'[rf]*"{folder}/', path.read_text("utf-8"))
        }
        assert users == {part}, folder
        assert KNOWN["containers"][folder] == [part]


def rendered(pattern: str, workload: str, region: str, env: str, part: str) -> str:
    given = {"workload": workload, "region": region, "env": env, "app": part, "part": part}
    return pattern.format(**given)


@pytest.mark.parametrize("env", ["dev", "staging", "prod"])
def test_names_are_short_enough_everywhere(env):
    longest = {"vault": 24, "storage": 24, "hostStorage": 24, "cosmos": 44, "function": 60}
    for region in KNOWN["regions"].values():
        for kind, most in longest.items():
            if len(region) > 4 and kind in longest:
                pytest.fail(f"{region} is too long a name")
            name = rendered(KNOWN["names"][kind], "tidegate", region, env, "detonate")
            assert len(name) <= most, name
            assert kind not in {"storage", "hostStorage"} or name.isalnum()


def test_bicep_fills_in_what_the_patterns_leave_open():
    filled = set(re.findall(r"'\{(\w+)\}'", sources()["modules/names.bicep"]))
    assert filled == {
        one for each in KNOWN["names"].values() for one in re.findall(r"\{(\w+)\}", each)
    }


def test_names_follow_one_pattern():
    dev = {
        kind: rendered(pattern, "tidegate", "wus3", "dev", "maps")
        for kind, pattern in KNOWN["names"].items()
    }
    assert dev["vault"] == "kv-tidegate-wus3-dev"
    assert dev["function"] == "func-tidegate-maps-wus3-dev"
    assert dev["storage"] == "sttidegatewus3dev"
    assert len(set(dev.values())) == len(dev)


def test_modules_are_those_that_are_listed():
    found = {Path(path).stem for path in sources() if path.startswith("modules/")}
    assert found == set(KNOWN["modules"])
