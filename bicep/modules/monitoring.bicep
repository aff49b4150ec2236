// Alerts, each with its runbook, and workbooks: what monitoring/ says, by way of infra/monitoring.json.
import { named, place } from 'names.bicep'

param at place
param location string
param tags object
@description('The workspace that telemetry goes to.')
param workspace string
param actionGroup string
@description('The account whose throughput is watched; serverless has none to watch.')
param cosmos string
param serverless bool

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

module metrics 'br/public:avm/res/insights/metric-alert:0.4.1' = [
  for metric in (serverless ? [] : items(watched.metrics)): {
    name: 'avm-metric-${metric.key}'
    params: {
      name: named(known.names.alert, at, metric.key)
      tags: tags
      enableTelemetry: false
      alertDescription: metric.value.description
      scopes: [cosmos]
      severity: metric.value.severity
      evaluationFrequency: metric.value.every
      windowSize: metric.value.window
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allof: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: metric.key
            metricNamespace: metric.value.criterion.namespace
            metricName: metric.value.criterion.metric
            timeAggregation: metric.value.criterion.aggregate
            operator: metric.value.criterion.operator
            threshold: metric.value.criterion.threshold
          }
        ]
      }
      actions: [actionGroup]
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
