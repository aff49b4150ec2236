# A cache that all instances share. It is reached inside the network alone, by the address in the
# secret RedisUrl: rediss://:KEY@HOST:10000/0.

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

variable "sku" {
  type = string
}

variable "workspace_id" {
  type = string
}

variable "network_id" {
  type = string
}

variable "subnet_id" {
  type = string
}

resource "azurerm_private_dns_zone" "this" {
  name                = "privatelink.redis.azure.net"
  resource_group_name = var.group
  tags                = var.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "this" {
  name                = var.names.one.vnet
  private_dns_zone_id = azurerm_private_dns_zone.this.id
  virtual_network_id  = var.network_id
  tags                = var.tags
}

resource "azurerm_managed_redis" "this" {
  name                      = var.names.one.redis
  resource_group_name       = var.group
  location                  = var.location
  tags                      = var.tags
  sku_name                  = var.sku
  high_availability_enabled = false # answers that are lost are asked for again
  public_network_access     = "Disabled"

  default_database {
    client_protocol                    = "Encrypted"
    clustering_policy                  = "EnterpriseCluster"
    eviction_policy                    = "AllKeysLRU"
    access_keys_authentication_enabled = true
  }
}

resource "azurerm_private_endpoint" "this" {
  name                = var.names.part.endpoint["redis"]
  resource_group_name = var.group
  location            = var.location
  subnet_id           = var.subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "redis"
    private_connection_resource_id = azurerm_managed_redis.this.id
    subresource_names              = ["redisEnterprise"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [azurerm_private_dns_zone.this.id]
  }

  depends_on = [azurerm_private_dns_zone_virtual_network_link.this]
}

resource "azurerm_monitor_diagnostic_setting" "this" {
  name                       = "to-logs"
  target_resource_id         = azurerm_managed_redis.this.id
  log_analytics_workspace_id = var.workspace_id

  enabled_metric {
    category = "AllMetrics"
  }
}

output "id" {
  value = azurerm_managed_redis.this.id
}
