// What the apps may do with the workspace whose logs they read. It may lie in another group.

@description('Name of the workspace.')
param name string
@description('Principal id of each app.')
param principals object
@description('Whether the gate uploads indicators to Sentinel there.')
param sentinel bool

var reader = '73c42c96-874c-492b-b04d-ab87d138a893'
var sentinelContributor = 'ab8e14d6-4a74-4a29-9ba8-549422addade'

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: name
}

resource reads 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for app in items(principals): {
    scope: workspace
    name: guid(workspace.id, app.key, reader)
    properties: {
      principalId: app.value
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', reader)
    }
  }
]

resource uploads 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (sentinel) {
  scope: workspace
  name: guid(workspace.id, 'detonate', sentinelContributor)
  properties: {
    principalId: principals.detonate
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', sentinelContributor)
  }
}

output customerId string = workspace.properties.customerId
