using '../../main.bicep'

param env = 'prod'
param location = 'westus3'
param mails = [readEnvironmentVariable('ALERT_MAIL')]
param budget = 1000
param budgetStart = readEnvironmentVariable('BUDGET_START')
param open = false
param serverless = false
param units = 4000
param secondRegion = 'eastus2'
param zoneRedundant = true
param storageSku = 'Standard_ZRS'
param logDays = 90
param dailyGigabytes = '10'
