# An identity for each app, so that each has its own roles.

variable "names" {
  type = any
}

variable "group" {
  type = string
}

variable "location" {
  type = string
}

variable "tags" {
  type = map(string)
}

resource "azurerm_user_assigned_identity" "app" {
  for_each = toset(var.names.known.apps)

  name                = var.names.app.identity[each.key]
  resource_group_name = var.group
  location            = var.location
  tags                = var.tags
}

output "apps" {
  value = {
    for app, identity in azurerm_user_assigned_identity.app :
    app => { id = identity.id, client_id = identity.client_id, principal_id = identity.principal_id }
  }
}
