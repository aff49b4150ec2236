"""Terraform and Bicep deploy the same; what only one of them says, or says otherwise, is seen."""

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

import pytest
from bicep_reader import read as read_bicep
from check_bicep import sources
from terraform_reader import Files, environment, files, read

ROLES = {  # as Bicep names them
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Log Analytics Reader": "73c42c96-874c-492b-b04d-ab87d138a893",
    "Microsoft Sentinel Contributor": "ab8e14d6-4a74-4a29-9ba8-549422addade",
}
MADE = {  # what a module of the registry, or a resource of Bicep, makes, as azurerm calls it
    "consumption/budget": "azurerm_consumption_budget_resource_group",
    "cache/redis-enterprise": "azurerm_managed_redis",
    "document-db/database-account": "azurerm_cosmosdb_account",
    "event-grid/system-topic": "azurerm_eventgrid_system_topic",
    "insights/action-group": "azurerm_monitor_action_group",
    "insights/component": "azurerm_application_insights",
    "insights/metric-alert": "azurerm_monitor_metric_alert",
    "insights/scheduled-query-rule": "azurerm_monitor_scheduled_query_rules_alert_v2",
    "key-vault/vault": "azurerm_key_vault",
    "managed-identity/user-assigned-identity": "azurerm_user_assigned_identity",
    "network/network-security-group": "azurerm_network_security_group",
    "network/private-dns-zone": "azurerm_private_dns_zone",
    "network/virtual-network": "azurerm_virtual_network",
    "operational-insights/workspace": "azurerm_log_analytics_workspace",
    "resources/resource-group": "azurerm_resource_group",
    "storage/storage-account": "azurerm_storage_account",
    "web/serverfarm": "azurerm_service_plan",
    "web/site": "azurerm_function_app_flex_consumption",
    "web/static-site": "azurerm_static_web_app",
    "Microsoft.Authorization/roleAssignments": "azurerm_role_assignment",
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments": (
        "azurerm_cosmosdb_sql_role_assignment"
    ),
    "Microsoft.Insights/workbooks": "azurerm_application_insights_workbook",
}
WITHIN = {  # what a module of the registry makes beside, by the word that asks for it
    "defaultTtl": "azurerm_cosmosdb_sql_container",
    "delegation": "azurerm_subnet",
    "diagnosticSettings": "azurerm_monitor_diagnostic_setting",
    "eventSubscriptions": "azurerm_resource_group_template_deployment",
    "linkedBackend": "azurerm_static_web_app_function_app_registration",
    "managementPolicyRules": "azurerm_storage_management_policy",
    "networkSecurityGroupResourceId": "azurerm_subnet_network_security_group_association",
    "privateEndpoints": "azurerm_private_endpoint",
    "publicAccess": "azurerm_storage_container",
    "queues": "azurerm_storage_queue",
    "roleAssignments": "azurerm_role_assignment",
    "sqlDatabases": "azurerm_cosmosdb_sql_database",
    "sqlRoleDefinitions": "azurerm_cosmosdb_sql_role_definition",
    "virtualNetworkLinks": "azurerm_private_dns_zone_virtual_network_link",
}
ELSEWHERE = {"vault": "azurerm_role_assignment"}  # Terraform's are in `access`: its README says why
SAME = {  # the same said in both languages: module, Terraform's words, Bicep's
    "plan": ("functions", 'sku_name = "FC1"', "skuName: 'FC1'"),
    "python": ("functions", 'runtime_version = "3.13"', "name: 'python', version: '3.13'"),
    "package": ("storage", '"package-${each.key}"', "'package-${app}'"),
    "vault": ("vault", 'sku_name = "standard"', "sku: 'standard'"),
    "vault's memory": ("vault", "soft_delete_retention_days = 90", "softDeleteRetentionInDays: 90"),
    "keys": ("storage", "shared_access_key_enabled = false", "allowSharedKeyAccess: false"),
    "files": ("storage", 'service = "file"', "'table', 'file'"),
    "serverless": ("cosmos", '["EnableServerless"] : []', "['EnableServerless'] : []"),
    "failover": ("cosmos", "automatic_failover_enabled = true", "enableAutomaticFailover: true"),
    "backup": ("cosmos", '"Continuous7Days"', "'Continuous7Days'"),
    "least units": (
        "cosmos",
        '"indicators" ? autoscale_settings.value : 1000',
        "'indicators' ? units : 1000",
    ),
    "document role": ("cosmos", "0000-000000000002", "0000-000000000002"),
    "metadata": ("cosmos", "databaseAccounts/readMetadata", "databaseAccounts/readMetadata"),
    "deleted": ("storage", "days = 7", "deleteRetentionPolicyDays: 7"),
    "pages": ("web", 'sku_tier = "Standard"', "sku: 'Standard'"),
    "cache": ("redis", 'public_network_access = "Disabled"', "publicNetworkAccess: 'Disabled'"),
    "cache's keys": ("redis", 'client_protocol = "Encrypted"', "clientProtocol: 'Encrypted'"),
    "cache's size": ("redis", "sku_name = var.sku", "skuName: sku"),
    "cache's copy": (
        "redis",
        "high_availability_enabled = false",
        "highAvailability: 'Disabled'",
    ),
    "cache's zone": ("redis", '"privatelink.redis.azure.net"', "'privatelink.redis.azure.net'"),
    "who looks after the apps": (
        "network",
        'prefix = "AzureLoadBalancer"',
        "sourceAddressPrefix: 'AzureLoadBalancer'",
    ),
    "cache's port": ("network", '["443", "10000"] : ["443"]', "['443', '10000'] : ['443']"),
    "cache is a choice": ("", "var.redis_sku == null ? 0 : 1", "if (!empty(redis))"),
    "alerts": ("monitoring", "/infra/monitoring.json", "/infra/monitoring.json"),
    "an alert's severity": (
        "monitoring",
        "severity = each.value.severity",
        "severity: alert.value.severity",
    ),
    "an alert's rhythm": (
        "monitoring",
        "evaluation_frequency = each.value.every",
        "evaluationFrequency: alert.value.every",
    ),
    "an alert's window": (
        "monitoring",
        "window_duration = each.value.window",
        "windowSize: alert.value.window",
    ),
    "an alert's text": (
        "monitoring",
        "description = each.value.description",
        "alertDescription: alert.value.description",
    ),
    "a metric": (
        "monitoring",
        "metric_name = each.value.criterion.metric",
        "metricName: metric.value.criterion.metric",
    ),
    "a metric's people": (
        "monitoring",
        "action_group_id = var.action_group_id",
        "actions: [actionGroup]",
    ),
    "an alert's people": (
        "monitoring",
        "action_groups = [var.action_group_id]",
        "actionGroupResourceIds: [actionGroup]",
    ),
    "titles": ("monitoring", '"Tidegate ${var.environment}: ', "'Tidegate ${at.env}: "),
    "silence": ("monitoring", "auto_mitigation_enabled = true", "autoMitigate: true"),
    "expiry": (
        "vault",
        '["Microsoft.KeyVault.SecretNearExpiry", "Microsoft.KeyVault.SecretExpired"]',
        "['Microsoft.KeyVault.SecretNearExpiry', 'Microsoft.KeyVault.SecretExpired']",
    ),
    "expiry's runbook": (
        "vault",
        '"A secret of Tidegate expires. Runbook: docs/runbooks/azure.md#a-secret-expires"',
        "'A secret of Tidegate expires. Runbook: docs/runbooks/azure.md#a-secret-expires'",
    ),
    "what a tenant brings": ("", "always = true, tenant = var.vmray_url != null", "tenant: tenant"),
    "what Sentinel brings": ("", "sentinel = var.sentinel,", "sentinel: uploads"),
    "whose containers": (
        "storage",
        "for container, apps in var.names.known.containers : [for app in apps :",
        "roleAssignments: map(container.value, app =>",
    ),
    "whose queues": (
        "storage",
        "principal_id = var.identities[each.value].principal_id",
        "principalId: principals[queue.app]",
    ),
    "network": ("", '"10.42.0.0/24"', "'10.42.0.0/24'"),
    "budget": ("budget", "[80, 100]", "thresholds: [80, 100]"),
}


def theirs() -> Files:
    """Return the modules of Bicep, by their names; the root's is ''."""
    found = {PurePosixPath(path): text for path, text in sources().items()}
    bicep = {path.stem: text for path, text in found.items() if path.suffix == ".bicep"}
    return {"" if name == "main" else name: text for name, text in bicep.items()}


def resources(ours: Files, bicep: Files) -> Iterator[str]:
    """Each module makes the same kinds of things."""
    for name in (ours.keys() | bicep.keys()) - {"functions/settings"}:
        made = {one.labels[0] for one in read(ours.get(name, "")).of("resource")}
        said = set(_kinds(bicep.get(name, ""))) - {ELSEWHERE.get(name)}
        yield from (f"{name}: {one} is in one only" for one in made ^ said)


def _kinds(text: str) -> Iterator[str]:
    for one in read_bicep(text).of("module").values():
        if one.source.startswith("br/"):
            name = one.source.removeprefix("br/public:avm/res/").split(":")[0]
            yield MADE.get(name, name)
    for kind in re.findall(r"^resource \w+ '([^@]+)@[^']+' = (?!existing)", text, re.MULTILINE):
        yield MADE.get(kind, kind)
    for word, kind in WITHIN.items():
        if re.search(rf"^\s+{word}: |{{ name: [^}}]*{word}: ", text, re.MULTILINE):
            yield kind


def words(ours: Files, bicep: Files) -> Iterator[str]:
    """What has two ways to be said is said in both."""
    for what, (module, terraform, other) in SAME.items():
        if terraform not in re.sub(" +", " ", ours[module]):
            yield f"{what}: not in Terraform's {module}"
        if other not in bicep[module]:
            yield f"{what}: not in Bicep's {module}"


def names(ours: Files, bicep: Files) -> Iterator[str]:
    """Each module names its things by the same patterns."""
    for module in (ours.keys() & bicep.keys()) - {"", "names", "budget"}:  # those hand names on
        used = set(re.findall(r"var\.names\.(?:one|app|part)\.(\w+)", ours[module]))
        known = set(re.findall(r"known\.names\.(\w+)", bicep[module]))
        for one in (used ^ known) - {"group", "vnet"}:  # names that are parts of other names
            yield f"{module}: {one} names something in one only"


def roles(ours: Files, bicep: Files) -> Iterator[str]:
    """The same roles are given, Bicep's by their ids."""
    given = {
        one.values["role_definition_name"].strip('"')
        for text in ours.values()
        for one in read(text).of("resource", "azurerm_role_assignment")
    }
    guid = re.compile(r"^var \w+ = '([0-9a-f]{8}-[0-9a-f-]{27})'", re.MULTILINE)
    others = {one for text in bicep.values() for one in guid.findall(text)}
    yield from (f"{one} is no role of both" for one in others ^ {ROLES.get(one) for one in given})


def doors(ours: Files, bicep: Files) -> Iterator[str]:
    """As many stores are shut where they are to be, and none lets Microsoft's services by."""
    shut = re.compile(r"""open \? ["']Allow["'] : ["']Deny["']""")
    past = re.compile(r"""bypass(?: = \[?|: )["'](\w+)""")
    for module in ours.keys() & bicep.keys():
        both = [re.sub(" +", " ", text[module]) for text in (ours, bicep)]
        for what in (shut, past):
            first, second = (sorted(what.findall(text)) for text in both)
            if [one.strip("'\"") for one in first] != [one.strip("'\"") for one in second] and (
                what is past or len(first) != len(second)
            ):
                yield f"{module}: {first} and {second}"


def logs(ours: Files, bicep: Files) -> Iterator[str]:
    """The same categories are logged; what Bicep says nothing of would be all there are."""
    for module in (ours.keys() & bicep.keys()) - {"monitoring"}:  # workbooks have categories
        said = set(re.findall(r'category(?:_group)? += "(\w+)"', ours[module]))
        other = set(re.findall(r"category(?:Group)?: '(\w+)'", bicep[module]))
        yield from (f"{module}: {one} is logged by one only" for one in said ^ other)
        whole = re.sub(r"\s+", " ", bicep[module])
        whole = re.sub(
            r"\[\{ category: 'NetworkSecurityGroupEvent' \}\]", "none", whole
        )  # has none
        asked = re.findall(r"logCategoriesAndGroups: \[[^]]*\],? ?(\w*)", whole)
        if set(asked) - {"metricCategories"}:
            yield f"{module}: all metrics are taken, too"


CHECKS: dict[str, Callable[[Files, Files], Iterator[str]]] = {
    "resources": resources,
    "words": words,
    "names": names,
    "roles": roles,
    "doors": doors,
    "logs": logs,
}


@pytest.mark.parametrize("check", CHECKS)
def test_both_deploy_the_same(check: str) -> None:
    assert list(CHECKS[check](files(), theirs())) == []


FAULTS = {  # check, which of both, module, before, after
    "a resource of Terraform": (
        "resources", 0, "storage",
        'resource "azurerm_storage_management_policy"', 'resource "azurerm_storage_sync"'),
    "a resource of Bicep": ("resources", 1, "monitoring", "workbooks@", "dashboards@"),
    "workbooks": (
        "resources", 0, "monitoring",
        'resource "azurerm_application_insights_workbook"', 'data "azurerm_subscription"'),
    "a private endpoint": ("resources", 1, "redis", "privateEndpoints: [", "tags: ["),
    "a diagnostic setting": (
        "resources", 0, "cosmos",
        'resource "azurerm_monitor_diagnostic_setting"', 'data "azurerm_monitor_diagnostic"'),
    "the cache's size": ("words", 1, "redis", "skuName: sku", "skuName: 'Balanced_B5'"),
    "the cache's port": ("words", 0, "network", '"10000"', '"6380"'),
    "the sku of a plan": ("words", 1, "functions", "'FC1'", "'Y1'"),
    "an alert's severity": (
        "words", 1, "monitoring", "severity: alert.value.severity", "severity: 3"),
    "an alert's window": ("words", 0, "monitoring", "each.value.window", "each.value.every"),
    "an alert's people": ("words", 0, "monitoring", "[var.action_group_id]", "[]"),
    "what tells of an expiry": ("words", 0, "vault", "SecretNearExpiry", "KeyNearExpiry"),
    "when people are told": ("words", 1, "budget", "[80, 100]", "[50, 100]"),
    "a name of Bicep": ("names", 1, "monitoring", "known.names.alert", "known.names.budget"),
    "a name of Terraform": ("names", 0, "redis", "names.one.redis", "names.one.cosmos"),
    "a vault that is open to services": (
        "doors", 1, "vault", "bypass: 'None', defaultAction: open ? 'Allow' : 'Deny'",
        "bypass: 'AzureServices', defaultAction: 'Allow'"),
    "one of two accounts that is open": (
        "doors", 0, "storage", 'var.open ? "Allow" : "Deny"', '"Allow"'),
    "no setting of a tenant": (
        "words", 0, "", "always = true, tenant = var.vmray_url != null", "always = true"),
    "requests that are logged": (
        "logs", 1, "cosmos", "ControlPlaneRequests", "DataPlaneRequests"),
    "metrics that nobody asked for": ("logs", 1, "vault", ", metricCategories: []", ""),
    "queues of another app": ("words", 1, "storage", "principals[queue.app]", "principals.ingest"),
    "evidence for all": (
        "words", 1, "storage", "map(container.value, app =>", "map(known.apps, app =>"),
    "a role": ("roles", 1, "observability", "3913510d", "3913510e"),
    "a wider role": ("roles", 0, "access", '"Log Analytics Reader"', '"Contributor"'),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_difference_is_seen(fault: str) -> None:
    check, which, module, before, after = FAULTS[fault]
    both = (files(), theirs())
    assert before in both[which][module]
    both[which][module] = both[which][module].replace(before, after, 1)
    assert list(CHECKS[check](*both))


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_environments_are_the_same(name: str) -> None:
    text = sources()[f"subscriptions/{name.upper()}/main.bicepparam"]
    given = dict(re.findall(r"^param (\w+) = '?([^'\n]*)'?$", text, re.MULTILINE))
    ours = environment(name)
    assert ours.get("cosmos_autoscale", "serverless") == (
        "serverless" if given["serverless"] == "true" else given["units"]
    )
    assert f"Standard_{ours['storage_replication']}" == given["storageSku"]
    same = {
        "budget_amount": "budget",
        "open": "open",
        "log_days": "logDays",
        "log_daily_gb": "dailyGigabytes",
        "cosmos_second_region": "secondRegion",
        "zone_redundant": "zoneRedundant",
        "redis_sku": "redis",
    }
    assert {one: ours.get(one) for one in same} == {
        one: given.get(other) for one, other in same.items()
    }
