# The pages. What they ask of /api goes to the app of the map.

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

variable "map_id" {
  type = string
}

resource "azurerm_static_web_app" "this" {
  name                         = var.names.one.site
  resource_group_name          = var.group
  location                     = var.location
  sku_tier                     = "Standard" # a sign-in of one's own, and a backend
  sku_size                     = "Standard"
  preview_environments_enabled = false
  tags                         = merge(var.tags, { azd-service-name = "web" })

  lifecycle {
    # The registration that signs people in is put there by hand: its secret would lie in the state.
    ignore_changes = [app_settings]
  }
}

resource "azurerm_static_web_app_function_app_registration" "map" {
  static_web_app_id = azurerm_static_web_app.this.id
  function_app_id   = var.map_id
}

output "host" {
  value = azurerm_static_web_app.this.default_host_name
}
