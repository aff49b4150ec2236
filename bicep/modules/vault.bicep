// The vault of secrets. Each app may read those secrets that its settings name, and no others.
import { named, place } from 'names.bicep'

param at place
param location string
param tags object
@description('Principal id of each app.')
param principals object
@description('Names of settings whose secrets are in the vault.')
param secrets string[]
@description('Whether the key of VMRay is in the vault.')
param tenant bool
param workspace string
param actionGroup string
param subnet string
param zone string
@description('Whether the vault answers from outside the network, too, to those who have a role.')
param open bool

var known = loadJsonContent('../../infra/resources.json')
var settings = loadJsonContent('../../infra/app-settings.json').settings
var vaultName = named(known.names.vault, at, '')
var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'

module vault 'br/public:avm/res/key-vault/vault:0.14.0' = {
  name: 'avm-vault'
  params: {
    name: vaultName
    location: location
    tags: tags
    enableTelemetry: false
    sku: 'standard'
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    enableVaultForDeployment: false
    enableVaultForTemplateDeployment: false
    enableVaultForDiskEncryption: false
    publicNetworkAccess: open ? 'Enabled' : 'Disabled'
    networkAcls: { bypass: 'None', defaultAction: open ? 'Allow' : 'Deny' }
    privateEndpoints: [
      {
        name: named(known.names.endpoint, at, 'vault')
        subnetResourceId: subnet
        privateDnsZoneGroup: { privateDnsZoneGroupConfigs: [{ privateDnsZoneResourceId: zone }] }
      }
    ]
    diagnosticSettings: [
      { workspaceResourceId: workspace, logCategoriesAndGroups: [{ categoryGroup: 'audit' }], metricCategories: [] }
    ]
  }
}

var stored = filter(items(settings), each => each.value.from == 'secret' && contains(secrets, each.key))
var whose = map(stored, each => map(each.value.apps, app => { secret: each.value.value, app: app }))
var readings = concat(flatten(whose), tenant ? [{ secret: settings.TIDEGATE_VMRAY_SECRET.value, app: 'detonate' }] : [])

resource kept 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName
}

resource read 'Microsoft.KeyVault/vaults/secrets@2025-05-01' existing = [
  for reading in readings: {
    parent: kept
    name: reading.secret
  }
]

resource may 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (reading, i) in readings: {
    scope: read[i]
    name: guid(resourceGroup().id, vaultName, reading.secret, reading.app)
    properties: {
      principalId: principals[reading.app]
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
    }
    dependsOn: [vault]
  }
]

// The vault tells thirty days before a secret expires, and when it has.
module expiry 'br/public:avm/res/event-grid/system-topic:0.7.0' = {
  name: 'avm-expiry'
  params: {
    name: named(known.names.topic, at, '')
    location: location
    tags: tags
    enableTelemetry: false
    source: vault.outputs.resourceId
    topicType: 'Microsoft.KeyVault.vaults'
    diagnosticSettings: [
      {
        workspaceResourceId: workspace
        logCategoriesAndGroups: [{ category: 'DeliveryFailures' }]
        metricCategories: []
      }
    ]
    eventSubscriptions: [
      {
        name: 'secrets-expire'
        eventDeliverySchema: 'CloudEventSchemaV1_0'
        filter: {
          includedEventTypes: ['Microsoft.KeyVault.SecretNearExpiry', 'Microsoft.KeyVault.SecretExpired']
        }
        destination: {
          endpointType: 'MonitorAlert'
          properties: {
            severity: 'Sev2'
            description: 'A secret of Tidegate expires. Runbook: docs/runbooks/azure.md#a-secret-expires'
            actionGroups: [actionGroup]
          }
        }
      }
    ]
  }
}

output url string = vault.outputs.uri
output resourceId string = vault.outputs.resourceId
