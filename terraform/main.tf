locals {
  group     = azurerm_resource_group.this.name
  logs      = var.logs_workspace != null ? var.logs_workspace : module.observability.workspace
  workspace = module.observability.workspace.resource_id
  tags      = { application = var.workload, environment = var.environment }

  # What is said in infra/app-settings.json by the name of a resource.
  shared = {
    blobUrl            = module.storage.blob_url
    cosmosUrl          = module.cosmos.url
    hostStorageName    = module.storage.host_name
    insightsConnection = module.observability.connection
    queueUrl           = module.storage.queue_url
    vaultUrl           = module.vault.url
    vmrayUrl           = var.vmray_url
    webhookUrl         = "https://${module.names.app.function["detonate"]}.azurewebsites.net/api/finished"
    workspaceId        = local.logs.workspace_id
  }
  resources = {
    for app, identity in module.identity.apps : app => merge(local.shared, {
      identityClientId       = identity.client_id
      insightsAuthentication = "ClientId=${identity.client_id};Authorization=AAD"
    })
  }
}

module "names" {
  source = "./modules/names"

  workload    = var.workload
  location    = var.location
  environment = var.environment
}

resource "azurerm_resource_group" "this" {
  name     = module.names.one.group
  location = var.location
  tags     = local.tags
}

module "network" {
  source = "./modules/network"

  names         = module.names
  group         = local.group
  location      = var.location
  tags          = local.tags
  address_space = var.address_space
  ranges        = var.ranges
  cache         = var.redis_sku != null
  workspace_id  = local.workspace
}

module "identity" {
  source = "./modules/identity"

  names    = module.names
  group    = local.group
  location = var.location
  tags     = local.tags
}

module "observability" {
  source = "./modules/observability"

  names      = module.names
  group      = local.group
  location   = var.location
  tags       = local.tags
  days       = var.log_days
  daily_gb   = var.log_daily_gb
  emails     = var.alert_emails
  identities = module.identity.apps
}

module "vault" {
  source = "./modules/vault"

  names        = module.names
  group        = local.group
  location     = var.location
  tags         = local.tags
  workspace_id = local.workspace
  endpoints    = module.network.endpoints
  open         = var.open

  action_group_id = module.observability.action_group_id
}

module "storage" {
  source = "./modules/storage"

  names       = module.names
  group       = local.group
  location    = var.location
  tags        = local.tags
  replication = var.storage_replication
  open        = var.open

  lifecycle_rules = module.names.known.lifecycle

  workspace_id = local.workspace
  endpoints    = module.network.endpoints
  identities   = module.identity.apps
}

module "cosmos" {
  source = "./modules/cosmos"

  names          = module.names
  group          = local.group
  location       = var.location
  tags           = local.tags
  autoscale      = var.cosmos_autoscale
  second_region  = var.cosmos_second_region
  zone_redundant = var.zone_redundant
  open           = var.open
  workspace_id   = local.workspace
  endpoints      = module.network.endpoints
  identities     = module.identity.apps
}

module "settings" {
  source = "./modules/functions/settings"

  resources = local.resources
  when      = { always = true, tenant = var.vmray_url != null, sentinel = var.sentinel, webhook = var.webhook }
  choices   = var.choices
  secrets   = var.secrets
  vault_url = module.vault.url
}

module "functions" {
  source = "./modules/functions"

  names        = module.names
  group        = local.group
  location     = var.location
  tags         = local.tags
  settings     = module.settings.apps
  with_secrets = module.settings.with_secrets
  identities   = module.identity.apps
  package_urls = module.storage.package_urls
  subnet_ids   = module.network.app_subnet_ids
  endpoints    = module.network.endpoints
  instances    = var.instances
  memory_mb    = var.memory_mb
  private      = var.private_sites
}

module "access" {
  source = "./modules/access"

  workspace_id = local.logs.resource_id
  vault_id     = module.vault.id
  identities   = module.identity.apps
  sentinel     = var.sentinel
  tenant       = var.vmray_url != null
  secrets      = var.secrets
  principals   = module.functions.system_principals
}

module "web" {
  source = "./modules/web"

  names    = module.names
  group    = local.group
  location = var.web_location
  tags     = local.tags
  map_id   = module.functions.ids["maps"]
}

module "monitoring" {
  source = "./modules/monitoring"

  names           = module.names
  group           = local.group
  location        = var.location
  tags            = local.tags
  environment     = var.environment
  workspace_id    = local.workspace
  action_group_id = module.observability.action_group_id
  cosmos_id       = var.cosmos_autoscale == null ? null : module.cosmos.id
}

module "redis" {
  source = "./modules/redis"
  count  = var.redis_sku == null ? 0 : 1

  names        = module.names
  group        = local.group
  location     = var.location
  tags         = local.tags
  sku          = var.redis_sku
  workspace_id = local.workspace
  network_id   = module.network.id
  subnet_id    = module.network.endpoints.subnet_id
}

module "budget" {
  source = "./modules/budget"

  names           = module.names
  group_id        = azurerm_resource_group.this.id
  amount          = var.budget_amount
  start           = var.budget_start
  emails          = var.alert_emails
  action_group_id = module.observability.action_group_id
}
