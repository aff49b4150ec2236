# Alerts, each with its runbook, and workbooks: what monitoring/ says, by way of infra/monitoring.json.

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

variable "environment" {
  type = string
}

variable "workspace_id" {
  type        = string
  description = "The workspace that telemetry goes to."
}

variable "action_group_id" {
  type = string
}

variable "cosmos_id" {
  type        = string
  description = "The account whose throughput is watched; null where it has none: serverless."
}

locals {
  watched = jsondecode(file("${path.module}/../../../infra/monitoring.json"))
}

resource "azurerm_monitor_scheduled_query_rules_alert_v2" "this" {
  for_each = local.watched.alerts

  name                    = var.names.part.alert[each.key]
  resource_group_name     = var.group
  location                = var.location
  tags                    = var.tags
  display_name            = "Tidegate ${var.environment}: ${each.value.title}"
  description             = each.value.description
  scopes                  = [var.workspace_id]
  severity                = each.value.severity
  evaluation_frequency    = each.value.every
  window_duration         = each.value.window
  auto_mitigation_enabled = true
  # The tables of a new workspace come with their first rows.
  skip_query_validation = true

  criteria {
    query                   = each.value.criterion.query
    time_aggregation_method = each.value.criterion.timeAggregation
    metric_measure_column   = lookup(each.value.criterion, "metricMeasureColumn", null)
    operator                = each.value.criterion.operator
    threshold               = each.value.criterion.threshold

    failing_periods {
      minimum_failing_periods_to_trigger_alert = each.value.criterion.failingPeriods.minFailingPeriodsToAlert
      number_of_evaluation_periods             = each.value.criterion.failingPeriods.numberOfEvaluationPeriods
    }
  }

  action {
    action_groups = [var.action_group_id]
  }
}

resource "azurerm_monitor_metric_alert" "this" {
  for_each = var.cosmos_id == null ? {} : local.watched.metrics

  name                = var.names.part.alert[each.key]
  resource_group_name = var.group
  tags                = var.tags
  description         = each.value.description
  scopes              = [var.cosmos_id]
  severity            = each.value.severity
  frequency           = each.value.every
  window_size         = each.value.window
  auto_mitigate       = true

  criteria {
    metric_namespace = each.value.criterion.namespace
    metric_name      = each.value.criterion.metric
    aggregation      = each.value.criterion.aggregate
    operator         = each.value.criterion.operator
    threshold        = each.value.criterion.threshold
  }

  action {
    action_group_id = var.action_group_id
  }
}

resource "azurerm_application_insights_workbook" "this" {
  for_each = local.watched.workbooks

  name                = uuidv5("url", "${var.names.one.group}/${each.key}")
  resource_group_name = var.group
  location            = var.location
  tags                = var.tags
  display_name        = "Tidegate ${var.environment}: ${each.value}"
  source_id           = lower(var.workspace_id)
  data_json           = file("${path.module}/../../../monitoring/workbooks/${each.key}.json")
}
