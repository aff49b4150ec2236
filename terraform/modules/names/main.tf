# Every name of the deployment, from the patterns that Bicep reads too. Nothing else invents one.

variable "workload" {
  type = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,7}$", var.workload))
    error_message = "Two to eight small letters and digits: a vault's name has 24 characters."
  }
}

variable "location" {
  type = string

  validation {
    condition     = contains(keys(jsondecode(file("${path.module}/../../../infra/resources.json")).regions), var.location)
    error_message = "infra/resources.json has no short name of this region."
  }
}

variable "environment" {
  type = string
}

locals {
  known   = jsondecode(file("${path.module}/../../../infra/resources.json"))
  general = { for what, pattern in local.known.names : what => replace(replace(replace(pattern, "{workload}", var.workload), "{region}", local.known.regions[var.location]), "{env}", var.environment) }
  plain   = { for what, name in local.general : what => name if !strcontains(name, "{") }
  per_app = { for what, name in local.general : what => { for app in local.known.apps : app => replace(name, "{app}", app) } if strcontains(name, "{app}") }
  alerts  = jsondecode(file("${path.module}/../../../infra/monitoring.json"))
  parts   = distinct(concat(keys(local.known.endpoints), ["apps", "endpoints", "host-blob", "host-table", "host-file", "redis"], local.known.apps, keys(local.alerts.alerts), keys(local.alerts.metrics)))
  by_part = { for what, name in local.general : what => { for part in local.parts : part => replace(name, "{part}", part) } if strcontains(name, "{part}") }
}

output "one" {
  description = "Names of what there is once: one.vault."
  value       = local.plain
}

output "app" {
  description = "Names of what each app has: app.function[\"maps\"]."
  value       = local.per_app
}

output "part" {
  description = "Names of what each part of the network has: part.endpoint[\"blob\"]."
  value       = local.by_part
}

output "known" {
  description = "Apps, zones of private endpoints, queues, container, database, and lives of blobs."
  value       = { for what in ["apps", "endpoints", "queues", "container", "containers", "database", "lifecycle"] : what => local.known[what] }
}
