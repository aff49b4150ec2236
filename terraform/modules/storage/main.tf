# Two accounts: what the apps keep, and what the platform keeps for them. Neither accepts a key.

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

variable "replication" {
  type = string
}

variable "lifecycle_rules" {
  type        = any
  description = "By folder of the container, what becomes of its blobs after how many days."
}

variable "open" {
  type        = bool
  description = "Whether the accounts answer from outside the network, too, to those who have a role."
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
  queues = { for pair in flatten([for app, queues in var.names.known.queues : [for queue in queues : { app = app, queue = queue }]]) : pair.queue => pair.app }
  users  = { for pair in flatten([for container, apps in var.names.known.containers : [for app in apps : { app = app, container = container }]]) : "${pair.container}-${pair.app}" => pair }
  # Which service of which account, by the part of its endpoint's name.
  services = {
    blob       = { account = azurerm_storage_account.data.id, service = "blob" }
    queue      = { account = azurerm_storage_account.data.id, service = "queue" }
    host-blob  = { account = azurerm_storage_account.host.id, service = "blob" }
    host-table = { account = azurerm_storage_account.host.id, service = "table" }
    # Nobody keeps files there; whoever asks for one is led into the network, and not out of it.
    host-file = { account = azurerm_storage_account.host.id, service = "file" }
  }
}

resource "azurerm_storage_account" "data" {
  name                              = var.names.one.storage
  resource_group_name               = var.group
  location                          = var.location
  account_kind                      = "StorageV2"
  account_tier                      = "Standard"
  account_replication_type          = var.replication
  min_tls_version                   = "TLS1_2"
  https_traffic_only_enabled        = true
  shared_access_key_enabled         = false
  default_to_oauth_authentication   = true
  local_user_enabled                = false
  allow_nested_items_to_be_public   = false
  cross_tenant_replication_enabled  = false
  public_network_access_enabled     = var.open
  infrastructure_encryption_enabled = true
  tags                              = var.tags

  blob_properties {
    delete_retention_policy {
      days = 7
    }

    container_delete_retention_policy {
      days = 7
    }
  }

  network_rules {
    default_action = var.open ? "Allow" : "Deny"
    bypass         = ["None"]
  }
}

# Packages, leases of timers and function keys: lost, they are deployed anew.
resource "azurerm_storage_account" "host" {
  name                              = var.names.one.hostStorage
  resource_group_name               = var.group
  location                          = var.location
  account_kind                      = "StorageV2"
  account_tier                      = "Standard"
  account_replication_type          = var.replication
  min_tls_version                   = "TLS1_2"
  https_traffic_only_enabled        = true
  shared_access_key_enabled         = false
  default_to_oauth_authentication   = true
  local_user_enabled                = false
  allow_nested_items_to_be_public   = false
  cross_tenant_replication_enabled  = false
  public_network_access_enabled     = var.open
  infrastructure_encryption_enabled = true
  tags                              = var.tags

  blob_properties {
    delete_retention_policy {
      days = 7
    }
  }

  network_rules {
    default_action = var.open ? "Allow" : "Deny"
    bypass         = ["None"]
  }
}

# Evidence are samples of malware: nobody else may read them.
resource "azurerm_storage_container" "data" {
  for_each = var.names.known.containers

  name                  = each.key
  storage_account_id    = azurerm_storage_account.data.id
  container_access_type = "private"
}

resource "azurerm_storage_container" "package" {
  for_each = toset(var.names.known.apps)

  name                  = "package-${each.key}"
  storage_account_id    = azurerm_storage_account.host.id
  container_access_type = "private"
}

resource "azurerm_storage_queue" "this" {
  for_each = local.queues

  name               = each.key
  storage_account_id = azurerm_storage_account.data.id
}

# The app clears up after itself. This is for what it cannot: what a lost case left behind, and
# reports, which outlast the longest life of the indicators that rest on them.
resource "azurerm_storage_management_policy" "data" {
  storage_account_id = azurerm_storage_account.data.id

  dynamic "rule" {
    for_each = var.lifecycle_rules

    content {
      name    = rule.key
      enabled = true

      filters {
        blob_types   = ["blockBlob"]
        prefix_match = [contains(keys(var.names.known.containers), rule.key) ? "${rule.key}/" : "${var.names.known.container}/${rule.key}/"]
      }

      actions {
        base_blob {
          tier_to_cool_after_days_since_modification_greater_than = try(rule.value.tierToCool.daysAfterModificationGreaterThan, null)
          delete_after_days_since_modification_greater_than       = try(rule.value.delete.daysAfterModificationGreaterThan, null)
        }
      }
    }
  }
}

resource "azurerm_role_assignment" "objects" {
  for_each = local.users

  scope                = azurerm_storage_container.data[each.value.container].id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = var.identities[each.value.app].principal_id
  principal_type       = "ServicePrincipal"
}

# Each app has the queues that it puts into and that trigger it, and no other.
resource "azurerm_role_assignment" "queue" {
  for_each = local.queues

  scope                = azurerm_storage_queue.this[each.key].id
  role_definition_name = "Storage Queue Data Contributor"
  principal_id         = var.identities[each.value].principal_id
  principal_type       = "ServicePrincipal"
}

# The platform asks for this role, and for the whole account: it makes its containers itself.
resource "azurerm_role_assignment" "host" {
  for_each = var.identities

  scope                = azurerm_storage_account.host.id
  role_definition_name = "Storage Blob Data Owner"
  principal_id         = each.value.principal_id
  principal_type       = "ServicePrincipal"
}

# It notes there why an app did not start.
resource "azurerm_role_assignment" "host_events" {
  for_each = var.identities

  scope                = azurerm_storage_account.host.id
  role_definition_name = "Storage Table Data Contributor"
  principal_id         = each.value.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_private_endpoint" "this" {
  for_each = local.services

  name                = var.names.part.endpoint[each.key]
  resource_group_name = var.group
  location            = var.location
  subnet_id           = var.endpoints.subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = each.value.account
    subresource_names              = [each.value.service]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.endpoints.zone_ids[each.value.service]]
  }
}

# Of what is done with the data, only deletions: all else is the apps, thousands of times an hour.
resource "azurerm_monitor_diagnostic_setting" "service" {
  for_each = local.services

  name                       = "to-logs"
  target_resource_id         = "${each.value.account}/${each.value.service}Services/default"
  log_analytics_workspace_id = var.workspace_id

  enabled_log {
    category = "StorageDelete"
  }
}

resource "azurerm_monitor_diagnostic_setting" "account" {
  for_each = { data = azurerm_storage_account.data.id, host = azurerm_storage_account.host.id }

  name                       = "to-logs"
  target_resource_id         = each.value
  log_analytics_workspace_id = var.workspace_id

  enabled_metric {
    category = "Transaction"
  }
}

output "id" {
  value = azurerm_storage_account.data.id
}

output "blob_url" {
  value = azurerm_storage_account.data.primary_blob_endpoint
}

output "queue_url" {
  value = azurerm_storage_account.data.primary_queue_endpoint
}

output "host_name" {
  value = azurerm_storage_account.host.name
}

# An app that starts before its roles and endpoints are there fails in ways that are hard to read.
output "package_urls" {
  value = { for app, container in azurerm_storage_container.package : app => "${azurerm_storage_account.host.primary_blob_endpoint}${container.name}" }
  depends_on = [
    azurerm_private_endpoint.this,
    azurerm_role_assignment.host,
    azurerm_role_assignment.host_events,
    azurerm_role_assignment.objects,
    azurerm_role_assignment.queue,
  ]
}
