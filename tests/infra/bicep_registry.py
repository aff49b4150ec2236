"""The public registry's modules as far as we use them: published versions, and their ends.

And the resources that we write ourselves: their versions, and their bodies. What is here was seen
in the module's own reference, or in that of the resource.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A module of the registry: what it needs, what else of it we use, and what it tells."""

    version: str
    required: frozenset[str]
    optional: frozenset[str]
    outputs: frozenset[str]


def _module(version: str, required: str, optional: str, outputs: str = "resourceId") -> Published:
    common = "enableTelemetry location tags"
    return Published(
        version,
        frozenset(required.split()),
        frozenset(f"{common} {optional}".split()),
        frozenset(outputs.split()),
    )


REGISTRY = {
    "key-vault/vault": _module(
        "0.14.0",
        "name",
        "sku enableRbacAuthorization enableSoftDelete softDeleteRetentionInDays"
        " enablePurgeProtection enableVaultForDeployment enableVaultForTemplateDeployment"
        " enableVaultForDiskEncryption publicNetworkAccess networkAcls privateEndpoints"
        " diagnosticSettings",
        "resourceId uri",
    ),
    "storage/storage-account": _module(
        "0.33.0",
        "name",
        "skuName allowSharedKeyAccess defaultToOAuthAuthentication allowBlobPublicAccess"
        " allowCrossTenantReplication minimumTlsVersion publicNetworkAccess networkAcls"
        " diagnosticSettings roleAssignments blobServices queueServices tableServices fileServices"
        " managementPolicyRules privateEndpoints",
        "resourceId name primaryBlobEndpoint serviceEndpoints",
    ),
    "document-db/database-account": _module(
        "0.20.1",
        "name",
        "capabilitiesToAdd enableBurstCapacity failoverLocations zoneRedundant"
        " enableAutomaticFailover disableLocalAuthentication disableKeyBasedMetadataWriteAccess"
        " backupPolicyType backupPolicyContinuousTier networkRestrictions sqlDatabases"
        " sqlRoleDefinitions privateEndpoints diagnosticSettings",
        "resourceId endpoint",
    ),
    "operational-insights/workspace": _module(
        "0.16.1", "name", "dataRetention dailyQuotaGb forceCmkForQuery features diagnosticSettings"
    ),
    "insights/component": _module(
        "0.8.0",
        "name workspaceResourceId",
        "retentionInDays disableIpMasking disableLocalAuth roleAssignments",
        "resourceId connectionString",
    ),
    "insights/action-group": _module("0.8.0", "name groupShortName", "emailReceivers"),
    "insights/metric-alert": _module(
        "0.4.1",
        "name criteria",
        "scopes alertDescription severity evaluationFrequency windowSize autoMitigate actions",
    ),
    "insights/scheduled-query-rule": _module(
        "0.6.0",
        "name scopes criterias",
        "alertDisplayName alertDescription severity evaluationFrequency windowSize autoMitigate"
        " skipQueryValidation actions",
    ),
    "cache/redis-enterprise": _module(
        "0.5.1",
        "name",
        "skuName highAvailability minimumTlsVersion publicNetworkAccess database privateEndpoints"
        " diagnosticSettings",
        "resourceId endpoint port",
    ),
    "event-grid/system-topic": _module(
        "0.7.0", "name source topicType", "eventSubscriptions diagnosticSettings"
    ),
    "managed-identity/user-assigned-identity": _module(
        "0.6.0", "name", "", "resourceId clientId principalId"
    ),
    "network/network-security-group": _module("0.5.3", "name", "securityRules diagnosticSettings"),
    "network/virtual-network": _module(
        "0.10.1", "name addressPrefixes", "subnets diagnosticSettings"
    ),
    "network/private-dns-zone": _module("0.8.1", "name", "virtualNetworkLinks"),
    "web/serverfarm": _module("0.7.0", "name", "kind skuName reserved zoneRedundant"),
    "web/site": _module(
        "0.24.0",
        "name kind serverFarmResourceId",
        "managedIdentities keyVaultAccessIdentityResourceId virtualNetworkSubnetResourceId"
        " httpsOnly clientAffinityEnabled publicNetworkAccess siteConfig functionAppConfig configs"
        " privateEndpoints",
        "resourceId defaultHostname",
    ),
    "web/static-site": _module(
        "0.9.5", "name", "sku stagingEnvironmentPolicy linkedBackend", "resourceId defaultHostname"
    ),
    "consumption/budget": _module(
        "0.3.8",
        "name amount",
        "resetPeriod startDate thresholds resourceGroupFilter actionGroups contactEmails",
    ),
    "resources/resource-group": _module("0.4.4", "name", "", "resourceId name"),
}


@dataclass(frozen=True)
class Body:
    """A resource: what it has, and of that its `properties`; those in `needed` are required."""

    needed: frozenset[str]
    other: frozenset[str]
    properties: frozenset[str]


def _body(needed: str, properties: str, other: str = "") -> Body:
    common = "name parent scope dependsOn"
    return Body(
        frozenset(needed.split()),
        frozenset(f"{common} {other}".split()),
        frozenset(properties.split()),
    )


BODIES = {
    "Microsoft.Authorization/roleAssignments@2022-04-01": _body(
        "name properties", "principalId principalType roleDefinitionId"
    ),
    "Microsoft.DocumentDB/databaseAccounts@2025-10-15": _body("name", ""),
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-10-15": _body(
        "name parent properties", "principalId roleDefinitionId scope"
    ),
    "Microsoft.Insights/workbooks@2023-06-01": _body(
        "name location kind properties",
        "displayName category sourceId serializedData",
        "tags",
    ),
    "Microsoft.KeyVault/vaults@2025-05-01": _body("name", ""),
    "Microsoft.KeyVault/vaults/secrets@2025-05-01": _body("name parent", ""),
    "Microsoft.OperationalInsights/workspaces@2025-07-01": _body("name", ""),
}
