variable "subscription_id" {
  type        = string
  description = "Subscription that is deployed to."
}

variable "environment" {
  type        = string
  description = "Which deployment this is; the last part of each name."

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "One of dev, staging, prod."
  }
}

variable "location" {
  type        = string
  default     = "westus3"
  description = "Region of all but the pages."
}

variable "web_location" {
  type        = string
  default     = "westus2"
  description = "Region of the static pages, which few regions offer; they are served from everywhere."
}

variable "workload" {
  type        = string
  default     = "tidegate"
  description = "First part of each name. Vault, accounts and apps are unique in the world: change it where a name is taken."
}

variable "address_space" {
  type        = string
  default     = "10.42.0.0/24"
  description = "Address range of the virtual network, a /24."
}

variable "storage_replication" {
  type        = string
  default     = "LRS"
  description = "Copies of the data: LRS, ZRS or GZRS."

  validation {
    condition     = contains(["LRS", "ZRS", "GZRS"], var.storage_replication)
    error_message = "One of LRS, ZRS, GZRS."
  }
}

variable "cosmos_autoscale" {
  type        = number
  default     = null
  description = "Most request units a second that sightings scale to; null = serverless."

  validation {
    condition     = var.cosmos_autoscale == null ? true : var.cosmos_autoscale >= 1000 && var.cosmos_autoscale % 1000 == 0
    error_message = "Thousands."
  }
}

variable "cosmos_second_region" {
  type        = string
  default     = null
  description = "Region that takes over by itself; needs cosmos_autoscale. null = none."

  validation {
    condition     = var.cosmos_second_region == null || var.cosmos_autoscale != null
    error_message = "A serverless account has one region: set cosmos_autoscale."
  }
}

variable "zone_redundant" {
  type        = bool
  default     = false
  description = "Whether Cosmos DB is spread over the zones of the region."
}

variable "log_days" {
  type        = number
  default     = 30
  description = "How long logs are kept."

  validation {
    condition     = contains([30, 60, 90, 120, 180, 270, 365, 550, 730], var.log_days)
    error_message = "One of 30, 60, 90, 120, 180, 270, 365, 550, 730."
  }
}

variable "log_daily_gb" {
  type        = number
  default     = 1
  description = "Gigabytes of logs a day at most; -1 = no limit."
}

variable "open" {
  type        = bool
  description = "Whether vault, storage and database answer from outside the network, too, to those who have a role."
}

variable "private_sites" {
  type        = bool
  default     = false
  description = "Whether the apps answer inside the network alone: then firewalls, TAXII clients and the pages reach none."
}

variable "instances" {
  type        = map(number)
  default     = { ingest = 40, detonate = 40, maps = 40 }
  description = "Most instances of each app."
}

variable "memory_mb" {
  type        = map(number)
  default     = { ingest = 2048, detonate = 2048, maps = 2048 }
  description = "Memory of an instance of each app: 512, 2048 or 4096."

  validation {
    condition     = alltrue([for mb in values(var.memory_mb) : contains([512, 2048, 4096], mb)])
    error_message = "512, 2048 or 4096."
  }
}

variable "logs_workspace" {
  type        = object({ resource_id = string, workspace_id = string })
  default     = null
  description = "Workspace whose logs are mapped, matched and, with `sentinel`, uploaded to; null = the one made here."
}

variable "sentinel" {
  type        = bool
  default     = false
  description = "Whether indicators are uploaded to that workspace, which must have Sentinel, for hunting."

  validation {
    condition     = !var.sentinel || var.vmray_url != null
    error_message = "sentinel goes with a tenant: set vmray_url."
  }
}

variable "vmray_url" {
  type        = string
  default     = null
  description = "Base URL of VMRay. With it the tenant is connected; its key is the secret VmrayApiKey of the vault."
}

variable "webhook" {
  type        = bool
  default     = false
  description = "Whether VMRay calls us; its key must be among `secrets`."

  validation {
    condition     = var.webhook == contains(var.secrets, "TIDEGATE_WEBHOOK_KEY")
    error_message = "webhook and the secret TIDEGATE_WEBHOOK_KEY go together."
  }
}

variable "secrets" {
  type        = set(string)
  default     = []
  description = "Settings whose secrets are in the vault. The values never pass through Terraform."
}

variable "choices" {
  type        = map(string)
  default     = {}
  description = "Settings that are not the deployment's own, such as TIDEGATE_GATE_APPLY = \"true\"."
}

variable "ranges" {
  type        = list(string)
  default     = []
  description = "Ranges, of a peered network, a gateway or an agent of a pipeline, from which private endpoints are reached, beside the apps."
}

variable "budget_amount" {
  type        = number
  description = "What a month may cost, in the currency of the subscription; told at 80 and 100 percent."
}

variable "budget_start" {
  type        = string
  description = "First day of the month of the first deployment, and the same ever after: Azure lets nobody change it."

  validation {
    condition     = can(regex("^\\d{4}-\\d{2}-01T00:00:00Z$", var.budget_start))
    error_message = "The first of a month: 2026-12-01T00:00:00Z."
  }
}

variable "alert_emails" {
  type        = list(string)
  description = "Who is told of alerts and of the budget."

  validation {
    condition     = length(var.alert_emails) > 0
    error_message = "Somebody has to be told."
  }
}

variable "redis_sku" {
  type        = string
  default     = null
  description = "Size of a cache that all instances share, such as Balanced_B0; null = answers are kept in Blob Storage."
}
