# What a month may cost, and who hears of it.

variable "names" {
  type = any
}

variable "group_id" {
  type = string
}

variable "amount" {
  type = number
}

variable "start" {
  type = string
}

variable "emails" {
  type = list(string)
}

variable "action_group_id" {
  type = string
}

resource "azurerm_consumption_budget_resource_group" "this" {
  name              = var.names.one.budget
  resource_group_id = var.group_id
  amount            = var.amount
  time_grain        = "Monthly"

  time_period {
    start_date = var.start
  }

  dynamic "notification" {
    for_each = [80, 100]

    content {
      threshold      = notification.value
      threshold_type = "Actual"
      operator       = "GreaterThanOrEqualTo"
      contact_emails = var.emails
      contact_groups = [var.action_group_id]
    }
  }
}
