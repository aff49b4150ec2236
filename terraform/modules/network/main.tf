# The virtual network: a subnet for each app, one for private endpoints, and the zones that name them.

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

variable "address_space" {
  type = string
}

variable "ranges" {
  type        = list(string)
  description = "Ranges from which people and pipelines reach the private endpoints, beside the apps."
}

variable "cache" {
  type        = bool
  description = "Whether there is a cache, which listens on a port of its own."
}

variable "workspace_id" {
  type        = string
  description = "Where it is logged which rules hold, and attacks that the platform keeps off."
}

locals {
  apps   = var.names.known.apps
  ranges = { for i, app in local.apps : app => cidrsubnet(var.address_space, 2, i) }
  denied = { name = "nobody-else-in", priority = 4000, access = "Deny", prefix = "*", sources = [], ports = null, protocol = "*" }
  rules = {
    # The platform brings requests to the apps by another way, but looks after them from here.
    apps      = [{ name = "platform-in", priority = 100, access = "Allow", prefix = "AzureLoadBalancer", sources = [], ports = null, protocol = "*" }, local.denied]
    endpoints = [{ name = "apps-in", priority = 100, access = "Allow", prefix = "", sources = concat(values(local.ranges), var.ranges), ports = var.cache ? ["443", "10000"] : ["443"], protocol = "Tcp" }, local.denied]
  }
}

resource "azurerm_virtual_network" "this" {
  name                = var.names.one.vnet
  resource_group_name = var.group
  location            = var.location
  address_space       = [var.address_space]
  tags                = var.tags
}

# A Flex Consumption app takes a subnet of its own: an instance, an address.
resource "azurerm_subnet" "app" {
  for_each = toset(local.apps)

  name                 = var.names.app.appSubnet[each.key]
  resource_group_name  = var.group
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [local.ranges[each.key]]

  delegation {
    name = "flex"

    service_delegation {
      name    = "Microsoft.App/environments"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

resource "azurerm_subnet" "endpoints" {
  name                              = var.names.one.endpointSubnet
  resource_group_name               = var.group
  virtual_network_name              = azurerm_virtual_network.this.name
  address_prefixes                  = [cidrsubnet(var.address_space, 2, length(local.apps))]
  private_endpoint_network_policies = "NetworkSecurityGroupEnabled"
}

resource "azurerm_network_security_group" "this" {
  for_each = local.rules

  name                = var.names.part.securityGroup[each.key]
  resource_group_name = var.group
  location            = var.location
  tags                = var.tags

  # Written as values, each rule has to say all that it does not use.
  security_rule = [
    for rule in each.value : {
      name                                       = rule.name
      description                                = ""
      priority                                   = rule.priority
      direction                                  = "Inbound"
      access                                     = rule.access
      protocol                                   = rule.protocol
      source_port_range                          = "*"
      source_port_ranges                         = []
      source_address_prefix                      = rule.prefix
      source_address_prefixes                    = rule.sources
      source_application_security_group_ids      = []
      destination_port_range                     = rule.ports == null ? "*" : ""
      destination_port_ranges                    = rule.ports == null ? [] : rule.ports
      destination_address_prefix                 = "*"
      destination_address_prefixes               = []
      destination_application_security_group_ids = []
    }
  ]
}

resource "azurerm_subnet_network_security_group_association" "app" {
  for_each = azurerm_subnet.app

  subnet_id                 = each.value.id
  network_security_group_id = azurerm_network_security_group.this["apps"].id
}

resource "azurerm_subnet_network_security_group_association" "endpoints" {
  subnet_id                 = azurerm_subnet.endpoints.id
  network_security_group_id = azurerm_network_security_group.this["endpoints"].id
}

resource "azurerm_private_dns_zone" "this" {
  for_each = var.names.known.endpoints

  name                = each.value
  resource_group_name = var.group
  tags                = var.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "this" {
  for_each = var.names.known.endpoints

  name                = var.names.one.vnet
  private_dns_zone_id = azurerm_private_dns_zone.this[each.key].id
  virtual_network_id  = azurerm_virtual_network.this.id
  tags                = var.tags
}

resource "azurerm_monitor_diagnostic_setting" "rules" {
  for_each = azurerm_network_security_group.this

  name                       = "to-logs"
  target_resource_id         = each.value.id
  log_analytics_workspace_id = var.workspace_id

  enabled_log {
    category = "NetworkSecurityGroupEvent"
  }
}

resource "azurerm_monitor_diagnostic_setting" "network" {
  name                       = "to-logs"
  target_resource_id         = azurerm_virtual_network.this.id
  log_analytics_workspace_id = var.workspace_id

  enabled_log {
    category = "VMProtectionAlerts"
  }
}

output "id" {
  value = azurerm_virtual_network.this.id
}

output "app_subnet_ids" {
  value = { for app, subnet in azurerm_subnet.app : app => subnet.id }
}

# What needs names resolved in the network waits for the links, not for the zones alone.
output "endpoints" {
  value = {
    subnet_id = azurerm_subnet.endpoints.id
    zone_ids  = { for part, zone in azurerm_private_dns_zone.this : part => zone.id }
  }
  depends_on = [azurerm_private_dns_zone_virtual_network_link.this]
}
