// Where logs and telemetry go, and who is told of alerts.
import { named, place } from 'names.bicep'

param at place
param location string
param tags object
@description('Principal ids of all apps, which send their telemetry with their identity.')
param principalIds string[]
@allowed([30, 60, 90])
param days int
@description('Gigabytes a day after which no more is taken; -1 = no limit.')
param dailyGigabytes string
@description('Addresses that alerts go to.')
param mails string[]

var known = loadJsonContent('../../infra/resources.json')
var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

module logs 'br/public:avm/res/operational-insights/workspace:0.16.1' = {
  name: 'avm-logs'
  params: {
    name: named(known.names.logs, at, '')
    location: location
    tags: tags
    enableTelemetry: false
    dataRetention: days
    dailyQuotaGb: dailyGigabytes
    forceCmkForQuery: false
    features: { disableLocalAuth: true, enableLogAccessUsingOnlyResourcePermissions: true }
    diagnosticSettings: [
      { useThisWorkspace: true, logCategoriesAndGroups: [{ category: 'Audit' }], metricCategories: [] }
    ]
  }
}

module insights 'br/public:avm/res/insights/component:0.8.0' = {
  name: 'avm-insights'
  params: {
    name: named(known.names.insights, at, '')
    location: location
    tags: tags
    enableTelemetry: false
    workspaceResourceId: logs.outputs.resourceId
    retentionInDays: days
    disableIpMasking: false
    disableLocalAuth: true
    roleAssignments: map(principalIds, id => {
      principalId: id
      principalType: 'ServicePrincipal'
      roleDefinitionIdOrName: metricsPublisher
    })
  }
}

module people 'br/public:avm/res/insights/action-group:0.8.0' = {
  name: 'avm-people'
  params: {
    name: named(known.names.actionGroup, at, '')
    groupShortName: 'tidegate'
    tags: tags
    enableTelemetry: false
    emailReceivers: map(mails, mail => { name: mail, emailAddress: mail, useCommonAlertSchema: true })
  }
}

output workspace string = logs.outputs.resourceId
output insights string = insights.outputs.resourceId
output connection string = insights.outputs.connectionString
output actionGroup string = people.outputs.resourceId
