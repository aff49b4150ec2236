// What a month may cost; at 80 and at 100 percent people are told.
targetScope = 'subscription'

param name string
param location string
@description('Of the currency that the subscription is billed in.')
@minValue(1)
param amount int
@description('First day of the month in which it was first deployed: it can neither be earlier then, nor be changed later.')
param start string
param group string
param actionGroup string
param mails string[]

module budget 'br/public:avm/res/consumption/budget:0.3.8' = {
  name: 'avm-${name}'
  params: {
    name: name
    location: location
    enableTelemetry: false
    amount: amount
    resetPeriod: 'Monthly'
    startDate: start
    thresholds: [80, 100]
    resourceGroupFilter: [group]
    actionGroups: [actionGroup]
    contactEmails: mails
  }
}
