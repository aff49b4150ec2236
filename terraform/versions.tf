terraform {
  required_version = ">= 1.9"

  required_providers {
    azurerm = {
      source = "hashicorp/azurerm"
      # For 4 there is azurerm4.py.
      version = "~> 5.2"
    }
  }

  # Where the state lies is said at `terraform init -backend-config=...`: it names resources and
  # holds keys that Azure returns unasked, so it belongs into a container of its own.
  backend "azurerm" {
    use_azuread_auth = true
  }
}

provider "azurerm" {
  subscription_id     = var.subscription_id
  storage_use_azuread = true # the accounts accept no shared key

  # In 5 none is registered unasked. Who may not register any has them registered, and empties this.
  resource_providers_to_register = [
    "Microsoft.AlertsManagement",
    "Microsoft.App",
    "Microsoft.Cache",
    "Microsoft.Consumption",
    "Microsoft.DocumentDB",
    "Microsoft.EventGrid",
    "Microsoft.Insights",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.Storage",
    "Microsoft.Web",
  ]

  features {
    key_vault {
      purge_soft_delete_on_destroy = false
    }
  }
}
