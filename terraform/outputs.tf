output "group" {
  value = azurerm_resource_group.this.name
}

output "apps" {
  description = "Names of the apps: where the packages go."
  value       = module.names.app.function
}

output "hosts" {
  description = "Where the apps answer."
  value       = module.functions.hosts
}

output "pages" {
  description = "Where the pages are."
  value       = module.web.host
}

output "vault" {
  description = "The vault that secrets are put into."
  value       = module.names.one.vault
}

output "principals" {
  description = "Who the apps are: app roles of Defender and Graph are given to these."
  value       = { for app, identity in module.identity.apps : app => identity.principal_id }
}

output "action_group_id" {
  value = module.observability.action_group_id
}

output "workspace_id" {
  value = module.observability.workspace.resource_id
}
