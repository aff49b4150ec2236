# The app settings of each app, out of infra/app-settings.json. No provider: it can be run anywhere.

variable "resources" {
  type        = map(map(string))
  description = "By app, what is known only here: addresses and ids, by the names of the JSON's `value`."
}

variable "when" {
  type        = map(bool)
  description = "Which conditions of the JSON's `when` hold."
}

variable "choices" {
  type        = map(string)
  description = "Settings that whoever deploys decides."

  validation {
    condition     = alltrue([for name in keys(var.choices) : try(jsondecode(file("${path.module}/../../../../infra/app-settings.json")).settings[name].from == "choice", false)])
    error_message = "Not all of these are choices: infra/app-settings.json has their names."
  }
}

variable "secrets" {
  type        = set(string)
  description = "Settings whose secrets are in the vault."

  validation {
    condition     = alltrue([for name in var.secrets : try(jsondecode(file("${path.module}/../../../../infra/app-settings.json")).settings[name].from == "secret", false)])
    error_message = "Not all of these are secrets: infra/app-settings.json has their names."
  }
}

variable "vault_url" {
  type = string
}

locals {
  declared = jsondecode(file("${path.module}/../../../../infra/app-settings.json")).settings
  present  = { for name, one in local.declared : name => one if var.when[one.when] && (one.from != "choice" || contains(keys(var.choices), name)) && (one.from != "secret" || contains(var.secrets, name)) }
  # Without a version: the platform takes up a new one within a day.
  references = { for name in var.secrets : name => "@Microsoft.KeyVault(SecretUri=${trimsuffix(var.vault_url, "/")}/secrets/${local.declared[name].value})" }
}

output "apps" {
  description = "By app, its settings."
  value = {
    for app, resources in var.resources : app => {
      for name, one in local.present : name => (
        one.from == "literal" ? one.value :
        one.from == "choice" ? var.choices[name] :
        one.from == "secret" ? local.references[name] :
        resources[one.value]
      ) if contains(one.apps, app)
    }
  }
}

output "with_secrets" {
  description = "Apps that read secrets by reference."
  value       = toset([for app in keys(var.resources) : app if anytrue([for name in var.secrets : contains(local.declared[name].apps, app)])])
}
