// A subnet for each app, one for private endpoints, and the zones that lead to them.
import { named, place } from 'names.bicep'

param at place
param location string
param tags object
@description('A network of /24: four subnets of /26.')
param addresses string
@description('Ranges from which people and pipelines reach the private endpoints, beside the apps.')
param ranges string[]
@description('Whether there is a cache, which listens on a port of its own.')
param cache bool

@description('Where it is logged which rules hold, and attacks that the platform keeps off.')
param workspace string

var known = loadJsonContent('../../infra/resources.json')
var vnet = named(known.names.vnet, at, '')
var events = [
  { workspaceResourceId: workspace, logCategoriesAndGroups: [{ category: 'NetworkSecurityGroupEvent' }] }
]
var appRanges = [for i in range(0, length(known.apps)): cidrSubnet(addresses, 26, i)]

module apps 'br/public:avm/res/network/network-security-group:0.5.3' = {
  name: 'avm-nsg-apps'
  params: {
    name: named(known.names.securityGroup, at, 'apps')
    location: location
    tags: tags
    enableTelemetry: false
    diagnosticSettings: events
    securityRules: [
      {
        name: 'platform-in' // it brings requests by another way, but looks after the apps from here
        properties: {
          access: 'Allow'
          direction: 'Inbound'
          priority: 100
          protocol: '*'
          sourceAddressPrefix: 'AzureLoadBalancer'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
      {
        name: 'nobody-else-in'
        properties: {
          access: 'Deny'
          direction: 'Inbound'
          priority: 4000
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

module endpoints 'br/public:avm/res/network/network-security-group:0.5.3' = {
  name: 'avm-nsg-endpoints'
  params: {
    name: named(known.names.securityGroup, at, 'endpoints')
    location: location
    tags: tags
    enableTelemetry: false
    diagnosticSettings: events
    securityRules: [
      {
        name: 'apps-in'
        properties: {
          access: 'Allow'
          direction: 'Inbound'
          priority: 100
          protocol: 'Tcp'
          sourceAddressPrefixes: concat(appRanges, ranges)
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRanges: cache ? ['443', '10000'] : ['443']
        }
      }
      {
        name: 'nobody-else-in'
        properties: {
          access: 'Deny'
          direction: 'Inbound'
          priority: 4000
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

var appSubnets = map(range(0, length(known.apps)), i => {
  name: named(known.names.appSubnet, at, known.apps[i])
  addressPrefix: appRanges[i]
  delegation: 'Microsoft.App/environments'
  networkSecurityGroupResourceId: apps.outputs.resourceId
})

module network 'br/public:avm/res/network/virtual-network:0.10.1' = {
  name: 'avm-network'
  params: {
    name: vnet
    location: location
    tags: tags
    enableTelemetry: false
    diagnosticSettings: [
      {
        workspaceResourceId: workspace
        logCategoriesAndGroups: [{ category: 'VMProtectionAlerts' }]
        metricCategories: []
      }
    ]
    addressPrefixes: [addresses]
    subnets: concat(appSubnets, [
      {
        name: named(known.names.endpointSubnet, at, '')
        addressPrefix: cidrSubnet(addresses, 26, 3)
        networkSecurityGroupResourceId: endpoints.outputs.resourceId
        privateEndpointNetworkPolicies: 'NetworkSecurityGroupEnabled'
      }
    ])
  }
}

module zones 'br/public:avm/res/network/private-dns-zone:0.8.1' = [
  for zone in items(known.endpoints): {
    name: 'avm-zone-${zone.key}'
    params: {
      name: zone.value
      tags: tags
      enableTelemetry: false
      virtualNetworkLinks: [{ virtualNetworkResourceId: network.outputs.resourceId }]
    }
  }
]

output resourceId string = network.outputs.resourceId
@description('The subnet of each app, by its name.')
output appSubnets object = toObject(
  known.apps,
  app => app,
  app => resourceId('Microsoft.Network/virtualNetworks/subnets', vnet, named(known.names.appSubnet, at, app))
)
output endpointSubnet string = resourceId(
  'Microsoft.Network/virtualNetworks/subnets',
  vnet,
  named(known.names.endpointSubnet, at, '')
)
@description('The zone of each kind of endpoint.')
output zones object = toObject(
  items(known.endpoints),
  zone => zone.key,
  zone => resourceId('Microsoft.Network/privateDnsZones', zone.value)
)
