# The three apps, each on a Flex Consumption plan of its own, with its own identity and subnet.
# They have no diagnostic settings: Flex was documented to have none, and telemetry says the same.

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

variable "settings" {
  type        = map(map(string))
  description = "App settings by app."
}

variable "with_secrets" {
  type        = set(string)
  description = "Apps whose settings refer to secrets, which takes the identity of the app itself."
}

variable "identities" {
  type = map(object({ id = string, client_id = string, principal_id = string }))
}

variable "package_urls" {
  type = map(string)
}

variable "subnet_ids" {
  type = map(string)
}

variable "endpoints" {
  type = object({ subnet_id = string, zone_ids = map(string) })
}

variable "instances" {
  type = map(number)
}

variable "memory_mb" {
  type = map(number)
}

variable "private" {
  type        = bool
  description = "Whether the apps answer inside the network alone."
}

locals {
  apps = toset(var.names.known.apps)
}

resource "azurerm_service_plan" "app" {
  for_each = local.apps

  name                = var.names.app.plan[each.key]
  resource_group_name = var.group
  location            = var.location
  os_type             = "Linux"
  sku_name            = "FC1"
  tags                = var.tags
}

resource "azurerm_function_app_flex_consumption" "app" {
  for_each = local.apps

  name                = var.names.app.function[each.key]
  resource_group_name = var.group
  location            = var.location
  service_plan_id     = azurerm_service_plan.app[each.key].id

  runtime_name           = "python"
  runtime_version        = "3.13"
  instance_memory_in_mb  = var.memory_mb[each.key]
  maximum_instance_count = var.instances[each.key]

  storage_container_type            = "blobContainer"
  storage_container_endpoint        = var.package_urls[each.key]
  storage_authentication_type       = "UserAssignedIdentity"
  storage_user_assigned_identity_id = var.identities[each.key].id

  https_only                                     = true
  webdeploy_publish_basic_authentication_enabled = false
  public_network_access_enabled                  = !var.private
  virtual_network_subnet_id                      = var.subnet_ids[each.key]

  # The provider adds a connection with an empty key, which would come before the identity's.
  app_settings = merge({ AzureWebJobsStorage = "" }, var.settings[each.key])
  tags         = merge(var.tags, { azd-service-name = each.key })

  # References to secrets are resolved by the system's identity: the resource cannot name another.
  identity {
    type         = contains(var.with_secrets, each.key) ? "SystemAssigned, UserAssigned" : "UserAssigned"
    identity_ids = [var.identities[each.key].id]
  }

  site_config {
    minimum_tls_version     = "1.2"
    scm_minimum_tls_version = "1.2"
    http2_enabled           = true
    vnet_route_all_enabled  = true
  }

  lifecycle {
    ignore_changes = [auth_settings_v2] # the linked pages set it
  }
}

resource "azurerm_private_endpoint" "app" {
  for_each = var.private ? local.apps : toset([])

  name                = var.names.part.endpoint[each.key]
  resource_group_name = var.group
  location            = var.location
  subnet_id           = var.endpoints.subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = azurerm_function_app_flex_consumption.app[each.key].id
    subresource_names              = ["sites"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.endpoints.zone_ids["sites"]]
  }
}

output "ids" {
  value = { for app, made in azurerm_function_app_flex_consumption.app : app => made.id }
}

output "hosts" {
  value = { for app, made in azurerm_function_app_flex_consumption.app : app => made.default_hostname }
}

output "system_principals" {
  value = { for app in var.with_secrets : app => azurerm_function_app_flex_consumption.app[app].identity[0].principal_id }
}
