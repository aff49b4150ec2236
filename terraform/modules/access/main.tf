# What the apps may do with the logs that they read, and which secrets each may read: its own alone.

variable "workspace_id" {
  type        = string
  description = "Workspace whose logs are read. It may lie in another group."
}

variable "vault_id" {
  type = string
}

variable "identities" {
  type = map(object({ id = string, client_id = string, principal_id = string }))
}

variable "sentinel" {
  type        = bool
  description = "Whether the gate uploads indicators to Sentinel there."
}

variable "tenant" {
  type        = bool
  description = "Whether the key of VMRay is in the vault."
}

variable "secrets" {
  type        = set(string)
  description = "Settings whose secrets are in the vault."
}

variable "principals" {
  type        = map(string)
  description = "Of each app that has such settings, its own identity, by which the platform resolves them."
}

locals {
  declared = jsondecode(file("${path.module}/../../../infra/app-settings.json")).settings
  reads    = merge({}, [for name in var.secrets : { for app in local.declared[name].apps : "${app}-${local.declared[name].value}" => { app = app, secret = local.declared[name].value } }]...)
}

resource "azurerm_role_assignment" "logs" {
  for_each = var.identities

  scope                = var.workspace_id
  role_definition_name = "Log Analytics Reader"
  principal_id         = each.value.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "sentinel" {
  count = var.sentinel ? 1 : 0

  scope                = var.workspace_id
  role_definition_name = "Microsoft Sentinel Contributor"
  principal_id         = var.identities["detonate"].principal_id
  principal_type       = "ServicePrincipal"
}

# The code itself reads this one, and takes up a new value without a restart.
resource "azurerm_role_assignment" "vmray" {
  count = var.tenant ? 1 : 0

  scope                = "${var.vault_id}/secrets/${local.declared["TIDEGATE_VMRAY_SECRET"].value}"
  role_definition_name = "Key Vault Secrets User"
  principal_id         = var.identities["detonate"].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "secret" {
  for_each = local.reads

  scope                = "${var.vault_id}/secrets/${each.value.secret}"
  role_definition_name = "Key Vault Secrets User"
  principal_id         = var.principals[each.value.app]
  principal_type       = "ServicePrincipal"
}
