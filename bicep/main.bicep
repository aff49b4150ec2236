// Tidegate in one resource group: `az deployment sub create -l LOCATION -p bicep/subscriptions/DEV/main.bicepparam`.
// First without secrets: it makes the vault. Put secrets there, each with a day on which it expires,
// name them in `secrets`, and deploy again: a setting whose secret is not there would be its reference.
import { named } from 'modules/names.bicep'

targetScope = 'subscription'

@description('Which of the three: the last part of all names.')
@allowed(['dev', 'staging', 'prod'])
param env string
@description('A region that infra/resources.json has a short name for.')
param location string
@description('First word of all names.')
@minLength(2)
@maxLength(8)
param workload string = 'tidegate'
@description('Addresses that alerts and the budget go to.')
@minLength(1)
param mails string[]
@description('What a month may cost, in the currency of the subscription.')
param budget int
@description('First day of the month of the first deployment, 2026-12-01, and the same ever after: Azure lets nobody change it.')
param budgetStart string

@description('Whether vault, storage and database answer from outside the network, too, to those who have a role. References of settings to a vault that is closed may not resolve on Flex Consumption: look at the first deployment.')
param open bool
@description('Whether the apps answer inside the network alone: then firewalls, TAXII clients and the page outside reach none.')
param privateSites bool = false
@description('Ranges, of a peered network, a gateway or an agent of a pipeline, from which private endpoints are reached, beside the apps.')
param ranges string[] = []
@description('The network, of /24.')
param addresses string = '10.42.0.0/24'

@description('Base URL of the VMRay server; with it, alerts of the tenant are read and examined. Its key is then the secret VmrayApiKey of the vault, which has to be there.')
param vmrayUrl string = ''
@description('Resource id of the workspace whose logs are read, and which Sentinel is on; empty = the one that is deployed.')
param logs string = ''
@description('Whether the gate uploads indicators to Sentinel there.')
param sentinel bool = false
@description('Settings whose secrets are in the vault already, by their names, as infra/app-settings.json has them. Each app may read its own. With TIDEGATE_WEBHOOK_KEY, VMRay is asked to call.')
param secrets string[] = []
@description('Other values of settings than their defaults, as texts, by the names that infra/app-settings.json has as choices.')
param choices object = {}

@description('Whether each request to the database is paid for; else throughput is provisioned.')
param serverless bool
@description('Request units a second that sightings may use, where throughput is provisioned.')
param units int = 4000
@description('A second region of the database; empty = none.')
param secondRegion string = ''
param zoneRedundant bool = false
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GZRS'])
param storageSku string
@description('Days that logs are kept.')
@allowed([30, 60, 90])
param logDays int
@description('Gigabytes of logs a day after which no more is taken; -1 = no limit.')
param dailyGigabytes string
@description('Memory of an instance, and the most instances, of each app.')
param scale object = {
  ingest: { memory: 2048, instances: 40 }
  detonate: { memory: 2048, instances: 40 }
  maps: { memory: 2048, instances: 40 }
}
@description('Size of a cache that all instances share, such as Balanced_B0; empty = answers are kept in Blob Storage.')
param redis string = ''
@allowed(['westus2', 'centralus', 'eastus2', 'westeurope', 'eastasia'])
param pagesLocation string = 'westus2'

var known = loadJsonContent('../infra/resources.json')
var at = { workload: workload, region: known.regions[location], env: env }
var groupName = named(known.names.group, at, '')
var tags = { application: workload, environment: env, 'azd-env-name': env }
var settings = items(loadJsonContent('../infra/app-settings.json').settings)
var mayChoose = map(filter(settings, each => each.value.from == 'choice'), each => each.key)
var mayStore = map(filter(settings, each => each.value.from == 'secret'), each => each.key)
var unknown = concat(
  filter(objectKeys(choices), name => !contains(mayChoose, name)),
  filter(secrets, name => !contains(mayStore, name))
)
// A name that nothing has would be left out without a word.
var chosen = empty(unknown) ? choices : fail('no choices, or no secrets: ${join(unknown, ', ')}')
var tenant = !empty(vmrayUrl)
var uploads = sentinel && !tenant ? fail('sentinel takes a tenant: set vmrayUrl') : sentinel
var second = serverless && !empty(secondRegion) ? fail('serverless has one region') : secondRegion
var logsGroup = empty(logs) ? groupName : split(logs, '/')[4]
var logsSubscription = empty(logs) ? subscription().subscriptionId : split(logs, '/')[2]
var logsName = empty(logs) ? named(known.names.logs, at, '') : last(split(logs, '/'))
var principals = toObject(range(0, length(known.apps)), i => known.apps[i], i => identity.outputs.principalIds[i])

module group 'br/public:avm/res/resources/resource-group:0.4.4' = {
  name: 'group-${env}'
  params: {
    name: groupName
    location: location
    tags: tags
    enableTelemetry: false
  }
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: resourceGroup(groupName)
  dependsOn: [group]
  params: { at: at, location: location, tags: tags }
}

module network 'modules/network.bicep' = {
  name: 'network'
  scope: resourceGroup(groupName)
  params: {
    at: at
    location: location
    tags: tags
    addresses: addresses
    ranges: ranges
    cache: !empty(redis)
    workspace: observability.outputs.workspace
  }
}

module observability 'modules/observability.bicep' = {
  name: 'observability'
  scope: resourceGroup(groupName)
  params: {
    at: at
    location: location
    tags: tags
    principalIds: identity.outputs.principalIds
    days: logDays
    dailyGigabytes: dailyGigabytes
    mails: mails
  }
}

module access 'modules/access.bicep' = {
  name: 'access-${env}'
  scope: resourceGroup(logsSubscription, logsGroup)
  dependsOn: [observability]
  params: { name: logsName, principals: principals, sentinel: uploads }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: resourceGroup(groupName)
  params: {
    at: at
    location: location
    tags: tags
    principals: principals
    secrets: secrets
    tenant: tenant
    workspace: observability.outputs.workspace
    actionGroup: observability.outputs.actionGroup
    subnet: network.outputs.endpointSubnet
    zone: network.outputs.zones.vault
    open: open
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: resourceGroup(groupName)
  params: {
    at: at
    location: location
    tags: tags
    principals: principals
    sku: storageSku
    workspace: observability.outputs.workspace
    subnet: network.outputs.endpointSubnet
    zones: network.outputs.zones
    open: open
  }
}

module cosmos 'modules/cosmos.bicep' = {
  name: 'cosmos'
  scope: resourceGroup(groupName)
  params: {
    at: at
    location: location
    tags: tags
    principals: principals
    serverless: serverless
    units: units
    secondRegion: second
    zoneRedundant: zoneRedundant
    workspace: observability.outputs.workspace
    subnet: network.outputs.endpointSubnet
    zone: network.outputs.zones.cosmos
    open: open
  }
}

module functions 'modules/functions.bicep' = [
  for (app, i) in known.apps: {
    name: 'functions-${app}'
    scope: resourceGroup(groupName)
    params: {
      at: at
      location: location
      tags: tags
      app: app
      identity: identity.outputs.resourceIds[i]
      subnet: network.outputs.appSubnets[app]
      endpointSubnet: network.outputs.endpointSubnet
      zone: network.outputs.zones.sites
      private: privateSites
      hostBlobUrl: storage.outputs.hostBlobUrl
      conditions: {
        always: true
        tenant: tenant
        sentinel: uploads
        webhook: contains(secrets, 'TIDEGATE_WEBHOOK_KEY')
      }
      resources: {
        identityClientId: identity.outputs.clientIds[i]
        hostStorageName: storage.outputs.hostName
        blobUrl: storage.outputs.blobUrl
        queueUrl: storage.outputs.queueUrl
        cosmosUrl: cosmos.outputs.url
        vaultUrl: vault.outputs.url
        vmrayUrl: vmrayUrl
        workspaceId: access.outputs.customerId
        insightsConnection: observability.outputs.connection
        insightsAuthentication: 'ClientId=${identity.outputs.clientIds[i]};Authorization=AAD'
        webhookUrl: 'https://${named(known.names.function, at, 'detonate')}.azurewebsites.net/api/finished'
      }
      choices: chosen
      secrets: secrets
      vaultUrl: vault.outputs.url
      memory: scale[app].memory
      instances: scale[app].instances
    }
  }
]

module web 'modules/web.bicep' = {
  name: 'web'
  scope: resourceGroup(groupName)
  params: {
    at: at
    location: pagesLocation
    tags: tags
    backend: functions[2].outputs.resourceId // of the map
    backendLocation: location
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: resourceGroup(groupName)
  params: {
    at: at
    location: location
    tags: tags
    workspace: observability.outputs.workspace
    actionGroup: observability.outputs.actionGroup
    cosmos: cosmos.outputs.resourceId
    serverless: serverless
  }
}

module cache 'modules/redis.bicep' = if (!empty(redis)) {
  name: 'redis'
  scope: resourceGroup(groupName)
  params: {
    at: at
    location: location
    tags: tags
    sku: redis
    workspace: observability.outputs.workspace
    network: network.outputs.resourceId
    subnet: network.outputs.endpointSubnet
  }
}

module money 'modules/budget.bicep' = {
  name: 'budget-${env}'
  params: {
    name: named(known.names.budget, at, '')
    location: location
    amount: budget
    start: budgetStart
    group: groupName
    actionGroup: observability.outputs.actionGroup
    mails: mails
  }
}

output group string = groupName
output hosts string[] = [for (app, i) in known.apps: functions[i].outputs.host]
output pages string = web.outputs.host
output vault string = vault.outputs.url
output workspace string = observability.outputs.workspace
output insights string = observability.outputs.insights
output actionGroup string = observability.outputs.actionGroup
