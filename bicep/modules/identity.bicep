// An identity for each app: what one may do, the others may not.
import { named, place } from 'names.bicep'

param at place
param location string
param tags object

var known = loadJsonContent('../../infra/resources.json')

module identities 'br/public:avm/res/managed-identity/user-assigned-identity:0.6.0' = [
  for app in known.apps: {
    name: 'avm-identity-${app}'
    params: {
      name: named(known.names.identity, at, app)
      location: location
      tags: tags
      enableTelemetry: false
    }
  }
]

@description('All in the order of the apps.')
output resourceIds string[] = [for (app, i) in known.apps: identities[i].outputs.resourceId]
output clientIds string[] = [for (app, i) in known.apps: identities[i].outputs.clientId]
output principalIds string[] = [for (app, i) in known.apps: identities[i].outputs.principalId]
