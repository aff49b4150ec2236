using '../../main.bicep'

param env = 'staging'
param location = 'westus3'
param mails = [readEnvironmentVariable('ALERT_MAIL')]
param budget = 200
param budgetStart = readEnvironmentVariable('BUDGET_START')
param open = false
param serverless = true
param storageSku = 'Standard_LRS'
param logDays = 30
param dailyGigabytes = '2'
