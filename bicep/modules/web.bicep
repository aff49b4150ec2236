// The pages. What they ask of /api goes to the app of the map.
import { named, place } from 'names.bicep'

param at place
@description('Static Web Apps are not in every region; the pages themselves are served everywhere.')
@allowed(['westus2', 'centralus', 'eastus2', 'westeurope', 'eastasia'])
param location string
param tags object
@description('Resource id of the app of the map.')
param backend string
param backendLocation string

var known = loadJsonContent('../../infra/resources.json')

module site 'br/public:avm/res/web/static-site:0.9.5' = {
  name: 'avm-web'
  params: {
    name: named(known.names.site, at, '')
    location: location
    tags: union(tags, { 'azd-service-name': 'web' })
    enableTelemetry: false
    sku: 'Standard' // a sign-in of one's own, and a backend
    stagingEnvironmentPolicy: 'Disabled'
    linkedBackend: { resourceId: backend, location: backendLocation }
  }
}

output host string = site.outputs.defaultHostname
