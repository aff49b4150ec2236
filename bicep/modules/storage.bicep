// Two accounts: one of the data, one of the Functions host, which needs more rights than the code.
import { named, place } from 'names.bicep'

param at place
param location string
param tags object
@description('Principal id of each app.')
param principals object
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GZRS'])
param sku string
param workspace string
param subnet string
@description('The zone of each kind of endpoint.')
param zones object
@description('Whether the accounts answer from outside the network, too, to those who have a role.')
param open bool

var known = loadJsonContent('../../infra/resources.json')
var blobContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var blobOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var queueContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
var tableContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
var access = open ? 'Enabled' : 'Disabled'
var deletions = [
  { workspaceResourceId: workspace, logCategoriesAndGroups: [{ category: 'StorageDelete' }], metricCategories: [] }
]
var metrics = [{ workspaceResourceId: workspace, metricCategories: [{ category: 'Transaction' }] }]
var queues = flatten(map(items(known.queues), each => map(each.value, queue => { name: queue, app: each.key })))

module data 'br/public:avm/res/storage/storage-account:0.33.0' = {
  name: 'avm-storage'
  params: {
    name: named(known.names.storage, at, '')
    location: location
    tags: tags
    enableTelemetry: false
    skuName: sku
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: access
    networkAcls: { bypass: 'None', defaultAction: open ? 'Allow' : 'Deny' }
    diagnosticSettings: metrics
    blobServices: {
      deleteRetentionPolicyEnabled: true
      deleteRetentionPolicyDays: 7
      containerDeleteRetentionPolicyEnabled: true
      containerDeleteRetentionPolicyDays: 7
      diagnosticSettings: deletions
      // Evidence are samples of malware: nobody else may read them.
      containers: map(items(known.containers), container => {
        name: container.key
        publicAccess: 'None'
        roleAssignments: map(container.value, app => {
          principalId: principals[app]
          principalType: 'ServicePrincipal'
          roleDefinitionIdOrName: blobContributor
        })
      })
    }
    queueServices: {
      diagnosticSettings: deletions
      queues: map(queues, queue => {
        name: queue.name
        roleAssignments: [
          {
            principalId: principals[queue.app]
            principalType: 'ServicePrincipal'
            roleDefinitionIdOrName: queueContributor
          }
        ]
      })
    }
    managementPolicyRules: map(items(known.lifecycle), each => {
      name: each.key
      enabled: true
      type: 'Lifecycle'
      definition: {
        filters: { blobTypes: ['blockBlob'], prefixMatch: [contains(known.containers, each.key) ? '${each.key}/' : '${known.container}/${each.key}/'] }
        actions: { baseBlob: each.value }
      }
    })
    privateEndpoints: map(['blob', 'queue'], service => {
      name: named(known.names.endpoint, at, service)
      service: service
      subnetResourceId: subnet
      privateDnsZoneGroup: { privateDnsZoneGroupConfigs: [{ privateDnsZoneResourceId: zones[service] }] }
    })
  }
}

// All apps share the host's account: its leases and keys, and the package of each.
var hostRoles = flatten(map(known.apps, app => map([blobOwner, tableContributor], role => {
  principalId: principals[app]
  principalType: 'ServicePrincipal'
  roleDefinitionIdOrName: role
})))

module host 'br/public:avm/res/storage/storage-account:0.33.0' = {
  name: 'avm-storage-host'
  params: {
    name: named(known.names.hostStorage, at, '')
    location: location
    tags: tags
    enableTelemetry: false
    skuName: sku
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: access
    networkAcls: { bypass: 'None', defaultAction: open ? 'Allow' : 'Deny' }
    diagnosticSettings: metrics
    roleAssignments: hostRoles
    blobServices: {
      deleteRetentionPolicyEnabled: true
      deleteRetentionPolicyDays: 7
      diagnosticSettings: deletions
      containers: map(known.apps, app => { name: 'package-${app}', publicAccess: 'None' })
    }
    tableServices: { diagnosticSettings: deletions }
    fileServices: { diagnosticSettings: deletions }
    // Nobody keeps files there; whoever asks for one is led into the network, and not out of it.
    privateEndpoints: map(['blob', 'table', 'file'], service => {
      name: named(known.names.endpoint, at, 'host-${service}')
      service: service
      subnetResourceId: subnet
      privateDnsZoneGroup: { privateDnsZoneGroupConfigs: [{ privateDnsZoneResourceId: zones[service] }] }
    })
  }
}

output blobUrl string = data.outputs.primaryBlobEndpoint
output queueUrl string = data.outputs.serviceEndpoints.queue
output resourceId string = data.outputs.resourceId
output hostName string = host.outputs.name
output hostBlobUrl string = host.outputs.primaryBlobEndpoint
