// Alerts, each with its runbook, and workbooks: what monitoring/ says, by way of infra/monitoring.json.
import { named, place } from 'names.bicep'

param at place
param location string
param tags object
@description('The workspace that telemetry goes to.')
param workspace string
param actionGroup string

var known = loadJsonContent('../../infra/resources.json')
var watched = loadJsonContent('../../infra/monitoring.json')
var workbooks = [
  { name: 'cost', text: loadTextContent('../../monitoring/workbooks/cost.json') }
  { name: 'errors', text: loadTextContent('../../monitoring/workbooks/errors.json') }
  { name: 'ingestion', text: loadTextContent('../../monitoring/workbooks/ingestion.json') }
  { name: 'performance', text: loadTextContent('../../monitoring/workbooks/performance.json') }
]

module alerts 'br/public:avm/res/insights/scheduled-query-rule:0.6.0' = [
  for alert in items(watched.alerts): {
    name: 'avm-alert-${alert.key}'
    params: {
      name: named(known.names.alert, at, alert.key)
      location: location
      tags: tags
      enableTelemetry: false
      alertDisplayName: 'Tidegate ${at.env}: ${alert.value.title}'
      alertDescription: alert.value.description
      scopes: [workspace]
      severity: alert.value.severity
      evaluationFrequency: alert.value.every
      windowSize: alert.value.window
      autoMitigate: true
      // The tables of a new workspace come with their first rows.
      skipQueryValidation: true
      criterias: { allOf: [alert.value.criterion] }
      actions: { actionGroupResourceIds: [actionGroup] }
    }
  }
]

resource shown 'Microsoft.Insights/workbooks@2023-06-01' = [
  for workbook in workbooks: {
    name: guid(resourceGroup().id, workbook.name)
    location: location
    tags: tags
    kind: 'shared'
    properties: {
      displayName: 'Tidegate ${at.env}: ${watched.workbooks[workbook.name]}'
      category: 'workbook'
      sourceId: workspace
      serializedData: workbook.text
    }
  }
]
