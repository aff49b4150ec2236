# The vault. Secrets are put into it by people: what Terraform writes would lie in its state.

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

variable "workspace_id" {
  type = string
}

variable "endpoints" {
  type = object({ subnet_id = string, zone_ids = map(string) })
}

variable "action_group_id" {
  type = string
}

variable "open" {
  type        = bool
  description = "Whether the vault answers from outside the network, too, to those who have a role."
}

data "azurerm_client_config" "this" {}

resource "azurerm_key_vault" "this" {
  name                          = var.names.one.vault
  resource_group_name           = var.group
  location                      = var.location
  tenant_id                     = data.azurerm_client_config.this.tenant_id
  sku_name                      = "standard"
  rbac_authorization_enabled    = true
  soft_delete_retention_days    = 90
  purge_protection_enabled      = true
  public_network_access_enabled = var.open
  tags                          = var.tags

  network_acls {
    bypass         = "None"
    default_action = var.open ? "Allow" : "Deny"
  }
}

resource "azurerm_private_endpoint" "this" {
  name                = var.names.part.endpoint["vault"]
  resource_group_name = var.group
  location            = var.location
  subnet_id           = var.endpoints.subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "vault"
    private_connection_resource_id = azurerm_key_vault.this.id
    subresource_names              = ["vault"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.endpoints.zone_ids["vault"]]
  }
}

resource "azurerm_monitor_diagnostic_setting" "this" {
  name                       = "to-logs"
  target_resource_id         = azurerm_key_vault.this.id
  log_analytics_workspace_id = var.workspace_id

  enabled_log {
    category_group = "audit"
  }
}

# The vault tells thirty days before a secret expires, and when it has. The provider has no
# subscription that raises an alert, so this part is written as Azure takes it.
resource "azurerm_eventgrid_system_topic" "this" {
  name                = var.names.one.topic
  resource_group_name = var.group
  location            = var.location
  source_resource_id  = azurerm_key_vault.this.id
  topic_type          = "Microsoft.KeyVault.vaults"
  tags                = var.tags
}

resource "azurerm_resource_group_template_deployment" "expiry" {
  name                = "secrets-expire"
  resource_group_name = var.group
  deployment_mode     = "Incremental"
  tags                = var.tags

  template_content = jsonencode({
    "$schema"      = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    contentVersion = "1.0.0.0"
    resources = [
      {
        type       = "Microsoft.EventGrid/systemTopics/eventSubscriptions"
        apiVersion = "2025-02-15"
        name       = "${azurerm_eventgrid_system_topic.this.name}/secrets-expire"
        properties = {
          eventDeliverySchema = "CloudEventSchemaV1_0"
          filter = {
            includedEventTypes = ["Microsoft.KeyVault.SecretNearExpiry", "Microsoft.KeyVault.SecretExpired"]
          }
          destination = {
            endpointType = "MonitorAlert"
            properties = {
              severity     = "Sev2"
              description  = "A secret of Tidegate expires. Runbook: docs/runbooks/azure.md#a-secret-expires"
              actionGroups = [var.action_group_id]
            }
          }
        }
      }
    ]
  })
}

# Who would have been told, and was not.
resource "azurerm_monitor_diagnostic_setting" "topic" {
  name                       = "to-logs"
  target_resource_id         = azurerm_eventgrid_system_topic.this.id
  log_analytics_workspace_id = var.workspace_id

  enabled_log {
    category = "DeliveryFailures"
  }
}

output "id" {
  value = azurerm_key_vault.this.id
}

output "url" {
  value = azurerm_key_vault.this.vault_uri
}
