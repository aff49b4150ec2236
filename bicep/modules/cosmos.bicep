// The database. Its containers are those of infra/containers.json, which the code's tests compare.
import { named, place } from 'names.bicep'

param at place
param location string
param tags object
@description('Principal id of each app.')
param principals object
@description('Whether each request is paid for; else throughput is provisioned, and scales by itself.')
param serverless bool
@description('Request units a second that the container of sightings may reach.')
@minValue(1000)
param units int
@description('A second region, to which the account fails over by itself; empty = none.')
param secondRegion string
param zoneRedundant bool
param workspace string
param subnet string
param zone string
@description('Whether the account answers from outside the network, too, to those who have a role.')
param open bool

var known = loadJsonContent('../../infra/resources.json')
var containers = loadJsonContent('../../infra/containers.json')
var accountName = named(known.names.cosmos, at, '')
var account = resourceId('Microsoft.DocumentDB/databaseAccounts', accountName)
var contributor = '${account}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002'
var regions = concat(
  [{ locationName: location, failoverPriority: 0, isZoneRedundant: zoneRedundant }],
  empty(secondRegion) ? [] : [{ locationName: secondRegion, failoverPriority: 1, isZoneRedundant: false }]
)
// Each app writes the containers that it uses, and reads what the SDK asks of the account.
var writers = flatten(map(containers, container => map(container.apps, app => { app: app, container: container.id })))
var users = union(flatten(map(containers, container => container.apps)), [])

module cosmos 'br/public:avm/res/document-db/database-account:0.20.1' = {
  name: 'avm-cosmos'
  params: {
    name: accountName
    location: location
    tags: tags
    enableTelemetry: false
    capabilitiesToAdd: serverless ? ['EnableServerless'] : []
    enableBurstCapacity: !serverless
    failoverLocations: regions
    zoneRedundant: zoneRedundant
    enableAutomaticFailover: true
    disableLocalAuthentication: true
    disableKeyBasedMetadataWriteAccess: true
    backupPolicyType: 'Continuous'
    backupPolicyContinuousTier: 'Continuous7Days'
    networkRestrictions: {
      publicNetworkAccess: open ? 'Enabled' : 'Disabled'
      networkAclBypass: 'None'
      ipRules: []
      virtualNetworkRules: []
    }
    sqlDatabases: [
      {
        name: known.database
        containers: map(containers, container => {
          name: container.id
          paths: container.partitionKey.paths
          kind: container.partitionKey.kind
          version: container.partitionKey.version
          defaultTtl: container.defaultTtl
          indexingPolicy: container.indexingPolicy
          autoscaleSettingsMaxThroughput: serverless ? null : container.id == 'indicators' ? units : 1000
        })
      }
    ]
    sqlRoleDefinitions: [
      {
        roleName: 'Tidegate: see the account'
        dataActions: ['Microsoft.DocumentDB/databaseAccounts/readMetadata']
        assignments: map(users, app => { principalId: principals[app] })
      }
    ]
    privateEndpoints: [
      {
        name: named(known.names.endpoint, at, 'cosmos')
        service: 'Sql'
        subnetResourceId: subnet
        privateDnsZoneGroup: { privateDnsZoneGroupConfigs: [{ privateDnsZoneResourceId: zone }] }
      }
    ]
    // Requests of the data plane would cost more to log than to serve.
    diagnosticSettings: [
      {
        workspaceResourceId: workspace
        logCategoriesAndGroups: [{ category: 'ControlPlaneRequests' }]
        metricCategories: []
      }
    ]
  }
}

resource kept 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' existing = {
  name: accountName
}

@batchSize(1) // the account takes one change of roles at a time
resource writes 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-10-15' = [
  for writer in writers: {
    parent: kept
    name: guid(account, writer.container, writer.app)
    properties: {
      principalId: principals[writer.app]
      roleDefinitionId: contributor
      scope: '${account}/dbs/${known.database}/colls/${writer.container}'
    }
    dependsOn: [cosmos]
  }
]

output url string = cosmos.outputs.endpoint
output resourceId string = cosmos.outputs.resourceId
