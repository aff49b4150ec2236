// A cache that all instances share. It is reached inside the network alone, by the address in the
// secret RedisUrl: rediss://:KEY@HOST:10000/0.
import { named, place } from 'names.bicep'

param at place
param location string
param tags object
param sku string
param workspace string
param network string
param subnet string

var known = loadJsonContent('../../infra/resources.json')

module zone 'br/public:avm/res/network/private-dns-zone:0.8.1' = {
  name: 'avm-zone-redis'
  params: {
    name: 'privatelink.redis.azure.net'
    tags: tags
    enableTelemetry: false
    virtualNetworkLinks: [{ virtualNetworkResourceId: network }]
  }
}

module redis 'br/public:avm/res/cache/redis-enterprise:0.5.1' = {
  name: 'avm-redis'
  params: {
    name: named(known.names.redis, at, '')
    location: location
    tags: tags
    enableTelemetry: false
    skuName: sku
    highAvailability: 'Disabled' // answers that are lost are asked for again
    minimumTlsVersion: '1.2'
    publicNetworkAccess: 'Disabled'
    database: {
      clientProtocol: 'Encrypted'
      clusteringPolicy: 'EnterpriseCluster'
      evictionPolicy: 'AllKeysLRU'
      accessKeysAuthentication: 'Enabled'
    }
    privateEndpoints: [
      {
        name: named(known.names.endpoint, at, 'redis')
        subnetResourceId: subnet
        privateDnsZoneGroup: { privateDnsZoneGroupConfigs: [{ privateDnsZoneResourceId: zone.outputs.resourceId }] }
      }
    ]
    diagnosticSettings: [
      { workspaceResourceId: workspace, metricCategories: [{ category: 'AllMetrics' }] }
    ]
  }
}

output resourceId string = redis.outputs.resourceId
