using '../../main.bicep'

param env = 'dev'
param location = 'westus3'
param mails = [readEnvironmentVariable('ALERT_MAIL')]
param budget = 100
param budgetStart = readEnvironmentVariable('BUDGET_START')
param open = true
param serverless = true
param storageSku = 'Standard_LRS'
param logDays = 30
param dailyGigabytes = '1'
