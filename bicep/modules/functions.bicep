// One Function app on a Flex Consumption plan of its own, with the settings of infra/app-settings.json.
import { named, place } from 'names.bicep'

param at place
param location string
param tags object
@allowed(['ingest', 'detonate', 'maps'])
param app string
param identity string
param subnet string
param endpointSubnet string
param zone string
@description('Whether the app answers inside the network alone.')
param private bool
param hostBlobUrl string
@description('Values that are known once the resources are there, by the name that the settings use.')
param resources object
@description('Which conditions of the settings hold.')
param conditions object
@description('Values of settings that this deployment chose, by their names.')
param choices object
@description('Names of settings whose secrets are in the vault.')
param secrets string[]
param vaultUrl string
@allowed([512, 2048, 4096])
param memory int
@minValue(1)
@maxValue(1000)
param instances int

var known = loadJsonContent('../../infra/resources.json')
var listed = filter(
  items(loadJsonContent('../../infra/app-settings.json').settings),
  each => contains(each.value.apps, app) && conditions[each.value.when]
)
var literals = filter(listed, each => each.value.from == 'literal')
var resourced = filter(listed, each => each.value.from == 'resource')
var chosen = filter(listed, each => each.value.from == 'choice' && contains(choices, each.key))
var stored = filter(listed, each => each.value.from == 'secret' && contains(secrets, each.key))
var settings = union(
  toObject(literals, each => each.key, each => each.value.value),
  toObject(resourced, each => each.key, each => resources[each.value.value]),
  toObject(chosen, each => each.key, each => choices[each.key]),
  toObject(
    stored,
    each => each.key,
    each => '@Microsoft.KeyVault(SecretUri=${vaultUrl}secrets/${each.value.value})'
  )
)

module plan 'br/public:avm/res/web/serverfarm:0.7.0' = {
  name: 'avm-plan-${app}'
  params: {
    name: named(known.names.plan, at, app)
    location: location
    tags: tags
    enableTelemetry: false
    kind: 'functionapp'
    skuName: 'FC1'
    reserved: true
    zoneRedundant: false
  }
}

// No diagnostic settings: Flex Consumption was documented to have none, and telemetry says the same.
module site 'br/public:avm/res/web/site:0.24.0' = {
  name: 'avm-function-${app}'
  params: {
    name: named(known.names.function, at, app)
    location: location
    tags: union(tags, { 'azd-service-name': app })
    enableTelemetry: false
    kind: 'functionapp,linux'
    serverFarmResourceId: plan.outputs.resourceId
    managedIdentities: { userAssignedResourceIds: [identity] }
    keyVaultAccessIdentityResourceId: identity
    virtualNetworkSubnetResourceId: subnet
    httpsOnly: true
    clientAffinityEnabled: false
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    siteConfig: { alwaysOn: false, minTlsVersion: '1.2', http20Enabled: true }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostBlobUrl}package-${app}'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity }
        }
      }
      runtime: { name: 'python', version: '3.13' }
      scaleAndConcurrency: { instanceMemoryMB: memory, maximumInstanceCount: instances }
    }
    // What was taken out of the parameters is taken out of the app.
    configs: [{ name: 'appsettings', retainCurrentAppSettings: false, properties: settings }]
    privateEndpoints: private
      ? [
          {
            name: named(known.names.endpoint, at, app)
            subnetResourceId: endpointSubnet
            privateDnsZoneGroup: { privateDnsZoneGroupConfigs: [{ privateDnsZoneResourceId: zone }] }
          }
        ]
      : []
  }
}

output resourceId string = site.outputs.resourceId
output host string = site.outputs.defaultHostname
