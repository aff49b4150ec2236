# Where logs and telemetry go, and who is told. Telemetry is sent by identities, not by a key.

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

variable "days" {
  type = number
}

variable "daily_gb" {
  type = number
}

variable "emails" {
  type = list(string)
}

variable "identities" {
  type = map(object({ id = string, client_id = string, principal_id = string }))
}

resource "azurerm_log_analytics_workspace" "this" {
  name                         = var.names.one.logs
  resource_group_name          = var.group
  location                     = var.location
  sku                          = "PerGB2018"
  retention_in_days            = var.days
  daily_quota_gb               = var.daily_gb
  local_authentication_enabled = false
  tags                         = var.tags
}

# Who asked what of it.
resource "azurerm_monitor_diagnostic_setting" "this" {
  name                       = "to-logs"
  target_resource_id         = azurerm_log_analytics_workspace.this.id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id

  enabled_log {
    category = "Audit"
  }
}

resource "azurerm_application_insights" "this" {
  name                         = var.names.one.insights
  resource_group_name          = var.group
  location                     = var.location
  application_type             = "web"
  workspace_id                 = azurerm_log_analytics_workspace.this.id
  retention_in_days            = var.days
  ip_masking_enabled           = true
  local_authentication_enabled = false
  tags                         = var.tags
}

resource "azurerm_role_assignment" "telemetry" {
  for_each = var.identities

  scope                = azurerm_application_insights.this.id
  role_definition_name = "Monitoring Metrics Publisher"
  principal_id         = each.value.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_monitor_action_group" "this" {
  name                = var.names.one.actionGroup
  resource_group_name = var.group
  short_name          = "tidegate"
  tags                = var.tags

  dynamic "email_receiver" {
    for_each = var.emails

    content {
      name                    = email_receiver.value
      email_address           = email_receiver.value
      use_common_alert_schema = true
    }
  }
}

output "workspace" {
  value = {
    resource_id  = azurerm_log_analytics_workspace.this.id
    workspace_id = azurerm_log_analytics_workspace.this.workspace_id
  }
}

# It tells where telemetry goes; without a role nobody can send any.
output "connection" {
  value     = azurerm_application_insights.this.connection_string
  sensitive = true
}

output "action_group_id" {
  value = azurerm_monitor_action_group.this.id
}
