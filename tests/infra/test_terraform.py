"""Terraform deploys what the code asks for, by resources that the provider has, and says it once.

The files are read by a small reader of formatted HCL. Where Terraform itself is installed, it
evaluates what needs no provider: the names and the app settings, which are then read as an app
reads them.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from terraform_reader import TERRAFORM, Block, Files, environment, files, read
from terraform_schema import SCHEMA, Body

from tidegate.adapters.azure.cosmos_cases import CASES
from tidegate.adapters.azure.cosmos_documents import INDICATORS
from tidegate.adapters.azure.cosmos_ledger import LEDGER
from tidegate.adapters.azure.cosmos_runs import RUNS
from tidegate.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
SCOPES = {  # who has which role where: no wider than this
    "access.logs": ("Log Analytics Reader", "var.workspace_id"),
    "access.sentinel": ("Microsoft Sentinel Contributor", "var.workspace_id"),
    "access.vmray": ("Key Vault Secrets User", '"${var.vault_id}/secrets/'),
    "access.secret": ("Key Vault Secrets User", '"${var.vault_id}/secrets/'),
    "observability.telemetry": (
        "Monitoring Metrics Publisher",
        "azurerm_application_insights.this.id",
    ),
    "storage.objects": (
        "Storage Blob Data Contributor",
        "azurerm_storage_container.data[each.value.container].id",
    ),
    "storage.queue": ("Storage Queue Data Contributor", "azurerm_storage_queue.this[each.key].id"),
    "storage.host": ("Storage Blob Data Owner", "azurerm_storage_account.host.id"),
    "storage.host_events": ("Storage Table Data Contributor", "azurerm_storage_account.host.id"),
}
CLOSED = {  # what a slip would open
    ("storage", "azurerm_storage_account", "shared_access_key_enabled"): "false",
    ("storage", "azurerm_storage_account", "allow_nested_items_to_be_public"): "false",
    ("storage", "azurerm_storage_account", "local_user_enabled"): "false",
    ("storage", "azurerm_storage_account", "min_tls_version"): '"TLS1_2"',
    ("storage", "azurerm_storage_account", "public_network_access_enabled"): "var.open",
    ("storage", "azurerm_storage_container", "container_access_type"): '"private"',
    ("cosmos", "azurerm_cosmosdb_account", "local_authentication_enabled"): "false",
    ("cosmos", "azurerm_cosmosdb_account", "access_key_metadata_writes_enabled"): "false",
    ("cosmos", "azurerm_cosmosdb_account", "public_network_access_enabled"): "var.open",
    ("vault", "azurerm_key_vault", "rbac_authorization_enabled"): "true",
    ("vault", "azurerm_key_vault", "purge_protection_enabled"): "true",
    ("vault", "azurerm_key_vault", "soft_delete_retention_days"): "90",
    ("vault", "azurerm_key_vault", "public_network_access_enabled"): "var.open",
    ("observability", "azurerm_application_insights", "local_authentication_enabled"): "false",
    ("observability", "azurerm_log_analytics_workspace", "local_authentication_enabled"): "false",
    ("redis", "azurerm_managed_redis", "public_network_access"): '"Disabled"',
    ("functions", "azurerm_service_plan", "sku_name"): '"FC1"',
    ("functions", "azurerm_function_app_flex_consumption", "https_only"): "true",
    ("functions", "azurerm_function_app_flex_consumption", "runtime_version"): '"3.13"',
    (
        "functions",
        "azurerm_function_app_flex_consumption",
        "storage_authentication_type",
    ): '"UserAssignedIdentity"',
    (
        "functions",
        "azurerm_function_app_flex_consumption",
        "webdeploy_publish_basic_authentication_enabled",
    ): "false",
}
WATCHED = {
    "azurerm_cosmosdb_account",
    "azurerm_eventgrid_system_topic",
    "azurerm_key_vault",
    "azurerm_log_analytics_workspace",
    "azurerm_managed_redis",
    "azurerm_storage_account",
}
TERRAFORMS_OWN = {"for_each", "count", "depends_on"}
NEVER_ON_FLEX = {
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


def said(name: str) -> dict:
    return json.loads((INFRA / f"{name}.json").read_text(encoding="utf-8"))


def wrong_arguments(texts: Files) -> Iterator[str]:
    """Modules get what they ask for, and no more; what is referred to is there."""
    modules = {name: read(text) for name, text in texts.items()}
    calls = {one.labels[0]: one for one in modules[""].of("module")}
    for name, call in calls.items():
        folder = call.values["source"].strip('"').removeprefix("./modules/")
        asked = {one.labels[0]: one.values for one in modules[folder].of("variable")}
        given = call.values.keys() - {"source", "count"}
        needed = {one for one, values in asked.items() if "default" not in values}
        yield from (f"{name}: {one} is not asked for" for one in given - asked.keys())
        yield from (f"{name}: {one} is missing" for one in needed - given)
        outputs = {one.labels[0] for one in modules[folder].of("output")}
        used = set(re.findall(rf"module\.{name}\.(\w+)", texts[""]))
        yield from (f"{name} has no output {one}" for one in used - outputs)
    for name, module in modules.items():
        declared = {one.labels[0] for one in module.of("variable")}
        used = set(re.findall(r"(?<![\w.])var\.(\w+)", texts[name]))
        yield from (f"{name}: var.{one} is not declared" for one in used - declared)
        yield from (f"{name}: var.{one} is not used" for one in declared - used)
        resources = {".".join(one.labels) for one in module.of("resource")}
        there = set(re.findall(r"(?<![\w.\"])(azurerm_\w+\.\w+)", texts[name]))
        yield from (f"{name}: there is no {one}" for one in there - resources)


def wrong_bodies(texts: Files) -> Iterator[str]:
    """Resources have the arguments and blocks that the provider knows, and those it needs."""
    for module, text in texts.items():
        for one in read(text).of("resource"):
            where = f"{module}: {'.'.join(one.labels)}"
            if one.labels[0] in SCHEMA:
                yield from _unlike(one, SCHEMA[one.labels[0]], where)
            else:
                yield f"{where} is no resource that we know"


def _unlike(block: Block, known: Body, where: str) -> Iterator[str]:
    given = block.values.keys() - TERRAFORMS_OWN
    yield from (f"{where} has no {one}" for one in known.needed - given)
    yield from (f"{where} cannot have {one}" for one in given - known.needed - known.other)
    inner = [_of(one) for one in block.blocks if one.kind != "lifecycle"]
    needed = {name for name, one in known.blocks.items() if one.must}
    yield from (f"{where} has no {one}" for one in needed - {name for name, _ in inner})
    for name, one in inner:
        if name in known.blocks:
            yield from _unlike(one, known.blocks[name], f"{where}.{name}")
        else:
            yield f"{where} cannot have a block {name}"


def _of(block: Block) -> tuple[str, Block]:
    """Return what a block is of: a dynamic one stands for its content."""
    if block.kind != "dynamic":
        return block.kind, block
    return block.labels[0], block.of("content")[0]


def silent_ones(texts: Files) -> Iterator[str]:
    """What keeps or tells something is watched: the workspace hears of it."""
    for module, text in texts.items():
        found = read(text)
        settings = found.of("resource", "azurerm_monitor_diagnostic_setting")
        targets = "".join(_target(one) for one in settings)
        for one in found.of("resource"):
            told = f"{'.'.join(one.labels)}.id"
            if one.labels[0] in WATCHED and told not in targets:
                yield f"{module}: nobody hears of {told}"


def _target(setting: Block) -> str:
    return setting.values["target_resource_id"] + setting.values.get("for_each", "")


def open_doors(texts: Files) -> Iterator[str]:
    """Every resource of a kind that could be open is closed."""
    for (module, kind, key), wanted in CLOSED.items():
        found = read(texts[module]).of("resource", kind)
        if not found or any(one.values.get(key) != wanted for one in found):
            yield f"{module}: {kind} without {key} = {wanted}"


def wide_roles(texts: Files) -> Iterator[str]:
    """Roles are those of the table, and no wider."""
    found = {}
    for module, text in texts.items():
        for one in read(text).of("resource", "azurerm_role_assignment"):
            role = one.values["role_definition_name"].strip('"')
            found[f"{module}.{one.labels[1]}"] = (role, one.values["scope"])
    yield from (f"{one} is another than expected" for one in found.keys() ^ SCOPES.keys())
    for name in found.keys() & SCOPES.keys():
        (role, scope), (wanted, within) = found[name], SCOPES[name]
        if role != wanted or not scope.startswith(within):
            yield f"{name}: {role} for {scope}"


def invented_names(texts: Files) -> Iterator[str]:
    """What is unique in Azure is named by the names module."""
    own = re.compile(
        r'(uuidv5\("url", "\$\{)?var\.names\.|module\.names\.|each\.key$'
        r'|"(to-logs|secrets-expire|package-\$\{each\.key\})"$'
    )
    for module, text in texts.items():
        for one in read(text).of("resource"):
            name = one.values.get("name")
            zone = one.labels[0] == "azurerm_private_dns_zone"  # Azure names these
            role = one.labels[0] == "azurerm_cosmosdb_sql_role_definition"
            if name and not own.match(name) and not zone and not role:
                yield f"{module}: {'.'.join(one.labels)} is called {name}"


def kept_secrets(texts: Files) -> Iterator[str]:
    """No secret is written by Terraform, which would keep it in its state."""
    for module, text in texts.items():
        for one in read(text).of("resource"):
            if one.labels[0] == "azurerm_key_vault_secret":
                yield f"{module}: {one.labels[1]} puts a secret into the state"
        for word in (
            "access_key",
            "primary_key",
            "connection_string",
            "api_key",
            "site_credential",
        ):
            used = re.findall(rf"azurerm_(?!application_insights)\w+\.\w+\.\w*{word}", text)
            yield from (f"{module}: {one}" for one in used)


CHECKS: dict[str, Callable[[Files], Iterator[str]]] = {
    "arguments": wrong_arguments,
    "bodies": wrong_bodies,
    "silence": silent_ones,
    "doors": open_doors,
    "roles": wide_roles,
    "names": invented_names,
    "secrets": kept_secrets,
}


@pytest.mark.parametrize("name", CHECKS)
def test_files_are_sound(name: str) -> None:
    assert list(CHECKS[name](files())) == []


@pytest.mark.parametrize(
    ("check", "module", "before", "after"),
    [
        ("arguments", "", "  sentinel     = var.sentinel\n", ""),
        ("arguments", "", "module.vault.url", "module.vault.address"),
        ("arguments", "vault", "azurerm_key_vault.this.id", "azurerm_key_vault.that.id"),
        ("arguments", "cosmos", "var.autoscale == null", "var.serverless"),
        ("bodies", "vault", "soft_delete_retention_days", "soft_delete_days"),
        ("bodies", "storage", "  account_tier ", "  tier "),
        ("bodies", "cosmos", "  consistency_policy {", "  consistency {"),
        ("bodies", "cosmos", 'dynamic "geo_location"', 'dynamic "location"'),
        ("bodies", "functions", '"azurerm_service_plan" "app"', '"azurerm_app_service_plan" "app"'),
        ("bodies", "monitoring", "    failing_periods {", "    failing_period {"),
        ("bodies", "redis", "    eviction_policy ", "    evict "),
        ("silence", "vault", "= azurerm_eventgrid_system_topic.this.id\n  log",
         "= azurerm_key_vault.this.id\n  log"),
        ("silence", "redis", '"azurerm_monitor_diagnostic_setting"', '"azurerm_subnet"'),
        ("silence", "storage", "host = azurerm_storage_account.host.id }", "}"),
        ("doors", "storage", "shared_access_key_enabled         = false", "sas = false"),
        ("doors", "vault", "purge_protection_enabled      = true", "purge = true"),
        ("doors", "functions", 'sku_name            = "FC1"', 'sku_name            = "Y1"'),
        ("roles", "storage", "azurerm_storage_container.data[each.value.container].id",
         "azurerm_storage_account.data.id"),
        ("roles", "access", '"Log Analytics Reader"', '"Contributor"'),
        ("names", "vault", "= var.names.one.vault", '= "kv-mine"'),
        ("names", "monitoring", "= var.names.part.alert[each.key]", '= "alert-mine"'),
        ("doors", "redis", 'public_network_access     = "Disabled"', "open = 1"),
        ("secrets", "vault", 'resource "azurerm_private_endpoint"',
         'resource "azurerm_key_vault_secret"'),
    ],
)  # fmt: skip
def test_faults_are_found(check: str, module: str, before: str, after: str) -> None:
    texts = files()
    assert before in texts[module]
    texts[module] = texts[module].replace(before, after, 1)
    assert list(CHECKS[check](texts))


def test_the_reader_refuses_what_it_does_not_understand() -> None:
    for text in ('resource "a" "b" {', 'resource "a" "b" { x = 1 }', "x ="):
        with pytest.raises(ValueError, match=r"formatted|closed"):
            read(text)


def test_modules_are_those_of_bicep() -> None:
    there = {path.name for path in (TERRAFORM / "modules").iterdir()}
    assert there == set(said("resources")["modules"])


def test_containers_are_the_codes() -> None:
    deployed = {one.pop("id"): (one, one.pop("apps")) for one in said("containers")}
    asked = [INDICATORS, RUNS, CASES, LEDGER]
    assert {name: one for name, (one, _) in deployed.items()} == {
        one["id"]: {key: value for key, value in one.items() if key != "id"} for one in asked
    }
    (made,) = read(files()["cosmos"]).of("resource", "azurerm_cosmosdb_sql_container")
    assert made.values["for_each"] == "local.containers"
    assert made.values["partition_key_paths"] == "each.value.partitionKey.paths"
    assert made.values["default_ttl"] == "each.value.defaultTtl"


def test_queues_are_the_triggers() -> None:
    for app, queues in said("resources")["queues"].items():
        source = (ROOT / "apps" / app / "function_app.py").read_text(encoding="utf-8")
        triggers = set(re.findall(r'queue_name="([\w-]+)"', source))
        assert triggers | {f"{one}-poison" for one in triggers} == set(queues)


def test_defaults_of_the_settings_are_deployed() -> None:
    known, fields = said("resources"), Settings.model_fields
    assert known["container"] == fields["storage_container"].default
    own = {known["container"], *fields["storage_folders"].default}
    assert known["containers"].keys() == own
    assert known["database"] == fields["cosmos_database"].default


def test_every_setting_is_deployed_or_left_with_a_reason() -> None:
    declared = said("app-settings")
    names = {f"TIDEGATE_{name}".upper() for name in Settings.model_fields}
    settings, left = declared["settings"].keys(), declared["left"].keys()
    assert {name for name in settings if name.startswith("TIDEGATE_")} | left == names
    assert not settings & left
    assert not settings & NEVER_ON_FLEX


def test_what_settings_need_is_given() -> None:
    settings, root = said("app-settings")["settings"], read(files()[""])
    local = {key: text for one in root.of("locals") for key, text in one.values.items()}
    given = set(re.findall(r"^\s*(\w+)\s+= ", local["shared"] + local["resources"], re.MULTILINE))
    assert {one["value"] for one in settings.values() if one["from"] == "resource"} == given
    (call,) = root.of("module", "settings")
    conditions = set(re.findall(r"(\w+) = ", call.values["when"]))
    assert {one["when"] for one in settings.values()} == conditions


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_environments_say_what_is_asked(name: str) -> None:
    asked = {one.labels[0]: one.values for one in read(files()[""]).of("variable")}
    assert all("description" in values and "type" in values for values in asked.values())
    needed = {one for one, values in asked.items() if "default" not in values}
    given = environment(name)
    assert given["environment"] == name
    assert given.keys() <= asked.keys()
    assert needed - given.keys() == {"subscription_id", "alert_emails", "budget_start"}


@pytest.fixture
def terraform(tmp_path: Path) -> Callable[..., str]:
    """Run Terraform in a module that needs no provider, of a copy."""
    if (program := shutil.which("terraform")) is None:
        pytest.skip("terraform is not installed")
    copied = shutil.ignore_patterns(".terraform", "*.tfstate*")
    shutil.copytree(TERRAFORM, tmp_path / "terraform", ignore=copied)
    shutil.copytree(INFRA, tmp_path / "infra")
    own = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}

    def run(module: str, *arguments: str) -> str:
        command = [program, f"-chdir={tmp_path / 'terraform' / module}", *arguments]
        env = own | {"CHECKPOINT_DISABLE": "1"}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_files_are_formatted(terraform: Callable[..., str]) -> None:
    terraform("", "fmt", "-check", "-recursive", "-diff")


@pytest.mark.parametrize("module", ["names", "functions/settings"])
def test_modules_pass_their_own_tests(terraform: Callable[..., str], module: str) -> None:
    terraform(f"modules/{module}", "init", "-input=false")
    assert ", 0 failed" in terraform(f"modules/{module}", "test", "-no-color")


def resolved(settings: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Do what Azure does with references to secrets."""
    for name, value in settings.items():
        yield name, "a key of some length" if value.startswith("@Microsoft.KeyVault(") else value


@pytest.mark.parametrize("tenant", [False, True])
def test_apps_start_with_their_settings(
    terraform: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tenant: bool
) -> None:
    needed = {
        "cosmosUrl": "https://c.documents.azure.com:443/",
        "blobUrl": "https://s.blob.core.x/",
    }
    needed |= {"vaultUrl": "https://v.vault.azure.net/", "vmrayUrl": "https://vmray.corp.example"}
    needed |= {"webhookUrl": "https://f.azurewebsites.net/api/finished"}
    needed |= {"workspaceId": "00000000-0000-0000-0000-000000000001"}
    needed |= dict.fromkeys(("hostStorageName", "identityClientId", "queueUrl"), "x")
    needed |= dict.fromkeys(("insightsAuthentication", "insightsConnection"), "x")
    given = {
        "resources": dict.fromkeys(said("resources")["apps"], needed),
        "when": {"always": True, "tenant": tenant, "sentinel": tenant, "webhook": tenant},
        "choices": {"TIDEGATE_GATE_APPLY": "true", "TIDEGATE_SITES": "Berlin=52.52,13.40"},
        "secrets": ["TIDEGATE_OTX_KEY", *(["TIDEGATE_WEBHOOK_KEY"] if tenant else [])],
        "vault_url": needed["vaultUrl"],
    }
    module = "modules/functions/settings"
    arguments = [f"-var={name}={json.dumps(value)}" for name, value in given.items()]
    terraform(module, "init", "-input=false")
    terraform(module, "apply", "-auto-approve", "-input=false", *arguments)
    apps = json.loads(terraform(module, "output", "-json", "apps"))
    for settings in apps.values():
        with monkeypatch.context() as patched:
            for name in [one for one in os.environ if one.startswith("TIDEGATE_")]:
                patched.delenv(name)
            for name, value in resolved(settings):
                patched.setenv(name, value)
            read_by_the_app = Settings()
        assert read_by_the_app.on_azure
        assert not read_by_the_app.simulated
    assert ("TIDEGATE_VMRAY_URL" in apps["detonate"]) is tenant
