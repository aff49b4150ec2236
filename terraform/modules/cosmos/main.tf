# Cosmos DB: the containers as the code asks for them, each open to the apps that use it.

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

variable "autoscale" {
  type        = number
  description = "Most request units a second of sightings; null = serverless."
}

variable "second_region" {
  type = string
}

variable "zone_redundant" {
  type = bool
}

variable "open" {
  type        = bool
  description = "Whether the account answers from outside the network, too, to those who have a role."
}

variable "workspace_id" {
  type = string
}

variable "endpoints" {
  type = object({ subnet_id = string, zone_ids = map(string) })
}

variable "identities" {
  type = map(object({ id = string, client_id = string, principal_id = string }))
}

locals {
  containers  = { for one in jsondecode(file("${path.module}/../../../infra/containers.json")) : one.id => one }
  uses        = merge([for id, one in local.containers : { for app in one.apps : "${app}-${id}" => { app = app, container = id } }]...)
  contributor = "${azurerm_cosmosdb_account.this.id}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002"
}

resource "azurerm_cosmosdb_account" "this" {
  name                               = var.names.one.cosmos
  resource_group_name                = var.group
  location                           = var.location
  offer_type                         = "Standard"
  kind                               = "GlobalDocumentDB"
  minimal_tls_version                = "Tls12"
  local_authentication_enabled       = false
  access_key_metadata_writes_enabled = false
  public_network_access_enabled      = var.open
  automatic_failover_enabled         = true
  burst_capacity_enabled             = var.autoscale != null
  tags                               = var.tags

  # Who writes reads it back; others may be late.
  consistency_policy {
    consistency_level = "Session"
  }

  geo_location {
    location          = var.location
    failover_priority = 0
    zone_redundant    = var.zone_redundant
  }

  dynamic "geo_location" {
    for_each = var.second_region[*]

    content {
      location          = geo_location.value
      failover_priority = 1
      zone_redundant    = false
    }
  }

  dynamic "capabilities" {
    for_each = var.autoscale == null ? ["EnableServerless"] : []

    content {
      name = capabilities.value
    }
  }

  backup {
    type = "Continuous"
    tier = "Continuous7Days"
  }
}

resource "azurerm_cosmosdb_sql_database" "this" {
  name                = var.names.known.database
  resource_group_name = var.group
  account_name        = azurerm_cosmosdb_account.this.name
}

# Feeds write sightings in bursts; the others never need more than the least there is.
resource "azurerm_cosmosdb_sql_container" "this" {
  for_each = local.containers

  name                  = each.key
  resource_group_name   = var.group
  account_name          = azurerm_cosmosdb_account.this.name
  database_name         = azurerm_cosmosdb_sql_database.this.name
  partition_key_kind    = each.value.partitionKey.kind
  partition_key_paths   = each.value.partitionKey.paths
  partition_key_version = each.value.partitionKey.version
  default_ttl           = each.value.defaultTtl

  dynamic "autoscale_settings" {
    for_each = var.autoscale[*]

    content {
      max_throughput = each.key == "indicators" ? autoscale_settings.value : 1000
    }
  }

  indexing_policy {
    indexing_mode = each.value.indexingPolicy.indexingMode

    dynamic "included_path" {
      for_each = each.value.indexingPolicy.includedPaths

      content {
        path = included_path.value.path
      }
    }

    # The service adds the ETag's path itself, and gives it back with the others.
    dynamic "excluded_path" {
      for_each = each.value.indexingPolicy.excludedPaths

      content {
        path = excluded_path.value.path
      }
    }
  }
}

resource "azurerm_cosmosdb_sql_role_assignment" "this" {
  for_each = local.uses

  resource_group_name = var.group
  account_name        = azurerm_cosmosdb_account.this.name
  role_definition_id  = local.contributor
  principal_id        = var.identities[each.value.app].principal_id
  scope               = "${azurerm_cosmosdb_account.this.id}/dbs/${azurerm_cosmosdb_sql_database.this.name}/colls/${azurerm_cosmosdb_sql_container.this[each.value.container].name}"
}

# The SDK asks the account where it lives, which a role for a container alone need not allow.
resource "azurerm_cosmosdb_sql_role_definition" "see" {
  name                = "Tidegate: see the account"
  resource_group_name = var.group
  account_name        = azurerm_cosmosdb_account.this.name
  type                = "CustomRole"
  assignable_scopes   = [azurerm_cosmosdb_account.this.id]

  permissions {
    data_actions = ["Microsoft.DocumentDB/databaseAccounts/readMetadata"]
  }
}

resource "azurerm_cosmosdb_sql_role_assignment" "see" {
  for_each = toset([for use in local.uses : use.app])

  resource_group_name = var.group
  account_name        = azurerm_cosmosdb_account.this.name
  role_definition_id  = azurerm_cosmosdb_sql_role_definition.see.id
  principal_id        = var.identities[each.key].principal_id
  scope               = azurerm_cosmosdb_account.this.id
}

resource "azurerm_private_endpoint" "this" {
  name                = var.names.part.endpoint["cosmos"]
  resource_group_name = var.group
  location            = var.location
  subnet_id           = var.endpoints.subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "cosmos"
    private_connection_resource_id = azurerm_cosmosdb_account.this.id
    subresource_names              = ["Sql"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.endpoints.zone_ids["cosmos"]]
  }
}

# Who changed the account. Requests for data would cost more to log than to serve.
resource "azurerm_monitor_diagnostic_setting" "this" {
  name                       = "to-logs"
  target_resource_id         = azurerm_cosmosdb_account.this.id
  log_analytics_workspace_id = var.workspace_id

  enabled_log {
    category = "ControlPlaneRequests"
  }
}

output "id" {
  value = azurerm_cosmosdb_account.this.id
}

output "url" {
  value = azurerm_cosmosdb_account.this.endpoint
}
