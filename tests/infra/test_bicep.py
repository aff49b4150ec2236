"""Our Bicep files hold together, and deploy what the code expects; each check sees its fault."""

import re
from functools import cache

import pytest
from bicep_reader import Declared, entries, plain, read
from check_bicep import check, sources

FAULTS = {
    "a bracket": ("modules/web.bicep", "params: {", "params: {{", "is not closed"),
    "a string": ("modules/vault.bicep", "'standard'", "'standard", "a string does not end"),
    "a version": ("modules/vault.bicep", "vault:0.14.0", "vault:1.0.0", "used at 0.14.0"),
    "a module": ("modules/vault.bicep", "avm/res/key-vault/", "avm/res/keyvault/", "no module"),
    "a misspelt parameter": (
        "modules/vault.bicep",
        "enablePurgeProtection:",
        "purgeProtection:",
        "vault has no parameter purgeProtection",
    ),
    "a missing parameter": (
        "modules/web.bicep",
        "    name: named(",
        "    nam: named(",
        "given name",
    ),
    "an output of the registry": (
        "modules/vault.bicep",
        "outputs.uri",
        "outputs.vaultUri",
        "vaultUri",
    ),
    "an output of ours": (
        "main.bicep",
        "cosmos.outputs.url",
        "cosmos.outputs.uri",
        "no output uri",
    ),
    "an output in a loop": (
        "main.bicep",
        "[2].outputs.resourceId",
        "[2].outputs.id",
        "no output id",
    ),
    "a version of a resource": (
        "modules/monitoring.bicep",
        "workbooks@2023-06-01",
        "workbooks@2023-06-02",
        "no resource that we know",
    ),
    "a part of a resource": ("modules/monitoring.bicep", "kind: '", "kinds: '", "has no kind"),
    "a property": (
        "modules/vault.bicep",
        "principalType:",
        "principleType:",
        "the property principleType",
    ),
    "a file": ("main.bicep", "modules/web.bicep", "modules/pages.bicep", "no modules/pages.bicep"),
    "a parameter of ours": ("main.bicep", "backend: f", "app: f", "web is not given backend"),
    "a name": (
        "modules/cosmos.bicep",
        "scope: '${account}",
        "scope: '${acount}",
        "declares acount",
    ),
    "an unused variable": (
        "modules/web.bicep",
        "var known",
        "var more = 1\nvar known",
        "more is not",
    ),
    "a spread": ("modules/web.bicep", "union(tags", "union(...tags", "spread"),
    "one deployment over another": (
        "modules/vault.bicep",
        "'avm-vault'",
        "'vault'",
        "is called vault",
    ),
    "a value that nobody gives": (
        "subscriptions/DEV/main.bicepparam",
        "param budget = 100\n",
        "",
        "budget is not given",
    ),
    "a value for nothing": (
        "subscriptions/PROD/main.bicepparam",
        "param units",
        "param ru",
        "main.bicep has no parameter ru",
    ),
}


@cache
def files():
    return sources()


def test_our_files_hold_together():
    assert check(files()) == []


def test_there_is_one_deployment_for_each_stage():
    found = {path for path in files() if path.endswith(".bicepparam")}
    assert found == {f"subscriptions/{one}/main.bicepparam" for one in ("DEV", "STAGING", "PROD")}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen(fault):
    path, right, wrong, said = FAULTS[fault]
    text = files()[path]
    assert right in text
    found = check({**files(), path: text.replace(right, wrong, 1)})
    assert any(said in one for one in found), found


def module(path: str, name: str) -> Declared:
    return read(files()[f"modules/{path}.bicep"]).of("module")[name]


def given(path: str, name: str) -> dict[str, str]:
    return {key: plain(value) for key, value in module(path, name).given.items()}


def test_the_vault_forgets_nothing_for_ninety_days():
    said = given("vault", "vault")
    assert said["enableRbacAuthorization"] == said["enablePurgeProtection"] == "true"
    assert said["softDeleteRetentionInDays"] == "90"


@pytest.mark.parametrize("account", ["data", "host"])
def test_storage_takes_no_key_and_shows_nobody_a_blob(account):
    said = given("storage", account)
    assert said["allowSharedKeyAccess"] == said["allowBlobPublicAccess"] == "false"


def test_the_database_takes_no_key_and_can_go_back_seven_days():
    said = given("cosmos", "cosmos")
    assert said["disableLocalAuthentication"] == "true"
    assert (said["backupPolicyType"], said["backupPolicyContinuousTier"]) == (
        "Continuous",
        "Continuous7Days",
    )


def test_roles_reach_no_further_than_an_app_needs():
    text = files()["modules/cosmos.bicep"]
    assert "scope: '${account}/dbs/${known.database}/colls/${writer.container}'" in text
    assert "scope: read[i]" in files()["modules/vault.bicep"]  # one secret
    storage = given("storage", "data")
    assert "roleAssignments" not in storage  # of the account: containers and queues have their own
    assert storage["blobServices"].count("roleAssignments") == 1
    assert storage["queueServices"].count("roleAssignments") == 1


def test_telemetry_takes_identities_alone_and_masks_addresses():
    said = given("observability", "insights")
    assert (said["disableLocalAuth"], said["disableIpMasking"]) == ("true", "false")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("vault", "vault"),
        ("vault", "expiry"),
        ("storage", "data"),
        ("storage", "host"),
        ("cosmos", "cosmos"),
        ("observability", "logs"),
        ("redis", "redis"),
    ],
)
def test_the_workspace_hears_of_what_keeps_or_tells_something(path, name):
    assert given(path, name)["diagnosticSettings"]


def test_every_store_says_whether_it_is_open():
    for path, name in (("vault", "vault"), ("storage", "data"), ("storage", "host")):
        assert given(path, name)["publicNetworkAccess"] in {"access", "open ? Enabled : Disabled"}
    restrictions = entries(module("cosmos", "cosmos").given["networkRestrictions"])
    assert plain(restrictions["publicNetworkAccess"]) == "open ? Enabled : Disabled"


def test_only_dev_is_open_and_only_prod_provisions():
    for stage, open_, serverless in (("DEV", "true", "true"), ("STAGING", "false", "true")):
        assert said(stage, "open") == open_
        assert said(stage, "serverless") == serverless
    assert (said("PROD", "open"), said("PROD", "serverless")) == ("false", "false")


def said(stage: str, name: str) -> str:
    one = read(files()[f"subscriptions/{stage}/main.bicepparam"]).of("param")[name]
    return plain(one.rest).removeprefix("= ")


def test_apps_are_flex_consumption_on_python_3_13():
    assert given("functions", "plan")["skuName"] == "FC1"
    config = entries(module("functions", "site").given["functionAppConfig"])
    assert plain(entries(config["runtime"])["version"]) == "3.13"
    assert plain(entries(module("functions", "site").given["siteConfig"])["alwaysOn"]) == "false"


def test_people_are_told_at_80_and_at_100_percent():
    assert given("budget", "budget")["thresholds"] == "[ 80 , 100 ]"


def test_modules_of_the_registry_send_no_telemetry_of_their_own():
    for path, text in files().items():
        for one in read(text).of("module").values():
            if one.source.startswith("br/"):
                assert plain(one.given["enableTelemetry"]) == "false", path


def test_roles_are_these():
    """By their ids, which are the same in every tenant."""
    found = {
        role
        for path, text in files().items()
        for role in re.findall(r"'([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})'", text)
    }
    assert found == {
        "4633458b-17de-408a-b874-0445c86b69e6",  # Key Vault Secrets User
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",  # Storage Blob Data Contributor
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",  # Storage Blob Data Owner: the host's account
        "974c5e8b-45b9-4653-ba55-5f855dd0fb88",  # Storage Queue Data Contributor
        "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",  # Storage Table Data Contributor: the host's
        "3913510d-42f4-4e42-8a64-420c390055eb",  # Monitoring Metrics Publisher
        "73c42c96-874c-492b-b04d-ab87d138a893",  # Log Analytics Reader
        "ab8e14d6-4a74-4a29-9ba8-549422addade",  # Microsoft Sentinel Contributor
    }
